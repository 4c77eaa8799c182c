//! Whether a node is still where programs look for it: its socket may be removed, by a cleaner of temporary files, or moved
//! with its directory. What is free is taken again; what is not is said, once.

use std::sync::Arc;

use tracing::Level;

use crate::log::LogStore;
use crate::transport::{Listener, Whereabouts};

pub(super) struct Lookout {
    log: Arc<LogStore>,
    /// Whereabouts that were found last, and said.
    found: Whereabouts,
}

impl Lookout {
    pub(super) const fn new(log: Arc<LogStore>) -> Self {
        Self { log, found: Whereabouts::There }
    }

    /// Looks, and says what is new.
    pub(super) fn check(&mut self, listener: &mut Listener) {
        let Some(file) = listener.file() else { return };
        let path = file.path().display().to_string();
        // What the system does not tell has not changed.
        let Ok(mut found) = file.whereabouts() else { return };
        let before = self.found;
        let mut renewed = None;
        if found == Whereabouts::Removed {
            let result = listener.renew();
            if result.is_ok() {
                found = Whereabouts::There;
            }
            renewed = Some(result);
        }
        self.found = found;
        let warn = |text: String| self.log.node(Level::WARN, "control", &text);
        match (renewed, found) {
            (Some(Ok(())), _) => warn(format!("the socket {path} was removed: it listens there anew")),
            (_, found) if found == before => {}
            (Some(Err(error)), _) => {
                warn(format!(
                    "the socket {path} was removed, so no program finds this node, and can't be made anew: {error}"
                ));
            }
            (None, Whereabouts::Replaced) => {
                warn(format!(
                    "there is something else at {path}, so no program finds this node there; SIGTERM ends it"
                ));
            }
            (None, Whereabouts::Moved) => {
                warn(format!(
                    "the directory of {path} was moved or removed, so no program finds this node there; SIGTERM ends it"
                ));
            }
            (None, _) => self.log.node(Level::INFO, "control", &format!("the socket is at {path} again")),
        }
    }
}
