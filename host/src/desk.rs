//! Where `Admin`'s events are handled, one after the other, by the thread that has something to tell: to wake another
//! one would take longer than to handle the event.
//!
//! ```text
//!  tell, ask, look ──► queue ──► on duty: one event, Admin, its effects, the next event ──► the queue is empty: leave
//!                        ▲                         │
//!                        └── a thread that finds the duty taken leaves its event here
//! ```
//!
//! It knows `Admin` and nothing else of the node: its effects are carried out by a [`Perform`].

use std::cell::Cell as Flag;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thespian_core::address::ActorAddress;
use thespian_core::admin::Admin;
use thespian_core::capability::Capabilities;
use thespian_core::effect::{Effect, Effects};
use thespian_core::event::Event;
use thespian_core::life::ActorEvent;
use thespian_core::limits::DESK_TIME_MAX;
use thespian_core::log_level::LogLevel;
use thespian_core::question::{Asker, Origin, Question, Refusal};
use thespian_core::source::authority::SourceAuthority;
use thespian_core::source::registry::Registry;
use thespian_core::time::Time;
use thespian_core::wire::control::ControlError;
use tokio::sync::{Notify, oneshot, watch};

use crate::answers::{Answered, Answerer, Answerers, Updates, worded};
use crate::cpu_time;
use crate::node_fault::{Entrance, FaultWatch};
use crate::offers::SourceBytes;
use crate::plane::clock::Clock;

/// Events that one thread handles at once. It has its own work to do: the node's task takes on what is left.
const EVENTS_AT_ONCE: usize = 256;

/// Of so many times that a thread has the desk, one is measured: to ask for a thread's CPU time takes as long as to handle
/// a small event. The time on the wall would tell of what else the machine does.
const HOLDS_PER_MEASURE: u64 = 16;

/// Carries out what `Admin` decides. Nothing here waits: what takes time runs elsewhere and reports by an event. And nothing
/// here locks what an activation locks, for the thread that is on duty may be in the middle of one.
pub(crate) trait Perform: Send {
    /// Takes the bytes of a source that comes with the event under way, or lets go of them: they are kept only where they are
    /// to be judged.
    fn take_offered(&mut self, offered: Option<SourceBytes>);

    /// Takes the bytes of a source that an actor loads by this question, as [`Self::take_offered`].
    fn take_loaded(&mut self, loader: ActorAddress, request: u64);

    /// Hears that an actor is no more, before `Admin` does.
    fn actor_ended(&mut self, address: ActorAddress);

    /// Carries out an effect.
    fn perform(&mut self, answerers: &mut Answerers, effect: Effect);
}

/// Something that the desk is told.
enum NodeEvent {
    /// An event for `Admin`.
    Admin(Event),
    /// For `Admin`, from someone outside who waits for the answer.
    Asked {
        asker: Asker,
        answerer: Answerer,
        question: MakeQuestion,
        /// The bytes of a source that is offered.
        offered: Option<SourceBytes>,
    },
    /// Shows `Admin` to a question that changes nothing.
    Look(Box<dyn FnOnce(&Admin) + Send>),
}

/// Makes a question, of what was asked and the sources that the node knows in the moment in which `Admin` hears it: people
/// type the beginning of a hash.
type MakeQuestion = Box<dyn FnOnce(&Registry) -> Result<Question, Refusal> + Send>;

/// Events that wait to be handled. Bounded by what tells: five events in an actor's life, and actors are bounded by their
/// places; a question for each request of a connection, which are bounded too.
#[derive(Default)]
struct EventQueue {
    events: VecDeque<NodeEvent>,
    closed: bool,
}

/// `Admin`, who carries out its effects, and who waits for its answers.
struct Duty {
    admin: Admin,
    performer: Box<dyn Perform>,
    answerers: Answerers,
    effects: Effects,
    /// How often a thread has had it.
    holds: u64,
}

/// A queue of events, and the one who handles them. Nobody waits for it: a thread that finds it taken leaves its
/// event to the one who has it.
pub(crate) struct Desk {
    clock: Clock,
    faults: Arc<FaultWatch>,
    queue: Mutex<EventQueue>,
    /// `None` before the node has started, and once it has stopped.
    duty: Mutex<Option<Duty>>,
    /// When `Admin` wants to hear of the time next.
    alarm: Mutex<Option<Time>>,
    /// For the node's task: events are left over, or a deadline has come nearer.
    look: Notify,
    next_asker: AtomicU64,
    /// The longest time for which one thread had the desk, as far as it was measured, in ns.
    held_max_ns: AtomicU64,
    stopping: watch::Sender<bool>,
    stopped: watch::Sender<bool>,
}

thread_local! {
    static IS_CARRYING_OUT: Flag<bool> = const { Flag::new(false) };
}

/// The time in which a thread carries out what `Admin` decided; over when dropped, also by a panic.
struct CarryingOut;

impl CarryingOut {
    fn begin() -> Self {
        IS_CARRYING_OUT.set(true);
        Self
    }
}

impl Drop for CarryingOut {
    fn drop(&mut self) {
        IS_CARRYING_OUT.set(false);
    }
}

