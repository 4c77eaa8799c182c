mod exits;
mod failing;

use std::collections::VecDeque;
use std::time::Duration;

use super::job::{Report, Stage};
use super::*;
use crate::prelude::*;
use crate::testing::{Effect, TestActor, TestStart};
use crate::{ExitReason, REQUEST_HEADER};

#[message]
#[derive(Debug, PartialEq)]
struct Square {
    of: u64,
}

#[message]
#[derive(Debug, PartialEq)]
struct Product {
    value: u64,
}

#[message]
struct Setup {
    plus: u64,
}

/// Work that is done only by a second message.
#[message]
struct Slowly;

#[message]
struct Finish;

struct Squarer {
    plus: u64,
}

#[actor(troupe(max_count = 3, idle_count = 1))]
impl Squarer {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        Ok(Self { plus: ctx.init::<Setup>().transpose()?.map_or(0, |setup| setup.plus) })
    }

    #[receive]
    fn square(&mut self, ask: Square) -> Result<Product> {
        let value = ask.of.checked_mul(ask.of).ok_or_else(|| Error::poison("too large"))?;
        Ok(Product { value: value + self.plus })
    }

    #[receive]
    fn slowly(&mut self, _: Slowly, ctx: &mut Context) {
        ctx.work_in_progress();
    }

    #[receive]
    fn finish(&mut self, _: Finish, ctx: &mut Context) {
        ctx.work_done();
    }
}

#[derive(Default)]
struct Mortal;

#[actor(on_trap = "exit", troupe)]
impl Mortal {
    #[receive]
    fn square(&mut self, _: Square) {}
}

/// A leader, its workers, and what is on its way between them.
struct World<A: Troupers> {
    leader: TestActor<Troupe<A>>,
    workers: Vec<(Address, TestActor<Troupe<A>>)>,
    /// Jobs that no worker has seen yet.
    jobs: VecDeque<Effect>,
    /// Effects for others than the troupe.
    out: Vec<Effect>,
}

impl<A: Troupers> World<A> {
    fn new() -> Self {
        Self::starting(TestStart::default())
    }

    fn starting(start: TestStart) -> Self {
        let leader = start.start().unwrap();
        Self { leader, workers: Vec::new(), jobs: VecDeque::new(), out: Vec::new() }
    }

    fn tell<M: Message>(&mut self, sender: &str, message: &M) {
        let effects = self.leader.tell(sender, message).unwrap();
        self.happen(effects);
    }

    /// Does what the leader asked for, but no worker handles anything yet.
    fn happen(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Create { address, create } => {
                    let mut start = TestStart::default();
                    start.init.me = address.clone();
                    start.init.parent = Some("me".into());
                    start.init.message = create.init;
                    let worker: TestActor<Troupe<A>> = start.start().unwrap();
                    let started = worker.started().to_vec();
                    self.workers.push((address.clone(), worker));
                    self.reports(&address, started);
                }
                Effect::Send { ref to, .. } if self.workers.iter().any(|(known, _)| known == to) => {
                    self.jobs.push_back(effect);
                }
                other => self.out.push(other),
            }
        }
    }

    fn reports(&mut self, worker: &Address, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message } if to.as_str() == "me" => {
                    let effects = self.leader.tell_raw(worker.as_str(), message, 1).unwrap();
                    self.happen(effects);
                }
                other => self.out.push(other),
            }
        }
    }

    /// The first job that waits is handled by its worker.
    fn work(&mut self) -> Result {
        let Some(Effect::Send { to, message }) = self.jobs.pop_front() else { panic!("there is no job") };
        let (_, worker) = self.workers.iter_mut().find(|(known, _)| *known == to).unwrap();
        let effects = worker.tell_raw("me", message, 1)?;
        self.reports(&to, effects);
        Ok(())
    }

    fn work_all(&mut self) {
        while !self.jobs.is_empty() {
            self.work().unwrap();
        }
    }

    fn worker(&self, place: usize) -> Address {
        self.workers[place].0.clone()
    }

    /// A worker ends, with the job that it has not handled yet.
    fn end(&mut self, worker: &Address) {
        self.jobs.retain(|job| !matches!(job, Effect::Send { to, .. } if to == worker));
        self.workers.retain(|(known, _)| known != worker);
        let effects = self.leader.child_exited(worker, ExitReason::Killed("an operator".into())).unwrap();
        self.happen(effects);
    }

    fn status(&mut self) -> TroupeStatus {
        self.leader.tell("ops", &AskTroupeStatus).unwrap()[0].sent("ops").unwrap()
    }

    fn sent<M: Message>(&self, to: &str) -> Vec<M> {
        self.out.iter().filter_map(|effect| effect.sent(to)).collect()
    }

    /// Types of the messages of `to` that went back, and why they did.
    fn refused(&self, to: &str) -> Vec<(&str, &str)> {
        let refused = self.out.iter().filter_map(|effect| match effect {
            Effect::Refuse { to: target, original, details } if target.as_str() == to => {
                Some((original.type_name.as_str(), details.as_str()))
            }
            _ => None,
        });
        refused.collect()
    }

    fn surplus(&self) -> Vec<Effect> {
        self.out.iter().filter(|effect| matches!(effect, Effect::Wakeup { .. })).cloned().collect()
    }
}

