//! Programs outside: asks, tells, listens and the connections they come over.

use std::time::Duration;

use serde_json::json;
use thespian_conformance::{DEADLINE, Probe, World, class, do_steps, echo, run, said, until};
use thespian_core::limits::{MESSAGE_BYTES_MOST, REQUESTS_IN_FLIGHT_MAX};
use thespian_core::message::Message;
use thespian_core::wire::codec;
use thespian_core::wire::control::{
    ClientFrame, ControlError, CreateActor, Incoming, NodeFrame, Reply, Request,
};
use thespian_core::wire::hello::{self, Greeting, Hello};
use thespian_host::client::{Client, ClientError, Received};
use thespian_host::client::{Typed, TypedError};
use thespian_host::transport::{FrameReader, Stream, WriteHalf};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

fn has_timed_out(received: &Received) -> bool {
    matches!(received, Err(ClientError::Node(ControlError::TimedOut { .. })))
}

async fn endpoints(client: &Client) -> u64 {
    client.status().await.unwrap().endpoints
}

#[test]
fn ext_063_an_ask_that_is_not_answered_ends_after_its_time() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        assert_eq!(said(probe.try_echo("hi").await.unwrap()), "hi");
        let begun = std::time::Instant::now();
        let time = Duration::from_millis(600);
        let silence = probe.client.ask(probe.address, do_steps(&json!([])), Some(time)).await;
        assert!(has_timed_out(&silence), "{silence:?}");
        assert!(begun.elapsed() >= time);
        assert!(probe.answers().await);
    });
}

#[test]
fn ext_067_an_ask_returns_when_its_answer_is_there_not_when_its_time_is_over() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let begun = std::time::Instant::now();
        let answer = probe.client.ask(probe.address, echo("hi"), Some(Duration::from_secs(3_600))).await;
        assert_eq!(said(answer.unwrap()), "hi");
        assert!(begun.elapsed() < DEADLINE);
    });
}

#[test]
fn ext_068b_what_is_no_message_is_refused_before_it_is_sent() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for (type_name, wanted) in [
            (
                "thespian:exit-request".to_string(),
                "type names that begin with `thespian:` are the host's own",
            ),
            (String::new(), "a message needs a type name"),
            ("x".repeat(257), "the type name has 257 bytes; at most 256 are allowed"),
        ] {
            let error = probe.client.tell(probe.address, Message::json(&type_name, "{}")).await.unwrap_err();
            assert_eq!(error.to_string(), wanted);
            let error =
                probe.client.ask(probe.address, Message::json(&type_name, "{}"), None).await.unwrap_err();
            assert_eq!(error.to_string(), wanted);
        }
    });
}

