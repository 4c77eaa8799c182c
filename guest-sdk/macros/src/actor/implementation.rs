//! The code of a class: what it says of itself, and how what comes finds its handler.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, ItemImpl, Type};

use super::condition;
use super::handler::{Handler, Start};
use super::options::{Options, Requires, Workers};
use super::written::{at, is_raw};

pub(super) fn implementation(
    block: &ItemImpl,
    options: &Options,
    handlers: &[Handler],
    start: &Start,
) -> TokenStream {
    let (class, name) = (&block.self_ty, &options.name);
    let on_trap = options.on_trap.clone().unwrap_or_else(|| quote!(Restart));
    let children_at_restart = options.children_at_restart.clone().unwrap_or_else(|| quote!(Keep));
    let transient = match &options.transient {
        Some(transient) => quote!(::core::option::Option::Some(#transient)),
        None => quote!(::core::option::Option::None),
    };
    let requires = options.requires.iter().map(|Requires { name, clause }| {
        quote!(::thespian::Requirement { name: #name.into(), clause: ::thespian::Clause::#clause })
    });
    // Whatever takes everything comes last.
    let (raw, typed): (Vec<_>, Vec<_>) = handlers.iter().partition(|handler| is_raw(&handler.message));
    let typed_messages = condition::types(&typed);
    let calls = typed.iter().chain(&raw).map(|handler| call(handler));
    let receives = receives(class, &typed_messages, options);
    let unhandled = match &options.base {
        // What is not handled here is the base's.
        Some(base) => quote_spanned!(at(base)=> ::thespian::Actor::receive(&mut self.#base, incoming, ctx)),
        None => quote!(incoming.unhandled::<Self>(ctx)),
    };
    let unhandled = condition::not_now(handlers, unhandled);
    let handle = quote! {
        #(#calls)*
        let _ = &ctx;
        #unhandled
    };
    let receive = if options.parts.is_empty() { handle } else { with_parts(&options.parts, &handle) };
    let guest = options.troupe.as_ref().map(|_| {
        quote! {
            const GUEST: ::thespian::private::Guest =
                ::thespian::private::Guest::of::<::thespian::Troupe<Self>>();
        }
    });
    let accepts = options.accepts.as_ref().map(|check| {
        quote_spanned! {at(check)=>
            const ACCEPTS: ::core::option::Option<::thespian::Accepts> =
                ::core::option::Option::Some(Self::#check);
        }
    });
    let (start, init) = (&start.call, start.init.as_ref().map(init));
    let troupe = options.troupe.as_ref().map(|workers| troupe_of(class, workers));
    let reach_parts = reach_parts(options);
    quote! {
        #block

        #troupe

        impl ::thespian::Actor for #class {
            const CLASS: &'static str = #name;
            const RECEIVES: &'static [&'static str] = #receives;
            const ON_TRAP: ::thespian::OnTrap = ::thespian::OnTrap::#on_trap;
            const CHILDREN_AT_RESTART: ::thespian::ChildrenAtRestart =
                ::thespian::ChildrenAtRestart::#children_at_restart;
            const TRANSIENT: ::core::option::Option<::thespian::Transient> = #transient;
            #guest
            #init
            #accepts

            fn requires() -> ::std::vec::Vec<::thespian::Requirement> {
                ::std::vec![#(#requires),*]
            }

            fn start(ctx: &mut ::thespian::Context) -> ::thespian::Result<Self> {
                #start
            }

            fn receive(&mut self, incoming: ::thespian::Incoming, ctx: &mut ::thespian::Context) -> ::thespian::Result {
                #receive
            }

            #reach_parts
        }
    }
}

/// Says of a class that it starts with a message of this type.
fn init(message: &Type) -> TokenStream {
    quote_spanned! {at(message)=>
        const INIT: ::core::option::Option<::thespian::InitMessage> =
            ::core::option::Option::Some(<#message as ::thespian::StartsWith>::INIT);
    }
}

/// Has a handler take what came, if that is for it. Each step where it is written, so that a type which can't be received,
/// or returned, and a condition which is none are reported there.
fn call(handler: &Handler) -> TokenStream {
    let Handler { method, message, when, context, returns } = handler;
    let holds = when.iter().map(|condition| quote_spanned!(at(condition)=> && #condition(&*self)));
    let reply = quote_spanned! {*returns=>
        return ::thespian::private::replied::<#message, _>(reply, ctx);
    };
    quote_spanned! {at(message)=>
        if <#message as ::thespian::Receive>::accepts(&incoming) #(#holds)* {
            let message = incoming.take::<#message, Self>(ctx)?;
            let reply = self.#method(message #context);
            #reply
        }
    }
}

/// The type names of the handlers' messages, and after them those of the parts and of the base.
fn receives(class: &Type, typed_messages: &[&Type], options: &Options) -> TokenStream {
    let own = quote! {{
        const ALL: &[::core::option::Option<&'static str>] =
            &[#(<#typed_messages as ::thespian::Receive>::TYPE_NAME),*];
        const LEN: usize = ::thespian::private::count_names(ALL);
        const NAMES: [&str; LEN] = ::thespian::private::names(ALL);
        ::core::assert!(::thespian::private::differ(&NAMES), "two handlers take messages of one type name");
        &NAMES
    }};
    if options.parts.is_empty() && options.base.is_none() {
        return own;
    }
    let parts = options.parts.iter().map(|part| {
        quote_spanned!(at(part)=> ::thespian::private::part_receives(|actor: &mut #class| &mut actor.#part))
    });
    let base = options.base.iter().map(|base| {
        quote_spanned!(at(base)=> ::thespian::private::base_receives(|actor: &mut #class| &mut actor.#base))
    });
    quote! {{
        const OWN: &[&str] = #own;
        const LISTS: &[&[&str]] = &[OWN #(, #parts)* #(, #base)*];
        const LEN: usize = ::thespian::private::count_merged(LISTS);
        const NAMES: [&str; LEN] = ::thespian::private::merged(LISTS);
        &NAMES
    }}
}

/// A turn of an actor with parts, as `thespian::Part` says.
fn with_parts(parts: &[Ident], handle: &TokenStream) -> TokenStream {
    let offers = parts.iter().map(|part| {
        quote_spanned! {at(part)=>
            let incoming = match ::thespian::Part::<Self>::offer(self, |actor| &mut actor.#part, incoming, ctx)? {
                ::core::option::Option::Some(incoming) => incoming,
                ::core::option::Option::None => return ::core::result::Result::Ok(()),
            };
        }
    });
    let finishes = parts.iter().map(|part| {
        quote_spanned!(at(part)=> ::thespian::Part::<Self>::finish(self, |actor| &mut actor.#part, ctx)?;)
    });
    quote! {
        ::thespian::private::attempt(|| {
            #(#offers)*
            #handle
        })?;
        #(#finishes)*
        ::core::result::Result::Ok(())
    }
}

/// How its parts are reached, and those of its base.
fn reach_parts(options: &Options) -> Option<TokenStream> {
    if options.parts.is_empty() && options.base.is_none() {
        return None;
    }
    let shown = options
        .parts
        .iter()
        .map(|part| quote_spanned!(at(part)=> each(::thespian::Part::<Self>::ledger(&mut self.#part));));
    let left = options.parts.iter().map(|part| {
        quote_spanned!(at(part)=> ::thespian::Part::<Self>::leave(self, |actor| &mut actor.#part, ctx);)
    });
    let base = options
        .base
        .iter()
        .map(|base| quote_spanned!(at(base)=> ::thespian::Actor::each_part(&mut self.#base, each);));
    let base_left = options
        .base
        .iter()
        .map(|base| quote_spanned!(at(base)=> ::thespian::Actor::leave(&mut self.#base, ctx);));
    Some(quote! {
        const HAS_PARTS: bool = true;

        fn each_part(&mut self, each: &mut dyn ::core::ops::FnMut(&mut dyn ::thespian::private::Ledger)) {
            #(#shown)*
            #(#base)*
        }

        fn leave(&mut self, ctx: &mut ::thespian::Context) {
            #(#left)*
            #(#base_left)*
        }
    })
}

fn troupe_of(class: &Type, workers: &Workers) -> TokenStream {
    let max_count = workers.max_count.iter();
    let idle_count = workers.idle_count.iter();
    quote! {
        impl ::thespian::Troupers for #class {
            #(const MAX_COUNT: u32 = #max_count;)*
            #(const IDLE_COUNT: u32 = #idle_count;)*
            const TAKES: &'static [&'static str] = {
                const LISTS: &[&[&str]] =
                    &[<#class as ::thespian::Actor>::RECEIVES, ::thespian::private::TROUPE_TAKES];
                const LEN: usize = ::thespian::private::count_merged(LISTS);
                const NAMES: [&str; LEN] = ::thespian::private::merged(LISTS);
                &NAMES
            };
        }
    }
}
