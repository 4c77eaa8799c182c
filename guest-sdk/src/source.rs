//! A source: the classes that one component offers.

use crate::actor::Guest;
use crate::bindings::thespian::actor::types as wit;
use crate::capability::{Attributes, Requirement};

/// The source's description of itself.
#[doc(hidden)]
pub fn describe(name: &str, version: &str, guests: &[Guest]) -> wit::SourceInfo {
    wit::SourceInfo {
        name: name.to_string(),
        version: version.to_string(),
        sdk: concat!("thespian ", env!("CARGO_PKG_VERSION"), " (Rust)").to_string(),
        classes: guests.iter().map(|guest| (guest.describe)()).collect(),
        extra: Vec::new(),
    }
}

/// Whether a host suits a class. One without a check of its own has no objection.
#[doc(hidden)]
#[must_use]
pub fn accepts(
    guests: &[Guest],
    class: &str,
    capabilities: Vec<(String, wit::ValueResult)>,
    requirements: Vec<wit::RequirementResult>,
) -> bool {
    let guest = guests.iter().find(|guest| guest.name == class);
    guest.and_then(|guest| guest.accepts).is_none_or(|accepts| {
        accepts(&Attributes::from_wit(capabilities), &Requirement::all_from_wit(requirements))
    })
}

/// Makes a crate a source: the classes that can be created from its component. Once in a crate.
#[macro_export]
macro_rules! source {
    ($($actor:ty),+ $(,)?) => {
        const _: () = {
            const GUESTS: &[$crate::private::Guest] = &[$(<$actor as $crate::Actor>::GUEST),+];

            ::core::assert!(
                $crate::private::differ(&[$(<$actor as $crate::Actor>::CLASS),+]),
                "two classes have one name"
            );

            struct Source;

            impl $crate::bindings::exports::thespian::actor::guest::Guest for Source {
                fn describe() -> $crate::bindings::thespian::actor::types::SourceInfo {
                    $crate::private::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), GUESTS)
                }

                fn start(
                    init: $crate::bindings::thespian::actor::types::ActorInit,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::start(GUESTS, init)
                }

                fn handle_message(
                    sender: ::std::string::String,
                    attempt: u32,
                    message: $crate::bindings::thespian::actor::types::MessageResult,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::handle_message(sender, attempt, message)
                }

                fn handle_event(
                    delivery: $crate::bindings::thespian::actor::types::Delivery,
                ) -> ::core::result::Result<(), $crate::bindings::thespian::actor::types::Failure> {
                    $crate::private::handle_event(delivery)
                }
            }

            impl $crate::bindings::exports::thespian::actor::placement::Guest for Source {
                fn accepts(
                    class: ::std::string::String,
                    capabilities: $crate::bindings::thespian::actor::types::AttributesResult,
                    requirements: ::std::vec::Vec<$crate::bindings::thespian::actor::types::RequirementResult>,
                ) -> bool {
                    $crate::private::accepts(GUESTS, &class, capabilities, requirements)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::bindings::export!(Source with_types_in $crate::bindings);
        };
    };
}

#[cfg(test)]
mod tests;
