//! A node with the bench's actors.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_core::wire::control::{Incoming, LoadedSource};
use thespian_host::client::Client;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;

use crate::machine;

/// Longer than any run takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// Questions that an outside program has under way at one time.
pub(crate) const AT_ONCE: usize = 256;

/// A process without a node has reserved less, and one with a node more, in bytes.
const ADDRESS_SPACE_OF_NONE: u64 = 16 << 40;

/// Everything as users have it, but for who judges sources.
pub(crate) fn config() -> NodeConfig {
    NodeConfig {
        authority: Authority::TrustAll,
        compiler: Some(thespian_guests::compiler()),
        ..NodeConfig::default()
    }
}

/// A node that has loaded the bench's actors, and a program that talks to it.
pub(crate) struct System {
    pub(crate) node: Node,
    pub(crate) client: Client,
    pub(crate) source: String,
}

impl System {
    pub(crate) async fn start(config: NodeConfig, component: Bytes) -> anyhow::Result<Self> {
        let node = Node::start(config).context("the node does not start")?;
        let client = node.client();
        let source = load(&client, component).await?.hash.to_string();
        Ok(Self { node, client, source })
    }

    pub(crate) async fn create(&self, class: &str) -> anyhow::Result<ActorAddress> {
        self.client.create(&self.source, class).await.with_context(|| format!("can't create a {class}"))
    }

    pub(crate) async fn create_many(&self, class: &str, count: usize) -> anyhow::Result<Vec<ActorAddress>> {
        stream::iter(0..count).map(|_| self.create(class)).buffered(AT_ONCE).try_collect().await
    }

    pub(crate) async fn ask(
        &self,
        target: ActorAddress,
        type_name: &str,
        content: Value,
    ) -> anyhow::Result<Value> {
        answer(&self.client, target, Message::json(type_name, content.to_string())).await
    }

    /// Ends actors that a repeat made.
    pub(crate) async fn end(&self, actors: Vec<ActorAddress>) -> anyhow::Result<()> {
        let ends = actors.into_iter().map(|actor| self.client.kill(actor));
        stream::iter(ends).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
        Ok(())
    }

    /// Waits until no actor is left, so that the next ones find their places.
    pub(crate) async fn is_empty(&self) -> anyhow::Result<()> {
        let until = Instant::now() + DEADLINE;
        while self.client.status().await?.actors > 0 {
            if Instant::now() > until {
                bail!("actors are left whose creator was ended");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Messages that were lost, which none may be.
    pub(crate) async fn lost(&self) -> anyhow::Result<f64> {
        Ok(self.client.status().await?.dead_letters as f64)
    }

    /// Stops it, and waits until its memory is given back: two nodes would share the address space of this process.
    pub(crate) async fn stop(self) {
        self.node.stop().await;
        drop(self);
        let until = Instant::now() + DEADLINE;
        while machine::address_space() > ADDRESS_SPACE_OF_NONE && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub(crate) async fn load(client: &Client, component: Bytes) -> anyhow::Result<LoadedSource> {
    client.load("bench-actors.wasm", component, |_| {}).await.context("the source is not loaded")
}

/// The content of the answer.
pub(crate) async fn answer(client: &Client, target: ActorAddress, message: Message) -> anyhow::Result<Value> {
    match client.ask(target, message, Some(DEADLINE)).await? {
        Incoming::Message { message, .. } => Ok(serde_json::from_slice(&message.payload)?),
        Incoming::Poisoned(poisoned) => bail!("the message came back: {}", poisoned.details),
    }
}

/// A number out of an answer.
pub(crate) fn number(answer: &Value, name: &str) -> anyhow::Result<u64> {
    answer[name].as_u64().with_context(|| format!("the answer has no number `{name}`: {answer}"))
}

/// What the workloads send about.
pub(crate) fn payload(size: usize) -> Message {
    Message::bytes("Payload", (0..size).map(|place| place as u8).collect::<Vec<u8>>())
}
