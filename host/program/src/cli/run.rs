//! `run`: a node in this process, until it is told to stop.

use std::io::IsTerminal;
use std::process;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use thespian_core::limits::{ACTOR_BYTES, FAULT_WORDS_TIME_MAX, OUTPUT_CLOSE_TIME_MAX, STOP_TIME_MAX};
use thespian_core::wire::control::PolicyStatus;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::{MemoryBudget, Node, NodeFault};
use thespian_host::shell::Shell;
use thespian_host::store::SOCKET_FILE;
use thespian_host::transport::check_socket_path;
use thespian_host::watchdog::Watchdog;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::layers::ConfigArgs;
use super::outcome::Usage;
use super::output::{Output, Style, bytes, number};
use super::streams::{self, Streams};

/// The code that a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// When the node could not end in order: something was stuck, or it has a fault of its own.
const NOT_IN_ORDER: i32 = 70;

/// Said where the node's own words of it did not get out in time.
const HAS_A_FAULT: &str = "the node ends without order, for a fault of the host's own";

/// A word for whoever had it stop, if it was no signal.
const BY_A_PROGRAM: &str = "a program";

const LOSSES: &str = "all actors, their mailboxes and timers; admitted sources come back";

/// Runs a node until Ctrl-C, SIGTERM, SIGHUP or `thespian-host stop`.
///
/// Each value is taken from its option, else from the environment, else from the configuration file, else from the
/// default; `config show` says which. A restart loses all actors, their mailboxes and timers; admitted sources come back. SIGUSR1 has the node write its status to
/// the log. SIGHUP, which a terminal sends that is closed, is as SIGTERM, but never the second that ends at once; it does
/// nothing where it was ignored from the start, as under `nohup`. A node that goes by `keys` and runs in no terminal reads its policy
/// anew at SIGHUP. SIGQUIT ends at once and leaves a core dump, for those who
/// look for a defect.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 stopped in order; 1 it can't start; 2 the configuration makes no sense; 70 it could not \
                        end in order within ten seconds, or found a fault of its own, and ended all the same; 130 a second Ctrl-C ended it at once"
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
    // Before anything starts, so that no signal finds it half started, nor one for which there is no thread left.
    let mut signals = Signals::new(reloads_at_hang_up(&config))?;
    let streams = output.streams().cloned();
    let watchdog = Watchdog::new(STOP_TIME_MAX - OUTPUT_CLOSE_TIME_MAX, move || give_up(streams.as_ref()))?;
    let streams = output.streams().cloned();
    let fault_watchdog =
        Watchdog::new(FAULT_WORDS_TIME_MAX, move || end_not_in_order(streams.as_ref(), HAS_A_FAULT))?;
    let node = Node::start(config.clone())?;
    node.begin_at_fault(fault_watchdog);
    let shell =
        Shell::serve(&node, &config).await.context("the node can't be controlled, so it stops again")?;
    if let Some(streams) = output.streams() {
        node.count_losses("stdout", streams.stdout.losses().clone());
        node.count_losses("stderr", streams.stderr.losses().clone());
    }
    announce(&node, &shell, &config, output);
    let by = tokio::select! {
        () = node.stopping() => BY_A_PROGRAM,
        signal = signals.first(&node) => signal,
    };
    watchdog.begin();
    if by != BY_A_PROGRAM && node.fault().is_none() {
        output.note(format_args!("{by}: stopping in order; a second one ends at once"));
    }
    tokio::select! {
        is_in_order = node.stop() => if !is_in_order && node.fault().is_none() {
            give_up(output.streams());
        },
        signal = end_at_once(&mut signals, &node, by, output) => {
            output.note(format_args!("{signal}: ending at once"));
            // Not left to the process's end: it would stay and look like a node.
            shell.remove_sockets();
            output.close();
            process::exit(INTERRUPTED);
        }
    }
    // Programs that it served hear why it ended, and its socket goes.
    shell.close().await;
    // Also for one that came with the closing of the doors.
    if let Some(fault) = node.fault() {
        end_for(&fault, output);
    }
    drop(node);
    if output.is_json() {
        // Whoever started us may have stopped to read.
        let _ = output.json(&json!({"event": "stopped", "by": by}));
    } else {
        output.note(format_args!("stopped by {by}"));
    }
    Ok(())
}

