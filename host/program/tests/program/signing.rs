//! From a key to a source that is admitted, and to all that is not, as people do it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Ended, Folder, PROGRAM, RunningNode, finish, hello, program, until};

/// A folder in which somebody signs, with keys of their own.
pub(crate) struct Desk {
    folder: Folder,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { folder: Folder::new() };
        fs::copy(hello(), desk.component()).unwrap();
        desk
    }

    pub(crate) fn component(&self) -> PathBuf {
        self.folder.path().join("hello.wasm")
    }

    fn manifest(&self) -> PathBuf {
        self.folder.path().join("hello.toml")
    }

    fn signature(&self) -> PathBuf {
        self.folder.path().join("hello.toml.minisig")
    }

    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        finish(self.at_home(&mut program(args)))
    }

    /// A command for a node, in whose arguments FILE is the component.
    pub(crate) fn ask(&self, node: &RunningNode, args: &[&str]) -> Ended {
        let component = self.component();
        let component = component.to_str().unwrap();
        let args: Vec<_> = args.iter().map(|arg| if *arg == "FILE" { component } else { arg }).collect();
        finish(self.at_home(&mut node.program(&args)))
    }

    pub(crate) fn new_key(&self, name: &str) -> String {
        self.run(&["key", "new", name, "--no-passphrase"]).ok().trim().to_string()
    }

    fn sign(&self, key: &str, more: &[&str]) -> Ended {
        let component = self.component();
        let mut args = vec!["sign", component.to_str().unwrap(), "--key", key];
        args.extend(more);
        self.run(&args)
    }

    /// Says it anew: version and rights, and what else.
    pub(crate) fn sign_anew(&self, key: &str, version: &str, more: &[&str]) {
        self.clear();
        let mut args = vec!["--name", "shop/hello", "--version", version];
        args.extend(more);
        self.sign(key, &args).ok();
    }

    /// Nobody has said anything.
    fn clear(&self) {
        for file in fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && path != self.component() {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

fn node() -> RunningNode {
    RunningNode::start_with(&["--authority", "keys"])
}

/// A desk with a key that a node trusts for `shop/*`.
fn trusted() -> (Desk, RunningNode) {
    let (desk, node) = (Desk::new(), node());
    desk.new_key("ci");
    desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*", "--allow", "status"]).ok();
    (desk, node)
}

fn hash(loaded: Ended) -> String {
    loaded.ok().trim().to_string()
}

#[test]
fn a_few_commands_lead_from_a_key_to_a_source_that_is_refused_and_to_one_that_is_admitted() {
    let (desk, node) = (Desk::new(), node());
    let key = desk.new_key("ci");
    assert!(key.starts_with("RW") && key.len() == 56, "{key}");
    let load = || desk.ask(&node, &["load", "FILE"]);
    let text = load().failed(4);
    assert!(text.contains("there is no policy at") && text.contains("key trust"), "{text}");
    desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*", "--allow", "status"]).ok();
    let text = load().failed(4);
    assert!(text.contains("it is not signed: it has no manifest"), "{text}");
    desk.sign("ci", &["--name", "shop/hello", "--version", "1.0", "--want", "status"]).ok();
    let hash = hash(load());
    let report = desk.ask(&node, &["sources", &hash, "--json"]).json();
    assert_eq!(report["judged_by"], "key `ci`");
    assert_eq!(report["admission"]["name"], "shop/hello");
    assert_eq!(report["status"]["rights"]["status"], true);
    let text = desk.ask(&node, &["sources", &hash]).ok();
    for told in ["shop/hello 1.0", "key `ci`", "granted         status", "[source]"] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    let actor = desk.ask(&node, &["create", &hash]).ok();
    let answer = desk.ask(&node, &["ask", actor.trim(), "Greet", r#"{"name":"Ada"}"#]).ok();
    assert!(answer.contains("Hello, Ada!"), "{answer}");
}

#[test]
fn whatever_is_not_signed_as_it_should_be_is_refused_with_its_reason() {
    let (desk, node) = trusted();
    desk.new_key("other");
    let refused = |why: &str| {
        let text = desk.ask(&node, &["load", "FILE"]).failed(4);
        assert!(text.contains(why), "{text} does not say {why}");
        let json = desk.ask(&node, &["load", "FILE", "--json"]).failed(4);
        assert!(json.contains(why) && json.contains("\"kind\":\"refused\""), "{json}");
        let hash = &sha256_of(&desk.component())[..12];
        let told = desk.ask(&node, &["why-refused", hash]).ok();
        assert!(told.contains(why), "{told}");
    };
    desk.sign_anew("other", "1", &[]);
    refused("is not trusted: `key trust` makes it so");
    desk.sign_anew("ci", "1", &["--expires", "2020-01-01T00:00:00Z"]);
    refused("its manifest has expired, on 2020-01-01T00:00:00Z");
    desk.sign_anew("ci", "1", &["--not-before", "2999-01-01T00:00:00Z"]);
    refused("its manifest is not valid before 2999-01-01T00:00:00Z");
    desk.sign_anew("ci", "1", &["--want", "status,shutdown"]);
    refused("it wants the rights `shutdown`, which key `ci` may not give");
    desk.sign_anew("ci", "1", &["--class", "Bye"]);
    refused("its manifest names the classes `Bye`, and it describes `Hello`");
    desk.sign_anew("ci", "1", &[]);
    let manifest = fs::read_to_string(desk.manifest()).unwrap();
    fs::write(desk.manifest(), manifest.replace("shop/hello", "shop/hallo")).unwrap();
    refused("is not that key's, or of other bytes");
    fs::write(desk.manifest(), format!("{manifest}\ncolor = 1\n")).unwrap();
    refused("its manifest can't be read: ");
    fs::write(desk.manifest(), &manifest).unwrap();
    let signature = fs::read_to_string(desk.signature()).unwrap();
    fs::write(desk.signature(), format!("{signature}one more line\n")).unwrap();
    refused("a signature file is none: it has four lines");
    fs::write(desk.signature(), signature.replace('\n', "\r\n")).unwrap();
    refused("a signature file is none: it has four lines");
    fs::remove_file(desk.signature()).unwrap();
    refused("its manifest has no signature");
    fs::write(desk.signature(), &signature).unwrap();
    desk.ask(&node, &["load", "FILE"]).ok();
}

fn sha256_of(file: &Path) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_out_of_its_scope_signs_in_vain_and_two_are_more_than_one() {
    let (desk, node) = trusted();
    desk.new_key("anna");
    desk.ask(&node, &["key", "trust", "anna", "--sources", "shop/*"]).ok();
    let policy = node.data.join("policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, format!("{text}\n[[rule]]\nsources = [\"shop/h*\"]\nsignatures = 2\n")).unwrap();
    desk.ask(&node, &["policy", "reload"]).ok();
    desk.sign_anew("ci", "1", &[]);
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("it takes signatures of 2 different keys in scope, and has 1"), "{text}");
    // The same key once more is no second one.
    fs::copy(desk.signature(), desk.folder.path().join("hello.toml.again.minisig")).unwrap();
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("key `ci` has signed twice, and counts once"), "{text}");
    desk.sign("anna", &[]).ok();
    let hash = hash(desk.ask(&node, &["load", "FILE"]));
    let report = desk.ask(&node, &["sources", &hash, "--json"]).json();
    assert_eq!(report["admission"]["signers"].as_array().unwrap().len(), 2);
    desk.ask(&node, &["unload", &hash]).ok();
    desk.clear();
    desk.sign("ci", &["--name", "lab/hello", "--version", "1"]).ok();
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("key `ci` is trusted for other sources than `lab/hello`"), "{text}");
}

#[test]
fn an_older_version_takes_an_operator_who_says_so() {
    let (desk, node) = trusted();
    let load = |more: &[&str]| {
        let mut args = vec!["load", "FILE"];
        args.extend(more);
        desk.ask(&node, &args)
    };
    desk.sign_anew("ci", "1.10", &[]);
    let loaded = hash(load(&[]));
    desk.ask(&node, &["unload", &loaded]).ok();
    desk.sign_anew("ci", "1.9", &[]);
    let text = load(&[]).failed(4);
    assert!(text.contains("version 1.9 of `shop/hello` is older than 1.10"), "{text}");
    load(&["--allow-downgrade"]).ok();
}

#[test]
fn a_revoked_key_creates_nothing_from_then_on_and_what_it_left_behind_can_be_ended() {
    let (desk, node) = trusted();
    desk.sign_anew("ci", "1", &["--want", "status"]);
    let hash = hash(desk.ask(&node, &["load", "FILE"]));
    let actor = desk.ask(&node, &["create", &hash]).ok();
    let text = desk.ask(&node, &["key", "revoke", "ci"]).ok();
    assert!(text.contains("key `ci` is revoked") && text.contains("1 actors run"), "{text}");
    let text = desk.ask(&node, &["create", &hash]).failed(4);
    assert!(text.contains("key `ci` is revoked"), "{text}");
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("key `ci` is revoked"), "{text}");
    assert!(desk.ask(&node, &["status", actor.trim()]).ok().contains("Hello"), "what runs goes on");
    let text = desk.ask(&node, &["key", "revoke", "ci"]).failed(2);
    assert!(text.contains("is revoked already"), "{text}");
    let text = desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*"]).failed(2);
    assert!(text.contains("can't be trusted again"), "{text}");
    // By hand it can't be taken back: the list would be an older one.
    let policy = node.data.join("policy.toml");
    let written = fs::read_to_string(&policy).unwrap();
    assert!(written.contains("[revocations]\nversion = 1"), "{written}");
    fs::write(&policy, written.split("[revocations]").next().unwrap()).unwrap();
    let text = desk.ask(&node, &["policy", "reload"]).failed(2);
    assert!(text.contains("version 0 of the revocations, and version 1 was in force"), "{text}");
    fs::write(&policy, written).unwrap();
}

