//! Which file of a crate names which.
//!
//! An arrow is a path, in code or in a `use`, that begins with `crate`, `super` or `self`, to the file that declares what
//! it means, through all re-exports. A `mod` line is none, and neither is a parent's `pub use` of what a child declares:
//! that is the folder's door.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Modules, folder};
use crate::source::File;
use crate::tokens::{Token, imports};

/// The first place where one file names another.
pub(crate) struct Arrow<'a> {
    pub(crate) from: &'a File,
    pub(crate) to: &'a File,
    /// The byte in `from`.
    at: usize,
    /// The path as it is written, groups taken apart.
    path: String,
}

impl Arrow<'_> {
    /// Where it is and where it leads.
    pub(crate) fn told(&self) -> String {
        format!("{} names `{}`, which {} declares", self.from.place(self.at), self.path, self.to.path)
    }
}

/// Of each pair of files at most one, in order of paths.
pub(crate) fn arrows<'a>(modules: &Modules<'a>) -> Vec<Arrow<'a>> {
    let mut found = BTreeMap::new();
    for (index, module) in modules.modules.iter().enumerate() {
        let (from, code) = &modules.files[module.file];
        let inner = &modules.modules[index + 1..];
        let own =
            |at: &usize| !inner.iter().any(|inner| inner.file == module.file && inner.range.contains(at));
        for named in module.range.clone().filter(own).flat_map(|at| named(code, at)) {
            for to in modules.declaring(index, &named.path) {
                let to = modules.files[to].0;
                if to.path == from.path || (named.is_door && to.is_under(folder(from))) {
                    continue;
                }
                let arrow = Arrow { from, to, at: named.at, path: named.path.join("::") };
                found.entry((&from.path, &to.path)).or_insert(arrow);
            }
        }
    }
    found.into_values().collect()
}

/// A path that begins within the crate.
struct Named<'a> {
    path: Vec<&'a str>,
    at: usize,
    /// Whether whoever names this module gets it here.
    is_door: bool,
}

/// All that the token at `start` begins to name: of a `use` the whole tree.
fn named<'a>(code: &[Token<'a>], start: usize) -> Vec<Named<'a>> {
    let text = |index: usize| code.get(index).map_or("", |token| token.text);
    let before = |len: usize| start.checked_sub(len).map_or("", text);
    match text(start) {
        // Else it says what a returned type captures.
        "use" if text(start + 1) != "<" => {
            let is_door = before(1) == "pub" || (before(1) == ")" && before(4) == "pub");
            let found = imports(code, start + 1).into_iter();
            let ours = found.filter(|import| import.path.first().is_some_and(|first| is_own(first)));
            ours.map(|import| Named { path: import.path, at: import.at, is_door }).collect()
        }
        first if is_own(first) && text(start + 1) == "::" && !matches!(before(1), "::" | "use") => {
            // `pub(in crate::a)` says who may name this, and names nothing.
            if before(1) == "in" && before(3) == "pub" {
                return Vec::new();
            }
            let goes_on = |at: &usize| {
                *at == start || (text(at - 1) == "::" && code.get(*at).is_some_and(Token::is_word))
            };
            let path = (start..).step_by(2).take_while(goes_on).map(text).collect();
            vec![Named { path, at: code[start].at, is_door: false }]
        }
        _ => Vec::new(),
    }
}

fn is_own(first: &str) -> bool {
    matches!(first, "crate" | "super" | "self")
}

/// Each arrow that lies in a circle, with the way back to where it comes from.
pub(crate) fn in_circles<'a, 'b>(arrows: &'b [Arrow<'a>]) -> Vec<(&'b Arrow<'a>, Vec<&'a str>)> {
    arrows.iter().filter_map(|arrow| Some((arrow, way(arrows, &arrow.to.path, &arrow.from.path)?))).collect()
}

