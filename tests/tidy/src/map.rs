//! The documents fit the tree.

use std::collections::BTreeSet;

use crate::settle;
use crate::source::{File, SHIPPED, file, files, root, rust_files, words};

const MAP: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Code map";

/// One file for each command, by its name: the folder's sentence says all that a map could.
const COMMANDS: &str = "host/program/src/cli";

/// Of what does not ship only the package's folder is to be in the map.
#[test]
fn every_module_is_in_the_code_map() {
    let Some(map) = code_map() else {
        panic!("{MAP} has no section \"{HEADING}\", by which a newcomer finds the way");
    };
    let named: BTreeSet<&str> = words(map).map(|(word, _)| word).collect();
    let mut problems = Vec::new();
    for file in rust_files().filter(|file| SHIPPED.iter().any(|folder| file.is_under(folder))) {
        let module = module(file);
        if !module.is_empty() && !file.is_under(COMMANDS) && !named.contains(module) {
            problems.push(format!("{} (`{module}`)", file.path));
        }
    }
    for package in packages().filter(|package| !map.contains(*package)) {
        problems.push(format!("{package}/"));
    }
    settle(
        &format!(
            "Who looks for the place of a thing looks into {MAP}, \"{HEADING}\". Each module has one sentence \
                  there, about what it must never know where that matters. These are missing:"
        ),
        &problems,
    );
}

#[test]
fn the_code_map_names_only_what_exists() {
    let spans = code_map().unwrap_or_default().split('`').skip(1).step_by(2);
    let problems: Vec<String> = spans
        .filter(|span| span.ends_with(".rs") && !span.contains(['{', ' ', '*', '\n']))
        .filter(|span| {
            !rust_files().any(|file| file.path == **span || file.path.ends_with(&format!("/{span}")))
        })
        .map(str::to_owned)
        .collect();
    settle(&format!("{MAP} names files that are not there:"), &problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(&file.text) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') && !root().join(folder).join(target).exists() {
                problems.push(format!("{} links to {link}", file.path));
            }
        }
    }
    settle("A link that leads nowhere costs its reader more than no link:", &problems);
}

fn code_map() -> Option<&'static str> {
    let text = &file(MAP)?.text;
    let start = text.find(HEADING)? + HEADING.len();
    let end = text[start..].find("\n## ").map_or(text.len(), |end| start + end);
    Some(&text[start..end])
}

/// The module that a file is; a crate's root has no name of its own.
fn module(file: &'static File) -> &'static str {
    match file.stem() {
        "lib" | "main" | "tests" => "",
        "mod" => file.path.rsplit('/').nth(1).unwrap_or_default(),
        stem => stem,
    }
}

/// The folders of this workspace's packages.
fn packages() -> impl Iterator<Item = &'static str> {
    let manifests = files().iter().filter(|file| file.text.contains("version.workspace = true"));
    manifests.filter_map(|file| file.path.strip_suffix("/Cargo.toml"))
}

/// Targets of `[text](target)`, outside of code.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    prose.flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split([')', ' ']).next())
}
