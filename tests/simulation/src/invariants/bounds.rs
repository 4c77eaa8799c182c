//! Every queue is within its bound, what it counts is what is there, and in the end everything is given back.

use thespian_core::address::ActorAddress;
use thespian_core::budget::Holdings;
use thespian_core::limits::ActorLimits;
use thespian_core::outbox::{Outbox, TurnRequest};

use crate::host::{Cell, Host};

/// What came into a mailbox and did not leave it, with the room that is kept there.
#[derive(Debug, Default)]
pub(crate) struct Room {
    len: usize,
    bytes: usize,
}

impl Room {
    pub(crate) const fn came(&mut self, cost: usize) {
        self.len += 1;
        self.bytes += cost;
    }

    pub(crate) const fn went(&mut self, len: usize, cost: usize) {
        self.len -= len;
        self.bytes -= cost;
    }
}

/// Of one actor, at any moment.
pub(crate) fn check(host: &Host, address: ActorAddress, cell: &Cell) -> Option<String> {
    let (mailbox, room, limits) = (&cell.mailbox, &cell.watch.room, &host.limits);
    let is_past = mailbox.len() > limits.mailbox_len_max
        || (mailbox.len() > 1 && mailbox.bytes() > limits.mailbox_bytes_max);
    let past = is_past.then(|| format!("the mailbox of {address} is past its bound"));
    let (counted, there) = ((mailbox.len(), mailbox.bytes()), (room.len, room.bytes));
    let miscounted = (counted != there)
        .then(|| format!("the mailbox of {address} counts {counted:?}, there are {there:?}"));
    past.or(miscounted)
}

/// Of all of a host, at any moment.
pub(crate) fn check_host(host: &Host) -> Option<String> {
    let Host { account, slots, slots_max, .. } = host;
    let (bytes, max) = (account.has().queued_bytes, account.budget().bounds().queued_bytes);
    (bytes > max || slots > slots_max)
        .then(|| format!("the node is past its bounds: {bytes} of {max} bytes, {slots} actors"))
}

/// What a turn has asked for, however it went.
pub(crate) fn asked(me: ActorAddress, outbox: &Outbox, limits: &ActorLimits) -> Option<String> {
    let sent = outbox.requests().iter().map(|request| match request {
        TurnRequest::Send { message, .. } => message.cost(),
        TurnRequest::Refuse { poisoned, .. } => poisoned.cost(),
        _ => 0,
    });
    let is_past = sent.len() > limits.outbox_len_max || sent.sum::<usize>() > limits.outbox_bytes_max;
    is_past.then(|| format!("the outbox of {me} is past its bound"))
}

/// When the host has stopped.
pub(crate) fn left(host: &Host) -> Vec<String> {
    let mut complaints = Vec::new();
    if !host.cells.is_empty() || !host.admin().family().is_empty() {
        complaints.push(format!("{} actors are left", host.cells.len()));
    }
    if host.slots != 0 || host.account.has() != Holdings::default() {
        let (slots, bytes) = (host.slots, host.account.has().memory_bytes);
        complaints.push(format!("{slots} places and {bytes} bytes are not given back"));
    }
    complaints
}
