//! Authorities that die, answer late, and change, while sources are loaded, unloaded and created from: in no run does anything run
//! that its authority has not approved, and nobody who loads waits for ever.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::*;
use crate::source::{ActorsApproval, Appointment, HandOver};

/// Where the actors come from that judge: whoever names it, or has a right to be one, needs no judge for it.
const JUDGES: SourceHash = SourceHash([0x0a; 32]);
const STEPS: usize = 300;

/// A host that tells `Admin` what could happen, in an order that chance makes, and keeps its own account of it.
struct Run {
    node: Node,
    state: u64,
    is_appointed: bool,
    /// Actors of the judges' source that live, and the one that is the authority.
    actors: BTreeSet<ActorAddress>,
    judge: Option<ActorAddress>,
    /// Creates that are to run and have not started.
    starting: BTreeSet<ActorAddress>,
    hands: BTreeMap<OfferId, (SourceHash, ActorAddress)>,
    /// Offers that were in somebody's hands once.
    past: Vec<OfferId>,
    /// Sources whose last offer was approved by whoever was the authority, and those of them that are loaded.
    approved: BTreeSet<SourceHash>,
    loaded: BTreeSet<SourceHash>,
    compiling: Vec<SourceHash>,
    wants_place: bool,
    /// Those who load and have not heard.
    loading: BTreeSet<Asker>,
}

impl Run {
    fn new(seed: u64, is_appointed: bool) -> Self {
        let node =
            if is_appointed { actors_judging::appointing() } else { judged_by(AuthorityKind::TrustAll) };
        let mut run = Self {
            node,
            state: seed,
            is_appointed,
            actors: BTreeSet::new(),
            judge: None,
            starting: BTreeSet::new(),
            hands: BTreeMap::new(),
            past: Vec::new(),
            approved: BTreeSet::new(),
            loaded: BTreeSet::new(),
            compiling: Vec::new(),
            wants_place: is_appointed,
            loading: BTreeSet::new(),
        };
        run.load(JUDGES, Rights { authority: true, ..Rights::NONE });
        while let Some(hash) = run.compiling.pop() {
            run.tell(SourceEvent::Validated { runs: None, hash, outcome: Ok(info()), compile_us: 1 });
        }
        run
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % bound
    }

    fn pick<T: Copy>(&mut self, mut of: impl ExactSizeIterator<Item = T>) -> Option<T> {
        if of.len() == 0 {
            return None;
        }
        let at = self.below(of.len());
        of.nth(at)
    }

    fn hash(&mut self) -> SourceHash {
        SourceHash([1 + self.below(4) as u8; 32])
    }

    fn load(&mut self, hash: SourceHash, given: Rights) {
        let asker = self.node.asker();
        self.loading.insert(asker);
        let question = Question::Load(Box::new(Offer { given, ..offer_of(hash) }));
        self.tell(Event::Asked { origin: Origin::Client(asker), question });
    }

