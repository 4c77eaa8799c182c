//! Which sources a node knows, and where each is on its way from offer to use.
//!
//! ```text
//!  offered ── approved ──► validating ── compiled ──► loaded ── unload ──► unloaded
//!     │ refused, or silence      │ can't be used                              │ offered again
//!     └──────────► refused ◄─────┘                        offered ◄───────────┘
//! ```

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::concern::{Concern, End};
use crate::effect::Effects;
use crate::limits::{ERROR_TEXT_LEN_MAX, JUDGEMENT_TIME_MAX, SOURCE_LABEL_LEN_MAX, SOURCES_LEN_MAX, cut};
use crate::question::{Answer, CreatorRights, LoadStep, MetBound, Offer, Origin, Refusal};
use crate::source::admission::{Admission, Occasion};
use crate::source::{
    JudgedBy, LowerLimits, OfferId, Rights, SourceEffect, SourceHash, SourceInfo, SourceState, Unusable,
    Verdict,
};
use crate::time::Time;

/// A source as the node knows it.
#[derive(Debug)]
pub struct KnownSource {
    label: String,
    size: u64,
    state: SourceState,
    info: Option<SourceInfo>,
    waiting: Vec<ActorAddress>,
    actors: u64,
    /// The verdict of its authority: as long as it is not judged, it may do nothing.
    verdict: Verdict,
    /// The last admission of what is not in use any more: actors of it may live.
    left: Option<Box<Admission>>,
    offer: OfferId,
    asked: OfferTerms,
    /// When it was offered last.
    offered_at: Time,
    /// The reason why its bytes are not tried again: to find it out has cost as much as it may.
    hopeless: Option<String>,
}

/// The terms on which a source is offered.
#[derive(Clone, Copy, Debug)]
pub struct OfferTerms {
    /// The rights that it may have of those that its manifest wants; absent: all.
    pub allowed: Option<Rights>,
    /// How it comes to be judged.
    pub occasion: Occasion,
}

impl Default for OfferTerms {
    fn default() -> Self {
        Self { allowed: None, occasion: Occasion::Load }
    }
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

/// Whether an actor can be created from a source now.
#[derive(Debug)]
pub enum Availability<'a> {
    /// The source is loaded, so it can.
    Loaded(&'a SourceInfo),
    /// Not yet: it is being judged or compiled.
    Coming,
    /// The source can't be used, for this reason.
    No(Refusal),
}

/// The sources of a node.
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<SourceHash, KnownSource>,
    /// Those that wait for their judgement, by when it is overdue: asked for after every event.
    judgements: BTreeSet<(Time, SourceHash)>,
    last_offer: OfferId,
}

