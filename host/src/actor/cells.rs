//! Who runs here: the actors of a node, by their addresses.
//!
//! What it offers is all that effects and status may do with an actor. None of it waits for an activation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use thespian_core::address::ActorAddress;
use thespian_core::capability::Capabilities;
use thespian_core::envelope::ExitReason;
use thespian_core::life::ActorEvent;
use thespian_core::limits::{ACTIVATION_LEN_MAX, ActorLimits, STATUS_LONG_TURNS_MAX};
use thespian_core::log_level::LogLevel;
use thespian_core::mailbox::MailboxLimits;
use thespian_core::source::Rights;
use thespian_core::time::Time;
use thespian_core::turn::Leftover;

use super::cell::{Cell, Start};
use super::ground::Ground;
use super::shown::Showing;
use crate::plane::Plane;
use crate::plane::mailbox::SharedMailbox;
use crate::plane::receiver::Receiver;
use crate::pool::Pool;

/// The actors of a node.
pub(crate) struct Cells {
    ground: Arc<Ground>,
    cells: DashMap<ActorAddress, Arc<Cell>, RandomState>,
}

impl Cells {
    pub(crate) fn new(ground: Ground) -> Self {
        Self { ground: Arc::new(ground), cells: DashMap::with_hasher(RandomState::default()) }
    }

    /// Enters the address of an actor that is not yet decided about, so that it can be sent to. Its places are reserved.
    pub(crate) fn enter_pending(&self, address: ActorAddress) {
        self.ground.enter_pending(address, self.ground.plane.accounts.outside().clone());
    }

    /// Lets an address that was entered stand for an actor that runs here, in the places that were reserved for it. Where
    /// too few were, and the rest is taken meanwhile, it stands for nobody.
    pub(crate) fn settle_here(&self, start: Start, level: LogLevel) {
        let Self { ground, cells } = self;
        let address = start.identity.me;
        let account = ground.plane.accounts.of(start.source.hash());
        let places =
            match ground.plane.places.settle(address, &account, start.source.places(), start.init.bytes()) {
                Ok(places) => places,
                Err(bound) => return self.settle_nowhere(address, bound.to_string()),
            };
        let Some(pending) = ground.plane.table.get(address) else {
            // Nobody is told of an end: there is nobody any more.
            debug_assert!(
                ground.plane.table.is_closed(),
                "what `Admin` settles was entered, and stays until then"
            );
            return;
        };
        let mut settled = None;
        pending.settle(Box::new(|mut mailbox| {
            mailbox.hand_over(account);
            let ActorLimits { mailbox_len_max, mailbox_bytes_max, .. } = *start.limits;
            mailbox.lower(MailboxLimits { len_max: mailbox_len_max, bytes_max: mailbox_bytes_max });
            let cell = Cell::new(ground.clone(), places, mailbox, start, level);
            cells.insert(address, cell.clone());
            ground.plane.table.enter(address, cell.clone());
            settled = Some(cell);
        }));
        if let Some(cell) = settled {
            cell.activate();
        }
    }

    /// Lets an address stand for nobody: what was reserved for it goes back, and what waits for it to its
    /// senders. They are given it before anybody is told of the end.
    pub(crate) fn settle_nowhere(&self, address: ActorAddress, why: String) {
        let Ground { plane, desk, tasks, .. } = &*self.ground;
        // First: who hears of the end may count on the place.
        plane.places.give_back(address);
        // Where the actor of a global name is there already, it was never entered.
        let Some(pending) = plane.table.get(address) else { return };
        let mut left = None;
        pending.settle(Box::new(|mailbox| {
            plane.table.remove(address);
            left = Some(mailbox);
        }));
        let Some(left) = left else { return };
        let reason = ExitReason::NeverStarted(why);
        if left.size().0 == 0 {
            return desk.tell(ActorEvent::Ended { address, reason });
        }
        // Not on the desk, however little it is: a guest decides how much waits, and one event may refuse ten thousand actors.
        let ground = self.ground.clone();
        desk.faults().spawn(tasks, "the mail of a refused actor", async move {
            send_all_back(&ground.plane, &left, &reason).await;
            ground.desk.tell(ActorEvent::Ended { address, reason });
        });
    }

    /// Ends an actor at its next tick or turn boundary.
    pub(crate) fn kill(&self, address: ActorAddress, reason: String) {
        if let Some(cell) = self.get(address) {
            cell.kill(reason);
        }
    }

