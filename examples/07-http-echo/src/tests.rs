use thespian::prelude::*;
use thespian::tcp;
use thespian::testing::{Effect, TestActor};

use super::*;

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";

struct Server(TestActor<HttpEcho>);

impl Server {
    fn opened() -> Result<Self> {
        let mut server = TestActor::<HttpEcho>::start()?;
        server.tell("connection", &tcp::Opened { peer: "1.2.3.4:5".into(), local: "1.2.3.4:80".into() })?;
        Ok(Self(server))
    }

    /// What is written, and whether the connection is to close.
    fn send(&mut self, bytes: &[u8]) -> Result<(String, bool)> {
        let effects = self.0.tell("connection", &tcp::Data(bytes.to_vec()))?;
        let written = effects.iter().filter_map(|effect| effect.sent::<tcp::Data>("connection"));
        let text = written.map(|data| String::from_utf8_lossy(&data.0).into_owned()).collect();
        Ok((text, effects.iter().any(|effect| matches!(effect, Effect::Exit { .. }))))
    }
}

#[test]
fn requests_in_one_piece_are_answered_in_order_and_the_connection_stays() -> Result {
    let (text, closes) = Server::opened()?.send(format!("{GET}{POST}").as_bytes())?;
    let first = text.find("GET /a\n").expect("the first");
    let second = text.find("POST /b\nhello").expect("the second");
    assert!(first < second && !closes);
    Ok(())
}

#[test]
fn a_request_split_at_any_byte_is_answered_once() -> Result {
    for at in 1..POST.len() {
        let mut server = Server::opened()?;
        let (begun, rest) = POST.as_bytes().split_at(at);
        assert_eq!(server.send(begun)?, (String::new(), false), "at {at}");
        assert!(server.send(rest)?.0.ends_with("POST /b\nhello"), "at {at}");
    }
    Ok(())
}

#[test]
fn what_is_refused_is_told_and_closes() -> Result {
    let many = "X: y\r\n".repeat(100);
    let long = "y".repeat(http::HEAD_BYTES_MAX);
    let big = http::BODY_BYTES_MAX + 1;
    for (request, status) in [
        ("\0\r\n\r\n".to_string(), "400"),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_string(), "400"),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_string(), "400"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_string(), "411"),
        (format!("POST / HTTP/1.1\r\nContent-Length: {big}\r\n\r\n"), "413"),
        (format!("POST / HTTP/1.1\r\nContent-Length: {}0\r\n\r\n", u64::MAX), "413"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nX: {long}"), "431"),
    ] {
        let mut server = Server::opened()?;
        let (text, closes) = server.send(request.as_bytes())?;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && closes, "{request:.40}: {text}");
        assert_eq!(server.send(GET.as_bytes())?, (String::new(), true), "nothing behind it is read");
    }
    Ok(())
}

#[test]
fn a_peer_that_wants_no_more_is_answered_and_closed() -> Result {
    let mut server = Server::opened()?;
    let (text, closes) = server.send(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n")?;
    assert!(text.contains("Connection: close") && closes);
    let (text, closes) = Server::opened()?.send(b"GET /old HTTP/1.0\r\n\r\n")?;
    assert!(text.ends_with("GET /old\n") && closes);
    let (text, closes) = Server::opened()?.send(b"HEAD /h HTTP/1.1\r\n\r\n")?;
    assert!(text.contains("Content-Length: 8\r\n") && text.ends_with("\r\n\r\n") && !closes);
    Ok(())
}

#[test]
fn a_fresh_instance_closes_what_an_old_one_had_read_from() -> Result {
    let mut server = Server(TestActor::<HttpEcho>::start()?);
    assert_eq!(server.send(POST.as_bytes())?, (String::new(), true));
    Ok(())
}
