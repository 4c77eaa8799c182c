//! An actor at the end of TCP connections, which tells what came and does as it is told.

use std::collections::BTreeMap;

use thespian::prelude::*;
use thespian::tcp;

/// How to behave from now on.
#[message]
#[derive(Clone, Default)]
#[serde(default)]
pub struct Behave {
    /// Write back what comes.
    pub echo: bool,
    /// How slow to be: rounds over all that came.
    pub rounds: u32,
    /// Write so many bytes to each new connection, in messages of this size.
    pub greeting: (usize, usize),
    /// Write the greeting in questions, which go back where they can't be written.
    pub asks: bool,
    /// Ask a connection to exit when this byte comes, having written `bye`.
    pub closes_at: Option<u8>,
    /// Fail when this byte comes.
    pub fails_at: Option<u8>,
    /// Ask each new connection to exit behind its greeting.
    pub leaves: bool,
    /// Send JSON to each new connection.
    pub speaks_json: bool,
}

/// Asks for [`Seen`].
#[message]
pub struct Look;

/// What came of one connection.
#[message]
#[derive(Clone, Default)]
pub struct Line {
    /// How often it opened.
    pub opened: u32,
    /// Its peer.
    pub peer: String,
    /// Bytes that came.
    pub bytes: u64,
    /// [`mixed`] of all of them.
    pub digest: u64,
    /// Why it closed, each time.
    pub closed: Vec<String>,
    /// Messages before the first or after the last that may come.
    pub out_of_place: u32,
    /// What came back.
    pub poisons: Vec<String>,
}

/// All connections, by their addresses.
#[message]
pub struct Seen {
    /// What came of each.
    pub lines: BTreeMap<String, Line>,
}

/// A digest that depends on each byte and its place.
fn mixed(digest: u64, byte: u8) -> u64 {
    (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5)
}

/// The actor.
#[derive(Default)]
pub struct Host {
    behave: Behave,
    lines: BTreeMap<String, Line>,
}

#[actor]
impl Host {
    #[receive]
    fn behave(&mut self, behave: Behave) -> Behave {
        self.behave = behave.clone();
        behave
    }

    #[receive]
    fn look(&mut self, _: Look) -> Seen {
        Seen { lines: self.lines.clone() }
    }

    #[receive]
    fn opened(&mut self, opened: tcp::Opened, ctx: &mut Context) -> Result {
        let (all, each) = self.behave.greeting;
        let mut left = all;
        while left > 0 {
            let len = left.min(each);
            let mut bytes = RawMessage::of(&tcp::Data(vec![b'g'; len]))?;
            if self.behave.asks {
                bytes.headers.push(("thespian-request".to_string(), format!("{}#1", ctx.me())));
            }
            let connection = ctx.sender().clone();
            ctx.send_raw(&connection, &bytes)?;
            left -= len;
        }
        if self.behave.leaves {
            let connection = ctx.sender().clone();
            ctx.request_exit(&connection, true)?;
        }
        if self.behave.speaks_json {
            ctx.reply(&Look)?;
        }
        let line = self.line(ctx);
        line.opened += 1;
        line.peer = opened.peer;
        Ok(())
    }

    #[receive]
    fn data(&mut self, data: tcp::Data, ctx: &mut Context) -> Result {
        if self.behave.fails_at.is_some_and(|byte| data.0.contains(&byte)) {
            return Err(Error::poison("it was told to fail"));
        }
        if self.behave.echo {
            ctx.reply(&data)?;
        }
        if self.behave.closes_at.is_some_and(|byte| data.0.contains(&byte)) {
            ctx.reply(&tcp::Data(b"bye".to_vec()))?;
            let connection = ctx.sender().clone();
            ctx.request_exit(&connection, true)?;
        }
        let mut spent = 0;
        for _ in 0..self.behave.rounds {
            spent = data.0.iter().fold(spent, |digest, byte| mixed(digest, *byte));
        }
        let line = self.line(ctx);
        line.bytes += data.0.len() as u64;
        line.digest = data.0.iter().fold(line.digest, |digest, byte| mixed(digest, *byte));
        line.out_of_place += u32::from(line.opened != 1 || !line.closed.is_empty() || spent == 1);
        Ok(())
    }

    #[receive]
    fn closed(&mut self, closed: tcp::Closed, ctx: &mut Context) {
        let line = self.line(ctx);
        line.out_of_place += u32::from(line.opened != 1);
        line.closed.push(closed.reason);
    }

    #[receive]
    fn came_back(&mut self, poison: PoisonMessage, ctx: &mut Context) {
        self.line(ctx).poisons.push(poison.details);
    }

    fn line(&mut self, ctx: &Context) -> &mut Line {
        self.lines.entry(ctx.sender().as_str().to_string()).or_default()
    }
}

source!(Host);
