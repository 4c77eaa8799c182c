//! `logs`.

use std::io;

use anyhow::Result;
use clap::Args;
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::LogRecord;
use tokio::sync::Notify;

use super::connect::NodeArgs;
use super::output::{Output, Style, utc};

/// Prints what actors and the node wrote to the log.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 printed; 5 no node, or it stopped (all: `thespian-host --help`)")]
pub(super) struct LogsArgs {
    /// Only what this actor wrote; it may be gone already.
    #[arg(value_name = "ADDR")]
    address: Option<ActorAddress>,
    /// Goes on with what is written from now.
    #[arg(short, long)]
    follow: bool,
    /// Only the last N of those that the node keeps.
    #[arg(short = 'n', long = "last", value_name = "N")]
    last: Option<u64>,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn logs(args: LogsArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let (unread, mut error, mut seen) = (Notify::new(), None, None);
    let is_all = args.address.is_none();
    let take = |record: LogRecord| {
        if error.is_some() {
            return;
        }
        let missed = seen.filter(|_| is_all).map_or(0, |seen: u64| record.seq.saturating_sub(seen + 1));
        if missed > 0 {
            output.warn(format_args!("{missed} records were missed: they came faster than they are printed"));
        }
        seen = Some(record.seq);
        if let Err(why) = show(&record, output) {
            error = Some(why);
            unread.notify_one();
        }
    };
    tokio::select! {
        biased;
        logs = client.logs(args.address, args.last, args.follow, take) => logs?,
        // Nobody reads on, so there is nothing to follow for.
        () = unread.notified() => {}
    }
    error.map_or(Ok(()), |error| Err(error.into()))
}

fn show(record: &LogRecord, output: &Output) -> io::Result<()> {
    if output.is_json() {
        return output.json(record);
    }
    let style = match record.level.as_str() {
        "ERROR" => Style::Red,
        "WARN" => Style::Yellow,
        _ => Style::Green,
    };
    let level = format!("{:5}", record.level);
    let who = match (&record.actor, &record.class) {
        (Some(actor), Some(class)) => format!("{class} {actor}"),
        _ => "node".to_string(),
    };
    let about = format!(" {who} {}: ", record.target);
    let time = utc(record.time_ms);
    let head = [(Style::Dim, time.as_str()), (Style::Plain, " "), (style, &level), (Style::Plain, &about)];
    output.record(&head, &record.text)
}
