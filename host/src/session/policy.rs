//! What programs ask of the policy: to see it, to hold the sources against another, to change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use thespian_core::question::{NewPolicy, Question};
use thespian_core::source::policy::{PublicKey, TrustedKey};
use thespian_core::source::{LowerLimits, NamePattern, SourceHash, SourceOutcome};
use thespian_core::text::inert;
use thespian_core::wire::control::{ControlError, PolicyChange, Reply};

use tokio::sync::oneshot;
use tracing::Level;

use crate::answers::Answered;
use crate::inside::Inside;
use crate::plane::clock::utc;
use crate::remembering;
use crate::signing::key_text;
use crate::signing::policy_file::{PolicyEdit, PolicyError, PolicyFile};
use crate::store::audit::AuditEvent;

/// Tells what would become of the sources under the policy of this text, or of what stands in the file.
pub(super) async fn check(inside: &Arc<Inside>, text: Option<String>) -> Answered {
    // One at a time, however many ask.
    let _one = inside.policy.checking.lock().await;
    let file = match text {
        Some(text) => blocking(inside, move || PolicyFile::parse(text)).await?.map_err(not_a_policy)?,
        None => read(inside).await?,
    };
    judge_all(inside, &file, true).await.map(Reply::Outcomes)
}

fn not_a_policy(why: String) -> ControlError {
    ControlError::Invalid(format!("the policy, {why}"))
}

/// Puts into force what stands in the file. What can't be changes nothing.
pub(super) async fn reload(inside: &Arc<Inside>) -> Answered {
    whole(inside, "a new policy", reload_now).await
}

/// Changes the file, and puts it into force.
pub(super) async fn edit(inside: &Arc<Inside>, change: PolicyChange) -> Answered {
    whole(inside, "a change of the policy", move |inside| edit_now(inside, change)).await
}

/// Takes the clock for right.
pub(super) async fn accept_clock(inside: &Arc<Inside>) -> Answered {
    let now = utc();
    let accepted = inside.desk.ask(move |_| Ok(Question::AcceptClock { now }), None, None).await;
    if accepted.is_ok() {
        inside.audit.note(AuditEvent::ClockAccepted { now: now.to_string() });
    }
    remembering::write_history(inside).await;
    accepted
}

/// Runs a change to its end, also where whoever asked for it leaves: half of it would be a policy on paper.
async fn whole<F: Future<Output = Answered> + Send + 'static>(
    inside: &Arc<Inside>,
    name: &'static str,
    change: impl FnOnce(Arc<Inside>) -> F,
) -> Answered {
    let (done, outcome) = oneshot::channel();
    let change = change(inside.clone());
    inside.desk.faults().spawn(&inside.policy.io, name, async move {
        // Who asked may have left.
        let _ = done.send(change.await);
    });
    // The error means that the node ends.
    outcome.await.unwrap_or_else(|_| Err(inside.desk.why_closed()))
}

async fn reload_now(inside: Arc<Inside>) -> Answered {
    let inside = &inside;
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

async fn edit_now(inside: Arc<Inside>, change: PolicyChange) -> Answered {
    let inside = &inside;
    let _one = inside.policy.changing.lock().await;
    let (path, in_force) = (inside.policy.path().clone(), inside.policy.file());
    let before = blocking(inside, move || match PolicyFile::read(&path) {
        Err(PolicyError::Absent { .. }) => Ok(None),
        read => read.map(Some),
    });
    let before = before.await?.map_err(|error| ControlError::Invalid(error.to_string()))?;
    if before.as_ref().map(|file| &file.text) != in_force.as_ref().map(|file| &file.text) {
        let path = inside.policy.path().display();
        let text = format!("{path} is not what is in force: put that into force first, with `policy reload`");
        return Err(ControlError::Invalid(text));
    }
    let (edit, kill) = meant(change, before.as_ref()).map_err(ControlError::Invalid)?;
    let path = inside.policy.path().clone();
    let after = edit.applied_to(&path, before.as_ref());
    let after = after.map_err(|error| ControlError::Invalid(error.to_string()))?;
    // First without consequences: what the rules refuse does not get into the file.
    judge_all(inside, &after, true).await?;
    let written = after.clone();
    let write = move || written.write(&path).map_err(|error| ControlError::Invalid(error.to_string()));
    blocking(inside, write).await??;
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
    let read = blocking(inside, move || PolicyFile::read(&path)).await?;
    read.map_err(|error| ControlError::Invalid(error.to_string()))
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
            inside.audit.note(AuditEvent::PolicySet { sha256: file.hash().to_string() });
            remembering::write_history(inside).await;
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
    let read = move || {
        papers.into_iter().map(|(hash, (offer, papers))| (hash, (offer, papers.read(&keys)))).collect()
    };
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
