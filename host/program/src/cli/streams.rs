//! stdout and stderr of a program that runs a node: each is written by a thread of its own, so that a reader who does not
//! read, or a disk that is full, holds up nothing but what it is to be shown. What is lost is counted, and said in the
//! stream where it is missing.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{panic, thread};

use rustix::event::{PollFd, PollFlags, poll};
use thespian_core::limits::LOG_QUEUE_BYTES_MAX;
use thespian_host::outlet::{Gap, Losses, Outlet, Sink};

/// How much is written at one time, in bytes.
const WRITE_BYTES: usize = 64 << 10;

/// How a stream says that so many lines of it are missing, and why: a line.
pub(super) type SayMissing = fn(u64, &str) -> String;

/// The two streams of this process.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) stdout: Arc<Outlet<Vec<u8>>>,
    pub(super) stderr: Arc<Outlet<Vec<u8>>>,
}

impl Streams {
    /// Takes both over: from here on nothing else in this process is to write them.
    pub(super) fn start(stdout_missing: SayMissing, stderr_missing: SayMissing) -> io::Result<Self> {
        let start = |name: &str, fd: BorrowedFd<'_>, say_missing| {
            let (to, losses) = (File::from(fd.try_clone_to_owned()?), Losses::default());
            let stream = StreamSink::new(to, losses.clone(), say_missing);
            Ok::<_, io::Error>(Arc::new(Outlet::start(name, LOG_QUEUE_BYTES_MAX, losses, stream)?))
        };
        let streams = Self {
            stdout: start("stdout", io::stdout().as_fd(), stdout_missing)?,
            stderr: start("stderr", io::stderr().as_fd(), stderr_missing)?,
        };
        // As it is told else, but for the wait: in whichever thread there is a panic, which may be an actor's.
        let stderr = streams.stderr.clone();
        panic::set_hook(Box::new(move |panic| {
            let thread = thread::current();
            let trace = std::backtrace::Backtrace::capture();
            let text = format!("\nthread '{}' {panic}\n", thread.name().unwrap_or("without a name"));
            let trace = match trace.status() {
                std::backtrace::BacktraceStatus::Captured => format!("{trace}\n"),
                _ => String::new(),
            };
            push(&stderr, (text + &trace).into_bytes());
        }));
        Ok(streams)
    }

    /// Waits until all is written, but not for long.
    pub(super) fn close(&self, time_max: Duration) {
        let wait = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let written = async { tokio::join!(self.stdout.written(), self.stderr.written()) };
            // Who does not read by now misses the end.
            let _ = runtime.block_on(async { tokio::time::timeout(time_max, written).await });
            Ok::<_, io::Error>(())
        };
        // On a thread of its own: whoever ends the process may be within a runtime. Without one nothing is waited for.
        thread::scope(|scope| drop(thread::Builder::new().spawn_scoped(scope, wait)));
    }
}

/// Has whole lines written. Never waits.
pub(super) fn push(stream: &Outlet<Vec<u8>>, lines: Vec<u8>) {
    let bytes = lines.len();
    stream.push(lines, bytes);
}

/// A stream of the program, at its thread.
struct StreamSink<W> {
    to: W,
    /// Bytes that are not written yet, and where in them each item ends.
    lines: Vec<u8>,
    ends: Vec<usize>,
    /// Whether what was written last is the beginning of an item.
    is_amid: bool,
    gap: Gap,
    losses: Losses,
    say_missing: SayMissing,
}

impl<W: Write + AsFd> StreamSink<W> {
    const fn new(to: W, losses: Losses, say_missing: SayMissing) -> Self {
        Self { to, lines: Vec::new(), ends: Vec::new(), is_amid: false, gap: Gap::new(), losses, say_missing }
    }

    fn add_gap(&mut self) {
        if let Some((count, why)) = self.gap.to_say() {
            let line = (self.say_missing)(count, why);
            self.lines.extend_from_slice(line.as_bytes());
            self.lines.push(b'\n');
            self.gap.say();
        }
    }

    /// Writes the lines; returns how many bytes it came to, and what stopped it there.
    fn write(&mut self) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < self.lines.len() {
            match self.to.write(&self.lines[written..]) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody who shares the stream has set it so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut writable = [PollFd::new(&self.to, PollFlags::OUT)];
                    if let Err(error) = poll(&mut writable, None)
                        && error != rustix::io::Errno::INTR
                    {
                        return (written, Err(error.into()));
                    }
                }
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }
}

impl<W: Write + AsFd + Send + 'static> Sink<Vec<u8>> for StreamSink<W> {
    fn item(&mut self, item: Vec<u8>) {
        self.add_gap();
        self.lines.extend_from_slice(&item);
        self.ends.push(self.lines.len());
        if self.lines.len() >= WRITE_BYTES {
            self.flush();
        }
    }

    fn missing(&mut self, count: u64) {
        self.gap.add_refused(count);
    }

    fn flush(&mut self) {
        self.add_gap();
        if self.lines.is_empty() {
            return;
        }
        if self.is_amid {
            // Half a line would spoil the next one.
            self.lines.insert(0, b'\n');
            self.ends.iter_mut().for_each(|end| *end += 1);
        }
        let (written, result) = self.write();
        if written > 0 {
            self.is_amid = self.lines[written - 1] != b'\n';
        }
        match result {
            Ok(()) => self.gap.written(),
            Err(error) => {
                let lost = self.ends.iter().filter(|end| **end > written).count() as u64;
                self.losses.add(lost);
                self.gap.add(lost, &error.to_string());
            }
        }
        self.lines.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    /// A file that takes so many bytes more, and then none until it is told to.
    struct Disk {
        file: File,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = self.file.write(&bytes[..bytes.len().min(self.room)])?;
            self.room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Disk {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }
    }

    fn stream(room: usize) -> StreamSink<Disk> {
        let memory = rustix::fs::memfd_create("stream", rustix::fs::MemfdFlags::empty()).unwrap();
        let disk = Disk { file: File::from(memory), room };
        StreamSink::new(disk, Losses::default(), |count, why| format!("[{count} missing: {why}]"))
    }

    fn text(stream: &mut StreamSink<Disk>) -> String {
        let mut text = String::new();
        stream.to.file.rewind().unwrap();
        stream.to.file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted_and_said_where_they_are_missing() {
        let mut stream = stream(6);
        for line in ["one\n", "two\n", "three\n"] {
            stream.item(line.into());
        }
        stream.flush();
        stream.item("four\n".into());
        stream.flush();
        assert_eq!(stream.losses.count(), 3);
        stream.to.room = 1_000;
        stream.missing(2);
        stream.item("five\n".into());
        stream.flush();
        stream.item("six\n".into());
        stream.flush();
        let expected = format!("one\ntw\n[5 missing: {}]\nfive\nsix\n", thespian_host::outlet::TOO_FAST);
        assert_eq!(text(&mut stream), expected);
    }

    #[test]
    fn what_is_missing_at_the_end_is_said_too() {
        let mut stream = stream(1_000);
        stream.item("one\n".into());
        stream.missing(7);
        stream.flush();
        assert_eq!(text(&mut stream), format!("one\n[7 missing: {}]\n", thespian_host::outlet::TOO_FAST));
    }
}
