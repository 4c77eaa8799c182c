//! What an actor under test hears of sources.

use crate::actor::Actor;
use crate::bindings::thespian::actor::types as wit;
use crate::failure::Result;
use crate::sources::LoadedSource;

use super::{Effect, TestActor};

impl<A: Actor> TestActor<A> {
    /// A source is offered, which this actor is to judge.
    ///
    /// # Errors
    /// As its handler says.
    pub fn source_offered(&mut self, label: &str, bytes: Vec<u8>) -> Result<Vec<Effect>> {
        let check = self.sources.borrow_mut().add(label, bytes);
        self.notify("me", wit::Event::ValidateSource(check))
    }

    /// A source that it loads is loaded, or refused for this reason.
    ///
    /// # Errors
    /// As its handler says.
    pub fn loaded_source(
        &mut self,
        hash: &str,
        outcome: std::result::Result<(), &str>,
    ) -> Result<Vec<Effect>> {
        let (type_name, payload) = match outcome {
            Ok(()) => (LoadedSource::LOADED, serde_json::json!({ "hash": hash })),
            Err(reason) => (LoadedSource::REFUSED, serde_json::json!({ "hash": hash, "reason": reason })),
        };
        let message = wit::MessageResult {
            type_name: type_name.to_string(),
            encoding: wit::EncodingResult::Json,
            payload: payload.to_string().into_bytes(),
            headers: None,
        };
        self.notify("me", wit::Event::Other(message))
    }

    /// A source can be created from, or no longer.
    ///
    /// # Errors
    /// As its handler says.
    pub fn source_update(&mut self, hash: &str, info: &str, loaded: bool) -> Result<Vec<Effect>> {
        let (hash, info) = (hash.to_string(), info.to_string());
        self.notify("me", wit::Event::SourceUpdate(wit::SourceUpdate { hash, info, loaded }))
    }
}
