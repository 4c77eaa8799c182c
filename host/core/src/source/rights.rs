//! What the actors of a source may ask of their host, besides what all may.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rights of the actors of a source, besides what all may ask of their host. Whoever loads a source says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// To see the messages of others that could not be delivered.
    pub dead_letters: bool,
    /// To change what the host has.
    pub capabilities: bool,
    /// To see the status of the host and of any actor.
    pub status: bool,
    /// To stop the host.
    pub shutdown: bool,
    /// To judge the sources that are offered to the host.
    pub authority: bool,
    /// To load and unload sources, and to hear of all that are.
    pub sources: bool,
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
#[error(
    "there is no right `{0}`; there are `dead-letters`, `capabilities`, `status`, `shutdown`, `authority` and `sources`"
)]
pub struct UnknownRight(pub String);

/// Names of the rights, in the order in which they are told, each with its place.
macro_rules! rights {
    ($($field:ident = $name:literal at $bit:literal),+ $(,)?) => {
        /// As people read and write it.
        #[derive(Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case", rename = "Rights")]
        struct NamedRights {
            $($field: bool,)+
        }

        impl From<Rights> for NamedRights {
            fn from(rights: Rights) -> Self {
                Self { $($field: rights.$field),+ }
            }
        }

        impl From<NamedRights> for Rights {
            fn from(rights: NamedRights) -> Self {
                Self { $($field: rights.$field),+ }
            }
        }

        impl Rights {
            /// None of them.
            pub const NONE: Self = Self { $($field: false),+ };

            /// All of them.
            pub const ALL: Self = Self { $($field: true),+ };

            /// As one number, a bit for each.
            #[must_use]
            pub const fn bits(self) -> u8 {
                0 $(| (self.$field as u8) << $bit)+
            }

            /// Those of a number that [`Self::bits`] made.
            #[must_use]
            pub const fn from_bits(bits: u8) -> Self {
                Self { $($field: bits & (1 << $bit) != 0),+ }
            }

            /// Adds one by its name.
            ///
            /// # Errors
            /// There is none of that name.
            pub fn add(&mut self, name: &str) -> Result<(), UnknownRight> {
                match name {
                    $($name => self.$field = true,)+
                    _ => return Err(UnknownRight(name.into())),
                }
                Ok(())
            }

            /// Those of these names, and no others.
            ///
            /// # Errors
            /// There is none of one of the names.
            pub fn named(names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, UnknownRight> {
                let mut rights = Self::NONE;
                names.into_iter().try_for_each(|name| rights.add(name.as_ref()))?;
                Ok(rights)
            }

            /// The names of those that are granted.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let all = [$((self.$field, $name)),+];
                all.into_iter().filter_map(|(has, name)| has.then_some(name))
            }
        }
    };
}

rights! {
    dead_letters = "dead-letters" at 0,
    capabilities = "capabilities" at 1,
    status = "status" at 2,
    shutdown = "shutdown" at 3,
    authority = "authority" at 4,
    sources = "sources" at 5,
}

impl Rights {
    /// Whether there is any.
    #[must_use]
    pub const fn any(self) -> bool {
        self.bits() != 0
    }

    /// Those that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::from_bits(self.bits() & other.bits())
    }

    /// Those of these that `most` has not.
    #[must_use]
    pub const fn beyond(self, most: Self) -> Self {
        Self::from_bits(self.bits() & !most.bits())
    }
}

/// On the wire and in files that no person reads: a number of 32 bits. The first four rights each have the lowest bit of a byte, as
/// four booleans would, which is what version 1 of the control protocol has.
const OF_VERSION_1: [(u32, Rights); 4] = [
    (1, Rights { dead_letters: true, ..Rights::NONE }),
    (1 << 8, Rights { capabilities: true, ..Rights::NONE }),
    (1 << 16, Rights { status: true, ..Rights::NONE }),
    (1 << 24, Rights { shutdown: true, ..Rights::NONE }),
];
/// Those that came later.
const LATER: [(u32, Rights); 2] = [
    (1 << 1, Rights { authority: true, ..Rights::NONE }),
    (1 << 2, Rights { sources: true, ..Rights::NONE }),
];

impl Rights {
    /// Those that version 1 of the control protocol knows.
    pub(crate) fn of_version_1(self) -> Self {
        let known = OF_VERSION_1.iter().fold(0, |bits, (_, right)| bits | right.bits());
        self.and(Self::from_bits(known))
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return NamedRights::from(*self).serialize(serializer);
        }
        let has = |right: &Self| right.beyond(*self) == Self::NONE;
        let granted = OF_VERSION_1.iter().chain(&LATER).filter(|(_, right)| has(right));
        granted.fold(0, |bits, (bit, _)| bits | bit).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return NamedRights::deserialize(deserializer).map(Self::from);
        }
        let mut left = u32::deserialize(deserializer)?;
        let mut bits = 0;
        for (bit, right) in OF_VERSION_1.iter().chain(&LATER) {
            if left & bit != 0 {
                bits |= right.bits();
                left &= !bit;
            }
        }
        if left == 0 {
            Ok(Self::from_bits(bits))
        } else {
            Err(serde::de::Error::custom("there is no such right"))
        }
    }
}
