//! Writes a macro that makes a test of every scenario, so that a failure names its row.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

/// How the line of a scenario's name begins. `lib.rs` checks that none is written otherwise.
const NAME: &str = "    \"name\": \"";

fn main() {
    let var = |name| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let folder = var("CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).expect("cargo runs where the package is");
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let (mut tests, mut files) = (String::new(), String::new());
    for path in paths {
        let text = fs::read_to_string(&path).expect("a scenario can be read");
        for name in text.lines().filter_map(|line| line.strip_prefix(NAME)?.split('"').next()) {
            let _ = writeln!(tests, "#[test] fn {name}() {{ $play({name:?}); }}");
        }
        let _ = writeln!(files, "include_str!({:?}),", path.display().to_string());
    }
    let macros = format!("#[macro_export] macro_rules! each_scenario {{ ($play:path) => {{ {tests} }} }}");
    let code = format!(
        "const FILES: &[&str] = &[{files}];\n/// A test for each scenario: `$play` is given its name.\n{macros}\n"
    );
    fs::write(var("OUT_DIR").join("scenarios.rs"), code).expect("cargo's folder can be written to");
}