impl Registry {
    /// A source is offered. Loading twice is one load, and gives it no more than it has.
    ///
    /// Returns the offer, if it is to be judged now.
    pub fn offer(
        &mut self,
        now: Time,
        origin: Origin,
        offer: Offer,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Option<OfferId> {
        let Offer { hash, label, size, given, allowed, has_manifest, is_downgrade } = offer;
        if !self.entries.contains_key(&hash) && self.entries.len() >= SOURCES_LEN_MAX && !self.forget_one() {
            effects.push(SourceEffect::Forget(hash));
            effects.answer(origin, Err(Refusal::LimitReached(MetBound::Sources)));
            return None;
        }
        let entry = self.entries.entry(hash).or_insert_with(|| KnownSource::new(size, now));
        let missing = entry.lacks(given, allowed, has_manifest);
        if missing.any() {
            effects.answer(origin, Err(Refusal::WantsMoreRights { hash, missing }));
            return None;
        }
        let mut is_new = false;
        let step = match entry.state {
            SourceState::Loaded => {
                effects.answer(origin, Ok(loaded(hash, entry.info.as_ref(), true, 0)));
                return None;
            }
            SourceState::Validating => LoadStep::Compiling,
            SourceState::Offered => LoadStep::Judging,
            SourceState::Refused(_) | SourceState::Unloaded => {
                if let Some(reason) = entry.hopeless.clone() {
                    entry.offered_at = now;
                    entry.state = SourceState::Refused(reason.clone());
                    effects.answer(origin, Err(Refusal::SourceRefused { hash, reason }));
                    return None;
                }
                let occasion = if is_downgrade { Occasion::Downgrade } else { Occasion::Load };
                self.last_offer.0 += 1;
                entry.begin(now, self.last_offer, label, given, OfferTerms { allowed, occasion });
                is_new = true;
                self.judgements.insert((now + JUDGEMENT_TIME_MAX, hash));
                LoadStep::Judging
            }
        };
        let offer = is_new.then_some(entry.offer);
        askers.wait(origin, Subject::Load(hash));
        effects.progress(origin, step);
        offer
    }

    /// The terms of an offer, if it still waits for its judgement.
    #[must_use]
    pub fn asked(&self, hash: SourceHash, offer: OfferId) -> Option<OfferTerms> {
        let entry = self.entries.get(&hash)?;
        (entry.state == SourceState::Offered && entry.offer == offer).then_some(entry.asked)
    }

    /// A source is there that was admitted before the node started. Nobody waits for it.
    ///
    /// Returns the offer, if it is to be judged.
    pub fn restore(&mut self, now: Time, offer: Offer) -> Option<OfferId> {
        let Offer { hash, label, size, given, allowed, .. } = offer;
        if self.entries.len() >= SOURCES_LEN_MAX || self.entries.contains_key(&hash) {
            return None;
        }
        self.last_offer.0 += 1;
        let mut entry = KnownSource::new(size, now);
        entry.begin(now, self.last_offer, label, given, OfferTerms { allowed, occasion: Occasion::Start });
        self.entries.insert(hash, entry);
        self.judgements.insert((now + JUDGEMENT_TIME_MAX, hash));
        Some(self.last_offer)
    }

    /// Makes room by forgetting the oldest source that nobody can use, so that offering nonsense does not end all
    /// loading.
    fn forget_one(&mut self) -> bool {
        let is_useless = |entry: &KnownSource| {
            entry.actors == 0 && matches!(entry.state, SourceState::Refused(_) | SourceState::Unloaded)
        };
        let useless = self.entries.iter().filter(|(_, entry)| is_useless(entry));
        let oldest = useless.min_by_key(|(_, entry)| entry.offered_at).map(|(hash, _)| *hash);
        oldest.is_some_and(|hash| self.entries.remove(&hash).is_some())
    }

    /// A source that is approved was judged again.
    ///
    /// Returns the creates that waited and now fail.
    pub fn judged_again(
        &mut self,
        hash: SourceHash,
        verdict: Result<Verdict, String>,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        match self.entries.get_mut(&hash) {
            Some(entry) if entry.verdict().is_some() => match verdict {
                Ok(verdict) => {
                    entry.verdict = verdict;
                    Vec::new()
                }
                Err(reason) => entry.refuse(hash, reason, askers, effects),
            },
            _ => Vec::new(),
        }
    }

    /// The authority has judged. Judgements of what is not up for judgement, or no more, are ignored.
    ///
    /// Returns the creates that waited and now fail.
    pub fn judged(
        &mut self,
        hash: SourceHash,
        offer: OfferId,
        verdict: Result<Verdict, String>,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        if self.asked(hash, offer).is_none() {
            return Vec::new();
        }
        self.judgements.retain(|(_, waiting)| *waiting != hash);
        match self.entries.get_mut(&hash) {
            // Found out meanwhile, by an earlier offer's load.
            Some(KnownSource { state: SourceState::Offered, hopeless: Some(reason), .. }) => {
                let reason = reason.clone();
                self.entries
                    .get_mut(&hash)
                    .map_or_else(Vec::new, |entry| entry.refuse(hash, reason, askers, effects))
            }
            Some(entry) if entry.state == SourceState::Offered => match verdict {
                Ok(verdict) => {
                    entry.state = SourceState::Validating;
                    entry.verdict = verdict;
                    let loaders = askers.of(Subject::Load(hash));
                    loaders.for_each(|loader| effects.progress(loader, LoadStep::Compiling));
                    effects.push(SourceEffect::Validate(hash));
                    Vec::new()
                }
                Err(reason) => entry.refuse(hash, reason, askers, effects),
            },
            _ => Vec::new(),
        }
    }

    /// A source was compiled, or can't be.
    ///
    /// Returns the creates that waited: they can go on, or fail.
    pub fn validated(
        &mut self,
        hash: SourceHash,
        outcome: Result<SourceInfo, Unusable>,
        compile_us: u64,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        let mut entry = self.entries.get_mut(&hash);
        if let (Some(entry), Err(Unusable { reason, is_lasting: true })) = (&mut entry, &outcome) {
            entry.hopeless = Some(reason.clone());
        }
        match entry {
            Some(entry) if entry.state == SourceState::Validating => match outcome {
                Ok(info) => {
                    if let Err(why) = entry.verdict.suits(&info) {
                        return entry.refuse(hash, why, askers, effects);
                    }
                    entry.state = SourceState::Loaded;
                    entry.info = Some(info);
                    let answer = loaded(hash, entry.info.as_ref(), false, compile_us);
                    askers.answer(&Subject::Load(hash), &answer, effects);
                    core::mem::take(&mut entry.waiting)
                }
                Err(Unusable { reason, .. }) => entry.refuse(hash, reason, askers, effects),
            },
            // Unloaded, and offered again, while it was compiled: what is to come is compiled anew.
            Some(KnownSource { state: SourceState::Offered | SourceState::Loaded, .. }) => Vec::new(),
            // Unloaded while it was compiled: nobody wants the code.
            _ => {
                effects.push(SourceEffect::Forget(hash));
                Vec::new()
            }
        }
    }

    /// A source is not to be used any more. Running actors stay; what waits for it fails.
    pub fn unload(
        &mut self,
        hash: SourceHash,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        let Some(entry) = self.entries.get_mut(&hash) else { return Vec::new() };
        self.judgements.retain(|(_, waiting)| *waiting != hash);
        entry.leave_behind();
        entry.state = SourceState::Unloaded;
        effects.push(SourceEffect::Forget(hash));
        askers.refuse(&Subject::Load(hash), &Refusal::SourceUnloaded { hash }, effects);
        core::mem::take(&mut entry.waiting)
    }

    /// The one source whose hash begins with `prefix`.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, prefix: &str) -> Result<SourceHash, Refusal> {
        let unknown = || Refusal::UnknownSource { source_hash: prefix.chars().take(64).collect() };
        let padded = |digit: char| {
            let rest = core::iter::repeat_n(digit, 64_usize.saturating_sub(prefix.len()));
            prefix.chars().chain(rest).collect::<String>().parse::<SourceHash>()
        };
        let (Ok(first), Ok(last), false) = (padded('0'), padded('f'), prefix.is_empty()) else {
            return Err(unknown());
        };
        let matches: Vec<_> = self.entries.range(first..=last).map(|(hash, _)| *hash).collect();
        match matches.as_slice() {
            [] => Err(unknown()),
            [hash] => Ok(*hash),
            _ => Err(Refusal::AmbiguousSource { prefix: prefix.to_string(), matches }),
        }
    }

