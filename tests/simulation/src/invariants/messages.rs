//! A message is handled, or comes back as poison, or becomes a dead letter: one of these, and once. Where its turn failed for
//! somebody else, that one hears in its place. A question that nobody takes is no dead letter, but comes back.

use std::collections::BTreeMap;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::Body;
use thespian_core::message::{Message, REQUEST_HEADER};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Handled,
    Dead,
    /// It was sent back as poison, which has a fate of its own.
    Returned,
    PoisonHandled,
    PoisonDead,
    /// It is to be sent back if another is never handled.
    Noted,
}

#[derive(Default)]
pub(crate) struct Messages {
    fates: BTreeMap<u64, Fate>,
    /// What is handled while another is noted.
    handled_for: BTreeMap<u64, Body>,
}

/// A message that carries its own number.
pub(crate) fn numbered(id: u64, size: usize) -> Message {
    let mut payload = vec![0; 8.max(size)];
    payload[..8].copy_from_slice(&id.to_le_bytes());
    Message::bytes("M", payload)
}

/// What a guest makes of nothing and gives back: poison with a number of its own, which nobody sent before.
pub(crate) fn refusal(id: u64) -> Message {
    Message { type_name: REFUSAL.into(), ..numbered(id, 0) }
}

pub(crate) fn is_refusal(message: &Message) -> bool {
    &*message.type_name == REFUSAL
}

/// What goes back if a turn fails, to whoever that was for.
pub(crate) fn concern(id: u64) -> Message {
    Message { type_name: "F".into(), ..numbered(id, 0) }
}

/// A message whose sender waits for its answer.
pub(crate) fn question(message: Message, asker: ActorAddress) -> Message {
    let name = (REQUEST_HEADER.into(), format!("{asker}#1").into());
    Message { type_name: QUESTION.into(), headers: Some([name].into()), ..message }
}

/// Whether the host tells of it, and not the actor that it was for: a question that nobody took.
pub(crate) fn has_come_back(body: &Body) -> bool {
    matches!(body, Body::Poisoned(_)) && is_question(body)
}

/// Whether it is a question, or one that came back.
pub(crate) fn is_question(body: &Body) -> bool {
    match body {
        Body::Message(message) => &*message.type_name == QUESTION,
        Body::Poisoned(poisoned) => &*poisoned.original.type_name == QUESTION,
        _ => false,
    }
}

const QUESTION: &str = "Q";
const REFUSAL: &str = "R";
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

impl Messages {
    pub(crate) fn sent(&mut self, id: u64) {
        self.fates.insert(id, Fate::Sent);
    }

    /// It is on its way back from the first.
    pub(crate) fn refused(&mut self, id: u64) {
        self.fates.insert(id, Fate::Returned);
    }

    /// It goes back if what is handled never is.
    pub(crate) fn noted(&mut self, id: u64, handled: &Body) {
        self.fates.insert(id, Fate::Noted);
        self.handled_for.insert(id, handled.clone());
    }

    /// It does so no longer: another is noted, or the turn has succeeded.
    pub(crate) fn forgotten(&mut self, id: u64) {
        self.handled_for.remove(&id);
        if self.fates.get(&id) == Some(&Fate::Noted) {
            self.fates.remove(&id);
        }
    }

    fn turn(&mut self, message: &Message, from: Fate, to: Fate) -> Option<String> {
        let id = number(message);
        match self.fates.get_mut(&id) {
            Some(fate) if *fate == from => {
                *fate = to;
                None
            }
            other => Some(format!("message {id} becomes {to:?}, but it is {other:?}")),
        }
    }

    pub(crate) fn handled(&mut self, body: &Body) -> Option<String> {
        match body {
            Body::Message(message) => self.turn(message, Fate::Sent, Fate::Handled),
            Body::Poisoned(poisoned) => self.turn(&poisoned.original, Fate::Returned, Fate::PoisonHandled),
            _ => None,
        }
    }

    pub(crate) fn dead(&mut self, body: &Body) -> Vec<String> {
        match body {
            Body::Message(message) => {
                let waits = is_question(body);
                let waits = waits
                    .then(|| format!("who asked {} waits in vain: it is a dead letter", number(message)));
                self.turn(message, Fate::Sent, Fate::Dead).into_iter().chain(waits).collect()
            }
            Body::Poisoned(poisoned) => {
                // Behind what is held, and with no room to hold it too, it was not even offered.
                let offered = self.offered(body);
                let dead = self.turn(&poisoned.original, Fate::Returned, Fate::PoisonDead);
                offered.into_iter().chain(dead).collect()
            }
            _ => Vec::new(),
        }
    }

    /// An actor sends something; poison is then on its way. It may be offered more than once.
    pub(crate) fn offered(&mut self, body: &Body) -> Option<String> {
        let Body::Poisoned(poisoned) = body else { return None };
        let id = number(&poisoned.original);
        match self.fates.get(&id) {
            Some(Fate::Returned) => None,
            Some(Fate::Noted) => {
                self.fates.insert(id, Fate::Returned);
                let handled = self.handled_for.remove(&id)?;
                // In its place: nothing else comes of what was handled.
                self.handled(&handled)
            }
            _ => self.turn(&poisoned.original, Fate::Sent, Fate::Returned),
        }
    }

    /// Whether the message is neither handled, nor sent back, nor dead.
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.fates.get(&id) == Some(&Fate::Sent)
    }

    /// After the end nothing is open.
    pub(crate) fn lost(&self) -> impl Iterator<Item = String> {
        let is_open = |fate: &Fate| matches!(fate, Fate::Sent | Fate::Returned | Fate::Noted);
        let open = self.fates.iter().filter(move |(_, fate)| is_open(fate));
        open.map(|(id, fate)| format!("message {id} is lost: {fate:?}"))
    }
}
