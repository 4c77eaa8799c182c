//! Carries out what `Admin` decides. Nothing here waits: what takes time runs elsewhere and reports by an event.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use thespian_core::admin::Admin;
use thespian_core::effect::{Effect, Plan};
use thespian_core::envelope::{Body, Envelope, StatusAnswer};
use thespian_core::event::{Asker, Event};
use thespian_core::limits::PLACEMENTS_MAX;
use thespian_core::placement::PlacementQuestion;
use thespian_core::source::SourceHash;
use thespian_core::turn::Identity;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tracing::Level;

use crate::actor::{Cell, Start};
use crate::config::Authority;
use crate::desk::Answerer;
use crate::sandbox::{ActorInit, Engine, Source};
use crate::session::Update;
use crate::shared::Shared;
use crate::status;

/// What a source is made of, as far as it is known.
struct Kept {
    bytes: Bytes,
    compiled: Option<Source>,
}

pub(crate) struct Performer {
    engine: Engine,
    io: Handle,
    sources: HashMap<SourceHash, Kept>,
    answerers: HashMap<Asker, Answerer>,
    /// One compile at a time: it takes all cores, and a queue of them as much memory as one.
    compiling: Arc<Semaphore>,
    compiled: Arc<Compiled>,
    /// Checks of classes that may be under way at one time.
    placing: Arc<Semaphore>,
    stopped: watch::Sender<bool>,
}

/// Sources that were compiled and wait for `Admin` to hear of it.
type Compiled = parking_lot::Mutex<HashMap<SourceHash, Source>>;

