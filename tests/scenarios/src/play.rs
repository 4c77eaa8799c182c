//! Plays a scenario at a place, and says which step went wrong and what was seen.

use serde_json::{Value, json};

use crate::act::{Act, Each, Message, Scenario, Told, message};
use crate::pattern::{Found, fill, fits};
use crate::{PATIENCE_MS, Place};

struct Player<'a> {
    place: &'a mut dyn Place,
    found: Found,
    clock_ms: u64,
}

/// Plays a scenario.
///
/// # Panics
/// Something else was seen than should be.
pub fn play(scenario: &Scenario, place: &mut dyn Place) {
    let clock_ms = place.now_ms();
    let found = Found::from([("outside".to_string(), Value::from(place.outside()))]);
    let mut player = Player { place, found, clock_ms };
    for (number, step) in (1..).zip(&scenario.steps) {
        if let Err(wrong) = player.step(step) {
            let found = &player.found;
            panic!("{}, step {number}: {step}\n{wrong}\nfound so far: {found:#?}", scenario.name);
        }
    }
}

type Outcome = Result<(), String>;

impl Player<'_> {
    fn step(&mut self, step: &Value) -> Outcome {
        // The steps of a loop are filled in one by one.
        let filled = match step.get("each") {
            Some(each) => {
                let of = fill(&each["of"], &self.found);
                json!({ "each": { "of": of, "as": each["as"], "steps": each["steps"] } })
            }
            None => fill(step, &self.found),
        };
        let act = serde_json::from_value(filled).map_err(|error| format!("it is no step: {error}"))?;
        self.act(act)
    }

    fn act(&mut self, act: Act) -> Outcome {
        match act {
            Act::Create(create) => {
                let outcome = self.place.create(&create);
                if let Ok(address) = &outcome {
                    self.found.insert(create.name, Value::from(address.clone()));
                }
                self.check_failure(outcome, create.fails)
            }
            Act::Child { of, name, create } => {
                let create = create.unwrap_or_else(|| json!({ "class": "Probe" }));
                let steps = json!([{ "create": create }, { "report": { "to": "origin" } }]);
                let heard = self.place.ask(&of, &message("Run", &json!({ "steps": steps })), PATIENCE_MS);
                self.found.remove(&name);
                let last = format!("${name}");
                self.check(&json!({ "payload": { "children": { "~last": last } } }), &heard)
            }
            Act::Tell(told) => {
                let outcome = self.place.tell(&told.to, &told.message());
                self.check_failure(outcome, told.fails)
            }
            Act::Ask(told) => self.ask(&told),
            Act::Listen { hears, within_ms } => {
                let heard = self.place.listen(within_ms.unwrap_or(PATIENCE_MS));
                self.check(&hears, &heard)
            }
            Act::Report { of, shows, not_before_ms } => {
                self.until(&shows, |place| report(place, &of))?;
                let passed = self.place.now_ms() - self.clock_ms;
                let is_early = not_before_ms.is_some_and(|least| passed < least);
                if is_early { Err(format!("it came after {passed} ms already")) } else { Ok(()) }
            }
            Act::Status { shows } => self.until(&shows, |place| place.status()),
            Act::Answers(who) => {
                let heard = self.place.ask(&who, &echo(), PATIENCE_MS);
                self.check(&json!({ "from": who, "said": "are you there" }), &heard)
            }
            Act::Differ(all) => {
                let same = all.iter().enumerate().find(|(place, one)| all[place + 1..].contains(one));
                same.map_or(Ok(()), |(_, one)| Err(format!("{one} is there twice")))
            }
            Act::Gone(who) => {
                let heard = self.place.ask(&who, &echo(), PATIENCE_MS);
                self.check(&json!({ "error": format!("there is no actor at {who}") }), &heard)
            }
            Act::Exit { who, recursive, ends, fails } => {
                let outcome = self.place.exit(&who, recursive);
                self.check_end(outcome, ends.unwrap_or_else(|| json!("requested")), fails)
            }
            Act::Kill { who, ends, fails } => {
                let outcome = self.place.kill(&who);
                self.check_end(outcome, ends.unwrap_or_else(|| json!({ "~starts": "killed" })), fails)
            }
            Act::Each(each) => self.each(&each),
            Act::Clock => {
                self.clock_ms = self.place.now_ms();
                Ok(())
            }
        }
    }

    fn ask(&mut self, told: &Told) -> Outcome {
        let heard = self.place.ask(&told.to, &told.message(), told.within_ms.unwrap_or(PATIENCE_MS));
        let Some(hears) = &told.hears else { return Err("an ask says what it `hears`".to_string()) };
        self.check(hears, &heard)
    }

    fn each(&mut self, each: &Each) -> Outcome {
        for value in &each.of {
            self.found.insert(each.name.clone(), value.clone());
            for step in &each.steps {
                self.step(step).map_err(|wrong| format!("for {value}, {step}\n{wrong}"))?;
            }
        }
        self.found.remove(&each.name);
        Ok(())
    }

    fn check(&mut self, pattern: &Value, seen: &Value) -> Outcome {
        let mut found = self.found.clone();
        if !fits(pattern, seen, &mut found) {
            return Err(format!("wanted: {pattern}\n  seen: {seen}"));
        }
        self.found = found;
        Ok(())
    }

    /// Looks again and again until it fits.
    fn until(&mut self, pattern: &Value, mut look: impl FnMut(&mut dyn Place) -> Value) -> Outcome {
        let last_ms = self.place.now_ms() + PATIENCE_MS;
        loop {
            let seen = look(self.place);
            let outcome = self.check(pattern, &seen);
            if outcome.is_ok() || self.place.now_ms() >= last_ms {
                return outcome;
            }
            self.place.pass();
        }
    }

    fn check_failure<T>(&mut self, outcome: Result<T, String>, fails: Option<Value>) -> Outcome {
        match (outcome, fails) {
            (Ok(_), None) => Ok(()),
            (Ok(_), Some(fails)) => Err(format!("it should fail with {fails}")),
            (Err(error), fails) => self.check(&fails.unwrap_or(Value::Null), &Value::from(error)),
        }
    }

    fn check_end(&mut self, outcome: Result<String, String>, ends: Value, fails: Option<Value>) -> Outcome {
        match outcome {
            Ok(reason) if fails.is_none() => self.check(&ends, &Value::from(reason)),
            outcome => self.check_failure(outcome, fails),
        }
    }
}

