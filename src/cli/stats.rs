//! `--stats`: how a search has grown, level by level, as a table for programs.

use std::fmt::Write as _;

use crate::check::Checked;

/// Comma-separated: a line for each level of each row of the check. `row` is its number in the table, from 1; the times are
/// since the search of the row began, the bytes those of its visited states.
pub(super) fn csv(checked: &Checked) -> String {
    let mut out = "row,judge,byzantine,level,states,frontier,transitions,seconds,bytes\n".to_owned();
    for (row, outcome) in (1..).zip(checked.outcomes()) {
        let whose = outcome.job.whose().replace(',', " ");
        for level in &outcome.levels {
            // A string takes everything.
            let _ = writeln!(
                out,
                "{row},{},{whose},{},{},{},{},{:.3},{}",
                outcome.job.judge,
                level.level,
                level.states,
                level.frontier,
                level.transitions,
                level.elapsed.as_secs_f64(),
                level.bytes
            );
        }
    }
    out
}
