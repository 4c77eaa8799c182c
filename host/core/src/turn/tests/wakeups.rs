//! Wakeups: what they come behind and before, and the one alarm.

use super::*;
use crate::limits::WAKEUP_DELAY_MIN;

const MS: Duration = Duration::from_millis(1);

impl Actor {
    /// Handles a message that sets wakeups with these delays in milliseconds. Returns their ids, and to when the alarm is
    /// set.
    fn sets(&mut self, delays: &[u32]) -> (Vec<u64>, Vec<Time>) {
        self.receive(message("set"));
        let mut ids = Vec::new();
        self.handle_with(
            |draft| ids.extend(delays.iter().map(|ms| draft.wakeup(*ms * MS, None).unwrap())),
            Ok(()),
        );
        (ids, self.alarms())
    }

    fn cancels(&mut self, id: u64) {
        self.receive(message("cancel"));
        self.handle_with(|draft| draft.cancel_wakeup(id).unwrap(), Ok(()));
    }

    /// Times to which the alarm was set since it was last asked.
    fn alarms(&mut self) -> Vec<Time> {
        let alarm = |effect| match effect {
            TurnEffect::Perform(ActorEffect::SetAlarm(at)) => Some(at),
            _ => None,
        };
        self.effects().into_iter().filter_map(alarm).collect()
    }

    /// The alarm goes off `ms` after the beginning, when so many envelopes had ever come.
    fn rings(&mut self, ms: u64, pushed: u64) {
        let at = Time(0) + Duration::from_millis(ms);
        self.now = self.now.max(at);
        self.turn.take_in(|_| Some(Mark { at, pushed }));
    }

    /// The id of the wakeup that is handled next, which goes well.
    fn is_woken(&mut self) -> u64 {
        assert_eq!(self.next(), Next::Handle);
        let Some((Envelope { target: ME, sender: ME, body: Body::Wakeup(wakeup) }, _)) = self.turn.current()
        else {
            panic!("it is given {:?}", self.turn.current());
        };
        let id = wakeup.id;
        self.handle(Ok(()));
        id
    }
}

fn after(ms: u64) -> Time {
    Time(0) + Duration::from_millis(ms)
}

#[test]
fn time_122_a_wakeup_comes_once_and_not_after_it_was_taken_back() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[65, 65]);
    assert_eq!(actor.turn.wakeups(), 2);
    actor.cancels(ids[0]);
    actor.rings(65, 2);
    assert_eq!(actor.is_woken(), ids[1]);
    assert_eq!((actor.next(), actor.turn.wakeups()), (Next::Rest, 0));
    actor.rings(66, 2);
    assert_eq!(actor.next(), Next::Rest);
}

#[test]
fn a_wakeup_that_has_fallen_due_can_still_be_taken_back() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[5, 6]);
    actor.receive(message("cancel"));
    actor.rings(6, 2);
    actor.handle_with(|draft| draft.cancel_wakeup(ids[0]).unwrap(), Ok(()));
    assert_eq!(actor.is_woken(), ids[1]);
    assert_eq!(actor.next(), Next::Rest);
}

#[test]
fn a_wakeup_comes_behind_what_was_in_the_mailbox_and_before_what_came_later() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[5]);
    for text in ["before 1", "before 2", "after"] {
        actor.receive(message(text));
    }
    // The alarm went off while another turn ran: the word of it comes with the next batch.
    actor.rings(5, 3);
    assert_eq!(actor.handle(Ok(())), at("before 1", 1));
    assert_eq!(actor.handle(Ok(())), at("before 2", 1));
    assert_eq!(actor.is_woken(), ids[0]);
    assert_eq!(actor.handle(Ok(())), at("after", 1));
}

#[test]
fn a_mailbox_that_is_never_empty_does_not_hold_up_a_wakeup() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[5]);
    actor.receive(message("m"));
    actor.rings(5, 2);
    actor.receive(message("m"));
    assert_eq!(actor.handle(Ok(())), at("m", 1));
    actor.receive(message("m"));
    assert_eq!(actor.is_woken(), ids[0]);
}

#[test]
fn wakeups_that_fall_due_at_one_alarm_come_in_the_order_of_their_times_and_then_of_the_asking() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[30, 10, 20, 10, 99]);
    actor.rings(40, 1);
    let woken: Vec<_> = (0..4).map(|_| actor.is_woken()).collect();
    assert_eq!(woken, [1, 3, 2, 0].map(|at: usize| ids[at]));
    assert_eq!((actor.next(), actor.turn.wakeups()), (Next::Rest, 1));
}

#[test]
fn a_wakeup_is_not_due_before_its_alarm_has_gone_off_at_its_time() {
    let mut actor = running(OnTrap::Restart);
    actor.sets(&[5]);
    actor.rings(4, 1);
    actor.now = after(9);
    assert_eq!(actor.next(), Next::Rest);
    let shortest = actor.sets(&[0]).1;
    assert_eq!(shortest, [after(9) + WAKEUP_DELAY_MIN]);
}

