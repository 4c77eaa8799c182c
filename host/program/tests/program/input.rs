//! What a command is given to read has a bound, whatever is at the other end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::process::{Ended, Folder, RunningNode, finish, hello, program};

const ADDRESS: &str = "0000000000001-00000000000000000000000001";
const MESSAGE: &str = "a message has at most 16 MiB (16777216 bytes)";
const SOURCE: &str = "a source has at most 32 MiB (33554432 bytes)";
const CONFIGURATION: &str = "a configuration file has at most 1 MiB (1048576 bytes)";

/// The program, for which there is no node: it must not come so far as to miss one.
fn nowhere(args: &[&str], folder: &Folder) -> Command {
    let mut command = program(args);
    command.env("THESPIAN_HOST_DATA_DIR", folder.data());
    command
}

/// With nothing but zeros on stdin, and no end of them.
fn from_endless_stdin(args: &[&str], folder: &Folder) -> Ended {
    finish(nowhere(args, folder).stdin(File::open("/dev/zero").unwrap()))
}

#[test]
fn an_endless_file_is_refused_at_the_bound_of_what_it_is_to_be() {
    let folder = Folder::new();
    let zero = "/dev/zero";
    let cases: [(&[&str], &str); 7] = [
        (&["load", zero], SOURCE),
        (&["demo", zero], SOURCE),
        (&["ask", ADDRESS, "Greet", "--bytes-file", zero], MESSAGE),
        (&["tell", ADDRESS, "Greet", "--bytes-file", zero], MESSAGE),
        (&["run", "--config", zero], CONFIGURATION),
        (&["config", "show", "--config", zero], CONFIGURATION),
        // `-` is a name like others where no stdin is offered.
        (&["load", "/dev/stdin"], SOURCE),
    ];
    for (args, told) in cases {
        let text = from_endless_stdin(args, &folder).failed(2);
        assert!(text.contains(told), "{args:?}: {text}");
    }
    let token = ["status", "--connect", "127.0.0.1:1", "--token-file", zero];
    let text = finish(&mut nowhere(&token, &folder)).failed(4);
    assert!(text.contains("is not a token file"), "{text}");
}

#[test]
fn an_endless_stdin_is_refused_at_the_bound_of_a_message() {
    let folder = Folder::new();
    for args in [
        &["ask", ADDRESS, "Greet", "-"][..],
        &["tell", ADDRESS, "Greet", "-"],
        &["ask", ADDRESS, "Greet", "--bytes-file", "-"],
        &["tell", ADDRESS, "Greet", "--bytes-file", "-"],
    ] {
        let text = from_endless_stdin(args, &folder).failed(2);
        assert!(text.contains("stdin is too long") && text.contains(MESSAGE), "{args:?}: {text}");
    }
}

/// A named pipe, and one who writes `block` into it again and again, until nobody reads any more.
fn endless_pipe(path: &Path) -> thread::JoinHandle<io::Error> {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
    let path = path.to_path_buf();
    thread::spawn(move || {
        let mut pipe = OpenOptions::new().write(true).open(path).unwrap();
        let block = [b' '; 65_536];
        loop {
            if let Err(error) = pipe.write_all(&block) {
                return error;
            }
        }
    })
}

#[test]
fn an_endless_pipe_is_refused_at_its_bound_and_its_writer_is_let_go() {
    let folder = Folder::new();
    let cases: [(&str, &[&str], &str); 3] = [
        ("source", &["load"], SOURCE),
        ("message", &["ask", ADDRESS, "Greet", "--bytes-file"], MESSAGE),
        ("config", &["run", "--config"], CONFIGURATION),
    ];
    for (name, args, told) in cases {
        let path = folder.path().join(name);
        let writer = endless_pipe(&path);
        let args = [args, &[path.to_str().unwrap()]].concat();
        let text = finish(&mut nowhere(&args, &folder)).failed(2);
        assert!(text.contains(told), "{args:?}: {text}");
        assert_eq!(writer.join().unwrap().kind(), io::ErrorKind::BrokenPipe);
    }
}

/// Puts a pipe that nobody writes in the place of a file.
fn replace_by_pipe(path: &Path) {
    // It may never have been there.
    let _ = std::fs::remove_file(path);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
}

#[test]
fn no_pipe_in_the_data_directory_holds_a_node_up() {
    let node = RunningNode::start_with_own_cache();
    node.run(&["load", hello()]).ok();
    node.run(&["stop"]).ok();
    let (_, folder, _) = node.ended();
    let data = folder.data();
    // These it makes anew.
    let cache = data.join("cache");
    let is_code = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "code");
    let files = || std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
    let code = files().find(is_code).unwrap();
    for path in [&code, &data.join("token"), &data.join("control.sock")] {
        replace_by_pipe(path);
    }
    let cache = cache.to_str().unwrap();
    let args = ["--authority", "trust-all", "--cache-dir", cache, "--listen", "127.0.0.1:0"];
    let node = RunningNode::start_in(folder, &args);
    node.run(&["load", hello()]).ok();
    node.run(&["status", "--connect", node.ready["tcp"]["address"].as_str().unwrap()]).ok();
    assert!(std::fs::symlink_metadata(&code).unwrap().is_file());
    node.run(&["stop"]).ok();
    let (_, folder, _) = node.ended();
    // And of these it says that they are none of its own.
    for name in ["cache/key", "host-id", "lock"] {
        let path = data.join(name);
        let aside = folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        replace_by_pipe(&path);
        let text = finish(&mut program(["run", "--data-dir", data.to_str().unwrap()])).failed(1);
        assert!(text.contains(path.to_str().unwrap()), "{name}: {text}");
        std::fs::rename(&aside, &path).unwrap();
    }
    drop(RunningNode::start_in(folder, &[]));
}

#[test]
fn a_pipe_that_ends_in_time_is_as_good_as_a_file() {
    let node = RunningNode::start();
    let path = node.folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    let writing = path.clone();
    let writer = thread::spawn(move || {
        let component = std::fs::read(hello()).unwrap();
        OpenOptions::new().write(true).open(writing).unwrap().write_all(&component).unwrap();
    });
    node.run(&["load", path.to_str().unwrap()]).ok();
    writer.join().unwrap();
}
