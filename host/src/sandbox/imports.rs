//! What the host offers to an actor: the interfaces of `wit/actor.wit`. Nothing here waits, and nothing takes
//! effect before the turn commits, but the log.

use std::time::Duration;

use thespian_core::address::ActorAddress;
use thespian_core::limits::SOURCE_PART_BYTES_MAX;
use thespian_core::outbox::{CreateOptions, Draft, OutboxError};
use thespian_core::source::{ActorsApproval, OfferId, SourceHash};

use super::bindings::thespian::actor::types::{AttributesResult, Error, MessageResult, ValueResult};
use super::bindings::thespian::actor::{hosting, lifecycle, logging, messaging, monitoring, sources, types};
use super::convert;
use super::host::ActorHost;
use super::parts::PartError;
use super::state::State;
use super::text;

/// The option of a create by which a creator gives a child its label.
const LABEL: &str = "label";

type ImportResult<T> = wasmtime::Result<Result<T, Error>>;

impl State {
    /// The outbox of the turn under way. There is none while a component describes itself or is set up.
    fn draft(&mut self) -> Result<Draft<'_, dyn ActorHost>, Error> {
        match &mut self.outbox {
            Some(outbox) => Ok(Draft::new(self.occupant.address, outbox, &self.limits, &*self.host)),
            None => Err(Error::Denied("only possible in a turn".to_owned())),
        }
    }

    /// Adds what `ask` says to the outbox.
    fn ask<T>(
        &mut self,
        ask: impl FnOnce(&mut Draft<'_, dyn ActorHost>) -> Result<T, OutboxError>,
    ) -> Result<T, Error> {
        self.ours(|state| Ok(ask(&mut state.draft()?)?))
    }

    /// The same about an actor.
    fn ask_about<T>(
        &mut self,
        address: &str,
        ask: impl FnOnce(ActorAddress, &mut Draft<'_, dyn ActorHost>) -> Result<T, OutboxError>,
    ) -> Result<T, Error> {
        let address = parse_address(address)?;
        self.ask(|draft| ask(address, draft))
    }

    fn try_create(
        &mut self,
        class: String,
        options: lifecycle::CreateOptions,
    ) -> Result<ActorAddress, Error> {
        let (source, options) = create_options(options)?;
        self.ask(|draft| draft.create(source, class, options))
    }

    fn try_create_named(
        &mut self,
        name: &str,
        class: String,
        options: lifecycle::CreateOptions,
    ) -> Result<u64, Error> {
        let (source, options) = create_options(options)?;
        self.ask(|draft| draft.create_named(name, source, class, options))
    }
}

impl State {
    fn try_load(&mut self, options: sources::LoadOptions) -> Result<SourceHash, Error> {
        let sources::LoadOptions { label, manifest, signatures, allow, extra } = options;
        if let Some((name, _)) = extra.first() {
            return Err(Error::Unsupported(format!("this host knows no option `{}`", text::cut(name, 64))));
        }
        let allow =
            allow.map(|names| convert::rights_from_guest(&names)).transpose().map_err(Error::Invalid)?;
        let label = text::inert(&label).into_owned();
        self.draft()?.check_load(&label)?;
        let has_manifest = manifest.is_some();
        let (hash, size) = self.host.sources().given(manifest, signatures)?;
        let request = self.draft()?.load((hash, size), label, allow, has_manifest)?;
        self.host.sources().stage(request);
        Ok(hash)
    }
}

fn parse_address(text: &str) -> Result<ActorAddress, Error> {
    text.parse().map_err(|error| Error::Invalid(format!("{error}")))
}

fn create_options(options: lifecycle::CreateOptions) -> Result<(Option<SourceHash>, CreateOptions), Error> {
    let label = label(&options.extra)?;
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
        label,
    };
    Ok((source, options))
}

/// The label that a creator gives a child. An option that this host does not know would be silently without effect.
fn label(extra: &AttributesResult) -> Result<Box<str>, Error> {
    if let Some((name, _)) = extra.iter().find(|(name, _)| name != LABEL) {
        return Err(Error::Unsupported(format!("this host knows no option `{}`", text::cut(name, 64))));
    }
    match &extra[..] {
        [] => Ok(Box::default()),
        [(_, ValueResult::Text(label))] => Ok(label.as_str().into()),
        [_] => Err(OutboxError::Label.into()),
        _ => Err(Error::Invalid(format!("`{LABEL}` is given more than once"))),
    }
}

