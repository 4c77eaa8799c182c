//! The scenarios of `tests/scenarios` around the pure core: virtual time, the probe's own code compiled natively, and an
//! order that the seed chooses.

use std::time::Duration;

use serde_json::{Value, json};
use thespian::private::Guest;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::{Capabilities, Clause, Requirement};
use thespian_core::envelope::{Body, Envelope, Poisoned};
use thespian_core::fate::OnTrap;
use thespian_core::limits::{ActorLimits, TELL_TIME_MAX};
use thespian_core::mailbox::Push;
use thespian_core::message::Message;
use thespian_core::outbox::CreateOptions;
use thespian_core::question::{Answer, Asker, CreatorRights, MetBound, NewActor, Offer, Question, Refusal};
use thespian_core::source::{Rights, SourceHash};
use thespian_core::time::Time;
use thespian_scenarios::{Create, Limits, PATIENCE_MS, Place, Scenario, heard_message, heard_poison};

use crate::host::Host;
use crate::invariants::messages::with_number;
use crate::life::finish;
use crate::native::Native;
use crate::replay::{Replay, seeds};
use crate::rng::Rng;
use crate::world::World;

#[path = "../../guests/probe/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own, where it is compiled to a component")]
mod probe;

/// Orders in which each scenario is played.
const SEEDS: u64 = 20;
/// More than any scenario takes.
const TICKS_MAX: usize = 1_000_000;
/// As the host has it by default, for short.
const QUEUED_BYTES_MAX: usize = 1 << 30;
const HOST: HostId = HostId(1);
const SOURCE: SourceHash = SourceHash([7; 32]);
const CLASSES: &[Guest] = &[
    Guest::of::<probe::Probe>(),
    Guest::of::<probe::Clearing>(),
    Guest::of::<probe::Nest>(),
    Guest::of::<probe::Mortal>(),
    Guest::of::<probe::FailsToStart>(),
    Guest::of::<probe::Once>(),
    Guest::of::<probe::Needs>(),
    Guest::of::<probe::Choosy>(),
    Guest::of::<probe::Idle>(),
    Guest::of::<probe::Patient>(),
    Guest::of::<probe::Mayfly>(),
    Guest::of::<probe::Lonely>(),
];

fn play(name: &str) {
    let scenario = thespian_scenarios::by_name(name);
    for seed in seeds(SEEDS) {
        let _replay = Replay { seed, test: name };
        let mut stage = Stage::new(&scenario, seed);
        thespian_scenarios::play(&scenario, &mut stage);
        if let Err(broken) = finish(stage.world, stage.ticks) {
            panic!("{name}: {broken}");
        }
    }
}

thespian_scenarios::each_scenario!(play);

struct Stage {
    world: World,
    ticks: usize,
}

fn limits(changed: &Limits) -> ActorLimits {
    let usual = ActorLimits::default();
    ActorLimits {
        mailbox_len_max: changed.mailbox_len_max.unwrap_or(usual.mailbox_len_max),
        message_bytes_max: changed.message_bytes_max.unwrap_or(usual.message_bytes_max),
        outbox_len_max: changed.outbox_len_max.unwrap_or(usual.outbox_len_max),
        ..usual
    }
}

fn address(text: &str) -> Result<ActorAddress, String> {
    text.parse::<ActorAddress>().map_err(|error| error.to_string())
}

impl Stage {
    /// A node to which the probe's source is loaded.
    fn new(scenario: &Scenario, seed: u64) -> Self {
        let capabilities: Capabilities =
            serde_json::from_value(scenario.capabilities.clone().into()).expect("capabilities are values");
        let host = Host::new(HOST, limits(&scenario.limits), QUEUED_BYTES_MAX, capabilities);
        let slots_max = scenario.actors_max.unwrap_or(usize::MAX);
        let host = host.with_guests(Native::new(CLASSES), slots_max);
        let mut stage = Self { world: World::new(Rng::of(seed), [host]), ticks: 0 };
        let asker = stage.world.new_asker();
        let label = String::new();
        let offer = Offer {
            hash: SOURCE,
            label,
            size: 1,
            given: Rights::NONE,
            allowed: None,
            has_manifest: false,
            is_downgrade: false,
            by: None,
        };
        stage.host().ask(asker, Question::Load(Box::new(offer)));
        let loaded = stage.answer(asker);
        assert!(matches!(loaded, Ok(Answer::Loaded { .. })), "{loaded:?}");
        stage
    }

