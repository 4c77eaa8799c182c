//! `key`: keys that sign sources, and whom a node trusts.

use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand};
use minisign::KeyPair;
use serde_json::json;
use thespian_core::source::SourceHash;
use thespian_core::source::policy::PublicKey;
use thespian_core::utc::UtcTime;
use thespian_core::wire::control::PolicyChange;
use thespian_host::signing::key_text;

use super::connect::NodeArgs;
use super::deadline::at_once;
use super::keys::{self, PassphraseArgs};
use super::load::named_rights;
use super::outcome::Usage;
use super::output::Output;
use super::policy;

/// Makes and shows keys that sign sources, and says which of them a node trusts.
#[derive(Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    command: KeyAction,
}

#[derive(Subcommand)]
enum KeyAction {
    New(NewKeyArgs),
    Show(ShowKeyArgs),
    Trust(TrustKeyArgs),
    Revoke(RevokeKeyArgs),
}

/// Makes a key: a secret file NAME.key, which signs, and a public one, NAME.pub. Prints the public key.
///
/// They are minisign's, and lie in `thespian-host/keys` in the user's configuration directory.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 made; 1 can't be written; 2 there is one of that name (all: `thespian-host --help`)"
)]
struct NewKeyArgs {
    /// Name of the new key.
    name: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Prints the public key of a name, a file or a line: what `key trust` and a policy take.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 shown; 2 there is none (all: `thespian-host --help`)")]
struct ShowKeyArgs {
    /// Name of a key, or the file of a public one.
    key: String,
}

/// Has a node trust a key for sources of some names. It counts at once, and stands in the node's policy.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 trusted; 2 no such key, or the policy makes no sense with it; 4 not an operator; 5 no node (all: \
                  `thespian-host --help`)"
)]
struct TrustKeyArgs {
    /// Name of a key, the file of a public one, or its text.
    key: String,
    /// Name by which the policy has it [default: the key's].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Names of the sources that it may sign, as `shop/*`: `*` stays within a part; may be repeated.
    #[arg(long, value_name = "PATTERN", required = true, value_delimiter = ',')]
    sources: Vec<String>,
    /// Right that it may give, at most: `dead-letters`, `capabilities`, `status`, `shutdown`, `authority`, `sources`; may be repeated.
    #[arg(long = "allow", value_name = "RIGHT", value_delimiter = ',')]
    rights: Vec<String>,
    /// Limit of actors that it may give, at most, by its name in the configuration file; may be repeated.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = policy::limit)]
    limits: Vec<(String, u64)>,
    /// When it ceases to count, as `2027-11-01T00:00:00Z` [default: never].
    #[arg(long, value_name = "MOMENT")]
    expires: Option<UtcTime>,
    #[command(flatten)]
    node: NodeArgs,
}

/// Has a node trust a key, or a source, no more and never again. Nothing is created from what only it had signed; what runs
/// of it is listed, and goes on without rights.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 revoked; 2 no such key, or it is revoked; 4 not an operator; 5 no node (all: `thespian-host \
                  --help`)"
)]
struct RevokeKeyArgs {
    /// Name of a key in the policy, the file of a public one (`./ci.pub`), its text, or the whole hash of a source.
    key: String,
    /// Ends the actors that it leaves behind.
    #[arg(long)]
    kill: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn key(command: KeyCommand, output: &Output) -> Result<()> {
    match command.command {
        KeyAction::New(args) => new(&args, output),
        KeyAction::Show(args) => show(&args, output),
        KeyAction::Trust(args) => trust(args, output).await,
        KeyAction::Revoke(args) => revoke(args, output).await,
    }
}

fn new(args: &NewKeyArgs, output: &Output) -> Result<()> {
    keys::check_name(&args.name)?;
    let [secret, public] = ["key", "pub"].map(|ending| keys::file_of(&args.name, ending));
    let (secret, public) = (secret?, public?);
    for file in [&secret, &public] {
        if file.exists() {
            return Err(keys::is_there(file).into());
        }
    }
    let passphrase = args.passphrase.of_a_new_key()?;
    let comment = format!("thespian-host key {}", args.name);
    let pair = match passphrase {
        None => KeyPair::generate_unencrypted_keypair(),
        locked => KeyPair::generate_encrypted_keypair(locked),
    };
    let pair = pair.map_err(|error| Usage(format!("can't make a key: {error}")))?;
    let locked = pair.sk.to_box(Some(&comment)).map_err(|error| Usage(error.to_string()))?;
    keys::write_new(&secret, &ended(&locked.into_string()), 0o600)?;
    let text = pair.pk.to_base64();
    keys::write_new(&public, &format!("untrusted comment: {comment}\n{text}\n"), 0o644)?;
    let key = key_text::read(&text).map_err(|error| Usage(error.to_string()))?;
    print(&key, &public, output)?;
    output.note(format_args!("the secret key is {}; whoever has it signs as you do", secret.display()));
    Ok(())
}

fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn show(args: &ShowKeyArgs, output: &Output) -> Result<()> {
    let (key, file) = (keys::public(&args.key)?, keys::file_of(&args.key, "pub")?);
    print(&key, &file, output)
}

fn print(key: &PublicKey, file: &Path, output: &Output) -> Result<()> {
    let text = key_text::write(key);
    if output.is_json() {
        output
            .json(&json!({"public": text, "id": key.id.to_string(), "file": file.display().to_string()}))?;
    } else {
        output.line(text)?;
    }
    Ok(())
}

async fn trust(args: TrustKeyArgs, output: &Output) -> Result<()> {
    let key = keys::public(&args.key)?;
    let own_name = || Path::new(&args.key).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let is_text = key_text::read(&args.key).is_ok();
    let name = args.name.clone().or_else(|| if is_text { None } else { own_name() });
    let name = name.ok_or_else(|| Usage("say by --as what the policy is to call this key".to_string()))?;
    let rights = named_rights(&args.rights)?;
    let change = PolicyChange::TrustKey {
        name,
        public: key_text::write(&key),
        sources: args.sources,
        rights,
        limits: args.limits,
        expires: args.expires,
    };
    let client = args.node.connect().await?;
    let outcomes = at_once(client.edit_policy(change)).await?;
    policy::tell(&outcomes, output)
}

async fn revoke(args: RevokeKeyArgs, output: &Output) -> Result<()> {
    let kill = args.kill;
    let change = match args.key.parse::<SourceHash>() {
        Ok(source) => PolicyChange::RevokeSource { source, kill },
        // A name is the node's, a file is here.
        Err(_) if args.key.contains('/') || args.key.ends_with(".pub") => {
            PolicyChange::RevokeKey { key: key_text::write(&keys::public(&args.key)?), kill }
        }
        Err(_) => PolicyChange::RevokeKey { key: args.key, kill },
    };
    let client = args.node.connect().await?;
    let outcomes = at_once(client.edit_policy(change)).await?;
    policy::tell(&outcomes, output)
}
