//! What the guest SDK offers and no lesson shows: encodings, a class that knows another only by its name, requirements,
//! messages for a start, wakeups, events, states.

use std::time::Duration;

use thespian::prelude::*;

/// In CBOR.
#[message(encoding = "cbor")]
pub struct Order {
    /// What is ordered.
    pub items: Vec<u64>,
    /// As JSON has no form for it.
    pub seal: (u8, u8),
}

/// In CBOR.
#[message(encoding = "cbor")]
pub struct Receipt {
    /// Of all items.
    pub sum: u64,
}

/// Bytes as they are.
#[message(encoding = "bytes")]
pub struct Blob(pub Vec<u8>);

/// Text as it is.
#[message(encoding = "text", name = "text/line")]
pub struct Line(pub String);

/// Answers in the encoding that it is asked in.
#[derive(Default)]
pub struct Echo;

#[actor]
impl Echo {
    #[receive]
    fn order(&mut self, order: Order) -> Receipt {
        Receipt { sum: order.items.iter().sum() }
    }

    #[receive]
    fn blob(&mut self, mut blob: Blob) -> Blob {
        blob.0.reverse();
        blob
    }

    #[receive]
    fn line(&mut self, line: Line) -> Option<Line> {
        (!line.0.is_empty()).then(|| Line(line.0.to_uppercase()))
    }
}

/// Hears everything and says nothing, but how much it heard.
#[derive(Default)]
pub struct Patient {
    ignored: u32,
}

/// Asks for a [`Count`].
#[message]
pub struct HowMany;

/// A number.
#[message]
pub struct Count {
    /// The number.
    pub count: u32,
}

#[actor]
impl Patient {
    #[receive]
    fn rest(&mut self, _: RawMessage) {
        self.ignored += 1;
    }

    #[receive]
    fn how_many(&mut self, _: HowMany) -> Count {
        Count { count: self.ignored }
    }
}

/// Asks a [`Relay`] for another class of this source, by name, that hears first of all of `text`.
#[message]
pub struct Make {
    /// The class.
    pub class: String,
    /// What it starts with.
    pub text: String,
}

/// What an actor tells: of itself, or of another.
#[message]
pub struct Said {
    /// What.
    pub text: String,
}

/// Creates what it is asked for and tells of its end.
#[derive(Default)]
pub struct Relay {
    asker: Option<Address>,
}

#[actor(name = "relay")]
impl Relay {
    #[receive]
    fn make(&mut self, make: Make, ctx: &mut Context) -> Result {
        let asker = ctx.sender().clone();
        Create::class(make.class).init(&Task { text: make.text, asker: asker.clone() })?.create(ctx)?;
        self.asker = Some(asker);
        Ok(())
    }

    #[receive]
    fn child_exited(&mut self, exit: ChildActorExited, ctx: &mut Context) -> Result {
        let Some(asker) = &self.asker else { return Ok(()) };
        ctx.send(asker, &Said { text: exit.reason.to_string() })
    }
}

/// What a [`Worker`] starts with.
#[message]
pub struct Task {
    /// What to say.
    pub text: String,
    /// To whom.
    pub asker: Address,
}

/// Says what it was created to say, when it is woken, and exits.
pub struct Worker {
    parent: Address,
}

#[actor]
impl Worker {
    #[start]
    fn new(task: Task, ctx: &mut Context) -> Result<Self> {
        let parent = ctx.parent().ok_or_else(|| Error::poison("a worker needs a parent"))?.clone();
        ctx.wakeup_after_with(Duration::from_millis(1), &task)?;
        Ok(Self { parent })
    }

    #[receive]
    fn wakeup(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        let task: Task = wakeup.payload().ok_or_else(|| Error::new("a wakeup without its task"))??;
        let relay = self.parent.clone();
        ctx.send(&task.asker, &Said { text: format!("{} by {}", task.text, ctx.class()) })?;
        // Ends it by way of another address than its own.
        ctx.send(&relay, &Nothing)?;
        Ok(())
    }

    /// Its parent does not take `Nothing`: it comes back.
    #[receive]
    fn came_back(&mut self, poison: PoisonMessage, ctx: &mut Context) -> Result {
        info!(ctx, "came back: {}", poison.details);
        ctx.exit()
    }
}

/// A message that no class takes.
#[message]
pub struct Nothing;

/// Runs only where there is a GPU, in the north.
#[derive(Default)]
pub struct Picky;

#[actor(requires(gpu, region = "north", "memory-gb" >= 4))]
impl Picky {
    #[receive]
    fn how_many(&mut self, _: HowMany, ctx: &mut Context) -> Said {
        Said { text: format!("{:?}", ctx.capability("memory-gb")) }
    }
}

/// Opens a [`Gate`].
#[message]
pub struct Open;

/// Locks a [`Gate`] for good.
#[message]
pub struct Lock;

/// Goes through a [`Gate`].
#[message]
pub struct Enter {
    /// Who.
    pub name: String,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Shut,
    Open,
    Locked,
}

/// Whoever comes waits while it is shut, is let in when it is open, and is refused when it is locked.
#[derive(Default)]
pub struct Gate {
    state: State,
    stash: Stash,
}

#[actor(parts(stash))]
impl Gate {
    fn is_shut(&self) -> bool {
        self.state == State::Shut
    }

    fn is_open(&self) -> bool {
        self.state == State::Open
    }

    #[receive(when = Self::is_shut)]
    fn open(&mut self, _: Open) {
        self.state = State::Open;
        self.stash.unstash_all();
    }

    #[receive]
    fn lock(&mut self, _: Lock) {
        self.state = State::Locked;
    }

    #[receive(when = Self::is_shut)]
    fn wait(&mut self, enter: Enter, ctx: &mut Context) -> Result {
        self.stash.put(ctx, &enter)
    }

    #[receive(when = Self::is_open)]
    fn welcome(&mut self, enter: Enter) -> Said {
        Said { text: format!("welcome, {}", enter.name) }
    }
}

source!(Echo, Patient, Relay, Worker, Picky, Gate);
