//! A supervisor and those whom it supervises.

use std::time::Duration;

use thespian::prelude::*;
use thespian::{RestartType, Strategy, Supervisor};

use crate::Said;

/// Which strategy a [`Boss`] starts with.
#[message]
pub struct With {
    /// `one`, `all` or `rest`.
    pub replace: String,
}

/// Has a [`Boss`] trap itself.
#[message]
pub struct Stumble;

/// Supervises three members.
pub struct Boss {
    supervisor: Supervisor,
}

#[actor(parts(supervisor))]
impl Boss {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        let strategy = match ctx.init::<With>().transpose()?.map(|with| with.replace).as_deref() {
            Some("all") => Strategy::OneForAll,
            Some("rest") => Strategy::RestForOne,
            _ => Strategy::OneForOne,
        };
        let supervisor = Supervisor::new(strategy)
            .intensity(2, Duration::from_secs(60))
            .child("a", Create::of::<Member>(), RestartType::Permanent)
            .child("b", Create::of::<Member>(), RestartType::Permanent)
            .child("c", Create::of::<Member>(), RestartType::Permanent)
            .start(ctx)?;
        Ok(Self { supervisor })
    }

    #[receive]
    fn stumble(&mut self, _: Stumble) {
        panic!("stumbled");
    }

    #[receive]
    fn exited(&mut self, exit: ChildActorExited, ctx: &mut Context) {
        info!(ctx, "{} of {}", exit.reason, self.supervisor.children().children.len());
    }
}

/// Ends when it is told to.
#[derive(Default)]
pub struct Member;

/// Has a [`Member`] trap.
#[message]
pub struct Break;

/// Asks whether it is there.
#[message]
pub struct AreYouThere;

#[actor]
impl Member {
    #[receive]
    fn r#break(&mut self, _: Break) {
        panic!("broken");
    }

    #[receive]
    fn are_you_there(&mut self, _: AreYouThere) -> Said {
        Said { text: "yes".into() }
    }
}
