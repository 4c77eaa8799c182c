//! What the guest SDK makes of the contract: questions, troupes, supervisors, bases, and messages that are held back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thespian_conformance::{DEADLINE, World, class, load, message, poison, run, said, until};
use thespian_core::address::ActorAddress;
use thespian_core::envelope::Poisoned;
use thespian_core::wire::control::Incoming;
use thespian_host::client::Client;

/// An actor of the guest `company`, and a connection to its node.
#[derive(Clone)]
struct Member {
    client: Client,
    address: ActorAddress,
}

impl Member {
    async fn create(client: &Client, class: &str) -> Self {
        let hash = load(client, thespian_guests::COMPANY).await;
        Self { client: client.clone(), address: client.create(&hash, class).await.unwrap() }
    }

    fn at(&self, address: ActorAddress) -> Self {
        Self { client: self.client.clone(), address }
    }

    async fn tell(&self, type_name: &str, value: Value) {
        self.client.tell(self.address, message(type_name, &value)).await.unwrap();
    }

    async fn asked(&self, type_name: &str, value: Value) -> Incoming {
        self.client.ask(self.address, message(type_name, &value), Some(DEADLINE)).await.unwrap()
    }

    async fn ask(&self, type_name: &str, value: Value) -> Value {
        json_of(&self.asked(type_name, value).await)
    }

    /// The words that it answers with.
    async fn says(&self, type_name: &str, value: Value) -> String {
        said(self.asked(type_name, value).await)
    }

    /// Has it trap: the message that made it comes back.
    async fn traps_on(&self, type_name: &str) {
        let back = poison(self.asked(type_name, json!(null)).await);
        assert!(back.details.contains("trapped"), "{}", back.details);
    }

    /// What comes back of what it was asked.
    async fn back(&self, type_name: &str, value: Value) -> Poisoned {
        poison(self.asked(type_name, value).await)
    }

    async fn status(&self) -> Value {
        self.ask("AskTroupeStatus", json!(null)).await
    }

    /// Its children that live.
    async fn children(&self) -> BTreeSet<ActorAddress> {
        let actors = self.client.actors().await.unwrap();
        let mine = actors.into_iter().filter(|actor| actor.parent == Some(self.address));
        mine.map(|actor| actor.address).collect()
    }

    /// The child that its supervisor calls so.
    async fn supervised(&self, name: &str) -> Option<ActorAddress> {
        let children = self.ask("WhichChildren", json!(null)).await;
        let children = children["children"].as_array().unwrap();
        let child = children.iter().find(|child| child["name"] == name).unwrap();
        child["address"].as_str().map(|text| text.parse().unwrap())
    }
}

/// What a message says.
#[track_caller]
fn json_of(incoming: &Incoming) -> Value {
    match incoming {
        Incoming::Message { message, .. } => serde_json::from_slice(&message.payload).unwrap(),
        Incoming::Poisoned(poisoned) => panic!("{poisoned:?}"),
    }
}

fn job(number: u64, ms: u64) -> Value {
    json!({ "number": number, "ms": ms, "end": "Done" })
}

