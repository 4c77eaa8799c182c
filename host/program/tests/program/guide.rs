//! The commands of the guide on sources, in its order: they do what it says.

use crate::process::RunningNode;
use crate::signing::Desk;

/// A command of the guide, and what it is shown to say.
struct Shown<'a> {
    args: Vec<&'a str>,
    says: Option<&'a str>,
}

/// The commands of a page, in order.
fn commands(page: &str) -> Vec<Shown<'_>> {
    let lines: Vec<_> = page.lines().collect();
    let shown = |at: usize| {
        let args = lines[at].strip_prefix("$ thespian-host ")?.split(' ').collect();
        Some(Shown { args, says: lines.get(at + 1).and_then(|next| next.strip_prefix("error: ")) })
    };
    (0..lines.len()).filter_map(shown).collect()
}

#[test]
fn the_guides_commands_do_what_it_says() {
    let commands = commands(include_str!("../../../../docs/guide/trust.md"));
    assert!(commands.len() > 12, "they are not found");
    let desk = Desk::new();
    let mut node = RunningNode::start_with(&["--authority", "keys"]);
    let mut hash = String::new();
    for Shown { args, says } in commands {
        // It runs already, in a directory of its own; or it is another, which begins with nothing.
        if args[0] == "run" {
            if args.contains(&"person") {
                node = RunningNode::start_with(&args[1..]);
            }
            continue;
        }
        let component = desk.component();
        let args: Vec<&str> = args
            .iter()
            .map(|arg| match *arg {
                "hello.wasm" => component.to_str().unwrap(),
                "HASH" => &hash,
                arg => arg,
            })
            .collect();
        let ended = match args[0] {
            "sign" | "verify" | "inspect" => desk.run(&args),
            "audit" => desk.run(&[&args[..], &["--data-dir", node.data.to_str().unwrap()]].concat()),
            "key" if args[1] == "new" => desk.run(&args),
            _ => desk.ask(&node, &args),
        };
        match says {
            None => {
                let printed = ended.ok();
                if args[0] == "load" {
                    hash = printed.trim().to_string();
                }
            }
            Some(says) => {
                let (code, why) = match says.split_once("refused: ") {
                    Some((_, why)) => (4, why),
                    None => (9, says.split_once("… ").unwrap().1),
                };
                let (told, why) = (ended.failed(code), why.trim_end_matches('…'));
                assert!(told.contains(why), "{args:?}: {told} does not say {why}");
            }
        }
    }
}
