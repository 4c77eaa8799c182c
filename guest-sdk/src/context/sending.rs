//! Sending: to an address, and in answer to what is being handled.

use std::fmt::Display;
use std::mem::replace;

use super::Context;
use crate::address::Address;
use crate::bindings::thespian::actor::types::MessageParam;
use crate::failure::Result;
use crate::host::{self, Ask};
use crate::message::{Encoding, Message, RawMessage, check_size};
use crate::reply::{REQUEST_HEADER, ReplyTo, header};

impl Context {
    /// Sends a message. In order for each receiver.
    ///
    /// # Errors
    /// `to` is no address, or a bound is reached, such as that on the size of a message.
    pub fn send<M: Message>(&mut self, to: &Address, message: &M) -> Result {
        self.note_answer(to, None);
        send(self, to, None, message)
    }

    /// Sends a message that is already encoded.
    ///
    /// # Errors
    /// As [`Context::send`]; also where its type name belongs to the host.
    pub fn send_raw(&mut self, to: &Address, message: &RawMessage) -> Result {
        self.note_answer(to, header(&message.headers, REQUEST_HEADER));
        self.check_message(message)?;
        send_whole(to, message)
    }

    /// Refuses a message of an earlier turn, or of another actor's: whoever sent it gets it back, without its payload, as a
    /// [`crate::PoisonMessage`] with this reason, and a program as poison of its ask. What a handler is given it refuses by
    /// its error.
    ///
    /// ```
    /// use thespian::ReplyTo;
    /// use thespian::prelude::*;
    ///
    /// #[message]
    /// struct Book { seat: u32 }
    ///
    /// #[derive(Default)]
    /// struct Office { waiting: Vec<ReplyTo> }
    ///
    /// #[actor]
    /// impl Office {
    ///     #[receive]
    ///     fn book(&mut self, _: Book, ctx: &mut Context) {
    ///         self.waiting.push(ctx.reply_to());
    ///     }
    ///
    ///     #[receive]
    ///     fn close(&mut self, _: ExitRequest, ctx: &mut Context) -> Result {
    ///         self.waiting.drain(..).try_for_each(|guest| ctx.refuse(&guest, "the office closes"))
    ///     }
    /// }
    /// # let mut office = thespian::testing::TestActor::<Office>::start()?;
    /// # office.tell("guest", &Book { seat: 1 })?;
    /// # let effects = office.exit_requested(true)?;
    /// # assert_eq!(effects[0].refused("guest"), Some("the office closes"));
    /// # Ok::<(), thespian::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn refuse(&mut self, to: &ReplyTo, why: impl Display) -> Result {
        self.refuse_raw(&to.address, &to.original(), why)
    }

    /// Refuses a message that was kept: it goes back whole, or without its payload where the turn has no room for that.
    pub(crate) fn refuse_kept(&mut self, to: &ReplyTo, message: RawMessage, why: &str) -> Result {
        let original = to.marked(message);
        self.refuse_raw(&to.address, &original, why).or_else(|_| {
            let without = RawMessage { payload: Vec::new(), ..original };
            self.refuse_raw(&to.address, &without, why)
        })
    }

    /// A stretch of a turn in which what `to` had sent is being handled.
    pub(crate) fn handle_for<T>(&mut self, to: &ReplyTo, stretch: impl FnOnce(&mut Self) -> T) -> T {
        let handled = String::from(&*to.type_name).into();
        let concerned = self.concerned.replace(to.clone());
        let before = (
            replace(&mut self.sender, to.address.clone()),
            replace(&mut self.request, to.request.clone()),
            replace(&mut self.handled, handled),
        );
        let outcome = stretch(self);
        (self.sender, self.request, self.handled) = before;
        self.concerned = concerned;
        outcome
    }

    /// Says that what is handled now is handled for `to`: if this turn fails for good, `to` gets its message back as poison,
    /// without its payload, and nobody else hears. [`crate::Requests`] say so for each of their continuations. Where `to` waits
    /// for the job of a troupe's worker, it hears by way of the leader.
    ///
    /// # Errors
    /// `to` is no address, or the actor starts.
    pub fn fails_for(&mut self, to: &ReplyTo) -> Result {
        match self.work.as_mut().and_then(|work| work.stake(to)) {
            Some((leader, job)) => self.fails_for_raw(&leader, &job),
            None => self.fails_for_raw(&to.address, &to.original()),
        }
    }

    /// Gives a message back to whoever sent it, as poison with this reason, when the turn succeeds: a [`crate::PoisonMessage`]
    /// whose `target` is this actor, or poison of a program's ask. In order with what is sent to the same receiver.
    ///
    /// What a handler can't do at all it says by its error. This is for a message that is not the one being handled, or
    /// where the turn has something to keep. The payload may be left out.
    ///
    /// ```
    /// use thespian::prelude::*;
    ///
    /// #[message]
    /// struct Book { seat: u32 }
    ///
    /// #[derive(Default)]
    /// struct Office { refused: u32 }
    ///
    /// #[actor]
    /// impl Office {
    ///     #[receive]
    ///     fn book(&mut self, book: Book, ctx: &mut Context) -> Result {
    ///         self.refused += 1;
    ///         let original = RawMessage::of(&book)?;
    ///         ctx.refuse_raw(&ctx.sender().clone(), &original, "all seats are taken")
    ///     }
    /// }
    /// # let mut office = thespian::testing::TestActor::<Office>::start()?;
    /// # let effects = office.tell("guest", &Book { seat: 1 })?;
    /// # assert!(matches!(&effects[..], [thespian::testing::Effect::Refuse { .. }]), "{effects:?}");
    /// # Ok::<(), thespian::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Context::send_raw`].
    pub fn refuse_raw(&mut self, to: &Address, original: &RawMessage, why: impl Display) -> Result {
        self.note_answer(to, header(&original.headers, REQUEST_HEADER));
        self.check_message(original)?;
        let (headers, details) = (original.headers_to_wit(), why.to_string());
        let original = original.to_wit(&headers);
        host::ask(Ask::Refuse { to: to.as_str(), original, details: &details }).map(drop)
    }

    /// Says who is to hear if this turn fails for good, in place of the sender of what is being handled: `to` gets `original`
    /// back as poison, perhaps without its payload. For who handles an answer, a wakeup or another event on behalf of
    /// somebody. The last call of a turn counts, and holds for its second attempt too; a turn that succeeds forgets it.
    ///
    /// ```
    /// use thespian::prelude::*;
    ///
    /// #[message]
    /// struct Book { seat: u32 }
    /// #[message]
    /// struct Booked;
    ///
    /// #[derive(Default)]
    /// struct Office { guest: Option<Address> }
    ///
    /// #[actor]
    /// impl Office {
    ///     #[receive]
    ///     fn book(&mut self, book: Book, ctx: &mut Context) -> Result {
    ///         self.guest = Some(ctx.sender().clone());
    ///         ctx.wakeup_after_with(std::time::Duration::from_secs(1), &book).map(drop)
    ///     }
    ///
    ///     #[receive]
    ///     fn decide(&mut self, wakeup: Wakeup, ctx: &mut Context) -> Result {
    ///         let (Some(guest), Some(order)) = (self.guest.take(), wakeup.payload) else { return Ok(()) };
    ///         ctx.fails_for_raw(&guest, &order)?;
    ///         // Whatever fails from here on, the guest hears of it.
    ///         ctx.send(&guest, &Booked)
    ///     }
    /// }
    /// # let mut office = thespian::testing::TestActor::<Office>::start()?;
    /// # let effects = office.tell("guest", &Book { seat: 1 })?;
    /// # assert_eq!(office.wake(&effects[0])?.len(), 1);
    /// # Ok::<(), thespian::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Context::send_raw`], or the actor starts.
    pub fn fails_for_raw(&mut self, to: &Address, original: &RawMessage) -> Result {
        self.check_message(original)?;
        let headers = original.headers_to_wit();
        host::ask(Ask::FailsFor { to: to.as_str(), original: original.to_wit(&headers) }).map(drop)
    }

    /// Whoever works for `to` has answered, if this is to the question.
    #[inline(always)]
    pub(crate) fn note_answer(&mut self, to: &Address, request: Option<&str>) {
        if let Some(work) = &mut self.work {
            work.note_answer(to, request);
        }
    }

    /// Sends a message to whoever sent what is being handled.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn reply<M: Message>(&mut self, message: &M) -> Result {
        if self.work.is_some() {
            let to = self.reply_to();
            self.note_answer(&to.address, to.request.as_deref());
        }
        send(self, &self.sender, self.request.as_deref(), message)
    }

    /// Where the answer to what is being handled is to go, for an answer that this handler can't give yet, or that
    /// another actor will give.
    #[must_use]
    pub fn reply_to(&self) -> ReplyTo {
        let type_name = (*self.handled).into();
        ReplyTo { address: self.sender.clone(), request: self.request.clone(), type_name }
    }

    /// Answers a message of an earlier turn, or of another actor's.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn answer<M: Message>(&mut self, to: &ReplyTo, message: &M) -> Result {
        self.note_answer(&to.address, to.request.as_deref());
        send(self, &to.address, to.request.as_deref(), message)
    }
}

