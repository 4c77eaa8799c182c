//! Questions to a component about itself: what it is, and whether a class of it can run on a host. Each is asked of an
//! instance that is nobody, and is thrown away.

use std::collections::BTreeSet;
use std::sync::Arc;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::{Account, Purpose};
use thespian_core::capability::{Capabilities, Requirement};
use thespian_core::fate::{ChildrenAtRestart, Fault};
use thespian_core::limits::{PLACEMENT_CPU_MAX, TYPE_NAME_LEN_MAX};
use thespian_core::outbox::{Means, NoPlace, check_class_name};
use thespian_core::source::{ActorClass, InitMessage, SourceHash, SourceInfo};
use thespian_core::text::inert;
use tracing::Level;
use wasmtime::Store;

use super::bindings::ActorPre;
use super::bindings::thespian::actor::types as wit;
use super::convert;
use super::host::{ActorHost, EngineLog, Occupant};
use super::instance;
use super::log::LogBook;
use super::machine::Machine;
use super::parts::{NoParts, SourceParts};
use super::source::Source;
use super::source_error::SourceError;
use super::state::State;
use super::text::shown;

/// The export by which a component says where its classes can run.
pub(super) const PLACEMENT_EXPORT: &str = "thespian:actor/placement@0.1.1";
/// The name, among the `extra` of a class, of the fate of its children where an actor starts again.
const CHILDREN_AT_RESTART: &str = "children-at-restart";
/// The attribute of a class that names the message which it starts with.
const INIT: &str = "init";
/// The same of a class that starts without it too.
const INIT_OPTIONAL: &str = "init-optional";
/// Classes of one source.
const CLASSES_MAX: usize = 256;
/// Entries of one list in a description: what a class requires, what it receives.
const LIST_LEN_MAX: usize = 256;
/// All texts of a description together, in bytes: it is repeated in every listing of sources.
const DESCRIPTION_BYTES_MAX: usize = 64 << 10;

impl Source {
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
        let Some(accepts) = self.accepts_export() else {
            return Err(Fault::Trap(format!("the component does not export `{PLACEMENT_EXPORT}`")));
        };
        let capabilities = convert::capabilities_to_guest(capabilities);
        let listed = convert::listed_values(requirements);
        let requirements = convert::requirements_to_guest(requirements, &listed);
        let mut store = nobodys_store(self.machine(), self.hash(), class);
        let cpu_ms_max = u64::try_from(PLACEMENT_CPU_MAX.as_millis()).unwrap_or(u64::MAX);
        instance::guarded(&mut store, cpu_ms_max, |store| {
            let pre = self.pre().instance_pre();
            let instance = instance::make(store, self.engine_bytes(), |store| pre.instantiate(store))?;
            let accepts = instance.get_typed_func::<CheckArgs<'_>, (bool,)>(&mut *store, accepts)?;
            accepts.call(store, (class, &capabilities, &requirements)).map(|(accepts,)| accepts)
        })
    }
}

