//! Sources that are offered, and what their authority says.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Admin;
use crate::effect::Effects;
use crate::life::LifeEffect;
use crate::question::{Answer, NewPolicy, Offer, Origin, Refusal};
use crate::source::admission::{Admission, Occasion, ReadPapers};
use crate::source::authority::{AuthorityKind, FirstWord};
use crate::source::{JudgeWish, OfferId, Rights, SourceEffect, SourceHash, SourceOutcome, Verdict};
use crate::time::Time;
use crate::utc::UtcTime;

impl Admin {
    pub(super) fn offered(&mut self, now: Time, origin: Origin, offer: Offer, effects: &mut Effects) {
        let (hash, given) = (offer.hash, offer.given);
        let (label, rights) = (offer.label.clone(), offer.allowed.unwrap_or(given));
        let Some(offer) = self.sources.offer(now, origin, offer, &mut self.askers, effects) else { return };
        match self.authority.offered(given) {
            FirstWord::Judged(verdict) => {
                if verdict.is_ok() {
                    effects.push(SourceEffect::Keep(hash));
                }
                self.judged(hash, offer, verdict, effects);
            }
            FirstWord::Looks => {
                effects.push(SourceEffect::Keep(hash));
                effects.push(match self.authority.kind() {
                    AuthorityKind::Asked => {
                        SourceEffect::Judge(Box::new(JudgeWish { hash, offer, label, rights }))
                    }
                    _ => SourceEffect::Examine { hash, offer },
                });
            }
        }
    }

    pub(super) fn examined(
        &mut self,
        hash: SourceHash,
        offer: OfferId,
        papers: &ReadPapers,
        now: UtcTime,
        effects: &mut Effects,
    ) {
        // Unloaded meanwhile, or overdue.
        let Some(asked) = self.sources.asked(hash, offer) else { return };
        let occasion = if asked.is_downgrade { Occasion::Downgrade } else { Occasion::Load };
        let verdict = self.authority.judge(hash, papers, asked.allowed, occasion, now);
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
        let known: Vec<_> = self.sources.iter().filter_map(|(hash, source)| source.standing(hash)).collect();
        let mut outcomes = Vec::new();
        let mut verdicts = Vec::new();
        for standing in known {
            let verdict = match papers.get(&standing.hash) {
                Some(papers) => {
                    authority.judge(standing.hash, papers, standing.allowed, Occasion::Again, now)
                }
                // Approved after they were gathered.
                None => Err("the policy changed while it was loaded: load it again".to_string()),
            };
            outcomes.push(SourceOutcome {
                hash: standing.hash,
                label: standing.label,
                actors: standing.actors,
                outcome: verdict.as_ref().map(|verdict| verdict.rights).map_err(Clone::clone),
            });
            verdicts.push((standing.hash, verdict));
        }
        if !is_trial {
            self.authority = authority;
            for (hash, verdict) in verdicts {
                self.judged_again(hash, verdict, effects);
            }
            self.take_rights_of_the_unloaded(now, effects);
        }
        effects.answer(origin, Ok(Answer::Outcomes(outcomes)));
    }

    /// Actors of a source go on, with the rights that it has now.
    fn judged_again(&mut self, hash: SourceHash, verdict: Result<Verdict, String>, effects: &mut Effects) {
        let rights = verdict.as_ref().map(|verdict| verdict.rights).unwrap_or_default();
        let waited = self.sources.judged_again(hash, verdict, &mut self.askers, effects);
        self.resume(waited, effects);
        self.set_rights(hash, rights, effects);
    }

    /// Actors outlive the loading of their source, and the trust in it may end before they do.
    fn take_rights_of_the_unloaded(&mut self, now: UtcTime, effects: &mut Effects) {
        let left = self.sources.iter().filter_map(|(hash, source)| Some((hash, source.left_behind()?)));
        let is_mistrusted = |(hash, admission): &(SourceHash, &Admission)| {
            !self.authority.still_admits(*hash, admission, now)
        };
        let mistrusted: Vec<_> = left.filter(is_mistrusted).map(|(hash, _)| hash).collect();
        for hash in mistrusted {
            self.set_rights(hash, Rights::NONE, effects);
        }
    }

    fn set_rights(&mut self, hash: SourceHash, rights: Rights, effects: &mut Effects) {
        for address in self.family.of_source(hash) {
            effects.push(LifeEffect::SetRights { address, rights });
            if !rights.dead_letters && self.dead_letters.get() == Some(address) {
                self.dead_letters.asked(address, false, effects);
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
        let waited = self.sources.judged(hash, offer, verdict, &mut self.askers, effects);
        self.resume(waited, effects);
    }
}