#[test]
fn a_source_is_revoked_by_its_hash_with_the_actors_that_it_left_behind() {
    let (desk, node) = trusted();
    desk.sign_anew("ci", "1", &[]);
    let hash = hash(desk.ask(&node, &["load", "FILE"]));
    let actor = desk.ask(&node, &["create", &hash]).ok();
    desk.ask(&node, &["key", "revoke", &hash, "--kill"]).ok();
    until(|| (desk.ask(&node, &["status", actor.trim()]).code == Some(3)).then_some(()));
    let text = desk.ask(&node, &["load", "FILE"]).failed(4);
    assert!(text.contains("the source is revoked"), "{text}");
}

#[test]
fn a_policy_is_edited_by_hand_and_one_that_makes_no_sense_changes_nothing() {
    let (desk, node) = trusted();
    desk.sign_anew("ci", "1", &[]);
    let hash = hash(desk.ask(&node, &["load", "FILE"]));
    let policy = node.data.join("policy.toml");
    let good = fs::read_to_string(&policy).unwrap();
    let other = good.replace("shop/*", "lab/*");
    // What would be is asked without anything being changed.
    let file = desk.folder.file("other.toml", &other);
    let checked = desk.ask(&node, &["policy", "check", file.to_str().unwrap()]);
    assert_eq!(checked.code, Some(4), "{checked:?}");
    assert!(checked.stdout.contains("is trusted for other sources than `shop/hello`"), "{checked:?}");
    assert!(desk.ask(&node, &["policy", "check"]).ok().contains("stays"));
    fs::write(&policy, good.replace("sources", "scope")).unwrap();
    let text = desk.ask(&node, &["policy", "reload"]).failed(2);
    assert!(text.contains("policy.toml, line "), "{text}");
    desk.ask(&node, &["create", &hash]).ok();
    let shown = desk.ask(&node, &["policy", "show"]);
    assert!(shown.stdout.contains("shop/*") && shown.stderr.contains("line "), "{shown:?}");
    // A service is told of another one by a signal.
    fs::write(&policy, other).unwrap();
    // A command would write over what was typed.
    desk.new_key("more");
    let text = desk.ask(&node, &["key", "trust", "more", "--sources", "*"]).failed(2);
    assert!(text.contains("`policy reload`"), "{text}");
    node.signal(Signal::HUP);
    until(|| (desk.ask(&node, &["create", &hash]).code == Some(4)).then_some(()));
    let shown = desk.ask(&node, &["policy", "show"]);
    assert!(shown.stdout.contains("lab/*") && !shown.stderr.contains("line "), "{shown:?}");
}

