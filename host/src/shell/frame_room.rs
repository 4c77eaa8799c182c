//! Room for a frame on its way in: memory for what is there of it, and time for the rest. Small ones need neither, so whoever looks,
//! ends and unloads is heard where everything else is spent.

use std::sync::Arc;
use std::time::Duration;

use thespian_core::budget::{Account, Loan, MemoryPart};
use thespian_core::limits::{FRAME_FREE_BYTES, FRAME_RETRY_PERIOD, FRAME_TIME_MAX};
use tokio::time::Instant;

/// The frame that comes over one connection.
pub(super) struct FrameRoom {
    account: Arc<Account>,
    loan: Loan,
    /// When what is missing has to be there.
    due: Option<Instant>,
}

impl FrameRoom {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, loan: Loan::of(MemoryPart::Frames), due: None }
    }

    /// A part of a frame is here that takes so many bytes, or none is on its way. Whether there is memory for more of it.
    pub(super) fn has_part(&mut self, bytes: Option<usize>) -> bool {
        let Some(bytes) = bytes else {
            self.due = None;
            self.loan.settle(0, &self.account);
            return true;
        };
        self.due.get_or_insert_with(|| Instant::now() + FRAME_TIME_MAX);
        let beyond = bytes.saturating_sub(FRAME_FREE_BYTES);
        beyond == 0 || self.loan.cover(beyond, || &*self.account).is_ok()
    }

    /// A frame has come: what is behind it is another's.
    pub(super) fn has_come(&mut self) {
        self.due = None;
    }

    /// For so long nothing was read, for it was the client who did not read.
    pub(super) fn pause(&mut self, length: Duration) {
        if let Some(due) = &mut self.due {
            *due += length;
        }
    }

    /// Returns when the time is over in which the frame had to come; never where there is none.
    pub(super) async fn overdue(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Returns when it is time to look for memory again.
    pub(super) async fn retry(&self) {
        tokio::time::sleep(FRAME_RETRY_PERIOD).await;
    }
}

impl Drop for FrameRoom {
    fn drop(&mut self) {
        self.loan.settle(0, &self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::budget::{BudgetBounds, NodeBudget};

    const MIB: usize = 1 << 20;

    fn room(memory_bytes: usize) -> FrameRoom {
        let bounds = BudgetBounds { memory_bytes, queued_bytes: 0, places: 0 };
        FrameRoom::new(Arc::new(Account::new(NodeBudget::new(bounds))))
    }

    #[test]
    fn small_frames_come_where_all_is_spent_and_large_ones_take_what_there_is() {
        let mut spent = room(0);
        assert!(spent.has_part(Some(FRAME_FREE_BYTES)) && !spent.has_part(Some(FRAME_FREE_BYTES + MIB)));
        let mut room = room(64 * MIB);
        assert!(room.has_part(Some(16 * MIB)) && !room.has_part(Some(80 * MIB)));
        let used = || room.account.budget().part(MemoryPart::Frames);
        assert!((15 * MIB..=16 * MIB).contains(&used()), "{}", used());
        assert!(room.has_part(None));
        assert_eq!(room.account.budget().part(MemoryPart::Frames), 0);
    }

    #[test]
    fn a_frame_has_its_time_from_its_beginning_and_what_the_client_kept_us_waiting_does_not_count() {
        let mut room = room(64 * MIB);
        let begun = Instant::now();
        assert!(room.has_part(Some(100)));
        let due = room.due.expect("it has begun");
        assert!(due >= begun + FRAME_TIME_MAX && due <= Instant::now() + FRAME_TIME_MAX);
        assert!(room.has_part(Some(200)));
        assert_eq!(room.due, Some(due), "more of it gives it no more time");
        room.pause(Duration::from_secs(7));
        assert_eq!(room.due, Some(due + Duration::from_secs(7)));
        assert!(room.has_part(None));
        room.pause(Duration::from_secs(7));
        assert_eq!(room.due, None);
    }
}
