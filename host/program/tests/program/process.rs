//! Runs the program and waits for it under one deadline; folders that are gone afterwards; texts compared with files.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::timeout;

/// Generous: it ends a test that would hang, and measures nothing.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_thespian-host");

/// A private folder that goes with its value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("thespian-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A data directory inside.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The component of the first lesson: a copy, for `demo` may build the original anew meanwhile.
pub(crate) fn hello() -> &'static str {
    static COPY: LazyLock<String> = LazyLock::new(|| {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hello-{}.wasm", std::process::id()));
        fs::write(&copy, thespian_guests::bytes(thespian_guests::HELLO)).unwrap();
        copy.to_str().unwrap().to_string()
    });
    &COPY
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, if it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// What it printed as JSON, if it ended well.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What it said, if it ended with this code and printed no result.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:#?}");
        self.stderr
    }
}

/// The program in an environment that says nothing of the machine or of whoever runs the tests.
pub(crate) fn program<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ended {
    finish(&mut program(args))
}

pub(crate) fn finish(command: &mut Command) -> Ended {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    end(child)
}

/// Waits for a process; kills it at the deadline.
#[track_caller]
pub(crate) fn end(child: Child) -> Ended {
    let pid = Pid::from_child(&child);
    let (ended, end) = sync_channel(1);
    thread::spawn(move || ended.send(child.wait_with_output()));
    match end.recv_timeout(DEADLINE) {
        Ok(output) => {
            let output = output.unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
        }
        Err(_) => {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("it did not end in time");
        }
    }
}

/// Waits until something is there of which nobody tells.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < DEADLINE, "it does not come in time");
        thread::yield_now();
    }
}

/// Runs what a program within this one does.
pub(crate) fn within<T>(program: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(DEADLINE, program).await.expect("it is done in time") })
}

/// The lines of a stream as they come.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn new(stream: impl Read + Send + 'static) -> Self {
        let (lines, receiver) = sync_channel(1_000);
        thread::spawn(move || {
            let all = BufReader::new(stream).lines().map_while(Result::ok);
            // Whoever looked may be gone.
            for line in all {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Those that are there.
    pub(crate) fn come(&self) -> impl Iterator<Item = String> {
        self.0.try_iter()
    }

    /// `None` when the stream ends.
    pub(crate) fn try_next(&self) -> Option<String> {
        self.0.recv_timeout(DEADLINE).ok()
    }

    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(DEADLINE).expect("a line comes in time")
    }
}

/// A node that runs as a process of its own; ended with its value.
pub(crate) struct RunningNode {
    pub(crate) folder: Folder,
    pub(crate) data: PathBuf,
    pub(crate) ready: Value,
    pub(crate) lines: Lines,
    child: Option<Child>,
}

impl RunningNode {
    /// A node that loads everything.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--authority", "trust-all"])
    }

    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_in(Folder::new(), args)
    }

    pub(crate) fn start_in(folder: Folder, args: &[&str]) -> Self {
        Self::start_by(folder, |arguments| program(arguments.iter().chain(args)))
    }

    /// One that finds no code which others have compiled.
    pub(crate) fn start_with_own_cache() -> Self {
        let folder = Folder::new();
        let cache = folder.data().join("cache");
        Self::start_in(folder, &["--authority", "trust-all", "--cache-dir", cache.to_str().unwrap()])
    }

    /// By a command that is made of the arguments that any node here has.
    pub(crate) fn start_by(folder: Folder, command: impl FnOnce(&[&str]) -> Command) -> Self {
        let log = fs::File::create(folder.path().join("stderr")).unwrap();
        Self::start_with_stderr(folder, log, command)
    }

    /// One whose stderr goes elsewhere.
    pub(crate) fn start_to(folder: Folder, args: &[&str], stderr: impl Into<Stdio>) -> Self {
        Self::start_with_stderr(folder, stderr, |arguments| program(arguments.iter().chain(args)))
    }

    fn start_with_stderr(
        folder: Folder,
        stderr: impl Into<Stdio>,
        command: impl FnOnce(&[&str]) -> Command,
    ) -> Self {
        let data = folder.data();
        Self::start_at(folder, data, stderr, command)
    }

    /// One with its data directory elsewhere too.
    pub(crate) fn start_at(
        folder: Folder,
        data: PathBuf,
        stderr: impl Into<Stdio>,
        command: impl FnOnce(&[&str]) -> Command,
    ) -> Self {
        let mut command = command(&["run", "--json", "--data-dir", data.to_str().unwrap()]);
        // Each component is compiled once for all nodes.
        command.env("THESPIAN_HOST_CACHE_DIR", thespian_guests::code_dir());
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        drop(command);
        let lines = Lines::new(child.stdout.take().unwrap());
        let first = lines.0.recv_timeout(DEADLINE);
        let Ok(first) = first else {
            let _ = child.kill();
            panic!("it does not start: {:?}", fs::read_to_string(folder.path().join("stderr")));
        };
        let ready: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(ready["event"], "ready");
        Self { folder, data, ready, lines, child: Some(child) }
    }

    /// The program with this node as its own.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        command.env("THESPIAN_HOST_DATA_DIR", &self.data);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        finish(&mut self.program(args))
    }

    /// A command that goes on; what it says is for whoever waits for its end.
    pub(crate) fn spawn_piped(&self, args: &[&str]) -> Child {
        self.program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A command that goes on, and the lines of its results.
    pub(crate) fn spawn(&self, args: &[&str]) -> (Child, Lines, Lines) {
        let mut child = self.program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        (child, Lines::new(stdout), Lines::new(stderr))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Waits for the end that something else brought about.
    pub(crate) fn ended(mut self) -> (Option<i32>, Folder, String) {
        let code = end(self.child.take().unwrap()).code;
        let log = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        (code, std::mem::replace(&mut self.folder, Folder(PathBuf::new())), log)
    }

    /// Loads the first lesson and creates an actor from it.
    pub(crate) fn hello(&self) -> String {
        let hash = self.run(&["load", hello()]).ok();
        self.run(&["create", hash.trim()]).ok().trim().to_string()
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Gives a command its stdin.
pub(crate) fn finish_with_stdin(command: &mut Command, text: &str) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin: ChildStdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    end(child)
}

/// Compares a text with the file of this name; `THESPIAN_BLESS=1` writes the file anew, for review.
#[track_caller]
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("THESPIAN_BLESS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; THESPIAN_BLESS=1 writes it anew", path.display());
}

/// A text without what differs from run to run or from build to build: addresses, hashes, also the first 12 digits of
/// one, and the folder.
pub(crate) fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(folder.to_str().unwrap(), "FOLDER");
    let is_digit = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let mut steady = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_digit) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|char| !is_digit(char)).unwrap_or(word.len());
        steady += before;
        steady += match &word[..end] {
            word if word.len() == 64 && word.chars().all(|char| char.is_ascii_hexdigit()) => "HASH",
            word if word.len() == 12 && word.chars().all(|char| char.is_ascii_hexdigit()) => "HASH12",
            word if word.len() == 40 && word.as_bytes()[13] == b'-' => "ADDRESS",
            word => word,
        };
        rest = &word[end..];
    }
    steady + rest
}
