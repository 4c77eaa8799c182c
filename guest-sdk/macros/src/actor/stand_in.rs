//! What stands for a class that has a mistake, so that nothing else in the crate seems to have one too.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ImplItem, Item};

/// The attributes that are put on methods.
const OURS: [&str; 3] = ["receive", "start", "accepts"];

/// The item without what only this attribute understands, and a class that nobody can create.
pub(super) fn of(item: TokenStream) -> Option<TokenStream> {
    let mut item: Item = syn::parse2(item).ok()?;
    let (class, generics) = match &mut item {
        Item::Impl(block) => {
            for item in &mut block.items {
                let ImplItem::Fn(method) = item else { continue };
                method.attrs.retain(|attribute| !OURS.iter().any(|own| attribute.path().is_ident(own)));
            }
            (block.self_ty.to_token_stream(), &block.generics)
        }
        Item::Struct(item) => (item.ident.to_token_stream(), &item.generics),
        Item::Enum(item) => (item.ident.to_token_stream(), &item.generics),
        _ => return Some(item.to_token_stream()),
    };
    if !generics.params.is_empty() {
        return Some(item.to_token_stream());
    }
    let name = class.to_string();
    Some(quote! {
        #[allow(unused, clippy::all, reason = "there is an error already")]
        #item

        impl ::thespian::Actor for #class {
            const CLASS: &'static str = #name;
            const RECEIVES: &'static [&'static str] = &[];
            const ON_TRAP: ::thespian::OnTrap = ::thespian::OnTrap::Restart;
            const TRANSIENT: ::core::option::Option<::thespian::Transient> = ::core::option::Option::None;

            fn requires() -> ::std::vec::Vec<::thespian::Requirement> {
                ::core::unreachable!()
            }

            fn start(_: &mut ::thespian::Context) -> ::thespian::Result<Self> {
                ::core::unreachable!()
            }

            fn receive(&mut self, _: ::thespian::Incoming, _: &mut ::thespian::Context) -> ::thespian::Result {
                ::core::unreachable!()
            }
        }
    })
}
