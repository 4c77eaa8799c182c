//! `docs/protocol.md` says what the code does, and a client in another language understands it.

use std::cell::RefCell;
use std::process::Command;

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, VariantAccess,
    Visitor,
};
use thespian_conformance::{World, run};
use thespian_core::capability::{Clause, Value};
use thespian_core::envelope::ExitReason;
use thespian_core::fate::{ChildrenAtRestart, OnTrap};
use thespian_core::limits::ActorLimits;
use thespian_core::log_level::LogLevel;
use thespian_core::message::{Encoding, Message};
use thespian_core::role::Role;
use thespian_core::source::admission::Admission;
use thespian_core::source::{ActorClass, SourceInfo};
use thespian_core::wire::codec;
use thespian_core::wire::control::*;
use thespian_core::wire::frame::HEADER_LEN;
use thespian_core::wire::hello::{Hello, HelloError, Welcome};

const PROTOCOL: &str = include_str!("../../../../docs/protocol.md");

/// What a type asks its deserialiser for: all that the encoding depends on.
#[derive(Default)]
struct Seen {
    variants: &'static [&'static str],
    /// Of a record, or of one variant; `None` where it is a value without a name.
    fields: Option<Vec<&'static str>>,
}

struct Tracer<'a> {
    variant: u32,
    seen: &'a RefCell<Seen>,
}

#[derive(Debug)]
struct Stop;

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("seen enough")
    }
}

impl std::error::Error for Stop {}

impl Error for Stop {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        self.seen.borrow_mut().fields = Some(fields.to_vec());
        Err(Stop)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.seen.borrow_mut().variants = variants;
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Tracer<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let number: U32Deserializer<Stop> = self.variant.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for Tracer<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.seen.borrow_mut().fields = Some(Vec::new());
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Stop> {
        Err(Stop)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        self.seen.borrow_mut().fields = Some(fields.to_vec());
        Err(Stop)
    }
}

fn trace<T: DeserializeOwned>(variant: u32) -> Seen {
    let seen = RefCell::default();
    // It never gets a value; what it asked for is what is wanted.
    let _ = T::deserialize(Tracer { variant, seen: &seen });
    seen.into_inner()
}

/// The rows of the first table under a heading.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = PROTOCOL.split_once(&format!("\n{heading}\n")).map(|(_, rest)| rest);
    let section = section.unwrap_or_else(|| panic!("there is no heading `{heading}`"));
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

/// The names in `target: address, message: message`.
fn names(fields: &str) -> Vec<&str> {
    fields
        .split(", ")
        .filter(|field| !field.is_empty())
        .map(|field| field.split(':').next().unwrap())
        .collect()
}

/// `kebab-case` and `CamelCase` are one name.
fn plain(name: &str) -> String {
    name.replace('-', "").to_lowercase()
}

fn check_variants<T: DeserializeOwned>(heading: &str) {
    let rows = table(heading);
    let variants = trace::<T>(0).variants;
    assert_eq!(rows.len(), variants.len(), "{heading} has {variants:?}");
    for (number, (row, variant)) in (0..).zip(rows.iter().zip(variants)) {
        assert_eq!(row[0], number.to_string(), "{heading}");
        assert_eq!(plain(&row[1]), plain(variant), "{heading}");
        match trace::<T>(number).fields {
            Some(fields) => assert_eq!(names(&row[2]), fields, "{heading} {variant}"),
            None => assert!(!row[2].is_empty(), "{heading} {variant} has a field"),
        }
    }
}

fn check_record<T: DeserializeOwned>(record: &str) {
    let rows = table("### Records");
    let row = rows.iter().find(|row| row[0] == record).unwrap_or_else(|| panic!("no record {record}"));
    assert_eq!(Some(names(&row[1])), trace::<T>(0).fields, "{record}");
}

#[test]
fn the_protocol_document_has_every_variant_with_its_number_and_fields() {
    check_variants::<Encoding>("### Encoding");
    check_variants::<HelloError>("### HelloError");
    check_variants::<ClientFrame>("### ClientFrame");
    check_variants::<Request>("### Request");
    check_variants::<OnTrap>("### OnTrap");
    check_variants::<ChildrenAtRestart>("### ChildrenAtRestart");
    check_variants::<Clause>("### Clause");
    check_variants::<Value>("### Value");
    check_variants::<NodeFrame>("### NodeFrame");
    check_variants::<Reply>("### Reply");
    check_variants::<Incoming>("### Incoming");
    check_variants::<ExitReason>("### ExitReason");
    check_variants::<LoadProgress>("### LoadProgress");
    check_variants::<SourceState>("### SourceState");
    check_variants::<ActorPhase>("### ActorPhase");
    check_variants::<ControlError>("### ControlError");
    check_variants::<LogScope>("### LogScope");
    check_variants::<PolicyChange>("### PolicyChange");
    check_variants::<LogLevel>("### LogLevel");
}

