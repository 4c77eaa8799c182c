//! Peers of an actor's TCP connections that are too many, silent, deaf, or faster than the actor.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use thespian_core::address::ActorAddress;
use thespian_core::limits::{
    TCP_LISTENER_CONNECTIONS_MAX, TCP_READ_BYTES_MAX, TCP_UNHANDLED_MAX, TCP_WRITE_BYTES_MAX,
};
use thespian_core::message::Message;
use thespian_host::config::NodeConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::arena::{Arena, DEADLINE, answer, memory, raise_files, run_with, until, within};

/// The actor under attack.
struct Gate<'a> {
    arena: &'a Arena,
    actor: ActorAddress,
    listen: SocketAddr,
}

fn run_granted(idle: Option<Duration>, how: Value, attack: impl AsyncFnOnce(&Gate<'_>)) {
    raise_files();
    let config = NodeConfig { allow_listen: vec!["127.0.0.1".parse().unwrap()], ..NodeConfig::default() };
    run_with(config, async |arena| {
        let source = arena.load(thespian_guests::LINE).await;
        let actor = arena.client.create(&source, "Host").await.unwrap();
        let behave = Message::json("Behave", how.to_string());
        answer(arena.client.ask(actor, behave, None).await.unwrap()).unwrap();
        let grant = arena.client.grant_tcp("127.0.0.1:0", actor, idle).await.unwrap();
        let gate = Gate { arena, actor, listen: grant.listen.parse().unwrap() };
        attack(&gate).await;
        // The attack may have ended it.
        let _gone = arena.client.kill(actor).await;
        until("the connections to be gone", async || {
            let status = arena.status().await;
            (status.listeners, status.connections) == (0, 0)
        })
        .await;
    });
}

impl Gate<'_> {
    async fn connect(&self) -> TcpStream {
        within("a connection", TcpStream::connect(self.listen)).await.unwrap()
    }

    /// Whether somebody is answered who says something.
    async fn answers(&self) -> bool {
        let mut stream = self.connect().await;
        let mut heard = [0; 2];
        stream.write_all(b"hi").await.unwrap();
        within("an echo", stream.read_exact(&mut heard)).await.is_ok() && heard == *b"hi"
    }

    /// The reasons of all ends that the actor was told of.
    async fn ends(&self) -> Vec<String> {
        let look = Message::json("Look", "{}");
        // Those who do not read hold the actor up for a while.
        let seen = self.arena.client.ask(self.actor, look, Some(DEADLINE)).await.unwrap();
        let seen = answer(seen).unwrap();
        let lines = seen["lines"].as_object().unwrap().values();
        let ends = lines.flat_map(|line| line["closed"].as_array().unwrap());
        ends.map(|reason| reason.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_flood_of_connections_is_served_up_to_the_bound_and_the_rest_waits() {
    run_granted(None, json!({ "echo": true }), async |gate| {
        let flood = async {
            // Not one after the other: the system keeps few of those that wait, and lets the others try again.
            let mut crowd = tokio::task::JoinSet::new();
            for _ in 0..2 * TCP_LISTENER_CONNECTIONS_MAX {
                crowd.spawn(TcpStream::connect(gate.listen));
            }
            let most = TCP_LISTENER_CONNECTIONS_MAX as u64;
            until("the places to be taken", async || gate.arena.status().await.connections == most).await;
            // A place is taken before its connection has an address of its own.
            let grants = async || gate.arena.client.grants().await.unwrap();
            until("each to be served", async || grants().await[0].connections.len() as u64 == most).await;
            assert_eq!(grants().await[0].accepted, most);
            drop(crowd);
            assert!(gate.answers().await);
        };
        gate.arena.beside(flood).await;
    });
}

#[test]
fn peers_that_never_send_lose_their_places_to_those_who_do() {
    run_granted(Some(Duration::from_secs(2)), json!({ "echo": true }), async |gate| {
        let silence = async {
            let mut silent = Vec::new();
            for _ in 0..TCP_LISTENER_CONNECTIONS_MAX {
                silent.push(gate.connect().await);
            }
            // It waits for one of the places.
            assert!(gate.answers().await);
            until("the silent to be closed", async || {
                gate.ends().await.iter().filter(|reason| *reason == "idle").count() == silent.len()
            })
            .await;
        };
        gate.arena.beside(silence).await;
    });
}

#[test]
fn peers_that_never_read_cost_what_their_queues_hold_and_then_their_connections() {
    // Each holds the actor up once, for as long as a sender waits.
    const DEAF: usize = 2;
    run_granted(None, json!({ "greeting": [16 << 20, 64 << 10] }), async |gate| {
        let before = memory();
        let deafness = async {
            let mut deaf = Vec::new();
            for _ in 0..DEAF {
                deaf.push(gate.connect().await);
            }
            until("the deaf to be closed", async || {
                let grown = memory().saturating_sub(before);
                assert!(grown < DEAF * TCP_WRITE_BYTES_MAX + (160 << 20), "{} MiB more", grown >> 20);
                gate.ends().await.len() == DEAF
            })
            .await;
            drop(deaf);
        };
        gate.arena.beside(deafness).await;
        assert_eq!(gate.ends().await, ["lost"; DEAF]);
    });
}

#[test]
fn peers_that_send_faster_than_the_actor_handles_are_made_to_wait() {
    const FAST: usize = 32;
    run_granted(None, json!({ "rounds": 200 }), async |gate| {
        let before = memory();
        let sending = async {
            let mut fast = tokio::task::JoinSet::new();
            for _ in 0..FAST {
                let mut stream = gate.connect().await;
                fast.spawn(async move { while stream.write_all(&[7; 64 << 10]).await.is_ok() {} });
            }
            let each = TCP_UNHANDLED_MAX * TCP_READ_BYTES_MAX;
            until("all to be made to wait", async || {
                let grants = gate.arena.client.grants().await.unwrap();
                let full = |unhandled: u64| unhandled == TCP_UNHANDLED_MAX as u64;
                grants[0].connections.iter().filter(|connection| full(connection.unhandled)).count()
                    >= FAST / 2
            })
            .await;
            assert!(memory() < before + FAST * each + (64 << 20));
            gate.arena.client.kill(gate.actor).await.unwrap();
            within("the senders to be told", async { while fast.join_next().await.is_some() {} }).await;
        };
        gate.arena.beside(sending).await;
    });
}