#[test]
fn a_large_message_reaches_a_client_whatever_stands_before_it() {
    run(async {
        let world = World::new().await;
        let (sender, client) = (world.client().await, world.client().await);
        for small in [100, 65_000, 1 << 20] {
            // The answers are there before they are asked for, so they come in one write.
            let large = MESSAGE_BYTES_MOST - 1_000;
            for size in [small, large] {
                sender.tell(client.endpoint(), Message::bytes("M", vec![7; size])).await.unwrap();
            }
            let (first, second) = tokio::join!(client.listen(None), client.listen(None));
            let mut sizes = [first, second].map(|received| match received.unwrap() {
                Incoming::Message { message, .. } => message.payload.len(),
                Incoming::Poisoned(poisoned) => panic!("{poisoned:?}"),
            });
            sizes.sort_unstable();
            assert_eq!(sizes, [small, large]);
        }
        assert_eq!(client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn a_follower_of_the_log_is_given_large_messages_too() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        for _ in 0..20 {
            probe.after(json!([{ "log": { "text": "x".repeat(4_000) } }])).await;
        }
        let sender = world.client().await;
        let large = 14 << 20;
        for _ in 0..3 {
            sender.tell(probe.client.endpoint(), Message::bytes("M", vec![7; large])).await.unwrap();
            let logs = probe.client.logs(None, None, false, |_| ());
            let (logs, received) = tokio::join!(logs, probe.client.listen(Some(DEADLINE)));
            logs.unwrap();
            assert!(
                matches!(received.unwrap(), Incoming::Message { message, .. } if message.payload.len() == large)
            );
        }
    });
}

#[test]
fn a_message_that_fits_into_no_frame_is_refused_by_its_own_size() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let bound = "bytes; at most 16777216 are allowed (`message-bytes-max`)";
        for size in [16_800_000, 17_000_000, 40_000_000] {
            let message = || Message::bytes("Big", vec![0; size]);
            let wanted = format!("the message `Big` takes {} {bound}", message().cost());
            let told = probe.client.tell(probe.address, message()).await.unwrap_err();
            let asked = probe.client.ask(probe.address, message(), None).await.unwrap_err();
            let create = CreateActor { init: Some(message()), ..class("00", "Probe") };
            let created = probe.client.create_with(create).await.unwrap_err();
            for error in [told, asked, created] {
                assert_eq!(error.to_string(), wanted);
            }
        }
        assert!(probe.answers().await, "the connection is as it was");
    });
}

#[test]
fn an_answer_whose_asker_left_at_that_moment_waits_at_its_endpoint() {
    run(async {
        let world = World::new().await;
        let client = world.node.client();
        let probe = Probe::create(&client, "Probe").await;
        for sent in 1.. {
            let mut asked = Box::pin(client.ask(probe.address, echo("late"), None));
            tokio::select! {
                biased;
                // So quick that nobody could leave before it.
                answer = &mut asked => assert_eq!(said(answer.unwrap()), "late"),
                () = std::future::ready(()) => {
                    // The answer is there, and nobody has looked.
                    until(async || client.actor(probe.address).await.unwrap().actor.sent == sent).await;
                    break;
                }
            }
        }
        assert_eq!(probe.hear().await, "late");
    });
}

#[test]
fn ext_073_asks_side_by_side_over_many_connections_are_all_matched() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let mut asks = tokio::task::JoinSet::new();
        for connection in 0..10 {
            let probe = Probe { client: world.client().await, address: probe.address };
            for number in 0..20 {
                let (probe, text) = (probe.clone(), format!("{connection} {number}"));
                asks.spawn(async move { said(probe.try_echo(&text).await.unwrap()) == text });
            }
        }
        assert!(asks.join_all().await.into_iter().all(|matched| matched));
    });
}

#[test]
fn ext_076_a_second_client_talks_to_actors_of_the_first() {
    run(async {
        let world = World::new().await;
        let first = world.probe().await;
        let second = Probe { client: world.client().await, address: first.address };
        assert_eq!(second.client.host(), first.client.host());
        assert!(second.answers().await && first.answers().await);
        // And what the second creates answers the first.
        let child = second.child(json!({ "class": "Probe" })).await;
        drop(second);
        assert!(first.at(child.address).answers().await);
    });
}

/// A connection without a client: hello and questions go out in one piece.
async fn at_once(world: &World, questions: impl IntoIterator<Item = Request>) -> (FrameReader, WriteHalf) {
    let (reader, mut writer) = Stream::connect_unix(world.shell.socket()).await.unwrap().into_split();
    let hello = Hello { client: "test".to_string(), token: None, endpoint: None };
    let mut bytes = hello::encode(&hello).unwrap();
    for (id, request) in (0..).zip(questions) {
        codec::encode_frame_into(&ClientFrame::Request { id, request }, &mut bytes).unwrap();
    }
    writer.write_all(&bytes).await.unwrap();
    let mut reader = FrameReader::new(reader);
    let welcome = reader.next().await.unwrap().unwrap();
    hello::decode::<Greeting>(&welcome).unwrap().unwrap();
    (reader, writer)
}

