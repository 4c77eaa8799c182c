//! Sources: what an actor with the right to it loads, hears of, and judges.

use std::io::{self, Read, Write};

use crate::address::Address;
use crate::bindings::thespian::actor::{sources, types as wit};
use crate::context::Context;
use crate::failure::{Error, Result};
use crate::host::{self, Ask};

/// Bytes of a source that are read or given at once. A host takes a megabyte; an actor may not have so much memory to spare.
const PART_BYTES: usize = 64 << 10;

/// Names an offer of a source: the same bytes may be offered again, and are judged anew then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId(pub(crate) u64);

impl OfferId {
    /// The number of the offer, to be sent or kept. Later offers have higher ones.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The offer of this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// A source that an actor is to judge: it is in its hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOffer {
    /// The offer's name.
    pub id: OfferId,
    /// The SHA-256 of the bytes as submitted.
    pub hash: String,
    /// How many bytes were submitted.
    pub size: u64,
    /// Words of its submitter about it.
    pub label: String,
    /// The rights that whoever loads it gives its actors. With a manifest: those that they let them have of what that wants,
    /// whoever they are, and all where they say nothing; approve then only what a manifest wants whose signature was verified.
    pub rights: Vec<String>,
    /// Its manifest as it came. Nobody has looked at it.
    pub manifest: Option<Vec<u8>>,
    /// The signature files of its manifest as they came. Nobody has looked at them.
    pub signatures: Vec<Vec<u8>>,
    /// The actor that loads it; absent: a program outside, or it was there before the host started.
    pub loader: Option<Address>,
}

/// An approval: what a source is called, and what its actors may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    pub(crate) label: Option<String>,
    pub(crate) rights: Vec<String>,
    pub(crate) limits: Vec<(String, i64)>,
}

impl Approval {
    /// An approval without any rights, besides what all may.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this word for it, of at most 256 bytes, in place of its submitter's.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a right more, if whoever loads the source gives it that: `dead-letters`, `capabilities`, `status`, `shutdown` or
    /// `sources`.
    #[must_use]
    pub fn right(mut self, right: impl Into<String>) -> Self {
        self.rights.push(right.into());
        self
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_wit(approval: sources::Approval<'_>) -> Self {
        let integer = |value: &wit::ValueParam<'_>| match value {
            wit::ValueParam::Integer(most) => *most,
            _ => 0,
        };
        let limits = approval.limits.iter().map(|(name, value)| ((*name).to_string(), integer(value)));
        Self {
            label: approval.label.map(str::to_string),
            rights: approval.rights.iter().map(ToString::to_string).collect(),
            limits: limits.collect(),
        }
    }

    /// With a limit of its actors below the host's, by the name that configuration has: `memory-bytes-max`.
    #[must_use]
    pub fn limit(mut self, name: impl Into<String>, most: u64) -> Self {
        self.limits.push((name.into(), i64::try_from(most).unwrap_or(i64::MAX)));
        self
    }
}

impl SourceOffer {
    /// Its bytes from `at` on, at most `len` and at most a megabyte.
    ///
    /// # Errors
    /// It is not in this actor's hands any more.
    pub fn read_at(&self, at: u64, len: u32) -> Result<Vec<u8>> {
        host::ask(Ask::ReadOffer { offer: self.id.0, at, len }).map(host::Answer::bytes)
    }

    /// Its bytes, piece by piece: it may be larger than this actor's memory.
    #[must_use]
    pub const fn reader(&self) -> SourceReader {
        SourceReader { offer: self.id, at: 0 }
    }

    /// All its bytes.
    ///
    /// # Errors
    /// It is not in this actor's hands any more.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes bytes that are to run in place of those that were submitted, if the offer is approved: piece by piece, from the
    /// beginning. The source keeps its name.
    #[must_use]
    pub const fn writer(&self) -> SourceWriter {
        SourceWriter { offer: self.id, at: 0 }
    }

    /// Puts bytes in the place of those that were submitted: they run, if the offer is approved.
    ///
    /// # Errors
    /// There are none, it is not in this actor's hands any more, or the host has no room for them.
    pub fn replace(&self, bytes: &[u8]) -> Result {
        if bytes.is_empty() {
            return Err(Error::poison("nothing is no source"));
        }
        Ok(self.writer().write_all(bytes)?)
    }

    /// Takes back what was put in the place of the bytes that were submitted: what an attempt did that failed stays.
    ///
    /// # Errors
    /// It is not in this actor's hands any more.
    pub fn take_back(&self) -> Result {
        host::ask(Ask::ReplaceOffer { offer: self.id.0, at: 0, part: &[] }).map(drop)
    }

