//! The lists of files that a contributor touches to add something stay short.

use crate::settle;
use crate::source::file;

const GUIDE: &str = "CONTRIBUTING.md";

/// Sections of the guide, and how many files each may list.
const LISTS: [(&str, usize); 2] = [("## Add an import", 15), ("## Add a command", 12)];

#[test]
fn adding_takes_few_files() {
    let text = file(GUIDE).map_or("", |guide| &guide.text);
    let mut problems = Vec::new();
    for (heading, max) in LISTS {
        let Some((_, section)) = text.split_once(heading) else {
            problems.push(format!("{GUIDE} has no section \"{heading}\""));
            continue;
        };
        let section = section.split("\n## ").next().unwrap_or_default();
        let is_item =
            |line: &&str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        let len = section.lines().filter(is_item).count();
        if len == 0 || len > max {
            problems.push(format!("{heading}: {len} files, and at most {max} are allowed"));
        }
    }
    settle(
        "What is said in many places is forgotten in one of them, and keeps strangers away. Say it in one place, or have it \
         made from there:",
        &problems,
    );
}
