//! What a host has, and who may live there.

use serde_json::json;
use thespian_conformance::{Probe, World, class, load, poison, run, until};
use thespian_core::capability::{Clause, Requirement, Value};
use thespian_core::source::Rights;
use thespian_core::wire::control::{ControlError, CreateActor};
use thespian_host::client::{Client, ClientError};

const RIGHTS: Rights = Rights { capabilities: true, ..Rights::NONE };

/// Creates a probe on a host where all of this holds.
async fn create(client: &Client, requirements: &[(&str, Clause)]) -> Result<Probe, ClientError> {
    let hash = load(client, thespian_guests::PROBE).await;
    let requirement =
        |(name, clause): &(&str, Clause)| Requirement { name: (*name).to_string(), clause: clause.clone() };
    let requirements = requirements.iter().map(requirement).collect();
    let (address, _) = client.create_with(CreateActor { requirements, ..class(&hash, "Probe") }).await?;
    Ok(Probe { client: client.clone(), address })
}

fn is_refused<T>(created: Result<T, ClientError>) -> bool {
    matches!(created, Err(ClientError::Node(ControlError::NoCompatibleHost { .. })))
}

#[test]
fn cap_128_a_required_value_is_compared_in_type_and_content() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("cores".to_string(), Value::Integer(4));
        })
        .await;
        let client = world.client().await;
        let equals = |value| Clause::Equals(value);
        assert!(create(&client, &[("cores", equals(Value::Integer(4)))]).await.is_ok());
        assert!(is_refused(create(&client, &[("cores", equals(Value::Text("4".to_string())))]).await));
        assert!(is_refused(create(&client, &[("cores", equals(Value::Boolean(true)))]).await));
        assert!(is_refused(create(&client, &[("Cores", equals(Value::Integer(4)))]).await));
        assert!(create(&client, &[("cores", Clause::AtLeast(3.5))]).await.is_ok());
        assert!(is_refused(create(&client, &[("cores", Clause::AtLeast(4.5))]).await));
        let some = Clause::OneOf(vec![Value::Integer(2), Value::Integer(4)]);
        assert!(create(&client, &[("cores", some)]).await.is_ok());
    });
}

#[test]
fn cap_129_all_of_several_requirements_must_hold_in_any_order() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("a".to_string(), Value::Boolean(true));
        })
        .await;
        let client = world.client().await;
        for order in [["a", "b"], ["b", "a"]] {
            let both = order.map(|name| (name, Clause::IsTrue));
            assert!(is_refused(create(&client, &both).await));
        }
        client.update_capability("b", Some(Value::Boolean(true))).await.unwrap();
        for order in [["a", "b"], ["b", "a"]] {
            assert!(create(&client, &order.map(|name| (name, Clause::IsTrue))).await.is_ok());
        }
    });
}

#[test]
fn cap_130b_who_runs_is_asked_about_anew_when_the_host_changes() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("gold".to_string(), Value::Boolean(true));
        })
        .await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let gold = vec![Requirement { name: "gold".to_string(), clause: Clause::IsTrue }];
        let choosy = || CreateActor { requirements: gold.clone(), ..class(&hash, "Choosy") };
        let (address, _) = client.create_with(choosy()).await.unwrap();
        client.update_capability("other", Some(Value::Boolean(true))).await.unwrap();
        let probe = Probe { client: client.clone(), address };
        assert!(probe.answers().await, "the class has no objection");
        client.update_capability("closed", Some(Value::Boolean(true))).await.unwrap();
        until(async || {
            let ended = client.status().await.unwrap().recent_ended;
            let why = ended
                .into_iter()
                .find(|ended| ended.address == address)
                .map(|ended| ended.reason.to_string());
            why.is_some_and(|why| why == "unfit: the class's own check says no")
        })
        .await;
        assert!(is_refused(client.create_with(choosy()).await));
        client.update_capability("closed", None).await.unwrap();
        assert!(client.create_with(choosy()).await.is_ok());
    });
}

#[test]
fn cap_131_new_creates_follow_a_change_from_outside() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let gpu = [("gpu", Clause::IsTrue)];
        assert!(is_refused(create(&client, &gpu).await));
        client.update_capability("gpu", Some(Value::Boolean(true))).await.unwrap();
        let probe = create(&client, &gpu).await.unwrap();
        assert_eq!(probe.report().await.capabilities, ["gpu"], "it is told what the host has now");
        client.update_capability("gpu", None).await.unwrap();
        assert!(is_refused(create(&client, &gpu).await));
        let error = client.update_capability("", None).await.unwrap_err().to_string();
        assert!(error.starts_with("a capability has a name of 1 to "), "{error}");
    });
}

#[test]
fn cap_132_what_was_refused_is_accepted_once_an_actor_added_what_it_needs() {
    run(async {
        let world = World::new().await;
        let probe = world.probe_with(RIGHTS).await;
        let gpu = [("gpu", Clause::IsTrue)];
        assert!(is_refused(create(&probe.client, &gpu).await));
        probe.after(json!([{ "set_capability": { "name": "gpu", "value": true } }])).await;
        until(async || probe.client.status().await.unwrap().capabilities.contains_key("gpu")).await;
        assert!(create(&probe.client, &gpu).await.is_ok());
        let plain = world.probe_with(Rights::NONE).await;
        let back = poison(plain.ask(json!([{ "set_capability": { "name": "gpu" } }])).await);
        assert!(back.details.contains("without the right to `capabilities`"), "{}", back.details);
    });
}

#[test]
fn cap_133_an_actor_ends_when_its_host_loses_what_it_needs() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("gpu".to_string(), Value::Boolean(true));
        })
        .await;
        let probe = world.probe().await;
        let child = probe.child(json!({ "class": "Probe", "requires": "gpu" })).await;
        let top = create(&probe.client, &[("gpu", Clause::IsTrue)]).await.unwrap();
        probe.client.update_capability("gpu", None).await.unwrap();
        let report = probe.reports(|report| !report.exits.is_empty()).await;
        assert_eq!(report.exits, [(child.address, "unfit: `gpu` is true no longer holds".to_string())]);
        until(async || {
            let ended = probe.client.status().await.unwrap().recent_ended;
            ended
                .iter()
                .any(|ended| ended.address == top.address && ended.reason.to_string().starts_with("unfit"))
        })
        .await;
        assert!(probe.answers().await);
    });
}

#[test]
fn cap_135_what_changes_nothing_ends_nobody() {
    run(async {
        let world = World::with(|config| {
            config.capabilities.insert("gpu".to_string(), Value::Boolean(true));
        })
        .await;
        let client = world.client().await;
        let probe = create(&client, &[("gpu", Clause::IsTrue)]).await.unwrap();
        client.update_capability("gpu", Some(Value::Boolean(true))).await.unwrap();
        client.update_capability("unknown", None).await.unwrap();
        client.update_capability("other", Some(Value::Integer(1))).await.unwrap();
        assert!(probe.answers().await);
    });
}

#[test]
fn cap_138_where_nobody_can_host_a_class_the_error_names_it_and_each_clause() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::PROBE).await;
        let error = client.create(&hash, "Needs").await.unwrap_err().to_string();
        assert!(error.starts_with("no compatible host for `Needs`: "), "{error}");
        assert!(error.contains("`gpu` is true") && error.contains("`memory_gb` is at least 4"), "{error}");
    });
}
