//! The guest SDK, its documents and its examples on a real node. A node of each test's own runs in this process.

#![cfg(test)]

mod classes;
mod connections;
mod encodings;
mod examples;
mod exits;
mod frozen;
mod mistakes;
mod snippet;

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::Poisoned;
use thespian_core::message::{Encoding, Message};
use thespian_core::wire::control::{Incoming, LoadedSource};
use thespian_host::client::Client;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;

/// Before a test gives up. Whatever it waits for comes in milliseconds on a machine that has time.
const DEADLINE: Duration = Duration::from_secs(60);

/// A node that trusts every source, and a client of it.
struct World {
    client: Client,
    node: Node,
}

/// An answer: who gave it, and what it says.
#[derive(Debug)]
struct Answer {
    sender: ActorAddress,
    message: Message,
}

impl Answer {
    /// What a message in JSON of type `type_name` says.
    #[track_caller]
    fn json(&self, type_name: &str) -> serde_json::Value {
        assert_eq!(&*self.message.type_name, type_name);
        assert_eq!(self.message.encoding, Encoding::Json);
        serde_json::from_slice(&self.message.payload).unwrap()
    }
}

impl World {
    fn new() -> Self {
        Self::with(NodeConfig::default())
    }

    fn with(config: NodeConfig) -> Self {
        Self::judged_by(NodeConfig { authority: Authority::TrustAll, ..config })
    }

    /// By the authority that this configuration has.
    fn judged_by(config: NodeConfig) -> Self {
        let config = NodeConfig {
            compiler: Some(thespian_guests::compiler()),
            cache_dir: Some(thespian_guests::code_dir()),
            // Several nodes of one process have its address space to share.
            actors_max: Some(1_000),
            ..config
        };
        let node = Node::start(config).unwrap();
        Self { client: node.client(), node }
    }

    async fn load(&self, component: Vec<u8>) -> LoadedSource {
        self.client.load("test", component, |_| ()).await.unwrap()
    }

    /// Loads a guest and creates an actor of a class of it.
    async fn create(&self, guest: &str, class: &str) -> ActorAddress {
        let source = self.load(thespian_guests::bytes(guest)).await;
        self.client.create(&source.hash.to_string(), class).await.unwrap()
    }

    async fn asked(&self, target: ActorAddress, message: Message) -> Incoming {
        self.client.ask(target, message, Some(DEADLINE)).await.unwrap()
    }

    async fn ask(&self, target: ActorAddress, message: Message) -> Answer {
        match self.asked(target, message).await {
            Incoming::Message { sender, message } => Answer { sender, message },
            Incoming::Poisoned(poisoned) => panic!("{poisoned:?}"),
        }
    }

    async fn ask_json(&self, target: ActorAddress, type_name: &str, payload: &str) -> Answer {
        self.ask(target, Message::json(type_name, payload.to_owned())).await
    }

    /// Asks what can't be answered; gives what comes back.
    async fn poison(&self, target: ActorAddress, message: Message) -> Poisoned {
        match self.asked(target, message).await {
            Incoming::Poisoned(poisoned) => poisoned,
            Incoming::Message { message, .. } => panic!("{message:?}"),
        }
    }

    /// The next message that comes unasked.
    async fn listen(&self) -> Answer {
        match self.client.listen(Some(DEADLINE)).await.unwrap() {
            Incoming::Message { sender, message } => Answer { sender, message },
            Incoming::Poisoned(poisoned) => panic!("{poisoned:?}"),
        }
    }
}
