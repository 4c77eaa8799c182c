//! The mind's words as the wire's, and back: what is asked, and what is answered.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use super::control::{
    ActorLogLevel, ControlError, CreateActor, LoadProgress, LoadedSource, LogLevelsStatus, LogScope, Reply,
    SourceBrief, SourceLogLevel, SourceReport, SourceStatus, UseStatus,
};
use crate::address::ActorAddress;
use crate::log_level::{LevelScope, LogLevels};
use crate::outbox::CreateOptions;
use crate::question::{Answer, CreatorRights, Found, LoadStep, NewActor, Question, Refusal};
use crate::role::Role;
use crate::source::registry::KnownSource;
use crate::source::{JudgedBy, SourceHash};

impl CreateActor {
    /// The question for an actor at this address, of the source that was found by what was typed, by a program of this role.
    #[must_use]
    pub fn into_question(
        self,
        address: ActorAddress,
        source: Result<SourceHash, Refusal>,
        role: Role,
    ) -> Question {
        let Self { source: _typed, class, requirements, init, on_trap, name } = self;
        let options = CreateOptions { requirements, init, on_trap, ..CreateOptions::default() };
        Question::Create(Box::new(NewActor {
            address,
            source,
            class,
            options,
            name,
            creator: CreatorRights::of(role),
        }))
    }
}

impl LogScope {
    /// The same with the source that `find` finds by what was typed.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn resolve(
        self,
        find: impl FnOnce(&str) -> Result<SourceHash, Refusal>,
    ) -> Result<LevelScope, Refusal> {
        Ok(match self {
            Self::Node => LevelScope::Node,
            Self::Source(source) => LevelScope::Source(find(&source)?),
            Self::Actor(actor) => LevelScope::Actor(actor),
        })
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::Done,
            Answer::Created(Found { address, source, class, already }) => {
                Self::Created { address, source, class, already }
            }
            Answer::Loaded { hash, info, already, compile_us } => {
                Self::Loaded(LoadedSource { hash, info: *info, already, compile_us })
            }
            Answer::Ended { reason } => Self::Ended { reason },
            Answer::Killed { actors } => Self::Killed { actors: actors as u64 },
            Answer::Outcomes(outcomes) => Self::Outcomes(outcomes),
            Answer::LogLevels(levels) => Self::LogLevels(Box::new((&*levels).into())),
        }
    }
}

impl From<LoadStep> for LoadProgress {
    fn from(step: LoadStep) -> Self {
        match step {
            LoadStep::Judging => Self::Judging,
            LoadStep::Pending => Self::Pending,
            LoadStep::Compiling => Self::Compiling,
        }
    }
}

impl From<Refusal> for ControlError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownSource { source_hash } => Self::UnknownSource { source_hash },
            Refusal::AmbiguousSource { prefix, matches } => Self::AmbiguousSource { prefix, matches },
            Refusal::SourceRefused { hash, reason } => Self::SourceRefused { hash, reason },
            Refusal::NotApproved { hash } => Self::NotApproved { hash },
            Refusal::WantsMoreRights { hash, missing } => Self::WantsMoreRights { hash, missing },
            refusal @ (Refusal::NoPolicy { .. }
            | Refusal::PolicyRefused { .. }
            | Refusal::OfTheAuthority { .. }
            | Refusal::NotAppointed
            | Refusal::NotPending { .. }
            | Refusal::NotWanted { .. }) => Self::Invalid(refusal.to_string()),
            Refusal::SourceUnloaded { hash } => Self::SourceUnloaded { hash },
            Refusal::NoSuchClass { class, classes } => Self::NoSuchClass { class, classes },
            Refusal::ClassNeeded { classes } => Self::ClassNeeded { classes },
            Refusal::NoCompatibleHost { class, unmet } => {
                let unmet = unmet.iter().map(ToString::to_string).collect();
                Self::NoCompatibleHost { class, unmet }
            }
            Refusal::StartFailed { reason } => Self::StartFailed { reason },
            Refusal::LimitReached(bound) => Self::LimitReached(bound.to_string()),
            Refusal::Malformed(error) => Self::Invalid(error.to_string()),
            Refusal::ShuttingDown => Self::ShuttingDown,
            Refusal::TargetDead { target } => Self::TargetDead { target },
            Refusal::Killed { by } => Self::Killed { by: by.to_string() },
            Refusal::CreatorGone => Self::CreatorGone,
            Refusal::CreatorExiting => Self::CreatorExiting,
            Refusal::CreatorKilled => Self::CreatorKilled,
            Refusal::AskerLeft => Self::AskerLeft,
            Refusal::AskerGone => Self::AskerGone,
        }
    }
}

