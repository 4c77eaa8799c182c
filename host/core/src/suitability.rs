//! What the host has, and whom it suits: by the clauses of a class and its creator, and by the class's own check.
//!
//! A check is pure: the same question has the same answer until the host's capabilities change. Of each class one
//! question is under way at a time, so that a class whose checks take long holds up nobody but itself; and all who wait
//! when a check fails hear that, or each would have to wait for a failure of its own.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::askers::Askers;
use crate::capability::{Capabilities, Requirement, Value, unmet};
use crate::concern::{Concern, End};
use crate::effect::{Effect, Effects};
use crate::limits::{CAPABILITIES_LEN_MAX, ERROR_TEXT_LEN_MAX, cut};
use crate::outbox::check_capability;
use crate::question::{MetBound, Refusal, Unmet};
use crate::source::{ClassCheck, SourceEffect, SourceHash};

/// The outcome of a check: `Err` says why not.
pub type Suits = Result<(), String>;

/// A class of a source.
type Key = (SourceHash, String);

/// An actor that waits for an answer, with what is required for it.
#[derive(Debug)]
struct Candidate {
    address: ActorAddress,
    requirements: Vec<Requirement>,
}

/// The outcome of a check, and those for which it was asked.
#[derive(Debug)]
pub struct Told {
    /// The actors that waited for it.
    pub who: Vec<ActorAddress>,
    /// The answer for them.
    pub answer: Suits,
}

/// A class, while there is something to know of it.
#[derive(Debug, Default)]
struct Class {
    /// The requirements of the question that is under way.
    asked: Option<Vec<Requirement>>,
    /// The host changed, or the source went, since that was asked: its answer is of no use.
    is_stale: bool,
    waiting: VecDeque<Candidate>,
    /// The last answer since the host changed.
    known: Option<(Vec<Requirement>, Suits)>,
}

impl Class {
    fn tell(&mut self, asked: Vec<Requirement>, outcome: Result<bool, String>) -> Told {
        let answer = match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err("the class's own check says no".to_string()),
            Err(why) => {
                let why = cut(format!("the class's own check failed: {why}"), ERROR_TEXT_LEN_MAX);
                let who = self.waiting.drain(..).map(|waiting| waiting.address).collect();
                return Told { who, answer: Err(why) };
            }
        };
        let mut who = Vec::new();
        while self.waiting.front().is_some_and(|waiting| waiting.requirements == asked) {
            who.extend(self.waiting.pop_front().map(|waiting| waiting.address));
        }
        self.known = Some((asked, answer.clone()));
        Told { who, answer }
    }
}

/// The capabilities of a host, and the questions to the classes that ask for more.
#[derive(Debug, Default)]
pub struct Suitability {
    capabilities: Capabilities,
    classes: BTreeMap<Key, Class>,
}

