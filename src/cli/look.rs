//! How an answer looks: as wide as the terminal, with verdicts in colour.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};
use console::Term;

/// The least width that a screen is taken to have.
const LEAST: usize = 40;

/// How many columns the screen has: the terminal's, or else what COLUMNS says; none where an answer is as wide as what is
/// in it.
pub(super) fn screen() -> Option<usize> {
    let terminal = Term::stdout();
    let of_terminal = || std::io::stdout().is_terminal().then(|| terminal.size_checked()).flatten();
    let said = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|&columns: &usize| columns > 0);
    of_terminal().map(|(_, columns)| usize::from(columns)).or_else(said).map(|columns| columns.max(LEAST))
}

/// How many columns the terminal has on which errors are shown; none where they are not shown on one.
pub(super) fn screen_of_errors() -> Option<usize> {
    let (_, columns) = Term::stderr().features().is_attended().then(|| Term::stderr().size_checked())??;
    Some(usize::from(columns).max(LEAST))
}

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default().bold();

/// A verdict as it stands at the beginning of a line, and as it stands anywhere.
const AT_THE_START: [(&str, Style); 6] = [
    ("Holds within these bounds", GOOD),
    ("Violated", BAD),
    ("Not exhausted", OPEN),
    ("No verdict", OPEN),
    ("Beware", OPEN),
    ("No violation", GOOD),
];
const ANYWHERE: [(&str, Style); 5] = [
    ("VIOLATED", BAD),
    ("NOT KILLED", BAD),
    ("NOT CLEAN", BAD),
    ("not exhausted (", OPEN),
    ("killed:", GOOD),
];
const AT_THE_END: [(&str, Style); 3] =
    [(" holds", GOOD), ("  no verdict", OPEN), ("clean, as it must be", GOOD)];

/// An answer with its verdicts in colour. Whoever prints it leaves the colours out where there are none.
pub(super) fn coloured(text: &str) -> String {
    text.split_inclusive('\n').map(coloured_line).collect()
}

fn coloured_line(line: &str) -> String {
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let painted = |what: &str, style: Style| format!("{style}{what}{style:#}");
    for (what, style) in AT_THE_START {
        if let Some(rest) = line.strip_prefix(what) {
            return format!("{}{rest}{end}", painted(what, style));
        }
    }
    for (what, style) in ANYWHERE {
        if line.contains(what) {
            return line.replacen(what, &painted(what, style), 1) + end;
        }
    }
    for (what, style) in AT_THE_END {
        if let Some(rest) = line.strip_suffix(what) {
            return format!("{rest}{}{end}", painted(what, style));
        }
    }
    format!("{line}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_coloured_and_nothing_else_is_changed() {
        let text = " guards  r0  145  holds\nWhat holds says nothing\nHolds within these bounds, and\nVIOLATED: x\nplain";
        let coloured = coloured(text);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text);
        let is_coloured: Vec<_> = coloured.lines().map(|line| line.contains('\u{1b}')).collect();
        assert_eq!(is_coloured, [true, false, true, true, false]);
    }
}
