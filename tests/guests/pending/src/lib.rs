//! A source that never finishes describing itself: its load stays pending until the host's patience ends.

use thespian::bindings::exports::thespian::actor::guest::Guest;
use thespian::bindings::thespian::actor::types::{ActorInit, Delivery, Failure, SourceInfo};

struct Pending;

impl Guest for Pending {
    fn describe() -> SourceInfo {
        loop {
            std::hint::black_box(());
        }
    }

    fn start(_: ActorInit) -> Result<(), Failure> {
        Ok(())
    }

    fn handle(_: Delivery) -> Result<(), Failure> {
        Ok(())
    }
}

#[cfg(target_family = "wasm")]
thespian::bindings::export!(Pending with_types_in thespian::bindings);
