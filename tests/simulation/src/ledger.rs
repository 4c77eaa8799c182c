//! What must hold: the fate of every message, and who heard of whom. It only keeps books; what it finds wrong it notes.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::address::ActorAddress;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::event::Asker;
use thespian_core::message::Message;

use crate::dead_letters::DeadLetters;
use crate::lifetimes::Lifetimes;
use crate::monitors::Monitors;
use crate::names::Names;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Handled,
    Dead,
    /// It was sent back as poison, which has a fate of its own.
    Returned,
    PoisonHandled,
    PoisonDead,
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) violations: Vec<String>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) monitors: Monitors,
    pub(crate) names: Names,
    fates: BTreeMap<u64, Fate>,
    last_handled: BTreeMap<(ActorAddress, ActorAddress), u64>,
    ended: BTreeSet<ActorAddress>,
    /// Children whose end was told, to whom, and whether that one has handled it.
    notices: BTreeMap<ActorAddress, (ActorAddress, bool)>,
    ends_told: BTreeMap<ActorAddress, u32>,
    /// Who created whom.
    parents: BTreeMap<ActorAddress, ActorAddress>,
    /// Children that live, or whose end their creator has not heard of.
    children: BTreeMap<ActorAddress, usize>,
    answers: BTreeMap<Asker, u32>,
    left: BTreeSet<Asker>,
}

/// A message that carries its own number.
pub(crate) fn numbered(id: u64, size: usize) -> Message {
    let mut payload = vec![0; 8.max(size)];
    payload[..8].copy_from_slice(&id.to_le_bytes());
    Message::bytes("M", payload)
}

const HEADER: &str = "number";

/// The same for a message whose payload is for its receiver.
pub(crate) fn with_number(mut message: Message, id: u64) -> Message {
    message.headers = Some([(HEADER.into(), id.to_string().into())].into());
    message
}

pub(crate) fn number(message: &Message) -> u64 {
    let mut headers = message.headers.iter().flatten();
    if let Some((_, id)) = headers.find(|(name, _)| &**name == HEADER) {
        return id.parse().unwrap_or(u64::MAX);
    }
    message.payload.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}

impl Ledger {
    pub(crate) fn sent(&mut self, id: u64) {
        self.fates.insert(id, Fate::Sent);
    }

    fn turn(&mut self, message: &Message, from: Fate, to: Fate) {
        let id = number(message);
        match self.fates.get_mut(&id) {
            Some(fate) if *fate == from => *fate = to,
            other => self.violations.push(format!("message {id} becomes {to:?}, but it is {other:?}")),
        }
    }

    /// An actor, or a program outside, is given an envelope for the first time.
    pub(crate) fn received(&mut self, envelope: &Envelope) {
        let Envelope { target, sender, body } = envelope;
        if self.ended.contains(target) {
            self.violations.push(format!("{target} is called after its end with {body:?}"));
        }
        // What it is told besides comes from the host.
        let is_from_child = !matches!(body, Body::ActorDown(_) | Body::DeadLetter(_));
        let notice = self.notices.get(sender).filter(|(parent, _)| is_from_child && parent == target);
        if let Some((_, true)) = notice {
            self.violations.push(format!("{target} gets {body:?} from its child {sender} after its end"));
        }
        match body {
            Body::Message(message) => {
                let id = number(message);
                let last = self.last_handled.entry((*sender, *target)).or_insert(0);
                if id <= *last {
                    self.violations.push(format!("{target} gets {id} from {sender} after {last}"));
                }
                *last = id;
            }
            Body::ChildExited(exit) => match self.notices.get_mut(&exit.address) {
                Some((parent, heard @ false)) if parent == target => {
                    *heard = true;
                    self.children.entry(*target).and_modify(|len| *len -= 1);
                }
                other => self.violations.push(format!("{target} hears of {}: {other:?}", exit.address)),
            },
            _ => {}
        }
    }

    pub(crate) fn handled(&mut self, body: &Body) {
        match body {
            Body::Message(message) => self.turn(message, Fate::Sent, Fate::Handled),
            Body::Poisoned(poisoned) => self.turn(&poisoned.original, Fate::Returned, Fate::PoisonHandled),
            _ => {}
        }
    }

