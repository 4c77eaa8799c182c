//! `actors`: as a list or as a tree.

use std::io;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::wire::control::{ActorPhase, ActorStatus};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, Style, bytes, length};
use super::tree;
use super::watch::WatchArgs;

/// Lists the live actors, parents before their children.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node (all: `thespian-host --help`)")]
pub(super) struct ActorsArgs {
    /// Draws who created whom.
    #[arg(long)]
    tree: bool,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn actors(args: ActorsArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    args.watch.show(output, async || Ok(show(&at_once(client.actors()).await?, args.tree, output)?)).await
}

fn show(actors: &[ActorStatus], as_tree: bool, output: &Output) -> io::Result<()> {
    if output.is_json() {
        return output.json(&actors);
    }
    if actors.is_empty() {
        output.note("no actor lives here; `thespian-host create HASH` creates one");
        return Ok(());
    }
    if as_tree {
        for (branch, actor) in tree::lines(actors) {
            let rest = format!(" {} {}", actor.address, state(actor));
            output.pieces(&[(Style::Plain, &branch), (Style::Bold, &actor.class), (Style::Plain, &rest)])?;
        }
        return Ok(());
    }
    table(actors, output)
}

/// Actors in columns.
pub(super) fn table(actors: &[ActorStatus], output: &Output) -> io::Result<()> {
    let header = [
        "ADDRESS", "CLASS", "STATE", "MAILBOX", "OLDEST", "BYTES", "TURNS", "POISONED", "RESTARTS", "WAKEUPS",
    ];
    output.table(&header, actors.iter().map(row).collect())
}

fn row(actor: &ActorStatus) -> Vec<String> {
    vec![
        actor.address.to_string(),
        actor.class.clone(),
        state(actor),
        actor.mailbox_len.to_string(),
        actor.oldest_ms.map_or_else(|| "-".to_string(), age),
        bytes(actor.mailbox_bytes),
        actor.turns.to_string(),
        actor.poisoned.to_string(),
        actor.restarts.to_string(),
        actor.wakeups.to_string(),
    ]
}

/// A word for what it is doing.
pub(super) fn state(actor: &ActorStatus) -> String {
    match actor.in_turn_ms {
        Some(ms) => format!("{}, in a turn for {}", phase(actor.phase), age(ms)),
        None => phase(actor.phase).to_string(),
    }
}

pub(super) fn age(ms: u64) -> String {
    length(Duration::from_millis(ms))
}

const fn phase(phase: ActorPhase) -> &'static str {
    match phase {
        ActorPhase::Starting => "starting",
        ActorPhase::Running => "running",
        ActorPhase::Held => "held",
        ActorPhase::Paused => "paused",
        ActorPhase::Exiting => "exiting",
    }
}