fn squarers() -> World<Squarer> {
    World::new()
}

#[test]
fn a_leader_that_trapped_has_the_workers_exit_that_it_no_longer_knows() {
    let mut world = World::<Squarer>::new();
    world.tell("asker", &Square { of: 3 });
    let World { leader, workers, .. } = world;
    let fresh = leader.trapped().unwrap();
    let target = workers[0].0.clone();
    assert_eq!(fresh.started(), [Effect::Exit { target, recursive: true }]);
}

#[test]
fn each_job_goes_to_one_worker_and_waits_while_all_are_busy() {
    let mut world = squarers();
    for of in 0..5 {
        world.tell("asker", &Square { of });
    }
    let status = world.status();
    assert_eq!((status.workers, status.busy, status.queued, status.done), (3, 3, 2, 0));
    world.work_all();
    let answers: Vec<_> = world.sent::<Product>("asker").into_iter().map(|product| product.value).collect();
    assert_eq!(answers, [0, 1, 4, 9, 16]);
    let status = world.status();
    assert_eq!((status.busy, status.queued, status.done, status.failed), (0, 0, 5, 0));
}

#[test]
fn ten_thousand_jobs_are_each_done_once() {
    let mut world = squarers();
    for of in 0..10_000 {
        world.tell("asker", &Square { of });
        if of % 3 == 0 {
            world.work().unwrap();
        }
    }
    world.work_all();
    let mut answers: Vec<_> =
        world.sent::<Product>("asker").into_iter().map(|product| product.value).collect();
    answers.sort_unstable();
    assert!(answers.into_iter().eq((0..10_000).map(|of| of * of)));
    assert_eq!((world.status().done, world.workers.len()), (10_000, 3));
}

#[test]
fn a_worker_answers_the_sender_of_its_job_and_the_question_that_it_was() {
    let mut world = squarers();
    let mut question = RawMessage::of(&Square { of: 3 }).unwrap();
    let header = (REQUEST_HEADER.to_string(), "asker#1.7".to_string());
    question.headers = vec![header.clone(), ("traceparent".into(), "00".into())];
    let effects = world.leader.tell_raw("asker", question, 1).unwrap();
    world.happen(effects);
    world.work_all();
    let [Effect::Send { to, message }] = &world.out[..] else { panic!("{:?}", world.out) };
    assert_eq!((to.as_str(), &message.headers[..]), ("asker", &[header][..]));
}

