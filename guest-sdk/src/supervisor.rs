//! Supervision: who is created in which order, and what follows when one of them ends.
//!
//! ```text
//!            a child ends ── one for one ──► created again
//! Running ──┤             ── others too ──► Stopping ── last to first ──► all gone ──► created first to last ──► Running
//!            └ too often, or Shutdown ────► Stopping ── last to first ──► all gone ──► ends itself
//!
//! a fresh instance ── knows its children by their labels ──► Running, and who is missing has ended
//! ```

use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::types::Event;
use crate::class::OnTrap;
use crate::context::Context;
use crate::create::Create;
use crate::event::{ChildActorExited, ExitReason};
use crate::failure::{Error, Result};
use crate::incoming::{Came, Incoming};
use crate::message;
use crate::message::{Message, RawMessage};
use crate::parts::{Field, Kind, Ledger, Part, Standing};

/// Restarts allowed in `PERIOD`, unless it is said otherwise: what Elixir allows.
const RESTARTS_MAX: u32 = 3;
/// The time for `RESTARTS_MAX`, unless it is said otherwise.
const PERIOD: Duration = Duration::from_secs(5);
/// How long to wait when a host has no room for a child.
const NO_ROOM_FOR: Duration = Duration::from_secs(1);

/// Begins the labels of the children of all supervisors.
const LABEL: &str = "supervisor:";
/// Length of a label, in bytes, as the contract has it.
const LABEL_LEN_MAX: usize = 64;

/// The type name of the wakeup after which a restart counts no more.
const FORGET: &str = "thespian/supervisor-forget";
/// The type name of the wakeup after which children are created that could not be.
const AGAIN: &str = "thespian/supervisor-again";

/// The children that are created anew when one ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// That child alone.
    #[default]
    OneForOne,
    /// All children: none can go on without the others.
    OneForAll,
    /// That child and all behind it: each depends on those before it.
    RestForOne,
}

/// When a child that ended is created anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartType {
    /// Always created anew.
    #[default]
    Permanent,
    /// Unless it ended because somebody asked it to, or while its supervisor's actor lost its instance by a trap.
    Transient,
    /// Never created anew.
    Temporary,
}

/// Asks a supervisor for its [`Children`].
#[message]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhichChildren;

/// The children of a supervisor, in the order in which they are created.
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Children {
    /// Each of them.
    pub children: Vec<ChildStatus>,
}

impl Children {
    /// Where the child of this name is, if it lives.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<&Address> {
        self.children.iter().find(|child| child.name == name)?.address.as_ref()
    }
}

/// A child of a supervisor.
#[message]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildStatus {
    /// Its name among its siblings.
    pub name: String,
    /// Where it is; absent while it is not there. Every restart gives it another.
    pub address: Option<Address>,
    /// How often it was created anew since the supervisor's actor started, or started again.
    pub restarts: u32,
}

/// Has a supervisor end its children one after the other, the last first, and then itself. An exit request ends them
/// all at once.
#[message]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shutdown;

#[derive(Debug)]
struct Spec {
    name: String,
    create: Create,
    restart: RestartType,
}

#[derive(Clone, Debug, Default)]
struct Kid {
    address: Option<Address>,
    restarts: u32,
    /// The child is to be created as soon as there is room.
    waits: bool,
}

#[derive(Clone, Debug)]
enum Phase {
    Running,
    Stopping {
        /// The first that is to end.
        from: usize,
        /// The child that was asked to exit, and is not gone yet.
        asked: Option<usize>,
        then: Then,
    },
}

#[derive(Clone, Debug)]
enum Then {
    Restart,
    Exit,
    GiveUp(String),
}

#[derive(Clone, Debug)]
struct SupervisorState {
    kids: Vec<Kid>,
    phase: Phase,
    /// Restarts that still count.
    recent: u32,
}

