//! What guests do: as chance has it.

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::fate::{Budget, Failure, Fault};
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{CreateChild, CreateOptions, Outbox};

use crate::carrier::Carrier;

impl Carrier<'_> {
    /// What a guest does in one turn, as chance has it.
    pub(crate) fn act(&mut self, outbox: &mut Outbox, heard_from: Option<ActorAddress>) {
        let limits = self.world.limits;
        if let Some(prey) = self.cell().prey
            && self.world.rng.chance(80)
        {
            self.flood(outbox, prey, &limits);
        }
        for _ in 0..self.world.rng.below(4) {
            if self.world.energy == 0 {
                return;
            }
            self.world.energy -= 1;
            match self.world.rng.below(20) {
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
                _ => {
                    let delay = Duration::from_millis(self.world.rng.below(3_000) as u64);
                    let _ = outbox.wakeup(delay, None, &limits);
                }
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
                self.send(outbox, target, size, limits);
            }
        }
    }

    fn create(&mut self, outbox: &mut Outbox, limits: &ActorLimits) {
        if self.world.slots >= self.world.slots_max {
            return;
        }
        let address = self.world.new_address();
        let class = self.world.rng.pick(&["lasting", "mortal", "limited", "unknown"]).unwrap_or_default();
        let options = CreateOptions { watch_restarts: self.world.rng.chance(50), ..CreateOptions::default() };
        let child = CreateChild { address, source: None, class: class.to_string(), options };
        if outbox.create(child, limits).is_ok() {
            self.world.slots += 1;
            self.cell().known.push(address);
        }
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
            0 => Failure::Returned { reason: "no".to_string(), retry: false, budget: None },
            1 => Failure::Returned { reason: "again".to_string(), retry: true, budget: outbox.budget() },
            _ => Failure::Fault(Fault::Trap("unreachable".to_string())),
        })
    }
}
