//! What the contract costs: the same guest, entered with nothing, with a payload, with a whole turn, by way of the
//! SDK, by way of the sandbox.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use sha2::{Digest as _, Sha256};
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::{Account, Purpose};
use thespian_core::capability::Capabilities;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::fate::{Failed, Failure};
use thespian_core::limits::ActorLimits;
use thespian_core::message::Message;
use thespian_core::outbox::{Means, NoPlace, Outbox};
use thespian_core::source::SourceHash;
use thespian_host::sandbox::{
    ActorHost, ActorInit, CompileControl, Engine, EngineConfig, Instance, NoParts, Occupant, SourceParts,
};
use tracing::Level;

use crate::bare::bindings::exports::thespian::bench::calls;
use crate::bare::bindings::thespian::actor::types as wit;
use crate::bare::{ADDRESS, Bare, BareActor, flat};
use crate::bench::Bench;
use crate::report::Line;
use crate::stats::thread_cpu;

/// A host that does nothing.
struct Nobody(Arc<Account>);

impl Means for Nobody {
    fn new_address(&self) -> ActorAddress {
        ActorAddress::new(HostId(0), 0)
    }

    fn take_place(&self, _: ActorAddress, _: Option<SourceHash>) -> Result<(), NoPlace> {
        Err(NoPlace::Host(1))
    }

    fn give_place(&self, _: ActorAddress) {}

    fn account(&self) -> &Arc<Account> {
        &self.0
    }

    fn reserve_self(&self, _: usize) -> bool {
        true
    }

    fn release_self(&self, _: usize, _: usize) {}
}

impl ActorHost for Nobody {
    fn birth(&self) -> Purpose {
        Purpose::Create
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::default()
    }

    fn log(&self, _: Level, _: &str, _: &str) {}

    fn log_enabled(&self, _: Level) -> bool {
        false
    }

    fn sources(&self) -> &dyn SourceParts {
        &NoParts
    }

    fn is_killed(&self) -> bool {
        false
    }
}

/// A way to enter the guest, and by what it differs from the one above it.
struct Step {
    name: &'static str,
    note: &'static str,
    /// How many of the first step's calls take about as long.
    weight: u64,
    call: Box<dyn FnMut() -> anyhow::Result<()>>,
}

impl Step {
    fn new(
        name: &'static str,
        note: &'static str,
        call: impl FnMut() -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self { name, note, weight: 1, call: Box::new(call) }
    }

    /// Is called less often, because it takes longer.
    fn heavy(self) -> Self {
        Self { weight: 100, ..self }
    }
}

/// Measures every way, in turn, several times.
pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let bare = Bare::new(&bench.component, 32)?;
    let mut steps = bare_steps(&bare, 64)?;
    steps.extend(sdk_steps(&bare)?);
    steps.extend(sandbox_steps(&bench.component)?);
    let (calls, repeats) = (bench.count(100_000, 50), if bench.is_quick() { 1 } else { 7 });
    let mut nanos = vec![Vec::new(); steps.len()];
    for repeat in 0..=repeats {
        for (step, nanos) in steps.iter_mut().zip(&mut nanos) {
            let calls = (calls / step.weight).max(1);
            let begun = thread_cpu();
            for _ in 0..calls {
                (step.call)()?;
            }
            let took: Duration = thread_cpu() - begun;
            // The first is a warm-up.
            if repeat > 0 || bench.is_quick() {
                nanos.push(took.as_secs_f64() * 1e9 / calls as f64);
            }
        }
    }
    for (step, nanos) in steps.iter().zip(&nanos) {
        let calls = (calls / step.weight).max(1);
        let line = Line::new("contract", step.name).param("n", calls).metric("cpu_ns", nanos).note(step.note);
        bench.report(&line);
    }
    Ok(())
}

/// A call of one bare instance of its own.
fn on_bare(
    mut actor: BareActor,
    mut call: impl FnMut(&mut BareActor) -> wasmtime::Result<()> + 'static,
) -> impl FnMut() -> anyhow::Result<()> + 'static {
    move || call(&mut actor).map_err(flat)
}

fn bare_steps(bare: &Bare, size: usize) -> anyhow::Result<Vec<Step>> {
    let content: Vec<u8> = (0..size).map(|place| place as u8).collect();
    let step = |name, note, call: fn(&mut BareActor, &[u8]) -> wasmtime::Result<()>| {
        let payload = content.clone();
        let call = on_bare(bare.instantiate()?, move |bare| call(bare, black_box(&payload)));
        anyhow::Ok(Step::new(name, note, call))
    };
    Ok(vec![
        step("nothing", "entering and leaving the guest", |bare, _| {
            bare.actor.thespian_bench_calls().call_nothing(&mut bare.store)
        })?,
        step("payload", "list<u8>: one allocation and one copy; the bound of the bars", |bare, payload| {
            bare.actor.thespian_bench_calls().call_payload(&mut bare.store, payload)
        })?,
        step("payload, judged", "with result<_, failure>", |bare, payload| {
            bare.actor.thespian_bench_calls().call_judged(&mut bare.store, payload).map(|_| ())
        })?,
        step("payload, named", "with the type's name: one string more", |bare, payload| {
            bare.actor.thespian_bench_calls().call_named(&mut bare.store, "Payload", payload)
        })?,
        step("payload, named, addressed", "with the sender too: two strings more", |bare, payload| {
            bare.actor.thespian_bench_calls().call_addressed(&mut bare.store, ADDRESS, "Payload", payload)
        })?,
        step("payload, numbered", "sender and type as numbers in place of strings", |bare, payload| {
            bare.actor.thespian_bench_calls().call_numbered(&mut bare.store, (1, 2, 3), 4, payload)
        })?,
        step("message", "the record `message`: name, encoding, payload, no headers", |bare, payload| {
            bare.actor.thespian_bench_calls().call_whole(&mut bare.store, message(payload))
        })?,
        step(
            "turn",
            "the contract's `handle-message`: sender, attempt, message and a result",
            |bare, payload| {
                let calls = bare.actor.thespian_bench_calls();
                calls.call_received(&mut bare.store, ADDRESS, 1, message(payload)).map(|_| ())
            },
        )?,
        step(
            "turn as a record",
            "the same in one record with a variant, as the contract does without",
            |bare, payload| {
                bare.actor.thespian_bench_calls().call_parceled(&mut bare.store, parcel(payload)).map(|_| ())
            },
        )?,
    ])
}

