//! The same verdicts on the corpus, with and without reductions; and what is found with them is a violation by the definition
//! of what it violates.

use std::collections::BTreeSet;

use bft_check::bugs::{Class, Expected, RULEBOOKS, Rulebook};
use bft_check::check::{Job, JudgeKind, Limits, Outcome, Progress, Row, Verdict, run};
use bft_check::model::{Bound, Byzantine, Property, Reductions, UnboundedModel, placements};
use bft_check::pbft::Committee;
use rayon::prelude::*;

use super::{alone, left_behind};
use crate::common::definitions::violates;
use crate::common::matrix;

/// What takes more states than these without reductions is not asked with them.
const MOST: u64 = 30_000;

/// Of this one judge *guards* says after so many states that it cannot judge it, and finds what is violated after many more.
const REFUSED_BEFORE: &str = "unchecked-new-view";

/// Whether the rows of a rulebook are compared.
pub fn is_compared(rulebook: &Rulebook) -> bool {
    matches!(rulebook.class, Class::Safety | Class::Client | Class::Control)
}

/// The runs that are told are no search.
fn searched(rulebook: &Rulebook) -> impl Iterator<Item = (Job, Option<Property>)> {
    let is_searched = |run: &&bft_check::bugs::Run| !run.slow && run.script.is_empty();
    let runs = rulebook.runs.iter().filter(|_| is_compared(rulebook)).filter(is_searched);
    runs.flat_map(|run| {
        let committee = Committee::new(run.scope.replicas, run.scope.faults).unwrap();
        let byzantine = match run.byzantine {
            Some(ids) => Byzantine::Ids(ids.to_vec()),
            None => Byzantine::Count(run.scope.faults),
        };
        let property = match run.expected {
            Expected::Violated(property) if property != Property::NoDeadEnd => Some(property),
            _ => None,
        };
        let placements = placements(&byzantine, committee, run.scope.views, rulebook.rules);
        let job = |ids| Job::new(JudgeKind::Guards, Bound::new(run.scope, ids));
        placements.into_iter().map(move |ids| (job(ids), property)).collect::<Vec<_>>()
    })
}

/// What is violated, or that nothing is, or why nothing is said.
type Said = Result<Option<Property>, String>;

/// The verdict; none if there are too many states to say.
fn said(job: &Job, rulebook: &Rulebook, property: Option<Property>) -> Option<Said> {
    let (limits, progress) = (Limits { max_states: Some(MOST), ..Limits::default() }, Progress::default());
    match run(job, rulebook.rules, property, &limits, None, &progress) {
        Ok(outcome) => verdict(&outcome, rulebook),
        Err(error) => Some(Err(error.to_string())),
    }
}

fn verdict(outcome: &Outcome, rulebook: &Rulebook) -> Option<Said> {
    Some(match &outcome.verdict {
        Verdict::Holds | Verdict::Vacuous => Ok(None),
        Verdict::Violated { property, trace, .. } => {
            let by = || format!("{} with {}", rulebook.name, outcome.job.reductions);
            assert!(trace.violation(*property).is_some(), "{}: it was replayed", by());
            assert!(violates(*property, trace), "{}: {}", by(), trace.to_text(Some(*property)));
            Ok(Some(*property))
        }
        Verdict::Refused(why) => Err(why.clone()),
        Verdict::NotExhausted(_) => return None,
        other => panic!("{other:?}"),
    })
}