/// Whether this thread is in the middle of what `Admin` decided.
pub(crate) fn is_carrying_out() -> bool {
    IS_CARRYING_OUT.get()
}

impl Desk {
    pub(crate) fn new(clock: Clock, faults: Arc<FaultWatch>) -> Self {
        Self {
            clock,
            faults,
            queue: Mutex::default(),
            duty: Mutex::default(),
            alarm: Mutex::default(),
            look: Notify::new(),
            next_asker: AtomicU64::new(1),
            held_max_ns: AtomicU64::new(0),
            stopping: watch::Sender::new(false),
            stopped: watch::Sender::new(false),
        }
    }

    /// Begins the node's control plane.
    pub(crate) fn begin(
        &self,
        capabilities: Capabilities,
        authority: SourceAuthority,
        log_level: LogLevel,
        performer: Box<dyn Perform>,
    ) {
        let admin = Admin::new(capabilities).with_authority(authority).with_log_level(log_level);
        let (answerers, effects) = (Answerers::default(), Effects::default());
        *self.duty.lock() = Some(Duty { admin, performer, answerers, effects, holds: 0 });
    }

    /// The watch over faults of the node's own.
    pub(crate) const fn faults(&self) -> &Arc<FaultWatch> {
        &self.faults
    }

    /// Tells `Admin`. Once the node has stopped there is nobody to tell: the event is dropped.
    ///
    /// May be called in the middle of an activation: nothing that is carried out here locks what activations lock.
    pub(crate) fn tell(&self, event: impl Into<Event>) {
        self.put(NodeEvent::Admin(event.into()));
    }

    /// Asks `Admin` what `question` makes of the sources that are known. Dropping the future takes the question back.
    ///
    /// # Errors
    /// As each question documents, and those of `question`; the node has stopped.
    pub(crate) async fn ask(
        &self,
        question: impl FnOnce(&Registry) -> Result<Question, Refusal> + Send + 'static,
        offered: Option<SourceBytes>,
        updates: Option<Updates>,
    ) -> Answered {
        let asker = Asker(self.next_asker.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        let answerer = Answerer { reply, updates };
        let mut left = AskerLeft { desk: self, asker: Some(asker) };
        self.put(NodeEvent::Asked { asker, answerer, question: Box::new(question), offered });
        let answer = answer.await;
        left.asker = None;
        answer.unwrap_or_else(|_| Err(self.why_closed()))
    }

    /// Shows `Admin` to a question that changes nothing, and returns what it saw. All others wait meanwhile: it copies
    /// what is bounded, and leaves the rest to its asker.
    ///
    /// # Errors
    /// The node has stopped.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        view: impl FnOnce(&Admin) -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        let (seen, answer) = oneshot::channel();
        let look = move |admin: &Admin| {
            // Who asked may have left.
            let _ = seen.send(view(admin));
        };
        self.put(NodeEvent::Look(Box::new(look)));
        answer.await.map_err(|_| self.why_closed())
    }

    /// The reason why nobody is answered any more, once it has closed.
    pub(crate) fn why_closed(&self) -> ControlError {
        match self.faults.first() {
            Some(fault) => ControlError::NodeFailed { fault: fault.to_string() },
            None => ControlError::ShuttingDown,
        }
    }

    /// The longest time for which one thread had the desk, so that what it was told waited for all others: in CPU time,
    /// and of one in each [`HOLDS_PER_MEASURE`] holds.
    pub(crate) fn held_max(&self) -> Duration {
        Duration::from_nanos(self.held_max_ns.load(Ordering::Relaxed))
    }

    /// Notes that the node begins to stop, or was asked to.
    pub(crate) fn note_stopping(&self) {
        self.stopping.send_if_modified(|stopping| !std::mem::replace(stopping, true));
    }

