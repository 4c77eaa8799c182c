//! `actors`: as a list or as a tree.

use std::io;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use thespian_core::wire::control::{ActorFilter, ActorPhase, ActorStatus};

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, Style, bytes, length};
use super::tree;
use super::watch::WatchArgs;

/// Lists the live actors, in order of address.
///
/// A list of very many is fetched piece by piece: each is true for a moment of its own.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node (all: `thespian-host --help`)")]
pub(super) struct ActorsArgs {
    /// Draws who created whom.
    #[arg(long)]
    tree: bool,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Conditions that a listed actor meets: all that are given.
#[derive(Args)]
#[command(next_help_heading = "Which actors")]
struct FilterArgs {
    /// Only actors of this class.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only actors of this source: its hash or an unambiguous beginning of it.
    #[arg(long, value_name = "HASH")]
    source: Option<String>,
    /// Only actors in this state.
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<PhaseName>,
    /// Only the actor that has this global name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// The state of an actor, as it is typed and shown.
#[derive(Clone, Copy, ValueEnum)]
enum PhaseName {
    Starting,
    Running,
    Held,
    Paused,
    Exiting,
}

impl From<PhaseName> for ActorPhase {
    fn from(name: PhaseName) -> Self {
        match name {
            PhaseName::Starting => Self::Starting,
            PhaseName::Running => Self::Running,
            PhaseName::Held => Self::Held,
            PhaseName::Paused => Self::Paused,
            PhaseName::Exiting => Self::Exiting,
        }
    }
}

impl From<FilterArgs> for ActorFilter {
    fn from(FilterArgs { class, source, state, name }: FilterArgs) -> Self {
        Self { class, source, phase: state.map(Into::into), name }
    }
}

pub(super) async fn actors(args: ActorsArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let filter = args.filter.into();
    let once = async || {
        let actors = at_once(client.actors_with(&filter)).await?;
        if actors.is_empty() && !output.is_json() {
            output.note(match filter == ActorFilter::default() {
                true => "no actor lives here; `thespian-host create HASH` creates one",
                false => "no actor that lives here is such a one",
            });
            return Ok(());
        }
        Ok(show(&actors, args.tree, output)?)
    };
    args.watch.show(output, once).await
}

fn show(actors: &[ActorStatus], as_tree: bool, output: &Output) -> io::Result<()> {
    if output.is_json() {
        return output.json(&actors);
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
