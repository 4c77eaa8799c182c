"""A greeter. Its understudy greets in its place, and for those who want to be greeted later it has itself woken."""

import random
from dataclasses import dataclass

from thespian_actor import Actor, ReplyTo, Wakeup, receive, source


@dataclass
class Greet:
    name: str


@dataclass
class Introduce:
    """Asks for a greeting by the understudy."""

    name: str


@dataclass
class GreetLater:
    name: str
    seconds: float


@dataclass
class DrawLots:
    """Asks who goes first, where several greet."""


@dataclass
class StepIn:
    """From the greeter to its understudy: who is to be greeted, and who waits for it."""

    name: str
    asker: ReplyTo


@dataclass
class Greeting:
    text: str


@dataclass
class Lot:
    number: float


class Greeter(Actor):
    def __init__(self) -> None:
        self.understudy: str | None = None
        self.later: dict[int, tuple[ReplyTo, str]] = {}

    @receive
    def greet(self, greet: Greet) -> Greeting:
        if not greet.name:
            raise ValueError("nobody to greet")
        return Greeting(f"Hello, {greet.name}!")

    @receive
    def introduce(self, introduce: Introduce) -> None:
        """The understudy answers whoever asked, of whom it has never heard."""
        self.understudy = self.understudy or self.create(Understudy)
        self.send(self.understudy, StepIn(introduce.name, self.reply_to))

    @receive
    def greet_later(self, greet: GreetLater) -> None:
        self.later[self.wakeup_after(greet.seconds)] = self.reply_to, greet.name

    @receive
    def woken(self, wakeup: Wakeup) -> None:
        asker, name = self.later.pop(wakeup.value.id)
        self.answer(asker, Greeting(f"Good to see you again, {name}!"))

    @receive
    def draw_lots(self, _: DrawLots) -> Lot:
        return Lot(random.random())


class Understudy(Actor):
    @receive
    def step_in(self, part: StepIn) -> None:
        self.answer(part.asker, Greeting(f"Hello from the understudy, {part.name}!"))


Guest = source("greeter", "0.1.0", Greeter, Understudy)
