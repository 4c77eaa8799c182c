use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

/// The attribute's words on a mistake.
#[track_caller]
fn error(options: TokenStream, item: TokenStream) -> String {
    match expand(options, item) {
        Ok(_) => panic!("this is no mistake"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn made(options: TokenStream, item: TokenStream) -> String {
    match expand(options, item) {
        Ok(code) => code.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_type_is_named_as_it_is_unless_said_otherwise() {
    assert!(
        made(
            quote!(),
            quote!(
                struct Greet;
            )
        )
        .contains("= \"Greet\"")
    );
    assert!(
        made(
            quote!(name = "shop/greet"),
            quote!(
                struct Greet;
            )
        )
        .contains("= \"shop/greet\"")
    );
}

#[test]
fn a_name_that_the_host_would_refuse_does_not_compile() {
    let text = error(
        quote!(name = "thespian:exit"),
        quote!(
            struct Greet;
        ),
    );
    assert_eq!(text, "type names that begin with `thespian:` are the host's own");
    assert_eq!(
        error(
            quote!(name = ""),
            quote!(
                struct Greet;
            )
        ),
        "a message type has a name"
    );
    let long = "x".repeat(257);
    assert_eq!(
        error(
            quote!(name = #long),
            quote!(
                struct Greet;
            )
        ),
        "a type name has at most 256 bytes"
    );
}

#[test]
fn an_unknown_option_is_told_which_there_are() {
    let text = error(
        quote!(codec = "json"),
        quote!(
            struct Greet;
        ),
    );
    assert_eq!(text, "unknown option; there are `name` and `encoding`");
    let text = error(
        quote!(encoding = "xml"),
        quote!(
            struct Greet;
        ),
    );
    assert_eq!(text, "there are `json`, `cbor`, `text` and `bytes`");
}

#[test]
fn a_payload_as_it_is_needs_a_struct_around_it() {
    for item in [
        quote!(
            struct Data;
        ),
        quote!(
            struct Data {
                bytes: Vec<u8>,
            }
        ),
        quote!(
            enum Data {
                Bytes(Vec<u8>),
            }
        ),
    ] {
        let text = error(quote!(encoding = "bytes"), item);
        assert_eq!(text, "`bytes` is for a struct around one `Vec<u8>`");
    }
    let text = error(
        quote!(encoding = "text"),
        quote!(
            struct Line(String, u8);
        ),
    );
    assert_eq!(text, "`text` is for a struct around one `String`");
}

#[test]
fn a_generic_message_is_refused() {
    let text = error(
        quote!(),
        quote!(
            struct Wrapped<T>(T);
        ),
    );
    assert_eq!(text, "a message is of one type, which its name stands for: it can't be generic");
}

#[cfg(not(feature = "cbor"))]
#[test]
fn cbor_without_its_feature_says_what_to_add() {
    let text = error(
        quote!(encoding = "cbor"),
        quote!(
            struct Greet;
        ),
    );
    assert_eq!(text, "CBOR is a feature: `thespian = { ..., features = [\"cbor\"] }` in Cargo.toml");
}
