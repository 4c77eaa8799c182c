//! What the contract costs: the same guest, entered with nothing, with a payload, with a whole delivery, by way of the
//! SDK, by way of the sandbox.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use sha2::{Digest as _, Sha256};
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::envelope::{Body, Envelope};
use thespian_core::fate::Failure;
use thespian_core::limits::ActorLimits;
use thespian_core::message::Message;
use thespian_core::outbox::Outbox;
use thespian_core::source::SourceHash;
use thespian_host::sandbox::{ActorHost, ActorInit, Engine, EngineConfig, Identity, Instance};
use tracing::Level;

use crate::bare::bindings::thespian::actor::types as wit;
use crate::bare::{ADDRESS, Bare, BareActor, flat};
use crate::bench::Bench;
use crate::report::Line;
use crate::stats::thread_cpu;

/// A host that does nothing.
struct Nobody;

impl ActorHost for Nobody {
    fn new_address(&self) -> ActorAddress {
        ActorAddress::new(HostId(0), 0)
    }

    fn reserve_actor(&self) -> bool {
        false
    }

    fn release_actors(&self, _: usize) {}

    fn reserve_own_mailbox(&self, _: usize) -> bool {
        true
    }

    fn release_own_mailbox(&self, _: usize, _: usize) {}

    fn log(&self, _: Level, _: &str, _: &str) {}

    fn log_enabled(&self, _: Level) -> bool {
        false
    }

    fn is_killed(&self) -> bool {
        false
    }
}

/// A way to enter the guest, and by what it differs from the one above it.
struct Step {
    name: &'static str,
    note: &'static str,
    call: Box<dyn FnMut() -> anyhow::Result<()>>,
}

impl Step {
    fn new(
        name: &'static str,
        note: &'static str,
        call: impl FnMut() -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self { name, note, call: Box::new(call) }
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
    let content = move || -> Vec<u8> { (0..size).map(|place| place as u8).collect() };
    let (a, b, c, d, e, f, g) = (content(), content(), content(), content(), content(), content(), content());
    let fresh = || bare.instantiate();
    Ok(vec![
        Step::new(
            "nothing",
            "entering and leaving the guest",
            on_bare(fresh()?, |bare| bare.actor.thespian_bench_calls().call_nothing(&mut bare.store)),
        ),
        Step::new(
            "payload",
            "list<u8>: one allocation and one copy; the bound of the bars",
            on_bare(fresh()?, move |bare| {
                bare.actor.thespian_bench_calls().call_payload(&mut bare.store, black_box(&a))
            }),
        ),
        Step::new(
            "payload, judged",
            "with result<_, failure>",
            on_bare(fresh()?, move |bare| {
                let calls = bare.actor.thespian_bench_calls();
                calls.call_judged(&mut bare.store, black_box(&b)).map(|_| ())
            }),
        ),
        Step::new(
            "payload, named",
            "with the type's name: one string more",
            on_bare(fresh()?, move |bare| {
                bare.actor.thespian_bench_calls().call_named(&mut bare.store, "Payload", black_box(&c))
            }),
        ),
        Step::new(
            "payload, named, addressed",
            "with the sender too: two strings more",
            on_bare(fresh()?, move |bare| {
                let calls = bare.actor.thespian_bench_calls();
                calls.call_addressed(&mut bare.store, ADDRESS, "Payload", black_box(&d))
            }),
        ),
        Step::new(
            "payload, numbered",
            "sender and type as numbers in place of strings",
            on_bare(fresh()?, move |bare| {
                let calls = bare.actor.thespian_bench_calls();
                calls.call_numbered(&mut bare.store, (1, 2, 3), 4, black_box(&e))
            }),
        ),
        Step::new(
            "message",
            "the record `message`: name, encoding, payload, no headers",
            on_bare(fresh()?, move |bare| {
                bare.actor.thespian_bench_calls().call_whole(&mut bare.store, message(black_box(&f)))
            }),
        ),
        Step::new(
            "delivery",
            "the record `delivery`, dropped unread",
            on_bare(fresh()?, move |bare| {
                let calls = bare.actor.thespian_bench_calls();
                calls.call_delivered(&mut bare.store, delivery(black_box(&g))).map(|_| ())
            }),
        ),
    ])
}

fn message(payload: &[u8]) -> wit::MessageParam<'_> {
    wit::MessageParam { type_name: "Payload", encoding: wit::EncodingParam::Bytes, payload, headers: None }
}

fn delivery(payload: &[u8]) -> wit::Delivery<'_> {
    wit::Delivery { sender: ADDRESS, attempt: 1, event: wit::Event::Message(message(payload)) }
}

fn sdk_steps(bare: &Bare) -> anyhow::Result<Vec<Step>> {
    let turn = |bare: &mut BareActor, payload: &[u8]| {
        let guest = bare.actor.thespian_actor_guest();
        let answer = guest.call_handle(&mut bare.store, delivery(black_box(payload)))?;
        bare.store.data_mut().sent.clear();
        answer.map_err(|failure| wasmtime::Error::msg(failure.reason))
    };
    let (first, second) = (vec![1; 64], vec![1; 64]);
    Ok(vec![
        Step::new("delivery to an actor", "through the SDK to a handler that counts", {
            on_bare(bare.start("Consumer")?, move |bare| turn(bare, &first))
        }),
        Step::new("delivery and reply", "through the SDK to a handler that sends the payload back", {
            on_bare(bare.start("Echo")?, move |bare| turn(bare, &second))
        }),
    ])
}

fn sandbox_steps(component: &[u8]) -> anyhow::Result<Vec<Step>> {
    let engine = Engine::new(EngineConfig { actors_max: Some(16), ..EngineConfig::default() })?;
    let source = engine.compile(SourceHash(Sha256::digest(component).into()), component)?;
    let start = |class: &str| -> anyhow::Result<Instance> {
        let address = ActorAddress::new(HostId(1), 1);
        let identity = Identity { address, class: class.into(), source: source.hash() };
        let made = source.instantiate(identity, Arc::new(Nobody), Arc::new(ActorLimits::default()));
        let mut instance = made.map_err(|fault| failed(Failure::Fault(fault)))?;
        instance
            .start(&ActorInit { incarnation: 1, ..ActorInit::default() }, Outbox::default())
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
    ])
}

fn on_sandbox(mut instance: Instance) -> impl FnMut() -> anyhow::Result<()> + 'static {
    let sender = ActorAddress::new(HostId(7), u128::MAX / 3);
    let body = Body::Message(Message::bytes("Payload", vec![1; 64]));
    let envelope = Envelope { target: ActorAddress::new(HostId(1), 1), sender, body };
    let mut outbox = Some(Outbox::default());
    move || {
        let mut empty = outbox.take().unwrap_or_default();
        empty.reset(Default::default(), false);
        match instance.handle(black_box(&envelope), 1, empty) {
            Ok(full) => outbox = Some(full),
            Err(failure) => bail!(failed(failure)),
        }
        Ok(())
    }
}

fn failed(failure: Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure}")
}