impl Suitability {
    /// Those of a host that has these capabilities.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, classes: BTreeMap::new() }
    }

    /// The capabilities of this host.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Gives the host a capability, or takes one away. Returns whether that changes anything.
    ///
    /// # Errors
    /// It is no capability that a host can have, or it would be one too many.
    pub fn update(
        &mut self,
        name: String,
        value: Option<Value>,
        effects: &mut Effects,
    ) -> Result<bool, Refusal> {
        check_capability(&name, value.as_ref())?;
        let before = self.capabilities.get(&name);
        if before == value.as_ref() {
            return Ok(false);
        }
        if before.is_none() && self.capabilities.len() >= CAPABILITIES_LEN_MAX {
            return Err(Refusal::LimitReached(MetBound::Capabilities));
        }
        match value {
            Some(value) => drop(self.capabilities.insert(name, value)),
            None => drop(self.capabilities.remove(&name)),
        }
        effects.push(Effect::SetCapabilities(Arc::new(self.capabilities.clone())));
        Ok(true)
    }

    /// The clauses that do not hold here.
    pub fn unmet<'a>(&'a self, required: impl IntoIterator<Item = &'a Requirement>) -> Vec<Unmet> {
        let unmet = unmet(&self.capabilities, required).map(|requirement| Unmet::Clause {
            requirement: requirement.clone(),
            found: self.capabilities.get(&requirement.name).cloned(),
        });
        unmet.collect()
    }

    /// The answer of a class's own check, if it is known.
    #[must_use]
    pub fn answer(&self, source: SourceHash, class: &str, required: &[Requirement]) -> Option<&Suits> {
        let (requirements, answer) = self.classes.get(&(source, class.to_string()))?.known.as_ref()?;
        (requirements == required).then_some(answer)
    }

    /// Lets an actor wait for an answer that is not known.
    pub fn wait(
        &mut self,
        address: ActorAddress,
        source: SourceHash,
        class: &str,
        requirements: Vec<Requirement>,
        effects: &mut Effects,
    ) {
        let key = (source, class.to_string());
        self.classes.entry(key.clone()).or_default().waiting.push_back(Candidate { address, requirements });
        self.ask(&key, effects);
    }

    /// An actor no longer waits.
    pub fn stop_waiting(&mut self, source: SourceHash, class: &str, address: ActorAddress) {
        if let Some(class) = self.classes.get_mut(&(source, class.to_string())) {
            class.waiting.retain(|waiting| waiting.address != address);
        }
    }

    /// A class has answered, which is remembered; or its check failed, which is not, since that may have been the host's
    /// fault, but is a no to all who wait.
    ///
    /// Returns nothing if the answer is of no use: it is asked for again.
    pub fn answered(
        &mut self,
        source: SourceHash,
        class: &str,
        outcome: Result<bool, String>,
        effects: &mut Effects,
    ) -> Option<Told> {
        let key = (source, class.to_string());
        let class = self.classes.get_mut(&key)?;
        let asked = class.asked.take()?;
        let is_stale = core::mem::take(&mut class.is_stale);
        let told = (!is_stale).then(|| class.tell(asked, outcome));
        if class.waiting.is_empty() && class.known.is_none() {
            self.classes.remove(&key);
        }
        self.ask(&key, effects);
        told
    }

    /// The host's capabilities have changed: no answer is worth anything any more. Creates, which `is_create` tells
    /// from actors that run, go on waiting; who runs has to be asked about anew.
    pub fn changed(&mut self, is_create: impl Fn(ActorAddress) -> bool) {
        self.classes.retain(|_, class| {
            class.known = None;
            class.is_stale = class.asked.is_some();
            class.waiting.retain(|waiting| is_create(waiting.address));
            class.is_stale || !class.waiting.is_empty()
        });
    }

    /// A source is used no more: nobody is asked. Returns who waited.
    pub fn unloaded(&mut self, source: SourceHash) -> Vec<ActorAddress> {
        let mut waited = Vec::new();
        let of_source = (source, String::new())..;
        for (_, class) in self.classes.range_mut(of_source).take_while(|((of, _), _)| *of == source) {
            class.known = None;
            class.is_stale = class.asked.is_some();
            waited.extend(class.waiting.drain(..).map(|waiting| waiting.address));
        }
        self.classes.retain(|(of, _), class| *of != source || class.is_stale);
        waited
    }

    /// Asks what the first who waits must know, unless a question is under way.
    fn ask(&mut self, key: &Key, effects: &mut Effects) {
        let Some(class) = self.classes.get_mut(key).filter(|class| class.asked.is_none()) else { return };
        let Some(first) = class.waiting.front() else { return };
        let requirements = first.requirements.clone();
        class.asked = Some(requirements.clone());
        let (source, class) = key.clone();
        effects.push(SourceEffect::CheckClass(Box::new(ClassCheck {
            source,
            class,
            capabilities: self.capabilities.clone(),
            requirements,
        })));
    }
}

impl Concern for Suitability {
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, _effects: &mut Effects) {
        if let Some(source) = end.source.filter(|_| end.has_own_check) {
            self.stop_waiting(source, end.class, end.address);
        }
    }
}
