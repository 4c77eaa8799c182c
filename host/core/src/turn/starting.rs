//! How an instance starts: the actor's first, or one in place of an instance that was lost.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{ActorEffect, InstanceState, Phase, Turn, TurnEffect, failed_start, text_of};
use crate::envelope::{ActorRestart, Body};
use crate::fate::{Failure, Fault};
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
            }
            Err(Failure::Fault(Fault::Killed)) => self.kill("while it started", effects),
            Err(failure) if first => self.refuse_start(text_of(&failure), effects),
            Err(failure) => self.fail_restart(now, &failure, effects),
        }
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
