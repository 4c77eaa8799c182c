//! Hosts without a link see nothing of each other: what an actor is given comes from its own host and is about that host;
//! what an `Admin` decides is about actors of its own.

use thespian_core::address::HostId;
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, Envelope, ExitReason};
use thespian_core::life::LifeEffect;

use super::messages::has_come_back;
use crate::host::Host;

/// An actor is given an envelope.
pub(crate) fn received(envelope: &Envelope) -> Option<String> {
    let Envelope { target, sender, body } = envelope;
    let about = match body {
        // They tell of an address that this host does not know, and so may be anybody's.
        Body::DeadLetter(_) => return None,
        body if has_come_back(body) => return None,
        Body::ActorDown(exit) if exit.reason == ExitReason::Unknown => return None,
        Body::ActorDown(exit) | Body::ChildExited(exit) => exit.address,
        _ => *sender,
    };
    let is_strange = sender.home != target.home || about.home != target.home;
    is_strange.then(|| format!("{target} gets {body:?} from {sender}, to whose host there is no link"))
}

/// An `Admin` decides something.
pub(crate) fn decided(at: HostId, effect: &Effect) -> Option<String> {
    let about = match effect {
        Effect::Life(LifeEffect::EnterPending(address))
        | Effect::Life(LifeEffect::Kill { address, .. })
        | Effect::Life(LifeEffect::Settle { address, .. }) => *address,
        Effect::Route(envelope) => envelope.target,
        _ => return None,
    };
    (about.home != at).then(|| format!("{at:?} decides of {about}, to whose host there is no link"))
}

/// Nothing is to be done any more: every actor that this host knows is of it.
pub(crate) fn known(host: &Host) -> impl Iterator<Item = String> {
    let known = host.admin().family().iter().map(|(address, _)| address);
    let strange = known.chain(host.cells.keys().copied()).filter(|address| address.home != host.id());
    strange.map(|address| format!("{:?} has {address}, to whose host there is no link", host.id()))
}
