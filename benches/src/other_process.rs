//! What must run in a process of its own: this program starts itself again, and talks to it through a pipe.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;

use crate::hops;
use crate::system::{self, System};
use crate::workloads::{idle, lists};

/// The first argument of such a process.
pub(crate) const MARK: &str = "--other-process";

/// Another process; it ends when this is dropped.
pub(crate) struct OtherProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl OtherProcess {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(MARK)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start another process")?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().context("it has no output")?);
        Ok(Self { child, stdin, stdout })
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the other process ended without an answer");
        }
        Ok(line.trim().to_string())
    }

    /// Asks it to go, and returns its last line.
    pub(crate) fn end(mut self) -> anyhow::Result<String> {
        drop(self.stdin.take());
        self.line()
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        // The end of its input asks it to go.
        drop(self.stdin.take());
        // It may be gone already.
        let _ = self.child.wait();
    }
}

/// The other process.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["node", dir] => node(Path::new(dir)),
        ["echo", path, request, reply] => echo(Path::new(path), request.parse()?, reply.parse()?),
        ["idle", count] => {
            say(&idle::footprint(count.parse()?)?.to_string());
            Ok(())
        }
        ["look", socket, what] => lists::look(Path::new(socket), what, say),
        _ => bail!("unknown: {args:?}"),
    }
}

/// A node behind its control socket. Says `SOURCE ECHO`.
fn node(dir: &Path) -> anyhow::Result<()> {
    let config = NodeConfig { data_dir: Some(dir.to_path_buf()), ..system::config() };
    let runtime = hops::runtime()?;
    let component = thespian_guests::bytes(thespian_guests::BENCH_ACTORS).into();
    let system = runtime.block_on(System::start(config.clone(), component))?;
    let shell = runtime.block_on(Shell::serve(&system.node, &config))?;
    let echo = runtime.block_on(system.create("Echo"))?;
    say(&format!("{} {echo}", shell.socket().display()));
    wait_for_the_end()?;
    runtime.block_on(system.stop());
    Ok(())
}

fn echo(path: &Path, request: usize, reply: usize) -> anyhow::Result<()> {
    Ok(hops::runtime()?.block_on(hops::serve(path, request, reply, || say("ready")))?)
}

fn say(line: &str) {
    println!("{line}");
    // A pipe is written in blocks otherwise. Who asked may be gone.
    let _ = std::io::stdout().flush();
}

fn wait_for_the_end() -> anyhow::Result<()> {
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}