    pub(crate) fn from_wit(offer: sources::Offer) -> Self {
        Self {
            id: OfferId(offer.id),
            hash: offer.hash,
            size: offer.size,
            label: offer.label,
            rights: offer.rights,
            manifest: offer.manifest,
            signatures: offer.signatures,
            loader: offer.loader.map(Address::from),
        }
    }
}

/// Reads an offer; made by [`SourceOffer::reader`].
#[derive(Debug)]
pub struct SourceReader {
    offer: OfferId,
    at: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = u32::try_from(buffer.len().min(PART_BYTES)).unwrap_or(0);
        let read = host::ask(Ask::ReadOffer { offer: self.offer.0, at: self.at, len });
        let part = read.map_err(|error| io::Error::other(error.reason().to_string()))?.bytes();
        buffer[..part.len()].copy_from_slice(&part);
        self.at += part.len() as u64;
        Ok(part.len())
    }
}

/// Takes what is to run in the place of an offer's bytes; made by [`SourceOffer::writer`].
#[derive(Debug)]
pub struct SourceWriter {
    offer: OfferId,
    at: u64,
}

impl Write for SourceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(PART_BYTES)];
        let put = host::ask(Ask::ReplaceOffer { offer: self.offer.0, at: self.at, part });
        put.map_err(|error| io::Error::other(error.reason().to_string()))?;
        self.at += part.len() as u64;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How to load a source: what it is called, and what its actors may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadSource {
    pub(crate) label: String,
    pub(crate) manifest: Option<Vec<u8>>,
    pub(crate) signatures: Vec<Vec<u8>>,
    pub(crate) allow: Option<Vec<String>>,
}

impl LoadSource {
    /// A source with this label, of at most 256 bytes, whose actors get no rights besides what all may.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_wit(options: sources::LoadOptions<'_>) -> Self {
        Self {
            label: options.label.to_string(),
            manifest: options.manifest.map(<[u8]>::to_vec),
            signatures: options.signatures.iter().map(|file| file.to_vec()).collect(),
            allow: options.allow.map(|rights| rights.iter().map(ToString::to_string).collect()),
        }
    }

    /// With a manifest, and the signature files that somebody has made of it.
    #[must_use]
    pub fn signed(mut self, manifest: Vec<u8>, signatures: Vec<Vec<u8>>) -> Self {
        (self.manifest, self.signatures) = (Some(manifest), signatures);
        self
    }

    /// Gives its actors a right that this actor has, or, where it has a manifest, lets them have that of those that it wants, and
    /// no others.
    #[must_use]
    pub fn allow(mut self, right: impl Into<String>) -> Self {
        self.allow.get_or_insert_default().push(right.into());
        self
    }
}

/// Sources are to be judged, this one among them. [`crate::SourceAuthority`] sees to all of them; an actor without one takes them by
/// [`Context::next_offer`]. However many are offered until it is handled, one of these comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidateSource {
    /// The SHA-256 of its bytes as submitted.
    pub hash: String,
    /// Words of its submitter about it.
    pub info: String,
}

/// A source can be created from, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUpdate {
    /// The source's name.
    pub hash: String,
    /// Words of its authority about it, or of its submitter.
    pub info: String,
    /// Whether it can be created from now.
    pub loaded: bool,
}

/// The answer to [`Context::load_source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedSource {
    /// The source's name.
    pub hash: String,
    /// That it can be created from, or why not.
    pub outcome: std::result::Result<(), String>,
}

impl LoadedSource {
    /// The type name of what tells that a source is loaded.
    pub(crate) const LOADED: &str = "thespian:source-loaded";
    /// The same of one that was refused.
    pub(crate) const REFUSED: &str = "thespian:source-refused";
}

impl From<wit::SourceCheck> for ValidateSource {
    fn from(check: wit::SourceCheck) -> Self {
        Self { hash: check.hash, info: check.info }
    }
}

impl From<wit::SourceUpdate> for SourceUpdate {
    fn from(update: wit::SourceUpdate) -> Self {
        Self { hash: update.hash, info: update.info, loaded: update.loaded }
    }
}

impl Context {
    /// Makes this actor the authority over the sources of its host, or ends that. The last that registers is the authority. An
    /// actor that the host's configuration names as the authority is it without.
    ///
    /// # Errors
    /// The source was loaded without the right to `authority`.
    pub fn register_authority(&mut self, on: bool) -> Result {
        host::ask(Ask::RegisterAuthority { on }).map(drop)
    }

