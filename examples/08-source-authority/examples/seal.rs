//! `seal FILE`: writes `FILE.sealed`, which the gate of lesson 8 lets in, with the key in the variable GATE_KEY. Without a file it
//! makes a key.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a shell")]

use std::fs;
use std::io::Read;
use std::process::ExitCode;

use gate::sealed;

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn run(arguments: &[String]) -> Result<String, String> {
    let io = |error: std::io::Error| error.to_string();
    match arguments {
        [] => {
            let key = random::<{ sealed::KEY_BYTES }>().map_err(io)?;
            Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        [file] => {
            let key = std::env::var("GATE_KEY")
                .map_err(|_| "the variable GATE_KEY has no key: `seal` makes one")?;
            let key = sealed::key(&key).ok_or("GATE_KEY has no key: it has 64 hex digits")?;
            let component = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            let sealed = sealed::seal(&key, random().map_err(io)?, &component).ok_or("it is too long")?;
            let out = format!("{file}.sealed");
            fs::write(&out, sealed).map_err(|error| format!("{out}: {error}"))?;
            Ok(out)
        }
        _ => Err("seal [FILE]".to_string()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
