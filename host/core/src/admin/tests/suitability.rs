//! Classes with a check of their own.

use super::*;
use crate::source::{ClassCheck, SourceEffect};

/// What the class is asked now.
fn questions(effects: &[Effect]) -> Vec<&ClassCheck> {
    fn question(effect: &Effect) -> Option<&ClassCheck> {
        match effect {
            Effect::Source(SourceEffect::CheckClass(question)) => Some(question),
            _ => None,
        }
    }
    effects.iter().filter_map(question).collect()
}

/// Creates of the class, of which those that require much are asked about by themselves.
fn fast(node: &mut Node, fast: bool) -> (ActorAddress, Asker, Vec<Effect>) {
    node.create_with(|create| {
        create.class = Some("choosy".to_string());
        create.options.requirements = if fast { vec![requirement("big")] } else { Vec::new() };
    })
}

fn choosy(node: &mut Node) -> (ActorAddress, Asker, Vec<Effect>) {
    fast(node, false)
}

impl Node {
    fn placed(&mut self, outcome: Result<bool, &str>) -> Vec<Effect> {
        let outcome = outcome.map_err(str::to_string);
        self.handle(SourceEvent::Checked { source: SOURCE, class: "choosy".to_string(), outcome })
    }

    fn change(&mut self, name: &str) -> Vec<Effect> {
        let value = Some(Value::Integer(i64::try_from(self.next_id).unwrap()));
        self.handle(ActorEvent::CapabilityUpdated { name: name.to_string(), value })
    }
}

#[test]
fn a_class_with_a_check_of_its_own_is_asked_before_its_actor_runs() {
    let mut node = loaded();
    let (address, _, effects) = choosy(&mut node);
    let asked = questions(&effects);
    assert!(
        matches!(asked[..], [asked] if asked.class == "choosy" && asked.capabilities.contains_key("big"))
    );
    assert!(!runs(&effects, address));
    assert!(runs(&node.placed(Ok(true)), address));
}

#[test]
fn a_class_that_says_no_is_refused_and_so_is_one_whose_check_fails() {
    for (outcome, why) in [(Ok(false), "check says no"), (Err("trapped"), "check failed: trapped")] {
        let mut node = loaded();
        let (address, asker, _) = choosy(&mut node);
        let effects = node.placed(outcome);
        assert!(refusal(&effects, address).unwrap().contains(why));
        assert!(matches!(
            &answers(&effects)[..],
            [(answered, Err(Refusal::NoCompatibleHost { class, .. }))] if *answered == asker && class == "choosy"
        ));
    }
}

#[test]
fn what_the_clauses_refuse_is_not_asked() {
    let mut node = loaded();
    let (address, _, effects) = node.create_with(|create| {
        create.class = Some("choosy".to_string());
        create.options.requirements = vec![requirement("gpu")];
    });
    assert!(questions(&effects).is_empty() && refusal(&effects, address).is_some());
}

#[test]
fn the_same_is_asked_once_and_one_question_at_a_time() {
    let mut node = loaded();
    let (first, _, _) = choosy(&mut node);
    let (second, _, effects) = choosy(&mut node);
    let (other, _, more) = fast(&mut node, true);
    assert!(questions(&effects).is_empty() && questions(&more).is_empty());
    let effects = node.placed(Ok(true));
    assert!(runs(&effects, first) && runs(&effects, second) && !runs(&effects, other));
    assert_eq!(questions(&effects).len(), 1);
    assert_eq!(questions(&effects)[0].requirements, [requirement("big")]);
    let effects = node.placed(Ok(false));
    assert!(refusal(&effects, other).is_some());
    // The last answer is remembered, with what it was the answer to.
    let (address, _, effects) = fast(&mut node, true);
    assert!(questions(&effects).is_empty() && refusal(&effects, address).is_some());
    assert_eq!(questions(&choosy(&mut node).2).len(), 1);
}

#[test]
fn a_check_that_fails_is_a_no_to_all_who_wait_and_is_tried_again_for_who_comes_later() {
    let mut node = loaded();
    let (first, _, _) = choosy(&mut node);
    let (other, _, _) = fast(&mut node, true);
    let effects = node.placed(Err("it took too long"));
    assert!(refusal(&effects, first).is_some() && refusal(&effects, other).is_some());
    assert!(questions(&effects).is_empty());
    let (third, _, effects) = choosy(&mut node);
    assert_eq!(questions(&effects).len(), 1);
    assert!(runs(&node.placed(Ok(true)), third));
}

#[test]
fn an_answer_about_a_host_that_has_changed_since_is_asked_for_again() {
    let mut node = loaded();
    let (address, _, _) = choosy(&mut node);
    assert!(questions(&node.change("new")).is_empty(), "one at a time");
    let effects = node.placed(Ok(false));
    assert!(refusal(&effects, address).is_none());
    assert!(questions(&effects)[0].capabilities.contains_key("new"));
    assert!(runs(&node.placed(Ok(true)), address));
}

#[test]
fn who_runs_is_asked_about_anew_on_a_real_change_and_ends_if_it_does_not_suit() {
    let mut node = loaded();
    let (address, _, _) = choosy(&mut node);
    node.placed(Ok(true));
    node.handle(ActorEvent::Started { address });
    let effects = node.change("new");
    assert_eq!(questions(&effects).len(), 1);
    assert!(exit_requested(&node.placed(Ok(true))).is_empty());
    let asker = node.asker();
    node.change("newer");
    let effects = node.placed(Ok(false));
    assert_eq!(exit_requested(&effects), [address]);
    node.ask(asker, Question::Exit { target: address, recursive: true });
    let reason = ExitReason::Unfit("the class's own check says no".to_string());
    assert_eq!(answers(&node.end(address, ExitReason::Requested)), [(asker, Ok(Answer::Ended { reason }))]);
}

#[test]
fn who_ended_is_not_asked_about() {
    let mut node = loaded();
    let (address, _, _) = choosy(&mut node);
    node.placed(Ok(true));
    let (waiting, _, _) = fast(&mut node, true);
    node.kill(waiting);
    assert!(questions(&node.placed(Ok(true))).is_empty());
    node.handle(ActorEvent::Started { address });
    node.end(address, ExitReason::Requested);
    assert!(questions(&node.change("new")).is_empty());
}

#[test]
fn an_unloaded_source_is_asked_nothing_and_its_actors_stay() {
    let mut node = loaded();
    let (running, _, _) = choosy(&mut node);
    node.placed(Ok(true));
    node.handle(ActorEvent::Started { address: running });
    let (waiting, _, effects) = fast(&mut node, true);
    assert_eq!(questions(&effects).len(), 1);
    let asker = node.asker();
    let effects = node.ask(asker, Question::Unload { source: SOURCE });
    assert!(refusal(&effects, waiting).unwrap().contains("unloaded"));
    assert_eq!(node.placed(Ok(true)), []);
    let effects = node.change("new");
    assert!(questions(&effects).is_empty() && exit_requested(&effects).is_empty());
}
