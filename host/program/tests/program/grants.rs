//! What an operator lets actors have of the outside.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::process::{DEADLINE, RunningNode, finish, program};

/// A node whose operator lets actors listen, and an actor that answers HTTP.
fn served() -> (RunningNode, String) {
    let node = RunningNode::start_with(&["--authority", "trust-all", "--allow-listen", "127.0.0.1"]);
    let hash = node.run(&["load", thespian_guests::HTTP_ECHO]).ok();
    let actor = node.run(&["create", hash.trim()]).ok().trim().to_string();
    (node, actor)
}

/// Asks over HTTP; gives the answer and the connection.
fn get(listen: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(listen).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET /lesson HTTP/1.1\r\n\r\n").unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"GET /lesson\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    (String::from_utf8(text).unwrap(), stream)
}

#[test]
fn a_grant_is_made_listed_used_and_revoked() {
    let (node, actor) = served();
    assert_eq!(node.ready["allow_listen"], json!(["127.0.0.1"]));
    let listen = node.run(&["grant", "tcp", "127.0.0.1:0", &actor, "--idle", "30"]).ok();
    let listen = listen.trim();
    let (answer, mut stream) = get(listen);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let table = node.run(&["grant", "list"]).ok();
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["LISTEN", "ACTOR", "OPEN", "ACCEPTED", "IDLE"]);
    assert_eq!(rows[1][..4], [listen, &actor, "1", "1"]);
    let connections = node.run(&["grant", "list", "--connections"]).ok();
    let peer = stream.local_addr().unwrap().to_string();
    assert!(connections.lines().nth(1).unwrap().contains(&peer), "{connections}");
    let grants = node.run(&["grant", "list", "--json"]).json();
    assert_eq!((&grants[0]["idle_ms"], &grants[0]["connections"][0]["peer"]), (&json!(30_000), &json!(peer)));
    let status = node.run(&["status", "--json"]).json();
    assert_eq!((&status["listeners"], &status["connections"]), (&json!(1), &json!(1)));
    assert!(node.run(&["status"]).ok().contains("1 for actors, 1 connections"));

    assert_eq!(node.run(&["grant", "revoke", listen, "--json"]).json(), json!({ "revoked": listen }));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(listen).is_err());
    let told = node.run(&["grant", "revoke", listen]).failed(3);
    assert!(told.contains("grant list"), "{told}");
    assert!(node.run(&["grant", "list"]).stderr.contains("listens for no actor"));
}

#[test]
fn what_can_not_be_granted_says_why_by_its_code() {
    let (node, actor) = served();
    let told = node.run(&["grant", "tcp", "127.0.0.2:0", &actor]).failed(4);
    assert!(told.contains("start it with `--allow-listen 127.0.0.2`"), "{told}");
    node.run(&["grant", "tcp", "localhost:80", &actor]).failed(2);
    node.run(&["grant", "tcp", "127.0.0.1:0", &actor, "--idle", "0"]).failed(2);
    let granted = node.run(&["grant", "tcp", "127.0.0.1:0", &actor, "--json"]).json();
    let listen = granted["listen"].as_str().unwrap();
    assert_eq!((&granted["actor"], &granted["idle_ms"]), (&json!(actor), &json!(60_000)));
    node.run(&["grant", "tcp", listen, &actor]).failed(1);
    node.run(&["kill", &actor]).ok();
    node.run(&["grant", "tcp", "127.0.0.1:0", &actor]).failed(3);
}

#[test]
fn where_actors_may_listen_comes_from_the_uppermost_layer() {
    let shown = |command: &mut std::process::Command| -> (Value, Value) {
        let settings = finish(command.env("HOME", "/home/x")).json();
        let of = |setting: &&Value| setting["key"] == "allow-listen";
        let setting = settings.as_array().unwrap().iter().find(of).unwrap().clone();
        (setting["value"].clone(), setting["from"].clone())
    };
    let show = ["config", "show", "--json"];
    assert_eq!(shown(&mut program(show)), (Value::Null, json!("default")));
    let name = "THESPIAN_HOST_ALLOW_LISTEN";
    let listed = shown(program(show).env(name, "127.0.0.1, [::1]:80"));
    assert_eq!(listed, (json!(["127.0.0.1", "[::1]:80"]), json!(format!("environment {name}"))));
    let flags = show.into_iter().chain(["--allow-listen", "10.0.0.1:0"]);
    let listed = shown(program(flags).env(name, "127.0.0.1"));
    assert_eq!(listed, (json!(["10.0.0.1:0"]), json!("flag --allow-listen")));
    let told = finish(program(show).env("HOME", "/home/x").env(name, "everywhere")).failed(2);
    assert!(told.contains(name) && told.contains("looks like `127.0.0.1`"), "{told}");
}
