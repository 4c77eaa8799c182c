//! `load`: a component's bytes to a node, with a bar for those who watch.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use thespian_core::limits::{
    JUDGEMENT_TIME_MOST, PERSON_TIME_MOST, SOURCE_BYTES_MAX, START_MEMORY_BYTES_WARNED,
};
use thespian_core::source::foreign::what_else;
use thespian_core::source::{ActorClass, InitMessage, Rights, SourceHash, SourceInfo};
use thespian_core::wire::control::{LoadProgress, LoadedSource};
use thespian_host::client::LoadOptions;
use tokio::sync::{Notify, watch};

use super::connect::NodeArgs;
use super::deadline::step_by_step;
use super::given;
use super::outcome::{NoComponent, Usage, WaitsForPerson};
use super::output::{Output, bytes, length};
use super::papers::PapersArgs;

/// The target that components are built for.
const TARGET: &str = "wasm32-wasip2";
const TICK: Duration = Duration::from_millis(100);

/// Loads a component, so that actors can be created from it, and prints its hash.
///
/// The node's Source Authority must approve it. Where that is a person, this ends with code 9, and the source waits there until
/// `approve` or `refuse`, also over a restart of the node. Loading it twice is one load. A manifest beside it, FILE.toml for FILE.wasm, and
/// its signatures, FILE.toml.minisig and FILE.toml.*.minisig, go with it.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 loaded; 2 no such file; 4 refused; 5 no node; 9 waits for a person (all: `thespian-host --help`)"
)]
pub(super) struct LoadArgs {
    /// A component, as `cargo build --target wasm32-wasip2` makes it.
    file: PathBuf,
    /// Name for it in the list of sources [default: the file's name].
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Right of its actors, besides what all may ask of the node: `dead-letters`, `capabilities`, `status`, `shutdown`, `authority`, `sources`;
    /// may be repeated. Of what its manifest wants it gets these alone [default: none, or all that its manifest wants].
    #[arg(long = "allow", value_name = "RIGHT", value_delimiter = ',')]
    rights: Vec<String>,
    /// Gives it none of the rights that its manifest wants.
    #[arg(long, conflicts_with = "rights")]
    allow_nothing: bool,
    /// Takes it though it is an older version than one that was admitted before.
    #[arg(long)]
    allow_downgrade: bool,
    /// Waits until a person has approved it, or refused.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    papers: PapersArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn load(args: LoadArgs, output: &Output) -> Result<()> {
    // What only an authority can open has another name than a component.
    let is_sealed = args.file.extension().is_some_and(|extension| extension != "wasm");
    let component = if is_sealed { read_bytes(&args.file)? } else { read_component(&args.file)? };
    let label = args.label.unwrap_or_else(|| file_name(&args.file));
    let rights = named_rights(&args.rights)?;
    let rights = (args.allow_nothing || !args.rights.is_empty()).then_some(rights);
    let papers = args.papers.read(&args.file)?;
    let options = LoadOptions { label, rights, papers, is_downgrade: args.allow_downgrade };
    let client = args.node.connect().await?;
    let bar = Bar::new(component.len(), output.is_json());
    let hash = SourceHash(Sha256::digest(&component).into());
    let (step, steps) = watch::channel(Duration::ZERO);
    let waits = Notify::new();
    let load = client.load_as(component, options, |progress| {
        step.send_replace(time_after(progress));
        bar.show(progress);
        if progress == LoadProgress::Pending && !args.wait {
            waits.notify_one();
        }
    });
    let loaded = tokio::select! {
        biased;
        loaded = step_by_step(steps, load) => loaded,
        () = waits.notified() => Err(WaitsForPerson { hash }.into()),
    };
    bar.clear();
    show_loaded(&loaded?, output)
}

/// Rights by their names.
pub(super) fn named_rights(names: &[String]) -> Result<Rights> {
    Ok(Rights::named(names).map_err(|error| Usage(error.to_string()))?)
}

/// Prints what can be created from.
pub(super) fn show_loaded(loaded: &LoadedSource, output: &Output) -> Result<()> {
    if output.is_json() {
        output.json(loaded)?;
        return Ok(());
    }
    let how = match (loaded.already, loaded.compile_us) {
        (true, _) => "it was loaded before".to_string(),
        (false, 0) => "its code was in the compile cache".to_string(),
        (false, us) => format!("compiled in {}", length(Duration::from_micros(us))),
    };
    describe(&loaded.info, &how, output);
    warn_of_memory(loaded.info.memory_bytes, output);
    output.line(loaded.hash)?;
    Ok(())
}

