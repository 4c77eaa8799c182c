use proc_macro2::TokenStream;
use quote::quote;

use super::{expand, expand_or_stand_in};

/// The attribute's words on a mistake.
#[track_caller]
fn error(options: TokenStream, item: TokenStream) -> String {
    match expand(options, item) {
        Ok(_) => panic!("this is no mistake"),
        Err(error) => error.to_string(),
    }
}

/// The code that it makes of methods, without blanks.
#[track_caller]
fn made(options: TokenStream, methods: TokenStream) -> String {
    match expand(options, quote!(impl Hello { #methods })) {
        Ok(code) => code.to_string().replace(' ', ""),
        Err(error) => panic!("{error}"),
    }
}

fn method_error(method: TokenStream) -> String {
    error(quote!(), quote!(impl Hello { #method }))
}

#[test]
fn a_second_handler_for_a_type_is_refused_by_name() {
    let text = method_error(quote! {
        #[receive] fn one(&mut self, _: Greet) {}
        #[receive] fn two(&mut self, _: Greet) {}
    });
    assert_eq!(text, "there is a handler for `Greet` already");
}

#[test]
fn a_wrong_handler_is_told_what_a_handler_is() {
    for method in [
        quote!(
            #[receive]
            fn greet() {}
        ),
        quote!(
            #[receive]
            fn greet(&mut self) {}
        ),
        quote!(
            #[receive]
            fn greet(greet: Greet) {}
        ),
        quote!(
            #[receive]
            fn greet(self, greet: Greet) {}
        ),
        quote!(
            #[receive]
            fn greet(&mut self, greet: Greet, ctx: Context) {}
        ),
        quote!(
            #[receive]
            fn greet(&mut self, greet: Greet, ctx: &Context) {}
        ),
        quote!(
            #[receive]
            fn greet(&mut self, greet: Greet, ctx: &mut Context, more: u8) {}
        ),
    ] {
        assert_eq!(method_error(method), super::handler::HANDLER);
    }
}

#[test]
fn a_handler_owns_its_message_never_waits_and_is_not_generic() {
    let text = method_error(quote!(
        #[receive]
        fn greet(&mut self, greet: &Greet) {}
    ));
    assert_eq!(text, "a handler owns its message: take it without `&`");
    let text = method_error(quote!(
        #[receive]
        async fn greet(&mut self, greet: Greet) {}
    ));
    assert_eq!(text, "a handler never waits, so it is not `async`");
    let text = method_error(quote!(
        #[receive]
        fn greet<T>(&mut self, greet: T) {}
    ));
    assert_eq!(text, "a handler is for one type: it can't be generic");
}

#[test]
fn a_wrong_start_is_told_what_a_start_is() {
    for method in [
        quote!(
            #[start]
            fn new(&mut self) -> Self {}
        ),
        quote!(
            #[start]
            fn new(init: Setup, more: u8) -> Self {}
        ),
        quote!(
            #[start]
            fn new(init: Setup, ctx: &mut Context, more: u8) -> Self {}
        ),
        quote!(
            #[start]
            fn new(ctx: &mut Context, more: &mut Context) -> Self {}
        ),
        quote!(
            #[start]
            fn new(ctx: Context) -> Self {}
        ),
        quote!(
            #[start]
            fn new(ctx: &Context) -> Self {}
        ),
        quote!(
            #[start]
            fn new(init: impl Message) -> Self {}
        ),
        quote!(
            #[start]
            fn new<M: Message>(init: M) -> Self {}
        ),
        quote!(
            #[start]
            async fn new() -> Self {}
        ),
    ] {
        assert_eq!(method_error(method), super::handler::START);
    }
    let text = method_error(quote! {
        #[start] fn new() -> Self {}
        #[start] fn other() -> Self {}
    });
    assert_eq!(text, "an actor has one `#[start]`");
    let text = method_error(quote!(
        #[start]
        #[receive]
        fn new(&mut self, _: Greet) {}
    ));
    assert_eq!(text, "one of `#[receive]`, `#[start]` and `#[accepts]`");
}

#[test]
fn a_start_owns_its_message_which_comes_before_the_context() {
    let text = method_error(quote!(
        #[start]
        fn new(ctx: &mut Context, login: Login) -> Self {}
    ));
    assert_eq!(
        text,
        "the message comes first, and then the context: `fn new(init: Type, ctx: &mut Context) -> Self`"
    );
    let text = method_error(quote!(
        #[start]
        fn new(login: &Login) -> Self {}
    ));
    assert_eq!(text, "a start owns its message: `fn new(init: Type)`, without `&`");
}

#[test]
fn a_start_is_given_what_it_takes_and_its_class_says_what_that_is() {
    for (start, call, init) in [
        (
            quote!(
                fn new() -> Self {}
            ),
            "Self::new()",
            None,
        ),
        (
            quote!(
                fn new(ctx: &mut Context) -> Self {}
            ),
            "Self::new(ctx)",
            None,
        ),
        (
            quote!(
                fn new(login: Login) -> Self {}
            ),
            "Self::new(::thespian::private::init::<Login>(ctx)?)",
            Some("Login"),
        ),
        (
            quote!(
                fn new(login: Option<Login>, ctx: &mut Context) -> Self {}
            ),
            "Self::new(::thespian::private::init::<Option<Login>>(ctx)?,ctx)",
            Some("Option<Login>"),
        ),
    ] {
        let code = made(quote!(), quote!(#[start] #start));
        assert!(code.contains(&format!("start({call})")), "{code}");
        let said = init.map(|init| format!("Some(<{init}as::thespian::StartsWith>::INIT)"));
        assert_eq!(code.contains("constINIT"), said.is_some());
        assert!(said.is_none_or(|said| code.contains(&said)), "{code}");
    }
}

#[test]
fn an_unknown_option_is_told_which_there_are() {
    let text = error(quote!(on_panic = "exit"), quote!(impl Hello {}));
    assert_eq!(
        text,
        "unknown option; there are `name`, `on_trap`, `children_at_restart`, `transient`, `requires`, `parts`, `base` \
         and `troupe`"
    );
    let text = error(quote!(transient(now)), quote!(impl Hello {}));
    assert_eq!(text, "there are `after_ms` and `idle_ms`");
    let text = error(quote!(transient(after_ms = 1, idle_ms = 1)), quote!(impl Hello {}));
    assert_eq!(text, "either `after_ms` or `idle_ms`");
    let text = error(quote!(transient(idle_ms = 1), troupe), quote!(impl Hello {}));
    assert_eq!(text, "a troupe is not transient: its leader ends the workers that are idle");
    let text = error(quote!(on_trap = "die"), quote!(impl Hello {}));
    assert_eq!(text, "there are `restart`, `restart-within-budget` and `exit`");
    let text = error(quote!(children_at_restart = "kill"), quote!(impl Hello {}));
    assert_eq!(text, "there are `keep` and `end`");
    assert_eq!(
        method_error(quote!(
            #[start(first)]
            fn new() -> Self {}
        )),
        "`#[start]` has no options"
    );
}

/// Two handlers of one type by their options, and an error of the macro if there is one.
fn pair(first: &TokenStream, second: &TokenStream) -> Option<String> {
    let item = quote!(impl Hello {
        #[receive #first] fn first(&mut self, _: Greet) {}
        #[receive #second] fn second(&mut self, _: Greet) {}
    });
    expand(quote!(), item).err().map(|error| error.to_string())
}

#[test]
fn handlers_of_one_type_are_told_apart_by_conditions_and_nothing_is_behind_one_without() {
    let (always, open, shut) = (quote!(), quote!((when = Self::is_open)), quote!((when = is_shut)));
    assert_eq!(pair(&open, &shut), None);
    assert_eq!(pair(&open, &always), None);
    let unreached = "`second` is never reached: `first` takes every `Greet` before it; \
                     the handler without `when` comes last";
    assert_eq!(pair(&always, &open).as_deref(), Some(unreached));
    assert_eq!(pair(&always, &always).as_deref(), Some("there is a handler for `Greet` already"));
}

#[test]
fn a_wrong_condition_is_told_what_a_condition_is() {
    let of = |options: TokenStream| {
        method_error(quote! {
            #[receive #options]
            fn greet(&mut self, _: Greet) {}
        })
    };
    for options in [quote!(()), quote!((first)), quote!((when)), quote!(("when")), quote!(= "when")] {
        assert_eq!(of(options), super::condition::OPTION);
    }
    for options in [
        quote!((when = !Self::is_open)),
        quote!((when = self.is_open())),
        quote!((when = |hello| true)),
        quote!((when = "Self::is_open")),
    ] {
        assert_eq!(of(options), super::condition::CONDITION);
    }
    let text = of(quote!((when = Self::is_open, when = Self::is_warm)));
    assert_eq!(text, "a handler has one condition");
    let text = of(quote!((when = Self::is_open Self::is_warm)));
    assert_eq!(text, "a handler has one condition");
}

#[test]
fn a_condition_is_asked_before_anything_is_decoded_and_its_type_is_listed_once() {
    let code = made(
        quote!(),
        quote! {
            #[receive] fn rest(&mut self, _: RawMessage) {}
            #[receive(when = Self::is_open)] fn open(&mut self, _: Greet) {}
            #[receive(when = shop::is_shut,)] fn shut(&mut self, _: Greet) {}
        },
    );
    assert_eq!(code.matches("Greetas::thespian::Receive>::TYPE_NAME").count(), 1);
    let receive = &code[code.find("fnreceive").unwrap_or_default()..];
    let steps = [
        "accepts(&incoming)&&Self::is_open(&*self){",
        "self.open(",
        "accepts(&incoming)&&shop::is_shut(&*self){",
        "self.shut(",
        "take::<RawMessage",
    ];
    let places: Vec<_> = steps.iter().map(|step| receive.find(step)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
}

#[test]
fn only_what_may_be_taken_in_another_state_can_be_refused_for_the_state() {
    let refused = |rest: TokenStream| {
        let code = made(
            quote!(),
            quote! {
                #[receive(when = Self::is_open)] fn open(&mut self, _: Greet) {}
                #[receive] fn leave(&mut self, _: Leave) {}
                #rest
            },
        );
        let is_for = "letis_for_another_state=";
        code.find(is_for).map(|start| code[start + is_for.len()..].split(';').next().unwrap().to_string())
    };
    let greet = "<Greetas::thespian::Receive>::accepts(&incoming)";
    let raw = "<RawMessageas::thespian::Receive>::accepts(&incoming)";
    assert_eq!(refused(quote!()).as_deref(), Some(greet));
    let rest = quote!(
        #[receive(when = Self::is_open)]
        fn rest(&mut self, _: RawMessage) {}
    );
    assert_eq!(refused(rest), Some(format!("{greet}||{raw}")));
    assert_eq!(
        refused(quote!(
            #[receive]
            fn shut(&mut self, _: Greet) {}
        )),
        None
    );
    assert_eq!(
        refused(quote!(
            #[receive]
            fn rest(&mut self, _: RawMessage) {}
        )),
        None
    );
}

#[test]
fn a_requirement_that_makes_no_sense_is_refused() {
    let text = error(quote!(requires(memory >= "4")), quote!(impl Hello {}));
    assert_eq!(text, "`>=` compares numbers");
    let text = error(quote!(requires(memory = 'c')), quote!(impl Hello {}));
    assert_eq!(text, "a capability is a bool, a number or a text");
}

#[test]
fn only_a_plain_impl_of_one_type_is_an_actor() {
    let text = error(quote!(), quote!(impl Greeter for Hello {}));
    assert_eq!(text, "`#[actor]` goes on a plain `impl` block");
    let text = error(
        quote!(),
        quote!(
            impl<T> Hello<T> {}
        ),
    );
    assert_eq!(text, "a class of actors is one type: it can't be generic");
    let text = error(quote!(), quote!(impl Hello<u8> {}));
    assert_eq!(text, "this type has no plain name: say `#[actor(name = \"...\")]`");
}

#[test]
fn a_class_is_called_as_its_type_unless_said_otherwise() {
    assert!(made(quote!(), quote!()).contains("CLASS:&'staticstr=\"Hello\""));
    assert!(made(quote!(name = "shop/hello"), quote!()).contains("CLASS:&'staticstr=\"shop/hello\""));
    let code = expand(quote!(), quote!(impl crate::Hello {})).map(|code| code.to_string());
    assert!(code.is_ok_and(|code| code.contains("\"Hello\"")));
}

#[test]
fn whatever_takes_every_message_comes_last() {
    let code = made(
        quote!(),
        quote! {
            #[receive] fn rest(&mut self, _: RawMessage) {}
            #[receive] fn greet(&mut self, _: Greet) {}
        },
    );
    let receive = &code[code.find("fnreceive").unwrap_or_default()..];
    assert!(receive.find("take::<Greet") < receive.find("take::<RawMessage"));
}

#[test]
fn requirements_become_clauses() {
    let code =
        made(quote!(requires(gpu, region = "eu", "memory-gb" >= 4, cores = 8, spot = false)), quote!());
    for clause in [
        "name:\"gpu\".into(),clause:::thespian::Clause::IsTrue",
        "name:\"region\".into(),clause:::thespian::Clause::Equals(::thespian::Value::Text(\"eu\".into()))",
        "name:\"memory-gb\".into(),clause:::thespian::Clause::AtLeast(4asf64)",
        "name:\"cores\".into(),clause:::thespian::Clause::Equals(::thespian::Value::Integer(8))",
        "name:\"spot\".into(),clause:::thespian::Clause::Equals(::thespian::Value::Boolean(false))",
    ] {
        assert!(code.contains(clause), "{clause}");
    }
}

#[test]
fn the_attributes_of_methods_that_are_not_ours_stay() {
    let code = made(
        quote!(),
        quote!(
            #[receive]
            #[inline]
            fn greet(&mut self, _: Greet) {}
        ),
    );
    assert!(code.contains("#[inline]") && !code.contains("#[receive]"));
}

#[test]
fn parts_are_asked_in_their_order_before_the_handlers_and_the_base_after_them() {
    let code = made(
        quote!(parts(requests, stash), base = counter),
        quote!(
            #[receive]
            fn greet(&mut self, _: Greet) {}
        ),
    );
    let receive = &code[code.find("fnreceive").unwrap_or_default()..];
    let steps = [
        "offer(self,|actor|&mutactor.requests",
        "offer(self,|actor|&mutactor.stash",
        "take::<Greet",
        "Actor::receive(&mutself.counter",
        "finish(self,|actor|&mutactor.requests",
        "ledger(&mutself.requests)",
        "ledger(&mutself.stash)",
        "Actor::each_part(&mutself.counter,each)",
        "leave(self,|actor|&mutactor.requests",
        "leave(self,|actor|&mutactor.stash",
        "Actor::leave(&mutself.counter,ctx)",
    ];
    let places: Vec<_> = steps.iter().map(|step| receive.find(step)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
}

#[test]
fn an_actor_without_parts_has_no_more_than_its_handlers() {
    let code = made(
        quote!(),
        quote!(
            #[receive]
            fn greet(&mut self, _: Greet) {}
        ),
    );
    assert!(!code.contains("Part::") && !code.contains("Troupe"), "{code}");
}

#[test]
fn a_troupe_says_how_many_workers_it_has_or_takes_what_is_usual() {
    let code = made(quote!(troupe(max_count = 4, idle_count = 1)), quote!());
    for part in ["Guest::of::<::thespian::Troupe<Self>>", "MAX_COUNT:u32=4", "IDLE_COUNT:u32=1"] {
        assert!(code.contains(part), "{part}");
    }
    let code = made(quote!(troupe), quote!());
    assert!(code.contains("Troupersfor") && !code.contains("MAX_COUNT"), "{code}");
    let text = error(quote!(troupe(max_count = 0)), quote!(impl Hello {}));
    assert_eq!(text, "a troupe has at least one worker");
    let text = error(quote!(troupe(most = 3)), quote!(impl Hello {}));
    assert_eq!(text, "there are `max_count` and `idle_count`");
}

#[test]
fn a_check_is_a_function_of_the_host_and_of_what_is_required() {
    let made = made(
        quote!(),
        quote!(
            #[accepts]
            fn suits(host: &Attributes, required: &[Requirement]) -> bool {
                true
            }
        ),
    );
    assert!(made.contains(
        "ACCEPTS:::core::option::Option<::thespian::Accepts>=::core::option::Option::Some(Self::suits)"
    ));
    for method in [
        quote!(
            #[accepts]
            fn suits(&self, host: &Attributes) -> bool {
                true
            }
        ),
        quote!(
            #[accepts]
            fn suits(host: &Attributes) -> bool {
                true
            }
        ),
        quote!(
            #[accepts]
            async fn suits(host: &Attributes, required: &[Requirement]) -> bool {
                true
            }
        ),
    ] {
        let text = method_error(method);
        assert_eq!(text, "a check is `fn name(host: &Attributes, required: &[Requirement]) -> bool`");
    }
    let text = method_error(quote! {
        #[accepts] fn one(host: &Attributes, required: &[Requirement]) -> bool { true }
        #[accepts] fn two(host: &Attributes, required: &[Requirement]) -> bool { true }
    });
    assert_eq!(text, "a class has one `#[accepts]`");
    let text = method_error(quote!(
        #[accepts]
        #[start]
        fn suits() -> bool {
            true
        }
    ));
    assert_eq!(text, "one of `#[receive]`, `#[start]` and `#[accepts]`");
}

#[test]
fn a_context_that_comes_first_is_told_its_place() {
    let text = method_error(quote!(
        #[receive]
        fn greet(&mut self, ctx: &mut thespian::Context, greet: Greet) {}
    ));
    assert_eq!(
        text,
        "the message comes first, and then the context: `fn greet(&mut self, message: Type, ctx: &mut Context)`"
    );
}

#[test]
fn a_text_in_place_of_an_error_is_told_what_makes_one_of_it() {
    for method in [
        quote!(
            #[receive]
            fn greet(&mut self, greet: Greet) -> Result<Greeting, String> {}
        ),
        quote!(
            #[receive]
            fn greet(&mut self, greet: Greet) -> std::result::Result<Greeting, &'static str> {}
        ),
        quote!(
            #[start]
            fn new() -> Result<Greeting, std::string::String> {}
        ),
    ] {
        let text = method_error(method);
        let begins = "a text is no error: return `Result<Greeting>`, and make one of the text by `Error::poison(text)`";
        assert!(text.starts_with(begins), "{text}");
    }
}

#[test]
fn a_handler_of_an_event_answers_nobody() {
    for returned in [quote!(Greeting), quote!(Result<Greeting>), quote!(Result<Option<Greeting>, Error>)] {
        let text = method_error(quote!(
            #[receive]
            fn exited(&mut self, exit: ChildActorExited) -> #returned {}
        ));
        assert!(
            text.starts_with("`ChildActorExited` is an event of the host, and nobody waits for an answer"),
            "{text}"
        );
    }
    for returned in
        [quote!(()), quote!(Result), quote!(Result<()>), quote!(Result<(), Error>), quote!(thespian::Result)]
    {
        made(
            quote!(),
            quote!(
                #[receive]
                fn exited(&mut self, exit: ChildActorExited) -> #returned {}
            ),
        );
    }
}

#[test]
fn a_class_with_a_mistake_is_a_class_to_all_that_names_it() {
    let block = quote!(impl Hello { #[receive] #[inline] fn greet(&mut self, greet: &Greet) {} });
    let code = expand_or_stand_in(quote!(), block).to_string().replace(' ', "");
    assert_eq!(code.matches("compile_error!").count(), 1);
    assert!(code.contains("impl::thespian::ActorforHello{constCLASS:&'staticstr=\"Hello\";"), "{code}");
    assert!(code.contains("#[inline]fngreet") && !code.contains("#[receive]"), "{code}");
    let code = expand_or_stand_in(
        quote!(),
        quote!(
            struct Hello;
        ),
    )
    .to_string()
    .replace(' ', "");
    assert!(code.contains("`#[actor]`goesonthe`impl`blockwiththehandlers"), "{code}");
    assert!(code.contains("structHello;impl::thespian::ActorforHello"), "{code}");
}