/// The arguments of `accepts`: the class, the host's capabilities, and what is required.
type CheckArgs<'a> = (&'a str, &'a [(&'a str, wit::ValueParam<'a>)], &'a [wit::RequirementParam<'a>]);

/// The host of an instance that only describes itself: it can do nothing.
struct Nobody {
    source: SourceHash,
    log: Arc<dyn EngineLog>,
    account: Arc<Account>,
}

impl Means for Nobody {
    fn new_address(&self) -> ActorAddress {
        ActorAddress::new(HostId(0), 0)
    }

    fn take_place(&self, _address: ActorAddress, _source: Option<SourceHash>) -> Result<(), NoPlace> {
        Err(NoPlace::Host(1))
    }

    fn give_place(&self, _address: ActorAddress) {}

    fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn reserve_self(&self, _cost: usize) -> bool {
        false
    }

    fn release_self(&self, _len: usize, _cost: usize) {}
}

impl ActorHost for Nobody {
    fn birth(&self) -> Purpose {
        Purpose::Load
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::default()
    }

    fn log(&self, _level: Level, target: &str, text: &str) {
        self.log.log(Level::DEBUG, "describe", &format!("{} {target}: {text}", self.source));
    }

    fn log_enabled(&self, _level: Level) -> bool {
        true
    }

    fn sources(&self) -> &dyn SourceParts {
        &NoParts
    }

    fn is_killed(&self) -> bool {
        false
    }
}

/// A store for an instance that is nobody: it is asked one thing, and thrown away.
fn nobodys_store(machine: &Arc<Machine>, hash: SourceHash, class: &str) -> Store<State> {
    let host: Arc<dyn ActorHost> = Arc::new(Nobody {
        source: hash,
        log: Arc::clone(&machine.log),
        account: Arc::clone(&machine.account),
    });
    let limits = Arc::clone(&machine.limits);
    let log = LogBook::new(Arc::clone(&host), &limits);
    let occupant = Occupant { address: host.new_address(), class: class.into(), source: hash };
    instance::new_store(State::new(Arc::clone(machine), host, occupant, limits, log))
}

/// Asks the component what it is, in an instance that is then thrown away.
pub(super) fn describe(
    machine: &Arc<Machine>,
    hash: SourceHash,
    pre: &ActorPre<State>,
    engine_bytes: usize,
    has_placement: bool,
) -> Result<SourceInfo, SourceError> {
    let mut store = nobodys_store(machine, hash, "");
    let cpu_ms_max = machine.limits.start_cpu_ms_max;
    let info = instance::guarded(&mut store, cpu_ms_max, |store| {
        let actor = instance::make(store, engine_bytes, |store| pre.instantiate(store))?;
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
    refuse_extra("the source", &info.extra, &[])?;
    let mut names = BTreeSet::new();
    let mut classes = Vec::with_capacity(info.classes.len());
    for class in info.classes {
        if !names.insert(class.name.clone()) {
            return Err(format!("the class `{}` is there twice", shown(&class.name)));
        }
        classes.push(actor_class(class, has_placement)?);
    }
    let made = |text: &str| inert(text).into_owned();
    Ok(SourceInfo {
        name: made(&info.name),
        version: made(&info.version),
        sdk: made(&info.sdk),
        classes,
        memory_bytes: 0,
    })
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
        let extra: usize = class.extra.iter().map(|(name, word)| PART_BYTES + name.len() + value(word)).sum();
        PART_BYTES + class.name.len() + receives + requires + extra
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
    let whose = format!("the class `{name}`");
    refuse_extra(&whose, &class.extra, &[CHILDREN_AT_RESTART, INIT, INIT_OPTIONAL])?;
    let children_at_restart = children_at_restart(&name, &class.extra)?;
    let init = init_message(&class.extra).map_err(|why| format!("{whose} {why}"))?;
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
        children_at_restart,
        init,
    })
}

/// The message that a class starts with.
fn init_message(extra: &wit::AttributesResult) -> Result<Option<InitMessage>, String> {
    let mut init = None;
    for (name, said) in extra.iter().filter(|(name, _)| [INIT, INIT_OPTIONAL].contains(&name.as_str())) {
        let wit::ValueResult::Text(type_name) = said else {
            return Err(format!(
                "says by `{name}` what it starts with, which is a text, the message's type name"
            ));
        };
        check_plain(name, type_name)?;
        let (type_name, is_optional) = (type_name.clone(), name == INIT_OPTIONAL);
        if init.replace(InitMessage { type_name, is_optional }).is_some() {
            return Err("says twice what it starts with".to_string());
        }
    }
    Ok(init)
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

/// The fate of the children of an actor of the class that starts again.
fn children_at_restart(class: &str, extra: &wit::AttributesResult) -> Result<ChildrenAtRestart, String> {
    let said = extra.iter().filter(|(name, _)| name == CHILDREN_AT_RESTART).map(|(_, said)| said);
    let found = match said.collect::<Vec<_>>()[..] {
        [] => return Ok(ChildrenAtRestart::default()),
        [wit::ValueResult::Text(word)] => match word.as_str() {
            "keep" => return Ok(ChildrenAtRestart::Keep),
            "end" => return Ok(ChildrenAtRestart::End),
            other => format!("`{}`", shown(other)),
        },
        [_] => "no text".to_owned(),
        _ => "more than one value".to_owned(),
    };
    Err(format!("the class `{class}` says {found} for `{CHILDREN_AT_RESTART}`, which is `keep` or `end`"))
}

/// Refuses all that a description or a class of it asks for beyond what is known.
fn refuse_extra(whose: &str, extra: &wit::AttributesResult, known: &[&str]) -> Result<(), String> {
    match extra.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(format!("{whose} asks for `{}`, which this host does not offer", shown(name))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_keeps_its_children_or_ends_them_and_any_other_word_is_refused_by_name() {
        let said = |values: &[wit::ValueResult]| {
            let extra = values.iter().map(|value| (CHILDREN_AT_RESTART.to_owned(), value.clone())).collect();
            children_at_restart("Shop", &extra)
        };
        let word = |word: &str| wit::ValueResult::Text(word.to_owned());
        assert_eq!(said(&[]), Ok(ChildrenAtRestart::Keep));
        assert_eq!(said(&[word("keep")]), Ok(ChildrenAtRestart::Keep));
        assert_eq!(said(&[word("end")]), Ok(ChildrenAtRestart::End));
        for (values, found) in [
            (&[word("stop\u{1b}")][..], r"`stop\u{1b}`"),
            (&[wit::ValueResult::Boolean(true)], "no text"),
            (&[word("keep"), word("end")], "more than one value"),
        ] {
            let text =
                format!("the class `Shop` says {found} for `children-at-restart`, which is `keep` or `end`");
            assert_eq!(said(values), Err(text));
        }
    }
}