fn message(payload: &[u8]) -> wit::MessageParam<'_> {
    wit::MessageParam { type_name: "Payload", encoding: wit::EncodingParam::Bytes, payload, headers: None }
}

fn parcel(payload: &[u8]) -> calls::Parcel<'_> {
    calls::Parcel { sender: ADDRESS, attempt: 1, what: calls::Occurrence::Message(message(payload)) }
}

fn sdk_steps(bare: &Bare) -> anyhow::Result<Vec<Step>> {
    let turn = |bare: &mut BareActor, payload: &[u8]| {
        let guest = bare.actor.thespian_actor_guest();
        let answer = guest.call_handle_message(&mut bare.store, ADDRESS, 1, message(black_box(payload)))?;
        bare.store.data_mut().sent.clear();
        answer.map_err(|failure| wasmtime::Error::msg(failure.reason))
    };
    let (first, second) = (vec![1; 64], vec![1; 64]);
    Ok(vec![
        Step::new("turn of an actor", "through the SDK to a handler that counts", {
            on_bare(bare.start("Consumer")?, move |bare| turn(bare, &first))
        }),
        Step::new("turn with a reply", "through the SDK to a handler that sends the payload back", {
            on_bare(bare.start("Echo")?, move |bare| turn(bare, &second))
        }),
    ])
}

fn sandbox_steps(component: &[u8]) -> anyhow::Result<Vec<Step>> {
    let engine = Engine::new(EngineConfig { actors_max: Some(16), ..EngineConfig::default() })?;
    let source = engine.compile(
        SourceHash(Sha256::digest(component).into()),
        component,
        &CompileControl::default(),
    )?;
    let start = |class: &str| -> anyhow::Result<Instance> {
        let address = ActorAddress::new(HostId(1), 1);
        let occupant = Occupant { address, class: class.into(), source: source.hash() };
        let made = source.instantiate(
            occupant,
            Arc::new(Nobody(Arc::new(Account::unbounded()))),
            Arc::new(ActorLimits::default()),
        );
        let mut instance = made.map_err(|fault| failed(Failure::Fault(fault).into()))?;
        instance
            .start(&ActorInit { incarnation: 1, ..ActorInit::default() }, Box::default())
            .map_err(failed)?;
        Ok(instance)
    };
    Ok(vec![
        Step::new(
            "sandbox",
            "`Instance::handle` of the same actor: limits, epoch, outbox",
            on_sandbox(start("Consumer")?),
        ),
        Step::new(
            "sandbox and reply",
            "`Instance::handle` of the one that sends back",
            on_sandbox(start("Echo")?),
        ),
        Step::new(
            "fresh instance",
            "`Instance::renew` and its `start`, of a healthy one",
            renewing(start("Faulty")?, None),
        )
        .heavy(),
        Step::new("trap", "a panic, and the same", renewing(start("Faulty")?, Some(trap()))).heavy(),
    ])
}

/// The message on which `Faulty` panics.
fn trap() -> Envelope {
    let body = Body::Message(Message::json("Fail", "\"Trap\""));
    let address = ActorAddress::new(HostId(1), 1);
    Envelope { target: address, sender: address, body }
}

fn renewing(instance: Instance, trap: Option<Envelope>) -> impl FnMut() -> anyhow::Result<()> + 'static {
    let mut instance = Some(instance);
    move || {
        let Some(mut lost) = instance.take() else { bail!("there is no instance") };
        if let Some(trap) = &trap
            && lost.handle(trap, 1, Box::default()).is_ok()
        {
            bail!("it did not trap");
        }
        let mut fresh = lost.renew().map_err(|fault| failed(Failure::Fault(fault).into()))?;
        fresh.start(&ActorInit { incarnation: 2, ..ActorInit::default() }, Box::default()).map_err(failed)?;
        instance = Some(fresh);
        Ok(())
    }
}

fn on_sandbox(mut instance: Instance) -> impl FnMut() -> anyhow::Result<()> + 'static {
    let sender = ActorAddress::new(HostId(7), u128::MAX / 3);
    let body = Body::Message(Message::bytes("Payload", vec![1; 64]));
    let envelope = Envelope { target: ActorAddress::new(HostId(1), 1), sender, body };
    let mut outbox = Some(Box::<Outbox>::default());
    move || {
        let mut empty = outbox.take().unwrap_or_default();
        empty.reset(Default::default());
        match instance.handle(black_box(&envelope), 1, empty) {
            Ok(full) => outbox = Some(full),
            Err(failure) => bail!(failed(failure)),
        }
        Ok(())
    }
}

fn failed(failed: Failed) -> anyhow::Error {
    anyhow::anyhow!("{}", failed.failure)
}
