//! What actors do and what comes of it, as data: `README.md` beside `Cargo.toml` explains the format. A scenario knows
//! neither core nor host; it is played at a [`Place`], and there are two: the pure core in virtual time, with the probe's
//! code compiled natively (`tests/simulation`), and a real host with components behind its socket
//! (`tests/conformance`).

mod act;
mod pattern;
mod play;

pub use act::{Create, Limits, Message, Scenario};
pub use play::play;
use serde_json::{Value, json};

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Whatever a scenario waits for comes within this time of the place, in ms.
pub const PATIENCE_MS: u64 = 60_000;

/// Where a scenario is played. What programs outside hear is in JSON: as [`heard_message`] and [`heard_poison`] say it,
/// or `"silence"`, or `{"error": ...}`.
pub trait Place {
    /// The address at which the program outside hears.
    fn outside(&mut self) -> String;
    /// Creates an actor from outside. Returns its address.
    ///
    /// # Errors
    /// As the host says; so below.
    fn create(&mut self, create: &Create) -> Result<String, String>;
    /// Sends a message.
    ///
    /// # Errors
    /// Nobody can receive it, or it is none.
    fn tell(&mut self, to: &str, message: &Message) -> Result<(), String>;
    /// Sends a message and waits for its answer.
    fn ask(&mut self, to: &str, message: &Message, within_ms: u64) -> Value;
    /// Waits for a message.
    fn listen(&mut self, within_ms: u64) -> Value;
    /// Has an actor exit. Returns why it ended.
    ///
    /// # Errors
    /// There is no such actor.
    fn exit(&mut self, who: &str, recursive: bool) -> Result<String, String>;
    /// Kills an actor. Returns why it ended.
    ///
    /// # Errors
    /// There is no such actor.
    fn kill(&mut self, who: &str) -> Result<String, String>;
    /// How the host is: `actors`, `dead_letters` and `poisoned` are counts, `recent_dead_letters` and `recent_ended`
    /// lists, newest first, `tree` the actors that live.
    fn status(&mut self) -> Value;
    /// Lets others go on for a moment.
    fn pass(&mut self);
    /// The time of the place.
    fn now_ms(&mut self) -> u64;
}

/// A message that a program outside hears. `said` are the words of a `Said`, for short.
#[must_use]
pub fn heard_message(from: &str, type_name: &str, payload: &[u8]) -> Value {
    let payload = read(payload);
    let said = payload["text"].clone();
    json!({ "from": from, "message": type_name, "payload": payload, "said": said })
}

/// Poison that a program outside hears, with who failed on which message.
#[must_use]
pub fn heard_poison(target: &str, details: &str, type_name: &str, payload: &[u8]) -> Value {
    json!({ "poison": target, "details": details, "message": type_name, "payload": read(payload) })
}

fn read(payload: &[u8]) -> Value {
    serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(payload).into_owned()))
}

/// Every scenario there is.
///
/// # Panics
/// One is not written as it should be.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let read = |text: &&str| match serde_json::from_str::<Vec<Scenario>>(text) {
        Ok(scenarios) => scenarios,
        Err(error) => panic!("a scenario is not as README.md says: {error}, in {text:.60}…"),
    };
    FILES.iter().flat_map(read).collect()
}

/// The scenario of this name.
///
/// # Panics
/// There is none.
#[must_use]
pub fn by_name(name: &str) -> Scenario {
    let named = all().into_iter().find(|scenario| scenario.name == name);
    named.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    mod listed {
        fn list(name: &str) {
            super::NAMES.with_borrow_mut(|names| names.push(name.to_string()));
            let scenario = crate::by_name(name);
            assert!(!scenario.steps.is_empty(), "{name} does nothing");
            for step in &scenario.steps {
                crate::act::check(step).unwrap_or_else(|error| panic!("{name}: {error} in {step}"));
            }
        }

        each_scenario!(list);
    }

    #[test]
    fn every_name_is_unique_and_stands_where_the_tests_are_made_from() {
        let names: BTreeSet<String> = all().into_iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all().len());
        let lines = FILES.iter().flat_map(|text| text.lines());
        let found = lines.filter(|line| line.starts_with("    \"name\": \"")).count();
        assert_eq!(found, names.len(), "a scenario's name stands on a line of its own, behind four spaces");
    }
}
