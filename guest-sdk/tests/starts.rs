//! Starts that take the message that their actor is created with.

#![expect(clippy::unwrap_used, reason = "a test")]

use thespian::prelude::*;
use thespian::testing::{TestActor, TestStart};
use thespian::{Actor, Encoding, InitMessage};

#[message]
struct Login {
    name: String,
}

#[message]
struct Logout;

/// Takes its message, and the context behind it.
#[derive(Debug)]
struct Account {
    owner: String,
}

#[actor]
impl Account {
    #[start]
    fn new(login: Login, ctx: &mut Context) -> Result<Self> {
        ctx.send(&"audit".into(), &Logout)?;
        if login.name.is_empty() { Err(Error::poison("nobody")) } else { Ok(Self { owner: login.name }) }
    }
}

/// Starts with a message or without.
#[derive(Debug)]
struct Guest {
    name: Option<String>,
}

#[actor]
impl Guest {
    #[start]
    fn new(login: Option<Login>) -> Self {
        Self { name: login.map(|login| login.name) }
    }
}

/// Starts with a message in each worker.
#[derive(Debug)]
struct Clerk {
    name: String,
}

#[actor(troupe(max_count = 1))]
impl Clerk {
    #[start]
    fn new(login: Login) -> Self {
        Self { name: login.name }
    }

    #[receive]
    fn login(&mut self, _: Logout) -> Login {
        Login { name: self.name.clone() }
    }
}

fn login(name: &str) -> Login {
    Login { name: name.into() }
}

fn given<M: Message>(init: &M) -> TestStart {
    TestStart::default().init(init).unwrap()
}

#[test]
fn a_start_takes_the_message_that_its_actor_is_created_with() {
    let account: TestActor<Account> = given(&login("Ada")).start().unwrap();
    assert_eq!(account.state().owner, "Ada");
    assert!(account.started()[0].sent::<Logout>("audit").is_some());
    let error = given(&login("")).start::<Account>().unwrap_err();
    assert_eq!(error.reason(), "nobody", "it may fail as any start");
    let again: TestActor<Account> = given(&login("Ada")).incarnation(2).start().unwrap();
    assert_eq!(again.state().owner, "Ada", "a fresh instance is given it too");
}

#[test]
fn a_start_that_is_not_given_what_it_takes_fails_and_says_what_that_is() {
    let error = TestActor::<Account>::start().unwrap_err();
    let text = "`Account` starts with `Login`, and was given no message: `Create::init` gives it along, or \
                `create --init` at a shell";
    assert_eq!((error.reason(), error.may_retry()), (text, false));
    let error = given(&Logout).start::<Account>().unwrap_err();
    assert_eq!(error.reason(), "`Account` starts with `Login`, and was given `Logout`");

    #[message(name = "Login")]
    struct Other {
        user: String,
    }
    let error = given(&Other { user: "Ada".into() }).start::<Account>().unwrap_err();
    let text =
        "`Login` can't be decoded: missing field `name` at line 1 column 14; `Account` starts with `Login`";
    assert_eq!(error.reason(), text);
}

#[test]
fn a_message_that_may_be_absent_may_be_no_other() {
    assert_eq!(TestActor::<Guest>::start().unwrap().state().name, None);
    assert_eq!(given(&login("Ada")).start::<Guest>().unwrap().state().name.as_deref(), Some("Ada"));
    let error = given(&Logout).start::<Guest>().unwrap_err();
    assert_eq!(error.reason(), "`Guest` starts with `Login` or without a message, and was given `Logout`");
}

#[test]
fn a_class_says_what_it_starts_with() {
    let with = |is_optional| Some(InitMessage { type_name: "Login", is_optional });
    assert_eq!((Account::INIT, Guest::INIT), (with(false), with(true)));
    assert_eq!(<thespian::Troupe<Clerk> as Actor>::INIT, with(false));
}

#[test]
fn a_troupe_that_could_have_no_worker_does_not_start() {
    let error = TestActor::<thespian::Troupe<Clerk>>::start().unwrap_err();
    assert!(error.reason().starts_with("`Clerk` starts with `Login`, and was given no message"), "{error}");
    let mut troupe: TestActor<thespian::Troupe<Clerk>> = given(&login("Ada")).start().unwrap();
    let effects = troupe.tell("a", &Logout).unwrap();
    let worker = effects.iter().find_map(|effect| match effect {
        thespian::testing::Effect::Create { create, .. } => Some(create.clone()),
        _ => None,
    });
    let wanted = RawMessage { headers: Vec::new(), ..RawMessage::of(&login("Ada")).unwrap() };
    assert_eq!(wanted.encoding, Encoding::Json);
    assert!(format!("{worker:?}").contains(&format!("{:?}", wanted.payload)), "{worker:?}");
}
