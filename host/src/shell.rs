//! Serves programs outside: each connection is a hello and then questions and answers, in one task.

mod dialogue;
mod frame_room;
mod lookout;
mod spare;
mod strangers;
mod tokens;
mod uploads;
mod ways;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use thespian_core::limits::{
    FRAME_BYTES_MAX, HELLO_BYTES_MAX, HELLO_TIME_MAX, REFUSALS_LOGGED_PER_SECOND, RESERVE_DIVISOR,
    SHELL_CLOSE_TIME_MAX, SOCKET_CHECK_PERIOD,
};
use thespian_core::role::Role;
use thespian_core::wire::hello::{self, Greeting, Hello, HelloError, VERSION};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use tracing::Level;

use crate::config::NodeConfig;
use crate::descriptors;
use crate::log::LogStore;
use crate::node::Node;
use crate::node_fault::{Entrance, FaultWatch};
use crate::session::SessionOpener;
use crate::shortage::Shortage;
use crate::store::{self, StoreError};
use crate::transport::{BindError, FrameReader, Listener, SocketFile, Stream};
use lookout::Lookout;
use spare::Spare;
use strangers::{Stranger, StrangerPlace, Strangers};
use tokens::Tokens;
use ways::{WayIn, Ways};

/// How long to wait when the system gives no other connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A node can't be reached for control.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration names no place for it.
    #[error("control needs a data directory for its socket and its token")]
    NoDataDir,
    /// The token can't be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A socket can't be made.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Two sockets are to be at one path.
    #[error("two control sockets of this node are to be at {0}: give each a path of its own")]
    SamePath(PathBuf),
    /// A socket is to be of a group that is not known.
    #[error("a control socket can't be of the group `{name}`: {error}")]
    NoGroup {
        /// As it was given.
        name: String,
        /// The reason for it.
        error: String,
    },
    /// There is no descriptor to be kept.
    #[error("can't keep a file descriptor for refusals: {0}")]
    Spare(std::io::Error),
}

