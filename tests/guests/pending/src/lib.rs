//! A source that never finishes describing itself: its load stays pending until the host's patience ends.
// All that there is of it is a component.
#![cfg(target_family = "wasm")]

use thespian::bindings::exports::thespian::actor::{guest, placement};
use thespian::bindings::thespian::actor::types::{
    ActorInit, AttributesResult, Delivery, Failure, MessageResult, RequirementResult, SourceInfo,
};

struct Pending;

impl guest::Guest for Pending {
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

impl placement::Guest for Pending {
    fn accepts(_: String, _: AttributesResult, _: Vec<RequirementResult>) -> bool {
        true
    }
}

thespian::bindings::export!(Pending with_types_in thespian::bindings);
