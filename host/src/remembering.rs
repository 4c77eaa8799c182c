//! What a node remembers of sources over a restart: those that are admitted, and what was admitted so far.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use thespian_core::admin::Admin;
use thespian_core::question::Offer;
use thespian_core::source::admission::Occasion;
use thespian_core::source::registry::KnownSource;
use thespian_core::source::{
    JudgedBy, OfferId, OfferTerms, Rights, SourceEvent, SourceHash, Unusable, Verdict,
};
use thespian_core::text::inert;
use thespian_core::time::Time;
use tokio::runtime::Handle;
use tracing::Level;

use crate::inside::Inside;
use crate::plane::clock::utc;
use crate::signing::SourcePapers;
use crate::store::audit::{ApprovedRecord, AuditEvent};
use crate::store::pending::PendingRecord;
use crate::store::records::SourceRecord;
use crate::store::sources::{KeptSource, WaitingSource};

/// Tells `Admin` of the sources that an earlier run has admitted, and of those that waited for a person, before anybody asks for them, and the log of those that can't be
/// read; and writes down by which policy they are judged.
pub(crate) fn begin(
    inside: &Arc<Inside>,
    (kept, waiting): (Vec<KeptSource>, Vec<WaitingSource>),
    problems: &[String],
    io: &Handle,
) {
    for problem in problems {
        inside.plane.log.node(Level::ERROR, "sources", &inert(problem));
    }
    inside.audit.note(started(inside));
    restore(inside, kept);
    for waiting in waiting {
        let offer = Box::new(waiting.record.offer(waiting.file.hash()));
        let left = waiting.record.due.since(utc());
        inside.library.found_waiting(waiting);
        inside.desk.tell(SourceEvent::PendingFound { offer, left });
    }
    let inside = inside.clone();
    inside.desk.faults().clone().spawn(io, "the history of admissions", async move {
        write_history(&inside).await;
    });
}

fn restore(inside: &Inside, kept: Vec<KeptSource>) {
    for kept in kept {
        let (hash, record) = (kept.file.hash(), &kept.record);
        let (label, size, allowed) = (record.label.clone(), record.size, record.allowed);
        let given = record.given;
        let has_manifest = record.has_manifest();
        let offer = Offer { hash, label, size, given, allowed, has_manifest, is_downgrade: false, by: None };
        let verdict = record.verdict.clone();
        inside.library.found(kept);
        inside.desk.tell(SourceEvent::Restored { offer: Box::new(offer), verdict });
    }
}

/// Has an offer wait for a person on disk, until its judgement may come no more.
///
/// # Errors
/// That can't be written.
pub(crate) async fn keep_pending(
    inside: &Arc<Inside>,
    hash: SourceHash,
    id: OfferId,
    due: Time,
) -> Result<(), Unusable> {
    let (_, papers) = inside.library.papers(hash);
    let look = move |admin: &Admin| {
        let source = admin.sources().get(hash)?;
        let OfferTerms { given, allowed, has_manifest, by, .. } = admin.sources().asked(hash, id)?;
        let (label, size) = (source.submitted_as().to_owned(), source.size());
        Some(Offer { hash, label, size, given, allowed, has_manifest, is_downgrade: false, by })
    };
    // Judged meanwhile, or the node ends: nobody waits.
    let Ok(Some(offer)) = inside.desk.look(look).await else { return Ok(()) };
    let due = utc().plus(due - inside.plane.clock.now());
    let signatures = papers.signatures.iter().map(|file| &**file);
    let record = PendingRecord::new(offer, due, papers.manifest.as_deref(), signatures);
    inside.library.keep_pending(hash, id, record).await
}

