//! The host of an actor under test: it notes what is asked for, and refuses next to nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::address::Address;
use crate::bindings::thespian::actor::lifecycle::CreateOptions;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Requirement, Value};
use crate::class::OnTrap;
use crate::create::{Create, LABEL};
use crate::event::{QuestionId, WakeupId};
use crate::host::around::Host;
use crate::host::{Answer, Ask};
use crate::hosting::Child;
use crate::log::Level;
use crate::message::{Message, RawMessage};
use crate::sources::{Approval, LoadSource, OfferId};
use crate::timing::is_delayed;

use super::sources::TestSources;

/// Something that a turn asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A message was sent.
    Send {
        /// The receiver of it.
        to: Address,
        /// The message as it is sent.
        message: RawMessage,
    },
    /// A message was given back as poison.
    Refuse {
        /// The actor or program that hears of it.
        to: Address,
        /// The message, perhaps without its payload.
        original: RawMessage,
        /// The reason for it.
        details: String,
    },
    /// A child was created.
    Create {
        /// The address it got.
        address: Address,
        /// The actor that is to be.
        create: Create,
    },
    /// Someone was asked to exit.
    Exit {
        /// The actor that is asked.
        target: Address,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// A wakeup was asked for.
    Wakeup {
        /// The name of the wakeup.
        id: WakeupId,
        /// The time until then.
        delay: Duration,
        /// The message that comes back with it.
        payload: Option<RawMessage>,
    },
    /// A wakeup was taken back.
    CancelWakeup {
        /// The wakeup's name.
        id: WakeupId,
    },
    /// The children may live on.
    KeepChildren,
    /// The actor ends as failed, when its turn is over.
    Fail {
        /// The reason that its parent hears.
        reason: String,
    },
    /// The actor of a global name was asked for.
    CreateNamed {
        /// The name of the question.
        question: QuestionId,
        /// The global name.
        name: String,
        /// The actor that is to be, if there is none.
        create: Create,
    },
    /// A child was ended.
    Kill {
        /// The child that ends.
        child: Address,
    },
    /// An actor's end is to be told.
    Monitor {
        /// The actor whose end it is.
        target: Address,
    },
    /// An actor's end is not to be told any more.
    Demonitor {
        /// The actor whose end it is.
        target: Address,
    },
    /// The dead letters were asked for, or given up.
    HandleDeadLetters {
        /// Whether they were asked for.
        handles: bool,
    },
    /// A capability of the host was changed.
    UpdateCapability {
        /// The capability's name.
        name: String,
        /// Its new value.
        value: Option<Value>,
    },
    /// A status was asked for.
    RequestStatus {
        /// The name of the question.
        question: QuestionId,
        /// Whose; `None` is the host's.
        about: Option<Address>,
    },
    /// The host is to stop.
    ShutDown,
    /// The actor is the authority over its host's sources, or is so no longer.
    RegisterAuthority {
        /// Whether it is to be.
        on: bool,
    },
    /// A source was judged.
    Judge {
        /// The offer of it.
        offer: OfferId,
        /// Approved, or why not.
        verdict: Result<Approval, String>,
        /// The bytes that run in the place of those that were submitted.
        replaced: Option<Vec<u8>>,
    },
    /// A source is to be loaded. Its name is `source-1` and so on.
    LoadSource {
        /// The bytes of the source.
        bytes: Vec<u8>,
        /// The rest that is said of it.
        options: LoadSource,
    },
    /// A source is not to be created from any more.
    UnloadSource {
        /// The source's name.
        hash: String,
    },
    /// The actor is to hear of sources, or no longer.
    NotifyOnSources {
        /// Whether it is to.
        on: bool,
    },
}

impl Effect {
    /// The message of type `M` that was sent to `to`, if that is what this is.
    #[must_use]
    pub fn sent<M: Message>(&self, to: &str) -> Option<M> {
        match self {
            Self::Send { to: target, message } if target.as_str() == to => message.decoded()?.ok(),
            _ => None,
        }
    }

    /// The reason for which a message of `to` was given back as poison, if that is what this is.
    #[must_use]
    pub fn refused(&self, to: &str) -> Option<&str> {
        match self {
            Self::Refuse { to: target, details, .. } if target.as_str() == to => Some(details),
            _ => None,
        }
    }

