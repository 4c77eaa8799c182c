//! `grant`: what an operator lets an actor have of the outside.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::wire::control::{ConnectionStatus, GrantStatus};

use super::ask::seconds;
use super::connect::NodeArgs;
use super::deadline::at_once;
use super::output::{Output, bytes, length, number};

/// Lets TCP connections be messages to an actor, shows what was granted, takes it back.
#[derive(Args)]
pub(super) struct GrantCommand {
    #[command(subcommand)]
    command: GrantAction,
}

#[derive(Subcommand)]
enum GrantAction {
    Tcp(TcpArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Listens for an actor, and prints where: each connection is messages to it, and an address for it to write to.
///
/// It ends with the actor, or by `grant revoke`. The node must have been started with `--allow-listen`.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 it listens; 1 it can't listen there; 2 the address makes no sense; 3 no such actor; 4 the \
                        node does not allow it; 5 no node (all: `thespian-host --help`)"
)]
struct TcpArgs {
    /// Where to listen: an IP address and a port, 0 for any that is free.
    #[arg(value_name = "LISTEN")]
    listen: SocketAddr,
    /// The actor's address.
    #[arg(value_name = "ADDR")]
    actor: ActorAddress,
    /// How long a connection may be idle before it is closed.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    idle: Duration,
    #[command(flatten)]
    node: NodeArgs,
}

/// Lists where the node listens for actors.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 listed; 5 no node (all: `thespian-host --help`)")]
struct ListArgs {
    /// Lists the open connections, one a line; with --json they are in the list of grants.
    #[arg(long)]
    connections: bool,
    #[command(flatten)]
    node: NodeArgs,
}

/// Takes a grant back: closes its listener and its connections.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 it listens no more; 3 no such grant; 5 no node (all: `thespian-host --help`)"
)]
struct RevokeArgs {
    /// Where it listens, as `grant tcp` printed it.
    #[arg(value_name = "LISTEN")]
    listen: SocketAddr,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn grant(command: GrantCommand, output: &Output) -> Result<()> {
    match command.command {
        GrantAction::Tcp(args) => tcp(args, output).await,
        GrantAction::List(args) => list(args, output).await,
        GrantAction::Revoke(args) => revoke(args, output).await,
    }
}

async fn tcp(args: TcpArgs, output: &Output) -> Result<()> {
    let client = args.node.connect().await?;
    let listen = args.listen.to_string();
    let grant = at_once(client.grant_tcp(&listen, args.actor, Some(args.idle))).await?;
    if output.is_json() {
        output.json(&grant)?;
    } else {
        output.line(grant.listen)?;
    }
    Ok(())
}

async fn list(args: ListArgs, output: &Output) -> Result<()> {
    let grants = at_once(args.node.connect().await?.grants()).await?;
    if output.is_json() {
        output.json(&grants)?;
    } else if grants.is_empty() {
        output.note("the node listens for no actor; `thespian-host grant tcp` has it listen");
    } else if args.connections {
        let header = ["CONNECTION", "LISTEN", "PEER", "READ", "WRITTEN", "UNHANDLED", "UNWRITTEN"];
        let rows = grants
            .iter()
            .flat_map(|grant| grant.connections.iter().map(|connection| connection_row(grant, connection)));
        output.table(&header, rows.collect())?;
    } else {
        let header = ["LISTEN", "ACTOR", "OPEN", "ACCEPTED", "IDLE"];
        output.table(&header, grants.iter().map(row).collect())?;
    }
    Ok(())
}

fn row(grant: &GrantStatus) -> Vec<String> {
    vec![
        grant.listen.clone(),
        grant.actor.to_string(),
        number(grant.connections.len() as u64),
        number(grant.accepted),
        length(Duration::from_millis(grant.idle_ms)),
    ]
}

fn connection_row(grant: &GrantStatus, connection: &ConnectionStatus) -> Vec<String> {
    vec![
        connection.address.to_string(),
        grant.listen.clone(),
        connection.peer.clone(),
        bytes(connection.read_bytes),
        bytes(connection.written_bytes),
        number(connection.unhandled),
        number(connection.unwritten),
    ]
}

async fn revoke(args: RevokeArgs, output: &Output) -> Result<()> {
    let listen = args.listen.to_string();
    at_once(args.node.connect().await?.revoke(&listen)).await?;
    if output.is_json() {
        output.json(&json!({"revoked": listen}))?;
    }
    Ok(())
}
