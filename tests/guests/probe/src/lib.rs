//! Actors that do as they are told: tests say in each message what is to be done, and read what was seen in a report.

mod step;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thespian::prelude::*;

pub use step::{Create as CreateStep, Step};

/// Where a test finds the one byte to change for another version of this source.
const VERSION: &str = "the probe's words about itself: it is version 1 of them";

/// Has a probe carry out steps in one turn.
#[message]
pub struct Run {
    /// In this order.
    pub steps: Vec<Step>,
    /// Whoever sent the first in a chain of these; absent: the sender.
    pub origin: Option<Address>,
}

/// Some words. A probe keeps those that it receives.
#[message]
pub struct Said {
    /// The words.
    pub text: String,
}

/// Words to be sent back.
#[message]
pub struct Echo {
    /// The words.
    pub text: String,
}

/// One of a sequence.
#[message]
pub struct Number {
    /// Its place in it.
    pub value: u64,
}

/// No JSON has such a key.
#[message]
pub struct Unencodable {
    /// By a pair.
    pub map: std::collections::BTreeMap<(u8, u8), u8>,
}

/// A message that came back.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Poison {
    /// Who failed on it.
    pub target: String,
    /// Why.
    pub details: String,
    /// Its type.
    pub type_name: String,
    /// Its payload.
    pub payload: String,
}

/// A message that could not be delivered.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Whom it was for.
    pub target: String,
    /// Who sent it.
    pub sender: String,
    /// Why it is one.
    pub reason: String,
    /// Its type.
    pub type_name: String,
    /// Its payload.
    pub payload: String,
}

/// A wakeup that came.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Woken {
    /// What was given along.
    pub tag: String,
    /// The delay that was asked for, in ms.
    pub ms: u64,
    /// Who sent it.
    pub sender: String,
}

/// What a probe is and what it has seen.
#[message]
#[derive(Clone, Default)]
pub struct Report {
    /// Its address.
    pub me: String,
    /// Who sent what it reports on.
    pub sender: String,
    /// Its creator.
    pub parent: Option<String>,
    /// Its class.
    pub class: String,
    /// Its source.
    pub source: String,
    /// Which instance it is.
    pub incarnation: u32,
    /// What it was given to start with.
    pub init: Option<String>,
    /// What this version of it says.
    pub version: String,
    /// Everyone it created.
    pub children: Vec<String>,
    /// Who of them is gone, and why.
    pub exits: Vec<(String, String)>,
    /// Who of them was restarted, and as which instance.
    pub restarts: Vec<(String, u32)>,
    /// What came back.
    pub poisons: Vec<Poison>,
    /// What was due.
    pub wakeups: Vec<Woken>,
    /// Numbers, as they came.
    pub numbers: Vec<u64>,
    /// Words, as they came.
    pub said: Vec<String>,
    /// Attempts of turns with steps to carry out.
    pub runs: u32,
    /// Its global name.
    pub global_name: Option<String>,
    /// What the host has, as it was told at its start.
    pub capabilities: Vec<String>,
    /// Whom it monitors and is gone, and why.
    pub downs: Vec<(String, String)>,
    /// Dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// Names, and the actors that have them, or why there are none.
    pub named: Vec<(String, Result<String, String>)>,
    /// Answered questions after a status.
    pub statuses: Vec<Result<String, String>>,
}

/// Steps for later, and who gave them.
#[derive(Clone)]
struct Plan {
    steps: Vec<Step>,
    origin: Address,
}

/// Does as it is told.
#[derive(Default)]
pub struct Probe {
    seen: Report,
    children: Vec<Address>,
    on_exit: Option<Plan>,
    /// And how often.
    on_child_exit: Option<(Plan, usize)>,
    pending: Vec<WakeupId>,
}

#[actor]
impl Probe {
    #[start]
    fn start(ctx: &mut Context) -> Result<Self> {
        let mut probe = Self::default();
        probe.seen.init = ctx.init::<Said>().transpose()?.map(|said| said.text);
        Ok(probe)
    }