    /// The first of the sources in this actor's hands behind `after`, or the first of all.
    #[must_use]
    pub fn next_offer(&self, after: Option<OfferId>) -> Option<SourceOffer> {
        let after = after.map_or(0, |offer| offer.0);
        // A host never refuses.
        let next = host::ask(Ask::NextOffer { after }).map(host::Answer::offer);
        next.ok().flatten().map(SourceOffer::from_wit)
    }

    /// Says what becomes of an offer: approved, or refused for this reason, which whoever loads it is told.
    ///
    /// # Errors
    /// The source was loaded without the right to `authority`, or there is no such right or limit as the approval names.
    pub fn judge_source(&mut self, offer: OfferId, verdict: std::result::Result<&Approval, &str>) -> Result {
        let Approval { label, rights, limits } = match verdict {
            Ok(approval) => approval,
            Err(why) => return host::ask(Ask::JudgeOffer { offer: offer.0, verdict: Err(why) }).map(drop),
        };
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        let integer = |most: &i64| wit::ValueParam::Integer(*most);
        let limits: Vec<_> = limits.iter().map(|(name, most)| (name.as_str(), integer(most))).collect();
        let approval = sources::Approval { label: label.as_deref(), rights: &rights, limits: &limits };
        host::ask(Ask::JudgeOffer { offer: offer.0, verdict: Ok(approval) }).map(drop)
    }

    /// Loads a source, and returns its name: the SHA-256 of its bytes. A [`LoadedSource`] tells when actors can be created from it,
    /// or why they can't; a create may come before, and waits.
    ///
    /// # Errors
    /// The source of this actor was loaded without the right to `sources`, or a bound is reached.
    pub fn load_source(&mut self, bytes: &[u8], options: &LoadSource) -> Result<String> {
        for (at, part) in (0..).step_by(PART_BYTES).zip(bytes.chunks(PART_BYTES)) {
            self.load_part(at, part)?;
        }
        self.load_given(options)
    }

    /// Gives the host a part of a source that is to be loaded by [`Context::load_given`]: from `at` on, and what was given there or
    /// behind it is gone; 0 begins anew. For sources that do not fit into this actor's memory.
    ///
    /// # Errors
    /// As [`Context::load_source`]; or there would be a gap.
    pub fn load_part(&mut self, at: u64, part: &[u8]) -> Result {
        host::ask(Ask::LoadPart { at, part }).map(drop)
    }

    /// Loads what [`Context::load_part`] has given.
    ///
    /// # Errors
    /// As [`Context::load_source`]; or nothing was given.
    pub fn load_given(&mut self, options: &LoadSource) -> Result<String> {
        let LoadSource { label, manifest, signatures, allow } = options;
        let signatures: Vec<&[u8]> = signatures.iter().map(Vec::as_slice).collect();
        let allow: Option<Vec<&str>> =
            allow.as_ref().map(|rights| rights.iter().map(String::as_str).collect());
        let (manifest, allow) = (manifest.as_deref(), allow.as_deref());
        let options = sources::LoadOptions { label, manifest, signatures: &signatures, allow, extra: &[] };
        host::ask(Ask::LoadSource { options }).map(host::Answer::hash)
    }

    /// Lets no more actors be created from a source. Those that run go on.
    ///
    /// # Errors
    /// The source of this actor was loaded without the right to `sources`, or this is no hash.
    pub fn unload_source(&mut self, hash: &str) -> Result {
        host::ask(Ask::UnloadSource { source: hash }).map(drop)
    }

    /// Lets this actor hear of the host's sources, by [`SourceUpdate`], or no longer: of each that is there, and of each that comes
    /// or goes.
    ///
    /// # Errors
    /// The source of this actor was loaded without the right to `sources`.
    pub fn notify_on_sources(&mut self, on: bool) -> Result {
        host::ask(Ask::NotifySources { on }).map(drop)
    }
}

impl TryFrom<wit::MessageResult> for LoadedSource {
    type Error = Error;

    fn try_from(message: wit::MessageResult) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Payload {
            hash: String,
            reason: Option<String>,
        }
        let Payload { hash, reason } = serde_json::from_slice(&message.payload)?;
        let is_loaded = message.type_name == Self::LOADED;
        let outcome = if is_loaded { Ok(()) } else { Err(reason.unwrap_or_default()) };
        Ok(Self { hash, outcome })
    }
}
