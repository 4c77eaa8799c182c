//! Events in any order, also in those that no host makes.

use core::time::Duration;

use super::*;
use crate::log_level::{LevelScope, LogLevel};
use crate::post::{PostId, StandingActor};
use crate::question::NewPolicy;
use crate::source::admission::{ReadPapers, Signature};
use crate::source::manifest::Manifest;
use crate::source::policy::{KeyId, Policy, PublicKey, Revocations, TrustedKey};
use crate::source::{ActorsApproval, LowerLimits, OfferId, PersonsApproval, RunHash, Unusable};
use crate::utc::UtcTime;

#[test]
fn no_order_of_events_makes_it_panic_or_answer_twice_however_nonsensical() {
    for seed in 0..300_u64 {
        let kinds = [
            AuthorityKind::Asked,
            AuthorityKind::Keys,
            AuthorityKind::TrustAll,
            AuthorityKind::None,
            AuthorityKind::Person,
        ];
        let node = match seed as usize % 6 {
            5 => actors_judging::appointing(),
            kind => judged_by(kinds[kind]),
        };
        let mut draw = Draw { node, state: seed };
        let mut answered = Vec::new();
        for _ in 0..200 {
            let event = any_event(&mut draw);
            let passed = Duration::from_millis(draw.below(3_000));
            let node = &mut draw.node;
            node.now = node.now + passed;
            let effects = node.handle(event);
            answered.extend(answers(&effects).into_iter().map(|(asker, _)| asker));
        }
        let admin = &draw.node.admin;
        assert_eq!(admin.births.bytes(), admin.births.bytes_counted_anew());
        answered.sort_unstable();
        assert!(answered.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}");
    }
}

/// Actors, sources and askers that may be known or not. Only new addresses and new askers are new: that is the host's
/// promise.
struct Draw {
    node: Node,
    state: u64,
}

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % bound
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn known(&mut self) -> ActorAddress {
        let bound = 1 + self.node.next_id as u64 * 5 / 4;
        ActorAddress::new(HostId(1), u128::from(self.below(bound)))
    }

    fn hash(&mut self) -> SourceHash {
        if self.chance() { SOURCE } else { SourceHash([self.below(3) as u8; 32]) }
    }

    fn verdict<T>(&mut self, good: T) -> Result<T, String> {
        if self.below(4) > 0 { Ok(good) } else { Err("no".to_string()) }
    }

    /// One that may have been made.
    fn offer(&mut self) -> OfferId {
        OfferId(1 + self.below(30))
    }

    /// Of a version, by a key; both may be of use or not.
    fn papers(&mut self, hash: SourceHash) -> ReadPapers {
        let manifest = Manifest {
            sha256: hash,
            name: "shop/orders".parse().unwrap(),
            version: ["1", "2", "3"][self.below(3) as usize].parse().unwrap(),
            not_before: None,
            expires: self.chance().then_some(UtcTime(1_000)),
            rights: self.rights(),
            limits: LowerLimits::default(),
            classes: None,
        };
        let manifest = self.chance().then(|| self.verdict(manifest));
        ReadPapers { manifest, signatures: vec![Signature::Good(self.key())] }
    }

    fn rights(&mut self) -> Rights {
        Rights { dead_letters: self.chance(), ..Rights::NONE }
    }

    fn key(&mut self) -> PublicKey {
        PublicKey { id: KeyId([0; 8]), point: [self.below(3) as u8; 32] }
    }

    fn policy(&mut self) -> Policy {
        let rights = self.rights();
        let sources = vec!["shop/*".parse().unwrap()];
        let (key, limits, expires) = (self.key(), LowerLimits::default(), None);
        let trusted = TrustedKey { name: "ci".into(), key, sources, rights, limits, expires };
        let revocations = Revocations { version: self.below(3), ..Revocations::default() };
        Policy { keys: vec![trusted], rules: Vec::new(), revocations }
    }

    fn usable<T>(&mut self, good: T) -> Result<T, Unusable> {
        let is_lasting = self.below(2) == 0;
        self.verdict(good).map_err(|reason| Unusable { reason, is_lasting })
    }

    fn class(&mut self) -> String {
        ["plain", "picky", "choosy", "odd"][self.below(4) as usize].to_string()
    }

    fn reason(&mut self) -> ExitReason {
        match self.below(3) {
            0 => ExitReason::Requested,
            1 => ExitReason::Failed("f".into()),
            _ => ExitReason::Killed("k".into()),
        }
    }

    fn value(&mut self) -> Option<Value> {
        self.chance().then_some(Value::Boolean(true))
    }

    fn origin(&mut self) -> Origin {
        if self.below(4) > 0 {
            return Origin::Client(self.node.asker());
        }
        Origin::Actor { address: self.known(), request: self.below(3) }
    }

    fn name(&mut self) -> String {
        ["lead", "second"][self.below(2) as usize].to_string()
    }

    fn child(&mut self, address: ActorAddress) -> Box<CreateChild> {
        let source = self.chance().then(|| self.hash());
        Box::new(CreateChild { address, source, class: self.class(), options: CreateOptions::default() })
    }
}

