//! Sources that a person is to judge: what is put before them, and what they say.

use alloc::string::{String, ToString};
use core::time::Duration;

use super::Admin;
use crate::askers::Subject;
use crate::effect::Effects;
use crate::limits::{ERROR_TEXT_LEN_MAX, cut};
use crate::question::{Answer, Offer, Origin};
use crate::source::admission::{Occasion, ReadPapers};
use crate::source::authority::SourceAuthority;
use crate::source::{OfferId, OfferTerms, PersonsApproval, SourceEffect, SourceHash};
use crate::time::Time;

impl Admin {
    /// Has an offer wait for a person, whose papers were read.
    ///
    /// # Errors
    /// Nobody has to look at it, or too many wait.
    pub(super) fn await_person(
        &mut self,
        (hash, offer): (SourceHash, OfferId),
        papers: ReadPapers,
        terms: &OfferTerms,
        effects: &mut Effects,
    ) -> Result<(), String> {
        let wishes = self.authority.for_person(hash, papers, terms)?;
        // One that was found again has waited before.
        let due = self.sources.due(hash).unwrap_or(self.now + self.authority.time_max());
        let waits = self.sources.await_person((hash, offer), due, wishes, effects);
        waits.map_err(|refusal| refusal.to_string())
    }

    /// A source is there that waited for a person when the node ended. Another authority may judge it now.
    pub(super) fn pending_found(&mut self, now: Time, offer: Offer, left: Duration, effects: &mut Effects) {
        let (hash, given, label) = (offer.hash, offer.given, offer.label.clone());
        let due = now + left.min(self.authority.time_max());
        let Some(offer) = self.sources.restore((now, due), offer, Occasion::Load) else {
            return effects.push(SourceEffect::Forget(hash));
        };
        effects.push(SourceEffect::Keep { hash, offer });
        self.put_up((hash, offer), given, label, effects);
    }

    /// A person approves what waits for one.
    pub(super) fn approved(
        &mut self,
        origin: Origin,
        hash: SourceHash,
        approval: PersonsApproval,
        effects: &mut Effects,
    ) {
        let pending = self.sources.pending_of(hash);
        let verdict = pending
            .and_then(|(offer, wishes)| Ok((offer, SourceAuthority::of_person(wishes, hash, approval)?)));
        match verdict {
            Ok((offer, verdict)) => {
                self.askers.wait(origin, Subject::Load(hash));
                self.judged(hash, offer, Ok(verdict), effects);
            }
            Err(refusal) => effects.answer(origin, Err(refusal)),
        }
    }

    /// A person refuses what waits for one.
    pub(super) fn refused(&mut self, origin: Origin, hash: SourceHash, why: String, effects: &mut Effects) {
        let pending = self.sources.pending_of(hash);
        let answer = match pending.map(|(offer, _)| offer) {
            Ok(offer) => {
                self.judged(hash, offer, Err(cut(why, ERROR_TEXT_LEN_MAX)), effects);
                Ok(Answer::Done)
            }
            Err(refusal) => Err(refusal),
        };
        effects.answer(origin, answer);
    }
}