/// Creates children in order, and creates them anew when they end: a field of an actor's state, named by
/// `#[actor(parts(...))]`.
///
/// ```
/// use std::time::Duration;
/// use thespian::prelude::*;
/// use thespian::{RestartType, Strategy, Supervisor};
///
/// # #[derive(Default)] struct Stock;
/// # #[actor] impl Stock {}
/// # #[derive(Default)] struct Till;
/// # #[actor] impl Till {}
/// struct Shop { supervisor: Supervisor }
///
/// #[actor(parts(supervisor))]
/// impl Shop {
///     #[start]
///     fn new(ctx: &mut Context) -> Result<Self> {
///         let supervisor = Supervisor::new(Strategy::RestForOne)
///             .intensity(3, Duration::from_secs(5))
///             .child("stock", Create::of::<Stock>(), RestartType::Permanent)
///             .child("till", Create::of::<Till>(), RestartType::Transient)
///             .start(ctx)?;
///         Ok(Self { supervisor })
///     }
/// }
///
/// source!(Shop, Stock, Till);
/// ```
///
/// Clients ask the supervisor for [`WhichChildren`], and again when a child does not answer: a child that is created anew
/// has a new address. The actor itself finds a child by [`Supervisor::address`], and may have handlers of its own,
/// for [`ChildActorExited`] too.
///
/// A child that traps ends, whatever its class says, so that its end is the supervisor's business; unless its [`Create`]
/// says otherwise, by [`Create::on_trap`].
///
/// # When its own actor traps
///
/// Its children live on, each with a label that says whose it is, and the supervisor of the fresh instance takes them over:
/// nobody is created twice, and their addresses stay. One that has ended meanwhile has ended as any other: it is created
/// anew, with others as the strategy says, if it is [`RestartType::Permanent`]; of others nobody knows why they ended, and
/// they are not. Children that it no longer has are ended. Restarts and their number count anew.
///
/// Where the actor's class says `children_at_restart = "end"`, there is nobody left to take over, and all are created as at
/// first. That is for children which are worth nothing without what their creator knew.
///
/// An actor with two supervisors, or with one and a base that has one, gives each a name, by [`Supervisor::named`]. Children
/// with other labels are none of theirs.
///
/// # Giving up
///
/// More restarts than the intensity allows, 3 in 5 seconds unless it is said otherwise, and the supervisor gives up: its
/// children end, the last first, and then its actor, by [`Context::fail`], as [`ExitReason::Failed`] with the reason. Its
/// parent hears that, perhaps a supervisor too.
///
/// A supervisor that exits, because it is asked to or the host stops, creates nobody anew and gives nothing up: its
/// children exit, and then it does.
#[derive(Debug)]
pub struct Supervisor {
    name: String,
    strategy: Strategy,
    restarts_max: u32,
    period: Duration,
    specs: Vec<Spec>,
    state: SupervisorState,
    /// As the state was before this turn changed it.
    before: Option<SupervisorState>,
    /// The end that this turn handles, or the one before if that failed.
    current: Option<ChildActorExited>,
    /// Ends whose turns failed: the host does not tell of them again.
    missed: Vec<ChildActorExited>,
    /// Those of them that this turn could not see to either.
    still_missed: Vec<ChildActorExited>,
    standing: Standing,
}

impl Supervisor {
    /// A supervisor without children.
    #[must_use]
    pub const fn new(strategy: Strategy) -> Self {
        let state = SupervisorState { kids: Vec::new(), phase: Phase::Running, recent: 0 };
        Self {
            name: String::new(),
            strategy,
            restarts_max: RESTARTS_MAX,
            period: PERIOD,
            specs: Vec::new(),
            state,
            before: None,
            current: None,
            missed: Vec::new(),
            still_missed: Vec::new(),
            standing: Standing::new(Kind::Supervisor),
        }
    }

    /// Gives it a name of its own, where its actor has another: by it, its children are known again after a trap.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives up after more than `restarts_max` restarts in `period`.
    #[must_use]
    pub const fn intensity(mut self, restarts_max: u32, period: Duration) -> Self {
        self.restarts_max = restarts_max;
        self.period = period;
        self
    }

    /// Adds a child, created after those before it and ended before them.
    #[must_use]
    pub fn child(mut self, name: impl Into<String>, create: Create, restart: RestartType) -> Self {
        let on_trap = create.on_trap.unwrap_or(OnTrap::Exit);
        self.specs.push(Spec { name: name.into(), create: create.on_trap(on_trap), restart });
        self.state.kids.push(Kid::default());
        self
    }

    /// Creates the children; or takes over those that live, where a trap has cost the actor the supervisor before this one.
    ///
    /// # Errors
    /// Two have one name, a name is too long, or a bound is reached. The start, or the turn, fails if what this returns is
    /// not among the parts in the end, or another supervisor there has its name.
    pub fn start(mut self, ctx: &mut Context) -> Result<Self> {
        self.label_children()?;
        let has_any = self.take_over(ctx)?;
        if has_any || ctx.is_successor() {
            self.replace_missing(ctx)?;
        } else {
            for (spec, kid) in self.specs.iter().zip(&mut self.state.kids) {
                kid.address = Some(spec.create.clone().create(ctx)?);
            }
        }
        // The turn that starts it has it as it is now, or not at all.
        self.before = None;
        self.standing.enter();
        Ok(self)
    }

