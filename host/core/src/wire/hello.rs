//! The first frame in each direction. Its beginning, magic and version, stays the same in every version, so
//! that any two programs can tell each other why they do not understand each other.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::address::{ActorAddress, HostId};
use crate::role::Role;
use crate::wire::codec;
use crate::wire::frame::{FrameError, HEADER_LEN, finish_frame};

/// The beginning of every hello and every welcome.
pub const MAGIC: [u8; 4] = *b"thsp";
/// The version that this program speaks.
pub const VERSION: u16 = 2;
/// The version before, in which a node still answers whoever speaks it: what is new in this one is told in its words.
pub const VERSION_BEFORE: u16 = 1;

/// The first words of a client.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The name of its program, for the log.
    pub client: String,
    /// The secret of the token file; needed over TCP.
    pub token: Option<[u8; 32]>,
    /// The name of the endpoint it wants to receive at; without one it gets a private endpoint that ends with
    /// the connection.
    pub endpoint: Option<String>,
}

/// A node's answer to a hello.
pub type Greeting = Result<Welcome, HelloError>;

/// The client is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The node's program version, for people.
    pub node_version: String,
    /// The id of the node.
    pub host: HostId,
    /// Where the client receives.
    pub endpoint: ActorAddress,
    /// The requests that it may make.
    pub role: Role,
}

/// A welcome as the version before has it.
#[derive(Serialize)]
struct WelcomeBefore<'a> {
    node_version: &'a str,
    host: HostId,
    endpoint: ActorAddress,
}

/// The reason why a client is not let in, or why a stream does not begin with a hello.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum HelloError {
    /// The other side speaks something else.
    #[error("the other side does not speak the control protocol of thespian-host")]
    NotAHello,
    /// The other side speaks another version.
    #[error(
        "the other side speaks version {theirs} of the control protocol, this one {ours}; use programs of the same release"
    )]
    Version {
        /// The version that it speaks.
        theirs: u16,
        /// The version that we speak.
        ours: u16,
    },
    /// The secret is missing or wrong.
    #[error("the token is missing or wrong; over TCP pass the node's token file")]
    Token,
    /// The endpoint's name can't be used.
    #[error("the endpoint can't be used: {0}")]
    Endpoint(String),
    /// The node has as many connections as it takes.
    #[error("the node has as many connections as it takes")]
    TooManyConnections,
    /// The node's process has no file descriptor left for another connection.
    #[error("the node has no file descriptor left for another connection")]
    NoDescriptors,
}

/// A whole frame with magic, version and `value`.
///
/// # Errors
/// The value does not fit into a frame.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    encode_in(VERSION, value)
}

/// The same of a node's answer, for a client that speaks `version`.
///
/// # Errors
/// As [`encode`].
pub fn encode_greeting(version: u16, greeting: &Greeting) -> Result<Vec<u8>, FrameError> {
    if version != VERSION_BEFORE {
        return encode(greeting);
    }
    let before = greeting.as_ref().map(|welcome| WelcomeBefore {
        node_version: &welcome.node_version,
        host: welcome.host,
        endpoint: welcome.endpoint,
    });
    encode_in(version, &before)
}

fn encode_in<T: Serialize>(version: u16, value: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = Vec::from([0; HEADER_LEN]);
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&version.to_le_bytes());
    codec::encode_into(value, &mut frame)?;
    finish_frame(&mut frame, 0)?;
    Ok(frame)
}

/// The value behind magic and version.
///
/// # Errors
/// The body does not begin with the magic, is of another version, or is malformed.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, HelloError> {
    let (version, rest) = split(body)?;
    read(version, version == VERSION, rest)
}

/// A client's hello, in this version or the one before.
///
/// # Errors
/// As [`decode`].
pub fn decode_hello(body: &[u8]) -> Result<Hello, HelloError> {
    let (version, rest) = split(body)?;
    read(version, matches!(version, VERSION | VERSION_BEFORE), rest)
}

/// The version in which the client that sent this, be it a hello or not, is answered.
#[must_use]
pub fn version_for(body: &[u8]) -> u16 {
    match split(body) {
        Ok((VERSION_BEFORE, _)) => VERSION_BEFORE,
        _ => VERSION,
    }
}

fn split(body: &[u8]) -> Result<(u16, &[u8]), HelloError> {
    let rest = body.strip_prefix(&MAGIC).ok_or(HelloError::NotAHello)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(HelloError::NotAHello)?;
    Ok((u16::from_le_bytes(*version), rest))
}

fn read<T: DeserializeOwned>(version: u16, is_ours: bool, rest: &[u8]) -> Result<T, HelloError> {
    if !is_ours {
        return Err(HelloError::Version { theirs: version, ours: VERSION });
    }
    codec::decode(rest).map_err(|_| HelloError::NotAHello)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_hello_survives_and_another_version_is_named() {
        let hello = Hello { client: "test".to_string(), token: Some([9; 32]), endpoint: None };
        let mut frame = encode(&hello).unwrap();
        assert!(decode::<Hello>(&frame[HEADER_LEN..]).is_ok_and(|read| read == hello));
        frame[HEADER_LEN + MAGIC.len()] = 3;
        let other = HelloError::Version { theirs: 3, ours: VERSION };
        assert_eq!(decode::<Hello>(&frame[HEADER_LEN..]).err(), Some(other.clone()));
        assert_eq!(decode_hello(&frame[HEADER_LEN..]).err(), Some(other));
        assert_eq!(decode::<Hello>(b"GET / HTTP/1.1\r\n").err(), Some(HelloError::NotAHello));
    }

    #[test]
    fn a_client_of_the_version_before_is_heard_and_answered_in_it() {
        let hello = Hello { client: "old".to_string(), token: None, endpoint: None };
        let frame = encode_in(VERSION_BEFORE, &hello).unwrap();
        assert!(decode_hello(&frame[HEADER_LEN..]) == Ok(hello));
        let version = version_for(&frame[HEADER_LEN..]);
        assert_eq!([version, version_for(b"GET /")], [VERSION_BEFORE, VERSION]);
        let endpoint = ActorAddress::new(HostId(1), 2);
        let welcome =
            Welcome { node_version: "1.0".to_string(), host: HostId(1), endpoint, role: Role::Operate };
        let said = encode_greeting(version, &Ok(welcome.clone())).unwrap();
        let fields: Result<(String, HostId, ActorAddress), HelloError> =
            codec::decode(&said[HEADER_LEN + MAGIC.len() + 2..]).unwrap();
        assert_eq!(fields, Ok((welcome.node_version.clone(), welcome.host, welcome.endpoint)));
        let said = encode_greeting(VERSION, &Ok(welcome.clone())).unwrap();
        assert_eq!(decode::<Greeting>(&said[HEADER_LEN..]), Ok(Ok(welcome)));
    }
}
