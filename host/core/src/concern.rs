//! What every concern of a host hears of, whatever it is about. A part of `Admin` says for itself what the end of an actor
//! means to it, so that nobody has to know all parts to which an end means something.

use alloc::string::ToString;

use crate::address::ActorAddress;
use crate::askers::Askers;
use crate::effect::Effects;
use crate::envelope::ExitReason;
use crate::question::Refusal;
use crate::source::SourceHash;

/// An actor that is no more, as it was.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The actor that was.
    pub address: ActorAddress,
    /// The reason of its end.
    pub reason: &'a ExitReason,
    /// The class that it had.
    pub class: &'a str,
    /// Its source, if that was ever known.
    pub source: Option<SourceHash>,
    /// Whether its class has a check of its own of who suits it.
    pub has_own_check: bool,
    /// Its global name.
    pub name: Option<&'a str>,
}

/// A part of `Admin` that keeps something for actors while they live.
pub trait Concern {
    /// Forgets an actor that is no more. Those who wait in vain for something of it hear why.
    fn ended(&mut self, end: End<'_>, askers: &mut Askers, effects: &mut Effects);
}

impl End<'_> {
    /// The refusal for those who wait for its start.
    #[must_use]
    pub fn never_started(&self) -> Refusal {
        let reason = match self.reason {
            ExitReason::NeverStarted(why) => why.clone(),
            other => other.to_string(),
        };
        Refusal::StartFailed { reason }
    }
}