/// The numbers of the jobs whose answers come next, in order.
async fn done(client: &Client, len: usize) -> Vec<u64> {
    let mut numbers = Vec::with_capacity(len);
    for _ in 0..len {
        let answer = json_of(&client.listen(Some(DEADLINE)).await.unwrap());
        numbers.push(answer["number"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    numbers
}

/// Gives a crew so many jobs, and checks that each is answered once.
async fn soak(crew: &Member, len: u64) {
    for number in 0..len {
        crew.tell("Job", job(number, 0)).await;
    }
    let numbers = done(&crew.client, usize::try_from(len).unwrap()).await;
    assert!(numbers.into_iter().eq(0..len));
    until(async || crew.status().await["busy"] == 0).await;
    let status = crew.status().await;
    assert_eq!((&status["queued"], &status["failed"], &status["done"]), (&json!(0), &json!(0), &json!(len)));
    // A second answer to any of them would be here before the answer to this.
    assert_eq!(crew.ask("Job", job(len, 0)).await["number"], len);
    let nothing = crew.client.listen(Some(Duration::ZERO)).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[test]
fn help_210_a_troupe_answers_each_job_once_and_sooner_than_one_worker_could() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        for _ in 0..2 {
            let begun = Instant::now();
            let mut alone = Duration::ZERO;
            for number in 0..52 {
                let ms = 20 + number % 5 * 10;
                alone += Duration::from_millis(ms);
                crew.tell("Job", job(number, ms)).await;
            }
            assert!(done(&crew.client, 52).await.into_iter().eq(0..52));
            assert!(begun.elapsed() < alone, "{:?}", begun.elapsed());
        }
        let status = crew.status().await;
        assert!(status["workers"].as_u64().unwrap() <= 10, "{status}");
        assert_eq!(status["failed"], 0);
    });
}

#[test]
fn help_210b_a_thousand_jobs_are_each_answered_once() {
    run(async {
        let world = World::new().await;
        soak(&Member::create(&world.client().await, "Crew").await, 1_000).await;
    });
}

#[test]
fn help_210c_ten_thousand_jobs_are_each_answered_once() {
    run(async {
        let world = World::new().await;
        soak(&Member::create(&world.client().await, "Crew").await, 10_000).await;
    });
}

#[test]
fn help_211_all_workers_end_with_their_leader() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        for number in 0..20 {
            crew.tell("Job", job(number, 60_000)).await;
        }
        until(async || crew.children().await.len() == 10).await;
        until(async || crew.status().await["queued"] == 10).await;
        crew.client.exit_and_wait(crew.address, true).await.unwrap();
        for _ in 0..10 {
            let back = poison(crew.client.listen(Some(DEADLINE)).await.unwrap());
            assert_eq!(back.details, "the troupe exits", "who waits in the queue is told");
        }
        until(async || crew.client.actors().await.unwrap().is_empty()).await;
    });
}

#[test]
fn help_214_the_job_of_a_worker_that_is_gone_is_done_by_another() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        crew.tell("Job", job(7, 500)).await;
        until(async || crew.children().await.len() == 1).await;
        let first = *crew.children().await.first().unwrap();
        crew.client.kill(first).await.unwrap();
        let answer = json_of(&crew.client.listen(Some(DEADLINE)).await.unwrap());
        assert_eq!(answer["number"], 7);
        assert_ne!(answer["worker"], first.to_string());
    });
}

#[test]
fn help_214b_a_job_that_ends_its_workers_is_given_up_and_its_sender_hears() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "MortalCrew").await;
        let traps = json!({ "number": 1, "ms": 0, "end": "Traps" });
        let Poisoned { target, details, original } = crew.back("Job", traps.clone()).await;
        assert!(
            details.starts_with("3 workers were lost with it; the last time: failed: trapped: "),
            "{details}"
        );
        assert!(details.contains("job 1 is too much"), "{details}");
        assert_eq!(
            (target, original),
            (crew.address, message("Job", &traps)),
            "from the leader, as it was sent"
        );
        assert_eq!(crew.ask("Job", job(2, 0)).await["number"], 2);
        let fails = json!({ "number": 3, "ms": 0, "end": "Fails" });
        assert_eq!(crew.back("Job", fails).await.details, "job 3 can't be done");
        assert_eq!(crew.status().await["failed"], 2);
    });
}

#[test]
fn help_214c_what_is_in_progress_when_a_worker_traps_is_done_again() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        // The worker traps in its wakeup: the work that was in progress is lost with its instance, three times.
        let traps = json!({ "number": 1, "ms": 5, "end": "Traps" });
        let back = crew.back("Job", traps).await;
        assert_eq!(back.details, "3 workers were lost with it; the last time: it trapped");
        // One that traps in the turn of the job itself has its second attempt, and then it comes back.
        let traps = json!({ "number": 2, "ms": 0, "end": "Traps" });
        let details = crew.back("Job", traps).await.details;
        assert!(details.contains("job 2 is too much") && details.contains("attempt 2"), "{details}");
        assert_eq!(crew.ask("Job", job(3, 5)).await["number"], 3);
    });
}

