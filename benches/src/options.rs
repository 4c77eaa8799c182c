//! The command line.

/// What `--help` says.
pub(crate) const USAGE: &str = "\
Usage: cargo bench -p thespian-benches -- [OPTIONS] [WORKLOAD]...

Runs the workloads that are named, or all: W1 W2 W3 W4 W5 W6 W7 W7b W9 W10 W11 life fan-out troupe contract.
Only by name: soak, which takes 11 minutes.
JSON lines (schema peers/1) go to stdout, a table with the bars to stderr.

  --quick   little of everything, once: shows that it works, measures nothing
  --json    no table
  --help    this text";

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Little of everything, once.
    pub quick: bool,
    /// No table.
    pub json: bool,
    /// Only the usage.
    pub help: bool,
    /// Names of workloads; none is all.
    pub wanted: Vec<String>,
}

impl Options {
    /// Reads the arguments. `--bench`, which cargo adds, says nothing new.
    ///
    /// # Errors
    /// One is unknown.
    pub fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--help" | "-h" => options.help = true,
                "--bench" => {}
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
}
