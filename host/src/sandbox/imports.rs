//! What the host offers to an actor: the interfaces of `wit/actor.wit`. Nothing here waits, and nothing takes
//! effect before the turn commits, but the log.

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{CreateChild, CreateOptions, Outbox, OutboxError};
use thespian_core::source::SourceHash;

use super::bindings::thespian::actor::types::{AttributesResult, Error, MessageResult, ValueResult};
use super::bindings::thespian::actor::{hosting, lifecycle, logging, messaging, monitoring, types};
use super::convert;
use super::state::State;
use super::text;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// Length of a class name, in bytes: as long as a type name.
const CLASS_LEN_MAX: usize = thespian_core::limits::TYPE_NAME_LEN_MAX;

impl State {
    /// The outbox of the turn under way. There is none while a component describes itself or is set up.
    fn outbox(&mut self) -> Result<&mut Outbox, Error> {
        self.outbox_and_limits().map(|(outbox, _)| outbox)
    }

    fn outbox_and_limits(&mut self) -> Result<(&mut Outbox, &ActorLimits), Error> {
        match &mut self.outbox {
            Some(outbox) => Ok((outbox, &self.limits)),
            None => Err(Error::Denied("only possible in a turn".to_owned())),
        }
    }

    fn try_send(&mut self, to: &str, message: MessageResult) -> Result<(), Error> {
        let target = parse_address(to)?;
        let message = convert::message_from_guest(message);
        let cost = message.cost();
        let to_itself = target == self.identity.address;
        self.outbox()?;
        if to_itself && !self.host.reserve_own_mailbox(cost) {
            return Err(self.outbox()?.refuse(OutboxError::OwnMailboxFull).into());
        }
        let (outbox, limits) = self.outbox_and_limits()?;
        let sent = outbox.send(target, message, limits);
        if sent.is_err() && to_itself {
            self.host.release_own_mailbox(1, cost);
        }
        Ok(sent?)
    }

    fn try_create(
        &mut self,
        class: String,
        options: lifecycle::CreateOptions,
    ) -> Result<ActorAddress, Error> {
        self.place(class, options, |child, outbox, limits| {
            let address = child.address;
            outbox.create(child, limits).map(|()| address)
        })
    }

    /// Takes a place for a new actor, and gives it back where `ask` refuses.
    fn place<T>(
        &mut self,
        class: String,
        options: lifecycle::CreateOptions,
        ask: impl FnOnce(CreateChild, &mut Outbox, &ActorLimits) -> Result<T, OutboxError>,
    ) -> Result<T, Error> {
        self.outbox()?.check_may_create()?;
        let (source, options) = create_options(&class, options)?;
        if !self.host.reserve_actor() {
            return Err(self.outbox()?.refuse(OutboxError::NoPlace).into());
        }
        let address = self.host.new_address();
        let (outbox, limits) = self.outbox_and_limits()?;
        let asked = ask(CreateChild { address, source, class, options }, outbox, limits);
        if asked.is_err() {
            self.host.release_actors(1);
        }
        Ok(asked?)
    }

    /// Adds what `ask` says to the outbox.
    fn ask<T>(&mut self, ask: impl FnOnce(&mut Outbox, &ActorLimits) -> Result<T, OutboxError>) -> Answer<T> {
        Ok(self.outbox_and_limits().and_then(|(outbox, limits)| Ok(ask(outbox, limits)?)))
    }

    /// The same about an actor.
    fn ask_about(
        &mut self,
        address: &str,
        ask: impl FnOnce(ActorAddress, &mut Outbox, &ActorLimits) -> Result<(), OutboxError>,
    ) -> Answer<()> {
        match parse_address(address) {
            Ok(address) => self.ask(|outbox, limits| ask(address, outbox, limits)),
            Err(error) => Ok(Err(error)),
        }
    }
}

fn parse_address(text: &str) -> Result<ActorAddress, Error> {
    text.parse().map_err(|error| Error::Invalid(format!("{error}")))
}

