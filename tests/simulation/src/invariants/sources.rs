//! Nothing runs of a source before its authority has approved it and its code is there.

use thespian_core::plan::Plan;

use crate::host::Host;

/// An actor is to run.
pub(crate) fn instantiated(host: &Host, plan: &Plan) -> impl Iterator<Item = String> {
    let Plan { address, source, .. } = plan;
    let refused =
        (!host.is_approved(*source)).then(|| format!("{address} is to run what its authority refused"));
    let missing = (!host.is_compiled(*source)).then(|| format!("{address} is to run without code"));
    refused.into_iter().chain(missing)
}
