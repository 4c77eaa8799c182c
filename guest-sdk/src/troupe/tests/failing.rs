//! Work in progress that fails: the job ends once, for its asker, its worker and its leader.

use super::*;

/// Asks somebody else before it answers.
#[derive(Default)]
struct Buyer {
    requests: Requests<Self>,
}

#[actor(parts(requests), troupe(max_count = 1))]
impl Buyer {
    #[receive]
    fn square(&mut self, ask: Square, ctx: &mut Context) -> Result {
        ctx.work_in_progress();
        let within = Duration::from_secs(5);
        self.requests.ask_for(ctx.reply_to(), ctx, &"shop".into(), &ask, within, Self::bought)?;
        Ok(())
    }

    fn bought(&mut self, product: Result<Product, RequestError>, ctx: &mut Context) -> Result<Product> {
        let product = product?;
        ctx.work_done();
        Ok(product)
    }
}

/// A worker that asks the shop for its first job, and a job that waits; the deadline of its question.
fn asking() -> (World<Buyer>, Effect) {
    let mut world: World<Buyer> = World::new();
    world.tell("first", &Square { of: 2 });
    world.tell("second", &Square { of: 3 });
    world.work_all();
    let deadline = world.surplus().remove(0);
    (world, deadline)
}

#[test]
fn work_in_progress_whose_continuation_fails_is_told_once_and_its_worker_has_the_next_job() {
    let (mut world, deadline) = asking();
    let (address, worker) = &mut world.workers[0];
    assert!(worker.wake(&deadline).is_err());
    let (to, original) = worker.failed_for().unwrap();
    assert_eq!(to.as_str(), "me", "the leader tells the asker");
    let sent = Effect::Send { to: address.clone(), message: original.clone() };
    let effects = world.leader.came_back(&sent, "no answer came in time").unwrap();
    world.happen(effects);
    assert_eq!(world.refused("first"), [("Square", "no answer came in time")]);
    world.work_all();
    let status = world.status();
    assert_eq!((status.busy, status.queued, status.failed), (1, 0, 1), "it has the second job");
    let (_, worker) = &mut world.workers[0];
    let effects = worker.exit_requested(true).unwrap();
    assert!(effects.iter().all(|effect| effect.refused("first").is_none()), "{effects:?}");
}

#[test]
fn work_in_progress_that_a_childs_end_fails_is_told_once_and_its_worker_has_the_next_job() {
    let (mut world, _) = asking();
    let (address, worker) = &mut world.workers[0];
    let address = address.clone();
    let effects = worker.child_exited(&"shop".into(), ExitReason::Requested).unwrap();
    world.reports(&address, effects);
    world.work_all();
    assert_eq!(world.refused("first").len(), 1);
    assert_eq!((world.status().busy, world.status().queued), (1, 0), "it has the second job");
}

#[test]
fn work_in_progress_that_fails_while_the_troupe_exits_is_told_once() {
    let (mut world, deadline) = asking();
    let effects = world.leader.exit_requested(true).unwrap();
    world.happen(effects);
    let Some(Effect::Send { message, .. }) = world.jobs.pop_front() else { panic!("no last call") };
    let (_, worker) = &mut world.workers[0];
    worker.tell_raw("me", message, 1).unwrap();
    assert!(worker.wake(&deadline).is_err());
    assert_eq!(worker.failed_for().unwrap().0.as_str(), "first", "no leader hears it any more");
    assert_eq!(worker.exit_requested(true).unwrap(), []);
}