#[test]
fn workers_start_with_what_their_leader_was_given_and_where_it_may_run() {
    let mut start = TestStart::default().init(&Setup { plus: 5 }).unwrap();
    start.init.requirements = Create::of::<Squarer>().require("gpu", true).requirements;
    let mut world: World<Squarer> = World::starting(start);
    let effects = world.leader.tell("asker", &Square { of: 2 }).unwrap();
    let Effect::Create { create, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!((&*create.class, create.requirements.len()), ("Squarer", 1));
    world.happen(effects);
    world.work_all();
    assert_eq!(world.sent::<Product>("asker"), [Product { value: 9 }]);
}

#[test]
fn a_job_whose_worker_ends_is_done_by_another() {
    let mut world = squarers();
    world.tell("asker", &Square { of: 2 });
    let first = world.worker(0);
    world.end(&first);
    world.work_all();
    assert_eq!(world.sent::<Product>("asker"), [Product { value: 4 }]);
    assert_ne!(world.worker(0), first);
}

#[test]
fn a_job_that_ends_three_workers_is_given_up_and_its_sender_hears() {
    let mut world = squarers();
    world.tell("asker", &Square { of: 2 });
    for _ in 0..3 {
        let worker = world.worker(0);
        world.end(&worker);
    }
    let lost = "3 workers were lost with it; the last time: killed: an operator";
    assert_eq!(world.refused("asker"), [("Square", lost)]);
    let status = world.status();
    assert_eq!((status.workers, status.queued, status.failed), (0, 0, 1));
}

#[test]
fn a_job_that_fails_is_told_to_its_sender_and_its_worker_goes_on() {
    let mut world = squarers();
    world.tell("asker", &Square { of: u64::MAX });
    let job = world.jobs[0].clone();
    assert!(world.work().is_err());
    let effects = world.leader.came_back(&job, "too large").unwrap();
    world.happen(effects);
    assert_eq!(world.refused("asker"), [("Square", "too large")]);
    let sent = RawMessage::of(&Square { of: u64::MAX }).unwrap();
    let is_whole = |effect: &Effect| matches!(effect, Effect::Refuse { original, .. } if *original == sent);
    let whole = world.out.iter().any(is_whole);
    assert!(whole, "as it was sent: {:?}", world.out);
    let effects = world.leader.came_back(&job, "too large").unwrap();
    assert_eq!(effects, [], "it has no such job any more");
    world.tell("asker", &Square { of: 2 });
    world.work_all();
    assert_eq!((world.workers.len(), world.sent::<Product>("asker").len()), (1, 1));
}

#[test]
fn a_worker_that_never_starts_loses_its_job_to_another() {
    let mut leader = TestActor::<Troupe<Squarer>>::start().unwrap();
    let effects = leader.tell("asker", &Square { of: 2 }).unwrap();
    let [Effect::Create { address, .. }, job] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(leader.came_back(job, "the actor never started: no room").unwrap(), []);
    let effects = leader.child_exited(address, ExitReason::NeverStarted("no room".into())).unwrap();
    assert!(matches!(&effects[..], [Effect::Create { .. }, Effect::Send { .. }]), "{effects:?}");
}

#[test]
fn where_a_trap_is_the_end_a_job_that_comes_back_is_given_up_only_if_its_worker_lives() {
    let mut world: World<Mortal> = World::new();
    world.tell("asker", &Square { of: 2 });
    let job = world.jobs[0].clone();
    let effects = world.leader.came_back(&job, "failed").unwrap();
    assert_eq!(world.status().busy, 1);
    world.happen(effects);
    world.jobs.pop_front();
    world.work().unwrap();
    assert_eq!(world.refused("asker").len(), 1, "it answered the roll call");

    world.tell("asker", &Square { of: 3 });
    let job = world.jobs[0].clone();
    let effects = world.leader.came_back(&job, "trapped").unwrap();
    world.happen(effects);
    let gone = world.worker(0);
    world.end(&gone);
    assert!(matches!(&world.jobs[0], Effect::Send { to, .. } if *to != gone), "another has the job");
    assert_eq!(world.refused("asker").len(), 1);
}

#[test]
fn idle_workers_that_are_not_kept_end_after_two_seconds_unless_there_is_work() {
    let mut world = squarers();
    for of in 0..3 {
        world.tell("asker", &Square { of });
    }
    world.work_all();
    let surplus = world.surplus();
    assert_eq!(surplus.len(), 2);
    assert!(matches!(surplus[0], Effect::Wakeup { delay, .. } if delay == Duration::from_secs(2)));
    // A burst of two: the kept one has a job, and so has one that was about to end.
    world.out.clear();
    world.tell("asker", &Square { of: 4 });
    world.tell("asker", &Square { of: 5 });
    assert!(matches!(world.out[..], [Effect::CancelWakeup { .. }]), "{:?}", world.out);
    let exits: Vec<_> = surplus.iter().map(|wakeup| world.leader.wake(wakeup).unwrap()).collect();
    assert_eq!(exits.iter().flatten().count(), 1, "only the one that is idle still ends");
    let [Effect::Exit { target, .. }] = &exits.concat()[..] else { panic!("{exits:?}") };
    assert_eq!(world.status().workers, 3, "it counts until it is gone");
    world.end(target);
    assert_eq!(world.status().workers, 2);
}

#[test]
fn its_settings_change_at_run_time() {
    let mut world = squarers();
    for of in 0..5 {
        world.tell("asker", &Square { of });
    }
    let error = world.leader.tell("ops", &UpdateTroupeSettings { max_count: Some(0), idle_count: None });
    assert_eq!(error.unwrap_err().reason(), "a troupe has at least one worker, and keeps at least one");
    world.tell("ops", &UpdateTroupeSettings { max_count: Some(4), idle_count: None });
    assert_eq!(world.sent::<TroupeSettings>("ops"), [TroupeSettings { max_count: 4, idle_count: 1 }]);
    let status = world.status();
    assert_eq!((status.workers, status.busy, status.queued), (4, 4, 1));
    world.tell("ops", &UpdateTroupeSettings { max_count: Some(1), idle_count: Some(1) });
    let exits = |world: &World<Squarer>| {
        world.out.iter().filter(|effect| matches!(effect, Effect::Exit { .. })).count()
    };
    assert_eq!(exits(&world), 0, "busy workers go on");
    world.work_all();
    assert_eq!((exits(&world), world.status().done), (3, 5));
}

#[test]
fn a_worker_whose_work_is_in_progress_has_no_other_job() {
    let mut world = squarers();
    world.tell("ops", &UpdateTroupeSettings { max_count: Some(1), idle_count: None });
    world.tell("asker", &Slowly);
    world.tell("asker", &Square { of: 2 });
    world.work_all();
    assert_eq!((world.status().busy, world.status().queued), (1, 1));
    let worker = world.worker(0);
    let effects = world.workers[0].1.tell("friend", &Finish).unwrap();
    world.reports(&worker, effects);
    world.work_all();
    assert_eq!(world.sent::<Product>("asker"), [Product { value: 4 }]);
    assert_eq!(world.status().done, 2);
}

#[test]
fn work_in_progress_is_done_again_when_its_instance_is_lost() {
    let mut world = squarers();
    world.tell("asker", &Slowly);
    let worker = world.worker(0);
    // Before it said that it goes on, the host itself gives it the message once more.
    assert_eq!(world.leader.child_restarted(&worker, 2, "ouch").unwrap(), []);
    let report = Report { job: 1, stage: Stage::Working, incarnation: 2 };
    assert_eq!(world.leader.tell(worker.as_str(), &report).unwrap(), []);
    let effects = world.leader.child_restarted(&worker, 3, "ouch").unwrap();
    assert_eq!(sent_type(&effects[0]), "Slowly");
    // The notice may overtake the report of the instance before.
    let stale = Report { job: 2, stage: Stage::Working, incarnation: 2 };
    let effects = world.leader.tell(worker.as_str(), &stale).unwrap();
    assert_eq!(sent_type(&effects[0]), "Slowly");
}

#[test]
fn whoever_waits_hears_that_the_troupe_exits_and_the_workers_end_too() {
    let mut world = squarers();
    for of in 0..4 {
        world.tell("asker", &Square { of });
    }
    let effects = world.leader.exit_requested(false).unwrap();
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Exit { .. })).count(), 3);
    world.happen(effects);
    assert_eq!(world.refused("asker")[0], ("Square", "the troupe exits"));
}

