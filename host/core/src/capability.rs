//! What a host has and what an actor needs of it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value of a capability.
///
/// In text formats it is the plain value (`true`, `4`, `2.5`, `"eu"`), in binary ones a tagged variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number that need not be whole.
    Number(f64),
    /// Text, of any content.
    Text(String),
}

#[derive(Serialize, Deserialize)]
enum Tagged {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Plain {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

macro_rules! convert {
    ($form:ident) => {
        impl From<$form> for Value {
            fn from(form: $form) -> Self {
                match form {
                    $form::Boolean(value) => Self::Boolean(value),
                    $form::Integer(value) => Self::Integer(value),
                    $form::Number(value) => Self::Number(value),
                    $form::Text(value) => Self::Text(value),
                }
            }
        }

        impl From<Value> for $form {
            fn from(value: Value) -> Self {
                match value {
                    Value::Boolean(value) => Self::Boolean(value),
                    Value::Integer(value) => Self::Integer(value),
                    Value::Number(value) => Self::Number(value),
                    Value::Text(value) => Self::Text(value),
                }
            }
        }
    };
}

convert!(Tagged);
convert!(Plain);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Plain::from(self.clone()).serialize(serializer)
        } else {
            Tagged::from(self.clone()).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Plain::deserialize(deserializer).map(Self::from)
        } else {
            Tagged::deserialize(deserializer).map(Self::from)
        }
    }
}

impl Value {
    /// As a number, where it is one.
    #[must_use]
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Boolean(_) | Self::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "\"{value}\""),
        }
    }
}

/// The capabilities of a host, by name.
pub type Capabilities = BTreeMap<String, Value>;

/// A clause: the demand of a requirement on the capability that it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clause {
    /// The capability is `true`.
    IsTrue,
    /// The capability equals this value, in type and content.
    Equals(Value),
    /// The capability is a number and at least this one.
    AtLeast(f64),
    /// The capability equals one of these values.
    OneOf(Vec<Value>),
}

/// Something a host must have to run an actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// The capability. Case matters.
    pub name: String,
    /// The clause that must hold of it.
    pub clause: Clause,
}

impl Requirement {
    /// Whether a host with these capabilities meets it. An absent capability meets none.
    #[must_use]
    pub fn is_met_by(&self, capabilities: &Capabilities) -> bool {
        let Some(value) = capabilities.get(&self.name) else { return false };
        match &self.clause {
            Clause::IsTrue => *value == Value::Boolean(true),
            Clause::Equals(wanted) => value == wanted,
            Clause::AtLeast(least) => value.as_number().is_some_and(|number| number >= *least),
            Clause::OneOf(wanted) => wanted.contains(value),
        }
    }
}

/// Memory of a requirement beside its texts, in bytes.
const REQUIREMENT_COST: usize = 64;

impl Requirement {
    /// Memory that it takes, in bytes: this is counted by bounds in bytes.
    #[must_use]
    pub fn cost(&self) -> usize {
        let text = |value: &Value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        let clause = match &self.clause {
            Clause::IsTrue | Clause::AtLeast(_) => 0,
            Clause::Equals(value) => text(value),
            Clause::OneOf(values) => values.iter().map(|value| REQUIREMENT_COST + text(value)).sum(),
        };
        REQUIREMENT_COST + self.name.len() + clause
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.clause {
            Clause::IsTrue => write!(f, "`{name}` is true"),
            Clause::Equals(value) => write!(f, "`{name}` equals {value}"),
            Clause::AtLeast(least) => write!(f, "`{name}` is at least {least}"),
            Clause::OneOf(values) => {
                write!(f, "`{name}` is one of ")?;
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// The requirements that a host with these capabilities does not meet; empty where an actor fits.
pub fn unmet<'a>(
    capabilities: &'a Capabilities,
    requirements: impl IntoIterator<Item = &'a Requirement>,
) -> impl Iterator<Item = &'a Requirement> {
    requirements.into_iter().filter(|requirement| !requirement.is_met_by(capabilities))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn holds(value: Value, clause: Clause) -> bool {
        let capabilities = Capabilities::from([("x".to_string(), value)]);
        Requirement { name: "x".to_string(), clause }.is_met_by(&capabilities)
    }

    #[test]
    fn clauses_hold_by_type_and_content() {
        let text = |text: &str| Value::Text(text.to_string());
        assert!(holds(Value::Boolean(true), Clause::IsTrue));
        assert!(!holds(Value::Boolean(false), Clause::IsTrue));
        assert!(!holds(text("true"), Clause::IsTrue));
        assert!(holds(text("eu"), Clause::Equals(text("eu"))));
        assert!(!holds(Value::Integer(1), Clause::Equals(Value::Number(1.0))));
        assert!(holds(Value::Integer(4), Clause::AtLeast(3.5)));
        assert!(!holds(text("9"), Clause::AtLeast(1.0)));
        assert!(holds(text("b"), Clause::OneOf(vec![text("a"), text("b")])));
        assert!(!holds(text("c"), Clause::OneOf(vec![text("a"), text("b")])));
    }

    #[test]
    fn an_absent_capability_meets_nothing_and_is_named() {
        let capabilities = Capabilities::from([("X".to_string(), Value::Boolean(true))]);
        let requirement = Requirement { name: "x".to_string(), clause: Clause::IsTrue };
        let missing: Vec<_> = unmet(&capabilities, [&requirement]).map(ToString::to_string).collect();
        assert_eq!(missing, ["`x` is true"]);
    }
}
