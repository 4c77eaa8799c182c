//! Who judges the sources of a node, and by which rules. One way for all of them: what is offered waits until it is judged, and
//! silence is refusal.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::admission::{Admission, Case, History, Inadmissible, Occasion, ReadPapers, Signature};
use super::manifest::Manifest;
use super::policy::Policy;
use super::{
    ActorJudge, ActorsApproval, Appointment, JudgedBy, LowerLimits, OfferTerms, PendingOffer,
    PersonsApproval, Rights, SourceHash, Verdict,
};
use crate::limits::{ActorLimits, JUDGEMENT_TIME_MAX, PERSON_TIME_MAX, SOURCE_LABEL_LEN_MAX, cut};
use crate::question::Refusal;
use crate::utc::UtcTime;

/// The judge of a node's sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorityKind {
    /// No one: every load is refused.
    #[default]
    None,
    /// Everything is approved.
    TrustAll,
    /// Signatures, by a policy.
    Keys,
    /// Somebody whom the host asks, who answers by an event.
    Asked,
    /// An actor that configuration names.
    Actor,
    /// A person, who says so when they have looked.
    Person,
}

impl AuthorityKind {
    /// As it is written in configuration and shown in status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TrustAll => "trust-all",
            Self::Keys => "keys",
            Self::Asked => "custom",
            Self::Actor => "actor",
            Self::Person => "person",
        }
    }
}

/// The authority of a node: who judges, by which policy, and what it has admitted.
#[derive(Clone, Debug, Default)]
pub struct SourceAuthority {
    kind: AuthorityKind,
    policy: Policy,
    /// The reason why there is no policy.
    broken: Option<String>,
    history: History,
    /// Those of the node: a source's are below them.
    limits: ActorLimits,
    /// The actor that judges now, whatever the kind.
    judge: Option<ActorJudge>,
    /// How often somebody else had something to say.
    ignored: u64,
    /// How long it may take for a judgement; absent: as long as one of its kind may.
    time_max: Option<Duration>,
    /// The office of that actor, where configuration names who is to hold it.
    pub appointment: Option<Appointment>,
}

/// The first word of an authority.
#[derive(Debug, PartialEq)]
pub enum FirstWord {
    /// A judgement, without a look at the source.
    Judged(Result<Verdict, String>),
    /// A look is needed: the host keeps the source meanwhile.
    Looks,
    /// An actor is to judge it, or will when it is there.
    AsksActor,
}

const NOBODY: &str = "this node has no Source Authority, so it loads nothing: start it with `--authority keys` and a policy, \
                      with `--authority person` or `actor`, or, for development, with `--authority trust-all`";

impl SourceAuthority {
    /// An authority of this kind, which has admitted nothing yet.
    #[must_use]
    pub fn new(kind: AuthorityKind, limits: ActorLimits) -> Self {
        Self { kind, limits, ..Self::default() }
    }

    /// The same, with the office of an actor.
    #[must_use]
    pub fn with_appointment(self, appointment: Appointment) -> Self {
        Self { appointment: Some(appointment), ..self }
    }

    /// The same, with this time for a judgement.
    #[must_use]
    pub fn with_time(self, time_max: Option<Duration>) -> Self {
        Self { time_max, ..self }
    }

    /// How long it may take for a judgement: silence is refusal.
    #[must_use]
    pub fn time_max(&self) -> Duration {
        self.time_max.unwrap_or(match self.kind {
            AuthorityKind::Person if self.judge.is_none() => PERSON_TIME_MAX,
            _ => JUDGEMENT_TIME_MAX,
        })
    }

    /// The actor that judges now, if one does.
    #[must_use]
    pub const fn actor_judge(&self) -> Option<ActorJudge> {
        self.judge
    }

    /// How often an actor said what was not its to say.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Counts a word that counts for nothing.
    pub const fn note_ignored(&mut self) {
        self.ignored += 1;
    }

    /// An actor judges from now on, or none. Returns the one before.
    pub const fn set_judge(&mut self, judge: Option<ActorJudge>) -> Option<ActorJudge> {
        core::mem::replace(&mut self.judge, judge)
    }

