//! How mistakes are put into a source text.

#[path = "../core/splice.rs"]
mod splice;

use splice::{Row, splice};

const TEXT: &str = "\
const MAX: u32 = 3;

impl Thing {
    pub(crate) const fn next(
        &self,
        len: u32,
    ) -> u32 {
        if len < MAX {
            return len + 1;
        }
        len
    }

    fn is_full(&self, len: u32) -> bool {
        fn most() -> u32 {
            MAX
        }
        len == most()
    }
}
";

const fn row(name: &'static str, right: &'static str, wrong: &'static str) -> Row {
    Row { name, file: "thing.rs", right, wrong }
}

fn spliced(rows: &[Row]) -> Result<String, String> {
    splice(TEXT, &rows.iter().collect::<Vec<_>>()).map_err(|problems| problems.join("\n"))
}

#[test]
fn a_function_is_there_as_it_is_and_once_for_each_of_its_mistakes() {
    let rows = [
        row("Jump", "return len + 1;", "return len + 2;"),
        row("Stay", "if len < MAX {\nreturn len + 1;\n}", ""),
    ];
    let expected = "\
    pub(crate) fn next(
        &self,
        len: u32,
    ) -> u32 {
if crate::mistake::is_made(crate::mistake::Mistake::Jump) {
        if len < MAX {
return len + 2;
        }
        len
} else
if crate::mistake::is_made(crate::mistake::Mistake::Stay) {

        len
} else
{
        if len < MAX {
            return len + 1;
        }
        len
}
    }
";
    let text = spliced(&rows).expect("both are there once");
    assert!(text.contains(expected), "{text}");
    assert!(text.starts_with("const MAX: u32 = 3;\n\nimpl Thing {\n"), "{text}");
    assert!(text.ends_with("        len == most()\n    }\n}\n"), "{text}");
}

#[test]
fn of_nested_functions_the_inner_one_is_there_twice() {
    let text = spliced(&[row("Never", "MAX", "u32::MAX")]).expect("it is there once");
    assert_eq!((text.matches("fn most()").count(), text.matches("len == most()").count()), (1, 1), "{text}");
    assert!(text.contains("Never) {\nu32::MAX\n} else\n{\n            MAX\n}\n        }\n"), "{text}");
}

#[test]
fn lines_that_are_not_there_once_are_told_with_their_mistake() {
    let rows = [row("Lost", "len - 1", "len"), row("Twice", "}", "")];
    let told = spliced(&rows).expect_err("neither is there once");
    assert!(told.contains("Lost in thing.rs: these lines are there 0 times"), "{told}");
    assert!(told.contains("Twice in thing.rs: these lines are there 5 times"), "{told}");
}

#[test]
fn lines_outside_of_functions_are_refused() {
    let told =
        spliced(&[row("More", "const MAX: u32 = 3;", "const MAX: u32 = 4;")]).expect_err("no function");
    assert!(told.contains("More in thing.rs: these lines are in no function"), "{told}");
}