/// How long the node may be busy with the next step.
const fn time_after(progress: LoadProgress) -> Duration {
    match progress {
        LoadProgress::Received(_) => Duration::ZERO,
        // The node's operator says how long.
        LoadProgress::Judging => JUDGEMENT_TIME_MOST,
        LoadProgress::Pending => PERSON_TIME_MOST,
        // One source is compiled after the other, and nobody knows how many there are before this one.
        LoadProgress::Compiling => Duration::MAX,
    }
}

/// A stack of a megabyte, which tools reserve where nobody says otherwise, is most of what many actors take.
fn warn_of_memory(memory_bytes: u64, output: &Output) {
    if memory_bytes > START_MEMORY_BYTES_WARNED {
        output.warn(format_args!(
            "each of its actors begins with {} of memory, most of which may be its stack: `-C link-arg=-zstack-size=65536` \
             in the flags of rustc makes that 64 KiB",
            bytes(memory_bytes)
        ));
    }
}

/// Shows people what a source offers.
fn describe(info: &SourceInfo, how: &str, output: &Output) {
    output.note(format_args!("{} {}, {how}", info.name, info.version));
    for class in &info.classes {
        let mut line = format!("  {}", class_line(class));
        if !class.requires.is_empty() {
            let requires: Vec<_> = class.requires.iter().map(ToString::to_string).collect();
            line = format!("{line}; requires that {}", requires.join(", "));
        }
        output.note(line);
    }
}

/// All there is to know of a class before an actor of it is created and sent to.
pub(super) fn class_line(class: &ActorClass) -> String {
    let takes = if class.receives.is_empty() {
        "no message that it names".to_string()
    } else {
        class.receives.join(", ")
    };
    match &class.init {
        None => format!("class {} takes {takes}", class.name),
        Some(InitMessage { type_name, is_optional }) => {
            let or_without = if *is_optional { " or without" } else { "" };
            format!("class {} starts with {type_name}{or_without}, takes {takes}", class.name)
        }
    }
}

/// The bytes of a component; what a node is sure to refuse is not sent.
pub(super) fn read_component(file: &Path) -> Result<Vec<u8>> {
    let component = read_bytes(file)?;
    match what_else(&component) {
        Some(what) => Err(NoComponent(format!("{} is no component: {what}", file.display())).into()),
        None => Ok(component),
    }
}

fn read_bytes(file: &Path) -> Result<Vec<u8>> {
    if file.is_dir() {
        let text = format!("{} is a directory; a component is a file in it, NAME.wasm", file.display());
        return Err(Usage(text).into());
    }
    let component = given::read_file(file, "a source", SOURCE_BYTES_MAX);
    component.map_err(|error| match forgotten(file) {
        Some(hint) => Usage(format!("{error}; {hint}")).into(),
        None => error,
    })
}

/// Guesses what was forgotten where a component's file is not there.
fn forgotten(file: &Path) -> Option<String> {
    let is_built = file.iter().any(|part| part == TARGET);
    if file.exists() || !is_built {
        return None;
    }
    let is_wasm = file.extension().is_some_and(|extension| extension == "wasm");
    let is_there = file.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    match is_there {
        true if is_wasm => Some(
            "its folder is there: does the crate's Cargo.toml say `crate-type = [\"cdylib\"]`?".to_string(),
        ),
        true => None,
        false => Some(format!(
            "nothing is built there: `cargo build --target {TARGET}`, for `release` with --release"
        )),
    }
}

pub(super) fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Drawn on a terminal only.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(size: usize, is_hidden: bool) -> Self {
        let target = if is_hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(size as u64), target);
        let style = ProgressStyle::with_template("{msg:9} [{bar:30}] {bytes} of {total_bytes}");
        bar.set_style(style.expect("the template is fixed").progress_chars("=> "));
        bar.set_message("uploading");
        Self(bar)
    }

    pub(super) fn show(&self, progress: LoadProgress) {
        match progress {
            LoadProgress::Received(count) => self.0.set_position(count),
            LoadProgress::Judging => self.spin("waiting for the Source Authority"),
            LoadProgress::Pending => self.spin("waiting until a person approves it"),
            LoadProgress::Compiling => self.spin("compiling"),
        }
    }

    fn spin(&self, what: &'static str) {
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        self.0.set_style(style.expect("the template is fixed"));
        self.0.set_message(what);
        self.0.enable_steady_tick(TICK);
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
