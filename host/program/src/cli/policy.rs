//! `policy`: by what signed sources are judged.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use thespian_core::limits::POLICY_BYTES_MAX;
use thespian_core::wire::control::SourceOutcome;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::given;
use super::outcome::{Usage, WouldRefuse};
use super::output::{Output, Style, number};

/// Shows the policy by which a node judges signed sources, holds its sources against another, puts an edited file into force.
///
/// The policy is a file in TOML, `policy.toml` in the data directory or the one that `run --policy` names: whose keys are
/// trusted for sources of which names, how many must sign, what they may give, and what is revoked.
#[derive(Args)]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    command: PolicyAction,
}

#[derive(Subcommand)]
enum PolicyAction {
    Show(ShowPolicyArgs),
    Check(CheckPolicyArgs),
    Reload(ReloadPolicyArgs),
    AcceptClock(AcceptClockArgs),
}

/// Prints the policy that is in force.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown, also that there is none; 5 no node (all: `thespian-host --help`)"
)]
struct ShowPolicyArgs {
    #[command(flatten)]
    node: NodeArgs,
}

/// Says what would become of the loaded sources under a policy, and why. Changes nothing.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all would stay; 2 it is no policy; 4 some would be refused, or not an operator; 5 no node (all: `thespian-host --help`)"
)]
struct CheckPolicyArgs {
    /// Another policy, for operators [default: the node's file, as it is now]; `-` is stdin.
    file: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
}

/// Puts the policy's file into force as it is now. A file that makes no sense changes nothing.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 in force; 2 it is no policy, or older than the one before; 4 not an operator; 5 no node (all: \
                  `thespian-host --help`)"
)]
struct ReloadPolicyArgs {
    #[command(flatten)]
    node: NodeArgs,
}

/// Has a node take its clock for right, though it has admitted something later than that shows: after a clock was wrong.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 accepted; 4 not an operator; 5 no node (all: `thespian-host --help`)")]
struct AcceptClockArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn policy(command: PolicyCommand, output: &Output) -> Result<()> {
    match command.command {
        PolicyAction::Show(args) => show(args, output).await,
        PolicyAction::Check(args) => check(args, output).await,
        PolicyAction::Reload(args) => {
            let outcomes = at_once(args.node.connect().await?.reload_policy()).await?;
            tell(&outcomes, output)
        }
        PolicyAction::AcceptClock(args) => {
            at_once(args.node.connect().await?.accept_clock()).await?;
            if output.is_json() {
                output.json(&json!({"accepted": true}))?;
            }
            Ok(())
        }
    }
}

async fn show(args: ShowPolicyArgs, output: &Output) -> Result<()> {
    let policy = at_once(args.node.connect().await?.policy()).await?;
    if let Some(problem) = &policy.problem {
        output.warn(problem);
    }
    if output.is_json() {
        output.json(&policy)?;
    } else if let Some(text) = policy.text {
        let head = format!("{}:", policy.path);
        output.record(&[(Style::Dim, &*head)], &format!("\n{}", text.trim_end()))?;
    } else {
        output.note(format_args!("no policy is in force; its file is {}", policy.path));
    }
    Ok(())
}

async fn check(args: CheckPolicyArgs, output: &Output) -> Result<()> {
    let text = match &args.file {
        None => None,
        Some(file) => {
            let bytes = given::read(file, "a policy", POLICY_BYTES_MAX)?;
            let text = String::from_utf8(bytes);
            Some(text.map_err(|_| Usage(format!("{} is not UTF-8", file.display())))?)
        }
    };
    let outcomes = at_once(args.node.connect().await?.check_policy(text)).await?;
    tell(&outcomes, output)?;
    match outcomes.iter().filter(|outcome| outcome.outcome.is_err()).count() {
        0 => Ok(()),
        refused => {
            Err(WouldRefuse(format!("{refused} of {} sources would be refused", outcomes.len())).into())
        }
    }
}

/// Shows what becomes of the sources.
pub(super) fn tell(outcomes: &[SourceOutcome], output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(&outcomes)?;
        return Ok(());
    }
    for SourceOutcome { hash, label, actors, outcome } in outcomes {
        let short = &hash.to_string()[..16];
        let runs = format!(", {} actors run", number(*actors));
        let runs = if *actors > 0 { &*runs } else { "" };
        match outcome {
            Ok(_) => output.pieces(&[
                (Style::Green, "stays   "),
                (Style::Plain, short),
                (Style::Dim, " "),
                (Style::Dim, label),
            ])?,
            Err(why) => output.record(
                &[
                    (Style::Red, "refused "),
                    (Style::Plain, short),
                    (Style::Dim, " "),
                    (Style::Dim, label),
                    (Style::Plain, ": "),
                ],
                &format!("{why}{runs}"),
            )?,
        }
    }
    Ok(())
}

/// A limit of actors, as `memory-bytes-max=1048576`.
pub(super) fn limit(text: &str) -> Result<(String, u64), String> {
    let (name, number) = text.split_once('=').ok_or("a limit looks like `memory-bytes-max=1048576`")?;
    let number = number.parse().map_err(|_| format!("`{number}` is no whole number"))?;
    Ok((name.to_string(), number))
}
