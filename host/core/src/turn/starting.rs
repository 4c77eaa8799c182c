//! How an instance starts: the actor's first, or one in place of an instance that was lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{ActorEffect, InstanceState, Phase, Turn, TurnEffect, failed_start, text_of};
use crate::envelope::{ActorRestart, Body};
use crate::fate::{ChildrenAtRestart, Failure, Fault};
use crate::life::ActorEvent;
use crate::outbox::Outbox;
use crate::time::Time;

impl Turn {
    /// How `start` went. On `Ok`, what it asked for is committed.
    pub fn finish_start(
        &mut self,
        now: Time,
        result: Result<Box<Outbox>, Failure>,
        effects: &mut Vec<TurnEffect>,
    ) {
        let first = self.phase == Phase::Starting;
        match result {
            Ok(outbox) => {
                let failure = outbox.failure().map(ToString::to_string);
                self.instance = InstanceState::Live;
                self.incarnation += 1;
                if first {
                    self.phase = Phase::Running;
                    self.lifetime.begin(now);
                    self.tell(ActorEvent::Started { address: self.identity.me }, effects);
                } else {
                    self.restarted(effects);
                }
                self.commit(now, outbox, effects);
                if let Some(why) = failure {
                    let trapped = core::mem::take(&mut self.last_fault);
                    self.give_back_current(&trapped, &format!("it has failed: {why}"), effects);
                    self.has_failed(why);
                }
            }
            Err(Failure::Fault(Fault::Killed)) => self.kill("while it started", effects),
            Err(failure) if first => self.refuse_start(text_of(&failure), effects),
            Err(failure) => self.fail_restart(now, &failure, effects),
        }
    }

    /// Its instance is lost, and another is to take its place. Where its class says so, the children end before that, and
    /// nobody tells the next instance of them.
    pub(super) fn end_children(&mut self, effects: &mut Vec<TurnEffect>) {
        if self.identity.children_at_restart == ChildrenAtRestart::Keep {
            return;
        }
        let children = self.children.disown();
        if children.is_empty() {
            return;
        }
        for child in children {
            self.monitored.remove(&child);
        }
        self.awaits_children = true;
        self.tell(ActorEvent::Restarting { address: self.identity.me }, effects);
    }

    /// Whether this is news of a child, and no instance is left that is to hear of it.
    pub(super) fn is_of_the_past(&self, body: &Body) -> bool {
        !self.has_instance()
            && self.identity.children_at_restart == ChildrenAtRestart::End
            && matches!(body, Body::ChildExited(_) | Body::ChildRestarted(_))
    }

    /// Whether it has children that end before the next instance starts.
    #[must_use]
    pub const fn awaits_children(&self) -> bool {
        self.awaits_children
    }

    /// They are gone.
    pub const fn let_start(&mut self) {
        self.awaits_children = false;
    }

    fn restarted(&mut self, effects: &mut Vec<TurnEffect>) {
        self.counters.restarts += 1;
        let before = core::mem::take(&mut self.cant_start);
        let restart = ActorRestart {
            address: self.identity.me,
            incarnation: self.incarnation,
            reason: if before { failed_start(&self.last_fault) } else { self.last_fault.clone() },
        };
        effects.push(ActorEffect::Restarted(restart.clone()).into());
        if let (true, Some(parent)) = (self.identity.watch_restarts, self.identity.parent) {
            effects.push(self.envelope(parent, Body::ChildRestarted(Box::new(restart))));
        }
    }
}
