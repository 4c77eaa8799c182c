//! How types and other things are written: places for errors, and names.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, Ident, LitStr, Result, Type};

/// Where something is written, for errors; names mean what they mean in the rest of the macro's code.
pub(super) fn at(written: &impl Spanned) -> Span {
    written.span().resolved_at(Span::call_site())
}

/// A class is called as its type is, without its path.
pub(super) fn class_name(class: &Type) -> Result<LitStr> {
    let last = match class {
        Type::Path(path) => path.path.segments.last().filter(|last| last.arguments.is_empty()),
        _ => None,
    };
    let problem = || Error::new(class.span(), "this type has no plain name: say `#[actor(name = \"...\")]`");
    last.map(|last| LitStr::new(&last.ident.to_string(), last.ident.span())).ok_or_else(problem)
}

/// The last name of a type's path.
pub(super) fn last_word(written: &Type) -> Option<&Ident> {
    let Type::Path(path) = written else { return None };
    path.path.segments.last().map(|last| &last.ident)
}

pub(super) fn is_raw(message: &Type) -> bool {
    last_word(message).is_some_and(|word| word == "RawMessage")
}
