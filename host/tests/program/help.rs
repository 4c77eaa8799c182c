//! Texts that people read, and codes that scripts read, change only where a reviewer sees it.

use std::fmt::Write as _;

use crate::process::{Folder, compare, run, steady};

const COMMANDS: [&str; 24] = [
    "",
    "run",
    "demo",
    "load",
    "unload",
    "sources",
    "create",
    "tell",
    "ask",
    "listen",
    "actors",
    "exit",
    "kill",
    "grant",
    "grant tcp",
    "grant list",
    "grant revoke",
    "logs",
    "status",
    "wait-ready",
    "stop",
    "log-level",
    "capabilities",
    "config show",
];

const ADDRESS: &str = "0000000000001-00000000000000000000000001";

#[test]
fn every_command_explains_itself_as_reviewed() {
    for command in COMMANDS {
        let text = run(command.split_whitespace().chain(["--help"])).ok();
        let name = if command.is_empty() { "program".to_string() } else { command.replace(' ', "-") };
        compare(&format!("help/{name}.txt"), &text);
    }
}

#[test]
fn mistakes_are_told_as_reviewed() {
    let folder = Folder::new();
    let data = folder.data();
    let data = data.to_str().unwrap();
    let bad_key = folder.file("bad-key.toml", "authority = \"none\"\nactors-maximum = 7\n");
    let bad_value = folder.file("bad-value.toml", "[limits]\nmemory-bytes-max = \"lots\"\n");
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
    ];
    let mut told = String::new();
    for args in mistakes {
        let ended = run(*args);
        assert_eq!(ended.stdout, "", "{args:?} printed a result");
        let code = ended.code.unwrap();
        write!(told, "$ thespian-host {}\n{}exit code {code}\n\n", args.join(" "), ended.stderr).unwrap();
    }
    compare("mistakes.txt", &steady(&told, folder.path()));
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(run(["--version"]).ok(), concat!("thespian-host ", env!("CARGO_PKG_VERSION"), "\n"));
}
