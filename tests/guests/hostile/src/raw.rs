//! Attacks through imports that are called past the SDK, with arguments that it would never pass.

use std::hint::black_box;

use thespian::prelude::*;

use crate::Go;

#[link(wasm_import_module = "wasi:io/poll@0.2.0")]
#[expect(unsafe_code, reason = "what these imports take is checked by the host: that is the test")]
unsafe extern "C" {
    /// Of `len` pollables at `list`; the list of those that are ready goes to `answer`.
    #[link_name = "poll"]
    safe fn poll(list: usize, len: usize, answer: usize);
}

#[link(wasm_import_module = "wasi:clocks/monotonic-clock@0.2.0")]
#[expect(unsafe_code, reason = "as above")]
unsafe extern "C" {
    #[link_name = "subscribe-duration"]
    safe fn subscribe_duration(nanos: u64) -> i32;
}

#[link(wasm_import_module = "wasi:random/random@0.2.0")]
#[expect(unsafe_code, reason = "as above")]
unsafe extern "C" {
    #[link_name = "get-random-bytes"]
    safe fn get_random_bytes(len: u64, answer: usize);
}

#[link(wasm_import_module = "thespian:actor/logging@0.1.1")]
#[expect(unsafe_code, reason = "as above")]
unsafe extern "C" {
    #[link_name = "log"]
    safe fn log(level: u32, target: usize, target_len: usize, text: usize, text_len: usize);
}

#[link(wasm_import_module = "thespian:actor/messaging@0.1.1")]
#[expect(unsafe_code, reason = "as above")]
unsafe extern "C" {
    /// Texts, the payload and the headers by address and length, the encoding by its place in the list.
    #[link_name = "send"]
    safe fn send(
        to: usize,
        to_len: usize,
        type_name: usize,
        type_name_len: usize,
        encoding: i32,
        other: usize,
        other_len: usize,
        payload: usize,
        payload_len: usize,
        has_headers: i32,
        headers: usize,
        headers_len: usize,
        answer: usize,
    );
}

/// Sends itself a message of `n` MiB. The SDK would refuse it.
#[derive(Default)]
pub struct GiantMessage;

#[actor]
impl GiantMessage {
    #[receive]
    fn go(&mut self, go: Go, ctx: &mut Context) {
        const BYTES: i32 = 3;
        let payload = vec![7_u8; usize::try_from(go.n << 20).unwrap_or(0)];
        let (me, name, mut answer) = (ctx.me().as_str(), "Giant", [0_u32; 4]);
        send(
            me.as_ptr() as usize,
            me.len(),
            name.as_ptr() as usize,
            name.len(),
            BYTES,
            0,
            0,
            black_box(payload.as_ptr()) as usize,
            payload.len(),
            0,
            0,
            0,
            black_box(answer.as_mut_ptr()) as usize,
        );
    }
}

/// Polls nothing, which never becomes ready.
#[derive(Default)]
pub struct PollsNothing;

#[actor]
impl PollsNothing {
    #[receive]
    fn go(&mut self, _: Go) {
        let mut answer = [0_u32; 2];
        poll(8, 0, black_box(answer.as_mut_ptr()) as usize);
    }
}

/// Takes timers and never gives one back.
#[derive(Default)]
pub struct ResourceLeak;

#[actor]
impl ResourceLeak {
    #[receive]
    fn go(&mut self, _: Go) {
        loop {
            black_box(subscribe_duration(1 << 60));
        }
    }
}

/// Hands over pointers and lengths that lie: the `n`th kind.
#[derive(Default)]
pub struct LyingPointer;

#[actor]
impl LyingPointer {
    #[receive]
    fn go(&mut self, go: Go) {
        static NOT_UTF8: [u8; 4] = [0xff, 0xfe, 0xc0, 0x80];
        match go.n {
            // A gigabyte that is not there.
            0 => log(2, 8, 1, 8, 1 << 30),
            // The end of the address space.
            1 => log(2, 8, 1, usize::MAX - 2, 16),
            2 => log(2, NOT_UTF8.as_ptr() as usize, NOT_UTF8.len(), 8, 1),
            3 => log(u32::MAX, 8, 1, 8, 1),
            // More randomness than there is memory, to an address that is not aligned.
            4 => get_random_bytes(1 << 40, 9),
            _ => poll(3, usize::MAX / 2, 1),
        }
    }
}
