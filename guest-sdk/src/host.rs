//! The way to the host: its imports where there is one, the test's record where there is none.

use std::time::Duration;

use crate::address::Address;
use crate::capability::Value;
use crate::create::Create;
use crate::event::{QuestionId, WakeupId};
use crate::failure::Result;
use crate::log::Level;
use crate::message::{Encoding, RawMessage};

#[cfg(target_family = "wasm")]
mod imports {
    use super::*;
    use crate::bindings::thespian::actor::{
        hosting, lifecycle, logging, messaging, monitoring, types as wit,
    };
    use crate::capability::Clause;
    use crate::failure::Error;

    pub(crate) fn send(to: &Address, type_name: &str, encoding: &Encoding, payload: &[u8]) -> Result {
        let encoding = encoding.to_wit();
        let message = wit::MessageParam { type_name, encoding, payload, headers: None };
        messaging::send(to.as_str(), message).map_err(Error::refused)
    }

    fn headers(message: &RawMessage) -> Vec<(&str, &str)> {
        message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn to_wit<'a>(message: &'a RawMessage, headers: &'a [(&'a str, &'a str)]) -> wit::MessageParam<'a> {
        wit::MessageParam {
            type_name: &message.type_name,
            encoding: message.encoding.to_wit(),
            payload: &message.payload,
            headers: (!headers.is_empty()).then_some(headers),
        }
    }

    pub(crate) fn send_raw(to: &Address, message: &RawMessage) -> Result {
        messaging::send(to.as_str(), to_wit(message, &headers(message))).map_err(Error::refused)
    }

    pub(crate) fn wakeup(delay: Duration, payload: Option<RawMessage>) -> Result<WakeupId> {
        let headers = payload.as_ref().map(headers).unwrap_or_default();
        let payload = payload.as_ref().map(|message| to_wit(message, &headers));
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        messaging::wakeup_after(delay, payload).map(WakeupId).map_err(Error::refused)
    }

    pub(crate) fn cancel_wakeup(id: WakeupId) {
        messaging::cancel_wakeup(id.0);
    }

    pub(crate) fn create(create: Create) -> Result<Address> {
        with_options(&create, |options| lifecycle::create_actor(&create.class, options)).map(Address::from)
    }

    pub(crate) fn create_named(name: &str, create: Create) -> Result<QuestionId> {
        with_options(&create, |options| lifecycle::create_named(name, &create.class, options)).map(QuestionId)
    }

    fn with_options<T>(
        create: &Create,
        call: impl FnOnce(lifecycle::CreateOptions<'_>) -> std::result::Result<T, wit::Error>,
    ) -> Result<T> {
        let listed: Vec<Vec<wit::ValueParam<'_>>> =
            create.requirements.iter().map(|wanted| listed(&wanted.clause)).collect();
        let requirements: Vec<_> = create
            .requirements
            .iter()
            .zip(&listed)
            .map(|(wanted, listed)| wit::RequirementParam {
                name: &wanted.name,
                clause: clause(&wanted.clause, listed),
            })
            .collect();
        let headers = create.init.as_ref().map(headers).unwrap_or_default();
        let options = lifecycle::CreateOptions {
            source: create.source.as_deref(),
            requirements: &requirements,
            init: create.init.as_ref().map(|message| to_wit(message, &headers)),
            on_trap: create.on_trap.map(crate::class::OnTrap::to_wit),
            watch_restarts: create.watch_restarts,
            extra: &[],
        };
        call(options).map_err(Error::refused)
    }

    pub(crate) fn kill_child(child: &Address) -> Result {
        lifecycle::kill_child(child.as_str()).map_err(Error::refused)
    }

    pub(crate) fn monitor(target: &Address) -> Result {
        monitoring::monitor(target.as_str()).map_err(Error::refused)
    }

    pub(crate) fn demonitor(target: &Address) -> Result {
        monitoring::demonitor(target.as_str()).map_err(Error::refused)
    }

    pub(crate) fn handle_dead_letters(handles: bool) -> Result {
        hosting::handle_dead_letters(handles).map_err(Error::refused)
    }

    pub(crate) fn update_capability(name: &str, new: Option<Value>) -> Result {
        hosting::update_capability(name, new.as_ref().map(value)).map_err(Error::refused)
    }

    pub(crate) fn request_status(about: Option<&Address>) -> Result<QuestionId> {
        hosting::request_status(about.map(Address::as_str)).map(QuestionId).map_err(Error::refused)
    }

    pub(crate) fn shut_down() -> Result {
        hosting::shut_down().map_err(Error::refused)
    }

    fn listed(clause: &Clause) -> Vec<wit::ValueParam<'_>> {
        match clause {
            Clause::OneOf(values) => values.iter().map(value).collect(),
            _ => Vec::new(),
        }
    }

    fn clause<'a>(clause: &'a Clause, listed: &'a [wit::ValueParam<'a>]) -> wit::ClauseParam<'a> {
        match clause {
            Clause::IsTrue => wit::ClauseParam::IsTrue,
            Clause::Equals(wanted) => wit::ClauseParam::Equals(value(wanted)),
            Clause::AtLeast(least) => wit::ClauseParam::AtLeast(*least),
            Clause::OneOf(_) => wit::ClauseParam::OneOf(listed),
        }
    }

    fn value(value: &Value) -> wit::ValueParam<'_> {
        match value {
            Value::Boolean(value) => wit::ValueParam::Boolean(*value),
            Value::Integer(value) => wit::ValueParam::Integer(*value),
            Value::Number(value) => wit::ValueParam::Number(*value),
            Value::Text(value) => wit::ValueParam::Text(value),
        }
    }

    pub(crate) fn request_exit(target: &Address, recursive: bool) -> Result {
        lifecycle::request_exit(target.as_str(), recursive).map_err(Error::refused)
    }

    pub(crate) fn keep_children() -> Result {
        lifecycle::keep_children().map_err(Error::refused)
    }

    const fn to_level(level: Level) -> logging::Level {
        match level {
            Level::Trace => logging::Level::Trace,
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
        }
    }

    pub(crate) fn log(level: Level, target: &str, text: &str) {
        logging::log(to_level(level), target, text);
    }

    pub(crate) fn log_enabled(level: Level) -> bool {
        logging::enabled(to_level(level))
    }
}