/// Has a source that was loaded just now come back with the next start.
///
/// # Errors
/// That can't be written.
pub(crate) async fn admit(inside: &Arc<Inside>, hash: SourceHash) -> Result<(), Unusable> {
    let (_, papers) = inside.library.papers(hash);
    let authority = inside.setup.authority.name();
    let look = move |admin: &Admin| {
        let mut known = admin.sources().iter();
        let (_, source) = known.find(|(known, _)| *known == hash)?;
        let verdict = source.verdict()?.clone();
        let approved = approved(hash, source, &verdict, &papers);
        Some((approved, record(source, verdict, authority, &papers)))
    };
    // Unloaded meanwhile, or the node stops: nothing is to come back.
    let Ok(Some((approved, record))) = inside.desk.look(look).await else { return Ok(()) };
    let is_new = !approved.is_restored;
    let audit = inside.audit.approve(AuditEvent::Approved(Box::new(approved)), is_new);
    // The disk is waited for once.
    let (written, admitted) = tokio::join!(audit, inside.library.admit(hash, record));
    if let Err(error) = written {
        if is_new {
            inside.library.erase(hash);
        }
        return Err(Unusable::now(format!("the audit log can't be written: {error}")));
    }
    admitted
}

/// The record of a start: by whom and by what sources are judged.
fn started(inside: &Inside) -> AuditEvent {
    let policy = inside.policy.file().map(|file| file.hash().to_string());
    AuditEvent::Started {
        version: env!("CARGO_PKG_VERSION"),
        host: format!("{:016x}", inside.plane.host.0),
        authority: inside.setup.authority.name().to_owned(),
        policy_sha256: policy,
    }
}

/// The SHA-256 of some bytes, in hex.
fn sha256(bytes: &[u8]) -> String {
    SourceHash(Sha256::digest(bytes).into()).to_string()
}

fn approved(
    hash: SourceHash,
    source: &KnownSource,
    verdict: &Verdict,
    papers: &SourcePapers,
) -> ApprovedRecord {
    ApprovedRecord {
        source: hash.to_string(),
        label: source.label().to_owned(),
        size: source.size(),
        by: source.terms().by.map(|by| by.to_string()),
        judged_by: verdict.judged_by.to_string(),
        rights: verdict.rights.names().collect(),
        limits: verdict.limits.iter().collect(),
        runs: verdict.runs.map(|runs| runs.to_string()),
        manifest_sha256: papers.manifest.as_deref().map(sha256),
        signatures_sha256: papers.signatures.iter().map(|file| sha256(file)).collect(),
        is_restored: source.terms().occasion == Occasion::Start,
    }
}

fn record(source: &KnownSource, verdict: Verdict, authority: &str, papers: &SourcePapers) -> SourceRecord {
    let (given, admitted_at) = match &verdict.judged_by {
        JudgedBy::Nobody => (verdict.rights, utc()),
        JudgedBy::Keys(admission) => (Rights::NONE, admission.at),
        JudgedBy::Program => (Rights::NONE, utc()),
        // Of what an operator gave its authority may have let it have less: judged again, it is offered as it was.
        JudgedBy::Actor(_) | JudgedBy::Person { .. } => (source.terms().given, utc()),
        JudgedBy::Configuration => (Rights::NONE, utc()),
    };
    let rights = (given, source.terms().allowed);
    let record = SourceRecord::new(
        source.submitted_as().to_owned(),
        source.size(),
        rights,
        admitted_at,
        authority,
        verdict,
    );
    let signatures = papers.signatures.iter().map(|file| &**file);
    record.with_papers(papers.manifest.as_deref(), signatures)
}

/// Writes down what was admitted so far, if that is more than before.
pub(crate) async fn write_history(inside: &Arc<Inside>) {
    let Some(file) = inside.history.clone() else { return };
    let _turn = file.turn.lock().await;
    // The node stops: what it has admitted since is told by the records of its sources.
    let Ok(history) = inside.desk.look(|admin| admin.authority().history().clone()).await else { return };
    let writing = file.clone();
    let written = inside.policy.io.spawn_blocking(move || writing.write(&history)).await;
    if let Ok(Err(error)) = written {
        let text =
            format!("what was admitted can't be written down, and is forgotten with a restart: {error}");
        inside.plane.log.node(Level::ERROR, "sources", &inert(&text));
    }
}
