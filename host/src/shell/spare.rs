//! Turning away while no descriptor is left: one is kept for that, and used for one connection at a time.

use std::fs::File;
use std::io;

use futures_util::FutureExt;
use thespian_core::limits::REFUSE_TIME_MAX;
use thespian_core::wire::hello::{HelloError, VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use super::say;
use crate::transport::{Listener, Stream};

/// The descriptor that is kept. Absent: somebody else was faster when it was to be opened again.
pub(super) struct Spare(Mutex<Option<File>>);

impl Spare {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Mutex::new(Some(open()?))))
    }

    /// Has a connection that waits know that there is no descriptor for it. False: none waits, or the descriptor
    /// has gone elsewhere.
    pub(super) async fn refuse(&self, listener: &Listener) -> bool {
        let mut spare = self.0.lock().await;
        let was_there = spare.take().is_some();
        // What was waited for may have left: the system says that there are no descriptors before it looks.
        let stream = if was_there { listener.accept().now_or_never() } else { None };
        let refused = match stream {
            Some(Ok(stream)) => {
                turn_away(stream).await;
                true
            }
            _ => false,
        };
        *spare = open().ok();
        refused
    }
}

fn open() -> io::Result<File> {
    File::open("/dev/null")
}

async fn turn_away(stream: Stream) {
    let (mut reader, mut writer) = stream.into_split();
    let told = async {
        if say(&mut writer, VERSION, &Err(HelloError::NoDescriptors)).await && writer.shutdown().await.is_ok()
        {
            // Closed before its hello is read, a connection may end without what was written to it.
            let mut hello = [0; 1_024];
            while reader.read(&mut hello).await.is_ok_and(|len| len > 0) {}
        }
    };
    // Who does not listen is not worth more of the one descriptor's time.
    let _ = tokio::time::timeout(REFUSE_TIME_MAX, told).await;
}
