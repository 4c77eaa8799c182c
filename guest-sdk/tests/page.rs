//! The crate's page has a class that does what most do, in fewer lines than others take for it.

/// Lines of it, blank ones counted.
const LINES_MAX: usize = 80;

#[test]
fn an_account_of_a_bank_takes_no_more_lines_than_a_page() {
    let page = include_str!("../src/lib.rs");
    let section = page.split("//! # A whole class").nth(1).unwrap();
    let code = section.split("//! ```").nth(1).unwrap().trim_start_matches('\n');
    let lines = code.lines().filter(|line| !line.starts_with("//! #") || line.starts_with("//! #[")).count();
    assert!(code.contains("#[start]") && lines <= LINES_MAX, "it has {lines} lines");
}
