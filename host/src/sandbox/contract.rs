//! Whether a compiled component has what the contract asks of it, and what the host offers to it.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::bindings::ActorPre;
use super::fault;
use super::inspect::GUEST_EXPORT;
use super::source_error::SourceError;
use super::state::State;

/// The functions that an actor component exports.
const GUEST_FUNCTIONS: [&str; 4] = ["describe", "start", "handle-message", "handle-event"];

/// Joins a component with what the host offers.
///
/// # Errors
/// Names what it lacks, or has otherwise than the contract.
pub(super) fn join(linker: &Linker<State>, component: &Component) -> Result<ActorPre<State>, SourceError> {
    let lacking = lacking(linker.engine(), component);
    if !lacking.is_empty() {
        return Err(SourceError::Lacking(lacking));
    }
    let mismatch = |error: wasmtime::Error| SourceError::Mismatch(fault::describe(&error));
    let pre = linker.instantiate_pre(component).map_err(mismatch)?;
    ActorPre::new(pre).map_err(mismatch)
}

/// The functions of the contract that it does not export.
fn lacking(engine: &Engine, component: &Component) -> Vec<&'static str> {
    let ty = component.component_type();
    let guest = ty.exports(engine).find(|(name, _)| name.starts_with(GUEST_EXPORT));
    let mut lacking = GUEST_FUNCTIONS.to_vec();
    if let Some((_, guest)) = guest
        && let ComponentItem::ComponentInstance(guest) = guest.ty
    {
        for (name, item) in guest.exports(engine) {
            if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                lacking.retain(|function| *function != name);
            }
        }
    }
    lacking
}
