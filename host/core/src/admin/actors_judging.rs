//! Actors that are the authority: how one comes to be it, what it is given to judge, and what it says.
//!
//! ```text
//!  awaited ── the judge has room ──► in its hands ── it judges ──► judged
//!     ▲                                   │ it ends, or fails ──► refused
//!     └──── another is the authority ─────┘
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Admin;
use crate::address::ActorAddress;
use crate::effect::Effects;
use crate::envelope::ExitReason;
use crate::limits::OFFERS_IN_HANDS_MAX;
use crate::outbox::CreateOptions;
use crate::question::{CreatorRights, NewActor, Origin, Refusal};
use crate::source::{ActorJudge, ActorsApproval, OfferId, Rights, SourceEffect};
use crate::time::Time;

impl Admin {
    /// An actor wants to be the authority, or no longer. The last has it; one that configuration names keeps it.
    pub(super) fn authority_asked(&mut self, by: ActorAddress, judges: bool, effects: &mut Effects) {
        if !judges {
            return self.resign(by, "it gave that up", effects);
        }
        let member = self.family.get(by).filter(|member| member.rights().authority);
        match member.and_then(|member| member.source) {
            Some(source) if self.authority.appointment.is_none() => {
                let before = self.set_judge(Some(ActorJudge { address: by, source }), effects);
                if let Some(before) = before.filter(|before| before.address != by) {
                    self.sources.take_back(before.address);
                }
            }
            _ if self.is_judge(by) => {}
            _ => self.ignore(by, None, effects),
        }
    }

    /// An actor judges from now on, or none. Returns the one before.
    fn set_judge(&mut self, judge: Option<ActorJudge>, effects: &mut Effects) -> Option<ActorJudge> {
        let before = self.authority.set_judge(judge);
        if before != judge {
            effects.push(SourceEffect::NoteAuthority(judge));
            self.sources.note_judge();
        }
        before
    }

    fn ignore(&mut self, by: ActorAddress, offer: Option<OfferId>, effects: &mut Effects) {
        self.authority.note_ignored();
        effects.push(SourceEffect::NoteIgnored { by, offer });
    }

    fn is_judge(&self, address: ActorAddress) -> bool {
        self.authority.actor_judge().is_some_and(|judge| judge.address == address)
    }

    /// If this actor is the authority, it is so no longer, for this reason, and what is in its hands is refused.
    pub(super) fn resign(&mut self, address: ActorAddress, why: &str, effects: &mut Effects) {
        if !self.is_judge(address) || self.authority.appointment.is_some() {
            return;
        }
        self.retire(address, &format!("the actor that was its authority is so no longer: {why}"), effects);
    }

    /// No actor judges any more: what is in the hands of the last is refused, for this reason.
    fn retire(&mut self, judge: ActorAddress, why: &str, effects: &mut Effects) {
        self.set_judge(None, effects);
        self.refuse_all_of(judge, why, effects);
        self.judge_awaited(effects);
    }

    /// An actor failed for good on what it was to judge.
    pub(super) fn authority_failed(&mut self, by: ActorAddress, reason: &str, effects: &mut Effects) {
        self.refuse_all_of(by, &format!("its authority failed: {reason}"), effects);
    }

    fn refuse_all_of(&mut self, judge: ActorAddress, why: &str, effects: &mut Effects) {
        let in_hands: Vec<_> = self.sources.in_hands_of(judge).collect();
        for (hash, offer) in in_hands {
            self.judged(hash, offer, Err(why.to_string()), effects);
        }
    }

    /// Only the actor that has an offer in its hands has a say in it: nobody else, and not about one that was judged already.
    pub(super) fn offer_judged(
        &mut self,
        by: ActorAddress,
        offer: OfferId,
        verdict: Result<Box<ActorsApproval>, String>,
        effects: &mut Effects,
    ) {
        let judge = self.authority.actor_judge().filter(|judge| judge.address == by);
        let hash = self.sources.in_hands_of(by).find_map(|(hash, held)| (held == offer).then_some(hash));
        let (Some(judge), Some(hash)) = (judge, hash) else {
            return self.ignore(by, Some(offer), effects);
        };
        let Some(terms) = self.sources.asked(hash, offer) else { return };
        let verdict = verdict.map(|said| self.authority.of_actor(judge.source, *said, &terms));
        self.judged(hash, offer, verdict, effects);
    }

