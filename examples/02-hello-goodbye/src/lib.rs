//! Lesson 2: an actor creates another, and passes on whom to answer.

use thespian::prelude::*;

/// The question, for [`Hello`] and for [`Goodbye`].
#[message]
pub struct AreYouThere;

/// From [`Hello`] to [`World`]: the greeting so far, and whom it is for. An address travels like any other value.
#[message]
pub struct Finish {
    /// The greeting so far.
    pub text: String,
    /// Who asked.
    pub asker: Address,
}

/// The answer.
#[message]
pub struct Greeting {
    /// What to say.
    pub text: String,
}

/// Begins a greeting and has [`World`] finish it.
#[derive(Default)]
pub struct Hello {
    world: Option<Address>,
}

#[actor]
impl Hello {
    #[receive]
    fn are_you_there(&mut self, _: AreYouThere, ctx: &mut Context) -> Result {
        let world = match &self.world {
            Some(world) => world.clone(),
            None => ctx.create::<World>()?,
        };
        ctx.send(&world, &Finish { text: "Hello,".into(), asker: ctx.sender().clone() })?;
        self.world = Some(world);
        Ok(())
    }

    /// The next greeting needs a new [`World`].
    #[receive]
    fn world_exited(&mut self, _: ChildActorExited) {
        self.world = None;
    }
}

/// Finishes greetings and answers whoever asked for them, who never heard of it before.
#[derive(Default)]
pub struct World;

#[actor]
impl World {
    #[receive]
    fn finish(&mut self, begun: Finish, ctx: &mut Context) -> Result {
        ctx.send(&begun.asker, &Greeting { text: format!("{} world!", begun.text) })
    }
}

/// Says goodbye and exits.
#[derive(Default)]
pub struct Goodbye;

#[actor]
impl Goodbye {
    #[receive]
    fn are_you_there(&mut self, _: AreYouThere, ctx: &mut Context) -> Result<Greeting> {
        ctx.exit()?;
        Ok(Greeting { text: "Goodbye!".into() })
    }
}

source!(Hello, World, Goodbye);

#[cfg(test)]
mod tests;
