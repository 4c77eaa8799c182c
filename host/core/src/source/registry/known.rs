//! A source as the node knows it: what is offered, on which terms, and what has become of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::effect::Effects;
use crate::envelope::SourceUpdate;
use crate::limits::{ERROR_TEXT_LEN_MAX, SOURCE_LABEL_LEN_MAX, cut};
use crate::question::Refusal;
use crate::source::admission::Admission;
use crate::source::{
    JudgedBy, OfferId, OfferTerms, PendingOffer, RefusedSource, Rights, SourceEffect, SourceHash, SourceInfo,
    SourceState, Verdict,
};
use crate::time::Time;

/// A source as the node knows it.
#[derive(Debug)]
pub struct KnownSource {
    pub(super) label: String,
    pub(super) size: u64,
    pub(super) state: SourceState,
    pub(super) info: Option<SourceInfo>,
    pub(super) waiting: Vec<ActorAddress>,
    pub(super) actors: u64,
    /// The verdict of its authority: as long as it is not judged, it may do nothing.
    pub(super) verdict: Verdict,
    /// The judge that let it in when it was last in use: actors of then may live.
    pub(super) left: Option<JudgedBy>,
    pub(super) offer: OfferId,
    pub(super) asked: OfferTerms,
    pub(super) hands: OfferHolder,
    /// Its wishes, as long as it waits for a person.
    pub(super) pending: Option<Box<PendingOffer>>,
    /// When it was offered last.
    pub(super) offered_at: Time,
    /// The reason why its bytes are not tried again: to find it out has cost as much as it may.
    pub(super) hopeless: Option<String>,
}

/// Whether an actor is to judge an offer, and which one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OfferHolder {
    /// Somebody else's to judge.
    #[default]
    Others,
    /// An actor is, and has enough to judge, or is not there.
    Awaited,
    /// This actor has it.
    Of(ActorAddress),
}

/// A source that is approved and not unloaded, as far as it takes to judge it again.
#[derive(Debug)]
pub struct ApprovedSource {
    /// The source's name.
    pub hash: SourceHash,
    /// Its submitter's words about it.
    pub label: String,
    /// Live actors created from it.
    pub actors: u64,
    /// The rights that it may have of those that its manifest wants; absent: all.
    pub allowed: Option<Rights>,
    /// The offer that was approved.
    pub offer: OfferId,
    /// Its own words about itself, once they are known.
    pub info: Option<SourceInfo>,
}

impl KnownSource {
    pub(super) fn new(size: u64, now: Time) -> Self {
        Self {
            label: String::new(),
            size,
            state: SourceState::Unloaded,
            info: None,
            waiting: Vec::new(),
            actors: 0,
            verdict: Verdict::default(),
            left: None,
            offer: OfferId::default(),
            asked: OfferTerms::default(),
            hands: OfferHolder::default(),
            pending: None,
            offered_at: now,
            hopeless: None,
        }
    }

    /// Notes that it is offered, and to be judged.
    pub(super) fn begin(&mut self, now: Time, offer: OfferId, label: String, asked: OfferTerms) {
        self.label = cut(label, SOURCE_LABEL_LEN_MAX);
        self.offered_at = now;
        self.state = SourceState::Offered;
        self.verdict = Verdict { rights: asked.given, ..Verdict::default() };
        self.asked = asked;
        self.hands = OfferHolder::Others;
        self.pending = None;
        self.offer = offer;
    }

    pub(super) fn update(&self, hash: SourceHash) -> SourceUpdate {
        SourceUpdate { hash, label: self.label().into(), is_loaded: self.state == SourceState::Loaded }
    }

    /// The terms on which it was offered last.
    #[must_use]
    pub const fn terms(&self) -> OfferTerms {
        self.asked
    }

    /// Its judge's words about it, or its submitter's.
    #[must_use]
    pub fn label(&self) -> &str {
        self.verdict.label.as_deref().unwrap_or(&self.label)
    }

