//! Who waits for a time or for room, as the plane knows it.

use std::sync::Arc;

use thespian_core::time::Time;
use tokio::sync::Notify;

/// Something that waits, and looks again when it is woken.
pub(crate) trait Sleeper: Send + Sync {
    /// Has it look at what it waits for.
    fn wake(self: Arc<Self>);

    /// Tells it that the alarm went off which was set for it, at this time.
    fn ring(self: Arc<Self>, at: Time) {
        let _ = at;
        self.wake();
    }
}

impl Sleeper for Notify {
    fn wake(self: Arc<Self>) {
        self.notify_one();
    }
}
