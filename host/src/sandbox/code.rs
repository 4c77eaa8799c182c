//! Compiled code: native code that this process will run. So it is known of each whence it comes, and there are two ways: this
//! program's own compiler, and a file of which the cache has shown that it was written here.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

/// Length of an engine's mark, in bytes.
pub(super) const MARK_LEN: usize = 32;

/// Code whose origin is proven.
pub(super) struct Code(Vec<u8>);

impl Code {
    /// Bytes that whoever calls has from the compiler itself, or has shown to be from it.
    pub(super) const fn proven(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes a component of it.
    ///
    /// # Errors
    /// It is code for another engine, or more than an instance may have.
    #[expect(unsafe_code, reason = "there is no safe way to make a component of compiled code")]
    pub(super) fn component(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes must be what the compiler made, because they become native code. They are: who calls `proven` has
        // them from the compiler in this process; or over a pipe from the process that this one started of a program which
        // its operator named, and which alone has the other end; or from a file of which an HMAC-SHA256 under a key that
        // only this user can read has shown that this program wrote it, for this source and an engine of the same version,
        // settings and CPU. wasmtime checks the engine once more. They lie in our own memory, so that no one can change
        // them after any check.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// The mark by which engines know each other's code: version, settings and CPU.
pub(super) fn mark(engine: &wasmtime::Engine) -> [u8; MARK_LEN] {
    let mut settings = Settings(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    settings.0.finalize().into()
}

/// Hashes what wasmtime says of its settings, with all bits.
struct Settings(Sha256);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
