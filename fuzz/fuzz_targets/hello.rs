//! The first frame that a stranger sends, and the first that a node answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thespian_core::wire::frame::HEADER_LEN;
use thespian_core::wire::hello::{self, Greeting, Hello, MAGIC, VERSION};

fuzz_target!(|bytes: &[u8]| {
    let _ = (hello::decode::<Hello>(bytes), hello::decode::<Greeting>(bytes));
    let behind_the_magic = [&MAGIC[..], &VERSION.to_le_bytes(), bytes].concat();
    if let Ok(said) = hello::decode::<Hello>(&behind_the_magic) {
        let written = hello::encode(&said).expect("what came in a frame fits into one");
        assert!(hello::decode::<Hello>(&written[HEADER_LEN..]) == Ok(said));
    }
    if let Ok(said) = hello::decode::<Greeting>(&behind_the_magic) {
        let written = hello::encode(&said).expect("what came in a frame fits into one");
        assert!(hello::decode::<Greeting>(&written[HEADER_LEN..]) == Ok(said));
    }
});
