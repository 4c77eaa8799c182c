//! What is promised of a host, row by row of `tests/conformance/README.md`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod addr;
mod authority;
mod cap;
mod children;
mod composed;
mod create;
mod dead;
mod ext;
mod gname;
mod help;
mod languages;
mod life;
mod msg;
mod protocol;
mod readme;
mod roles;
mod scenarios;
mod src;
mod stat;
mod tcp;
mod timing;
mod transient;
mod watch;
