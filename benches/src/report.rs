//! How figures are shown: a line of JSON for scripts, and a table with the bars for people.

use serde_json::{Map, Value, json};

use crate::machine;
use crate::stats::spread;

/// What was promised about a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// In words.
    what: String,
    measured: f64,
    limit: f64,
    at_least: bool,
}

impl Bar {
    /// `measured` is to be at most `limit`.
    pub fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, at_least: false }
    }

    /// `measured` is to be at least `limit`.
    pub fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, at_least: true }
    }

    /// Whether the promise is kept.
    #[must_use]
    pub fn passes(&self) -> bool {
        if self.at_least { self.measured >= self.limit } else { self.measured <= self.limit }
    }

    fn json(&self) -> Value {
        let relation = if self.at_least { ">=" } else { "<=" };
        json!({
            "what": self.what, "measured": rounded(self.measured), "is": relation, "limit": rounded(self.limit),
            "pass": self.passes(),
        })
    }

    fn row(&self) -> String {
        let relation = if self.at_least { ">=" } else { "<=" };
        let verdict = if self.passes() { "pass" } else { "FAIL" };
        format!("    {verdict}  {}: {} {relation} {}", self.what, shown(self.measured), shown(self.limit))
    }
}

/// What came of one variant of a workload.
#[derive(Clone, Debug)]
pub struct Line {
    workload: &'static str,
    variant: String,
    repeats: usize,
    params: Map<String, Value>,
    metrics: Vec<(&'static str, [f64; 3])>,
    bars: Vec<Bar>,
    note: String,
    skipped: Option<String>,
}

impl Line {
    /// Nothing yet.
    pub fn new(workload: &'static str, variant: impl Into<String>) -> Self {
        Self {
            workload,
            variant: variant.into(),
            repeats: 0,
            params: Map::new(),
            metrics: Vec::new(),
            bars: Vec::new(),
            note: String::new(),
            skipped: None,
        }
    }

    /// The same, as a part of another workload.
    pub fn of(self, workload: &'static str) -> Self {
        Self { workload, ..self }
    }

    /// A variant that can't be run, and why.
    pub fn skipped(workload: &'static str, variant: impl Into<String>, why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::new(workload, variant) }
    }

    /// How it was run.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_string(), value.into());
        self
    }

    /// A figure: one value for each repeat.
    #[must_use]
    pub fn metric(mut self, name: &'static str, values: &[f64]) -> Self {
        self.repeats = self.repeats.max(values.len());
        self.metrics.push((name, spread(values)));
        self
    }

    /// What was promised.
    #[must_use]
    pub fn bar(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    /// What a reader has to know.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Of schema `peers/1`; `bars` and `load` are ours.
    pub(crate) fn json(&self) -> String {
        let mut line = json!({
            "schema": "peers/1", "peer": "thespian-host", "version": env!("CARGO_PKG_VERSION"),
            "workload": self.workload, "variant": self.variant,
        });
        if let Some(why) = &self.skipped {
            line["skipped"] = json!(why);
            return line.to_string();
        }
        let metrics: Map<String, Value> = self
            .metrics
            .iter()
            .map(|(name, values)| ((*name).to_string(), json!(values.map(rounded))))
            .collect();
        line["repeats"] = json!(self.repeats);
        line["params"] = json!(self.params);
        line["metrics"] = json!(metrics);
        line["note"] = json!(self.note);
        line["bars"] = self.bars.iter().map(Bar::json).collect();
        line["load"] = json!(machine::load_now());
        line.to_string()
    }

    pub(crate) fn rows(&self) -> String {
        let mut rows = format!("{} {}", self.workload, self.variant);
        if let Some(why) = &self.skipped {
            return format!("{rows}: skipped, {why}");
        }
        for (name, [median, min, max]) in &self.metrics {
            rows += &format!("\n    {name:<22} {:>10}   {} to {}", shown(*median), shown(*min), shown(*max));
        }
        for bar in &self.bars {
            rows = rows + "\n" + &bar.row();
        }
        if !self.note.is_empty() {
            rows = rows + "\n    " + &self.note;
        }
        rows
    }

    pub(crate) fn bars_len(&self) -> usize {
        self.bars.len()
    }

    pub(crate) fn failed_bars(&self) -> impl Iterator<Item = String> {
        self.bars.iter().filter(|bar| !bar.passes()).map(|bar| {
            format!("{} {}: {}", self.workload, self.variant, bar.row().trim_start_matches("    FAIL  "))
        })
    }
}

/// Four digits are more than can be trusted.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    (value * digits).round() / digits
}

fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.1} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_schema() {
        let line = Line::new("W1", "unix").param("n", 5).metric("p50_us", &[1.0, 2.0, 3.0]);
        let value: Value = serde_json::from_str(&line.bar(Bar::at_most("p50", 2.0, 1.0)).json()).unwrap();
        assert_eq!(value["metrics"]["p50_us"], json!([2.0, 1.0, 3.0]));
        assert_eq!(value["repeats"], 3);
        assert_eq!(value["bars"][0]["pass"], false);
        let skipped = Line::skipped("W5", "100000", "too many");
        assert_eq!(serde_json::from_str::<Value>(&skipped.json()).unwrap()["skipped"], "too many");
    }

    #[test]
    fn figures_have_four_digits() {
        assert_eq!(rounded(123_456.0), 123_500.0);
        assert_eq!(rounded(0.012_345_6), 0.012_35);
        assert_eq!(rounded(0.0), 0.0);
    }
}
