//! Tables for people: as wide as what is in them, or as wide as the screen. Numbers and names are never broken; prose wraps
//! between words, and where not even that fits it stands below its row; where that does not fit either, a row is a paragraph.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use textwrap::core::display_width;

/// What stands in a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A name: whole, at the left.
    Name,
    /// A number: whole, at the right.
    Number,
    /// Words.
    Prose,
}

/// A column: what its head says, and what stands in it.
pub(crate) type Column<'a> = (&'a str, Kind);

/// The blanks at both sides of a cell, together.
const PADDING: usize = 2;
/// How far what stands below a row is moved in.
const INDENT: &str = "     ";

/// A table of these rows, of which each has a cell for each column, in so many columns of a screen if that is given. Ends
/// without a line break.
pub(crate) fn table(columns: &[Column<'_>], rows: &[Vec<String>], screen: Option<usize>) -> String {
    let cells = |place: usize| rows.iter().filter_map(move |row| row.get(place)).map(String::as_str);
    let widest = |place: usize| cells(place).chain([columns[place].0]).map(display_width).max().unwrap_or(0);
    let longest_word = |place: usize| {
        let words = cells(place).chain([columns[place].0]).flat_map(str::split_whitespace);
        words.map(display_width).max().unwrap_or(0)
    };
    let least = |place: usize| match columns[place].1 {
        Kind::Prose => longest_word(place),
        Kind::Name | Kind::Number => widest(place),
    };
    let sum =
        |of: &dyn Fn(usize) -> usize| (0..columns.len()).map(|place| of(place) + PADDING).sum::<usize>();
    match screen {
        Some(screen) if sum(&least) > screen => stacked(columns, rows, screen),
        Some(screen) if sum(&widest) > screen => {
            let mut table = plain(columns, rows);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(screen).unwrap_or(u16::MAX));
            for (place, column) in table.column_iter_mut().enumerate() {
                let fixed = |width: usize| Width::Fixed(u16::try_from(width + PADDING).unwrap_or(u16::MAX));
                column.set_constraint(match columns[place].1 {
                    Kind::Prose => ColumnConstraint::LowerBoundary(fixed(longest_word(place))),
                    Kind::Name | Kind::Number => ColumnConstraint::Absolute(fixed(widest(place))),
                });
            }
            table.trim_fmt()
        }
        _ => plain(columns, rows).trim_fmt(),
    }
}

/// A table as wide as what is in it.
fn plain(columns: &[Column<'_>], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(columns.iter().map(|(head, _)| *head));
    for row in rows {
        table.add_row(row);
    }
    for (column, (_, kind)) in table.column_iter_mut().zip(columns) {
        if *kind == Kind::Number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Each row as a paragraph, a line for each cell.
fn paragraphs(columns: &[Column<'_>], rows: &[Vec<String>], screen: usize) -> String {
    let mut out = Vec::new();
    for row in rows {
        for (place, (cell, (head, _))) in row.iter().zip(columns).enumerate() {
            let indent = if place == 0 { " " } else { INDENT };
            out.extend(wrapped(&format!("{head}: {cell}"), screen, indent));
        }
    }
    out.join("\n")
}

/// A table of what is whole, with the words of each row below it; where that does not fit either, each row as a paragraph.
fn stacked(columns: &[Column<'_>], rows: &[Vec<String>], screen: usize) -> String {
    let is_prose = |place: usize| columns[place].1 == Kind::Prose;
    let whole: Vec<_> = (0..columns.len()).filter(|&place| !is_prose(place)).collect();
    let heads: Vec<_> = whole.iter().map(|&place| columns[place]).collect();
    let of_row = |row: &Vec<String>| whole.iter().filter_map(|&place| row.get(place).cloned()).collect();
    let short: Vec<Vec<String>> = rows.iter().map(of_row).collect();
    let text = plain(&heads, &short).trim_fmt();
    if text.lines().any(|line| display_width(line) > screen) {
        return paragraphs(columns, rows, screen);
    }
    let mut lines = text.lines();
    let mut out: Vec<String> = lines.by_ref().take(1).map(str::to_owned).collect();
    for (line, row) in lines.zip(rows) {
        out.push(line.to_owned());
        for (place, cell) in row.iter().enumerate().filter(|(place, _)| is_prose(*place)) {
            let said = format!("{}: {cell}", columns[place].0);
            out.extend(said.lines().flat_map(|line| wrapped(line, screen, INDENT)));
        }
    }
    out.join("\n")
}

fn wrapped(line: &str, screen: usize, indent: &str) -> Vec<String> {
    let options = textwrap::Options::new(screen)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    // A paragraph stays one.
    let further = if indent.is_empty() { String::new() } else { format!("{indent}  ") };
    let options = options.initial_indent(indent).subsequent_indent(&further);
    textwrap::wrap(line, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A text whose lines are broken between words where they are longer than the screen is wide; what goes on is moved in a
/// little farther.
pub(crate) fn fitted(text: &str, screen: Option<usize>) -> String {
    let Some(screen) = screen else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if display_width(line) <= screen {
            out.push_str(line);
        } else {
            let start = line.trim_start();
            let indent = &line[..line.len() - start.len()];
            out.push_str(&wrapped(start, screen, indent).join("\n"));
        }
        out.push_str(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |name: &str, number: &str, words: &str| {
            vec![name.to_owned(), number.to_owned(), words.to_owned()]
        };
        vec![
            row("unchecked-new-view", "25,996", "VIOLATED: certificate-unique, in 5 steps"),
            row("a", "1", "holds"),
        ]
    }

    const COLUMNS: [Column<'_>; 3] =
        [("name", Kind::Name), ("states", Kind::Number), ("verdict", Kind::Prose)];

    #[test]
    fn a_table_fits_and_breaks_no_name_and_no_number() {
        let whole = table(&COLUMNS, &rows(), None);
        assert_eq!(whole.lines().count(), 3);
        for screen in 20..120 {
            let text = table(&COLUMNS, &rows(), Some(screen));
            for word in ["unchecked-new-view", "25,996", "certificate-unique,", "VIOLATED:"] {
                assert!(
                    text.split_whitespace().any(|it| it == word),
                    "{word} is broken at {screen}:\n{text}"
                );
            }
            // The least that the longest cell takes, with its head.
            if screen >= 30 {
                let widest = text.lines().map(display_width).max();
                assert!(widest <= Some(screen), "{widest:?} of {screen}:\n{text}");
            }
        }
        assert_eq!(table(&COLUMNS, &rows(), Some(200)), whole);
    }

    #[test]
    fn words_that_do_not_fit_stand_below_their_row() {
        let text = table(&COLUMNS, &rows(), Some(40));
        let expected = " name                states\n unchecked-new-view  25,996\n     verdict: VIOLATED:\n       certificate-unique, in 5 steps\n a                        1\n     verdict: holds";
        assert_eq!(text, expected);
    }

    #[test]
    fn lines_are_broken_between_words() {
        let text = "It says that nothing is said.\n   moved in, and long enough\nshort\n";
        let expected = "It says that\nnothing is said.\n   moved in, and\n     long enough\nshort\n";
        assert_eq!(fitted(text, Some(17)), expected);
        assert_eq!(fitted(text, None), text);
        assert_eq!(fitted("unbreakable-name-of-length", Some(5)), "unbreakable-name-of-length");
    }
}
