//! The methods of the block that have an attribute: handlers, a start, a check.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, ExprPath, FnArg, Ident, ImplItemFn, Meta, Receiver, ReceiverKind, Result, ReturnType, Type,
};

use super::returned;
use super::written::{at, last_word};

pub(super) const HANDLER: &str =
    "a handler is `fn name(&mut self, message: Type)`, with `ctx: &mut Context` behind it where it is needed";
const ACCEPTS: &str = "a check is `fn name(host: &Attributes, required: &[Requirement]) -> bool`";
pub(super) const START: &str = "a start is `fn name() -> Self`, with `init: Type` for the message that it is created with and behind \
     it `ctx: &mut Context` where they are needed; it may return `Result<Self>`";

pub(super) struct Handler {
    pub(super) method: Ident,
    pub(super) message: Type,
    /// The state in which it takes it; in every one, if there is none.
    pub(super) when: Option<ExprPath>,
    /// Its argument for the context, as the call has it.
    pub(super) context: TokenStream,
    /// Where it says what it returns.
    pub(super) returns: Span,
}

impl Handler {
    /// The type of its message, as it is written.
    pub(super) fn written(&self) -> String {
        self.message.to_token_stream().to_string()
    }
}

/// Takes the attribute off a method; says whether it was there.
pub(super) fn take_attribute(method: &mut ImplItemFn, name: &str) -> Result<bool> {
    let Some(place) = method.attrs.iter().position(|attribute| attribute.path().is_ident(name)) else {
        return Ok(false);
    };
    let attribute = method.attrs.remove(place);
    if !matches!(attribute.meta, Meta::Path(_)) {
        return Err(Error::new(attribute.span(), format!("`#[{name}]` has no options")));
    }
    Ok(true)
}

pub(super) fn handler(method: &ImplItemFn, when: Option<ExprPath>) -> Result<Handler> {
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

/// Code that makes an actor, and the type of the message that it takes.
pub(super) struct Start {
    pub(super) call: TokenStream,
    pub(super) init: Option<Type>,
}

pub(super) fn start_of(method: &ImplItemFn) -> Result<Start> {
    let signature = &method.sig;
    let name = &signature.ident;
    let problem = |at: &dyn Spanned| Err(Error::new(at.span(), START));
    if let ReturnType::Type(_, returned) = &signature.output {
        returned::check_error_type(returned)?;
    }
    if let Some(word) = &signature.asyncness {
        return problem(word);
    }
    if !signature.generics.params.is_empty() {
        return problem(&signature.generics);
    }
    let mut inputs = signature.inputs.iter().peekable();
    let init = inputs.next_if(|argument| !is_context(argument)).map(|argument| init(name, argument));
    let init = init.transpose()?;
    let context = inputs.next_if(|argument| is_context(argument)).map(|_| quote!(ctx));
    match inputs.next() {
        Some(argument) if init.is_none() && !is_context(argument) => {
            let text = format!(
                "the message comes first, and then the context: `fn {name}(init: Type, ctx: &mut Context) -> Self`"
            );
            return Err(Error::new(argument.span(), text));
        }
        Some(argument) => return problem(argument),
        None => {}
    }
    let arguments =
        init.iter().map(|init| quote_spanned!(at(init)=> ::thespian::private::init::<#init>(ctx)?));
    let arguments = arguments.chain(context);
    let call =
        quote_spanned!(returns(method)=> ::thespian::IntoStart::<Self>::start(Self::#name(#(#arguments),*)));
    Ok(Start { call: quote!(let _ = &ctx; #call), init })
}

/// The type of the message that a start takes.
fn init(start: &Ident, argument: &FnArg) -> Result<Type> {
    let FnArg::Typed(typed) = argument else { return Err(Error::new(argument.span(), START)) };
    match &*typed.ty {
        Type::Path(_) if last_word(&typed.ty).is_some_and(|word| word != "Context") => {
            Ok((*typed.ty).clone())
        }
        Type::Reference(reference) if last_word(&reference.elem).is_some_and(|word| word != "Context") => {
            let text = format!("a start owns its message: `fn {start}(init: Type)`, without `&`");
            Err(Error::new(typed.ty.span(), text))
        }
        other => Err(Error::new(other.span(), START)),
    }
}

/// The compiler checks the types of its arguments, where it is named.
pub(super) fn check(method: &ImplItemFn) -> Result<Ident> {
    let signature = &method.sig;
    let takes_self = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));
    if takes_self || signature.inputs.len() != 2 || signature.asyncness.is_some() {
        return Err(Error::new(signature.ident.span(), ACCEPTS));
    }
    Ok(signature.ident.clone())
}
