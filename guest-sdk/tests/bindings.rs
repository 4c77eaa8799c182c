//! Keeps `src/bindings.rs` what wit-bindgen makes of the contract. It is checked in so that an actor's first build
//! compiles sixteen crates and not thirty-six.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};
use wit_bindgen_rust::{Opts, Ownership};

fn generate(dir: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(dir.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("full-actor")).unwrap();
    let options = Opts {
        generate_all: true,
        pub_export_macro: true,
        ownership: Ownership::Borrowing { duplicate_if_necessary: true },
        runtime_path: Some("::wit_bindgen::rt".to_string()),
        default_bindings_module: Some("::thespian::bindings".to_string()),
        format: true,
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, source) = files.iter().next().unwrap();
    String::from_utf8(source.to_vec()).unwrap()
}

#[test]
fn the_checked_in_bindings_are_those_of_the_contract() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = dir.join("src/bindings.rs");
    let wanted = generate(dir);
    if std::env::var_os("THESPIAN_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == wanted,
        "run `THESPIAN_BLESS=1 cargo test -p thespian --test bindings` and commit the result"
    );
}

#[test]
fn the_contract_in_the_crate_is_the_one_of_the_workspace() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = std::fs::read(dir.join("wit/actor.wit")).unwrap();
    assert_eq!(own, std::fs::read(dir.join("../wit/actor.wit")).unwrap());
}