    /// The kind of it.
    #[must_use]
    pub const fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// All that was admitted.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Remembers what it admitted before the node was started.
    pub fn remember(&mut self, history: History) {
        self.history = history;
    }

    /// A source is offered, to which whoever loads it would give these rights.
    #[must_use]
    pub fn offered(&self, hash: SourceHash, given: Rights) -> FirstWord {
        if self.appointment.as_ref().is_some_and(|office| office.source == hash) {
            let rights = Rights { authority: true, ..Rights::NONE };
            return FirstWord::Judged(Ok(Verdict {
                rights,
                judged_by: JudgedBy::Configuration,
                ..Verdict::default()
            }));
        }
        match self.kind {
            _ if self.judge.is_some() => FirstWord::AsksActor,
            AuthorityKind::Actor => FirstWord::AsksActor,
            AuthorityKind::None => FirstWord::Judged(Err(NOBODY.to_string())),
            AuthorityKind::TrustAll => FirstWord::Judged(Ok(Verdict { rights: given, ..Verdict::default() })),
            AuthorityKind::Keys | AuthorityKind::Asked | AuthorityKind::Person => FirstWord::Looks,
        }
    }

    /// Judges by what was found in a source's papers.
    ///
    /// # Errors
    /// It is not admitted, for this reason.
    pub fn judge(
        &self,
        hash: SourceHash,
        papers: &ReadPapers,
        allowed: Option<Rights>,
        occasion: Occasion,
        now: UtcTime,
    ) -> Result<Verdict, String> {
        let admission = self.admit(hash, papers, allowed, occasion, now)?;
        if let Some(Ok(manifest)) = &papers.manifest {
            self.check_limits(manifest)?;
        }
        admission.limits.of(&self.limits).map_err(|error| error.to_string())?;
        let (rights, limits) = (admission.rights, admission.limits.clone());
        Ok(Verdict {
            rights,
            limits,
            runs: None,
            label: None,
            judged_by: JudgedBy::Keys(Box::new(admission)),
        })
    }

    /// Reads the wishes of a source that a person is to judge.
    ///
    /// # Errors
    /// Its papers are about something else, or it wants what this node can't give: nobody has to look at it.
    pub fn for_person(
        &self,
        hash: SourceHash,
        papers: ReadPapers,
        terms: &OfferTerms,
    ) -> Result<PendingOffer, String> {
        let Some(manifest) = papers.manifest.transpose()? else {
            return Ok(PendingOffer { wanted: terms.given, ..PendingOffer::default() });
        };
        if manifest.sha256 != hash {
            return Err(Inadmissible::OtherSource(manifest.sha256).to_string());
        }
        self.check_limits(&manifest)?;
        let wanted = terms.allowed.map_or(manifest.rights, |allowed| manifest.rights.and(allowed));
        let Manifest { name, version, limits, classes, .. } = manifest;
        Ok(PendingOffer { named: Some((name, version)), wanted, is_kept: false, limits, classes })
    }

    /// Makes a verdict of a person's approval. Nobody gives the right to be the authority but the policy.
    ///
    /// # Errors
    /// It is to have rights that it does not want.
    pub fn of_person(
        pending: &PendingOffer,
        hash: SourceHash,
        PersonsApproval { allowed }: PersonsApproval,
    ) -> Result<Verdict, Refusal> {
        let unwanted = allowed.beyond(Rights { authority: false, ..pending.wanted });
        if unwanted.any() {
            return Err(Refusal::NotWanted { hash, unwanted });
        }
        let judged_by = JudgedBy::Person { classes: pending.classes.clone() };
        Ok(Verdict { rights: allowed, limits: pending.limits.clone(), judged_by, ..Verdict::default() })
    }

    fn check_limits(&self, manifest: &Manifest) -> Result<(), String> {
        match manifest.limits.above_node(&self.limits) {
            Some((limit, wanted, most)) => {
                Err(format!("it wants `{limit}` {wanted}, and this node gives {most}"))
            }
            None => Ok(()),
        }
    }

