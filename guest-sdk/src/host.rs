//! The ground: all that an actor can ask of its host, each thing once, and the one way to ask it.
//!
//! What it names is plain data of the contract. In a component the imports answer; elsewhere a [`Host`] that a test has put
//! around the call:
//!
//! ```text
//! Context, Create ──► ask(Ask) ──► Answer
//!                        │
//!                        ├ in a component: the imports, below
//!                        └ in a native test: the record of `testing`, or a host of one's own
//! ```

use crate::bindings::thespian::actor::lifecycle::CreateOptions;
use crate::bindings::thespian::actor::{sources, types as wit};
use crate::failure::{Error, Result};
use crate::log::Level;

/// Something that an actor asks of its host: a function that the contract imports, with its arguments.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_family = "wasm"), expect(missing_docs, reason = "as in wit/actor.wit"))]
#[cfg_attr(target_family = "wasm", expect(unreachable_pub, reason = "only a test names it from outside"))]
pub enum Ask<'a> {
    Send { to: &'a str, message: wit::MessageParam<'a> },
    Refuse { to: &'a str, original: wit::MessageParam<'a>, details: &'a str },
    FailsFor { to: &'a str, original: wit::MessageParam<'a> },
    WakeupAfter { delay_ns: u64, payload: Option<wit::MessageParam<'a>> },
    CancelWakeup { id: u64 },
    CreateActor { class: &'a str, options: CreateOptions<'a> },
    CreateNamed { name: &'a str, class: &'a str, options: CreateOptions<'a> },
    KillChild { child: &'a str },
    RequestExit { target: &'a str, recursive: bool },
    KeepChildren,
    Children { after: Option<&'a str>, max: u32 },
    Fail { reason: &'a str },
    Monitor { target: &'a str },
    Demonitor { target: &'a str },
    HandleDeadLetters { handles: bool },
    UpdateCapability { name: &'a str, value: Option<wit::ValueParam<'a>> },
    RequestStatus { about: Option<&'a str> },
    ShutDown,
    RegisterAuthority { on: bool },
    NextOffer { after: u64 },
    ReadOffer { offer: u64, at: u64, len: u32 },
    ReplaceOffer { offer: u64, at: u64, part: &'a [u8] },
    JudgeOffer { offer: u64, verdict: std::result::Result<sources::Approval<'a>, &'a str> },
    LoadPart { at: u64, part: &'a [u8] },
    LoadSource { options: sources::LoadOptions<'a> },
    UnloadSource { source: &'a str },
    NotifySources { on: bool },
    Log { level: Level, target: &'a str, text: &'a str },
    LogEnabled { level: Level },
}

/// The host's answer to an [`Ask`] that it does not refuse.
#[derive(Clone, Debug)]
#[cfg_attr(target_family = "wasm", expect(unreachable_pub, reason = "only a test names it from outside"))]
pub enum Answer {
    /// The host takes note, and has nothing to say.
    Done,
    /// The number of a wakeup, or of a question.
    Number(u64),
    /// The address of a new actor.
    Address(String),
    /// Whether a log record would be kept.
    Kept(bool),
    /// Addresses of children, with their labels.
    Children(Vec<(String, String)>),
    /// A source in the actor's hands, if there is one.
    Offer(Option<Box<sources::Offer>>),
    /// Bytes of a source.
    Bytes(Vec<u8>),
    /// The name of a source.
    Hash(String),
}

impl Answer {
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            _ => unexpected(),
        }
    }

    #[inline(always)]
    pub(crate) fn children(self) -> Vec<(String, String)> {
        match self {
            Self::Children(children) => children,
            _ => unexpected(),
        }
    }

    #[inline(always)]
    pub(crate) fn offer(self) -> Option<sources::Offer> {
        match self {
            Self::Offer(offer) => offer.map(|offer| *offer),
            _ => unexpected(),
        }
    }

    #[inline(always)]
    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => unexpected(),
        }
    }

    #[inline(always)]
    pub(crate) fn hash(self) -> String {
        match self {
            Self::Hash(hash) => hash,
            _ => unexpected(),
        }
    }

    #[inline(always)]
    pub(crate) fn address(self) -> String {
        match self {
            Self::Address(address) => address,
            _ => unexpected(),
        }
    }
}

/// Ends a test whose own host answers another question.
#[cold]
fn unexpected() -> ! {
    panic!("the host gives another answer than it was asked for")
}

/// Asks the host.
// A component has nothing of the enums: each caller says which case it is, so that only its import is left. That takes
// inlining, which the compiler, building for size, would not choose.
#[inline(always)]
pub(crate) fn ask(ask: Ask<'_>) -> Result<Answer> {
    around::ask(ask).map_err(Error::refused)
}

/// The time in ns since a moment that is the same as long as the instance lives.
pub(crate) fn now() -> u64 {
    around::now()
}

#[cfg(target_family = "wasm")]
mod around {
    use std::sync::OnceLock;
    use std::time::Instant;

    use super::{Answer, Ask, wit};
    use crate::bindings::thespian::actor::{hosting, lifecycle, logging, messaging, monitoring, sources};
    use crate::log::Level;

    #[inline(always)]
    pub(super) fn ask(ask: Ask<'_>) -> Result<Answer, wit::Error> {
        let done = |()| Answer::Done;
        match ask {
            Ask::Send { to, message } => messaging::send(to, message).map(done),
            Ask::Refuse { to, original, details } => messaging::refuse(to, original, details).map(done),
            Ask::FailsFor { to, original } => messaging::fails_for(to, original).map(done),
            Ask::WakeupAfter { delay_ns, payload } => {
                messaging::wakeup_after(delay_ns, payload).map(Answer::Number)
            }
            Ask::CancelWakeup { id } => Ok(done(messaging::cancel_wakeup(id))),
            Ask::CreateActor { class, options } => {
                lifecycle::create_actor(class, options).map(Answer::Address)
            }
            Ask::CreateNamed { name, class, options } => {
                lifecycle::create_named(name, class, options).map(Answer::Number)
            }
            Ask::KillChild { child } => lifecycle::kill_child(child).map(done),
            Ask::RequestExit { target, recursive } => lifecycle::request_exit(target, recursive).map(done),
            Ask::KeepChildren => lifecycle::keep_children().map(done),
            Ask::Children { after, max } => Ok(Answer::Children(lifecycle::children(after, max))),
            Ask::Fail { reason } => lifecycle::fail(reason).map(done),
            Ask::Monitor { target } => monitoring::monitor(target).map(done),
            Ask::Demonitor { target } => monitoring::demonitor(target).map(done),
            Ask::HandleDeadLetters { handles } => hosting::handle_dead_letters(handles).map(done),
            Ask::UpdateCapability { name, value } => hosting::update_capability(name, value).map(done),
            Ask::RequestStatus { about } => hosting::request_status(about).map(Answer::Number),
            Ask::ShutDown => hosting::shut_down().map(done),
            Ask::RegisterAuthority { on } => sources::register_authority(on).map(done),
            Ask::NextOffer { after } => Ok(Answer::Offer(sources::next_offer(after).map(Box::new))),
            Ask::ReadOffer { offer, at, len } => sources::read(offer, at, len).map(Answer::Bytes),
            Ask::ReplaceOffer { offer, at, part } => sources::replace(offer, at, part).map(done),
            Ask::JudgeOffer { offer, verdict } => sources::judge(offer, verdict).map(done),
            Ask::LoadPart { at, part } => sources::load_part(at, part).map(done),
            Ask::LoadSource { options } => sources::load(options).map(Answer::Hash),
            Ask::UnloadSource { source } => sources::unload(source).map(done),
            Ask::NotifySources { on } => sources::notify_sources(on).map(done),
            Ask::Log { level, target, text } => Ok(done(logging::log(to_wit(level), target, text))),
            Ask::LogEnabled { level } => Ok(Answer::Kept(logging::enabled(to_wit(level)))),
        }
    }

    pub(super) fn now() -> u64 {
        static BEGIN: OnceLock<Instant> = OnceLock::new();
        let since = BEGIN.get_or_init(Instant::now).elapsed();
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }

    const fn to_wit(level: Level) -> logging::Level {
        match level {
            Level::Trace => logging::Level::Trace,
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
        }
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) mod around {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Answer, Ask, wit};

    /// A host that a test puts around its actors.
    pub trait Host {
        /// Does what an actor asks for, or refuses it.
        ///
        /// # Errors
        /// As the contract says of the import.
        fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, wit::Error>;

        /// The time in ns since a moment that stays the same, as WASI's monotonic clock has it.
        fn now(&mut self) -> u64;
    }

    thread_local! {
        /// The host of the call under way.
        static HOST: RefCell<Option<Rc<RefCell<dyn Host>>>> = const { RefCell::new(None) };
    }

    pub(super) fn ask(ask: Ask<'_>) -> Result<Answer, wit::Error> {
        HOST.with_borrow(|host| match host {
            Some(host) => host.borrow_mut().ask(ask),
            None => Err(wit::Error::Unsupported("no host is around".to_string())),
        })
    }

    pub(super) fn now() -> u64 {
        HOST.with_borrow(|host| host.as_ref().map_or(0, |host| host.borrow_mut().now()))
    }

    /// A stretch of a test in which a host is around. At its end, also by a panic, the one before is there again.
    pub(crate) struct Hosted(Option<Rc<RefCell<dyn Host>>>);

    impl Hosted {
        pub(crate) fn by(host: Rc<RefCell<dyn Host>>) -> Self {
            Self(HOST.replace(Some(host)))
        }
    }

    impl Drop for Hosted {
        fn drop(&mut self) {
            HOST.set(self.0.take());
        }
    }
}
