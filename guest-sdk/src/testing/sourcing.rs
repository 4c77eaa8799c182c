//! What an actor under test hears of sources.

use crate::actor::Actor;
use crate::authority::NEXT;
use crate::bindings::thespian::actor::types as wit;
use crate::failure::Result;
use crate::sources::{LoadSource, LoadedSource};

use super::{Effect, TestActor};

impl<A: Actor> TestActor<A> {
    /// A source is offered, which this actor is to judge. A [`crate::SourceAuthority`] has then judged it.
    ///
    /// # Errors
    /// As its handler says.
    pub fn source_offered(&mut self, label: &str, bytes: Vec<u8>) -> Result<Vec<Effect>> {
        self.source_offered_as(&LoadSource::new(label), bytes)
    }

    /// The same with all that is said of it: a manifest, its signatures, and the rights that its loader lets it have.
    ///
    /// # Errors
    /// As its handler says.
    pub fn source_offered_as(&mut self, load: &LoadSource, bytes: Vec<u8>) -> Result<Vec<Effect>> {
        let check = self.sources.borrow_mut().add(load, bytes);
        let mut effects = self.notify("me", wit::Event::ValidateSource(check))?;
        let signal = |effects: &mut Vec<Effect>| {
            let is_signal =
                |effect: &Effect| matches!(effect, Effect::Send { message, .. } if message.type_name == NEXT);
            let at = effects.iter().position(is_signal)?;
            match effects.remove(at) {
                Effect::Send { message, .. } => Some(message),
                _ => None,
            }
        };
        while let Some(message) = signal(&mut effects) {
            effects.extend(self.tell_raw("me", message, 1)?);
        }
        Ok(effects)
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