async fn reply(reader: &mut FrameReader) -> (u64, Result<Reply, ControlError>) {
    let frame = reader.next().await.unwrap().unwrap();
    match codec::decode::<NodeFrame>(&frame).unwrap() {
        NodeFrame::Reply { id, reply } => (id, reply),
        other => panic!("a reply was expected, not {other:?}"),
    }
}

#[test]
fn ext_079_questions_that_come_with_the_hello_are_answered() {
    run(async {
        let world = World::new().await;
        let (mut reader, _writer) = at_once(&world, [const { Request::Sources }; 3]).await;
        let mut answered = Vec::new();
        for _ in 0..3 {
            let (id, reply) = reply(&mut reader).await;
            assert_eq!(reply, Ok(Reply::Sources(Vec::new())));
            answered.push(id);
        }
        answered.sort_unstable();
        assert_eq!(answered, [0, 1, 2]);
    });
}

#[test]
fn a_late_answer_of_one_ask_ends_no_other() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        // The steps for later keep who asked: the ask that times out.
        let late = json!([{ "on_child_exit": { "steps": [{ "say": { "to": "origin", "text": "late" } }] } }]);
        let silence = probe.client.ask(probe.address, do_steps(&late), Some(Duration::ZERO)).await;
        assert!(has_timed_out(&silence), "{silence:?}");
        // Here the late answer leaves first, and the right one after it.
        let child = probe.child(json!({ "class": "Probe" })).await;
        let second = probe.clone();
        let waiting = Handle::current().spawn(async move {
            let steps = json!([{ "on_exit": { "steps": [{ "say": { "to": "origin", "text": "right" } }] } }]);
            said(second.ask(steps).await)
        });
        until(async || probe.report().await.runs > 3).await;
        child.client.exit_and_wait(child.address, true).await.unwrap();
        assert_eq!(probe.hear().await, "late");
        assert!(!waiting.is_finished());
        probe.client.exit_and_wait(probe.address, true).await.unwrap();
        assert_eq!(waiting.await.unwrap(), "right");
    });
}

#[test]
fn an_ask_to_an_actor_that_dies_over_it_ends_at_once() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let steps = json!([{ "exit": { "target": "me", "recursive": true } }, { "run": { "on": "me", "steps": [] } }]);
        probe.tell(steps).await;
        let mut last = probe.try_echo("are you there").await;
        while last.is_ok() {
            last = probe.try_echo("are you there").await;
        }
        assert!(matches!(last, Err(ClientError::Node(ControlError::TargetDead { .. }))), "{last:?}");
    });
}

#[test]
fn connections_to_one_named_endpoint_share_it() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let (first, second) = (world.client_at("desk").await, world.client_at("desk").await);
        assert_eq!(first.endpoint(), second.endpoint());
        assert_ne!(first.endpoint(), probe.client.endpoint());
        first.tell(probe.address, echo("one")).await.unwrap();
        assert_eq!(said(second.listen(None).await.unwrap()), "one");
        second.tell(probe.address, echo("two")).await.unwrap();
        let before = endpoints(&probe.client).await;
        drop((first, second));
        // It waits for whoever comes back to it.
        let third = world.client_at("desk").await;
        assert_eq!(said(third.listen(None).await.unwrap()), "two");
        assert_eq!(endpoints(&probe.client).await, before);
        let named = Client::connect(world.shell.socket(), Some("no / name")).await;
        assert!(matches!(named, Err(ClientError::Refused(_))));
    });
}

