"""Actors in Python: what stands between classes of handlers and the contract, `wit/actor.wit`.

Copy it beside your own module. It finds the handler by the type of what comes, reads and writes JSON, copies the header
by which an answer finds its question, and makes a failure of an exception: uncaught, it would be a trap.
"""

import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, get_type_hints

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import lifecycle, logging, messaging, types

# What the host tells. A handler takes it as it takes a message; what happened is its `value`.
Wakeup = types.Event_Wakeup
ExitRequested = types.Event_ExitRequested
ChildExited = types.Event_ChildExited
Poisoned = types.Event_Poisoned

REQUEST_HEADER = "thespian-request"


class Poison(Exception):
    """Sends the message back at once. After any other exception it is tried once more before that."""


@dataclass
class ReplyTo:
    """Where an answer is to go, in this turn or a later one. It can be sent in a message."""

    address: str
    request: str | None = None


def receive[H: Callable[..., object]](handler: H) -> H:
    """Marks a handler. It takes what the type of its parameter says, and what it returns is the answer."""
    handler.__dict__["takes"] = _taken(handler)
    return handler


class Actor:
    """Its attributes are its state. If `__init__` takes a message, that is the one with which it is created."""

    handlers: ClassVar[dict[str | type, Callable[..., object]]] = {}
    init: types.ActorInit
    reply_to: ReplyTo

    def __init_subclass__(cls) -> None:
        marked = [each for each in vars(cls).values() if hasattr(each, "takes")]
        cls.handlers = cls.handlers | {_key(each.takes): each for each in marked}

    @classmethod
    def receives(cls) -> list[str]:
        return [key for key in cls.handlers if isinstance(key, str)]

    def send(self, to: str, message: object) -> None:
        messaging.send(to, _encoded(message))

    def answer(self, to: ReplyTo, message: object) -> None:
        messaging.send(to.address, _encoded(message, to.request))

    def create(self, actor: type["Actor"], init: object = None) -> str:
        """Creates a child, of a class of the same source. It has its address at once."""
        first = None if init is None else _encoded(init)
        return lifecycle.create_actor(actor.__name__, lifecycle.CreateOptions(None, [], first, None, False, []))

    def wakeup_after(self, seconds: float) -> int:
        """Returns the id that the `Wakeup` will have."""
        return messaging.wakeup_after(round(seconds * 1e9), None)

    def exit(self) -> None:
        lifecycle.request_exit(self.init.me, True)


def source(name: str, version: str, *actors: type[Actor]) -> type[exports.Guest]:
    """What a component exports. Its module calls it `Guest`, for that is what componentize-py looks for."""
    me = Actor()

    class Guest(exports.Guest):
        def describe(self) -> types.SourceInfo:
            restart = types.OnTrap.RESTART
            classes = [
                types.ActorClass(each.__name__, [], False, restart, None, None, False, each.receives(), [])
                for each in actors
            ]
            return types.SourceInfo(name, version, "componentize-py", classes, [])

        def start(self, init: types.ActorInit) -> None:
            nonlocal me
            actor = next(actor for actor in actors if actor.__name__ == init.class_)
            me, me.init = actor.__new__(actor), init
            with _failing():
                first = _taken(actor.__init__)
                actor.__init__(me, *[_decoded(first, init.init)] if first else [])

        def handle_message(self, sender: str, attempt: int, message: types.Message) -> None:
            me.reply_to = ReplyTo(sender, dict(message.headers or []).get(REQUEST_HEADER))
            with _failing():
                handler = me.handlers.get(message.type_name)
                if handler is None:
                    takes = f"it takes {', '.join(me.receives())}"
                    raise Poison(f"`{me.init.class_}` takes no `{message.type_name}`; {takes}")
                answer = handler(me, _decoded(handler.__dict__["takes"], message))
                if answer is not None:
                    me.answer(me.reply_to, answer)

        def handle_event(self, delivery: types.Delivery) -> None:
            me.reply_to = ReplyTo(delivery.sender)
            with _failing():
                if handler := me.handlers.get(type(delivery.event)):
                    handler(me, delivery.event)

    return Guest


def _taken(function: Callable[..., object]) -> Any:
    """The type of its parameter, if it has one."""
    return next((hint for name, hint in get_type_hints(function).items() if name != "return"), None)


def _key(taken: type) -> str | type:
    """A message goes by its name; an event by its type, so that no message passes for one."""
    return taken if taken.__module__ == types.__name__ else taken.__name__


@contextmanager
def _failing() -> Iterator[None]:
    """What an exception is to the host."""
    try:
        yield
        return
    except Poison as poison:
        failure = types.Failure(str(poison), retry=False)
    except Err as refused:  # by an import, which would refuse again
        failure = types.Failure(refused.value.value, retry=False)
    except Exception as error:
        logging.log(logging.Level.DEBUG, "python", traceback.format_exc())
        failure = types.Failure(f"{type(error).__name__}: {error}", retry=True)
    raise Err(failure)


def _encoded(message: object, request: str | None = None) -> types.Message:
    payload = json.dumps(message, default=vars, allow_nan=False, separators=(",", ":")).encode()
    headers = None if request is None else [(REQUEST_HEADER, request)]
    return types.Message(type(message).__name__, types.Encoding_Json(), payload, headers)


def _decoded(taken: Any, message: types.Message | None) -> Any:
    try:
        return _made(taken, json.loads(message.payload if message else b"{}"))
    except (TypeError, ValueError) as wrong:
        raise Poison(f"a `{taken.__name__}` can't be read: {wrong}") from wrong


def _made(taken: Any, data: Any) -> Any:
    """Fields that are unknown are left out, so that a sender may be newer."""
    known = [field for field in fields(taken) if field.name in data] if is_dataclass(taken) else None
    return data if known is None else taken(**{field.name: _made(field.type, data[field.name]) for field in known})
