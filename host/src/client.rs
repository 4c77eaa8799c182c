//! How programs talk to a node: the same methods for a node in this process and for one behind a socket.

mod judging;
mod policy;
mod socket;
mod typed;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::Value;
use thespian_core::envelope::ExitReason;
use thespian_core::limits::LOG_FOLLOWER_LAG_MAX;
use thespian_core::log_level::LogLevel;
use thespian_core::message::Message;
use thespian_core::role::Role;
use thespian_core::source::{Rights, SourceHash};
use thespian_core::wire::control::{
    ActorFilter, ActorPage, ActorReport, ActorStatus, ControlError, CreateActor, GrantStatus, Incoming,
    LoadProgress, LoadedSource, LogLevelsStatus, LogRecord, LogScope, NodeStatus, Reply, Request,
    SourceReport, SourceStatus,
};
use thespian_core::wire::hello::{HelloError, Welcome};
use tokio::sync::mpsc;

use crate::answers::{Update, Updates};
pub use crate::session::LoadOptions;
use crate::session::Session;
use crate::store::StoreError;
use socket::Socket;
pub use typed::{Typed, TypedError};

/// A question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node says why.
    #[error(transparent)]
    Node(#[from] ControlError),
    /// Nothing answers there.
    #[error("no node answers at {at}: {error}")]
    NoNode {
        /// The address of the node.
        at: String,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The node does not let this program in.
    #[error("the node refuses the connection: {0}")]
    Refused(#[from] HelloError),
    /// The token can't be read.
    #[error(transparent)]
    Token(#[from] StoreError),
    /// The connection ended before the answer.
    #[error("the connection to the node is lost: {0}")]
    Lost(String),
    /// The node answered something that is no answer to the question: it is of another release, or defective.
    #[error("the node's answer does not fit the question")]
    Unexpected,
}

#[derive(Clone)]
enum Backend {
    Local(Session),
    Socket(Socket),
}

/// Talks to a node. Clones share one endpoint, and questions may be asked side by side; dropping a question's future
/// takes it back.
#[derive(Clone)]
pub struct Client {
    backend: Backend,
}

/// The result of a create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The address of the actor.
    pub address: ActorAddress,
    /// The hash of its source.
    pub source: SourceHash,
    /// The name of its class.
    pub class: String,
    /// Whether it had the name already that was asked for, and nothing was created.
    pub already: bool,
}

/// The result of waiting for a message.
pub type Received = Result<Incoming, ClientError>;

impl Client {
    pub(crate) const fn local(session: Session) -> Self {
        Self { backend: Backend::Local(session) }
    }

    /// Connects to the control socket at `path`, with a private endpoint or one that the node keeps by name. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// No node answers there, or it does not let this program in.
    pub async fn connect(path: &Path, endpoint: Option<&str>) -> Result<Self, ClientError> {
        let socket = Socket::connect_unix(path, endpoint).await?;
        Ok(Self { backend: Backend::Socket(socket) })
    }

    /// Connects over TCP with the secret of the node's token file. Needs a tokio runtime.
    ///
    /// # Errors
    /// No node answers there, or it does not let this program in.
    pub async fn connect_tcp(
        address: SocketAddr,
        token_file: &Path,
        endpoint: Option<&str>,
    ) -> Result<Self, ClientError> {
        let socket = Socket::connect_tcp(address, token_file, endpoint).await?;
        Ok(Self { backend: Backend::Socket(socket) })
    }

    fn welcome(&self) -> &Welcome {
        match &self.backend {
            Backend::Local(session) => session.welcome(),
            Backend::Socket(socket) => socket.welcome(),
        }
    }

    /// The id of the node.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.welcome().host
    }

    /// The requests that this client may make.
    #[must_use]
    pub fn role(&self) -> Role {
        self.welcome().role
    }

    /// The node's process, by its number on this side of the socket: the kernel's word, not the node's. `None` over TCP,
    /// and for a process that can't be seen from here.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match &self.backend {
            Backend::Local(_) => Some(std::process::id()),
            Backend::Socket(socket) => socket.pid(),
        }
    }

    /// Where this client receives.
    #[must_use]
    pub fn endpoint(&self) -> ActorAddress {
        self.welcome().endpoint
    }

    /// Asks anything but a load. `updates` gets what comes before the answer of a `Logs` question.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn request(&self, request: Request, updates: &Updates) -> Result<Reply, ClientError> {
        match &self.backend {
            Backend::Local(session) => Ok(session.answer(request, updates).await?),
            Backend::Socket(socket) => socket.request(request, Some(updates)).await,
        }
    }

    async fn ask_node(&self, request: Request) -> Result<Reply, ClientError> {
        match &self.backend {
            Backend::Local(session) => {
                let (nowhere, _) = mpsc::channel(1);
                Ok(session.answer(request, &nowhere).await?)
            }
            Backend::Socket(socket) => socket.request(request, None).await,
        }
    }

    /// Loads a source and waits until actors can be created from it. `progress` hears how far it is.
    ///
    /// # Errors
    /// `SourceRefused` names who refused it and why.
    pub async fn load(
        &self,
        label: &str,
        component: impl Into<Bytes>,
        progress: impl FnMut(LoadProgress),
    ) -> Result<LoadedSource, ClientError> {
        self.load_as(component, LoadOptions::named(label), progress).await
    }

    /// Loads a source whose actors have rights besides what all may.
    ///
    /// # Errors
    /// As [`Client::load`].
    pub async fn load_with(
        &self,
        label: &str,
        component: impl Into<Bytes>,
        rights: Rights,
        progress: impl FnMut(LoadProgress),
    ) -> Result<LoadedSource, ClientError> {
        self.load_as(component, LoadOptions { rights: Some(rights), ..LoadOptions::named(label) }, progress)
            .await
    }

    /// Loads a source with all that is said of it: also with a manifest and its signatures.
    ///
    /// # Errors
    /// As [`Client::load`]; `WantsMoreRights` where it is in use with fewer.
    pub async fn load_as(
        &self,
        component: impl Into<Bytes>,
        options: LoadOptions,
        mut progress: impl FnMut(LoadProgress),
    ) -> Result<LoadedSource, ClientError> {
        let (updates, mut coming) = mpsc::channel(16);
        let component = component.into();
        let mut load = std::pin::pin!(async {
            match &self.backend {
                Backend::Local(session) => Ok(session.load(component, options, &updates).await?),
                Backend::Socket(socket) => socket.load(component, options, &updates).await,
            }
        });
        let reply = loop {
            tokio::select! {
                biased;
                Some(update) = coming.recv() => if let Update::Progress(step) = update { progress(step) },
                reply = &mut load => break reply?,
            }
        };
        match reply {
            Reply::Loaded(source) => Ok(source),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Lets no more actors be created from a source. Those that run stay.
    ///
    /// # Errors
    /// No source has this hash, or several begin so.
    pub async fn unload(&self, source: &str) -> Result<(), ClientError> {
        self.done(Request::Unload { source: source.to_string() }).await
    }

    /// Everything about one source: who judged it, by which papers, and what it may do.
    ///
    /// # Errors
    /// No source has this hash, or several begin so.
    pub async fn source(&self, source: &str) -> Result<SourceReport, ClientError> {
        match self.ask_node(Request::Source { source: source.to_string() }).await? {
            Reply::Source(report) => Ok(*report),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// The sources that the node knows.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn sources(&self) -> Result<Vec<SourceStatus>, ClientError> {
        match self.ask_node(Request::Sources).await? {
            Reply::Sources(sources) => Ok(sources),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Creates an actor of `class` from the source whose hash begins with `source`.
    ///
    /// # Errors
    /// Typed: unknown source, not approved, no such class, requirements not met, start failed, limit reached.
    pub async fn create(&self, source: &str, class: &str) -> Result<ActorAddress, ClientError> {
        let create = CreateActor {
            source: source.to_string(),
            class: Some(class.to_string()),
            requirements: Vec::new(),
            init: None,
            on_trap: None,
            name: None,
        };
        self.create_with(create).await.map(|(address, _)| address)
    }

    /// Creates an actor, or finds the one that has its global name already, and says which.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn create_or_find(&self, create: CreateActor) -> Result<Created, ClientError> {
        match self.ask_node(Request::Create(create)).await? {
            Reply::Created { address, source, class, already } => {
                Ok(Created { address, source, class, already })
            }
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Creates an actor; returns its address and class.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn create_with(&self, create: CreateActor) -> Result<(ActorAddress, String), ClientError> {
        self.create_or_find(create).await.map(|Created { address, class, .. }| (address, class))
    }

    /// Changes what the node has; without a value it has it no longer. Actors that it no longer fits exit.
    ///
    /// # Errors
    /// The name or the value makes no sense.
    pub async fn update_capability(&self, name: &str, value: Option<Value>) -> Result<(), ClientError> {
        self.done(Request::UpdateCapability { name: name.to_string(), value }).await
    }

    /// Sends a message; returns when it is in the mailbox.
    ///
    /// # Errors
    /// There is no such actor, or its mailbox stays full.
    pub async fn tell(&self, target: ActorAddress, message: Message) -> Result<(), ClientError> {
        self.done(Request::Tell { target, message }).await
    }

    /// Sends a message and waits for the first answer to it, wherever it comes from.
    ///
    /// # Errors
    /// There is no such actor, its mailbox stays full, or no answer comes in time (10 s when `timeout` is absent).
    pub async fn ask(&self, target: ActorAddress, message: Message, timeout: Option<Duration>) -> Received {
        self.received(Request::Ask { target, message, timeout_ms: millis(timeout) }).await
    }

    /// The next message that reaches this client's endpoint.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn listen(&self, timeout: Option<Duration>) -> Received {
        self.received(Request::Listen { timeout_ms: millis(timeout) }).await
    }

    /// The actors in order of address, page by page: each is true for a moment of its own.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn actors(&self) -> Result<Vec<ActorStatus>, ClientError> {
        self.actors_with(&ActorFilter::default()).await
    }

    /// The actors that a filter lets pass, as [`Client::actors`].
    ///
    /// # Errors
    /// No source begins as the filter says, or several do; the node can't be reached.
    pub async fn actors_with(&self, filter: &ActorFilter) -> Result<Vec<ActorStatus>, ClientError> {
        let mut page = self.actor_page(None, filter).await?;
        let mut actors = page.actors;
        while let Some(after) = page.more_after {
            page = self.actor_page(Some(after), filter).await?;
            // A defective node must not keep its client asking for ever.
            if page.more_after.is_some_and(|next| next <= after) {
                return Err(ClientError::Unexpected);
            }
            actors.append(&mut page.actors);
        }
        Ok(actors)
    }

    /// The first actors behind an address that a filter lets pass, without it the first of all.
    ///
    /// # Errors
    /// As [`Client::actors_with`].
    pub async fn actor_page(
        &self,
        after: Option<ActorAddress>,
        filter: &ActorFilter,
    ) -> Result<ActorPage, ClientError> {
        match self.ask_node(Request::Actors { after, filter: filter.clone() }).await? {
            Reply::Actors(page) => Ok(page),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Asks an actor to exit, after the messages that it already has.
    ///
    /// # Errors
    /// There is no such actor.
    pub async fn exit(&self, target: ActorAddress, recursive: bool) -> Result<(), ClientError> {
        self.done(Request::Exit { target, recursive, wait: false }).await
    }

    /// Asks an actor to exit, and waits until it has.
    ///
    /// # Errors
    /// There is no such actor.
    pub async fn exit_and_wait(
        &self,
        target: ActorAddress,
        recursive: bool,
    ) -> Result<ExitReason, ClientError> {
        self.ended(Request::Exit { target, recursive, wait: true }).await
    }

    /// Ends an actor and its children now; returns when it is gone.
    ///
    /// # Errors
    /// There is no such actor.
    pub async fn kill(&self, target: ActorAddress) -> Result<ExitReason, ClientError> {
        self.ended(Request::Kill { target }).await
    }

    /// Ends all actors of a source, and their children, now; returns how many there were. All are told when it returns, and those
    /// in a turn end at its next tick.
    ///
    /// # Errors
    /// There is no such source.
    pub async fn kill_source(&self, source: &str) -> Result<u64, ClientError> {
        match self.ask_node(Request::KillSource { source: source.to_string() }).await? {
            Reply::Killed { actors } => Ok(actors),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Log records of one actor or of all: those kept, or the `last` so many of them. With `follow` it goes on until
    /// its future is dropped.
    ///
    /// # Errors
    /// The node can't be reached, or stops.
    pub async fn logs(
        &self,
        actor: Option<ActorAddress>,
        last: Option<u64>,
        follow: bool,
        mut take: impl FnMut(LogRecord),
    ) -> Result<(), ClientError> {
        let (updates, mut coming) = mpsc::channel(LOG_FOLLOWER_LAG_MAX / 256);
        let mut logs = std::pin::pin!(self.request(Request::Logs { actor, last, follow }, &updates));
        let reply = loop {
            tokio::select! {
                biased;
                Some(update) = coming.recv() => if let Update::Log(records) = update {
                    records.into_iter().for_each(&mut take);
                },
                reply = &mut logs => break reply,
            }
        };
        while let Ok(Update::Log(records)) = coming.try_recv() {
            records.into_iter().for_each(&mut take);
        }
        reply.map(|_| ())
    }

    /// How much actors write to the log.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn log_levels(&self) -> Result<LogLevelsStatus, ClientError> {
        self.log_levels_by(Request::LogLevels).await
    }

    /// Lets actors write more or less to the log, from now on; without `level` as if it had never been set.
    ///
    /// # Errors
    /// There is no such source or actor.
    pub async fn set_log_level(
        &self,
        scope: LogScope,
        level: Option<LogLevel>,
    ) -> Result<LogLevelsStatus, ClientError> {
        self.log_levels_by(Request::SetLogLevel { scope, level }).await
    }

    async fn log_levels_by(&self, request: Request) -> Result<LogLevelsStatus, ClientError> {
        match self.ask_node(request).await? {
            Reply::LogLevels(levels) => Ok(*levels),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// How one actor and its children are. They are not called for it.
    ///
    /// # Errors
    /// There is no such actor.
    pub async fn actor(&self, target: ActorAddress) -> Result<ActorReport, ClientError> {
        match self.ask_node(Request::Actor { target }).await? {
            Reply::Actor(report) => Ok(*report),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// How the node is.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn status(&self) -> Result<NodeStatus, ClientError> {
        match self.ask_node(Request::Status).await? {
            Reply::Status(status) => Ok(*status),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Stops the node in order; returns when its actors are gone.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn stop(&self) -> Result<(), ClientError> {
        self.done(Request::Stop).await
    }

    /// Lets connections to `listen` (an IP address and a port, 0 for any) be messages to an actor. `idle` is how long a
    /// connection may be idle; absent: a minute.
    ///
    /// # Errors
    /// The node's operator does not allow it, the node can't listen there, or there is no such actor.
    pub async fn grant_tcp(
        &self,
        listen: &str,
        actor: ActorAddress,
        idle: Option<Duration>,
    ) -> Result<GrantStatus, ClientError> {
        let request = Request::GrantTcp { listen: listen.to_string(), actor, idle_ms: millis(idle) };
        match self.ask_node(request).await? {
            Reply::Granted(grant) => Ok(grant),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// The grants, by where they listen.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn grants(&self) -> Result<Vec<GrantStatus>, ClientError> {
        match self.ask_node(Request::Grants).await? {
            Reply::Grants(grants) => Ok(grants),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Closes a listener and its connections; returns when it listens no more.
    ///
    /// # Errors
    /// No grant listens there.
    pub async fn revoke(&self, listen: &str) -> Result<(), ClientError> {
        self.done(Request::Revoke { listen: listen.to_string() }).await
    }

    async fn done(&self, request: Request) -> Result<(), ClientError> {
        match self.ask_node(request).await? {
            Reply::Done => Ok(()),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn received(&self, request: Request) -> Received {
        match self.ask_node(request).await? {
            Reply::Received(incoming) => Ok(incoming),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn ended(&self, request: Request) -> Result<ExitReason, ClientError> {
        match self.ask_node(request).await? {
            Reply::Ended { reason } => Ok(reason),
            _ => Err(ClientError::Unexpected),
        }
    }
}

fn millis(timeout: Option<Duration>) -> Option<u64> {
    timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
}