/// Returns when a signal says that there is to be no order. If a program had it stop, the first signal is no second one.
async fn end_at_once(signals: &mut Signals, node: &Node, by: &str, output: &Output) -> &'static str {
    if by == BY_A_PROGRAM {
        let signal = signals.next(node).await;
        output.note(format_args!("{signal}: it is stopping already; a second one ends at once"));
    }
    signals.next(node).await
}

/// Something is stuck: the process ends all the same, and what it holds is free for the next one.
fn give_up(streams: Option<&Streams>) {
    let seconds = STOP_TIME_MAX.as_secs();
    end_not_in_order(streams, &format!("the node can't end in order within {seconds} s, so it ends without"));
}

/// The node has ended for a fault of its own.
fn end_for(fault: &NodeFault, output: &Output) -> ! {
    if output.is_json() {
        // Whoever started us may have stopped to read.
        let _ = output.json(&json!({"event": "failed", "fault": fault.to_string()}));
    }
    end_not_in_order(output.streams(), &format!("the node ended without order, for {fault}"));
}

fn end_not_in_order(streams: Option<&Streams>, why: &str) -> ! {
    if let Some(streams) = streams {
        streams::push(&streams.stderr, format!("error: {why}\n").into_bytes());
        streams.close(OUTPUT_CLOSE_TIME_MAX);
    }
    process::exit(NOT_IN_ORDER);
}

