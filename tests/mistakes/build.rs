//! Has simulation look for the mistakes that this core makes.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(thespian_mistakes)");
    println!("cargo::rustc-cfg=thespian_mistakes");
    println!("cargo::rerun-if-changed=build.rs");
}