    /// Tells `Admin`, and notes and checks what it wants done.
    fn tell(&mut self, event: impl Into<Event>) {
        let event = event.into();
        let validated = match &event {
            Event::Source(SourceEvent::Validated { runs: None, hash, outcome: Ok(_), .. }) => Some(*hash),
            _ => None,
        };
        let effects = self.node.handle(event);
        if let Some(hash) = validated.filter(|hash| self.approved.contains(hash)) {
            self.loaded.insert(hash);
        }
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Source(SourceEffect::HandOver(hand_over)) => {
                let HandOver { to, hash, offer, .. } = *hand_over;
                assert_eq!(Some(to), self.judge, "it is given to who is not the authority");
                self.hands.insert(offer, (hash, to));
                self.past.push(offer);
            }
            Effect::Source(SourceEffect::Validate { hash, .. }) => {
                let needs_none = hash == JUDGES || !self.is_appointed && self.judge.is_none();
                assert!(
                    needs_none || self.approved.contains(&hash),
                    "{hash} is compiled, and nobody approved it"
                );
                self.approved.insert(hash);
                self.compiling.push(hash);
            }
            Effect::Source(SourceEffect::Forget(hash)) => {
                self.hands.retain(|_, (held, _)| *held != hash);
                self.approved.remove(&hash);
                self.loaded.remove(&hash);
            }
            Effect::Source(SourceEffect::FindPlace) => self.wants_place = true,
            Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), address }) => {
                assert!(
                    self.loaded.contains(&plan.source),
                    "{address} is to run, of a source that is not approved"
                );
                self.starting.insert(address);
            }
            Effect::Answer { asker, .. } => drop(self.loading.remove(&asker)),
            _ => {}
        }
    }

    fn says(&mut self, by: ActorAddress, offer: OfferId) {
        let is_good = self.below(3) > 0;
        if self.judge == Some(by)
            && let Some((hash, holder)) = self.hands.get(&offer).copied()
            && holder == by
        {
            self.hands.remove(&offer);
            if is_good {
                self.approved.insert(hash);
            }
        }
        let approval = Box::new(ActorsApproval { rights: Rights::ALL, ..ActorsApproval::default() });
        let verdict = if is_good { Ok(approval) } else { Err("no".to_string()) };
        self.tell(ActorEvent::OfferJudged { by, offer, verdict });
    }

    fn ends(&mut self, address: ActorAddress) {
        self.actors.remove(&address);
        self.starting.remove(&address);
        if self.judge == Some(address) {
            self.judge = None;
            self.hands.retain(|_, (_, holder)| *holder != address);
        }
        self.tell(ActorEvent::Ended { address, reason: ExitReason::Killed("k".into()) });
    }

    fn starts(&mut self, address: ActorAddress, is_authority: bool) {
        self.starting.remove(&address);
        self.actors.insert(address);
        if is_authority {
            self.judge = Some(address);
        }
        self.tell(ActorEvent::Started { address });
    }

    fn step(&mut self) {
        match self.below(14) {
            0..3 => {
                let hash = self.hash();
                self.load(hash, Rights::NONE);
            }
            3 => {
                let (asker, source) = (self.node.asker(), self.hash());
                self.tell(Event::Asked {
                    origin: Origin::Client(asker),
                    question: Question::Unload { source },
                });
            }
            4 => {
                let (source, address) = (self.hash(), self.node.address());
                let asker = self.node.asker();
                let create = NewActor { source: Ok(source), ..new_actor(address) };
                let question = Question::Create(Box::new(create));
                self.tell(Event::Asked { origin: Origin::Client(asker), question });
            }
            5..7 => {
                if let (Some(judge), Some(offer)) = (self.judge, self.pick(self.hands.clone().into_keys())) {
                    self.says(judge, offer);
                }
            }
            7 => {
                // Somebody else, or too late.
                let by = self.pick(self.actors.clone().into_iter());
                if let (Some(by), Some(offer)) = (by, self.pick(self.past.clone().into_iter())) {
                    self.says(by, offer);
                }
            }
            8 => {
                if let Some(address) = self.pick(self.actors.clone().into_iter()) {
                    self.ends(address);
                }
            }
            9 => self.changes(),
            10 => {
                if let Some(by) = self.pick(self.actors.clone().into_iter()) {
                    if self.judge == Some(by) {
                        self.hands.clear();
                    }
                    self.tell(ActorEvent::AuthorityFailed { by, reason: "trapped".to_string() });
                }
            }
            11 => {
                let passed = Duration::from_millis(self.below(40_000) as u64);
                self.time_passes(passed);
            }
            _ => self.compiles(),
        }
    }

    /// Another actor judges from here on, or none.
    fn changes(&mut self) {
        if self.is_appointed {
            if core::mem::take(&mut self.wants_place) {
                let address = self.node.address();
                self.tell(SourceEvent::PlaceFound(Ok(address)));
                if self.starting.contains(&address) {
                    self.starts(address, true);
                }
            }
            return;
        }
        let address = self.node.address();
        let asker = self.node.asker();
        let create = NewActor { source: Ok(JUDGES), ..new_actor(address) };
        let question = Question::Create(Box::new(create));
        self.tell(Event::Asked { origin: Origin::Client(asker), question });
        self.starts(address, false);
        let judges = self.below(4) > 0;
        let by = if judges { Some(address) } else { self.judge };
        let Some(by) = by else { return };
        if judges {
            self.judge = Some(by);
            self.hands.clear();
        } else {
            self.judge = None;
            self.hands.retain(|_, (_, holder)| *holder != by);
        }
        self.tell(ActorEvent::AuthorityAsked { by, judges });
    }

    fn compiles(&mut self) {
        if self.compiling.is_empty() {
            return;
        }
        let at = self.below(self.compiling.len());
        let hash = self.compiling.swap_remove(at);
        let broken = || crate::source::Unusable::now("broken".to_string());
        let outcome = if self.below(8) > 0 { Ok(info()) } else { Err(broken()) };
        self.tell(SourceEvent::Validated { runs: None, hash, outcome, compile_us: 1 });
    }

    fn time_passes(&mut self, by: Duration) {
        self.node.now = self.node.now + by;
        self.tell(Event::TimePassed);
    }
}

#[test]
fn nothing_runs_that_no_authority_of_its_time_has_approved_and_nobody_who_loads_waits_for_ever() {
    for seed in 0..1_000 {
        let mut run = Run::new(seed, seed % 2 == 0);
        for _ in 0..STEPS {
            run.step();
        }
        // Silence is refusal, whoever is gone.
        run.time_passes(JUDGEMENT_TIME_MAX);
        while !run.compiling.is_empty() {
            run.compiles();
        }
        assert_eq!(run.loading, BTreeSet::new(), "seed {seed}");
    }
}

#[test]
fn an_appointed_authority_is_there_again_after_each_end() {
    for seed in 0..100 {
        let mut run = Run::new(seed, true);
        for _ in 0..20 {
            run.changes();
            let judge = run.judge.expect("there was a place");
            run.ends(judge);
            let due = run.node.admin.deadline().expect("another is to follow");
            run.node.now = due.max(run.node.now);
            run.tell(Event::TimePassed);
            assert!(run.wants_place, "seed {seed}");
        }
        assert!(run.node.admin.authority().appointment.as_ref().is_some_and(Appointment::is_vacant));
    }
}