#[test]
fn a_connection_that_closes_leaves_nothing_behind_but_actors() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let before = endpoints(&probe.client).await;
        // An ask that nobody has answered, and a listen.
        let late = json!([{ "say": { "to": "origin", "text": "late" } }]);
        let steps = json!([{ "create": { "class": "Probe" } }, { "on_exit": { "steps": late } }]);
        let ask = Request::Ask { target: probe.address, message: do_steps(&steps), timeout_ms: None };
        let connection = at_once(&world, [ask, Request::Listen { timeout_ms: None }]).await;
        let made = probe.reports(|report| report.children.len() == 1).await.children[0];
        assert_eq!(endpoints(&probe.client).await, before + 1);
        drop(connection);
        until(async || endpoints(&probe.client).await == before).await;
        assert!(probe.at(made).answers().await, "actors stay");
        // The answer to whoever left finds neither the ask nor a queue.
        probe.client.exit_and_wait(probe.address, false).await.unwrap();
        let status = probe.client.status().await.unwrap();
        assert_eq!(status.dead_letters, 1);
        assert_eq!(status.recent_dead_letters[0].reason, "there is no actor at this address");
    });
}

#[test]
fn what_waits_for_a_program_that_leaves_becomes_dead_letters() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let other = Probe { client: world.client().await, address: probe.address };
        other.tell(json!([{ "say": { "to": "origin", "text": "unheard" } }])).await;
        probe.report().await;
        drop(other);
        until(async || probe.client.status().await.unwrap().dead_letters == 1).await;
        let letters = probe.client.status().await.unwrap().recent_dead_letters;
        assert_eq!((letters[0].sender, &*letters[0].type_name), (probe.address, "Said"));
        assert_eq!(letters[0].reason, "its receiver, an outside program, left");
    });
}

#[test]
fn a_connection_takes_so_many_questions_and_one_more_when_one_is_taken_back() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let before = endpoints(&client).await;
        let listen = Request::Listen { timeout_ms: None };
        let listens = std::iter::repeat_n(listen.clone(), REQUESTS_IN_FLIGHT_MAX + 1);
        let (mut reader, mut writer) = at_once(&world, listens).await;
        let (id, refused) = reply(&mut reader).await;
        assert_eq!(id, REQUESTS_IN_FLIGHT_MAX as u64);
        assert!(matches!(refused, Err(ControlError::LimitReached(_))), "{refused:?}");
        let cancel = codec::encode_frame(&ClientFrame::Cancel { id: 7 }).unwrap();
        writer.write_all(&cancel).await.unwrap();
        assert_eq!(reply(&mut reader).await, (7, Err(ControlError::Cancelled)));
        let request =
            codec::encode_frame(&ClientFrame::Request { id: 7, request: Request::Sources }).unwrap();
        writer.write_all(&request).await.unwrap();
        assert_eq!(reply(&mut reader).await, (7, Ok(Reply::Sources(Vec::new()))));
        // Its end is noticed, whatever it still waits for.
        let listen = codec::encode_frame(&ClientFrame::Request { id: 7, request: listen }).unwrap();
        writer.write_all(&listen).await.unwrap();
        drop((reader, writer));
        until(async || endpoints(&client).await == before).await;
    });
}

#[test]
fn a_question_that_is_taken_back_takes_no_message() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let listening = probe.client.clone();
        let listen = Handle::current().spawn(async move { listening.listen(None).await });
        tokio::task::yield_now().await;
        listen.abort();
        assert!(listen.await.unwrap_err().is_cancelled());
        // What is asked later on the connection is read later, so the listen is gone when this is told.
        probe.client.status().await.unwrap();
        probe.tell(json!([{ "say": { "to": "origin", "text": "for the next" } }])).await;
        assert_eq!(probe.hear().await, "for the next");
    });
}

