//! Lesson 7: TCP connections as messages. One actor answers HTTP/1.1 on all of them.

mod http;

use std::collections::BTreeMap;

use http::Parsed;
use thespian::prelude::*;
use thespian::tcp;

/// Answers each request with its method, its path and its body.
#[derive(Default)]
pub struct HttpEcho {
    /// What has come of a request that is not whole yet, for each connection.
    begun: BTreeMap<Address, Vec<u8>>,
}

#[actor]
impl HttpEcho {
    #[receive]
    fn opened(&mut self, _: tcp::Opened, ctx: &mut Context) {
        self.begun.insert(ctx.sender().clone(), Vec::new());
    }

    #[receive]
    fn data(&mut self, data: tcp::Data, ctx: &mut Context) -> Result {
        let connection = ctx.sender().clone();
        // It is to close already; or a fresh instance knows nothing of what an old one had read.
        let Some(begun) = self.begun.get(&connection) else { return ctx.request_exit(&connection, true) };
        let stream = [begun.as_slice(), &data.0].concat();
        let answered = answer(&stream);
        if !answered.out.is_empty() {
            ctx.reply(&tcp::Data(answered.out))?;
        }
        // Last, for a turn that fails is repeated.
        match answered.rest {
            Some(at) => {
                self.begun.insert(connection, stream[at..].to_vec());
            }
            None => {
                ctx.request_exit(&connection, true)?;
                self.begun.remove(&connection);
            }
        }
        Ok(())
    }

    #[receive]
    fn closed(&mut self, _: tcp::Closed, ctx: &mut Context) {
        self.begun.remove(ctx.sender());
    }
}

struct Answered {
    out: Vec<u8>,
    /// Where the next request begins; `None`: there is none.
    rest: Option<usize>,
}

/// Answers every whole request at the beginning of a stream.
fn answer(stream: &[u8]) -> Answered {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match http::parse(&stream[at..]) {
            Parsed::Partial => return Answered { out, rest: Some(at) },
            Parsed::Refused(status) => {
                http::answer(status, status.as_bytes(), false, false, &mut out);
                return Answered { out, rest: None };
            }
            Parsed::Whole(request) => {
                let body =
                    [request.method.as_bytes(), b" ", request.path.as_bytes(), b"\n", request.body].concat();
                http::answer("200 OK", &body, request.method == "HEAD", request.keeps_alive, &mut out);
                at += request.len;
                if !request.keeps_alive {
                    return Answered { out, rest: None };
                }
            }
        }
    }
}

source!(HttpEcho);

#[cfg(test)]
mod tests;
