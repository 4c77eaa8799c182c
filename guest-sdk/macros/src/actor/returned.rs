//! What a method says that it returns, where it can be seen to be wrong by how it is written.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type};

use super::written::last_word;

/// Events, which nobody waits for an answer to.
const EVENTS: [&str; 9] = [
    "Wakeup",
    "ExitRequest",
    "ChildActorExited",
    "ChildActorRestarted",
    "ActorDown",
    "PoisonMessage",
    "DeadEnvelope",
    "NamedActor",
    "StatusAnswer",
];

/// The types that a type's path has in angle brackets.
fn inner_types(written: &Type) -> Vec<&Type> {
    let Type::Path(path) = written else { return Vec::new() };
    match path.path.segments.last().map(|last| &last.arguments) {
        Some(PathArguments::AngleBracketed(list)) => {
            let inner = list.args.iter();
            inner
                .filter_map(|one| if let GenericArgument::Type(inner) = one { Some(inner) } else { None })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Refuses what can be seen to be wrong by how it is written. Everything else is the compiler's to find.
pub(super) fn check(message: &Type, output: &ReturnType) -> Result<()> {
    let ReturnType::Type(_, returned) = output else { return Ok(()) };
    check_error_type(returned)?;
    let Some(event) = last_word(message).filter(|word| EVENTS.iter().any(|event| word == event)) else {
        return Ok(());
    };
    let answer = match last_word(returned) {
        Some(word) if word == "Result" => inner_types(returned).first().copied(),
        _ => Some(&**returned),
    };
    match answer {
        Some(answer) if !matches!(answer, Type::Tuple(tuple) if tuple.elems.is_empty()) => {
            let text = format!(
                "`{event}` is an event of the host, and nobody waits for an answer to it: return nothing or `Result`, and \
                 send with `ctx.send`"
            );
            Err(Error::new(answer.span(), text))
        }
        _ => Ok(()),
    }
}

/// A text is no error in Rust.
pub(super) fn check_error_type(returned: &Type) -> Result<()> {
    if last_word(returned).is_none_or(|word| word != "Result") {
        return Ok(());
    }
    let inner = inner_types(returned);
    let [_, error] = inner[..] else { return Ok(()) };
    let text = match error {
        Type::Reference(reference) => last_word(&reference.elem).filter(|word| *word == "str"),
        plain => last_word(plain).filter(|word| *word == "String"),
    };
    if text.is_none() {
        return Ok(());
    }
    let ok = inner[0].to_token_stream().to_string();
    let advice = format!(
        "a text is no error: return `Result<{ok}>`, and make one of the text by `Error::poison(text)`, or by \
         `Error::new(text)` where a second attempt may help"
    );
    Err(Error::new(error.span(), advice))
}
