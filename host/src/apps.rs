//! What is to run on a node: the sources that its configuration names are loaded, and the actors of them created, in its order.
//!
//! ```text
//!  [[source]] ──► offered, one behind the other ──┐
//!  [[actor]]  ────────────────────────────────────┴─► created, and anew when they end: core's `posts`
//! ```

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use serde::Deserialize;
use thespian_core::limits::{CONFIG_BYTES_MAX, JUDGEMENT_TIME_MAX, STANDING_ACTORS_MAX};
use thespian_core::outbox::{CreateOptions, check_create, check_global_name};
use thespian_core::post::StandingActor;
use thespian_core::question::{Offer, Question};
use thespian_core::source::{Rights, SourceHash};
use thespian_core::text::inert;
use thespian_core::wire::control::{ControlError, Reply};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Level;

use crate::answers::Answered;
use crate::config::{ActorConfig, NodeConfig, SourceConfig};
use crate::input;
use crate::inside::Inside;
use crate::library::NOBODY;
use crate::offers::{NamedSource, OfferRoom, SourceBytes};
use crate::signing::{SourcePapers, papers_file};
use crate::typed_text;

/// A file of the directory of apps: nothing but what is to run.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct AppFile {
    source: Vec<SourceConfig>,
    actor: Vec<ActorConfig>,
}

/// A source that is to be loaded.
struct AppSource {
    file: PathBuf,
    hash: SourceHash,
    label: String,
    allow: Option<Rights>,
    papers: SourcePapers,
}

/// All that is to run on a node.
pub(crate) struct Apps {
    sources: Vec<AppSource>,
    actors: Vec<StandingActor>,
}

impl Apps {
    /// Reads what configuration wants to run, and looks at every file that it names.
    ///
    /// # Errors
    /// It makes no sense, or a file can't be used; with where that stands.
    pub(crate) fn read(config: &NodeConfig) -> Result<Self, String> {
        let mut apps = Self { sources: Vec::new(), actors: Vec::new() };
        apps.add(Path::new(""), &config.source, &config.actor)?;
        if let Some(dir) = &config.apps {
            for file in files(dir)? {
                let wrong = |why: String| format!("the app {}: {why}", file.display());
                let bytes =
                    input::read_named(&file, CONFIG_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
                let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_string()))?;
                // Its text may have a secret in it: no line of it is shown.
                let app: AppFile = toml::from_str(&text).map_err(|error| {
                    let at = error.span().map_or(0, |span| span.start.min(text.len()));
                    wrong(format!("line {}: {}", text[..at].lines().count().max(1), error.message()))
                })?;
                apps.add(dir, &app.source, &app.actor).map_err(wrong)?;
            }
        }
        Ok(apps)
    }

    fn add(&mut self, dir: &Path, sources: &[SourceConfig], actors: &[ActorConfig]) -> Result<(), String> {
        let first = self.sources.len();
        for source in sources {
            self.sources.push(AppSource::read(dir, source)?);
        }
        for actor in actors {
            let standing = standing(actor, &self.sources[first..])
                .map_err(|why| format!("the actor of `{}`: {why}", inert(&actor.source)))?;
            if self.actors.len() + actor.count as usize > STANDING_ACTORS_MAX {
                return Err(format!("at most {STANDING_ACTORS_MAX} actors can be wanted"));
            }
            self.actors.extend(std::iter::repeat_n(standing, actor.count as usize));
        }
        Ok(())
    }

    /// Loads the sources and creates the actors, in the background: the node serves meanwhile.
    pub(crate) fn begin(self, inside: &Arc<Inside>, io: &Handle) {
        if self.sources.is_empty() && self.actors.is_empty() {
            return;
        }
        let (node, runtime) = (inside.clone(), io.clone());
        inside.desk.faults().spawn(io, "what is to run", async move {
            let mut loads = VecDeque::new();
            for source in self.sources {
                source.load(&node, &runtime, &mut loads).await;
            }
            // All sources are known by now, loaded or not: creates wait for those that are not.
            let stand = Question::Stand(self.actors);
            // An error means that the node ends.
            let _ = node.desk.ask(|_| Ok(stand), None, None).await;
        });
    }
}

