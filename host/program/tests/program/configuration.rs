//! Flag over environment over file over default.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use thespian_core::limits::{RANGES, Range};

use crate::process::{Folder, RunningNode, finish, program};

const FILE: &str = r#"
authority = "trust-all"
actors-max = 100
guest-threads = 3
actor-log-level = "debug"
log-file-bytes-max = 100000

[capabilities]
zone = "eu"
gpu = true

[limits]
memory-bytes-max = 1048576
mailbox-len-max = 10
"#;

fn setting<'a>(settings: &'a Value, key: &str) -> (&'a Value, &'a str) {
    let found = settings.as_array().unwrap().iter().find(|setting| setting["key"] == key);
    let found = found.unwrap_or_else(|| panic!("no {key} in {settings}"));
    (&found["value"], found["from"].as_str().unwrap())
}

#[test]
fn a_message_bound_that_no_client_could_be_told_of_is_refused_at_start() {
    for (bound, code) in [("16777217", 2), ("1023", 2), ("18446744073709551615", 2)] {
        let folder = Folder::new();
        let limit = format!("message-bytes-max={bound}");
        let data = folder.data();
        let args = ["run", "--data-dir", data.to_str().unwrap(), "--limit", &limit];
        let text = finish(&mut program(args)).failed(code);
        assert!(text.contains("message-bytes-max"), "{text}");
        if bound.len() < 12 {
            assert!(text.contains("1024 to 16777216") && text.contains(bound), "{text}");
        }
    }
}

#[test]
fn each_value_comes_from_the_uppermost_layer_that_has_it() {
    let folder = Folder::new();
    let file = folder.file("node.toml", FILE);
    let from_file = format!("file {}", file.display());
    let flags = [
        "config",
        "show",
        "--json",
        "--actors-max",
        "300",
        "--capability",
        "cores=8",
        "--limit",
        "mailbox-len-max=30",
    ];
    let shown = finish(
        program(flags)
            .arg("--config")
            .arg(&file)
            .env("HOME", folder.path())
            .env("THESPIAN_HOST_ACTORS_MAX", "200")
            .env("THESPIAN_HOST_GUEST_THREADS", "2")
            .env("THESPIAN_HOST_ACTOR_LOG_LEVEL", "warn")
            .env("THESPIAN_HOST_LOG_FILE", "/var/log/node.log")
            .env("THESPIAN_HOST_LIMITS_MAILBOX_LEN_MAX", "20")
            .env("THESPIAN_HOST_LIMITS_OUTBOX_LEN_MAX", "40")
            .env("THESPIAN_HOST_CAPABILITIES", "zone=us, rack=7"),
    );
    let settings = shown.json();
    let home = folder.path().join(".local/share/thespian-host");
    assert_eq!(setting(&settings, "data-dir"), (&json!(home), "default"));
    assert_eq!(setting(&settings, "listen"), (&Value::Null, "default"));
    assert_eq!(setting(&settings, "authority"), (&json!("trust-all"), from_file.as_str()));
    assert_eq!(setting(&settings, "actors-max"), (&json!(300), "flag --actors-max"));
    assert_eq!(setting(&settings, "guest-threads"), (&json!(2), "environment THESPIAN_HOST_GUEST_THREADS"));
    let variable = "environment THESPIAN_HOST_ACTOR_LOG_LEVEL";
    assert_eq!(setting(&settings, "actor-log-level"), (&json!("warn"), variable));
    let variable = "environment THESPIAN_HOST_LOG_FILE";
    assert_eq!(setting(&settings, "log-file"), (&json!("/var/log/node.log"), variable));
    assert_eq!(setting(&settings, "log-file-bytes-max"), (&json!(100_000), from_file.as_str()));
    assert_eq!(setting(&settings, "capabilities.gpu"), (&json!(true), from_file.as_str()));
    let variable = "environment THESPIAN_HOST_CAPABILITIES";
    assert_eq!(setting(&settings, "capabilities.zone"), (&json!("us"), variable));
    assert_eq!(setting(&settings, "capabilities.rack"), (&json!(7), variable));
    assert_eq!(setting(&settings, "capabilities.cores"), (&json!(8), "flag --capability"));
    assert_eq!(setting(&settings, "limits.memory-bytes-max"), (&json!(1_048_576), from_file.as_str()));
    assert_eq!(setting(&settings, "limits.mailbox-len-max"), (&json!(30), "flag --limit"));
    let variable = "environment THESPIAN_HOST_LIMITS_OUTBOX_LEN_MAX";
    assert_eq!(setting(&settings, "limits.outbox-len-max"), (&json!(40), variable));
    assert_eq!(setting(&settings, "limits.turn-cpu-ms-max"), (&json!(1_000), "default"));
}

