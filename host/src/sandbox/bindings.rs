//! What `wit/actor.wit` becomes in Rust. Nothing but the generated code.
//!
//! Parameters of exports are borrowed, so that a payload is copied once, straight into the guest; what
//! imports receive is owned, lifted with one copy.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated code has the style of its generator"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "thespian:actor/actor",
    imports: { default: trappable },
    ownership: Borrowing { duplicate_if_necessary: true },
    require_store_data_send: true,
});
