//! What a store holds beside the guest: the outbox of the turn under way, the bounds, and who it is for.

use std::sync::Arc;
use std::time::Duration;

use thespian_core::fate::Budget;
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{Draft, Outbox};
use wasmtime::UpdateDeadline;
use wasmtime_wasi::{ResourceTable, WasiCtx};

use super::fault::Stop;
use super::host::{ActorHost, Occupant};
use super::limiter::Limiter;
use super::log::LogBook;
use super::machine::Machine;
use super::preempt::{Outlived, QUANTUM_TICKS, SLICE_TICKS};
use crate::cpu_time;

/// Resources that one instance may hold at the host: streams, pollables, errors. Each takes some 200 bytes, for which it does
/// not draw.
const RESOURCES_MAX: usize = 256;

/// The data of one store.
pub(super) struct State {
    pub(super) machine: Arc<Machine>,
    pub(super) host: Arc<dyn ActorHost>,
    pub(super) occupant: Occupant,
    pub(super) limits: Arc<ActorLimits>,
    pub(super) limiter: Limiter,
    pub(super) log: LogBook,
    pub(super) resources: ResourceTable,
    /// Made when the guest first uses a part of WASI that is denied: most never do.
    pub(super) wasi: Option<Box<WasiCtx>>,
    /// Absent outside of turns, where imports refuse.
    pub(super) outbox: Option<Box<Outbox>>,
    turn: TurnClock,
    /// Set while the host's own rules run in the middle of a call, and for ever after a panic in them.
    is_ours: bool,
}

/// The time that a turn may take, and the time that it took.
#[derive(Default)]
struct TurnClock {
    cpu_max: Duration,
    wall_max: Duration,
    /// Clocks at the first tick, of CPU time and of time awake: a turn that is shorter never reads one.
    start: Option<(Duration, Duration)>,
    ticks: u32,
    /// Time in which it waited for its place, which is not the turn's own.
    waited: Duration,
    runaway: Option<Box<dyn Outlived>>,
}

impl State {
    pub(super) fn new(
        machine: Arc<Machine>,
        host: Arc<dyn ActorHost>,
        occupant: Occupant,
        limits: Arc<ActorLimits>,
        log: LogBook,
    ) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(RESOURCES_MAX);
        let limiter = Limiter::new(&limits, Arc::clone(host.account()), host.birth());
        let turn = TurnClock::default();
        Self {
            machine,
            host,
            occupant,
            limits,
            limiter,
            log,
            resources,
            wasi: None,
            outbox: None,
            turn,
            is_ours: false,
        }
    }

    /// A turn begins.
    #[inline]
    pub(super) fn begin(&mut self, outbox: Option<Box<Outbox>>, cpu_ms_max: u64) {
        self.outbox = outbox;
        self.limiter.forget();
        self.turn.cpu_max = Duration::from_millis(cpu_ms_max);
        self.turn.wall_max = Duration::from_millis(self.limits.turn_wall_ms_max);
        self.turn.start = None;
        self.turn.ticks = 0;
        self.turn.waited = Duration::ZERO;
    }

    /// The turn is over; gives its outbox back.
    pub(super) fn end(&mut self) -> Option<Box<Outbox>> {
        self.turn.runaway = None;
        self.outbox.take()
    }

    /// Drops what a turn asked for that failed, and gives back what it had taken.
    pub(super) fn discard(&self, outbox: &mut Outbox) {
        Draft::new(self.occupant.address, outbox, &self.limits, &*self.host).discard();
    }

    /// Runs what is the host's own in the middle of a call: core's rules, and what they take that others have too.
    #[inline]
    pub(super) fn ours<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.is_ours = true;
        let outcome = work(self);
        self.is_ours = false;
        outcome
    }

    /// Whether a panic was in what is the host's own. What it left half done is not in this store alone.
    pub(super) fn is_fault_of_ours(&self) -> bool {
        self.is_ours || self.log.is_half_written()
    }

    /// The epoch has passed the store's deadline.
    pub(super) fn on_tick(&mut self) -> Result<UpdateDeadline, Stop> {
        self.ours(Self::judge_tick)
    }

    /// The turn has run for a tick more.
    fn judge_tick(&mut self) -> Result<UpdateDeadline, Stop> {
        self.machine.ticker.touch();
        self.check_killed()?;
        let (cpu, now) = (cpu_time::of_this_thread(), self.machine.ticker.awake());
        let (cpu_start, start) = *self.turn.start.get_or_insert((cpu, now));
        self.turn.ticks = self.turn.ticks.saturating_add(1);
        let cpu = cpu.saturating_sub(cpu_start);
        let wall = now.saturating_sub(start).saturating_sub(self.turn.waited);
        if cpu >= self.turn.cpu_max {
            return Err(Stop::over(Budget::Cpu, self.turn.cpu_max));
        }
        if wall >= self.turn.wall_max {
            return Err(Stop::over(Budget::Wall, self.turn.wall_max));
        }
        if self.turn.ticks == 1 {
            self.machine.threads.clone().let_others_go();
        }
        if self.turn.ticks >= SLICE_TICKS && (self.turn.ticks - SLICE_TICKS).is_multiple_of(QUANTUM_TICKS) {
            self.pass(now);
            self.check_killed()?;
        }
        Ok(UpdateDeadline::Continue(1))
    }

    fn check_killed(&self) -> Result<(), Stop> {
        if self.host.is_killed() { Err(Stop::Killed) } else { Ok(()) }
    }

    /// The turn has outlived its slice, or its quantum: others have its place.
    fn pass(&mut self, now: Duration) {
        let (threads, source) = (&self.machine.threads, self.occupant.source);
        let runaway = self.turn.runaway.get_or_insert_with(|| threads.clone().outlived(source));
        runaway.pass(&|| self.host.is_killed());
        self.turn.waited += self.machine.ticker.awake().saturating_sub(now);
        // The ticker may have gone to rest while every turn slept.
        self.machine.ticker.touch();
    }
}
