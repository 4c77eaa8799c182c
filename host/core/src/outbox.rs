//! What one turn asks for: collected while the handler runs, committed when it returns `ok`, else dropped.

mod request;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use request::{CreateChild, CreateOptions, Request, check_capability, check_create, check_global_name};

use crate::address::ActorAddress;
use crate::capability::Value;
use crate::fate::Bound;
use crate::limits::{
    ActorLimits, CAPABILITY_TEXT_LEN_MAX, CLASS_NAME_LEN_MAX, GLOBAL_NAME_LEN_MAX, QUESTIONS_MAX,
    REQUIREMENTS_BYTES_MAX, WAKEUP_DELAY_MIN,
};
use crate::message::{Message, MessageError};
use crate::mistake::{Mistake, is_made};
use crate::source::Rights;

const fn check_right(has: bool, right: &'static str) -> Result<(), OutboxError> {
    if has { Ok(()) } else { Err(OutboxError::NoRight(right)) }
}

/// Why an outbox refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The message can't be sent by anybody.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The class's name is too long.
    #[error("a class has a name of at most {CLASS_NAME_LEN_MAX} bytes")]
    ClassNameTooLong,
    /// The requirements are too big.
    #[error("the requirements of an actor may take {REQUIREMENTS_BYTES_MAX} bytes")]
    RequirementsTooBig,
    /// Too many children live, or have ended without the actor having heard of it.
    #[error("at most {max} children may live, or have ended unheard of")]
    TooManyChildren {
        /// The bound.
        max: usize,
    },
    /// No entry is left.
    #[error("the outbox is full: a turn may ask for {max} things")]
    Full {
        /// The bound.
        max: usize,
    },
    /// No room for the bytes is left.
    #[error("the outbox is full: the messages of a turn may take {max} bytes")]
    FullOfBytes {
        /// The bound.
        max: usize,
    },
    /// The host runs as many actors as it can.
    #[error("the host has no room for more actors")]
    NoPlace,
    /// The actor's own mailbox has no room for what it sends itself.
    #[error("the actor's own mailbox is full")]
    OwnMailboxFull,
    /// Too many wakeups are pending.
    #[error("at most {max} wakeups may be pending")]
    TooManyWakeups {
        /// The bound.
        max: usize,
    },
    /// The payloads of the pending wakeups are too big together.
    #[error("the payloads of pending wakeups may take {max} bytes")]
    WakeupsTooBig {
        /// The bound.
        max: usize,
    },
    /// Too many actors are monitored.
    #[error("at most {max} actors may be monitored")]
    TooManyMonitors {
        /// The bound.
        max: usize,
    },
    /// Too many questions to the host are open.
    #[error("at most {QUESTIONS_MAX} questions to the host may be open")]
    TooManyQuestions,
    /// The global name can't be used.
    #[error("a global name has 1 to {GLOBAL_NAME_LEN_MAX} bytes")]
    GlobalName,
    /// The actor's source was loaded without this right.
    #[error("its source was loaded without the right to `{0}`")]
    NoRight(&'static str),
    /// The capability can't be had.
    #[error("a capability has a name of 1 to {CAPABILITY_TEXT_LEN_MAX} bytes, and a text of at most as many")]
    Capability,
    /// Only an exit turn can keep the children.
    #[error("only possible while handling an exit request")]
    NotExiting,
    /// An actor that exits creates nobody: who would end them?
    #[error("the actor is exiting")]
    Exiting,
}

impl OutboxError {
    /// Whether a bound is the cause rather than a wrong argument.
    #[must_use]
    pub const fn is_exhaustion(&self) -> bool {
        !matches!(
            self,
            Self::Message(
                MessageError::NoTypeName | MessageError::Reserved | MessageError::TypeNameTooLong { .. }
            ) | Self::ClassNameTooLong
                | Self::RequirementsTooBig
                | Self::GlobalName
                | Self::Capability
                | Self::NoRight(_)
                | Self::NotExiting
                | Self::Exiting
        )
    }
}

