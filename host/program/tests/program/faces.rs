//! Whatever a node, an actor or a file's name says, nothing of it acts on the terminal of whoever reads it: a node that
//! answers every command with hostile texts in every place where the protocol has one.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::capability::Value as Capability;
use thespian_core::envelope::{ExitReason, Poisoned};
use thespian_core::message::{Encoding, Message};
use thespian_core::role::Role;
use thespian_core::source::SourceHash;
use thespian_core::text::acts;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, ControlError, Incoming, NodeFrame, Reply, Request};
use thespian_core::wire::frame::{FrameDecoder, HEADER_LEN};
use thespian_core::wire::hello::{self, Greeting, HelloError, Welcome};

use crate::process::{Ended, Folder, finish, program};

/// A title, a clearing, in one byte and in two, a bell, lines and columns, directions, and what is not seen.
const EVIL: &str = "evil \x1b]0;mine\x07 \x1b[2J\u{9b}2J\u{85}\x08\x7f\0\r\nFORGED\t\u{202e}gnorw\u{2066}\u{200b}\u{200f}\
                    \u{feff}\u{2028}FORGED\u{e0041}\u{ad}";
/// What of it is seen where it is shown.
const SHOWN: &str = "evil ";
const ACTOR: ActorAddress = ActorAddress::new(HostId(1), 2);
const ADDRESS: &str = "0000000000001-00000000000000000000000002";

/// The same with hostile text wherever it can stand.
fn evil<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let mut whole = serde_json::to_value(value).unwrap();
    for place in places(&whole) {
        let text = whole.pointer_mut(&place).unwrap();
        let kept = std::mem::replace(text, Value::from(EVIL));
        // Addresses, hashes and the names of variants can't be hostile.
        if T::deserialize(&whole).is_err() {
            *whole.pointer_mut(&place).unwrap() = kept;
        }
    }
    T::deserialize(&whole).unwrap()
}

/// Where the texts are.
fn places(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        places(value).into_iter().map(|place| format!("/{key}{place}")).collect::<Vec<_>>()
    };
    match value {
        Value::String(_) => vec![String::new()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, item)| below(&at.to_string(), item)).collect()
        }
        Value::Object(members) => members.iter().flat_map(|(key, value)| below(key, value)).collect(),
        _ => Vec::new(),
    }
}

/// Every kind of frame that a node sends, from the file that holds their bytes still.
fn frames() -> Vec<NodeFrame> {
    let listed = include_str!("../../../core/src/wire/codec/frames.golden").lines();
    let hex = |line: &str| -> Vec<u8> {
        let digits: Vec<_> = line.trim().as_bytes().chunks(2).collect();
        let byte = |pair: &&[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.iter().map(byte).collect()
    };
    let sent = listed.filter(|line| line.starts_with("    ")).map(hex);
    let frames: Vec<_> = sent
        // What a client sends may read as something else.
        .filter_map(|bytes| codec::decode::<NodeFrame>(&bytes[HEADER_LEN..]).ok())
        .map(|frame| evil(&frame))
        .collect();
    assert!(frames.len() > 20, "{}", frames.len());
    frames
}

/// What the node says.
#[derive(Clone)]
enum Says {
    Hello(HelloError),
    Closing,
    /// To every question, behind these records; but for the status, where it says how it is.
    Answer(Vec<NodeFrame>, Result<Reply, ControlError>),
}

struct HostileNode {
    folder: Folder,
    says: Arc<Mutex<Says>>,
    status: Reply,
}

impl HostileNode {
    fn start(frames: &[NodeFrame]) -> Self {
        let folder = Folder::new();
        std::fs::create_dir(folder.data()).unwrap();
        let listener = UnixListener::bind(folder.data().join("control.sock")).unwrap();
        let says = Arc::new(Mutex::new(Says::Closing));
        let status = frames.iter().find_map(|frame| match frame {
            NodeFrame::Reply { reply: Ok(Reply::Status(status)), .. } => Some(status.clone()),
            _ => None,
        });
        let mut status = status.unwrap();
        status.capabilities.insert(EVIL.to_string(), Capability::Text(EVIL.to_string()));
        // Of no process that `stop` could wait for.
        status.pid = 0;
        let status = Reply::Status(status);
        let (shared, answer) = (says.clone(), status.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let says = shared.lock().unwrap().clone();
                // A program that has read enough leaves.
                let _ = serve(stream, &says, &answer);
            }
        });
        Self { folder, says, status }
    }

    fn run(&self, says: Says, args: &[&str]) -> Ended {
        *self.says.lock().unwrap() = says;
        finish(program(args).env("THESPIAN_HOST_DATA_DIR", self.folder.data()))
    }
}

