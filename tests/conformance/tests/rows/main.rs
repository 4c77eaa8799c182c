//! What is promised of a host, row by row of `tests/conformance/README.md`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod addr;
mod create;
mod ext;
mod life;
mod msg;
mod poison;
mod protocol;
mod readme;
mod src;
mod stat;
mod time;