    /// The message of type `M` that the actor is to get from itself, and the time until then, if that is what this is.
    #[must_use]
    pub fn sent_after<M: Message>(&self) -> Option<(Duration, M)> {
        match self {
            Self::Wakeup { delay, payload: Some(payload), .. } if is_delayed(payload) => {
                Some((*delay, payload.decoded()?.ok()?))
            }
            _ => None,
        }
    }

    /// The class of the child that was created, if that is what this is.
    #[must_use]
    pub fn created(&self) -> Option<&str> {
        match self {
            Self::Create { create, .. } => Some(&create.class),
            _ => None,
        }
    }
}

/// The effects of one turn, and what it logged.
#[derive(Default)]
pub(super) struct Record {
    pub(super) effects: Vec<Effect>,
    pub(super) logs: Vec<(Level, String)>,
    /// Whoever is to hear if it fails, and of what.
    pub(super) fails_for: Option<(Address, RawMessage)>,
    kind: TurnKind,
    /// The actor's children, as they were before the turn.
    children: Vec<Child>,
    now: Duration,
    sources: Rc<RefCell<TestSources>>,
}

/// The kind of a turn, as far as the host minds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TurnKind {
    #[default]
    Plain,
    Start,
    Exit,
}

thread_local! {
    /// Names wakeups, questions and children; never used twice in one test.
    static LAST: Cell<u64> = const { Cell::new(0) };
}

impl Record {
    pub(super) fn new(
        kind: TurnKind,
        children: &[Child],
        now: Duration,
        sources: Rc<RefCell<TestSources>>,
    ) -> Self {
        Self { kind, children: children.to_vec(), now, sources, ..Self::default() }
    }

    fn note(&mut self, effect: Effect) -> Answer {
        self.effects.push(effect);
        Answer::Done
    }

    /// Notes what is answered with a new number.
    fn note_numbered(&mut self, effect: impl FnOnce(u64) -> Effect) -> Answer {
        let number = LAST.get() + 1;
        LAST.set(number);
        self.effects.push(effect(number));
        Answer::Number(number)
    }
}

impl Host for Record {
    fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, wit::Error> {
        Ok(match ask {
            Ask::Send { message, .. }
            | Ask::Refuse { original: message, .. }
            | Ask::FailsFor { original: message, .. }
                if message.type_name.starts_with("thespian:") =>
            {
                let text = "type names that begin with `thespian:` are the host's own";
                return Err(wit::Error::Invalid(text.to_string()));
            }
            Ask::Send { to, message } => self.note(Effect::Send { to: to.into(), message: message.into() }),
            Ask::Refuse { to, original, details } => {
                let (original, details) = (original.into(), details.to_string());
                self.note(Effect::Refuse { to: to.into(), original, details })
            }
            Ask::FailsFor { .. } if self.kind == TurnKind::Start => {
                let text = "only possible while handling something, and not in a start";
                return Err(wit::Error::Invalid(text.to_string()));
            }
            Ask::FailsFor { to, original } => {
                self.fails_for = Some((to.into(), original.into()));
                Answer::Done
            }
            Ask::WakeupAfter { delay_ns, payload } => {
                let (delay, payload) = (Duration::from_nanos(delay_ns), payload.map(RawMessage::from));
                self.note_numbered(|number| Effect::Wakeup { id: WakeupId(number), delay, payload })
            }
            Ask::CancelWakeup { id } => self.note(Effect::CancelWakeup { id: WakeupId(id) }),
            Ask::CreateActor { class, options } => self.create(created(class, options)),
            Ask::CreateNamed { name, class, options } => {
                let (name, create) = (name.to_string(), created(class, options));
                self.note_numbered(|number| Effect::CreateNamed {
                    question: QuestionId(number),
                    name,
                    create,
                })
            }
            Ask::KillChild { child } => self.note(Effect::Kill { child: child.into() }),
            Ask::RequestExit { target, recursive } => {
                self.note(Effect::Exit { target: target.into(), recursive })
            }
            Ask::KeepChildren if self.kind != TurnKind::Exit => {
                let text = "only possible while an `ExitRequest` is handled";
                return Err(wit::Error::Invalid(text.to_string()));
            }
            Ask::KeepChildren => self.note(Effect::KeepChildren),
            Ask::Fail { reason } => self.note(Effect::Fail { reason: reason.to_string() }),
            Ask::Children { after, max } => Answer::Children(self.children(after, max)),
            Ask::Monitor { target } => self.note(Effect::Monitor { target: target.into() }),
            Ask::Demonitor { target } => self.note(Effect::Demonitor { target: target.into() }),
            Ask::HandleDeadLetters { handles } => self.note(Effect::HandleDeadLetters { handles }),
            Ask::UpdateCapability { name, value } => {
                self.note(Effect::UpdateCapability { name: name.to_string(), value: value.map(Value::from) })
            }
            Ask::RequestStatus { about } => {
                let about = about.map(Address::from);
                self.note_numbered(|number| Effect::RequestStatus { question: QuestionId(number), about })
            }
            Ask::ShutDown => self.note(Effect::ShutDown),
            ask @ (Ask::RegisterAuthority { .. }
            | Ask::NextOffer { .. }
            | Ask::ReadOffer { .. }
            | Ask::ReplaceOffer { .. }
            | Ask::JudgeOffer { .. }
            | Ask::LoadPart { .. }
            | Ask::LoadSource { .. }
            | Ask::UnloadSource { .. }
            | Ask::NotifySources { .. }) => return self.ask_of_sources(ask),
            Ask::Log { level, text, .. } => {
                self.logs.push((level, text.to_string()));
                Answer::Done
            }
            Ask::LogEnabled { .. } => Answer::Kept(true),
        })
    }