#[test]
fn the_protocol_document_has_every_record_with_its_fields() {
    check_record::<LoadedSource>("LoadedSource");
    check_record::<SourceInfo>("SourceInfo");
    check_record::<ActorClass>("ActorClass");
    check_record::<SourceStatus>("SourceStatus");
    check_record::<SourceReport>("SourceReport");
    check_record::<Admission>("Admission");
    check_record::<PolicyStatus>("PolicyStatus");
    check_record::<SourceOutcome>("SourceOutcome");
    check_record::<ActorStatus>("ActorStatus");
    check_record::<NodeStatus>("NodeStatus");
    check_record::<MemoryStatus>("MemoryStatus");
    check_record::<PartStatus>("PartStatus");
    check_record::<UseStatus>("UseStatus");
    check_record::<DeadLetter>("DeadLetter");
    check_record::<EndedActor>("EndedActor");
    check_record::<LogRecord>("LogRecord");
    check_record::<GrantStatus>("GrantStatus");
    check_record::<ConnectionStatus>("ConnectionStatus");
    check_record::<ActorWait>("ActorWait");
    check_record::<ActorReport>("ActorReport");
    check_record::<ActorPage>("ActorPage");
    check_record::<ActorLimits>("ActorLimits");
    check_record::<LogFileStatus>("LogFileStatus");
    check_record::<LongTurn>("LongTurn");
    check_record::<LogOutletStatus>("LogOutletStatus");
    check_record::<LogLevelsStatus>("LogLevelsStatus");
    check_record::<SourceLogLevel>("SourceLogLevel");
    check_record::<ActorLogLevel>("ActorLogLevel");
    let fields = |rows: Vec<Vec<String>>| rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!(fields(table("### message")), trace::<Message>(0).fields.unwrap());
    assert_eq!(fields(table("### ActorFilter")), trace::<ActorFilter>(0).fields.unwrap());
    assert_eq!(fields(table("### CreateActor")), trace::<CreateActor>(0).fields.unwrap());
    assert_eq!(fields(table("Behind them, in the client's hello:")), trace::<Hello>(0).fields.unwrap());
    let welcome = "and in the node's answer a `result of` this record, or of a HelloError:";
    assert_eq!(fields(table(welcome)), trace::<Welcome>(0).fields.unwrap());
}

/// One request of each kind, from the file that holds their bytes still.
fn requests() -> Vec<Request> {
    let hex = |line: &str| -> Vec<u8> {
        let digits: Vec<_> = line.trim().as_bytes().chunks(2).collect();
        digits
            .iter()
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 16).unwrap())
            .collect()
    };
    let listed = include_str!("../../../../host/core/src/wire/codec/frames.golden").lines();
    // What a node sends may read as something else, but it has no such line above it.
    let (mut is_request, mut found) = (false, Vec::new());
    for line in listed {
        if let Some(bytes) = line.strip_prefix("    ").filter(|_| is_request)
            && let Ok(ClientFrame::Request { request, .. }) = codec::decode(&hex(bytes)[HEADER_LEN..])
        {
            found.push(request);
        }
        is_request = line.starts_with("Request {");
    }
    found
}

#[test]
fn the_protocol_document_has_the_role_that_each_request_takes() {
    check_variants::<Role>("### Role");
    let rows = table("### Request");
    let mut seen = std::collections::BTreeSet::new();
    for request in requests() {
        let debug = format!("{request:?}");
        let variant = debug.split([' ', '(']).next().unwrap();
        let row = rows.iter().find(|row| row[1] == variant).unwrap();
        let roles: Vec<_> = row[4].split([' ', ';']).collect();
        assert!(roles.contains(&request.needs().1.name()), "{variant}: {}", row[4]);
        seen.insert(variant.to_owned());
    }
    assert_eq!(seen.len(), rows.len(), "{seen:?}");
}

#[test]
fn a_client_in_sixty_lines_of_python_is_answered_and_one_of_the_version_before() {
    let clients = [("client.py", 60), ("client_1.py", 60)].map(|(name, lines_max)| {
        let client = format!("{}/python/{name}", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(&client).unwrap().lines().filter(|line| !line.is_empty()).count();
        assert!(lines <= lines_max, "{name} has {lines} lines");
        client
    });
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no python3 here");
        return;
    }
    for client in clients {
        run(async {
            let world = World::new().await;
            let mut python = Command::new("python3");
            python.arg(&client).arg(world.shell.socket()).arg(thespian_guests::HELLO);
            // The node runs on threads of its own.
            let output = python.output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "Greeting 0 Hello, Python!\n", "{error}");
        });
    }
}
