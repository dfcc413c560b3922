//! Judge *unbounded*, which takes one view after the other, against judge *guards*, which interleaves them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bft_check::bugs::{self, Class, RULEBOOKS};
use bft_check::check::{End, Limits, Progress, Report, search, search_unbounded};
use bft_check::model::{
    Bound, BoundaryState, Byzantine, GuardModel, Property, Reductions, Scope, System, UnboundedModel,
    UnboundedState, UnboundedStep, placements,
};
use bft_check::pbft::{Castro99, Committee, ReplicaId, Rules};
use stateright::Model as _;

/// All reductions but that which leaves out states for others.
const ALL_STATES: Reductions = Reductions { subsumed: false, ..Reductions::ALL };

const ONE_REQUEST: Scope = Scope { requests: 1, ..Scope::DEFAULT };

/// Explores all views with these reductions; also everything that is left between two of them.
fn explored(
    scope: Scope,
    byzantine: u16,
    rules: &'static dyn Rules,
    property: Option<Property>,
    reductions: Reductions,
) -> (UnboundedModel, Report<UnboundedStep>, BTreeSet<BoundaryState>) {
    let model = UnboundedModel::new(scope, byzantine, rules).unwrap().reduced_by(reductions);
    let mut properties = model.properties();
    properties.retain(|p| property.is_none_or(|property| property.name() == p.name));
    let mut met = BTreeSet::new();
    // With one thread it is always the same reason for which a rulebook is refused.
    let report = search_unbounded(&model, &properties, &Limits::default(), &Progress::default(), |state| {
        if let UnboundedState::BoundaryState(between) = state {
            met.insert(between.clone());
        }
    });
    (model, report, met)
}

/// What judge *guards* can leave behind in these views, with every placement that `wanted` lets through.
fn left_by_judge_guards(
    scope: Scope,
    model: &UnboundedModel,
    rules: &'static dyn Rules,
    wanted: impl Fn(&[ReplicaId]) -> bool,
) -> BTreeSet<BoundaryState> {
    let committee = Committee::new(scope.replicas, scope.faults).unwrap();
    let mut left = BTreeSet::new();
    for ids in placements(&Byzantine::Count(scope.faults), committee, scope.views, rules) {
        if !wanted(&ids) {
            continue;
        }
        let system = Arc::new(System::new(Bound::new(scope, ids), rules).unwrap());
        let judge = GuardModel::new(system);
        let report = search(&judge, &[], &Limits::default(), &Progress::default(), |state| {
            left.insert(model.left(&judge, state).unwrap());
        });
        assert_eq!(report.end, End::Exhausted);
    }
    left
}

#[test]
fn the_papers_protocol_is_safe_in_any_number_of_views() {
    for (scope, reductions, states) in [
        (ONE_REQUEST, ALL_STATES, 7),
        (Scope::DEFAULT, ALL_STATES, 37),
        (ONE_REQUEST, Reductions::ALL, 3),
        (Scope::DEFAULT, Reductions::ALL, 5),
    ] {
        let (model, report, _) = explored(scope, 1, &Castro99, None, reductions);
        assert_eq!((model.refusal(), &report.end), (None, &End::Exhausted), "{scope}");
        assert_eq!(report.coverage.states, states, "{scope}");
        assert!(UnboundedModel::GOOD.iter().all(|good| model.reached().contains(good)), "{scope}");
    }
}

#[test]
fn the_counts_do_not_depend_on_the_threads() {
    let counts = |threads| {
        let model = UnboundedModel::new(ONE_REQUEST, 1, &Castro99).unwrap();
        let limits = Limits { threads, ..Limits::default() };
        let report = search_unbounded(&model, &model.properties(), &limits, &Progress::default(), |_| {});
        (report.coverage.states, report.coverage.transitions, report.coverage.depth, model.within())
    };
    assert_eq!(counts(1), counts(2));
}

/// All that these allow, where the adversary need not show all that it can.
fn with_weaker(all: &BTreeSet<BoundaryState>, requests: u32) -> BTreeSet<BoundaryState> {
    all.iter().flat_map(|between| between.weaker(requests as u16)).collect()
}

