//! How much actors write to the log: for the node, for a source, for one actor. The narrowest that was set holds.

use alloc::collections::BTreeMap;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::ActorAddress;
use crate::source::SourceHash;

/// The least important records that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// None at all.
    Off,
    /// Errors, and nothing else.
    Error,
    /// Errors and warnings.
    Warn,
    /// And what an operator wants to read.
    #[default]
    Info,
    /// And what helps to find a defect.
    Debug,
    /// All that there is.
    Trace,
}

impl LogLevel {
    /// Each, from the fewest records to the most.
    pub const ALL: [Self; 6] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// As it is written in configuration and typed by people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// Its place in [`Self::ALL`], to be kept in an atomic.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The level of this number; beyond the last it is the last.
    #[must_use]
    pub fn of_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Trace)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of off, error, warn, info, debug, trace")]
pub struct NoLevel;

impl FromStr for LogLevel {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, NoLevel> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or(NoLevel)
    }
}

/// The actors for which a level is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelScope {
    /// Every actor for which none of the others is set.
    Node,
    /// The actors of a source.
    Source(SourceHash),
    /// A single actor.
    Actor(ActorAddress),
}

/// All levels that are set. An actor's ends with it, a source's stays as long as the node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLevels {
    configured: LogLevel,
    node: LogLevel,
    sources: BTreeMap<SourceHash, LogLevel>,
    actors: BTreeMap<ActorAddress, LogLevel>,
}

impl LogLevels {
    /// Levels as the configuration says, and nothing set since.
    #[must_use]
    pub const fn new(configured: LogLevel) -> Self {
        Self { configured, node: configured, sources: BTreeMap::new(), actors: BTreeMap::new() }
    }

    /// The level of an actor.
    #[must_use]
    pub fn of(&self, actor: ActorAddress, source: Option<SourceHash>) -> LogLevel {
        let own = self.actors.get(&actor);
        let level = own.or_else(|| source.and_then(|source| self.sources.get(&source)));
        level.copied().unwrap_or(self.node)
    }

    /// Sets it for the node; absent: as configured.
    pub fn set_node(&mut self, level: Option<LogLevel>) {
        self.node = level.unwrap_or(self.configured);
    }

    /// Sets it for a source; absent: as for the node.
    pub fn set_source(&mut self, source: SourceHash, level: Option<LogLevel>) {
        match level {
            Some(level) => drop(self.sources.insert(source, level)),
            None => drop(self.sources.remove(&source)),
        }
    }

    /// Sets it for an actor; absent: as for its source.
    pub fn set_actor(&mut self, actor: ActorAddress, level: Option<LogLevel>) {
        match level {
            Some(level) => drop(self.actors.insert(actor, level)),
            None => drop(self.actors.remove(&actor)),
        }
    }

    /// Whether one more source can have a level of its own.
    #[must_use]
    pub fn has_room_for(&self, source: SourceHash) -> bool {
        self.sources.contains_key(&source) || self.sources.len() < crate::limits::LOG_LEVEL_SOURCES_MAX
    }

    /// The level that the node has, and the one of its configuration.
    #[must_use]
    pub const fn node(&self) -> (LogLevel, LogLevel) {
        (self.node, self.configured)
    }

    /// The sources that have a level of their own.
    pub fn sources(&self) -> impl Iterator<Item = (SourceHash, LogLevel)> {
        self.sources.iter().map(|(source, level)| (*source, *level))
    }

    /// The actors that have a level of their own.
    pub fn actors(&self) -> impl Iterator<Item = (ActorAddress, LogLevel)> {
        self.actors.iter().map(|(actor, level)| (*actor, *level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;

    #[test]
    fn the_narrowest_level_that_is_set_holds() {
        let (actor, source) = (ActorAddress::new(HostId(1), 2), SourceHash([3; 32]));
        let mut levels = LogLevels::new(LogLevel::Info);
        assert_eq!(levels.of(actor, Some(source)), LogLevel::Info);
        levels.set_actor(actor, Some(LogLevel::Trace));
        levels.set_source(source, Some(LogLevel::Debug));
        levels.set_node(Some(LogLevel::Off));
        assert_eq!(levels.of(actor, Some(source)), LogLevel::Trace);
        levels.set_actor(actor, None);
        assert_eq!(levels.of(actor, Some(source)), LogLevel::Debug);
        assert_eq!(levels.of(actor, None), LogLevel::Off);
        levels.set_source(source, None);
        assert_eq!(levels.of(actor, Some(source)), LogLevel::Off);
        levels.set_node(None);
        assert_eq!(levels.of(actor, Some(source)), LogLevel::Info);
    }

    #[test]
    fn a_level_is_found_by_its_name_and_by_its_number() {
        for level in LogLevel::ALL {
            assert_eq!(level.name().parse(), Ok(level));
            assert_eq!(LogLevel::of_number(level.number()), level);
        }
        assert_eq!("loud".parse::<LogLevel>(), Err(NoLevel));
    }
}
