//! Bounds on what people say about sources: manifests, signatures and policies.

use core::time::Duration;

use super::{KIB, MIB};

/// The name of a source in its manifest, in bytes. A path of a few words has a quarter of that.
pub const SOURCE_NAME_LEN_MAX: usize = 128;
/// The version of a source in its manifest, in bytes. A date with the hash of a commit has 51.
pub const SOURCE_VERSION_LEN_MAX: usize = 64;
/// A manifest, in bytes. One that names a thousand classes has half of that.
pub const MANIFEST_BYTES_MAX: usize = 64 * KIB;
/// A signature file, in bytes. Minisign's has some 300, and a trusted comment of its writer.
pub const SIGNATURE_BYTES_MAX: usize = KIB;
/// Signatures of one manifest. Each is checked before anybody is trusted: some 0.2 ms of CPU time.
pub const SIGNATURES_LEN_MAX: usize = 16;
/// Keys that a policy trusts, and rules of it. Each signature may be held against each key of its number, and each source is
/// against each rule, while nothing else is decided: some milliseconds for a thousand sources.
pub const POLICY_KEYS_MAX: usize = 256;
/// Patterns of names, of one key or rule.
pub const POLICY_PATTERNS_MAX: usize = 64;
/// Keys of one number in a policy. Numbers are drawn, and two of the same are somebody's intent; each costs a signature's check.
pub const KEYS_OF_A_NUMBER_MAX: usize = 4;
/// Sources of an earlier run that are loaded at one time: as many as are compiled, and one that is read meanwhile.
pub const RESTORES_AT_ONCE_MAX: usize = 3;
/// Sources that are looked at at one time, by the policy or by a judge of the program: each has a thread meanwhile.
pub const JUDGEMENTS_AT_ONCE_MAX: usize = 4;
/// Bytes of a source that an actor reads or gives at once: copied while nobody else has its thread, in a tenth of a millisecond.
pub const SOURCE_PART_BYTES_MAX: usize = MIB;
/// A file of the audit log, in bytes, before the next begins: some hundred thousand records.
pub const AUDIT_FILE_BYTES_MAX: u64 = 32 * MIB as u64;
/// Older files of the audit log that are kept.
pub const AUDIT_FILES_KEPT: usize = 8;
/// A record of the audit log, in bytes: a reason as long as it may be, each of its characters written as an escape, and as much again.
pub const AUDIT_LINE_BYTES_MAX: usize = 64 * KIB;
/// Records of the audit log that a node shows at one time: what somebody reads.
pub const AUDIT_SHOWN_MAX: usize = 10_000;
/// Bytes of them: half of a frame.
pub const AUDIT_SHOWN_BYTES_MAX: usize = 8 << 20;
/// Records that wait for the audit log. Approvals wait for room; of others that find none the log says how many there were.
pub const AUDIT_QUEUE_LEN: usize = 1_024;
/// Records that are written to the audit log at once, and synced together.
pub const AUDIT_BATCH_LEN: usize = 64;
/// Records of one loader or actor in a second that are in the audit log: nobody reads more, and a flood would push out what counts.
pub const AUDIT_NOTES_OF_ONE_PER_SECOND: u32 = 10;
/// The same of all together: at a hundred a second the log goes back for hours at least, whoever floods it.
pub const AUDIT_NOTES_PER_SECOND: u32 = 100;
/// How long what an actor has given of a source lies before others may have its room: it gives the next part at once, or in its next
/// turn.
pub const GIVEN_IDLE_MAX: Duration = Duration::from_secs(60);
/// Offers in the hands of an actor that is the authority: what it sees in one turn. Others wait until it has judged some.
pub const OFFERS_IN_HANDS_MAX: usize = 64;
/// Sources of an earlier run that are in memory until an actor has judged them: with the largest a quarter of a gigabyte.
pub const READ_FOR_JUDGE_MAX: usize = 8;
/// A policy file, in bytes. One with a thousand keys has a quarter of that.
pub const POLICY_BYTES_MAX: usize = MIB;
/// Names of sources whose newest admitted version a node remembers: as many as it knows sources.
pub const ADMITTED_NAMES_MAX: usize = 10_000;
/// How far the wall clock may be behind the latest admission. A clock that is set by the network moves by seconds; one that is
/// set back further could make what has expired valid.
pub const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(300);
