//! How a command ends: the exit codes, what an error says, and what can be done about it.

use std::fmt;
use std::io;
use std::process::ExitCode;

use thespian_core::source::SourceHash;
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
  9  pending: the source waits until a person approves it

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
    Pending = 9,
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

/// A component, or its manifest, is not signed as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotSigned(pub(super) String);

/// A policy would refuse sources that are loaded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct WouldRefuse(pub(super) String);

/// A source waits for a person: nothing failed, and nothing is loaded yet.
#[derive(Debug, thiserror::Error)]
#[error("source {hash} waits until a person approves it")]
pub(super) struct WaitsForPerson {
    pub(super) hash: SourceHash,
}

/// Nothing came in time, or a node is not there yet.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TimedOut(pub(super) String);

impl Outcome {
    /// The outcome of the first cause that has a code of its own.
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
        if error.is::<WaitsForPerson>() {
            return Some(Self::Pending);
        }
        if error.is::<NoComponent>() || error.is::<NotSigned>() || error.is::<WouldRefuse>() {
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
        if let Some(
            ServeError::Bind(BindError::NotLoopback(_) | BindError::NotASocket(_) | BindError::OpenDir(_))
            | ServeError::SamePath(_)
            | ServeError::NoGroup { .. },
        ) = error.downcast_ref()
        {
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
            | ControlError::WantsMoreRights { .. }
            | ControlError::ListenNotAllowed { .. }
            | ControlError::Forbidden { .. }
            | ControlError::Upload(_) => Self::Refused,
            ControlError::AmbiguousSource { .. }
            | ControlError::ClassNeeded { .. }
            | ControlError::Invalid(_) => Self::Usage,
            ControlError::ShuttingDown | ControlError::NodeFailed { .. } => Self::NoNode,
            ControlError::TimedOut { .. } => Self::TimedOut,
            ControlError::MailboxFull { .. } => Self::MailboxFull,
            ControlError::NotApproved { .. } => Self::Pending,
            ControlError::NoCompatibleHost { .. }
            | ControlError::StartFailed { .. }
            | ControlError::ListenFailed { .. }
            | ControlError::LimitReached(_)
            | ControlError::Killed { .. }
            | ControlError::CreatorGone
            | ControlError::CreatorExiting
            | ControlError::CreatorKilled
            | ControlError::AskerLeft
            | ControlError::AskerGone
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
            Self::Pending => "pending",
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

/// Advice, where the error's own text does not say what to do.
fn what_to_do(error: &anyhow::Error) -> Option<&'static str> {
    if error.is::<WaitsForPerson>() {
        return Some(
            "an operator does so with `thespian-host approve HASH`, or refuses it; `load --wait` waits for that",
        );
    }
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
             into its data directory: --token-file DIR/token, or `token.read`, `token.talk` or `token.load` beside it"
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
            "it gets messages faster than it handles them, or others do: `thespian-host sources` shows what is queued for which; try \
             again later"
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
    use thespian_core::address::{ActorAddress, HostId};
    use thespian_core::envelope::ExitReason;
    use thespian_core::role::Role;
    use thespian_core::source::Rights;

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

    /// Each of what a node answers in place of what was asked for.
    fn refusals() -> Vec<ControlError> {
        let (hash, target) = (SourceHash([0; 32]), ActorAddress::new(HostId(1), 1));
        let text = String::new;
        vec![
            ControlError::UnknownSource { source_hash: text() },
            ControlError::AmbiguousSource { prefix: text(), matches: Vec::new() },
            ControlError::SourceRefused { hash, reason: text() },
            ControlError::SourceUnloaded { hash },
            ControlError::Upload(text()),
            ControlError::NoSuchClass { class: text(), classes: Vec::new() },
            ControlError::ClassNeeded { classes: Vec::new() },
            ControlError::NoCompatibleHost { class: text(), unmet: Vec::new() },
            ControlError::StartFailed { reason: text() },
            ControlError::LimitReached(text()),
            ControlError::ShuttingDown,
            ControlError::TargetDead { target },
            ControlError::MailboxFull { target },
            ControlError::TimedOut { timeout_ms: 1 },
            ControlError::Invalid(text()),
            ControlError::Cancelled,
            ControlError::ListenNotAllowed { listen: text(), allow: text() },
            ControlError::ListenFailed { listen: text(), reason: text() },
            ControlError::NoSuchGrant { listen: text() },
            ControlError::ActorEnded { target, class: text(), reason: ExitReason::Requested },
            ControlError::Killed { by: text() },
            ControlError::CreatorGone,
            ControlError::CreatorExiting,
            ControlError::CreatorKilled,
            ControlError::AskerLeft,
            ControlError::AskerGone,
            ControlError::NodeFailed { fault: text() },
            ControlError::Forbidden { request: text(), needs: Role::Operate, has: Role::Read, way: text() },
            ControlError::WantsMoreRights { hash, missing: Rights::NONE },
            ControlError::NotApproved { hash },
        ]
    }

    /// The cells of the rows that stand below this line of a document, up to the end of the table.
    fn table<'a>(document: &'a str, below: &str) -> Vec<Vec<&'a str>> {
        let rows = document.lines().skip_while(|line| *line != below).skip(1);
        let rows = rows.skip_while(|line| !line.starts_with("|---")).skip(1);
        let cells = |row: &'a str| row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        rows.take_while(|line| line.starts_with('|')).map(cells).collect()
    }

    #[test]
    fn each_refusal_has_the_code_that_the_guide_gives_it() {
        let guide = table(include_str!("../../../../docs/guide/commands.md"), "| Answer | Code | When |");
        let protocol = table(include_str!("../../../../docs/protocol.md"), "### ControlError");
        let names =
            |rows: &[Vec<&'static str>], at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
        assert_eq!(names(&guide, 1), names(&protocol, 2), "the guide has each that the protocol has");
        let refusals = refusals();
        assert_eq!(refusals.len(), guide.len());
        for (row, refusal) in guide.iter().zip(refusals) {
            let debug = format!("{refusal:?}");
            let name = debug.split([' ', '(']).next();
            assert_eq!(name, Some(row[1]));
            let outcome = Outcome::of(&ClientError::from(refusal).into());
            assert_eq!(row[2], (outcome as u8).to_string(), "{debug}");
        }
    }
}
