//! What a command is given to read, files and stdin: up to a bound, whatever is at their other end.

use std::io;
use std::path::Path;

use anyhow::Result;
use thespian_host::input::{self, InputError};

use super::outcome::Usage;
use super::output::bytes;

/// The bytes of a file, or of stdin where it is `-`. `what` it is to be has at most `bytes_max` bytes.
pub(super) fn read(file: &Path, what: &str, bytes_max: usize) -> Result<Vec<u8>> {
    if file != Path::new("-") {
        return read_file(file, what, bytes_max);
    }
    Ok(input::read(io::stdin().lock(), bytes_max).map_err(|error| cannot("stdin", error, what))?)
}

/// The bytes of a file, whatever its name.
pub(super) fn read_file(file: &Path, what: &str, bytes_max: usize) -> Result<Vec<u8>> {
    let named = file.display().to_string();
    Ok(input::read_named(file, bytes_max).map_err(|error| cannot(&named, error, what))?)
}

fn cannot(named: &str, error: InputError, what: &str) -> Usage {
    Usage(match error {
        InputError::TooLong { bytes_max } => {
            format!("{named} is too long: {what} has at most {} ({bytes_max} bytes)", bytes(bytes_max as u64))
        }
        error => format!("can't read {named}: {error}"),
    })
}
