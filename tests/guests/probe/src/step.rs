//! What a probe can be told to do, and how it does that. In JSON a step is `{"say": {"to": "sender", "text": "hi"}}`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thespian::prelude::*;

use super::{Number, Plan, Probe, Reporting, Run, Said, Unencodable};

const fn one() -> usize {
    1
}

const fn twice() -> u32 {
    2
}

/// One thing to do. Receivers are named as in `Probe::who`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Send words.
    Say {
        /// To whom.
        to: String,
        /// Which.
        text: String,
    },
    /// Send this many bytes of words.
    SayBytes {
        /// To whom.
        to: String,
        /// How many.
        len: usize,
    },
    /// Send a report.
    Report {
        /// To whom.
        to: String,
    },
    /// Tell another probe to do something, in the name of the origin.
    Run {
        /// Whom.
        on: String,
        /// What.
        steps: Vec<Self>,
    },
    /// Send numbers.
    Count {
        /// To whom.
        to: String,
        /// The first.
        first: u64,
        /// How many.
        len: u64,
    },
    /// Send any message.
    Send {
        /// To whom.
        to: String,
        /// Its type.
        type_name: String,
        /// Its payload, in JSON or not.
        payload: String,
    },
    /// Give a message back that was never sent.
    Refuse {
        /// To whom.
        to: String,
        /// Its type.
        type_name: String,
        /// Why.
        reason: String,
    },
    /// Say who hears if the turn fails.
    FailsFor {
        /// Who.
        to: String,
        /// Of a message of this type.
        type_name: String,
    },
    /// Send a message that has no form in its encoding.
    SendUnencodable {
        /// To whom.
        to: String,
    },
    /// Create children.
    Create(CreateStep),
    /// Ask an actor to exit.
    Exit {
        /// Whom.
        target: String,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// In an exit turn: let the children live.
    KeepChildren,
    /// End as failed.
    GiveUp {
        /// Why.
        reason: String,
    },
    /// Be woken.
    Wake {
        /// After how long, in ms.
        ms: u64,
        /// What to be given.
        tag: String,
    },
    /// Take all wakeups back.
    CancelWakeups,
    /// Have itself do this later.
    Later {
        /// After how long, in ms.
        ms: u64,
        /// What.
        steps: Vec<Self>,
    },
    /// Have itself do this again and again.
    Repeat {
        /// How often: each so many ms.
        ms: u64,
        /// What.
        steps: Vec<Self>,
    },
    /// Take back what was to be done later, or again.
    CancelTimers,
    /// Do this in the exit turn.
    OnExit {
        /// What.
        steps: Vec<Self>,
    },
    /// Do this when a child has exited.
    OnChildExit {
        /// What.
        steps: Vec<Self>,
        /// How often.
        #[serde(default = "one")]
        times: usize,
    },
    /// Return an error.
    Fail {
        /// Which.
        reason: String,
        /// In how many attempts.
        #[serde(default = "twice")]
        times: u32,
    },
    /// Do something, and send the words of what it came to: `done`, or why not.
    Attempt {
        /// What.
        step: Box<Self>,
        /// To whom.
        to: String,
    },
    /// Trap.
    Trap {
        /// With these last words.
        reason: String,
        /// In how many attempts.
        #[serde(default = "twice")]
        times: u32,
    },
    /// Hear of an actor's end.
    Monitor {
        /// Of whose.
        target: String,
    },
    /// Hear of it no longer.
    Demonitor {
        /// Of whose.
        target: String,
    },
    /// End a child.
    Kill {
        /// Which.
        target: String,
    },
    /// Ask for the actor of a global name.
    Named {
        /// The name.
        name: String,
        /// What it is to be, if there is none.
        class: String,
    },
    /// Send words to the actor of a global name that was answered last.
    SayToNamed {
        /// Which.
        text: String,
    },
    /// Handle dead letters, or no longer.
    HandleDeadLetters {
        /// Which of both.
        handles: bool,
    },
    /// Change what the host has.
    SetCapability {
        /// The capability's name.
        name: String,
        /// Its new value; absent: it has it no longer.
        value: Option<bool>,
    },
    /// Ask for a status.
    Status {
        /// Of whom; absent: of the host.
        about: Option<String>,
    },
    /// Stop the host.
    ShutDown,
    /// Write to the log.
    Log {
        /// What.
        text: String,
    },
    /// Never return.
    Spin,
    /// Be busy until so much time has passed, by the host's clock.
    Spend {
        /// How much, in ms.
        ms: u64,
    },
    /// Write to the log what only those read who look for a defect.
    Debug {
        /// What.
        text: String,
    },
}