#[test]
fn no_message_is_lost_to_listens_that_are_taken_back() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        const LEN: usize = 300;
        let endpoint = probe.client.endpoint().to_string();
        let words = |text: usize| json!([{ "say": { "to": endpoint, "text": text.to_string() } }]);
        let mut heard = Vec::new();
        for text in 0..LEN {
            // Taken back at any point of its way: before it is sent, while it waits, with a message on its way to it.
            let listen = probe.client.listen(None);
            let mut tell = std::pin::pin!(async {
                probe.tell(words(text)).await;
                for _ in 0..text % 7 {
                    tokio::task::yield_now().await;
                }
            });
            tokio::select! {
                incoming = listen => {
                    heard.push(said(incoming.unwrap()));
                    tell.await;
                }
                () = &mut tell => {}
            }
        }
        while heard.len() < LEN {
            heard.push(probe.hear().await);
        }
        let mut heard: Vec<usize> = heard.iter().map(|text| text.parse().unwrap()).collect();
        heard.sort_unstable();
        heard.dedup();
        assert_eq!(heard.len(), LEN, "none is there twice");
    });
}

#[test]
fn over_tcp_the_token_of_the_token_file_opens_the_door() {
    run(async {
        let world = World::with(|config| config.listen = Some("127.0.0.1:0".parse().unwrap())).await;
        let (address, token) = world.shell.tcp().unwrap();
        let client = Client::connect_tcp(address, token, None).await.unwrap();
        let probe = Probe::create(&client, "Probe").await;
        assert!(probe.answers().await);
        let wrong = token.with_file_name("wrong");
        std::fs::write(&wrong, "0".repeat(64)).unwrap();
        let error = Client::connect_tcp(address, &wrong, None).await.err().unwrap();
        assert!(error.to_string().contains("the token is missing or wrong"), "{error}");
    });
}

#[test]
fn logs_of_an_actor_are_kept_and_followed() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        probe.after(json!([{ "log": { "text": "first" } }])).await;
        let mut kept = Vec::new();
        probe.client.logs(Some(probe.address), None, false, |record| kept.push(record)).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!((&*kept[0].text, &*kept[0].level), ("first", "INFO"));
        assert_eq!((kept[0].actor, kept[0].class.as_deref()), (Some(probe.address), Some("Probe")));
        let (heard, mut hearing) = tokio::sync::mpsc::channel(10);
        let follow =
            probe.client.logs(Some(probe.address), None, true, |record| heard.try_send(record.text).unwrap());
        let watch = async {
            assert_eq!(hearing.recv().await.unwrap(), "first");
            probe.after(json!([{ "log": { "text": "second" } }])).await;
            assert_eq!(hearing.recv().await.unwrap(), "second");
        };
        tokio::select! {
            ended = follow => panic!("a follower is never done: {ended:?}"),
            () = watch => {}
        }
    });
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Words {
    text: String,
}

/// The same content under two names.
#[derive(serde::Serialize)]
struct Echo(Words);

impl Typed for Echo {
    const TYPE_NAME: &'static str = "Echo";
}

impl Typed for Words {
    const TYPE_NAME: &'static str = "Said";
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Run {
    steps: Vec<()>,
}

impl Typed for Run {
    const TYPE_NAME: &'static str = "Run";
}

#[test]
fn a_program_talks_in_its_own_types() {
    run(async {
        let world = World::new().await;
        let probe = world.probe().await;
        let question = Echo(Words { text: "hi".to_string() });
        let answer: Words = probe.client.ask_typed(probe.address, &question, None).await.unwrap();
        assert_eq!(answer.text, "hi");
        probe.client.tell_typed(probe.address, &Words { text: "told".to_string() }).await.unwrap();
        assert_eq!(probe.report().await.said, ["told"]);
        let other: Result<Run, _> = probe.client.ask_typed(probe.address, &question, None).await;
        let error = other.unwrap_err().to_string();
        assert_eq!(error, "the answer is a `Said`, where a `Run` was expected");
        let patient = Probe::create(&probe.client, "Idle").await;
        let poisoned: Result<Words, _> = probe.client.ask_typed(patient.address, &question, None).await;
        assert!(
            matches!(poisoned, Err(TypedError::Poisoned(poisoned)) if &*poisoned.original.type_name == "Echo")
        );
    });
}
