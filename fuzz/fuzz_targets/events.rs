//! The life of a host: who asks it for what, what its actors do, and what happens before what.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|choices: &[u8]| thespian_fuzz::live_as_chosen(choices));
