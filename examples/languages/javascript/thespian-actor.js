/**
 * Actors in JavaScript: what stands between classes of handlers and the contract, `wit/actor.wit`.
 *
 * Copy it beside your own module. It finds the handler by the type name of what comes, reads and writes JSON, copies the
 * header by which an answer finds its question, and makes a failure of an exception: uncaught, it would be a trap.
 */

import { createActor, requestExit } from "thespian:actor/lifecycle@0.1.1";
import { log } from "thespian:actor/logging@0.1.1";
import { send, wakeupAfter } from "thespian:actor/messaging@0.1.1";

// QuickJS traps where an import is given a value of another type than the contract says, so values are converted first.

const REQUEST_HEADER = "thespian-request";

/** Sends the message back at once. After any other exception it is tried once more before that. */
export class Poison extends Error {}

/**
 * An actor: its fields are its state. A method `receiveGreet(body)` handles messages of the type `Greet`, a method
 * `onChildExited(exit)` the event `child-exited`. `init` is what the host says of the actor, and `replyTo` where the answer
 * to what is being handled is to go; it can be kept, and sent in a message.
 */
export class Actor {
  /** Called first, with the body of the message with which the actor is created, if there is one. */
  start(_body) {}

  send(to, type, body) {
    send(String(to), encoded(type, body));
  }

  answer({ address, request }, type, body) {
    send(String(address), encoded(type, body, request));
  }

  reply(type, body) {
    this.answer(this.replyTo, type, body);
  }

  /** Creates a child, of a class of the same source. It has its address at once. */
  create(name, type, body) {
    const init = type && encoded(type, body);
    return createActor(String(name), { requirements: [], init, watchRestarts: false, extra: [] });
  }

  /** Returns the id that `onWakeup` will be given. */
  wakeupAfter(seconds) {
    return wakeupAfter(Math.max(0, Math.round(seconds * 1e9)), undefined);
  }

  exit() {
    requestExit(this.init.me, true);
  }
}

/** What a component exports, under the name `guest`: `source("greeter", "0.1.0", { Greeter })`. */
export function source(name, version, classes) {
  let me;
  return {
    describe() {
      const described = Object.entries(classes).map(([name, { prototype }]) => describedClass(name, prototype));
      return { name, version, sdk: "componentize-qjs", classes: described, extra: [] };
    },

    start(init) {
      Math.random = randomOf(`${init.me} ${init.incarnation}`);
      turn(() => {
        me = Object.assign(new classes[init.class](), { init });
        return me.start(init.init ? decoded(init.init) : undefined);
      });
    },

    handleMessage(sender, _attempt, message) {
      const { typeName, headers } = message;
      const request = headers?.find(([name]) => name === REQUEST_HEADER)?.[1] ?? null;
      me.replyTo = { address: sender, request };
      turn(() => {
        const handler = me[`receive${typeName}`];
        if (!handler) throw new Poison(`\`${me.init.class}\` takes no \`${typeName}\`; it takes ${receives(me).join(", ")}`);
        return handler.call(me, decoded(message));
      });
    },

    handleEvent({ sender, event: { tag, val } }) {
      me.replyTo = { address: sender, request: null };
      turn(() => me[`on-${tag}`.replace(/-(.)/g, (_, first) => first.toUpperCase())]?.(val));
    },
  };
}

/** Does what a turn does, and makes a failure of what it throws. */
function turn(work) {
  let failure;
  try {
    if (work() instanceof Promise) throw new Poison("a handler is `async`, but an actor never waits");
    return;
  } catch (error) {
    const refused = error?.payload ?? error; // by an import, which would refuse again
    if (refused?.tag) failure = { reason: refused.val, retry: false };
    else if (error instanceof Poison) failure = { reason: error.message, retry: false };
    else {
      log("debug", "javascript", `${error}\n${error?.stack}`);
      failure = { reason: String(error), retry: true };
    }
  }
  throw failure;
}

function describedClass(name, prototype) {
  return {
    name,
    requires: [],
    customPlacement: false,
    onTrap: "restart",
    stateful: false,
    receives: receives(prototype),
    extra: [],
  };
}

function receives(object) {
  if (object === Actor.prototype) return [];
  const own = Object.getOwnPropertyNames(object).filter((name) => name.startsWith("receive"));
  return [...own.map((name) => name.slice("receive".length)), ...receives(Object.getPrototypeOf(object))];
}

function encoded(typeName, body, request) {
  const headers = request ? [[REQUEST_HEADER, request]] : undefined;
  return { typeName: String(typeName), encoding: { tag: "json" }, payload: bytesOf(JSON.stringify(body ?? {})), headers };
}

function decoded({ typeName, payload }) {
  try {
    return JSON.parse(textOf(payload));
  } catch (error) {
    throw new Poison(`a \`${typeName}\` can't be read: ${error.message}`);
  }
}

// QuickJS has neither a `TextEncoder` nor a `TextDecoder`. What is ASCII alone, as most is, need not go the long way.
const BEYOND_ASCII = /[^\0-\x7f]/;

function bytesOf(text) {
  const chars = BEYOND_ASCII.test(text) ? unescape(encodeURIComponent(text)) : text;
  const bytes = new Uint8Array(chars.length);
  for (let at = 0; at < chars.length; at++) bytes[at] = chars.charCodeAt(at);
  return bytes;
}

function textOf(bytes) {
  let chars = "";
  for (let at = 0; at < bytes.length; at += 4096) chars += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return BEYOND_ASCII.test(chars) ? decodeURIComponent(escape(chars)) : chars;
}

/** A module runs once, when it is built: without a seed of its own, `Math.random` gives all actors the same numbers. */
function randomOf(seed) {
  const state = new Uint32Array(4);
  [...seed].forEach((char, at) => (state[at & 3] = Math.imul(state[at & 3] ^ char.charCodeAt(0), 0x01000193)));
  const next = () => {
    const [a, b, c, d] = state; // sfc32
    const sum = (a + b + d) >>> 0;
    state.set([b ^ (b >>> 9), c + (c << 3), ((c << 21) | (c >>> 11)) + sum, d + 1]);
    return sum;
  };
  for (let round = 0; round < 16; round++) next();
  return () => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53;
}
