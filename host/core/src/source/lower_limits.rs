//! Limits of the actors of one source: each of them that is named is at most so much, and none is above the node's.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use crate::limits::{ActorLimits, LimitError, RANGES};

/// The limit that is the same for all actors of a node.
const NODES_ALONE: &str = "message-bytes-max";

/// Limits by the names that they have in configuration: `memory-bytes-max`. One that is not named is the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct LowerLimits(BTreeMap<&'static str, u64>);

/// There is no such limit, or it can't have that value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LowerLimitError {
    /// No limit of actors has this name.
    #[error("there is no limit `{0}`")]
    Unknown(String),
    /// Others go by it, and can't know which source an actor is of.
    #[error("`{NODES_ALONE}` is the node's alone: whoever writes to an actor goes by it")]
    NodesAlone,
    /// No node could give it that value.
    #[error("`{name}` can be {least} to {most}, not {value}")]
    OutOfRange {
        /// The name of the limit.
        name: &'static str,
        /// The value that it was to have.
        value: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that it can be.
        most: u64,
    },
}

impl LowerLimits {
    /// Names one more limit, in place of what was said of it before.
    ///
    /// # Errors
    /// There is none of that name, or it can't be that.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), LowerLimitError> {
        if name == NODES_ALONE {
            return Err(LowerLimitError::NodesAlone);
        }
        let range = RANGES.iter().find(|range| range.name == name);
        let range =
            range.ok_or_else(|| LowerLimitError::Unknown(crate::limits::cut(name.to_string(), 64)))?;
        let (name, least, most) = (range.name, range.least, range.most);
        if !(least..=most).contains(&value) {
            return Err(LowerLimitError::OutOfRange { name, value, least, most });
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// The limit of this name, if it is named.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// The limits that are named, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, value)| (*name, *value))
    }

    /// Whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Both together: of each the lower.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (name, value) in other.iter() {
            self.0.entry(name).and_modify(|mine| *mine = value.min(*mine)).or_insert(value);
        }
        self
    }

    /// The first of these that is above what `most` names, with that.
    #[must_use]
    pub fn above(&self, most: &Self) -> Option<(&'static str, u64, u64)> {
        let pairs = self.iter().filter_map(|(name, value)| Some((name, value, *most.0.get(name)?)));
        pairs.into_iter().find(|(_, value, most)| value > most)
    }

    /// The first of these that is above the node's, with that.
    #[must_use]
    pub fn above_node(&self, node: &ActorLimits) -> Option<(&'static str, u64, u64)> {
        let ranges =
            RANGES.iter().filter_map(|range| Some((range.name, self.get(range.name)?, range.of(node))));
        ranges.into_iter().find(|(_, value, most)| value > most)
    }

    /// The limits of the source's actors on a node that has these.
    ///
    /// # Errors
    /// They do not fit each other.
    pub fn of(&self, node: &ActorLimits) -> Result<ActorLimits, LimitError> {
        let mut limits = *node;
        if self.is_empty() {
            // As the node's are, whatever they are.
            return Ok(limits);
        }
        for range in &RANGES {
            if let Some(value) = self.0.get(range.name) {
                range.lower(&mut limits, *value);
            }
        }
        limits.check().map(|()| limits)
    }
}

impl TryFrom<BTreeMap<String, u64>> for LowerLimits {
    type Error = LowerLimitError;

    fn try_from(named: BTreeMap<String, u64>) -> Result<Self, LowerLimitError> {
        let mut limits = Self::default();
        named.iter().try_for_each(|(name, value)| limits.set(name, *value))?;
        Ok(limits)
    }
}

impl From<LowerLimits> for BTreeMap<String, u64> {
    fn from(limits: LowerLimits) -> Self {
        limits.iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(named: &[(&str, u64)]) -> LowerLimits {
        let mut limits = LowerLimits::default();
        for (name, value) in named {
            limits.set(name, *value).unwrap();
        }
        limits
    }

    #[test]
    fn a_source_gets_of_each_limit_the_least_and_never_more_than_the_node_has() {
        let node = ActorLimits::default();
        let wanted = limits(&[("memory-bytes-max", 1 << 20), ("children-max", 10_000_000)]);
        assert!(LowerLimits::default().set("children-max", u64::MAX).is_err());
        let wanted = wanted.and(&limits(&[("memory-bytes-max", 2 << 20), ("monitors-max", 1)]));
        let got = wanted.of(&node).unwrap();
        assert_eq!(
            (got.memory_bytes_max, got.children_max, got.monitors_max),
            (1 << 20, node.children_max, 1)
        );
        assert_eq!(LowerLimits::default().of(&node), Ok(node));
        let above = Some(("children-max", 10_000_000, node.children_max as u64));
        assert_eq!(wanted.above_node(&node), above);
        assert_eq!(LowerLimits::default().above_node(&node), None);
        let small = ActorLimits { monitors_max: 0, ..node };
        assert_eq!(limits(&[("monitors-max", 1)]).above_node(&small), Some(("monitors-max", 1, 0)));
    }

    #[test]
    fn limits_that_do_not_fit_each_other_are_told() {
        let small = limits(&[("mailbox-bytes-max", 2_048)]);
        assert!(small.of(&ActorLimits::default()).is_err());
        let node = ActorLimits { message_bytes_max: 1_024, ..ActorLimits::default() };
        assert!(small.of(&node).is_ok());
        let own = LowerLimits::default().set("message-bytes-max", 1_024);
        assert_eq!(own, Err(LowerLimitError::NodesAlone));
    }

    #[test]
    fn the_first_limit_above_another_is_found() {
        let wanted = limits(&[("memory-bytes-max", 1 << 20), ("monitors-max", 5)]);
        assert_eq!(wanted.above(&limits(&[("monitors-max", 4)])), Some(("monitors-max", 5, 4)));
        assert_eq!(wanted.above(&limits(&[("monitors-max", 5), ("children-max", 1)])), None);
        assert_eq!(
            LowerLimits::default().set("memory", 1).unwrap_err().to_string(),
            "there is no limit `memory`"
        );
    }
}
