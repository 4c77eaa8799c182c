//! The attribute `actor`.

mod condition;
mod handler;
mod implementation;
mod options;
mod returned;
mod stand_in;
#[cfg(test)]
mod tests;
mod written;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ImplItem, Item, Result};

use handler::{Start, check, handler, start_of, take_attribute};
use implementation::implementation;
use options::options;
use written::{at, class_name};

/// The class, or the one mistake that is in it: what else the crate says of the class is then checked as if it were right.
pub(crate) fn expand_or_stand_in(tokens: TokenStream, item: TokenStream) -> TokenStream {
    expand(tokens, item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        let stand_in = stand_in::of(item);
        quote!(#error #stand_in)
    })
}

pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut options = options(tokens)?;
    let mut block = match syn::parse2(item)? {
        Item::Impl(block) => block,
        other => {
            return Err(Error::new(other.span(), "`#[actor]` goes on the `impl` block with the handlers"));
        }
    };
    if let Some((path, _)) = &block.trait_ {
        return Err(Error::new(path.span(), "`#[actor]` goes on a plain `impl` block"));
    }
    if !block.generics.params.is_empty() {
        return Err(Error::new(block.generics.span(), "a class of actors is one type: it can't be generic"));
    }
    if options.name.is_none() {
        options.name = Some(class_name(&block.self_ty)?);
    }
    let (mut handlers, mut start) = (Vec::new(), None);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let when = condition::take(method)?;
        let is_handler = take_attribute(method, "receive")?;
        let is_start = take_attribute(method, "start")?;
        let is_check = take_attribute(method, "accepts")?;
        let name = method.sig.ident.span();
        match (is_handler, is_start, is_check) {
            (false, false, false) => {}
            (true, false, false) => handlers.push(handler(method, when)?),
            (false, true, false) if start.is_some() => {
                return Err(Error::new(name, "an actor has one `#[start]`"));
            }
            (false, true, false) => start = Some(start_of(method)?),
            (false, false, true) if options.accepts.is_some() => {
                return Err(Error::new(name, "a class has one `#[accepts]`"));
            }
            (false, false, true) => options.accepts = Some(check(method)?),
            _ => return Err(Error::new(name, "one of `#[receive]`, `#[start]` and `#[accepts]`")),
        }
    }
    condition::check_reached(&handlers)?;
    // At the class, so that a missing `Default` is reported where the class is.
    let start = start.unwrap_or_else(|| {
        let call = quote_spanned! {at(&block.self_ty)=>
            let _ = ctx;
            ::core::result::Result::Ok(<Self as ::core::default::Default>::default())
        };
        Start { call, init: None }
    });
    Ok(implementation(&block, &options, &handlers, &start))
}
