//! Bytes of sources that are on their way in: the room that they have together, and each source as it comes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thespian_core::address::ActorAddress;
use thespian_core::limits::{OFFERED_BYTES_MAX, SOURCE_BYTES_MAX, SOURCE_LABEL_LEN_MAX, cut, source_size};
use thespian_core::source::SourceHash;
use thespian_core::wire::control::ControlError;

use crate::input;
use crate::sandbox::PartError;
use crate::signing::SourcePapers;

/// Memory that is not given back for so few bytes.
const PART_BYTES: usize = 64 << 10;

/// A source that configuration names, as it was read.
pub(crate) struct NamedSource {
    pub(crate) bytes: Bytes,
    pub(crate) hash: SourceHash,
    /// The name of its file.
    pub(crate) label: String,
}

impl NamedSource {
    /// Reads a component. It may have to wait for the disk.
    ///
    /// # Errors
    /// It can't be read, or has not the size of a source.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let bytes = input::read_named(file, SOURCE_BYTES_MAX).map_err(|error| error.to_string())?;
        source_size(bytes.len() as u64).map_err(|error| error.to_string())?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hash = SourceHash(Sha256::digest(&bytes).into());
        Ok(Self { bytes: bytes.into(), hash, label: cut(name, SOURCE_LABEL_LEN_MAX) })
    }
}

/// Room for the bytes of all sources that are on their way in.
#[derive(Default)]
pub(crate) struct Rooms {
    bytes_taken: AtomicUsize,
}

impl Rooms {
    /// Takes room for a source of so many bytes, before they come, and for its papers.
    ///
    /// # Errors
    /// Too much is on its way in already.
    pub(crate) fn take(
        self: &Arc<Self>,
        loader: ActorAddress,
        size: usize,
        papers: usize,
    ) -> Result<OfferRoom, ControlError> {
        let bytes = size.saturating_add(papers);
        let next = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= OFFERED_BYTES_MAX);
        match self.bytes_taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(OfferRoom { loader, size, bytes, rooms: self.clone() }),
            Err(taken) => Err(full(taken, bytes)),
        }
    }
}

fn full(taken: usize, bytes: usize) -> ControlError {
    ControlError::LimitReached(format!(
        "sources of {taken} bytes are on their way in, this one has {bytes}, and at most {OFFERED_BYTES_MAX} \
         may be: load it when they are loaded"
    ))
}

/// Room for the bytes of one source, taken before they come. Given back when dropped.
pub(crate) struct OfferRoom {
    /// The endpoint of whoever loads.
    loader: ActorAddress,
    size: usize,
    /// Those of the source, and of its papers.
    bytes: usize,
    rooms: Arc<Rooms>,
}

impl OfferRoom {
    /// The size of the source.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// So many bytes have room, with those of its papers.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it larger or smaller.
    ///
    /// # Errors
    /// Too much is on its way in already. It stays as it was.
    fn resize(&mut self, size: usize) -> Result<(), ControlError> {
        self.take(self.bytes - self.size + size)?;
        self.size = size;
        Ok(())
    }

    /// Has room for so many bytes of papers besides.
    ///
    /// # Errors
    /// As [`Self::resize`].
    fn add(&mut self, papers: usize) -> Result<(), ControlError> {
        self.take(self.bytes + papers)
    }

    fn take(&mut self, after: usize) -> Result<(), ControlError> {
        let before = self.bytes;
        let next = |taken: usize| {
            (taken - before).checked_add(after).filter(|taken| *taken <= OFFERED_BYTES_MAX || after <= before)
        };
        match self.rooms.bytes_taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => {
                self.bytes = after;
                Ok(())
            }
            Err(taken) => Err(full(taken - before, after)),
        }
    }
}

