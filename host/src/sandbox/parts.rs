//! Sources on their way, piece by piece: what an actor reads of those that it is to judge, what it puts in their place, and what it
//! gives of those that it loads.

use bytes::Bytes;
use thespian_core::address::ActorAddress;
use thespian_core::limits::{SOURCE_BYTES_MAX, SOURCE_PART_BYTES_MAX};
use thespian_core::source::{OfferId, Rights, RunHash, SourceHash};

/// A source in the hands of an actor.
#[derive(Clone, Debug)]
pub struct OfferInHands {
    /// Names the offer.
    pub id: OfferId,
    /// The hash of its bytes, as submitted.
    pub hash: SourceHash,
    /// How many bytes that are.
    pub size: u64,
    /// Its submitter's words about it.
    pub label: String,
    /// The rights that its loader would give it, or let it have.
    pub rights: Rights,
    /// Its manifest, as it came.
    pub manifest: Option<Bytes>,
    /// The signature files of its manifest, as they came.
    pub signatures: Vec<Bytes>,
    /// The actor that loads it.
    pub loader: Option<ActorAddress>,
}

/// The reason why no part is read, put or given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Somebody else judges it, or it is judged.
    #[error("offer {} is not in the actor's hands", .0.0)]
    NotInHands(OfferId),
    /// There would be a gap before it.
    #[error("a part begins at {at}, and there are {len} bytes")]
    Gap {
        /// Where it would begin.
        at: u64,
        /// As many as there are.
        len: usize,
    },
    /// The part is too long.
    #[error("a part has at most {SOURCE_PART_BYTES_MAX} bytes, not {0}")]
    PartTooLong(usize),
    /// The whole would be too long.
    #[error("a source has at most {SOURCE_BYTES_MAX} bytes")]
    TooLong,
    /// Too much is on its way already.
    #[error("{0}")]
    NoRoom(String),
    /// Nothing was given.
    #[error("nothing of a source was given: `load-part` comes first")]
    Nothing,
    /// The papers of a source are beyond a bound.
    #[error("{0}")]
    Papers(String),
}

/// An actor's side of sources that are on their way. Nothing here waits: it is called from within turns.
pub trait SourceParts {
    /// The first offer in the actor's hands behind this one.
    fn next_offer(&self, after: OfferId) -> Option<OfferInHands>;

    /// Bytes of an offer from `at` on, at most `len`.
    ///
    /// # Errors
    /// It is not in the actor's hands.
    fn read(&self, offer: OfferId, at: u64, len: usize) -> Result<Bytes, PartError>;

    /// Puts bytes in the place of an offer's, from `at` on.
    ///
    /// # Errors
    /// It is not in the actor's hands, there would be a gap, or there is no room.
    fn replace(&self, offer: OfferId, at: u64, part: &[u8]) -> Result<(), PartError>;

    /// Names what was put in the place of an offer's bytes, if anything was: it changes no more until something is put there anew.
    fn replaced(&self, offer: OfferId) -> Option<RunHash>;

    /// Takes bytes of a source that the actor is about to load, from `at` on.
    ///
    /// # Errors
    /// There would be a gap, or there is no room.
    fn give(&self, at: u64, part: &[u8]) -> Result<(), PartError>;

    /// Names what was given, and its size.
    ///
    /// # Errors
    /// Nothing was, or the papers that are to come with it are beyond a bound.
    fn given(
        &self,
        manifest: Option<Vec<u8>>,
        signatures: Vec<Vec<u8>>,
    ) -> Result<(SourceHash, u64), PartError>;

    /// Keeps what [`Self::given`] has named for the load that this question asks for.
    fn stage(&self, request: u64);
}

/// For whoever has nothing to do with sources.
pub struct NoParts;

impl SourceParts for NoParts {
    fn next_offer(&self, _after: OfferId) -> Option<OfferInHands> {
        None
    }

    fn read(&self, offer: OfferId, _at: u64, _len: usize) -> Result<Bytes, PartError> {
        Err(PartError::NotInHands(offer))
    }

    fn replace(&self, offer: OfferId, _at: u64, _part: &[u8]) -> Result<(), PartError> {
        Err(PartError::NotInHands(offer))
    }

    fn replaced(&self, _offer: OfferId) -> Option<RunHash> {
        None
    }

    fn give(&self, _at: u64, _part: &[u8]) -> Result<(), PartError> {
        Err(PartError::NoRoom("there is no room for sources".to_owned()))
    }

    fn given(
        &self,
        _manifest: Option<Vec<u8>>,
        _signatures: Vec<Vec<u8>>,
    ) -> Result<(SourceHash, u64), PartError> {
        Err(PartError::Nothing)
    }

    fn stage(&self, _request: u64) {}
}
