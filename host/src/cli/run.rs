//! `run`: a node in this process, until it is told to stop.

use std::fs;
use std::process;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;
use thespian_host::shell::Shell;
use thespian_host::store::SOCKET_FILE;
use thespian_host::transport::check_socket_path;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::layers::ConfigArgs;
use super::outcome::Usage;
use super::output::{Output, Style, bytes, number};

/// What a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

const LOSSES: &str =
    "all actors, their mailboxes and timers, and the loaded sources (their compiled code is kept)";

/// Runs a node until Ctrl-C, SIGTERM or `thespian-host stop`.
///
/// Each value is taken from its option, else from the environment, else from the configuration file, else from the
/// default; `config show` says which. A restart loses all actors, their mailboxes and timers, and the loaded sources. SIGUSR1 has the node write its status to
/// the log.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 stopped in order; 1 it can't start; 2 the configuration makes no sense; 130 a second \
                        Ctrl-C ended it at once"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: RunArgs, output: &Output) -> Result<()> {
    let layered = args.config.resolve()?;
    for name in &layered.unknown_variables {
        output.warn(format_args!("the variable {name} is no setting of thespian-host"));
    }
    let config = layered.config;
    if let Some(dir) = &config.data_dir {
        check_socket_path(&dir.join(SOCKET_FILE)).map_err(|error| Usage(error.to_string()))?;
    }
    // Before anything starts, so that no signal finds it half started.
    let mut signals = Signals::new()?;
    let node = Node::start(config.clone())?;
    let shell =
        Shell::serve(&node, &config).await.context("the node can't be controlled, so it stops again")?;
    announce(&node, &shell, &config, output);
    let by = tokio::select! {
        () = node.stopped() => "a program",
        signal = signals.next(&node) => signal,
    };
    if by != "a program" {
        output.note(format_args!("{by}: stopping in order; a second one ends at once"));
        tokio::select! {
            () = node.stop() => {}
            signal = signals.next(&node) => {
                output.note(format_args!("{signal}: ending at once"));
                // Not left to the process's end: it would stay and look like a node.
                let _ = fs::remove_file(shell.socket());
                process::exit(INTERRUPTED);
            }
        }
    }
    shell.close().await;
    drop(node);
    if output.is_json() {
        // Whoever started us may have stopped to read.
        let _ = output.json(&json!({"event": "stopped", "by": by}));
    } else {
        output.note(format_args!("stopped by {by}"));
    }
    Ok(())
}

/// Says where it listens, what it can do and what it will lose.
fn announce(node: &Node, shell: &Shell, config: &NodeConfig, output: &Output) {
    let (capacity, queue_bound, authority) = (node.capacity(), node.queue_bound(), config.authority);
    // A node does not end because nobody reads what it says.
    if output.is_json() {
        let _ = output.json(&json!({
            "event": "ready",
            "version": env!("CARGO_PKG_VERSION"),
            "host": format!("{:016x}", node.host().0),
            "pid": process::id(),
            "socket": shell.socket(),
            "tcp": shell.tcp().map(|(address, token)| json!({"address": address, "token_file": token})),
            "allow_listen": config.allow_listen,
            "authority": authority.name(),
            "actors_max": capacity.actors_max,
            "actors_max_reason": capacity.limited_by.to_string(),
            "actors_max_how_to_raise": capacity.how_to_raise,
            "queued_bytes_max": queue_bound.bytes_max,
            "queued_bytes_max_reason": queue_bound.reason,
            "lost_at_restart": LOSSES,
        }));
    } else {
        let item = |name: &str, text: String| {
            let name = format!("{name:10}");
            let _ = output.pieces(&[
                (Style::Plain, "  "),
                (Style::Bold, &name),
                (Style::Plain, " "),
                (Style::Plain, &text),
            ]);
        };
        let _ = output.line(format_args!(
            "thespian-host {} runs as host {:016x}, pid {}",
            env!("CARGO_PKG_VERSION"),
            node.host().0,
            process::id()
        ));
        item("control", shell.socket().display().to_string());
        if let Some((address, token)) = shell.tcp() {
            item("tcp", format!("{address}, with the secret in {}", token.display()));
        }
        if !config.allow_listen.is_empty() {
            let rules: Vec<_> = config.allow_listen.iter().map(ToString::to_string).collect();
            item("grants", format!("`thespian-host grant tcp` may listen at {}", rules.join(", ")));
        }
        item(
            "authority",
            match authority {
                Authority::None => {
                    "none: every load is refused; --authority trust-all approves all, for development"
                }
                Authority::TrustAll => "trust-all: every source is approved",
            }
            .to_string(),
        );
        let raise = capacity.how_to_raise.as_ref().map(|how| format!("; more: {how}")).unwrap_or_default();
        let max = number(capacity.actors_max as u64);
        item("actors", format!("at most {max}, bound by {}{raise}", capacity.limited_by));
        let max = bytes(queue_bound.bytes_max as u64);
        item("queues", format!("at most {max}, bound by {}", queue_bound.reason));
        item("a restart", format!("loses {LOSSES}"));
        item("to stop", "Ctrl-C, SIGTERM or `thespian-host stop`".to_string());
    }
    if authority == Authority::TrustAll {
        output.warn(
            "any program that can reach this node can run any code in it: use trust-all for development only",
        );
    }
}

/// What asks a program to end, or to say how it is.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    user: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// What asks it to end. Meanwhile SIGUSR1 has the node's status written to the log.
    async fn next(&mut self, node: &Node) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "Ctrl-C",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.user.recv() => node.log_status(),
            }
        }
    }
}
