//! Each class without a host.

use thespian::testing::{TestActor, TestStart};

use super::*;

#[test]
fn a_painter_uses_the_colors_that_its_host_has() {
    let start =
        TestStart::default().capabilities([("gpu", Value::Boolean(true)), ("colors", Value::Integer(256))]);
    let mut painter = start.start::<Painter>().unwrap();
    let order = Commission { what: "a cat".into(), client: "client".into() };
    let effects = painter.tell("studio", &order).unwrap();
    assert_eq!(effects[0].sent::<Picture>("client").unwrap().looks, "a picture of a cat in 256 colors");
}

#[test]
fn a_studio_says_why_nobody_draws() {
    let mut studio = TestActor::<Studio>::start().unwrap();
    let effects = studio.tell("client", &Draw { what: "a cat".into() }).unwrap();
    assert_eq!(effects[0].created(), Some("Painter"));
    let order = Commission { what: "a cat".into(), client: "client".into() };
    let effects = studio.poisoned("child-1", "the actor never started", &order).unwrap();
    assert_eq!(effects[0].sent::<Sorry>("client").unwrap().why, "the actor never started");
    // That painter is gone, whether its end has been told or not; and its end is not that of the next one.
    let effects = studio.tell("client", &Draw { what: "a dog".into() }).unwrap();
    assert_eq!(effects[0].created(), Some("Painter"));
    studio.child_exited(&"child-1".into(), ExitReason::NeverStarted("no gpu".into())).unwrap();
    assert_eq!(studio.tell("client", &Draw { what: "a cow".into() }).unwrap().len(), 1);
}

#[test]
fn a_studio_gets_another_painter_when_one_is_gone() {
    let mut studio = TestActor::<Studio>::start().unwrap();
    studio.tell("client", &Draw { what: "a cat".into() }).unwrap();
    let effects = studio.tell("client", &Draw { what: "a dog".into() }).unwrap();
    assert_eq!(effects.len(), 1, "one painter is enough");
    studio.child_exited(&"child-1".into(), ExitReason::Unfit("no gpu".into())).unwrap();
    let effects = studio.tell("client", &Draw { what: "a cow".into() }).unwrap();
    assert_eq!(effects[0].created(), Some("Painter"));
}