#[test]
fn help_214d_no_job_is_lost_while_workers_are_killed() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        for number in 0..1_000 {
            crew.tell("Job", job(number, 1)).await;
        }
        let mut missing: BTreeSet<u64> = (0..1_000).collect();
        // Two: whoever is lost with three workers is given up.
        let mut kill_at = vec![400, 800];
        while !missing.is_empty() {
            let answer = json_of(&crew.client.listen(Some(DEADLINE)).await.unwrap());
            missing.remove(&answer["number"].as_u64().unwrap());
            if kill_at.last().is_some_and(|left| missing.len() < *left) {
                kill_at.pop();
                let worker = *crew.children().await.first().unwrap();
                crew.client.kill(worker).await.unwrap();
            }
        }
        until(async || crew.status().await["busy"] == 0).await;
        assert_eq!(crew.status().await["failed"], 0);
    });
}

#[test]
fn help_216_a_troupe_of_a_source_that_its_creator_names_is_as_any_other() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::COMPANY).await;
        let child = probe.child(json!({ "class": "Crew", "source": hash })).await;
        let crew = Member { client: probe.client.clone(), address: child.address };
        soak(&crew, 100).await;
        assert!(crew.children().await.len() <= 10);
        assert_eq!(probe.report().await.exits, []);
    });
}

#[test]
fn a_troupe_keeps_two_idle_workers_and_its_settings_change_at_run_time() {
    run(async {
        let world = World::new().await;
        let crew = Member::create(&world.client().await, "Crew").await;
        for number in 0..10 {
            crew.tell("Job", job(number, 20)).await;
        }
        done(&crew.client, 10).await;
        // Two seconds after the last was done.
        until(async || crew.children().await.len() == 2).await;
        let settings = crew.ask("UpdateTroupeSettings", json!({ "max_count": 1, "idle_count": 1 })).await;
        assert_eq!(settings, json!({ "max_count": 1, "idle_count": 1 }));
        until(async || crew.children().await.len() == 1).await;
        let refused = poison(crew.asked("UpdateTroupeSettings", json!({ "max_count": 0 })).await);
        assert!(refused.details.contains("at least one worker"), "{}", refused.details);
    });
}

#[test]
fn help_219_a_message_goes_to_its_handler_or_the_bases_or_is_ignored_where_that_says_so() {
    run(async {
        let world = World::new().await;
        let department = Member::create(&world.client().await, "Department").await;
        assert_eq!(department.says("Who", json!(null)).await, "the department");
        department.tell("Add", json!({ "n": 2 })).await;
        department.tell("Nobody knows this", json!({})).await;
        assert_eq!(department.says("HowMany", json!(null)).await, "4 by the base");
        assert_eq!(department.client.status().await.unwrap().poisoned, 0);
    });
}

#[test]
fn help_222_what_comes_too_early_is_delivered_in_order_when_all_that_is_needed_has_come() {
    run(async {
        let world = World::new().await;
        let setting = Member::create(&world.client().await, "Setting").await;
        setting.tell("Line", json!({ "number": 1 })).await;
        setting.tell("Time", json!({ "time": "at night" })).await;
        setting.tell("Line", json!({ "number": 2 })).await;
        setting.tell("Place", json!({ "place": "Elsinore" })).await;
        for number in 3..100 {
            setting.tell("Line", json!({ "number": number })).await;
        }
        setting.tell("Cast", json!({ "cast": "a ghost" })).await;
        for number in 100..200 {
            setting.tell("Line", json!({ "number": number })).await;
        }
        let next = async || said(setting.client.listen(Some(DEADLINE)).await.unwrap());
        assert_eq!(next().await, "ready: at night, Elsinore, a ghost");
        for number in 1..200 {
            assert_eq!(next().await, format!("line {number} of 3"));
        }
    });
}

