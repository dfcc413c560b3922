//! What the judges leave out, against the same judges without: verdicts, and what can be reached.

#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bft_check::bugs::{Class, Expected, RULEBOOKS, Rulebook};
use bft_check::check::{End, Job, JudgeKind, Limits, Progress, Verdict, run, search};
use bft_check::model::{
    Absorbed, AbsorbedState, Between, Bound, ByGuards as _, Byzantine, Fingerprint, NO_DEAD_END, Reduced,
    Reductions, Scope, Symmetric, System, Views, ViewsState, fingerprint, placements,
};
use bft_check::pbft::{Batch, Castro99, Committee, ReplicaId, Rules, Setting, SignedRequest, VoteSet};
use stateright::Model as _;

/// What a state is, whatever its numbers.
fn content(judge: &Absorbed, state: &AbsorbedState) -> Vec<Fingerprint> {
    let content = |&number: &u32| {
        let (local, mut sent) = judge.numbered(number).unwrap();
        sent.sort_unstable();
        fingerprint(&(local, sent))
    };
    judge.numbers(state).iter().map(content).collect()
}

fn system(scope: Scope, byzantine: &[u16], rules: &'static dyn Rules) -> Arc<System> {
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    Arc::new(System::new(bound, rules).unwrap())
}

/// How many states there are with and without putting silent steps off; both have to stand for the same.
fn states_of_judge_2(scope: Scope, byzantine: &[u16], rules: &'static dyn Rules) -> (u64, u64) {
    let (limits, progress) = (Limits::default(), Progress::default());
    let judge = Absorbed::new(system(scope, byzantine, rules));
    let mut all = BTreeSet::new();
    let report = search(&judge, &[], &limits, &progress, |state| {
        all.insert(content(&judge, state));
    });
    assert_eq!(report.end, End::Exhausted);
    let reduced = Reduced::new(Absorbed::new(system(scope, byzantine, rules)));
    let mut stood_for = BTreeSet::new();
    let fewer = search(&reduced, &[], &limits, &progress, |state| {
        stood_for.extend(reduced.stands_for(state).iter().map(|state| content(reduced.judge(), state)));
    });
    assert_eq!(fewer.end, End::Exhausted);
    assert_eq!(all.len() as u64, report.coverage.states);
    assert_eq!(all, stood_for, "{scope}, {byzantine:?}");
    (report.coverage.states, fewer.coverage.states)
}

const ONE_REQUEST: Scope = Scope { requests: 1, ..Scope::DEFAULT };

#[test]
fn putting_silent_steps_off_leaves_out_no_state_of_judge_2() {
    for byzantine in 0..3 {
        let (all, fewer) = states_of_judge_2(Scope::DEFAULT, &[byzantine], &Castro99);
        assert!(fewer * 3 < all * 2, "{fewer} of {all}");
    }
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    for scope in [
        Scope { slots: 2, ..one_view },
        Scope { checkpoint: Some(1), requests: 1, ..one_view },
        Scope { crashes: 1, ..one_view },
        Scope { crashes: 1, ..ONE_REQUEST },
    ] {
        for byzantine in [&[0][..], &[3]] {
            let (all, fewer) = states_of_judge_2(scope, byzantine, &Castro99);
            assert!(fewer < all, "{scope}: {fewer} of {all}");
        }
    }
    // Clients are never put off.
    states_of_judge_2(Scope { clients: true, requests: 1, ..one_view }, &[0], &Castro99);
}

/// How many states there are, how many of them stand for all others, also with silent steps put off, and how many states
/// one of them stands for at most.
fn states_up_to_names(scope: Scope, byzantine: &[u16]) -> (u64, u64, u64, usize) {
    let (limits, progress) = (Limits::default(), Progress::default());
    let shared = || system(scope, byzantine, &Castro99);
    let judge = Absorbed::new(shared());
    let mut all = BTreeSet::new();
    let report = search(&judge, &[], &limits, &progress, |state| {
        all.insert(content(&judge, state));
    });
    assert_eq!(report.end, End::Exhausted);
    let named = Symmetric::new(shared(), |judge| judge).unwrap();
    let mut stood_for = BTreeSet::new();
    let fewer = search(&named, &[], &limits, &progress, |state| {
        stood_for.extend(named.orbit(state).iter().map(|state| content(named.judge(), state)));
    });
    assert_eq!((fewer.end, named.refused()), (End::Exhausted, None));
    assert!(all == stood_for, "{scope}, {byzantine:?}: {} and {}", all.len(), stood_for.len());

    let silent = Symmetric::new(shared(), Reduced::new).unwrap();
    let mut stood_for = BTreeSet::new();
    let fewest = search(&silent, &[], &limits, &progress, |state| {
        for state in silent.orbit(state) {
            let all = silent.inner().stands_for(&state);
            stood_for.extend(all.iter().map(|state| content(silent.judge(), state)));
        }
    });
    assert_eq!((fewest.end, silent.refused()), (End::Exhausted, None));
    assert!(all == stood_for, "{scope}, {byzantine:?}: {} and {}", all.len(), stood_for.len());
    (report.coverage.states, fewer.coverage.states, fewest.coverage.states, named.order())
}

