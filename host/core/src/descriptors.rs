//! How a node divides the file descriptors that its process may have. Reads no limit and opens nothing.

use crate::limits::{
    CONNECTIONS_MAX, DESCRIPTORS_KEPT, DESCRIPTORS_SHARED_LEAST, STRANGERS_MAX, TCP_CONNECTIONS_MAX,
    TCP_LISTENERS_MAX,
};

/// Where strangers knock: the socket and the TCP address.
const DOORS: usize = 2;

/// How many descriptors each use of them may take: together with what is open and what is kept, not more than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The share of control connections.
    pub connections: usize,
    /// Those at each door that have not said hello.
    pub strangers: usize,
    /// Places at which the node listens for actors.
    pub tcp_listeners: usize,
    /// Connections to actors.
    pub tcp_connections: usize,
}

/// A process may not have as many descriptors as a node needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may have {limit} file descriptors; it has {open} for other things, and with a node it needs {needed} \
     in all: raise the limit with `ulimit -n {needed}`, in a service of systemd with `LimitNOFILE={needed}`"
)]
pub struct TooFewDescriptors {
    /// How many it may have.
    pub limit: u64,
    /// How many are open, or will be, for something else than a node.
    pub open: u64,
    /// The number that is enough.
    pub needed: u64,
}

impl Shares {
    /// Divides the descriptors that are left of `limit` when `open` of them are open already.
    ///
    /// # Errors
    /// There are too few for anybody to reach the node.
    pub fn of(limit: u64, open: u64) -> Result<Self, TooFewDescriptors> {
        let kept = open.saturating_add(DESCRIPTORS_KEPT as u64);
        let needed = kept.saturating_add(DESCRIPTORS_SHARED_LEAST as u64);
        if limit < needed {
            return Err(TooFewDescriptors { limit, open, needed });
        }
        let shared = usize::try_from(limit - kept).unwrap_or(usize::MAX);
        let strangers = (shared / 8).clamp(1, STRANGERS_MAX);
        let tcp_listeners = (shared / 16).clamp(1, TCP_LISTENERS_MAX);
        let tcp_connections = (shared / 4).clamp(1, TCP_CONNECTIONS_MAX);
        let rest = shared - DOORS * strangers - tcp_listeners - tcp_connections;
        Ok(Self { connections: rest.min(CONNECTIONS_MAX), strangers, tcp_listeners, tcp_connections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn sum(shares: Shares) -> usize {
        let Shares { connections, strangers, tcp_listeners, tcp_connections } = shares;
        connections + DOORS * strangers + tcp_listeners + tcp_connections
    }

    #[test]
    fn all_shares_together_are_never_more_than_there_are() {
        for open in [0, 3, 100] {
            let least = Shares::of(0, open).unwrap_err().needed;
            for limit in least..4_000 {
                let shares = Shares::of(limit, open).unwrap();
                let all = sum(shares) as u64 + open + DESCRIPTORS_KEPT as u64;
                assert!(all <= limit, "{shares:?} of {limit} with {open} open");
                let Shares { connections, strangers, tcp_listeners, tcp_connections } = shares;
                assert!(connections.min(strangers).min(tcp_listeners).min(tcp_connections) > 0, "{shares:?}");
            }
        }
    }

    #[test]
    fn where_there_are_enough_each_use_has_its_bound() {
        let all = Shares {
            connections: CONNECTIONS_MAX,
            strangers: STRANGERS_MAX,
            tcp_listeners: TCP_LISTENERS_MAX,
            tcp_connections: TCP_CONNECTIONS_MAX,
        };
        assert_eq!(Shares::of(4_096, 20), Ok(all));
        assert_eq!(Shares::of(u64::MAX, 20), Ok(all));
    }

    #[test]
    fn too_few_are_refused_with_the_number_that_is_enough() {
        let refused = Shares::of(40, 10).unwrap_err();
        assert_eq!(Shares::of(refused.needed - 1, 10).map_err(|error| error.needed), Err(refused.needed));
        assert!(Shares::of(refused.needed, 10).is_ok());
        let needed = refused.needed;
        assert!(refused.to_string().contains(&alloc::format!("`ulimit -n {needed}`")));
    }
}