#[test]
fn people_see_a_table_of_values_and_layers() {
    let mut command = program(["config", "show"]);
    command.env("XDG_DATA_HOME", "/data").env("THESPIAN_HOST_AUTHORITY", "trust-all");
    let table = finish(&mut command).ok();
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["KEY", "VALUE", "FROM"]);
    assert!(rows.contains(&vec!["data-dir", "\"/data/thespian-host\"", "default"]), "{table}");
    assert!(
        rows.contains(&vec!["authority", "\"trust-all\"", "environment", "THESPIAN_HOST_AUTHORITY"]),
        "{table}"
    );
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value, told) in [
        ("THESPIAN_HOST_LISTEN", "everywhere", "THESPIAN_HOST_LISTEN"),
        ("THESPIAN_HOST_AUTHORITY", "me", "expected one of `none`, `trust-all`, `keys`"),
        ("THESPIAN_HOST_ACTORS_MAX", "many", "`many` is no whole number"),
        ("THESPIAN_HOST_ACTOR_LOG_LEVEL", "loud", "expected one of `off`"),
        ("THESPIAN_HOST_CAPABILITIES", "=1", "it has no name"),
    ] {
        let text = finish(program(["config", "show"]).env("HOME", "/home/x").env(name, value)).failed(2);
        assert!(text.contains(name) && text.contains(told), "{name}: {text}");
    }
    let text = finish(program(["config", "show"]).env("HOME", "/home/x").env("THESPIAN_HOST_ACTOR_MAX", "1"));
    assert!(text.stderr.contains("THESPIAN_HOST_ACTOR_MAX is no setting"), "{text:?}");
    text.ok();
}

#[test]
fn a_node_runs_with_what_its_layers_say() {
    let folder = Folder::new();
    let file = folder.file("node.toml", FILE);
    let node = RunningNode::start_in(folder, &["--config", file.to_str().unwrap(), "--actors-max", "7"]);
    assert_eq!(node.ready["authority"], "trust-all");
    assert_eq!(node.ready["actors_max"], 7);
    let status = node.run(&["status", "--json"]).json();
    assert_eq!(status["capabilities"], json!({"gpu": true, "zone": "eu"}));
    assert_eq!(status["actors_max"], 7);
}

