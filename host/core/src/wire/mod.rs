//! What travels between a node and the programs that control it: frames, their codec, the hello and the
//! requests. `docs/protocol.md` describes the same for other languages.

mod answers;
pub mod codec;
pub mod control;
mod control_error;
pub mod frame;
pub mod hello;
pub mod status;
