//! `config show`: each effective value and the layer that it came from.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use toml::Value;

use super::layers::{ACTOR, AUTHORITY_INIT, ConfigArgs};
use super::output::Output;

/// Shows what a node would be run with.
#[derive(Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    command: Show,
}

#[derive(Subcommand)]
enum Show {
    /// Prints each value that `run` would use with the same options, and where it comes from: flag over environment
    /// over file over default.
    #[command(after_help = "Exit codes: 0 shown; 2 the configuration makes no sense")]
    Show(ConfigArgs),
}

pub(super) fn config(command: ConfigCommand, output: &Output) -> Result<()> {
    let Show::Show(args) = command.command;
    let layered = args.resolve()?;
    for name in &layered.unknown_variables {
        output.warn(format_args!("the variable {name} is no setting of thespian-host"));
    }
    let mut settings = layered.settings;
    for setting in settings.iter_mut().filter(|setting| [AUTHORITY_INIT, ACTOR].contains(&&*setting.key)) {
        setting.value = setting.value.take().map(|_| Value::String("(not shown)".to_string()));
    }
    if output.is_json() {
        let settings = settings.iter().map(
            |setting| json!({"key": setting.key, "value": setting.value, "from": setting.origin.to_string()}),
        );
        output.json(&settings.collect::<Vec<_>>())?;
        return Ok(());
    }
    let rows = settings.iter().map(|setting| {
        let value = setting.value.as_ref().map_or(format!("({})", setting.absent), ToString::to_string);
        vec![setting.key.clone(), value, setting.origin.to_string()]
    });
    output.table(&["KEY", "VALUE", "FROM"], rows.collect())?;
    Ok(())
}