#[test]
fn there_is_one_alarm_and_it_moves_only_to_a_sooner_time() {
    let mut actor = running(OnTrap::Restart);
    let (ids, alarms) = actor.sets(&[20, 30, 10, 15]);
    assert_eq!(alarms, [after(20), after(10)]);
    actor.cancels(ids[2]);
    assert_eq!(actor.alarms(), [], "it goes off in vain");
    assert_eq!(actor.sets(&[12]).1, []);
    actor.rings(10, 3);
    assert_eq!(actor.next(), Next::Rest);
    assert_eq!(actor.turn.wakeups.next_due(), Some(after(12)), "to which the loop sets it");
    assert_eq!(actor.turn.set_alarm(after(12)), Some(after(12)));
    assert_eq!(actor.turn.set_alarm(after(12)), None);
}

#[test]
fn wakeups_outlive_a_restart_and_come_after_a_pause_or_a_hold() {
    let mut actor = running(OnTrap::Restart);
    let (ids, _) = actor.sets(&[1, 2, 3]);
    actor.receive(message("bad"));
    actor.handle(Err(trap()));
    actor.handle(Err(trap()));
    actor.turn.restarts.pause(actor.now);
    actor.rings(1, 2);
    assert!(matches!(actor.next(), Next::Pause(_)));
    actor.now = actor.now + RESTART_PAUSE_MIN;
    assert!(matches!(actor.next(), Next::Start { .. }));
    actor.start(Ok(()));
    assert_eq!(actor.is_woken(), ids[0]);
    actor.turn.hold(actor.now, Envelope { target: OTHER, sender: ME, body: message("held") });
    actor.rings(2, 2);
    assert!(matches!(actor.next(), Next::AwaitRoom(_)));
    actor.turn.retry_held(|_| None);
    assert_eq!(actor.is_woken(), ids[1]);
    assert_eq!(actor.turn.wakeups(), 1);
}

#[test]
fn a_wakeup_whose_handler_fails_is_tried_again_at_once_and_then_is_a_dead_letter() {
    let mut actor = running(OnTrap::Restart);
    actor.sets(&[1]);
    actor.rings(1, 1);
    actor.receive(message("behind"));
    assert_eq!(actor.handle(Err(err(true))), at("thespian:wakeup", 1));
    assert_eq!(actor.handle(Err(err(true))), at("thespian:wakeup", 2));
    assert_eq!(actor.dead_letters(), [("thespian:wakeup".to_string(), "no (attempt 2)".to_string())]);
    assert_eq!(actor.handle(Ok(())), at("behind", 1));
}

#[test]
fn nothing_wakes_an_actor_that_exits() {
    let mut actor = running(OnTrap::Restart);
    actor.sets(&[1, 2]);
    actor.rings(1, 1);
    actor.receive(exit_request(true));
    actor.is_woken();
    actor.handle_with(|draft| assert!(draft.wakeup(MS, None).is_ok()), Ok(()));
    assert_eq!(actor.turn.wakeups(), 0);
    actor.effects();
    let exit = ActorExit { address: OTHER, reason: ExitReason::Requested };
    actor.receive(Body::ChildExited(Box::new(exit)));
    actor.handle_with(|draft| assert!(draft.wakeup(MS, None).is_ok()), Ok(()));
    assert_eq!((actor.turn.wakeups(), actor.alarms()), (0, Vec::new()));
    actor.rings(9, 3);
    assert_eq!(actor.next(), Next::Rest);
}

#[test]
fn an_idle_actor_that_is_to_be_woken_first_hears_of_that() {
    let mut actor = lifetime::transient(Transient::Idle(10 * MS));
    let (ids, _) = actor.sets(&[10]);
    actor.rings(10, 1);
    assert_eq!(actor.is_woken(), ids[0]);
    assert_eq!(actor.handle(Ok(())), at("thespian:exit-request", 1), "but a wakeup is no message");
}

#[test]
fn an_idle_actor_that_pauses_is_woken_behind_its_pause_before_it_ends() {
    for is_set in [true, false] {
        let mut actor = lifetime::transient(Transient::Idle(10 * MS));
        let ids = if is_set { actor.sets(&[10]).0 } else { Vec::new() };
        actor.receive(message("bad"));
        actor.handle(Err(trap()));
        actor.handle(Err(trap()));
        let idle_since = actor.now;
        actor.turn.restarts.pause(idle_since);
        actor.turn.restarts.pause(idle_since);
        actor.rings(10, 2);
        assert_eq!(actor.now, idle_since + 10 * MS, "it has been idle for as long as it may");
        if !is_set {
            assert_eq!((actor.next(), actor.turn.is_exiting()), (Next::Rest, true), "nothing waits");
            continue;
        }
        let Next::Pause(until) = actor.next() else { panic!("a wakeup waits") };
        actor.now = until;
        assert!(matches!(actor.next(), Next::Start { .. }));
        actor.start(Ok(()));
        assert_eq!(actor.is_woken(), ids[0]);
    }
}

#[test]
fn an_id_that_a_failed_turn_was_given_never_comes_to_stand_for_another_wakeup() {
    let mut actor = running(OnTrap::Restart);
    actor.receive(message("m"));
    let mut ids = Vec::new();
    for result in [Err(err(true)), Ok(())] {
        let ask = |draft: &mut Draft<'_, Stock>| ids.push(draft.wakeup(Duration::ZERO, None).unwrap());
        actor.handle_with(ask, result);
    }
    assert_ne!(ids[0], ids[1]);
}
