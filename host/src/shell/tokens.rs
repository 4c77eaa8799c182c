//! The secrets of a node: over TCP the one that a program shows says which role it has.

use std::path::Path;

use thespian_core::role::Role;

use crate::store::{self, StoreError, TOKEN_LEN};

/// A secret for each role.
pub(super) struct Tokens([(Role, [u8; TOKEN_LEN]); Role::ALL.len()]);

impl Tokens {
    /// New ones, which nobody knows yet.
    pub(super) fn new() -> Self {
        Self(Role::ALL.map(|role| (role, rand::random())))
    }

    /// Keeps them in files where programs find them. With `kept`, those that are there already stay.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub(super) fn keep(&mut self, dir: &Path, kept: bool) -> Result<(), StoreError> {
        for (role, token) in &mut self.0 {
            match if kept { store::kept_token(dir, *role)? } else { None } {
                Some(known) => *token = known,
                None => store::keep_token(dir, *role, *token)?,
            }
        }
        Ok(())
    }

    /// The role of whoever shows this one. Compared in constant time: how long it takes must not say how much of a guess is right.
    pub(super) fn role_of(&self, shown: Option<[u8; TOKEN_LEN]>) -> Option<Role> {
        let shown = shown?;
        let is_shown = |token: &[u8; TOKEN_LEN]| {
            let difference = shown.iter().zip(token).fold(0, |bits, (shown, own)| bits | (shown ^ own));
            std::hint::black_box(difference) == 0
        };
        // All of them, wherever it is found. Where somebody has copied one file to another, the role that may less.
        self.0
            .iter()
            .rev()
            .fold(None, |found, (role, token)| if is_shown(token) { Some(*role) } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_that_of_one_role() {
        let tokens = Tokens::new();
        for (role, token) in tokens.0 {
            assert_eq!(tokens.role_of(Some(token)), Some(role));
            let mut guess = token;
            guess[TOKEN_LEN - 1] ^= 1;
            assert_eq!(tokens.role_of(Some(guess)), None);
        }
        assert_eq!(tokens.role_of(None), None);
        let [(read, token), ..] = tokens.0;
        assert_eq!(Tokens(tokens.0.map(|(role, _)| (role, token))).role_of(Some(token)), Some(read));
    }
}