    /// Lets an actor start again: its children are gone.
    pub(crate) fn let_start(&self, address: ActorAddress) {
        if let Some(cell) = self.get(address) {
            cell.let_start();
        }
    }

    /// Keeps more or less of what an actor writes to the log, from now on.
    pub(crate) fn set_log_level(&self, address: ActorAddress, level: LogLevel) {
        if let Some(cell) = self.get(address) {
            cell.set_log_level(level);
        }
    }

    /// Lets an actor have these rights from its next turn on.
    pub(crate) fn set_rights(&self, address: ActorAddress, rights: Rights) {
        if let Some(cell) = self.get(address) {
            cell.set_rights(rights);
        }
    }

    /// Lets go of an actor that has ended.
    pub(crate) fn remove(&self, address: ActorAddress) {
        self.cells.remove(&address);
    }

    /// Lets go of all, when the node has ended and the table is empty.
    pub(crate) fn clear(&self) {
        self.cells.clear();
    }

    /// For status: the actor as it was at the end of its last activation, and what waits in its mailbox and its bytes.
    pub(crate) fn shown(&self, address: ActorAddress, now: Time) -> (Showing, (usize, usize)) {
        if let Some(cell) = self.get(address) {
            return (cell.shown(now), cell.size());
        }
        match self.ground.plane.table.get(address) {
            Some(pending) => (Showing::pending(), pending.size()),
            None => (Showing::ended(), (0, 0)),
        }
    }

    /// Actors in long turns, the longest first: for how long, and how old their oldest message is.
    pub(crate) fn long_turns(&self, now: Time) -> Vec<(ActorAddress, Duration, Option<Duration>)> {
        let long = |cell: &Cell| cell.long_turn(now).map(|(length, oldest)| (cell.address(), length, oldest));
        let mut turns: Vec<_> = self.cells.iter().filter_map(|cell| long(cell.value())).collect();
        turns.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
        turns.truncate(STATUS_LONG_TURNS_MAX);
        turns
    }

    /// The turns that actors have had.
    pub(crate) fn turns(&self) -> u64 {
        let of_living: u64 = self.cells.iter().map(|cell| cell.turns()).sum();
        self.ground.totals.turns_of_ended.load(Ordering::Relaxed) + of_living
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.ground.totals.restarts.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> &Arc<ActorLimits> {
        &self.ground.limits
    }

    /// Capabilities of the host, for actors that start.
    pub(crate) fn capabilities(&self) -> Arc<Capabilities> {
        self.ground.capabilities()
    }

    pub(crate) fn set_capabilities(&self, capabilities: Arc<Capabilities>) {
        self.ground.set_capabilities(capabilities);
    }

    /// The threads on which activations run, and what else takes a guest's time.
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.ground.pool
    }

    fn get(&self, address: ActorAddress) -> Option<Arc<Cell>> {
        self.cells.get(&address).map(|cell| cell.clone())
    }
}

