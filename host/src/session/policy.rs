//! What programs ask of the policy: to see it, to hold the sources against another, to change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use thespian_core::question::{NewPolicy, Question};
use thespian_core::source::policy::{PublicKey, TrustedKey};
use thespian_core::source::{LowerLimits, NamePattern, SourceHash, SourceOutcome};
use thespian_core::text::inert;
use thespian_core::wire::control::{ControlError, PolicyChange, Reply};

use tracing::Level;

use crate::answers::Answered;
use crate::inside::Inside;
use crate::plane::clock::utc;
use crate::signing::key_text;
use crate::signing::policy_file::{PolicyEdit, PolicyFile};

/// Tells what would become of the sources under the policy of this text, or of what stands in the file.
pub(super) async fn check(inside: &Arc<Inside>, text: Option<String>) -> Answered {
    let file = match text {
        Some(text) => {
            PolicyFile::parse(text).map_err(|why| ControlError::Invalid(format!("the policy, {why}")))?
        }
        None => read(inside).await?,
    };
    judge_all(inside, &file, true).await.map(Reply::Outcomes)
}

/// Puts into force what stands in the file. What can't be changes nothing.
pub(super) async fn reload(inside: &Arc<Inside>) -> Answered {
    let _one = inside.policy.changing.lock().await;
    let reloaded = match read(inside).await {
        Ok(file) => put_into_force(inside, file).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &reloaded {
        inside.policy.note_problem(error.to_string());
        let text = format!("the policy stays as it was: {error}");
        inside.plane.log.node(Level::ERROR, "sources", &inert(&text));
    }
    reloaded.map(Reply::Outcomes)
}

/// Changes the file, and puts it into force.
pub(super) async fn edit(inside: &Arc<Inside>, change: PolicyChange) -> Answered {
    let _one = inside.policy.changing.lock().await;
    let before = inside.policy.file();
    let (edit, kill) = meant(change, before.as_ref()).map_err(ControlError::Invalid)?;
    let path = inside.policy.path().clone();
    let after = edit.applied_to(&path, before.as_ref());
    let after = after.map_err(|error| ControlError::Invalid(error.to_string()))?;
    // First without consequences: what the rules refuse does not get into the file.
    judge_all(inside, &after, true).await?;
    let written = after.clone();
    blocking(inside, move || written.write(&path).map_err(|error| ControlError::Invalid(error.to_string())))
        .await??;
    let outcomes = put_into_force(inside, after).await?;
    if kill {
        for outcome in outcomes.iter().filter(|outcome| outcome.outcome.is_err()) {
            let source = outcome.hash;
            inside.desk.ask(move |_| Ok(Question::KillSource { source }), None, None).await?;
        }
    }
    Ok(Reply::Outcomes(outcomes))
}

async fn read(inside: &Arc<Inside>) -> Result<PolicyFile, ControlError> {
    let path = inside.policy.path().clone();
    blocking(inside, move || PolicyFile::read(&path))
        .await?
        .map_err(|error| ControlError::Invalid(error.to_string()))
}

async fn put_into_force(inside: &Arc<Inside>, file: PolicyFile) -> Result<Vec<SourceOutcome>, ControlError> {
    // Before the rules have it: signatures of what is offered meanwhile are held against keys that they may not know yet, and
    // those count for nothing.
    let before = inside.policy.replace(Some(file.clone()));
    let outcomes = judge_all(inside, &file, false).await;
    match &outcomes {
        Ok(outcomes) => {
            let refused = outcomes.iter().filter(|outcome| outcome.outcome.is_err()).count();
            let stay = outcomes.len() - refused;
            let text =
                format!("a policy is in force, by which {stay} sources stay and {refused} are refused");
            inside.plane.log.node(Level::INFO, "sources", &text);
        }
        Err(_) => drop(inside.policy.replace(before)),
    }
    outcomes
}

/// Has all sources judged by a policy.
async fn judge_all(
    inside: &Arc<Inside>,
    file: &PolicyFile,
    is_trial: bool,
) -> Result<Vec<SourceOutcome>, ControlError> {
    let (papers, keys) = (inside.library.all_papers(), file.keys());
    let read = move || papers.into_iter().map(|(hash, papers)| (hash, papers.read(&keys))).collect();
    let papers: BTreeMap<SourceHash, _> = blocking(inside, read).await?;
    let policy = NewPolicy { policy: file.policy.clone(), papers, now: utc(), is_trial };
    let question = Question::SetPolicy(Box::new(policy));
    match inside.desk.ask(|_| Ok(question), None, None).await? {
        Reply::Outcomes(outcomes) => Ok(outcomes),
        _ => unreachable!("a policy is answered with what becomes of the sources"),
    }
}

async fn blocking<T: Send + 'static>(
    inside: &Inside,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ControlError> {
    // The error means that the node ends.
    inside.policy.io.spawn_blocking(work).await.map_err(|_| ControlError::ShuttingDown)
}

/// The change that is meant by what was typed, and whether it ends actors.
fn meant(change: PolicyChange, before: Option<&PolicyFile>) -> Result<(PolicyEdit, bool), String> {
    match change {
        PolicyChange::TrustKey { name, public, sources, rights, limits: named, expires } => {
            let key = key_text::read(&public).map_err(|error| error.to_string())?;
            let patterns = sources.iter().map(|pattern| pattern.parse::<NamePattern>());
            let sources: Result<Vec<_>, _> = patterns.collect();
            let sources = sources.map_err(|error| error.to_string())?;
            if sources.is_empty() {
                return Err(
                    "a key is trusted for sources of some names: say which, as in `shop/*`".to_string()
                );
            }
            let mut limits = LowerLimits::default();
            for (limit, value) in named {
                limits.set(&limit, value).map_err(|error| error.to_string())?;
            }
            Ok((PolicyEdit::Trust(TrustedKey { name, key, sources, rights, limits, expires }), false))
        }
        PolicyChange::RevokeKey { key, kill } => Ok((PolicyEdit::RevokeKey(named_key(&key, before)?), kill)),
        PolicyChange::RevokeSource { source, kill } => Ok((PolicyEdit::RevokeSource(source), kill)),
    }
}

fn named_key(text: &str, before: Option<&PolicyFile>) -> Result<PublicKey, String> {
    let mut trusted = before.iter().flat_map(|file| &file.policy.keys);
    match trusted.find(|key| key.name == text) {
        Some(key) => Ok(key.key),
        None => {
            key_text::read(text).map_err(|error| format!("no key that is trusted has this name, and {error}"))
        }
    }
}
