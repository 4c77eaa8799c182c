//! This program held against another build of it: both are run in turn, one workload at a time, and the ratio of their
//! medians is shown with the interval in which it lies. Knows the lines that both print, and nothing of what they measure.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::machine;
use crate::options::Options;
use crate::stats::{median, percentile};

/// How often both are run, unless the command line says otherwise: enough that one slow run moves no median.
pub(crate) const RUNS: usize = 15;

/// How many samples the interval is made from.
const RESAMPLES: usize = 10_000;
/// Of the resampling: the same figures give the same interval.
const SEED: u64 = 1;

/// The figure of a line that is compared: the first of these that it has, and whether more of it is better.
const FIGURES: &[(&str, bool)] = &[
    ("cpu_ns_per_msg", false),
    ("cpu_ns", false),
    ("actorsps", true),
    ("jobsps", true),
    ("p50_us", false),
    ("ms", false),
    ("bytes_per_actor", false),
];

/// Workloads whose figures scatter more, and by how much they may be worse: those are of wake-ups, compilers and signals.
const LOOSE: &[(&str, f64)] = &[("W1", 1.10), ("W9", 1.10), ("W10", 1.10)];
/// How much worse any other may be.
const WORSE_MAX: f64 = 1.03;

/// Workload, variant and figure.
type Key = (String, String, &'static str);

/// Runs both builds, and says how they compare.
///
/// # Errors
/// One of them can't be run, or fails.
pub(crate) fn run(options: &Options, other: &Path, known: &[&str]) -> anyhow::Result<()> {
    let this = std::env::current_exe().context("this program does not know where it is")?;
    let wanted: Vec<&str> = match options.wanted.as_slice() {
        [] => known.to_vec(),
        wanted => wanted.iter().map(String::as_str).collect(),
    };
    let say = |text: &str| {
        if !options.json {
            eprintln!("{text}");
        }
    };
    say(&machine::describe());
    say(&format!("held against {}, {} runs each", other.display(), options.runs));
    let mut missed = Vec::new();
    for workload in wanted {
        let mut seen: [BTreeMap<Key, Vec<f64>>; 2] = Default::default();
        for (nth, side) in turns(options.runs).enumerate() {
            say(&format!("{workload}: run {} of {}", nth + 1, 2 * options.runs));
            let program = [other, &this][side];
            let lines = lines_of(program, workload, options.quick)
                .with_context(|| format!("workload {workload} of {}", program.display()))?;
            for (key, value) in lines {
                seen[side].entry(key).or_default().push(value);
            }
        }
        let [before, after] = &seen;
        for (key, after) in after {
            let Some(before) = before.get(key) else { continue };
            let compared = Compared::new(key.clone(), before, after);
            println!("{}", compared.json());
            say(&compared.row());
            missed.extend(compared.is_missed().then(|| compared.row()));
        }
    }
    say(&format!("load at the end: {}", machine::load()));
    missed.iter().for_each(|row| say(&format!("missed: {row}")));
    Ok(())
}

/// Who runs when: A B B A and so on, so that a machine that slows down or warms up does so for both.
fn turns(runs: usize) -> impl Iterator<Item = usize> {
    (0..2 * runs).map(|nth| usize::from(matches!(nth % 4, 1 | 2)))
}

/// The figures that are compared, one for each variant of the workload.
fn lines_of(program: &Path, workload: &str, quick: bool) -> anyhow::Result<Vec<(Key, f64)>> {
    let output = Command::new(program)
        .args(quick.then_some("--quick"))
        .args(["--json", workload])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("it ended with {}", output.status);
    }
    let lines = String::from_utf8(output.stdout).context("it prints what is no text")?;
    lines.lines().filter_map(|line| figure(line).transpose()).collect()
}

/// What is compared of a line; none where the variant was skipped or has nothing of the kind.
fn figure(line: &str) -> anyhow::Result<Option<(Key, f64)>> {
    let line: Value = serde_json::from_str(line).context("it prints what is no JSON")?;
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_string();
    let figure = FIGURES.iter().find_map(|(name, more_is_better)| {
        let value = line["metrics"][name][0].as_f64()?;
        // All are shown as costs.
        Some((*name, if *more_is_better { value.recip() } else { value }))
    });
    Ok(figure.map(|(name, value)| ((text("workload"), text("variant"), name), value)))
}

