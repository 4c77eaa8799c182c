//! A compiled source: checked against what this host offers, described by itself, ready to be instantiated.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::{Capabilities, Requirement};
use thespian_core::fate::Fault;
use thespian_core::limits::{ActorLimits, PLACEMENT_CPU_MAX, SourceSizeError, TYPE_NAME_LEN_MAX};
use thespian_core::outbox::{Means, check_class_name};
use thespian_core::source::{ActorClass, SourceHash, SourceInfo};
use thespian_core::text::inert;
use tracing::Level;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::descriptors::{ADVICE, are_gone, are_scarce};

use super::bindings::ActorPre;
use super::bindings::thespian::actor::types as wit;
use super::convert;
use super::engine::{Engine, Shared};
use super::fault;
use super::host::{ActorHost, EngineLog, Identity};
use super::inspect::inspect;
use super::instance::{self, Instance};
use super::log::LogBook;
use super::state::State;
use super::text;

/// By which a component says where its classes can run.
const PLACEMENT_EXPORT: &str = "thespian:actor/placement@0.1.0";
/// Classes of one source.
const CLASSES_MAX: usize = 256;
/// Entries of one list in a description: what a class requires, what it receives.
const LIST_LEN_MAX: usize = 256;
/// All texts of a description together, in bytes: it is repeated in every listing of sources.
const DESCRIPTION_BYTES_MAX: usize = 64 << 10;

/// Why bytes are no source for this host. None of these changes any state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No bytes, or too many.
    #[error(transparent)]
    Size(#[from] SourceSizeError),
    /// Something else than a component.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It needs what this host does not offer.
    #[error("the component imports what this host does not offer: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// It does not export what makes it an actor.
    #[error("the component does not export `thespian:actor/guest@0.1`: build it against the actor contract")]
    NoGuest,
    /// Compiling it would take longer, and more memory, than an honest source does.
    #[error("the component would cost too much to compile: {found} {what}, at most {max} are allowed")]
    TooCostly {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: String,
        /// The bound.
        max: String,
    },
    /// The host's fault, and no word about the component.
    #[error("this host has no file descriptor left for the source's memory: {ADVICE}")]
    NoDescriptors,
    /// It is malformed, or needs more than one instance may have.
    #[error("the component can't be compiled: {0}")]
    Invalid(String),
    /// Its interfaces have other functions or types than the contract.
    #[error("the component does not fit the contract: {0}")]
    Mismatch(String),
    /// It failed while it described itself.
    #[error("the component can't describe itself: {0}")]
    Describe(Fault),
    /// What it says of itself is not acceptable.
    #[error("the component's description is refused: {0}")]
    Description(String),
}

/// A compiled source. Clones are the same source.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    engine: Engine,
    hash: SourceHash,
    info: SourceInfo,
    pre: ActorPre<State>,
    /// The function by which a class says where it can run.
    accepts: Option<ComponentExportIndex>,
    compile_time: Duration,
    from_cache: bool,
}

impl Source {
    pub(super) fn compile(engine: &Engine, hash: SourceHash, bytes: &[u8]) -> Result<Self, SourceError> {
        let start = Instant::now();
        inspect(bytes)?;
        let (component, from_cache) = load(&engine.shared, hash, bytes)?;
        image(&component)?;
        let compile_time = start.elapsed();
        let pre = link(&engine.shared, &component)?;
        let accepts = accepts_export(&component);
        let info = describe(engine, hash, &pre, accepts.is_some())?;
        let engine = engine.clone();
        Ok(Self(Arc::new(Inner { engine, hash, info, pre, accepts, compile_time, from_cache })))
    }

    /// What it says of itself.
    #[must_use]
    pub fn info(&self) -> &SourceInfo {
        &self.0.info
    }

    /// Its name.
    #[must_use]
    pub fn hash(&self) -> SourceHash {
        self.0.hash
    }

