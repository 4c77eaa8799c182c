//! The attribute `actor`.

mod condition;
mod returned;
mod stand_in;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::token::Paren;
use syn::{
    Error, ExprPath, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Lit, LitInt, LitStr, Meta, Receiver,
    ReceiverKind, Result, ReturnType, Token, Type, parenthesized,
};

const HANDLER: &str =
    "a handler is `fn name(&mut self, message: Type)`, with `ctx: &mut Context` behind it where it is needed";
const ACCEPTS: &str = "a check is `fn name(host: &Attributes, required: &[Requirement]) -> bool`";
const START: &str =
    "a start is `fn name() -> Self` or `fn name(ctx: &mut Context) -> Self`; it may return `Result<Self>`";

#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    on_trap: Option<TokenStream>,
    transient: Option<TokenStream>,
    requires: Vec<Requires>,
    parts: Vec<Ident>,
    base: Option<Ident>,
    troupe: Option<Troupe>,
    /// The class's own check whether a host suits it: no option, but a method of the block.
    accepts: Option<Ident>,
}

/// How many workers: `troupe(max_count = 10, idle_count = 2)`; either may be absent.
#[derive(Default)]
struct Troupe {
    max_count: Option<LitInt>,
    idle_count: Option<LitInt>,
}

fn troupe(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<Troupe> {
    let mut troupe = Troupe::default();
    if !meta.input.peek(Paren) {
        return Ok(troupe);
    }
    meta.parse_nested_meta(|count| {
        let place = if count.path.is_ident("max_count") {
            &mut troupe.max_count
        } else if count.path.is_ident("idle_count") {
            &mut troupe.idle_count
        } else {
            return Err(count.error("there are `max_count` and `idle_count`"));
        };
        let number: LitInt = count.value()?.parse()?;
        if number.base10_parse::<u32>()? == 0 {
            return Err(Error::new(number.span(), "a troupe has at least one worker"));
        }
        *place = Some(number);
        Ok(())
    })?;
    Ok(troupe)
}

/// `gpu`, `region = "eu"` or `memory_gb >= 4`; a name that is no word of Rust is written `"memory-gb" >= 4`.
struct Requires {
    name: String,
    clause: TokenStream,
}

impl Parse for Requires {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = if input.peek(LitStr) {
            input.parse::<LitStr>()?.value()
        } else {
            input.parse::<Ident>()?.to_string()
        };
        let clause = if input.peek(Token![>=]) {
            input.parse::<Token![>=]>()?;
            match input.parse()? {
                Lit::Int(least) => quote!(AtLeast(#least as f64)),
                Lit::Float(least) => quote!(AtLeast(#least)),
                other => return Err(Error::new(other.span(), "`>=` compares numbers")),
            }
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            equals(&input.parse()?)?
        } else {
            quote!(IsTrue)
        };
        Ok(Self { name, clause })
    }
}

fn equals(wanted: &Lit) -> Result<TokenStream> {
    let value = match wanted {
        Lit::Bool(truth) if truth.value => return Ok(quote!(IsTrue)),
        Lit::Bool(truth) => quote!(Boolean(#truth)),
        Lit::Int(number) => quote!(Integer(#number)),
        Lit::Float(number) => quote!(Number(#number)),
        Lit::Str(text) => quote!(Text(#text.into())),
        other => return Err(Error::new(other.span(), "a capability is a bool, a number or a text")),
    };
    Ok(quote!(Equals(::thespian::Value::#value)))
}

fn options(tokens: TokenStream) -> Result<Options> {
    let mut options = Options::default();
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            options.name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("on_trap") {
            let word: LitStr = meta.value()?.parse()?;
            options.on_trap = Some(match word.value().as_str() {
                "restart" => quote!(Restart),
                "restart-within-budget" => quote!(RestartWithinBudget),
                "exit" => quote!(Exit),
                _ => {
                    return Err(Error::new(
                        word.span(),
                        "there are `restart`, `restart-within-budget` and `exit`",
                    ));
                }
            });
        } else if meta.path.is_ident("transient") {
            meta.parse_nested_meta(|kind| {
                let case = match kind.path.get_ident().map(ToString::to_string).as_deref() {
                    Some("after_ms") => quote!(After),
                    Some("idle_ms") => quote!(Idle),
                    _ => return Err(kind.error("there are `after_ms` and `idle_ms`")),
                };
                let length: LitInt = kind.value()?.parse()?;
                let length = length.base10_parse::<u64>()?;
                let transient =
                    quote!(::thespian::Transient::#case(::core::time::Duration::from_millis(#length)));
                if options.transient.replace(transient).is_some() {
                    return Err(kind.error("either `after_ms` or `idle_ms`"));
                }
                Ok(())
            })?;
        } else if meta.path.is_ident("requires") {
            let list;
            parenthesized!(list in meta.input);
            options.requires.extend(list.parse_terminated(Requires::parse, Token![,])?);
        } else if meta.path.is_ident("parts") {
            let list;
            parenthesized!(list in meta.input);
            options.parts.extend(list.parse_terminated(Ident::parse, Token![,])?);
        } else if meta.path.is_ident("base") {
            options.base = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("troupe") {
            options.troupe = Some(troupe(&meta)?);
        } else {
            return Err(meta.error(
                "unknown option; there are `name`, `on_trap`, `transient`, `requires`, `parts`, `base` and `troupe`",
            ));
        }
        Ok(())
    });
    parser.parse2(tokens)?;
    if let (Some(transient), Some(_)) = (&options.transient, &options.troupe) {
        let text = "a troupe is not transient: its leader ends the workers that are idle";
        return Err(Error::new(transient.span(), text));
    }
    Ok(options)
}

struct Handler {
    method: Ident,
    message: Type,
    /// The state in which it takes it; in every one, if there is none.
    when: Option<ExprPath>,
    /// Its argument for the context, as the call has it.
    context: TokenStream,
    /// Where it says what it returns.
    returns: Span,
}

impl Handler {
    /// The type of its message, as it is written.
    fn written(&self) -> String {
        self.message.to_token_stream().to_string()
    }
}

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
            (false, true, false) => start = Some(start_call(method)?),
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
        quote_spanned! {at(&block.self_ty)=>
            let _ = ctx;
            ::core::result::Result::Ok(<Self as ::core::default::Default>::default())
        }
    });
    Ok(implementation(&block, &options, &handlers, &start))
}

/// Where something is written, for errors; names mean what they mean in the rest of the macro's code.
fn at(written: &impl Spanned) -> Span {
    written.span().resolved_at(Span::call_site())
}

/// A class is called as its type is, without its path.
fn class_name(class: &Type) -> Result<LitStr> {
    let last = match class {
        Type::Path(path) => path.path.segments.last().filter(|last| last.arguments.is_empty()),
        _ => None,
    };
    let problem = || Error::new(class.span(), "this type has no plain name: say `#[actor(name = \"...\")]`");
    last.map(|last| LitStr::new(&last.ident.to_string(), last.ident.span())).ok_or_else(problem)
}

/// Takes the attribute off a method; says whether it was there.
fn take_attribute(method: &mut ImplItemFn, name: &str) -> Result<bool> {
    let Some(place) = method.attrs.iter().position(|attribute| attribute.path().is_ident(name)) else {
        return Ok(false);
    };
    let attribute = method.attrs.remove(place);
    if !matches!(attribute.meta, Meta::Path(_)) {
        return Err(Error::new(attribute.span(), format!("`#[{name}]` has no options")));
    }
    Ok(true)
}

fn handler(method: &ImplItemFn, when: Option<ExprPath>) -> Result<Handler> {
    let signature = &method.sig;
    let problem = |at: &dyn Spanned| Err(Error::new(at.span(), HANDLER));
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) if borrows(receiver) => {}
        _ => return problem(&signature.ident),
    }
    let Some(FnArg::Typed(message)) = inputs.next() else { return problem(&signature.ident) };
    if let Type::Reference(reference) = &*message.ty
        && last_word(&reference.elem).is_some_and(|word| word == "Context")
    {
        let name = &signature.ident;
        let text = format!(
            "the message comes first, and then the context: `fn {name}(&mut self, message: Type, ctx: &mut Context)`"
        );
        return Err(Error::new(message.span(), text));
    }
    if let Type::Reference(message) = &*message.ty {
        return Err(Error::new(message.span(), "a handler owns its message: take it without `&`"));
    }
    let context = match inputs.next() {
        Some(argument) if is_context(argument) => quote_spanned!(at(argument)=> , ctx),
        Some(argument) => return problem(argument),
        None => TokenStream::new(),
    };
    if let Some(argument) = inputs.next() {
        return problem(argument);
    }
    if let Some(word) = &signature.asyncness {
        return Err(Error::new(word.span(), "a handler never waits, so it is not `async`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a handler is for one type: it can't be generic"));
    }
    let message = (*message.ty).clone();
    returned::check(&message, &signature.output)?;
    Ok(Handler { method: signature.ident.clone(), message, when, context, returns: returns(method) })
}

/// The last name of a type's path.
fn last_word(written: &Type) -> Option<&Ident> {
    let Type::Path(path) = written else { return None };
    path.path.segments.last().map(|last| &last.ident)
}

/// Where a method says what it returns; its name, if it returns nothing.
fn returns(method: &ImplItemFn) -> Span {
    match &method.sig.output {
        ReturnType::Default => at(&method.sig.ident),
        ReturnType::Type(_, written) => at(written),
    }
}

fn borrows(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(..))
}

/// Whether it is a `&mut` something; what, the compiler checks.
fn is_context(argument: &FnArg) -> bool {
    matches!(argument, FnArg::Typed(typed)
        if matches!(&*typed.ty, Type::Reference(reference) if reference.mutability.is_some()))
}

fn start_call(method: &ImplItemFn) -> Result<TokenStream> {
    let signature = &method.sig;
    let name = &signature.ident;
    let problem = |at: &dyn Spanned| Err(Error::new(at.span(), START));
    if let ReturnType::Type(_, returned) = &signature.output {
        returned::check_error_type(returned)?;
    }
    if let Some(word) = &signature.asyncness {
        return problem(word);
    }
    let mut inputs = signature.inputs.iter();
    let call = match inputs.next() {
        None => quote!({ let _ = ctx; Self::#name() }),
        Some(argument) if is_context(argument) => quote!(Self::#name(ctx)),
        Some(argument) => return problem(argument),
    };
    if let Some(argument) = inputs.next() {
        return problem(argument);
    }
    Ok(quote_spanned!(returns(method)=> ::thespian::IntoStart::<Self>::start(#call)))
}

/// The compiler checks the types of its arguments, where it is named.
fn check(method: &ImplItemFn) -> Result<Ident> {
    let signature = &method.sig;
    let takes_self = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));
    if takes_self || signature.inputs.len() != 2 || signature.asyncness.is_some() {
        return Err(Error::new(signature.ident.span(), ACCEPTS));
    }
    Ok(signature.ident.clone())
}

fn is_raw(message: &Type) -> bool {
    last_word(message).is_some_and(|word| word == "RawMessage")
}

fn implementation(
    block: &ItemImpl,
    options: &Options,
    handlers: &[Handler],
    start: &TokenStream,
) -> TokenStream {
    let class = &block.self_ty;
    let name = &options.name;
    let on_trap = options.on_trap.clone().unwrap_or_else(|| quote!(Restart));
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
    let troupe = options.troupe.as_ref().map(|troupe| troupe_of(class, troupe));
    let reach_parts = reach_parts(options);
    quote! {
        #block

        #troupe

        impl ::thespian::Actor for #class {
            const CLASS: &'static str = #name;
            const RECEIVES: &'static [&'static str] = #receives;
            const ON_TRAP: ::thespian::OnTrap = ::thespian::OnTrap::#on_trap;
            const TRANSIENT: ::core::option::Option<::thespian::Transient> = #transient;
            #guest
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
            let message = incoming.take::<#message, Self>()?;
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

fn troupe_of(class: &Type, troupe: &Troupe) -> TokenStream {
    let max_count = troupe.max_count.iter();
    let idle_count = troupe.idle_count.iter();
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