    fn now(&mut self) -> u64 {
        u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Record {
    fn ask_of_sources(&mut self, ask: Ask<'_>) -> Result<Answer, wit::Error> {
        Ok(match ask {
            Ask::RegisterAuthority { on } => self.note(Effect::RegisterAuthority { on }),
            Ask::NextOffer { after } => self.sources.borrow().next(after),
            Ask::ReadOffer { offer, at, len } => self.sources.borrow_mut().read(offer, at, len)?,
            Ask::ReplaceOffer { offer, at, part } => self.sources.borrow_mut().replace(offer, at, part)?,
            Ask::JudgeOffer { offer, verdict } => {
                let replaced = self.sources.borrow_mut().replaced(offer);
                let verdict = verdict.map(Approval::from_wit).map_err(str::to_string);
                self.note(Effect::Judge { offer: OfferId(offer), verdict, replaced })
            }
            Ask::LoadPart { at, part } => self.sources.borrow_mut().give(at, part)?,
            Ask::LoadSource { options } => {
                let mut sources = self.sources.borrow_mut();
                let bytes = sources.take_given()?;
                sources.loads += 1;
                let hash = format!("source-{}", sources.loads);
                drop(sources);
                self.note(Effect::LoadSource { bytes, options: LoadSource::from_wit(options) });
                Answer::Hash(hash)
            }
            Ask::UnloadSource { source } => self.note(Effect::UnloadSource { hash: source.to_string() }),
            Ask::NotifySources { on } => self.note(Effect::NotifyOnSources { on }),
            other => unreachable!("{other:?} is about no source"),
        })
    }
}

impl Record {
    /// Notes a child, whose address is made of a new number.
    fn create(&mut self, create: Create) -> Answer {
        let mut address = String::new();
        self.note_numbered(|number| {
            address = format!("child-{number}");
            Effect::Create { address: address.as_str().into(), create }
        });
        Answer::Address(address)
    }
}

impl Record {
    fn children(&self, after: Option<&str>, max: u32) -> Vec<(String, String)> {
        let place = self.children.iter().position(|child| Some(child.address.as_str()) == after);
        let from = place.map_or(0, |place| place + 1);
        let page = self.children[from..].iter().take(max as usize);
        page.map(|child| (child.address.to_string(), child.label.clone())).collect()
    }
}

fn created(class: &str, options: CreateOptions<'_>) -> Create {
    Create {
        class: class.to_string(),
        source: options.source.map(str::to_string),
        requirements: options.requirements.iter().cloned().map(Requirement::from).collect(),
        init: options.init.map(RawMessage::from),
        on_trap: options.on_trap.map(OnTrap::from),
        watch_restarts: options.watch_restarts,
        label: label(options.extra),
    }
}

fn label(extra: wit::AttributesParam<'_>) -> Option<String> {
    match extra {
        [(LABEL, wit::ValueParam::Text(label))] => Some((*label).to_string()),
        _ => None,
    }
}
