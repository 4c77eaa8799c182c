//! What a host has, and what an actor requires of it.

use crate::bindings::thespian::actor::types as wit;

/// A value of a capability.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number that need not be whole.
    Number(f64),
    /// Text, in UTF-8.
    Text(String),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// All that a host has, by name. A list: there are few, and a tree would be 5 kB of every component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(String, Value)>);

impl Attributes {
    /// The value that there is under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(crate) fn from_wit(all: Vec<(String, wit::ValueResult)>) -> Self {
        Self(all.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
    }

    /// Everything, in the host's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        Self(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<Value>, const LEN: usize> From<[(N, V); LEN]> for Attributes {
    fn from(all: [(N, V); LEN]) -> Self {
        all.into_iter().collect()
    }
}

/// The condition of a requirement, on the capability that it names.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// The capability is `true`.
    IsTrue,
    /// The capability equals this value.
    Equals(Value),
    /// The capability is a number and at least this one.
    AtLeast(f64),
    /// The capability equals one of these values.
    OneOf(Vec<Value>),
}

/// Something a host must have to run an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The capability. Case matters.
    pub name: String,
    /// The condition that must hold of it.
    pub clause: Clause,
}

impl Value {
    pub(crate) fn to_wit(&self) -> wit::ValueParam<'_> {
        match self {
            Self::Boolean(value) => wit::ValueParam::Boolean(*value),
            Self::Integer(value) => wit::ValueParam::Integer(*value),
            Self::Number(value) => wit::ValueParam::Number(*value),
            Self::Text(value) => wit::ValueParam::Text(value),
        }
    }

    pub(crate) fn into_wit(self) -> wit::ValueResult {
        match self {
            Self::Boolean(value) => wit::ValueResult::Boolean(value),
            Self::Integer(value) => wit::ValueResult::Integer(value),
            Self::Number(value) => wit::ValueResult::Number(value),
            Self::Text(value) => wit::ValueResult::Text(value),
        }
    }
}

impl From<wit::ValueResult> for Value {
    fn from(value: wit::ValueResult) -> Self {
        match value {
            wit::ValueResult::Boolean(value) => Self::Boolean(value),
            wit::ValueResult::Integer(value) => Self::Integer(value),
            wit::ValueResult::Number(value) => Self::Number(value),
            wit::ValueResult::Text(value) => Self::Text(value),
        }
    }
}

impl Clause {
    /// The values that it lists, lent with it.
    fn listed(&self) -> Vec<wit::ValueParam<'_>> {
        match self {
            Self::OneOf(values) => values.iter().map(Value::to_wit).collect(),
            _ => Vec::new(),
        }
    }

    fn to_wit<'a>(&'a self, listed: &'a [wit::ValueParam<'a>]) -> wit::ClauseParam<'a> {
        match self {
            Self::IsTrue => wit::ClauseParam::IsTrue,
            Self::Equals(wanted) => wit::ClauseParam::Equals(wanted.to_wit()),
            Self::AtLeast(least) => wit::ClauseParam::AtLeast(*least),
            Self::OneOf(_) => wit::ClauseParam::OneOf(listed),
        }
    }
}

impl Requirement {
    /// Lends all of them for one call.
    pub(crate) fn all_to_wit<T>(all: &[Self], call: impl FnOnce(&[wit::RequirementParam<'_>]) -> T) -> T {
        let listed: Vec<_> = all.iter().map(|wanted| wanted.clause.listed()).collect();
        let both = all.iter().zip(&listed);
        let lent: Vec<_> = both
            .map(|(Self { name, clause }, listed)| wit::RequirementParam {
                name,
                clause: clause.to_wit(listed),
            })
            .collect();
        call(&lent)
    }

    pub(crate) fn all_from_wit(all: Vec<wit::RequirementResult>) -> Vec<Self> {
        all.into_iter().map(Self::from).collect()
    }

    pub(crate) fn into_wit(self) -> wit::RequirementResult {
        let clause = match self.clause {
            Clause::IsTrue => wit::ClauseResult::IsTrue,
            Clause::Equals(value) => wit::ClauseResult::Equals(value.into_wit()),
            Clause::AtLeast(least) => wit::ClauseResult::AtLeast(least),
            Clause::OneOf(values) => {
                wit::ClauseResult::OneOf(values.into_iter().map(Value::into_wit).collect())
            }
        };
        wit::RequirementResult { name: self.name, clause }
    }
}

impl From<wit::RequirementResult> for Requirement {
    fn from(requirement: wit::RequirementResult) -> Self {
        let clause = match requirement.clause {
            wit::ClauseResult::IsTrue => Clause::IsTrue,
            wit::ClauseResult::Equals(value) => Clause::Equals(value.into()),
            wit::ClauseResult::AtLeast(least) => Clause::AtLeast(least),
            wit::ClauseResult::OneOf(values) => Clause::OneOf(values.into_iter().map(Value::from).collect()),
        };
        Self { name: requirement.name, clause }
    }
}

impl From<wit::ValueParam<'_>> for Value {
    fn from(value: wit::ValueParam<'_>) -> Self {
        match value {
            wit::ValueParam::Boolean(value) => Self::Boolean(value),
            wit::ValueParam::Integer(value) => Self::Integer(value),
            wit::ValueParam::Number(value) => Self::Number(value),
            wit::ValueParam::Text(value) => Self::Text(value.to_string()),
        }
    }
}

impl From<wit::RequirementParam<'_>> for Requirement {
    fn from(requirement: wit::RequirementParam<'_>) -> Self {
        let clause = match requirement.clause {
            wit::ClauseParam::IsTrue => Clause::IsTrue,
            wit::ClauseParam::Equals(value) => Clause::Equals(value.into()),
            wit::ClauseParam::AtLeast(least) => Clause::AtLeast(least),
            wit::ClauseParam::OneOf(values) => {
                Clause::OneOf(values.iter().cloned().map(Value::from).collect())
            }
        };
        Self { name: requirement.name.to_string(), clause }
    }
}
