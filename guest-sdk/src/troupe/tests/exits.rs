//! A troupe that exits: each asker is answered, or told, and once.

use super::*;

/// As [`Slowly`], but whoever asks has an answer at once.
#[message]
struct Accept;

#[derive(Default)]
struct Clerk {
    fails: bool,
}

#[actor(troupe(max_count = 4))]
impl Clerk {
    #[receive]
    fn slowly(&mut self, _: Slowly, ctx: &mut Context) {
        ctx.work_in_progress();
    }

    #[receive]
    fn accept(&mut self, _: Accept, ctx: &mut Context) -> Product {
        ctx.work_in_progress();
        Product { value: 0 }
    }

    #[receive]
    fn finish(&mut self, _: Finish) {
        self.fails = true;
    }

    #[receive]
    fn exit(&mut self, _: ExitRequest) -> Result {
        if self.fails { Err(Error::new("on purpose")) } else { Ok(()) }
    }
}

/// The word that each asker gets: the answer, or why there is none.
fn told<A: Troupers>(world: &World<A>) -> Vec<(String, String)> {
    let told = |effect: &Effect| match effect {
        Effect::Refuse { to, details, .. } => Some((to.to_string(), details.clone())),
        Effect::Send { to, .. } => {
            Some((to.to_string(), effect.sent::<Product>(to.as_str())?.value.to_string()))
        }
        _ => None,
    };
    let mut told: Vec<_> = world.out.iter().filter_map(told).collect();
    told.sort();
    told
}

impl<A: Troupers> World<A> {
    /// The leader exits, and its workers behind what they have.
    fn exit(&mut self) {
        let effects = self.leader.exit_requested(true).unwrap();
        self.happen(effects);
        while let Some(Effect::Send { to, message }) = self.jobs.pop_front() {
            let (_, worker) = self.workers.iter_mut().find(|(known, _)| *known == to).unwrap();
            // What it reports is not heard any more.
            self.out.extend(worker.tell_raw("me", message, 1).unwrap_or_default());
        }
        for (_, worker) in &mut self.workers {
            self.out.extend(worker.exit_requested(true).unwrap());
        }
    }
}

fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
    told.iter().map(|(asker, text)| ((*asker).to_string(), (*text).to_string())).collect()
}

#[test]
fn what_a_worker_has_it_still_does_and_of_the_rest_each_asker_is_told_once() {
    let mut world = squarers();
    world.tell("done", &Square { of: 2 });
    world.tell("fails", &Square { of: u64::MAX });
    world.tell("slow", &Slowly);
    world.tell("waits", &Square { of: 3 });
    world.exit();
    let expected =
        [("done", "4"), ("fails", "too large"), ("slow", "the troupe exits"), ("waits", "the troupe exits")];
    assert_eq!(told(&world), pairs(&expected));
    for place in 0..3 {
        let worker = world.worker(place);
        assert_eq!(world.leader.child_exited(&worker, ExitReason::Requested).unwrap(), []);
    }
    assert_eq!(world.leader.take_logs(), []);
}

#[test]
fn work_in_progress_is_told_of_unless_it_was_answered_also_by_a_worker_whose_exit_turn_fails() {
    let mut world: World<Clerk> = World::new();
    world.tell("slow", &Slowly);
    world.tell("accepted", &Accept);
    world.tell("unlucky", &Slowly);
    world.work_all();
    let (_, unlucky) = &mut world.workers[2];
    unlucky.tell("friend", &Finish).unwrap();
    world.exit();
    let expected = [("accepted", "0"), ("slow", "the troupe exits"), ("unlucky", "the troupe exits")];
    assert_eq!(told(&world), pairs(&expected));
}

#[test]
fn an_instance_that_does_not_know_the_job_tells_that_it_is_lost() {
    let mut world = squarers();
    world.tell("asker", &Square { of: 2 });
    // The job has ended two instances, and this is the third.
    world.jobs.clear();
    world.exit();
    assert_eq!(told(&world), pairs(&[("asker", "the troupe exits")]));
}

#[test]
fn a_worker_that_ends_otherwise_leaves_it_to_its_leader_to_tell() {
    let killed = || ExitReason::Killed("an operator".into());
    let never = || ExitReason::NeverStarted("no room".into());
    for (reason, text) in [
        (killed(), "the troupe exits, and whoever had the job ended: killed: an operator"),
        (never(), "the troupe exits, and whoever had the job ended: never started: no room"),
    ] {
        let mut world = squarers();
        world.tell("asker", &Square { of: 2 });
        let worker = world.worker(0);
        let effects = world.leader.exit_requested(true).unwrap();
        assert!(matches!(&effects[..], [Effect::Send { to, .. }] if *to == worker), "{effects:?}");
        world.out = world.leader.child_exited(&worker, reason).unwrap();
        assert_eq!(told(&world), pairs(&[("asker", text)]));
    }
}

#[test]
fn a_job_that_came_back_from_a_worker_in_doubt_is_told_with_its_reason() {
    let mut world: World<Mortal> = World::new();
    world.tell("asker", &Square { of: 2 });
    let job = world.jobs[0].clone();
    world.leader.came_back(&job, "trapped").unwrap();
    world.out = world.leader.exit_requested(true).unwrap();
    assert_eq!(told(&world), pairs(&[("asker", "trapped")]));
    let worker = world.worker(0);
    assert_eq!(world.leader.child_exited(&worker, ExitReason::Failed("trapped".into())).unwrap(), []);
}

#[test]
fn a_worker_that_ends_for_itself_tells_nobody_for_another_does_its_job() {
    let mut world: World<Clerk> = World::new();
    world.tell("slow", &Slowly);
    world.work_all();
    let (_, worker) = &mut world.workers[0];
    assert_eq!(worker.exit_requested(true).unwrap(), []);
    let worker = world.worker(0);
    let effects = world.leader.child_exited(&worker, ExitReason::Requested).unwrap();
    assert!(matches!(&effects[..], [Effect::Create { .. }, Effect::Send { .. }]), "{effects:?}");
}