    /// Gives each child the label by which it is known again.
    fn label_children(&mut self) -> Result {
        if self.name.contains('/') {
            return Err(Error::poison(format!("the name of a supervisor has no `/`: `{}`", self.name)));
        }
        for place in 0..self.specs.len() {
            let (before, [spec, ..]) = self.specs.split_at_mut(place) else { break };
            if before.iter().any(|other| other.name == spec.name) {
                return Err(Error::poison(format!("two children are called `{}`", spec.name)));
            }
            if spec.create.label.is_some() {
                return Err(Error::poison(format!(
                    "`{}` has a label of its own, which a supervisor gives itself",
                    spec.name
                )));
            }
            let label = [LABEL, &self.name, "/", &spec.name].concat();
            if label.len() > LABEL_LEN_MAX {
                return Err(Error::poison(format!(
                    "the names of a supervisor and of its child have {} bytes at most together: `{}` and `{}`",
                    LABEL_LEN_MAX - LABEL.len() - 1,
                    self.name,
                    spec.name
                )));
            }
            spec.create.label = Some(label);
        }
        Ok(())
    }

    /// Takes over the children that it knows by their labels, and ends those that it no longer has. Whether there was any.
    fn take_over(&mut self, ctx: &mut Context) -> Result<bool> {
        let own = [LABEL, &self.name, "/"].concat();
        let mut has_any = false;
        for child in ctx.children() {
            let Some(name) = child.label.strip_prefix(&*own) else { continue };
            has_any = true;
            match self.specs.iter().position(|spec| spec.name == name) {
                Some(place) if self.state.kids[place].address.is_none() => {
                    self.state.kids[place].address = Some(child.address);
                }
                _ => ctx.request_exit(&child.address, true)?,
            }
        }
        Ok(has_any)
    }

    /// Sees to the children that ended while there was no supervisor.
    fn replace_missing(&mut self, ctx: &mut Context) -> Result {
        let is_missing = |place: &usize| {
            self.state.kids[*place].address.is_none() && self.specs[*place].restart == RestartType::Permanent
        };
        let missing: Vec<_> = (0..self.specs.len()).filter(is_missing).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        match self.strategy {
            Strategy::OneForOne => missing.into_iter().try_for_each(|place| self.create(place, ctx)),
            Strategy::OneForAll => self.stop(0, Then::Restart, ctx),
            Strategy::RestForOne => self.stop(*first, Then::Restart, ctx),
        }
    }

    /// Where the child of this name is, if it lives.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<&Address> {
        let place = self.specs.iter().position(|spec| spec.name == name)?;
        self.state.kids[place].address.as_ref()
    }

    /// All children, in the order in which they are created.
    #[must_use]
    pub fn children(&self) -> Children {
        let status = |(spec, kid): (&Spec, &Kid)| ChildStatus {
            name: spec.name.clone(),
            address: kid.address.clone(),
            restarts: kid.restarts,
        };
        Children { children: self.specs.iter().zip(&self.state.kids).map(status).collect() }
    }

    /// The state, to be changed in this turn.
    fn change(&mut self) -> &mut SupervisorState {
        if self.before.is_none() {
            self.before = Some(self.state.clone());
        }
        &mut self.state
    }

    fn exited(&mut self, exit: &ChildActorExited, ctx: &mut Context) -> Result {
        let is_it = |kid: &Kid| kid.address.as_ref() == Some(&exit.address);
        let Some(place) = self.state.kids.iter().position(is_it) else { return Ok(()) };
        self.change().kids[place].address = None;
        if ctx.is_exiting() {
            return Ok(());
        }
        if let Phase::Stopping { from, asked, then } = &mut self.state.phase {
            if *asked == Some(place) {
                *asked = None;
            }
            // Whoever is to end anyway, or not to be replaced, is no failure more.
            if place >= *from || !matches!(then, Then::Restart) {
                return self.stop_next(ctx);
            }
        }
        if !self.is_replaced(place, &exit.reason) {
            return Ok(());
        }
        if self.state.recent >= self.restarts_max {
            return self.give_up(place, &exit.reason, ctx);
        }
        ctx.wakeup_after_raw(self.period, RawMessage::signal(FORGET, ""))?;
        self.state.recent += 1;
        match self.strategy {
            Strategy::OneForOne => self.create(place, ctx),
            Strategy::OneForAll => self.stop(0, Then::Restart, ctx),
            Strategy::RestForOne => self.stop(place, Then::Restart, ctx),
        }
    }

    fn is_replaced(&self, place: usize, reason: &ExitReason) -> bool {
        match self.specs[place].restart {
            RestartType::Permanent => true,
            RestartType::Transient => *reason != ExitReason::Requested,
            RestartType::Temporary => false,
        }
    }

    fn give_up(&mut self, place: usize, reason: &ExitReason, ctx: &mut Context) -> Result {
        let name = &self.specs[place].name;
        let (max, period) = (self.restarts_max, self.period);
        let text =
            format!("gave up after {max} restarts in {period:?}; the last to end was `{name}`: {reason}");
        crate::error!(ctx, "{text}");
        self.stop(0, Then::GiveUp(text), ctx)
    }

    /// Ends the children from this place on, the last first; nothing that is stopping already begins anew.
    fn stop(&mut self, from: usize, then: Then, ctx: &mut Context) -> Result {
        let state = self.change();
        state.phase = match &state.phase {
            Phase::Running => Phase::Stopping { from, asked: None, then },
            Phase::Stopping { from: known, asked, .. } => {
                Phase::Stopping { from: from.min(*known), asked: *asked, then }
            }
        };
        self.stop_next(ctx)
    }

    fn stop_next(&mut self, ctx: &mut Context) -> Result {
        let state = self.change();
        let Phase::Stopping { from, asked, then } = &mut state.phase else { return Ok(()) };
        if asked.is_some() {
            return Ok(());
        }
        let from = *from;
        if let Some(last) =
            state.kids.iter().rposition(|kid| kid.address.is_some()).filter(|last| *last >= from)
        {
            *asked = Some(last);
            return match &state.kids[last].address {
                Some(address) => ctx.request_exit(address, true),
                None => Ok(()),
            };
        }
        match then {
            Then::Restart => {
                state.phase = Phase::Running;
                (from..self.specs.len()).try_for_each(|place| self.create(place, ctx))
            }
            Then::Exit => ctx.exit(),
            Then::GiveUp(text) => ctx.fail(text),
        }
    }

    /// Creates a child anew.
    fn create(&mut self, place: usize, ctx: &mut Context) -> Result {
        if self.specs[place].restart == RestartType::Temporary {
            return Ok(());
        }
        match self.specs[place].create.clone().create(ctx) {
            Ok(address) => {
                let kid = &mut self.change().kids[place];
                *kid = Kid { address: Some(address), restarts: kid.restarts + 1, waits: false };
                Ok(())
            }
            Err(error) if error.is_exhausted() => {
                crate::warn!(ctx, "`{}` can't be created yet: {error}", self.specs[place].name);
                self.change().kids[place].waits = true;
                ctx.wakeup_after_raw(NO_ROOM_FOR, RawMessage::signal(AGAIN, "")).map(drop)
            }
            Err(error) => Err(error),
        }
    }

    fn create_again(&mut self, ctx: &mut Context) -> Result {
        if !matches!(self.state.phase, Phase::Running) {
            return ctx.wakeup_after_raw(NO_ROOM_FOR, RawMessage::signal(AGAIN, "")).map(drop);
        }
        let waits: Vec<_> = (0..self.specs.len()).filter(|place| self.state.kids[*place].waits).collect();
        waits.into_iter().try_for_each(|place| self.create(place, ctx))
    }
}

