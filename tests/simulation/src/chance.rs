//! What guests do: as chance has it.

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::fate::{Budget, Failure, Fault};
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{CreateChild, CreateOptions, Outbox};

use crate::carrier::Carrier;
use crate::world::World;

impl Carrier<'_> {
    /// What a guest does in one turn, as chance has it.
    pub(crate) fn act(&mut self, outbox: &mut Outbox, heard_from: Option<ActorAddress>) {
        let limits = self.world.limits;
        if let Some(prey) = self.cell().prey
            && self.world.rng.chance(80)
        {
            self.flood(outbox, prey, &limits);
        }
        if self.cell().watch.leaving.exit_turn && self.world.rng.chance(30) {
            let _ = outbox.keep_children();
        }
        for _ in 0..self.world.rng.below(4) {
            if self.world.energy == 0 {
                return;
            }
            self.world.energy -= 1;
            match self.world.rng.below(27) {
                0..=9 => {
                    let target = self.someone(heard_from);
                    let size = if self.world.rng.chance(20) { 20_000 } else { 10 };
                    self.send(outbox, target, size, &limits);
                }
                10 => {
                    let target = self.someone(heard_from);
                    self.flood(outbox, target, &limits);
                }
                11..=13 => {
                    for _ in 0..1 + self.world.rng.below(3) {
                        self.create(outbox, &limits);
                    }
                }
                14 => {
                    let target = self.someone(None);
                    let recursive = self.world.rng.chance(70);
                    // The outbox may be full, here and below: a guest gets an error and goes on.
                    let _ = outbox.request_exit(target, recursive, &limits);
                }
                15 => {
                    let _ = outbox.keep_children();
                }
                16 => {
                    let id = self.world.rng.below(20) as u64;
                    let _ = outbox.cancel_wakeup(id, &limits);
                }
                17..=19 => {
                    let delay = Duration::from_millis(self.world.rng.below(3_000) as u64);
                    let _ = outbox.wakeup(delay, None, &limits);
                }
                _ => self.ask_host(outbox, &limits),
            }
        }
    }

    /// Asks for something that is for the host to decide: often about an actor that is a moment old.
    fn ask_host(&mut self, outbox: &mut Outbox, limits: &ActorLimits) {
        let newest = self.world.addresses.last().copied().filter(|_| self.world.rng.chance(30));
        let target = newest.unwrap_or_else(|| self.someone(None));
        match self.world.rng.below(8) {
            0..=2 => {
                let _ = outbox.monitor(target, limits);
            }
            3 => {
                let _ = outbox.demonitor(target, limits);
            }
            4 | 5 => self.create_named(outbox, limits),
            6 => {
                let _ = outbox.kill_child(target, limits);
            }
            _ => {
                // Without the right, a guest gets an error and goes on.
                let _ = outbox.handle_dead_letters(self.world.rng.chance(70), limits);
            }
        }
    }

    fn someone(&mut self, heard_from: Option<ActorAddress>) -> ActorAddress {
        let mut known = self.cell().known.clone();
        known.extend([self.me, self.me]);
        known.extend(heard_from);
        if self.world.rng.chance(30) {
            known = self.world.addresses.clone();
        }
        self.world.rng.pick(&known).unwrap_or(self.me)
    }

    /// Sends more than any mailbox takes, and at times more than an outbox does.
    fn flood(&mut self, outbox: &mut Outbox, target: ActorAddress, limits: &ActorLimits) {
        self.world.see("floods");
        let size = self.world.rng.pick(&[10, 10, 1_000, 20_000]).unwrap_or_default();
        for _ in 0..limits.mailbox_len_max + self.world.rng.below(limits.outbox_len_max) {
            if self.world.energy > 0 {
                self.world.energy -= 1;
                // Behind a large one that finds no room, a small one would find some.
                let size = if self.world.rng.chance(20) { 10 } else { size };
                self.send(outbox, target, size, limits);
            }
        }
    }

    fn create(&mut self, outbox: &mut Outbox, limits: &ActorLimits) {
        if self.world.slots >= self.world.slots_max {
            return;
        }
        let child = self.someone_new();
        let address = child.address;
        if outbox.create(child, limits).is_ok() {
            self.audit_create(outbox);
            self.world.slots += 1;
            self.cell().known.push(address);
            if self.world.rng.chance(10) {
                let _ = outbox.monitor(address, limits);
            }
            if self.world.rng.chance(3) {
                let _ = outbox.kill_child(address, limits);
            }
        }
    }

    fn create_named(&mut self, outbox: &mut Outbox, limits: &ActorLimits) {
        if self.world.slots >= self.world.slots_max {
            return;
        }
        let name = self.world.some_name();
        let child = self.someone_new();
        // A name that can't be used is refused here.
        if outbox.create_named(&name, child, limits).is_ok() {
            self.audit_create(outbox);
            self.world.slots += 1;
        }
    }

    fn someone_new(&mut self) -> CreateChild {
        let address = self.world.new_address();
        let class = self.world.some_class();
        let options = CreateOptions {
            watch_restarts: self.world.rng.chance(50),
            requirements: self.world.some_requirements(),
            ..CreateOptions::default()
        };
        CreateChild { address, source: None, class, options }
    }

    /// How the turn goes, as chance has it.
    pub(crate) fn conclude(&mut self, outbox: &Outbox, failing_percent: usize) -> Result<(), Failure> {
        if !self.world.rng.chance(failing_percent) {
            return Ok(());
        }
        let spins = self.world.rng.chance(15);
        if spins && self.world.let_others(300, self.me) && self.cell().killed.is_some() {
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
        let class = self
            .rng
            .pick(&["lasting", "mortal", "limited", "fleeting", "idle", "choosy", "choosy", "unknown"]);
        class.unwrap_or_default().to_string()
    }

    /// One of a few, so that many ask for the same; now and then one that can't be used.
    pub(crate) fn some_name(&mut self) -> String {
        self.rng.pick(&["one", "two", "one", "two", ""]).unwrap_or_default().to_string()
    }
}
