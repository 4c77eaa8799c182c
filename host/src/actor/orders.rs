//! What the node tells an actor beside its mailbox: to end, that it can start again, how much to log, and what it may do. Read from within
//! its turns, or between them.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use thespian_core::log_level::LogLevel;
use thespian_core::source::Rights;
use tracing::Level;

/// Shared by an actor's cell and its instance.
pub(crate) struct Orders {
    killed: AtomicBool,
    may_start: AtomicBool,
    log_level: AtomicU8,
    rights: AtomicU8,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            killed: AtomicBool::new(false),
            may_start: AtomicBool::new(false),
            log_level: AtomicU8::new(LogLevel::default().number()),
            rights: AtomicU8::new(Rights::NONE.bits()),
        }
    }
}

impl Orders {
    /// Ends the actor at its next tick or turn boundary.
    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// The children are gone for whose end the actor waits.
    pub(super) fn let_start(&self) {
        self.may_start.store(true, Ordering::Release);
    }

    /// Whether this was said since it was last asked.
    pub(super) fn take_may_start(&self) -> bool {
        self.may_start.swap(false, Ordering::Acquire)
    }

    pub(super) fn set_log_level(&self, level: LogLevel) {
        self.log_level.store(level.number(), Ordering::Relaxed);
    }

    pub(super) fn set_rights(&self, rights: Rights) {
        self.rights.store(rights.bits(), Ordering::Relaxed);
    }

    pub(super) fn rights(&self) -> Rights {
        Rights::from_bits(self.rights.load(Ordering::Relaxed))
    }

    /// Whether a record of this level is kept.
    pub(super) fn log_enabled(&self, level: Level) -> bool {
        let needs = match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        needs.number() <= self.log_level.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_keeps_what_is_as_important_and_nothing_less() {
        let orders = Orders::default();
        assert!(orders.log_enabled(Level::INFO) && !orders.log_enabled(Level::DEBUG));
        orders.set_log_level(LogLevel::Off);
        assert!(!orders.log_enabled(Level::ERROR));
        orders.set_log_level(LogLevel::Trace);
        assert!(orders.log_enabled(Level::TRACE));
    }
}
