//! One live actor: a store with its instance, called for one turn after the other.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use serde_json::json;
use thespian_core::address::{ADDRESS_TEXT_LEN, ActorAddress};
use thespian_core::capability::Requirement;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::fate::{Bound, Failed, Failure, Fault};
use thespian_core::limits::ActorLimits;
use thespian_core::message::Message;
use thespian_core::outbox::Outbox;
use tracing::Level;
use wasmtime::Store;

use super::bindings::Actor;
use super::bindings::thespian::actor::types as wit;
use super::bounds::HANDLES_MAX;
use super::convert::{self, HeaderRefs};
use super::fault::{self, Stop};
use super::host::{ActorHost, Occupant};
use super::log::LogBook;
use super::source::Source;
use super::state::State;
use super::text;

/// The things that an actor is told when it starts, beside its [`Occupant`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActorInit {
    /// Its creator; absent for actors created from outside or under a name.
    pub parent: Option<ActorAddress>,
    /// Its global name, where it has one.
    pub global_name: Option<Box<str>>,
    /// 1 for the first instance at this address; more after a trap.
    pub incarnation: u32,
    /// The requirements that its creator had.
    pub requirements: Vec<Requirement>,
    /// The message its creator gave it to start with.
    pub init: Option<Message>,
}

/// A live actor. Calls are synchronous and may block the thread while others take their turn; on a worker of a
/// tokio runtime it hands the worker's queue on first.
pub struct Instance {
    store: Store<State>,
    actor: Actor,
    source: Source,
    lost: bool,
}

/// The kind of a call: it decides the deadline.
#[derive(Clone, Copy)]
enum Call {
    Start,
    Handle,
}

impl Source {
    /// Makes an instance for one actor, of as many as the engine's capacity says: whoever makes actors counts their
    /// [`places`](Self::places). `limits` may be stricter than the engine's, not wider.
    ///
    /// # Errors
    /// When the pool is full, or the code that runs at instantiation fails.
    pub fn instantiate(
        &self,
        occupant: Occupant,
        host: Arc<dyn ActorHost>,
        limits: Arc<ActorLimits>,
    ) -> Result<Instance, Fault> {
        let log = LogBook::new(Arc::clone(&host), &limits);
        Instance::new(self, occupant, host, limits, log)
    }
}

impl ActorInit {
    /// Memory that it takes for as long as the actor lives, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let requirements = self.requirements.iter().map(Requirement::cost).sum::<usize>();
        self.init.as_ref().map_or(0, Message::cost) + requirements
    }
}

impl Instance {
    fn new(
        source: &Source,
        occupant: Occupant,
        host: Arc<dyn ActorHost>,
        limits: Arc<ActorLimits>,
        log: LogBook,
    ) -> Result<Self, Fault> {
        let machine = Arc::clone(source.machine());
        let cpu_ms_max = limits.start_cpu_ms_max;
        let mut store = new_store(State::new(machine, host, occupant, limits, log));
        let engine_bytes = source.engine_bytes();
        let actor = guarded(&mut store, cpu_ms_max, |store| {
            make(store, engine_bytes, |store| source.pre().instantiate(store))
        })?;
        Ok(Self { store, actor, source: source.clone(), lost: false })
    }