#[cfg(not(target_family = "wasm"))]
mod imports {
    use super::*;
    use crate::failure::Error;
    use crate::testing::hosting::ask;
    use crate::testing::{Effect, is_exit_turn, record};

    pub(crate) fn send(to: &Address, type_name: &str, encoding: &Encoding, payload: &[u8]) -> Result {
        let message = RawMessage {
            type_name: type_name.to_string(),
            encoding: encoding.clone(),
            payload: payload.to_vec(),
            headers: Vec::new(),
        };
        send_raw(to, &message)
    }

    pub(crate) fn send_raw(to: &Address, message: &RawMessage) -> Result {
        if let Some(sent) = ask(|host| host.send(to.as_str(), message.clone().into_wit())) {
            return sent.map_err(Error::refused);
        }
        if message.type_name.starts_with("thespian:") {
            return Err(Error::poison("type names that begin with `thespian:` are the host's own"));
        }
        record(|_| Effect::Send { to: to.clone(), message: message.clone() });
        Ok(())
    }

    pub(crate) fn wakeup(delay: Duration, payload: Option<RawMessage>) -> Result<WakeupId> {
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let wit = || payload.clone().map(RawMessage::into_wit);
        if let Some(id) = ask(|host| host.wakeup_after(delay_ns, wit())) {
            return id.map(WakeupId).map_err(Error::refused);
        }
        let number = record(|number| Effect::Wakeup { id: WakeupId(number), delay, payload });
        Ok(WakeupId(number))
    }

    pub(crate) fn cancel_wakeup(id: WakeupId) {
        if ask(|host| host.cancel_wakeup(id.0)).is_none() {
            record(|_| Effect::CancelWakeup { id });
        }
    }

    pub(crate) fn create(create: Create) -> Result<Address> {
        if let Some(created) = ask(|host| host.create_actor(create.clone().into())) {
            return created.map(Address::from).map_err(Error::refused);
        }
        let address = |number| Address::from(format!("child-{number}"));
        let number = record(|number| Effect::Create { address: address(number), create });
        Ok(address(number))
    }

    pub(crate) fn create_named(name: &str, create: Create) -> Result<QuestionId> {
        if let Some(asked) = ask(|host| host.create_named(name, create.clone().into())) {
            return asked.map(QuestionId).map_err(Error::refused);
        }
        let name = name.to_string();
        Ok(QuestionId(record(|number| Effect::CreateNamed { question: QuestionId(number), name, create })))
    }

    pub(crate) fn kill_child(child: &Address) -> Result {
        if let Some(asked) = ask(|host| host.kill_child(child.as_str())) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::Kill { child: child.clone() });
        Ok(())
    }

    pub(crate) fn monitor(target: &Address) -> Result {
        if let Some(asked) = ask(|host| host.monitor(target.as_str())) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::Monitor { target: target.clone() });
        Ok(())
    }

    pub(crate) fn demonitor(target: &Address) -> Result {
        if let Some(asked) = ask(|host| host.demonitor(target.as_str())) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::Demonitor { target: target.clone() });
        Ok(())
    }

    pub(crate) fn handle_dead_letters(handles: bool) -> Result {
        if let Some(asked) = ask(|host| host.handle_dead_letters(handles)) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::HandleDeadLetters { handles });
        Ok(())
    }

    pub(crate) fn update_capability(name: &str, value: Option<Value>) -> Result {
        if let Some(asked) = ask(|host| host.update_capability(name, value.clone().map(Value::into_wit))) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::UpdateCapability { name: name.to_string(), value });
        Ok(())
    }

    pub(crate) fn request_status(about: Option<&Address>) -> Result<QuestionId> {
        if let Some(asked) = ask(|host| host.request_status(about.map(Address::as_str))) {
            return asked.map(QuestionId).map_err(Error::refused);
        }
        let about = about.cloned();
        Ok(QuestionId(record(|number| Effect::RequestStatus { question: QuestionId(number), about })))
    }

    pub(crate) fn shut_down() -> Result {
        if let Some(asked) = ask(|host| host.shut_down()) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::ShutDown);
        Ok(())
    }

    pub(crate) fn request_exit(target: &Address, recursive: bool) -> Result {
        if let Some(asked) = ask(|host| host.request_exit(target.as_str(), recursive)) {
            return asked.map_err(Error::refused);
        }
        record(|_| Effect::Exit { target: target.clone(), recursive });
        Ok(())
    }

    pub(crate) fn keep_children() -> Result {
        if let Some(kept) = ask(|host| host.keep_children()) {
            return kept.map_err(Error::refused);
        }
        if !is_exit_turn() {
            return Err(Error::poison("only possible while an `ExitRequest` is handled"));
        }
        record(|_| Effect::KeepChildren);
        Ok(())
    }

    pub(crate) fn log(level: Level, target: &str, text: &str) {
        crate::testing::record_log(level, target, text);
    }

    pub(crate) fn log_enabled(_: Level) -> bool {
        true
    }
}

pub(crate) use imports::*;
