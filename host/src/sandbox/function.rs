//! A guest's functions as people know them. Their names are the guest's own words: of any length, and of any content.

use std::fmt::{self, Write as _};

use rustc_demangle::try_demangle;

use super::text;

/// How much of a name is shown, in bytes: a line of a terminal holds two.
const SHOWN_LEN_MAX: usize = 80;
/// How much of it is looked at. A name of a hundred bytes can stand for one of a megabyte.
const READ_LEN_MAX: usize = 1 << 10;

/// The name as its author wrote it, without the compiler's marks; a long one without its type arguments, and if need be
/// without its middle.
pub(super) fn shown(name: &str) -> String {
    let name = text::cut(name, READ_LEN_MAX);
    let name = match try_demangle(name) {
        Ok(demangled) => {
            let mut read = Bounded(String::new());
            // What does not fit is cut.
            let _ = write!(read, "{demangled:#}");
            read.0
        }
        Err(_) => name.to_owned(),
    };
    let name = if name.len() > SHOWN_LEN_MAX { without_arguments(&name) } else { name };
    if name.len() <= SHOWN_LEN_MAX {
        return name;
    }
    let half = SHOWN_LEN_MAX / 2;
    let (begin, end) = (name.floor_char_boundary(half), name.ceil_char_boundary(name.len() - half));
    format!("{}…{}", &name[..begin], &name[end..])
}

/// Whether a function belongs to Rust's machinery of panics and not to the guest's own code.
pub(super) fn is_machinery(shown: &str) -> bool {
    let name = shown.trim_start_matches('<');
    ["std::", "core::", "alloc::", "__rust", "rust_", "abort", "__wasi"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// `<…>` in place of what stands between angle brackets within a path: `a::<b::<c>>::d` is `a::<…>::d`. Those with which a
/// name begins say whose function it is and stay.
fn without_arguments(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut depth = 0_usize;
    let mut previous = ' ';
    for char in name.chars() {
        match char {
            '<' if depth > 0 || !(shown.is_empty() || previous == '<') => {
                if depth == 0 {
                    shown.push_str("<…>");
                }
                depth += 1;
            }
            // That of an arrow ends nothing.
            '>' if depth > 0 && previous != '-' => depth -= 1,
            _ if depth == 0 => shown.push(char),
            _ => {}
        }
        previous = char;
    }
    shown
}

/// Takes so much text and no more.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = READ_LEN_MAX - self.0.len();
        let taken = text::cut(text, room);
        self.0.push_str(taken);
        if taken.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_the_names_that_their_author_gave_them() {
        let legacy = "_ZN5hello5Hello5greet17h0123456789abcdefE";
        assert_eq!(shown(legacy), "hello::Hello::greet");
        assert_eq!(shown("_RNvMCs1234_5helloNtB2_5Hello5greet"), "<hello::Hello>::greet");
        assert_eq!(shown("handle_message"), "handle_message");
        assert!(is_machinery(&shown("_ZN4core9panicking5panic17h0123456789abcdefE")));
        assert!(is_machinery(&shown("_ZN3std2rt10lang_start17h0123456789abcdefE")));
        assert!(!is_machinery(&shown(legacy)));
    }

    #[test]
    fn a_long_name_is_cut_where_it_says_least() {
        let long = "<shop::Shop<alloc::vec::Vec<u8>> as thespian::Handles<shop::Order<alloc::string::String>>>::handle";
        assert_eq!(shown(long), "<shop::Shop<…> as thespian::Handles<…>>::handle");
        let longer = format!("{}::last", vec!["module_of_some_length"; 20].join("::"));
        let cut = shown(&longer);
        assert!(cut.starts_with("module_of_some_length::") && cut.ends_with("::last"), "{cut}");
        assert!(cut.len() <= SHOWN_LEN_MAX + "…".len(), "{cut}");
    }

    #[test]
    fn no_name_makes_much_of_little() {
        // Each argument of the type repeats what came before it twice.
        let mut bomb = String::from("_RMC0");
        for _ in 0..40 {
            bomb.push('T');
        }
        bomb.push_str("mE");
        bomb.extend(std::iter::repeat_n("B3_B3_E", 40));
        for name in [bomb, "é".repeat(100_000), "<".repeat(100_000), String::new(), "_R".to_owned()] {
            assert!(shown(&name).len() <= SHOWN_LEN_MAX + "…".len());
        }
    }
}
