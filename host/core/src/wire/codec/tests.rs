extern crate std;

mod sources;
mod versions;

use self::sources::{replies_about_sources, wants_more};
use super::*;
use crate::address::{ActorAddress, HostId};
use crate::capability::{Capabilities, Clause, Requirement, Value};
use crate::envelope::{ExitReason, Poisoned};
use crate::fate::{ChildrenAtRestart, OnTrap};
use crate::limits::{ActorLimits, ERROR_TEXT_LEN_MAX, MESSAGE_BYTES_MOST};
use crate::log_level::LogLevel;
use crate::message::{Encoding, Message};
use crate::role::Role;
use crate::source::admission::Admission;
use crate::source::{ActorClass, InitMessage, LowerLimits, Rights, SourceHash, SourceInfo, Transient};
use crate::utc::UtcTime;
use crate::wire::control::{
    ActorFilter, ActorLogLevel, ActorPage, ActorPhase, ActorReport, ActorStatus, ActorWait, ClientFrame,
    CompilerStatus, ConnectionStatus, ControlError, CreateActor, DeadLetter, EndedActor, GrantStatus,
    Incoming, LoadProgress, LoadedSource, LogFileStatus, LogLevelsStatus, LogOutletStatus, LogRecord,
    LogScope, LongTurn, MemoryStatus, NameStatus, NodeFrame, NodeStatus, PartStatus, PendingSource,
    PolicyChange, PolicyStatus, Reply, Request, SourceBrief, SourceLogLevel, SourceOutcome, SourceReport,
    SourceState, SourceStatus, UseStatus,
};
use crate::wire::frame::FrameDecoder;
use crate::wire::hello::{self, Hello, HelloError, Welcome};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use core::time::Duration;

const ACTOR: ActorAddress = ActorAddress::new(HostId(0x0102_0304_0506_0708), 0x1112_1314_1516_1718_191a);
const HASH: SourceHash = SourceHash([0xab; 32]);