/// The files of a directory that are apps, in order of name.
fn files(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let unread = |error| format!("the directory of apps {}: {error}", dir.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// An actor that is to run, of one of these sources or of another that is named by its hash.
fn standing(actor: &ActorConfig, sources: &[AppSource]) -> Result<StandingActor, String> {
    let named: Vec<_> = sources.iter().filter(|source| source.is_called(&actor.source)).collect();
    let source = match (&named[..], actor.source.parse()) {
        ([only], _) => only.hash,
        ([], Ok(hash)) => hash,
        ([], Err(_)) => {
            return Err("no [[source]] beside it has such a file, and it is no whole hash".to_string());
        }
        (several, _) => return Err(format!("{} sources beside it have such a file", several.len())),
    };
    let requirements: Result<_, _> =
        actor.requires.iter().map(|text| typed_text::requirement(text)).collect();
    let init = actor.init.as_deref().map(typed_text::message);
    let options = CreateOptions { requirements: requirements?, init, ..CreateOptions::default() };
    let class = actor.class.clone();
    check_create(class.as_deref().unwrap_or("?"), &options).map_err(|error| error.to_string())?;
    if let Some(name) = &actor.name {
        check_global_name(name).map_err(|error| error.to_string())?;
        if actor.count > 1 {
            return Err(format!("`{}` names one actor, and {} are wanted", inert(name), actor.count));
        }
    }
    Ok(StandingActor { source, class, options, name: actor.name.clone() })
}

impl AppSource {
    fn read(dir: &Path, source: &SourceConfig) -> Result<Self, String> {
        let file = dir.join(&source.file);
        let wrong = |why: String| format!("the source {}: {why}", file.display());
        let NamedSource { hash, label, .. } = NamedSource::read(&file).map_err(wrong)?;
        let allow = source.allow.as_ref().map(Rights::named).transpose();
        let allow = allow.map_err(|error| wrong(error.to_string()))?;
        let manifest = source.manifest.as_ref().map(|manifest| dir.join(manifest));
        let papers =
            papers_file::read(&file, manifest.as_deref(), &[]).map_err(|error| wrong(error.to_string()))?;
        papers.check().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { hash, label, allow, papers, file })
    }

    /// Whether this is its file, by its name or with folders before it.
    fn is_called(&self, text: &str) -> bool {
        self.file.ends_with(text)
    }

    /// Offers it, behind those before it, and waits for room where these have taken it. What becomes of it the log tells.
    async fn load(self, inside: &Arc<Inside>, io: &Handle, loads: &mut VecDeque<oneshot::Receiver<()>>) {
        let (file, hash) = (self.file.clone(), self.hash);
        match self.offered(inside, io, loads).await {
            Ok((offer, bytes)) => {
                let node = inside.clone();
                let load = Question::Load(Box::new(offer));
                let mut asked = Box::pin(async move { node.desk.ask(|_| Ok(load), Some(bytes), None).await });
                // Asked now, so that all are in order; the answer may take long.
                let first = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context))).await;
                let (done, loaded) = oneshot::channel();
                loads.push_back(loaded);
                let node = inside.clone();
                inside.desk.faults().spawn(io, "a source that is to run", async move {
                    let answer = match first {
                        Poll::Ready(answer) => answer,
                        Poll::Pending => asked.await,
                    };
                    tell(&node, &file, hash, answer);
                    // Nobody may wait for it.
                    let _ = done.send(());
                });
            }
            Err(why) => tell(inside, &file, hash, Err(ControlError::Upload(why))),
        }
    }

    async fn offered(
        self,
        inside: &Inside,
        io: &Handle,
        loads: &mut VecDeque<oneshot::Receiver<()>>,
    ) -> Result<(Offer, SourceBytes), String> {
        let Self { file, hash, label, allow, papers } = self;
        // An error means that the node ends.
        let read = io.spawn_blocking(move || NamedSource::read(&file)).await;
        let read = read.map_err(|_| "the node ends".to_string())??;
        if read.hash != hash {
            return Err("its file has changed since the node was started".to_string());
        }
        let bytes = read.bytes;
        let room = room(inside, &bytes, &papers, loads).await?;
        let has_manifest = papers.manifest.is_some();
        let offer = Offer {
            hash,
            label,
            size: bytes.len() as u64,
            given: allow.unwrap_or_default(),
            allowed: allow.filter(|_| has_manifest),
            has_manifest,
            is_downgrade: false,
            by: None,
        };
        Ok((offer, SourceBytes::new(bytes, papers, room)))
    }
}

/// Room for a source, if need be once those before it are loaded.
async fn room(
    inside: &Inside,
    bytes: &Bytes,
    papers: &SourcePapers,
    loads: &mut VecDeque<oneshot::Receiver<()>>,
) -> Result<OfferRoom, String> {
    loop {
        match inside.library.room(NOBODY, bytes.len(), papers.len()) {
            Ok(room) => return Ok(room),
            Err(full) => {
                let Some(load) = loads.pop_front() else { return Err(full.to_string()) };
                tokio::select! {
                    _ = load => {}
                    () = inside.plane.alarms.sleep(JUDGEMENT_TIME_MAX) => {}
                }
            }
        }
    }
}

fn tell(inside: &Inside, file: &Path, hash: SourceHash, answer: Answered) {
    let (level, what) = match answer {
        Ok(Reply::Loaded(loaded)) if loaded.already => (Level::INFO, "was loaded before".to_string()),
        Ok(_) => (Level::INFO, "is loaded".to_string()),
        Err(ControlError::ShuttingDown) => return,
        Err(error) => (Level::WARN, format!("is not loaded: {error}")),
    };
    let text = format!("{} ({hash}), which is to run, {what}", file.display());
    inside.plane.log.node(level, "apps", &inert(&text));
}
