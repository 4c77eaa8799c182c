//! Where the answers to programs outside go, and what comes before an answer.

use std::collections::HashMap;

use thespian_core::question::{Answer, Asker, LoadStep, Refusal};
use thespian_core::wire::control::{ControlError, LoadProgress, LogRecord, Reply};
use tokio::sync::{mpsc, oneshot};

/// A word that comes before an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// How far a load is.
    Progress(LoadProgress),
    /// Log records, in order.
    Log(Vec<LogRecord>),
}

/// Where updates go. Bounded: who does not take them slows its own question only.
pub type Updates = mpsc::Sender<Update>;

/// The answer to a question.
pub(crate) type Answered = Result<Reply, ControlError>;

/// Someone outside who waits for an answer.
pub(crate) struct Answerer {
    pub(crate) reply: oneshot::Sender<Answered>,
    pub(crate) updates: Option<Updates>,
}

impl Answerer {
    pub(crate) fn answer(self, reply: Answered) {
        // Who asked may have left in this moment.
        let _ = self.reply.send(reply);
    }
}

/// Those outside who wait for answers of `Admin`.
#[derive(Default)]
pub(crate) struct Answerers(HashMap<Asker, Answerer>);

/// An answer of `Admin`, in words for those outside.
pub(crate) fn worded(answer: Result<Answer, Refusal>) -> Answered {
    answer.map(Reply::from).map_err(ControlError::from)
}

impl Answerers {
    /// Someone outside waits for an answer.
    pub(crate) fn expect(&mut self, asker: Asker, answerer: Answerer) {
        self.0.insert(asker, answerer);
    }

    /// Someone outside waits no longer.
    pub(crate) fn forget(&mut self, asker: Asker) {
        self.0.remove(&asker);
    }

    /// Says how far a load is.
    pub(crate) fn progress(&self, asker: Asker, step: LoadStep) {
        if let Some(updates) = self.0.get(&asker).and_then(|answerer| answerer.updates.as_ref()) {
            // Who is slow to look misses a step of the bar, not the answer.
            let _ = updates.try_send(Update::Progress(step.into()));
        }
    }

    /// Gives the answer: nothing comes behind it.
    pub(crate) fn answer(&mut self, asker: Asker, reply: Answered) {
        if let Some(answerer) = self.take(asker) {
            answerer.answer(reply);
        }
    }

    /// Leaves the answer to somebody else.
    pub(crate) fn take(&mut self, asker: Asker) -> Option<Answerer> {
        self.0.remove(&asker)
    }
}