    fn host(&mut self) -> &mut Host {
        self.world.host_mut(HOST)
    }

    fn native(&mut self) -> &mut Native {
        self.host().native.as_mut().expect("a stage has native guests")
    }

    /// Goes on until `look` finds something, at most until `last`. Time jumps where there is nothing to do.
    fn until<T>(&mut self, last: Time, mut look: impl FnMut(&mut World) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = look(&mut self.world) {
                return Some(found);
            }
            if self.world.now() >= last {
                return None;
            }
            self.native().horizon = last;
            self.ticks += 1;
            assert!(self.ticks < TICKS_MAX, "this scenario has no end");
            if !self.world.tick() {
                self.world.wait_until(last);
            }
        }
    }

    fn after(&self, ms: u64) -> Time {
        self.world.now() + Duration::from_millis(ms)
    }

    /// What `Admin` answers.
    fn answer(&mut self, asker: Asker) -> Result<Answer, Refusal> {
        let last = self.after(PATIENCE_MS);
        let take = |world: &mut World| world.host_mut(HOST).native.as_mut()?.answers.remove(&asker);
        self.until(last, take).expect("every question is answered")
    }

    /// Waits for room in the receiver's mailbox, as a client's tell does.
    fn send(
        &mut self,
        sender: ActorAddress,
        to: &str,
        message: &thespian_scenarios::Message,
    ) -> Result<(), String> {
        let target = address(to)?;
        let sent = Message::json(&message.type_name, message.payload.clone());
        sent.check(self.host().limits.message_bytes_max).map_err(|error| error.to_string())?;
        let id = self.world.new_number();
        let mut envelope = Some(Envelope { target, sender, body: Body::Message(with_number(sent, id)) });
        let last = self.world.now() + TELL_TIME_MAX;
        let pushed = self.until(last, |world| {
            let offered = envelope.take()?;
            world.ledger.messages.sent(id);
            match world.push(HOST, offered) {
                Push::Full(refused) => {
                    envelope = Some(refused);
                    None
                }
                Push::Gone(refused) | Push::Moved(refused) => {
                    let complaints = world.ledger.messages.dead(&refused.body);
                    world.complain(complaints);
                    Some(Err(format!("there is no actor at {target}")))
                }
                Push::Queued | Push::Activate => Some(Ok(())),
            }
        });
        pushed.unwrap_or_else(|| {
            let dead = envelope.iter().flat_map(|envelope| self.world.ledger.messages.dead(&envelope.body));
            let complaints: Vec<_> = dead.collect();
            self.world.complain(complaints);
            Err("the mailbox is full".to_string())
        })
    }

    /// The first envelope for one of these that nobody has taken yet.
    fn hear(&mut self, at: &[ActorAddress], within_ms: u64) -> Value {
        let last = self.after(within_ms);
        let heard = self.until(last, |world| {
            let heard = &mut world.host_mut(HOST).native.as_mut()?.heard;
            let place = heard.iter().position(|envelope| at.contains(&envelope.target))?;
            Some(heard.remove(place))
        });
        heard.map_or_else(|| json!("silence"), |envelope| shown(&envelope))
    }
}

fn requirement((name, value): (&String, &Value)) -> Requirement {
    let clause = match value {
        Value::Bool(true) => Clause::IsTrue,
        value => {
            Clause::Equals(serde_json::from_value(value.clone()).expect("a capability is a plain value"))
        }
    };
    Requirement { name: name.clone(), clause }
}

fn shown(envelope: &Envelope) -> Value {
    let from = envelope.sender.to_string();
    match &envelope.body {
        Body::Message(message) => heard_message(&from, &message.type_name, &message.payload),
        Body::Poisoned(poisoned) => {
            let Poisoned { target, details, original } = &**poisoned;
            heard_poison(&target.to_string(), details, &original.type_name, &original.payload)
        }
        other => panic!("a program outside hears {other:?}"),
    }
}

