//! The scenarios of `tests/scenarios` on a real host: components, and a program behind the host's socket.

use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thespian_conformance::{DEADLINE, World, class, load, message};
use thespian_core::address::ActorAddress;
use thespian_core::capability::{Clause, Requirement};
use thespian_core::envelope::{ExitReason, Poisoned};
use thespian_core::fate::OnTrap;
use thespian_core::message::Message;
use thespian_core::wire::control::{ActorStatus, ControlError, CreateActor, Incoming, NodeStatus};
use thespian_host::client::{Client, ClientError, Received};
use thespian_scenarios::{Create, Limits, Place, Scenario, heard_message, heard_poison};
use tokio::runtime::{Builder, Runtime};

fn play(name: &str) {
    let scenario = thespian_scenarios::by_name(name);
    thespian_scenarios::play(&scenario, &mut RealHost::new(&scenario));
}

thespian_scenarios::each_scenario!(play);

/// A host to which the probe's source is loaded, and a program that is connected to it.
struct RealHost {
    runtime: Runtime,
    client: Client,
    source: String,
    begun: Instant,
    _world: World,
}

fn requirement((name, value): (&String, &Value)) -> Requirement {
    let clause = match value {
        Value::Bool(true) => Clause::IsTrue,
        value => Clause::Equals(serde_json::from_value(value.clone()).unwrap()),
    };
    Requirement { name: name.clone(), clause }
}

fn shown(received: Received) -> Value {
    match received {
        Ok(Incoming::Message { sender, message }) => {
            heard_message(&sender.to_string(), &message.type_name, &message.payload)
        }
        Ok(Incoming::Poisoned(Poisoned { target, details, original })) => {
            heard_poison(&target.to_string(), &details, &original.type_name, &original.payload)
        }
        Err(ClientError::Node(ControlError::TimedOut { .. })) => json!("silence"),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn address(text: &str) -> Result<ActorAddress, String> {
    text.parse::<ActorAddress>().map_err(|error| error.to_string())
}

fn ended(outcome: Result<ExitReason, ClientError>) -> Result<String, String> {
    outcome.map(|reason| reason.to_string()).map_err(|error| error.to_string())
}

impl RealHost {
    fn new(scenario: &Scenario) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (world, client, source) = runtime.block_on(async {
            let world = World::with(|config| {
                let Limits { mailbox_len_max, message_bytes_max, outbox_len_max } = scenario.limits;
                let limits = &mut config.limits;
                limits.mailbox_len_max = mailbox_len_max.unwrap_or(limits.mailbox_len_max);
                limits.message_bytes_max = message_bytes_max.unwrap_or(limits.message_bytes_max);
                limits.outbox_len_max = outbox_len_max.unwrap_or(limits.outbox_len_max);
                config.actors_max = scenario.actors_max.or(config.actors_max);
                config.capabilities = serde_json::from_value(scenario.capabilities.clone().into()).unwrap();
            });
            let world = world.await;
            let client = world.client().await;
            let source = load(&client, thespian_guests::PROBE).await;
            (world, client, source)
        });
        Self { runtime, client, source, begun: Instant::now(), _world: world }
    }

    fn run<T>(&self, act: impl Future<Output = T>) -> T {
        let in_time = async { tokio::time::timeout(DEADLINE, act).await };
        self.runtime.block_on(in_time).expect("the host answers in time")
    }
}

fn status(status: &NodeStatus, actors: &[ActorStatus]) -> Value {
    let letters = status.recent_dead_letters.iter();
    let letters = letters.map(
        |letter| json!({ "target": letter.target, "type_name": letter.type_name, "reason": letter.reason }),
    );
    let ended = status.recent_ended.iter().map(
        |gone| json!({ "address": gone.address, "class": gone.class, "reason": gone.reason.to_string() }),
    );
    let tree = actors.iter().map(|actor| {
        json!({
            "address": actor.address, "class": actor.class, "parent": actor.parent, "wakeups": actor.wakeups,
        })
    });
    json!({
        "actors": status.actors,
        "dead_letters": status.dead_letters,
        "poisoned": status.poisoned,
        "recent_dead_letters": letters.collect::<Vec<_>>(),
        "recent_ended": ended.collect::<Vec<_>>(),
        "tree": tree.collect::<Vec<_>>(),
    })
}

impl Place for RealHost {
    fn outside(&mut self) -> String {
        self.client.endpoint().to_string()
    }

    fn create(&mut self, create: &Create) -> Result<String, String> {
        let create = CreateActor {
            class: create.class.clone(),
            requirements: create.requires.iter().map(requirement).collect(),
            init: create.init.as_ref().map(|text| message("Said", &json!({ "text": text }))),
            on_trap: create.ends_on_trap.then_some(OnTrap::Exit),
            ..class(&self.source, "")
        };
        let created = self.run(self.client.create_with(create));
        created.map(|(address, _)| address.to_string()).map_err(|error| error.to_string())
    }

    fn tell(&mut self, to: &str, message: &thespian_scenarios::Message) -> Result<(), String> {
        let message = Message::json(&message.type_name, message.payload.clone());
        self.run(self.client.tell(address(to)?, message)).map_err(|error| error.to_string())
    }

    fn ask(&mut self, to: &str, message: &thespian_scenarios::Message, within_ms: u64) -> Value {
        let message = Message::json(&message.type_name, message.payload.clone());
        match address(to) {
            Ok(to) => shown(self.run(self.client.ask(to, message, Some(Duration::from_millis(within_ms))))),
            Err(error) => json!({ "error": error }),
        }
    }

    fn listen(&mut self, within_ms: u64) -> Value {
        shown(self.run(self.client.listen(Some(Duration::from_millis(within_ms)))))
    }

    fn exit(&mut self, who: &str, recursive: bool) -> Result<String, String> {
        ended(self.run(self.client.exit_and_wait(address(who)?, recursive)))
    }

    fn kill(&mut self, who: &str) -> Result<String, String> {
        ended(self.run(self.client.kill(address(who)?)))
    }

    fn status(&mut self) -> Value {
        let node = self.run(self.client.status()).unwrap();
        status(&node, &self.run(self.client.actors()).unwrap())
    }

    fn pass(&mut self) {
        self.run(tokio::task::yield_now());
    }

    fn now_ms(&mut self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }
}