fn message() -> Message {
    Message::json("Greeting", r#"{"name":"you"}"#)
}

fn info() -> SourceInfo {
    let requires =
        vec![Requirement { name: "zone".into(), clause: Clause::OneOf(vec![Value::Text("eu".into())]) }];
    let class = ActorClass {
        name: "Greeter".into(),
        requires,
        custom_placement: true,
        on_trap: OnTrap::RestartWithinBudget,
        transient: Some(Transient::Idle(Duration::from_millis(500))),
        receives: vec!["Greeting".into()],
        children_at_restart: ChildrenAtRestart::End,
        init: Some(InitMessage { type_name: "Manners".into(), is_optional: true }),
    };
    SourceInfo {
        name: "hello".into(),
        version: "1.0".into(),
        sdk: "rust".into(),
        classes: vec![class],
        memory_bytes: 60,
    }
}

fn rights() -> Rights {
    Rights { status: true, ..Rights::default() }
}

fn requests() -> Vec<ClientFrame> {
    let create = CreateActor {
        source: "abab".into(),
        class: Some("Greeter".into()),
        requirements: vec![
            Requirement { name: "gpu".into(), clause: Clause::IsTrue },
            Requirement { name: "cores".into(), clause: Clause::AtLeast(2.5) },
            Requirement { name: "os".into(), clause: Clause::Equals(Value::Integer(-1)) },
        ],
        init: Some(Message { encoding: Encoding::Other("text/x".into()), ..message() }),
        on_trap: Some(OnTrap::Exit),
        name: Some("lead".into()),
    };
    let with_headers =
        Message { headers: Some([("k".into(), "v".into())].into()), ..Message::bytes("B", vec![1, 2]) };
    let requests = [
        Request::Tell { target: ACTOR, message: with_headers },
        Request::Ask { target: ACTOR, message: message(), timeout_ms: Some(1_500) },
        Request::Listen { timeout_ms: None },
        Request::Create(create),
        Request::Load { info: "hello.wasm".into(), size: 70_000, rights: rights() },
        Request::Unload { source: "abab".into() },
        Request::Sources,
        Request::Actors { after: None, filter: ActorFilter::default() },
        Request::Exit { target: ACTOR, recursive: true, wait: false },
        Request::Kill { target: ACTOR },
        Request::Logs { actor: Some(ACTOR), last: Some(3), follow: true },
        Request::Status,
        Request::Stop,
        Request::UpdateCapability { name: "gpu".into(), value: None },
        Request::GrantTcp { listen: "127.0.0.1:80".into(), actor: ACTOR, idle_ms: Some(5) },
        Request::Grants,
        Request::Revoke { listen: "127.0.0.1:80".into() },
        Request::LogLevels,
        Request::SetLogLevel { scope: LogScope::Node, level: None },
        Request::SetLogLevel { scope: LogScope::Source("abab".into()), level: Some(LogLevel::Off) },
        Request::SetLogLevel { scope: LogScope::Actor(ACTOR), level: Some(LogLevel::Trace) },
        Request::Actor { target: ACTOR },
        Request::Actors { after: Some(ACTOR), filter: filter() },
        Request::KillSource { source: "abab".into() },
        Request::LoadSigned {
            info: "orders.wasm".into(),
            size: 4,
            manifest: b"[source]".as_slice().into(),
            signatures: vec![b"untrusted".as_slice().into()],
            allow: Some(Rights { status: true, ..Rights::NONE }),
            downgrade: false,
        },
        Request::Source { source: "abab".into() },
        Request::Policy,
        Request::CheckPolicy { text: Some("format = 1".into()) },
        Request::ReloadPolicy,
        Request::EditPolicy(PolicyChange::TrustKey {
            name: "ci".into(),
            public: "RWQ".into(),
            sources: vec!["shop/*".into()],
            rights: Rights { status: true, ..Rights::NONE },
            limits: vec![("children-max".into(), 10)],
            expires: Some(UtcTime(1_800_000_000)),
        }),
        Request::EditPolicy(PolicyChange::RevokeKey { key: "ci".into(), kill: true }),
        Request::EditPolicy(PolicyChange::RevokeSource { source: HASH, kill: false }),
        Request::AcceptClock,
        Request::Pending,
        Request::Approve { source: "ab".into(), allow: Rights { status: true, ..Rights::NONE } },
        Request::Refuse { source: "ab".into(), why: "not ours".into() },
        Request::Audit { last: 50 },
        Request::SetAside { source: "ab".into() },
    ];
    let mut frames: Vec<_> = requests
        .into_iter()
        .enumerate()
        .map(|(id, request)| ClientFrame::Request { id: id as u64, request })
        .collect();
    frames.push(ClientFrame::Chunk { id: 4, data: vec![0, 0x61, 0x73, 0x6d].into() });
    frames.push(ClientFrame::Cancel { id: 4 });
    frames
}

fn filter() -> ActorFilter {
    ActorFilter {
        class: Some("Greeter".into()),
        source: Some("abab".into()),
        phase: Some(ActorPhase::Held),
        name: Some("lead".into()),
    }
}

fn status() -> NodeStatus {
    let dead = DeadLetter { target: ACTOR, sender: ACTOR, type_name: "M".into(), reason: "gone".into() };
    let ended =
        EndedActor { address: ACTOR, class: "C".into(), reason: ExitReason::Failed("trapped".into()) };
    let brief = SourceBrief { hash: HASH, label: "hello.wasm".into(), state: SourceState::Validating };
    let name = NameStatus { name: "lead".into(), address: ACTOR };
    NodeStatus {
        version: "0.1.0".into(),
        host: HostId(7),
        pid: 8,
        uptime_ms: 9,
        authority: "none".into(),
        authority_actor: Some(ACTOR),
        verdicts_ignored: 3,
        capabilities: Capabilities::from([("gpu".to_string(), Value::Boolean(true))]),
        stopping: false,
        actors: 10,
        actors_max: 11,
        places_taken: 35,
        actors_max_reason: "asked for".into(),
        sources_loaded: 12,
        sources_known: 26,
        first_sources: vec![brief],
        compiler: CompilerStatus {
            program: Some("/proc/self/exe".into()),
            landlock: true,
            seccomp: false,
            failures: 36,
        },
        names: 27,
        first_names: vec![name],
        dead_letter_handler: None,
        endpoints: 13,
        messages: 14,
        poisoned: 15,
        dead_letters: 16,
        restarts: 17,
        queued_bytes: 18,
        queued_bytes_max: 19,
        queued_bytes_max_reason: "a part of it".into(),
        memory: MemoryStatus {
            bytes: 37,
            bytes_max: 38,
            bytes_max_reason: "most of it".into(),
            kept_bytes: 61,
            parts: vec![PartStatus { name: "queues".into(), bytes: 39 }],
            programs: uses(40),
        },
        recent_dead_letters: vec![dead],
        recent_ended: vec![ended],
        listeners: 20,
        connections: 21,
        guest_threads: 20,
        runaways: 30,
        long_turns: vec![LongTurn { actor: ACTOR, class: "C".into(), in_turn_ms: 31, oldest_ms: None }],
        limits: ActorLimits {
            memory_bytes_max: 21,
            log_records_per_second_max: 22,
            ..ActorLimits::default()
        },
        log_level: LogLevel::Info,
        log_file: Some(LogFileStatus { path: "/log".into(), bytes_max: 23, lost: 24 }),
        log_outlets: vec![LogOutletStatus { name: "stderr".into(), lost: 28 }],
        orphans: 25,
        first_orphans: vec![ACTOR],
        desk_us_max: 34,
    }
}

fn grant() -> GrantStatus {
    let connection = ConnectionStatus {
        address: ACTOR,
        peer: "127.0.0.1:9".into(),
        read_bytes: 1,
        written_bytes: 2,
        unhandled: 3,
        unwritten: 4,
    };
    GrantStatus {
        listen: "127.0.0.1:80".into(),
        actor: ACTOR,
        idle_ms: 5,
        accepted: 6,
        connections: vec![connection],
    }
}

fn log_levels() -> LogLevelsStatus {
    LogLevelsStatus {
        node: LogLevel::Warn,
        configured: LogLevel::Info,
        sources: vec![SourceLogLevel { source: HASH, level: LogLevel::Off }],
        actors: vec![ActorLogLevel { actor: ACTOR, level: LogLevel::Trace }],
    }
}

fn uses(first: u64) -> UseStatus {
    UseStatus {
        memory_bytes: first,
        memory_bytes_most: first + 1,
        queued_bytes: first + 2,
        queued_bytes_most: first + 3,
        places: first + 4,
        places_most: first + 5,
        refusals: first + 6,
        cpu_us: first + 7,
    }
}

fn source() -> SourceStatus {
    SourceStatus {
        hash: HASH,
        label: "hello.wasm".into(),
        size: 70_000,
        state: SourceState::Refused("no".into()),
        info: Some(info()),
        actors: 1,
        rights: rights(),
        uses: uses(50),
    }
}

fn replies() -> Vec<NodeFrame> {
    let poisoned = Poisoned { target: ACTOR, details: "no".into(), original: message() };
    let actor = ActorStatus {
        address: ACTOR,
        class: "Greeter".into(),
        source: HASH,
        parent: None,
        name: Some("lead".into()),
        phase: ActorPhase::Held,
        incarnation: 2,
        restarts: 29,
        mailbox_len: 3,
        mailbox_bytes: 4,
        turns: 5,
        poisoned: 6,
        wakeups: 7,
        children: 8,
        is_orphan: true,
        sent: 9,
        undelivered: 10,
        busy_us: 11,
        memory_bytes: 12,
        log_level: LogLevel::Debug,
        in_turn_ms: Some(32),
        oldest_ms: Some(33),
        waits: Some(ActorWait { why: "full".into(), left_ms: 13, receivers: vec![ACTOR] }),
    };
    let report =
        ActorReport { actor: actor.clone(), children: vec![ActorStatus { waits: None, ..actor.clone() }] };
    let loaded = LoadedSource { hash: HASH, info: info(), already: true, compile_us: 5 };
    let replies = [
        Ok(Reply::Done),
        Ok(Reply::Received(Incoming::Message { sender: ACTOR, message: message() })),
        Ok(Reply::Received(Incoming::Poisoned(poisoned))),
        Ok(Reply::Created { address: ACTOR, source: HASH, class: "Greeter".into(), already: true }),
        Ok(Reply::Loaded(loaded)),
        Ok(Reply::Sources(vec![source()])),
        Ok(Reply::Actors(ActorPage { actors: vec![actor], more_after: None })),
        Ok(Reply::Ended { reason: ExitReason::Killed("by an operator".into()) }),
        Ok(Reply::Status(Box::new(status()))),
        Ok(Reply::LogLevels(Box::new(log_levels()))),
        Ok(Reply::Actor(Box::new(report))),
        Err(ControlError::UnknownSource { source_hash: "cd".into() }),
        Err(ControlError::NoCompatibleHost { class: "C".into(), unmet: vec!["this host: no".into()] }),
        Err(ControlError::TimedOut { timeout_ms: 10_000 }),
        Err(ControlError::Cancelled),
        Ok(Reply::Granted(grant())),
        Ok(Reply::Grants(vec![grant()])),
        Err(ControlError::ListenNotAllowed { listen: "127.0.0.1:80".into(), allow: "127.0.0.1".into() }),
        Err(ControlError::NoSuchGrant { listen: "127.0.0.1:80".into() }),
        Err(ControlError::ActorEnded { target: ACTOR, class: "C".into(), reason: ExitReason::Requested }),
        Err(ControlError::Killed { by: "by an operator".into() }),
        Err(ControlError::AskerGone),
        Err(ControlError::NodeFailed { fault: "a fault".into() }),
        Err(forbidden()),
        Ok(Reply::Killed { actors: 48 }),
    ];
    let mut frames: Vec<_> = replies
        .into_iter()
        .chain(replies_about_sources())
        .enumerate()
        .map(|(id, reply)| NodeFrame::Reply { id: id as u64, reply })
        .collect();
    let record = LogRecord {
        seq: 1,
        time_ms: 2,
        level: "INFO".into(),
        actor: Some(ACTOR),
        class: None,
        target: "stdout".into(),
        text: "hi".into(),
    };
    frames.push(NodeFrame::Log { id: 1, records: vec![record] });
    frames.push(NodeFrame::Progress { id: 1, progress: LoadProgress::Received(4) });
    frames.push(NodeFrame::Progress { id: 1, progress: LoadProgress::Pending });
    frames.push(NodeFrame::Closing { reason: "bye".into() });
    frames
}

fn forbidden() -> ControlError {
    let way = "show the token in /d/token".to_string();
    ControlError::Forbidden { request: "kill".into(), needs: Role::Operate, has: Role::Read, way }
}

/// A line for each frame: its bytes, and what they mean.
fn listing() -> String {
    let mut text = String::new();
    let mut add = |frame: Vec<u8>, what: String| {
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{what}\n    {hex}\n"));
    };
    let hello = Hello { client: "test".into(), token: Some([9; 32]), endpoint: Some("desk".into()) };
    add(hello::encode(&hello).unwrap(), "hello of `test` with token 09.. and endpoint `desk`".to_string());
    let welcome =
        Welcome { node_version: "0.1.0".into(), host: HostId(7), endpoint: ACTOR, role: Role::Load };
    for answer in [Ok(welcome), Err(HelloError::Token)] {
        add(hello::encode(&answer).unwrap(), format!("{answer:?}"));
    }
    for frame in requests() {
        add(encode_frame(&frame).unwrap(), format!("{frame:?}"));
    }
    for frame in replies() {
        add(encode_frame(&frame).unwrap(), format!("{frame:?}"));
    }
    text
}

/// The frames of a listing: what each means, and its bytes.
fn frames(listing: &str) -> Vec<(&str, &str)> {
    let (meanings, bytes) = (listing.lines().step_by(2), listing.lines().skip(1).step_by(2));
    meanings.zip(bytes).collect()
}

#[test]
fn the_bytes_of_every_kind_of_frame_are_those_in_the_tree() {
    let (now, kept) = (listing(), include_str!("frames.golden"));
    if std::env::var_os("THESPIAN_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/codec/frames.golden");
        return std::fs::write(path, now).unwrap();
    }
    let frames_now = frames(&now);
    for frame in frames(kept) {
        let is_there = frames_now.contains(&frame);
        assert!(is_there, "the wire changed: raise `VERSION`, and write it into docs/protocol.md: {frame:?}");
    }
    assert_eq!(now, kept, "frames.golden lacks what is new; THESPIAN_BLESS=1 writes it anew");
}

