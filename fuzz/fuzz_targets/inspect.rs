//! What somebody offers as a source, as a node looks at it before it compiles anything.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| thespian_host::sandbox::look_at(bytes));