/// The wakeups that an actor has pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeups {
    /// How many.
    pub len: usize,
    /// What their payloads cost, in bytes.
    pub bytes: usize,
    /// The id of the next.
    pub next_id: u64,
}

/// The questions to the host that an actor has open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// How many.
    pub len: usize,
    /// The id of the next.
    pub next_id: u64,
}

/// How far an actor is on its way out when a turn begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaving {
    /// It is not.
    #[default]
    Stays,
    /// The turn handles an exit request.
    ExitTurn,
    /// Its exit turn is over.
    Exiting,
}

/// What an actor has under way when a turn begins: bounds count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its wakeups.
    pub wakeups: Wakeups,
    /// Its questions.
    pub questions: Questions,
    /// Its children.
    pub children: usize,
    /// Actors that it monitors.
    pub monitors: usize,
    /// Whether it is about to end.
    pub leaving: Leaving,
    /// What it may ask of the host besides what all may.
    pub rights: Rights,
}

/// What a turn has asked for so far, with its bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    requests: Vec<Request>,
    bytes: usize,
    /// What the actor has under way, with what this turn adds to it.
    standing: Standing,
    creates: usize,
    keeps_children: bool,
    /// The first bound that refused something.
    met: Option<Box<OutboxError>>,
}

impl Outbox {
    /// Makes it empty, for a turn of an actor that has this under way.
    #[inline]
    pub fn reset(&mut self, standing: Standing) {
        self.requests.clear();
        self.bytes = 0;
        self.standing = standing;
        self.creates = 0;
        self.keeps_children = false;
        self.met = None;
    }

    /// Checks and adds a message for `target`.
    ///
    /// # Errors
    /// Adds nothing when the message breaks a rule or a bound.
    pub fn send(
        &mut self,
        target: ActorAddress,
        message: Message,
        limits: &ActorLimits,
    ) -> Result<(), OutboxError> {
        let cost = self.check_message(&message, limits)?;
        self.check_room(cost, limits)?;
        self.bytes += cost;
        self.requests.push(Request::Send { target, message });
        Ok(())
    }

    /// Whether the turn can create actors. An actor that exits can't: it would wait for its new children, or leave them
    /// behind. In its exit turn it can once it has said that its children live on.
    ///
    /// # Errors
    /// It can't.
    pub fn check_may_create(&self) -> Result<(), OutboxError> {
        let may_create = match self.standing.leaving {
            Leaving::Stays => true,
            Leaving::ExitTurn => self.keeps_children || is_made(Mistake::CreateInTheExitTurn),
            Leaving::Exiting => is_made(Mistake::CreateForTheExiting),
        };
        if may_create { Ok(()) } else { Err(OutboxError::Exiting) }
    }

    /// Checks and adds a child to be created.
    ///
    /// # Errors
    /// Adds nothing when the actor exits, the init message breaks a rule, or a bound is reached.
    pub fn create(&mut self, child: CreateChild, limits: &ActorLimits) -> Result<(), OutboxError> {
        self.check_may_create()?;
        let cost = self.check_child(&child, limits)?;
        if self.standing.children >= limits.children_max && !is_made(Mistake::BoundNoChildren) {
            return Err(self.refuse(OutboxError::TooManyChildren { max: limits.children_max }));
        }
        self.check_room(cost, limits)?;
        self.bytes += cost;
        self.standing.children += 1;
        self.creates += 1;
        self.requests.push(Request::Create(Box::new(child)));
        Ok(())
    }

    fn check_child(&mut self, child: &CreateChild, limits: &ActorLimits) -> Result<usize, OutboxError> {
        check_create(&child.class, &child.options)?;
        child.options.init.as_ref().map_or(Ok(0), |message| self.check_message(message, limits))
    }

    /// Checks and adds a question after the actor of a global name, which `child` is to become if there is none;
    /// returns the question's id.
    ///
    /// # Errors
    /// As [`Self::create`], and where the name can't be used.
    pub fn create_named(
        &mut self,
        name: &str,
        child: CreateChild,
        limits: &ActorLimits,
    ) -> Result<u64, OutboxError> {
        self.check_may_create()?;
        check_global_name(name)?;
        let cost = self.check_child(&child, limits)? + name.len();
        self.check_room(cost, limits)?;
        let request = self.question()?;
        self.bytes += cost;
        self.requests.push(Request::CreateNamed { request, name: name.into(), child: Box::new(child) });
        Ok(request)
    }

