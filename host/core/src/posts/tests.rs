use alloc::vec;

use super::*;
use crate::address::HostId;
use crate::limits::{RESTART_PAUSE_MIN, RESTART_WINDOW};
use crate::outbox::CreateOptions;
use crate::source::SourceHash;

fn actor(name: &str) -> StandingActor {
    let options = CreateOptions::default();
    StandingActor { source: SourceHash([1; 32]), class: None, options, name: Some(name.into()) }
}

const HOLDER: ActorAddress = ActorAddress::new(HostId(1), 1);

fn failed() -> ExitReason {
    ExitReason::Failed("trapped".into())
}

#[test]
fn whoever_ends_is_followed_after_a_pause_but_for_one_that_was_asked_to_or_dismissed() {
    let mut posts = Posts::default();
    posts.add(Time(5), actor("one"));
    assert_eq!((posts.take_due(Time(4)), posts.deadline()), (vec![], Some(Time(5))));
    let fill = |posts: &mut Posts, now: Time| {
        assert_eq!(posts.take_due(now), [PostId(0)], "it is due");
        assert_eq!((posts.take_due(now), posts.deadline()), (vec![], None), "due once");
        posts.fill(now, PostId(0), HOLDER);
    };
    fill(&mut posts, Time(5));
    // Nobody's end but its own counts.
    posts.ended(Time(6), ActorAddress::new(HostId(1), 2), &failed());
    assert_eq!(posts.deadline(), None);
    posts.ended(Time(6), HOLDER, &failed());
    let mut now = Time(6) + RESTART_PAUSE_MIN;
    assert_eq!(posts.deadline(), Some(now));
    // The second pause is longer; the one behind an actor that lasted is short again.
    fill(&mut posts, now);
    posts.ended(now, HOLDER, &failed());
    assert_eq!(posts.deadline(), Some(now + RESTART_PAUSE_MIN * 2));
    now = now + RESTART_PAUSE_MIN * 2;
    fill(&mut posts, now);
    now = now + RESTART_WINDOW;
    posts.ended(now, HOLDER, &failed());
    now = now + RESTART_PAUSE_MIN;
    fill(&mut posts, now);
    posts.ended(now, HOLDER, &ExitReason::Requested);
    assert_eq!(posts.deadline(), None, "it was asked to");

    posts.add(now, actor("two"));
    assert_eq!(posts.take_due(now), [PostId(1)]);
    posts.fill(now, PostId(1), HOLDER);
    posts.dismiss(HOLDER);
    posts.ended(now, HOLDER, &ExitReason::Killed("by an operator".into()));
    assert_eq!(posts.deadline(), None, "it was killed by hand");
}

#[test]
fn several_posts_of_one_name_are_filled_in_order_and_vacant_together() {
    let mut posts = Posts::default();
    ["a", "b", "c"].into_iter().for_each(|name| posts.add(Time(0), actor(name)));
    assert_eq!(posts.take_due(Time(0)), [PostId(0), PostId(1), PostId(2)]);
    posts.fill(Time(0), PostId(0), HOLDER);
    posts.fill(Time(0), PostId(2), HOLDER);
    posts.vacate(Time(0), PostId(1));
    posts.ended(Time(1), HOLDER, &failed());
    assert_eq!(posts.take_due(Time(0) + RESTART_PAUSE_MIN), [PostId(1)]);
    assert_eq!(posts.take_due(Time(1) + RESTART_PAUSE_MIN), [PostId(0), PostId(2)]);
    // What is no post is nothing.
    posts.fill(Time(9), PostId(7), HOLDER);
    posts.vacate(Time(9), PostId(7));
    assert_eq!((posts.actor(PostId(7)), posts.deadline()), (None, None));
}