#[test]
fn of_states_that_differ_in_names_alone_one_stands_for_all() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    for (scope, byzantine, order) in [
        (Scope::DEFAULT, &[0][..], 2),
        (Scope::DEFAULT, &[1], 2),
        (Scope::DEFAULT, &[2], 1),
        (Scope { slots: 2, ..one_view }, &[0], 12),
        (Scope { slots: 2, ..one_view }, &[3], 4),
        (Scope { checkpoint: Some(1), requests: 1, ..one_view }, &[3], 2),
        (Scope { crashes: 1, ..one_view }, &[0], 6),
        (Scope { crashes: 1, ..ONE_REQUEST }, &[0], 2),
    ] {
        let (all, fewer, fewest, trades) = states_up_to_names(scope, byzantine);
        assert_eq!(trades, order, "{scope}, {byzantine:?}");
        assert!(order == 1 || fewer * 4 < all * 3, "{scope}, {byzantine:?}: {fewer} of {all}");
        assert!(fewest < fewer, "{scope}, {byzantine:?}: {fewest} of {fewer}");
    }
}

/// Nothing that replica 3 votes is counted.
#[derive(Clone, Copy, Debug)]
struct Deaf;

impl Rules for Deaf {
    fn counts_vote(&self, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
        from != ReplicaId(3) && Castro99.counts_vote(voters, from)
    }

    fn as_rules(&self) -> &dyn Rules {
        self
    }
}

/// A request with a high digest is none.
#[derive(Clone, Copy, Debug)]
struct Partial;

impl Rules for Partial {
    fn authentic(&self, setting: &Setting, request: &SignedRequest) -> bool {
        let digest = Batch::new([request.clone()]).digest();
        Castro99.authentic(setting, request) && digest.as_bytes()[0] < 0xa0
    }

    fn as_rules(&self) -> &dyn Rules {
        self
    }
}

#[test]
fn a_rulebook_to_which_names_matter_is_refused() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    let (limits, progress) = (Limits::default(), Progress::default());
    for (rules, byzantine) in [(&Deaf as &'static dyn Rules, 0), (&Partial, 1)] {
        for names in ["symmetry", "silent,symmetry"] {
            let mut job = Job::new(JudgeKind::Absorbed, Bound::new(one_view, [ReplicaId(byzantine)]));
            let plain = run(&job, rules, Some("agreement"), &limits, None, &progress).unwrap();
            assert!(matches!(plain.verdict, Verdict::Holds), "{rules:?}: {:?}", plain.verdict);
            job.reductions = names.parse().unwrap();
            let named = run(&job, rules, Some("agreement"), &limits, None, &progress).unwrap();
            let Verdict::Refused(why) = &named.verdict else { panic!("{rules:?}: {:?}", named.verdict) };
            assert!(why.starts_with("names matter under this rulebook"), "{why}");
        }
    }
}

/// The runs that are told are no search.
fn searched(rulebook: &Rulebook) -> impl Iterator<Item = (Job, Option<&'static str>)> {
    let safety = matches!(rulebook.class, Class::Safety | Class::Client | Class::Control);
    let runs = rulebook.runs.iter().filter(move |run| safety && !run.slow && run.told.is_empty());
    runs.flat_map(|run| {
        let committee = Committee::new(run.scope.replicas, run.scope.faults).unwrap();
        let byzantine = match run.byzantine {
            Some(ids) => Byzantine::Ids(ids.to_vec()),
            None => Byzantine::Count(run.scope.faults),
        };
        let property = match run.expected {
            Expected::Violated(property) if property != NO_DEAD_END => Some(property),
            _ => None,
        };
        let placements = placements(&byzantine, committee, run.scope.views, rulebook.rules);
        let job = |ids| Job::new(JudgeKind::Absorbed, Bound::new(run.scope, ids));
        placements.into_iter().map(move |ids| (job(ids), property)).collect::<Vec<_>>()
    })
}

