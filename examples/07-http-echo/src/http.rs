//! What HTTP/1.1 is. Knows nothing of actors.

use httparse::{EMPTY_HEADER, Request, Status};

/// Bytes of a request's head at most.
pub(crate) const HEAD_BYTES_MAX: usize = 8 << 10;
/// Bytes of a request's body at most.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 10;
/// Headers of a request at most.
const HEADERS_MAX: usize = 64;

/// What the beginning of a stream is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// Not yet a whole request.
    Partial,
    /// A request.
    Whole(Whole<'a>),
    /// Nothing that can be answered but so, and nothing behind it can be read.
    Refused(&'static str),
}

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
    /// Its bytes, head and body.
    pub(crate) len: usize,
    /// Whether another may follow.
    pub(crate) keeps_alive: bool,
}

/// Looks at the beginning of a stream.
pub(crate) fn parse(stream: &[u8]) -> Parsed<'_> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let head_len = match request.parse(stream) {
        Ok(Status::Complete(len)) if len <= HEAD_BYTES_MAX => len,
        Ok(Status::Partial) if stream.len() <= HEAD_BYTES_MAX => return Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Refused("431 Request Header Fields Too Large");
        }
        Err(_) => return Parsed::Refused("400 Bad Request"),
    };
    let (Some(method), Some(path)) = (request.method, request.path) else {
        return Parsed::Refused("400 Bad Request");
    };
    if values(&request, "transfer-encoding").next().is_some() {
        return Parsed::Refused("411 Length Required");
    }
    let body_len = match body_len(&request) {
        Some(len) if len > BODY_BYTES_MAX => return Parsed::Refused("413 Content Too Large"),
        Some(len) => len,
        None => return Parsed::Refused("400 Bad Request"),
    };
    let len = head_len + body_len;
    let keeps_alive = request.version == Some(1) && !values(&request, "connection").any(asks_close);
    let Some(body) = stream.get(head_len..len) else { return Parsed::Partial };
    Parsed::Whole(Whole { method, path, body, len, keeps_alive })
}

fn values<'a>(request: &'a Request<'_, '_>, name: &str) -> impl Iterator<Item = &'a [u8]> {
    request
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn asks_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// The body's length; `None` where the headers do not say one thing: two readers could take it for two requests.
fn body_len(request: &Request<'_, '_>) -> Option<usize> {
    let mut lengths = values(request, "content-length");
    let Some(first) = lengths.next() else { return Some(0) };
    if lengths.any(|other| other != first) || first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // All digits: what does not fit is too big.
    Some(std::str::from_utf8(first).ok()?.parse().unwrap_or(usize::MAX))
}

/// An answer. `body` is left out for HEAD.
pub(crate) fn answer(status: &str, body: &[u8], is_head: bool, keeps_alive: bool, out: &mut Vec<u8>) {
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    if !is_head {
        out.extend_from_slice(body);
    }
}
