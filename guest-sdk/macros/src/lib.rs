//! The attributes of the crate `thespian`. Use them through it.

mod actor;
mod message;

use proc_macro::TokenStream;

/// Makes a type one that actors can send.
///
/// Options: `name = "shop/order"` in place of the type's own name; `encoding = "json"` (the default), `"cbor"`,
/// `"text"` for a struct around a `String`, `"bytes"` for a struct around a `Vec<u8>`.
#[proc_macro_attribute]
pub fn message(options: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the `#[receive]` methods of an `impl` block the handlers of an actor, and its `#[start]` method, or else
/// `Default`, what makes it.
///
/// Options: `on_trap = "restart"` (the default), `"restart-within-budget"` or `"exit"`; `children_at_restart = "keep"` (the
/// default) or `"end"`, for a trap that the actor survives; `requires(gpu, region = "eu",
/// memory_gb >= 4)`; `transient(after_ms = 500)` for one that exits so long after its first message, `transient(idle_ms =
/// 500)` for one that does when no message came for so long; `name = "Hello"` in place of the type's own name; `parts(requests, stash)`, fields that see what
/// came before the handlers do; `base = counter`, a field that is an actor and takes what this one does not;
/// `troupe(max_count = 10, idle_count = 2)`, many workers at one address.
///
/// A start takes the message that its actor is created with, `#[start] fn new(login: Login, ctx: &mut Context) -> Self`:
/// without it, or with another, no actor starts, and its creator hears which it takes. `Option<Login>` is for one that may
/// be absent. Either parameter can be left out.
///
/// A handler of messages may return one, which goes to the sender. To an event of the host nobody waits for an answer, so
/// a handler of events returns nothing, or `Result`.
///
/// # Where it runs
///
/// An `#[accepts]` function decides whether a host suits the class, where `requires` can't say what it needs. It is asked
/// when all that is required holds, and again when what the host has changes; it runs by itself, can ask the host
/// nothing, and must give the same answer to the same question. A panic, or more than 100 ms of CPU time, is a no.
///
/// # States
///
/// `#[receive(when = Self::is_open)]` is a handler for the states in which this condition holds, a `fn(&self) -> bool`. What
/// other actor systems call `become` is then an enum in the actor's state, and to set it; `Stash` has an example.
///
/// Several handlers may be for one message, or one event. They are asked as they are written, before the message is
/// decoded, and the first whose condition holds takes it; one without `when` comes last. What none takes is for the handler of
/// `RawMessage`, which may have a `when` too, then for the base. Else it goes back to its sender as poison that says that it
/// is not taken now, and an event is ignored. A second attempt asks again: so change the state last.
#[doc(alias = "become")]
#[doc(alias = "when")]
#[proc_macro_attribute]
pub fn actor(options: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand_or_stand_in(options.into(), item.into()).into()
}
