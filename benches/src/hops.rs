//! What it costs at best to hand a message from one task to another, to copy it, and to send it through a socket.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::stats::{Cost, Watch, thread_cpu};

/// Messages that a channel holds: what tokio's users take by default.
const CHANNEL_LEN: usize = 64;

/// Two workers, as a node on two cores has.
///
/// # Errors
/// The system gives no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// `members` tasks in a ring pass `tokens` on until `hops` hops are made: full rounds, so about as many.
///
/// # Panics
/// Never: the channels outlive the run.
pub fn ring(runtime: &Runtime, members: usize, tokens: u64, size: usize, hops: u64) -> Cost {
    let channels: Vec<_> =
        (0..members).map(|_| mpsc::channel::<Vec<u8>>(CHANNEL_LEN.max(tokens as usize))).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let each = (hops / members as u64).max(tokens);
    let (end, ended) = oneshot::channel();
    let mut end = Some(end);
    let mut tasks = Vec::new();
    for (place, mut receiver) in receivers.into_iter().enumerate() {
        let next = senders[(place + 1) % members].clone();
        let mut end = if place == 0 { end.take() } else { None };
        tasks.push(async move {
            let is_head = end.is_some();
            let mut left = each;
            while let Some(token) = receiver.recv().await {
                look(&token);
                left -= 1;
                let is_last_lap = is_head && left < tokens;
                if !is_last_lap && next.send(token).await.is_err() {
                    return;
                }
                if left == 0 {
                    if let Some(end) = end.take() {
                        // Whoever waits for it is still there.
                        let _ = end.send(());
                    }
                    return;
                }
            }
        });
    }
    let first = senders[1 % members].clone();
    drop(senders);
    let watch = Watch::start();
    for task in tasks {
        spawn(runtime.handle(), task);
    }
    runtime.block_on(async {
        for _ in 0..tokens {
            // Its channel has room for all of them.
            let _ = first.send(vec![0; size]).await;
        }
        drop(first);
        ended.await.expect("the head sends it at the end");
    });
    watch.stop()
}

/// `producers` tasks send `count` fresh messages to one.
///
/// # Panics
/// Never: nobody drops the channel.
pub fn stream(runtime: &Runtime, producers: u64, size: usize, count: u64) -> Cost {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(CHANNEL_LEN);
    let each = count / producers;
    let watch = Watch::start();
    for _ in 0..producers {
        let sender = sender.clone();
        spawn(runtime.handle(), async move {
            let template = vec![1; size];
            for _ in 0..each {
                if sender.send(template.clone()).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let (end, ended) = oneshot::channel();
    spawn(runtime.handle(), async move {
        while let Some(message) = receiver.recv().await {
            look(&message);
        }
        let _ = end.send(());
    });
    runtime.block_on(ended).expect("the receiver sends it at the end");
    watch.stop()
}

/// Detached: it ends with its channels.
fn spawn(handle: &Handle, task: impl Future<Output = ()> + Send + 'static) {
    drop(handle.spawn(task));
}

fn look(message: &[u8]) {
    black_box((message.len(), message.first(), message.last()));
}

/// CPU time of copying `size` bytes twice, from and to places that no cache holds, in nanoseconds.
#[must_use]
pub fn two_copies_ns(size: usize, rounds: usize) -> f64 {
    /// Several times what the last level of a large processor's cache holds.
    const BYTES: usize = 256 << 20;

    let places = (BYTES / size / 3).max(1);
    let template = vec![1_u8; size];
    let make = || -> Vec<Vec<u8>> { (0..places).map(|_| template.clone()).collect() };
    let (first, mut second, mut third) = (make(), make(), make());
    let begun = thread_cpu();
    for round in 0..rounds {
        // Far from its neighbour, so that nothing is fetched ahead.
        let place = round.wrapping_mul(7_919) % places;
        second[place].copy_from_slice(&first[place]);
        third[place].copy_from_slice(&second[place]);
        black_box(&third[place]);
    }
    (thread_cpu() - begun).as_secs_f64() * 1e9 / rounds as f64
}

/// Answers each request of `request` bytes with `reply` bytes, until the connection ends.
///
/// # Errors
/// As the socket says.
pub async fn serve(path: &Path, request: usize, reply: usize, ready: impl FnOnce()) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    ready();
    let (mut stream, _) = listener.accept().await?;
    let task = async move {
        let (mut asked, answer) = (vec![0; request], vec![1; reply]);
        while stream.read_exact(&mut asked).await.is_ok() {
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    };
    // In a task, as a node's connections are.
    let _ = Handle::current().spawn(task).await;
    Ok(())
}

/// Times round trips.
///
/// # Errors
/// As the socket says.
pub async fn round_trips(path: &Path, request: usize, reply: usize, count: u64) -> io::Result<Vec<Duration>> {
    let mut stream = UnixStream::connect(path).await?;
    let (ask, mut answer) = (vec![0; request], vec![1; reply]);
    let mut times = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let begun = Instant::now();
        stream.write_all(&ask).await?;
        stream.read_exact(&mut answer).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
