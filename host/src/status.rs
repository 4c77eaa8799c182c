//! A node and its actors, as they are shown.

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::admin::Admin;
use thespian_core::family::Member;
use thespian_core::limits::{
    STATUS_CHILDREN_MAX, STATUS_LOGGED_ACTORS_MAX, STATUS_NAMES_MAX, STATUS_ORPHANS_MAX, STATUS_SOURCES_MAX,
};
use thespian_core::source::SourceHash;
use thespian_core::text::inert;
use thespian_core::time::Time;
use thespian_core::turn::Wait;
use thespian_core::wire::control::{
    ActorPhase, ActorReport, ActorStatus, ActorWait, ControlError, EndedActor, LongTurn, NameStatus,
    NodeStatus, Reply, SourceBrief,
};

use crate::answers::Answered;
use crate::inside::Inside;
use crate::store::log_file::LogFile;

/// The actors, parents before their children.
pub(crate) fn actors(admin: &Admin, inside: &Inside) -> Vec<ActorStatus> {
    let family = admin.family();
    let roots = family.iter().filter(|(_, member)| member.parent.is_none());
    let in_order = roots.flat_map(|(root, _)| family.subtree(root));
    in_order.filter_map(|address| actor(admin, inside, address)).collect()
}

/// How an actor or the node is, for someone outside.
///
/// # Errors
/// There is no such actor.
pub(crate) fn answer(admin: &Admin, inside: &Inside, about: Option<ActorAddress>) -> Answered {
    Ok(match about {
        Some(target) => Reply::Actor(Box::new(report(admin, inside, target)?)),
        None => Reply::Status(Box::new(node(admin, inside))),
    })
}

/// An actor and its children.
fn report(admin: &Admin, inside: &Inside, target: ActorAddress) -> Result<ActorReport, ControlError> {
    let actor_status = actor(admin, inside, target).ok_or_else(|| gone(inside, target))?;
    let children = admin.family().get(target).into_iter().flat_map(Member::children);
    let children = children.take(STATUS_CHILDREN_MAX);
    let children = children.filter_map(|child| actor(admin, inside, child)).collect();
    Ok(ActorReport { actor: actor_status, children })
}

/// An actor that is not there: how it ended, as far as that is remembered.
fn gone(inside: &Inside, target: ActorAddress) -> ControlError {
    match inside.ends.of(target) {
        Some(EndedActor { class, reason, .. }) => ControlError::ActorEnded { target, class, reason },
        None => ControlError::TargetDead { target },
    }
}

fn actor(admin: &Admin, inside: &Inside, address: ActorAddress) -> Option<ActorStatus> {
    let member = admin.family().get(address)?;
    let now = inside.plane.clock.now();
    // One whose end `Admin` has yet to hear of is listed: only then has its parent been told.
    let (shown, (len, bytes)) = inside.cells.shown(address, now);
    let mailbox_len = len as u64 + shown.taken;
    Some(ActorStatus {
        address,
        class: member.class.clone(),
        source: member.source.unwrap_or(SourceHash([0; 32])),
        parent: member.parent,
        name: member.name.as_deref().map(str::to_string),
        phase: if member.is_exiting() { ActorPhase::Exiting } else { shown.phase },
        incarnation: shown.incarnation,
        restarts: shown.restarts,
        mailbox_len,
        mailbox_bytes: bytes as u64,
        turns: shown.turns,
        poisoned: shown.poisoned,
        wakeups: shown.wakeups,
        children: member.children().count() as u64,
        is_orphan: member.is_orphan(),
        sent: shown.sent,
        undelivered: shown.undelivered,
        busy_us: u64::try_from(shown.busy.as_micros()).unwrap_or(u64::MAX),
        memory_bytes: shown.memory_bytes,
        log_level: admin.log_levels().of(address, member.source),
        in_turn_ms: shown.in_turn.map(millis),
        oldest_ms: shown.oldest.filter(|_| mailbox_len > 0 || shown.in_turn.is_some()).map(millis),
        waits: waits(member, shown.wait, now),
    })
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn waits(member: &Member, wait: Option<Wait>, now: Time) -> Option<ActorWait> {
    let left_ms = |until: Time| millis(until.since(now));
    match (wait, member.exit_deadline()) {
        (Some(Wait { until, why, receivers }), _) => {
            Some(ActorWait { why, left_ms: left_ms(until), receivers })
        }
        (None, Some(deadline)) => Some(ActorWait {
            why: "its children exit first; then it is killed".to_string(),
            left_ms: left_ms(deadline),
            receivers: Vec::new(),
        }),
        (None, None) => None,
    }
}

/// The status of an actor, or of the node, for an actor that asks.
///
/// # Errors
/// There is no such actor.
pub(crate) fn json(admin: &Admin, inside: &Inside, about: Option<ActorAddress>) -> Result<String, String> {
    let json = match about {
        None => serde_json::to_string(&node(admin, inside)),
        Some(address) => {
            let status = actor(admin, inside, address);
            serde_json::to_string(&status.ok_or_else(|| gone(inside, address).to_string())?)
        }
    };
    json.map_err(|error| error.to_string())
}

/// The node.
pub(crate) fn node(admin: &Admin, inside: &Inside) -> NodeStatus {
    let Inside { plane, cells, setup, .. } = inside;
    let uptime = plane.clock.now().0 / 1_000_000;
    NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_string(),
        host: plane.host,
        pid: std::process::id(),
        uptime_ms: uptime,
        authority: setup.authority.name().to_string(),
        capabilities: admin.capabilities().clone(),
        stopping: admin.is_stopping(),
        actors: admin.family().len() as u64,
        actors_max: plane.places.max() as u64,
        actors_max_reason: setup.actors_max_reason.clone(),
        sources_loaded: admin.sources().loaded_len() as u64,
        sources_known: admin.sources().iter().len() as u64,
        first_sources: admin.sources().iter().take(STATUS_SOURCES_MAX).map(SourceBrief::from).collect(),
        names: admin.names().iter().len() as u64,
        first_names: admin.names().iter().take(STATUS_NAMES_MAX).map(name).collect(),
        dead_letter_handler: admin.dead_letter_handler(),
        endpoints: inside.endpoints.len() as u64,
        messages: cells.turns(),
        poisoned: cells.poisoned(),
        dead_letters: plane.dead_letters.count(),
        restarts: cells.restarts(),
        queued_bytes: plane.budget.used() as u64,
        queued_bytes_max: plane.budget.max() as u64,
        queued_bytes_max_reason: setup.queued_bytes_max_reason.clone(),
        recent_dead_letters: plane.dead_letters.recent(),
        recent_ended: inside.ends.last(),
        listeners: inside.grants.listeners() as u64,
        connections: inside.grants.connections() as u64,
        guest_threads: setup.guest_threads as u64,
        runaways: inside.library.engine().runaways() as u64,
        long_turns: long_turns(admin, inside),
        limits: *cells.limits(),
        log_level: admin.log_levels().node().0,
        log_file: plane.log.file().map(LogFile::status),
        log_outlets: plane.log.outlets(),
        orphans: admin.family().orphans().count() as u64,
        first_orphans: admin.family().orphans().take(STATUS_ORPHANS_MAX).collect(),
    }
}

