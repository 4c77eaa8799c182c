//! What guests do: as chance has it.

use std::time::Duration;

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::{Clause, Requirement};
use thespian_core::fate::{Budget, Failure, Fault};
use thespian_core::outbox::{CreateOptions, Outbox};

use crate::carrier::Carrier;
use crate::invariants::children::Labelled;
use crate::invariants::messages::{concern, numbered, question, refusal};
use crate::world::World;

impl Carrier<'_> {
    /// What a guest does in one turn, as chance has it.
    pub(crate) fn act(&mut self, outbox: &mut Outbox, heard_from: Option<ActorAddress>) {
        self.audit_children(outbox);
        if let Some(prey) = self.cell().prey
            && self.world.rng.chance(80)
        {
            self.flood(outbox, prey);
        }
        if self.cell().watch.exit.is_exit_turn() && self.world.rng.chance(30) {
            let _ = self.ask(outbox, |draft| draft.keep_children());
        }
        if heard_from.is_some() && self.world.rng.chance(15) {
            let target = self.someone(heard_from);
            let original = concern(self.world.new_number());
            let _ = self.ask(outbox, |draft| draft.fails_for(target, original));
        }
        for _ in 0..self.world.rng.below(4) {
            if self.world.energy == 0 {
                return;
            }
            self.world.energy -= 1;
            match self.world.rng.below(29) {
                0..=9 => {
                    let target = self.someone(heard_from);
                    let size = if self.world.rng.chance(20) { 20_000 } else { 10 };
                    self.send(outbox, target, size);
                }
                10 => {
                    let target = self.someone(heard_from);
                    self.flood(outbox, target);
                }
                11..=13 => {
                    for _ in 0..1 + self.world.rng.below(3) {
                        self.create(outbox);
                    }
                }
                14 => {
                    let target = self.someone(None);
                    let recursive = self.world.rng.chance(70);
                    // The outbox may be full, here and below: a guest gets an error and goes on.
                    let _ = self.ask(outbox, |draft| draft.request_exit(target, recursive));
                }
                15 => {
                    let _ = self.ask(outbox, |draft| draft.keep_children());
                }
                16 => {
                    let id = self.world.rng.below(20) as u64;
                    let _ = self.ask(outbox, |draft| draft.cancel_wakeup(id));
                }
                17..=19 => {
                    let delay = Duration::from_millis(self.world.rng.below(3_000) as u64);
                    let _ = self.ask(outbox, |draft| draft.wakeup(delay, None));
                }
                20 | 21 => {
                    let target = self.someone(heard_from);
                    self.refuse(outbox, target);
                }
                _ => self.ask_host(outbox),
            }
        }
    }

    /// Asks for something that is for the host to decide: often about an actor that is a moment old.
    fn ask_host(&mut self, outbox: &mut Outbox) {
        let newest = self.host().addresses().last().copied().filter(|_| self.world.rng.chance(30));
        let target = newest.unwrap_or_else(|| self.someone(None));
        match self.world.rng.below(9) {
            0..=2 => {
                let _ = self.ask(outbox, |draft| draft.monitor(target));
            }
            3 => {
                let _ = self.ask(outbox, |draft| draft.demonitor(target));
            }
            4 | 5 => self.create_named(outbox),
            6 => {
                let _ = self.ask(outbox, |draft| draft.kill_child(target));
            }
            7 if self.world.rng.chance(40) => {
                self.ask(outbox, |draft| draft.fail("it says so".to_string()));
            }
            _ => {
                // Without the right, a guest gets an error and goes on.
                let handles = self.world.rng.chance(70);
                let _ = self.ask(outbox, |draft| draft.handle_dead_letters(handles));
            }
        }
    }

    fn someone(&mut self, heard_from: Option<ActorAddress>) -> ActorAddress {
        let mut known = self.cell().known.clone();
        known.extend([self.me, self.me]);
        known.extend(heard_from);
        if self.world.rng.chance(30) {
            known = self.world.addresses();
        }
        self.world.rng.pick(&known).unwrap_or(self.me)
    }

    /// Sends more than any mailbox takes, and at times more than an outbox does.
    fn flood(&mut self, outbox: &mut Outbox, target: ActorAddress) {
        self.world.see("floods");
        let limits = self.host().limits;
        let size = self.world.rng.pick(&[10, 10, 1_000, 20_000]).unwrap_or_default();
        for _ in 0..limits.mailbox_len_max + self.world.rng.below(limits.outbox_len_max) {
            if self.world.energy > 0 {
                self.world.energy -= 1;
                // Behind a large one that finds no room, a small one would find some.
                let size = if self.world.rng.chance(20) { 10 } else { size };
                if self.world.rng.chance(10) {
                    self.refuse(outbox, target);
                }
                self.send(outbox, target, size);
            }
        }
    }

    fn send(&mut self, outbox: &mut Outbox, target: ActorAddress, size: usize) {
        let message = numbered(self.world.new_number(), size);
        let message = if self.world.rng.chance(20) { question(message, self.me) } else { message };
        let _ = self.ask(outbox, |draft| draft.send(target, message));
    }

    fn refuse(&mut self, outbox: &mut Outbox, target: ActorAddress) {
        let original = refusal(self.world.new_number());
        let _ = self.ask(outbox, |draft| draft.refuse(target, original, "no".to_string()));
    }

    fn create(&mut self, outbox: &mut Outbox) {
        let (class, options) = self.someone_new();
        if let Ok(child) = self.ask(outbox, |draft| draft.create(None, class, options)) {
            self.audit_create(outbox);
            self.cell().known.push(child);
            if self.world.rng.chance(10) {
                let _ = self.ask(outbox, |draft| draft.monitor(child));
            }
            if self.world.rng.chance(3) {
                let _ = self.ask(outbox, |draft| draft.kill_child(child));
            }
        }
    }

    fn create_named(&mut self, outbox: &mut Outbox) {
        let name = self.world.some_name();
        let (class, options) = self.someone_new();
        // A name that can't be used is refused here.
        if self.ask(outbox, |draft| draft.create_named(&name, None, class, options)).is_ok() {
            self.audit_create(outbox);
        }
    }

    /// Has itself told of its children, a few at a time.
    fn audit_children(&mut self, outbox: &mut Outbox) {
        let mut told: Vec<Labelled> = Vec::new();
        // One page more than there can be.
        for _ in 0..=self.world.ledger.children.listed(self.me).len() {
            let after = told.last().map(|(child, _)| *child);
            let page = self.ask(outbox, |draft| {
                let page = draft.children(after, 2);
                page.map(|(child, label)| (child, label.to_string())).collect::<Vec<_>>()
            });
            if page.is_empty() {
                break;
            }
            told.extend(page);
        }
        let complaint = self.world.ledger.children.told(self.me, &told);
        self.world.complain(complaint);
    }

    fn someone_new(&mut self) -> (String, CreateOptions) {
        let class = self.world.some_class();
        let options = CreateOptions {
            watch_restarts: self.world.rng.chance(50),
            requirements: self.world.some_requirements(),
            label: format!("{}", self.world.rng.below(3)).into(),
            ..CreateOptions::default()
        };
        (class, options)
    }

    /// How the turn goes, as chance has it.
    pub(crate) fn conclude(&mut self, outbox: &Outbox, failing_percent: usize) -> Result<(), Failure> {
        if !self.world.rng.chance(failing_percent) {
            return Ok(());
        }
        let spins = self.world.rng.chance(15);
        if spins && self.world.let_others(300, self.at, self.me) && self.cell().killed.is_some() {
            return Err(Failure::Fault(Fault::Killed));
        }
        Err(match self.world.rng.below(5) {
            _ if spins => Failure::Fault(Fault::Budget(Budget::Cpu, String::new())),
            0 => Failure::Returned { reason: "no".to_string(), retry: false, met: None },
            1 => Failure::Returned { reason: "again".to_string(), retry: true, met: outbox.met() },
            _ => Failure::Fault(Fault::Trap("unreachable".to_string())),
        })
    }
}

