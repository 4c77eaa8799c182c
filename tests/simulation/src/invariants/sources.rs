//! Nothing runs of a source before its authority has approved it and its code is there, nor with more than it was given.

use thespian_core::plan::Plan;
use thespian_core::source::Rights;

use crate::host::Host;

/// An actor is to run.
pub(crate) fn instantiated(host: &Host, plan: &Plan) -> impl Iterator<Item = String> {
    let Plan { address, source, .. } = plan;
    let refused =
        (!host.is_approved(*source)).then(|| format!("{address} is to run what its authority refused"));
    let given = Rights { dead_letters: true, ..Rights::NONE };
    let excess =
        plan.rights.beyond(given).any().then(|| format!("{address} has rights that nobody gave its source"));
    let missing = (!host.is_compiled(*source)).then(|| format!("{address} is to run without code"));
    refused.into_iter().chain(excess).chain(missing)
}