#[test]
fn every_frame_survives_the_round_trip() {
    for frame in requests() {
        let bytes = encode_frame(&frame).unwrap();
        assert_eq!(decode::<ClientFrame>(&bytes[HEADER_LEN..]), Ok(frame));
    }
    for frame in replies() {
        let bytes = encode_frame(&frame).unwrap();
        assert_eq!(decode::<NodeFrame>(&bytes[HEADER_LEN..]), Ok(frame));
    }
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn no_bytes_make_decoding_panic_and_what_is_left_over_is_an_error() {
    let mut draw = Draw(1);
    let mut bodies: Vec<Vec<u8>> = requests().iter().map(|frame| encode_frame(frame).unwrap()).collect();
    bodies.extend(replies().iter().map(|frame| encode_frame(frame).unwrap()));
    for _ in 0..20_000 {
        let mut bytes = bodies[draw.below(bodies.len())][HEADER_LEN..].to_vec();
        for _ in 0..=draw.below(4) {
            let at = draw.below(bytes.len());
            match draw.below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, draw.below(256) as u8),
                2 => bytes[at] = 0xff,
                _ => bytes[at] ^= 1 << draw.below(8),
            }
        }
        // Whether they still mean something is chance; that nothing breaks is not.
        let _ = (decode::<ClientFrame>(&bytes), decode::<NodeFrame>(&bytes), hello::decode::<Hello>(&bytes));
        let noise: Vec<u8> = (0..draw.below(64)).map(|_| draw.below(256) as u8).collect();
        let _ = (decode::<ClientFrame>(&noise), decode::<NodeFrame>(&noise));
    }
    let mut whole = encode_frame(&ClientFrame::Cancel { id: 1 }).unwrap();
    whole.push(0);
    assert_eq!(decode::<ClientFrame>(&whole[HEADER_LEN..]), Err(DecodeError::Trailing { extra: 1 }));
}

