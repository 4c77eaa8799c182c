//! TCP connections that are messages to an actor, over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use thespian_conformance::{DEADLINE, World, load, message, run, until};
use thespian_core::address::ActorAddress;
use thespian_core::limits::{TCP_READ_BYTES_MAX, TCP_UNHANDLED_MAX};
use thespian_core::message::Message;
use thespian_core::wire::control::{ControlError, GrantStatus, Incoming};
use thespian_host::client::{Client, ClientError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LOOPBACK: &str = "127.0.0.1:0";

/// A node whose operator lets actors listen, an actor, and where it listens.
struct Gate {
    world: World,
    client: Client,
    actor: ActorAddress,
    listen: SocketAddr,
}

impl Gate {
    async fn open() -> Self {
        Self::with(None).await
    }

    async fn with(idle: Option<Duration>) -> Self {
        let world = World::with(|config| config.allow_listen = vec!["127.0.0.1".parse().unwrap()]).await;
        let client = world.client().await;
        let source = load(&client, thespian_guests::LINE).await;
        let actor = client.create(&source, "Host").await.unwrap();
        let grant = client.grant_tcp(LOOPBACK, actor, idle).await.unwrap();
        let listen = grant.listen.parse().unwrap();
        Self { world, client, actor, listen }
    }

    async fn behave(&self, how: Value) {
        self.client.ask(self.actor, message("Behave", &how), Some(DEADLINE)).await.unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listen).await.unwrap()
    }

    /// What the actor saw of each connection, by its address.
    async fn lines(&self) -> BTreeMap<String, Value> {
        let seen = self.client.ask(self.actor, message("Look", &json!({})), Some(DEADLINE)).await.unwrap();
        let Incoming::Message { message, .. } = seen else { panic!("{seen:?}") };
        let seen: Value = serde_json::from_slice(&message.payload).unwrap();
        seen["lines"].as_object().unwrap().clone().into_iter().collect()
    }

    /// What the actor saw of the connection of this end, once it is as wished.
    async fn sees(&self, end: SocketAddr, wished: impl Fn(&Value) -> bool) -> Value {
        loop {
            let lines = self.lines().await;
            let line = lines.values().find(|line| line["peer"] == end.to_string().as_str());
            if let Some(line) = line.filter(|line| wished(line)) {
                return line.clone();
            }
            tokio::task::yield_now().await;
        }
    }

    async fn grant(&self) -> GrantStatus {
        self.client.grants().await.unwrap().remove(0)
    }

    /// Waits until nothing of any connection is left; then each has been told its end once, with this reason.
    async fn all_closed(&self, reason: &str) {
        until(async || self.client.status().await.unwrap().connections == 0).await;
        for line in self.lines().await.values() {
            assert_eq!((&line["closed"], &line["out_of_place"]), (&json!([reason]), &json!(0)), "{line}");
        }
    }
}

/// What comes until the other end sends no more.
async fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    rest
}

/// As the actor digests what comes.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |digest: u64, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5)
    })
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * at) >> 7) as u8).collect()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> ControlError {
    match answer {
        Err(ClientError::Node(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn actors_listen_nowhere_by_default_and_the_error_says_what_to_do() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let source = load(&client, thespian_guests::LINE).await;
        let actor = client.create(&source, "Host").await.unwrap();
        let error = refused(client.grant_tcp("127.0.0.1:8080", actor, None).await);
        assert!(error.to_string().contains("start it with `--allow-listen 127.0.0.1`"), "{error}");
        assert!(client.grants().await.unwrap().is_empty());
    });
}

#[test]
fn what_is_not_allowed_or_makes_no_sense_is_refused_and_changes_nothing() {
    run(async {
        let gate = Gate::open().await;
        let (client, actor) = (&gate.client, gate.actor);
        let error = refused(client.grant_tcp("0.0.0.0:0", actor, None).await);
        assert!(matches!(error, ControlError::ListenNotAllowed { .. }), "{error}");
        let error = refused(client.grant_tcp("localhost", actor, None).await);
        assert!(matches!(error, ControlError::Invalid(_)), "{error}");
        let error = refused(client.grant_tcp(LOOPBACK, actor, Some(Duration::ZERO)).await);
        assert!(matches!(error, ControlError::Invalid(_)), "{error}");
        let error = refused(client.grant_tcp(&gate.listen.to_string(), actor, None).await);
        assert!(matches!(error, ControlError::ListenFailed { .. }), "{error}");
        let nobody = client.endpoint();
        let error = refused(client.grant_tcp(LOOPBACK, nobody, None).await);
        assert_eq!(error, ControlError::TargetDead { target: nobody });
        let error = refused(client.revoke("127.0.0.1:1").await);
        assert_eq!(error, ControlError::NoSuchGrant { listen: "127.0.0.1:1".to_string() });
        assert_eq!(client.grants().await.unwrap().len(), 1);
        assert_eq!(client.status().await.unwrap().listeners, 1);
    });
}

#[test]
fn many_connections_each_hear_what_they_said_however_it_was_cut() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true })).await;
        let mut streams = Vec::new();
        for _ in 0..50 {
            streams.push(gate.connect().await);
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            let said = format!("this is number {number}").into_bytes();
            for part in said.chunks(3) {
                stream.write_all(part).await.unwrap();
                let mut heard = vec![0; part.len()];
                stream.read_exact(&mut heard).await.unwrap();
                assert_eq!(heard, part);
            }
        }
        assert_eq!(gate.lines().await.len(), 50, "each has an address of its own");
        let grant = gate.grant().await;
        assert_eq!((grant.accepted, grant.connections.len()), (50, 50));
        assert_eq!(gate.client.status().await.unwrap().connections, 50);
        drop(streams);
        gate.all_closed("peer").await;
    });
}

