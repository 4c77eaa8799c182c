//! Work that a troupe shares.

use thespian::prelude::*;

use crate::Payload;

/// Sends back what it gets, as one of many at one address.
#[derive(Default)]
pub struct Crew;

#[actor(troupe(max_count = 10, idle_count = 10))]
impl Crew {
    #[receive]
    fn work(&mut self, payload: Payload) -> Payload {
        payload.look();
        payload
    }
}
