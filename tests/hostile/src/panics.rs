//! A defect of the host that a guest sets off: it is not taken for the guest's, and reaches whoever called the instance.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::{Account, Purpose};
use thespian_core::capability::Capabilities;
use thespian_core::envelope::{Body, Envelope};
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{Means, NoPlace, Outbox};
use thespian_core::source::SourceHash;
use thespian_host::sandbox::{
    ActorHost, ActorInit, CompileControl, Engine, EngineConfig, NoParts, Occupant, SourceParts,
};
use tracing::Level;

use crate::arena::{alone, go};

/// A host with a defect: it panics when something is logged.
struct Defective {
    next: AtomicU64,
    account: Arc<Account>,
}

impl Means for Defective {
    fn new_address(&self) -> ActorAddress {
        ActorAddress::new(HostId(1), self.next.fetch_add(1, Ordering::Relaxed).into())
    }

    fn take_place(&self, _address: ActorAddress, _source: Option<SourceHash>) -> Result<(), NoPlace> {
        Ok(())
    }

    fn give_place(&self, _address: ActorAddress) {}

    fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn reserve_self(&self, _cost: usize) -> bool {
        true
    }

    fn release_self(&self, _len: usize, _cost: usize) {}
}

impl ActorHost for Defective {
    fn birth(&self) -> Purpose {
        Purpose::Create
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::default()
    }

    fn log(&self, _level: Level, _target: &str, _text: &str) {
        panic!("a defect of the host");
    }

    fn log_enabled(&self, _level: Level) -> bool {
        true
    }

    fn sources(&self) -> &dyn SourceParts {
        &NoParts
    }

    fn is_killed(&self) -> bool {
        false
    }
}

#[test]
fn a_panic_of_the_host_within_a_call_is_passed_on_to_the_caller() {
    let _alone = alone();
    let engine = Engine::new(EngineConfig { actors_max: Some(8), ..EngineConfig::default() }).unwrap();
    let hash = SourceHash([1; 32]);
    let source = engine
        .compile(hash, &thespian_guests::bytes(thespian_guests::HOSTILE), &CompileControl::default())
        .unwrap();
    let host = Arc::new(Defective { next: AtomicU64::new(0), account: Arc::new(Account::unbounded()) });
    let start = |class: &str| {
        let occupant = Occupant { address: host.new_address(), class: class.into(), source: hash };
        let limits = Arc::new(ActorLimits::default());
        let mut instance = source.instantiate(occupant.clone(), host.clone(), limits).unwrap();
        instance
            .start(&ActorInit { incarnation: 1, ..ActorInit::default() }, Box::<Outbox>::default())
            .unwrap();
        (occupant.address, instance)
    };
    let envelope = |me| Envelope { target: me, sender: me, body: Body::Message(go(1, "")) };
    let (bystander, mut echo) = start("Echo");
    let (culprit, mut logger) = start("Logger");
    let call = || logger.handle(&envelope(culprit), 1, Box::<Outbox>::default());
    let panic = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a defect of the host"));
    assert_eq!(engine.live_instances(), 2);
    assert_eq!(echo.handle(&envelope(bystander), 1, Box::<Outbox>::default()).unwrap().requests().len(), 1);
    drop((echo, logger));
    assert_eq!(engine.live_instances(), 0);
}
