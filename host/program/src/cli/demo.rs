//! `demo`: the whole way of an actor, from its source text to its answer, in one process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_core::wire::control::{CreateActor, Incoming, LoadProgress, LoadedSource};
use thespian_host::client::Client;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::node::Node;
use thespian_host::sandbox::THIS_PROGRAM;

use super::checkout;
use super::incoming;
use super::load::{Bar, class_line, file_name, read_component};
use super::message;
use super::outcome::{Poison, Usage};
use super::output::{Output, Style, bytes, length};

/// The message that the example is asked.
const QUESTION: (&str, &str) = ("Greet", r#"{"name": "world"}"#);

/// Shows the whole way of an actor, from its code to its answer: builds, loads, judges, creates, asks.
///
/// In a checkout it builds `examples/01-hello` with cargo. Elsewhere give it a component of yours. The node lives in
/// this process, keeps nothing on disk, trusts every source, and is gone at the end.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown; 1 the example can't be built, or the actor did not start; 2 no checkout and \
                        no file, or several classes and none named; 4 no component; 7 the actor could not handle the \
                        message (all: `thespian-host --help`)"
)]
pub(super) struct DemoArgs {
    /// A component to load in place of the example.
    file: Option<PathBuf>,
    /// The class to create, where there are several.
    #[arg(long, requires = "file")]
    class: Option<String>,
    /// Message to ask the actor.
    #[arg(long, num_args = 2, value_names = ["TYPE", "JSON"], allow_negative_numbers = true, requires = "file")]
    message: Option<Vec<String>>,
}

pub(super) async fn demo(args: DemoArgs, output: &Output) -> Result<()> {
    let question = match (&args.file, args.message.as_deref()) {
        (None, _) => Some(QUESTION),
        (_, Some([type_name, payload])) => Some((type_name.as_str(), payload.as_str())),
        _ => None,
    };
    let question = question.map(|(type_name, payload)| message::json(type_name, payload)).transpose()?;
    let mut steps = Steps::new(output);
    let file = match args.file {
        Some(file) => file,
        None => build(&mut steps)?,
    };
    let component = read_component(&file)?;
    let node = Node::start(NodeConfig {
        authority: Authority::TrustAll,
        compiler: Some(THIS_PROGRAM.into()),
        ..NodeConfig::default()
    })?;
    let host = format!("{:016x}", node.host().0);
    let text =
        format!("a node in this process, host {host}; it has room for {} actors", node.capacity().actors_max);
    steps.done("start", &text, json!({"host": host, "actors_max": node.capacity().actors_max}))?;
    let shown = show(&node.client(), &file, component, args.class, question, &mut steps).await;
    node.stop().await;
    shown?;
    steps.done("stop", "the actor exited and the node stopped; nothing is left behind", json!({}))?;
    if !output.is_json() {
        output.line("")?;
        output.line("Next, in two terminals:")?;
        output.line("  thespian-host run --authority trust-all")?;
        output.line(format_args!("  thespian-host load {}", file.display()))?;
    }
    Ok(())
}

fn build(steps: &mut Steps<'_>) -> Result<PathBuf> {
    let root = checkout::find().ok_or_else(|| {
        let text = "the example is not here: this is no checkout of thespian-host; give a component in its place: \
                    `thespian-host demo FILE.wasm`";
        Usage(text.to_string())
    })?;
    let example = checkout::EXAMPLE;
    steps.output.note(format_args!("building {example} with cargo; the first time takes up to a minute"));
    let component = checkout::build_example(&root).map_err(|error| anyhow!(error))?;
    let size = std::fs::metadata(&component)?.len();
    let shown = component.strip_prefix(&root).unwrap_or(&component);
    let text = format!("{example} is {}, {}", shown.display(), bytes(size));
    steps.done("build", &text, json!({"example": example, "component": shown, "bytes": size}))?;
    Ok(component)
}

async fn show(
    client: &Client,
    file: &Path,
    component: Vec<u8>,
    class: Option<String>,
    question: Option<Message>,
    steps: &mut Steps<'_>,
) -> Result<()> {
    let source = load(client, file, component, steps).await?;
    let class = match (class, &source.info.classes[..]) {
        (Some(class), _) => class,
        (None, [only]) => only.name.clone(),
        (None, _) => return Err(Usage("it has several classes: name one with --class".to_string()).into()),
    };
    let create = CreateActor {
        source: source.hash.to_string(),
        class: Some(class),
        requirements: Vec::new(),
        init: None,
        on_trap: None,
        name: None,
    };
    let (address, class) = client.create_with(create).await?;
    let text = format!("an actor of class {} at {address}", class);
    steps.done("create", &text, json!({"address": address, "class": class}))?;
    match question {
        Some(question) => ask(client, address, question, steps).await,
        None => {
            steps.output.note("to ask it something: --message TYPE JSON");
            Ok(())
        }
    }
}

