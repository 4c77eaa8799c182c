//! The attribute `actor`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Lit, LitStr, Result, Token, Type, parenthesized,
};

#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    on_trap: Option<TokenStream>,
    requires: Vec<Requires>,
}

/// `gpu`, `region = "eu"` or `memory_gb >= 4`.
struct Requires {
    name: Ident,
    clause: TokenStream,
}

impl Parse for Requires {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        let clause = if input.peek(Token![>=]) {
            input.parse::<Token![>=]>()?;
            let least: Lit = input.parse()?;
            quote!(::thespian::Clause::AtLeast(#least as f64))
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let value: Lit = input.parse()?;
            quote!(::thespian::Clause::Equals(::thespian::Value::from(#value)))
        } else {
            quote!(::thespian::Clause::IsTrue)
        };
        Ok(Self { name, clause })
    }
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
        } else if meta.path.is_ident("requires") {
            let list;
            parenthesized!(list in meta.input);
            options.requires.extend(list.parse_terminated(Requires::parse, Token![,])?);
        } else {
            return Err(meta.error("unknown option; there are `name`, `on_trap` and `requires`"));
        }
        Ok(())
    });
    parser.parse2(tokens)?;
    Ok(options)
}

struct Handler {
    method: Ident,
    message: Type,
    takes_context: bool,
}

pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = options(tokens)?;
    let mut block: ItemImpl = syn::parse2(item)?;
    if let Some((path, _)) = &block.trait_ {
        return Err(Error::new(path.span(), "`#[actor]` goes on a plain `impl` block"));
    }
    let (mut handlers, mut start) = (Vec::new(), None);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if take_attribute(method, "receive") {
            handlers.push(handler(method)?);
        }
        if take_attribute(method, "start") {
            if start.is_some() {
                return Err(Error::new(method.sig.ident.span(), "an actor has one `#[start]`"));
            }
            start = Some(start_call(method)?);
        }
    }
    check_duplicates(&handlers)?;
    let start = start.unwrap_or_else(|| {
        quote!({
            let _ = ctx;
            ::core::result::Result::Ok(<Self as ::core::default::Default>::default())
        })
    });
    Ok(implementation(&block, &options, &handlers, &start))
}

fn take_attribute(method: &mut ImplItemFn, name: &str) -> bool {
    let len = method.attrs.len();
    method.attrs.retain(|attribute| !attribute.path().is_ident(name));
    method.attrs.len() < len
}

fn handler(method: &ImplItemFn) -> Result<Handler> {
    let signature = &method.sig;
    let problem =
        "a handler is `fn name(&mut self, message: Type)`, with `ctx: &mut Context` behind it if needed";
    let mut inputs = signature.inputs.iter();
    let (Some(FnArg::Receiver(_)), Some(FnArg::Typed(message))) = (inputs.next(), inputs.next()) else {
        return Err(Error::new(signature.span(), problem));
    };
    let takes_context = inputs.next().is_some();
    if inputs.next().is_some() || signature.asyncness.is_some() {
        return Err(Error::new(signature.span(), problem));
    }
    Ok(Handler { method: signature.ident.clone(), message: (*message.ty).clone(), takes_context })
}

fn start_call(method: &ImplItemFn) -> Result<TokenStream> {
    let name = &method.sig.ident;
    let call = match method.sig.inputs.len() {
        0 => quote!({ let _ = ctx; Self::#name() }),
        1 => quote!(Self::#name(ctx)),
        _ => return Err(Error::new(method.sig.span(), "`#[start]` is `fn new(ctx: &mut Context) -> Self`")),
    };
    let returns = method.sig.output.to_token_stream().to_string();
    Ok(if returns.contains("Result") { quote!(#call) } else { quote!(::core::result::Result::Ok(#call)) })
}

fn check_duplicates(handlers: &[Handler]) -> Result<()> {
    let written = |handler: &Handler| handler.message.to_token_stream().to_string();
    for (place, handler) in handlers.iter().enumerate() {
        if handlers[..place].iter().any(|earlier| written(earlier) == written(handler)) {
            let text = format!("there is a handler for `{}` already", written(handler));
            return Err(Error::new(handler.message.span(), text));
        }
    }
    Ok(())
}

fn is_raw(message: &Type) -> bool {
    let Type::Path(path) = message else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "RawMessage")
}

fn implementation(
    block: &ItemImpl,
    options: &Options,
    handlers: &[Handler],
    start: &TokenStream,
) -> TokenStream {
    let class = &block.self_ty;
    let (impl_generics, _, bounds) = block.generics.split_for_impl();
    let name = options.name.as_ref().map_or_else(
        || {
            let name = class.to_token_stream().to_string();
            quote!(#name)
        },
        ToTokens::to_token_stream,
    );
    let on_trap = options.on_trap.clone().unwrap_or_else(|| quote!(Restart));
    let requires = options.requires.iter().map(|Requires { name, clause }| {
        let name = name.to_string();
        quote!(::thespian::Requirement { name: #name.into(), clause: #clause })
    });
    // Whatever takes everything comes last.
    let (raw, typed): (Vec<_>, Vec<_>) = handlers.iter().partition(|handler| is_raw(&handler.message));
    let typed_messages: Vec<_> = typed.iter().map(|handler| &handler.message).collect();
    let calls = typed.iter().chain(&raw).map(|Handler { method, message, takes_context }| {
        let context = takes_context.then(|| quote!(, ctx));
        quote! {
            if <#message as ::thespian::Receive>::accepts(&incoming) {
                let message = <#message as ::thespian::Receive>::take(incoming)?;
                let reply = self.#method(message #context);
                return ::thespian::IntoReply::reply(reply, ctx);
            }
        }
    });
    quote! {
        #block

        impl #impl_generics ::thespian::Actor for #class #bounds {
            const CLASS: &'static str = #name;
            const RECEIVES: &'static [&'static str] = {
                const ALL: &[::core::option::Option<&'static str>] =
                    &[#(<#typed_messages as ::thespian::Receive>::TYPE_NAME),*];
                const LEN: usize = ::thespian::private::count_names(ALL);
                const NAMES: [&str; LEN] = ::thespian::private::names(ALL);
                &NAMES
            };
            const ON_TRAP: ::thespian::OnTrap = ::thespian::OnTrap::#on_trap;

            fn requires() -> ::std::vec::Vec<::thespian::Requirement> {
                ::std::vec![#(#requires),*]
            }

            fn start(ctx: &mut ::thespian::Context) -> ::thespian::Result<Self> {
                #start
            }

            fn receive(&mut self, incoming: ::thespian::Incoming, ctx: &mut ::thespian::Context) -> ::thespian::Result {
                #(#calls)*
                let _ = ctx;
                incoming.unhandled::<Self>()
            }
        }
    }
}
