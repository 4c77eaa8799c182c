//! Every guest that is built is run.

use crate::settle;
use crate::source::{files, rust_files, words};

#[test]
fn every_guest_has_a_test_or_a_bench() {
    let users: Vec<_> = rust_files()
        .filter(|file| file.code.contains("thespian_guests") && !file.is_under("tests/guests/build"))
        .collect();
    let mut problems = Vec::new();
    for manifest in files().iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let guest = manifest.is_under("examples") || manifest.is_under("tests/guests");
        if !guest || !manifest.text.contains("\"cdylib\"") {
            continue;
        }
        let package =
            manifest.text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = package.unwrap_or_default().replace('-', "_").to_uppercase();
        if !users.iter().any(|user| words(&user.code).any(|(word, _)| word == name)) {
            problems.push(format!("{} (thespian_guests::{name})", manifest.path));
        }
    }
    settle(
        "A guest that nothing runs costs every build and shows nothing. Name its constant in a test or a bench, or \
         remove it:",
        &problems,
    );
}