/// The verdict without reductions: of what the matrix asks too it is known.
fn plain(job: &Job, rulebook: &Rulebook, property: Option<Property>, rows: &[&'static Row]) -> Option<Said> {
    match matrix::outcome(rows, rulebook, job, property) {
        Some(known) if rulebook.name != REFUSED_BEFORE => {
            verdict(known, rulebook).filter(|_| known.coverage.states <= MOST)
        }
        _ => said(job, rulebook, property),
    }
}

/// What became of the corpus with some reductions.
#[derive(Default)]
struct Compared {
    violated: u32,
    refused: BTreeSet<&'static str>,
}

/// How many rows of the corpus are violated, and which rulebooks are refused, with each of these reductions; all others say
/// the same as without.
fn compared<const N: usize>(names: [&str; N]) -> [Compared; N] {
    let all: [Reductions; N] = names.map(|names| names.parse().unwrap());
    let (rows, nothing) = (matrix::fast(), || std::array::from_fn(|_| Compared::default()));
    let of_each = RULEBOOKS.par_iter().map(|rulebook| compared_under(rulebook, all, &rows));
    of_each.reduce(nothing, |mut sum, more| {
        for (sum, more) in sum.iter_mut().zip(more) {
            sum.violated += more.violated;
            sum.refused.extend(more.refused);
        }
        sum
    })
}

fn compared_under<const N: usize>(
    rulebook: &'static Rulebook,
    all: [Reductions; N],
    rows: &[&'static Row],
) -> [Compared; N] {
    let mut compared = std::array::from_fn(|_| Compared::default());
    for (job, property) in searched(rulebook) {
        let Some(plain) = plain(&job, rulebook, property, rows) else { continue };
        for (reductions, compared) in all.into_iter().zip(&mut compared) {
            let reduced = Job { reductions, ..job.clone() };
            let reduced = said(&reduced, rulebook, property).expect("it has no more states");
            // Names can matter to a rulebook, and who has decided; no violation is lost to that.
            let is_out_of_bounds = |why: &String| why.contains("who has decided matters with clients");
            if reductions.quotient && reduced.as_ref().is_err_and(is_out_of_bounds) {
                continue;
            }
            let takes_part = job.bound.scope.clients || job.bound.scope.reads > 0;
            if (reductions.symmetry || reductions.quotient)
                && reduced.is_err()
                && (takes_part || plain == Ok(None))
            {
                compared.refused.insert(rulebook.name);
                continue;
            }
            // What is met first, a violation or a reason to refuse, is up to the order of the search.
            let (is_clean, also) = (plain == Ok(None), reduced == Ok(None));
            assert_eq!(is_clean, also, "{}: {plain:?}, {reduced:?}", rulebook.name);
            let (Ok(plain), Ok(reduced)) = (&plain, reduced) else { continue };
            // Of all properties together, the one that is violated first may be another.
            assert!(property.is_none() || *plain == reduced);
            compared.violated += u32::from(plain.is_some());
        }
    }
    compared
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn the_verdicts_on_the_corpus_are_the_same() {
    let [silent, named, silent_named, decided, silent_decided] =
        compared(["silent", "symmetry", "silent,symmetry", "quotient", "silent,quotient"]);
    assert!(silent.violated > 25 && silent.refused.is_empty(), "{}", silent.violated);
    for compared in [named, silent_named] {
        assert!(compared.violated > 30, "{}", compared.violated);
        // In the last three clients take part. Of votes that a rule blind to digests tells apart no longer, one is sent
        // for all: the one whose digest comes first.
        let refused =
            ["digest-blind", "digest-blind-commit", "mixed-replies", "single-reply", "unordered-reads"];
        assert_eq!(compared.refused, BTreeSet::from(refused));
    }
    for compared in [decided, silent_decided] {
        assert!(compared.violated > 15, "{}", compared.violated);
        // In it a replica decides what it holds no certificate for, and can hold one afterwards only if it has not decided.
        assert_eq!(compared.refused, BTreeSet::from(["decides-unprepared"]));
    }
}

/// Judge *unbounded* tries what it assumes before it knows of any reduction: whom it refuses then it refuses with all of them, so
/// that a search would add nothing.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn the_verdicts_of_judge_unbounded_on_the_corpus_are_the_same() {
    let mut explored = Vec::new();
    for rulebook in RULEBOOKS {
        let scope = rulebook.smallest();
        let within = scope.checkpoint.is_none() && scope.crashes == 0 && scope.reads == 0 && !scope.clients;
        if rulebook.class != Class::Safety || !within || scope.slots > 1 || scope.replicas != 4 {
            continue;
        }
        if UnboundedModel::new(scope, 1, rulebook.rules).unwrap().refusal().is_some() {
            continue;
        }
        explored.push(rulebook.name);
        let (_, _, violated, refused) = left_behind(scope, rulebook.rules, Reductions::NONE);
        for reductions in alone() {
            let (_, _, also, also_refused) = left_behind(scope, rulebook.rules, reductions);
            // What is met first, a violation or a reason to refuse, is up to the order of the search.
            let is_clean = |violated: bool, refused: bool| !violated && !refused;
            let (one, other) =
                (is_clean(violated.is_some(), refused), is_clean(also.is_some(), also_refused));
            assert_eq!(one, other, "{}, {reductions}", rulebook.name);
        }
    }
    assert!(explored.len() > 5, "{explored:?}");
}
