"""A client of version 1 of the control protocol, which stays as it is: nodes serve it. With nothing but Python's own library.

Usage: client_1.py CONTROL_SOCKET HELLO_COMPONENT

Loads the component of examples/01-hello, creates its actor, asks it for a greeting and prints what it answers.
"""
import json
import socket
import struct
import sys


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def send(stream, body):
    stream.sendall(struct.pack("<I", len(body)) + body)


def receive(stream):
    """One frame's body, as a function that takes the next value of a format out of it."""
    def exactly(size):
        data = stream.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise SystemExit("the node closed the connection")
        return data

    body, at = exactly(*struct.unpack("<I", exactly(4))), [0]

    def take(form):
        if form == "text":
            form = f"{take('Q')}s"
        (value,) = struct.unpack_from("<" + form, body, at[0])
        at[0] += struct.calcsize("<" + form)
        return value
    return take


def answer(stream, question, wanted):
    """The reply to a question, behind the number of its variant."""
    while True:
        take = receive(stream)
        if take("I") == 0 and take("Q") == question:  # others say how far the load is
            failed, variant = take("I"), take("I")
            if failed or variant != wanted:
                raise SystemExit(f"question {question}: {'error' if failed else 'reply'} {variant}")
            return take


def main(path, component):
    with socket.socket(socket.AF_UNIX) as stream, open(component, "rb") as file:
        stream.connect(path)
        send(stream, b"thsp" + struct.pack("<H", 1) + text("client.py") + b"\0" + b"\0")
        take = receive(stream)
        assert take("4s") == b"thsp" and take("H") == 1 and take("I") == 0, "no welcome"

        source = file.read()
        send(stream, struct.pack("<IQI", 0, 1, 4) + text(component) + struct.pack("<Q", len(source)) + bytes(4))  # Load
        for at in range(0, len(source), 1 << 18):
            send(stream, struct.pack("<IQ", 1, 1) + text(source[at:at + (1 << 18)]))  # Chunk
        source_hash = answer(stream, 1, 3)("32s").hex()

        create = text(source_hash) + b"\0" + struct.pack("<Q", 0) + bytes(3)
        send(stream, struct.pack("<IQI", 0, 2, 3) + create)  # Create
        actor = answer(stream, 2, 2)("24s")

        message = text("Greet") + struct.pack("<I", 0) + text(json.dumps({"name": "Python"})) + b"\0"
        send(stream, struct.pack("<IQI", 0, 3, 1) + actor + message + b"\0")  # Ask
        take = answer(stream, 3, 1)
        assert take("I") == 0 and take("24s") == actor, "the answer is no message of the actor"
        name, encoding, payload = take("text"), take("I"), take("text")
        print(name.decode(), encoding, json.loads(payload)["text"])


if __name__ == "__main__":
    main(*sys.argv[1:])