fn serve(mut stream: UnixStream, says: &Says, status: &Reply) -> std::io::Result<()> {
    let mut decoder = FrameDecoder::default();
    let mut is_greeted = false;
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = stream.read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        decoder.buffer().extend_from_slice(&bytes[..read]);
        while let Some(frame) = decoder.next_frame().unwrap() {
            if !is_greeted {
                is_greeted = true;
                let welcome = Welcome {
                    node_version: EVIL.into(),
                    host: HostId(1),
                    endpoint: ACTOR,
                    role: Role::Operate,
                };
                let answer: Greeting = match says {
                    Says::Hello(error) => Err(error.clone()),
                    _ => Ok(welcome),
                };
                stream.write_all(&hello::encode(&answer).unwrap())?;
                continue;
            }
            let ClientFrame::Request { id, request } = codec::decode(&frame).unwrap() else { continue };
            let sent = match says {
                Says::Hello(_) => Vec::new(),
                Says::Closing => vec![NodeFrame::Closing { reason: EVIL.into() }],
                Says::Answer(_, Ok(_)) if matches!(request, Request::Status) => {
                    vec![NodeFrame::Reply { id, reply: Ok(status.clone()) }]
                }
                Says::Answer(before, reply) => {
                    let mut sent = before.clone();
                    for frame in &mut sent {
                        if let NodeFrame::Log { id: log, .. } = frame {
                            *log = id;
                        }
                    }
                    sent.push(NodeFrame::Reply { id, reply: reply.clone() });
                    sent
                }
            };
            for frame in sent {
                stream.write_all(&codec::encode_frame(&frame).unwrap())?;
            }
        }
    }
}

/// Nothing acts on the terminal, no line passes itself off as another, and all of it was shown.
#[track_caller]
fn assert_inert(args: &[&str], ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        let acting = text.chars().find(|char| *char != '\n' && acts(*char));
        assert_eq!(acting, None, "{args:?}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{args:?}: {text}");
    }
    if args.contains(&"--json") {
        for text in [&ended.stdout, &ended.stderr] {
            for line in text.lines().filter(|line| line.starts_with(['{', '['])) {
                serde_json::from_str::<Value>(line).unwrap();
            }
        }
    }
}

/// Runs a command for people and for programs. Whether it shows hostile text at all is for the caller to know.
#[track_caller]
fn look(node: &HostileNode, says: &Says, args: &[&str], is_shown: bool) {
    for json in [false, true] {
        let mut args = args.to_vec();
        args.extend(json.then_some("--json"));
        let ended = node.run(says.clone(), &args);
        assert_inert(&args, &ended);
        if is_shown {
            assert!(ended.stdout.contains(SHOWN) || ended.stderr.contains(SHOWN), "{args:?}: {ended:?}");
        }
    }
}

