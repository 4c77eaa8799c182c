//! A stream that anybody may send, in either direction: cut into frames, read, and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, NodeFrame};
use thespian_core::wire::frame::{FrameDecoder, HEADER_LEN};

fuzz_target!(|stream: &[u8]| {
    let mut decoder = FrameDecoder::default();
    let mut arrived = 0;
    for part in stream.chunks(100) {
        decoder.buffer().extend_from_slice(part);
        arrived += part.len();
        while let Ok(Some(body)) = decoder.next_frame() {
            comes_back::<ClientFrame>(&body);
            comes_back::<NodeFrame>(&body);
        }
        assert!(decoder.held_bytes() <= 2 * arrived + (16 << 10), "more is reserved than arrives");
    }
    // Without a header, which a fuzzer would have to guess.
    comes_back::<ClientFrame>(stream);
    comes_back::<NodeFrame>(stream);
});

/// What can be read is written, and then read and written as the same.
fn comes_back<T: DeserializeOwned + Serialize>(body: &[u8]) {
    let Ok(value) = codec::decode::<T>(body) else { return };
    let Ok(written) = codec::encode_frame(&value) else { return };
    let again: T = codec::decode(&written[HEADER_LEN..]).expect("what is written can be read");
    assert_eq!(codec::encode_frame(&again).ok(), Some(written));
}