impl World {
    pub(crate) fn some_class(&mut self) -> String {
        let class = self.rng.pick(&[
            "lasting", "mortal", "limited", "fleeting", "idle", "choosy", "choosy", "clearing", "unknown",
        ]);
        class.unwrap_or_default().to_string()
    }

    /// One of a few, so that many ask for the same; now and then one that can't be used.
    pub(crate) fn some_name(&mut self) -> String {
        self.rng.pick(&["one", "two", "one", "two", ""]).unwrap_or_default().to_string()
    }

    /// What a creator requires: nothing, or a metal.
    pub(crate) fn some_requirements(&mut self) -> Vec<Requirement> {
        let metal = self.rng.pick(&["", "", "gold", "tin"]).filter(|metal| !metal.is_empty());
        metal
            .map(|metal| Requirement { name: metal.to_string(), clause: Clause::IsTrue })
            .into_iter()
            .collect()
    }

    /// Makes a few actors of a host flood each other, in a ring; one of one floods itself.
    pub(crate) fn flood_each_other(&mut self, at: HostId) {
        let all: Vec<_> = self.host(at).cells.keys().copied().collect();
        let len = (1 + self.rng.below(4)).min(all.len());
        let Some(first) = all.len().checked_sub(len).map(|last| self.rng.below(last + 1)) else { return };
        let ring = &all[first..first + len];
        for (actor, prey) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            if let Some(cell) = self.host_mut(at).cells.get_mut(actor) {
                cell.prey = Some(*prey);
            }
        }
        self.see("rings");
    }
}
