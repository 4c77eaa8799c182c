//! What an actor can ask of its host about other actors and about the host itself.

use crate::address::Address;
use crate::capability::Value;
use crate::context::Context;
use crate::create::Create;
use crate::event::QuestionId;
use crate::failure::Result;
use crate::host::{self, Answer, Ask};

/// A child of an actor, as its host knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Where it is.
    pub address: Address,
    /// The label that it was created with; empty where it got none.
    pub label: String,
}

impl Create {
    /// Asks for the one actor that has this global name, on whichever host it is; if there is none, it is created so,
    /// with the host as its parent. A [`crate::NamedActor`] answers.
    ///
    /// # Errors
    /// The name makes no sense, a bound is reached, or the actor that asks exits.
    pub fn named(self, name: &str, ctx: &mut Context) -> Result<QuestionId> {
        self.check(ctx)?;
        self.lend(|options| {
            let answer = host::ask(Ask::CreateNamed { name, class: &self.class, options })?;
            Ok(QuestionId(answer.number()))
        })
    }
}

impl Context {
    /// The global name under which this actor was created.
    #[must_use]
    pub fn global_name(&self) -> Option<&str> {
        self.init.global_name.as_deref()
    }

    /// Lets this actor hear of another's end, by one [`crate::ActorDown`], behind everything that the other sent it; at
    /// once, if there is no such actor. To ask twice is to ask once.
    ///
    /// # Errors
    /// `target` is no address, or a bound is reached.
    pub fn monitor(&mut self, target: &Address) -> Result {
        host::ask(Ask::Monitor { target: target.as_str() }).map(drop)
    }

    /// Lets it hear no longer: no [`crate::ActorDown`] comes of it any more.
    ///
    /// # Errors
    /// `target` is no address, or a bound is reached.
    pub fn demonitor(&mut self, target: &Address) -> Result {
        host::ask(Ask::Demonitor { target: target.as_str() }).map(drop)
    }

    /// Ends a child at once, without its exit turn, and all below it. Nothing happens if it is no child of this actor.
    ///
    /// # Errors
    /// `child` is no address, or a bound is reached.
    pub fn kill(&mut self, child: &Address) -> Result {
        host::ask(Ask::KillChild { child: child.as_str() }).map(drop)
    }

    /// Its live children, in the order of their creation, with the labels that [`Create::label`] gave them. A child is
    /// among them from the end of the turn that creates it until the actor hears of its end. They outlive a trap of this
    /// actor, unless its class says `children_at_restart = "end"`: a fresh instance finds here whom the one before created.
    ///
    /// ```
    /// # use thespian::prelude::*;
    /// # #[derive(Default)] struct Stock;
    /// # #[actor] impl Stock {}
    /// struct Shop { stock: Address }
    ///
    /// #[actor]
    /// impl Shop {
    ///     #[start]
    ///     fn new(ctx: &mut Context) -> Result<Self> {
    ///         let stock = ctx.children().into_iter().find(|child| child.label == "stock");
    ///         let stock = match stock {
    ///             Some(child) => child.address,
    ///             None => Create::of::<Stock>().label("stock").create(ctx)?,
    ///         };
    ///         Ok(Self { stock })
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn children(&self) -> Vec<Child> {
        let mut children = Vec::<Child>::new();
        loop {
            let after = children.last().map(|child| child.address.as_str());
            // A host never refuses.
            let page = host::ask(Ask::Children { after, max: u32::MAX }).map(Answer::children);
            let page = page.unwrap_or_default();
            if page.is_empty() {
                return children;
            }
            children
                .extend(page.into_iter().map(|(address, label)| Child { address: address.into(), label }));
        }
    }

    /// Gives the host's dead letters to this actor, by [`crate::DeadEnvelope`], or no longer. The last actor that asks
    /// has them, until it gives them up or ends.
    ///
    /// # Errors
    /// The source was loaded without the right to `dead-letters`.
    pub fn handle_dead_letters(&mut self, handles: bool) -> Result {
        host::ask(Ask::HandleDeadLetters { handles }).map(drop)
    }

    /// Changes what the host has; with `None` it has it no longer. Actors that the host no longer fits exit.
    ///
    /// # Errors
    /// The source was loaded without the right to `capabilities`, or the name or value makes no sense.
    pub fn update_capability(&mut self, name: &str, value: Option<Value>) -> Result {
        let value = value.as_ref().map(Value::to_wit);
        host::ask(Ask::UpdateCapability { name, value }).map(drop)
    }

    /// Asks for the status of an actor, or of the host. A [`crate::StatusAnswer`] brings it, as JSON.
    ///
    /// # Errors
    /// It is about another than this actor, and the source was loaded without the right to `status`.
    pub fn request_status(&mut self, about: Option<&Address>) -> Result<QuestionId> {
        let about = about.map(Address::as_str);
        host::ask(Ask::RequestStatus { about }).map(|answer| QuestionId(answer.number()))
    }

    /// Stops the host in order: every actor is asked to exit.
    ///
    /// # Errors
    /// The source was loaded without the right to `shutdown`.
    pub fn shut_down(&mut self) -> Result {
        host::ask(Ask::ShutDown).map(drop)
    }
}