/// Says where it listens, what it can do and what it will lose.
fn announce(node: &Node, shell: &Shell, config: &NodeConfig, output: &Output) {
    let (capacity, queue_bound, authority) = (node.capacity(), node.queue_bound(), &config.authority);
    let memory = node.memory_budget();
    // A node does not end because nobody reads what it says.
    if output.is_json() {
        let _ = output.json(&json!({
            "event": "ready",
            "version": env!("CARGO_PKG_VERSION"),
            "host": format!("{:016x}", node.host().0),
            "pid": process::id(),
            "socket": shell.socket(),
            "sockets": shell.sockets().map(|(role, path)| json!({"path": path, "role": role})).collect::<Vec<_>>(),
            "tcp": shell.tcp().map(|(address, token)| json!({"address": address, "token_file": token})),
            "allow_listen": config.allow_listen,
            "authority": authority.name(),
            "actors_max": capacity.actors_max,
            "actors_max_reason": capacity.limited_by.to_string(),
            "actors_max_how_to_raise": capacity.how_to_raise,
            "memory_bytes_max": memory.bytes_max,
            "memory_bytes_max_reason": memory.reason,
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
        for (role, path) in shell.sockets() {
            item("control", format!("{}, with the role {role}", path.display()));
        }
        if let Some((address, token)) = shell.tcp() {
            let others = "`.read`, `.talk` and `.load` behind it are those of other roles";
            item("tcp", format!("{address}, with the secret in {}; {others}", token.display()));
        }
        if !config.allow_listen.is_empty() {
            let rules: Vec<_> = config.allow_listen.iter().map(ToString::to_string).collect();
            item("grants", format!("`thespian-host grant tcp` may listen at {}", rules.join(", ")));
        }
        item("authority", authority_line(authority, &node.policy()));
        let raise = capacity.how_to_raise.as_ref().map(|how| format!("; more: {how}")).unwrap_or_default();
        let max = number(capacity.actors_max as u64);
        item("actors", format!("at most {max}, bound by {}{raise}", capacity.limited_by));
        item("memory", memory_line(memory));
        let max = bytes(queue_bound.bytes_max as u64);
        item("queues", format!("at most {max}, bound by {}", queue_bound.reason));
        item("a restart", format!("loses {LOSSES}"));
        let hang_up = if reloads_at_hang_up(config) { "" } else { ", SIGHUP" };
        item("to stop", format!("Ctrl-C, SIGTERM{hang_up} or `thespian-host stop`"));
    }
    if *authority == Authority::TrustAll {
        output.warn(
            "any program that can reach this node can run any code in it: use trust-all for development only",
        );
    }
}

/// The judge, and what to do where that is nobody.
fn authority_line(authority: &Authority, policy: &PolicyStatus) -> String {
    match authority {
        Authority::None => "none: every load is refused; --authority keys admits what is signed, by a policy, and --authority \
                            trust-all everything, for development"
            .to_string(),
        Authority::Keys if policy.text.is_some() => format!("keys: what is signed is admitted, by {}", policy.path),
        Authority::Keys => {
            format!("keys: nothing is admitted yet, for there is no {}: `thespian-host key trust` makes it", policy.path)
        }
        Authority::Person => "person: what is loaded waits until `thespian-host approve`; `sources pending` lists it".to_string(),
        Authority::TrustAll => "trust-all: every source is approved".to_string(),
        Authority::Actor => "actor: an actor of the source that is configured says".to_string(),
        Authority::Custom(_) => "custom: a judge of the program's own says".to_string(),
    }
}

/// How much memory there is, and how many actors of one source that is: of those that nobody has told to have less stack.
fn memory_line(memory: &MemoryBudget) -> String {
    const PLAIN_BYTES: usize = (1_152 << 10) + ACTOR_BYTES;
    let max = bytes(memory.bytes_max as u64);
    let actors = number((memory.bytes_max / 4 * 3 / PLAIN_BYTES) as u64);
    format!("at most {max}, bound by {}: {actors} actors of 1.1 MiB, as plain Rust makes them", memory.reason)
}

/// Whether SIGHUP has the policy read anew, as it does for services that are told of a new configuration. A node in somebody's
/// terminal ends with that.
fn reloads_at_hang_up(config: &NodeConfig) -> bool {
    config.authority == Authority::Keys && !std::io::stderr().is_terminal()
}

/// Whether whoever started this process had it ignore a signal: then it is to go on doing so.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

const SIGHUP: i32 = rustix::process::Signal::HUP.as_raw();
const SIGXFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// Signals that ask a program to end, or to say how it is.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Absent where it is to be ignored.
    hang_up: Option<Signal>,
    reloads: bool,
    user: Signal,
    /// Nothing to do for it: caught, a write beyond the limit of a file's size is an error and not the process's end.
    _file_size: Signal,
}

impl Signals {
    fn new(reloads: bool) -> Result<Self> {
        Ok(Self {
            reloads,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if is_ignored(SIGHUP) { None } else { Some(signal(SignalKind::hangup())?) },
            user: signal(SignalKind::user_defined1())?,
            _file_size: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Waits for whatever asks it to end at first. Meanwhile SIGUSR1 has the node's status written to the log, and SIGHUP the policy
    /// read anew where that is what it is for.
    async fn first(&mut self, node: &Node) -> &'static str {
        loop {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = hang_up => if self.reloads {
                    // The log says what came of it.
                    let _ = node.reload_policy().await;
                } else {
                    return "SIGHUP";
                },
                _ = self.interrupt.recv() => return "Ctrl-C",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.user.recv() => node.log_status().await,
            }
        }
    }

    /// Waits for whatever asks it to end at once: a person, or whoever has no more patience. A terminal that
    /// is closed, and what manages services, send SIGHUP besides.
    async fn next(&mut self, node: &Node) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "Ctrl-C",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.user.recv() => node.log_status().await,
            }
        }
    }
}