    /// Whether it is known at all.
    ///
    /// # Errors
    /// No source has this hash.
    pub fn check_known(&self, hash: SourceHash) -> Result<(), Refusal> {
        let unknown = || Refusal::UnknownSource { source_hash: hash.to_string() };
        self.entries.contains_key(&hash).then_some(()).ok_or_else(unknown)
    }

    /// Whether an actor can be created from a source now.
    #[must_use]
    pub fn availability(&self, hash: SourceHash) -> Availability<'_> {
        let Some(entry) = self.entries.get(&hash) else {
            return Availability::No(Refusal::UnknownSource { source_hash: hash.to_string() });
        };
        match (&entry.state, &entry.info) {
            (SourceState::Loaded, Some(info)) => Availability::Loaded(info),
            (SourceState::Offered | SourceState::Validating, _) => Availability::Coming,
            (SourceState::Refused(reason), _) => {
                Availability::No(Refusal::SourceRefused { hash, reason: reason.clone() })
            }
            _ => Availability::No(Refusal::SourceUnloaded { hash }),
        }
    }

    /// Lets a create wait until a source is loaded.
    pub fn wait(&mut self, hash: SourceHash, address: ActorAddress) {
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.waiting.push(address);
        }
    }

    /// A create no longer waits.
    pub fn stop_waiting(&mut self, hash: SourceHash, address: ActorAddress) {
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.waiting.retain(|waiting| *waiting != address);
        }
    }

    /// Rights of actors that somebody creates from a source now, besides what all may ask of the host.
    #[must_use]
    pub fn rights_for(&self, hash: SourceHash, creator: CreatorRights) -> Rights {
        let Some(verdict) = self.entries.get(&hash).and_then(KnownSource::verdict) else {
            return Rights::NONE;
        };
        match (creator, &verdict.judged_by) {
            (CreatorRights::Own(most), _) => verdict.rights.and(most),
            (CreatorRights::Admitted, JudgedBy::Nobody) => Rights::NONE,
            (CreatorRights::Admitted, JudgedBy::Keys(_) | JudgedBy::Program) => verdict.rights,
        }
    }

    /// The verdict about a source, if that is approved.
    #[must_use]
    pub fn verdict(&self, hash: SourceHash) -> Option<&Verdict> {
        self.entries.get(&hash)?.verdict()
    }

    /// The limits of actors that are created from a source now, below the node's.
    #[must_use]
    pub fn limits(&self, hash: SourceHash) -> LowerLimits {
        let verdict = self.entries.get(&hash).and_then(KnownSource::verdict);
        verdict.map(|verdict| verdict.limits.clone()).unwrap_or_default()
    }

    /// Counts an actor of a source that is to run.
    pub fn count(&mut self, hash: SourceHash) {
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.actors += 1;
        }
    }

    /// The offers whose judgement is overdue: silence is refusal.
    pub fn overdue(&self, now: Time) -> Vec<(SourceHash, OfferId)> {
        let overdue = self.judgements.iter().take_while(|(due, _)| *due <= now);
        overdue.filter_map(|(_, hash)| Some((*hash, self.entries.get(hash)?.offer))).collect()
    }

    /// When the first judgement is overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.judgements.first().map(|(due, _)| *due)
    }

    /// The node stops: whoever waits for a load hears it now.
    pub fn stop(&self, askers: &mut Askers, effects: &mut Effects) {
        for hash in self.entries.keys() {
            askers.refuse(&Subject::Load(*hash), &Refusal::ShuttingDown, effects);
        }
    }

    /// The sources behind a hash, by hash.
    pub fn after(&self, after: Option<SourceHash>) -> impl Iterator<Item = (SourceHash, &KnownSource)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range((from, Bound::Unbounded)).map(|(hash, source)| (*hash, source))
    }

    /// All sources, by hash.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SourceHash, &KnownSource)> {
        self.entries.iter().map(|(hash, source)| (*hash, source))
    }

    /// How many can be created from.
    #[must_use]
    pub fn loaded_len(&self) -> usize {
        self.entries.values().filter(|entry| entry.state == SourceState::Loaded).count()
    }
}

