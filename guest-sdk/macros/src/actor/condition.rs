//! `#[receive(when = Self::is_open)]`: handlers that depend on the state that the actor is in.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprPath, Ident, ImplItemFn, Meta, Result, Token, Type};

use super::handler::Handler;
use super::written::{at, is_raw};

pub(super) const OPTION: &str =
    "`#[receive]` has one option: `when = Self::is_open`, the name of a condition";
pub(super) const CONDITION: &str =
    "a condition is the name of a `fn(&self) -> bool`, as in `when = Self::is_open`";

/// Takes the condition off a method's `#[receive]`, which is then a plain one.
pub(super) fn take(method: &mut ImplItemFn) -> Result<Option<ExprPath>> {
    let receive = method.attrs.iter_mut().find(|attribute| attribute.path().is_ident("receive"));
    let Some(receive) = receive else { return Ok(None) };
    let condition = match &receive.meta {
        Meta::Path(_) => return Ok(None),
        Meta::List(list) => list.parse_args_with(condition)?,
        Meta::NameValue(_) => return Err(Error::new(receive.span(), OPTION)),
    };
    receive.meta = Meta::Path(receive.path().clone());
    Ok(Some(condition))
}

fn condition(input: ParseStream<'_>) -> Result<ExprPath> {
    let place = input.span();
    let word: Option<Ident> = input.parse()?;
    if word.is_none_or(|word| word != "when") || !input.peek(Token![=]) {
        return Err(Error::new(place, OPTION));
    }
    input.parse::<Token![=]>()?;
    let condition = match input.parse()? {
        Expr::Path(condition) => condition,
        other => return Err(Error::new(other.span(), CONDITION)),
    };
    input.parse::<Option<Token![,]>>()?;
    if input.is_empty() { Ok(condition) } else { Err(input.error("a handler has one condition")) }
}

/// Several handlers of one type take turns by their conditions. Behind one that has none nothing is reached.
pub(super) fn check_reached(handlers: &[Handler]) -> Result<()> {
    for (place, handler) in handlers.iter().enumerate() {
        let takes_all = |earlier: &&Handler| earlier.when.is_none() && earlier.written() == handler.written();
        let Some(earlier) = handlers[..place].iter().find(takes_all) else { continue };
        let written = handler.written();
        return Err(if handler.when.is_none() {
            let text = format!("there is a handler for `{written}` already");
            Error::new(handler.message.span(), text)
        } else {
            let (method, earlier) = (&handler.method, &earlier.method);
            let text = format!(
                "`{method}` is never reached: `{earlier}` takes every `{written}` before it; \
                 the handler without `when` comes last"
            );
            Error::new(method.span(), text)
        });
    }
    Ok(())
}

/// The types of the handlers, each once.
pub(super) fn types<'a>(handlers: &[&'a Handler]) -> Vec<&'a Type> {
    let is_first = |place: usize| {
        let written = handlers[place].written();
        handlers[..place].iter().all(|earlier| earlier.written() != written)
    };
    (0..handlers.len()).filter(|place| is_first(*place)).map(|place| &handlers[place].message).collect()
}

/// Code for what no handler takes, where one would take it in another state.
pub(super) fn not_now(handlers: &[Handler], unhandled: TokenStream) -> TokenStream {
    let takes_all = |always: &Handler, handler: &Handler| {
        always.when.is_none() && (is_raw(&always.message) || always.written() == handler.written())
    };
    let is_sometimes = |handler: &&Handler| !handlers.iter().any(|always| takes_all(always, handler));
    let sometimes: Vec<_> = handlers.iter().filter(is_sometimes).collect();
    if sometimes.is_empty() {
        return unhandled;
    }
    let accepts = types(&sometimes)
        .into_iter()
        .map(|message| quote_spanned!(at(message)=> <#message as ::thespian::Receive>::accepts(&incoming)));
    quote! {
        let is_for_another_state = #(#accepts)||*;
        ::thespian::private::not_now::<Self>(is_for_another_state, incoming, |incoming| #unhandled)
    }
}
