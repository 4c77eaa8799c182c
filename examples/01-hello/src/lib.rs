//! Lesson 1: an actor is a struct, and a handler for each type of message that it takes.

use thespian::prelude::*;

/// Asks for a greeting.
#[message]
pub struct Greet {
    /// Whom to greet.
    pub name: String,
}

/// The answer.
#[message]
pub struct Greeting {
    /// What to say.
    pub text: String,
}

/// Greets whoever it is told of.
#[derive(Default)]
pub struct Hello;

#[actor]
impl Hello {
    #[receive]
    fn greet(&mut self, greet: Greet) -> Greeting {
        Greeting { text: format!("Hello, {}!", greet.name) }
    }
}

source!(Hello);

#[cfg(test)]
mod tests {
    use super::*;
    use thespian::testing::TestActor;

    #[test]
    fn it_greets_by_name() -> Result {
        let mut hello = TestActor::<Hello>::start()?;
        let effects = hello.tell("asker", &Greet { name: "Ada".into() })?;
        let greeting = effects[0].sent::<Greeting>("asker").ok_or_else(|| Error::new("no greeting"))?;
        assert_eq!(greeting.text, "Hello, Ada!");
        Ok(())
    }
}