impl From<&LogLevels> for LogLevelsStatus {
    fn from(levels: &LogLevels) -> Self {
        let (node, configured) = levels.node();
        let sources = levels.sources().map(|(source, level)| SourceLogLevel { source, level });
        let actors = levels.actors().map(|(actor, level)| ActorLogLevel { actor, level });
        Self { node, configured, sources: sources.collect(), actors: actors.collect() }
    }
}

impl From<(SourceHash, &KnownSource)> for SourceStatus {
    fn from((hash, source): (SourceHash, &KnownSource)) -> Self {
        Self {
            hash,
            label: String::from(source.label()),
            size: source.size(),
            state: source.state().clone(),
            info: source.info().cloned(),
            actors: source.actors(),
            rights: source.rights(),
            // Told by whoever has their accounts.
            uses: UseStatus::default(),
        }
    }
}

impl From<(SourceHash, &KnownSource)> for SourceReport {
    fn from((hash, source): (SourceHash, &KnownSource)) -> Self {
        let verdict = source.verdict();
        let admission = verdict.and_then(|verdict| match &verdict.judged_by {
            JudgedBy::Keys(admission) => Some((**admission).clone()),
            JudgedBy::Nobody
            | JudgedBy::Program
            | JudgedBy::Person { .. }
            | JudgedBy::Actor(_)
            | JudgedBy::Configuration => None,
        });
        Self {
            status: (hash, source).into(),
            judged_by: verdict.map(|verdict| verdict.judged_by.to_string()),
            runs: verdict.and_then(|verdict| verdict.runs),
            admission,
            limits: verdict.map(|verdict| verdict.limits.clone()).unwrap_or_default(),
            // Told by whoever has the papers.
            manifest: None,
            manifest_sha256: None,
            signatures: 0,
        }
    }
}

impl From<(SourceHash, &KnownSource)> for SourceBrief {
    fn from((hash, source): (SourceHash, &KnownSource)) -> Self {
        Self { hash, label: String::from(source.label()), state: source.state().clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::HostId;
    use crate::capability::{Clause, Requirement, Value};
    use crate::outbox::OutboxError;
    use crate::question::{Killer, MetBound, Unmet};
    use crate::source::Rights;
    use alloc::vec;

    #[test]
    fn a_refusal_and_what_a_client_is_told_of_it_have_the_same_text() {
        let (hash, target) = (SourceHash([7; 32]), ActorAddress::new(HostId(1), 2));
        let text = |text: &str| text.to_string();
        let clause = Unmet::Clause {
            requirement: Requirement { name: text("gpu"), clause: Clause::IsTrue },
            found: Some(Value::Boolean(false)),
        };
        let unmet = vec![clause, Unmet::OwnCheck(text("the class's own check says no"))];
        for refusal in [
            Refusal::UnknownSource { source_hash: text("07") },
            Refusal::AmbiguousSource { prefix: text("0"), matches: vec![hash, hash] },
            Refusal::SourceRefused { hash, reason: text("not ours") },
            Refusal::SourceUnloaded { hash },
            Refusal::OfTheAuthority { hash },
            Refusal::NotAppointed,
            Refusal::NotApproved { hash },
            Refusal::NotPending { hash },
            Refusal::NotWanted { hash, unwanted: Rights { status: true, ..Rights::NONE } },
            Refusal::NoSuchClass { class: text("C"), classes: vec![text("D"), text("E")] },
            Refusal::ClassNeeded { classes: vec![text("D"), text("E")] },
            Refusal::NoCompatibleHost { class: text("C"), unmet },
            Refusal::StartFailed { reason: text("trapped") },
            Refusal::LimitReached(MetBound::CreatesWaiting),
            Refusal::Malformed(OutboxError::GlobalName),
            Refusal::ShuttingDown,
            Refusal::TargetDead { target },
            Refusal::Killed { by: Killer::Operator },
            Refusal::CreatorGone,
            Refusal::CreatorExiting,
            Refusal::CreatorKilled,
            Refusal::AskerLeft,
            Refusal::AskerGone,
        ] {
            assert_eq!(ControlError::from(refusal.clone()).to_string(), refusal.to_string());
        }
    }
}