#[test]
fn what_is_stashed_comes_in_order_and_what_fails_then_goes_back() {
    run(async {
        let world = World::new().await;
        let door = Member::create(&world.client().await, "Door").await;
        for name in ["Ada", "nobody", "Grace"] {
            door.tell("Enter", json!({ "name": name })).await;
        }
        door.tell("Open", json!(null)).await;
        door.tell("Enter", json!({ "name": "Alan" })).await;
        let next = async || door.client.listen(Some(DEADLINE)).await.unwrap();
        assert_eq!(said(next().await), "Ada is number 1");
        let back = poison(next().await);
        assert_eq!((back.target, &*back.details), (door.address, "nobody has no name (attempt 2)"));
        assert_eq!(back.original, message("Enter", &json!({ "name": "nobody" })));
        assert_eq!(said(next().await), "Grace is number 2");
        assert_eq!(said(next().await), "Alan is number 3");
    });
}

#[test]
fn what_traps_when_it_is_let_go_goes_back_too() {
    run(async {
        let world = World::new().await;
        let door = Member::create(&world.client().await, "Door").await;
        let ghost = message("Enter", &json!({ "name": "ghost" }));
        let back = async {
            let back = door.client.ask(door.address, ghost.clone(), Some(DEADLINE)).await;
            poison(back.unwrap())
        };
        let open = async {
            until(async || door.client.actors().await.unwrap()[0].turns == 1).await;
            door.tell("Open", json!(null)).await;
        };
        let (back, ()) = tokio::join!(back, open);
        assert_eq!(back.original, ghost);
        assert!(back.details.contains("trapped"), "{}", back.details);
        assert_eq!(door.client.status().await.unwrap().dead_letters, 0);
    });
}

/// Has a clerk ask somebody for an echo, for whoever asks the clerk.
fn order(target: ActorAddress, text: &str) -> Value {
    json!({ "target": target.to_string(), "text": text })
}

#[test]
fn what_comes_of_a_question_that_is_asked_for_somebody_goes_there_and_not_to_who_answered() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let clerk = Member::create(&probe.client, "Clerk").await;
        assert_eq!(clerk.says("Order", order(probe.address, "tea")).await, "tea for you");
        for (text, details) in
            [("nothing", "there is no nothing"), ("trap", "trapped"), ("err", "no err (attempt 2)")]
        {
            let asked = order(probe.address, text);
            let back = clerk.back("Order", asked).await;
            assert!(back.details.contains(details), "{text}: {}", back.details);
            assert_eq!((back.target, &*back.original.type_name), (clerk.address, "Order"));
        }
        assert_eq!(probe.report().await.poisons, [], "it answered as it should");
        let unknown = json!({ "target": clerk.address.to_string(), "text": "me" });
        let back = clerk.back("Order", unknown).await;
        assert!(back.details.starts_with("an actor can't ask itself"), "{}", back.details);
        assert_eq!(clerk.client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn a_question_to_an_actor_that_is_gone_comes_back_at_once_and_is_no_dead_letter() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let asker = Member::create(&probe.client, "Asker").await;
        let clerk = Member::create(&probe.client, "Clerk").await;
        let gone = probe.child(json!({ "class": "Probe" })).await.address;
        probe.client.kill(gone).await.unwrap();
        let before = probe.client.status().await.unwrap();
        let answer = asker.says("AskFor", ask_for(Some(gone), "hi", 60_000)).await;
        assert_eq!(answer, "the question came back: there is no actor at this address");
        let back = clerk.back("Order", order(gone, "tea")).await;
        assert_eq!(back.details, "the question came back: there is no actor at this address");
        let after = probe.client.status().await.unwrap();
        assert_eq!(after.dead_letters, before.dead_letters);
        // Two questions, and what the clerk was asked.
        assert_eq!(after.poisoned, before.poisoned + 3);
    });
}

