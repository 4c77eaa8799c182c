//! Actors that configuration wants to run: how each is created, and anew when it ends.

use alloc::string::String;
use alloc::vec::Vec;

use super::Admin;
use crate::address::ActorAddress;
use crate::effect::Effects;
use crate::life::LifeEffect;
use crate::post::{PostId, StandingActor};
use crate::question::{CreatorRights, NewActor};
use crate::source::Rights;
use crate::time::Time;

impl Admin {
    /// These are to run from here on.
    pub(super) fn stand(&mut self, now: Time, actors: Vec<StandingActor>, effects: &mut Effects) {
        actors.into_iter().for_each(|actor| self.posts.add(now, actor));
        self.fill_posts(now, effects);
    }

    /// Finds places for the actors that are due.
    pub(super) fn fill_posts(&mut self, now: Time, effects: &mut Effects) {
        for post in self.posts.take_due(now) {
            if let Some(actor) = self.posts.actor(post).filter(|_| !self.is_stopping()) {
                effects.push(LifeEffect::FindPlace { post, source: actor.source });
            }
        }
    }

    /// There is a place for such an actor, or another pause.
    pub(super) fn post_place_found(
        &mut self,
        now: Time,
        post: PostId,
        place: Result<ActorAddress, String>,
        effects: &mut Effects,
    ) {
        let actor = self.posts.actor(post).cloned();
        match (place, actor) {
            (Ok(address), Some(actor)) => self.create_standing(now, post, address, actor, effects),
            (Ok(address), None) => effects.settle_nowhere(address, &"nobody wants it"),
            (Err(_), _) => self.posts.vacate(now, post),
        }
    }

    fn create_standing(
        &mut self,
        now: Time,
        post: PostId,
        address: ActorAddress,
        actor: StandingActor,
        effects: &mut Effects,
    ) {
        let StandingActor { source, class, options, name } = actor;
        let create = NewActor {
            address,
            source: Ok(source),
            class,
            options,
            name: name.clone(),
            creator: CreatorRights::Own(Rights::ALL),
        };
        self.create_for(None, create, effects);
        // Whoever has its name already is as good.
        let named = name.and_then(|name| self.names.get(&name)).map(|(holder, _)| holder);
        self.posts.fill(now, post, named.unwrap_or(address));
    }
}
