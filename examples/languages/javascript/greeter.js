/** A greeter. Its understudy greets in its place, and for those who want to be greeted later it has itself woken. */

import { Actor, source } from "./thespian-actor.js";

class Greeter extends Actor {
  understudy = null;
  later = new Map();

  receiveGreet({ name }) {
    if (!name) throw new RangeError("nobody to greet");
    this.reply("Greeting", { text: `Hello, ${name}!` });
  }

  /** The understudy answers whoever asked, of whom it has never heard. */
  receiveIntroduce({ name }) {
    this.understudy ??= this.create("Understudy");
    this.send(this.understudy, "StepIn", { name, asker: this.replyTo });
  }

  receiveGreetLater({ name, seconds }) {
    this.later.set(this.wakeupAfter(seconds), { name, asker: this.replyTo });
  }

  onWakeup({ id }) {
    const { name, asker } = this.later.get(id);
    this.later.delete(id);
    this.answer(asker, "Greeting", { text: `Good to see you again, ${name}!` });
  }

  /** Who goes first, where several greet. */
  receiveDrawLots() {
    this.reply("Lot", { number: Math.random() });
  }
}

class Understudy extends Actor {
  receiveStepIn({ name, asker }) {
    this.answer(asker, "Greeting", { text: `Hello from the understudy, ${name}!` });
  }
}

export const guest = source("greeter", "0.1.0", { Greeter, Understudy });
