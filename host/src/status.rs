//! A node and its actors, as they are shown.

use std::sync::atomic::Ordering;

use thespian_core::address::ActorAddress;
use thespian_core::admin::Admin;
use thespian_core::source::SourceHash;
use thespian_core::wire::control::{ActorPhase, ActorStatus, NodeStatus};

use crate::shared::Shared;

/// The actors, parents before their children.
pub(crate) fn actors(admin: &Admin, shared: &Shared) -> Vec<ActorStatus> {
    let family = admin.family();
    let roots = family.iter().filter(|(_, member)| member.parent.is_none());
    let in_order = roots.flat_map(|(root, _)| family.subtree(root));
    in_order.filter_map(|address| actor(admin, shared, address)).collect()
}

fn actor(admin: &Admin, shared: &Shared, address: ActorAddress) -> Option<ActorStatus> {
    let member = admin.family().get(address)?;
    let shown = shared.router.actor(address)?.shown();
    Some(ActorStatus {
        address,
        class: member.class.clone(),
        source: member.source.unwrap_or(SourceHash([0; 32])),
        parent: member.parent,
        name: member.name.as_deref().map(str::to_string),
        phase: if member.is_exiting() { ActorPhase::Exiting } else { shown.phase },
        incarnation: shown.incarnation,
        mailbox_len: shown.mailbox_len,
        mailbox_bytes: shown.mailbox_bytes,
        turns: shown.turns,
        poisoned: shown.poisoned,
        wakeups: shown.wakeups,
    })
}

/// The status of an actor, or of the node, for an actor that asks.
///
/// # Errors
/// There is no such actor.
pub(crate) fn json(admin: &Admin, shared: &Shared, about: Option<ActorAddress>) -> Result<String, String> {
    let json = match about {
        None => serde_json::to_string(&node(admin, shared)),
        Some(address) => {
            let status = actor(admin, shared, address);
            serde_json::to_string(&status.ok_or_else(|| format!("there is no actor at {address}"))?)
        }
    };
    json.map_err(|error| error.to_string())
}

/// The node.
pub(crate) fn node(admin: &Admin, shared: &Shared) -> NodeStatus {
    let (dead_letters, recent_dead_letters) = shared.router.dead_letters();
    let uptime = shared.clock.now().0 / 1_000_000;
    NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_string(),
        host: shared.host,
        pid: std::process::id(),
        uptime_ms: uptime,
        authority: shared.authority.name().to_string(),
        capabilities: admin.capabilities().clone(),
        stopping: admin.is_stopping(),
        actors: admin.family().len() as u64,
        actors_max: shared.slots.max() as u64,
        actors_max_reason: shared.actors_max_reason.clone(),
        sources_loaded: admin.sources().loaded_len() as u64,
        dead_letter_handler: admin.dead_letter_handler(),
        endpoints: shared.router.endpoints() as u64,
        messages: shared.counters.turns_of_ended.load(Ordering::Relaxed) + shared.router.turns(),
        poisoned: shared.counters.poisoned.load(Ordering::Relaxed),
        dead_letters,
        restarts: shared.counters.restarts.load(Ordering::Relaxed),
        queued_bytes: shared.budget.used() as u64,
        queued_bytes_max: shared.budget.max() as u64,
        recent_dead_letters,
        recent_ended: shared.ended(),
        listeners: shared.grants.listeners() as u64,
        connections: shared.grants.connections() as u64,
    }
}