    /// Its submitter's words about it.
    #[must_use]
    pub fn submitted_as(&self) -> &str {
        &self.label
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its place on the way from offer to use.
    #[must_use]
    pub const fn state(&self) -> &SourceState {
        &self.state
    }

    /// Its classes and what else it says of itself, once that is known.
    #[must_use]
    pub const fn info(&self) -> Option<&SourceInfo> {
        self.info.as_ref()
    }

    /// The number of live actors that were created from it.
    #[must_use]
    pub const fn actors(&self) -> u64 {
        self.actors
    }

    /// The rights of its actors, besides those of all: none as long as it is not approved.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.verdict().map(|verdict| verdict.rights).unwrap_or_default()
    }

    pub(super) fn is_kept_pending(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.is_kept)
    }

    /// Its wishes, as long as it waits for a person.
    #[must_use]
    pub fn pending(&self) -> Option<&PendingOffer> {
        self.pending.as_deref()
    }

    /// The offer of it that was up for judgement last.
    #[must_use]
    pub const fn offer(&self) -> OfferId {
        self.offer
    }

    /// The verdict of its authority, once it is approved.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Verdict> {
        match self.state {
            SourceState::Loaded | SourceState::Validating => Some(&self.verdict),
            SourceState::Offered | SourceState::Refused(_) | SourceState::Unloaded => None,
        }
    }

    /// All that it takes to judge it again, if it is approved.
    #[must_use]
    pub fn standing(&self, hash: SourceHash) -> Option<ApprovedSource> {
        self.verdict()?;
        let (label, actors, allowed) = (self.label.clone(), self.actors, self.asked.allowed);
        Some(ApprovedSource { hash, offer: self.offer, label, actors, allowed, info: self.info.clone() })
    }

    /// The last admission of its actors, if it has any and is not approved now.
    #[must_use]
    pub fn left_behind(&self) -> Option<Option<&Admission>> {
        let is_left = self.actors > 0 && self.verdict().is_none();
        match &self.left {
            // What an actor has approved is no policy's to judge.
            Some(JudgedBy::Actor(_)) => None,
            Some(JudgedBy::Keys(admission)) => is_left.then_some(Some(admission)),
            _ => is_left.then_some(None),
        }
    }

    /// Those of the rights that are meant for it by whoever loads it once more, and that it has not.
    pub(super) fn lacks(&self, given: Rights, allowed: Option<Rights>, has_manifest: bool) -> Rights {
        let meant = match (&self.state, &self.verdict.judged_by) {
            (SourceState::Refused(_) | SourceState::Unloaded, _) => return Rights::NONE,
            // Nobody has read its manifest yet.
            (SourceState::Offered, _) if has_manifest => return Rights::NONE,
            (SourceState::Loaded | SourceState::Validating, JudgedBy::Keys(admission)) => {
                if has_manifest {
                    allowed.map_or(admission.wanted, |allowed| admission.wanted.and(allowed))
                } else {
                    given
                }
            }
            _ => given,
        };
        meant.beyond(self.verdict.rights)
    }

    /// Remembers what its actors were admitted with: it is not in use any more.
    pub(super) fn leave_behind(&mut self) {
        if let Some(verdict) = self.verdict() {
            self.left = Some(verdict.judged_by.clone());
        }
    }

    pub(super) fn refuse(
        &mut self,
        hash: SourceHash,
        reason: String,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        // Somebody else had a part in it, and every listing repeats it.
        let reason = cut(reason, ERROR_TEXT_LEN_MAX);
        self.leave_behind();
        self.state = SourceState::Refused(reason.clone());
        effects.push(SourceEffect::Forget(hash));
        if self.pending.take().is_some() {
            effects.push(SourceEffect::Erase(hash));
        }
        let (label, by) = (self.label.clone(), self.asked.by);
        let refused = RefusedSource { hash, label, by, reason: reason.clone() };
        effects.push(SourceEffect::NoteRefused(Box::new(refused)));
        askers.refuse(&Subject::Load(hash), &Refusal::SourceRefused { hash, reason }, effects);
        core::mem::take(&mut self.waiting)
    }
}
