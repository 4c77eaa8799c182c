//! The commands, one file each; here what they share: the command line, the log, and how a command ends.

mod actors;
mod approve;
mod ask;
mod audit;
mod capabilities;
mod checkout;
mod config;
mod connect;
mod create;
mod deadline;
mod demo;
mod exit;
mod given;
mod grant;
mod guest_target;
mod incoming;
mod inspect;
mod json_text;
mod key;
mod keys;
mod kill;
mod layers;
mod listen;
mod load;
mod log_level;
mod logs;
mod message;
mod outcome;
mod output;
mod papers;
mod policy;
mod run;
mod sign;
mod sources;
mod status;
mod stop;
mod streams;
mod tell;
mod tree;
mod unload;
mod usage;
mod wait_ready;
mod watch;
mod why_refused;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use thespian_host::descriptors;
use tracing_subscriber::EnvFilter;

use outcome::{Outcome, Usage};
use output::Output;

/// Loads actors at run time and runs each in a sandbox of its own.
#[derive(Parser)]
#[command(name = "thespian-host", version, propagate_version = true, after_help = outcome::HELP)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Prints results as JSON, one document a line, and an error as one line of JSON on stderr.
    #[arg(long, global = true)]
    json: bool,
    /// Records to log to stderr: a level, or levels by target (`info,actor=debug`) [default: `info` for `run`, else
    /// `warn`].
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "THESPIAN_HOST_LOG_LEVEL",
        hide_env_values = true
    )]
    log_level: Option<String>,
    /// How it is logged.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "THESPIAN_HOST_LOG_FORMAT",
        hide_env_values = true
    )]
    #[arg(value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Text for people.
    Text,
    /// For programs: one object a line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Demo(demo::DemoArgs),
    Load(load::LoadArgs),
    Unload(unload::UnloadArgs),
    Sources(sources::SourcesArgs),
    Approve(approve::ApproveArgs),
    Refuse(approve::RefuseArgs),
    WhyRefused(why_refused::WhyRefusedArgs),
    Key(key::KeyCommand),
    Sign(sign::SignArgs),
    Verify(sign::VerifyArgs),
    Inspect(inspect::InspectArgs),
    Policy(policy::PolicyCommand),
    Audit(audit::AuditCommand),
    Create(create::CreateArgs),
    Tell(tell::TellArgs),
    Ask(ask::AskArgs),
    Listen(listen::ListenArgs),
    Actors(actors::ActorsArgs),
    Exit(exit::ExitArgs),
    Kill(kill::KillArgs),
    Grant(grant::GrantCommand),
    Logs(logs::LogsArgs),
    Status(status::StatusArgs),
    WaitReady(wait_ready::WaitReadyArgs),
    Capabilities(capabilities::CapabilitiesArgs),
    Stop(stop::StopArgs),
    LogLevel(log_level::LogLevelArgs),
    Config(config::ConfigCommand),
}

pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::tell(&error),
    };
    let mut output = Output::new(cli.json);
    let ended = start(&cli, &mut output).and_then(|()| runtime()?.block_on(command(cli.command, &output)));
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let outcome = Outcome::of(&error);
            outcome.tell(&error, &output);
            outcome.exit_code()
        }
    };
    output.close();
    code
}

fn start(cli: &Cli, output: &mut Output) -> Result<()> {
    if let Command::Run(_) = cli.command {
        output.never_wait(cli.log_format == LogFormat::Json)?;
    }
    start_log(cli, output)?;
    take_descriptors(&cli.command, output)
}

/// Before anything is opened: what comes later would fail without saying what is missing.
fn take_descriptors(command: &Command, output: &Output) -> Result<()> {
    /// Descriptors that this program opens for itself: a runtime, signals, a connection.
    const OWN: u64 = 16;
    if !matches!(command, Command::Run(_) | Command::Demo(_)) {
        let limit = descriptors::limit();
        ensure!(
            limit >= OWN,
            "this process may have {limit} file descriptors; a command needs {OWN}: raise the limit with `ulimit -n \
             {OWN}`"
        );
        return Ok(());
    }
    if let Err(error) = descriptors::raise_limit() {
        output.warn(format_args!("can't raise the limit on file descriptors: {error}"));
    }
    descriptors::shares(OWN).map(|_| ()).map_err(Into::into)
}

/// For this program's own waiting; a node has runtimes of its own.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn command(command: Command, output: &Output) -> Result<()> {
    match command {
        Command::Run(args) => run::run(args, output).await,
        Command::Demo(args) => demo::demo(args, output).await,
        Command::Load(args) => load::load(args, output).await,
        Command::Unload(args) => unload::unload(args, output).await,
        Command::Sources(args) => sources::sources(args, output).await,
        Command::Approve(args) => approve::approve(args, output).await,
        Command::Refuse(args) => approve::refuse(args, output).await,
        Command::WhyRefused(args) => why_refused::why_refused(args, output).await,
        Command::Key(command) => key::key(command, output).await,
        Command::Sign(args) => sign::sign(&args, output),
        Command::Verify(args) => sign::verify(&args, output),
        Command::Inspect(args) => inspect::inspect(&args, output),
        Command::Policy(command) => policy::policy(command, output).await,
        Command::Audit(command) => audit::audit(&command, output).await,
        Command::Create(args) => create::create(args, output).await,
        Command::Tell(args) => tell::tell(args, output).await,
        Command::Ask(args) => ask::ask(args, output).await,
        Command::Listen(args) => listen::listen(args, output).await,
        Command::Actors(args) => actors::actors(args, output).await,
        Command::Exit(args) => exit::exit(args, output).await,
        Command::Kill(args) => kill::kill(args, output).await,
        Command::Grant(command) => grant::grant(command, output).await,
        Command::Logs(args) => logs::logs(args, output).await,
        Command::Status(args) => status::status(args, output).await,
        Command::WaitReady(args) => wait_ready::wait_ready(args, output).await,
        Command::Capabilities(args) => capabilities::capabilities(args, output).await,
        Command::Stop(args) => stop::stop(args, output).await,
        Command::LogLevel(args) => log_level::log_level(args, output).await,
        Command::Config(command) => config::config(command, output),
    }
}

fn start_log(cli: &Cli, output: &Output) -> Result<()> {
    let default = match cli.command {
        Command::Run(_) => "info",
        // It says itself what it trusts.
        Command::Demo(_) => "error",
        _ => "warn",
    };
    let filter = cli.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Usage(format!("`--log-level {filter}` is no level and no list of levels: {error}"))
    })?;
    let writer = output.log_writer();
    // It would tell of its own failures on stderr, and wait there, or panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    match cli.log_format {
        LogFormat::Json => log.with_writer(move || writer.clone()).json().init(),
        LogFormat::Text => {
            let color = output::wants_color(std::io::stderr().is_terminal());
            let log = log.with_ansi(color);
            log.with_writer(move || output::RecordWriter::new(writer.clone(), color)).init();
        }
    }
    Ok(())
}
