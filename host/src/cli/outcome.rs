//! How a command ends: the exit codes, what an error says, and what can be done about it.

use std::fmt;
use std::io;
use std::process::ExitCode;

use thespian_core::wire::control::ControlError;
use thespian_core::wire::hello::HelloError;
use thespian_host::client::ClientError;
use thespian_host::node::StartError;
use thespian_host::shell::ServeError;
use thespian_host::transport::BindError;

use super::output::Output;

/// Shown below the program's help.
pub(super) const HELP: &str = "\
Exit codes:
  0  done
  1  failed for another reason
  2  usage: the command line, the configuration or the message makes no sense
  3  not found: no such actor (it ended, or never was), source, class or grant
  4  refused: the source is not approved, the place not allowed, or this program not let in
  5  no node: none answers, or the connection to it is lost
  6  timed out: no answer in time, or a node that answers nothing
  7  poison: the actor could not handle the message
  8  mailbox full: the actor takes no more messages now

A command finds its node by --data-dir or THESPIAN_HOST_DATA_DIR, or over TCP by --connect and --token-file.
An option's environment variable is THESPIAN_HOST_ and its name; NO_COLOR is honoured.";

/// Each is a number that a script may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Whoever reads our output has read enough.
    Unread = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    NoNode = 5,
    TimedOut = 6,
    Poison = 7,
    MailboxFull = 8,
}

/// The command line or the configuration makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// An actor could not handle a message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Poison(pub(super) String);

/// A file is no component: no node would take it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoComponent(pub(super) String);

/// Nothing came in time, or a node is not there yet.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TimedOut(pub(super) String);

impl Outcome {
    /// By the first cause that has a code of its own.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Failed)
    }

    fn of_cause(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if error.is::<Usage>() {
            return Some(Self::Usage);
        }
        if error.is::<Poison>() {
            return Some(Self::Poison);
        }
        if error.is::<TimedOut>() {
            return Some(Self::TimedOut);
        }
        if error.is::<NoComponent>() {
            return Some(Self::Refused);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return (error.kind() == io::ErrorKind::BrokenPipe).then_some(Self::Unread);
        }
        if let Some(error) = error.downcast_ref::<ClientError>() {
            return Some(match error {
                ClientError::Node(error) => Self::of_node(error),
                ClientError::NoNode { .. } | ClientError::Lost(_) => Self::NoNode,
                ClientError::Refused(HelloError::Endpoint(_)) => Self::Usage,
                ClientError::Refused(_) | ClientError::Token(_) => Self::Refused,
                ClientError::Unexpected => Self::Failed,
            });
        }
        if let Some(StartError::Config(_)) = error.downcast_ref() {
            return Some(Self::Usage);
        }
        if let Some(ServeError::Bind(BindError::NotLoopback(_))) = error.downcast_ref() {
            return Some(Self::Usage);
        }
        None
    }

    const fn of_node(error: &ControlError) -> Self {
        match error {
            ControlError::UnknownSource { .. }
            | ControlError::SourceUnloaded { .. }
            | ControlError::NoSuchClass { .. }
            | ControlError::NoSuchGrant { .. }
            | ControlError::ActorEnded { .. }
            | ControlError::TargetDead { .. } => Self::NotFound,
            ControlError::SourceRefused { .. }
            | ControlError::ListenNotAllowed { .. }
            | ControlError::Upload(_) => Self::Refused,
            ControlError::AmbiguousSource { .. }
            | ControlError::ClassNeeded { .. }
            | ControlError::Invalid(_) => Self::Usage,
            ControlError::ShuttingDown => Self::NoNode,
            ControlError::TimedOut { .. } => Self::TimedOut,
            ControlError::MailboxFull { .. } => Self::MailboxFull,
            ControlError::NoCompatibleHost { .. }
            | ControlError::StartFailed { .. }
            | ControlError::ListenFailed { .. }
            | ControlError::LimitReached(_)
            | ControlError::Cancelled => Self::Failed,
        }
    }

    /// For scripts that read JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::NoNode => "no-node",
            Self::TimedOut => "timed-out",
            Self::Poison => "poison",
            Self::MailboxFull => "mailbox-full",
        }
    }

    pub(super) fn exit_code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// Says on stderr what went wrong and what to do.
    pub(super) fn tell(self, error: &anyhow::Error, output: &Output) {
        if self == Self::Unread {
            return;
        }
        self.tell_parts(&Causes(error).to_string(), what_to_do(error), output);
    }

    pub(super) fn tell_parts(self, text: &str, help: Option<&str>, output: &Output) {
        output.error(self as u8, self.name(), text, help);
    }
}

/// What to do, where the error's own text does not say it.
fn what_to_do(error: &anyhow::Error) -> Option<&'static str> {
    let client = error.chain().find_map(|cause| cause.downcast_ref::<ClientError>())?;
    Some(match client {
        ClientError::NoNode { .. } => {
            "start one with `thespian-host run`, or say where it is: --data-dir DIR, or --connect ADDR"
        }
        ClientError::Refused(HelloError::TooManyConnections) => {
            "end others, such as `listen` and `logs --follow`; where the node may open few files, start it with a higher \
             limit (`ulimit -n`)"
        }
        ClientError::Refused(HelloError::NoDescriptors) => {
            "end connections or unload sources, or start the node with a higher limit (`ulimit -n`)"
        }
        ClientError::Token(_) | ClientError::Refused(HelloError::Token) => {
            "a node that listens over TCP shows who may talk to it by a token, which it writes anew at each start \
             into its data directory: --token-file DIR/token"
        }
        ClientError::Node(ControlError::UnknownSource { .. } | ControlError::AmbiguousSource { .. }) => {
            "`thespian-host sources` lists what is loaded"
        }
        ClientError::Node(ControlError::TargetDead { .. }) => {
            "it ended, or never was: `thespian-host actors` lists the live ones, `thespian-host status` how the last \
             ones ended"
        }
        ClientError::Node(ControlError::TimedOut { .. }) => {
            "it may still be busy, or not answer such messages; --timeout waits longer, `thespian-host logs` may tell"
        }
        ClientError::Node(ControlError::MailboxFull { .. }) => {
            "it gets messages faster than it handles them; try again later"
        }
        ClientError::Node(ControlError::NoSuchGrant { .. }) => "`thespian-host grant list` lists them",
        ClientError::Node(ControlError::StartFailed { .. }) => "`thespian-host logs` has what it wrote",
        _ => return None,
    })
}

/// An error and its causes in one text. A cause that the text before it has already is left out.
struct Causes<'a>(&'a anyhow::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        for cause in self.0.chain().skip(1) {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_decides_the_code_below_any_context() {
        let full = ControlError::TimedOut { timeout_ms: 5 };
        let error = Err::<(), _>(ClientError::from(full)).context("while asking").unwrap_err();
        assert_eq!(Outcome::of(&error), Outcome::TimedOut);
        assert_eq!(Causes(&error).to_string(), "while asking: no answer within 5 ms");
        assert_eq!(Outcome::of(&anyhow::anyhow!("anything else")), Outcome::Failed);
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Outcome::of(&pipe.into()), Outcome::Unread);
    }
}
