//! How code is made for this host, wherever it is compiled: what a node runs, a compiler's process has made.

use super::bounds::WASM_STACK_BYTES;

/// Frames of a guest's stack that are gathered when it traps: enough to find some that are the guest's own.
const BACKTRACE_FRAMES_MAX: usize = 14;

/// All but where instances are kept, which code does not know.
pub(super) fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .strategy(wasmtime::Strategy::Cranelift)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .wasm_component_model(true)
        .wasm_gc(false)
        .gc_support(false)
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_stack_switching(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(std::num::NonZero::new(BACKTRACE_FRAMES_MAX));
    config
}

/// Those of a compiler's process, which makes no instances: a node's pool would not fit into its address space.
pub(super) fn of_compiler() -> wasmtime::Config {
    let mut config = settings();
    config.allocation_strategy(wasmtime::InstanceAllocationStrategy::OnDemand);
    config
}
