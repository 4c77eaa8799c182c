//! Who waits for a time or for room, as the plane knows it.

use std::sync::Arc;

use tokio::sync::Notify;

/// Something that waits, and looks again when it is woken.
pub(crate) trait Sleeper: Send + Sync {
    /// Has it look at what it waits for.
    fn wake(self: Arc<Self>);
}

impl Sleeper for Notify {
    fn wake(self: Arc<Self>) {
        self.notify_one();
    }
}
