//! What a program outside may ask of a node: whoever holds a door has one of four roles, and each request takes one.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The requests that a program outside may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// To look: at sources, actors, status and log. Not to send anything.
    Read,
    /// To talk with actors, and to create them of what is loaded. Not to look.
    Talk,
    /// To talk, and to load and unload sources.
    Load,
    /// Everything: also to end actors and the node.
    Operate,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Talk, Self::Load, Self::Operate];

    /// As it is written in configuration, and in the names of token files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Talk => "talk",
            Self::Load => "load",
            Self::Operate => "operate",
        }
    }

    /// Whether whoever has this role may do what takes `needed`.
    #[must_use]
    pub const fn may(self, needed: Self) -> bool {
        match needed {
            Self::Read => matches!(self, Self::Read | Self::Operate),
            Self::Talk => matches!(self, Self::Talk | Self::Load | Self::Operate),
            Self::Load => matches!(self, Self::Load | Self::Operate),
            Self::Operate => matches!(self, Self::Operate),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_what_is_its_own_and_only_an_operator_may_everything() {
        let may = |role: Role| Role::ALL.map(|needed| role.may(needed));
        assert_eq!(may(Role::Read), [true, false, false, false]);
        assert_eq!(may(Role::Talk), [false, true, false, false]);
        assert_eq!(may(Role::Load), [false, true, true, false]);
        assert_eq!(may(Role::Operate), [true; 4]);
    }
}
