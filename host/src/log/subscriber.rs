//! The log's records as events of `tracing`, told by the log's own thread: a subscriber may be anybody's, and take as long
//! as it likes. The one place that names the macros of `tracing`.

use std::sync::Arc;

use thespian_core::wire::control::LogRecord;
use tracing::Level;

use crate::outlet::{Sink, TOO_FAST};

/// A record, and its level as `tracing` has it.
pub(super) type Passed = (Level, Arc<LogRecord>);

/// Tells whoever subscribed.
pub(super) struct Subscriber;

impl Sink<Passed> for Subscriber {
    fn item(&mut self, (level, record): Passed) {
        let LogRecord { actor, class, target: about, text, .. } = &*record;
        let Some(actor) = actor else {
            return match level {
                Level::ERROR => tracing::error!(target: "node", about, "{text}"),
                Level::WARN => tracing::warn!(target: "node", about, "{text}"),
                Level::INFO => tracing::info!(target: "node", about, "{text}"),
                Level::DEBUG => tracing::debug!(target: "node", about, "{text}"),
                Level::TRACE => tracing::trace!(target: "node", about, "{text}"),
            };
        };
        let class = class.as_deref().unwrap_or_default();
        match level {
            Level::ERROR => tracing::error!(target: "actor", %actor, class, from = about, "{text}"),
            Level::WARN => tracing::warn!(target: "actor", %actor, class, from = about, "{text}"),
            Level::INFO => tracing::info!(target: "actor", %actor, class, from = about, "{text}"),
            Level::DEBUG => tracing::debug!(target: "actor", %actor, class, from = about, "{text}"),
            Level::TRACE => tracing::trace!(target: "actor", %actor, class, from = about, "{text}"),
        }
    }

    fn missing(&mut self, count: u64) {
        tracing::warn!(target: "node", about = "log", "{count} records are missing here: {TOO_FAST}");
    }

    fn flush(&mut self) {}
}
