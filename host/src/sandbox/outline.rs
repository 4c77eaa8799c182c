//! What a component is made of, seen without compiling it: for people who want to know before they load it.

use wasmparser::{Parser, Payload};

/// A component from outside: its parts by size, and what it needs and offers by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Interfaces that it asks its host for.
    pub imports: Vec<String>,
    /// Interfaces that it offers.
    pub exports: Vec<String>,
    /// Core modules, of all components within it.
    pub modules: u64,
    /// Functions of all of them.
    pub functions: u64,
    /// The largest function's body, in bytes.
    pub function_bytes_most: u64,
    /// Bytes of code.
    pub code_bytes: u64,
    /// Bytes of the images of memories.
    pub data_bytes: u64,
    /// Bytes of sections that nothing runs: names, debugging, notes of tools.
    pub custom_bytes: u64,
    /// All other bytes: types, tables, and what holds the parts together.
    pub other_bytes: u64,
}

/// Looks at a component.
///
/// # Errors
/// The bytes are none: the text says where that is seen.
pub fn outline(bytes: &[u8]) -> Result<Outline, String> {
    let (mut outline, mut depth) = (Outline::default(), 0_u32);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| super::text::one_line(&error.to_string()))? {
            Payload::ModuleSection { .. } => {
                outline.modules += 1;
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CodeSectionStart { count, size, .. } => {
                outline.functions += u64::from(count);
                outline.code_bytes += u64::from(size);
            }
            Payload::CodeSectionEntry(body) => {
                let len = body.range().len() as u64;
                outline.function_bytes_most = outline.function_bytes_most.max(len);
            }
            Payload::DataSection(section) => outline.data_bytes += section.range().len() as u64,
            Payload::CustomSection(section) => outline.custom_bytes += section.range().len() as u64,
            Payload::ComponentImportSection(section) if depth == 0 => {
                let names =
                    section.into_iter().map(|import| import.map(|import| import.name.name.to_string()));
                outline.imports.extend(names.filter_map(Result::ok));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                let names =
                    section.into_iter().map(|export| export.map(|export| export.name.name.to_string()));
                outline.exports.extend(names.filter_map(Result::ok));
            }
            _ => {}
        }
    }
    let parts = outline.code_bytes + outline.data_bytes + outline.custom_bytes;
    outline.other_bytes = (bytes.len() as u64).saturating_sub(parts);
    Ok(outline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actors_parts_add_up_and_what_it_needs_and_offers_is_named() {
        let bytes = thespian_guests::bytes(thespian_guests::HELLO);
        let outline = outline(&bytes).unwrap();
        let Outline { code_bytes, data_bytes, custom_bytes, other_bytes, .. } = outline;
        assert_eq!(code_bytes + data_bytes + custom_bytes + other_bytes, bytes.len() as u64);
        assert!(code_bytes > 1_000 && data_bytes > 0 && outline.modules > 0 && outline.functions > 10);
        assert!(outline.function_bytes_most > 0 && outline.function_bytes_most <= code_bytes);
        assert!(outline.imports.iter().any(|name| name.starts_with("thespian:actor/messaging@0.1")));
        assert!(outline.exports.iter().any(|name| name.starts_with("thespian:actor/guest@0.1")));
        // Of what is within it, nothing is its own.
        assert!(outline.imports.iter().all(|name| name.contains(':')), "{:?}", outline.imports);
    }

    #[test]
    fn what_is_no_component_is_told_in_a_line() {
        for bytes in [&b""[..], b"\0asm", b"not wasm at all"] {
            let told = outline(bytes).unwrap_err();
            assert!(!told.is_empty() && !told.contains('\n'), "{told}");
        }
        let hello = thespian_guests::bytes(thespian_guests::HELLO);
        for len in (0..hello.len()).step_by(997) {
            let _ = outline(&hello[..len]);
        }
    }
}