#[test]
fn an_upload_arrives_whole_and_in_order_at_an_actor_that_is_slower_than_its_sender() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "rounds": 20 })).await;
        let sent = bytes(8 << 20);
        let mut stream = gate.connect().await;
        let end = stream.local_addr().unwrap();
        let upload = async {
            stream.write_all(&sent).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let mut waited = 0;
        let watch = async {
            loop {
                for connection in gate.grant().await.connections {
                    assert!(connection.unhandled <= TCP_UNHANDLED_MAX as u64);
                    waited += u32::from(connection.unhandled == TCP_UNHANDLED_MAX as u64);
                }
                let most = (TCP_UNHANDLED_MAX * (TCP_READ_BYTES_MAX + 1_024)) as u64;
                assert!(gate.client.actors().await.unwrap()[0].mailbox_bytes <= most);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { () = upload => {}, () = watch => {} }
        let line = gate.sees(end, |line| line["closed"] != json!([])).await;
        assert_eq!((&line["bytes"], &line["digest"]), (&json!(sent.len()), &json!(digest(&sent))));
        assert!(waited > 0, "its sender was never made to wait");
        gate.all_closed("peer").await;
    });
}

#[test]
fn a_peer_that_sends_no_more_is_still_answered() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true })).await;
        let mut stream = gate.connect().await;
        let said = bytes(1 << 20);
        let (mut reader, mut writer) = stream.split();
        let say = async {
            writer.write_all(&said).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut heard = Vec::new();
        let (_, read) = tokio::join!(say, reader.read_to_end(&mut heard));
        read.unwrap();
        assert!(heard == said);
        gate.all_closed("peer").await;
    });
}

#[test]
fn an_actor_closes_behind_what_it_wrote_and_hears_of_the_end_once() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true, "closes_at": 46 })).await;
        let mut stream = gate.connect().await;
        stream.write_all(b"so long.").await.unwrap();
        assert_eq!(rest_of(&mut stream).await, b"so long.bye");
        drop(stream);
        gate.all_closed("requested").await;
        assert_eq!(gate.client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn an_end_in_the_same_turn_waits_for_more_than_the_queue_holds() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "leaves": true, "greeting": [32 << 20, 100_000] })).await;
        let mut stream = gate.connect().await;
        assert_eq!(rest_of(&mut stream).await.len(), 32 << 20);
        drop(stream);
        gate.all_closed("requested").await;
        assert_eq!(gate.client.status().await.unwrap().dead_letters, 0);
    });
}

#[test]
fn what_a_peer_still_sends_takes_nothing_back_of_what_was_written() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "closes_at": 46, "greeting": [100_000, 1_000] })).await;
        let mut stream = gate.connect().await;
        // More than an actor that is about to close ever reads.
        stream.write_all(&[b'.'; 100_000]).await.unwrap();
        let heard = rest_of(&mut stream).await;
        assert!(heard.len() > 100_000 && heard.ends_with(b"bye"), "{} bytes", heard.len());
        drop(stream);
        gate.all_closed("requested").await;
    });
}

#[test]
fn an_actors_end_closes_its_listener_and_its_connections() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true })).await;
        let mut stream = gate.connect().await;
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        gate.client.exit_and_wait(gate.actor, true).await.unwrap();
        assert_eq!(rest_of(&mut stream).await, b"");
        drop(stream);
        until(async || TcpStream::connect(gate.listen).await.is_err()).await;
        assert!(gate.client.grants().await.unwrap().is_empty());
        until(async || gate.client.status().await.unwrap().connections == 0).await;
        gate.world.node.stop().await;
    });
}

#[test]
fn a_kill_closes_too_and_the_address_is_free_again() {
    run(async {
        let gate = Gate::open().await;
        let mut stream = gate.connect().await;
        gate.sees(stream.local_addr().unwrap(), |line| line["opened"] == 1).await;
        gate.client.kill(gate.actor).await.unwrap();
        assert_eq!(rest_of(&mut stream).await, b"");
        let source = load(&gate.client, thespian_guests::LINE).await;
        let next = gate.client.create(&source, "Host").await.unwrap();
        let listen = gate.listen.to_string();
        until(async || gate.client.grant_tcp(&listen, next, None).await.is_ok()).await;
    });
}