#[test]
fn a_question_that_waits_for_an_actor_comes_back_when_that_is_killed() {
    run(async {
        let world = World::with(|config| config.limits.turn_cpu_ms_max = 600_000).await;
        let probe = world.probe().await;
        let asker = Member::create(&probe.client, "Asker").await;
        let busy = thespian_conformance::Probe::create(&probe.client, "Probe").await;
        busy.tell(json!(["spin"])).await;
        let answer = async { asker.says("AskFor", ask_for(Some(busy.address), "hi", 60_000)).await };
        let kill = async {
            let is_in_its_turn_and_asked = async || {
                let actors = probe.client.actors().await.unwrap();
                let busy = actors.iter().find(|actor| actor.address == busy.address);
                busy.is_some_and(|busy| busy.in_turn_ms.is_some() && busy.mailbox_len > 0)
            };
            until(is_in_its_turn_and_asked).await;
            probe.client.kill(busy.address).await.unwrap();
        };
        let (answer, ()) = tokio::join!(answer, kill);
        assert!(answer.starts_with("the question came back: the actor ended before"), "{answer}");
    });
}

/// Has an asker ask somebody for an echo.
fn ask_for(target: Option<ActorAddress>, text: &str, within_ms: u64) -> Value {
    let target = target.map(|target| target.to_string());
    json!({ "target": target, "text": text, "within_ms": within_ms, "unknown": false })
}

#[test]
fn a_question_from_inside_has_its_answer_or_the_reason_why_there_is_none() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let asker = Member::create(&probe.client, "Asker").await;
        let answer = asker.says("AskFor", ask_for(Some(probe.address), "hi", 60_000)).await;
        assert_eq!(answer, format!("{} says hi", probe.address));
        let mut unknown = ask_for(Some(probe.address), "", 60_000);
        unknown["unknown"] = true.into();
        let answer = asker.says("AskFor", unknown).await;
        assert!(answer.starts_with("the question came back: `Probe` takes no `Unknown`"), "{answer}");
        let answer = asker.says("AskFor", ask_for(None, "never", 50)).await;
        assert_eq!(answer, "no answer came in time");
        let forwarder = asker.says("WhoForwards", json!(null)).await;
        let answer = asker.says("AskFor", ask_for(None, "now", 60_000)).await;
        assert!(answer.ends_with(" says now") && !answer.starts_with(&forwarder), "{answer}");
        asker.tell("AskFor", ask_for(None, "never", 60_000)).await;
        // The question is asked when this is answered, and then handled, or it would come back.
        asker.says("WhoForwards", json!(null)).await;
        let forwarder = asker.at(forwarder.parse().unwrap());
        forwarder.says("Echo", json!({ "text": "now" })).await;
        asker.client.kill(forwarder.address).await.unwrap();
        let answer = said(asker.client.listen(Some(DEADLINE)).await.unwrap());
        assert!(answer.starts_with("whoever was asked is gone: killed"), "{answer}");
    });
}

#[test]
fn a_hundred_questions_at_one_time_are_each_matched_with_their_answers() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let asker = Member::create(&client, "Asker").await;
        let forwarder = Member::create(&client, "Forwarder").await;
        let answers = asker.says("AskMany", json!({ "target": forwarder.address.to_string() })).await;
        let expected: Vec<_> = (0..100).rev().map(|number| format!("{number}={number}")).collect();
        assert_eq!(answers, expected.join(" "));
    });
}

#[test]
fn an_answer_that_comes_after_a_restart_reaches_no_handler() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let asker = Member::create(&client, "Asker").await;
        let forwarder = Member::create(&client, "Forwarder").await;
        asker.tell("AskFor", ask_for(Some(forwarder.address), "first", 60_000)).await;
        asker.traps_on("Trap").await;
        // Has the forwarder answer both: the question of the lost instance, and its own.
        forwarder.asked("Echo", json!({ "text": "now" })).await;
        let answer = asker.says("AskFor", ask_for(Some(forwarder.address), "now", 60_000)).await;
        assert!(answer.ends_with(" says now"), "{answer}");
        assert_eq!(client.status().await.unwrap().poisoned, 1, "the trap alone");
    });
}

