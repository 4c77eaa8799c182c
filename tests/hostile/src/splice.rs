//! Components made to measure: the shell of an honest one around a core module of ours, or one that is cut and flipped.

use wasmparser::{Parser, Payload};

/// The component `hello` with another core module in place of its own.
pub(crate) fn with_main_module(module: &[u8]) -> Vec<u8> {
    let honest = thespian_guests::bytes(thespian_guests::HELLO);
    let range = main_module(&honest);
    // In front of the module stands its section's header: the id, and the length in LEB128.
    let old_len = leb128(range.len());
    let start = range.start - old_len.len();
    assert_eq!(honest[start - 1], 1, "the section of a core module");
    [&honest[..start], &leb128(module.len()), module, &honest[range.end..]].concat()
}

/// Where the largest core module lies: the others are glue.
pub(crate) fn main_module(component: &[u8]) -> std::ops::Range<usize> {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    let modules = payloads.filter_map(|payload| match payload {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    modules.max_by_key(std::ops::Range::len).unwrap()
}

fn leb128(mut len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while len > 0x7f {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes
}

#[test]
fn dump() {
    let honest = thespian_guests::bytes(thespian_guests::HELLO);
    let range = main_module(&honest);
    for payload in Parser::new(0).parse_all(&honest[range]) {
        match payload.unwrap() {
            Payload::ImportSection(s) => {
                for i in s.into_imports() { println!("{:?}", i.unwrap()); }
            }
            Payload::ExportSection(s) => {
                for i in s { println!("{:?}", i.unwrap()); }
            }
            Payload::TypeSection(s) => {
                for i in s { println!("{:?}", i.unwrap()); }
            }
            Payload::FunctionSection(s) => {
                println!("fn types {:?}", s.into_iter().map(Result::unwrap).collect::<Vec<_>>());
            }
            _ => {}
        }
    }
}
