//! Who hears of whose end, without being its parent.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};

use crate::address::ActorAddress;
use crate::askers::Askers;
use crate::concern::{Concern, End};
use crate::effect::{Effect, Effects};
use crate::envelope::{ActorExit, Body, Envelope, ExitReason};
use crate::limits::EXIT_NOTICE_TEXT_LEN_MAX;

/// Every wish to hear of an actor's end. Both ways round, so that whoever ends takes all of its own along.
#[derive(Debug, Default)]
pub struct Monitors {
    watchers: BTreeMap<ActorAddress, BTreeSet<ActorAddress>>,
    targets: BTreeMap<ActorAddress, BTreeSet<ActorAddress>>,
}

impl Monitors {
    /// `watcher` is to hear of the end of `target`. Twice is once.
    pub fn add(&mut self, watcher: ActorAddress, target: ActorAddress) {
        self.watchers.entry(target).or_default().insert(watcher);
        self.targets.entry(watcher).or_default().insert(target);
    }

    /// Notes that `watcher` is to hear no more of `target`.
    pub fn remove(&mut self, watcher: ActorAddress, target: ActorAddress) {
        take(&mut self.watchers, target, watcher);
        take(&mut self.targets, watcher, target);
    }

    /// Whether nobody monitors anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.targets.is_empty()
    }
}

impl Concern for Monitors {
    /// Whoever monitors it hears, once, and it hears of nobody any more.
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, effects: &mut Effects) {
        let address = end.address;
        for target in self.targets.remove(&address).unwrap_or_default() {
            take(&mut self.watchers, target, address);
        }
        for watcher in self.watchers.remove(&address).unwrap_or_default() {
            take(&mut self.targets, watcher, address);
            effects.push(down(watcher, address, end.reason.clone()));
        }
    }
}

/// Tells `watcher` of an actor's end.
#[must_use]
pub fn down(watcher: ActorAddress, address: ActorAddress, reason: ExitReason) -> Effect {
    let exit = ActorExit { address, reason: reason.cut(EXIT_NOTICE_TEXT_LEN_MAX) };
    Effect::Route(Envelope { target: watcher, sender: address, body: Body::ActorDown(Box::new(exit)) })
}

fn take(sets: &mut BTreeMap<ActorAddress, BTreeSet<ActorAddress>>, key: ActorAddress, member: ActorAddress) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&member);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;
    use alloc::vec::Vec;

    fn actor(number: u128) -> ActorAddress {
        ActorAddress::new(HostId(1), number)
    }

    fn heard(effects: &[Effect]) -> Vec<(ActorAddress, ActorAddress)> {
        let of = |effect: &Effect| match effect {
            Effect::Route(Envelope { target, sender, body: Body::ActorDown(_) }) => (*target, *sender),
            other => panic!("{other:?}"),
        };
        effects.iter().map(of).collect()
    }

    fn end(monitors: &mut Monitors, address: ActorAddress, effects: &mut Effects) {
        let end = End {
            address,
            reason: &ExitReason::Requested,
            class: "",
            source: None,
            has_own_check: false,
            name: None,
        };
        monitors.ended(end, &mut Askers::default(), effects);
    }

    #[test]
    fn each_watcher_hears_once() {
        let mut monitors = Monitors::default();
        monitors.add(actor(1), actor(9));
        monitors.add(actor(1), actor(9));
        monitors.add(actor(2), actor(9));
        monitors.add(actor(3), actor(9));
        monitors.remove(actor(3), actor(9));
        let mut effects = Effects::default();
        end(&mut monitors, actor(9), &mut effects);
        end(&mut monitors, actor(9), &mut effects);
        assert_eq!(heard(&effects), [(actor(1), actor(9)), (actor(2), actor(9))]);
        assert!(monitors.is_empty());
    }

    #[test]
    fn who_ended_hears_of_nobody() {
        let mut monitors = Monitors::default();
        monitors.add(actor(1), actor(9));
        monitors.add(actor(9), actor(1));
        let mut effects = Effects::default();
        end(&mut monitors, actor(1), &mut effects);
        assert_eq!(heard(&effects), [(actor(9), actor(1))]);
        assert!(monitors.is_empty());
    }
}
