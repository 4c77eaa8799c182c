//! The options of the attribute, as they are written in its parentheses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::token::Paren;
use syn::{Error, Ident, Lit, LitInt, LitStr, Result, Token, parenthesized};

#[derive(Default)]
pub(super) struct Options {
    pub(super) name: Option<LitStr>,
    pub(super) on_trap: Option<TokenStream>,
    pub(super) children_at_restart: Option<TokenStream>,
    pub(super) transient: Option<TokenStream>,
    pub(super) requires: Vec<Requires>,
    pub(super) parts: Vec<Ident>,
    pub(super) base: Option<Ident>,
    pub(super) troupe: Option<Workers>,
    /// The class's own check whether a host suits it: no option, but a method of the block.
    pub(super) accepts: Option<Ident>,
}

/// How many workers: `troupe(max_count = 10, idle_count = 2)`; either may be absent.
#[derive(Default)]
pub(super) struct Workers {
    pub(super) max_count: Option<LitInt>,
    pub(super) idle_count: Option<LitInt>,
}

fn workers(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<Workers> {
    let mut workers = Workers::default();
    if !meta.input.peek(Paren) {
        return Ok(workers);
    }
    meta.parse_nested_meta(|count| {
        let place = if count.path.is_ident("max_count") {
            &mut workers.max_count
        } else if count.path.is_ident("idle_count") {
            &mut workers.idle_count
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
    Ok(workers)
}

/// `gpu`, `region = "eu"` or `memory_gb >= 4`; a name that is no word of Rust is written `"memory-gb" >= 4`.
pub(super) struct Requires {
    pub(super) name: String,
    pub(super) clause: TokenStream,
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

pub(super) fn options(tokens: TokenStream) -> Result<Options> {
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
        } else if meta.path.is_ident("children_at_restart") {
            let word: LitStr = meta.value()?.parse()?;
            options.children_at_restart = Some(match word.value().as_str() {
                "keep" => quote!(Keep),
                "end" => quote!(End),
                _ => return Err(Error::new(word.span(), "there are `keep` and `end`")),
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
            options.troupe = Some(workers(&meta)?);
        } else {
            return Err(meta.error(
                "unknown option; there are `name`, `on_trap`, `children_at_restart`, `transient`, `requires`, `parts`, \
                 `base` and `troupe`",
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