/// Gives back what waits in a mailbox that nobody will own, in order. Others have the thread now and then, as between
/// activations; what has not gone back yet counts as queued.
async fn send_all_back(plane: &Plane, mailbox: &SharedMailbox, reason: &ExitReason) {
    let mut batch = VecDeque::new();
    loop {
        let (is_left, _) = mailbox.drain(&mut batch, ACTIVATION_LEN_MAX);
        for envelope in batch.drain(..) {
            plane.leave_over(Leftover::of(envelope, reason, false));
        }
        if !is_left {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use thespian_core::address::HostId;
    use thespian_core::effect::Effect;
    use thespian_core::envelope::{Body, Envelope};
    use thespian_core::mailbox::Push;
    use thespian_core::message::Message;
    use thespian_core::source::authority::SourceAuthority;
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::mpsc;

    use super::*;
    use crate::answers::Answerers;
    use crate::desk::{Desk, Perform};
    use crate::library::Library;
    use crate::log::LogStore;
    use crate::node_fault::FaultWatch;
    use crate::offers::SourceBytes;
    use crate::plane::places::Payer;
    use crate::pool::{self, PoolOwner};
    use crate::sandbox::{Engine, EngineConfig};
    use thespian_core::budget::Purpose;

    const REFUSED: ActorAddress = ActorAddress::new(HostId(1), 1);
    const SENDER: ActorAddress = ActorAddress::new(HostId(1), 2);

    /// A sender that keeps the numbers of what comes back to it.
    #[derive(Default)]
    struct Sender(Mutex<Vec<usize>>);

    impl Receiver for Sender {
        fn push(&self, envelope: Envelope) -> Push {
            let Body::Poisoned(poisoned) = envelope.body else { panic!("{envelope:?}") };
            self.0.lock().push(usize::from_le_bytes(poisoned.original.payload[..].try_into().unwrap()));
            Push::Queued
        }
    }

    /// Tells of each end, with all that had come back by then.
    struct Ends {
        sender: Arc<Sender>,
        told: mpsc::Sender<(ActorAddress, Vec<usize>)>,
    }

    impl Perform for Ends {
        fn take_offered(&mut self, _: Option<SourceBytes>) {}

        fn take_loaded(&mut self, _: ActorAddress, _: u64) {}

        fn actor_ended(&mut self, address: ActorAddress) {
            let came_back = self.sender.0.lock().clone();
            self.told.try_send((address, came_back)).expect("it ends once");
        }

        fn perform(&mut self, _: &mut Answerers, effect: Effect) {
            panic!("nobody has asked for {effect:?}");
        }
    }

    /// A node with one place, which is reserved for an actor that is not decided about; its threads run only while the test
    /// waits for them.
    struct World {
        cells: Cells,
        sender: Arc<Sender>,
        ends: mpsc::Receiver<(ActorAddress, Vec<usize>)>,
        threads: Runtime,
        payer: Payer,
        _pool: PoolOwner,
    }

    impl World {
        fn new() -> Self {
            let threads = Builder::new_current_thread().build().expect("a runtime");
            let log = LogStore::start(None).expect("a thread for the log");
            let plane = Arc::new(Plane::with_places(1, log.clone()));
            let faults = Arc::new(FaultWatch::new(log));
            let desk = Arc::new(Desk::new(plane.clock, faults.clone()));
            let sender = Arc::new(Sender::default());
            let (told, ends) = mpsc::channel(1);
            let performer = Box::new(Ends { sender: sender.clone(), told });
            let authority = SourceAuthority::default();
            desk.begin(Capabilities::default(), authority, LogLevel::Info, performer);
            plane.table.enter(SENDER, sender.clone());
            let payer =
                Payer { account: plane.accounts.outside().clone(), purpose: Purpose::OperatorsCreate };
            plane.places.reserve(REFUSED, payer.clone(), 1).expect("there is one");
            let (limits, capabilities) = (ActorLimits::default(), Capabilities::default());
            let engine = EngineConfig { actors_max: Some(1), ..EngineConfig::default() };
            let engine = Engine::new(engine).expect("an engine");
            let faults = desk.faults().clone();
            let library = Library::new(engine, &plane, threads.handle().clone(), faults, None);
            let pool = pool::start(1, plane.clock, desk.faults().clone()).expect("a thread");
            let tasks = threads.handle().clone();
            let library = Arc::new(library);
            let ground = Ground::new(plane, desk, library, limits, capabilities, pool.pool().clone(), tasks);
            let cells = Cells::new(ground);
            cells.enter_pending(REFUSED);
            Self { cells, sender, ends, threads, payer, _pool: pool }
        }

        fn send(&self, number: usize) {
            let body = Body::Message(Message::bytes("M", number.to_le_bytes().to_vec()));
            let push = self.cells.ground.plane.deliver(Envelope { target: REFUSED, sender: SENDER, body });
            assert_eq!(push, Push::Queued);
        }
    }

    #[test]
    fn all_that_waits_for_a_refused_actor_comes_back_in_order_and_off_the_desk_before_its_end_is_told() {
        let mut world = World::new();
        (0..1_000).for_each(|number| world.send(number));
        world.cells.settle_nowhere(REFUSED, "no such class".to_string());
        let Ground { plane, .. } = &*world.cells.ground;
        assert!(world.sender.0.lock().is_empty(), "whoever settles it gives nothing back itself");
        assert!(plane.accounts.budget().used().queued_bytes > 0, "what has not come back is queued");
        assert!(
            plane.table.get(REFUSED).is_none()
                && plane.places.reserve(SENDER, world.payer.clone(), 1).is_ok()
        );
        let told = world.threads.block_on(world.ends.recv()).expect("it ends");
        assert_eq!(told, (REFUSED, (0..1_000).collect()));
        assert_eq!(plane.accounts.budget().used().queued_bytes, 0);
    }

    #[test]
    fn the_end_of_a_refused_actor_for_which_nothing_waits_is_told_at_once() {
        let mut world = World::new();
        world.cells.settle_nowhere(REFUSED, "no such class".to_string());
        assert_eq!(world.ends.try_recv(), Ok((REFUSED, Vec::new())));
    }
}