fn echo() -> Message {
    message("Echo", &json!({ "text": "are you there" }))
}

fn report(place: &mut dyn Place, of: &str) -> Value {
    let steps = json!({ "steps": [{ "report": { "to": "origin" } }] });
    let mut heard = place.ask(of, &message("Run", &steps), PATIENCE_MS);
    match heard.get_mut("payload") {
        Some(report) => report.take(),
        None => heard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Create;

    /// Where nobody does anything.
    #[derive(Default)]
    struct Nowhere {
        now_ms: u64,
    }

    impl Place for Nowhere {
        fn outside(&mut self) -> String {
            "here".to_string()
        }

        fn create(&mut self, _: &Create) -> Result<String, String> {
            Ok("there".to_string())
        }

        fn tell(&mut self, to: &str, _: &Message) -> Result<(), String> {
            Err(format!("there is no actor at {to}"))
        }

        fn ask(&mut self, _: &str, _: &Message, _: u64) -> Value {
            json!("silence")
        }

        fn listen(&mut self, _: u64) -> Value {
            json!({ "from": "there", "said": "hi" })
        }

        fn exit(&mut self, _: &str, _: bool) -> Result<String, String> {
            Ok("requested".to_string())
        }

        fn kill(&mut self, _: &str) -> Result<String, String> {
            Ok("requested".to_string())
        }

        fn status(&mut self) -> Value {
            json!({ "actors": self.now_ms })
        }

        fn pass(&mut self) {
            self.now_ms += 1;
        }

        fn now_ms(&mut self) -> u64 {
            self.now_ms
        }
    }

    fn outcome(steps: Value) -> Result<(), String> {
        let scenario = serde_json::from_value(json!({ "name": "a_promise", "steps": steps })).unwrap();
        let played = std::panic::catch_unwind(|| play(&scenario, &mut Nowhere::default()));
        played.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap())
    }

    #[test]
    fn a_scenario_that_fails_says_which_step_it_was_and_what_was_seen() {
        let wrong = outcome(json!([
            { "create": { "as": "probe" } },
            { "ask": { "to": "$probe", "do": [], "hears": { "from": "$probe" } } },
        ]));
        let text = wrong.unwrap_err();
        assert!(text.starts_with("a_promise, step 2: {\"ask\":"), "{text}");
        assert!(text.contains("wanted: {\"from\":\"there\"}\n  seen: \"silence\""), "{text}");
    }

    #[test]
    fn every_kind_of_step_can_fail() {
        for step in [
            json!({ "create": { "fails": "no" } }),
            json!({ "child": { "of": "x", "as": "y" } }),
            json!({ "tell": { "to": "x", "do": [] } }),
            json!({ "tell": { "to": "x", "do": [], "fails": "full" } }),
            json!({ "listen": { "hears": { "said": "ho" } } }),
            json!({ "report": { "of": "x", "shows": { "runs": 1 } } }),
            json!({ "status": { "shows": { "actors": "many" } } }),
            json!({ "answers": "x" }),
            json!({ "gone": "x" }),
            json!({ "differ": ["x", "y", "x"] }),
            json!({ "exit": { "who": "x", "ends": "killed" } }),
            json!({ "exit": { "who": "x", "fails": "no" } }),
            json!({ "kill": { "who": "x" } }),
            json!({ "each": { "of": 2, "as": "n", "steps": [{ "differ": ["$n", 1] }] } }),
            json!({ "tell": { "to": "x", "do": [], "fils": "typo" } }),
        ] {
            outcome(json!([step.clone()])).expect_err(&format!("{step} should fail"));
        }
    }

    #[test]
    fn what_comes_in_time_is_waited_for_and_what_comes_too_early_is_noticed() {
        let later = json!({ "status": { "shows": { "actors": 40 } } });
        outcome(json!([later])).unwrap();
        let early = json!({ "report": { "of": "x", "shows": "silence", "not_before_ms": 40 } });
        outcome(json!(["clock", later, early])).unwrap();
        outcome(json!([later, "clock", early])).unwrap_err();
    }

    #[test]
    fn names_stand_for_what_was_found() {
        outcome(json!([
            { "create": { "as": "probe" } },
            { "listen": { "hears": { "from": "$probe", "said": "$words" } } },
            { "each": { "of": ["$words", "hi"], "as": "text", "steps": [{ "listen": { "hears": { "said": "$text" } } }] } },
            { "tell": { "to": "$outside", "do": [], "fails": "there is no actor at ${outside}" } },
        ]))
        .unwrap();
    }
}
