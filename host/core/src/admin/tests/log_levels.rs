//! What an operator says about the log, and whom it reaches.

use super::*;
use crate::life::LifeEffect;
use crate::log_level::{LevelScope, LogLevel};

fn set_levels(effects: &[Effect]) -> Vec<(ActorAddress, LogLevel)> {
    let set = |effect: &Effect| match effect {
        Effect::Life(LifeEffect::SetLogLevel { address, level }) => Some((*address, *level)),
        _ => None,
    };
    effects.iter().filter_map(set).collect()
}

#[test]
fn a_log_level_reaches_the_running_actors_that_it_is_for_and_those_to_come() {
    let mut node = loaded();
    let set = |node: &mut Node, scope, level| {
        let asker = node.asker();
        let effects = node.ask(asker, Question::SetLogLevel { scope, level });
        let answered = answers(&effects).pop().unwrap();
        assert_eq!(answered.0, asker);
        (set_levels(&effects), answered.1)
    };
    let (first, second) = (node.create(), node.create());
    let (changed, _) = set(&mut node, LevelScope::Actor(first), Some(LogLevel::Trace));
    assert_eq!(changed, [(first, LogLevel::Trace)]);
    let (changed, _) = set(&mut node, LevelScope::Source(SOURCE), Some(LogLevel::Off));
    assert_eq!(changed, [(second, LogLevel::Off)], "the first has its own");
    let (changed, _) = set(&mut node, LevelScope::Node, Some(LogLevel::Debug));
    assert_eq!(changed, [], "both have a narrower one");
    let (third, _, effects) = node.create_with(|_| ());
    let starts_with = |effect: &Effect| match effect {
        Effect::Life(LifeEffect::Settle { place: Settled::Here(plan), .. }) => Some(plan.log_level),
        _ => None,
    };
    assert_eq!(effects.iter().find_map(starts_with), Some(LogLevel::Off));
    let (mut changed, levels) = set(&mut node, LevelScope::Source(SOURCE), None);
    changed.sort_unstable_by_key(|(address, _)| *address);
    assert_eq!(changed, [(second, LogLevel::Debug), (third, LogLevel::Debug)]);
    let Ok(Answer::LogLevels(levels)) = levels else { panic!("{levels:?}") };
    assert_eq!((levels.node(), levels.sources().count()), ((LogLevel::Debug, LogLevel::Info), 0));
    assert_eq!(levels.actors().count(), 1);
    node.end(first, ExitReason::Requested);
    assert_eq!(node.admin.log_levels().actors().count(), 0, "it goes with its actor");
    let (_, dead) = set(&mut node, LevelScope::Actor(first), Some(LogLevel::Off));
    assert_eq!(dead, Err(Refusal::TargetDead { target: first }));
}
