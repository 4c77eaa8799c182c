//! Texts that people read, and codes that scripts read, change only where a reviewer sees it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::process::{Folder, compare, run, steady};

const ADDRESS: &str = "0000000000001-00000000000000000000000001";

#[test]
fn every_command_explains_itself_as_reviewed() {
    let mut unread = vec![(String::new(), None)];
    let mut reviewed = BTreeSet::new();
    while let Some((command, line)) = unread.pop() {
        let text = run(command.split_whitespace().chain(["--help"])).ok();
        let first = text.split("\n\n").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(line) = line {
            assert_eq!(line, first.trim_end_matches('.'), "the list tells something else of `{command}`");
        }
        let (list, text) = without_list(&text);
        let name = if command.is_empty() { "program".to_string() } else { command.trim().replace(' ', "-") };
        compare(&format!("help/{name}.txt"), &text);
        reviewed.insert(format!("{name}.txt"));
        unread.extend(list.into_iter().map(|(name, line)| (format!("{command} {name}"), Some(line))));
    }
    let kept = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help")).unwrap();
    let kept: BTreeSet<_> = kept.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, reviewed, "a text of a command that is gone");
}

/// The commands that a help text lists, each with its line, and the text without them: they stand in texts of their own,
/// which begin with that line.
fn without_list(help: &str) -> (Vec<(String, String)>, String) {
    let Some((before, rest)) = help.split_once("\nCommands:\n") else {
        return (Vec::new(), help.to_string());
    };
    let (list, after) = rest.split_once("\n\n").unwrap();
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        if !line.starts_with("   ") {
            commands.push((words.next().unwrap().to_string(), String::new()));
        }
        let (_, told) = commands.last_mut().unwrap();
        for word in words {
            let gap = if told.is_empty() { "" } else { " " };
            write!(told, "{gap}{word}").unwrap();
        }
    }
    commands.retain(|(name, _)| name != "help");
    (commands, format!("{before}\nCommands: each has a text of its own\n\n{after}"))
}

#[test]
fn mistakes_are_told_as_reviewed() {
    let folder = Folder::new();
    let data = folder.data();
    let data = data.to_str().unwrap();
    let bad_key = folder.file("bad-key.toml", "authority = \"none\"\nactors-maximum = 7\n");
    let bad_value = folder.file("bad-value.toml", "[limits]\nmemory-bytes-max = \"lots\"\n");
    let machine = folder.file("program", b"\x7fELF\x02\x01\x01");
    let core = folder.file("core.wasm", b"\0asm\x01\0\0\0");
    let empty = folder.file("empty.wasm", "");
    let [machine, core, empty] = [&machine, &core, &empty].map(|path| path.to_str().unwrap());
    let data_parent = folder.path().to_str().unwrap();
    std::fs::create_dir_all(folder.path().join("target/wasm32-wasip2/release")).unwrap();
    let forgotten = format!("{data_parent}/target/wasm32-wasip2/release/x.wasm");
    let unbuilt = format!("{data_parent}/target/wasm32-wasip2/debug/x.wasm");
    let (bad_key, bad_value) = (bad_key.to_str().unwrap(), bad_value.to_str().unwrap());
    let mistakes: &[&[&str]] = &[
        &["frobnicate"],
        &["status", "--data-dir", data],
        &["status", "--data-dir", data, "--json"],
        &["wait-ready", "--data-dir", data, "--timeout", "0.05"],
        &["load", "--data-dir", data, "no-such-file.wasm"],
        &["load", "--data-dir", data, "/dev/zero"],
        &["tell", "nobody", "Greet", "{}"],
        &["tell", "--data-dir", data, ADDRESS, "Greet", "{name: 1}"],
        &["ask", "--data-dir", data, ADDRESS, "Greet", "--timeout", "soon"],
        &["create", "--data-dir", data, "abc", "--require", "=1"],
        &["run", "--data-dir", data, "--config", bad_key],
        &["run", "--data-dir", data, "--config", bad_value],
        &["run", "--data-dir", data, "--config", "no-such-file.toml"],
        &["run", "--data-dir", data, "--limit", "memory-bytes-maximum=1"],
        &["run", "--data-dir", data, "--limit", "memory-bytes-max=lots"],
        &["run", "--data-dir", data, "--limit", "memory-bytes-max=1"],
        &["run", "--data-dir", data, "--limit", "mailbox-bytes-max=2048"],
        &["run", "--data-dir", data, "--actors-max", "0"],
        &["run", "--data-dir", data, "--authority", "everyone"],
        &["run", "--data-dir", data, "--log-level", "actor=loud"],
        &["run", "--data-dir", data, "--actor-log-level", "loud"],
        &["run", "--data-dir", data, "--log-file-bytes-max", "1"],
        &["run", "--data-dir", data, "--log-file", data],
        &["log-level", "--data-dir", data, "loud"],
        &["log-level", "--data-dir", data, "--actor", ADDRESS],
        &["status", "--data-dir", data, "--watch", "0"],
        &["run", "--data-dir", data, "--listen", "192.0.2.1:0"],
        &["run", "--data-dir", data, "--allow-listen", "everywhere"],
        &["grant", "tcp", "8080", ADDRESS],
        &["grant", "revoke", "--data-dir", data, "127.0.0.1:8080"],
        &["config", "show"],
        &["demo", "--class", "Hello"],
        &["frobnicate", "--json"],
        &["--json"],
        &["ask", "--json", "nobody", "Greet"],
        &["log-level", "--data-dir", data, "--actor", ADDRESS, "--json"],
        &["status", "--connect", "127.0.0.1:1"],
        &["status", "--connect", "127.0.0.1:1", "--data-dir", data],
        &["load", machine],
        &["load", core],
        &["load", empty],
        &["load", data_parent],
        &["load", &forgotten],
        &["load", &unbuilt],
    ];
    let mut told = String::new();
    for args in mistakes {
        let ended = run(*args);
        assert_eq!(ended.stdout, "", "{args:?} printed a result");
        if args.contains(&"--json") {
            assert_eq!(ended.stderr.lines().count(), 1, "{args:?}");
            serde_json::from_str::<serde_json::Value>(&ended.stderr).unwrap();
        }
        let code = ended.code.unwrap();
        write!(told, "$ thespian-host {}\n{}exit code {code}\n\n", args.join(" "), ended.stderr).unwrap();
    }
    compare("mistakes.txt", &steady(&told, folder.path()));
}

#[test]
fn a_data_directory_too_long_for_a_socket_is_told_with_its_length_before_anything_starts() {
    let folder = Folder::new();
    let data = folder.path().join("long".repeat(30));
    let len = data.join("control.sock").as_os_str().len();
    for command in ["run", "status"] {
        let text = run([command, "--data-dir", data.to_str().unwrap()]).failed(2);
        let wanted = format!("the path of the control socket has {len} bytes, and the system takes 107");
        assert!(text.contains(&wanted) && text.contains("shorter path"), "{text}");
    }
    assert!(!data.exists());
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(run(["--version"]).ok(), concat!("thespian-host ", env!("CARGO_PKG_VERSION"), "\n"));
}
