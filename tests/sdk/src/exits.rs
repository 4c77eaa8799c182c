//! `exit --wait` and `stop` of every lesson: in order, with nothing to worry about in the log, and nobody left waiting.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::capability::Value;
use thespian_core::envelope::ExitReason;
use thespian_core::message::Message;
use thespian_core::wire::control::{ActorPhase, ControlError, NodeStatus};
use thespian_guests as guests;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::{DEADLINE, World};

/// What an exit takes at most on a node that has nothing else to do: a promise of its own.
const EXITS_WITHIN: Duration = Duration::from_secs(2);
/// The same where connections are closed first.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// Questions that are on their way when an actor is asked to exit.
const QUESTIONS: usize = 300;

/// One lesson on a node, used for a while.
struct Lesson {
    world: World,
    log: LogFile,
    /// Whom it is about.
    actor: ActorAddress,
    /// What it can be asked.
    question: Message,
    /// Keeps what is open, open.
    _connection: Option<TcpStream>,
}

impl Lesson {
    async fn plain(guest: &str, class: &str, question: Message) -> Self {
        let (world, log) = World::logged(NodeConfig::default());
        let actor = world.create(guest, class).await;
        world.asked(actor, question.clone()).await;
        Self { world, log, actor, question, _connection: None }
    }

    async fn supervisor() -> Self {
        Self::plain(guests::SHOP, "Shop", Message::json("WhichChildren", "{}")).await
    }

    async fn troupe(n: u32) -> Self {
        let question = Message::json("Fibonacci", json!({ "n": n }).to_string());
        Self::plain(guests::FIBONACCI, "Calculator", question).await
    }

    async fn capabilities() -> Self {
        let capabilities =
            [("gpu".to_string(), Value::Boolean(true)), ("colors".to_string(), Value::Integer(256))];
        let config = NodeConfig { capabilities: capabilities.into(), ..NodeConfig::default() };
        let (world, log) = World::logged(config);
        let actor = world.create(guests::CAPABILITIES, "Studio").await;
        let question = Message::json("Draw", r#"{"what":"a cat"}"#);
        world.ask(actor, question.clone()).await.json("Picture");
        Self { world, log, actor, question, _connection: None }
    }

    async fn http() -> Self {
        let allow_listen = vec!["127.0.0.1".parse().unwrap()];
        let (world, log) = World::logged(NodeConfig { allow_listen, ..NodeConfig::default() });
        let actor = world.create(guests::HTTP_ECHO, "HttpEcho").await;
        let grant = world.client.grant_tcp("127.0.0.1:0", actor, None).await.unwrap();
        let mut connection = TcpStream::connect(&grant.listen).await.unwrap();
        connection.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        connection.readable().await.unwrap();
        // It answers on connections only; this it sends back.
        let question = Message::json("Greet", "{}");
        Self { world, log, actor, question, _connection: Some(connection) }
    }

    /// Waits until every child that was created runs.
    async fn is_idle(&self) {
        while self.world.client.actors().await.unwrap().iter().any(|actor| actor.phase != ActorPhase::Running)
        {
            tokio::task::yield_now().await;
        }
    }

    async fn status(&self) -> NodeStatus {
        self.world.client.status().await.unwrap()
    }

    /// The actor exits, with nothing else going on.
    async fn exits_in_order(self, within: Duration) {
        self.is_idle().await;
        let dead_letters = self.status().await.dead_letters;
        tokio::time::timeout(within, self.exit()).await.expect("it exits within its time");
        let status = self.status().await;
        assert_eq!(status.dead_letters, dead_letters, "{:#?}", status.recent_dead_letters);
        self.world.node.stop().await;
        assert_eq!(self.log.loud(), Vec::<String>::new());
    }

    async fn exit(&self) {
        let reason = self.world.client.exit_and_wait(self.actor, true).await.unwrap();
        assert_eq!(reason, ExitReason::Requested);
    }

    /// Its node stops, with nothing else going on. What ends in another way than it was asked to is a warning.
    async fn ends_in_order_with_its_node(self, within: Duration) {
        self.is_idle().await;
        tokio::time::timeout(within, self.world.node.stop()).await.expect("it stops within its time");
        assert_eq!(self.log.loud(), Vec::<String>::new());
    }

    /// Whether the actor exits, or its node stops, while many ask: each hears, and what is lost stood behind an exit
    /// request.
    async fn ends_under_load(self, stops: bool) {
        let mut askers = JoinSet::new();
        let asked = Arc::new(Barrier::new(QUESTIONS + 1));
        for _ in 0..QUESTIONS {
            let (client, actor) = (self.world.node.client(), self.actor);
            let (question, asked) = (self.question.clone(), asked.clone());
            askers.spawn(async move {
                asked.wait().await;
                hear(&client, actor, question).await;
                client
            });
        }
        asked.wait().await;
        if stops {
            self.world.node.stop().await;
        } else {
            self.exit().await;
        }
        let clients = askers.join_all().await;
        if !stops {
            for client in clients {
                let more = client.listen(Some(Duration::from_millis(1))).await;
                assert!(more.is_err(), "an asker is told twice: {more:?}");
            }
            let status = self.status().await;
            assert!(status.recent_ended.iter().all(|ended| ended.reason == ExitReason::Requested));
        }
        self.world.node.stop().await;
        // A worker that a stopping node did not let start is gone before its last call; its leader tells whoever waits.
        let is_known = |line: &String| {
            line.contains(": the actor is exiting")
                || line.contains("(requested)")
                || stops && line.contains("thespian/troupe-last-call")
        };
        let others: Vec<_> = self.log.loud().into_iter().filter(|line| !is_known(line)).collect();
        assert_eq!(others, Vec::<String>::new());
    }
}

/// What becomes of a question.
async fn hear(client: &Client, actor: ActorAddress, question: Message) {
    match client.ask(actor, question, Some(DEADLINE)).await {
        Ok(_) | Err(ClientError::Node(ControlError::TargetDead { .. } | ControlError::ShuttingDown)) => {}
        Err(error) => panic!("nobody tells this asker: {error:?}"),
    }
}

/// The log of a node, which outlives it.
struct LogFile(PathBuf);

impl LogFile {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("thespian-exits-{}-{number}.log", std::process::id())))
    }

    /// What it has above INFO, but for that which says whom the node trusts, and those of questions that lesson 7 is not made
    /// for.
    fn loud(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap();
        let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let loud = records.filter(|record| record["level"] == "WARN" || record["level"] == "ERROR");
        let mut loud: Vec<_> = loud.map(|record| record["text"].to_string()).collect();
        let len = loud.len();
        loud.retain(|text| !text.contains("every source is trusted"));
        assert_eq!(loud.len() + 1, len, "every log has this one");
        loud.retain(|text| !text.contains("takes no `Greet`"));
        loud
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        // What is left in a folder for temporary files hurts nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl World {
    fn logged(config: NodeConfig) -> (Self, LogFile) {
        let log = LogFile::new();
        (Self::with(NodeConfig { log_file: Some(log.0.clone()), ..config }), log)
    }
}

