//! How a node ends: its actors are asked to exit, then killed, and then it ends without those that are left.

use alloc::string::ToString;

use super::Admin;
use crate::askers::Subject;
use crate::effect::{Effect, Effects};
use crate::envelope::{Body, ExitRequest};
use crate::limits::{STOP_ACTORS_TIME_MAX, STOP_GRACE};
use crate::question::{Answer, Killer, Origin, Refusal};
use crate::time::Time;

/// How far a node is on the way to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stopping {
    #[default]
    NotAsked,
    /// Its actors exit, each as it likes.
    Graceful {
        kill_at: Time,
        end_at: Time,
    },
    /// Its actors are killed.
    Forced {
        end_at: Time,
    },
    Over,
}

impl Stopping {
    const fn is_asked(self) -> bool {
        !matches!(self, Self::NotAsked)
    }

    /// When the node wants to hear of the time for this.
    pub(super) const fn deadline(self) -> Option<Time> {
        match self {
            Self::Graceful { kill_at: at, .. } | Self::Forced { end_at: at } => Some(at),
            Self::NotAsked | Self::Over => None,
        }
    }
}

impl Admin {
    /// Whether it was asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_asked()
    }

    pub(super) fn stop_asked(&mut self, now: Time, origin: Origin, effects: &mut Effects) {
        if self.stopping == Stopping::Over {
            return effects.answer(origin, Ok(Answer::Done));
        }
        self.askers.wait(origin, Subject::Stop);
        self.stop(now, effects);
    }

    pub(super) fn stop(&mut self, now: Time, effects: &mut Effects) {
        if self.is_stopping() {
            return;
        }
        self.stopping = Stopping::Graceful { kill_at: now + STOP_GRACE, end_at: now + STOP_ACTORS_TIME_MAX };
        for address in self.births.addresses() {
            self.stop_waiting(address, Refusal::ShuttingDown, effects);
        }
        self.sources.stop(&mut self.askers, effects);
        let roots = self.family.iter().filter(|(_, member)| member.parent.is_none());
        for (root, _) in roots {
            effects.notify(root, root, Body::ExitRequest(ExitRequest { recursive: true }));
        }
        self.end_if_alone(effects);
    }

    /// The node ends with its last actor, if it was asked to.
    pub(super) fn end_if_alone(&mut self, effects: &mut Effects) {
        if self.is_stopping() && self.family.is_empty() {
            self.end(effects);
        }
    }

    /// Nobody waits for an answer any more.
    fn end(&mut self, effects: &mut Effects) {
        if self.stopping != Stopping::Over {
            self.stopping = Stopping::Over;
            self.askers.close(effects);
            effects.push(Effect::Stop);
        }
    }

    pub(super) fn stop_goes_on(&mut self, now: Time, effects: &mut Effects) {
        match self.stopping {
            Stopping::Graceful { kill_at, end_at } if kill_at <= now => {
                self.stopping = Stopping::Forced { end_at };
                self.family.kill_all(&Killer::Stop.to_string(), effects);
            }
            Stopping::Forced { end_at } if end_at <= now => self.end(effects),
            _ => {}
        }
    }
}
