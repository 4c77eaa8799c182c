//! `thespian-core` with every mistake of the table in it, of which a test has it make one at a time. The source is core's
//! own, copied by the build script, which puts the mistakes in.
#![no_std]
#![forbid(unsafe_code)]
#![allow(
    unused,
    unused_qualifications,
    clippy::all,
    reason = "lines done wrong use less than right ones, or hold what is no style"
)]

pub mod mistake;

include!(concat!(env!("OUT_DIR"), "/core/lib.rs"));
