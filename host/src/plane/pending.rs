//! An address about which nobody has decided yet: a mailbox that takes what is sent there, and nothing else.
//!
//! ```text
//!  entered ──► pending ──► settled here: the mailbox moves into the actor, which takes its place in the table
//!                     └──► settled nowhere: nothing stands for the address, and what waited goes back
//! ```
//!
//! Others may remember it from before. They are told [`Push::Moved`], and look the address up again.

use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::envelope::Envelope;
use thespian_core::mailbox::Push;

use super::mailbox::SharedMailbox;
use super::receiver::{Receiver, Take};
use super::sleeper::Sleeper;

/// Stands in the table for an actor that is not decided about.
pub(crate) struct Pending(SharedMailbox);

impl Pending {
    pub(crate) const fn new(mailbox: SharedMailbox) -> Self {
        Self(mailbox)
    }
}

impl Receiver for Pending {
    fn push(&self, envelope: Envelope) -> Push {
        self.0.push(envelope)
    }

    fn push_run(&self, run: &mut dyn Iterator<Item = Envelope>) -> (bool, Push) {
        self.0.push_run(run)
    }

    fn await_room(&self, address: ActorAddress, sender: Arc<dyn Sleeper>) {
        self.0.await_room(address, sender);
    }

    fn settle(&self, take: Take<'_>) {
        self.0.move_out(take);
    }

    fn is_actor(&self) -> bool {
        true
    }

    fn size(&self) -> (usize, usize) {
        self.0.size()
    }

    fn let_go(&self) {
        drop(self.0.close());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};
    use std::sync::Barrier;
    use std::thread;

    use thespian_core::address::HostId;
    use thespian_core::envelope::Body;
    use thespian_core::limits::ACTIVATION_LEN_MAX;
    use thespian_core::mailbox::MailboxLimits;
    use thespian_core::message::Message;

    use super::*;
    use crate::log::LogStore;
    use crate::plane::Plane;

    const SENDERS: u128 = 6;
    const EACH: usize = 400;
    const ROUNDS: usize = 60;

    /// Takes the place of an actor that is never activated: envelopes stay in its mailbox.
    struct Settled(SharedMailbox);

    impl Receiver for Settled {
        fn push(&self, envelope: Envelope) -> Push {
            self.0.push(envelope)
        }
    }

    fn target() -> ActorAddress {
        ActorAddress::new(HostId(1), 1)
    }

    fn pending() -> Arc<Plane> {
        let log = LogStore::start(None).expect("a thread for the log");
        let plane = Arc::new(Plane::with_places(1, log));
        let limits = MailboxLimits { len_max: usize::MAX, bytes_max: usize::MAX };
        let mailbox = SharedMailbox::new(limits, plane.accounts.outside().clone());
        plane.table.enter(target(), Arc::new(Pending::new(mailbox)));
        plane
    }

    fn envelope(sender: u128, number: usize) -> Envelope {
        let message = Message::bytes("M", number.to_le_bytes().to_vec());
        let sender = ActorAddress::new(HostId(1), 100 + sender);
        Envelope { target: target(), sender, body: Body::Message(message) }
    }

    fn number(envelope: &Envelope) -> usize {
        let Body::Message(message) = &envelope.body else { panic!("{envelope:?}") };
        usize::from_le_bytes(message.payload[..].try_into().unwrap())
    }

    /// Sends by what it remembers, one envelope or a run at a time, and looks up anew what has moved, as a cell does.
    /// Returns those that nobody took.
    fn send_all(plane: &Plane, sender: u128) -> Vec<usize> {
        let mut remembered = plane.table.get(target());
        let mut gone = Vec::new();
        let mut rest = (0..EACH).map(|number| envelope(sender, number)).peekable();
        let mut again = None;
        while let Some(first) = again.take().or_else(|| rest.next()) {
            let Some(receiver) = &remembered else {
                gone.push(number(&first));
                continue;
            };
            let len = number(&first) % 7;
            let push = receiver.deliver_run(&mut std::iter::once(first).chain(rest.by_ref().take(len)));
            match push {
                Push::Queued | Push::Activate => {}
                Push::Moved(envelope) => {
                    remembered = plane.table.get(target());
                    again = Some(envelope);
                }
                Push::Full(envelope) | Push::Gone(envelope) => gone.push(number(&envelope)),
            }
        }
        gone
    }