    #[receive]
    fn run(&mut self, run: Run, ctx: &mut Context) -> Result {
        self.seen.runs += 1;
        let origin = run.origin.unwrap_or_else(|| ctx.sender().clone());
        self.carry_out(run.steps, &origin, ctx)
    }

    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }

    #[receive]
    fn said(&mut self, said: Said) {
        self.seen.said.push(said.text);
    }

    #[receive]
    fn number(&mut self, number: Number) {
        self.seen.numbers.push(number.value);
    }

    #[receive]
    fn woken(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        let tag = wakeup.payload::<Said>().transpose()?.map(|said| said.text).unwrap_or_default();
        let ms = u64::try_from(wakeup.delay.as_millis()).unwrap_or(u64::MAX);
        self.seen.wakeups.push(Woken { tag, ms, sender: ctx.sender().to_string() });
        Ok(())
    }

    #[receive]
    fn poisoned(&mut self, poison: PoisonMessage) {
        self.seen.poisons.push(Poison {
            target: poison.target.to_string(),
            details: poison.details,
            type_name: poison.original.type_name,
            payload: String::from_utf8_lossy(&poison.original.payload).into_owned(),
        });
    }

    #[receive]
    fn child_exited(&mut self, exit: ChildActorExited, ctx: &mut Context) -> Result {
        self.seen.exits.push((exit.address.to_string(), exit.reason.to_string()));
        match &mut self.on_child_exit {
            Some((plan, times)) if *times > 0 => {
                *times -= 1;
                let Plan { steps, origin } = plan.clone();
                self.carry_out(steps, &origin, ctx)
            }
            _ => Ok(()),
        }
    }

    #[receive]
    fn child_restarted(&mut self, restart: ChildActorRestarted) {
        self.seen.restarts.push((restart.address.to_string(), restart.incarnation));
    }

    #[receive]
    fn actor_down(&mut self, down: ActorDown) {
        self.seen.downs.push((down.address.to_string(), down.reason.to_string()));
    }

    #[receive]
    fn dead_letter(&mut self, letter: DeadEnvelope) {
        self.seen.dead_letters.push(DeadLetter {
            target: letter.target.to_string(),
            sender: letter.sender.to_string(),
            reason: letter.reason,
            type_name: letter.original.type_name,
            payload: String::from_utf8_lossy(&letter.original.payload).into_owned(),
        });
    }

    #[receive]
    fn named(&mut self, named: NamedActor) {
        self.seen.named.push((named.name, named.outcome.map(|address| address.to_string())));
    }

    #[receive]
    fn status(&mut self, status: StatusAnswer) {
        self.seen.statuses.push(status.outcome);
    }

    #[receive]
    fn exit_requested(&mut self, _: ExitRequest, ctx: &mut Context) -> Result {
        match self.on_exit.clone() {
            Some(plan) => self.carry_out(plan.steps, &plan.origin, ctx),
            None => Ok(()),
        }
    }

    fn carry_out(&mut self, steps: Vec<Step>, origin: &Address, ctx: &mut Context) -> Result {
        steps.into_iter().try_for_each(|step| self.carry_out_one(step, origin, ctx))
    }

    fn carry_out_one(&mut self, step: Step, origin: &Address, ctx: &mut Context) -> Result {
        let who = |name: &str, ctx: &Context| self.who(name, origin, ctx);
        match step {
            Step::Say { to, text } => ctx.send(&who(&to, ctx), &Said { text })?,
            Step::SayBytes { to, len } => ctx.send(&who(&to, ctx), &Said { text: "x".repeat(len) })?,
            Step::Report { to } => ctx.send(&who(&to, ctx), &self.report(ctx))?,
            Step::Run { on, steps } => {
                ctx.send(&who(&on, ctx), &Run { steps, origin: Some(origin.clone()) })?;
            }
            Step::Count { to, first, len } => {
                let to = who(&to, ctx);
                (first..first + len).try_for_each(|value| ctx.send(&to, &Number { value }))?;
            }
            Step::Send { to, type_name, payload } => {
                let payload = payload.into_bytes();
                let encoding = thespian::Encoding::Json;
                let message = RawMessage { type_name, encoding, payload, headers: Vec::new() };
                ctx.send_raw(&who(&to, ctx), &message)?;
            }
            Step::SendUnencodable { to } => {
                ctx.send(&who(&to, ctx), &Unencodable { map: [((1, 2), 3)].into() })?;
            }
            Step::Create(create) => self.create(create, ctx)?,
            Step::Exit { target, recursive } => ctx.request_exit(&who(&target, ctx), recursive)?,
            Step::KeepChildren => ctx.keep_children()?,
            Step::Wake { ms, tag } => {
                let id = ctx.wakeup_after_with(Duration::from_millis(ms), &Said { text: tag })?;
                self.pending.push(id);
            }
            Step::CancelWakeups => self.pending.drain(..).for_each(|id| ctx.cancel_wakeup(id)),
            Step::OnExit { steps } => self.on_exit = Some(Plan { steps, origin: origin.clone() }),
            Step::OnChildExit { steps, times } => {
                self.on_child_exit = Some((Plan { steps, origin: origin.clone() }, times));
            }
            Step::Fail { reason, times } if ctx.attempt() <= times => return Err(Error::new(reason)),
            Step::Trap { reason, times } if ctx.attempt() <= times => panic!("{reason}"),
            Step::Fail { .. } | Step::Trap { .. } => {}
            Step::Attempt { step, to } => {
                let outcome = self.carry_out_one(*step, origin, ctx);
                let text = outcome.map_or_else(|why| why.to_string(), |()| "done".to_string());
                ctx.send(&self.who(&to, origin, ctx), &Said { text })?;
            }
            Step::Monitor { target } => ctx.monitor(&who(&target, ctx))?,
            Step::Demonitor { target } => ctx.demonitor(&who(&target, ctx))?,
            Step::Kill { target } => ctx.kill(&who(&target, ctx))?,
            Step::Named { name, class } => drop(Create::class(class).named(&name, ctx)?),
            Step::SayToNamed { text } => {
                let last = self.seen.named.last().and_then(|(_, outcome)| outcome.as_ref().ok());
                let to = last.ok_or_else(|| Error::poison("no name is answered"))?.as_str().into();
                ctx.send(&to, &Said { text })?;
            }
            Step::HandleDeadLetters { handles } => ctx.handle_dead_letters(handles)?,
            Step::SetCapability { name, value } => ctx.update_capability(&name, value.map(Value::Boolean))?,
            Step::Status { about } => {
                let about = about.map(|about| who(&about, ctx));
                ctx.request_status(about.as_ref())?;
            }
            Step::ShutDown => ctx.shut_down()?,
            Step::Log { text } => info!(ctx, "{text}"),
            Step::Debug { text } => debug!(ctx, "{text}"),
            Step::Spend { ms } => {
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_millis(ms) {
                    std::hint::black_box(());
                }
            }
            Step::Spin => loop {
                std::hint::black_box(());
            },
        }
        Ok(())
    }

    fn create(&mut self, create: CreateStep, ctx: &mut Context) -> Result {
        for _ in 0..create.len {
            let mut child = Create::class(create.class.clone());
            if let Some(source) = &create.source {
                child = child.source(source.clone());
            }
            if let Some(capability) = &create.requires {
                child = child.require(capability.clone(), true);
            }
            if create.ends_on_trap {
                child = child.on_trap(OnTrap::Exit);
            }
            if create.watch {
                child = child.watch_restarts();
            }
            self.children.push(child.create(ctx)?);
        }
        Ok(())
    }

    /// `me`, `sender`, `origin`, `parent`, `child` for the last one, `child 0` for the first; else an address.
    fn who(&self, name: &str, origin: &Address, ctx: &Context) -> Address {
        let child = |place: &str| self.children.get(place.parse::<usize>().ok()?);
        let known = match name {
            "me" => Some(ctx.me()),
            "sender" => Some(ctx.sender()),
            "origin" => Some(origin),
            "parent" => ctx.parent(),
            "child" => self.children.last(),
            _ => name.strip_prefix("child ").and_then(child),
        };
        known.cloned().unwrap_or_else(|| name.into())
    }

    fn report(&self, ctx: &Context) -> Report {
        Report {
            me: ctx.me().to_string(),
            sender: ctx.sender().to_string(),
            parent: ctx.parent().map(ToString::to_string),
            class: ctx.class().to_string(),
            source: ctx.source().to_string(),
            incarnation: ctx.incarnation(),
            version: VERSION.to_string(),
            global_name: ctx.global_name().map(str::to_string),
            capabilities: ctx.capabilities().iter().map(|(name, _)| name.to_string()).collect(),
            children: self.children.iter().map(ToString::to_string).collect(),
            ..self.seen.clone()
        }
    }
}

