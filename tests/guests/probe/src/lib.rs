//! Actors that do as they are told: tests say in each message what is to be done, and read what was seen in a report.

mod step;

use probe_report::{Report, ReportedDeadLetter, ReportedPoison, Woken};
use thespian::prelude::*;

pub use step::Step;

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

/// A report, on its way.
#[message(name = "Report")]
pub struct Reporting(pub Report<String>);

/// Steps for later, and who gave them.
#[derive(Clone)]
struct Plan {
    steps: Vec<Step>,
    origin: Address,
}

/// Does as it is told.
#[derive(Default)]
pub struct Probe {
    seen: Report<String>,
    children: Vec<Address>,
    on_exit: Option<Plan>,
    /// And how often.
    on_child_exit: Option<(Plan, usize)>,
    pending: Vec<WakeupId>,
    timers: Vec<Timer>,
}

#[actor]
impl Probe {
    #[start]
    fn new(said: Option<Said>) -> Self {
        let mut probe = Self::default();
        probe.seen.init = said.map(|said| said.text);
        probe
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
        self.seen.poisons.push(ReportedPoison {
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
        self.seen.dead_letters.push(ReportedDeadLetter {
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

    fn report(&self, ctx: &Context) -> Report<String> {
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
            living: ctx
                .children()
                .into_iter()
                .map(|child| (child.address.to_string(), child.label))
                .collect(),
            ..self.seen.clone()
        }
    }
}

/// A probe whose children end before it starts again.
#[derive(Default)]
pub struct Clearing {
    probe: Probe,
}

#[actor(base = probe, children_at_restart = "end")]
impl Clearing {}

/// Creates two children whenever it starts, which end before it does again.
pub struct Nest;

#[actor(children_at_restart = "end")]
impl Nest {
    #[start]
    fn start(ctx: &mut Context) -> Result<Self> {
        ctx.create::<Idle>()?;
        ctx.create::<Idle>()?;
        Ok(Self)
    }

    #[receive]
    fn die(&mut self, _: Die) {
        panic!("told to die");
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

source!(Probe, Clearing, Nest, Mortal, FailsToStart, Once, Needs, Choosy, Idle, Patient, Mayfly, Lonely);