/// Questions that a reply of this kind answers.
fn commands(reply: &Reply) -> &'static [&'static [&'static str]] {
    match reply {
        Reply::Done => &[
            &["tell", ADDRESS, "T"],
            &["unload", "ab"],
            &["refuse", "ab", "--why", "no"],
            &["unload", "ab", "--keep"],
            &["stop"],
            &["grant", "revoke", "127.0.0.1:80"],
        ],
        Reply::Received(_) => &[&["ask", ADDRESS, "T"], &["listen"]],
        Reply::Created { .. } => &[&["create", "ab"]],
        Reply::Loaded(_) => &[&["load", "FILE"], &["approve", "ab"]],
        Reply::Sources(_) => &[&["sources"]],
        Reply::Actors(_) => &[&["actors"], &["actors", "--tree"]],
        Reply::Ended { .. } => &[&["exit", ADDRESS, "--wait"], &["kill", ADDRESS]],
        Reply::Status(_) => &[&["status"], &["capabilities"], &["wait-ready"]],
        Reply::Granted(_) => &[&["grant", "tcp", "127.0.0.1:80", ADDRESS]],
        Reply::Grants(_) => &[&["grant", "list"], &["grant", "list", "--connections"]],
        Reply::LogLevels(_) => &[&["log-level"]],
        Reply::Actor(_) => &[&["status", ADDRESS]],
        Reply::Killed { .. } => &[&["kill", "--source", "ab"]],
        Reply::Source(_) => &[&["sources", "ab"], &["why-refused", "ab"]],
        Reply::Policy(_) => &[&["policy", "show"]],
        Reply::Audit(_) => &[&["audit", "show", "--socket", "SOCKET"]],
        Reply::Pending(_) => &[&["sources", "pending"]],
        Reply::Outcomes(_) => &[&["policy", "reload"], &["policy", "check"], &["key", "revoke", "ci"]],
    }
}

/// Whether what this command prints has texts that the node chose.
fn shows(args: &[&str]) -> bool {
    !matches!(
        args[0],
        "tell" | "unload" | "refuse" | "stop" | "wait-ready" | "log-level" | "create" | "why-refused"
    ) && !args.starts_with(&["grant", "revoke"])
        && !args.contains(&"--tree")
        && !args.contains(&"--source")
}

#[test]
fn no_answer_of_a_node_acts_on_the_readers_terminal() {
    let frames = frames();
    let node = HostileNode::start(&frames);
    let component = node.folder.file("c.wasm", thespian_guests::bytes(thespian_guests::HELLO));
    let socket = node.folder.data().join("control.sock");
    // As the node has it, and not what is no JSON at all.
    let line =
        serde_json::json!({"at": EVIL, "what": "refused", "source": EVIL, "label": EVIL, "reason": EVIL});
    let mut replies: Vec<Reply> = frames
        .iter()
        .filter_map(|frame| match frame {
            NodeFrame::Reply { reply: Ok(reply), .. } => Some(reply.clone()),
            _ => None,
        })
        .collect();
    replies.retain(|reply| !matches!(reply, Reply::Status(_)));
    replies.push(node.status.clone());
    replies.push(Reply::Audit(vec![line.to_string()]));
    let why = || EVIL.to_string();
    let reasons = [
        ExitReason::Failed(why()),
        ExitReason::Killed(why()),
        ExitReason::NeverStarted(why()),
        ExitReason::Unfit(why()),
    ];
    replies.extend(reasons.map(|reason| Reply::Ended { reason }));
    for (encoding, payload) in [
        (Encoding::Json, serde_json::to_string(EVIL).unwrap()),
        (Encoding::Json, format!("{{\"{}\":1}}", EVIL.replace(|char: char| char.is_ascii_control(), ""))),
        (Encoding::Json, why()),
        (Encoding::Text, why()),
        (Encoding::Bytes, why()),
        (Encoding::Other(EVIL.into()), why()),
    ] {
        let headers = Some([(EVIL.into(), EVIL.into())].into());
        let message = Message { encoding, headers, ..Message::json(EVIL, payload) };
        let poisoned = Poisoned { target: ACTOR, details: why(), original: message.clone() };
        replies.push(Reply::Received(Incoming::Message { sender: ACTOR, message }));
        replies.push(Reply::Received(Incoming::Poisoned(poisoned)));
    }
    for reply in replies {
        for args in commands(&reply) {
            let args: Vec<_> = args
                .iter()
                .map(|arg| match *arg {
                    "FILE" => component.to_str().unwrap(),
                    "SOCKET" => socket.to_str().unwrap(),
                    arg => arg,
                })
                .collect();
            let is_json =
                |lines: &[String]| lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok());
            let is_shown = shows(&args)
                && match &reply {
                    Reply::Ended { reason } => *reason != ExitReason::Requested,
                    Reply::Audit(lines) => is_json(lines),
                    _ => true,
                };
            look(&node, &Says::Answer(Vec::new(), Ok(reply.clone())), &args, is_shown);
        }
    }
}