/// A function that draws from all variants of an enum, each as often as its number says. A variant that is not in the
/// list does not compile.
macro_rules! any {
    ($name:ident -> $kind:ident { $($weight:literal of $variant:pat => |$draw:ident| $made:expr,)+ }) => {
        fn $name(draw: &mut Draw) -> $kind {
            const fn _has_all(kind: &$kind) {
                match kind { $($variant => {})+ }
            }
            let all: &[(u64, fn(&mut Draw) -> $kind)] = &[$(($weight, |$draw| {
                let made = $made;
                assert!(matches!(made, $variant), "{made:?} stands at the place of another");
                made
            })),+];
            let mut at = draw.below(all.iter().map(|(weight, _)| weight).sum());
            for (weight, make) in all {
                match at.checked_sub(*weight) {
                    Some(rest) => at = rest,
                    None => return make(draw),
                }
            }
            unreachable!("what is drawn is below the sum")
        }
    };
}

any!(any_event -> Event {
    5 of Event::Source(_) => |draw| any_source_event(draw).into(),
    19 of Event::Actor(_) => |draw| any_actor_event(draw).into(),
    20 of Event::Asked { .. } => |draw| Event::Asked { origin: draw.origin(), question: any_question(draw) },
    2 of Event::Withdrawn(_) => |draw| {
        let bound = draw.node.next_asker + 2;
        Event::Withdrawn(Origin::Client(Asker(draw.below(bound))))
    },
    2 of Event::TimePassed => |_draw| Event::TimePassed,
});

any!(any_source_event -> SourceEvent {
    2 of SourceEvent::Judged { .. } => |draw| {
        let (hash, offer) = (draw.hash(), draw.offer());
        SourceEvent::Judged { hash, offer, verdict: draw.verdict(Verdict::default()) }
    },
    1 of SourceEvent::PlaceFound(_) => |draw| {
        let address = draw.node.address();
        SourceEvent::PlaceFound(draw.verdict(address))
    },
    1 of SourceEvent::Restored { .. } => |draw| {
        let offer = Box::new(offer_of(draw.hash()));
        SourceEvent::Restored { offer, verdict: Verdict::default() }
    },
    1 of SourceEvent::PendingKept { .. } => |draw| {
        SourceEvent::PendingKept { hash: draw.hash(), offer: draw.offer() }
    },
    1 of SourceEvent::PendingFound { .. } => |draw| {
        let offer = Box::new(offer_of(draw.hash()));
        SourceEvent::PendingFound { offer, left: Duration::from_secs(draw.below(1_000_000)) }
    },
    2 of SourceEvent::Examined { .. } => |draw| {
        let (hash, offer) = (draw.hash(), draw.offer());
        SourceEvent::Examined { hash, offer, papers: draw.papers(hash), now: UtcTime(draw.below(2_000)) }
    },
    2 of SourceEvent::Validated { .. } => |draw| {
        let runs = (draw.below(8) == 0).then(|| RunHash(draw.hash()));
        SourceEvent::Validated { runs, hash: draw.hash(), outcome: draw.usable(info()), compile_us: 0 }
    },
    1 of SourceEvent::Checked { .. } => |draw| {
        let suits = draw.chance();
        SourceEvent::Checked { source: draw.hash(), class: draw.class(), outcome: draw.verdict(suits) }
    },
});

any!(any_actor_event -> ActorEvent {
    2 of ActorEvent::ChildrenEntered { .. } => |draw| ActorEvent::ChildrenEntered {
        parent: draw.known(),
        children: vec![draw.node.address(), draw.node.address()],
    },
    1 of ActorEvent::PlaceFound { .. } => |draw| {
        let (post, address) = (PostId(draw.below(3) as usize), draw.node.address());
        ActorEvent::PlaceFound { post, place: draw.verdict(address) }
    },
    2 of ActorEvent::ChildCreated { .. } => |draw| {
        let address = draw.known();
        ActorEvent::ChildCreated { parent: draw.known(), child: draw.child(address) }
    },
    1 of ActorEvent::ChildKilled { .. } => |draw| {
        ActorEvent::ChildKilled { parent: draw.known(), child: draw.known() }
    },
    1 of ActorEvent::Monitored { .. } => |draw| {
        ActorEvent::Monitored { watcher: draw.known(), target: draw.known() }
    },
    1 of ActorEvent::Demonitored { .. } => |draw| {
        ActorEvent::Demonitored { watcher: draw.known(), target: draw.known() }
    },
    1 of ActorEvent::DeadLettersAsked { .. } => |draw| {
        ActorEvent::DeadLettersAsked { by: draw.known(), handles: draw.chance() }
    },
    1 of ActorEvent::CapabilityUpdated { .. } => |draw| {
        ActorEvent::CapabilityUpdated { name: "gpu".to_string(), value: draw.value() }
    },
    2 of ActorEvent::AuthorityAsked { .. } => |draw| {
        ActorEvent::AuthorityAsked { by: draw.known(), judges: draw.below(4) > 0 }
    },
    4 of ActorEvent::OfferJudged { .. } => |draw| {
        let approval = Box::new(ActorsApproval { rights: Rights::ALL, ..ActorsApproval::default() });
        ActorEvent::OfferJudged { by: draw.known(), offer: draw.offer(), verdict: draw.verdict(approval) }
    },
    1 of ActorEvent::AuthorityFailed { .. } => |draw| {
        ActorEvent::AuthorityFailed { by: draw.known(), reason: "f".to_string() }
    },
    1 of ActorEvent::UnloadAsked { .. } => |draw| {
        ActorEvent::UnloadAsked { by: draw.known(), source: draw.hash() }
    },
    1 of ActorEvent::SourcesWatched { .. } => |draw| {
        ActorEvent::SourcesWatched { by: draw.known(), watches: draw.chance() }
    },
    1 of ActorEvent::ShutdownAsked { .. } => |draw| ActorEvent::ShutdownAsked { by: draw.known() },
    4 of ActorEvent::Started { .. } => |draw| ActorEvent::Started { address: draw.known() },
    1 of ActorEvent::Restarting { .. } => |draw| ActorEvent::Restarting { address: draw.known() },
    2 of ActorEvent::Exiting { .. } => |draw| {
        ActorEvent::Exiting { address: draw.known(), with_children: draw.chance() }
    },
    3 of ActorEvent::Ended { .. } => |draw| {
        ActorEvent::Ended { address: draw.known(), reason: draw.reason() }
    },
});

