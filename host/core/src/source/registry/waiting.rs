//! Offers that wait for a person.

use alloc::boxed::Box;

use super::{KnownSource, Registry};
use crate::askers::{Askers, Subject};
use crate::effect::Effects;
use crate::limits::{PENDING_BYTES_MAX, PENDING_OFFERS_MAX};
use crate::question::{LoadStep, MetBound, Refusal};
use crate::source::{OfferId, PendingOffer, SourceEffect, SourceHash};
use crate::time::Time;

impl Registry {
    /// A person is to judge an offer, until `due`: it is to be kept until then, also over a restart.
    ///
    /// # Errors
    /// So many wait already that it can't.
    pub fn await_person(
        &mut self,
        (hash, offer): (SourceHash, OfferId),
        due: Time,
        wishes: PendingOffer,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let (mut count, mut bytes) = (0, 0);
        for (_, source) in self.pending() {
            (count, bytes) = (count + 1, bytes + source.size);
        }
        let Some(entry) = self.entries.get_mut(&hash) else { return Ok(()) };
        if count >= PENDING_OFFERS_MAX || bytes + entry.size > PENDING_BYTES_MAX {
            return Err(Refusal::LimitReached(MetBound::PendingOffers));
        }
        entry.pending = Some(Box::new(wishes));
        self.set_due(hash, due);
        effects.push(SourceEffect::KeepPending { hash, offer, due });
        Ok(())
    }

    /// An offer is kept until a person judges it: whoever loads it need not wait for that.
    pub fn pending_kept(&mut self, hash: SourceHash, offer: OfferId, askers: &Askers, effects: &mut Effects) {
        let entry = self.entries.get_mut(&hash).filter(|entry| entry.offer == offer);
        if let Some(pending) = entry.and_then(|entry| entry.pending.as_mut()) {
            pending.is_kept = true;
            askers.of(Subject::Load(hash)).for_each(|loader| effects.progress(loader, LoadStep::Pending));
        }
    }

    /// A judgement is overdue from then on.
    pub(super) fn set_due(&mut self, hash: SourceHash, due: Time) {
        self.judgements.retain(|(_, waiting)| *waiting != hash);
        self.judgements.insert((due, hash));
    }

    /// The offers that wait for a person, the first that is overdue first.
    pub fn pending(&self) -> impl Iterator<Item = (SourceHash, &KnownSource)> {
        // There are few of those that wait for a judgement, and many sources.
        let waiting = self.judgements.iter().filter_map(|(_, hash)| Some((*hash, self.entries.get(hash)?)));
        waiting.filter(|(_, entry)| entry.pending.is_some())
    }

    /// The offer of a source that waits for a person, and what it wants.
    ///
    /// # Errors
    /// It is not known, or waits for nobody.
    pub fn pending_of(&self, hash: SourceHash) -> Result<(OfferId, &PendingOffer), Refusal> {
        self.check_known(hash)?;
        let entry = self.entries.get(&hash);
        let waits = entry.and_then(|entry| Some((entry.offer, entry.pending.as_deref()?)));
        waits.ok_or(Refusal::NotPending { hash })
    }

    /// Until when its judgement may come.
    #[must_use]
    pub fn due(&self, hash: SourceHash) -> Option<Time> {
        self.judgements.iter().find_map(|(due, waiting)| (*waiting == hash).then_some(*due))
    }
}