/// Sends `message`, in answer to the question of this name if there is one. Each call that is one more costs every message
/// a few nanoseconds: there is but that below.
#[inline(always)]
fn send<M: Message>(ctx: &Context, to: &Address, request: Option<&str>, message: &M) -> Result {
    let payload = message.encode()?;
    match request {
        None => send_plain(ctx, to, M::TYPE_NAME, &M::ENCODING, &payload),
        Some(request) => send_named(ctx, to, request, M::TYPE_NAME, M::ENCODING, payload.into_owned()),
    }
}

/// Once for all types of messages; so below.
#[inline(never)]
fn send_plain(ctx: &Context, to: &Address, type_name: &str, encoding: &Encoding, payload: &[u8]) -> Result {
    check_size(type_name, encoding, payload.len(), &[], ctx.init.message_bytes_max)?;
    let message = MessageParam { type_name, encoding: encoding.to_wit(), payload, headers: None };
    host::ask(Ask::Send { to: to.as_str(), message }).map(drop)
}

#[inline(never)]
fn send_named(
    ctx: &Context,
    to: &Address,
    request: &str,
    type_name: &str,
    encoding: Encoding,
    payload: Vec<u8>,
) -> Result {
    let headers = vec![(REQUEST_HEADER.to_string(), request.to_string())];
    let message = RawMessage { type_name: type_name.to_string(), encoding, payload, headers };
    ctx.check_message(&message)?;
    send_whole(to, &message)
}

fn send_whole(to: &Address, message: &RawMessage) -> Result {
    let headers = message.headers_to_wit();
    host::ask(Ask::Send { to: to.as_str(), message: message.to_wit(&headers) }).map(drop)
}