impl types::Host for State {}

impl messaging::Host for State {
    fn send(&mut self, to: String, message: MessageResult) -> ImportResult<()> {
        let message = convert::message_from_guest(message);
        Ok(self.ask_about(&to, |to, draft| draft.send(to, message)))
    }

    fn refuse(&mut self, to: String, original: MessageResult, details: String) -> ImportResult<()> {
        let (original, details) = (convert::message_from_guest(original), text::inert(&details).into_owned());
        Ok(self.ask_about(&to, |to, draft| draft.refuse(to, original, details)))
    }

    fn fails_for(&mut self, to: String, original: MessageResult) -> ImportResult<()> {
        let original = convert::message_from_guest(original);
        Ok(self.ask_about(&to, |to, draft| draft.fails_for(to, original)))
    }

    fn wakeup_after(&mut self, delay: u64, payload: Option<MessageResult>) -> ImportResult<u64> {
        let payload = payload.map(convert::message_from_guest);
        Ok(self.ask(|draft| draft.wakeup(Duration::from_nanos(delay), payload)))
    }

    fn cancel_wakeup(&mut self, id: u64) -> wasmtime::Result<()> {
        // Without an answer there is no other way to say that the outbox is full; the note makes a turn that
        // then fails fail for this reason.
        let _noted = self.ask(|draft| draft.cancel_wakeup(id));
        Ok(())
    }
}

impl lifecycle::Host for State {
    fn create_actor(&mut self, class: String, options: lifecycle::CreateOptions) -> ImportResult<String> {
        Ok(self.try_create(class, options).map(|address| address.to_string()))
    }

    fn create_named(
        &mut self,
        name: String,
        class: String,
        options: lifecycle::CreateOptions,
    ) -> ImportResult<u64> {
        Ok(self.try_create_named(&name, class, options))
    }

    fn kill_child(&mut self, child: String) -> ImportResult<()> {
        Ok(self.ask_about(&child, |child, draft| draft.kill_child(child)))
    }

    fn request_exit(&mut self, target: String, recursive: bool) -> ImportResult<()> {
        Ok(self.ask_about(&target, |target, draft| draft.request_exit(target, recursive)))
    }

    fn keep_children(&mut self) -> ImportResult<()> {
        Ok(self.ask(|draft| draft.keep_children()))
    }

    fn children(&mut self, after: Option<String>, max: u32) -> wasmtime::Result<Vec<(String, String)>> {
        let after = after.and_then(|after| after.parse().ok());
        let listed = self.ask(|draft| {
            let listed = draft.children(after, max);
            Ok(listed.map(|(child, label)| (child.to_string(), label.to_owned())).collect())
        });
        // Outside of turns there is nobody's child.
        Ok(listed.unwrap_or_default())
    }

    fn fail(&mut self, reason: String) -> ImportResult<()> {
        Ok(self.ask(|draft| {
            draft.fail(text::for_error(&reason));
            Ok(())
        }))
    }
}

impl monitoring::Host for State {
    fn monitor(&mut self, target: String) -> ImportResult<()> {
        Ok(self.ask_about(&target, |target, draft| draft.monitor(target)))
    }

    fn demonitor(&mut self, target: String) -> ImportResult<()> {
        Ok(self.ask_about(&target, |target, draft| draft.demonitor(target)))
    }
}

impl hosting::Host for State {
    fn handle_dead_letters(&mut self, handles: bool) -> ImportResult<()> {
        Ok(self.ask(|draft| draft.handle_dead_letters(handles)))
    }

    fn update_capability(&mut self, name: String, value: Option<ValueResult>) -> ImportResult<()> {
        Ok(match value.map(convert::value_from_guest).transpose() {
            Ok(value) => self.ask(|draft| draft.update_capability(name, value)),
            Err(why) => Err(Error::Invalid(why)),
        })
    }

    fn request_status(&mut self, about: Option<String>) -> ImportResult<u64> {
        Ok(match about.map(|about| parse_address(&about)).transpose() {
            Ok(about) => self.ask(|draft| draft.request_status(about)),
            Err(error) => Err(error),
        })
    }