/// Lets programs control a node, until it is dropped.
pub struct Shell {
    /// The node's own first.
    sockets: Vec<(Role, Arc<SocketFile>)>,
    tcp: Option<(std::net::SocketAddr, PathBuf)>,
    closing: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Shell {
    /// Listens at the control socket in the node's data directory, and over TCP where the configuration says so.
    ///
    /// # Errors
    /// See [`ServeError`]; nothing is then left listening.
    pub async fn serve(node: &Node, config: &NodeConfig) -> Result<Self, ServeError> {
        let dir = config.data_dir.as_deref().ok_or(ServeError::NoDataDir)?;
        let (closing, is_closing) = watch::channel(false);
        let sessions = node.sessions();
        let shares = node.shares();
        // All doors before anybody comes in: one that can't be made then leaves none open, and no socket behind.
        let mut listeners = ways::sockets(node, dir, &config.control.socket).await?;
        let sockets: Vec<_> = listeners
            .iter()
            .filter_map(|(listener, way_in)| match way_in {
                WayIn::Socket(role) => Some((*role, listener.file()?.clone())),
                WayIn::Token => None,
            })
            .collect();
        let (mut ways, mut tokens) = (Ways::default(), Tokens::new());
        sockets.iter().for_each(|(role, file)| ways.add_socket(*role, file.path()));
        let mut tcp = None;
        if let Some(address) = config.listen {
            let listener = in_runtime(node, Listener::tcp(address)).await?;
            tokens.keep(dir, config.control.keep_tokens)?;
            ways.add_tokens(dir);
            tcp = listener.tcp_address().map(|address| (address, store::token_path(dir, Role::Operate)));
            listeners.push((listener, WayIn::Token));
        }
        let door = Arc::new(Door {
            sessions,
            faults: node.faults().clone(),
            tokens,
            ways,
            places: Semaphore::new(shares.connections),
            others_places: Semaphore::new(shares.connections - shares.connections / RESERVE_DIVISOR),
            strangers_max: shares.strangers,
            spare: Spare::new().map_err(ServeError::Spare)?,
            shortage: node.shortage(),
            refusals: Refusals::new(node.log()),
            closing: is_closing,
        });
        let mut tasks = JoinSet::new();
        for (listener, way_in) in listeners {
            let faults = door.faults.clone();
            let accept = Arc::clone(&door).accept(listener, way_in);
            let accept = async move {
                faults.watch(Entrance::Task("a door for programs"), accept).await;
            };
            tasks.spawn_on(accept, node.runtime());
        }
        Ok(Self { sockets, tcp, closing, tasks })
    }

    /// Stops listening, writes the answers that are ready, and closes every connection. The socket is then gone.
    pub async fn close(mut self) {
        self.closing.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    /// The control socket of the node's own user.
    #[must_use]
    pub fn socket(&self) -> &Path {
        let (_, own) = self.sockets.first().expect("a node has its own");
        own.path()
    }

    /// All control sockets, with the role of whoever connects there: the node's own first.
    pub fn sockets(&self) -> impl Iterator<Item = (Role, &Path)> {
        self.sockets.iter().map(|(role, file)| (*role, file.path()))
    }

    /// For who ends at once: removes the control sockets that are this node's, wherever their directories were moved to.
    pub fn remove_sockets(&self) {
        self.sockets.iter().for_each(|(_, file)| file.remove());
    }

    /// The TCP address and the file of the token that may everything, where the node listens over TCP.
    #[must_use]
    pub fn tcp(&self) -> Option<(std::net::SocketAddr, &Path)> {
        self.tcp.as_ref().map(|(address, token)| (*address, token.as_path()))
    }
}

/// Sockets belong to the runtime that they are made in: the node's, whatever the caller runs under.
async fn in_runtime(
    node: &Node,
    bind: impl Future<Output = Result<Listener, BindError>>,
) -> Result<Listener, BindError> {
    let mut bind = std::pin::pin!(bind);
    let runtime = node.runtime().clone();
    std::future::poll_fn(move |context| {
        let _entered = runtime.enter();
        bind.as_mut().poll(context)
    })
    .await
}

/// The door that every connection passes.
struct Door {
    sessions: SessionOpener,
    faults: Arc<FaultWatch>,
    tokens: Tokens,
    ways: Ways,
    places: Semaphore,
    /// Of these, those for whoever is no operator, and so can't keep operators from ending what it does.
    others_places: Semaphore,
    strangers_max: usize,
    spare: Spare,
    shortage: Arc<Shortage>,
    refusals: Refusals,
    closing: watch::Receiver<bool>,
}

impl Door {
    async fn accept(self: Arc<Self>, mut listener: Listener, way_in: WayIn) {
        let mut lookout = Lookout::new(self.refusals.log.clone());
        // Each listener's own: who may connect to one can't keep others from the other.
        let strangers = Strangers::new(self.strangers_max);
        // Dropped with this task, and so are the connections.
        let mut connections = JoinSet::new();
        let mut closing = self.closing.clone();
        loop {
            while connections.try_join_next().is_some() {}
            let admitted = async {
                let place = strangers.place().await;
                (listener.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                admitted = admitted => admitted,
                () = closed(&mut closing) => break,
                () = tokio::time::sleep(SOCKET_CHECK_PERIOD), if listener.file().is_some() => {
                    lookout.check(&mut listener);
                    continue;
                }
            };
            match accepted {
                Ok(stream) => {
                    let faults = self.faults.clone();
                    let admit = Arc::clone(&self).admit(stream, way_in, StrangerPlace::enter(place));
                    connections.spawn(async move {
                        faults.watch(Entrance::Task("a connection of a program"), admit).await;
                    });
                }
                Err(error) => {
                    self.shortage.tell(&self.refusals.log, "control", &error);
                    let is_told = descriptors::are_gone(&error) && self.spare.refuse(&listener).await;
                    if !is_told {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        // A client that does not read its answer can't hold up the end.
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHELL_CLOSE_TIME_MAX, all).await;
    }

    async fn admit(self: Arc<Self>, stream: Stream, way_in: WayIn, stranger: Stranger) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = FrameReader::new(reader);
        reader.limit(HELLO_BYTES_MAX);
        let hello = tokio::select! {
            biased;
            hello = tokio::time::timeout(HELLO_TIME_MAX, reader.next()) => hello,
            () = stranger.has_to_leave() => {
                return self.refusals.report("a connection is closed: it says nothing, and others want its place");
            }
        };
        let Ok(Ok(Some(frame))) = hello else {
            if let Ok(Err(_)) = hello {
                say(&mut writer, VERSION, &Err(HelloError::NotAHello)).await;
            }
            return;
        };
        let version = hello::version_for(&frame);
        let session = hello::decode_hello(&frame).and_then(|hello| {
            let role = self.role(way_in, &hello)?;
            // Held for as long as the connection is.
            let place = self.place(role).ok_or(HelloError::TooManyConnections)?;
            Ok((self.sessions.open(hello.endpoint.as_deref(), role)?, place))
        });
        match session {
            Ok((session, _place)) => {
                drop(stranger);
                reader.limit(FRAME_BYTES_MAX);
                if say(&mut writer, version, &Ok(session.welcome().clone())).await {
                    let manner = Manner { version, ways: &self.ways, refusals: &self.refusals };
                    dialogue::serve(reader, writer, session, manner, self.closing.clone()).await;
                }
            }
            Err(error) => {
                self.refusals.report(&format!("a connection is refused: {error}"));
                say(&mut writer, version, &Err(error)).await;
            }
        }
    }

    /// A place for a connection, if there is one for this role.
    fn place(&self, role: Role) -> Option<(Option<SemaphorePermit<'_>>, SemaphorePermit<'_>)> {
        let of_others = match role {
            Role::Operate => None,
            Role::Read | Role::Talk | Role::Load => Some(self.others_places.try_acquire().ok()?),
        };
        Some((of_others, self.places.try_acquire().ok()?))
    }

    fn role(&self, way_in: WayIn, hello: &Hello) -> Result<Role, HelloError> {
        match way_in {
            WayIn::Socket(role) => Ok(role),
            WayIn::Token => self.tokens.role_of(hello.token).ok_or(HelloError::Token),
        }
    }
}

/// How a connection is served.
#[derive(Clone, Copy)]
struct Manner<'a> {
    /// The version that its client speaks.
    version: u16,
    ways: &'a Ways,
    refusals: &'a Refusals,
}

/// Returns when the shell closes, or is gone.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn say(writer: &mut crate::transport::WriteHalf, version: u16, answer: &Greeting) -> bool {
    match hello::encode_greeting(version, answer) {
        // Who does not take even this is not worth waiting for.
        Ok(frame) => {
            let written = tokio::time::timeout(HELLO_TIME_MAX, writer.write_all(&frame)).await;
            matches!(written, Ok(Ok(())))
        }
        Err(_) => false,
    }
}

/// Says in the log who was turned away: some of them in each second.
struct Refusals {
    log: Arc<LogStore>,
    /// The second under way, and how many there were in it.
    second: Mutex<(Instant, u32)>,
}

impl Refusals {
    fn new(log: Arc<LogStore>) -> Self {
        Self { log, second: Mutex::new((Instant::now(), 0)) }
    }

    fn report(&self, what: &str) {
        let mut state = self.second.lock();
        if state.0.elapsed() >= Duration::from_secs(1) {
            *state = (Instant::now(), 0);
        }
        state.1 = state.1.saturating_add(1);
        let nth = state.1;
        drop(state);
        match nth.cmp(&REFUSALS_LOGGED_PER_SECOND) {
            Ordering::Less => self.log.node(Level::WARN, "control", what),
            Ordering::Equal => {
                self.log.node(Level::WARN, "control", &format!("{what}; more in this second are not logged"));
            }
            Ordering::Greater => {}
        }
    }
}