/// In one view both judges leave the same behind: judge *unbounded* only that in which the adversary can show most, and nothing
/// that judge *guards* does not leave.
#[test]
fn one_view_leaves_what_judge_guards_leaves_in_it() {
    for requests in [1, 2] {
        let scope = Scope { views: 1, requests, ..Scope::DEFAULT };
        let model = UnboundedModel::new(scope, 1, &Castro99).unwrap();
        let mut first = Vec::new();
        model.actions(&UnboundedState::Start, &mut first);
        let first: BTreeSet<_> = first
            .into_iter()
            .map(|state| match state {
                UnboundedState::BoundaryState(between) => between,
                other => panic!("{other:?}"),
            })
            .collect();
        let by_judge_guards =
            left_by_judge_guards(scope, &model, &Castro99, |ids| !ids.contains(&ReplicaId(0)));
        assert!(first.len() > 3);
        assert!(first.is_subset(&by_judge_guards), "{requests} requests");
        assert!(by_judge_guards.is_subset(&with_weaker(&first, requests)), "{requests} requests");
    }
}

/// Whatever judge *guards* leaves behind in two views, wherever the Byzantine replica is, judge *unbounded* has met.
#[test]
fn whatever_judge_guards_leaves_behind_was_met() {
    let (model, _, met) = explored(ONE_REQUEST, 1, &Castro99, None, ALL_STATES);
    let met = with_weaker(&met, 1);
    for views in [1, 2] {
        let left = left_by_judge_guards(Scope { views, ..ONE_REQUEST }, &model, &Castro99, |_| true);
        assert!(left.is_subset(&met), "{views} views");
        assert!(left.len() > 3);
    }
}

/// Two requests can have different certificates in different views: two views with an interchangeable
/// Byzantine replica, and two with a Byzantine primary.
#[test]
fn whatever_judge_guards_leaves_behind_of_two_requests_was_met() {
    let (model, _, met) = explored(Scope::DEFAULT, 1, &Castro99, None, ALL_STATES);
    let met = with_weaker(&met, 2);
    let left = left_by_judge_guards(Scope::DEFAULT, &model, &Castro99, |_| true);
    assert!(left.is_subset(&met));
    assert!(left.len() > 10);
}

/// Of a rulebook that is broken it says so or says nothing, and never that it holds.
#[test]
fn no_broken_rulebook_comes_out_clean() {
    let (mut verdicts, mut left_nothing_out) = (Vec::new(), Vec::new());
    for rulebook in RULEBOOKS {
        let run = &rulebook.runs[0];
        let scope = run.scope;
        let within = scope.checkpoint.is_none() && scope.crashes == 0 && scope.reads == 0 && !scope.clients;
        if rulebook.class != Class::Safety || !within || scope.slots > 1 || scope.replicas != 4 {
            continue;
        }
        let reduced = |reductions| explored(scope, 1, rulebook.rules, rulebook.property(), reductions);
        let (model, report, _) = match reduced(Reductions::ALL) {
            (model, report, _) if model.objection().is_some() && report.end == End::Exhausted => {
                left_nothing_out.push(rulebook.name);
                reduced(ALL_STATES)
            }
            explored => explored,
        };
        let verdict = match (&report.end, model.refusal()) {
            (End::Violated { property, path }, _) => format!("{property} in {} views", path.len()),
            (_, Some(refusal)) => format!("refused: {refusal}"),
            other => panic!("{}: {other:?}", rulebook.name),
        };
        verdicts.push(format!("{}: {verdict}", rulebook.name));
    }
    insta::assert_snapshot!(verdicts.join("\n"));
    // Under this one a new view can propose what follows from no report; others are found to be violated before.
    assert_eq!(left_nothing_out, ["unverified-votes"]);
}

/// Votes that outlive their view make views depend on each other.
#[test]
fn rulebooks_whose_views_are_not_closed_are_refused() {
    for name in ["commit-any-view", "stale-view-change", "old-view-votes", "early-proposal", "first-receiver"]
    {
        let (model, report, _) =
            explored(ONE_REQUEST, 1, bugs::find(name).unwrap().rules, None, Reductions::ALL);
        let violated = matches!(report.end, End::Violated { .. });
        assert!(model.refusal().is_some() || violated, "{name}: {:?}", report.end);
    }
}

#[test]
fn more_than_f_byzantine_replicas_break_it() {
    let (_, report, _) = explored(Scope::DEFAULT, 2, &Castro99, Some(Property::Agreement), Reductions::ALL);
    assert!(matches!(report.end, End::Violated { property: "agreement", .. }), "{:?}", report.end);
}
