//! Actors that configuration wants to run for as long as the host does: who holds which post, and when it is filled anew. An actor
//! that ends is followed by another, but for one that somebody asked to end.

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::address::ActorAddress;
use crate::envelope::ExitReason;
use crate::pauses::Pauses;
use crate::post::{PostId, StandingActor};
use crate::time::Time;

#[derive(Debug)]
struct Post {
    actor: StandingActor,
    pauses: Pauses,
}

/// The posts of a host.
#[derive(Debug, Default)]
pub struct Posts {
    all: Vec<Post>,
    /// The actors that fill posts, or are about to. One of a name may fill several.
    holders: BTreeMap<ActorAddress, BTreeSet<PostId>>,
    /// The posts that nobody fills, by when somebody is to.
    dues: BTreeSet<(Time, PostId)>,
}

impl Posts {
    /// Another actor is to run, as soon as there is time.
    pub fn add(&mut self, now: Time, actor: StandingActor) {
        self.dues.insert((now, PostId(self.all.len())));
        self.all.push(Post { actor, pauses: Pauses::default() });
    }

    /// The actor of a post.
    #[must_use]
    pub fn actor(&self, post: PostId) -> Option<&StandingActor> {
        self.all.get(post.0).map(|post| &post.actor)
    }

    /// Takes out the posts that are to be filled now, in order.
    pub fn take_due(&mut self, now: Time) -> Vec<PostId> {
        let later = self.dues.split_off(&(Time(now.0.saturating_add(1)), PostId(0)));
        core::mem::replace(&mut self.dues, later).into_iter().map(|(_, post)| post).collect()
    }

    /// This actor fills a post from here on, or is about to.
    pub fn fill(&mut self, now: Time, post: PostId, holder: ActorAddress) {
        if let Some(filled) = self.all.get_mut(post.0) {
            filled.pauses.begin(now);
            self.holders.entry(holder).or_default().insert(post);
        }
    }

    /// Nobody could be found for a post: it is tried again after a pause.
    pub fn vacate(&mut self, now: Time, post: PostId) {
        if let Some(vacant) = self.all.get_mut(post.0) {
            self.dues.insert((now + vacant.pauses.end(now), post));
        }
    }

    /// An actor is to end because somebody says so: nobody follows it.
    pub fn dismiss(&mut self, actor: ActorAddress) {
        self.holders.remove(&actor);
    }

    /// An actor has ended. Unless it was asked to, another follows it after a pause.
    pub fn ended(&mut self, now: Time, actor: ActorAddress, reason: &ExitReason) {
        let posts = self.holders.remove(&actor).unwrap_or_default();
        if *reason != ExitReason::Requested {
            posts.into_iter().for_each(|post| self.vacate(now, post));
        }
    }

    /// When the first of them is to be filled.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.dues.first().map(|(due, _)| *due)
    }
}
