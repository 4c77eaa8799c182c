//! A node whose process is stopped answers nothing, and no command waits for it for ever.

use rustix::process::Signal;

use crate::process::{RunningNode, end, hello};

const TOLD: &str = "its process may be stopped";

#[test]
fn every_command_gives_up_on_a_node_that_is_stopped() {
    let node = RunningNode::start_with(&["--authority", "trust-all", "--listen", "127.0.0.1:0"]);
    let address = node.hello();
    let tcp = node.ready["tcp"]["address"].as_str().unwrap();
    node.signal(Signal::STOP);
    let commands: [&[&str]; 20] = [
        &["status"],
        &["status", "--connect", tcp],
        &["status", &address],
        &["stop"],
        &["actors"],
        &["sources"],
        &["load", hello()],
        &["unload", "abc"],
        &["create", "abc"],
        &["tell", &address, "Greet", "{}"],
        &["ask", &address, "Greet", "{}"],
        &["listen"],
        &["exit", &address],
        &["exit", &address, "--wait"],
        &["kill", &address],
        &["grant", "list"],
        &["logs", "--follow"],
        &["log-level"],
        &["capabilities"],
        &["wait-ready", "--timeout", "1"],
    ];
    let running: Vec<_> = commands.iter().map(|args| (args, node.spawn_piped(args))).collect();
    for (args, child) in running {
        let text = end(child).failed(6);
        assert!(args[0] == "wait-ready" || text.contains(TOLD), "{args:?}: {text}");
    }
    node.signal(Signal::CONT);
    node.run(&["ask", &address, "Greet", r#"{"name": "Ada"}"#]).ok();
}

#[test]
fn a_command_that_was_let_in_gives_up_as_well() {
    let node = RunningNode::start();
    let (watching, lines, told) = node.spawn(&["status", "--json", "--watch", "0.1"]);
    lines.next();
    node.signal(Signal::STOP);
    assert_eq!(end(watching).code, Some(6));
    let told = told.next();
    assert!(told.contains("did not answer within") && told.contains(TOLD), "{told}");
    node.signal(Signal::CONT);
    node.run(&["status"]).ok();
}
