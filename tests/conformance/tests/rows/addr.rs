//! Addresses.

use thespian_core::address::ActorAddress;

#[test]
fn addr_037_what_is_no_address_is_an_error_and_equals_none() {
    for text in ["", "7", "none", "0000000000001-0000000000000000000000000", "ÄÖÜ"] {
        let error = text.parse::<ActorAddress>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{text}` is not an actor address")), "{error}");
    }
}
