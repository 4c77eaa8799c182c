//! What the parser of the command line says: help, the version, and what makes no sense.

use std::process::ExitCode;

use clap::error::{Error, ErrorKind};
use thespian_core::text::acts;

use super::outcome::Outcome;
use super::output::{Output, say_record};

/// Prints it as the parser does; a mistake for whoever wants JSON as one line of that.
pub(super) fn tell(error: &Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() && wants_json() {
        let (message, help) = parts(error.kind(), &text);
        Outcome::Usage.tell_parts(&message, Some(&help), &Output::new(true));
    } else if std::env::args_os().any(|arg| arg.to_string_lossy().contains(acts)) {
        // What was typed is in it, and may come from anywhere.
        say_record(&text);
    } else {
        // In colors, where there are some. Where nobody listens, nothing is lost.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Outcome::Usage as u8))
}

/// The parser has given up, so it can't be asked.
fn wants_json() -> bool {
    std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json")
}

/// Splits a text into what is wrong, and what else is said, each in one line.
fn parts(kind: ErrorKind, text: &str) -> (String, String) {
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The whole help is no mistake's text.
        return ("no command is given".to_string(), "for more information, try '--help'".to_string());
    }
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (message, help) = text.split_once("\n\n").unwrap_or((text, ""));
    (in_one_line(message), in_one_line(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_apart_from_what_helps() {
        let text = "error: the following required arguments were not provided:\n  <LEVEL>\n\nUsage: thespian-host log-level \
                    <LEVEL>\n\nFor more information, try '--help'.\n";
        let (message, help) = parts(ErrorKind::MissingRequiredArgument, text);
        assert_eq!(message, "the following required arguments were not provided: <LEVEL>");
        assert_eq!(help, "Usage: thespian-host log-level <LEVEL> For more information, try '--help'.");
    }
}