    /// How long it took to compile it, or to take it from the cache.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.0.compile_time
    }

    /// Whether it came from the cache.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.0.from_cache
    }

    /// Makes an instance for one actor, of as many as the engine's capacity says: whoever makes actors counts them. `limits`
    /// may be stricter than the engine's, not wider.
    ///
    /// # Errors
    /// When the pool is full, or the code that runs at instantiation fails.
    pub fn instantiate(
        &self,
        identity: Identity,
        host: Arc<dyn ActorHost>,
        limits: Arc<ActorLimits>,
    ) -> Result<Instance, Fault> {
        let log = LogBook::new(Arc::clone(&host), &limits);
        self.instantiate_with(identity, host, limits, log)
    }

    pub(super) fn instantiate_with(
        &self,
        identity: Identity,
        host: Arc<dyn ActorHost>,
        limits: Arc<ActorLimits>,
        log: LogBook,
    ) -> Result<Instance, Fault> {
        Instance::new(self, identity, host, limits, log)
    }

    /// Asks a class whether actors of it can run on a host that has these capabilities, in an instance that is then
    /// thrown away. Blocks for as long as that takes.
    ///
    /// # Errors
    /// How its check failed: it is not exported as the contract says, it trapped, or it took too long.
    pub fn accepts(
        &self,
        class: &str,
        capabilities: &Capabilities,
        requirements: &[Requirement],
    ) -> Result<bool, Fault> {
        let Some(accepts) = self.0.accepts else {
            return Err(Fault::Trap(format!("the component does not export `{PLACEMENT_EXPORT}`")));
        };
        let capabilities = convert::capabilities_to_guest(capabilities);
        let listed = convert::listed_values(requirements);
        let requirements = convert::requirements_to_guest(requirements, &listed);
        let mut store = nobodys_store(self.engine(), self.hash(), class);
        let cpu_ms_max = u64::try_from(PLACEMENT_CPU_MAX.as_millis()).unwrap_or(u64::MAX);
        instance::guarded(&mut store, cpu_ms_max, |store| {
            let instance = self.pre().instance_pre().instantiate(&mut *store)?;
            let accepts = instance.get_typed_func::<Question<'_>, (bool,)>(&mut *store, accepts)?;
            accepts.call(store, (class, &capabilities, &requirements)).map(|(accepts,)| accepts)
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(super) fn pre(&self) -> &ActorPre<State> {
        &self.0.pre
    }
}

/// What `accepts` takes: the class, what the host has, and what is required.
type Question<'a> = (&'a str, &'a [(&'a str, wit::ValueParam<'a>)], &'a [wit::RequirementParam<'a>]);

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("hash", &self.0.hash).finish_non_exhaustive()
    }
}

/// A name out of a component, for an error.
pub(super) fn shown(name: &str) -> String {
    inert(text::cut(name, TYPE_NAME_LEN_MAX)).into_owned()
}

/// The compiled component, and whether it came from the cache.
fn load(shared: &Shared, hash: SourceHash, bytes: &[u8]) -> Result<(Component, bool), SourceError> {
    if let Some(component) = shared.cache.as_ref().and_then(|cache| cache.get(&shared.wasmtime, hash)) {
        return Ok((component, true));
    }
    let component = Component::from_binary(&shared.wasmtime, bytes)
        .map_err(|error| SourceError::Invalid(fault::describe(&error)))?;
    if let Some(cache) = &shared.cache {
        cache.put(&shared.wasmtime, hash, &component);
    }
    Ok((component, false))
}

/// Makes the image of its memory, from which each instance begins. A file that is nowhere, and the only one that a source
/// keeps open: were it left to the first instance, that one would seem to have trapped where no file can be opened.
fn image(component: &Component) -> Result<(), SourceError> {
    if are_scarce() {
        return Err(SourceError::NoDescriptors);
    }
    component.initialize_copy_on_write_image().map_err(|error| {
        let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        if causes.any(are_gone) {
            return SourceError::NoDescriptors;
        }
        SourceError::Invalid(fault::describe(&error))
    })
}

fn accepts_export(component: &Component) -> Option<ComponentExportIndex> {
    let placement = component.get_export_index(None, PLACEMENT_EXPORT)?;
    component.get_export_index(Some(&placement), "accepts")
}

/// Joins a component with what the host offers.
fn link(shared: &Shared, component: &Component) -> Result<ActorPre<State>, SourceError> {
    let mismatch = |error: wasmtime::Error| SourceError::Mismatch(fault::describe(&error));
    let pre = shared.linker.instantiate_pre(component).map_err(mismatch)?;
    ActorPre::new(pre).map_err(mismatch)
}

/// The host of an instance that only describes itself: it can do nothing.
struct Nobody(SourceHash, Arc<dyn EngineLog>);

impl Means for Nobody {
    fn new_address(&self) -> ActorAddress {
        ActorAddress::new(HostId(0), 0)
    }

    fn take_place(&self) -> bool {
        false
    }

    fn give_places(&self, _len: usize) {}

    fn reserve_self(&self, _cost: usize) -> bool {
        false
    }

    fn release_self(&self, _len: usize, _cost: usize) {}
}

impl ActorHost for Nobody {
    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::default()
    }

    fn log(&self, _level: Level, target: &str, text: &str) {
        self.1.log(Level::DEBUG, "describe", &format!("{} {target}: {text}", self.0));
    }

    fn log_enabled(&self, _level: Level) -> bool {
        true
    }

    fn is_killed(&self) -> bool {
        false
    }
}

/// A store for an instance that is nobody: it is asked one thing, and thrown away.
fn nobodys_store(engine: &Engine, hash: SourceHash, class: &str) -> Store<State> {
    let shared = Arc::clone(&engine.shared);
    let host: Arc<dyn ActorHost> = Arc::new(Nobody(hash, Arc::clone(&shared.log)));
    let limits = Arc::clone(&shared.limits);
    let log = LogBook::new(Arc::clone(&host), &limits);
    let identity = Identity { address: host.new_address(), class: class.into(), source: hash };
    instance::new_store(State::new(shared, host, identity, limits, log))
}

