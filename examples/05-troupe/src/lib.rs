//! Lesson 5: a troupe, many workers behind one address.

use thespian::prelude::*;

/// Asks for a number of the Fibonacci sequence.
#[message]
pub struct Fibonacci {
    /// Which; beyond the fortieth it takes too long.
    pub n: u32,
}

/// A number of the Fibonacci sequence.
#[message]
#[derive(Debug, PartialEq)]
pub struct Number {
    /// Which.
    pub n: u32,
    /// The number.
    pub value: u64,
}

/// Computes numbers of the Fibonacci sequence the slow way.
#[derive(Default)]
pub struct Calculator;

#[actor(troupe(max_count = 10, idle_count = 2))]
impl Calculator {
    #[receive]
    fn fibonacci(&mut self, ask: Fibonacci) -> Result<Number> {
        if ask.n > 40 {
            return Err(Error::poison(format!("number {} would take too long", ask.n)));
        }
        Ok(Number { n: ask.n, value: fibonacci(ask.n) })
    }
}

fn fibonacci(n: u32) -> u64 {
    if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

source!(Calculator);

#[cfg(test)]
mod tests;
