//! The compiler's process: what it may take, what it can't touch, and who may end it.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use thespian_bombs::Bomb;

use crate::process::{Folder, RunningNode, end, hello, run, until};

/// A component on which the compiler works for longer than any test waits, were it let.
fn endless(folder: &Folder) -> PathBuf {
    folder.file("endless.wasm", Bomb::Calls.appended_to(&fs::read(hello()).unwrap(), 1 << 20))
}

/// The processes that a node has started and that have not ended.
fn children(node: &RunningNode) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{}/task", node.pid())).unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let all: Vec<_> = lists.collect();
    let pids = all.iter().flat_map(|list| list.split_whitespace());
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// The field of a process's status that begins so.
fn field(pid: Pid, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
}

/// The compiler of a node that is at work behind its walls.
fn at_work(node: &RunningNode) -> Pid {
    let confined = |pid: &Pid| field(*pid, "Seccomp:").is_some_and(|mode| mode == "2");
    until(|| children(node).into_iter().find(confined))
}

#[test]
fn a_status_says_who_compiles_and_behind_which_walls() {
    let node = RunningNode::start();
    let compiler = &node.run(&["status", "--json"]).json()["compiler"];
    assert_eq!(compiler["program"], "/proc/self/exe");
    let text = node.run(&["status"]).ok();
    assert!(text.contains("\ncompiler     /proc/self/exe, in a process of its own"), "{text}");
    let (landlock, seccomp) = (&compiler["landlock"], &compiler["seccomp"]);
    if landlock == true && seccomp == true {
        assert!(text.contains("own, confined\n"), "{text}");
    } else {
        // A kernel without them: said at the start as well.
        node.run(&["stop"]).ok();
        let (_, _, log) = node.ended();
        assert!(log.contains("the kernel has"), "{log}");
    }
}

#[test]
fn a_source_that_takes_too_long_is_refused_by_its_bound_and_not_tried_again() {
    let bounds = ["--compile-cpu-ms-max", "1000", "--compile-memory-bytes-max", "4294967296"];
    let node = RunningNode::start_with(&[&["--authority", "trust-all"], &bounds[..]].concat());
    let bomb = endless(&node.folder);
    let load = ["load", bomb.to_str().unwrap()];
    let why = node.run(&load).failed(4);
    assert!(why.contains("would cost too much to compile: "), "{why}");
    assert!(
        why.contains(" ms of CPU time went by, 1000 ms are allowed; `--compile-cpu-ms-max N` allows more"),
        "{why}"
    );
    // Its bytes are known: no process is started for them, which would be there while this waits.
    let mut again = node.spawn_piped(&load);
    let mut seen = Vec::new();
    while again.try_wait().unwrap().is_none() {
        seen.extend(children(&node));
    }
    assert_eq!(end(again).failed(4), why);
    assert!(seen.is_empty(), "{seen:?}");
    assert!(!node.hello().is_empty());
}

#[test]
fn a_source_that_takes_too_much_memory_is_refused_by_its_bound() {
    let node =
        RunningNode::start_with(&["--authority", "trust-all", "--compile-memory-bytes-max", "134217728"]);
    let bomb = Bomb::Tables.appended_to(&fs::read(hello()).unwrap(), 1 << 20);
    let bomb = node.folder.file("fat.wasm", bomb);
    let why = node.run(&["load", bomb.to_str().unwrap()]).failed(4);
    assert!(why.contains("more than the 134217728 bytes of memory that are allowed"), "{why}");
    assert!(why.contains("`--compile-memory-bytes-max N` allows more"), "{why}");
    assert!(!node.hello().is_empty());
}

#[test]
fn a_compiler_that_somebody_ends_says_nothing_of_the_source() {
    let node = RunningNode::start();
    let bomb = endless(&node.folder);
    let load = ["load", bomb.to_str().unwrap()];
    for _ in 0..2 {
        // The second time it is tried again.
        let load = node.spawn_piped(&load);
        kill_process(at_work(&node), Signal::KILL).unwrap();
        let said = end(load).failed(4);
        assert!(said.contains("the compiler's process was ended: signal: 9"), "{said}");
    }
}

#[test]
fn a_compiler_has_two_pipes_and_no_wish_to_live_longer_than_its_node() {
    let node = RunningNode::start();
    let bomb = endless(&node.folder);
    let load = node.spawn_piped(&["load", bomb.to_str().unwrap()]);
    let compiler = at_work(&node);
    let raw = compiler.as_raw_nonzero();
    let open = fs::read_dir(format!("/proc/{raw}/fd")).unwrap();
    let open = open.filter_map(|entry| {
        let entry = entry.ok()?;
        let to = fs::read_link(entry.path()).ok()?.to_str()?.to_owned();
        Some((entry.file_name().to_str()?.to_owned(), to))
    });
    let mut open: Vec<_> = open.collect();
    open.sort();
    let names: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0", "1", "2"], "{open:?}");
    assert!(open.iter().all(|(_, to)| to.starts_with("pipe:")), "{open:?}");
    assert_eq!(open[1].1, open[2].1, "what it says last comes behind its answer: {open:?}");
    // No key, no home: a word to its allocator.
    assert_eq!(fs::read(format!("/proc/{raw}/environ")).unwrap(), b"MIMALLOC_ARENA_RESERVE=65536\0");
    assert_eq!(field(compiler, "NoNewPrivs:").as_deref(), Some("1"));
    node.signal(Signal::KILL);
    until(|| field(compiler, "State:").is_none_or(|state| state.starts_with('Z')).then_some(()));
    drop(load);
}

#[test]
fn a_short_one_that_waits_has_a_long_one_stopped() {
    let node = RunningNode::start_with_own_cache();
    let bombs: Vec<_> = (0..2)
        .map(|number| {
            let bytes = Bomb::Calls.appended_to(&fs::read(hello()).unwrap(), (1 << 20) + 4_096 * number);
            node.folder.file(&format!("{number}.wasm"), bytes)
        })
        .collect();
    let mut loads: Vec<_> =
        bombs.iter().map(|bomb| node.spawn_piped(&["load", bomb.to_str().unwrap()])).collect();
    until(|| (children(&node).len() == 2).then_some(()));
    let hello = node.spawn_piped(&["load", "--json", hello()]);
    let is_stopped = |pid: &Pid| field(*pid, "State:").is_some_and(|state| state.starts_with('T'));
    until(|| children(&node).into_iter().find(is_stopped));
    assert!(end(hello).json()["hash"].is_string());
    // It goes on when the short one is through.
    until(|| {
        let all = children(&node);
        let runs = |pid: &Pid| field(*pid, "State:").is_some_and(|state| state.starts_with(['R', 'S']));
        (all.len() == 2 && all.iter().all(runs)).then_some(())
    });
    for load in &mut loads {
        load.kill().unwrap();
        load.wait().unwrap();
    }
}

#[test]
fn what_a_shell_starts_as_a_compiler_says_what_it_is() {
    let why = run(["compile-source"]).failed(2);
    assert!(why.contains("it is of no use in a shell"), "{why}");
}
