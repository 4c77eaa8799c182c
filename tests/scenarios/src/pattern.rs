//! What must be seen: a pattern of JSON that a value has to fit, and the names of what was found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What was found so far, by the names that the scenario gives it.
pub(crate) type Found = BTreeMap<String, Value>;

/// Puts what was found in place of its names: a text `"$name"` becomes the value, `${name}` within a text its words.
pub(crate) fn fill(value: &Value, found: &Found) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$').and_then(|name| found.get(name)) {
            Some(value) => value.clone(),
            None => Value::String(fill_text(text, found)),
        },
        Value::Array(all) => all.iter().map(|value| fill(value, found)).collect(),
        Value::Object(all) => {
            let pairs = all.iter().map(|(name, value)| (fill_text(name, found), fill(value, found)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        plain => plain.clone(),
    }
}

fn fill_text(text: &str, found: &Found) -> String {
    found.iter().fold(text.to_string(), |text, (name, value)| {
        let words = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        text.replace(&format!("${{{name}}}"), &words)
    })
}

/// Whether `seen` fits; what a name stands for is then in `found`. Of an object the pattern may leave out what does not
/// matter; of a list nothing.
pub(crate) fn fits(pattern: &Value, seen: &Value, found: &mut Found) -> bool {
    match (pattern, seen) {
        (Value::String(text), _) if text.starts_with('$') && text.len() > 1 => {
            let name = text[1..].to_string();
            found.entry(name).or_insert_with(|| seen.clone()) == seen
        }
        (Value::Object(pattern), _) if pattern.keys().any(|key| key.starts_with('~')) => {
            pattern.iter().all(|(test, wanted)| passes(test, wanted, seen, found))
        }
        (Value::Object(pattern), Value::Object(seen)) => {
            pattern.iter().all(|(name, pattern)| fits(pattern, seen.get(name).unwrap_or(&Value::Null), found))
        }
        (Value::Array(pattern), Value::Array(seen)) => {
            pattern.len() == seen.len()
                && pattern.iter().zip(seen).all(|(pattern, seen)| fits(pattern, seen, found))
        }
        _ => pattern == seen,
    }
}

fn passes(test: &str, wanted: &Value, seen: &Value, found: &mut Found) -> bool {
    let text = seen.as_str().unwrap_or_default();
    let words = wanted.as_str().unwrap_or_default();
    let len = || seen.as_array().map_or(text.len(), Vec::len) as u64;
    let mut each = seen.as_array().into_iter().flatten();
    match test {
        "~contains" => text.contains(words),
        "~starts" => text.starts_with(words),
        "~ends" => text.ends_with(words),
        "~len" => Some(len()) == wanted.as_u64(),
        "~longer" => Some(len()) > wanted.as_u64(),
        "~not" => !fits(wanted, seen, &mut found.clone()),
        "~all" => each.all(|seen| fits(wanted, seen, &mut found.clone())),
        "~is" => fits(wanted, seen, found),
        "~last" => each.next_back().is_some_and(|last| fits(wanted, last, found)),
        "~has" => each.any(|seen| fits(wanted, seen, found)),
        // From the first number on, as many as the second.
        "~count" => {
            let bound = |place: usize| wanted[place].as_u64().unwrap_or_default();
            each.map(Value::as_u64).eq((bound(0)..bound(0) + bound(1)).map(Some))
        }
        other => panic!("there is no test {other} of a pattern"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(pattern: &Value, seen: &Value, expected: bool) -> Found {
        let mut found = Found::new();
        assert_eq!(fits(pattern, seen, &mut found), expected, "{pattern} of {seen}");
        found
    }

    #[test]
    fn an_object_may_have_more_and_a_list_may_not() {
        check(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 }), true);
        check(&json!({ "a": 1, "c": 2 }), &json!({ "a": 1, "b": 2 }), false);
        check(&json!({ "gone": null }), &json!({}), true);
        check(&json!([1]), &json!([1, 2]), false);
    }

    #[test]
    fn a_name_stands_for_one_thing() {
        let found = check(&json!(["$x", "$y", "$x"]), &json!([1, 2, 1]), true);
        assert_eq!(found["y"], json!(2));
        check(&json!(["$x", "$x"]), &json!([1, 2]), false);
        let filled = fill(
            &json!({ "${y}": ["$x", "$z", "not ${x}"] }),
            &[("x".to_string(), json!("a")), ("y".to_string(), json!(5))].into(),
        );
        assert_eq!(filled, json!({ "5": ["a", "$z", "not a"] }));
    }

    #[test]
    fn tests_can_fail() {
        check(&json!({ "~contains": "b", "~starts": "a", "~ends": "c", "~len": 3 }), &json!("abc"), true);
        for pattern in [json!({ "~contains": "x" }), json!({ "~starts": "b" }), json!({ "~ends": "b" })] {
            check(&pattern, &json!("abc"), false);
        }
        check(&json!({ "~not": "a" }), &json!("a"), false);
        check(&json!({ "~all": { "n": 1 }, "~longer": 1 }), &json!([{ "n": 1 }, { "n": 1, "m": 2 }]), true);
        check(&json!({ "~all": 1 }), &json!([1, 2]), false);
        check(&json!({ "~longer": 2 }), &json!([1, 2]), false);
        check(&json!({ "~has": 3 }), &json!([1, 2]), false);
        check(&json!({ "~last": 1 }), &json!([1, 2]), false);
        let found = check(&json!({ "~len": 2, "~is": "$all", "~last": "$last" }), &json!([1, 2]), true);
        assert_eq!((&found["all"], &found["last"]), (&json!([1, 2]), &json!(2)));
        check(&json!({ "~count": [1, 3] }), &json!([1, 2, 3]), true);
        check(&json!({ "~count": [1, 3] }), &json!([1, 3, 2]), false);
    }
}
