//! The table of rows says what there is.

use std::collections::BTreeSet;

const README: &str = include_str!("../../README.md");
const SOURCES: &[&str] = &[
    include_str!("addr.rs"),
    include_str!("cap.rs"),
    include_str!("create.rs"),
    include_str!("dead.rs"),
    include_str!("ext.rs"),
    include_str!("gname.rs"),
    include_str!("help.rs"),
    include_str!("life.rs"),
    include_str!("msg.rs"),
    include_str!("src.rs"),
    include_str!("transient.rs"),
    include_str!("watch.rs"),
    include_str!("stat.rs"),
];

/// Every test that there is: those of this folder, and those that are made of scenarios.
fn tests() -> BTreeSet<String> {
    let lines = SOURCES.iter().flat_map(|source| source.lines());
    let names = lines.filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {"));
    let scenarios = thespian_scenarios::all().into_iter().map(|scenario| scenario.name);
    names.map(str::to_string).chain(scenarios).collect()
}

/// Each row with the tests that it names.
fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = README.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = lines.filter(|(row, _)| row.contains('-') && !row.contains(' '));
    rows.map(|(row, rest)| (row, rest.split('`').skip(1).step_by(2).collect()))
}

#[test]
fn every_row_of_the_table_names_tests_that_exist_or_says_why_there_is_none() {
    let tests = tests();
    assert!(rows().count() > 70);
    for (row, named) in rows() {
        let begins = row.to_lowercase().replace('-', "_");
        let line = README.lines().find(|line| line.contains(&format!("| {row} |"))).unwrap();
        assert!(line.contains("| none") || named.iter().any(|test| test.starts_with(&begins)), "{row}");
        for test in named {
            assert!(tests.contains(test), "{row} names {test}");
        }
    }
}

#[test]
fn every_test_that_is_named_by_a_row_is_in_the_table() {
    let named: BTreeSet<_> = rows().flat_map(|(_, tests)| tests).collect();
    let groups = [
        "life_", "addr_", "gname_", "create_", "ext_", "msg_", "poison_", "dead_", "time_", "cap_", "src_",
        "help_", "stat_",
    ];
    for test in tests() {
        let is_row = groups.iter().any(|group| {
            test.strip_prefix(group)
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        });
        assert!(!is_row || named.contains(&*test), "{test} is not in the table");
    }
}
