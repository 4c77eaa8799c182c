//! The rules of TCP connections that are messages to an actor: where an operator lets a node listen, when a connection
//! is idle, and what its end means. Knows no socket.
//!
//! ```text
//!  Open ── its peer ends its side ──► Half ── all is handled and written ──► Closed
//!    └──── a close reason ──► Flushing, if the reason is orderly ───────────────┘
//! ```

use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{TCP_IDLE_TIME_LEAST, TCP_IDLE_TIME_MOST};
use crate::time::Time;

/// Type name of a connection's first message: JSON with `peer` and `local`.
pub const OPENED: &str = "tcp/opened";
/// Type name of what was read: bytes.
pub const DATA: &str = "tcp/data";
/// Type name of a connection's last message: JSON with `reason` and `details`.
pub const CLOSED: &str = "tcp/closed";

/// An address at which an operator lets actors listen: of one interface, at one port or at any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenRule {
    ip: IpAddr,
    port: Option<u16>,
}

impl ListenRule {
    /// Whether it lets an actor listen at `address`. An interface stands for itself alone: who allows 127.0.0.1 has not
    /// allowed 0.0.0.0.
    #[must_use]
    pub fn allows(&self, address: SocketAddr) -> bool {
        self.ip == address.ip() && self.port.is_none_or(|port| port == address.port())
    }
}

impl FromStr for ListenRule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: address.ip(), port: Some(address.port()) });
        }
        let ip =
            text.parse().map_err(|_| "an address to listen at looks like `127.0.0.1` or `[::1]:8080`")?;
        Ok(Self { ip, port: None })
    }
}

impl fmt::Display for ListenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

impl Serialize for ListenRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ListenRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The time without bytes after which a connection is closed.
///
/// # Errors
/// It is not within the bounds: the text says what they are.
pub fn idle_time(asked: Duration) -> Result<Duration, String> {
    if (TCP_IDLE_TIME_LEAST..=TCP_IDLE_TIME_MOST).contains(&asked) {
        return Ok(asked);
    }
    let (least, most) = (TCP_IDLE_TIME_LEAST.as_millis(), TCP_IDLE_TIME_MOST.as_secs());
    Err(alloc::format!("the time after which an idle connection is closed is {least} ms to {most} s"))
}

/// When a connection on which nothing moves is to be closed.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    since: Time,
    max: Duration,
}

impl Quiet {
    /// A new connection's, which may be quiet for `max`.
    #[must_use]
    pub const fn new(now: Time, max: Duration) -> Self {
        Self { since: now, max }
    }

    /// Bytes went one way or the other.
    pub fn moved(&mut self, now: Time) {
        self.since = self.since.max(now);
    }

    /// When to look again; `None` when it has been quiet for too long. While messages of the connection are unhandled
    /// it is the actor who is slow, and not the peer.
    pub fn look(&mut self, now: Time, unhandled: usize) -> Option<Time> {
        if unhandled > 0 {
            self.moved(now);
        }
        let due = self.since + self.max;
        (due > now).then_some(due)
    }
}

/// The reason for which a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Its peer will send no more.
    Peer,
    /// An actor asked it to exit.
    Requested,
    /// The operator took the grant back.
    Revoked,
    /// No byte went either way for too long.
    Idle,
    /// Something that was written to it could not be kept until its peer read on.
    Lost,
    /// The actor could not handle what came, and why.
    Unhandled(String),
    /// The connection failed.
    Broken(String),
    /// The actor is gone.
    ActorEnded,
}

impl CloseReason {
    /// The word by which programs know it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Requested => "requested",
            Self::Revoked => "revoked",
            Self::Idle => "idle",
            Self::Lost => "lost",
            Self::Unhandled(_) => "unhandled",
            Self::Broken(_) => "broken",
            Self::ActorEnded => "actor-ended",
        }
    }

    /// Whether what was written before is still sent. Behind a gap nothing is: its peer must not take what follows for
    /// what is missing.
    #[must_use]
    pub const fn is_orderly(&self) -> bool {
        !matches!(self, Self::Lost | Self::Broken(_))
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer => f.write_str("its peer ended it"),
            Self::Requested => f.write_str("an actor asked it to exit"),
            Self::Revoked => f.write_str("the operator took the grant back"),
            Self::Idle => f.write_str("nothing was sent or read for too long"),
            Self::Lost => f.write_str("its peer reads too slowly: something written to it was lost"),
            Self::Unhandled(why) => write!(f, "the actor could not handle what came: {why}"),
            Self::Broken(why) => write!(f, "it failed: {why}"),
            Self::ActorEnded => f.write_str("its actor ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn allows(rule: &str, address: &str) -> bool {
        rule.parse::<ListenRule>().unwrap().allows(address.parse().unwrap())
    }

    #[test]
    fn a_rule_allows_its_own_interface_and_port_and_no_other() {
        assert!(allows("127.0.0.1", "127.0.0.1:0") && allows("127.0.0.1", "127.0.0.1:80"));
        assert!(!allows("127.0.0.1", "0.0.0.0:80") && !allows("127.0.0.1", "127.0.0.2:80"));
        assert!(allows("[::1]:80", "[::1]:80") && !allows("[::1]:80", "[::1]:81"));
        assert!(!allows("0.0.0.0", "127.0.0.1:80"), "an interface stands for itself");
    }

    #[test]
    fn a_rule_is_shown_as_it_is_written() {
        for text in ["127.0.0.1", "::1", "[::1]:80", "10.0.0.1:0"] {
            assert_eq!(text.parse::<ListenRule>().unwrap().to_string(), text);
        }
        for text in ["", "localhost", "127.0.0.1:", ":80", "127.0.0.1:65536"] {
            assert!(text.parse::<ListenRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_connection_is_idle_when_nothing_moves_and_nothing_is_unhandled() {
        let at = |ms| Time::default() + Duration::from_millis(ms);
        let mut quiet = Quiet::new(at(0), Duration::from_millis(100));
        assert_eq!(quiet.look(at(40), 0), Some(at(100)));
        quiet.moved(at(50));
        assert_eq!(quiet.look(at(100), 0), Some(at(150)));
        assert_eq!(quiet.look(at(150), 1), Some(at(250)), "the actor is slow, not the peer");
        assert_eq!(quiet.look(at(250), 0), None);
    }

    #[test]
    fn behind_a_gap_nothing_is_sent() {
        assert!(!CloseReason::Lost.is_orderly());
        assert!(CloseReason::Requested.is_orderly() && CloseReason::Idle.is_orderly());
    }

    #[test]
    fn an_idle_time_has_bounds() {
        assert!(idle_time(TCP_IDLE_TIME_LEAST).is_ok() && idle_time(TCP_IDLE_TIME_MOST).is_ok());
        assert!(idle_time(Duration::ZERO).is_err() && idle_time(Duration::MAX).is_err());
    }
}