    /// Makes the instance an actor. To be called once, before anything else.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub fn start(&mut self, init: &ActorInit, outbox: Box<Outbox>) -> Result<Box<Outbox>, Failed> {
        let occupant = self.store.data().occupant.clone();
        let (mut me, mut parent) = ([0; ADDRESS_TEXT_LEN], [0; ADDRESS_TEXT_LEN]);
        let source = occupant.source.to_string();
        let has = self.store.data().host.capabilities();
        let capabilities = convert::capabilities_to_guest(&has);
        let listed = convert::listed_values(&init.requirements);
        let requirements = convert::requirements_to_guest(&init.requirements, &listed);
        let headers = init.init.as_ref().and_then(convert::header_refs);
        let extra = [convert::message_bytes_max(&self.store.data().limits)];
        let init = wit::ActorInit {
            class: &occupant.class,
            me: occupant.address.write_text(&mut me),
            parent: init.parent.map(|address| address.write_text(&mut parent)),
            global_name: init.global_name.as_deref(),
            source: &source,
            incarnation: init.incarnation,
            capabilities: &capabilities,
            requirements: &requirements,
            init: init.init.as_ref().map(|message| convert::message_to_guest(message, &headers)),
            extra: &extra,
        };
        self.turn(Call::Start, outbox, |actor, store| actor.thespian_actor_guest().call_start(store, init))
    }

    /// Runs a turn: gives one envelope to the handler. `attempt` is 1, and 2 when the same envelope is delivered once
    /// more.
    ///
    /// # Errors
    /// When the handler returned `err`, the instance lives on. After a fault it is lost: to be dropped, or to be
    /// replaced by [`Self::renew`]. In both cases the outbox is dropped and what it had reserved is given back.
    pub fn handle(
        &mut self,
        envelope: &Envelope,
        attempt: u32,
        outbox: Box<Outbox>,
    ) -> Result<Box<Outbox>, Failed> {
        let mut sender = [0; ADDRESS_TEXT_LEN];
        let sender = envelope.sender.write_text(&mut sender);
        let headers = carried(&envelope.body).and_then(convert::header_refs);
        if let Body::Message(message) = &envelope.body {
            let message = convert::message_to_guest(message, &headers);
            return self.turn(Call::Handle, outbox, |actor, store| {
                actor.thespian_actor_guest().call_handle_message(store, sender, attempt, message)
            });
        }
        let mut about = [[0; ADDRESS_TEXT_LEN]; 2];
        let text = written(&envelope.body);
        let event = event(&envelope.body, &headers, &text, &mut about);
        let delivery = wit::Delivery { sender, attempt, event };
        self.turn(Call::Handle, outbox, |actor, store| {
            actor.thespian_actor_guest().call_handle_event(store, delivery)
        })
    }

    /// Replaces the instance by a fresh one for the same actor. What it may log in a second goes on counting.
    ///
    /// # Errors
    /// As [`Source::instantiate`].
    pub fn renew(self) -> Result<Self, Fault> {
        let state = self.store.data();
        let (occupant, host) = (state.occupant.clone(), Arc::clone(&state.host));
        let (limits, log) = (Arc::clone(&state.limits), state.log.clone());
        let source = self.source.clone();
        // The old one goes first: its place in the pool and its memory are what the new one takes.
        drop(self);
        Self::new(&source, occupant, host, limits, log)
    }

    /// The size of its linear memories, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
    }

    /// Whether a fault has ended it.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// The source that it is an instance of.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    fn turn(
        &mut self,
        kind: Call,
        outbox: Box<Outbox>,
        call: impl FnOnce(&Actor, &mut Store<State>) -> wasmtime::Result<Result<(), wit::Failure>>,
    ) -> Result<Box<Outbox>, Failed> {
        if self.lost {
            let lost = Fault::Trap("the instance was lost in an earlier turn".to_owned());
            return Err(Failure::Fault(lost).into());
        }
        let limits = &self.store.data().limits;
        let cpu_ms_max = match kind {
            Call::Start => limits.start_cpu_ms_max,
            Call::Handle => limits.turn_cpu_ms_max,
        };
        begin(&mut self.store, Some(outbox), cpu_ms_max);
        let result = contained(&mut self.store, |store| call(&self.actor, store));
        let state = self.store.data_mut();
        let mut outbox = state.end().unwrap_or_default();
        let failure = match result {
            Ok(Ok(())) => return Ok(outbox),
            Ok(Err(failure)) => returned(&failure, &outbox, state),
            Err(error) => {
                self.lost = true;
                Failure::Fault(fault_of(state, &error))
            }
        };
        state.discard(&mut outbox);
        Err(Failed { failure, fails_for: outbox.take_fails_for() })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.store.data().log.close();
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("occupant", &self.store.data().occupant).finish_non_exhaustive()
    }
}