    pub(crate) fn dead(&mut self, body: &Body) {
        match body {
            Body::Message(message) => self.turn(message, Fate::Sent, Fate::Dead),
            Body::Poisoned(poisoned) => {
                // Behind what is held, and with no room to hold it too, it was not even offered.
                self.offered(body);
                self.turn(&poisoned.original, Fate::Returned, Fate::PoisonDead);
            }
            _ => {}
        }
    }

    /// An actor sends something; poison is then on its way. It may be offered more than once.
    pub(crate) fn offered(&mut self, body: &Body) {
        if let Body::Poisoned(poisoned) = body
            && self.fates.get(&number(&poisoned.original)) != Some(&Fate::Returned)
        {
            self.turn(&poisoned.original, Fate::Sent, Fate::Returned);
        }
    }

    /// An actor creates a child.
    pub(crate) fn created(&mut self, parent: ActorAddress, child: ActorAddress, max: usize) {
        self.parents.insert(child, parent);
        let len = self.children.entry(parent).or_default();
        *len += 1;
        if *len > max {
            self.violations.push(format!("{parent} has {len} children, past its bound"));
        }
    }

    pub(crate) fn has_ended(&self, actor: ActorAddress) -> bool {
        self.ended.contains(&actor)
    }

    pub(crate) fn parent(&self, child: ActorAddress) -> Option<ActorAddress> {
        self.parents.get(&child).copied()
    }

    pub(crate) fn living_children(&self, of: ActorAddress) -> impl Iterator<Item = ActorAddress> {
        let children = self.parents.iter().filter(move |(_, parent)| **parent == of);
        children.map(|(child, _)| *child).filter(|child| !self.ended.contains(child))
    }

    /// An actor is no more. Whether it has waited for its children: those are then gone.
    pub(crate) fn end(&mut self, address: ActorAddress, waited: bool) {
        let left = self.living_children(address).find(|_| waited);
        if let Some(child) = left {
            self.violations.push(format!("{address} ends before its child {child}"));
        }
        if !self.ended.insert(address) {
            self.violations.push(format!("{address} ends twice"));
        }
    }

    /// `Admin` says that an actor has ended: to its parent, or to the log.
    pub(crate) fn end_told(&mut self, child: ActorAddress, parent: Option<ActorAddress>) {
        *self.ends_told.entry(child).or_default() += 1;
        if let Some(parent) = parent {
            self.notices.insert(child, (parent, false));
        }
        if !self.ended.contains(&child) {
            self.violations.push(format!("the end of {child} is told before it"));
        }
    }

    /// Whether the message is neither handled, nor sent back, nor dead.
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.fates.get(&id) == Some(&Fate::Sent)
    }

    pub(crate) fn asked(&mut self, asker: Asker) {
        self.answers.insert(asker, 0);
    }

    pub(crate) fn left(&mut self, asker: Asker) {
        self.left.insert(asker);
    }

    pub(crate) fn answered(&mut self, asker: Asker) {
        *self.answers.entry(asker).or_default() += 1;
    }

    /// When nothing is under way, every parent that lives has heard.
    pub(crate) fn check_quiet(&mut self, lives: impl Fn(ActorAddress) -> bool) {
        for (child, (parent, heard)) in &self.notices {
            if !heard && lives(*parent) {
                self.violations.push(format!("{parent} has not heard of the end of {child}"));
            }
        }
    }

    /// After the end nothing is open.
    pub(crate) fn check_end(&mut self) {
        for (id, fate) in &self.fates {
            if matches!(fate, Fate::Sent | Fate::Returned) {
                self.violations.push(format!("message {id} is lost: {fate:?}"));
            }
        }
        self.violations.extend(self.names.open());
        for actor in &self.ended {
            let told = self.ends_told.get(actor).copied().unwrap_or_default();
            if told != 1 {
                self.violations.push(format!("the end of {actor} was told {told} times"));
            }
        }
        for (asker, answers) in &self.answers {
            if *answers > 1 || (*answers == 0 && !self.left.contains(asker)) {
                self.violations.push(format!("{asker:?} got {answers} answers"));
            }
        }
    }
}
