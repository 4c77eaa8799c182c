//! Why a handler fails.

use std::fmt;

use crate::bindings::thespian::actor::types as wit;

/// The result of a handler, or of a `start`.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The reason why a handler fails. Made by `?` from every error; by itself deliberately no `std::error::Error`, which is what
/// makes that possible.
///
/// ```
/// use thespian::{Error, Result};
///
/// fn parse(text: &str) -> Result<i64> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("x").unwrap_err().reason(), "invalid digit found in string");
/// ```
pub struct Error {
    reason: String,
    retry: bool,
    exhausted: bool,
    unhandled: bool,
}

impl Error {
    /// A failure that may not happen again: the host delivers the message once more.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), retry: true, exhausted: false, unhandled: false }
    }

    /// A failure that would happen again: the message goes back to its sender at once.
    pub fn poison(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), retry: false, exhausted: false, unhandled: false }
    }

    /// The text of what went wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the message should be delivered once more.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        self.retry
    }

    /// Whether the host refused because a bound is reached: a full outbox or mailbox, no room for more actors or
    /// wakeups. A handler may go on without, and try again in a later turn.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// The first attempt trapped, and what came means nothing to the instance that took its place. The turn fails for good,
    /// so that whoever it was for hears.
    #[cold]
    pub(crate) fn lost() -> Self {
        Self::poison("the actor trapped on it, and has lost what it was for")
    }

    /// No handler takes a message.
    pub(crate) fn unhandled(reason: String) -> Self {
        Self { reason, retry: false, exhausted: false, unhandled: true }
    }

    /// Whether it is that no handler takes the message, and none has failed.
    pub(crate) const fn is_unhandled(&self) -> bool {
        self.unhandled
    }

    /// The error for what an import refused. Only a bound can be another by the next attempt.
    pub(crate) fn refused(error: wit::Error) -> Self {
        let (word, why, exhausted) = match error {
            wit::Error::Denied(why) => ("denied: ", why, false),
            wit::Error::Exhausted(why) => ("exhausted: ", why, true),
            wit::Error::Unsupported(why) => ("unsupported: ", why, false),
            wit::Error::Invalid(why) | wit::Error::Other(why) => ("", why, false),
        };
        Self { reason: [word, &why].concat(), retry: exhausted, exhausted, unhandled: false }
    }

    pub(crate) fn into_failure(self) -> wit::Failure {
        wit::Failure { reason: self.reason, retry: self.retry }
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { reason, retry: true, exhausted: false, unhandled: false }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