#[test]
fn a_node_whose_policy_others_could_change_does_not_start() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let policy = folder.file("policy.toml", "format = 1\n");
    let run = |data: &str| {
        let data = folder.path().join(data);
        let args = [
            "run",
            "--authority",
            "keys",
            "--data-dir",
            data.to_str().unwrap(),
            "--policy",
            policy.to_str().unwrap(),
        ];
        finish(&mut program(args)).failed(2)
    };
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(run("a").contains("could be changed by others"));
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&policy, "format = 1\nkey = 3\n").unwrap();
    assert!(run("b").contains("line 2"));
}

#[test]
fn keys_are_never_written_over_and_lie_where_nobody_else_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let public = desk.new_key("ci");
    let folder = desk.folder.path().join("config/thespian-host/keys");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("ci.key"))), (0o700, 0o600));
    let text = desk.run(&["key", "new", "ci", "--no-passphrase"]).failed(2);
    assert!(text.contains("never written over"), "{text}");
    assert_eq!(desk.run(&["key", "show", "ci"]).ok().trim(), public);
    for name in ["", "../ci", "a b", "é"] {
        desk.run(&["key", "new", name, "--no-passphrase"]).failed(2);
    }
    desk.run(&["key", "show", "nobody"]).failed(2);
    let text = desk.sign("nobody", &["--name", "a", "--version", "1"]).failed(2);
    assert!(text.contains("key new"), "{text}");
}

