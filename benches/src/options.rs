//! The command line.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::compare::RUNS;

/// What `--help` says.
pub(crate) const USAGE: &str = "\
Usage: cargo bench -p thespian-benches -- [OPTIONS] [WORKLOAD]...

Runs the workloads that are named, or all: W1 W2 W3 W4 W5 W6 W7 W7b W9 W10 W11 life fan-out troupe contract.
Only by name: siege-code, siege-time, siege-memory, siege-all, and soak and soak-disk, which take 11 minutes each.
JSON lines (schema peers/1) go to stdout, a table with the bars to stderr.

  --quick          little of everything, once: shows that it works, measures nothing
  --json           no table
  --against OTHER  runs the program OTHER, an earlier build of this one, and this one in turn, and prints the ratio of
                   their medians: more than 1 is worse (`cargo xtask compare COMMIT` builds it)
  --runs N         how often each of the two is run [default: 15]
  --help           this text";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Little of everything, once.
    pub quick: bool,
    /// No table.
    pub json: bool,
    /// Only the usage.
    pub help: bool,
    /// An earlier build, to be held against this one.
    pub against: Option<PathBuf>,
    /// How often each of the two is run.
    pub runs: usize,
    /// Names of workloads; none is all.
    pub wanted: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { quick: false, json: false, help: false, against: None, runs: RUNS, wanted: Vec::new() }
    }
}

impl Options {
    /// Reads the arguments. `--bench`, which cargo adds, says nothing new.
    ///
    /// # Errors
    /// One is unknown, or lacks its value.
    pub fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--help" | "-h" => options.help = true,
                "--bench" => {}
                "--against" => {
                    options.against = Some(args.next().context("--against needs a program")?.into());
                }
                "--runs" => {
                    let runs = args.next().and_then(|runs| runs.parse().ok()).filter(|runs| *runs > 0);
                    options.runs = runs.context("--runs needs a number above 0")?;
                }
                flag if flag.starts_with('-') => anyhow::bail!("unknown option {flag}\n\n{USAGE}"),
                name => options.wanted.push(name.to_string()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_named_between_options() {
        let args = ["--bench", "W1", "--quick", "W7b"].map(str::to_string);
        let options = Options::parse(&args).unwrap();
        assert!(options.quick && !options.json);
        assert_eq!(options.wanted, ["W1", "W7b"]);
        assert!(Options::parse(&["--fast".to_string()]).is_err());
    }

    #[test]
    fn another_build_is_run_as_often_as_the_command_line_says() {
        let options =
            Options::parse(&["--against", "../old", "--runs", "3", "W2"].map(str::to_string)).unwrap();
        assert_eq!((options.against, options.runs), (Some("../old".into()), 3));
        for broken in [&["--against"][..], &["--runs"], &["--runs", "0"], &["--runs", "x"]] {
            let args: Vec<_> = broken.iter().map(ToString::to_string).collect();
            assert!(Options::parse(&args).is_err(), "{broken:?}");
        }
    }
}
