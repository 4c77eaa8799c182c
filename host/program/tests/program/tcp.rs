//! Control over TCP needs the secret.

use crate::process::{Folder, RunningNode, finish, program};

#[test]
fn only_who_has_the_token_controls_a_node_over_tcp() {
    let node = RunningNode::start_with(&["--listen", "127.0.0.1:0"]);
    let address = node.ready["tcp"]["address"].as_str().unwrap();
    let token = node.ready["tcp"]["token_file"].as_str().unwrap();
    let status =
        finish(&mut program(["status", "--json", "--connect", address, "--token-file", token])).json();
    assert_eq!(status["pid"], node.ready["pid"]);
    // The node's own user need not name it.
    node.run(&["status", "--connect", address]).ok();

    let folder = Folder::new();
    let wrong = folder.file("wrong", "0".repeat(64));
    let garbage = folder.file("garbage", "let me in");
    let missing = folder.path().join("missing");
    for (file, said) in [
        (wrong, "the token is missing or wrong"),
        (garbage, "is not a token file"),
        (missing, "No such file"),
    ] {
        let mut command = program(["status", "--connect", address, "--token-file", file.to_str().unwrap()]);
        let text = finish(&mut command).failed(4);
        assert!(text.contains(said) && text.contains("--token-file DIR/token"), "{text}");
    }
    finish(program(["stop", "--connect", address, "--token-file", token]).env("HOME", "/home/x")).ok();
    let (code, folder, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    drop(folder);
}