#[test]
fn a_key_with_a_passphrase_opens_with_that_alone() {
    let desk = Desk::new();
    let right = desk.folder.file("right", "open sesame\n");
    let wrong = desk.folder.file("wrong", "sesame\n");
    let [right, wrong] = [&right, &wrong].map(|file| file.to_str().unwrap());
    desk.run(&["key", "new", "ci", "--passphrase-file", right]).ok();
    let about = ["--name", "shop/hello", "--version", "1", "--passphrase-file"];
    let text = desk.sign("ci", &[&about[..], &[wrong]].concat()).failed(2);
    assert!(text.contains("does not open"), "{text}");
    assert!(!desk.manifest().exists(), "what nobody signs is not written");
    desk.sign("ci", &[&about[..], &[right]].concat()).ok();
    desk.run(&["verify", desk.component().to_str().unwrap(), "--key", "ci"]).ok();
}

#[test]
fn a_manifest_that_is_there_is_signed_as_it_is_and_belongs_to_one_component() {
    let desk = Desk::new();
    desk.new_key("ci");
    desk.new_key("anna");
    let component = desk.component();
    let text = desk.sign("ci", &["--version", "1"]).failed(2);
    assert!(text.contains("--name is missing"), "{text}");
    desk.sign("ci", &["--name", "shop/hello", "--version", "1"]).ok();
    let text = desk.sign("anna", &["--version", "2"]).failed(2);
    assert!(text.contains("is there already"), "{text}");
    let beside = desk.sign("anna", &[]).ok();
    assert!(beside.trim().ends_with("hello.toml.anna.minisig"), "{beside}");
    // Once more by the same key takes the place of its first.
    assert_eq!(desk.sign("anna", &[]).ok(), beside);
    let again = desk.sign("ci", &[]).ok();
    assert!(again.trim().ends_with("hello.toml.minisig"), "{again}");
    let verify = |keys: &[&str]| {
        let mut args = vec!["verify", component.to_str().unwrap()];
        args.extend(keys.iter().flat_map(|key| ["--key", key]));
        desk.run(&args)
    };
    assert_eq!(verify(&["ci", "anna"]).ok().lines().count(), 2);
    assert!(verify(&["ci"]).failed(4).contains("which was not given"));
    fs::write(&component, thespian_guests::bytes(thespian_guests::HELLO_GOODBYE)).unwrap();
    assert!(verify(&["ci", "anna"]).failed(4).contains("is about another component"));
    let text = desk.sign("ci", &[]).failed(2);
    assert!(text.contains("is about another component"), "{text}");
    fs::remove_file(desk.manifest()).unwrap();
    let text = desk.sign("ci", &["--name", "shop/hello", "--version", "2"]).failed(2);
    assert!(text.contains("signs a manifest that is gone"), "{text}");
}

