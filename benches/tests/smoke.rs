//! Shows that every workload runs and says what it measured in the form that scripts read.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

const WORKLOADS: [&str; 16] = [
    "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W7b", "W9", "W10", "W11", "contract", "fan-out", "life",
    "lists", "troupe",
];

#[test]
fn every_workload_runs_and_prints_lines_of_the_schema() {
    assert_eq!(lines_of(&[]), BTreeSet::from(WORKLOADS.map(str::to_string)));
}

#[test]
fn the_long_one_runs_where_it_is_named() {
    assert_eq!(lines_of(&["soak"]), BTreeSet::from(["soak".to_string()]));
    assert_eq!(lines_of(&["soak-disk"]), BTreeSet::from(["soak-disk".to_string()]));
}

/// The workloads that a run prints lines of.
fn lines_of(wanted: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_thespian-benches"))
        .args(["--quick", "--json"])
        .args(wanted)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    let mut seen = BTreeSet::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["schema"], &line["peer"]), (&"peers/1".into(), &"thespian-host".into()));
        assert!(line["variant"].is_string(), "{line}");
        if line["skipped"].is_null() {
            let metrics = line["metrics"].as_object().unwrap();
            let is_spread = |value: &Value| value.as_array().is_some_and(|three| three.len() == 3);
            assert!(!metrics.is_empty() && metrics.values().all(is_spread), "{line}");
        }
        seen.insert(line["workload"].as_str().unwrap().to_string());
    }
    seen
}

#[test]
fn two_builds_are_run_in_turn_and_compared_variant_by_variant() {
    let program = env!("CARGO_BIN_EXE_thespian-benches");
    let output = Command::new(program)
        .args(["--quick", "--json", "--against", program, "--runs", "2", "W2"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!((&line["workload"], &line["runs"]), (&"W2".into(), &2.into()), "{line}");
        let [low, high] = [0, 1].map(|nth| line["interval"][nth].as_f64().unwrap());
        let ratio = line["ratio"].as_f64().unwrap();
        assert!(0.0 < low && low <= ratio && ratio <= high, "{line}");
    }
}

#[test]
fn an_unknown_workload_is_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_thespian-benches")).arg("W99").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && errors.contains("W99") && errors.contains("W7b"), "{errors}");
}
