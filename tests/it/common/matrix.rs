//! The fast rows of the kill matrix. Several tests ask about them, so each is run once for all.

use std::sync::LazyLock;

use bft_check::bugs::{Expected, RULEBOOKS, Rulebook, Run};
use bft_check::check::{Job, Limits, Outcome, Progress, Row, run_row};
use bft_check::model::Property;
use rayon::prelude::*;

/// All rows, the slow ones too.
pub fn runs() -> impl Iterator<Item = (&'static Rulebook, &'static Run)> {
    RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)))
}

/// Whether a row takes moments: safety in one view, without checkpoints.
fn is_quick(run: &Run) -> bool {
    let is_of_one_view = run.scope.views == 1 && run.scope.checkpoint.is_none() && !run.slow;
    is_of_one_view && !run.asks_for().is_some_and(Property::is_liveness)
}

/// What came of the rows that take moments.
pub static QUICK: LazyLock<Vec<Row>> = LazyLock::new(|| rows(is_quick));

/// What came of the others, but for those that take minutes.
pub static OTHERS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(|run| !run.slow && !is_quick(run)));

/// All threads of rayon run the rows. None of them may wait for what it runs itself, so only a test's own thread may ask for them.
fn rows(wanted: impl Fn(&Run) -> bool) -> Vec<Row> {
    let wanted: Vec<_> = runs().filter(|(_, run)| wanted(run)).collect();
    let row = |(rulebook, run)| run_row(rulebook, run, &Limits::default(), &Progress::default()).unwrap();
    wanted.into_par_iter().map(row).collect()
}

/// All fast rows.
pub fn fast() -> Vec<&'static Row> {
    QUICK.iter().chain(&*OTHERS).collect()
}

/// What came of a job of some row, if it was one, with the property that its row asks about.
pub fn outcome(
    rows: &[&'static Row],
    rulebook: &Rulebook,
    job: &Job,
    property: Option<Property>,
) -> Option<&'static Outcome> {
    let asks = |row: &&&'static Row| match row.run.expected {
        Expected::Violated(asked) => property == Some(asked),
        Expected::Holds => property.is_none(),
    };
    let rows = rows.iter().filter(|row| row.rulebook.name == rulebook.name).filter(asks);
    rows.flat_map(|row| &row.outcomes).find(|outcome| outcome.job == *job)
}
