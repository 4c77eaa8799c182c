//! Global names: each stands for one actor, whoever asks first.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::concern::{Concern, End};
use crate::effect::Effects;
use crate::question::{Found, Origin, Refusal};

#[derive(Debug)]
struct Claim {
    address: ActorAddress,
    /// Whether its start has returned; until then those who ask wait with who asked first.
    started: bool,
    /// The first that asked, if it was not the host itself: the others are told that the name was asked for already.
    first: Option<Origin>,
}

/// The names of a node.
#[derive(Debug, Default)]
pub struct Names {
    claims: BTreeMap<Box<str>, Claim>,
}

impl Names {
    /// The actor of a name, and whether it runs already.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(ActorAddress, bool)> {
        self.claims.get(name).map(|claim| (claim.address, claim.started))
    }

    /// The names that are taken, and by whom.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ActorAddress)> {
        self.claims.iter().map(|(name, claim)| (&**name, claim.address))
    }

    /// `address` is to have the name, if its start succeeds. `first` asked for it.
    pub fn claim(&mut self, name: Box<str>, address: ActorAddress, first: Option<Origin>) {
        self.claims.insert(name, Claim { address, started: false, first });
    }

    /// The actor of the name runs: those who wait hear.
    pub fn started(&mut self, name: &str, found: &Found, askers: &mut Askers, effects: &mut Effects) {
        if let Some(claim) = self.claims.get_mut(name) {
            claim.started = true;
            for origin in askers.take(&Subject::Name(name.into())) {
                let already = Some(origin) != claim.first;
                effects.answer_name(origin, name, Ok(Found { already, ..found.clone() }));
            }
        }
    }

    /// The name of `address` is free again; who still waits hears why. One that was refused had lost it before its end,
    /// and another may have it by then.
    pub fn free(
        &mut self,
        name: &str,
        address: ActorAddress,
        refusal: &Refusal,
        askers: &mut Askers,
        effects: &mut Effects,
    ) {
        if self.claims.get(name).is_none_or(|claim| claim.address != address) {
            return;
        }
        self.claims.remove(name);
        askers.refuse(&Subject::Name(name.into()), refusal, effects);
    }
}

impl Concern for Names {
    fn ended(&mut self, end: End<'_>, askers: &mut Askers, effects: &mut Effects) {
        if let Some(name) = end.name {
            self.free(name, end.address, &end.never_started(), askers, effects);
        }
    }
}