    /// Adds a question of the actor `me` after the status of an actor, or of the host; returns the question's id. After
    /// its own every actor may ask.
    ///
    /// # Errors
    /// Adds nothing when a bound is reached, or it is about another and the actor has no right to it.
    pub fn request_status(
        &mut self,
        me: ActorAddress,
        about: Option<ActorAddress>,
        limits: &ActorLimits,
    ) -> Result<u64, OutboxError> {
        check_right(self.standing.rights.status || about == Some(me), "status")?;
        self.check_room(0, limits)?;
        let request = self.question()?;
        self.requests.push(Request::RequestStatus { request, about });
        Ok(request)
    }

    fn question(&mut self) -> Result<u64, OutboxError> {
        let questions = &mut self.standing.questions;
        if questions.len >= QUESTIONS_MAX {
            return Err(self.refuse(OutboxError::TooManyQuestions));
        }
        questions.len += 1;
        questions.next_id += 1;
        Ok(questions.next_id - 1)
    }

    /// Adds the wish to hear of an actor's end.
    ///
    /// # Errors
    /// Adds nothing when a bound is reached.
    pub fn monitor(&mut self, target: ActorAddress, limits: &ActorLimits) -> Result<(), OutboxError> {
        if self.standing.monitors >= limits.monitors_max && !is_made(Mistake::BoundNoMonitors) {
            return Err(self.refuse(OutboxError::TooManyMonitors { max: limits.monitors_max }));
        }
        self.check_room(0, limits)?;
        // One that is monitored already counts twice until the turn's end, which is on the safe side.
        self.standing.monitors += 1;
        self.requests.push(Request::Monitor(target));
        Ok(())
    }

    /// Adds a change of what the host has.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, it breaks a rule, or the outbox is full.
    pub fn update_capability(
        &mut self,
        name: String,
        value: Option<Value>,
        limits: &ActorLimits,
    ) -> Result<(), OutboxError> {
        check_right(self.standing.rights.capabilities, "capabilities")?;
        check_capability(&name, value.as_ref())?;
        let cost = 2 * CAPABILITY_TEXT_LEN_MAX;
        self.check_room(cost, limits)?;
        self.bytes += cost;
        self.requests.push(Request::UpdateCapability { name, value });
        Ok(())
    }

    /// Adds a request that has no bound but that of the outbox.
    fn plain(&mut self, request: Request, limits: &ActorLimits) -> Result<(), OutboxError> {
        self.check_room(0, limits)?;
        self.requests.push(request);
        Ok(())
    }