/// Loads the component; tells of the judgement and of the compilation as steps of their own.
async fn load(
    client: &Client,
    file: &Path,
    component: Vec<u8>,
    steps: &mut Steps<'_>,
) -> Result<LoadedSource> {
    let bar = Bar::new(component.len(), steps.output.is_json());
    let (mut judging, mut compiling) = (None, None);
    let source = client
        .load(&file_name(file), component, |progress| {
            match progress {
                LoadProgress::Judging => judging = Some(Instant::now()),
                LoadProgress::Compiling => compiling = Some(Instant::now()),
                LoadProgress::Received(_) | LoadProgress::Pending => {}
            }
            bar.show(progress);
        })
        .await;
    bar.clear();
    let source = source.with_context(|| format!("{} can't be loaded", file.display()))?;
    let hash = source.hash;
    steps.done_at(
        judging,
        "load",
        &format!("SHA-256 {hash}"),
        json!({"hash": hash, "label": file_name(file)}),
    )?;
    let text = "trust-all approved it: right for a demo, never for the code of others";
    steps.done_at(compiling, "judge", text, json!({"authority": "trust-all", "approved": true}))?;
    let (name, version) = (&source.info.name, &source.info.version);
    let classes: Vec<_> = source.info.classes.iter().map(class_line).collect();
    let text = format!("{name} {version}: {}", classes.join("; "));
    steps.done("compile", &text, json!({"info": source.info, "compile_us": source.compile_us}))?;
    Ok(source)
}

async fn ask(client: &Client, address: ActorAddress, question: Message, steps: &mut Steps<'_>) -> Result<()> {
    let asked = format!("{} {}", question.type_name, incoming::one_line(&question));
    let answer = client.ask(address, question, None).await?;
    match &answer {
        Incoming::Message { sender, message } => {
            let got = format!("{} {}", message.type_name, incoming::one_line(message));
            let from = if *sender == address { "it".to_string() } else { sender.to_string() };
            let text = [(Style::Plain, format!("{asked}, and {from} answered ")), (Style::Bold, got)];
            steps.done_in_pieces(None, "ask", &text, AnswerShown { answer: incoming::as_json(&answer)? })
        }
        Incoming::Poisoned(poisoned) => {
            Err(Poison(format!("the actor could not handle {asked}: {}", poisoned.details)).into())
        }
    }
}

#[derive(Serialize)]
struct AnswerShown<'a> {
    answer: incoming::IncomingJson<'a>,
}

/// A step for programs.
#[derive(Serialize)]
struct DemoStep<'a, D> {
    step: &'a str,
    took_us: u64,
    #[serde(flatten)]
    details: D,
}

/// Numbers the steps and takes their time.
struct Steps<'a> {
    output: &'a Output,
    number: usize,
    began: Instant,
}

impl<'a> Steps<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, number: 0, began: Instant::now() }
    }

    fn done(&mut self, name: &str, text: &str, details: impl Serialize) -> Result<()> {
        self.done_at(None, name, text, details)
    }

    /// A step that ended at `end`, or now; the next begins there.
    fn done_at(
        &mut self,
        end: Option<Instant>,
        name: &str,
        text: &str,
        details: impl Serialize,
    ) -> Result<()> {
        self.done_in_pieces(end, name, &[(Style::Plain, text.to_string())], details)
    }

    fn done_in_pieces(
        &mut self,
        end: Option<Instant>,
        name: &str,
        text: &[(Style, String)],
        details: impl Serialize,
    ) -> Result<()> {
        let end = end.unwrap_or_else(Instant::now);
        let took: Duration = end.saturating_duration_since(self.began);
        (self.began, self.number) = (end, self.number + 1);
        if self.output.is_json() {
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            return Ok(self.output.json(&DemoStep { step: name, took_us, details })?);
        }
        let number = format!("{} ", self.number);
        let (name, took) = (format!("{name:8} "), format!(" ({})", length(took)));
        let mut pieces = vec![(Style::Plain, number.as_str()), (Style::Bold, &name)];
        pieces.extend(text.iter().map(|(style, text)| (*style, text.as_str())));
        pieces.push((Style::Dim, &took));
        Ok(self.output.pieces(&pieces)?)
    }
}
