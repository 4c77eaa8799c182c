//! The question to a class that says by a check of its own whether a host suits its actors.

use alloc::string::String;
use alloc::vec::Vec;

use super::SourceHash;
use crate::capability::{Capabilities, Requirement};

/// A class is asked whether its actors can run on this host.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassCheck {
    /// The source of the class.
    pub source: SourceHash,
    /// The class that is asked.
    pub class: String,
    /// The capabilities of the host.
    pub capabilities: Capabilities,
    /// The requirements of the class and of the actor's creator.
    pub requirements: Vec<Requirement>,
}