/// Ends at its first trap.
#[derive(Default)]
pub struct Mortal;

/// Has a [`Mortal`] trap.
#[message]
pub struct Die;

#[actor(on_trap = "exit")]
impl Mortal {
    #[receive]
    fn die(&mut self, _: Die) {
        panic!("told to die");
    }

    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

/// Never starts.
pub struct FailsToStart;

#[actor]
impl FailsToStart {
    #[start]
    fn start() -> Result<Self> {
        Err(Error::poison("this class never starts"))
    }
}

/// Starts the first time only.
pub struct Once;

#[actor]
impl Once {
    #[start]
    fn start(ctx: &mut Context) -> Result<Self> {
        if ctx.incarnation() > 1 {
            return Err(Error::new("the file is still locked"));
        }
        Ok(Self)
    }

    #[receive]
    fn die(&mut self, _: Die) {
        panic!("told to die");
    }

    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

/// Wants more than most hosts have.
#[derive(Default)]
pub struct Needs;

#[actor(requires(gpu, memory_gb >= 4))]
impl Needs {
    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

/// Runs where its creator requires gold, and not on a host that is closed.
#[derive(Default)]
pub struct Choosy;

#[actor]
impl Choosy {
    #[accepts]
    fn suits(host: &Attributes, required: &[Requirement]) -> bool {
        required.iter().any(|requirement| requirement.name == "gold") && host.get("closed").is_none()
    }

    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

/// Takes nothing.
#[derive(Default)]
pub struct Idle;

#[actor]
impl Idle {}

/// Ignores what it does not know.
#[derive(Default)]
pub struct Patient;

#[actor]
impl Patient {
    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}
}

/// Ends half a second after its first message.
#[derive(Default)]
pub struct Mayfly;

#[actor(transient(after_ms = 500))]
impl Mayfly {
    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

/// Ends when nobody has asked it for half a second.
#[derive(Default)]
pub struct Lonely;

#[actor(transient(idle_ms = 500))]
impl Lonely {
    #[receive]
    fn echo(&mut self, echo: Echo) -> Said {
        Said { text: echo.text }
    }
}

source!(Probe, Mortal, FailsToStart, Once, Needs, Choosy, Idle, Patient, Mayfly, Lonely);
