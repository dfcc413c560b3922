//! A node in words, line by line, and what of it is new.

use serde_json::{Value, json};

use crate::engine::NodeSeen;

/// A line of what a node is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Under which it is compared with that of another state.
    pub label: String,
    pub text: String,
}

/// What a node is like.
pub(super) fn lines(node: &NodeSeen) -> Vec<Line> {
    let mut out = Vec::new();
    let line = |label: &str, text: String| Line { label: label.to_owned(), text };
    if let Some(panicked) = &node.panicked {
        out.push(line("panicked", panicked.clone()));
    }
    match fields(&node.words) {
        Some(fields) => out.extend(fields.into_iter().map(|(label, text)| Line { label, text })),
        None if !node.words.is_empty() => out.push(line("state", node.words.clone())),
        None => out.push(line("was handed", node.inputs.clone())),
    }
    let or_nothing = |all: &[String]| if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
    out.push(line("has decided", or_nothing(&node.decided)));
    if !node.timers.is_empty() {
        out.push(line("timers", node.timers.join(", ")));
    }
    out
}

/// The lines that are new or say something else, each with what it said before.
fn changed<'a>(before: &'a [Line], after: &'a [Line]) -> impl Iterator<Item = (&'a Line, Option<&'a str>)> {
    after.iter().filter(|line| !before.contains(line)).map(|line| {
        let old = before.iter().find(|old| old.label == line.label);
        (line, old.map(|old| old.text.as_str()))
    })
}

/// What is new, in a few words each; but for decisions, which are told by themselves.
pub(super) fn news(before: &[Line], after: &[Line]) -> Vec<String> {
    let told =
        changed(before, after).filter(|(line, _)| !["has decided", "panicked"].contains(&&*line.label));
    let mut news: Vec<_> = told.map(|(line, _)| format!("{}: {}", line.label, line.text)).collect();
    let gone = before.iter().filter(|line| !after.iter().any(|new| new.label == line.label));
    news.extend(gone.map(|line| format!("{}: none", line.label)));
    news
}

/// The lines for the page, with what each said before.
pub(super) fn as_json(before: Option<&[Line]>, after: &[Line]) -> Vec<Value> {
    let said = |line: &Line| {
        let before = before?;
        let old = before.iter().find(|old| old.label == line.label);
        Some(old.map_or("nothing", |old| old.text.as_str())).filter(|old| *old != line.text)
    };
    let line = |line: &Line| {
        let old = said(line);
        json!({
            "key": line.label, "label": line.label, "text": line.text, "changed": old.is_some(), "before": old,
        })
    };
    after.iter().map(line).collect()
}

/// The fields of a struct as `Debug` writes it, if that is what the words are.
fn fields(words: &str) -> Option<Vec<(String, String)>> {
    let (name, rest) = words.split_once(" { ")?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let inside = rest.strip_suffix(" }").filter(|_| is_name(name))?;
    let mut out = Vec::new();
    for part in parts(inside)? {
        let (label, text) = part.split_once(": ")?;
        out.push((Some(label.trim()).filter(|label| is_name(label))?.to_owned(), text.to_owned()));
    }
    Some(out)
}

/// What commas part that stand in no bracket and no quotes; none if brackets or quotes do not close.
fn parts(text: &str) -> Option<Vec<&str>> {
    let (mut out, mut begun, mut open) = (Vec::new(), 0, Vec::new());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' | '\'' => loop {
                match chars.next()?.1 {
                    '\\' => drop(chars.next()),
                    end if end == c => break,
                    _ => {}
                }
            },
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return None,
            ',' if open.is_empty() => {
                out.push(&text[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    out.push(&text[begun..]);
    open.is_empty().then_some(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "its Debug is read")]
    struct Node {
        round: u32,
        text: &'static str,
        votes: BTreeMap<char, (u8, Option<u8>)>,
    }

    #[test]
    fn a_node_is_taken_apart_as_debug_writes_it() {
        let node = Node {
            round: 1,
            text: "a, \"b\": {",
            votes: BTreeMap::from([(',', (1, None)), ('\'', (2, Some(3)))]),
        };
        let fields = fields(&format!("{node:?}")).unwrap();
        let labels: Vec<_> = fields.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["round", "text", "votes"]);
        assert_eq!(fields[1].1, "\"a, \\\"b\\\": {\"");
        assert_eq!(fields[2].1, "{'\\'': (2, Some(3)), ',': (1, None)}");
    }

    #[test]
    fn other_words_stay_whole() {
        for words in ["", "stopped", "([1, 3], 2)", "Node { it's: 1 }", "Node { a: (1 }", "it is { a: 1 }"] {
            assert_eq!(fields(words), None, "{words}");
        }
    }

    #[test]
    fn what_a_step_changed_is_told_with_what_was_there() {
        let of = |words: &str| lines(&NodeSeen { words: words.to_owned(), ..NodeSeen::default() });
        let (old, new) = (of("N { a: 1, b: [2, 3] }"), of("N { a: 1, b: [2] }"));
        assert_eq!(news(&old, &new), ["b: [2]"]);
        let json = as_json(Some(&old), &new);
        assert_eq!((&json[0]["changed"], &json[1]["before"]), (&json!(false), &json!("[2, 3]")));
    }
}