/// Asks the component what it is, in an instance that is then thrown away.
fn describe(
    engine: &Engine,
    hash: SourceHash,
    pre: &ActorPre<State>,
    has_placement: bool,
) -> Result<SourceInfo, SourceError> {
    let mut store = nobodys_store(engine, hash, "");
    let cpu_ms_max = engine.shared.limits.start_cpu_ms_max;
    let info = instance::guarded(&mut store, cpu_ms_max, |store| {
        let actor = pre.instantiate(&mut *store)?;
        actor.thespian_actor_guest().call_describe(store)
    });
    source_info(info.map_err(SourceError::Describe)?, has_placement).map_err(SourceError::Description)
}

fn source_info(info: wit::SourceInfo, has_placement: bool) -> Result<SourceInfo, String> {
    let size = description_bytes(&info);
    if size > DESCRIPTION_BYTES_MAX {
        return Err(format!("it has {size} bytes; at most {DESCRIPTION_BYTES_MAX} are allowed"));
    }
    if info.classes.is_empty() || info.classes.len() > CLASSES_MAX {
        return Err(format!("a source has 1 to {CLASSES_MAX} classes, not {}", info.classes.len()));
    }
    for (what, text) in [("name", &info.name), ("version", &info.version), ("sdk", &info.sdk)] {
        check_len(what, text)?;
    }
    refuse_extra("the source", &info.extra)?;
    let mut names = BTreeSet::new();
    let mut classes = Vec::with_capacity(info.classes.len());
    for class in info.classes {
        if !names.insert(class.name.clone()) {
            return Err(format!("the class `{}` is there twice", shown(&class.name)));
        }
        classes.push(actor_class(class, has_placement)?);
    }
    let made = |text: &str| inert(text).into_owned();
    Ok(SourceInfo { name: made(&info.name), version: made(&info.version), sdk: made(&info.sdk), classes })
}

/// The size of a description: of its texts, and something for each part of it.
fn description_bytes(info: &wit::SourceInfo) -> usize {
    const PART_BYTES: usize = 32;
    let value = |value: &wit::ValueResult| match value {
        wit::ValueResult::Text(text) => PART_BYTES + text.len(),
        _ => PART_BYTES,
    };
    let requirement = |requirement: &wit::RequirementResult| {
        let values = match &requirement.clause {
            wit::ClauseResult::Equals(equals) => value(equals),
            wit::ClauseResult::OneOf(values) => values.iter().map(value).sum(),
            wit::ClauseResult::IsTrue | wit::ClauseResult::AtLeast(_) => 0,
        };
        PART_BYTES + requirement.name.len() + values
    };
    let class = |class: &wit::ActorClass| {
        let receives: usize = class.receives.iter().map(|name| PART_BYTES + name.len()).sum();
        let requires: usize = class.requires.iter().map(requirement).sum();
        PART_BYTES + class.name.len() + receives + requires
    };
    let classes: usize = info.classes.iter().map(class).sum();
    info.name.len() + info.version.len() + info.sdk.len() + classes
}

fn actor_class(class: wit::ActorClass, has_placement: bool) -> Result<ActorClass, String> {
    check_class_name(&class.name).map_err(|error| error.to_string())?;
    let name = shown(&class.name);
    if name != class.name {
        return Err(format!("a class has a name in plain characters, not `{name}`"));
    }
    if class.troupe.is_some() {
        return Err(format!("the class `{name}` asks for `troupe`, which this host does not offer"));
    }
    if class.custom_placement && !has_placement {
        return Err(format!(
            "the class `{name}` says that it is asked where it can run, but the component does not export \
             `{PLACEMENT_EXPORT}`"
        ));
    }
    refuse_extra(&format!("the class `{name}`"), &class.extra)?;
    if class.requires.len() > LIST_LEN_MAX || class.receives.len() > LIST_LEN_MAX {
        return Err(format!("the class `{name}` lists more than {LIST_LEN_MAX} things"));
    }
    for receives in &class.receives {
        check_plain("receives", receives)?;
    }
    let requires = convert::requirements_from_guest(class.requires)
        .map_err(|why| format!("the class `{name}`: {why}"))?;
    for requirement in &requires {
        check_plain("requires", &requirement.name)?;
        // Its values are shown too, where no host has them.
        check_plain("requires", &requirement.to_string())?;
    }
    Ok(ActorClass {
        name,
        requires,
        custom_placement: class.custom_placement,
        on_trap: convert::on_trap_from_guest(class.on_trap),
        transient: class.transient.map(convert::transient_from_guest),
        receives: class.receives,
    })
}

fn check_len(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TYPE_NAME_LEN_MAX {
        return Err(format!("`{what}` has {} bytes; at most {TYPE_NAME_LEN_MAX} are allowed", text.len()));
    }
    Ok(())
}

/// A text that people are shown, and that must stay what it is because others compare with it.
fn check_plain(what: &str, text: &str) -> Result<(), String> {
    check_len(what, text)?;
    if inert(text) != text {
        return Err(format!("`{what}` has characters that act on a terminal: `{}`", shown(text)));
    }
    Ok(())
}

fn refuse_extra(whose: &str, extra: &wit::AttributesResult) -> Result<(), String> {
    match extra.first() {
        Some((name, _)) => Err(format!("{whose} asks for `{}`, which this host does not offer", shown(name))),
        None => Ok(()),
    }
}