#[test]
fn only_so_many_jobs_wait() {
    let mut world = squarers();
    for of in 0..10_003 {
        world.tell("asker", &Square { of });
    }
    let error = world.leader.tell("asker", &Square { of: 1 }).unwrap_err();
    assert!(error.reason().starts_with("all 3 workers are busy, and 10000 jobs of"), "{error}");
    assert!(!error.may_retry());
}

#[test]
fn a_worker_of_an_instance_before_is_sent_home() {
    let mut world = squarers();
    let report = Report { job: 1, stage: Stage::Done, incarnation: 1 };
    let effects = world.leader.tell("stray", &report).unwrap();
    assert!(matches!(&effects[..], [Effect::Exit { target, .. }] if target.as_str() == "stray"));
}

#[test]
fn a_troupe_says_what_its_leader_takes_too() {
    assert_eq!(
        <Troupe<Squarer> as Actor>::RECEIVES,
        ["Square", "Slowly", "Finish", "UpdateTroupeSettings", "AskTroupeStatus"]
    );
    assert_eq!((Squarer::MAX_COUNT, Squarer::IDLE_COUNT), (3, 1));
    assert_eq!((Mortal::MAX_COUNT, Mortal::IDLE_COUNT), (10, 2));
}

fn sent_type(effect: &Effect) -> &str {
    let Effect::Send { message, .. } = effect else { panic!("{effect:?}") };
    &message.type_name
}