/// The files on a shortest way, without the first.
fn way<'a>(arrows: &[Arrow<'a>], from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let end = way[way.len() - 1];
            if end == to {
                return Some(way[1..].to_vec());
            }
            let next =
                arrows.iter().filter(|arrow| arrow.from.path == end).map(|arrow| arrow.to.path.as_str());
            longer.extend(next.filter(|next| seen.insert(next)).map(|next| [&way[..], &[next]].concat()));
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arrow: &Arrow<'_>) -> String {
        format!("{} -> {}", arrow.from.path, arrow.to.path).replace("src/", "").replace(".rs", "")
    }

    /// The arrows of a crate, as `from -> to`.
    fn lines(texts: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File::new(format!("src/{path}.rs"), (*text).to_owned());
        let files: Vec<File> = texts.iter().map(file).collect();
        arrows(&Modules::under("src", &files)).iter().map(line).collect()
    }

    /// Those of a file `a`, beside a folder `b` with a door, and `c`, which nobody passes on.
    fn of_a(text: &str) -> Vec<String> {
        let lines = lines(&[
            ("lib", "mod a; mod b; mod c; pub use b::inner::deep::Deep as Renamed; pub use self::c::*;"),
            ("a", text),
            ("b", "mod inner; pub(crate) use inner::{Inner, deep::{self, Deep}}; pub struct Own;"),
            ("b/inner", "pub mod deep; pub struct Inner; pub enum Choice { This }"),
            ("b/inner/deep", "pub struct Deep; pub fn dig() {}"),
            ("c", "pub struct C; pub const fn counted() {} pub static S: &'static str = \"\";"),
        ]);
        let ours = lines.iter().filter_map(|line| line.strip_prefix("a -> "));
        ours.map(str::to_owned).collect()
    }

    #[test]
    fn a_path_leads_to_the_file_that_declares() {
        assert_eq!(of_a("use crate::b::Own;"), ["b"]);
        assert_eq!(of_a("use crate::b::inner::Choice::This;"), ["b/inner"]);
        assert_eq!(of_a("fn f() { crate::b::inner::deep::Deep::new() }"), ["b/inner/deep"]);
        assert_eq!(of_a("use crate::b;"), ["b"]);
        assert_eq!(of_a("fn f(s: &'static str) -> u8 { crate::c::counted() }"), ["c"]);
        assert_eq!(of_a("impl T for &'static str { } use crate::c::S;"), ["c"]);
    }

    #[test]
    fn re_exports_are_followed_through_chains_globs_and_new_names() {
        assert_eq!(of_a("use crate::b::Inner;"), ["b/inner"]);
        assert_eq!(of_a("use crate::b::deep::dig;"), ["b/inner/deep"]);
        assert_eq!(of_a("use crate::Renamed;"), ["b/inner/deep"]);
        assert_eq!(of_a("use crate::C;"), ["c"]);
        assert_eq!(of_a("use crate::C as D;"), ["c"]);
        assert_eq!(of_a("use crate::b::*;"), ["b"]);
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            of_a("use crate::{c::{self, C}, b::{Inner, deep::{Deep}},};"),
            ["b/inner", "b/inner/deep", "c"]
        );
        assert_eq!(of_a("fn f() { use crate::{Renamed as R, C}; }"), ["b/inner/deep", "c"]);
    }

    #[test]
    fn a_path_can_begin_with_self_or_go_up_by_super() {
        assert_eq!(of_a("use super::C;"), ["c"]);
        assert_eq!(of_a("mod x { mod y { use super::super::super::b::Own; } }"), ["b"]);
        assert!(of_a("mod x { pub struct X; } use self::x::X; fn f() { self.b(); self::x::g() }").is_empty());
        let up = lines(&[
            ("lib", "mod a;"),
            ("a/mod", "mod b; pub struct A;"),
            ("a/b", "use super::A; mod c { use super::super::A; }"),
        ]);
        assert_eq!(up, ["a/b -> a/mod"]);
    }

    #[test]
    fn what_is_for_tests_is_no_arrow() {
        assert!(
            of_a("#[cfg(test)] use crate::C; #[cfg(test)] mod tests { use crate::b::Own; } mod tests;")
                .is_empty()
        );
        let tests = lines(&[
            ("lib", "mod a; struct L;"),
            ("a", "#[cfg(test)] mod tests;"),
            ("a/tests", "use crate::L;"),
        ]);
        assert!(tests.is_empty());
    }

    #[test]
    fn what_is_not_code_is_no_arrow() {
        assert!(
            of_a("// crate::C\n/// [`crate::C`]\nconst T: &str = \"crate::C\"; pub(in crate::b) struct D;")
                .is_empty()
        );
        assert!(of_a("use other::C; fn f() -> impl T + use<> { other::crate_::C; }").is_empty());
    }

    #[test]
    fn tokens_of_macros_and_attributes_count() {
        assert_eq!(of_a("fn f() { say!(\"{}\", crate::b::Own) }"), ["b"]);
        assert_eq!(of_a("#[cut(with = crate::b::Own)] struct A;"), ["b"]);
        assert_eq!(of_a("macro_rules! m { () => { $crate::C } }"), ["c"]);
        assert_eq!(of_a("fn f() { for c in crate::c::counted() { } }"), ["c"]);
    }

    #[test]
    fn an_exported_macro_is_where_it_is_written() {
        let found = lines(&[
            ("lib", "mod a; mod b;"),
            ("a", "#[doc(hidden)] #[macro_export] macro_rules! told { () => {} }"),
            ("b", "fn f() { crate::told!() }"),
        ]);
        assert_eq!(found, ["b -> a"]);
    }

    #[test]
    fn the_folder_s_door_is_no_arrow() {
        let found = lines(&[
            ("lib", "mod a; mod b; pub mod prelude { pub use crate::a::A; }"),
            (
                "a",
                "mod one; mod two; pub use one::One; pub(super) use self::two::Two; use self::two::Three; pub struct A;",
            ),
            ("a/one", "pub struct One;"),
            ("a/two", "pub use super::one::One; pub struct Two; pub struct Three;"),
            ("b", "pub use crate::a::A;"),
        ]);
        assert_eq!(found, ["a -> a/two", "a/two -> a/one", "b -> a"]);
    }

    #[test]
    fn what_another_crate_or_a_macro_declares_leads_no_further_than_its_module() {
        assert_eq!(of_a("use crate::c::made::By;"), ["c"]);
        let found = lines(&[
            ("lib", "mod a; mod b;"),
            ("a", "pub use serde::Serialize;"),
            ("b", "use crate::a::Serialize;"),
        ]);
        assert!(found.is_empty());
    }

    #[test]
    fn circles_are_found_with_the_way_back() {
        let texts = [
            ("lib", "mod a; mod b; mod c; mod d;"),
            ("a", "use crate::b;"),
            ("b", "use crate::c;"),
            ("c", "use crate::a; use crate::d;"),
            ("d", ""),
        ];
        let files = texts.map(|(path, text)| File::new(format!("src/{path}.rs"), text.to_owned()));
        let arrows = arrows(&Modules::under("src", &files));
        let circles: Vec<_> =
            in_circles(&arrows).into_iter().map(|(arrow, back)| (line(arrow), back)).collect();
        assert_eq!(circles.len(), 3);
        assert_eq!(circles[0], ("a -> b".to_owned(), vec!["src/c.rs", "src/a.rs"]));
    }
}