    /// Lets all senders loose, settles meanwhile, and returns what each has left over.
    fn race(plane: &Arc<Plane>, settle: impl FnOnce(&Arc<dyn Receiver>)) -> Vec<Vec<usize>> {
        let start = Barrier::new(usize::try_from(SENDERS).unwrap() + 1);
        let pending = plane.table.get(target()).expect("it is entered");
        thread::scope(|scope| {
            let send = |sender| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    send_all(plane, sender)
                })
            };
            let senders: Vec<_> = (0..SENDERS).map(send).collect();
            start.wait();
            // In the middle of it.
            while pending.size().0 < EACH / 4 {
                thread::yield_now();
            }
            settle(&pending);
            senders.into_iter().map(|sender| sender.join().expect("it does not panic")).collect()
        })
    }

    fn by_sender(envelopes: impl IntoIterator<Item = Envelope>) -> BTreeMap<ActorAddress, Vec<usize>> {
        let mut by_sender: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for envelope in envelopes {
            by_sender.entry(envelope.sender).or_default().push(number(&envelope));
        }
        by_sender
    }

    #[test]
    fn nothing_is_lost_doubled_or_overtaken_while_an_address_is_settled_here() {
        for _ in 0..ROUNDS {
            let plane = pending();
            let mut settled = None;
            let left = race(&plane, |pending| {
                pending.settle(Box::new(|mailbox| {
                    let receiver = Arc::new(Settled(mailbox));
                    settled = Some(receiver.clone());
                    plane.table.enter(target(), receiver);
                }));
            });
            assert!(left.iter().all(Vec::is_empty), "{left:?}");
            let mut received = VecDeque::new();
            let settled = settled.expect("it is settled once");
            while settled.0.size().0 > 0 {
                settled.0.drain(&mut received, ACTIVATION_LEN_MAX);
            }
            let received = by_sender(received);
            assert_eq!(received.len(), usize::try_from(SENDERS).unwrap());
            for numbers in received.into_values() {
                assert!(numbers.into_iter().eq(0..EACH), "each once, in order");
            }
        }
    }

    #[test]
    fn what_was_sent_to_an_address_that_is_settled_nowhere_comes_back_or_is_refused() {
        for _ in 0..ROUNDS {
            let plane = pending();
            let mut waited = VecDeque::new();
            let left = race(&plane, |pending| {
                pending.settle(Box::new(|mailbox| {
                    plane.table.remove(target());
                    waited = mailbox.close();
                }));
            });
            let mut waited = by_sender(waited);
            for (sender, refused) in (0..SENDERS).zip(left) {
                let sender = envelope(sender, 0).sender;
                let waited = waited.remove(&sender).unwrap_or_default();
                assert!(waited.into_iter().chain(refused).eq(0..EACH), "each in one place, in order");
            }
            assert_eq!(plane.accounts.budget().used().queued_bytes, 0, "nothing is kept for what came back");
        }
    }

    #[test]
    fn an_address_is_settled_once() {
        let plane = pending();
        let pending = plane.table.get(target()).expect("it is entered");
        let mut times = 0;
        pending.settle(Box::new(|_| times += 1));
        pending.settle(Box::new(|_| times += 1));
        assert_eq!(times, 1);
    }

    #[test]
    fn a_sender_that_waits_for_room_is_woken_when_its_receiver_has_moved() {
        let plane = pending();
        let pending = plane.table.get(target()).expect("it is entered");
        let woken = || Arc::new(tokio::sync::Notify::new());
        let (before, after) = (woken(), woken());
        let sender = envelope(0, 0).sender;
        pending.await_room(sender, before.clone());
        pending.settle(Box::new(|_| ()));
        pending.await_room(sender, after.clone());
        for waits in [before, after] {
            assert!(futures_util::FutureExt::now_or_never(waits.notified()).is_some());
        }
    }
}
