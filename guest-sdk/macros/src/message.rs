//! The attribute `message`.

#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, Type, parse::Parser};

/// Names that begin so are the host's.
const RESERVED_PREFIX: &str = "thespian:";
/// Length of a type name, in bytes: the host's own bound.
const NAME_LEN_MAX: usize = 256;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let mut name = LitStr::new(&input.ident.to_string(), input.ident.span());
    let mut encoding = LitStr::new("json", input.ident.span());
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            name = meta.value()?.parse()?;
            Ok(())
        } else if meta.path.is_ident("encoding") {
            encoding = meta.value()?.parse()?;
            Ok(())
        } else {
            Err(meta.error("unknown option; there are `name` and `encoding`"))
        }
    });
    parser.parse2(options)?;
    check_name(&name)?;
    if !input.generics.params.is_empty() {
        let text = "a message is of one type, which its name stands for: it can't be generic";
        return Err(Error::new(input.generics.span(), text));
    }
    match encoding.value().as_str() {
        "json" => Ok(by_serde(&input, &name, &quote!(Json), &quote!(encode_json), &quote!(decode_json))),
        "cbor" if !cfg!(feature = "cbor") => Err(Error::new(
            encoding.span(),
            "CBOR is a feature: `thespian = { ..., features = [\"cbor\"] }` in Cargo.toml",
        )),
        "cbor" => Ok(by_serde(&input, &name, &quote!(Cbor), &quote!(encode_cbor), &quote!(decode_cbor))),
        "bytes" => as_it_is(&input, &name, &encoding, true),
        "text" => as_it_is(&input, &name, &encoding, false),
        _ => Err(Error::new(encoding.span(), "there are `json`, `cbor`, `text` and `bytes`")),
    }
}

fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    if text.is_empty() {
        return Err(Error::new(name.span(), "a message type has a name"));
    }
    if text.starts_with(RESERVED_PREFIX) {
        return Err(Error::new(name.span(), "type names that begin with `thespian:` are the host's own"));
    }
    if text.len() > NAME_LEN_MAX {
        return Err(Error::new(name.span(), format!("a type name has at most {NAME_LEN_MAX} bytes")));
    }
    Ok(())
}

fn by_serde(
    input: &DeriveInput,
    name: &LitStr,
    encoding: &TokenStream,
    encode: &TokenStream,
    decode: &TokenStream,
) -> TokenStream {
    let is_unit = matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Unit));
    // A message without content is known by its name; whatever its payload says changes nothing.
    let (encode, decode) = if is_unit {
        let empty = if encoding.to_string() == "Cbor" { quote!(b"\xa0") } else { quote!(b"{}") };
        (
            quote!(::core::result::Result::Ok(::thespian::private::Cow::Borrowed(#empty))),
            quote!({
                let _ = (encoding, payload);
                ::core::result::Result::Ok(Self)
            }),
        )
    } else {
        (
            quote!(::thespian::private::#encode(#name, self)),
            quote!(::thespian::private::#decode(#name, encoding, &payload)),
        )
    };
    let ident = &input.ident;
    let fields = field_types(&input.data).map(|held| {
        let held_here = held.span().resolved_at(Span::call_site());
        quote_spanned!(held_here=> ::thespian::private::holds::<#held>();)
    });
    let serde = quote! {
        const _: () = { #(#fields)* };

        #[derive(::thespian::private::serde::Serialize, ::thespian::private::serde::Deserialize)]
        #[serde(crate = "::thespian::private::serde")]
        #input
    };
    implementation(&serde, ident, name, encoding, &encode, &decode)
}

/// The types of all fields: asked before serde asks, whose advice is for crates that depend on it.
fn field_types(data: &Data) -> Box<dyn Iterator<Item = &Type> + '_> {
    fn of(fields: &Fields) -> impl Iterator<Item = &Type> {
        fields.iter().map(|field| &field.ty)
    }
    match data {
        Data::Struct(data) => Box::new(of(&data.fields)),
        Data::Enum(data) => Box::new(data.variants.iter().flat_map(|variant| of(&variant.fields))),
        Data::Union(_) => Box::new(std::iter::empty()),
    }
}

/// A struct around the payload itself: sent without a copy, received without one.
fn as_it_is(input: &DeriveInput, name: &LitStr, encoding: &LitStr, is_bytes: bool) -> Result<TokenStream> {
    let field = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
            _ => None,
        },
        _ => None,
    };
    let Some(field) = field else {
        let text = format!("`{}` is for a struct around one `{}`", encoding.value(), inside(is_bytes));
        return Err(Error::new(encoding.span(), text));
    };
    let inside = &field.ty;
    let (encoding, encode, decode) = if is_bytes {
        (
            quote!(Bytes),
            quote!(::core::result::Result::Ok(::thespian::private::Cow::Borrowed(&self.0))),
            quote! {
                let _ = encoding;
                let inside: #inside = payload;
                ::core::result::Result::Ok(Self(inside))
            },
        )
    } else {
        (
            quote!(Text),
            quote!(::core::result::Result::Ok(::thespian::private::Cow::Borrowed(self.0.as_bytes()))),
            quote! {
                let inside: #inside = ::thespian::private::decode_text(#name, encoding, payload)?;
                ::core::result::Result::Ok(Self(inside))
            },
        )
    };
    Ok(implementation(&quote!(#input), &input.ident, name, &encoding, &encode, &decode))
}

const fn inside(is_bytes: bool) -> &'static str {
    if is_bytes { "Vec<u8>" } else { "String" }
}

fn implementation(
    item: &TokenStream,
    ident: &syn::Ident,
    name: &LitStr,
    encoding: &TokenStream,
    encode: &TokenStream,
    decode: &TokenStream,
) -> TokenStream {
    quote! {
        #item

        impl ::thespian::Message for #ident {
            const TYPE_NAME: &'static str = #name;
            const ENCODING: ::thespian::Encoding = ::thespian::Encoding::#encoding;

            fn encode(&self) -> ::thespian::Result<::thespian::private::Cow<'_, [u8]>> {
                #encode
            }

            fn decode(encoding: &::thespian::Encoding, payload: ::std::vec::Vec<u8>) -> ::thespian::Result<Self> {
                #decode
            }
        }
    }
}