#[test]
fn a_grant_that_is_revoked_listens_no_more_and_its_connections_close() {
    run(async {
        let gate = Gate::open().await;
        let mut stream = gate.connect().await;
        gate.sees(stream.local_addr().unwrap(), |line| line["opened"] == 1).await;
        let listen = gate.listen.to_string();
        gate.client.revoke(&listen).await.unwrap();
        assert!(TcpStream::connect(gate.listen).await.is_err());
        assert_eq!(rest_of(&mut stream).await, b"");
        drop(stream);
        gate.all_closed("revoked").await;
        assert_eq!(gate.client.grant_tcp(&listen, gate.actor, None).await.unwrap().listen, listen);
    });
}

#[test]
fn a_silent_peer_is_closed_and_one_that_speaks_is_not() {
    run(async {
        let gate = Gate::with(Some(Duration::from_millis(500))).await;
        gate.behave(json!({ "echo": true })).await;
        let mut silent = gate.connect().await;
        let mut lively = gate.connect().await;
        let talk = async {
            loop {
                lively.write_all(b"x").await.unwrap();
                lively.read_exact(&mut [0]).await.unwrap();
            }
        };
        tokio::select! {
            heard = rest_of(&mut silent) => assert_eq!(heard, b""),
            () = talk => {}
        }
        let end = silent.local_addr().unwrap();
        assert_eq!(gate.sees(end, |line| line["closed"] != json!([])).await["closed"], json!(["idle"]));
        let end = lively.local_addr().unwrap();
        assert_eq!(gate.sees(end, |line| line["opened"] == 1).await["closed"], json!([]));
    });
}

#[test]
fn what_an_actor_fails_on_closes_the_connection_for_there_would_be_a_gap() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true, "fails_at": 33 })).await;
        let mut stream = gate.connect().await;
        stream.write_all(b"well").await.unwrap();
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(b"!").await.unwrap();
        assert_eq!(rest_of(&mut stream).await, b"");
        drop(stream);
        gate.all_closed("unhandled").await;
        assert_eq!(gate.client.status().await.unwrap().poisoned, 1);
    });
}

#[test]
fn only_bytes_and_text_can_be_written_and_by_whoever_has_the_address() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "speaks_json": true })).await;
        let mut stream = gate.connect().await;
        let end = stream.local_addr().unwrap();
        let line = gate.sees(end, |line| line["poisons"] != json!([])).await;
        assert_eq!(line["poisons"], json!(["a connection takes bytes and text, and `Look` is neither"]));
        let address = gate.grant().await.connections[0].address;
        gate.client.tell(address, Message::bytes("anything", "hello")).await.unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        drop(stream);
        gate.all_closed("peer").await;
        let late = gate.client.tell(address, Message::bytes("anything", "hello")).await;
        assert_eq!(refused(late), ControlError::TargetDead { target: address });
    });
}

#[test]
fn a_peer_that_does_not_read_loses_its_connection_and_no_other() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "echo": true, "greeting": [8 << 20, 1 << 20] })).await;
        let deaf = gate.connect().await;
        let end = deaf.local_addr().unwrap();
        let line = gate.sees(end, |line| line["closed"] != json!([])).await;
        assert_eq!((&line["closed"], &line["out_of_place"]), (&json!(["lost"]), &json!(0)));
        assert!(gate.client.status().await.unwrap().dead_letters > 0, "what was lost is counted");
        // Its own end shows that something is missing.
        let mut deaf = deaf;
        assert!(deaf.read_to_end(&mut Vec::new()).await.is_err());
        gate.behave(json!({ "echo": true })).await;
        let mut lively = gate.connect().await;
        lively.write_all(b"x").await.unwrap();
        lively.read_exact(&mut [0]).await.unwrap();
    });
}

#[test]
fn a_connection_that_misses_a_question_is_lost_as_well_for_there_would_be_a_gap() {
    run(async {
        let gate = Gate::open().await;
        gate.behave(json!({ "asks": true, "greeting": [8 << 20, 1 << 20] })).await;
        let mut deaf = gate.connect().await;
        let end = deaf.local_addr().unwrap();
        let is_told = |line: &Value| line["closed"] != json!([]) && line["poisons"] != json!([]);
        let line = gate.sees(end, is_told).await;
        assert_eq!(line["closed"], json!(["lost"]));
        assert!(deaf.read_to_end(&mut Vec::new()).await.is_err());
    });
}

#[test]
fn a_node_that_stops_closes_what_it_granted() {
    run(async {
        let gate = Gate::open().await;
        let mut stream = gate.connect().await;
        gate.sees(stream.local_addr().unwrap(), |line| line["opened"] == 1).await;
        let stop = gate.world.node.stop();
        let (heard, _) = tokio::join!(rest_of(&mut stream), stop);
        assert_eq!(heard, b"");
        drop(stream);
        until(async || TcpStream::connect(gate.listen).await.is_err()).await;
    });
}
