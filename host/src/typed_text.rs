//! Requirements, capabilities and messages as people type them: `gpu`, `zone=eu`, `zone=eu,us`, `ram-gb>=8`, `Open={"door":3}`.

use thespian_core::capability::{Clause, Requirement, Value};
use thespian_core::message::Message;

/// A requirement of a host: a capability, and what is to hold of it.
///
/// # Errors
/// It is none; with what one looks like.
pub fn requirement(text: &str) -> Result<Requirement, String> {
    let form = "a requirement looks like `gpu`, `zone=eu`, `zone=eu,us` or `ram-gb>=8`";
    let (name, clause) = if let Some((name, least)) = text.split_once(">=") {
        let least = least.parse().ok().filter(|least: &f64| !least.is_nan());
        (name, Clause::AtLeast(least.ok_or_else(|| format!("what follows `>=` is no number; {form}"))?))
    } else if let Some((name, values)) = text.split_once('=') {
        let mut values: Vec<_> = values.split(',').map(value).collect();
        let clause = if values.len() == 1 { Clause::Equals(values.remove(0)) } else { Clause::OneOf(values) };
        (name, clause)
    } else {
        (text, Clause::IsTrue)
    };
    if name.is_empty() {
        return Err(format!("it names no capability; {form}"));
    }
    Ok(Requirement { name: name.to_string(), clause })
}

/// A capability, `NAME=VALUE`, or `NAME` for one that is true.
///
/// # Errors
/// It has no name.
pub fn capability(text: &str) -> Result<(String, Value), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, text)) => (name, value(text)),
        None => (text, Value::Boolean(true)),
    };
    if name.is_empty() {
        return Err("it has no name; a capability looks like `zone=eu` or `gpu`".to_string());
    }
    Ok((name.to_string(), value))
}

/// A message: its type name, and behind a `=` its content as JSON.
#[must_use]
pub fn message(text: &str) -> Message {
    let (type_name, json) = text.split_once('=').unwrap_or((text, "{}"));
    Message::json(type_name, json.to_owned())
}

/// A truth, a number, or text; in double quotes it is always text.
fn value(text: &str) -> Value {
    if let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return Value::Text(quoted.to_string());
    }
    if let Ok(truth) = text.parse() {
        return Value::Boolean(truth);
    }
    if let Ok(number) = text.parse() {
        return Value::Integer(number);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Number(number),
        _ => Value::Text(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_read_as_they_are_meant() {
        let shown = |text: &str| requirement(text).unwrap().to_string();
        assert_eq!(shown("gpu"), "`gpu` is true");
        assert_eq!(shown("zone=eu"), "`zone` equals \"eu\"");
        assert_eq!(shown("zone=eu,us"), "`zone` is one of \"eu\", \"us\"");
        assert_eq!(shown("ram-gb>=8"), "`ram-gb` is at least 8");
        assert_eq!(shown("cores=4"), "`cores` equals 4");
        assert_eq!(shown("version=\"4\""), "`version` equals \"4\"");
        assert!(requirement("=x").is_err());
        assert!(requirement("a>=lots").is_err());
    }

    #[test]
    fn a_message_is_a_name_and_what_follows_it() {
        assert_eq!(message("Open={\"key\":\"a=b\"}"), Message::json("Open", "{\"key\":\"a=b\"}"));
        assert_eq!(message("Open"), Message::json("Open", "{}"));
    }

    #[test]
    fn a_capability_without_a_value_is_true() {
        assert_eq!(capability("gpu").unwrap(), ("gpu".to_string(), Value::Boolean(true)));
        assert_eq!(capability("load=0.5").unwrap().1, Value::Number(0.5));
        assert_eq!(capability("x=nan").unwrap().1, Value::Text("nan".to_string()));
        assert!(capability("=1").is_err());
    }
}