#[test]
fn a_small_frame_that_claims_a_big_content_is_refused_before_room_is_made() {
    let mut bytes = encode_frame(&ClientFrame::Chunk { id: 1, data: vec![7; 8].into() }).unwrap();
    let len_at = bytes.len() - 16;
    bytes[len_at..len_at + 8].copy_from_slice(&(SMALL as u64).to_le_bytes());
    assert_eq!(decode::<ClientFrame>(&bytes[HEADER_LEN..]), Err(DecodeError::Malformed));
    let big = ClientFrame::Chunk { id: 1, data: vec![7; FRAME_BYTES_MAX - 64].into() };
    let bytes = encode_frame(&big).unwrap();
    assert_eq!(decode::<ClientFrame>(&bytes[HEADER_LEN..]), Ok(big), "the biggest still fits");
    let too_big = ClientFrame::Chunk { id: 1, data: vec![7; FRAME_BYTES_MAX].into() };
    let mut kept = vec![1, 2, 3];
    assert!(matches!(encode_frame_into(&too_big, &mut kept), Err(FrameError::TooBig { .. })));
    assert_eq!(kept, [1, 2, 3], "what was written before is as it was");
}

#[test]
fn a_frame_is_what_is_bounded_and_not_what_stands_before_it() {
    let answer = |len| ClientFrame::Chunk { id: 1, data: vec![7; len].into() };
    let mut out = Vec::new();
    let frames = [answer(65_000), answer(FRAME_BYTES_MAX - 64), answer(14 << 20), answer(3)];
    for frame in &frames {
        encode_frame_into(frame, &mut out).unwrap();
    }
    let mut decoder = FrameDecoder::default();
    decoder.buffer().extend_from_slice(&out);
    for frame in frames {
        assert!(decode::<ClientFrame>(&decoder.next_frame().unwrap().unwrap()) == Ok(frame));
    }
    assert!(decoder.is_between_frames());
}