/// What is violated, or that nothing is; nothing if there are too many states to say.
fn verdict(
    job: &Job,
    rulebook: &Rulebook,
    property: Option<&str>,
) -> Option<Result<Option<&'static str>, String>> {
    let (limits, progress) = (Limits { max_states: Some(30_000), ..Limits::default() }, Progress::default());
    Some(match run(job, rulebook.rules, property, &limits, None, &progress).unwrap().verdict {
        Verdict::Holds => Ok(None),
        Verdict::Violated { property, trace, .. } => {
            assert!(trace.violation(property).is_some(), "it was replayed");
            Ok(Some(property))
        }
        Verdict::Refused(why) => Err(why),
        Verdict::NotExhausted(_) => return None,
    })
}

/// How many rows of the corpus are violated, and which rulebooks are refused, with reductions; all others say the same as
/// without.
fn compared(reductions: Reductions) -> (u32, BTreeSet<&'static str>) {
    let (mut violated, mut refused) = (0, BTreeSet::new());
    for rulebook in RULEBOOKS {
        for (job, property) in searched(rulebook) {
            let reduced = Job { reductions, ..job.clone() };
            let takes_part = job.bound.clients || job.bound.reads > 0;
            let Some(plain) = verdict(&job, rulebook, property) else { continue };
            let reduced = verdict(&reduced, rulebook, property).expect("it has no more states");
            // Names can matter to a rulebook; no violation is lost to that.
            if reductions.symmetry && reduced.is_err() && (takes_part || plain == Ok(None)) {
                refused.insert(rulebook.name);
                continue;
            }
            assert_eq!(plain.is_err(), reduced.is_err(), "{}: {plain:?}, {reduced:?}", rulebook.name);
            let (Ok(plain), Ok(reduced)) = (plain, reduced) else { continue };
            // Of all properties together, the one that is violated first may be another.
            assert_eq!(plain.is_some(), reduced.is_some(), "{}: {plain:?}, {reduced:?}", rulebook.name);
            assert!(property.is_none() || plain == reduced);
            violated += u32::from(plain.is_some());
        }
    }
    (violated, refused)
}

#[test]
fn the_verdicts_on_the_corpus_are_the_same_with_silent_steps_put_off() {
    let (violated, refused) = compared(Reductions { silent: true, ..Reductions::NONE });
    assert!(violated > 25 && refused.is_empty(), "{violated}");
}

#[test]
fn the_verdicts_on_the_corpus_are_the_same_up_to_names() {
    for names in ["symmetry", "silent,symmetry"] {
        let (violated, refused) = compared(names.parse().unwrap());
        assert!(violated > 30, "{names}: {violated}");
        // In these clients take part.
        assert_eq!(refused, BTreeSet::from(["mixed-replies", "single-reply", "unordered-reads"]), "{names}");
    }
}

/// What is left behind, whatever the adversary shows of it, as far as it does not count who has decided what.
fn whoever_decided(between: &Between, requests: u32) -> BTreeSet<Between> {
    between.clone().of_nobody_in_particular(requests as u16).weaker(requests as u16)
}

/// What is left behind in any number of views, whatever the adversary shows of it, and how many states there were
/// within views.
fn left_behind(
    scope: Scope,
    rules: &'static dyn Rules,
    reductions: Reductions,
) -> (BTreeSet<Between>, u64, Option<&'static str>, bool) {
    let model = Views::new(scope, 1, rules).unwrap().reduced_by(reductions);
    let mut met = BTreeSet::new();
    let report = search(&model, &model.properties(), &Limits::default(), &Progress::default(), |state| {
        if let ViewsState::Between(between) = state {
            met.extend(whoever_decided(between, scope.requests));
        }
    });
    let violated = match report.end {
        End::Violated { property, .. } => Some(property),
        _ => None,
    };
    (met, model.within(), violated, model.refusal().is_some())
}

fn alone() -> impl Iterator<Item = Reductions> {
    let each = ["silent", "ample", "most", "alike", "decided", "entered"];
    each.into_iter().chain(["silent,ample", "decided,entered", "all"]).map(|names| names.parse().unwrap())
}

