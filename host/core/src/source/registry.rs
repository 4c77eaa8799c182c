//! Which sources a node knows, and where each is on its way from offer to use.
//!
//! ```text
//!  offered ── approved ──► validating ── compiled ──► loaded ── unload ──► unloaded
//!     │ refused, or silence      │ can't be used                              │ offered again
//!     └──────────► refused ◄─────┘                        offered ◄───────────┘
//! ```

mod known;
#[cfg(test)]
mod tests;
mod waiting;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;

use known::OfferHolder;
pub use known::{ApprovedSource, KnownSource};

use crate::address::ActorAddress;
use crate::askers::{Askers, Subject};
use crate::concern::{Concern, End};
use crate::effect::Effects;
use crate::envelope::SourceUpdate;
use crate::limits::SOURCES_LEN_MAX;
use crate::question::{Answer, CreatorRights, LoadStep, MetBound, Offer, Origin, Refusal};
use crate::source::admission::Occasion;
use crate::source::{
    HandOver, JudgedBy, LowerLimits, OfferId, OfferTerms, RefusedSource, Rights, RunHash, SourceEffect,
    SourceHash, SourceInfo, SourceState, Unusable, Verdict,
};
use crate::time::Time;

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
    /// Those that can be created from by the event under way, and were not before; or the other way round.
    changed: Vec<SourceHash>,
    /// Whether an actor's hands may have room for more since that was last asked, or more awaits it.
    wants_hands: bool,
}

