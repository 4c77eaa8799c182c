//! What is promised of a host, row by row of `tests/conformance/README.md`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod addr;
mod life;
mod poison;
mod time;
