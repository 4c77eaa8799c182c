//! What bytes are that are no component, where their beginning says so: whoever offers them has built something else.

/// How much is looked at before bytes are called a text.
const LOOKED_AT: usize = 1 << 10;

const MACHINE_CODE: &str =
    "it is code for a machine, not for WebAssembly; build it with `--target wasm32-wasip2`";

/// Words for each kind of file, by its beginning.
const KNOWN: [(&[u8], &str); 12] = [
    (b"\x7fELF", MACHINE_CODE),
    (b"MZ", MACHINE_CODE),
    (b"\xfe\xed\xfa\xce", MACHINE_CODE),
    (b"\xfe\xed\xfa\xcf", MACHINE_CODE),
    (b"\xce\xfa\xed\xfe", MACHINE_CODE),
    (b"\xcf\xfa\xed\xfe", MACHINE_CODE),
    (b"\xca\xfe\xba\xbe", MACHINE_CODE),
    (b"!<arch>\n", "it is a library for a linker; with `crate-type = [\"cdylib\"]` cargo makes a component"),
    (
        b"\0asm\x01\0\0\0",
        "it is a core module of WebAssembly; build it with `--target wasm32-wasip2`, which makes a component",
    ),
    (b"\x1f\x8b", "it is packed with gzip; unpack it"),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd; unpack it"),
    (b"PK\x03\x04", "it is a zip archive; unpack it"),
];

/// The kind of these bytes, if they can't be a component and it can be told.
#[must_use]
pub fn what_else(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("it is empty");
    }
    if let Some((_, what)) = KNOWN.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return Some(what);
    }
    let begin = &bytes[..bytes.len().min(LOOKED_AT)];
    let whole = match core::str::from_utf8(begin) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            core::str::from_utf8(&begin[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = !whole.contains(|char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t'));
    match whole.trim_start().starts_with('(') {
        true if is_text => Some("it is WebAssembly as text; `wasm-tools parse` makes the component"),
        _ => is_text.then_some("it is a text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_in_place_of_a_component_is_told_from_its_beginning() {
        let said = |bytes: &[u8]| what_else(bytes).unwrap_or("it may be a component");
        for machine in [&b"\x7fELF\x02\x01\x01"[..], b"MZ\x90\0", b"\xcf\xfa\xed\xfe\x07\0\0\x01"] {
            assert!(said(machine).contains("--target wasm32-wasip2"));
        }
        assert!(said(b"\0asm\x01\0\0\0\x01").contains("core module"));
        assert!(said(b"!<arch>\n/  ").contains("cdylib"));
        assert_eq!(said(b""), "it is empty");
        assert_eq!(said("fn main() { /* größer */ }\n".as_bytes()), "it is a text");
        assert_eq!(
            said(&"é".repeat(LOOKED_AT).as_bytes()[1..]),
            "it may be a component",
            "no text from its start"
        );
        assert_eq!(said(&[b"x", "é".repeat(LOOKED_AT).as_bytes()].concat()), "it is a text");
        assert!(said(b" (component)").contains("wasm-tools parse"));
        assert_eq!(said(b"\0asm\x0d\0\x01\0"), "it may be a component");
        assert_eq!(said(&[0xff; 40]), "it may be a component");
    }
}
