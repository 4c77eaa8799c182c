//! A hundred thousand malformed frames at the real socket, while a program works.

use std::cell::Cell;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use thespian_core::limits::FRAME_BYTES_MAX;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, NodeFrame, Request};
use thespian_core::wire::hello::{self, Greeting};
use thespian_host::client::Client;
use tokio::io::AsyncWriteExt as _;

use crate::arena::{memory, within};
use crate::peers::{Peer, run_served};

const FRAMES: usize = 100_000;
/// Connections at one time.
const SIDE_BY_SIDE: usize = 16;

/// A frame whose header is right and whose body is not, or whose header is not.
fn malformed(random: &mut StdRng) -> Vec<u8> {
    let mut frame = match random.random_range(0..5) {
        // Bytes of no meaning, with a header that fits.
        0 | 1 => {
            let len = random.random_range(1..200_usize);
            let mut frame = u32::try_from(len).unwrap().to_le_bytes().to_vec();
            frame.extend((0..len).map(|_| random.random::<u8>()));
            // Without a variant that by chance would make it a question.
            let variant = random.random_range(3..u32::MAX).to_le_bytes();
            for (byte, variant) in frame[4..].iter_mut().zip(variant) {
                *byte = variant;
            }
            frame
        }
        // More than there may be, and nothing.
        2 => {
            random.random_range(u32::try_from(FRAME_BYTES_MAX).unwrap() + 1..u32::MAX).to_le_bytes().to_vec()
        }
        3 => vec![0; 4],
        // A question, with something behind it.
        _ => {
            let question = ClientFrame::Request { id: random.random(), request: Request::Status };
            let mut frame = codec::encode_frame(&question).unwrap();
            frame.push(random.random());
            let len = u32::try_from(frame.len() - 4).unwrap();
            frame[..4].copy_from_slice(&len.to_le_bytes());
            frame
        }
    };
    // Often the next bytes follow at once.
    if random.random() {
        frame.extend((0..random.random_range(0..64)).map(|_| random.random::<u8>()));
    }
    frame
}

/// Sends one malformed frame, before or after a hello, whole or as a half: the node closes.
async fn strike(socket: &Path, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let frame = malformed(&mut random);
    let before_hello = random.random();
    let mut peer = if before_hello { Peer::connect(socket).await } else { Peer::greeted(socket).await };
    if random.random_range(0..8) == 0 {
        // Leaves in the middle of a frame.
        let question = codec::encode_frame(&ClientFrame::Cancel { id: 1 }).unwrap();
        let half = random.random_range(1..question.len());
        peer.writer.write_all(&question[..half]).await.unwrap();
        return;
    }
    // The node may have closed before all is written.
    let _closed = peer.writer.write_all(&frame).await;
    // What it says, if the bytes that it did not read leave room for it, is why.
    if let Ok(Some(said)) = within("an answer", peer.reader.next()).await {
        if before_hello {
            assert!(hello::decode::<Greeting>(&said).unwrap().is_err(), "seed {seed}");
        } else {
            let said: NodeFrame = codec::decode(&said).unwrap();
            assert!(matches!(said, NodeFrame::Closing { .. }), "seed {seed}: {said:?}");
        }
    }
    let end = within("the end", peer.reader.next()).await;
    assert!(!matches!(end, Ok(Some(_))), "seed {seed}: the node goes on");
}

#[test]
fn a_hundred_thousand_malformed_frames_close_their_connections_and_nothing_else() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("again with: SEED={seed} cargo test -p thespian-hostile malformed");
    run_served(async |arena, shell| {
        let before = memory();
        let sent = Cell::new(0);
        let next = || {
            sent.set(sent.get() + 1);
            (sent.get() <= FRAMES).then(|| seed + sent.get() as u64)
        };
        let attacker = async || {
            while let Some(seed) = next() {
                strike(shell.socket(), seed).await;
            }
        };
        let storm = async {
            let mut attackers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| Box::pin(attacker())).collect();
            std::future::poll_fn(|context| {
                attackers.retain_mut(|attacker| attacker.as_mut().poll(context).is_pending());
                if attackers.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        };
        let client = Client::connect(shell.socket(), None).await.unwrap();
        arena.beside(storm).await;
        assert!(client.status().await.is_ok(), "who behaved is still connected");
        assert!(memory() < before + (64 << 20), "{} MiB more", (memory() - before) >> 20);
    });
}