    /// Adds the end of a monitoring.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn demonitor(&mut self, target: ActorAddress, limits: &ActorLimits) -> Result<(), OutboxError> {
        self.plain(Request::Demonitor(target), limits)
    }

    /// Adds the end of a child.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn kill_child(&mut self, child: ActorAddress, limits: &ActorLimits) -> Result<(), OutboxError> {
        self.plain(Request::KillChild(child), limits)
    }

    /// Adds that the host's dead letters go to this actor, or do so no longer.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn handle_dead_letters(&mut self, handles: bool, limits: &ActorLimits) -> Result<(), OutboxError> {
        let has_right = self.standing.rights.dead_letters || is_made(Mistake::GiveAnybodyDeadLetters);
        check_right(has_right, "dead-letters")?;
        self.plain(Request::HandleDeadLetters(handles), limits)
    }

    /// Adds the host's stop.
    ///
    /// # Errors
    /// Adds nothing when the actor has no right to it, or the outbox is full.
    pub fn shut_down(&mut self, limits: &ActorLimits) -> Result<(), OutboxError> {
        check_right(self.standing.rights.shutdown, "shutdown")?;
        self.plain(Request::ShutDown, limits)
    }

    /// Checks and adds a wakeup; returns its id.
    ///
    /// # Errors
    /// Adds nothing when the payload breaks a rule, or a bound is reached.
    pub fn wakeup(
        &mut self,
        delay: Duration,
        payload: Option<Message>,
        limits: &ActorLimits,
    ) -> Result<u64, OutboxError> {
        let cost = match &payload {
            Some(message) => self.check_message(message, limits)?,
            None => 0,
        };
        if self.standing.wakeups.len >= limits.wakeups_max && !is_made(Mistake::BoundNoWakeups) {
            return Err(self.refuse(OutboxError::TooManyWakeups { max: limits.wakeups_max }));
        }
        if self.standing.wakeups.bytes + cost > limits.mailbox_bytes_max {
            return Err(self.refuse(OutboxError::WakeupsTooBig { max: limits.mailbox_bytes_max }));
        }
        self.check_room(cost, limits)?;
        self.bytes += cost;
        self.standing.wakeups.len += 1;
        self.standing.wakeups.bytes += cost;
        let id = self.standing.wakeups.next_id;
        self.standing.wakeups.next_id += 1;
        self.requests.push(Request::Wakeup { id, delay: delay.max(WAKEUP_DELAY_MIN), payload });
        Ok(id)
    }

    /// Adds the taking back of a wakeup.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn cancel_wakeup(&mut self, id: u64, limits: &ActorLimits) -> Result<(), OutboxError> {
        self.plain(Request::CancelWakeup { id }, limits)
    }

    /// Adds a request to exit.
    ///
    /// # Errors
    /// Adds nothing when the outbox is full.
    pub fn request_exit(
        &mut self,
        target: ActorAddress,
        recursive: bool,
        limits: &ActorLimits,
    ) -> Result<(), OutboxError> {
        self.check_room(0, limits)?;
        self.requests.push(Request::Exit { target, recursive });
        Ok(())
    }

    /// Lets the children live, in an exit turn.
    ///
    /// # Errors
    /// In any other turn.
    pub fn keep_children(&mut self) -> Result<(), OutboxError> {
        if self.standing.leaving != Leaving::ExitTurn {
            return Err(OutboxError::NotExiting);
        }
        self.keeps_children = true;
        Ok(())
    }

    /// Whether an exit turn lets the children live.
    #[must_use]
    pub const fn keeps_children(&self) -> bool {
        self.keeps_children
    }

    /// How many children are to be created.
    #[must_use]
    pub const fn creates(&self) -> usize {
        self.creates
    }

    /// How many requests there is memory for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.requests.capacity()
    }

    /// Notes that a bound refuses something: of this outbox, of the actor's own mailbox, of the actors of the host.
    #[cold]
    pub fn refuse(&mut self, bound: OutboxError) -> OutboxError {
        if self.met.is_none() {
            self.met = Some(Box::new(bound.clone()));
        }
        bound
    }

    /// The first bound that refused something in this turn, if any did.
    #[must_use]
    pub fn met(&self) -> Option<Bound> {
        self.met.clone().map(Bound::Import)
    }

    /// Takes out what was asked for, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Request> {
        self.requests.drain(..)
    }

    /// What was asked for so far.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    #[inline]
    fn check_message(&mut self, message: &Message, limits: &ActorLimits) -> Result<usize, OutboxError> {
        let checked = message.check(limits.message_bytes_max);
        if let Err(error @ MessageError::TooBig { .. }) = &checked {
            return Err(self.refuse(error.clone().into()));
        }
        Ok(checked?)
    }

    fn check_room(&mut self, cost: usize, limits: &ActorLimits) -> Result<(), OutboxError> {
        if self.requests.len() >= limits.outbox_len_max && !is_made(Mistake::BoundNoOutbox) {
            return Err(self.refuse(OutboxError::Full { max: limits.outbox_len_max }));
        }
        if self.bytes + cost > limits.outbox_bytes_max && !is_made(Mistake::BoundNoOutboxBytes) {
            return Err(self.refuse(OutboxError::FullOfBytes { max: limits.outbox_bytes_max }));
        }
        Ok(())
    }
}