fn long_turns(admin: &Admin, inside: &Inside) -> Vec<LongTurn> {
    let turns = inside.cells.long_turns(inside.plane.clock.now()).into_iter();
    let turns = turns.map(|(actor, length, oldest)| LongTurn {
        actor,
        class: admin.family().get(actor).map(|member| member.class.clone()).unwrap_or_default(),
        in_turn_ms: millis(length),
        oldest_ms: oldest.map(millis),
    });
    turns.collect()
}

fn name((name, address): (&str, ActorAddress)) -> NameStatus {
    NameStatus { name: name.to_string(), address }
}

/// The node and its actors as lines of the log: the longest turns and the busiest mailboxes first, and of the others how many there are.
pub(crate) fn lines(admin: &Admin, inside: &Inside) -> Vec<String> {
    let status = node(admin, inside);
    let mut lines = vec![
        format!(
            "up {} s, {} actors of at most {}, {} sources, {} endpoints{}",
            status.uptime_ms / 1_000,
            status.actors,
            status.actors_max,
            status.sources_loaded,
            status.endpoints,
            if status.stopping { ", stopping" } else { "" },
        ),
        format!(
            "{} messages handed over, {} poisoned, {} restarts, {} dead letters, {} orphans, {} turns that spin, {} of {} \
             bytes queued",
            status.messages,
            status.poisoned,
            status.restarts,
            status.dead_letters,
            status.orphans,
            status.runaways,
            status.queued_bytes,
            status.queued_bytes_max,
        ),
    ];
    let mut actors = actors(admin, inside);
    actors.sort_by_key(|actor| std::cmp::Reverse((actor.in_turn_ms, actor.mailbox_len)));
    lines.extend(actors.iter().take(STATUS_LOGGED_ACTORS_MAX).map(line));
    if let Some(more) = actors.len().checked_sub(STATUS_LOGGED_ACTORS_MAX).filter(|more| *more > 0) {
        lines.push(format!("{more} more actors"));
    }
    lines
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn line(actor: &ActorStatus) -> String {
    let waits = actor.waits.as_ref().map(|wait| format!(", waits {} ms: {}", wait.left_ms, wait.why));
    let in_turn = actor.in_turn_ms.map(|ms| format!(", in a turn for {}", seconds(ms)));
    let oldest = actor.oldest_ms.map(|ms| format!(", the oldest of them for {} at least", seconds(ms)));
    let text = format!(
        "{} {} {:?}{}: {} in its mailbox ({} bytes){}, {} turns in {:?}, {} poisoned, {} restarts, {} wakeups, {} children, \
         {} bytes of memory{}",
        actor.address,
        actor.class,
        actor.phase,
        in_turn.unwrap_or_default(),
        actor.mailbox_len,
        actor.mailbox_bytes,
        oldest.unwrap_or_default(),
        actor.turns,
        Duration::from_micros(actor.busy_us),
        actor.poisoned,
        actor.restarts,
        actor.wakeups,
        actor.children,
        actor.memory_bytes,
        waits.unwrap_or_default(),
    );
    // A class's name and a reason are a guest's words.
    inert(&text).into_owned()
}
