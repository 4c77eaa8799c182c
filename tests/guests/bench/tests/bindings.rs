//! Keeps `src/bindings.rs` what wit-bindgen makes of `wit/calls.wit`. It is checked in so that no actor's build
//! compiles the generator.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};
use wit_bindgen_rust::{Opts, WithOption};

fn generate(dir: &Path) -> String {
    let mut resolve = Resolve::default();
    resolve.push_path(dir.join("../../../wit")).unwrap();
    let (package, _) = resolve.push_path(dir.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("extra")).unwrap();
    let types = "::thespian::bindings::thespian::actor::types".to_string();
    let options = Opts {
        with: vec![("thespian:actor/types@0.1.1".to_string(), WithOption::Path(types))],
        runtime_path: Some("::wit_bindgen::rt".to_string()),
        ownership: wit_bindgen_rust::Ownership::Borrowing { duplicate_if_necessary: true },
        format: true,
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, source) = files.iter().next().unwrap();
    String::from_utf8(source.to_vec()).unwrap()
}

#[test]
fn the_checked_in_bindings_are_those_of_the_interface() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = dir.join("src/bindings.rs");
    let wanted = generate(dir);
    if std::env::var_os("THESPIAN_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == wanted,
        "run `THESPIAN_BLESS=1 cargo test -p bench-actors --test bindings` and commit the result"
    );
}