#[test]
fn no_reduction_of_judge_3_loses_what_can_be_left_behind() {
    for scope in [ONE_REQUEST, Scope::DEFAULT] {
        let (all, within, ..) = left_behind(scope, &Castro99, Reductions::NONE);
        for reductions in alone() {
            let (met, fewer, violated, refused) = left_behind(scope, &Castro99, reductions);
            assert_eq!((violated, refused), (None, false));
            assert_eq!(met, all, "{scope}, {reductions}");
            // What is followed for all pasts is more than one past needs, unless there are many.
            let visits_fewer = reductions == Reductions::ALL
                || !reductions.entered && reductions != Reductions { alike: true, ..Reductions::NONE };
            assert!(!visits_fewer || fewer < within, "{scope}, {reductions}: {fewer} of {within}");
        }
    }
}

/// With seven replicas there are more that are alike, and more votes than it takes.
#[test]
fn it_does_not_matter_who_of_seven_replicas_has_sent_what() {
    let scope = Scope { replicas: 7, faults: 2, ..ONE_REQUEST };
    let left = |reductions| {
        let model = Views::new(scope, 2, &Castro99).unwrap().reduced_by(reductions);
        let mut met = BTreeSet::new();
        let report = search(&model, &model.properties(), &Limits::default(), &Progress::default(), |state| {
            met.insert(state.clone());
        });
        assert_eq!((report.end, model.refusal()), (End::Exhausted, None));
        (met, model.within())
    };
    assert_eq!(left(Reductions::ALL), left(Reductions { alike: false, ..Reductions::ALL }));
}

/// With two slots, steps for one get in the way of none for the other.
#[test]
fn what_a_view_of_two_slots_leaves_behind_is_the_same() {
    let scope = Scope { slots: 2, ..Scope::DEFAULT };
    let first = |reductions| {
        let model = Views::new(scope, 1, &Castro99).unwrap().reduced_by(reductions);
        let mut next = Vec::new();
        model.actions(&ViewsState::Start, &mut next);
        let all: BTreeSet<Between> = next
            .into_iter()
            .flat_map(|state| match state {
                ViewsState::Between(between) => whoever_decided(&between, 2),
                other => panic!("{other:?}"),
            })
            .collect();
        (all, model.within())
    };
    let (all, within) = first(Reductions::NONE);
    assert!(all.len() > 50);
    for reductions in alone() {
        let (met, fewer) = first(reductions);
        assert_eq!(met, all, "{reductions}");
        assert!(!reductions.silent || fewer < within, "{reductions}: {fewer} of {within}");
    }
}

#[test]
fn the_verdicts_of_judge_3_on_the_corpus_are_the_same() {
    for rulebook in RULEBOOKS {
        let scope = rulebook.smallest();
        let within = scope.checkpoint.is_none() && scope.crashes == 0 && scope.reads == 0 && !scope.clients;
        if rulebook.class != Class::Safety || !within || scope.slots > 1 || scope.replicas != 4 {
            continue;
        }
        let (_, _, violated, refused) = left_behind(scope, rulebook.rules, Reductions::NONE);
        for reductions in alone() {
            let (_, _, also, also_refused) = left_behind(scope, rulebook.rules, reductions);
            assert_eq!(
                (also.is_some(), also_refused),
                (violated.is_some(), refused),
                "{}, {reductions}",
                rulebook.name
            );
        }
    }
}

/// A check meets messages in walks before it searches: that changes no count.
#[test]
fn what_is_met_before_the_search_changes_no_count() {
    for scope in [
        Scope::DEFAULT,
        Scope { crashes: 1, ..ONE_REQUEST },
        Scope { clients: true, ..ONE_REQUEST },
        Scope { checkpoint: Some(1), views: 1, ..ONE_REQUEST },
    ] {
        for byzantine in [0, 1, 2] {
            let (limits, progress) = (Limits::default(), Progress::default());
            let judge = Absorbed::new(system(scope, &[byzantine], &Castro99));
            let plain = search(&judge, &[], &limits, &progress, |_| {}).coverage;
            let job = Job::new(JudgeKind::Absorbed, Bound::new(scope, [ReplicaId(byzantine)]));
            let checked = run(&job, &Castro99, None, &limits, None, &progress).unwrap().coverage;
            assert_eq!(
                (plain.states, plain.transitions, plain.depth),
                (checked.states, checked.transitions, checked.depth),
                "{scope}, r{byzantine}"
            );
        }
    }
}
