//! Sources whose bytes are on their way over one connection. Each has its room from its announcement on, and keeps it no
//! longer than [`UPLOAD_TIME_MAX`], whatever its client does.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use thespian_core::limits::{SOURCE_BYTES_MAX, UPLOAD_CHUNK_BYTES, UPLOAD_TIME_MAX};
use thespian_core::wire::control::ControlError;
use tokio::time::Instant;

use crate::offers::{OfferRoom, SourceBytes};
use crate::session::LoadOptions;

/// The uploads of one connection, by their questions.
#[derive(Default)]
pub(super) struct Uploads {
    coming: HashMap<u64, Upload>,
}

struct Upload {
    options: LoadOptions,
    size: usize,
    bytes: BytesMut,
    room: OfferRoom,
    due: Instant,
}

/// A source of which all has come.
pub(super) struct Uploaded {
    pub(super) bytes: SourceBytes,
    pub(super) options: LoadOptions,
}

/// How far an upload is with one more piece.
pub(super) enum Gathered {
    /// So many bytes have come, and not all.
    Part(u64),
    /// All of it.
    Whole(Uploaded),
}

impl Uploads {
    pub(super) fn len(&self) -> usize {
        self.coming.len()
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.coming.contains_key(&id)
    }

    /// Whether one of so many bytes, with its papers, may come beside the others.
    ///
    /// # Errors
    /// All together would be more than one source may have.
    pub(super) fn check_size(&self, size: usize) -> Result<(), ControlError> {
        let announced: usize = self.coming.values().map(|upload| upload.room.bytes()).sum();
        if announced + size > SOURCE_BYTES_MAX {
            let error = "finish the other uploads of this connection first";
            return Err(ControlError::Upload(error.to_string()));
        }
        Ok(())
    }

    /// An upload is announced, and has its room.
    pub(super) fn begin(&mut self, now: Instant, id: u64, options: LoadOptions, room: OfferRoom) {
        let (size, due) = (room.size(), now + UPLOAD_TIME_MAX);
        self.coming.insert(id, Upload { options, size, bytes: BytesMut::new(), room, due });
    }

    /// Takes a piece. Nothing comes of one whose upload was refused, taken back or dropped: it was on its way.
    ///
    /// # Errors
    /// The upload has other pieces than it may, or more than it announced.
    pub(super) fn add(&mut self, id: u64, data: &Bytes) -> Result<Option<Gathered>, String> {
        let Some(upload) = self.coming.get_mut(&id) else { return Ok(None) };
        if data.is_empty() || data.len() > UPLOAD_CHUNK_BYTES || upload.bytes.len() + data.len() > upload.size
        {
            return Err(format!("upload {id} sends other bytes than it announced"));
        }
        if upload.bytes.is_empty() {
            // All at once: a buffer that grows doubles, and would take more than the room.
            upload.bytes.reserve(upload.size);
        }
        upload.bytes.extend_from_slice(data);
        let received = upload.bytes.len();
        if received < upload.size {
            return Ok(Some(Gathered::Part(received as u64)));
        }
        Ok(self.coming.remove(&id).map(|Upload { options, bytes, room, .. }| {
            let bytes = SourceBytes::new(bytes.freeze(), options.papers.clone(), room);
            Gathered::Whole(Uploaded { bytes, options })
        }))
    }

    /// Drops an upload, whose room is then free. False: there is none.
    pub(super) fn cancel(&mut self, id: u64) -> bool {
        self.coming.remove(&id).is_some()
    }

    /// Waits until an upload is overdue, drops it, and says which it was: with no upload, for ever. Loses nothing where
    /// it is dropped itself.
    pub(super) async fn overdue(&mut self) -> u64 {
        let first = self.coming.iter().map(|(id, upload)| (upload.due, *id)).min();
        let Some((due, id)) = first else { return std::future::pending().await };
        tokio::time::sleep_until(due).await;
        self.coming.remove(&id);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use thespian_core::address::{ActorAddress, HostId};
    use thespian_core::limits::OFFERED_BYTES_MAX;

    use super::*;

    const LOADER: ActorAddress = ActorAddress::new(HostId(0), 1);
    use crate::offers::Rooms;

    fn in_runtime<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
    }

    #[test]
    fn what_has_not_come_in_time_gives_its_room_back() {
        let rooms = Arc::<Rooms>::default();
        let now = Instant::now();
        let long_ago = now - UPLOAD_TIME_MAX - Duration::from_secs(1);
        let mut uploads = Uploads::default();
        let mut begin = |begun, id, size| {
            let room = rooms.take(LOADER, size, 0).unwrap_or_else(|error| panic!("{error}"));
            uploads.begin(begun, id, LoadOptions::default(), room);
        };
        begin(long_ago + Duration::from_millis(1), 1, 1_000);
        begin(long_ago, 2, OFFERED_BYTES_MAX - 1_001);
        begin(now, 3, 1);
        // A piece now and then makes no difference.
        assert!(matches!(uploads.add(2, &Bytes::from_static(b"x")), Ok(Some(Gathered::Part(1)))));
        in_runtime(async {
            assert_eq!(uploads.overdue().await, 2, "the one that began first");
            drop(rooms.take(LOADER, OFFERED_BYTES_MAX - 1_001, 0).unwrap_or_else(|error| panic!("{error}")));
            assert_eq!(uploads.overdue().await, 1);
            assert_eq!(uploads.overdue().now_or_never(), None, "the last one has its time");
        });
        assert!(matches!(uploads.add(2, &Bytes::from_static(b"late")), Ok(None)));
        assert!(uploads.contains(3) && uploads.len() == 1);
    }

    #[test]
    fn an_upload_takes_no_more_memory_than_its_room() {
        let rooms = Arc::<Rooms>::default();
        let size = 3 * UPLOAD_CHUNK_BYTES + 1;
        let room = rooms.take(LOADER, size, 0).unwrap_or_else(|error| panic!("{error}"));
        let mut uploads = Uploads::default();
        uploads.begin(Instant::now(), 1, LoadOptions::default(), room);
        assert_eq!(uploads.coming[&1].bytes.capacity(), 0, "announced, and nothing has come");
        let chunk = Bytes::from(vec![7; UPLOAD_CHUNK_BYTES]);
        for _ in 0..3 {
            assert!(matches!(uploads.add(1, &chunk), Ok(Some(Gathered::Part(_)))));
            assert_eq!(uploads.coming[&1].bytes.capacity(), size);
        }
        let Ok(Some(Gathered::Whole(whole))) = uploads.add(1, &chunk.slice(..1)) else {
            panic!("all of it has come");
        };
        assert_eq!(whole.bytes.size(), size as u64);
    }
}