impl Registry {
    /// A source is offered. Loading twice is one load, and gives it no more than it has.
    ///
    /// Returns the offer, if it is to be judged now, until `due`.
    pub fn offer(
        &mut self,
        (now, due): (Time, Time),
        origin: Origin,
        offer: Offer,
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Option<OfferId> {
        let Offer { hash, label, size, given, allowed, has_manifest, is_downgrade, by } = offer;
        if !self.entries.contains_key(&hash) && self.entries.len() >= SOURCES_LEN_MAX && !self.forget_one() {
            effects.push(SourceEffect::Forget(hash));
            effects.answer_load(origin, hash, Err(Refusal::LimitReached(MetBound::Sources)));
            return None;
        }
        let entry = self.entries.entry(hash).or_insert_with(|| KnownSource::new(size, now));
        let missing = entry.lacks(given, allowed, has_manifest);
        if missing.any() {
            let reason = format!("it is in use without the rights {missing}");
            effects.push(SourceEffect::NoteRefused(Box::new(RefusedSource { hash, label, by, reason })));
            effects.answer_load(origin, hash, Err(Refusal::WantsMoreRights { hash, missing }));
            return None;
        }
        let mut is_new = false;
        let step = match entry.state {
            SourceState::Loaded => {
                effects.answer_load(origin, hash, Ok(loaded(hash, entry.info.as_ref(), true, 0)));
                return None;
            }
            SourceState::Validating => LoadStep::Compiling,
            SourceState::Offered if entry.is_kept_pending() => LoadStep::Pending,
            SourceState::Offered => LoadStep::Judging,
            SourceState::Refused(_) | SourceState::Unloaded => {
                if let Some(reason) = entry.hopeless.clone() {
                    entry.offered_at = now;
                    entry.state = SourceState::Refused(reason.clone());
                    let refused = RefusedSource { hash, label, by, reason: reason.clone() };
                    effects.push(SourceEffect::NoteRefused(Box::new(refused)));
                    effects.answer_load(origin, hash, Err(Refusal::SourceRefused { hash, reason }));
                    return None;
                }
                let occasion = if is_downgrade { Occasion::Downgrade } else { Occasion::Load };
                self.last_offer.0 += 1;
                let loader = origin.actor();
                entry.begin(
                    now,
                    self.last_offer,
                    label,
                    OfferTerms { given, allowed, has_manifest, loader, by, occasion },
                );
                is_new = true;
                self.judgements.insert((due, hash));
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

    /// An actor is to judge an offer, when it has room for it.
    pub fn await_hands(&mut self, hash: SourceHash, offer: OfferId) {
        if let Some(entry) = self.entries.get_mut(&hash).filter(|entry| entry.offer == offer) {
            entry.hands = OfferHolder::Awaited;
            self.wants_hands = true;
        }
    }

    /// Another actor judges: what awaits one may come into its hands.
    pub const fn note_judge(&mut self) {
        self.wants_hands = true;
    }

    /// Whether more may come into an actor's hands since this was last asked.
    pub const fn take_wants_hands(&mut self) -> bool {
        core::mem::replace(&mut self.wants_hands, false)
    }

    /// The offers that await an actor, with the rights that their loaders give: another is to judge them, until `due`.
    pub fn take_awaited(&mut self, due: Time) -> Vec<(SourceHash, OfferId, Rights)> {
        let awaited: Vec<_> = self.to_be_judged(OfferHolder::Awaited).collect();
        awaited.iter().for_each(|(hash, _)| self.set_due(*hash, due));
        let terms = awaited.into_iter().filter_map(|(hash, offer)| {
            let entry = self.entries.get_mut(&hash)?;
            entry.hands = OfferHolder::Others;
            Some((hash, offer, entry.asked.given))
        });
        terms.collect()
    }

    /// The offers in the hands of an actor, the oldest first.
    pub fn in_hands_of(&self, judge: ActorAddress) -> impl Iterator<Item = (SourceHash, OfferId)> {
        self.to_be_judged(OfferHolder::Of(judge))
    }

    /// Puts the oldest offer that awaits it into the hands of an actor. Returns what it is to be told.
    pub fn hand_over(&mut self, to: ActorAddress) -> Option<HandOver> {
        let (hash, offer) = self.to_be_judged(OfferHolder::Awaited).next()?;
        let entry = self.entries.get_mut(&hash)?;
        entry.hands = OfferHolder::Of(to);
        let OfferTerms { given, allowed, has_manifest, loader, .. } = entry.asked;
        let rights = if has_manifest { allowed.unwrap_or(Rights::ALL) } else { given };
        Some(HandOver { to, hash, offer, label: entry.label.clone(), rights, loader })
    }

    /// Takes all offers out of the hands of an actor: they await another.
    pub fn take_back(&mut self, judge: ActorAddress) {
        let taken: Vec<_> = self.in_hands_of(judge).collect();
        taken.into_iter().for_each(|(hash, offer)| self.await_hands(hash, offer));
    }

    fn to_be_judged(&self, hands: OfferHolder) -> impl Iterator<Item = (SourceHash, OfferId)> {
        let waiting = self.judgements.iter().filter_map(|(_, hash)| Some((*hash, self.entries.get(hash)?)));
        waiting.filter(move |(_, entry)| entry.hands == hands).map(|(hash, entry)| (hash, entry.offer))
    }

    /// A source is there that was admitted before the node started, or waited for that. Nobody waits for it.
    ///
    /// Returns the offer, if it is to be judged, until `due`.
    pub fn restore(&mut self, (now, due): (Time, Time), offer: Offer, occasion: Occasion) -> Option<OfferId> {
        let Offer { hash, label, size, given, allowed, has_manifest, by, .. } = offer;
        if self.entries.len() >= SOURCES_LEN_MAX || self.entries.contains_key(&hash) {
            return None;
        }
        self.last_offer.0 += 1;
        let mut entry = KnownSource::new(size, now);
        let terms = OfferTerms { given, allowed, has_manifest, loader: None, by, occasion };
        entry.begin(now, self.last_offer, label, terms);
        self.entries.insert(hash, entry);
        self.judgements.insert((due, hash));
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
                Err(reason) => {
                    if entry.state == SourceState::Loaded {
                        self.changed.push(hash);
                    }
                    entry.refuse(hash, reason, askers, effects)
                }
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
        self.wants_hands = true;
        let Some(entry) = self.entries.get_mut(&hash) else { return Vec::new() };
        // Found out meanwhile, by an earlier offer's load.
        let verdict = entry.hopeless.clone().map_or(verdict, Err);
        match verdict {
            Ok(verdict) => {
                entry.pending = None;
                entry.state = SourceState::Validating;
                let runs = verdict.runs;
                entry.verdict = verdict;
                let loaders = askers.of(Subject::Load(hash));
                loaders.for_each(|loader| effects.progress(loader, LoadStep::Compiling));
                effects.push(SourceEffect::Validate { hash, runs });
                Vec::new()
            }
            Err(reason) => entry.refuse(hash, reason, askers, effects),
        }
    }

    /// A source was compiled, or can't be.
    ///
    /// Returns the creates that waited: they can go on, or fail.
    pub fn validated(
        &mut self,
        hash: SourceHash,
        runs: Option<RunHash>,
        (outcome, compile_us): (Result<SourceInfo, Unusable>, u64),
        askers: &mut Askers,
        effects: &mut Effects,
    ) -> Vec<ActorAddress> {
        let mut entry = self.entries.get_mut(&hash);
        // What an authority has put in its place says nothing of the bytes themselves.
        if let (Some(entry), None, Err(Unusable { reason, is_lasting: true })) = (&mut entry, runs, &outcome)
        {
            entry.hopeless = Some(reason.clone());
        }
        match entry {
            // Unloaded meanwhile, offered again, and approved as other bytes: those are compiled too.
            Some(entry) if entry.state == SourceState::Validating && entry.verdict.runs != runs => Vec::new(),
            Some(entry) if entry.state == SourceState::Validating => match outcome {
                Ok(info) => {
                    if let Err(why) = entry.verdict.suits(&info) {
                        return entry.refuse(hash, why, askers, effects);
                    }
                    entry.state = SourceState::Loaded;
                    self.changed.push(hash);
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
        self.wants_hands = true;
        entry.leave_behind();
        entry.pending = None;
        if entry.state == SourceState::Loaded {
            self.changed.push(hash);
        }
        if !matches!(entry.state, SourceState::Unloaded | SourceState::Refused(_)) {
            effects.push(SourceEffect::NoteUnloaded(hash));
        }
        entry.state = SourceState::Unloaded;
        effects.push(SourceEffect::Forget(hash));
        askers.refuse(&Subject::Load(hash), &Refusal::SourceUnloaded { hash }, effects);
        core::mem::take(&mut entry.waiting)
    }

    /// Takes out what has become of sources that can be created from, or no longer, since this was last asked.
    pub fn take_updates(&mut self) -> Vec<SourceUpdate> {
        let changed = core::mem::take(&mut self.changed);
        changed
            .into_iter()
            .filter_map(|hash| self.entries.get(&hash).map(|entry| entry.update(hash)))
            .collect()
    }

    /// All sources that can be created from, as whoever hears of them is told.
    pub fn updates(&self) -> impl Iterator<Item = SourceUpdate> {
        let loaded = self.entries.iter().filter(|(_, entry)| entry.state == SourceState::Loaded);
        loaded.map(|(hash, entry)| entry.update(*hash))
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

    /// A source that is known.
    #[must_use]
    pub fn get(&self, hash: SourceHash) -> Option<&KnownSource> {
        self.entries.get(&hash)
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
        let entry = self.entries.get(&hash);
        let Some((entry, verdict)) = entry.and_then(|entry| Some((entry, entry.verdict()?))) else {
            return Rights::NONE;
        };
        match (creator, &verdict.judged_by) {
            // Without a manifest all that it has its loader has given it.
            (CreatorRights::Admitted, JudgedBy::Actor(_) | JudgedBy::Person { .. })
                if !entry.asked.has_manifest =>
            {
                Rights::NONE
            }
            (CreatorRights::Own(most), _) => verdict.rights.and(most),
            (CreatorRights::Admitted, JudgedBy::Nobody | JudgedBy::Configuration) => Rights::NONE,
            (
                CreatorRights::Admitted,
                JudgedBy::Keys(_) | JudgedBy::Program | JudgedBy::Actor(_) | JudgedBy::Person { .. },
            ) => verdict.rights,
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

fn loaded(hash: SourceHash, info: Option<&SourceInfo>, already: bool, compile_us: u64) -> Answer {
    let info = info.cloned().expect("a loaded source has said what it offers");
    Answer::Loaded { hash, info: Box::new(info), already, compile_us }
}
