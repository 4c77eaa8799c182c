//! The attribute `message`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, parse::Parser};

/// Names that begin so are the host's.
const RESERVED_PREFIX: &str = "thespian:";

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
    if name.value().starts_with(RESERVED_PREFIX) || name.value().is_empty() {
        return Err(Error::new(name.span(), "type names that begin with `thespian:` are the host's own"));
    }
    match encoding.value().as_str() {
        "json" => Ok(by_serde(&input, &name, &quote!(Json), &quote!(encode_json), &quote!(decode_json))),
        "cbor" => Ok(by_serde(&input, &name, &quote!(Cbor), &quote!(encode_cbor), &quote!(decode_cbor))),
        "bytes" => as_it_is(&input, &name, &encoding, true),
        "text" => as_it_is(&input, &name, &encoding, false),
        _ => Err(Error::new(encoding.span(), "there are `json`, `cbor`, `text` and `bytes`")),
    }
}

fn by_serde(
    input: &DeriveInput,
    name: &LitStr,
    encoding: &TokenStream,
    encode: &TokenStream,
    decode: &TokenStream,
) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, type_generics, bounds) = input.generics.split_for_impl();
    let is_unit = matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Unit));
    // A message without content is known by its name; whatever its payload says changes nothing.
    let (encode, decode) = if is_unit {
        (
            quote!(::core::result::Result::Ok(::thespian::private::Cow::Borrowed(b"{}"))),
            quote!({
                let _ = (encoding, payload);
                ::core::result::Result::Ok(Self)
            }),
        )
    } else {
        (
            quote!(::thespian::private::#encode(self)),
            quote!(::thespian::private::#decode(Self::TYPE_NAME, encoding, &payload)),
        )
    };
    quote! {
        #[derive(::thespian::private::serde::Serialize, ::thespian::private::serde::Deserialize)]
        #[serde(crate = "::thespian::private::serde")]
        #input

        impl #impl_generics ::thespian::Message for #ident #type_generics #bounds {
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

/// A struct around the payload itself: sent without a copy, received without one.
fn as_it_is(input: &DeriveInput, name: &LitStr, encoding: &LitStr, is_bytes: bool) -> Result<TokenStream> {
    let ident = &input.ident;
    let is_newtype = matches!(&input.data, Data::Struct(data)
        if matches!(&data.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1));
    if !is_newtype {
        return Err(Error::new(encoding.span(), "only for a struct around one `Vec<u8>` or `String`"));
    }
    let (case, bytes, decode) = if is_bytes {
        (quote!(Bytes), quote!(&self.0), quote!(::core::result::Result::Ok(Self(payload))))
    } else {
        let decode = quote! {
            match ::std::string::String::from_utf8(payload) {
                ::core::result::Result::Ok(text) => ::core::result::Result::Ok(Self(text)),
                ::core::result::Result::Err(error) => {
                    ::core::result::Result::Err(::thespian::Error::poison(::std::format!("`{}` is no text: {error}", #name)))
                }
            }
        };
        (quote!(Text), quote!(self.0.as_bytes()), decode)
    };
    Ok(quote! {
        #input

        impl ::thespian::Message for #ident {
            const TYPE_NAME: &'static str = #name;
            const ENCODING: ::thespian::Encoding = ::thespian::Encoding::#case;

            fn encode(&self) -> ::thespian::Result<::thespian::private::Cow<'_, [u8]>> {
                ::core::result::Result::Ok(::thespian::private::Cow::Borrowed(#bytes))
            }

            fn decode(_: &::thespian::Encoding, payload: ::std::vec::Vec<u8>) -> ::thespian::Result<Self> {
                #decode
            }
        }
    })
}
