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