/// A store with all bounds set, but without an instance.
pub(super) fn new_store(state: State) -> Store<State> {
    /// Bytes that one call may hand over beside the message itself: names, texts, options.
    const COPY_BYTES_EXTRA: usize = 64 << 10;

    let copy_bytes_max = state.limits.message_bytes_max + COPY_BYTES_EXTRA;
    let engine = state.machine.wasmtime.clone();
    let mut store = Store::new(&engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(copy_bytes_max);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(|mut store| store.data_mut().on_tick().map_err(wasmtime::Error::new));
    store
}

/// Makes the instance of this store, for which the engine allocates so much besides its memories and tables.
pub(super) fn make<T>(
    store: &mut Store<State>,
    engine_bytes: usize,
    instantiate: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    store.data_mut().limiter.take_engine_bytes(engine_bytes).map_err(wasmtime::Error::new)?;
    let made = instantiate(store)?;
    store.data_mut().limiter.begin_growth();
    Ok(made)
}

/// Prepares the store for one call into the guest.
fn begin(store: &mut Store<State>, outbox: Option<Box<Outbox>>, cpu_ms_max: u64) {
    let state = store.data_mut();
    state.begin(outbox, cpu_ms_max);
    state.machine.ticker.touch();
    // The epoch moved while the actor was idle.
    store.set_epoch_deadline(1);
}

/// Makes a call into a guest that is no turn: without an outbox.
pub(super) fn guarded<R>(
    store: &mut Store<State>,
    cpu_ms_max: u64,
    call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
) -> Result<R, Fault> {
    begin(store, None, cpu_ms_max);
    let result = contained(store, call);
    let state = store.data_mut();
    state.end();
    result.map_err(|error| fault_of(state, &error))
}

/// Lets a panic of the engine within a call, or of what takes the guest's values over, end only the instance it came
/// from: what it may leave half done is in the store, which is lost after it. A panic in what the host shares among
/// all is passed on to whoever called.
fn contained<R>(
    store: &mut Store<State>,
    call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    catch_unwind(AssertUnwindSafe(|| call(store))).unwrap_or_else(|panic| {
        let state = store.data();
        if state.is_fault_of_ours() {
            resume_unwind(panic);
        }
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
        let said = format!("it failed, and ends the actor whose turn it was: {text}");
        state.machine.log.log(Level::ERROR, "sandbox", &said);
        Err(Stop::refused(format!("the sandbox failed: {text}")))
    })
}

fn fault_of(state: &State, error: &wasmtime::Error) -> Fault {
    fault::judge(error, state.limiter.refused(), &state.log.take_last_words())
}

fn returned(failure: &wit::Failure, outbox: &Outbox, state: &State) -> Failure {
    let memory = state.limiter.refused().map(|_| Bound::Memory);
    Failure::Returned {
        reason: text::for_error(&failure.reason),
        retry: failure.retry,
        met: outbox.met().or(memory),
    }
}

/// The message that an envelope carries, with its headers.
fn carried(body: &Body) -> Option<&Message> {
    match body {
        Body::Message(message) => Some(message),
        Body::Poisoned(poisoned) => Some(&poisoned.original),
        Body::Wakeup(wakeup) => wakeup.payload.as_ref(),
        Body::DeadLetter(letter) => Some(&letter.original),
        _ => None,
    }
}

/// The text of an event about a source: its name, or the answer to its load.
fn written(body: &Body) -> String {
    match body {
        Body::SourceUpdate(update) => update.hash.to_string(),
        Body::SourceOffered(offered) => offered.hash.to_string(),
        Body::LoadAnswered(answer) => match &answer.outcome {
            Ok(()) => json!({ "hash": answer.hash }).to_string(),
            Err(reason) => json!({ "hash": answer.hash, "reason": reason }).to_string(),
        },
        _ => String::new(),
    }
}

/// The event by which the host tells an actor something, with what of it is in writing, and room for the texts of the addresses that it is about.
fn event<'a>(
    body: &'a Body,
    headers: &'a HeaderRefs<'a>,
    text: &'a str,
    [about, sender]: &'a mut [[u8; ADDRESS_TEXT_LEN]; 2],
) -> wit::Event<'a> {
    match body {
        Body::Poisoned(poisoned) => wit::Event::Poisoned(wit::Poisoned {
            target: poisoned.target.write_text(about),
            details: &poisoned.details,
            original: convert::message_to_guest(&poisoned.original, headers),
        }),
        Body::ExitRequest(request) => {
            wit::Event::ExitRequested(wit::ExitRequest { recursive: request.recursive })
        }
        Body::Wakeup(wakeup) => wit::Event::Wakeup(wit::Wakeup {
            id: wakeup.id,
            delay: convert::nanos(wakeup.delay),
            payload: wakeup.payload.as_ref().map(|message| convert::message_to_guest(message, headers)),
        }),
        Body::ChildExited(exit) => wit::Event::ChildExited(wit::ActorExit {
            address: exit.address.write_text(about),
            reason: convert::exit_reason_to_guest(&exit.reason),
        }),
        Body::ChildRestarted(restart) => wit::Event::ChildRestarted(wit::ActorRestart {
            address: restart.address.write_text(about),
            incarnation: restart.incarnation,
            reason: &restart.reason,
        }),
        Body::ActorDown(exit) => wit::Event::ActorDown(wit::ActorExit {
            address: exit.address.write_text(about),
            reason: convert::exit_reason_to_guest(&exit.reason),
        }),
        Body::DeadLetter(letter) => wit::Event::DeadLetter(wit::DeadLetter {
            target: letter.target.write_text(about),
            sender: letter.sender.write_text(sender),
            reason: &letter.reason,
            original: convert::message_to_guest(&letter.original, headers),
        }),
        Body::Named(named) => wit::Event::Named(wit::NamedActor {
            request: named.request,
            name: &named.name,
            outcome: match &named.outcome {
                Ok(address) => Ok(address.write_text(about)),
                Err(why) => Err(why),
            },
        }),
        Body::Status(status) => wit::Event::Status(wit::StatusAnswer {
            request: status.request,
            outcome: status.outcome.as_deref().map_err(String::as_str),
        }),
        Body::SourceUpdate(update) => wit::Event::SourceUpdate(wit::SourceUpdate {
            hash: text,
            info: &update.label,
            loaded: update.is_loaded,
        }),
        Body::SourceOffered(offered) => {
            wit::Event::ValidateSource(wit::SourceCheck { hash: text, data: &[], info: &offered.label })
        }
        Body::LoadAnswered(answer) => wit::Event::Other(wit::MessageParam {
            type_name: answer.type_name(),
            encoding: wit::EncodingParam::Json,
            payload: text.as_bytes(),
            headers: None,
        }),
        Body::Message(_) | Body::ChildrenGone => {
            unreachable!("one has a call of its own, one is the turn's alone")
        }
    }
}