fn create_options(
    class: &str,
    options: lifecycle::CreateOptions,
) -> Result<(Option<SourceHash>, CreateOptions), Error> {
    if class.is_empty() || class.len() > CLASS_LEN_MAX {
        return Err(Error::Invalid(format!("a class has a name of 1 to {CLASS_LEN_MAX} bytes")));
    }
    refuse_extra(&options.extra)?;
    let source = match options.source {
        Some(hash) => Some(hash.parse::<SourceHash>().map_err(|error| Error::Invalid(error.to_string()))?),
        None => None,
    };
    let requirements = convert::requirements_from_guest(options.requirements).map_err(Error::Invalid)?;
    let options = CreateOptions {
        requirements,
        init: options.init.map(convert::message_from_guest),
        on_trap: options.on_trap.map(convert::on_trap_from_guest),
        watch_restarts: options.watch_restarts,
    };
    Ok((source, options))
}

/// An option that this host does not know would be silently without effect.
fn refuse_extra(extra: &AttributesResult) -> Result<(), Error> {
    match extra.first() {
        Some((name, _)) => {
            Err(Error::Unsupported(format!("this host knows no option `{}`", text::cut(name, 64))))
        }
        None => Ok(()),
    }
}

impl types::Host for State {}

impl messaging::Host for State {
    fn send(&mut self, to: String, message: MessageResult) -> Answer<()> {
        Ok(self.try_send(&to, message))
    }

    fn wakeup_after(&mut self, delay: u64, payload: Option<MessageResult>) -> Answer<u64> {
        let payload = payload.map(convert::message_from_guest);
        let delay = Duration::from_nanos(delay);
        Ok(self.outbox_and_limits().and_then(|(outbox, limits)| Ok(outbox.wakeup(delay, payload, limits)?)))
    }

    fn cancel_wakeup(&mut self, id: u64) -> wasmtime::Result<()> {
        // Without an answer there is no other way to say that the outbox is full; the note makes a turn that
        // then fails fail for this reason.
        if let Ok((outbox, limits)) = self.outbox_and_limits() {
            let _noted = outbox.cancel_wakeup(id, limits);
        }
        Ok(())
    }
}

impl lifecycle::Host for State {
    fn create_actor(&mut self, class: String, options: lifecycle::CreateOptions) -> Answer<String> {
        Ok(self.try_create(class, options).map(|address| address.to_string()))
    }

    fn create_named(
        &mut self,
        name: String,
        class: String,
        options: lifecycle::CreateOptions,
    ) -> Answer<u64> {
        Ok(self.place(class, options, |child, outbox, limits| outbox.create_named(&name, child, limits)))
    }

    fn kill_child(&mut self, child: String) -> Answer<()> {
        self.ask_about(&child, |child, outbox, limits| outbox.kill_child(child, limits))
    }

    fn request_exit(&mut self, target: String, recursive: bool) -> Answer<()> {
        self.ask_about(&target, |target, outbox, limits| outbox.request_exit(target, recursive, limits))
    }

    fn keep_children(&mut self) -> Answer<()> {
        Ok(self.outbox().and_then(|outbox| Ok(outbox.keep_children()?)))
    }
}

impl monitoring::Host for State {
    fn monitor(&mut self, target: String) -> Answer<()> {
        self.ask_about(&target, |target, outbox, limits| outbox.monitor(target, limits))
    }

    fn demonitor(&mut self, target: String) -> Answer<()> {
        self.ask_about(&target, |target, outbox, limits| outbox.demonitor(target, limits))
    }
}

impl hosting::Host for State {
    fn handle_dead_letters(&mut self, handles: bool) -> Answer<()> {
        self.ask(|outbox, limits| outbox.handle_dead_letters(handles, limits))
    }

    fn update_capability(&mut self, name: String, value: Option<ValueResult>) -> Answer<()> {
        match value.map(convert::value_from_guest).transpose() {
            Ok(value) => self.ask(|outbox, limits| outbox.update_capability(name, value, limits)),
            Err(why) => Ok(Err(Error::Invalid(why))),
        }
    }

    fn request_status(&mut self, about: Option<String>) -> Answer<u64> {
        let me = self.identity.address;
        match about.map(|about| parse_address(&about)).transpose() {
            Ok(about) => self.ask(|outbox, limits| outbox.request_status(me, about, limits)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn shut_down(&mut self) -> Answer<()> {
        self.ask(|outbox, limits| outbox.shut_down(limits))
    }
}

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, target: String, text: String) -> wasmtime::Result<()> {
        self.log.record(convert::level_from_guest(level), &target, &text);
        Ok(())
    }

    fn enabled(&mut self, level: logging::Level) -> wasmtime::Result<bool> {
        Ok(self.host.log_enabled(convert::level_from_guest(level)))
    }
}