    fn shut_down(&mut self) -> ImportResult<()> {
        Ok(self.ask(|draft| draft.shut_down()))
    }
}

impl sources::Host for State {
    fn register_authority(&mut self, on: bool) -> ImportResult<()> {
        Ok(self.ask(|draft| draft.register_authority(on)))
    }

    fn next_offer(&mut self, after: u64) -> wasmtime::Result<Option<sources::Offer>> {
        let next = self.ours(|state| state.host.sources().next_offer(OfferId(after)));
        Ok(next.map(convert::offer_to_guest))
    }

    fn read(&mut self, offer: u64, at: u64, len: u32) -> ImportResult<Vec<u8>> {
        let len = usize::try_from(len).unwrap_or(SOURCE_PART_BYTES_MAX).min(SOURCE_PART_BYTES_MAX);
        let read = self.ours(|state| state.host.sources().read(OfferId(offer), at, len));
        Ok(read.map(Vec::from).map_err(Error::from))
    }

    fn replace(&mut self, offer: u64, at: u64, data: Vec<u8>) -> ImportResult<()> {
        Ok(self.ours(|state| {
            check_part(&data)?;
            Ok(state.host.sources().replace(OfferId(offer), at, &data)?)
        }))
    }

    fn judge(&mut self, offer: u64, verdict: Result<sources::Approval, String>) -> ImportResult<()> {
        let offer = OfferId(offer);
        let verdict = match verdict {
            Ok(approval) => match convert::approval_from_guest(approval) {
                Ok(approval) => Ok(approval),
                Err(why) => return Ok(Err(Error::Invalid(why))),
            },
            Err(why) => Err(text::for_error(&why)),
        };
        Ok(self.ours(|state| {
            let runs = state.host.sources().replaced(offer);
            let verdict = verdict.map(|approval| ActorsApproval { runs, ..approval });
            Ok(state.draft()?.judge(offer, verdict)?)
        }))
    }

    fn load_part(&mut self, at: u64, part: Vec<u8>) -> ImportResult<()> {
        Ok(self.ours(|state| {
            state.draft()?.check_load("")?;
            check_part(&part)?;
            Ok(state.host.sources().give(at, &part)?)
        }))
    }

    fn load(&mut self, options: sources::LoadOptions) -> ImportResult<String> {
        Ok(self.ours(|state| state.try_load(options)).map(|hash| hash.to_string()))
    }

    fn unload(&mut self, source: String) -> ImportResult<()> {
        Ok(match source.parse::<SourceHash>() {
            Ok(source) => self.ask(|draft| draft.unload(source)),
            Err(error) => Err(Error::Invalid(error.to_string())),
        })
    }

    fn notify_sources(&mut self, on: bool) -> ImportResult<()> {
        Ok(self.ask(|draft| draft.notify_sources(on)))
    }
}

/// Looks at how much comes at once: it is copied while nobody else has the thread.
fn check_part(part: &[u8]) -> Result<(), Error> {
    let is_long = part.len() > SOURCE_PART_BYTES_MAX;
    if is_long { Err(PartError::PartTooLong(part.len()).into()) } else { Ok(()) }
}

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, target: String, text: String) -> wasmtime::Result<()> {
        self.log.record(convert::level_from_guest(level), &target, &text);
        Ok(())
    }

    fn enabled(&mut self, level: logging::Level) -> wasmtime::Result<bool> {
        Ok(self.ours(|state| state.host.log_enabled(convert::level_from_guest(level))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_text_that_is_given_once_and_any_other_option_is_refused_by_name() {
        let given = |options: &[(&str, ValueResult)]| {
            label(&options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        let text = |text: &str| ValueResult::Text(text.to_owned());
        assert_eq!(given(&[]).ok().as_deref(), Some(""));
        assert_eq!(given(&[("label", text("stock"))]).ok().as_deref(), Some("stock"));
        let refused = |options| given(options).map_err(|error| format!("{error:?}")).unwrap_err();
        assert!(refused(&[("label", ValueResult::Integer(1))]).contains("is a text of at most 64 bytes"));
        let twice = [("label", text("a")), ("label", text("b"))];
        assert!(refused(&twice).contains("`label` is given more than once"));
        let other = [("label", text("a")), ("colour", text("red"))];
        assert!(refused(&other).contains("this host knows no option `colour`"));
    }
}