impl Concern for Registry {
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, _effects: &mut Effects) {
        if let Some(entry) = end.source.and_then(|hash| self.entries.get_mut(&hash)) {
            entry.actors = entry.actors.saturating_sub(1);
        }
    }
}

impl KnownSource {
    fn new(size: u64, now: Time) -> Self {
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
            offered_at: now,
            hopeless: None,
        }
    }

    /// Notes that it is offered, and to be judged.
    fn begin(&mut self, now: Time, offer: OfferId, label: String, given: Rights, asked: OfferTerms) {
        self.label = cut(label, SOURCE_LABEL_LEN_MAX);
        self.offered_at = now;
        self.state = SourceState::Offered;
        self.asked = asked;
        self.verdict = Verdict { rights: given, ..Verdict::default() };
        self.offer = offer;
    }

    /// The terms on which it was offered last.
    #[must_use]
    pub const fn terms(&self) -> OfferTerms {
        self.asked
    }

    /// Its submitter's words about it.
    #[must_use]
    pub fn label(&self) -> &str {
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
        (self.actors > 0 && self.verdict().is_none()).then_some(self.left.as_deref())
    }

    /// Those of the rights that are meant for it by whoever loads it once more, and that it has not.
    fn lacks(&self, given: Rights, allowed: Option<Rights>, has_manifest: bool) -> Rights {
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
    fn leave_behind(&mut self) {
        if let (true, JudgedBy::Keys(admission)) = (self.verdict().is_some(), &self.verdict.judged_by) {
            self.left = Some(admission.clone());
        }
    }

    fn refuse(
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
        askers.refuse(&Subject::Load(hash), &Refusal::SourceRefused { hash, reason }, effects);
        core::mem::take(&mut self.waiting)
    }
}

fn loaded(hash: SourceHash, info: Option<&SourceInfo>, already: bool, compile_us: u64) -> Answer {
    let info = info.cloned().expect("a loaded source has said what it offers");
    Answer::Loaded { hash, info: Box::new(info), already, compile_us }
}