macro_rules! lessons {
    ($($name:ident: $lesson:expr, $within:expr;)+) => {
        $(mod $name {
            use super::*;

            #[tokio::test]
            async fn it_exits_in_order() {
                $lesson.await.exits_in_order($within).await;
            }

            #[tokio::test]
            async fn it_ends_in_order_when_its_node_stops() {
                $lesson.await.ends_in_order_with_its_node($within).await;
            }

            #[tokio::test]
            async fn it_exits_under_load_and_each_asker_hears() {
                $lesson.await.ends_under_load(false).await;
            }

            #[tokio::test]
            async fn it_ends_under_load_when_its_node_stops_and_each_asker_hears() {
                $lesson.await.ends_under_load(true).await;
            }
        })+
    };
}

lessons! {
    lesson_1: Lesson::plain(guests::HELLO, "Hello", Message::json("Greet", r#"{"name":"Ada"}"#)), EXITS_WITHIN;
    lesson_2: Lesson::plain(guests::HELLO_GOODBYE, "Hello", Message::json("AreYouThere", "{}")), EXITS_WITHIN;
    lesson_3: Lesson::plain(guests::MORSE, "Encoder", Message::json("Encode", r#"{"text":"SOS"}"#)), EXITS_WITHIN;
    lesson_4: Lesson::supervisor(), EXITS_WITHIN;
    lesson_5: Lesson::troupe(20), EXITS_WITHIN;
    lesson_5_with_long_jobs: Lesson::troupe(29), EXITS_WITHIN;
    lesson_6: Lesson::capabilities(), EXITS_WITHIN;
    lesson_7: Lesson::http(), CLOSES_WITHIN;
}
