//! How an actor goes on when a question ends, and who hears where that fails.

use std::rc::Rc;

use crate::context::Context;
use crate::failure::{Error, Result};
use crate::incoming::{Incoming, Receive};

use super::outcome::{RequestError, taken};
use super::parties::Concerned;

/// Code that a question goes on with.
pub(super) type Continuation<A> = Rc<dyn Fn(&mut A, Result<Incoming, RequestError>, &mut Context) -> Result>;

/// A question that ends: how it goes on, and for whom.
pub(super) type Ended<A> = (Continuation<A>, Concerned);

/// A continuation that takes an answer as it came. Where there is none, a second attempt would find none either.
pub(super) fn continuation<A: 'static, R: Receive>(
    then: impl Fn(&mut A, Result<R, RequestError>, &mut Context) -> Result + 'static,
) -> Continuation<A> {
    Rc::new(move |actor, outcome, ctx| {
        let outcome = outcome.and_then(taken::<R>);
        let is_lost = outcome.is_err();
        then(actor, outcome, ctx).map_err(|error| if is_lost { Error::poison(error.reason()) } else { error })
    })
}

/// Runs a continuation for whoever is concerned.
pub(super) fn run<A>(
    actor: &mut A,
    (then, concerned): Ended<A>,
    outcome: Result<Incoming, RequestError>,
    ctx: &mut Context,
) -> Result {
    let Concerned { to, is_answered } = concerned;
    if is_answered {
        ctx.handle_for(&to, |ctx| then(actor, outcome, ctx))
    } else {
        let before = ctx.concerned.replace(to);
        let outcome = then(actor, outcome, ctx);
        ctx.concerned = before;
        outcome
    }
}

/// Runs a continuation in a turn that is about more than its question: where it fails, whoever is concerned is refused, and
/// the turn goes on. Says whether it ran or somebody was told.
pub(super) fn run_apart<A>(actor: &mut A, ended: Ended<A>, why: RequestError, ctx: &mut Context) -> bool {
    let to = ended.1.to.clone();
    let Err(error) = run(actor, ended, Err(why), ctx) else { return true };
    let told = if to.address == *ctx.me() { Err(error) } else { ctx.refuse(&to, error) };
    match &told {
        Ok(()) => ctx.end_work_for(&to),
        Err(error) => crate::warn!(ctx, "where a question ends without an answer: {error}"),
    }
    told.is_ok()
}
