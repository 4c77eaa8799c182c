//! Sources that are offered, and what their authority says.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Admin;
use crate::effect::Effects;
use crate::life::LifeEffect;
use crate::question::{Answer, NewPolicy, Offer, Origin, Refusal};
use crate::source::admission::{Admission, Occasion, ReadPapers};
use crate::source::authority::{AuthorityKind, FirstWord, SourceAuthority};
use crate::source::registry::{ApprovedSource, KnownSource};
use crate::source::{JudgeWish, JudgedBy, OfferId, Rights, SourceEffect, SourceHash, SourceOutcome, Verdict};
use crate::time::Time;
use crate::utc::UtcTime;

impl Admin {
    pub(super) fn offered(&mut self, now: Time, origin: Origin, offer: Offer, effects: &mut Effects) {
        let (hash, given) = (offer.hash, offer.given);
        let label = offer.label.clone();
        let due = now + self.authority.time_max();
        let Some(offer) = self.sources.offer((now, due), origin, offer, &mut self.askers, effects) else {
            return;
        };
        // `none` looks at nothing, and so nothing is kept for it.
        if !matches!(self.authority.offered(hash, given), FirstWord::Judged(Err(_))) {
            effects.push(SourceEffect::Keep { hash, offer });
        }
        self.put_up((hash, offer), given, label, effects);
    }

    /// Puts an offer, which the host keeps, up for judgement.
    pub(super) fn put_up(
        &mut self,
        (hash, offer): (SourceHash, OfferId),
        given: Rights,
        label: String,
        effects: &mut Effects,
    ) {
        match (self.authority.offered(hash, given), self.authority.kind()) {
            (FirstWord::Judged(verdict), _) => self.judged(hash, offer, verdict, effects),
            (FirstWord::AsksActor, _) => self.sources.await_hands(hash, offer),
            (FirstWord::Looks, AuthorityKind::Asked) => {
                effects.push(SourceEffect::Judge(Box::new(JudgeWish { hash, offer, label, rights: given })));
            }
            (FirstWord::Looks, _) => effects.push(SourceEffect::Examine { hash, offer }),
        }
    }

    /// Judges by rules again what was judged by rules; of a judge who would have to be asked the word of then holds.
    pub(super) fn restored(&mut self, now: Time, offer: Offer, verdict: Verdict, effects: &mut Effects) {
        let (hash, given, label) = (offer.hash, offer.given, offer.label.clone());
        let times = (now, now + self.authority.time_max());
        let Some(offer) = self.sources.restore(times, offer, Occasion::Start) else {
            return effects.push(SourceEffect::Forget(hash));
        };
        effects.push(SourceEffect::Keep { hash, offer });
        // Of another authority's word nothing holds.
        let holds = match (self.authority.offered(hash, given), self.authority.kind()) {
            (FirstWord::AsksActor, _) => self.authority.still_holds(&verdict),
            (FirstWord::Looks, AuthorityKind::Asked) => verdict.judged_by == JudgedBy::Program,
            (FirstWord::Looks, AuthorityKind::Person) => {
                matches!(verdict.judged_by, JudgedBy::Person { .. })
            }
            (FirstWord::Judged(_) | FirstWord::Looks, _) => false,
        };
        if holds {
            self.judged(hash, offer, Ok(verdict), effects);
        } else {
            self.put_up((hash, offer), given, label, effects);
        }
    }

    pub(super) fn examined(
        &mut self,
        hash: SourceHash,
        offer: OfferId,
        papers: ReadPapers,
        now: UtcTime,
        effects: &mut Effects,
    ) {
        // Unloaded meanwhile, or overdue.
        let Some(asked) = self.sources.asked(hash, offer) else { return };
        let verdict = if self.authority.kind() == AuthorityKind::Person {
            match self.await_person((hash, offer), papers, &asked, effects) {
                Ok(()) => return,
                Err(why) => Err(why),
            }
        } else {
            self.authority.judge(hash, &papers, asked.allowed, asked.occasion, now)
        };
        self.judged(hash, offer, verdict, effects);
    }

