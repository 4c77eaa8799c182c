//! `status`: of the node, or of one actor.

use std::io;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::{
    ActorReport, CompilerStatus, DeadLetter, LogOutletStatus, MemoryStatus, NodeStatus,
};

use super::actors;
use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, Style, bytes, length, number};
use super::watch::WatchArgs;

/// Dead letters and ended actors that are shown to people; --json has all that the node keeps.
const SHOWN: usize = 5;

/// Shows how the node is, or how one actor and its children are. No actor is called for it.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown; 3 no such actor; 5 no node, or it stopped (all: `thespian-host --help`)"
)]
pub(super) struct StatusArgs {
    /// An actor, in place of the node.
    #[arg(value_name = "ADDR")]
    address: Option<ActorAddress>,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn status(args: StatusArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let once = async || match args.address {
        None => Ok(show(&at_once(client.status()).await?, output)?),
        Some(address) => Ok(show_actor(&at_once(client.actor(address)).await?, output)?),
    };
    args.watch.show(output, once).await
}

fn item(name: &str, value: &str, output: &Output) -> io::Result<()> {
    styled_item(name, Style::Plain, value, output)
}

fn styled_item(name: &str, style: Style, value: &str, output: &Output) -> io::Result<()> {
    let name = format!("{name:12}");
    output.pieces(&[(Style::Bold, &name), (Style::Plain, " "), (style, value)])
}

fn show_actor(report: &ActorReport, output: &Output) -> io::Result<()> {
    if output.is_json() {
        return output.json(report);
    }
    let actor = &report.actor;
    let item = |name: &str, value: String| item(name, &value, output);
    item("actor", actor.address.to_string())?;
    item("class", actor.class.clone())?;
    item("source", actor.source.to_string())?;
    let parent = match (actor.parent, actor.is_orphan) {
        (Some(parent), _) => parent.to_string(),
        (None, true) => "none any more: it was left behind".to_string(),
        (None, false) => "none: it was created from outside".to_string(),
    };
    item("parent", parent)?;
    item("state", actors::state(actor))?;
    if let Some(wait) = &actor.waits {
        let left = length(Duration::from_millis(wait.left_ms));
        item("waits", format!("at most {left}: {}", wait.why))?;
        for receiver in &wait.receivers {
            item("", format!("for {receiver}"))?;
        }
    }
    let (len, size) = (number(actor.mailbox_len), bytes(actor.mailbox_bytes));
    let oldest =
        actor.oldest_ms.map(|ms| format!("; the oldest has waited for {} at least", actors::age(ms)));
    item("mailbox", format!("{len} messages, {size}{}", oldest.unwrap_or_default()))?;
    let busy = length(Duration::from_micros(actor.busy_us));
    item("turns", format!("{}, awake for {busy}; {} poisoned", number(actor.turns), number(actor.poisoned)))?;
    item("sent", format!("{}, {} undelivered", number(actor.sent), number(actor.undelivered)))?;
    item("restarts", number(actor.restarts))?;
    item("wakeups", number(actor.wakeups))?;
    item("memory", bytes(actor.memory_bytes))?;
    item("log level", actor.log_level.to_string())?;
    item("children", number(actor.children))?;
    if !report.children.is_empty() {
        actors::table(&report.children, output)?;
    }
    if report.children.len() as u64 != actor.children {
        output.note(format_args!("only {} of its children are shown", report.children.len()));
    }
    Ok(())
}

fn show(status: &NodeStatus, output: &Output) -> io::Result<()> {
    if output.is_json() {
        return output.json(status);
    }
    let item = |name: &str, value: String| item(name, &value, output);
    let uptime = length(Duration::from_millis(status.uptime_ms));
    let stopping = if status.stopping { ", stopping" } else { "" };
    item("node", format!("{:016x}, pid {}, up {uptime}{stopping}", status.host.0, status.pid))?;
    item("version", status.version.clone())?;
    show_authority(status, output)?;
    if !status.capabilities.is_empty() {
        let all: Vec<_> = status.capabilities.iter().map(|(name, value)| format!("{name}={value}")).collect();
        item("capabilities", all.join(", "))?;
    }
    item("actors", actors_of(status))?;
    if status.orphans > 0 {
        let first: Vec<_> = status.first_orphans.iter().take(SHOWN).map(ToString::to_string).collect();
        item("orphans", format!("{}: {}", number(status.orphans), first.join(", ")))?;
    }
    let spinning =
        if status.runaways > 0 { format!(", {} turns spin", number(status.runaways)) } else { String::new() };
    item("threads", format!("{} for actors{spinning}", number(status.guest_threads)))?;
    for turn in status.long_turns.iter().take(SHOWN) {
        let (class, length) = (&turn.class, actors::age(turn.in_turn_ms));
        let oldest =
            turn.oldest_ms.map(|ms| format!("; its oldest message has waited for {}", actors::age(ms)));
        item(
            "long turn",
            format!("{class} {}, in a turn for {length}{}", turn.actor, oldest.unwrap_or_default()),
        )?;
    }
    show_sources(status, output)?;
    if status.names > 0 {
        let first = status.first_names.iter().take(SHOWN);
        let first: Vec<_> = first.map(|named| format!("{} {}", named.name, named.address)).collect();
        item("names", format!("{}: {}", number(status.names), first.join(", ")))?;
    }
    if let Some(handler) = status.dead_letter_handler {
        item("dead letters to", handler.to_string())?;
    }
    item("endpoints", number(status.endpoints))?;
    if status.listeners > 0 || status.connections > 0 {
        let connections = number(status.connections);
        item("listeners", format!("{} for actors, {connections} connections", number(status.listeners)))?;
    }
    let (poisoned, restarts) = (number(status.poisoned), number(status.restarts));
    item("messages", format!("{} handed over, {poisoned} poisoned", number(status.messages)))?;
    item("restarts", restarts)?;
    item("dead letters", number(status.dead_letters))?;
    let MemoryStatus { bytes: used, bytes_max, bytes_max_reason, parts, kept_bytes, .. } = &status.memory;
    let mut text = format!("{} of at most {}: bound by {bytes_max_reason}", bytes(*used), bytes(*bytes_max));
    for part in parts.iter().filter(|part| part.bytes > 0) {
        text += &format!("; {} {}", part.name, bytes(part.bytes));
    }
    if *kept_bytes > 0 {
        text += &format!("; places of ended actors keep up to {} more", bytes(*kept_bytes));
    }
    item("memory", text)?;
    let (queued, max) = (bytes(status.queued_bytes), bytes(status.queued_bytes_max));
    item("queued", format!("{queued} of at most {max}: bound by {}", status.queued_bytes_max_reason))?;
    item("log level", status.log_level.to_string())?;
    if let Some(file) = &status.log_file {
        let (max, lost) = (bytes(file.bytes_max), number(file.lost));
        item("log file", format!("{}, at most {max}; {lost} records lost", file.path))?;
    }
    for LogOutletStatus { name, lost } in status.log_outlets.iter().filter(|outlet| outlet.lost > 0) {
        item("log lost", format!("{} of its records or lines did not get to {name}", number(*lost)))?;
    }
    for letter in status.recent_dead_letters.iter().take(SHOWN) {
        let DeadLetter { target, sender, type_name, reason } = letter;
        item("dead letter", format!("{type_name} from {sender} to {target}: {reason}"))?;
    }
    for ended in status.recent_ended.iter().take(SHOWN) {
        item("ended", format!("{} {}: {}", ended.class, ended.address, ended.reason))?;
    }
    Ok(())
}

/// How many actors live, and how many can; where some take more places than one, how many are taken.
fn actors_of(status: &NodeStatus) -> String {
    let NodeStatus { actors, places_taken, actors_max_reason: reason, .. } = status;
    let (live, max) = (number(*actors), number(status.actors_max));
    let mut text = format!("{live} of at most {max}: bound by {reason}");
    let memory = &status.memory;
    // By the rule of three, without a fraction.
    if *actors > 0
        && u128::from(memory.bytes) * u128::from(status.actors_max)
            > u128::from(*places_taken) * u128::from(memory.bytes_max)
    {
        text += "; memory is the nearer bound";
    }
    if places_taken > actors {
        text += &format!("; they take {} places, one for each memory", number(*places_taken));
    }
    text
}

fn show_sources(status: &NodeStatus, output: &Output) -> io::Result<()> {
    let mut text = number(status.sources_loaded);
    let unusable = status.sources_known.saturating_sub(status.sources_loaded);
    if unusable > 0 {
        text += &format!(", and {} that can't be used", number(unusable));
    }
    item("sources", &text, output)?;
    let CompilerStatus { program, landlock, seccomp, failures } = &status.compiler;
    let mut text = match (program, landlock, seccomp) {
        (None, ..) => "in the node's own process, without bounds: small sources only".to_owned(),
        (Some(program), true, true) => format!("{program}, in a process of its own, confined"),
        (Some(program), true, false) => format!("{program}, in a process of its own, without seccomp"),
        (Some(program), false, true) => format!("{program}, in a process of its own, without Landlock"),
        (Some(program), false, false) => {
            format!("{program}, in a process of its own, with neither Landlock nor seccomp")
        }
    };
    if *failures > 0 {
        text += &format!("; it failed on {} sources, for a defect of its own", number(*failures));
    }
    item("compiler", &text, output)
}

/// The judge of sources, and what was said by others.
fn show_authority(status: &NodeStatus, output: &Output) -> io::Result<()> {
    let (style, text) = match status.authority.as_str() {
        "none" => (Style::Plain, "none: every load is refused"),
        "trust-all" => (Style::Red, "trust-all: every source is approved; for development only"),
        other => (Style::Plain, other),
    };
    let judge = status.authority_actor.map(|actor| format!("; {actor} judges")).unwrap_or_default();
    styled_item("authority", style, &format!("{text}{judge}"), output)?;
    if status.verdicts_ignored > 0 {
        let ignored = number(status.verdicts_ignored);
        let text = format!("{ignored} words of actors that have no say in what is loaded; the log has them");
        item("ignored", &text, output)?;
    }
    Ok(())
}
