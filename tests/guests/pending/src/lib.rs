//! A source that never finishes describing itself: its load stays pending until the host's patience ends.
// All that there is of it is a component.
#![cfg(target_family = "wasm")]

use thespian::bindings::exports::thespian::actor::guest::Guest;
use thespian::bindings::thespian::actor::types::{ActorInit, Delivery, Failure, MessageResult, SourceInfo};

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

    fn handle_message(_: String, _: u32, _: MessageResult) -> Result<(), Failure> {
        Ok(())
    }

    fn handle_event(_: Delivery) -> Result<(), Failure> {
        Ok(())
    }
}

thespian::bindings::export!(Pending with_types_in thespian::bindings);
