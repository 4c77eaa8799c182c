//! Lesson 7 on a real node, and over real connections.

use std::net::SocketAddr;

use thespian_core::address::ActorAddress;
use thespian_core::message::Message;
use thespian_guests as guests;
use thespian_host::config::NodeConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{DEADLINE, World};

/// A node whose operator lets lesson 7 listen.
async fn served() -> (World, ActorAddress, SocketAddr) {
    let config = NodeConfig { allow_listen: vec!["127.0.0.1".parse().unwrap()], ..NodeConfig::default() };
    let world = World::with(config);
    let actor = world.create(guests::HTTP_ECHO, "HttpEcho").await;
    let grant = world.client.grant_tcp("127.0.0.1:0", actor, None).await.unwrap();
    let listen = grant.listen.parse().unwrap();
    (world, actor, listen)
}

/// Reads until what was read ends so.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut piece = [0; 4_096];
        let len = tokio::time::timeout(DEADLINE, stream.read(&mut piece)).await.unwrap().unwrap();
        assert_ne!(len, 0, "the connection ended behind {text:?}");
        text.push_str(std::str::from_utf8(&piece[..len]).unwrap());
    }
    text
}

async fn rest_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

#[tokio::test]
async fn lesson_7_answers_one_request_after_the_other_on_one_connection() {
    let (_world, _, listen) = served().await;
    let mut stream = TcpStream::connect(listen).await.unwrap();
    for part in ["GET /first HT", "TP/1.1\r\nHost: x\r", "\n\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    let text = read_to(&mut stream, "GET /first\n").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("Connection: keep-alive\r\n"), "{text}");
    let body = "b".repeat(60_000);
    let head = "POST /second HTTP/1.1\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let text = rest_of(stream).await;
    assert!(text.ends_with(&format!("POST /second\n{body}")), "{} bytes", text.len());
}

#[tokio::test]
async fn lesson_7_refuses_what_is_bad_or_too_big_and_closes() {
    let (_world, _, listen) = served().await;
    for (request, status) in
        [("no request\r\n\r\n", "400"), ("POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", "413")]
    {
        let mut stream = TcpStream::connect(listen).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(rest_of(stream).await.starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
    }
}

#[tokio::test]
async fn lesson_7_lives_on_after_what_it_does_not_take() {
    let (world, actor, listen) = served().await;
    let poisoned = world.poison(actor, Message::json("Insult", "{}")).await;
    assert!(poisoned.details.starts_with("`HttpEcho` takes no `Insult`"), "{}", poisoned.details);
    let mut stream = TcpStream::connect(listen).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(rest_of(stream).await.ends_with("GET /\n"));
}
