//! Rules that today's tree breaks: the breaches stand in a file of `tests/tidy/breaches`, which can only get shorter.

use std::collections::BTreeMap;
use std::{env, fs};

use crate::settle;
use crate::source::root;

/// Places that break a rule: for each line of the list all of them, as told to whoever reads the failure.
pub(crate) type Breaches = BTreeMap<String, Vec<String>>;

/// Fails with `why` unless `breaches` are exactly those of the list, each as often as it says there.
///
/// `THESPIAN_BLESS=1` takes what is no breach any more out of the list, and never adds to it.
#[track_caller]
pub(crate) fn settle_but_for(list: &str, why: &str, breaches: &Breaches) {
    let path = root().join("tests/tidy/breaches").join(list);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut allowed = parse(&text);
    if env::var_os("THESPIAN_BLESS").is_some() {
        allowed = lowered(&allowed, breaches);
        fs::write(&path, print(&allowed)).unwrap();
    }
    settle(
        &format!(
            "{why}\nToday's breaches are in tests/tidy/breaches/{list}, which can only get shorter: \
             `THESPIAN_BLESS=1 cargo test -p thespian-tidy` takes out what is mended. The line of a file that moved is \
             edited by hand."
        ),
        &problems(&allowed, breaches),
    );
}

/// Lines of `count what`. What a merge left there twice counts as little as either side says.
fn parse(text: &str) -> BTreeMap<String, usize> {
    let mut allowed = BTreeMap::new();
    for (count, what) in text.lines().filter_map(|line| line.split_once(' ')) {
        let count: usize = count.parse().unwrap();
        allowed.entry(what.to_owned()).and_modify(|allowed| *allowed = count.min(*allowed)).or_insert(count);
    }
    allowed
}

fn print(allowed: &BTreeMap<String, usize>) -> String {
    allowed.iter().map(|(what, count)| format!("{count} {what}\n")).collect()
}

fn lowered(allowed: &BTreeMap<String, usize>, breaches: &Breaches) -> BTreeMap<String, usize> {
    let left = |what: &String, count: usize| breaches.get(what).map_or(0, Vec::len).min(count);
    let all = allowed.iter().map(|(what, count)| (what.clone(), left(what, *count)));
    all.filter(|(_, count)| *count > 0).collect()
}

fn problems(allowed: &BTreeMap<String, usize>, breaches: &Breaches) -> Vec<String> {
    let mut problems = Vec::new();
    for (what, places) in breaches {
        let allowed = allowed.get(what).copied().unwrap_or_default();
        if places.len() > allowed {
            let of = if allowed == 0 {
                String::new()
            } else {
                format!(" (one of these is new; {allowed} are on the list)")
            };
            problems.extend(places.iter().map(|place| format!("{place}{of}")));
        }
    }
    for (what, allowed) in allowed {
        match breaches.get(what).map_or(0, Vec::len) {
            0 => problems.push(format!("{what} is no breach any more: remove it from the list")),
            left if left < *allowed => {
                problems.push(format!("{what} has {left} left of {allowed}: lower it in the list"));
            }
            _ => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(of: &[(&str, usize)]) -> Breaches {
        of.iter().map(|(what, count)| ((*what).to_owned(), vec![format!("here is {what}"); *count])).collect()
    }

    #[test]
    fn a_list_is_exact() {
        let allowed = parse("1 a -> b\n2 c\n");
        assert!(problems(&allowed, &breaches(&[("a -> b", 1), ("c", 2)])).is_empty());
        let new = problems(&allowed, &breaches(&[("a -> b", 1), ("c", 2), ("d", 1)]));
        assert_eq!(new, ["here is d"]);
        assert_eq!(problems(&allowed, &breaches(&[("a -> b", 1), ("c", 3)])).len(), 3);
        let mended = problems(&allowed, &breaches(&[("c", 1)]));
        assert_eq!(
            mended,
            [
                "a -> b is no breach any more: remove it from the list",
                "c has 1 left of 2: lower it in the list"
            ]
        );
    }

    #[test]
    fn a_list_gets_never_longer() {
        let allowed = parse("1 a\n2 c\n3 e\n1 e\n");
        let left = lowered(&allowed, &breaches(&[("a", 2), ("b", 1), ("c", 1), ("e", 3)]));
        assert_eq!(print(&left), "1 a\n1 c\n1 e\n");
    }
}
