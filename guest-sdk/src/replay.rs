//! Messages that an actor keeps, and their way to its handlers when it lets them go.
//!
//! Each has a turn of its own, which a signal causes that the actor sends itself: so one that fails takes nothing else
//! along, and where it fails for good the host says so, by poison for the signal. Where it takes its instance along, so
//! that nobody is left for the signal's poison, its sender hears.
//!
//! ```text
//! keep ──► kept ── release ──► queue ── signal ──► handler
//!             newcomers meanwhile ▲
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::address::Address;
use crate::context::Context;
use crate::failure::{Error, Result};
use crate::host::{self, Ask};
use crate::incoming::{Came, Incoming};
use crate::message::RawMessage;
use crate::parts::{Kind, Standing};
use crate::reply::ReplyTo;

/// Bytes of the payloads that may be held: a quarter of the memory that a host lets an actor have.
const BYTES_MAX: usize = 16 << 20;
/// How long to wait for room in the actor's own mailbox.
const NO_ROOM_FOR: Duration = Duration::from_millis(100);
/// The payload of a wakeup after which a signal is sent that had no room.
const AGAIN: &[u8] = b"again";

/// A message, and who is to hear of it.
struct Held {
    from: ReplyTo,
    message: RawMessage,
}

pub(crate) struct Replay {
    /// The type name of its signals.
    signal: &'static str,
    kept: VecDeque<Held>,
    queue: VecDeque<Held>,
    bytes: usize,
    len_max: usize,
    /// Whether a signal is on its way.
    is_running: bool,
    /// The signal came to nothing, in a way of which the host does not tell.
    lacks_signal: bool,
    turn: ThisTurn,
    standing: Standing,
}

/// The deeds of the turn under way, to be taken back if it fails.
#[derive(Default)]
struct ThisTurn {
    /// The first of the queue is handled.
    is_replay: bool,
    /// Its handler is under way, or has failed: of this actor.
    fails_for: Option<Address>,
    releases: bool,
    sends_again: bool,
    /// The turn has the only word of the signal: should it fail, no other will come.
    has_last_word: bool,
    /// The turn sends the signal that is lacking.
    sends_lacking: bool,
    kept: usize,
    queued: usize,
}

impl Replay {
    pub(crate) fn new(signal: &'static str, kind: Kind, len_max: usize) -> Self {
        Self {
            signal,
            kept: VecDeque::new(),
            queue: VecDeque::new(),
            bytes: 0,
            len_max,
            is_running: false,
            lacks_signal: false,
            turn: ThisTurn::default(),
            standing: Standing::new(kind),
        }
    }