#[test]
fn what_fits_into_no_frame_is_refused_with_its_size() {
    for before in [0, 65_000] {
        let mut out = vec![1; before];
        let too_big = ClientFrame::Chunk { id: 1, data: vec![7; FRAME_BYTES_MAX].into() };
        // The variant, the id and the length.
        let size = FRAME_BYTES_MAX + 4 + 8 + 8;
        let refused = encode_frame_into(&too_big, &mut out);
        assert_eq!(refused, Err(FrameError::TooBig { size, max: FRAME_BYTES_MAX }));
        assert_eq!(out.len(), before);
    }
}

#[test]
fn whatever_a_node_may_be_told_to_take_fits_into_a_frame_with_what_is_said_of_it() {
    let header = ("".into(), "".into());
    let cost = Message::bytes("M", "").cost();
    let headers = vec![header; (MESSAGE_BYTES_MOST - cost) / 32];
    for original in [
        Message::bytes("M", vec![0; MESSAGE_BYTES_MOST - cost]),
        Message { headers: Some(headers.into()), ..Message::bytes("M", "") },
    ] {
        original.check(MESSAGE_BYTES_MOST).unwrap();
        let details = "x".repeat(ERROR_TEXT_LEN_MAX + 3);
        let poisoned = Incoming::Poisoned(Poisoned { target: ACTOR, details, original });
        encode_frame(&NodeFrame::Reply { id: 1, reply: Ok(Reply::Received(poisoned)) }).unwrap();
    }
}