impl Supervisor {
    /// Hears of what it has missed. That has nothing to do with what this turn is about, and must not fail it.
    fn hear_of_missed(&mut self, ctx: &mut Context) {
        for missed in self.missed.clone() {
            let state = self.change().clone();
            if let Err(error) = self.exited(&missed, ctx) {
                crate::warn!(ctx, "the end of {} is not seen to yet: {error}", missed.address);
                self.state = state;
                self.still_missed.push(missed);
            }
        }
    }
}

impl Ledger for Supervisor {
    fn begin(&mut self, again: bool) {
        self.standing.confirm();
        let failed = self.current.take().filter(|_| !again);
        self.missed.extend(failed);
    }

    fn end(&mut self, succeeded: bool) {
        let before = self.before.take();
        let still_missed = std::mem::take(&mut self.still_missed);
        if succeeded {
            self.current = None;
            self.missed = still_missed;
        } else if let Some(before) = before {
            self.state = before;
        }
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }

    fn supervises_as(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl<A> Part<A> for Supervisor {
    const RECEIVES: &'static [&'static str] = &[WhichChildren::TYPE_NAME, Shutdown::TYPE_NAME];

    fn offer(
        actor: &mut A,
        part: Field<A, Self>,
        incoming: Incoming,
        ctx: &mut Context,
    ) -> Result<Option<Incoming>> {
        let this = part(actor);
        this.hear_of_missed(ctx);
        match &incoming.0 {
            Came::Message(message) if message.type_name == WhichChildren::TYPE_NAME => {
                ctx.reply(&this.children())?;
            }
            Came::Message(message) if message.type_name == Shutdown::TYPE_NAME => {
                this.stop(0, Then::Exit, ctx)?;
            }
            Came::Signal(signal) if signal.type_name == FORGET => {
                let state = this.change();
                state.recent = state.recent.saturating_sub(1);
            }
            Came::Signal(signal) if signal.type_name == AGAIN => this.create_again(ctx)?,
            Came::Event(Event::ChildExited(exit)) => {
                let exit = ChildActorExited::from(exit.clone());
                this.current = Some(exit.clone());
                this.exited(&exit, ctx)?;
                return Ok(Some(incoming));
            }
            _ => return Ok(Some(incoming)),
        }
        Ok(None)
    }
}
