//! S-expressions, as the files under `proofs/` use them: atoms, "strings", lists, and `;` comments.

use std::fmt;
use std::sync::Arc;

use super::ModelError;

/// One expression, with the line on which it starts.
#[derive(Clone, Debug)]
pub struct Sexp {
    /// Counted from 1.
    pub line: usize,
    /// What stands there.
    pub kind: Kind,
}

/// The three kinds of expression.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A word.
    Atom(Arc<str>),
    /// A string, without its quotes.
    Text(Arc<str>),
    /// A list in parentheses.
    List(Vec<Sexp>),
}

impl Sexp {
    /// An error at this place.
    pub fn error(&self, what: impl Into<String>) -> ModelError {
        ModelError { line: self.line, what: what.into() }
    }

    /// The word, if it is one.
    ///
    /// # Errors
    /// It is a string or a list.
    pub fn atom(&self) -> Result<&Arc<str>, ModelError> {
        match &self.kind {
            Kind::Atom(word) => Ok(word),
            _ => Err(self.error("a word is expected here")),
        }
    }

    /// The string, if it is one.
    ///
    /// # Errors
    /// It is a word or a list.
    pub fn text(&self) -> Result<&Arc<str>, ModelError> {
        match &self.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(self.error("a string is expected here")),
        }
    }

    /// The list, if it is one.
    ///
    /// # Errors
    /// It is a word or a string.
    pub fn list(&self) -> Result<&[Sexp], ModelError> {
        match &self.kind {
            Kind::List(items) => Ok(items),
            _ => Err(self.error("a list is expected here")),
        }
    }

    /// A list that starts with a word: that word, and the rest.
    ///
    /// # Errors
    /// It is something else.
    pub fn form(&self) -> Result<(&str, &[Sexp]), ModelError> {
        match self.list()? {
            [head, rest @ ..] => Ok((head.atom()?, rest)),
            [] => Err(self.error("an empty list")),
        }
    }
}

/// All expressions of a text.
///
/// # Errors
/// Parentheses or quotes that do not match.
pub fn read(text: &str) -> Result<Vec<Sexp>, ModelError> {
    let mut open: Vec<(usize, Vec<Sexp>)> = Vec::new();
    let mut top = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let start = line;
        let (kind, used) = match next {
            '\n' => {
                line += 1;
                rest = &rest[1..];
                continue;
            }
            ';' => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '(' => {
                open.push((line, Vec::new()));
                rest = &rest[1..];
                continue;
            }
            ')' => {
                let Some((start, items)) = open.pop() else {
                    return Err(ModelError { line, what: "a parenthesis closes nothing".into() });
                };
                let list = Sexp { line: start, kind: Kind::List(items) };
                open.last_mut().map_or(&mut top, |(_, items)| items).push(list);
                rest = &rest[1..];
                continue;
            }
            '"' => {
                let Some(end) = rest[1..].find('"') else {
                    return Err(ModelError { line, what: "a string does not end".into() });
                };
                line += rest[1..=end].matches('\n').count();
                (Kind::Text(rest[1..=end].into()), end + 2)
            }
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | ';');
                let end = rest.find(ends).unwrap_or(rest.len());
                (Kind::Atom(rest[..end].into()), end)
            }
        };
        open.last_mut().map_or(&mut top, |(_, items)| items).push(Sexp { line: start, kind });
        rest = &rest[used..];
    }
    match open.pop() {
        Some((line, _)) => Err(ModelError { line, what: "a parenthesis is not closed".into() }),
        None => Ok(top),
    }
}

impl fmt::Display for Sexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Atom(word) => f.write_str(word),
            Kind::Text(text) => write!(f, "\"{text}\""),
            Kind::List(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { " " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}