    /// Every source that is approved, or waits for it, is judged by the new policy; then it holds for all that are offered.
    pub(super) fn policy_asked(&mut self, origin: Origin, new: NewPolicy, effects: &mut Effects) {
        let NewPolicy { policy, papers, now, is_trial } = new;
        if self.authority.kind() != AuthorityKind::Keys {
            let authority = self.authority.kind().name();
            return effects.answer(origin, Err(Refusal::NoPolicy { authority }));
        }
        let mut authority = self.authority.clone();
        if let Err(why) = authority.set_policy(policy) {
            return effects.answer(origin, Err(Refusal::PolicyRefused { why: why.to_string() }));
        }
        // What an actor has approved is not the policy's to judge.
        let is_ours = |source: &KnownSource| {
            !source.verdict().is_some_and(|verdict| matches!(verdict.judged_by, JudgedBy::Actor(_)))
        };
        let ours = self.sources.iter().filter(|(_, source)| is_ours(source));
        let known: Vec<_> = ours.filter_map(|(hash, source)| source.standing(hash)).collect();
        let mut outcomes = Vec::new();
        let mut verdicts = Vec::new();
        for ApprovedSource { hash, offer, label, actors, allowed, info } in known {
            let verdict = match papers.get(&hash) {
                Some((of, papers)) if *of == offer => {
                    authority.judge(hash, papers, allowed, Occasion::Again, now)
                }
                // Approved after they were gathered.
                _ => Err("the policy changed while it was loaded: load it again".to_string()),
            };
            let verdict = verdict.and_then(|verdict| match &info {
                Some(info) => verdict.suits(info).map(|()| verdict),
                None => Ok(verdict),
            });
            let outcome = verdict.as_ref().map(|verdict| verdict.rights).map_err(Clone::clone);
            outcomes.push(SourceOutcome { hash, label, actors, outcome });
            verdicts.push((hash, verdict));
        }
        let mistrusted = self.mistrusted(&authority, now);
        outcomes.extend(mistrusted.iter().cloned());
        if !is_trial {
            self.authority = authority;
            self.judged_again(verdicts, &mistrusted, effects);
        }
        effects.answer(origin, Ok(Answer::Outcomes(outcomes)));
    }

    /// Sources that are not in use, of which actors live that would not be admitted any more: they outlive the loading of their
    /// source, and the trust in it may end before they do.
    fn mistrusted(&self, authority: &SourceAuthority, now: UtcTime) -> Vec<SourceOutcome> {
        let is_trusted = |hash, admission: Option<&Admission>| {
            admission.is_some_and(|admission| authority.still_admits(hash, admission, now))
        };
        let left = self.sources.iter().filter(|(hash, source)| {
            source.left_behind().is_some_and(|admission| !is_trusted(*hash, admission))
        });
        let outcome = |(hash, source): (SourceHash, &KnownSource)| SourceOutcome {
            hash,
            label: source.label().into(),
            actors: source.actors(),
            outcome: Err("it is not in use, and its actors would not be admitted any more".to_string()),
        };
        left.map(outcome).collect()
    }

    /// Actors go on, with the rights that its source has now, if it had them when it began.
    fn judged_again(
        &mut self,
        verdicts: Vec<(SourceHash, Result<Verdict, String>)>,
        mistrusted: &[SourceOutcome],
        effects: &mut Effects,
    ) {
        let mut most: BTreeMap<_, _> = mistrusted.iter().map(|source| (source.hash, Rights::NONE)).collect();
        let mut waited = Vec::new();
        for (hash, verdict) in verdicts {
            most.insert(hash, verdict.as_ref().map(|verdict| verdict.rights).unwrap_or_default());
            waited.extend(self.sources.judged_again(hash, verdict, &mut self.askers, effects));
        }
        self.resume(waited, effects);
        for (address, rights) in self.family.let_have(&most) {
            effects.push(LifeEffect::SetRights { address, rights });
            if !rights.dead_letters {
                self.dead_letters.asked(address, false, effects);
            }
            if !rights.sources {
                self.source_watchers.asked(address, false, core::iter::empty(), effects);
            }
            if !rights.authority {
                self.resign(address, "it has lost the right to be", effects);
            }
        }
    }

    pub(super) fn judged(
        &mut self,
        hash: SourceHash,
        offer: OfferId,
        verdict: Result<Verdict, String>,
        effects: &mut Effects,
    ) {
        let verdict = verdict.and_then(|verdict| self.authority.check(&verdict).map(|()| verdict));
        let waited = self.sources.judged(hash, offer, verdict, &mut self.askers, effects);
        self.resume(waited, effects);
    }
}
