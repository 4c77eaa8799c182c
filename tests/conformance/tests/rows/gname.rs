//! Global names.

use serde_json::{Value, json};
use thespian_conformance::{DEADLINE, Probe, World, class, load, message, run, said, until};
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::{ControlError, CreateActor};
use thespian_host::client::{Client, ClientError};

async fn named(client: &Client, name: &str) -> Result<ActorAddress, ClientError> {
    let hash = load(client, thespian_guests::PROBE).await;
    let create = CreateActor { name: Some(name.to_string()), ..class(&hash, "Probe") };
    client.create_with(create).await.map(|(address, _)| address)
}

#[test]
fn gname_042_a_name_is_one_actor() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let first = named(&client, "lead").await.unwrap();
        let second = named(&client, "lead").await.unwrap();
        assert_eq!(first, second);
        assert!(Probe { client: client.clone(), address: first }.answers().await);
        assert_eq!(client.actors().await.unwrap().len(), 1);
    });
}

#[test]
fn gname_042e_who_asks_for_a_name_hears_whether_it_was_there() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let create = |name: Option<&str>| {
            let create = CreateActor { name: name.map(str::to_string), ..class(&hash, "Probe") };
            async { client.create_or_find(create).await.unwrap() }
        };
        let (one, two) = tokio::join!(create(Some("lead")), create(Some("lead")));
        assert_ne!(one.already, two.already, "one of those that race has it created");
        let third = create(Some("lead")).await;
        assert_eq!((third.already, third.address), (true, one.address));
        assert_eq!((&*third.class, third.source.to_string()), ("Probe", hash.clone()));
        assert!(!create(None).await.already);
    });
}

#[test]
fn gname_042b_whoever_races_for_a_name_gets_the_same_actor() {
    run(async {
        let world = World::new().await;
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(world.client().await);
        }
        load(&clients[0], thespian_guests::PROBE).await;
        let racing = clients.iter().map(|client| named(client, "lead"));
        let all = futures_util::future::join_all(racing).await;
        let first = *all[0].as_ref().unwrap();
        assert!(all.into_iter().all(|address| address.unwrap() == first));
        assert_eq!(clients[0].actors().await.unwrap().len(), 1);
        let status = clients[0].status().await.unwrap();
        assert_eq!(status.actors, 1, "the places of the others are given back");
    });
}

#[test]
fn gname_042c_the_first_counts_whatever_a_later_create_asks_for() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let first = named(&client, "lead").await.unwrap();
        let other = CreateActor { name: Some("lead".to_string()), ..class("no such source", "Nothing") };
        assert_eq!(client.create_with(other).await.unwrap(), (first, "Probe".to_string()));
    });
}

#[test]
fn gname_042d_a_name_that_can_not_be_is_refused() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        for name in [String::new(), "x".repeat(1_000)] {
            let error = named(&client, &name).await.unwrap_err().to_string();
            assert_eq!(error, "a global name has 1 to 256 bytes");
        }
        assert_eq!(client.status().await.unwrap().actors, 0);
    });
}

#[test]
fn gname_043_other_names_and_none_are_other_actors() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let (a, b) = (named(&probe.client, "a").await.unwrap(), named(&probe.client, "b").await.unwrap());
        assert!(a != b && a != probe.address && b != probe.address);
    });
}

#[test]
fn gname_044_an_actor_creates_by_name_once_and_its_messages_arrive() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let ask = json!({ "named": { "name": "lead", "class": "Probe" } });
        probe.tell(json!([ask, ask, { "create": { "class": "Probe" } }])).await;
        let report = probe.reports(|report| report.named.len() == 2).await;
        let (name, outcome) = &report.named[0];
        assert_eq!((name.as_str(), &report.named[1]), ("lead", &("lead".to_string(), outcome.clone())));
        let lead = probe.at(*outcome.as_ref().unwrap());
        assert_ne!(report.children, [lead.address], "the plain child is another, and the only one");
        probe.tell(json!([{ "say_to_named": { "text": "1" } }])).await;
        probe.tell(json!([{ "say_to_named": { "text": "2" } }])).await;
        let report = lead.reports(|report| report.said.len() == 2).await;
        assert_eq!(report.said, ["1", "2"]);
        // The host is its parent.
        assert_eq!(report.parent, None);
    });
}

#[test]
fn gname_046_an_actor_finds_what_a_program_created() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let lead = named(&probe.client, "lead").await.unwrap();
        probe.tell(json!([{ "named": { "name": "lead", "class": "Probe" } }])).await;
        let report = probe.reports(|report| !report.named.is_empty()).await;
        assert_eq!(report.named, [("lead".to_string(), Ok(lead))]);
    });
}

#[test]
fn gname_046b_an_actor_hears_why_there_is_none_of_the_name() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe
            .tell(json!([
                { "named": { "name": "a", "class": "FailsToStart" } },
                { "named": { "name": "b", "class": "NoSuchClass" } },
                { "named": { "name": "c", "class": "Needs" } },
            ]))
            .await;
        let report = probe.reports(|report| report.named.len() == 3).await;
        for (name, words) in
            [("a", "never starts"), ("b", "no class `NoSuchClass`"), ("c", "no compatible host")]
        {
            let (_, outcome) = report.named.iter().find(|(found, _)| found == name).unwrap();
            let why = outcome.as_ref().unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        until(async || probe.client.status().await.unwrap().actors == 1).await;
    });
}

#[test]
fn gname_047_an_actor_reads_its_name() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        assert_eq!(probe.report().await.global_name, None);
        let lead = probe.at(named(&probe.client, "lead").await.unwrap());
        assert_eq!(lead.report().await.global_name.as_deref(), Some("lead"));
        let actors = probe.client.actors().await.unwrap();
        let shown = actors.iter().find(|actor| actor.address == lead.address).unwrap();
        assert_eq!(shown.name.as_deref(), Some("lead"));
    });
}

#[test]
fn gname_049_a_name_is_free_when_its_actor_has_ended() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let first = named(&client, "lead").await.unwrap();
        client.exit_and_wait(first, true).await.unwrap();
        let gone = Probe { client: client.clone(), address: first }.try_echo("?").await.unwrap_err();
        assert!(matches!(gone, ClientError::Node(ControlError::TargetDead { .. })));
        let second = named(&client, "lead").await.unwrap();
        assert_ne!(second, first);
        assert!(Probe { client, address: second }.answers().await);
    });
}

#[test]
fn the_one_actor_of_a_name_is_asked_for_from_inside_and_goes_to_no_handler() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::COMPANY).await;
        let asker = client.create(&hash, "Asker").await.unwrap();
        let asked = async |to: ActorAddress, type_name: &str, value: Value| {
            said(client.ask(to, message(type_name, &value), Some(DEADLINE)).await.unwrap())
        };
        let found = async |name: &str, class: &str| {
            asked(asker, "AskName", json!({ "name": name, "class": class })).await
        };
        let first = found("lead", "Forwarder").await;
        assert_eq!(found("lead", "Forwarder").await, first, "a name is one actor");
        assert_ne!(found("second", "Forwarder").await, first);
        assert_eq!(asked(first.parse().unwrap(), "Echo", json!({ "text": "now" })).await, "now");
        let none = found("third", "Nobody").await;
        assert!(none.starts_with("there is no actor of that name: ") && none.contains("`Nobody`"), "{none}");
    });
}
