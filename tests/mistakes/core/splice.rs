//! Puts mistakes into a source text: each function that has one is there once as it is, and once more for each line done
//! wrong. Which of them runs is asked at run time, so one build has them all.
//!
//! It knows no Rust but how `rustfmt` lays it out: a function begins on a line with `fn`, and ends on the line with the
//! brace that stands as deep as that.

use std::ops::Range;

/// Some lines of a file, and what they are when they are done wrong. How deep they stand does not matter.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) right: &'static str,
    pub(crate) wrong: &'static str,
}

/// A row in its file, by numbers of lines.
struct Place<'a> {
    row: &'a Row,
    lines: Range<usize>,
    function: Function,
}

/// A function's lines: its signature up to the opening brace, and its body between the braces.
#[derive(Clone, PartialEq, Eq)]
struct Function {
    signature: Range<usize>,
    body: Range<usize>,
}

/// The text with each of these mistakes in it.
///
/// # Errors
/// The rows whose lines are not there exactly once, or in no function.
pub(crate) fn splice(text: &str, rows: &[&Row]) -> Result<String, Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut places, mut problems) = (Vec::new(), Vec::new());
    for row in rows {
        match find(&lines, row) {
            Ok(place) => places.push(place),
            Err(problem) => problems.push(format!("{} in {}: {problem}", row.name, row.file)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    places.sort_by_key(|place| place.function.signature.start);
    let mut spliced = String::new();
    let mut at = 0;
    for of_one in places.chunk_by(|one, next| one.function == next.function) {
        let Function { signature, body } = &of_one[0].function;
        push(&mut spliced, &lines[at..signature.start]);
        // Which mistake is made can't be asked at compile time.
        let head = lines[signature.start].replacen("const fn ", "fn ", 1);
        push(&mut spliced, &[&head]);
        push(&mut spliced, &lines[signature.start + 1..signature.end]);
        for Place { row, lines: Range { start, end }, .. } in of_one {
            push(
                &mut spliced,
                &[&format!("if crate::mistake::is_made(crate::mistake::Mistake::{}) {{", row.name)],
            );
            push(&mut spliced, &lines[body.start..*start]);
            push(&mut spliced, &[row.wrong]);
            push(&mut spliced, &lines[*end..body.end]);
            push(&mut spliced, &["} else"]);
        }
        push(&mut spliced, &["{"]);
        push(&mut spliced, &lines[body.clone()]);
        push(&mut spliced, &["}"]);
        at = body.end;
    }
    push(&mut spliced, &lines[at..]);
    Ok(spliced)
}

fn push(text: &mut String, lines: &[&str]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

fn find<'a>(lines: &[&str], row: &'a Row) -> Result<Place<'a>, String> {
    let right: Vec<&str> = row.right.lines().map(str::trim).collect();
    let windows = lines.windows(right.len().max(1)).enumerate();
    let found = windows.filter(|(_, lines)| lines.iter().map(|line| line.trim()).eq(right.iter().copied()));
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    let [start] = found[..] else {
        return Err(format!(
            "these lines are there {} times, and are to be there once:\n{}",
            found.len(),
            row.right
        ));
    };
    let lines_of_row = start..start + right.len();
    let function = function_around(lines, &lines_of_row);
    let function = function.ok_or_else(|| format!("these lines are in no function:\n{}", row.right))?;
    Ok(Place { row, lines: lines_of_row, function })
}

/// The innermost function whose body has these lines.
fn function_around(lines: &[&str], inner: &Range<usize>) -> Option<Function> {
    (0..inner.start)
        .rev()
        .filter_map(|start| function_at(lines, start))
        .find(|Function { body, .. }| body.start <= inner.start && inner.end <= body.end)
}

/// The function that begins on this line, if one does and it has a body of its own lines.
fn function_at(lines: &[&str], start: usize) -> Option<Function> {
    let line = lines[start];
    let item = line.trim_start();
    if item.starts_with("//") || !(item.starts_with("fn ") || item.contains(" fn ")) {
        return None;
    }
    let indent = &line[..line.len() - item.len()];
    let opening = start + lines[start..].iter().position(|line| line.ends_with(['{', ';', '}']))?;
    if !lines[opening].ends_with('{') {
        return None;
    }
    let closing = format!("{indent}}}");
    let len = lines[opening..].iter().position(|line| *line == closing)?;
    Some(Function { signature: start..opening + 1, body: opening + 1..opening + len })
}
