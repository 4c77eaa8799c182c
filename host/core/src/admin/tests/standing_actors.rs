//! Actors that configuration wants to run.

use super::*;
use crate::limits::RESTART_PAUSE_MIN;
use crate::post::{PostId, StandingActor};

fn wanted(name: Option<&str>) -> StandingActor {
    let (class, options) = (Some("plain".to_string()), CreateOptions::default());
    StandingActor { source: SOURCE, class, options, name: name.map(ToString::to_string) }
}

fn places_wanted(effects: &[Effect]) -> Vec<PostId> {
    let place = |effect: &Effect| match effect {
        Effect::Life(LifeEffect::FindPlace { post, source: SOURCE }) => Some(*post),
        _ => None,
    };
    effects.iter().filter_map(place).collect()
}

impl Node {
    fn stand(&mut self, actors: Vec<StandingActor>) -> Vec<Effect> {
        let asker = self.asker();
        let effects = self.ask(asker, Question::Stand(actors));
        assert_eq!(answers(&effects), [(asker, Ok(Answer::Done))]);
        effects
    }

    fn place(&mut self, post: usize) -> (ActorAddress, Vec<Effect>) {
        let address = self.address();
        let effects = self.handle(ActorEvent::PlaceFound { post: PostId(post), place: Ok(address) });
        (address, effects)
    }

    /// Lets the time pass until something is due.
    fn due(&mut self) -> Vec<PostId> {
        self.now = self.admin.deadline().expect("something is due");
        places_wanted(&self.handle(Event::TimePassed))
    }
}

#[test]
fn what_is_to_run_is_created_in_order_and_anew_when_it_ends_by_itself() {
    let mut node = loaded();
    let effects = node.stand(vec![wanted(None), wanted(None)]);
    assert_eq!(places_wanted(&effects), [PostId(0), PostId(1)]);
    let (first, effects) = node.place(0);
    assert!(runs(&effects, first), "{effects:?}");
    let (second, _) = node.place(1);
    for address in [first, second] {
        node.handle(ActorEvent::Started { address });
    }
    // Whatever ended it, another follows; also where it can't have a place at first.
    node.end(first, ExitReason::Failed("trapped".into()));
    assert_eq!(node.admin.deadline(), Some(node.now + RESTART_PAUSE_MIN));
    assert_eq!(node.due(), [PostId(0)]);
    node.handle(ActorEvent::PlaceFound { post: PostId(0), place: Err("no room".into()) });
    assert_eq!(node.due(), [PostId(0)]);
    let (third, effects) = node.place(0);
    assert!(runs(&effects, third));
    // One that was asked to exit, or killed by hand, is not wanted any more.
    node.end(third, ExitReason::Requested);
    node.kill(second);
    node.end(second, ExitReason::Killed("by an operator".into()));
    assert_eq!(node.admin.deadline(), None);
}

#[test]
fn all_actors_of_a_source_that_are_killed_at_once_stay_away() {
    let mut node = loaded();
    node.stand(vec![wanted(None)]);
    let (address, _) = node.place(0);
    let asker = node.asker();
    node.ask(asker, Question::KillSource { source: SOURCE });
    node.end(address, ExitReason::Killed("by an operator".into()));
    assert_eq!(node.admin.deadline(), None);
}

#[test]
fn whoever_has_the_name_already_fills_the_post_until_its_end() {
    let mut node = loaded();
    let (taken, ..) = node.create_with(|create| create.name = Some("lead".into()));
    node.handle(ActorEvent::Started { address: taken });
    node.stand(vec![wanted(Some("lead"))]);
    let (offered, effects) = node.place(0);
    assert!(refusal(&effects, offered).is_some() && !runs(&effects, offered), "{effects:?}");
    assert_eq!(node.admin.deadline(), None);
    node.end(taken, ExitReason::Failed("trapped".into()));
    assert_eq!(node.due(), [PostId(0)]);
    let (next, effects) = node.place(0);
    assert!(runs(&effects, next));
    node.handle(ActorEvent::Started { address: next });
    assert_eq!(node.admin.names().get("lead"), Some((next, true)));
}

#[test]
fn what_can_not_start_yet_is_tried_again_until_it_can() {
    let mut node = node();
    node.stand(vec![wanted(None)]);
    let (address, effects) = node.place(0);
    let why = refusal(&effects, address).unwrap().to_string();
    assert!(why.contains("no source has the hash"), "{why}");
    node.end(address, ExitReason::NeverStarted(why));
    assert_eq!(node.due(), [PostId(0)]);
    // It waits with its source, as every create does.
    node.offer();
    let (address, effects) = node.place(0);
    assert_eq!(effects, [Effect::Life(LifeEffect::EnterPending(address))]);
    node.judge(Ok(()));
    assert!(runs(&node.validate(), address));
    // A node that stops fills nothing.
    node.end(address, ExitReason::Failed("trapped".into()));
    let asker = node.asker();
    node.ask(asker, Question::Stop);
    node.now = node.now + RESTART_PAUSE_MIN;
    assert_eq!(places_wanted(&node.handle(Event::TimePassed)), []);
}
