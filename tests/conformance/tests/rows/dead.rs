//! Dead letters and who handles them.

use probe_report::ReportedDeadLetter;
use serde_json::json;
use thespian_conformance::{Probe, World, echo, run, until};
use thespian_core::address::ActorAddress;
use thespian_core::source::Rights;
use thespian_core::wire::control::ControlError;
use thespian_host::client::ClientError;

const RIGHTS: Rights = Rights { dead_letters: true, ..Rights::NONE };

async fn handler(world: &World) -> Probe {
    let probe = world.probe_with(RIGHTS).await;
    handles(&probe, true).await;
    probe
}

/// Returns when the host has heard it.
async fn handles(probe: &Probe, handles: bool) {
    probe.tell(json!([{ "handle_dead_letters": { "handles": handles } }])).await;
    let wanted = handles.then_some(probe.address);
    until(async || probe.client.status().await.unwrap().dead_letter_handler == wanted).await;
}

/// An actor that is gone.
async fn gone(probe: &Probe) -> Probe {
    let gone = Probe {
        address: probe.client.create(&probe.report().await.source, "Probe").await.unwrap(),
        ..probe.clone()
    };
    gone.client.kill(gone.address).await.unwrap();
    gone
}

/// Has `sender` write to someone who is gone.
async fn write(sender: &Probe, to: &Probe, text: &str) {
    sender.tell(json!([{ "say": { "to": to.address.to_string(), "text": text } }])).await;
}

fn texts(letters: &[ReportedDeadLetter<ActorAddress>]) -> Vec<&str> {
    letters.iter().map(|letter| letter.payload.as_str()).collect()
}

#[test]
fn dead_107_a_handler_hears_nothing_while_all_is_delivered() {
    run(async {
        let world = World::new().await;
        let probe = handler(&world).await;
        assert!(probe.answers().await);
        handles(&probe, false).await;
        assert!(probe.report().await.dead_letters.is_empty());
    });
}

#[test]
fn dead_107b_to_handle_them_needs_a_right() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let back = probe.ask(json!([{ "handle_dead_letters": { "handles": true } }])).await;
        let back = thespian_conformance::poison(back);
        assert!(back.details.contains("without the right to `dead-letters`"), "{}", back.details);
        assert_eq!(probe.client.status().await.unwrap().dead_letter_handler, None);
    });
}

#[test]
fn dead_108_a_handler_gets_each_letter_with_its_addresses() {
    run(async {
        let world = World::new().await;
        let probe = handler(&world).await;
        let (sender, gone) = (Probe::create(&probe.client, "Probe").await, gone(&probe).await);
        write(&sender, &gone, "1").await;
        write(&sender, &gone, "2").await;
        let letters = probe.reports(|report| report.dead_letters.len() == 2).await.dead_letters;
        assert_eq!(texts(&letters), [r#"{"text":"1"}"#, r#"{"text":"2"}"#]);
        for letter in &letters {
            let about = (letter.target, letter.sender, letter.type_name.as_str());
            assert_eq!(about, (gone.address, sender.address, "Said"));
            assert_eq!(letter.reason, "there is no actor at this address");
        }
    });
}

#[test]
fn dead_109_who_gave_them_up_gets_none() {
    run(async {
        let world = World::new().await;
        let probe = handler(&world).await;
        let (sender, gone) = (Probe::create(&probe.client, "Probe").await, gone(&probe).await);
        write(&sender, &gone, "1").await;
        probe.reports(|report| report.dead_letters.len() == 1).await;
        handles(&probe, false).await;
        write(&sender, &gone, "2").await;
        until(async || probe.client.status().await.unwrap().dead_letters == 2).await;
        assert_eq!(probe.report().await.dead_letters.len(), 1);
    });
}

#[test]
fn dead_110_to_register_twice_is_to_register_once() {
    run(async {
        let world = World::new().await;
        let probe = handler(&world).await;
        probe.tell(json!([{ "handle_dead_letters": { "handles": true } }])).await;
        let (sender, gone) = (Probe::create(&probe.client, "Probe").await, gone(&probe).await);
        write(&sender, &gone, "1").await;
        probe.reports(|report| !report.dead_letters.is_empty()).await;
        assert_eq!(probe.report().await.dead_letters.len(), 1);
    });
}

#[test]
fn dead_111_the_last_that_registers_has_them() {
    run(async {
        let world = World::new().await;
        let first = handler(&world).await;
        let second = handler(&world).await;
        let gone = gone(&first).await;
        write(&first, &gone, "1").await;
        second.reports(|report| report.dead_letters.len() == 1).await;
        assert!(first.report().await.dead_letters.is_empty());
    });
}

#[test]
fn dead_114_when_the_handler_ends_nobody_has_them_until_one_registers() {
    run(async {
        let world = World::new().await;
        let first = handler(&world).await;
        let second = handler(&world).await;
        second.client.exit_and_wait(second.address, true).await.unwrap();
        until(async || first.client.status().await.unwrap().dead_letter_handler.is_none()).await;
        let gone = gone(&first).await;
        write(&first, &gone, "1").await;
        until(async || first.client.status().await.unwrap().dead_letters == 1).await;
        assert!(first.report().await.dead_letters.is_empty());
        handles(&first, true).await;
        write(&first, &gone, "2").await;
        let letters = first.reports(|report| !report.dead_letters.is_empty()).await.dead_letters;
        assert_eq!(texts(&letters), [r#"{"text":"2"}"#]);
    });
}

#[test]
fn dead_117_an_ask_of_someone_gone_ends_at_once_and_its_letter_reaches_the_handler() {
    run(async {
        let world = World::new().await;
        let probe = handler(&world).await;
        let child = probe.child(json!({ "class": "Probe" })).await;
        // The request is in the mailbox before the ask, which is refused once the exit turn has begun.
        probe.tell(json!([{ "exit": { "target": "child", "recursive": true } }])).await;
        probe.reports(|report| report.exits.len() == 1).await;
        let error = child.client.ask(child.address, echo("?"), None).await.unwrap_err();
        assert!(matches!(error, ClientError::Node(ControlError::TargetDead { .. })), "{error}");
        write(&probe, &child, "late").await;
        let letters = probe.reports(|report| !report.dead_letters.is_empty()).await.dead_letters;
        assert_eq!(texts(&letters), [r#"{"text":"late"}"#]);
    });
}

#[test]
fn a_handler_that_fails_on_a_dead_letter_makes_no_other() {
    run(async {
        let world = World::with(|config| config.limits.mailbox_len_max = 2).await;
        let probe = handler(&world).await;
        let gone = gone(&probe).await;
        let sender = Probe::create(&probe.client, "Probe").await;
        // More letters than its mailbox holds: those without room are counted, and make no letters of their own.
        let flood = json!([{ "count": { "to": gone.address.to_string(), "first": 0, "len": 200 } }]);
        sender.tell(flood).await;
        until(async || probe.client.status().await.unwrap().dead_letters == 200).await;
        assert!(probe.answers().await);
        assert!(!probe.report().await.dead_letters.is_empty());
        assert_eq!(probe.client.status().await.unwrap().dead_letters, 200);
    });
}