    /// Messages that are kept, and not let go yet.
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }

    pub(crate) const fn set_len_max(&mut self, len_max: usize) {
        self.len_max = len_max;
    }

    pub(crate) const fn standing(&mut self) -> &mut Standing {
        &mut self.standing
    }

    /// Keeps a message until a release.
    pub(crate) fn keep(&mut self, message: RawMessage, ctx: &Context) -> Result {
        self.standing.check(ctx)?;
        if ctx.is_exiting() {
            return Err(Error::poison("an actor that exits holds nothing back"));
        }
        let held = self.held(message, ctx)?;
        self.kept.push_back(held);
        self.turn.kept += 1;
        Ok(())
    }

    /// Lets go what is kept: before everything that is on its way already, for it came earlier.
    pub(crate) const fn release(&mut self) {
        self.turn.releases = true;
    }

    fn held(&mut self, message: RawMessage, ctx: &Context) -> Result<Held> {
        // What is being handled is on its way out.
        let leaving = if self.turn.is_replay { self.queue.front() } else { None };
        let leaving = leaving.map_or((0, 0), |held| (1, held.message.payload.len()));
        let (len, bytes) = (self.kept.len() + self.queue.len() - leaving.0, self.bytes - leaving.1);
        if len >= self.len_max || bytes + message.payload.len() > BYTES_MAX {
            let text = format!("{len} messages of {bytes} bytes are held back already");
            return Err(Error::poison(text));
        }
        self.bytes += message.payload.len();
        Ok(Held { from: ctx.reply_to().about(&message.type_name), message })
    }

    pub(crate) fn begin(&mut self, again: bool) {
        self.standing.confirm();
        let failed = std::mem::take(&mut self.turn);
        self.lacks_signal |= failed.has_last_word && !again;
    }

    /// Gives what came, or the first of the queue in its place; nothing, if it has to wait.
    pub(crate) fn offer(&mut self, incoming: Incoming, ctx: &mut Context) -> Result<Option<Incoming>> {
        match incoming.0 {
            // Another part may have the same signals.
            Came::Signal(signal) if signal.type_name == self.signal && self.is_running => {
                self.turn.sends_again = signal.payload == AGAIN;
                self.turn.has_last_word = self.turn.sends_again;
                Ok(if self.turn.sends_again { None } else { self.first(ctx) })
            }
            Came::SignalFailed(poisoned) if poisoned.original.type_name == self.signal && self.is_running => {
                self.turn.is_replay = !self.queue.is_empty();
                self.turn.has_last_word = true;
                let first = self.queue.front();
                // Those behind it wait for its end, and must not wait for ever.
                if let Some(Err(error)) = first.map(|held| held.refuse(&poisoned.details, ctx)) {
                    crate::warn!(
                        ctx,
                        "whoever sent what was held back can't be told that it failed: {error}"
                    );
                }
                Ok(None)
            }
            Came::Message(message) if self.is_running => {
                let held = self.held(RawMessage::from_wit(message), ctx)?;
                self.queue.push_back(held);
                self.turn.queued += 1;
                Ok(None)
            }
            came => Ok(Some(Incoming(came))),
        }
    }

    /// The first of the queue, as if it came only now.
    fn first(&mut self, ctx: &mut Context) -> Option<Incoming> {
        let held = self.queue.front()?;
        self.turn.is_replay = true;
        self.turn.fails_for = Some(ctx.me().clone());
        // Where nobody can hear, because the address is none, nobody does.
        let _ = ctx.fails_for_raw(&held.from.address, &held.from.marked(held.message.clone()));
        ctx.sender = held.from.address.clone();
        ctx.request.clone_from(&held.from.request);
        Some(Incoming(Came::Message(held.message.clone().into_wit())))
    }

    /// Sends the signal for the next, if there is one and no other signal is on its way.
    pub(crate) fn finish(&mut self, ctx: &mut Context) -> Result {
        let turn = &mut self.turn;
        let released = if turn.releases { self.kept.len() } else { 0 };
        let left = self.queue.len() + released - usize::from(turn.is_replay);
        let sends = turn.is_replay || turn.sends_again || !self.is_running || self.lacks_signal;
        if left == 0 || !sends {
            return Ok(());
        }
        turn.sends_lacking = self.lacks_signal;
        let me = ctx.me().clone();
        let mut signal = RawMessage::signal(self.signal, "");
        match ctx.send_raw(&me, &signal) {
            Err(error) if error.is_exhausted() => {
                signal.payload = AGAIN.to_vec();
                ctx.wakeup_after_raw(NO_ROOM_FOR, signal).map(drop)
            }
            sent => sent,
        }
    }

    /// The actor exits: whoever waits is told.
    pub(crate) fn leave(&mut self, ctx: &mut Context) {
        let mut untold = 0;
        for held in self.queue.drain(..).chain(self.kept.drain(..)) {
            match held.refuse("the actor exits", ctx) {
                Ok(()) => ctx.tells_of_exit = true,
                Err(_) => untold += 1,
            }
        }
        if untold > 0 {
            crate::warn!(
                ctx,
                "{untold} messages that were held back are lost: no more refusals fit into one turn"
            );
        }
        self.bytes = 0;
        self.is_running = false;
    }

    pub(crate) fn end(&mut self, succeeded: bool) {
        let turn = std::mem::take(&mut self.turn);
        if !succeeded {
            if let Some(me) = turn.fails_for {
                // The instance lives: it hears of its signal, sees to the sender, and goes on with the next.
                let signal = RawMessage::signal(self.signal, "");
                let _ = host::ask(Ask::FailsFor { to: me.as_str(), original: signal.to_wit(&[]) });
            }
            let kept = self.kept.split_off(self.kept.len() - turn.kept);
            let queued = self.queue.split_off(self.queue.len() - turn.queued);
            self.bytes -= kept.iter().chain(&queued).map(|held| held.message.payload.len()).sum::<usize>();
            self.turn.has_last_word = turn.has_last_word;
            return;
        }
        if turn.is_replay
            && let Some(held) = self.queue.pop_front()
        {
            self.bytes -= held.message.payload.len();
        }
        if turn.releases {
            self.kept.append(&mut self.queue);
            std::mem::swap(&mut self.kept, &mut self.queue);
        }
        self.is_running = !self.queue.is_empty();
        self.lacks_signal &= self.is_running && !turn.sends_lacking;
    }
}

impl Held {
    fn refuse(&self, why: &str, ctx: &mut Context) -> Result {
        ctx.refuse_kept(&self.from, self.message.clone(), why)
    }
}