#[test]
fn whoever_may_load_loads_what_is_signed_and_neither_an_older_version_nor_with_more() {
    let desk = Desk::new();
    let node = RunningNode::start_with(&["--authority", "keys", "--listen", "127.0.0.1:0"]);
    desk.new_key("ci");
    desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*", "--allow", "status"]).ok();
    desk.sign_anew("ci", "1", &["--want", "status"]);
    let address = node.ready["tcp"]["address"].as_str().unwrap().to_string();
    let by = |role: &str, args: &[&str]| {
        let token = node.data.join(format!("token.{role}"));
        let door = ["--connect", &address, "--token-file", token.to_str().unwrap()];
        desk.ask(&node, &[args, &door].concat())
    };
    let hash = hash(by("load", &["load", "FILE"]));
    let text = by("load", &["load", "FILE", "--allow-downgrade"]).failed(4);
    assert!(text.contains("takes the role `operate`"), "{text}");
    for args in [&["policy", "reload"][..], &["key", "revoke", "ci"], &["policy", "accept-clock"]] {
        assert!(by("load", args).failed(4).contains("takes the role `operate`"), "{args:?}");
    }
    assert!(by("read", &["policy", "check"]).ok().contains("stays"));
    let policy = node.data.join("policy.toml");
    assert!(by("read", &["policy", "check", policy.to_str().unwrap()]).failed(4).contains("operate"));
    // Of its rights whoever only talks gets none.
    by("talk", &["create", &hash]).ok();
    by("load", &["create", &hash]).ok();
}

#[test]
fn the_lesson_leads_from_a_key_to_a_source_that_is_admitted() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/09-signed/signed.sh");
    let folder = Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut lesson = Command::new("bash");
    lesson.args([script, hello()]).env("PATH", path);
    let ended = finish(&mut lesson);
    assert!(
        ended.stderr.contains("is not trusted: `key trust` makes it so")
            || ended.stderr.contains("there is no policy"),
        "{ended:?}"
    );
    let text = ended.ok();
    assert!(text.contains("5. the same source is admitted") && text.contains("shop/hello 1.0"), "{text}");
}

