//! Copies core's source and puts every mistake of the table into the copy.

mod splice;

use std::path::{Path, PathBuf};
use std::{env, fs};

use splice::{Row, splice};

macro_rules! mistakes {
    ($($file:literal { $($name:ident $test:ident $complaint:literal: $right:literal => $wrong:literal;)* })*) => {
        pub(crate) const ROWS: &[crate::Row] = &[
            $($(crate::Row { name: stringify!($name), file: $file, right: $right, wrong: $wrong },)*)*
        ];
    };
}

#[path = "../table.rs"]
mod table;

const SOURCE: &str = "../../../host/core/src";

fn main() {
    for input in [SOURCE, "../table.rs", "build.rs", "splice.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a folder")).join("core");
    let mut problems = Vec::new();
    for row in table::ROWS.iter().filter(|row| !Path::new(SOURCE).join(row.file).is_file()) {
        problems.push(format!("{} in {}: there is no such file", row.name, row.file));
    }
    copy(Path::new(""), &out, &mut problems);
    assert!(
        problems.is_empty(),
        "tests/mistakes/table.rs does not fit host/core/src:\n\n{}\n",
        problems.join("\n")
    );
}

/// Copies what is at this path below the source.
fn copy(path: &Path, out: &Path, problems: &mut Vec<String>) {
    let (from, to) = (Path::new(SOURCE).join(path), out.join(path));
    if from.is_dir() {
        fs::create_dir_all(&to).expect("the build's folder can be written");
        for entry in fs::read_dir(&from).expect("core's source is there") {
            let name = entry.expect("core's source can be listed").file_name();
            copy(&path.join(name), out, problems);
        }
        return;
    }
    let text = fs::read_to_string(&from).expect("core's source is text");
    let rows: Vec<&Row> = table::ROWS.iter().filter(|row| Path::new(row.file) == path).collect();
    let text = splice(&text, &rows).unwrap_or_else(|found| {
        problems.extend(found);
        text
    });
    let text = if path == Path::new("lib.rs") { without_head(&text) } else { text };
    fs::write(&to, text).expect("the build's folder can be written");
}

/// The crate's root without what only a crate's own root may have: `src/lib.rs` has it in its place.
fn without_head(root: &str) -> String {
    let is_head = |line: &&str| line.starts_with("//!") || line.starts_with("#![");
    root.lines().filter(|line| !is_head(line)).map(|line| format!("{line}\n")).collect()
}
