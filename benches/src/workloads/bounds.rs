//! What a workload is held against: measured in the same repeat, so that a busy machine slows both.

use crate::report::{Bar, Line};
use crate::stats::median;

/// CPU time per message, and what it would be at best.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerMessage {
    /// Of the actors.
    pub(crate) cpu_ns: f64,
    /// Of a bare call, round robin over as many instances.
    pub(crate) call_ns: f64,
    /// Of a bare hop, in the same shape.
    pub(crate) hop_ns: f64,
}

impl PerMessage {
    fn ratio(&self) -> f64 {
        self.cpu_ns / (self.call_ns + self.hop_ns)
    }
}

/// What the bar allows, as a multiple of the bound.
const RATIO_MAX: f64 = 4.0;

/// Adds the figures, and the bar.
pub(crate) fn held_against(line: Line, repeats: &[PerMessage]) -> Line {
    let each = |value: fn(&PerMessage) -> f64| repeats.iter().map(value).collect::<Vec<f64>>();
    let ratios = each(PerMessage::ratio);
    line.metric("cpu_ns_per_msg", &each(|repeat| repeat.cpu_ns))
        .metric("bare_call_cpu_ns", &each(|repeat| repeat.call_ns))
        .metric("bare_hop_cpu_ns", &each(|repeat| repeat.hop_ns))
        .metric("cpu_ratio", &ratios)
        .bar(Bar::at_most(
            "CPU per message, as a multiple of a bare call and a bare hop",
            median(&ratios),
            RATIO_MAX,
        ))
}
