//! What of the outside world may be named where, and by whom. The layers themselves are in `house.rs`.

use crate::settle;
use crate::source::{File, host_files, rust_files, words};

#[test]
fn core_knows_no_outside_world() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| file.is_under("host/core/src")) {
        problems.extend(named(
            file,
            &file.shipped,
            &["std", "tokio", "wasmtime", "async", "await", "rustix", "libc"],
        ));
    }
    settle(
        "host/core decides, host/src does. Core takes time, addresses and randomness as arguments and returns effects, \
         so that simulation runs the code that ships. Move the doing into host/src, and tell core of it by an event.",
        &problems,
    );
}

#[test]
fn only_the_sandbox_names_the_engine() {
    let mut problems = Vec::new();
    for file in host_files().filter(|file| !file.is_under("host/src/sandbox")) {
        problems.extend(named(file, &file.code, &["wasmtime", "wasmtime_wasi", "cranelift"]));
    }
    settle(
        "Only host/src/sandbox names wasmtime: an engine's upgrade, or another engine, is a change to one folder, and \
         its dangerous settings are in one place. Give the sandbox a function in our own types.",
        &problems,
    );
}

#[test]
fn only_the_codec_names_bincode() {
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| file.path != "host/core/src/wire/codec.rs") {
        problems.extend(named(file, &file.code, &["bincode"]));
    }
    settle(
        "bincode is unmaintained (RUSTSEC-2025-0141), so leaving it must be a change to one file: wire/codec.rs. \
         Call its functions.",
        &problems,
    );
}

#[test]
fn only_the_transport_names_sockets() {
    const SOCKETS: [&str; 9] = [
        "TcpListener",
        "TcpSocket",
        "TcpStream",
        "UdpSocket",
        "UnixDatagram",
        "UnixListener",
        "UnixSocket",
        "UnixStream",
        "quinn",
    ];
    // WASI's words for what a guest would like to have; the sandbox names them to deny them.
    const DENIED: [&str; 2] = ["TcpSocket", "UdpSocket"];
    let mut problems = Vec::new();
    for file in host_files().filter(|file| !file.is_under("host/src/transport")) {
        let denies = file.is_under("host/src/sandbox");
        let banned: Vec<&str> =
            SOCKETS.into_iter().filter(|name| !denies || !DENIED.contains(name)).collect();
        problems.extend(named(file, &file.shipped, &banned));
    }
    settle(
        "Only host/src/transport names sockets: who may connect, how much is buffered and what a broken peer causes \
         are decided there. Take bytes or frames from it.",
        &problems,
    );
}

#[test]
fn only_outputs_of_commands_name_the_streams() {
    // What a command types is shown beside its results; the other writes them where a node runs in the process. A compiler's
    // process has no node in it.
    const OUTPUTS: [&str; 4] = [
        "program/src/cli/output.rs",
        "program/src/cli/streams.rs",
        "program/src/cli/guest_target.rs",
        "src/sandbox/compile_main.rs",
    ];
    let mut problems = Vec::new();
    for file in host_files() {
        if OUTPUTS.iter().any(|output| file.path == format!("host/{output}")) {
            continue;
        }
        for text in ["io::stdout", "io::stderr"] {
            let places = file.shipped.match_indices(text);
            // Whether it is a terminal takes no time.
            let writes = |at: &usize| !file.shipped[*at..].starts_with("io::stderr().is_terminal()");
            let places = places.map(|(at, _)| at).filter(writes);
            problems.extend(places.map(|at| format!("{} has `{text}`", file.place(at))));
        }
    }
    settle(
        "A stream may have a reader that does not read, or a disk that is full: whoever writes it waits. Nothing that serves \
         actors may. Say it to the log, or by the command's Output.",
        &problems,
    );
}

#[test]
fn only_the_log_calls_a_subscriber() {
    const MACROS: [&str; 7] = ["error!", "warn!", "info!", "debug!", "trace!", "event!", "span!"];
    let mut problems = Vec::new();
    for file in host_files() {
        if file.path == "host/src/log/subscriber.rs" {
            continue;
        }
        for name in MACROS {
            let places = file.code.match_indices(name).map(|(at, _)| at);
            let is_whole =
                |at: &usize| !file.code[..*at].ends_with(|char: char| char.is_alphanumeric() || char == '_');
            problems.extend(places.filter(is_whole).map(|at| format!("{} has `{name}`", file.place(at))));
        }
        problems.extend(named(file, &file.code, &["instrument"]));
    }
    settle(
        "A subscriber of `tracing` may be anybody's, and take for ever: whoever tells it something waits. Say it to the \
         node's log, which tells it on a thread of its own.",
        &problems,
    );
}

#[test]
fn only_the_desk_owns_the_admin() {
    const OWNERSHIP: [&str; 6] =
        ["Admin::new(", "&mut Admin", "Arc<Admin>", "Mutex<Admin>", "RefCell<Admin>", "RwLock<Admin>"];
    let mut problems = Vec::new();
    for file in host_files().filter(|file| file.path != "host/src/desk.rs") {
        for text in OWNERSHIP {
            let places = file.shipped.match_indices(text);
            problems.extend(places.map(|(at, _)| format!("{} has `{text}`", file.place(at))));
        }
    }
    settle(
        "Only desk.rs owns an Admin: one thread at a time handles its events, and their effects in order. Tell the desk an \
         event, or have it show you its Admin.",
        &problems,
    );
}

/// Where `code` has one of `banned` as a word.
fn named(file: &File, code: &str, banned: &[&str]) -> Vec<String> {
    words(code)
        .filter(|(word, _)| banned.contains(word))
        .map(|(word, at)| format!("{} names {word}", file.place(at.start)))
        .collect()
}
