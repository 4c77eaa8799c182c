//! What operators do about sources that wait for a person, and about those that are to wait for the next start.

use thespian_core::source::Rights;
use thespian_core::wire::control::{LoadedSource, PendingSource, Reply, Request};

use super::{Client, ClientError};

impl Client {
    /// Lets no more actors be created from a source until the node starts again. Those that run stay.
    ///
    /// # Errors
    /// No source has this hash, or several begin so.
    pub async fn set_aside(&self, source: &str) -> Result<(), ClientError> {
        self.done(Request::SetAside { source: source.to_string() }).await
    }

    /// The last records of the audit log, each a line of JSON, the oldest first: as many at most as a node shows at one time.
    ///
    /// # Errors
    /// `Invalid` where the node has no such log, for it has no data directory.
    pub async fn audit(&self, last: u64) -> Result<Vec<String>, ClientError> {
        match self.ask_node(Request::Audit { last }).await? {
            Reply::Audit(lines) => Ok(lines),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// The sources that wait for a person, the first that is overdue first.
    ///
    /// # Errors
    /// The role of the connection is not enough.
    pub async fn pending(&self) -> Result<Vec<PendingSource>, ClientError> {
        match self.ask_node(Request::Pending).await? {
            Reply::Pending(pending) => Ok(pending),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Approves a source that waits for a person, with these rights of those that it wants, and waits until actors can be created
    /// from it.
    ///
    /// # Errors
    /// `Invalid` where it waits for nobody, or does not want such a right; `SourceRefused` where it can't be used.
    pub async fn approve(&self, source: &str, allow: Rights) -> Result<LoadedSource, ClientError> {
        match self.ask_node(Request::Approve { source: source.to_string(), allow }).await? {
            Reply::Loaded(source) => Ok(source),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Refuses a source that waits for a person. Whoever loads it is told why.
    ///
    /// # Errors
    /// `Invalid` where it waits for nobody, or the reason is none.
    pub async fn refuse(&self, source: &str, why: &str) -> Result<(), ClientError> {
        self.done(Request::Refuse { source: source.to_string(), why: why.to_string() }).await
    }
}
