//! What a probe can be told to do. In JSON a step is `{"say": {"to": "sender", "text": "hi"}}`.

use serde::{Deserialize, Serialize};

const fn one() -> usize {
    1
}

const fn twice() -> u32 {
    2
}

/// One thing to do. Receivers are named as in `Probe::who`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Send words.
    Say {
        /// To whom.
        to: String,
        /// Which.
        text: String,
    },
    /// Send this many bytes of words.
    SayBytes {
        /// To whom.
        to: String,
        /// How many.
        len: usize,
    },
    /// Send a report.
    Report {
        /// To whom.
        to: String,
    },
    /// Tell another probe to do something, in the name of the origin.
    Run {
        /// Whom.
        on: String,
        /// What.
        steps: Vec<Self>,
    },
    /// Send numbers.
    Count {
        /// To whom.
        to: String,
        /// The first.
        first: u64,
        /// How many.
        len: u64,
    },
    /// Send any message.
    Send {
        /// To whom.
        to: String,
        /// Its type.
        type_name: String,
        /// Its payload, in JSON or not.
        payload: String,
    },
    /// Send a message that has no form in its encoding.
    SendUnencodable {
        /// To whom.
        to: String,
    },
    /// Create children.
    Create(Create),
    /// Ask an actor to exit.
    Exit {
        /// Whom.
        target: String,
        /// Whether its children exit first.
        recursive: bool,
    },
    /// In an exit turn: let the children live.
    KeepChildren,
    /// Be woken.
    Wake {
        /// After how long, in ms.
        ms: u64,
        /// What to be given.
        tag: String,
    },
    /// Take all wakeups back.
    CancelWakeups,
    /// Do this in the exit turn.
    OnExit {
        /// What.
        steps: Vec<Self>,
    },
    /// Do this when a child has exited.
    OnChildExit {
        /// What.
        steps: Vec<Self>,
        /// How often.
        #[serde(default = "one")]
        times: usize,
    },
    /// Return an error.
    Fail {
        /// Which.
        reason: String,
        /// In how many attempts.
        #[serde(default = "twice")]
        times: u32,
    },
    /// Do something, and send the words of what it came to: `done`, or why not.
    Attempt {
        /// What.
        step: Box<Self>,
        /// To whom.
        to: String,
    },
    /// Trap.
    Trap {
        /// With these last words.
        reason: String,
        /// In how many attempts.
        #[serde(default = "twice")]
        times: u32,
    },
    /// Hear of an actor's end.
    Monitor {
        /// Of whose.
        target: String,
    },
    /// Hear of it no longer.
    Demonitor {
        /// Of whose.
        target: String,
    },
    /// End a child.
    Kill {
        /// Which.
        target: String,
    },
    /// Ask for the actor of a global name.
    Named {
        /// The name.
        name: String,
        /// What it is to be, if there is none.
        class: String,
    },
    /// Send words to the actor of a global name that was answered last.
    SayToNamed {
        /// Which.
        text: String,
    },
    /// Handle dead letters, or no longer.
    HandleDeadLetters {
        /// Which of both.
        handles: bool,
    },
    /// Change what the host has.
    SetCapability {
        /// The capability's name.
        name: String,
        /// Its new value; absent: it has it no longer.
        value: Option<bool>,
    },
    /// Ask for a status.
    Status {
        /// Of whom; absent: of the host.
        about: Option<String>,
    },
    /// Stop the host.
    ShutDown,
    /// Write to the log.
    Log {
        /// What.
        text: String,
    },
    /// Never return.
    Spin,
    /// Be busy until so much time has passed, by the host's clock.
    Spend {
        /// How much, in ms.
        ms: u64,
    },
    /// Write to the log what only those read who look for a defect.
    Debug {
        /// What.
        text: String,
    },
}

/// Children to be created.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Their class.
    pub class: String,
    /// How many.
    #[serde(default = "one")]
    pub len: usize,
    /// Their source, if it is another.
    pub source: Option<String>,
    /// A capability that must be true.
    pub requires: Option<String>,
    /// Whether a trap ends them, whatever their class says.
    #[serde(default)]
    pub ends_on_trap: bool,
    /// Whether to hear of restarts.
    #[serde(default)]
    pub watch: bool,
}
