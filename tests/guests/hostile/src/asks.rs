//! Attacks through what the host offers: messages, actors, timers, the log, and what WASI would give to others.

use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use thespian::prelude::*;

use crate::{Done, Go};

/// Sends until its outbox is full, and passes the error on.
#[derive(Default)]
pub struct Flooder;

#[actor]
impl Flooder {
    #[receive]
    fn go(&mut self, _: Go, ctx: &mut Context) -> Result {
        let me = ctx.me().clone();
        for n in 0.. {
            ctx.send(&me, &Done { n, text: String::new() })?;
        }
        Ok(())
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}
}

/// Sends `n` messages a turn to whom `text` names, and goes on by a wakeup.
#[derive(Default)]
pub struct Filler;

#[actor]
impl Filler {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        Self::fill(&go, ctx)
    }

    #[receive]
    fn again(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        wakeup.payload::<Go>().map_or(Ok(()), |go| Self::fill(&go?, ctx))
    }
}

impl Filler {
    fn fill(go: &Go, ctx: &mut Context) -> Result {
        let target = Address::from(go.text.as_str());
        for n in 0..go.n {
            ctx.send(&target, &Done { n, text: "x".repeat(1_000) })?;
        }
        ctx.wakeup_after_with(Duration::from_millis(1), go)?;
        Ok(())
    }
}

/// Sends what only the host may send.
#[derive(Default)]
pub struct Forger;

#[actor]
impl Forger {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        let message = RawMessage {
            type_name: "thespian:exit".into(),
            encoding: thespian::Encoding::Json,
            payload: Vec::new(),
            headers: Vec::new(),
        };
        let victim = Address::from(go.text.as_str());
        let why =
            |outcome: Result| outcome.err().map_or_else(|| "it was let".to_string(), |why| why.to_string());
        let refused = why(ctx.refuse_raw(&victim, &message, "forged"));
        let noted = why(ctx.fails_for_raw(&victim, &message));
        let sent = why(ctx.send_raw(&victim, &message));
        if refused != sent || noted != sent {
            return Err(Error::poison(format!("{refused}, {noted}, {sent}")));
        }
        Err(Error::poison(sent))
    }
}

/// Sends to `n` addresses that look like the one in `text`.
#[derive(Default)]
pub struct Guesser;

#[actor]
impl Guesser {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Done {
        /// Of an address in its text form.
        const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut taken = 0;
        for n in 0..usize::try_from(go.n).unwrap_or(0) {
            let mut guess = go.text.clone().into_bytes();
            let place = guess.len() - 1 - n % 20;
            guess[place] = DIGITS[n / 20 % DIGITS.len()];
            let guess = String::from_utf8(guess).unwrap_or_default();
            if guess == go.text {
                continue;
            }
            let guess = Address::from(guess);
            taken += u64::from(ctx.request_exit(&guess, true).is_ok());
            taken += u64::from(ctx.send(&guess, &Done { n: 0, text: "guessed".into() }).is_ok());
        }
        Done { n: taken, text: String::new() }
    }
}

/// Has `n` children that do the same, for as long as it is let.
#[derive(Default)]
pub struct ChildBomb;

#[actor]
impl ChildBomb {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Done {
        for born in 0..go.n {
            match ctx.create::<Self>() {
                Ok(child) => {
                    let sent = ctx.send(&child, &Go { n: go.n, text: String::new() });
                    if let Err(error) = sent {
                        return Done { n: born, text: error.to_string() };
                    }
                }
                Err(error) => return Done { n: born, text: error.to_string() },
            }
        }
        Done { n: go.n, text: String::new() }
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}
}

/// Asks for wakeups until it is refused; each that comes asks for another.
#[derive(Default)]
pub struct TimerBomb;

#[actor]
impl TimerBomb {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Done {
        for n in 0.. {
            if let Err(error) = ctx.wakeup_after(Duration::from_millis(go.n)) {
                return Done { n, text: error.to_string() };
            }
        }
        Done { n: 0, text: String::new() }
    }

    #[receive]
    fn again(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
        ctx.wakeup_after(wakeup.delay).map(drop)
    }
}

/// Each message to itself makes two.
#[derive(Default)]
pub struct SelfBomb;

#[actor]
impl SelfBomb {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        let me = ctx.me().clone();
        ctx.send(&me, &go)?;
        ctx.send(&me, &go)
    }
}