async fn boss(world: &World, replace: &str) -> Member {
    let client = world.client().await;
    let hash = load(&client, thespian_guests::COMPANY).await;
    let init = Some(message("With", &json!({ "replace": replace })));
    let created =
        client.create_with(thespian_core::wire::control::CreateActor { init, ..class(&hash, "Boss") });
    Member { address: created.await.unwrap().0, client: client.clone() }
}

#[test]
fn a_supervisor_replaces_a_child_that_trapped_at_a_new_address() {
    run(async {
        let world = World::new().await;
        let boss = boss(&world, "one").await;
        let (a, b) = (boss.supervised("a").await.unwrap(), boss.supervised("b").await);
        boss.at(a).traps_on("Break").await;
        until(async || boss.supervised("a").await.is_some_and(|new| new != a)).await;
        let new = boss.supervised("a").await.unwrap();
        assert_eq!(boss.at(new).says("AreYouThere", json!(null)).await, "yes");
        assert_eq!(boss.supervised("b").await, b);
        assert_eq!(boss.children().await.len(), 3);
    });
}

#[test]
fn a_supervisor_replaces_all_children_or_those_behind() {
    for (replace, kept) in [("all", &[][..]), ("rest", &["a"])] {
        run(async {
            let world = World::new().await;
            let boss = boss(&world, replace).await;
            let before = [boss.supervised("a").await, boss.supervised("b").await, boss.supervised("c").await];
            boss.at(before[1].unwrap()).traps_on("Break").await;
            let names = ["a", "b", "c"];
            for (name, before) in names.into_iter().zip(before) {
                if !kept.contains(&name) {
                    until(async || boss.supervised(name).await.is_some_and(|new| Some(new) != before)).await;
                }
            }
            for (name, before) in names.into_iter().zip(before) {
                assert_eq!(boss.supervised(name).await == before, kept.contains(&name), "{replace} {name}");
            }
        });
    }
}

#[test]
fn children_of_a_supervisor_that_traps_go_on_and_the_fresh_one_supervises_them() {
    run(async {
        let world = World::new().await;
        let boss = boss(&world, "one").await;
        let a = boss.supervised("a").await.unwrap();
        let before = boss.children().await;
        boss.traps_on("Stumble").await;
        assert_eq!(boss.children().await, before);
        for member in before {
            assert_eq!(boss.at(member).says("AreYouThere", json!(null)).await, "yes");
        }
        assert_eq!(boss.client.actors().await.unwrap().len(), 4, "nobody was created twice");
        assert_eq!(boss.supervised("a").await, Some(a));
        boss.at(a).traps_on("Break").await;
        until(async || boss.supervised("a").await.is_some_and(|new| new != a)).await;
        assert_eq!(boss.client.actors().await.unwrap().len(), 4);
    });
}

#[test]
fn a_supervisor_gives_up_after_too_many_restarts_and_ends_with_its_children_and_the_reason() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let hash = load(&probe.client, thespian_guests::COMPANY).await;
        let child = probe.child(json!({ "class": "Boss", "source": hash })).await;
        let boss = Member { client: probe.client.clone(), address: child.address };
        for _ in 0..2 {
            let a = boss.supervised("a").await.unwrap();
            boss.at(a).traps_on("Break").await;
            until(async || boss.supervised("a").await.is_some_and(|new| new != a)).await;
        }
        let a = boss.supervised("a").await.unwrap();
        boss.at(a).traps_on("Break").await;
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        let (gone, reason) = &report.exits[0];
        assert_eq!(*gone, boss.address);
        let expected = "failed: gave up after 2 restarts in 60s; the last to end was `a`: failed: ";
        assert!(reason.starts_with(expected), "{reason}");
        until(async || probe.client.actors().await.unwrap().len() == 1).await;
    });
}

#[test]
fn a_supervisor_ends_its_children_and_itself_when_it_is_shut_down() {
    run(async {
        let world = World::new().await;
        let boss = boss(&world, "one").await;
        boss.tell("Shutdown", json!(null)).await;
        until(async || boss.client.actors().await.unwrap().is_empty()).await;
    });
}
