//! Actors that ask others.

use std::time::Duration;

use thespian::ReplyTo;
use thespian::prelude::*;

use crate::Said;

/// Words to be sent back. Probes take it too.
#[message]
pub struct Echo {
    /// The words.
    pub text: String,
}

/// What no class takes.
#[message]
pub struct Unknown;

/// Has an [`Asker`] ask somebody for an echo, and say what came of it.
#[message]
pub struct AskFor {
    /// Whom; absent: a child of class [`Forwarder`].
    pub target: Option<Address>,
    /// The words.
    pub text: String,
    /// How long to wait for the answer, in ms.
    pub within_ms: u64,
    /// Whether to ask what nobody understands.
    pub unknown: bool,
}

/// Asks a hundred questions at one time, and says which answers came, in the order of their coming.
#[message]
pub struct AskMany {
    /// Whom.
    pub target: Address,
}

/// Has an [`Asker`] ask for the [`Forwarder`] of a global name, and say what came of it.
#[message]
pub struct AskName {
    /// The name.
    pub name: String,
    /// What it is to be, if there is none.
    pub class: String,
}

/// Asks for who the forwarder of an [`Asker`] is.
#[message]
pub struct WhoForwards;

/// Has an [`Asker`] trap.
#[message]
pub struct Trap;

/// Asks in the name of others.
#[derive(Default)]
pub struct Asker {
    requests: Requests<Self>,
    forwarder: Option<Address>,
    /// The answers to `AskMany`.
    came: Vec<String>,
}

#[actor(parts(requests))]
impl Asker {
    #[receive]
    fn ask_for(&mut self, ask: AskFor, ctx: &mut Context) -> Result {
        let origin = ctx.reply_to();
        let target = match ask.target {
            Some(target) => target,
            None => self.forwarder(ctx)?,
        };
        let within = Duration::from_millis(ask.within_ms);
        if ask.unknown {
            self.requests.ask(ctx, &target, &Unknown, within, move |_: &mut Self, answer, ctx| {
                tell(&origin, answer, ctx)
            })?;
            return Ok(());
        }
        let echo = Echo { text: ask.text };
        self.requests
            .ask(ctx, &target, &echo, within, move |_: &mut Self, answer, ctx| tell(&origin, answer, ctx))?;
        Ok(())
    }

    fn forwarder(&mut self, ctx: &mut Context) -> Result<Address> {
        if let Some(forwarder) = &self.forwarder {
            return Ok(forwarder.clone());
        }
        let forwarder = ctx.create::<Forwarder>()?;
        self.forwarder = Some(forwarder.clone());
        Ok(forwarder)
    }

    #[receive]
    fn who_forwards(&mut self, _: WhoForwards, ctx: &mut Context) -> Result<Said> {
        Ok(Said { text: self.forwarder(ctx)?.to_string() })
    }

    #[receive]
    fn ask_name(&mut self, ask: AskName, ctx: &mut Context) -> Result {
        let (origin, within) = (ctx.reply_to(), Duration::from_secs(60));
        let create = Create::class(ask.class);
        self.requests.named(ctx, &ask.name, create, within, move |_, found, ctx| {
            let text = found.map_or_else(|error| error.to_string(), |address| address.to_string());
            ctx.answer(&origin, &Said { text })
        })?;
        Ok(())
    }

    #[receive]
    fn ask_many(&mut self, ask: AskMany, ctx: &mut Context) -> Result {
        self.came.clear();
        for number in 0..100 {
            let origin = ctx.reply_to();
            let echo = Echo { text: number.to_string() };
            let within = Duration::from_secs(60);
            self.requests.ask(ctx, &ask.target, &echo, within, move |asker: &mut Self, answer, ctx| {
                asker.came_one(number, answer, &origin, ctx)
            })?;
        }
        Ok(())
    }

    fn came_one(
        &mut self,
        number: u32,
        answer: Result<Said, RequestError>,
        origin: &ReplyTo,
        ctx: &mut Context,
    ) -> Result {
        self.came.push(format!("{number}={}", answer?.text));
        if self.requests.len() > 1 {
            return Ok(());
        }
        ctx.answer(origin, &Said { text: self.came.join(" ") })
    }

    #[receive]
    fn trap(&mut self, _: Trap) {
        panic!("told to trap");
    }

    /// Must never hear an answer.
    #[receive]
    fn named(&mut self, named: NamedActor) {
        panic!("an answer came to a handler: {}", named.name);
    }

    /// Must never hear an answer.
    #[receive]
    fn said(&mut self, said: Said) {
        panic!("an answer came to a handler: {}", said.text);
    }
}

fn tell(origin: &ReplyTo, answer: Result<Said, RequestError>, ctx: &mut Context) -> Result {
    let text = match answer {
        Ok(said) => format!("{} says {}", ctx.sender(), said.text),
        Err(error) => error.to_string(),
    };
    ctx.answer(origin, &Said { text })
}

/// Has a [`Clerk`] ask somebody for an echo.
#[message]
pub struct Order {
    /// Whom.
    pub target: Address,
    /// The words, by which what comes of it is chosen.
    pub text: String,
}

/// Asks on behalf of others.
#[derive(Default)]
pub struct Clerk {
    requests: Requests<Self>,
}

#[actor(parts(requests))]
impl Clerk {
    #[receive]
    fn order(&mut self, order: Order, ctx: &mut Context) -> Result {
        let (echo, within) = (Echo { text: order.text }, Duration::from_secs(60));
        self.requests.ask_for(ctx.reply_to(), ctx, &order.target, &echo, within, Self::answered)?;
        Ok(())
    }

    fn answered(&mut self, answer: Result<Said, RequestError>, _: &mut Context) -> Result<Said> {
        let Said { text } = answer?;
        match &*text {
            "nothing" => Err(Error::poison("there is no nothing")),
            "err" => Err(Error::new("no err")),
            "trap" => panic!("told to trap"),
            _ => Ok(Said { text: format!("{text} for you") }),
        }
    }
}

/// Has somebody else give the answer, in the reverse of the order in which it was asked.
#[derive(Default)]
pub struct Forwarder {
    open: Vec<(ReplyTo, String)>,
}

/// Answers a question of somebody else's.
#[message]
pub struct AnswerFor {
    /// Whose.
    pub asker: ReplyTo,
    /// The words.
    pub text: String,
}

#[actor]
impl Forwarder {
    #[receive]
    fn echo(&mut self, echo: Echo, ctx: &mut Context) -> Result {
        if echo.text == "never" {
            return Ok(());
        }
        let is_last = echo.text == "99" || echo.text == "now";
        self.open.push((ctx.reply_to(), echo.text));
        if !is_last {
            return Ok(());
        }
        let other = ctx.create::<Self>()?;
        while let Some((asker, text)) = self.open.pop() {
            ctx.send(&other, &AnswerFor { asker, text })?;
        }
        Ok(())
    }

    #[receive]
    fn answer_for(&mut self, answer: AnswerFor, ctx: &mut Context) -> Result {
        ctx.answer(&answer.asker, &Said { text: answer.text })
    }
}
