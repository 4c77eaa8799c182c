//! The policy that is in force, and the file that it lies in.

use std::path::PathBuf;

use parking_lot::Mutex;
use thespian_core::source::policy::PublicKey;
use thespian_core::wire::control::PolicyStatus;
use tokio::runtime::Handle;

use crate::signing::policy_file::{PolicyError, PolicyFile};

/// The file of a policy in the data directory, where no other is named.
pub(crate) const POLICY_FILE: &str = "policy.toml";

/// The policy of a node, and its file.
pub(crate) struct PolicyKeeper {
    path: PathBuf,
    in_force: Mutex<InForce>,
    /// Held for a change: each begins with what the last has left.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Held by whoever asks what would be.
    pub(crate) checking: tokio::sync::Mutex<()>,
    /// Where work waits for the disk, and for ciphers.
    pub(crate) io: Handle,
}

#[derive(Clone, Default)]
struct InForce {
    file: Option<PolicyFile>,
    problem: Option<String>,
}

impl PolicyKeeper {
    /// A policy that lies, or is to lie, in this file.
    pub(crate) fn new(path: PathBuf, read: Result<PolicyFile, PolicyError>, io: Handle) -> Self {
        let in_force = match read {
            Ok(file) => InForce { file: Some(file), problem: None },
            Err(error) => InForce { file: None, problem: Some(error.to_string()) },
        };
        Self {
            path,
            in_force: Mutex::new(in_force),
            changing: tokio::sync::Mutex::default(),
            checking: tokio::sync::Mutex::default(),
            io,
        }
    }

    pub(crate) const fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The policy that is in force; absent: none is.
    pub(crate) fn file(&self) -> Option<PolicyFile> {
        self.in_force.lock().file.clone()
    }

    /// All keys that signatures are held against.
    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        self.in_force.lock().file.as_ref().map(PolicyFile::keys).unwrap_or_default()
    }

    /// Another is in force from now on. Returns the one before.
    pub(crate) fn replace(&self, file: Option<PolicyFile>) -> Option<PolicyFile> {
        let in_force = InForce { file, problem: None };
        std::mem::replace(&mut *self.in_force.lock(), in_force).file
    }

    /// The file could not be put into force; what was before still is.
    pub(crate) fn note_problem(&self, why: String) {
        self.in_force.lock().problem = Some(why);
    }

    /// For those who ask.
    pub(crate) fn status(&self) -> PolicyStatus {
        let InForce { file, problem } = self.in_force.lock().clone();
        PolicyStatus { path: self.path.display().to_string(), text: file.map(|file| file.text), problem }
    }
}
