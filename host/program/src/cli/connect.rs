//! Which node a command talks to.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use thespian_core::limits::CONNECT_TIME_MAX;
use thespian_host::client::{Client, ClientError};
use thespian_host::store::{SOCKET_FILE, TOKEN_FILE};
use thespian_host::transport::check_socket_path;
use tokio::time::{sleep, timeout};

use super::deadline::silent;
use super::layers::default_data_dir;
use super::outcome::Usage;

const HEADING: &str = "Which node";
/// The pause between two attempts at a socket that is full.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

#[derive(Args)]
pub(super) struct NodeArgs {
    /// The node's data directory [default: `thespian-host` in the user's data directory].
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    #[arg(env = "THESPIAN_HOST_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// A control socket of the node, in place of all else that says where it is: one that lets others in, or has a role of
    /// its own.
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    socket: Option<PathBuf>,
    /// The address of a node that listens over TCP, in place of its socket.
    #[arg(long, value_name = "ADDR", help_heading = HEADING)]
    #[arg(env = "THESPIAN_HOST_CONNECT", hide_env_values = true)]
    connect: Option<SocketAddr>,
    /// The file with that node's secret [default: `token` in the data directory]. One whose name ends in a role has that
    /// role alone: `token.read`.
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    #[arg(env = "THESPIAN_HOST_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct EndpointArgs {
    /// Sends and receives at an endpoint that the node keeps by this name, so that separate commands can share it:
    /// for ten minutes after the last use.
    #[arg(long, value_name = "NAME", env = "THESPIAN_HOST_ENDPOINT", hide_env_values = true)]
    endpoint: Option<String>,
}

impl EndpointArgs {
    pub(super) fn name(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

impl NodeArgs {
    pub(super) async fn connect(&self) -> Result<Client> {
        self.connect_at(None).await
    }

    pub(super) async fn connect_at(&self, endpoint: Option<&str>) -> Result<Client> {
        self.connect_to(&self.place()?, endpoint).await
    }

    /// Connects to a node that is to be there, and to let this program in soon.
    pub(super) async fn connect_to(&self, place: &NodeAddress, endpoint: Option<&str>) -> Result<Client> {
        let connected = async {
            loop {
                match self.try_connect(place, endpoint).await {
                    // As many connections wait at its socket as the system keeps.
                    Err(ClientError::NoNode { error, .. }) if error.kind() == ErrorKind::WouldBlock => {
                        sleep(RETRY_PAUSE).await;
                    }
                    connected => return connected,
                }
            }
        };
        match timeout(CONNECT_TIME_MAX, connected).await {
            Ok(client) => Ok(client?),
            Err(_) => {
                let who = format!("the node at {place}");
                Err(silent(&who, "did not let this program in", CONNECT_TIME_MAX).into())
            }
        }
    }

    /// Whether it is said where the node lets programs in.
    pub(super) const fn names_a_door(&self) -> bool {
        self.socket.is_some() || self.connect.is_some()
    }

    /// The data directory of the node.
    pub(super) fn data_dir(&self) -> Result<PathBuf> {
        self.data_dir.clone().map_or_else(default_data_dir, Ok)
    }

    /// Where the node is; an error if that can't be known.
    pub(super) fn place(&self) -> Result<NodeAddress> {
        let data_dir = || self.data_dir();
        let socket = match (&self.socket, self.connect, &self.token_file) {
            (Some(socket), ..) => socket.clone(),
            (None, Some(address), Some(token_file)) => {
                return Ok(NodeAddress::Tcp(address, token_file.clone()));
            }
            (None, Some(address), None) => {
                let needed = "--connect needs the node's token too: --token-file FILE, the file `token` in its data directory";
                let data_dir = data_dir().map_err(|_| Usage(needed.to_string()))?;
                return Ok(NodeAddress::Tcp(address, data_dir.join(TOKEN_FILE)));
            }
            (None, None, _) => data_dir()?.join(SOCKET_FILE),
        };
        check_socket_path(&socket).map_err(|error| Usage(error.to_string()))?;
        Ok(NodeAddress::Unix(socket))
    }

    pub(super) async fn try_connect(
        &self,
        place: &NodeAddress,
        endpoint: Option<&str>,
    ) -> Result<Client, ClientError> {
        match place {
            NodeAddress::Unix(socket) => Client::connect(socket, endpoint).await,
            NodeAddress::Tcp(address, token_file) => {
                Client::connect_tcp(*address, token_file, endpoint).await
            }
        }
    }
}

/// The socket or TCP address of a node, with the token for it.
pub(super) enum NodeAddress {
    Unix(PathBuf),
    Tcp(SocketAddr, PathBuf),
}

impl std::fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address, _) => write!(f, "{address}"),
        }
    }
}