#[test]
fn a_limit_that_makes_no_sense_is_refused_with_its_range_wherever_it_is_set() {
    let folder = Folder::new();
    let file = folder.file("node.toml", "[limits]\nmessage-bytes-max = 33554432\n");
    let data = folder.data();
    let range = "`memory-bytes-max` can be 65536 to 4294967296";
    for command in [&["run"][..], &["config", "show"]] {
        let command = || {
            let mut command = program(command);
            command.arg("--data-dir").arg(&data);
            command
        };
        let text = finish(command().args(["--limit", "memory-bytes-max=1"])).failed(2);
        assert!(text.contains("--limit: ") && text.contains(range), "{text}");
        let text = finish(command().args(["--limit", "memory-bytes-max=-1"])).failed(2);
        assert!(text.contains("it can be 65536 to 4294967296"), "{text}");
        let text = finish(command().env("THESPIAN_HOST_LIMITS_MEMORY_BYTES_MAX", "4294967297")).failed(2);
        assert!(text.contains("THESPIAN_HOST_LIMITS_MEMORY_BYTES_MAX: ") && text.contains(range), "{text}");
        let text = finish(command().arg("--config").arg(&file)).failed(2);
        let told =
            format!("in {}: `message-bytes-max` can be 1024 to 16777216, not 33554432", file.display());
        assert!(text.contains(&told), "{text}");
        // Of the two, the one that somebody set.
        let text = finish(command().args(["--limit", "mailbox-bytes-max=2048"])).failed(2);
        assert!(
            text.contains("--limit: `mailbox-bytes-max` is 2048, less than `message-bytes-max`"),
            "{text}"
        );
    }
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn a_node_runs_with_the_least_and_the_most_of_each_limit() {
    let all = |value: fn(&Range) -> u64| {
        // Messages as small as the boxes that are to hold them, or as they are.
        let limits =
            RANGES.iter().filter(|range| range.name != "message-bytes-max" || value(range) == range.least);
        limits.flat_map(|range| ["--limit".to_string(), format!("{}={}", range.name, value(range))]).collect()
    };
    for args in [all(|range| range.least), all(|range| range.most)] {
        let args: Vec<String> = args;
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let node = RunningNode::start_with(&args);
        node.run(&["status"]).ok();
        node.run(&["stop"]).ok();
    }
}

#[test]
fn a_further_socket_lets_do_what_its_role_covers_and_a_command_says_who_may_the_rest() {
    let folder = Folder::new();
    let socket = folder.path().join("look.sock");
    let text = format!("authority = \"trust-all\"\n[[control.socket]]\npath = {socket:?}\nrole = \"read\"\n");
    let file = folder.file("node.toml", text);
    let node = RunningNode::start_in(folder, &["--config", file.to_str().unwrap()]);
    let at = |command: &[&str]| {
        let args = command.iter().copied().chain(["--socket", socket.to_str().unwrap()]);
        finish(&mut program(args))
    };
    assert!(at(&["status", "--json"]).json().is_object());
    let text = at(&["stop"]).failed(4);
    assert!(text.contains("`stop` takes the role `operate`") && text.contains("control.sock"), "{text}");
    assert!(node.run(&["status"]).ok().contains("pid"));
}

#[test]
fn a_socket_that_makes_no_sense_is_refused_at_start() {
    for (key, value, why) in [
        ("mode", "0060", "octal digits"),
        ("role", "admin", "unknown variant"),
        ("group", "no-such-group-here", "no-such-group-here"),
    ] {
        let folder = Folder::new();
        let socket = folder.path().join("look.sock");
        let role = if key == "role" { "" } else { "role = \"read\"\n" };
        let text = format!("[[control.socket]]\npath = {socket:?}\n{role}{key} = \"{value}\"\n");
        let file = folder.file("node.toml", text);
        let data = folder.data();
        let args = ["run", "--data-dir", data.to_str().unwrap(), "--config", file.to_str().unwrap()];
        let text = finish(&mut program(args)).failed(2);
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_socket_takes_no_other_files_place_and_lies_where_nobody_else_may_write() {
    let folder = Folder::new();
    let run = |path: &std::path::Path| {
        let file =
            folder.file("node.toml", format!("[[control.socket]]\npath = {path:?}\nrole = \"read\"\n"));
        let data = folder.data();
        let args = ["run", "--data-dir", data.to_str().unwrap(), "--config", file.to_str().unwrap()];
        finish(&mut program(args)).failed(2)
    };
    let precious = folder.file("precious.txt", "precious");
    assert!(run(&precious).contains("there is something else at"));
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    assert!(run(&folder.data().join("control.sock")).contains("give each a path of its own"));
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(run(&open.join("look.sock")).contains("others may write to the directory"));
}
