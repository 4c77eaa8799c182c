//! What is to be done about sources.

use alloc::boxed::Box;

use super::{ClassCheck, SourceHash};

/// Something to do about a source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEffect {
    /// Let the authority judge a source; answered by `SourceEvent::Judged`.
    Judge(SourceHash),
    /// Compile a source and ask it what it offers; answered by `SourceEvent::Validated`.
    Validate(SourceHash),
    /// Drop a source's bytes and code. Actors that run keep what they use.
    Forget(SourceHash),
    /// Ask a class whether this host suits its actors; answered by `SourceEvent::Checked`.
    CheckClass(Box<ClassCheck>),
}
