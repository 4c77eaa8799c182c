//! Components made to measure: the shell of an honest one around a core module of ours.

use std::ops::Range;

use wasmparser::{Parser, Payload};

/// A component with one class `X`, whose `describe` first does what `describe` says, and whose module has `more` in it.
///
/// At 1024 lies the description, at 2048 its only class, as the canonical ABI lays them out.
pub(crate) fn component(describe: &str, more: &str) -> Vec<u8> {
    with_main_module(&wat::parse_str(module(describe, more)).unwrap())
}

/// The module of [`component`], as text.
pub(crate) fn module(describe: &str, more: &str) -> String {
    let guest = "thespian:actor/guest@0.1.1";
    // The sender's text, the attempt; of the message: type name, encoding, payload, headers.
    let parts = format!("(param {})", "i32 ".repeat(2 + 1 + 2 + 3 + 2 + 3));
    // The class, the capabilities, the requirements.
    let lists = "i32 ".repeat(3 * 2);
    format!(
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 1048) "\00\08\00\00\01\00\00\00")
            (data (i32.const 2048) "\e8\03\00\00\01\00\00\00")
            (data (i32.const 1000) "X")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192))
            (func (export "{guest}#describe") (result i32) {describe} (i32.const 1024))
            (func (export "cabi_post_{guest}#describe") (param i32))
            (func (export "{guest}#start") (param i32) (result i32) (i32.const 4096))
            (func (export "cabi_post_{guest}#start") (param i32))
            (func (export "{guest}#handle-message") {parts} (result i32) (i32.const 4096))
            (func (export "cabi_post_{guest}#handle-message") (param i32))
            (func (export "{guest}#handle-event") (param i32) (result i32) (i32.const 4096))
            (func (export "cabi_post_{guest}#handle-event") (param i32))
            (func (export "thespian:actor/placement@0.1.1#accepts") (param {lists}) (result i32) (i32.const 1))
            {more})"#
    )
}

/// The component `hello` with another core module in place of its own.
pub(crate) fn with_main_module(module: &[u8]) -> Vec<u8> {
    let honest = thespian_guests::bytes(thespian_guests::HELLO);
    let range = main_module(&honest);
    // In front of the module stands its section's header: the id, and the length in LEB128.
    let start = range.start - leb128(range.len()).len();
    assert_eq!(honest[start - 1], 1, "the section of a core module");
    [&honest[..start], &leb128(module.len()), module, &honest[range.end..]].concat()
}

/// Where the largest core module lies: the others are glue.
fn main_module(component: &[u8]) -> Range<usize> {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    let modules = payloads.filter_map(|payload| match payload {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    modules.max_by_key(Range::len).unwrap()
}

fn leb128(mut len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while len > 0x7f {
        bytes.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
        len >>= 7;
    }
    bytes.push(u8::try_from(len).unwrap());
    bytes
}