/// Each poison that it gives itself makes two, and it makes some more in a turn that fails for itself.
#[derive(Default)]
pub struct PoisonBomb;

#[actor]
impl PoisonBomb {
    #[receive]
    fn go(&mut self, _: Go, ctx: &mut Context) -> Result {
        Self::twice(ctx)
    }

    #[receive]
    fn poisoned(&mut self, _: PoisonMessage, ctx: &mut Context) -> Result {
        Self::twice(ctx)
    }
}

impl PoisonBomb {
    fn twice(ctx: &mut Context) -> Result {
        let (me, own) = (ctx.me().clone(), RawMessage::of(&Go { n: 0, text: String::new() })?);
        ctx.fails_for_raw(&me, &own)?;
        ctx.refuse_raw(&me, &own, "once")?;
        ctx.refuse_raw(&me, &own, "twice")
    }
}

/// Asks whom `text` names, who is not there, `n` questions a turn; each that comes back makes as many.
#[derive(Default)]
pub struct AskBomb {
    go: Option<(u64, String)>,
}

#[actor]
impl AskBomb {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        self.go = Some((go.n, go.text));
        self.ask(ctx)
    }

    #[receive]
    fn poisoned(&mut self, _: PoisonMessage, ctx: &mut Context) -> Result {
        self.ask(ctx)
    }
}

impl AskBomb {
    fn ask(&self, ctx: &mut Context) -> Result {
        let Some((n, target)) = &self.go else { return Ok(()) };
        let mut question = RawMessage::of(&Go { n: 0, text: String::new() })?;
        question.headers.push((thespian::REQUEST_HEADER.into(), format!("{}#1.1", ctx.me())));
        let target = Address::from(target.as_str());
        (0..*n).try_for_each(|_| ctx.send_raw(&target, &question))
    }
}

/// Is never idle: each message to itself makes one.
#[derive(Default)]
pub struct KeepsSelfBusy;

#[actor]
impl KeepsSelfBusy {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Result {
        let me = ctx.me().clone();
        ctx.send(&me, &go)
    }
}

/// Writes what would steer a terminal, and what would pass for another's record.
#[derive(Default)]
pub struct Logger;

#[actor]
impl Logger {
    #[receive]
    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "the attack")]
    fn go(&mut self, go: Go, ctx: &mut Context) -> Done {
        let text = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}esrever\r\u{9b}31m";
        println!("{text}");
        eprintln!("{text}");
        ctx.log(Level::Info, text);
        ctx.log(Level::Info, "x".repeat(1 << 20));
        Done { n: go.n, text: String::new() }
    }
}

/// Tries everything that it has no right to; says what it got.
#[derive(Default)]
pub struct Outlaw;

#[actor]
impl Outlaw {
    #[receive]
    fn go(&mut self, go: Go) -> Done {
        let mut got = Vec::new();
        let mut seen = |what: &str, got_it: bool| {
            if got_it {
                got.push(what.to_string());
            }
        };
        seen("arguments", std::env::args().count() > 0);
        seen("environment", std::env::vars().count() > 0);
        seen("stdin", std::io::stdin().read(&mut [0; 16]).is_ok_and(|len| len > 0));
        seen("a file", std::fs::read(&go.text).is_ok());
        seen("/etc/passwd", std::fs::read("/etc/passwd").is_ok());
        seen("a relative file", std::fs::read("Cargo.toml").is_ok());
        seen("a folder", std::fs::read_dir("/").is_ok());
        seen("a new file", std::fs::write("/tmp/thespian-hostile", "x").is_ok());
        seen("tcp out", TcpStream::connect(("127.0.0.1", 80)).is_ok());
        seen("tcp in", TcpListener::bind(("127.0.0.1", 0)).is_ok());
        seen("udp", UdpSocket::bind(("127.0.0.1", 0)).is_ok());
        seen("names", ("localhost", 80).to_socket_addrs().is_ok());
        seen("threads", std::thread::Builder::new().spawn(|| {}).is_ok());
        Done { n: got.len() as u64, text: got.join(", ") }
    }
}

/// Uses up randomness, in a loop that never ends.
#[derive(Default)]
pub struct RandomHog;

#[actor]
impl RandomHog {
    #[receive]
    fn go(&mut self, _: Go) {
        use std::hash::{BuildHasher, RandomState};
        loop {
            std::hint::black_box(RandomState::new().hash_one(1));
        }
    }
}