#[test]
fn a_stream_cut_anywhere_gives_the_frames_that_went_in() {
    for seed in 0..200 {
        let mut draw = Draw(seed);
        let sent: Vec<ClientFrame> = (0..20)
            .map(|id| ClientFrame::Chunk { id, data: vec![id as u8; draw.below(3_000)].into() })
            .collect();
        let stream: Vec<u8> = sent.iter().flat_map(|frame| encode_frame(frame).unwrap()).collect();
        let (mut decoder, mut received, mut at) = (FrameDecoder::default(), Vec::new(), 0);
        while at < stream.len() {
            let end = (at + 1 + draw.below(2_000)).min(stream.len());
            decoder.buffer().extend_from_slice(&stream[at..end]);
            at = end;
            while let Some(body) = decoder.next_frame().unwrap() {
                received.push(decode::<ClientFrame>(&body).unwrap());
            }
        }
        assert!(received == sent && decoder.is_between_frames(), "seed {seed}");
    }
}

#[test]
fn no_stream_of_noise_makes_the_frame_decoder_panic_or_reserve_more_than_arrives() {
    for seed in 0..500 {
        let mut draw = Draw(seed);
        let mut decoder = FrameDecoder::default();
        let mut arrived = 0;
        for _ in 0..50 {
            // Small lengths now and then, so that some frames are whole.
            let noise: Vec<u8> = (0..draw.below(40))
                .map(|_| if draw.below(3) == 0 { draw.below(256) as u8 } else { 0 })
                .collect();
            arrived += noise.len();
            decoder.buffer().extend_from_slice(&noise);
            while let Ok(Some(body)) = decoder.next_frame() {
                assert!(!body.is_empty());
            }
            assert!(decoder.buffer().capacity() <= 2 * arrived + (16 << 10), "seed {seed}");
        }
    }
}
