//! Where a source is on its way from offer to use.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Where a source is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Its authority has not judged it yet.
    Offered,
    /// Approved, and being compiled.
    Validating,
    /// Ready: actors can be created from it.
    Loaded,
    /// Refused, for this reason: nothing can be created from it.
    Refused(String),
    /// Unloaded by an operator.
    Unloaded,
}