fn ended(answer: Result<Answer, Refusal>) -> Result<String, String> {
    match answer {
        Ok(Answer::Ended { reason }) => Ok(reason.to_string()),
        Ok(other) => panic!("an end was expected, not {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

impl Place for Stage {
    fn outside(&mut self) -> String {
        self.host().outside().to_string()
    }

    fn create(&mut self, create: &Create) -> Result<String, String> {
        let host = self.host();
        if host.slots >= host.slots_max {
            return Err(MetBound::Places { max: host.slots_max, wanted: 1 }.to_string());
        }
        host.slots += 1;
        let address = host.new_address();
        let words = |text: &String| Message::json("Said", json!({ "text": text }).to_string());
        let options = CreateOptions {
            requirements: create.requires.iter().map(requirement).collect(),
            init: create.init.as_ref().map(words),
            on_trap: create.ends_on_trap.then_some(OnTrap::Exit),
            ..CreateOptions::default()
        };
        let class = create.class.clone();
        let create = NewActor {
            address,
            source: Ok(SOURCE),
            class,
            options,
            name: None,
            creator: CreatorRights::Own(Rights::ALL),
        };
        let asker = self.world.new_asker();
        self.host().ask(asker, Question::Create(Box::new(create)));
        self.answer(asker).map(|_| address.to_string()).map_err(|error| error.to_string())
    }

    fn tell(&mut self, to: &str, message: &thespian_scenarios::Message) -> Result<(), String> {
        let outside = self.host().outside();
        self.send(outside, to, message)
    }

    fn ask(&mut self, to: &str, message: &thespian_scenarios::Message, within_ms: u64) -> Value {
        let alias = self.host().new_address();
        self.native().outside.insert(alias);
        match self.send(alias, to, message) {
            Ok(()) => self.hear(&[alias], within_ms),
            Err(error) => json!({ "error": error }),
        }
    }

    fn listen(&mut self, within_ms: u64) -> Value {
        // What comes to an ask that is over goes to whoever listens.
        let outside = self.host().outside();
        let at: Vec<_> = self.native().outside.iter().copied().chain([outside]).collect();
        self.hear(&at, within_ms)
    }

    fn exit(&mut self, who: &str, recursive: bool) -> Result<String, String> {
        let target = address(who)?;
        let asker = self.world.new_asker();
        self.host().ask(asker, Question::Exit { target, recursive });
        ended(self.answer(asker))
    }

    fn kill(&mut self, who: &str) -> Result<String, String> {
        let target = address(who)?;
        let asker = self.world.new_asker();
        self.host().ask(asker, Question::Kill { target });
        ended(self.answer(asker))
    }

    fn status(&mut self) -> Value {
        let host = self.host();
        let tree = host.admin().family().iter().map(|(address, member)| {
            let actor = host.cells.get(&address).and_then(|cell| cell.actor.as_ref());
            json!({
                "address": address.to_string(),
                "class": member.class,
                "parent": member.parent.map(|parent| parent.to_string()),
                "wakeups": actor.map(|actor| actor.turn().wakeups()),
            })
        });
        let tree: Vec<_> = tree.collect();
        let native = self.native();
        let letters = native.dead_letters.iter().rev().map(|(letter, reason)| {
            json!({
                "target": letter.target.to_string(),
                "type_name": letter.body.type_name(),
                "reason": reason,
            })
        });
        let ended = native.ended.iter().rev().map(|(address, class, reason)| {
            json!({ "address": address.to_string(), "class": class, "reason": reason.to_string() })
        });
        json!({
            "actors": tree.len(),
            "dead_letters": native.dead_letters.len(),
            "poisoned": native.poisoned,
            "recent_dead_letters": letters.collect::<Vec<_>>(),
            "recent_ended": ended.collect::<Vec<_>>(),
            "tree": tree,
        })
    }

    fn pass(&mut self) {
        let moment_ms = 1 + self.world.rng.below(20) as u64;
        let last = self.after(moment_ms);
        self.until(last, |world| world.rng.chance(3).then_some(()));
    }

    fn now_ms(&mut self) -> u64 {
        self.world.now().0 / 1_000_000
    }
}
