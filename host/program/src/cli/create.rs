//! `create`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;
use thespian_core::capability::Requirement;
use thespian_core::fate::OnTrap;
use thespian_core::limits::CREATE_TIME_MAX;
use thespian_core::wire::control::CreateActor;
use thespian_host::client::Created;
use thespian_host::typed_text::requirement;

use super::connect::NodeArgs;
use super::deadline::within;
use super::message;
use super::output::Output;

/// Creates an actor and prints its address.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 created; 1 it did not start, or no host fits; 2 name a class; 3 no such source or \
                        class; 4 the source was refused; 5 no node; 6 not judged in time (all: `thespian-host --help`)"
)]
pub(super) struct CreateArgs {
    /// The source's hash, or an unambiguous beginning of it.
    hash: String,
    /// The class; may be left out where the source has only one.
    class: Option<String>,
    /// Its global name. An actor that has it already is what is printed, whatever else is asked for.
    #[arg(long)]
    name: Option<String>,
    /// A message for its start, as JSON.
    #[arg(long, num_args = 2, value_names = ["TYPE", "JSON"], allow_negative_numbers = true)]
    init: Option<Vec<String>>,
    /// Requirement of its host besides those of its class: `gpu`, `zone=eu`, `zone=eu,us`, `ram-gb>=8`; may be
    /// repeated.
    #[arg(long = "require", value_name = "WHAT", value_parser = requirement)]
    requirements: Vec<Requirement>,
    /// Fate of the actor after a trap [default: what its class says].
    #[arg(long, value_enum, value_name = "WHAT")]
    on_trap: Option<AfterTrap>,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum AfterTrap {
    /// A fresh instance takes its place; after too many, with pauses.
    Restart,
    /// The same, but too many end it.
    RestartWithinBudget,
    /// The actor ends then.
    Exit,
}

pub(super) async fn create(args: CreateArgs, output: &Output) -> Result<()> {
    let init = match args.init.as_deref() {
        Some([type_name, payload]) => Some(message::json(type_name, payload)?),
        _ => None,
    };
    let on_trap = args.on_trap.map(|on_trap| match on_trap {
        AfterTrap::Restart => OnTrap::Restart,
        AfterTrap::RestartWithinBudget => OnTrap::RestartWithinBudget,
        AfterTrap::Exit => OnTrap::Exit,
    });
    let create = CreateActor {
        source: args.hash,
        class: args.class,
        requirements: args.requirements,
        init,
        on_trap,
        name: args.name,
    };
    let client = args.node.connect().await?;
    let created = within(CREATE_TIME_MAX, client.create_or_find(create)).await?;
    let Created { address, class, already, .. } = created;
    if output.is_json() {
        return Ok(output.json(&json!({"address": address, "class": class, "already": already}))?);
    }
    if already {
        output.note(format_args!("the name was there already: nothing was created, this is a `{}`", class));
    }
    output.line(address)?;
    Ok(())
}
