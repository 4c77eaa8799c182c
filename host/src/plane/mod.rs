//! What lies below the actors: the table of receivers, their queues, alarms and the clock.

pub(crate) mod alarms;
pub(crate) mod clock;
pub(crate) mod mailbox;
pub(crate) mod table;
