//! Judge *unbounded* never says of a broken rulebook that it holds: it finds the violation or says which of its assumptions fails.

mod equivalent;
mod untold;
mod wrong;

use bft_check::check::{Job, JudgeKind, Limits, Progress, Verdict, jobs, run};
use bft_check::model::{Bound, Byzantine, Reductions, Scope, UnboundedModel};
use bft_check::pbft::Rules;
use rayon::prelude::*;

/// What judge *unbounded* says by default, and without its reductions.
fn said(rules: &'static dyn Rules, scope: Scope, reductions: Reductions) -> Verdict {
    let bound = Bound::new(scope, []);
    let mut all = jobs(JudgeKind::Unbounded, &bound, &Byzantine::Count(1), rules).unwrap();
    let job = Job { reductions, ..all.swap_remove(0) };
    run(&job, rules, None, &Limits::default(), None, &Progress::default()).unwrap().verdict
}

/// Fails on the rulebooks of which it is said that they hold, or nothing at all.
fn none_holds(rulebooks: &[&'static dyn Rules], scope: Scope, reductions: Reductions) {
    let passes = |&rules: &&'static dyn Rules| {
        let verdict = said(rules, scope, reductions);
        let is_clean = !matches!(verdict, Verdict::Violated { .. } | Verdict::Refused(_));
        is_clean.then(|| format!("{rules:?}: {verdict:?}"))
    };
    let passed: Vec<String> = rulebooks.par_iter().filter_map(passes).collect();
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn no_wrong_rulebook_comes_out_clean() {
    assert!(wrong::ALL.len() >= 40, "{}", wrong::ALL.len());
    let takes_long = |rules: &&&'static dyn Rules| wrong::TAKE_LONG.contains(&&*format!("{rules:?}"));
    let (one, two): (Vec<_>, Vec<_>) = wrong::ALL.iter().partition(takes_long);
    assert_eq!(one.len(), wrong::TAKE_LONG.len());
    none_holds(&two, Scope::DEFAULT, Reductions::ALL);
    none_holds(&one, Scope { requests: 1, ..Scope::DEFAULT }, Reductions::ALL);
}

/// With one request some of them have nothing to disagree about.
///
/// What the judge assumes it tries before it looks at its reductions. Whom it refuses for that it refuses in the same way with all of
/// them, which the test above asks of all and this one of one.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn no_wrong_rulebook_comes_out_clean_without_reductions() {
    let takes_two = |rules: &&&'static dyn Rules| wrong::TAKE_TWO_REQUESTS.contains(&&*format!("{rules:?}"));
    let (two, one): (Vec<_>, Vec<_>) = wrong::ALL.iter().partition(takes_two);
    assert_eq!(two.len(), wrong::TAKE_TWO_REQUESTS.len());
    let mut explored = Vec::new();
    for (rulebooks, scope) in [(two, Scope::DEFAULT), (one, Scope { requests: 1, ..Scope::DEFAULT })] {
        let is_refused =
            |rules: &&'static dyn Rules| UnboundedModel::new(scope, 1, *rules).unwrap().refusal().is_some();
        let (refused, others): (Vec<_>, Vec<_>) = rulebooks.into_iter().partition(is_refused);
        explored.extend(others.iter().map(|rules| format!("{rules:?}")));
        let asked: Vec<_> = refused.into_iter().take(1).chain(others).collect();
        none_holds(&asked, scope, Reductions::NONE);
    }
    assert_eq!(explored, wrong::TAKE_TWO_REQUESTS);
}

/// The same rules in other words are the same rules.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn equivalent_rulebooks_hold() {
    for &rules in equivalent::ALL {
        let verdict = said(rules, Scope::DEFAULT, Reductions::ALL);
        assert!(matches!(verdict, Verdict::Holds), "{rules:?}: {verdict:?}");
    }
}