any!(any_question -> Question {
    20 of Question::Load(_) => |draw| {
        let given = Rights { authority: draw.chance(), sources: draw.chance(), ..Rights::NONE };
        Question::Load(Box::new(Offer { given, ..offer_of(draw.hash()) }))
    },
    10 of Question::Unload { .. } => |draw| Question::Unload { source: draw.hash() },
    3 of Question::SetAside { .. } => |draw| Question::SetAside { source: draw.hash() },
    5 of Question::Approve { .. } => |draw| {
        Question::Approve { source: draw.hash(), approval: PersonsApproval { allowed: draw.rights() } }
    },
    2 of Question::Refuse { .. } => |draw| Question::Refuse { source: draw.hash(), why: "no".to_string() },
    5 of Question::Appoint { .. } => |draw| Question::Appoint { address: draw.node.address() },
    3 of Question::Stand(_) => |draw| {
        let (source, class) = (draw.hash(), draw.chance().then(|| draw.class()));
        let name = draw.chance().then(|| draw.name());
        Question::Stand(vec![StandingActor { source, class, options: CreateOptions::default(), name }])
    },
    40 of Question::Create(_) => |draw| {
        let source = match draw.below(4) {
            0 => Err(Refusal::UnknownSource { source_hash: "é".to_string() }),
            _ => Ok(draw.hash()),
        };
        let class = draw.chance().then(|| draw.class());
        let name = draw.chance().then(|| draw.name());
        let creator = CreatorRights::of(crate::role::Role::ALL[draw.below(4) as usize]);
        let address = draw.node.address();
        Question::Create(Box::new(NewActor { source, class, name, creator, ..new_actor(address) }))
    },
    20 of Question::CreateNamed { .. } => |draw| {
        let address = draw.node.address();
        Question::CreateNamed { name: draw.name().into(), child: draw.child(address) }
    },
    20 of Question::Exit { .. } => |draw| {
        Question::Exit { target: draw.known(), recursive: draw.chance() }
    },
    10 of Question::Kill { .. } => |draw| Question::Kill { target: draw.known() },
    2 of Question::KillSource { .. } => |draw| Question::KillSource { source: draw.hash() },
    1 of Question::Stop => |_draw| Question::Stop,
    5 of Question::SetLogLevel { .. } => |draw| {
        let scope = match draw.below(3) {
            0 => LevelScope::Node,
            1 => LevelScope::Source(draw.hash()),
            _ => LevelScope::Actor(draw.known()),
        };
        Question::SetLogLevel { scope, level: draw.chance().then_some(LogLevel::Debug) }
    },
    5 of Question::UpdateCapability { .. } => |draw| {
        Question::UpdateCapability { name: "gpu".to_string(), value: draw.value() }
    },
    5 of Question::SetPolicy(_) => |draw| {
        let papers = [SOURCE, SourceHash([1; 32])].map(|hash| (hash, (draw.offer(), draw.papers(hash))));
        let papers = papers.into_iter().skip(draw.below(2) as usize).collect();
        let (policy, is_trial) = (draw.policy(), draw.chance());
        Question::SetPolicy(Box::new(NewPolicy { policy, papers, now: UtcTime(draw.below(2_000)), is_trial }))
    },
    1 of Question::AcceptClock { .. } => |draw| Question::AcceptClock { now: UtcTime(draw.below(2_000)) },
    5 of Question::Status { .. } => |draw| {
        let about = draw.known();
        Question::Status { about: draw.chance().then_some(about) }
    },
});
