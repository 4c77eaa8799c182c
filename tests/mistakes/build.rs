//! Lets core make mistakes, and has simulation look for them. Of two packages: `core` and this folder's own.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(thespian_mistakes)");
    println!("cargo::rustc-cfg=thespian_mistakes");
    println!("cargo::rerun-if-changed=build.rs");
}