#[test]
fn no_record_of_the_log_acts_on_the_readers_terminal() {
    let frames = frames();
    let node = HostileNode::start(&frames);
    let records: Vec<_> = frames.into_iter().filter(|frame| matches!(frame, NodeFrame::Log { .. })).collect();
    assert!(!records.is_empty());
    look(&node, &Says::Answer(records, Ok(Reply::Done)), &["logs"], true);
}

#[test]
fn no_error_of_a_node_acts_on_the_readers_terminal() {
    let node = HostileNode::start(&frames());
    let why = || EVIL.to_string();
    let (hash, target) = (SourceHash([1; 32]), ACTOR);
    let errors = [
        ControlError::UnknownSource { source_hash: why() },
        ControlError::AmbiguousSource { prefix: why(), matches: vec![hash] },
        ControlError::SourceRefused { hash, reason: why() },
        ControlError::SourceUnloaded { hash },
        ControlError::Upload(why()),
        ControlError::NoSuchClass { class: why(), classes: vec![why()] },
        ControlError::ClassNeeded { classes: vec![why()] },
        ControlError::NoCompatibleHost { class: why(), unmet: vec![why()] },
        ControlError::StartFailed { reason: why() },
        ControlError::LimitReached(why()),
        ControlError::ShuttingDown,
        ControlError::TargetDead { target },
        ControlError::MailboxFull { target },
        ControlError::TimedOut { timeout_ms: 1 },
        ControlError::Invalid(why()),
        ControlError::Cancelled,
        ControlError::ListenNotAllowed { listen: why(), allow: why() },
        ControlError::ListenFailed { listen: why(), reason: why() },
        ControlError::NoSuchGrant { listen: why() },
        ControlError::ActorEnded { target, class: why(), reason: ExitReason::Failed(why()) },
        ControlError::NodeFailed { fault: why() },
    ];
    for error in errors {
        let is_shown = error.to_string().contains(SHOWN);
        for args in [&["status"][..], &["listen"]] {
            look(&node, &Says::Answer(Vec::new(), Err(error.clone())), args, is_shown);
        }
    }
    for error in [
        HelloError::NotAHello,
        HelloError::Token,
        HelloError::Endpoint(why()),
        HelloError::TooManyConnections,
    ] {
        let is_shown = error.to_string().contains(SHOWN);
        look(&node, &Says::Hello(error), &["status"], is_shown);
    }
    look(&node, &Says::Closing, &["status"], true);
}

#[test]
fn nothing_that_is_typed_acts_on_the_terminal_when_it_is_told_as_a_mistake() {
    let folder = Folder::new();
    let evil: String = EVIL.replace('\0', "");
    let data = folder.path().join(&evil);
    let data = data.to_str().unwrap();
    let config = folder
        .file("bad.toml", format!("\"{}\" = 1\n", EVIL.replace(|char: char| char.is_ascii_control(), "")));
    let config = config.to_str().unwrap();
    let as_limit = format!("{evil}=1");
    let mistakes: &[&[&str]] = &[
        &[&evil],
        &["status", "--data-dir", data],
        &["status", "--connect", &evil],
        &["status", "--connect", "127.0.0.1:1", "--token-file", data],
        &["status", "--data-dir", folder.path().to_str().unwrap(), &evil],
        &["load", data],
        &["demo", data],
        &["tell", ADDRESS, &evil, &evil],
        &["ask", ADDRESS, "T", "--bytes-file", data],
        &["run", "--config", data],
        &["run", "--config", config],
        &["run", "--data-dir", data, "--limit", &as_limit],
        &["run", "--data-dir", data, "--log-level", &evil],
        &["run", "--data-dir", data, "--log-file", data],
        &["config", "show", "--data-dir", data, "--capability", &as_limit],
        &["log-level", &evil],
    ];
    for args in mistakes {
        for json in [false, true] {
            let mut args = args.to_vec();
            if json {
                args.insert(0, "--json");
            }
            let ended = finish(&mut program(&args));
            assert_ne!(ended.code, Some(101), "{ended:?}");
            assert!(ended.stdout.contains(SHOWN) || ended.stderr.contains(SHOWN), "{args:?}: {ended:?}");
            assert_inert(&args, &ended);
        }
    }
}
