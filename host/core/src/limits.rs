//! Every bound of a host, with its unit and its reason. A bound that is not here does not exist.

mod admission;
mod range;

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use admission::*;
pub use range::{LimitError, RANGES, Range};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Limits of one actor. Settable per node, each within its [`RANGES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ActorLimits {
    /// Linear memory of one instance, of all its components together, in bytes. Growth beyond is refused. 64 MiB holds a JSON document of the
    /// largest message several times over.
    pub memory_bytes_max: usize,
    /// Elements of one instance's tables together. Tables hold function pointers; big programs have some thousand.
    pub table_elements_max: usize,
    /// CPU time of one turn, in ms. A second is a thousand times what an ordinary turn takes.
    pub turn_cpu_ms_max: u64,
    /// Wall time of one turn, in ms, without the time in which the host makes it wait. Catches what burns no
    /// CPU of its own, on a host so busy that CPU time hardly advances.
    pub turn_wall_ms_max: u64,
    /// CPU time of `start` and of `describe`, in ms. The same as a turn: neither may do more.
    pub start_cpu_ms_max: u64,
    /// Cost of a message in bytes: payload, names and headers. A bigger one belongs in a file or in pieces.
    pub message_bytes_max: usize,
    /// Entries of one turn's outbox: sends, creates, wakeups and exits. Ten times what a fan-out to a
    /// thousand children needs.
    pub outbox_len_max: usize,
    /// Messages of one turn's outbox, in bytes: four of the largest.
    pub outbox_bytes_max: usize,
    /// Messages that wait in one mailbox.
    pub mailbox_len_max: usize,
    /// Bytes of the messages that wait in one mailbox: as much as the actor's memory.
    pub mailbox_bytes_max: usize,
    /// Wakeups that one actor may have pending: a timer for each message of a full outbox. Their payloads together
    /// may take as much as its mailbox.
    pub wakeups_max: usize,
    /// Actors that one actor may monitor: each is a slot that its mailbox keeps for the notice.
    pub monitors_max: usize,
    /// Children of one actor that live, or whose end it has not heard of. Bounds the notices for which its mailbox
    /// keeps slots.
    pub children_max: usize,
    /// Log records of one actor in a second; more are counted and reported as suppressed.
    pub log_records_per_second_max: u32,
    /// Bytes of one log record; the rest is cut.
    pub log_record_bytes_max: usize,
}

impl Default for ActorLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 * MIB,
            table_elements_max: 20_000,
            turn_cpu_ms_max: 1_000,
            turn_wall_ms_max: 30_000,
            start_cpu_ms_max: 1_000,
            message_bytes_max: MESSAGE_BYTES_MOST,
            outbox_len_max: 10_000,
            outbox_bytes_max: 64 * MIB,
            mailbox_len_max: 100_000,
            mailbox_bytes_max: 64 * MIB,
            wakeups_max: 10_000,
            monitors_max: 10_000,
            children_max: 100_000,
            log_records_per_second_max: 1_000,
            log_record_bytes_max: 4 * KIB,
        }
    }
}

/// Length of a message's type name, in bytes. It is repeated in every message and in errors.
pub const TYPE_NAME_LEN_MAX: usize = 256;

/// Length of a global name, in bytes: people type it, and every host keeps it.
pub const GLOBAL_NAME_LEN_MAX: usize = TYPE_NAME_LEN_MAX;
/// Questions to the host, after names and status, that one actor may have open: their answers have reserved slots, and
/// a status may take some 100 KiB.
pub const QUESTIONS_MAX: usize = 64;
/// Capabilities of a host. An honest map has some dozen.
pub const CAPABILITIES_LEN_MAX: usize = 1_000;
/// Length of a capability's name or text, in bytes. Every actor gets the whole map when it starts.
pub const CAPABILITY_TEXT_LEN_MAX: usize = KIB;

/// Length of the label that a creator gives a child, in bytes. It is kept for each child for as long as that lives; a name
/// and a number fit.
pub const CHILD_LABEL_LEN_MAX: usize = 64;
/// Children that an actor is told of at one time. Some 30 KiB, which a turn must not hand over in any number without its
/// CPU time being looked at.
pub const CHILDREN_LISTED_MAX: usize = 256;

/// Length of a class's name, in bytes: as long as a type name.
pub const CLASS_NAME_LEN_MAX: usize = TYPE_NAME_LEN_MAX;
/// A creator's requirements of a new actor's host, in bytes. They are kept for as long as the actor lives; an honest
/// list has a dozen entries.
pub const REQUIREMENTS_BYTES_MAX: usize = 8 * KIB;

/// The largest message that a node can be set to take, in bytes: a control frame holds it, and its envelope with it.
pub const MESSAGE_BYTES_MOST: usize = FRAME_BYTES_MAX - FRAME_ROOM_BYTES;
/// A configuration file, in bytes. One that sets everything, a thousand capabilities among it, has a tenth of that.
pub const CONFIG_BYTES_MAX: usize = MIB;

/// Size of a component, in bytes. The largest honest ones (an interpreter inside) have 20 MB.
pub const SOURCE_BYTES_MAX: usize = 32 * MIB;
/// Bytes of all sources together that a node keeps on disk, unless `store-bytes-max` says otherwise: some thousand ordinary ones.
/// More are refused; none goes that is in use.
pub const STORE_BYTES_MAX: u64 = 4 << 30;
/// The least that `store-bytes-max` may be: the largest source has room, and another.
pub const STORE_BYTES_LEAST: u64 = 64 << 20;
/// Bytes of all sources together that are on their way in at one time: announced, coming, or waiting for their judgement and
/// for a disk or the compiler to take them. Four of the largest: whoever loads more waits until some have come.
pub const OFFERED_BYTES_MAX: usize = 128 * MIB;

/// A component's size is out of its range. Nothing of it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a source has between 1 and {SOURCE_BYTES_MAX} bytes, not {0}")]
pub struct SourceSizeError(pub u64);

/// The size of a component, if it may have so many bytes.
///
/// # Errors
/// It is empty, or too big.
pub fn source_size(bytes: u64) -> Result<usize, SourceSizeError> {
    let size = usize::try_from(bytes).ok().filter(|size| (1..=SOURCE_BYTES_MAX).contains(size));
    size.ok_or(SourceSizeError(bytes))
}
/// Core modules in one component. Rust and C have 3 or 4, interpreters with dynamic linking some 20.
pub const CORE_MODULES_MAX: usize = 64;
/// Components within one component. The tools of Rust and C make one for each exported interface.
pub const COMPONENTS_NESTED_MAX: usize = 64;
/// Instances that a component makes of those within it, counted through: one that makes another twice has all of that
/// twice. Composed of eight actors, each with an instance for each of its interfaces, it has some 50.
pub const COMPONENT_INSTANCES_MAX: u64 = 256;
/// Core instances of one component, counted so. Rust and C have 3 or 4, interpreters with dynamic linking some 20, and the
/// engine adds one or two at each border between components.
pub const CORE_INSTANCES_MAX: u32 = 64;
/// Memories of one component, counted so. Each takes a place for an actor, and is a quarter of its mappings.
pub const MEMORIES_MAX: u32 = 8;
/// Tables of one component, counted so. Every one of Rust has two.
pub const TABLES_MAX: u32 = 16;
/// Memory that the engine allocates for one instance of a component besides its memories and tables, in bytes: for functions,
/// globals, and lists that tables are filled from. Rust has 11 KiB, CPython 1 MiB, Go 3; a list takes 16 times its bytes in the component.
pub const INSTANCE_ENGINE_BYTES_MAX: u64 = 8 * MIB as u64;
/// Functions that a component's modules import from without, counted so: where they are another component's, the engine
/// writes code for each.
pub const FUNCTIONS_LOWERED_MAX: u64 = 2_000;
/// Names, types, functions and arguments of a component, counted so; those of its modules are none. One of Rust has some
/// 500.
pub const COMPONENT_ITEMS_MAX: u64 = 100_000;
/// Memories that the modules of one component define, also those of which there is no instance: each that begins with
/// data is an open file of the node.
pub const MEMORIES_DEFINED_MAX: u64 = 16;
/// Parts of a component, each definition counted once, times the instances that it makes, names or hands on. To check and
/// compile it, what an instance offers is copied to wherever it goes, some hundred bytes for each name. Of Rust it is some
/// 13,000, of Python 120,000.
pub const COMPONENT_COPIES_MAX: u64 = 4_000_000;
/// Types of all core modules of one component. Honest ones have some hundred, and the node keeps some KiB for each.
pub const SOURCE_TYPES_MAX: usize = 10_000;
/// Functions of one component. Interpreters have some 30,000; even empty ones cost the compiler 60 µs and 6 KiB each.
pub const SOURCE_FUNCTIONS_MAX: usize = 50_000;
/// Body of one function, in bytes. An interpreter's main loop has some 200 KiB; the compiler takes a hundred times as
/// much memory as that, for one function at a time.
pub const FUNCTION_BYTES_MAX: usize = MIB;
/// Locals of one function. Code that was not optimised has some hundred.
pub const FUNCTION_LOCALS_MAX: usize = 10_000;
/// Blocks of one function within each other. A switch over a byte has 256, an interpreter's main loop some thousand.
pub const FUNCTION_DEPTH_MAX: usize = 4_000;
/// Loops of one function within each other. What lives across all of them is joined at the head of each: 250 of them took the
/// compiler 6 s for 2,000 locals, and compilers for guests nest some ten.
pub const LOOP_DEPTH_MAX: usize = 100;
/// Branches of one function, a loop counting as 8, times its locals: what a compiler's time and memory grow with. An
/// interpreter's main loop reaches 2 million; the bound costs about a second and 100 MiB.
pub const FUNCTION_COST_MAX: u64 = 4_000_000;
/// The same of all functions together: about ten seconds of one core.
pub const SOURCE_COST_MAX: u64 = 64_000_000;
/// Parameters and results of one function. Interfaces of components have at most 17.
pub const SIGNATURE_LEN_MAX: usize = 128;
/// Share of the memory that the process may take, the machine's or its control group's, that is a node's where its
/// configuration does not say, in percent. The rest belongs to the system, and to what of the node can't grow.
pub const MEMORY_BUDGET_PERCENT: u64 = 60;
/// The least memory that a node can be told to do with, in bytes: a dozen ordinary actors and a small compile fit.
pub const MEMORY_BUDGET_BYTES_LEAST: u64 = 64 * MIB as u64;
/// Share of a node's memory beyond which nothing that is there grows, in percent: neither actors' memories nor their queues.
pub const GROWTH_PERCENT_MAX: usize = 90;
/// Share beyond which no actor is made: programs can still make some where nothing grows any more.
pub const CREATE_PERCENT_MAX: usize = 95;
/// Share beyond which no source is loaded. What is left is for whoever looks, ends and unloads.
pub const LOAD_PERCENT_MAX: usize = 98;
/// Part of all that is shared which only what an operator asks for may take; as much again is a reserve of which a source may
/// have such a part of what is left there.
pub const RESERVE_DIVISOR: usize = 8;
/// Part of all that is shared which a source that has more than an equal part leaves to those that have less: so much more they
/// find when something comes free, and it is too little to be missed.
pub const HEADROOM_DIVISOR: usize = 64;
/// Memory that an actor takes of the host besides its own, in bytes: its instance, its cell and its address with the engine, and
/// what its mailbox, its timers and its monitors may have without drawing for it. Measured: 8 to 12 KiB.
pub const ACTOR_BYTES: usize = 16 * KIB;
/// Memory for something that a turn has asked for, besides its texts and its payload, in bytes: its entry in the outbox, and
/// one behind that.
pub const REQUEST_BYTES: usize = 128;
/// Memory for a wakeup besides its payload, in bytes: measured 340, in the three orders that are kept.
pub const WAKEUP_BYTES: usize = 384;
/// Memory for a monitoring, with the actor that monitors and with `Admin`, in bytes: measured 219; and for the notice that may
/// wait, with its reason.
pub const MONITOR_BYTES: usize = 256 + NOTICE_BYTES;
/// Memory that a parent takes for a child that lives, or of whose end it has not heard, in bytes: for its label, and for the
/// notice that may wait.
pub const CHILD_BYTES: usize = 256 + NOTICE_BYTES;
/// Memory for the notice of an end that waits in a mailbox, in bytes.
const NOTICE_BYTES: usize = 256 + EXIT_NOTICE_TEXT_LEN_MAX;
/// Memory for a question to the host that is open, in bytes: an actor's own status, which has most of it in texts, may wait.
pub const QUESTION_BYTES: usize = 4 * KIB;
/// Memory with which an actor begins from which on whoever loads it is warned, in bytes: a quarter of it holds an ordinary program.
pub const START_MEMORY_BYTES_WARNED: u64 = 512 * KIB as u64;
/// Memory for an element of a table, in bytes: a pointer.
pub const TABLE_ELEMENT_BYTES: usize = 8;
/// Memory that the compiler's process may take for the smallest component, in bytes. The costliest function
/// that is let in takes some 100 MiB, and each thread of a compile has one in hand.
pub const COMPILE_MEMORY_BASE_BYTES: u64 = 512 * MIB as u64;
/// Bytes that it may take besides for each byte of the component. Honest ones take 20 to 40.
pub const COMPILE_MEMORY_FACTOR: u64 = 64;
/// The most that it may take of its own accord, in bytes: with the largest component it takes 2.5 GiB.
pub const COMPILE_MEMORY_BYTES_MOST: u64 = 3 << 30;
/// The least that an operator can set for it, in bytes: the smallest component takes a tenth of that.
pub const COMPILE_MEMORY_BYTES_LEAST: u64 = 64 * MIB as u64;
/// CPU time of the compiler for the smallest component: what the costliest source of the scan takes.
pub const COMPILE_CPU_BASE: Duration = Duration::from_secs(10);
/// CPU time besides for each mebibyte. Honest ones take 1.2 s, an interpreter of 18.5 MB up to 30 s.
pub const COMPILE_CPU_PER_MIB: Duration = Duration::from_secs(3);
/// Time that an honest component of a mebibyte keeps the compiler busy: by it a compile that waits and one that runs are
/// compared. Measured, on one core.
pub const COMPILE_TIME_PER_MIB: Duration = Duration::from_millis(1_200);
/// Wall time of a compile in which it is not stopped for the sake of others: thirty times what the costliest takes on a
/// machine with nothing else to do. After it the process is no longer waited for.
pub const COMPILE_WALL_TIME_MAX: Duration = Duration::from_secs(1_800);
/// Address space that a compiler's process may take for each byte of memory. Allocators take up to twice as much: with the
/// interpreter of Ruby 2.1 GB for 0.9.
pub const COMPILE_SPACE_FACTOR: u64 = 2;
/// How often the memory of a compiler's process is looked at: meanwhile it takes some ten MiB.
pub const COMPILE_LOOK_PERIOD: Duration = Duration::from_millis(10);
/// How long a program has to say that it can compile: it is to start, and no more.
pub const COMPILER_CHECK_TIME_MAX: Duration = Duration::from_secs(30);
/// Threads of one compile: each has a function in hand, for which it takes memory of its own.
pub const COMPILE_THREADS_MAX: usize = 4;
/// Native code of a component, in bytes: what the smallest may have, and of each byte of it. Honest code has two to ten times
/// the size of its component.
pub const CODE_BASE_BYTES: usize = 16 * MIB;
/// Bytes of code besides for each byte of the component.
pub const CODE_FACTOR: usize = 32;
/// Compiles at one time, each a process of some threads: with two of them a long one does not keep out all others.
pub const COMPILES_AT_ONCE_MAX: usize = 2;
/// Compiles that are stopped at one time for the sake of shorter ones. They keep their memory.
pub const COMPILES_PAUSED_MAX: usize = 4;
/// How long a compile waits before it may take the seat of one that takes longer, and how long one runs before it may have to
/// give up its seat: most are done within it.
pub const COMPILE_WAIT_MAX: Duration = Duration::from_millis(500);
/// A component that is compiled in the node's own process, where nothing bounds what the compiler takes, in bytes.
pub const SOURCE_WITHIN_BYTES_MAX: usize = 8 * MIB;
/// The part of the bounds on a component's shape that holds for such a one.
pub const SCAN_WITHIN_DIVISOR: usize = 4;
/// How long a node waits for a data directory that another has: one that ended just now may still be writing a file.
pub const DIR_LOCK_WAIT_MAX: Duration = Duration::from_secs(1);
/// Sources that a node knows at one time, refused ones included.
pub const SOURCES_LEN_MAX: usize = 10_000;
/// Actors that configuration wants to run, at most: as many as all of their creates that may wait.
pub const STANDING_ACTORS_MAX: usize = CREATES_WAITING_MAX;
/// Creates that wait for a source to be judged and compiled, or for a class's own check. More are refused, not queued.
pub const CREATES_WAITING_MAX: usize = 10_000;
/// Actors that were asked for and are not decided about: in outboxes of turns, on their way to `Admin`, and waiting there.
/// An address with an empty mailbox takes half a KiB, so all of them some 32 MiB; a turn can ask for 10,000 at most.
pub const PENDING_MAX: usize = 65_536;
/// Bytes of the init messages of those creates: what waits there is bounded by nothing else.
pub const CREATES_WAITING_BYTES_MAX: usize = 64 * MIB;
/// A submitter's label of a source, in bytes: a file's name.
pub const SOURCE_LABEL_LEN_MAX: usize = 256;
/// Time for an authority to judge a source, unless `judgement-ms-max` says otherwise. After it the source is refused.
pub const JUDGEMENT_TIME_MAX: Duration = Duration::from_secs(120);
/// The same for a person, who may be on holiday.
pub const PERSON_TIME_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The longest that `judgement-ms-max` may be: whoever loads sits there and waits.
pub const JUDGEMENT_TIME_MOST: Duration = Duration::from_secs(600);
/// The same for a person: nobody remembers after a month what was offered.
pub const PERSON_TIME_MOST: Duration = Duration::from_secs(30 * 86_400);
/// Offers that wait for a person at one time: more than somebody reads in a day.
pub const PENDING_OFFERS_MAX: usize = 64;
/// Bytes of those offers together, which lie on disk: a quarter of what all sources may take there.
pub const PENDING_BYTES_MAX: u64 = 1 << 30;
/// How long a create waits for a person: a little less than whoever asked from outside does, who is so told why it fails.
pub const NOT_APPROVED_TIME_MAX: Duration = Duration::from_secs(140);
const _: () = assert!(NOT_APPROVED_TIME_MAX.as_millis() < CREATE_TIME_MAX.as_millis());
const _: () = assert!(PENDING_BYTES_MAX <= STORE_BYTES_MAX / 4);

/// Delay of a watching thread, at least, where the whole process was stopped, and not its machine busy: there
/// threads that want a core wait some milliseconds for one, a tenth of a second where hundreds do.
pub const STOPPED_LEAST: Duration = Duration::from_millis(250);

/// CPU time of a class's own check whether a host suits it: it compares values. One that takes longer says no.
pub const PLACEMENT_CPU_MAX: Duration = Duration::from_millis(100);
/// Checks of classes at one time, of all classes of a node: each needs an instance beside those of the actors.
pub const CLASS_CHECKS_MAX: usize = 8;

/// How long what a full receiver refused stays with its sender before it becomes a dead letter.
pub const HOLD_TIME_MAX: Duration = Duration::from_secs(5);
/// How often what is held is offered again, should no receiver announce room: when the node's budget of queued
/// bytes was what refused it.
pub const HOLD_RETRY_PERIOD: Duration = Duration::from_millis(100);
/// Messages of one activation: enough to make up for the cache misses of changing to the actor.
pub const ACTIVATION_LEN_MAX: usize = 64;
/// Length of one activation: after it others are given their turn.
pub const ACTIVATION_TIME_MAX: Duration = Duration::from_millis(1);

/// Time that work of an actor is thought to take of which none has run yet: about what a short message takes, with the way to
/// the thread and back.
pub const RUN_GUESS_FIRST: Duration = Duration::from_micros(20);

/// CPU time of an activation from which on it waits among those that take much, lest they hold up those that take little: a
/// short turn takes a hundredth of it.
pub const HEAVY_TIME_MIN: Duration = Duration::from_micros(300);
/// Time of a stint from which on it is charged by CPU time, which takes a quarter of a microsecond to ask for.
pub const METER_CPU_TIME_MIN: Duration = Duration::from_micros(200);
/// How often a turn that waits for a seat looks whether it was killed, should nobody wake it.
pub const RUNAWAY_LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Envelopes of one sender that go into one receiver's mailbox under one lock: more would keep others from it.
pub const DELIVERY_RUN_LEN_MAX: usize = 64;
/// Places in an actor's lists of requests and effects that outlast a turn: enough for most turns. An idle actor does not
/// keep the memory of the one turn in which it sent ten thousand messages.
pub const EFFECTS_KEPT_MAX: usize = 64;

/// Restarts within [`RESTART_WINDOW`] before an actor has to pause.
pub const RESTARTS_MAX: usize = 100;
/// The time over which restarts are counted.
pub const RESTART_WINDOW: Duration = Duration::from_secs(10);
/// The first pause of an actor whose restart budget is spent; each next one doubles.
pub const RESTART_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
pub const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The shortest delay of a wakeup: below it a timer is a way to spin.
pub const WAKEUP_DELAY_MIN: Duration = Duration::from_millis(1);

/// How long a stopping node waits for its actors to exit before it kills them.
pub const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long its actors take at most to end: grace, then the kill of whatever spins, which takes a tick, or some more
/// where many do.
pub const STOP_ACTORS_TIME_MAX: Duration = Duration::from_secs(7);
/// How long a node takes at most to stop, its log included. What has not ended by then is stuck, and is
/// left behind.
pub const STOP_NODE_TIME_MAX: Duration = Duration::from_millis(8_250);
/// How long a program that runs a node takes at most from the word to its end: what is in order fits, as is checked
/// below, and service managers wait for at least as long. A process that can't end in order ends all the same.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// How long an actor may take over its exit turn and its children's before it is killed.
pub const EXIT_GRACE: Duration = Duration::from_secs(30);

/// Text of an error that an actor or a person is shown, in bytes; guests write it, so it is cut.
pub const ERROR_TEXT_LEN_MAX: usize = 4 * KIB;

/// The reason of a child's end, as its parent hears it, in bytes. A slow parent may have a notice waiting for each of
/// `children_max` children; together they are then about as big as its memory.
pub const EXIT_NOTICE_TEXT_LEN_MAX: usize = 512;

/// Cuts a text that a guest, a client or a peer had a part in.
#[must_use]
pub fn cut(mut text: String, len_max: usize) -> String {
    if text.len() > len_max {
        let end = (0..=len_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Dead letters that a node keeps for `status`, newest first.
pub const DEAD_LETTERS_KEPT: usize = 64;
/// Ended actors that a node remembers for `status`, with their reasons.
pub const ENDED_KEPT: usize = 256;

/// Body of one control frame, in bytes: the largest message and what is said of it.
pub const FRAME_BYTES_MAX: usize = 16 * MIB + FRAME_ROOM_BYTES;
/// Bytes of a control frame on its way in for which a connection draws no memory: most frames are smaller, and all by which an
/// operator looks, ends and unloads.
pub const FRAME_FREE_BYTES: usize = 64 * KIB;
/// Time for a frame to come, from its first byte on: the largest takes 135 s at 1 Mbit/s.
pub const FRAME_TIME_MAX: Duration = Duration::from_secs(150);
/// How often a connection looks whether there is memory for the rest of a frame.
pub const FRAME_RETRY_PERIOD: Duration = Duration::from_millis(100);
/// Room in a control frame beside a message that it carries, in bytes: why that came back, what else is asked for.
pub const FRAME_ROOM_BYTES: usize = 64 * KIB;
/// Frames for one control connection are gathered up to this size before they are written, in bytes. What a connection
/// has ready to be written is at most this and one frame that comes behind it.
pub const CONNECTION_WRITE_BYTES: usize = 64 * KIB;
/// Updates of one control connection that wait behind an answer which is being written: steps of loads, batches of log
/// records.
pub const CONNECTION_UPDATES_MAX: usize = 16;
/// Log records of one frame. Together with [`LOG_BATCH_BYTES`] they bound it.
pub const LOG_BATCH_LEN: usize = 256;
/// Bytes of the texts of those records; the last may go beyond.
pub const LOG_BATCH_BYTES: usize = 256 * KIB;
/// Body of a hello, in bytes: a name and a secret. What a stranger sends before it is all that a node keeps for it.
pub const HELLO_BYTES_MAX: usize = 4 * KIB;
/// A piece of an uploaded source, in bytes: small enough for a progress bar to move.
pub const UPLOAD_CHUNK_BYTES: usize = 256 * KIB;
/// Time for all bytes of an announced source to come: the largest takes 268 s at 1 Mbit/s. Of the whole, and not between two
/// pieces: a client that sends a byte a minute would keep its room for ever.
pub const UPLOAD_TIME_MAX: Duration = Duration::from_secs(300);
/// Descriptors that the program asks for at its start, where the system lets it: all connections at one time, and the
/// memory images of ten thousand sources, one of each module.
pub const DESCRIPTORS_MOST: u64 = 65_536;
/// Descriptors that no connection gets: those that a node opens for itself, some twenty, and for files that are written
/// and the images of its first sources.
pub const DESCRIPTORS_KEPT: usize = 48;
/// Descriptors with which a node can be reached at all: a few connections and as many strangers. Sources leave as many.
pub const DESCRIPTORS_SHARED_LEAST: usize = 16;
/// How long a client has that is turned away for want of a descriptor to take the word: it uses the only one that is left.
pub const REFUSE_TIME_MAX: Duration = Duration::from_millis(50);
/// How long a command waits to be let in by a node: twice as long as strangers who say nothing keep a door busy.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a command waits for an answer for which a node need not wait itself, or besides what the node may wait. A busy
/// one takes milliseconds; one whose process is stopped would take for ever.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Path of the control socket, in bytes: the system's address of a Unix socket holds 108 with the zero behind it.
pub const SOCKET_PATH_LEN_MAX: usize = 107;
/// Control connections at one time.
pub const CONNECTIONS_MAX: usize = 1_024;
/// New connections at one door, the socket or the TCP address, that have not said hello yet. Those that have been silent for
/// longest are closed for others, so that strangers who are silent cost little, and none of the places of those who are known.
pub const STRANGERS_MAX: usize = 128;
/// A client's label of a source that it loads, in bytes: its file's name.
pub const LABEL_LEN_MAX: usize = KIB;
/// Refused connections that are logged one by one in a second; strangers must not be able to fill the log.
pub const REFUSALS_LOGGED_PER_SECOND: u32 = 20;
/// Requests under way on one connection. One more is refused and not left unread, since a client that waits can't be
/// told, and behind it may come what takes another back, or the connection's end.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 1_024;
/// JSON that is shown to people with a line for each member, in bytes as it is shown: nobody reads more than that. What
/// is longer is shown in one line, or its indents could be a thousand times what an actor sent.
pub const PRETTY_BYTES_MAX: usize = MIB;
/// How deeply it may be nested: what is deeper is wider than any window.
pub const PRETTY_DEPTH_MAX: usize = 64;
/// Time for a new connection to say hello, and for one that is closed to take its last frame.
pub const HELLO_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a node looks whether its socket is still where programs look for it: two questions to the file system. Whoever
/// removed it waits about so long until the node is found again.
pub const SOCKET_CHECK_PERIOD: Duration = Duration::from_secs(2);
/// Time in which the connections of a shell that closes take their last answers: they are ready, and a client that
/// does not read must not hold up the end.
pub const SHELL_CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// Messages that wait at an outside endpoint; more stay with their senders.
pub const ENDPOINT_LEN_MAX: usize = 10_000;
/// Bytes that wait at an outside endpoint, and as many of answers that wait for who asked at it.
pub const ENDPOINT_BYTES_MAX: usize = 64 * MIB;
/// Answered asks of an endpoint whose later answers still go to `listen`.
pub const ASKS_REMEMBERED_MAX: usize = 1_024;
/// Named endpoints that a node keeps.
pub const NAMED_ENDPOINTS_MAX: usize = 1_024;
/// How long a named endpoint outlives its last connection.
pub const NAMED_ENDPOINT_IDLE_MAX: Duration = Duration::from_secs(600);
/// How long an ask waits when its caller does not say.
pub const ASK_TIME_DEFAULT: Duration = Duration::from_secs(10);
/// How long a client's `tell` waits for room in a full mailbox.
pub const TELL_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a client's `create` waits: the start's own limits end it sooner, a judgement may take this long.
pub const CREATE_TIME_MAX: Duration = Duration::from_secs(150);

/// Share of the node's memory for all queued messages together, those included that full receivers refused and their senders
/// hold, in percent: the rest belongs to the actors. A quarter of the machine's.
pub const QUEUED_PERCENT: usize = 42;
/// Bytes that a mailbox holds without drawing on the node's budget of queued bytes: a dozen small messages, which an
/// actor takes as part of its own footprint. So most messages touch no counter that all cores share.
pub const QUEUE_FREE_BYTES: usize = 4 * KIB;
/// Bytes that an activation takes out of a mailbox at one time, but for a single message that is bigger: what is taken
/// out is bounded by nothing else while the actor waits or pauses.
pub const DRAIN_BYTES_MAX: usize = MIB;
/// Bytes that a mailbox draws on the node's budget of queued bytes at a time: so that few messages touch its counter.
pub const QUEUE_GRANT_BYTES: usize = 64 * KIB;

/// Log records that a node keeps for `logs`.
pub const LOG_RECORDS_KEPT: usize = 10_000;
/// Log records that a slow follower of `logs -f` may fall behind before it misses some.
pub const LOG_FOLLOWER_LAG_MAX: usize = 4_096;

/// Sources that have a log level of their own: people name them one by one.
pub const LOG_LEVEL_SOURCES_MAX: usize = 1_024;
/// Bytes that wait at one way out of the log: for the file, for `tracing`, for a program's output. A disk takes that
/// much in some milliseconds; one that takes none must not take the node's memory.
pub const LOG_QUEUE_BYTES_MAX: usize = MIB;
/// Size of the log file at which it becomes the old one, in bytes, where the configuration does not say: some 50,000
/// records.
pub const LOG_FILE_BYTES_MAX_DEFAULT: u64 = 10 * MIB as u64;
/// The smallest such size: the largest record fits.
pub const LOG_FILE_BYTES_MAX_MIN: u64 = 64 * KIB as u64;
/// How long a node that has stopped waits for its log to get out: a disk that hangs must not hold up its end, nor a
/// `tracing` subscriber that does.
pub const LOG_CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a program that ran a node waits for its last words to be read.
pub const OUTPUT_CLOSE_TIME_MAX: Duration = Duration::from_millis(500);
// A program's end in order, one bounded wait after the other.
const _: () = assert!(STOP_GRACE.as_millis() < STOP_ACTORS_TIME_MAX.as_millis());
const _: () = assert!(
    STOP_ACTORS_TIME_MAX.as_millis() + LOG_CLOSE_TIME_MAX.as_millis() < STOP_NODE_TIME_MAX.as_millis()
);
const _: () = assert!(
    STOP_NODE_TIME_MAX.as_millis() + SHELL_CLOSE_TIME_MAX.as_millis() + OUTPUT_CLOSE_TIME_MAX.as_millis()
        < STOP_TIME_MAX.as_millis()
);
/// How long a program that runs a node takes at most from a fault of the node's own to its end: a service manager is to
/// start the next one soon. Nothing is left that could end in order, so only words are waited for.
pub const FAULT_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of that goes by before the program ends without having got its words out: time for the log to get to a disk.
/// What is left is for the last line on stderr.
pub const FAULT_WORDS_TIME_MAX: Duration = Duration::from_millis(1_400);
const _: () = assert!(LOG_CLOSE_TIME_MAX.as_millis() < FAULT_WORDS_TIME_MAX.as_millis());
const _: () = assert!(
    FAULT_WORDS_TIME_MAX.as_millis() + OUTPUT_CLOSE_TIME_MAX.as_millis() < FAULT_TIME_MAX.as_millis()
);
/// Actors that the status in the log names; it is to be read by a person, and the log is bounded.
pub const STATUS_LOGGED_ACTORS_MAX: usize = 100;
/// Actors that are looked at for one page of a list: so many take a tenth of a millisecond, in which nobody else has
/// the desk, and their statuses, with the longest reasons for which an actor waits, fit into a frame.
pub const ACTORS_PAGE_LEN_MAX: usize = 1_000;
/// Sources that are looked at while nobody else has the desk: what one offers takes a hundred times what an actor does.
pub const SOURCES_AT_ONCE_MAX: usize = 16;
/// How long one thread goes on handling what comes to the desk, before it leaves the rest to the node's task: it has
/// work of its own. Half of the millisecond in which it is to be free again, since the last event may take its time.
pub const DESK_TIME_MAX: Duration = Duration::from_micros(500);
/// Statuses that the actors of a node may wait for at one time; whoever asks beyond is refused at once. As many as 64 actors
/// may have asked for: they are put together one after the other, and an actor that asks and ends makes room for the next.
pub const STATUS_WISHES_MAX: usize = 64 * QUESTIONS_MAX;
/// Children that the status of one actor shows: all of them could be more than a frame holds.
pub const STATUS_CHILDREN_MAX: usize = 1_000;
/// Actors without a creator that the status of a node names.
pub const STATUS_ORPHANS_MAX: usize = 64;
/// Sources that the status of a node names; there is a list of all of them besides.
pub const STATUS_SOURCES_MAX: usize = 64;
/// Global names that the status of a node names.
pub const STATUS_NAMES_MAX: usize = 64;
/// From when on a turn under way is shown: shorter ones are over before anybody has read of them.
pub const LONG_TURN_MIN: Duration = Duration::from_millis(10);
/// Long turns that the status of a node names, the longest first: more than can run at once on most machines.
pub const STATUS_LONG_TURNS_MAX: usize = 64;
/// Receivers that the status of an actor names for which it waits.
pub const STATUS_RECEIVERS_MAX: usize = 8;

/// Threads that run actors, at most: more than machines have cores, and fewer than the system gives one process.
pub const GUEST_THREADS_MAX: usize = 1_024;
/// Turns that have outlived their slice at one time, each of which holds a thread of its own. A source with more than half of those that
/// the others leave starts no more turns until one has ended; a source that has none always may, so there are no more than these,
/// one for each source, and one for each seat.
pub const RUNAWAYS_MAX: usize = 64;

/// Places at which a node listens for its actors. Each is a descriptor and a task; one actor seldom needs two.
pub const TCP_LISTENERS_MAX: usize = 64;
/// Connections to actors at one time, of all listeners: with those of control, fewer descriptors than a process has by
/// default on most systems.
pub const TCP_CONNECTIONS_MAX: usize = 512;
/// Connections of one listener at one time: one that is flooded leaves half of the places to the others. More wait
/// unaccepted.
pub const TCP_LISTENER_CONNECTIONS_MAX: usize = 256;
/// Bytes that are read from a connection at one time, which are one message: what a stack holds.
pub const TCP_READ_BYTES_MAX: usize = 16 * KIB;
/// Messages of one connection that its actor has yet to handle. While there are so many nothing more is read, and TCP
/// makes the peer wait: 256 KiB of each connection, about what the system keeps for it too.
pub const TCP_UNHANDLED_MAX: usize = 16;
/// Messages that wait to be written to one connection; more stay with their senders, as with any full mailbox.
pub const TCP_WRITE_LEN_MAX: usize = 256;
/// Bytes of those messages. A single message always fits.
pub const TCP_WRITE_BYTES_MAX: usize = 256 * KIB;
/// How long a connection may be idle when its grant does not say.
pub const TCP_IDLE_TIME_DEFAULT: Duration = Duration::from_secs(60);
/// The shortest such time: below it a busy machine looks like an idle peer.
pub const TCP_IDLE_TIME_LEAST: Duration = Duration::from_millis(100);
/// The longest such time: a peer that vanished without a word is forgotten within a day.
pub const TCP_IDLE_TIME_MOST: Duration = Duration::from_secs(24 * 3_600);
/// How long a connection that ends takes to write what waits, and once more as long to hear its peer's end: closed
/// before that, what the peer has yet to read could be lost.
pub const TCP_CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
