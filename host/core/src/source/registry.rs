//! Which sources a node knows, and where each is on its way from offer to use.
//!
//! ```text
//!  offered ── approved ──► validating ── compiled ──► loaded ── unload ──► unloaded
//!     │ refused, or silence      │ can't be used                              │ offered again
//!     └──────────► refused ◄─────┘                        offered ◄───────────┘
//! ```

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::effect::Effect;
use crate::event::Asker;
use crate::limits::{JUDGEMENT_TIME_MAX, SOURCE_LABEL_LEN_MAX, SOURCES_LEN_MAX, cut};
use crate::mistake::{Mistake, is_made};
use crate::source::{Rights, SourceHash, SourceInfo};
use crate::time::Time;
use crate::wire::control::{
    ControlError, LoadProgress, LoadedSource, Reply, SourceBrief, SourceState, SourceStatus,
};

#[derive(Debug)]
struct Entry {
    label: String,
    size: u64,
    state: SourceState,
    info: Option<SourceInfo>,
    loaders: Vec<Asker>,
    waiting: Vec<ActorAddress>,
    actors: u64,
    rights: Rights,
    /// When it was offered last.
    offered_at: Time,
}

/// A source that somebody offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Of its bytes.
    pub hash: SourceHash,
    /// What its submitter says of it.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
    /// What its actors may ask of the host besides what all may.
    pub rights: Rights,
}

/// Whether an actor can be created from a source now.
#[derive(Debug)]
pub enum Availability<'a> {
    /// It can.
    Loaded(&'a SourceInfo),
    /// Not yet: it is being judged or compiled.
    Coming,
    /// It can't.
    No(ControlError),
}

/// The sources of a node.
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<SourceHash, Entry>,
    /// Those that wait for their judgement, by when it is overdue: asked for after every event.
    judgements: BTreeSet<(Time, SourceHash)>,
}

impl Registry {
    /// A source is offered. Loading twice is one load.
    pub fn offer(&mut self, now: Time, asker: Asker, offer: Offer, effects: &mut Vec<Effect>) {
        let Offer { hash, label, size, rights } = offer;
        if !self.entries.contains_key(&hash) && self.entries.len() >= SOURCES_LEN_MAX && !self.forget_one() {
            let error = ControlError::LimitReached(alloc::format!("it knows {SOURCES_LEN_MAX} sources"));
            effects.push(Effect::Forget(hash));
            effects.push(Effect::Answer { asker, reply: Err(error) });
            return;
        }
        let entry = self.entries.entry(hash).or_insert_with(|| Entry {
            label: String::new(),
            size,
            state: SourceState::Unloaded,
            info: None,
            loaders: Vec::new(),
            waiting: Vec::new(),
            actors: 0,
            rights,
            offered_at: now,
        });
        // Whoever loads a source once more may give it other rights: for actors that are created from then on.
        entry.rights = rights;
        let progress = match entry.state {
            SourceState::Loaded => {
                let reply = Ok(loaded(hash, entry.info.as_ref(), true, 0));
                effects.push(Effect::Answer { asker, reply });
                return;
            }
            SourceState::Validating => LoadProgress::Compiling,
            SourceState::Offered => LoadProgress::Judging,
            SourceState::Refused(_) | SourceState::Unloaded => {
                entry.label = cut(label, SOURCE_LABEL_LEN_MAX);
                entry.offered_at = now;
                entry.state = SourceState::Offered;
                self.judgements.insert((now + JUDGEMENT_TIME_MAX, hash));
                effects.push(Effect::Judge(hash));
                LoadProgress::Judging
            }
        };
        entry.loaders.push(asker);
        effects.push(Effect::Progress { asker, progress });
    }

    /// Makes room by forgetting the oldest source that nobody can use, so that offering nonsense does not end all
    /// loading.
    fn forget_one(&mut self) -> bool {
        let is_useless = |entry: &Entry| {
            entry.actors == 0 && matches!(entry.state, SourceState::Refused(_) | SourceState::Unloaded)
        };
        let useless = self.entries.iter().filter(|(_, entry)| is_useless(entry));
        let oldest = useless.min_by_key(|(_, entry)| entry.offered_at).map(|(hash, _)| *hash);
        oldest.is_some_and(|hash| self.entries.remove(&hash).is_some())
    }