#[test]
fn a_component_is_inspected_before_anybody_loads_it() {
    let desk = Desk::new();
    desk.new_key("ci");
    desk.sign(
        "ci",
        &["--name", "shop/hello", "--version", "1", "--want", "status", "--limit", "children-max=5"],
    )
    .ok();
    let component = desk.component();
    let inspect = |more: &[&str]| desk.run(&[&["inspect", component.to_str().unwrap()], more].concat());
    let text = inspect(&[]).ok();
    for told in
        ["class Hello takes Greet", "thespian:actor/guest@0.1", "custom sections", "status, children-max 5"]
    {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    let json = inspect(&["--json"]).json();
    assert_eq!(json["hash"], sha256_of(&component));
    assert_eq!((&json["is_about_this"], &json["signatures"]), (&true.into(), &1.into()));
    let parts: u64 =
        ["code", "data", "custom", "other"].map(|part| json["bytes"][part].as_u64().unwrap()).iter().sum();
    assert_eq!(parts, fs::metadata(&component).unwrap().len());
    fs::write(&component, thespian_guests::bytes(thespian_guests::HELLO_GOODBYE)).unwrap();
    assert!(inspect(&[]).ok().contains("it is about another component"));
    fs::write(&component, b"\0asm\x0d\0\x01\0").unwrap();
    inspect(&[]).failed(4);
}

/// What `sign` writes is minisign's, and what that writes is taken.
#[test]
fn debians_minisign_verifies_what_is_signed_here_and_signs_what_is_admitted() {
    if Command::new("minisign").arg("-v").output().is_err() {
        eprintln!("SKIPPED: there is no minisign in the path; Debian has it as `minisign`");
        return;
    }
    let (desk, node) = trusted();
    desk.sign_anew("ci", "1", &[]);
    let public = desk.folder.path().join("config/thespian-host/keys/ci.pub");
    let minisign = |args: &[&str]| {
        let mut command = Command::new("minisign");
        command.args(args).current_dir(desk.folder.path());
        finish(&mut command)
    };
    let manifest = desk.manifest();
    let manifest = manifest.to_str().unwrap();
    minisign(&["-V", "-p", public.to_str().unwrap(), "-m", manifest]).ok();
    minisign(&["-G", "-W", "-p", "theirs.pub", "-s", "theirs.key"]).ok();
    minisign(&["-S", "-W", "-s", "theirs.key", "-m", manifest]).ok();
    let theirs = desk.folder.path().join("theirs.pub");
    desk.ask(&node, &["key", "trust", theirs.to_str().unwrap(), "--sources", "shop/*"]).ok();
    let hash = hash(desk.ask(&node, &["load", "FILE"]));
    let report = desk.ask(&node, &["sources", &hash, "--json"]).json();
    assert_eq!(report["judged_by"], "key `theirs`");
}

#[test]
fn the_audit_log_has_what_was_let_in_and_what_not_and_tells_where_it_was_cut() {
    let desk = Desk::new();
    let node = node();
    let data_dir = node.data.to_str().unwrap();
    let audit = |args: &[&str]| desk.run(&[&["audit"], args, &["--data-dir", data_dir]].concat());
    desk.ask(&node, &["load", "FILE"]).failed(4);
    desk.new_key("ci");
    desk.sign_anew("ci", "1.0", &[]);
    desk.ask(&node, &["key", "trust", "ci", "--sources", "shop/*"]).ok();
    let hash = desk.ask(&node, &["load", "FILE"]).ok().trim().to_string();
    desk.ask(&node, &["unload", &hash]).ok();

    let shown = || audit(&["show", "--json"]).ok();
    // What is no approval is written behind.
    let shown = until(|| Some(shown()).filter(|shown| shown.lines().count() == 5));
    let records: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whats: Vec<_> = records.iter().map(|record| record["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["started", "refused", "policy-set", "approved", "unloaded"]);
    assert!(records[1]["reason"].as_str().unwrap().contains("no policy"), "{}", records[1]);
    assert_eq!((&records[3]["source"], &records[3]["judged_by"]), (&json!(hash), &json!("key `ci`")));
    assert_eq!(records[3]["signatures_sha256"].as_array().unwrap().len(), 1);
    let socket = node.data.join("control.sock");
    let asked = audit(&["show", "--json", "--socket", socket.to_str().unwrap()]).ok();
    assert_eq!(
        asked.lines().collect::<Vec<_>>(),
        shown.lines().collect::<Vec<_>>(),
        "the node says the same"
    );
    let shown = audit(&["show", "--last", "2"]).ok();
    assert!(shown.contains(" approved ") && shown.contains("judged by key `ci`"), "{shown}");
    assert!(audit(&["verify"]).ok().starts_with("whole: 5 records from number 1 on, the last, 5, "));

    let path = node.data.join("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("no policy", "a policy")).unwrap();
    let broken = audit(&["verify"]).failed(1);
    assert!(broken.contains("line 3: record 2 was changed after record 3 was written"), "{broken}");
    let cut: String = text.lines().take(4).map(|line| format!("{line}\n")).collect();
    fs::write(&path, cut).unwrap();
    assert!(audit(&["verify"]).failed(1).contains("the last 1 records are cut off"));
}

#[test]
fn a_node_that_can_not_write_its_audit_log_loads_nothing_and_goes_on() {
    let folder = Folder::new();
    let audit = folder.data().join("audit.jsonl");
    DirBuilder::new().mode(0o700).create(folder.data()).unwrap();
    // Longer than what is loaded here: the limit on the size of files below is to hold for the log alone.
    fs::write(&audit, format!("{}{{\"n\":1,\"prev\":\"\"}}\n", "another's line\n".repeat(50_000))).unwrap();
    let node = RunningNode::start_in(folder, &["--authority", "trust-all"]);
    let loaded = finish(&mut node.program(&["load", hello()])).ok().trim().to_string();
    let actor = finish(&mut node.program(&["create", &loaded])).ok().trim().to_string();
    let other = Desk::new();
    let component = other.component();
    let mut bytes = fs::read(&component).unwrap();
    // A custom section: other bytes, and the same code.
    bytes.extend([0, 3, 1, b'x', 0]);
    fs::write(&component, bytes).unwrap();
    let size = fs::metadata(&audit).unwrap().len();
    let limit = rustix::process::Rlimit { current: Some(size), maximum: None };
    let before = rustix::process::prlimit(Some(node.pid()), rustix::process::Resource::Fsize, limit).unwrap();
    let refused = other.ask(&node, &["load", "FILE"]).failed(4);
    assert!(refused.contains("the audit log can't be written: File too large"), "{refused}");
    finish(&mut node.program(&["ask", &actor, "Greet", r#"{"name":"Ada"}"#])).ok();
    rustix::process::prlimit(Some(node.pid()), rustix::process::Resource::Fsize, before).unwrap();
    other.ask(&node, &["load", "FILE"]).ok();
}