/// Children to be created.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateStep {
    /// Their class.
    pub class: String,
    /// How many.
    #[serde(default = "one")]
    pub len: usize,
    /// Their source, if it is another.
    pub source: Option<String>,
    /// A capability that must be true.
    pub requires: Option<String>,
    /// Whether a trap ends them, whatever their class says.
    #[serde(default)]
    pub ends_on_trap: bool,
    /// Whether to hear of restarts.
    #[serde(default)]
    pub watch: bool,
    /// The word by which they are known again.
    pub label: Option<String>,
}

fn empty(type_name: String) -> RawMessage {
    let (encoding, payload, headers) = (thespian::Encoding::Json, Vec::new(), Vec::new());
    RawMessage { type_name, encoding, payload, headers }
}

/// The message that has a probe do this, in the name of the origin.
fn run(steps: Vec<Step>, origin: &Address) -> Run {
    Run { steps, origin: Some(origin.clone()) }
}

impl Probe {
    pub(super) fn carry_out(&mut self, steps: Vec<Step>, origin: &Address, ctx: &mut Context) -> Result {
        steps.into_iter().try_for_each(|step| self.carry_out_one(step, origin, ctx))
    }

    fn carry_out_one(&mut self, step: Step, origin: &Address, ctx: &mut Context) -> Result {
        let who = |name: &str, ctx: &Context| self.who(name, origin, ctx);
        let after = Duration::from_millis;
        match step {
            Step::Say { to, text } => ctx.send(&who(&to, ctx), &Said { text })?,
            Step::SayBytes { to, len } => ctx.send(&who(&to, ctx), &Said { text: "x".repeat(len) })?,
            Step::Report { to } => ctx.send(&who(&to, ctx), &Reporting(self.report(ctx)))?,
            Step::Run { on, steps } => ctx.send(&who(&on, ctx), &run(steps, origin))?,
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
            Step::Refuse { to, type_name, reason } => {
                ctx.refuse_raw(&who(&to, ctx), &empty(type_name), reason)?;
            }
            Step::FailsFor { to, type_name } => ctx.fails_for_raw(&who(&to, ctx), &empty(type_name))?,
            Step::SendUnencodable { to } => {
                ctx.send(&who(&to, ctx), &Unencodable { map: [((1, 2), 3)].into() })?;
            }
            Step::Create(create) => self.create(create, ctx)?,
            Step::Exit { target, recursive } => ctx.request_exit(&who(&target, ctx), recursive)?,
            Step::KeepChildren => ctx.keep_children()?,
            Step::GiveUp { reason } => ctx.fail(reason)?,
            Step::Wake { ms, tag } => {
                self.pending.push(ctx.wakeup_after_with(Duration::from_millis(ms), &Said { text: tag })?);
            }
            Step::CancelWakeups => self.pending.drain(..).for_each(|id| ctx.cancel_wakeup(id)),
            Step::Later { ms, steps } => self.timers.push(ctx.send_after(after(ms), &run(steps, origin))?),
            Step::Repeat { ms, steps } => self.timers.push(ctx.send_every(after(ms), &run(steps, origin))?),
            Step::CancelTimers => self.timers.drain(..).for_each(|timer| ctx.cancel_timer(timer)),
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
            if let Some(label) = &create.label {
                child = child.label(label.clone());
            }
            if create.watch {
                child = child.watch_restarts();
            }
            self.children.push(child.create(ctx)?);
        }
        Ok(())
    }
}
