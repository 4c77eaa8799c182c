//! Where `Admin`'s events are handled, one after the other, by the thread that has something to tell: to wake another
//! one would take longer than to handle the event.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use thespian_core::admin::Admin;
use thespian_core::capability::Capabilities;
use thespian_core::effect::Effect;
use thespian_core::event::{Asker, Event};
use thespian_core::log_level::LogLevel;
use thespian_core::time::Time;
use thespian_core::wire::control::{ControlError, Reply};
use tokio::sync::{Notify, oneshot};

use crate::perform::Performer;
use crate::session::Updates;
use crate::shared::Shared;

/// Events that one thread handles at once. It has its own work to do: the node's task takes on what is left.
const EVENTS_AT_ONCE: usize = 256;

/// What the desk is told.
pub(crate) enum NodeEvent {
    /// For `Admin`.
    Admin(Event),
    /// For `Admin`, from someone outside who waits for the answer.
    Asked {
        asker: Asker,
        answerer: Answerer,
        event: Event,
        /// The bytes of a source that is offered.
        offered: Option<Bytes>,
    },
    /// Shows `Admin` to a question that changes nothing.
    Look(Box<dyn FnOnce(&Admin) + Send>),
}

/// Where the answer to someone outside goes.
pub(crate) struct Answerer {
    pub(crate) reply: oneshot::Sender<Result<Reply, ControlError>>,
    pub(crate) updates: Option<Updates>,
}

/// What waits to be handled. Bounded by what tells: five events in an actor's life, and actors are bounded by their
/// places; a question for each request of a connection, which are bounded too.
#[derive(Default)]
struct Waiting {
    events: VecDeque<NodeEvent>,
    closed: bool,
}

/// `Admin`, and who carries out its effects.
struct Duty {
    admin: Admin,
    performer: Performer,
    effects: Vec<Effect>,
}

/// A queue of events, and the one who handles them. Nobody waits for it: a thread that finds it taken leaves its
/// event to the one who has it.
pub(crate) struct Desk {
    waiting: Mutex<Waiting>,
    /// `None` once the node has stopped.
    duty: Mutex<Option<Duty>>,
    /// When `Admin` wants to hear of the time next.
    alarm: Mutex<Option<Time>>,
    /// For the node's task: events are left over, or a deadline has come nearer.
    look: Notify,
}

impl Desk {
    pub(crate) fn new(capabilities: Capabilities, log_level: LogLevel, performer: Performer) -> Self {
        let admin = Admin::new(capabilities).with_log_level(log_level);
        let duty = Duty { admin, performer, effects: Vec::new() };
        Self {
            waiting: Mutex::default(),
            duty: Mutex::new(Some(duty)),
            alarm: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// Tells `Admin`. Once the node has stopped there is nobody to tell: the event is dropped, and with it its answerer.
    ///
    /// May be called with an actor's cell locked: nothing that is carried out here locks one, but for that of an actor
    /// that has yet to run.
    pub(crate) fn tell(&self, shared: &Arc<Shared>, event: NodeEvent) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        waiting.events.push_back(event);
        drop(waiting);
        self.attend(shared);
    }

    /// Handles what waits, unless another thread is at it: that one looks once more before it leaves.
    fn attend(&self, shared: &Arc<Shared>) {
        let mut handled = 0;
        while let Some(mut duty) = self.duty.try_lock() {
            while let Some(on_duty) = &mut *duty {
                if handled == EVENTS_AT_ONCE {
                    // In this order: whom it wakes must find the desk free.
                    drop(duty);
                    self.look.notify_one();
                    return;
                }
                let Some(event) = self.waiting.lock().events.pop_front() else { break };
                handled += 1;
                on_duty.handle(shared, event);
                if on_duty.performer.is_stopped() {
                    self.shut(&mut duty);
                }
            }
            self.set_alarm(duty.as_ref().and_then(|duty| duty.admin.deadline()));
            drop(duty);
            if self.waiting.lock().events.is_empty() {
                return;
            }
        }
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
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        let left = std::mem::take(&mut waiting.events);
        drop(waiting);
        *duty = None;
        drop(left);
        self.look.notify_one();
    }

    /// The node's task: tells `Admin` when its time has come, and handles what others left. Ends when the node stops.
    pub(crate) async fn run(&self, shared: &Arc<Shared>) {
        while !self.waiting.lock().closed {
            let alarm = *self.alarm.lock();
            let due = async {
                match alarm {
                    Some(due) => tokio::time::sleep_until(shared.clock.instant(due).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.look.notified() => self.attend(shared),
                () = due => self.tell(shared, NodeEvent::Admin(Event::TimePassed)),
            }
        }
    }
}

impl Duty {
    fn handle(&mut self, shared: &Arc<Shared>, event: NodeEvent) {
        let event = match event {
            NodeEvent::Admin(event) => event,
            NodeEvent::Asked { asker, answerer, event, offered } => {
                self.performer.expect(asker, answerer);
                if let (Event::SourceOffered { hash, .. }, Some(bytes)) = (&event, offered) {
                    self.performer.keep(*hash, bytes);
                }
                event
            }
            NodeEvent::Look(look) => return look(&self.admin),
        };
        if let Event::AskerLeft { asker } = &event {
            self.performer.forget(*asker);
        }
        self.admin.handle(shared.clock.now(), event, &mut self.effects);
        if self.admin.is_stopping() {
            shared.note_stopping();
        }
        for effect in self.effects.drain(..) {
            self.performer.perform(shared, &self.admin, effect);
        }
    }
}
