//! What the actors of a source may ask of their host, besides what all may.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Rights of the actors of a source, besides what all may ask of their host. Whoever loads a source says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rights {
    /// To see the messages of others that could not be delivered.
    pub dead_letters: bool,
    /// To change what the host has.
    pub capabilities: bool,
    /// To see the status of the host and of any actor.
    pub status: bool,
    /// To stop the host.
    pub shutdown: bool,
}

/// Their names, one after the other.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            write!(f, "{}`{name}`", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// There is no such right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no right `{0}`; there are `dead-letters`, `capabilities`, `status` and `shutdown`")]
pub struct UnknownRight(pub String);

impl Rights {
    /// None of them.
    pub const NONE: Self = Self { dead_letters: false, capabilities: false, status: false, shutdown: false };

    /// Whether there is any.
    #[must_use]
    pub const fn any(self) -> bool {
        let Self { dead_letters, capabilities, status, shutdown } = self;
        dead_letters || capabilities || status || shutdown
    }

    /// All of them.
    pub const ALL: Self = Self { dead_letters: true, capabilities: true, status: true, shutdown: true };

    /// As one number, a bit for each.
    #[must_use]
    pub const fn bits(self) -> u8 {
        let Self { dead_letters, capabilities, status, shutdown } = self;
        dead_letters as u8 | (capabilities as u8) << 1 | (status as u8) << 2 | (shutdown as u8) << 3
    }

    /// Those of a number that [`Self::bits`] made.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self {
            dead_letters: bits & 1 != 0,
            capabilities: bits & 2 != 0,
            status: bits & 4 != 0,
            shutdown: bits & 8 != 0,
        }
    }

    /// Those that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            dead_letters: self.dead_letters && other.dead_letters,
            capabilities: self.capabilities && other.capabilities,
            status: self.status && other.status,
            shutdown: self.shutdown && other.shutdown,
        }
    }

    /// Those of these that `most` has not.
    #[must_use]
    pub const fn beyond(self, most: Self) -> Self {
        Self {
            dead_letters: self.dead_letters && !most.dead_letters,
            capabilities: self.capabilities && !most.capabilities,
            status: self.status && !most.status,
            shutdown: self.shutdown && !most.shutdown,
        }
    }

    /// Adds one by its name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn add(&mut self, name: &str) -> Result<(), UnknownRight> {
        let right = match name {
            "dead-letters" => &mut self.dead_letters,
            "capabilities" => &mut self.capabilities,
            "status" => &mut self.status,
            "shutdown" => &mut self.shutdown,
            _ => return Err(UnknownRight(name.into())),
        };
        *right = true;
        Ok(())
    }

    /// The names of those that are granted.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.dead_letters, "dead-letters"),
            (self.capabilities, "capabilities"),
            (self.status, "status"),
            (self.shutdown, "shutdown"),
        ];
        all.into_iter().filter_map(|(has, name)| has.then_some(name))
    }
}
