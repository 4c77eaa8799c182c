//! `audit`: what a node has let in, what not, and why; and whether that record is whole.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use thespian_core::limits::{AUDIT_LINE_BYTES_MAX, AUDIT_SHOWN_MAX};
use thespian_host::store::audit;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::layers::default_data_dir;
use super::output::{Output, Style, number};

/// Digits of a hash that are shown.
const HASH_DIGITS: usize = 16;

/// Shows what a node has let in and what not, and whether that record is whole.
///
/// A node with a data directory writes down each source that it approves or refuses, with the reason, each change of its policy, and who
/// judges. A record holds the hash of the one before, and the node notes its last one apart: so it is found where one was changed, taken
/// out between others, or cut off at the end by somebody who has not the node's key. These commands read the files, whether the
/// node runs or not; `show --socket` and `show --connect` ask the node.
#[derive(Args)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    command: AuditAction,
}

#[derive(Subcommand)]
enum AuditAction {
    Show(ShowAuditArgs),
    Verify(VerifyAuditArgs),
}

#[derive(Args)]
struct DataArgs {
    /// The node's data directory [default: `thespian-host` in the user's data directory].
    #[arg(long, value_name = "DIR", env = "THESPIAN_HOST_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    fn dir(&self) -> Result<PathBuf> {
        self.data_dir.clone().map_or_else(default_data_dir, Ok)
    }
}

/// Prints the last records.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 shown; 1 they can't be read; 5 no node (all: `thespian-host --help`)")]
struct ShowAuditArgs {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=AUDIT_SHOWN_MAX as i64))]
    last: u32,
    #[command(flatten)]
    node: NodeArgs,
}

/// Reads the whole log, and says whether it is as the node wrote it, or where it breaks.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 it is whole; 1 it is not, or can't be read (all: `thespian-host --help`)"
)]
struct VerifyAuditArgs {
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn audit(command: &AuditCommand, output: &Output) -> Result<()> {
    match &command.command {
        AuditAction::Show(args) => show(args, output).await,
        AuditAction::Verify(args) => verify(args, output),
    }
}

fn verify(args: &VerifyAuditArgs, output: &Output) -> Result<()> {
    let dir = args.data.dir()?;
    let trail = audit::verify(&dir).context("the audit log is not whole")?;
    if output.is_json() {
        output.json(&json!({"whole": true, "first": trail.first, "last": trail.last, "hash": trail.hash}))?;
    } else if trail.last == 0 {
        output.line("whole: nothing is recorded yet")?;
    } else {
        let count = number(trail.last - trail.first + 1);
        let (first, last, hash) = (trail.first, trail.last, &trail.hash);
        output.line(format_args!(
            "whole: {count} records from number {first} on, the last, {last}, with the hash {hash}"
        ))?;
    }
    Ok(())
}

async fn show(args: &ShowAuditArgs, output: &Output) -> Result<()> {
    let lines = if args.node.names_a_door() {
        let lines = at_once(args.node.connect().await?.audit(args.last.into())).await?;
        lines.into_iter().map(String::into_bytes).collect()
    } else {
        let dir = args.node.data_dir()?;
        let lines = audit::last_lines(&dir, args.last as usize);
        lines.with_context(|| format!("the audit log in {} can't be read", dir.display()))?
    };
    for line in lines {
        let record: Value = serde_json::from_slice(&line).with_context(|| {
            format!("a line of at most {AUDIT_LINE_BYTES_MAX} bytes is no record: `audit verify` says which")
        })?;
        if output.is_json() {
            output.json(&record)?;
        } else {
            let text = |key: &str| record[key].as_str().unwrap_or_default();
            let head = format!("{} {:<9} ", text("at"), text("what"));
            output.record(&[(Style::Dim, &head)], &told(&record))?;
        }
    }
    Ok(())
}

/// A record in words.
fn told(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    let source: String = text("source").chars().take(HASH_DIGITS).collect();
    let by = match text("by") {
        "" => String::new(),
        by => format!(", loaded by {by}"),
    };
    match text("what") {
        "approved" => {
            let rights: Vec<_> =
                record["rights"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let rights = if rights.is_empty() {
                String::new()
            } else {
                format!(", with the rights {}", rights.join(", "))
            };
            let back = if record["is_restored"] == true { ", and came back with a start" } else { "" };
            format!("{source} `{}`, judged by {}{rights}{by}{back}", text("label"), text("judged_by"))
        }
        "refused" => format!("{source} `{}`{by}: {}", text("label"), text("reason")),
        "unloaded" => source,
        _ => {
            let known = ["n", "at", "what", "prev"];
            let fields = record.as_object().into_iter().flatten();
            let fields = fields.filter(|(key, value)| !known.contains(&key.as_str()) && !value.is_null());
            let fields: Vec<_> = fields.map(|(key, value)| format!("{key} {value}")).collect();
            fields.join(", ")
        }
    }
}