/// How one figure compares: more than 1 is worse than before.
#[derive(Debug)]
struct Compared {
    key: Key,
    ratio: f64,
    /// In it lies the ratio, in 95 of 100 cases.
    interval: [f64; 2],
    runs: usize,
}

impl Compared {
    fn new(key: Key, before: &[f64], after: &[f64]) -> Self {
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut ratios: Vec<f64> = (0..RESAMPLES)
            .map(|_| median(&resample(&mut rng, after)) / median(&resample(&mut rng, before)))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let interval = [percentile(&ratios, 2.5), percentile(&ratios, 97.5)];
        Self { key, ratio: median(after) / median(before), interval, runs: after.len() }
    }

    fn worse_max(&self) -> f64 {
        LOOSE.iter().find(|(workload, _)| *workload == self.key.0).map_or(WORSE_MAX, |(_, max)| *max)
    }

    /// Only where the whole interval is above the bound: chance alone misses nothing.
    fn is_missed(&self) -> bool {
        self.interval[0] > self.worse_max()
    }

    fn json(&self) -> Value {
        let (workload, variant, figure) = &self.key;
        json!({
            "workload": workload, "variant": variant, "figure": figure, "ratio": self.ratio,
            "interval": self.interval, "worse_max": self.worse_max(), "missed": self.is_missed(), "runs": self.runs,
        })
    }

    fn row(&self) -> String {
        let (workload, variant, figure) = &self.key;
        let ([low, high], verdict) = (self.interval, if self.is_missed() { "MISSED" } else { "within" });
        format!(
            "{workload} {variant}, {figure}: {:.3} ({low:.3} to {high:.3}) of what it was; {verdict} {:.2}",
            self.ratio,
            self.worse_max()
        )
    }
}

/// As many values as there are, each drawn from all.
fn resample(rng: &mut StdRng, values: &[f64]) -> Vec<f64> {
    (0..values.len()).map(|_| values[rng.random_range(0..values.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(workload: &str, before: &[f64], after: &[f64]) -> Compared {
        Compared::new((workload.to_string(), "64".to_string(), "cpu_ns"), before, after)
    }

    #[test]
    fn both_run_as_often_and_neither_is_always_first() {
        assert_eq!(turns(3).collect::<Vec<_>>(), [0, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn what_is_worse_by_more_than_it_scatters_is_missed_and_what_scatters_as_much_is_not() {
        let before: Vec<f64> = (0..15).map(|nth| 100.0 + f64::from(nth % 5)).collect();
        let by = |factor: f64| before.iter().map(|value| value * factor).collect::<Vec<_>>();
        let worse = compared("W2", &before, &by(1.08));
        assert!(worse.is_missed(), "{worse:?}");
        assert!((worse.ratio - 1.08).abs() < 1e-9);
        assert!(!compared("W2", &before, &by(1.02)).is_missed());
        assert!(!compared("W9", &before, &by(1.08)).is_missed(), "it may be worse by a tenth");
        let noisy: Vec<f64> = (0..15).map(|nth| 80.0 + 4.0 * f64::from(nth)).collect();
        assert!(!compared("W2", &noisy, &by(1.06)).is_missed());
    }

    #[test]
    fn more_in_a_second_is_better_and_more_time_is_worse() {
        let line = r#"{"workload":"W5","variant":"10000","metrics":{"actorsps":[50000.0,1.0,2.0]}}"#;
        let ((workload, _, name), cost) = figure(line).unwrap().unwrap();
        assert_eq!((&*workload, name, cost), ("W5", "actorsps", 2e-5));
        let line = r#"{"workload":"W2","variant":"64","metrics":{"rtps":[9.0,9.0,9.0],"cpu_ns_per_msg":[7.0,1.0,9.0]}}"#;
        assert_eq!(figure(line).unwrap().unwrap().1, 7.0);
        assert_eq!(figure(r#"{"workload":"W5","variant":"100000","skipped":"too many"}"#).unwrap(), None);
    }
}