impl Drop for OfferRoom {
    fn drop(&mut self) {
        self.rooms.bytes_taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The bytes of a source that somebody offers.
pub(crate) struct SourceBytes {
    hash: SourceHash,
    bytes: Bytes,
    papers: Arc<SourcePapers>,
    room: OfferRoom,
}

impl SourceBytes {
    pub(crate) fn new(bytes: Bytes, papers: SourcePapers, room: OfferRoom) -> Self {
        let hash = SourceHash(Sha256::digest(&bytes).into());
        Self { hash, bytes, papers: Arc::new(papers), room }
    }

    /// The bytes themselves.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The name of the source: the hash of its bytes.
    pub(crate) const fn hash(&self) -> SourceHash {
        self.hash
    }

    /// The size of the source, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The papers that came with it.
    pub(crate) const fn papers(&self) -> &Arc<SourcePapers> {
        &self.papers
    }

    /// The endpoint or actor of whoever loads it.
    pub(crate) const fn loader(&self) -> ActorAddress {
        self.room.loader
    }
}

/// The bytes of a source that come piece by piece, in a room that grows with them.
pub(crate) struct GrowingSource {
    bytes: Vec<u8>,
    room: OfferRoom,
}

impl GrowingSource {
    /// A source of which nothing has come yet.
    pub(crate) const fn new(rooms: Arc<Rooms>, loader: ActorAddress) -> Self {
        Self { bytes: Vec::new(), room: OfferRoom { loader, size: 0, bytes: 0, rooms } }
    }

    /// Takes a part from `at` on. What was there or behind it goes.
    ///
    /// # Errors
    /// There would be a gap, or there is no room. Nothing is changed.
    pub(crate) fn put(&mut self, at: u64, part: &[u8]) -> Result<(), PartError> {
        let len = self.bytes.len();
        let at = usize::try_from(at).ok().filter(|at| *at <= len).ok_or(PartError::Gap { at, len })?;
        let size = at + part.len();
        if size > SOURCE_BYTES_MAX {
            return Err(PartError::TooLong);
        }
        self.room.resize(size).map_err(|error| PartError::NoRoom(error.to_string()))?;
        self.bytes.truncate(at);
        self.bytes.extend_from_slice(part);
        // What has gone takes no memory either.
        if self.bytes.capacity() > 2 * size.max(PART_BYTES) {
            self.bytes.shrink_to(size);
        }
        Ok(())
    }

    /// Whether nothing has come.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// No more comes, but these papers.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn whole(mut self, papers: SourcePapers) -> Result<SourceBytes, PartError> {
        self.room.add(papers.len()).map_err(|error| PartError::NoRoom(error.to_string()))?;
        Ok(SourceBytes::new(self.bytes.into_boxed_slice().into(), papers, self.room))
    }
}

#[cfg(test)]
mod tests {
    use thespian_core::address::HostId;

    use super::*;

    const LOADER: ActorAddress = ActorAddress::new(HostId(0), 1);

    #[test]
    fn what_is_on_its_way_in_is_bounded_and_what_has_come_gives_its_room_back() {
        let rooms = Arc::<Rooms>::default();
        let all = rooms.take(LOADER, OFFERED_BYTES_MAX - 10, 10).unwrap_or_else(|error| panic!("{error}"));
        for bytes in [1, OFFERED_BYTES_MAX, usize::MAX] {
            assert!(matches!(rooms.take(LOADER, bytes, 0), Err(ControlError::LimitReached(_))));
        }
        drop(SourceBytes::new(Bytes::new(), SourcePapers::default(), all));
        assert!(rooms.take(LOADER, OFFERED_BYTES_MAX - 10, 10).is_ok());
        assert_eq!(rooms.bytes_taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_comes_piece_by_piece_takes_room_as_it_comes_and_leaves_no_gap() {
        let rooms = Arc::<Rooms>::default();
        let taken = || rooms.bytes_taken.load(Ordering::Relaxed);
        let mut source = GrowingSource::new(rooms.clone(), LOADER);
        source.put(0, b"abcd").unwrap();
        assert_eq!(source.put(5, b"x"), Err(PartError::Gap { at: 5, len: 4 }));
        source.put(2, b"xyz").unwrap();
        assert_eq!((taken(), &source.bytes[..]), (5, &b"abxyz"[..]));
        source.put(1, b"").unwrap();
        assert_eq!(taken(), 1);
        assert_eq!(source.put(1, &vec![0; SOURCE_BYTES_MAX]), Err(PartError::TooLong));

        let rest = rooms.take(LOADER, OFFERED_BYTES_MAX - 1, 0).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(source.put(1, b"b"), Err(PartError::NoRoom(_))));
        assert_eq!((taken(), &source.bytes[..]), (OFFERED_BYTES_MAX, &b"a"[..]), "it stays as it was");
        drop(rest);
        drop(source.whole(SourcePapers::default()));
        assert_eq!(taken(), 0);
    }
}