    /// Returns when the node has begun to stop, whoever asked for it.
    pub(crate) async fn stopping(&self) {
        // The sender is ours: there is no error.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Returns when the node has stopped, whoever asked for it.
    pub(crate) async fn stopped(&self) {
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    fn put(&self, event: NodeEvent) {
        let mut queue = self.queue.lock();
        if queue.closed {
            return;
        }
        queue.events.push_back(event);
        drop(queue);
        self.attend();
    }

    /// Handles what waits, unless another thread is at it: that one looks once more before it leaves.
    ///
    /// A fault in it ends here: whoever told something goes on, and finds that the node has ended.
    fn attend(&self) {
        let mut events_handled = 0;
        while let Some(mut duty) = self.duty.try_lock() {
            let handle = || self.handle_some(&mut duty, &mut events_handled);
            let Some(is_enough) = self.faults.catch(Entrance::Desk, handle) else {
                // Under this lock: nobody goes on with the effects that are left.
                let _ = self.faults.catch(Entrance::Desk, || self.shut(&mut duty));
                drop(duty);
                return self.faults.end_node();
            };
            // Before anybody is woken, who must find the desk free.
            drop(duty);
            if is_enough {
                return self.look.notify_one();
            }
            if self.queue.lock().events.is_empty() {
                return;
            }
        }
    }

    /// Handles what waits. Whether this thread has handled enough: the rest is for the node's task.
    fn handle_some(&self, duty: &mut Option<Duty>, events_handled: &mut usize) -> bool {
        let since = self.clock.now();
        let hold = Hold::begin(duty.as_mut());
        while let Some(on_duty) = duty {
            let now = self.clock.now();
            if *events_handled == EVENTS_AT_ONCE || now.since(since) >= DESK_TIME_MAX {
                hold.end(&self.held_max_ns);
                return true;
            }
            let Some(event) = self.queue.lock().events.pop_front() else { break };
            *events_handled += 1;
            let is_stopped = on_duty.handle(now, event);
            if on_duty.admin.is_stopping() {
                self.note_stopping();
            }
            if is_stopped {
                self.shut(duty);
            }
        }
        self.set_alarm(duty.as_ref().and_then(|duty| duty.admin.deadline()));
        hold.end(&self.held_max_ns);
        false
    }

    /// Has the node's task look again where it would sleep past a deadline.
    fn set_alarm(&self, deadline: Option<Time>) {
        let before = std::mem::replace(&mut *self.alarm.lock(), deadline);
        if let Some(due) = deadline
            && before.is_none_or(|before| due < before)
        {
            self.look.notify_one();
        }
    }

    /// Ends it: who still waits for an answer hears that the node stops.
    pub(crate) fn close(&self) {
        self.shut(&mut self.duty.lock());
    }

    fn shut(&self, duty: &mut Option<Duty>) {
        // Told last, and also where what is dropped here panics.
        let _end = DeskEnd(self);
        let mut queue = self.queue.lock();
        queue.closed = true;
        let left = std::mem::take(&mut queue.events);
        drop(queue);
        drop(duty.take());
        drop(left);
    }

    /// The node's task: tells `Admin` when its time has come, and handles what others left. Ends when the node stops.
    pub(crate) async fn run(&self) {
        while !self.queue.lock().closed {
            let alarm = *self.alarm.lock();
            let due = async {
                match alarm {
                    Some(due) => tokio::time::sleep_until(self.clock.instant(due).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.look.notified() => self.attend(),
                () = due => self.tell(Event::TimePassed),
            }
        }
    }
}

/// When dropped, whoever waits for the desk's end hears of it.
struct DeskEnd<'a>(&'a Desk);

impl Drop for DeskEnd<'_> {
    fn drop(&mut self) {
        self.0.stopped.send_replace(true);
        self.0.look.notify_one();
    }
}

/// A thread has the desk; since when by its CPU time, where that is measured.
struct Hold {
    since: Option<Duration>,
}

impl Hold {
    fn begin(duty: Option<&mut Duty>) -> Self {
        let is_measured = duty.is_some_and(|duty| {
            duty.holds += 1;
            duty.holds.is_multiple_of(HOLDS_PER_MEASURE)
        });
        Self { since: is_measured.then(cpu_time::of_this_thread) }
    }

    fn end(self, max_ns: &AtomicU64) {
        if let Some(since) = self.since {
            let held = cpu_time::of_this_thread().saturating_sub(since).as_nanos();
            max_ns.fetch_max(u64::try_from(held).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl Duty {
    /// Whether the node has stopped by it.
    fn handle(&mut self, now: Time, event: NodeEvent) -> bool {
        let event = match event {
            NodeEvent::Admin(event) => event,
            NodeEvent::Asked { asker, answerer, question, offered } => {
                self.answerers.expect(asker, answerer);
                let question = match question(self.admin.sources()) {
                    Ok(question) => question,
                    Err(refusal) => {
                        self.answerers.answer(asker, worded(Err(refusal)));
                        return false;
                    }
                };
                self.performer.take_offered(offered);
                Event::Asked { origin: Origin::Client(asker), question }
            }
            NodeEvent::Look(look) => {
                look(&self.admin);
                return false;
            }
        };
        match &event {
            Event::Withdrawn(Origin::Client(asker)) => self.answerers.forget(*asker),
            Event::Actor(ActorEvent::Ended { address, .. }) => self.performer.actor_ended(*address),
            Event::Asked { origin: Origin::Actor { address, request }, question: Question::Load(_) } => {
                self.performer.take_loaded(*address, *request);
            }
            _ => {}
        }
        self.admin.handle(now, event, &mut self.effects);
        let mut effects = std::mem::take(&mut self.effects);
        let is_stopped = effects.iter().any(|effect| matches!(effect, Effect::Stop));
        let carrying_out = CarryingOut::begin();
        for effect in effects.drain() {
            self.performer.perform(&mut self.answerers, effect);
        }
        // Bytes that nobody wants go.
        self.performer.take_offered(None);
        drop(carrying_out);
        // With its memory.
        self.effects = effects;
        is_stopped
    }
}

/// Tells `Admin` when a question is taken back.
struct AskerLeft<'a> {
    desk: &'a Desk,
    asker: Option<Asker>,
}

impl Drop for AskerLeft<'_> {
    fn drop(&mut self) {
        if let Some(asker) = self.asker {
            self.desk.tell(Event::Withdrawn(Origin::Client(asker)));
        }
    }
}
