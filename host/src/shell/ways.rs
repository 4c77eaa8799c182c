//! The ways into a node: where it listens, and the role of whoever comes in there.

use std::path::Path;

use nix::unistd::Group;
use thespian_core::role::Role;

use super::ServeError;
use crate::config::ControlSocket;
use crate::node::Node;
use crate::store::{self, SOCKET_FILE};
use crate::transport::{LetIn, Listener};

/// How a listener knows the role of whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WayIn {
    /// All who get through have this one.
    Socket(Role),
    /// Each has the one of the secret that it shows.
    Token,
}

/// All ways in, in words.
#[derive(Debug, Default)]
pub(super) struct Ways(Vec<(Role, String)>);

impl Ways {
    /// Where whoever lacks a role is let in with one that has it.
    pub(super) fn to(&self, needed: Role) -> String {
        let ways = self.0.iter().filter(|(role, _)| role.may(needed)).map(|(_, way)| way.as_str());
        let ways: Vec<&str> = ways.collect();
        if ways.is_empty() { "no way in has it".to_owned() } else { ways.join(", or ") }
    }

    pub(super) fn add_socket(&mut self, role: Role, path: &Path) {
        self.0.push((role, format!("connect at the socket {}", path.display())));
    }

    /// Of each role one.
    pub(super) fn add_tokens(&mut self, dir: &Path) {
        let way = |role| format!("show the token in {}", store::token_path(dir, role).display());
        self.0.extend(Role::ALL.map(|role| (role, way(role))));
    }
}

/// The node's own control socket, and those beside it that its configuration names.
pub(super) async fn sockets(
    node: &Node,
    dir: &Path,
    beside: &[ControlSocket],
) -> Result<Vec<(Listener, WayIn)>, ServeError> {
    let own = super::in_runtime(node, Listener::unix(&dir.join(SOCKET_FILE), LetIn::OwnUser)).await?;
    let mut listeners = vec![(own, WayIn::Socket(Role::Operate))];
    for (at, ControlSocket { path, role, mode, group }) in beside.iter().enumerate() {
        if beside[..at].iter().any(|other| other.path == *path) || *path == dir.join(SOCKET_FILE) {
            return Err(ServeError::SamePath(path.clone()));
        }
        let group = group.as_deref().map(group_id).transpose()?;
        let let_in = LetIn::Permissions { mode: mode.bits(), group };
        let listener = super::in_runtime(node, Listener::unix(path, let_in)).await?;
        listeners.push((listener, WayIn::Socket(*role)));
    }
    Ok(listeners)
}

/// The number of a group, which may be named by it.
fn group_id(name: &str) -> Result<u32, ServeError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let unknown = |error| ServeError::NoGroup { name: name.to_owned(), error };
    let group = Group::from_name(name).map_err(|error| unknown(error.to_string()))?;
    group
        .map(|group| group.gid.as_raw())
        .ok_or_else(|| unknown("the system knows none of this name".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_to_whoever_lacks_a_role() {
        let mut ways = Ways::default();
        assert_eq!(ways.to(Role::Read), "no way in has it");
        ways.add_socket(Role::Operate, Path::new("/d/control.sock"));
        ways.add_socket(Role::Read, Path::new("/run/look.sock"));
        ways.add_tokens(Path::new("/d"));
        assert_eq!(
            ways.to(Role::Load),
            "connect at the socket /d/control.sock, or show the token in /d/token.load, or show the token in /d/token"
        );
        assert!(ways.to(Role::Read).contains("/run/look.sock"));
        assert!(!ways.to(Role::Talk).contains("/run/look.sock"));
    }

    #[test]
    fn groups_go_by_name_or_number() {
        assert_eq!(group_id("4711").unwrap(), 4_711);
        assert_eq!(group_id("root").unwrap(), 0);
        let none = group_id("no-such-group-here").unwrap_err().to_string();
        assert!(none.contains("`no-such-group-here`"), "{none}");
    }
}