    /// The authority has judged. Judgements of what is not up for judgement are ignored.
    ///
    /// Returns the creates that waited and now fail.
    pub fn judged(
        &mut self,
        hash: SourceHash,
        verdict: Result<(), String>,
        effects: &mut Vec<Effect>,
    ) -> Vec<ActorAddress> {
        self.judgements.retain(|(_, waiting)| *waiting != hash);
        match self.entries.get_mut(&hash) {
            Some(entry) if entry.state == SourceState::Offered => match verdict {
                Err(_) if is_made(Mistake::ApproveAnything) => self.judged(hash, Ok(()), effects),
                Ok(()) => {
                    entry.state = SourceState::Validating;
                    let progress = LoadProgress::Compiling;
                    effects.extend(
                        entry.loaders.iter().map(|asker| Effect::Progress { asker: *asker, progress }),
                    );
                    effects.push(Effect::Validate(hash));
                    Vec::new()
                }
                Err(reason) => entry.refuse(hash, reason, effects),
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
        outcome: Result<SourceInfo, String>,
        compile_us: u64,
        effects: &mut Vec<Effect>,
    ) -> Vec<ActorAddress> {
        match self.entries.get_mut(&hash) {
            Some(entry) if entry.state == SourceState::Validating => match outcome {
                Ok(info) => {
                    entry.state = SourceState::Loaded;
                    entry.info = Some(info);
                    for asker in core::mem::take(&mut entry.loaders) {
                        let reply = Ok(loaded(hash, entry.info.as_ref(), false, compile_us));
                        effects.push(Effect::Answer { asker, reply });
                    }
                    core::mem::take(&mut entry.waiting)
                }
                Err(reason) => entry.refuse(hash, reason, effects),
            },
            // Unloaded, and offered again, while it was compiled: what is to come is compiled anew.
            Some(Entry { state: SourceState::Offered | SourceState::Loaded, .. }) => Vec::new(),
            // Unloaded while it was compiled: nobody wants the code.
            _ => {
                effects.push(Effect::Forget(hash));
                Vec::new()
            }
        }
    }

    /// A source is not to be used any more. Running actors stay; what waits for it fails.
    pub fn unload(&mut self, hash: SourceHash, effects: &mut Vec<Effect>) -> Vec<ActorAddress> {
        let Some(entry) = self.entries.get_mut(&hash) else { return Vec::new() };
        self.judgements.retain(|(_, waiting)| *waiting != hash);
        entry.state = SourceState::Unloaded;
        effects.push(Effect::Forget(hash));
        for asker in core::mem::take(&mut entry.loaders) {
            effects.push(Effect::Answer { asker, reply: Err(ControlError::SourceUnloaded { hash }) });
        }
        core::mem::take(&mut entry.waiting)
    }

    /// The one source whose hash begins with `prefix`.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, prefix: &str) -> Result<SourceHash, ControlError> {
        let unknown = || ControlError::UnknownSource { source_hash: prefix.chars().take(64).collect() };
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
            _ => Err(ControlError::AmbiguousSource { prefix: prefix.to_string(), matches }),
        }
    }

    /// Whether an actor can be created from a source now.
    #[must_use]
    pub fn availability(&self, hash: SourceHash) -> Availability<'_> {
        let Some(entry) = self.entries.get(&hash) else {
            return Availability::No(ControlError::UnknownSource { source_hash: hash.to_string() });
        };
        match (&entry.state, &entry.info) {
            (SourceState::Loaded, Some(info)) => Availability::Loaded(info),
            (SourceState::Offered | SourceState::Validating, _) => Availability::Coming,
            (SourceState::Refused(reason), _) => {
                Availability::No(ControlError::SourceRefused { hash, reason: reason.clone() })
            }
            _ => Availability::No(ControlError::SourceUnloaded { hash }),
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

    /// What actors that are created from a source now may ask of the host besides what all may.
    #[must_use]
    pub fn rights(&self, hash: SourceHash) -> Rights {
        self.entries.get(&hash).map(|entry| entry.rights).unwrap_or_default()
    }

    /// Counts an actor of a source that came or went.
    pub fn count(&mut self, hash: SourceHash, came: bool) {
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.actors = if came { entry.actors + 1 } else { entry.actors.saturating_sub(1) };
        }
    }

    /// Takes out the sources whose judgement is overdue: silence is refusal.
    pub fn overdue(&self, now: Time) -> Vec<SourceHash> {
        self.judgements.iter().take_while(|(due, _)| *due <= now).map(|(_, hash)| *hash).collect()
    }

    /// When the first judgement is overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.judgements.first().map(|(due, _)| *due)
    }

    /// Someone no longer waits for a load.
    pub fn forget_asker(&mut self, asker: Asker) {
        for entry in self.entries.values_mut() {
            entry.loaders.retain(|loader| *loader != asker);
        }
    }

    /// The node stops: whoever waits for a load hears it now.
    pub fn stop(&mut self, effects: &mut Vec<Effect>) {
        for asker in self.entries.values_mut().flat_map(|entry| core::mem::take(&mut entry.loaders)) {
            effects.push(Effect::Answer { asker, reply: Err(ControlError::ShuttingDown) });
        }
    }

    /// All sources, for status.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        let status = |(hash, entry): (&SourceHash, &Entry)| SourceStatus {
            hash: *hash,
            label: entry.label.clone(),
            size: entry.size,
            state: entry.state.clone(),
            info: entry.info.clone(),
            actors: entry.actors,
            rights: entry.rights,
        };
        self.entries.iter().map(status).collect()
    }

    /// The sources for short.
    pub fn briefs(&self) -> impl ExactSizeIterator<Item = SourceBrief> {
        self.entries.iter().map(|(hash, entry)| SourceBrief {
            hash: *hash,
            label: entry.label.clone(),
            state: entry.state.clone(),
        })
    }

    /// How many can be created from.
    #[must_use]
    pub fn loaded_len(&self) -> usize {
        self.entries.values().filter(|entry| entry.state == SourceState::Loaded).count()
    }
}

impl Entry {
    fn refuse(&mut self, hash: SourceHash, reason: String, effects: &mut Vec<Effect>) -> Vec<ActorAddress> {
        self.state = SourceState::Refused(reason.clone());
        effects.push(Effect::Forget(hash));
        for asker in core::mem::take(&mut self.loaders) {
            let error = ControlError::SourceRefused { hash, reason: reason.clone() };
            effects.push(Effect::Answer { asker, reply: Err(error) });
        }
        core::mem::take(&mut self.waiting)
    }
}

fn loaded(hash: SourceHash, info: Option<&SourceInfo>, already: bool, compile_us: u64) -> Reply {
    let info = info.cloned().expect("a loaded source has said what it offers");
    Reply::Loaded(LoadedSource { hash, info, already, compile_us })
}
