//! What a client asks of the policy by which a node judges signed sources.

use thespian_core::wire::control::{PolicyChange, PolicyStatus, Reply, Request, SourceOutcome};

use super::{Client, ClientError};

impl Client {
    /// The policy by which signed sources are judged.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn policy(&self) -> Result<PolicyStatus, ClientError> {
        match self.ask_node(Request::Policy).await? {
            Reply::Policy(policy) => Ok(policy),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Tells what would become of the sources under the policy of this text, or of what its file says. Changes nothing.
    ///
    /// # Errors
    /// It is no policy, or the node's authority goes by none.
    pub async fn check_policy(&self, text: Option<String>) -> Result<Vec<SourceOutcome>, ClientError> {
        self.outcomes(Request::CheckPolicy { text }).await
    }

    /// Puts into force what the policy's file says now, and returns what became of the sources.
    ///
    /// # Errors
    /// As [`Client::check_policy`]: what was in force still is.
    pub async fn reload_policy(&self) -> Result<Vec<SourceOutcome>, ClientError> {
        self.outcomes(Request::ReloadPolicy).await
    }

    /// Changes the policy's file and puts it into force; returns what became of the sources.
    ///
    /// # Errors
    /// As [`Client::check_policy`]: nothing is changed.
    pub async fn edit_policy(&self, change: PolicyChange) -> Result<Vec<SourceOutcome>, ClientError> {
        self.outcomes(Request::EditPolicy(change)).await
    }

    async fn outcomes(&self, request: Request) -> Result<Vec<SourceOutcome>, ClientError> {
        match self.ask_node(request).await? {
            Reply::Outcomes(outcomes) => Ok(outcomes),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Takes the node's clock for right, though something was admitted later than it shows.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn accept_clock(&self) -> Result<(), ClientError> {
        self.done(Request::AcceptClock).await
    }
}
