//! What a compiler's process says to the node that started it, on its descriptor 1: one answer, and then its end.

use super::code::MARK_LEN;
use super::confine::Walls;

/// The kinds of answers, each by the byte with which it begins.
const CODE: u8 = b'c';
const REFUSED: u8 = b'r';
const FAILED: u8 = b'f';
const NO_MEMORY: u8 = b'm';
const READY: u8 = b'k';

/// An answer: the outcome of a component, or of the process itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CompileAnswer {
    /// Code of the component.
    Code(Vec<u8>),
    /// The engine refuses it, in these words.
    Refused(String),
    /// The compiler panicked on it.
    Failed(String),
    /// The system gave the compiler no more memory.
    NoMemory,
    /// The process could compile. What would stand between it and the machine, and the mark of its engine.
    Ready { walls: Walls, mark: [u8; MARK_LEN] },
}

impl CompileAnswer {
    /// As bytes. Code is not copied: `write` is called once for the beginning and once for the rest.
    pub(super) fn write(&self, mut write: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let (kind, rest): (u8, &[u8]) = match self {
            Self::Code(code) => (CODE, code),
            Self::Refused(words) => (REFUSED, words.as_bytes()),
            Self::Failed(words) => (FAILED, words.as_bytes()),
            Self::NoMemory => (NO_MEMORY, &[]),
            Self::Ready { walls, mark } => {
                write(&[READY, walls.bits()])?;
                return write(mark);
            }
        };
        write(&[kind])?;
        write(rest)
    }

    /// Reads what a process wrote until its end; `None` where that is no answer.
    pub(super) fn read(mut bytes: Vec<u8>) -> Option<Self> {
        let kind = *bytes.first()?;
        let words = |bytes: &[u8]| String::from_utf8_lossy(&bytes[1..]).into_owned();
        Some(match kind {
            CODE => {
                bytes.remove(0);
                Self::Code(bytes)
            }
            REFUSED => Self::Refused(words(&bytes)),
            FAILED => Self::Failed(words(&bytes)),
            NO_MEMORY if bytes.len() == 1 => Self::NoMemory,
            READY => {
                let (walls, mark) = bytes[1..].split_first()?;
                Self::Ready { walls: Walls::of_bits(*walls), mark: mark.try_into().ok()? }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let walls = Walls { landlock: true, seccomp: false };
        for answer in [
            CompileAnswer::Code(vec![0, 1, 2]),
            CompileAnswer::Code(Vec::new()),
            CompileAnswer::Refused("no".into()),
            CompileAnswer::Failed("at x.rs".into()),
            CompileAnswer::NoMemory,
            CompileAnswer::Ready { walls, mark: [7; MARK_LEN] },
        ] {
            let mut bytes = Vec::new();
            let write = |part: &[u8]| {
                bytes.extend_from_slice(part);
                Ok(())
            };
            answer.write(write).unwrap();
            assert_eq!(CompileAnswer::read(bytes), Some(answer));
        }
        for none in [&b""[..], b"x", b"k", b"k\x01short", b"mimalloc: a warning"] {
            assert_eq!(CompileAnswer::read(none.to_vec()), None);
        }
    }
}
