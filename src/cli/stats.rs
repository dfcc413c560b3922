//! `--stats`: how a search has grown, level by level, as a table for programs.

use std::fmt::Write as _;

#[cfg(feature = "pbft")]
use crate::check::Checked;
use crate::check::Level;
use crate::check::protocol::CheckedProtocol;

/// What is known of how the search of one row has grown.
struct Growth<'a> {
    judge: String,
    byzantine: String,
    levels: &'a [Level],
}

/// The growth of a check of PBFT.
#[cfg(feature = "pbft")]
pub(super) fn of_pbft(checked: &Checked) -> String {
    csv(checked.outcomes().iter().map(|outcome| Growth {
        judge: outcome.job.judge.to_string(),
        byzantine: outcome.job.whose(),
        levels: &outcome.levels,
    }))
}

/// The growth of a check of a protocol of one's own: in the place of the judge stands what was asked, and in that of who is
/// Byzantine the whole adversary.
pub(super) fn of_protocol(checked: &CheckedProtocol) -> String {
    csv(checked.rows().iter().map(|row| Growth {
        judge: row.asked.to_owned(),
        byzantine: row.adversary.clone(),
        levels: &row.levels,
    }))
}

/// Comma-separated: a line for each level of each row of the check. `row` is its number in the table, from 1; the times are
/// since the search of the row began, the bytes those of its visited states.
fn csv<'a>(rows: impl Iterator<Item = Growth<'a>>) -> String {
    let mut out = "row,judge,byzantine,level,states,frontier,transitions,seconds,bytes\n".to_owned();
    for (row, Growth { judge, byzantine, levels }) in (1..).zip(rows) {
        let whose = byzantine.replace(',', " ");
        for Level { level, states, frontier, transitions, elapsed, bytes } in levels {
            let seconds = elapsed.as_secs_f64();
            // A string takes everything.
            let _ = writeln!(
                out,
                "{row},{judge},{whose},{level},{states},{frontier},{transitions},{seconds:.3},{bytes}"
            );
        }
    }
    out
}
