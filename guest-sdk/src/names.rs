//! Lists of type names, put together while an actor's crate is compiled: what a class receives of itself, of its parts and
//! of its base. All of it is `const fn`, so nothing of it is in a component.

/// How many of a class's handlers are for messages.
#[doc(hidden)]
#[must_use]
pub const fn count_names(all: &[Option<&'static str>]) -> usize {
    let (mut place, mut count) = (0, 0);
    while place < all.len() {
        count += all[place].is_some() as usize;
        place += 1;
    }
    count
}

/// The type names of those messages.
#[doc(hidden)]
#[must_use]
pub const fn names<const LEN: usize>(all: &[Option<&'static str>]) -> [&'static str; LEN] {
    let mut names = [""; LEN];
    let (mut place, mut count) = (0, 0);
    while place < all.len() {
        if let Some(name) = all[place] {
            names[count] = name;
            count += 1;
        }
        place += 1;
    }
    names
}

/// How many names there are in all the lists, each counted once.
#[doc(hidden)]
#[must_use]
pub const fn count_merged(lists: &[&[&'static str]]) -> usize {
    merge::<MERGED_MAX>(lists).1
}

/// All names of the lists, each once. A later list may have a name that an earlier one has.
#[doc(hidden)]
#[must_use]
pub const fn merged<const LEN: usize>(lists: &[&[&'static str]]) -> [&'static str; LEN] {
    merge::<LEN>(lists).0
}

/// More types of messages than any actor has handlers for.
const MERGED_MAX: usize = 256;

const fn merge<const LEN: usize>(lists: &[&[&'static str]]) -> ([&'static str; LEN], usize) {
    let (mut names, mut count) = ([""; LEN], 0);
    let mut list = 0;
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() {
            let name = lists[list][place];
            if !is_among(name, &names, count) {
                names[count] = name;
                count += 1;
            }
            place += 1;
        }
        list += 1;
    }
    (names, count)
}

const fn is_among(name: &str, names: &[&str], count: usize) -> bool {
    let mut place = 0;
    while place < count {
        if equal(name.as_bytes(), names[place].as_bytes()) {
            return true;
        }
        place += 1;
    }
    false
}

/// Whether no name is there twice.
#[doc(hidden)]
#[must_use]
pub const fn differ(names: &[&str]) -> bool {
    let mut place = 0;
    while place < names.len() {
        let mut other = place + 1;
        while other < names.len() {
            if equal(names[place].as_bytes(), names[other].as_bytes()) {
                return false;
            }
            other += 1;
        }
        place += 1;
    }
    true
}

const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