    /// Makes a verdict of what an actor that is the authority says of an offer: its source gets of that what its loader lets
    /// it have. Nobody gives the right to be the authority but the policy.
    #[must_use]
    pub fn of_actor(&self, source: SourceHash, said: ActorsApproval, terms: &OfferTerms) -> Verdict {
        let lets_have = if terms.has_manifest { terms.allowed.unwrap_or(Rights::ALL) } else { terms.given };
        let rights = Rights { authority: false, ..said.rights.and(lets_have) };
        let label = said.label.map(|label| cut(label, SOURCE_LABEL_LEN_MAX));
        Verdict { rights, limits: said.limits, runs: said.runs, label, judged_by: JudgedBy::Actor(source) }
    }

    /// Whether the word of an earlier run's authority holds: it was the same actor, and what it let run is what was submitted.
    #[must_use]
    pub fn still_holds(&self, verdict: &Verdict) -> bool {
        let appointed = self.appointment.as_ref().map(|office| office.source);
        let judge = appointed.or(self.judge.map(|judge| judge.source));
        match verdict.judged_by {
            JudgedBy::Actor(source) => judge == Some(source) && verdict.runs.is_none(),
            _ => false,
        }
    }

    /// Whether a source that was admitted before would be now: as far as that can be said without its papers.
    #[must_use]
    pub fn still_admits(&self, hash: SourceHash, admission: &Admission, now: UtcTime) -> bool {
        let manifest = Manifest {
            sha256: hash,
            name: admission.name.clone(),
            version: admission.version.clone(),
            not_before: None,
            expires: None,
            rights: admission.rights,
            limits: LowerLimits::default(),
            classes: None,
        };
        let signatures = admission.keys.iter().copied().map(Signature::Good).collect();
        let papers = ReadPapers { manifest: Some(Ok(manifest)), signatures };
        self.admit(hash, &papers, None, Occasion::Again, now).is_ok()
    }

    fn admit(
        &self,
        hash: SourceHash,
        papers: &ReadPapers,
        allowed: Option<Rights>,
        occasion: Occasion,
        now: UtcTime,
    ) -> Result<Admission, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let manifest = papers.manifest.as_ref().map(Result::as_ref).transpose().map_err(String::clone)?;
        let case = Case { hash, manifest, signatures: &papers.signatures, allowed, occasion };
        self.policy.admit(&case, &self.history, now).map_err(|why: Inadmissible| why.to_string())
    }

    /// Remembers what was admitted, and turned out to be what it was admitted as.
    pub fn note(&mut self, verdict: &Verdict) {
        if let JudgedBy::Keys(admission) = &verdict.judged_by {
            self.history.note(admission);
        }
    }

    /// Whether a verdict of somebody whom the host asked can hold on this node.
    ///
    /// # Errors
    /// Its limits do not fit each other, or the node's.
    pub fn check(&self, verdict: &Verdict) -> Result<(), String> {
        verdict.limits.of(&self.limits).map(drop).map_err(|error| error.to_string())
    }

    /// The policy is another from now on.
    ///
    /// # Errors
    /// Its revocations are older than those that were in force, or fewer: then it stays as it was.
    pub fn set_policy(&mut self, policy: Policy) -> Result<(), Inadmissible> {
        let (version, seen) = (policy.revocations.version, self.history.revocations.version);
        if version < seen {
            return Err(Inadmissible::RevocationsOld { version, seen });
        }
        if version == seen && !policy.revocations.has_all_of(&self.history.revocations) {
            return Err(Inadmissible::RevocationsFewer(version));
        }
        self.history.note_policy(&policy);
        (self.policy, self.broken) = (policy, None);
        Ok(())
    }

    /// There is no policy: nothing is admitted, for this reason.
    pub fn set_broken(&mut self, why: String) {
        self.broken = Some(why);
    }

    /// The clock is right, however late something was admitted.
    pub fn accept_clock(&mut self, now: UtcTime) {
        self.history.latest = now;
    }
}