    /// Gives the authority as much of what awaits it as it may have at one time.
    pub(super) fn fill_hands(&mut self, effects: &mut Effects) {
        let Some(judge) = self.authority.actor_judge() else { return };
        if !self.sources.take_wants_hands() {
            return;
        }
        let held = self.sources.in_hands_of(judge.address).count();
        for _ in held..OFFERS_IN_HANDS_MAX {
            let Some(hand_over) = self.sources.hand_over(judge.address) else { return };
            effects.push(SourceEffect::HandOver(Box::new(hand_over)));
        }
    }

    /// Creates the actor that configuration names as the authority, at an address for which a place was taken.
    pub(super) fn appoint(
        &mut self,
        now: Time,
        origin: Option<Origin>,
        address: ActorAddress,
        effects: &mut Effects,
    ) {
        let is_stopping = self.is_stopping();
        let Some(office) =
            self.authority.appointment.as_mut().filter(|office| office.is_vacant() && !is_stopping)
        else {
            let refusal = if is_stopping { Refusal::ShuttingDown } else { Refusal::NotAppointed };
            effects.settle_nowhere(address, &refusal);
            if let Some(origin) = origin {
                effects.answer(origin, Err(refusal));
            }
            return;
        };
        office.begin(now, address);
        let options = CreateOptions { init: office.init.clone(), ..CreateOptions::default() };
        let create = NewActor {
            address,
            source: Ok(office.source),
            class: office.class.clone(),
            options,
            name: None,
            creator: CreatorRights::Own(Rights::ALL),
        };
        self.create_for(origin, create, effects);
    }

    /// The actor that was created for the office runs: what is offered is its to judge.
    pub(super) fn take_office(&mut self, address: ActorAddress, effects: &mut Effects) {
        if let Some(office) = self.authority.appointment.as_ref().filter(|office| office.is_held_by(address))
        {
            let source = office.source;
            self.set_judge(Some(ActorJudge { address, source }), effects);
        }
    }

    /// No actor judges any more: what awaits one is judged by whoever configuration names, if that is another.
    fn judge_awaited(&mut self, effects: &mut Effects) {
        if self.authority.appointment.is_some() {
            return;
        }
        for (hash, offer, given) in self.sources.take_awaited(self.now + self.authority.time_max()) {
            let label = self.sources.get(hash).map(|source| source.submitted_as().into()).unwrap_or_default();
            self.put_up((hash, offer), given, label, effects);
        }
    }

    /// An actor ends. If it is the authority, what is in its hands is refused; another is created where configuration names it.
    pub(super) fn leave_office(
        &mut self,
        now: Time,
        address: ActorAddress,
        reason: &ExitReason,
        effects: &mut Effects,
    ) {
        if let Some(office) = self.authority.appointment.as_mut().filter(|office| office.is_held_by(address))
        {
            office.vacate(now);
        }
        if self.is_judge(address) {
            self.retire(address, &format!("its authority ended before it had judged: {reason}"), effects);
        }
    }

    /// The pause behind the last authority is over.
    pub(super) fn fill_office(&mut self, now: Time, effects: &mut Effects) {
        let is_stopping = self.is_stopping();
        if let Some(office) = &mut self.authority.appointment
            && office.take_due(now)
            && !is_stopping
        {
            effects.push(SourceEffect::FindPlace);
        }
    }

    /// There is a place for the next authority, or another pause.
    pub(super) fn place_found(
        &mut self,
        now: Time,
        place: Result<ActorAddress, String>,
        effects: &mut Effects,
    ) {
        match (place, &mut self.authority.appointment) {
            (Ok(address), _) => self.appoint(now, None, address, effects),
            (Err(_), Some(office)) if office.is_vacant() => office.vacate(now),
            (Err(_), _) => {}
        }
    }
}
