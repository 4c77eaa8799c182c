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