impl Performer {
    pub(crate) fn new(engine: Engine, io: Handle, stopped: watch::Sender<bool>) -> Self {
        Self {
            engine,
            io,
            sources: HashMap::new(),
            answerers: HashMap::new(),
            compiling: Arc::new(Semaphore::new(1)),
            compiled: Arc::default(),
            placing: Arc::new(Semaphore::new(PLACEMENTS_MAX)),
            stopped,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Someone outside waits for an answer.
    pub(crate) fn expect(&mut self, asker: Asker, answerer: Answerer) {
        self.answerers.insert(asker, answerer);
    }

    /// Keeps the bytes of a source that is offered.
    pub(crate) fn keep(&mut self, hash: SourceHash, bytes: Bytes) {
        self.sources.entry(hash).or_insert(Kept { bytes, compiled: None });
    }

    /// Someone outside no longer waits.
    pub(crate) fn forget(&mut self, asker: Asker) {
        self.answerers.remove(&asker);
    }

    /// `admin` is to be looked at only.
    pub(crate) fn perform(&mut self, shared: &Arc<Shared>, admin: &Admin, effect: Effect) {
        match effect {
            Effect::TellStatus { to, request, about } => {
                let outcome = status::json(admin, shared, about);
                let body = Body::Status(Box::new(StatusAnswer { request, outcome }));
                shared.router.notify(Envelope { target: to, sender: to, body });
            }
            Effect::Judge(hash) => self.judge(shared, hash),
            Effect::Validate(hash) => self.validate(shared, hash),
            Effect::Forget(hash) => {
                self.sources.remove(&hash);
                self.compiled.lock().remove(&hash);
            }
            Effect::EnterPending(address) => {
                Cell::enter_pending(shared, address);
            }
            Effect::GiveBackPlace => shared.slots.give_back(1),
            Effect::SetDeadLetterHandler(handler) => shared.router.set_dead_letter_handler(handler),
            Effect::SetCapabilities(capabilities) => shared.set_capabilities(capabilities),
            Effect::AskPlacement(question) => self.ask_placement(shared, *question),
            Effect::Instantiate(plan) => self.instantiate(shared, *plan),
            Effect::RefuseCreate { address, reason } => {
                if let Some(cell) = shared.router.actor(address) {
                    let identity = Identity {
                        me: address,
                        parent: None,
                        on_trap: Default::default(),
                        watch_restarts: false,
                        transient: None,
                        rights: Default::default(),
                    };
                    cell.refuse(identity, reason);
                }
            }
            Effect::Route(envelope) => shared.router.notify(envelope),
            Effect::Kill { address, reason } => {
                if let Some(cell) = shared.router.actor(address) {
                    cell.kill(reason);
                    self.engine.wake_runaways();
                }
            }
            Effect::NoteEnd { address, class, reason } => shared.note_end(address, class, reason),
            Effect::Progress { asker, progress } => {
                let updates = self.answerers.get(&asker).and_then(|answerer| answerer.updates.as_ref());
                if let Some(updates) = updates {
                    // Who is slow to look misses a step of the bar, not the answer.
                    let _ = updates.try_send(Update::Progress(progress));
                }
            }
            Effect::Answer { asker, reply } => {
                if let Some(answerer) = self.answerers.remove(&asker) {
                    // Who asked may have left in this moment.
                    let _ = answerer.reply.send(reply);
                }
            }
            Effect::SetLogLevel { address, level } => {
                if let Some(cell) = shared.router.actor(address) {
                    cell.set_log_level(level);
                }
            }
            Effect::Stop => {
                shared.log.node(Level::INFO, "node", "stopped");
                shared.router.clear();
                self.stopped.send_replace(true);
            }
        }
    }

    /// The built-in authorities answer as an authority actor will: by an event.
    fn judge(&self, shared: &Arc<Shared>, hash: SourceHash) {
        let verdict = match shared.authority {
            Authority::None => {
                Err("this node has no Source Authority, so it loads nothing; for development, start it \
                                    with `--authority trust-all`"
                    .to_string())
            }
            Authority::TrustAll => Ok(()),
        };
        shared.event(Event::SourceJudged { hash, verdict });
    }

    fn validate(&self, shared: &Arc<Shared>, hash: SourceHash) {
        let Some(bytes) = self.sources.get(&hash).map(|kept| kept.bytes.clone()) else { return };
        let (engine, shared) = (self.engine.clone(), shared.clone());
        let (compiling, compiled) = (self.compiling.clone(), self.compiled.clone());
        let io = self.io.clone();
        self.io.spawn(async move {
            let Ok(_turn) = compiling.acquire_owned().await else { return };
            let validated = io.spawn_blocking(move || engine.compile(hash, &bytes)).await;
            let (outcome, compile_us) = match validated {
                Ok(Ok(source)) => {
                    let info = source.info().clone();
                    let compile_us = if source.from_cache() { 0 } else { source.compile_time().as_micros() };
                    compiled.lock().insert(hash, source);
                    (Ok(info), u64::try_from(compile_us).unwrap_or(u64::MAX))
                }
                Ok(Err(error)) => (Err(error.to_string()), 0),
                Err(panic) => (Err(format!("the compiler failed: {panic}")), 0),
            };
            shared.event(Event::SourceValidated { hash, outcome, compile_us });
        });
    }

    /// As an actor's start, on the threads of the actors: a check that spins is a runaway there.
    fn ask_placement(&mut self, shared: &Arc<Shared>, question: PlacementQuestion) {
        let source = self.compiled(question.source);
        let (placing, shared) = (self.placing.clone(), shared.clone());
        let guests = shared.guests.clone();
        guests.spawn(async move {
            let _one = placing.acquire_owned().await;
            let PlacementQuestion { source: hash, class, capabilities, requirements } = question;
            let outcome = match source {
                Some(source) => {
                    source.accepts(&class, &capabilities, &requirements).map_err(|fault| fault.to_string())
                }
                None => Err("its source was unloaded meanwhile".to_string()),
            };
            shared.event(Event::PlacementAnswered { source: hash, class, outcome });
        });
    }

    fn instantiate(&mut self, shared: &Arc<Shared>, plan: Plan) {
        let Some(cell) = shared.router.actor(plan.address) else { return };
        let identity = Identity {
            me: plan.address,
            parent: plan.parent,
            on_trap: plan.on_trap,
            watch_restarts: plan.watch_restarts,
            transient: plan.transient,
            rights: plan.rights,
        };
        let Some(source) = self.compiled(plan.source) else {
            cell.refuse(identity, "its source was unloaded meanwhile".to_string());
            return;
        };
        let class: Arc<str> = plan.class.as_str().into();
        let init = ActorInit {
            parent: plan.parent,
            global_name: plan.name,
            requirements: plan.requirements,
            init: plan.init,
            ..ActorInit::default()
        };
        cell.set_log_level(plan.log_level);
        cell.instantiate(Start { identity, source, class, init });
    }

    fn compiled(&mut self, hash: SourceHash) -> Option<Source> {
        let kept = self.sources.get_mut(&hash)?;
        if kept.compiled.is_none() {
            kept.compiled = self.compiled.lock().remove(&hash);
            // What runs is the code; the bytes were needed to make it.
            kept.bytes = Bytes::new();
        }
        kept.compiled.clone()
    }
}
