//! How people write what manifests and policies have in common: moments, sizes, rights and limits.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thespian_core::limits::RANGES;
use thespian_core::source::{LowerLimits, Rights};
use thespian_core::text::inert;
use thespian_core::utc::UtcTime;
use toml::value::Datetime;

/// The version of both formats that this program reads.
pub(super) const FORMAT: u32 = 1;

/// Refuses a file of a later format: it may say what this program would not see.
pub(super) fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        other => {
            Err(D::Error::custom(format!("this program reads format {FORMAT}, and this is format {other}")))
        }
    }
}

/// A moment, as a date of TOML with an offset.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UtcTime>, D::Error> {
    let moment = Datetime::deserialize(deserializer)?.to_string();
    moment.parse().map(Some).map_err(D::Error::custom)
}

/// Rights, by their names.
pub(super) fn rights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rights, D::Error> {
    Rights::named(Vec::<String>::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The same where it makes a difference whether any are named.
pub(super) fn rights_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rights>, D::Error> {
    rights(deserializer).map(Some)
}

/// A number, or a size with its unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(u64),
    Text(String),
}

/// Limits among other keys: each key that is left over names one.
#[derive(Debug, Default)]
pub(super) struct NamedLimits(pub(super) LowerLimits);

impl<'de> Deserialize<'de> for NamedLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut limits = LowerLimits::default();
        for (name, amount) in BTreeMap::<String, Amount>::deserialize(deserializer)? {
            if RANGES.iter().all(|range| range.name != name) {
                return Err(D::Error::custom(format!("unknown key `{}`", inert(&name))));
            }
            let value = value(&name, amount).map_err(D::Error::custom)?;
            limits.set(&name, value).map_err(D::Error::custom)?;
        }
        Ok(Self(limits))
    }
}

fn value(name: &str, amount: Amount) -> Result<u64, String> {
    match amount {
        Amount::Number(number) => Ok(number),
        Amount::Text(text) if name.ends_with("-bytes-max") => {
            let size = text.parse::<ByteSize>().map(|size| size.as_u64());
            size.map_err(|_| format!("`{}` is no size: it looks like `16 MiB`", inert(&text)))
        }
        Amount::Text(_) => Err(format!("`{name}` is a whole number")),
    }
}
