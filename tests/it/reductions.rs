//! What the judges leave out, against the same judges without: verdicts, and what can be reached.

pub mod corpus;

use std::collections::BTreeSet;
use std::sync::Arc;

use bft_check::check::{End, Job, JudgeKind, Limits, Progress, Verdict, run, search, search_unbounded};
use bft_check::model::{
    Bound, BoundaryState, ByGuards as _, Fingerprint, GuardModel, GuardState, Judge, Local, LocalId,
    Property, Reach, Reduced, Reductions, Scope, Subsumes as _, Symmetric, System, UnboundedModel,
    UnboundedState, fingerprint,
};
use bft_check::pbft::{Batch, Castro99, Message, ReplicaId, Rules, Setting, SignedRequest, VoteSet};
use rustc_hash::FxHashMap;
use stateright::Model as _;

/// What states are, whatever their numbers. Each local state is looked at once: few occur in many global ones.
struct Contents<'a> {
    judge: &'a GuardModel,
    of: fn(&Local, &[Message]) -> Fingerprint,
    known: FxHashMap<LocalId, Fingerprint>,
}

impl<'a> Contents<'a> {
    /// All that is in them.
    fn whole(judge: &'a GuardModel) -> Self {
        Contents { judge, of: |local, sent| fingerprint(&(local, sent)), known: FxHashMap::default() }
    }

    fn of(&mut self, state: &GuardState) -> Vec<Fingerprint> {
        let content = |number| {
            *self.known.entry(number).or_insert_with(|| {
                let (local, mut sent) = self.judge.numbered(number).unwrap();
                sent.sort_unstable();
                (self.of)(&local, &sent)
            })
        };
        self.judge.numbers(state).iter().map(content).collect()
    }
}

fn system(scope: Scope, byzantine: &[u16], rules: &'static dyn Rules) -> Arc<System> {
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    Arc::new(System::new(bound, rules).unwrap())
}

/// How many states there are with and without putting silent steps off; both have to stand for the same.
fn states_of_judge_guards(scope: Scope, byzantine: &[u16], rules: &'static dyn Rules) -> (u64, u64) {
    let (limits, progress) = (Limits::default(), Progress::default());
    let judge = GuardModel::new(system(scope, byzantine, rules));
    let (mut all, mut contents) = (BTreeSet::new(), Contents::whole(&judge));
    let report = search(&judge, &[], &limits, &progress, |state| {
        all.insert(contents.of(state));
    });
    assert_eq!(report.end, End::Exhausted);
    let reduced = Reduced::new(GuardModel::new(system(scope, byzantine, rules)));
    let (mut stood_for, mut contents) = (BTreeSet::new(), Contents::whole(reduced.judge()));
    let fewer = search(&reduced, &[], &limits, &progress, |state| {
        stood_for.extend(reduced.stands_for(state).iter().map(|state| contents.of(state)));
    });
    assert_eq!(fewer.end, End::Exhausted);
    assert_eq!(all.len() as u64, report.coverage.states);
    assert_eq!(all, stood_for, "{scope}, {byzantine:?}");
    (report.coverage.states, fewer.coverage.states)
}

const ONE_REQUEST: Scope = Scope { requests: 1, ..Scope::DEFAULT };

#[test]
#[ignore = "slow: .ci/run runs it"]
fn putting_silent_steps_off_leaves_out_no_state_of_judge_guards() {
    for byzantine in 0..3 {
        let (all, fewer) = states_of_judge_guards(Scope::DEFAULT, &[byzantine], &Castro99);
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
            let (all, fewer) = states_of_judge_guards(scope, byzantine, &Castro99);
            assert!(fewer < all, "{scope}: {fewer} of {all}");
        }
    }
    // Clients are never put off.
    states_of_judge_guards(Scope { clients: true, requests: 1, ..one_view }, &[0], &Castro99);
}

/// How many states there are, how many of them stand for all others, also with silent steps put off, and how many states
/// one of them stands for at most.
fn states_up_to_names(scope: Scope, byzantine: &[u16]) -> (u64, u64, u64, usize) {
    let (limits, progress) = (Limits::default(), Progress::default());
    let shared = || system(scope, byzantine, &Castro99);
    let judge = GuardModel::new(shared());
    let (mut all, mut contents) = (BTreeSet::new(), Contents::whole(&judge));
    let report = search(&judge, &[], &limits, &progress, |state| {
        all.insert(contents.of(state));
    });
    assert_eq!(report.end, End::Exhausted);
    let named = Symmetric::new(shared(), |judge| judge).unwrap();
    let (mut stood_for, mut contents) = (BTreeSet::new(), Contents::whole(named.judge()));
    let fewer = search(&named, &[], &limits, &progress, |state| {
        stood_for.extend(named.orbit(state).iter().map(|state| contents.of(state)));
    });
    assert_eq!((fewer.end, named.refused()), (End::Exhausted, None));
    assert!(all == stood_for, "{scope}, {byzantine:?}: {} and {}", all.len(), stood_for.len());

    let silent = Symmetric::new(shared(), Reduced::new).unwrap();
    let (mut stood_for, mut contents) = (BTreeSet::new(), Contents::whole(silent.judge()));
    let fewest = search(&silent, &[], &limits, &progress, |state| {
        for state in silent.orbit(state) {
            let all = silent.inner().stands_for(&state);
            stood_for.extend(all.iter().map(|state| contents.of(state)));
        }
    });
    assert_eq!((fewest.end, silent.refused()), (End::Exhausted, None));
    assert!(all == stood_for, "{scope}, {byzantine:?}: {} and {}", all.len(), stood_for.len());
    (report.coverage.states, fewer.coverage.states, fewest.coverage.states, named.order())
}

#[test]
#[ignore = "slow: .ci/run runs it"]
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
}

/// A request with a high digest is none.
#[derive(Clone, Copy, Debug)]
struct Partial;

impl Rules for Partial {
    fn authentic(&self, setting: &Setting, request: &SignedRequest) -> bool {
        let digest = Batch::new([request.clone()]).digest();
        Castro99.authentic(setting, request) && digest.as_bytes()[0] < 0xa0
    }
}

#[test]
fn a_rulebook_to_which_names_matter_is_refused() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    let (limits, progress) = (Limits::default(), Progress::default());
    for (rules, byzantine) in [(&Deaf as &'static dyn Rules, 0), (&Partial, 1)] {
        for names in ["symmetry", "silent,symmetry"] {
            let mut job = Job::new(JudgeKind::Guards, Bound::new(one_view, [ReplicaId(byzantine)]));
            let plain = run(&job, rules, Some(Property::Agreement), &limits, None, &progress).unwrap();
            assert!(matches!(plain.verdict, Verdict::Holds), "{rules:?}: {:?}", plain.verdict);
            job.reductions = names.parse().unwrap();
            let named = run(&job, rules, Some(Property::Agreement), &limits, None, &progress).unwrap();
            let Verdict::Refused(why) = &named.verdict else { panic!("{rules:?}: {:?}", named.verdict) };
            assert!(why.starts_with("names matter under this rulebook"), "{why}");
        }
    }
}

/// The votes of the last replica count as often as they arrive.
#[derive(Clone, Copy, Debug)]
struct RepeatsLast;

impl Rules for RepeatsLast {
    fn counts_vote(&self, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
        from == ReplicaId(3) || Castro99.counts_vote(voters, from)
    }
}

/// A violation that no replica shows comes of taking names for alike that are not.
#[test]
fn a_violation_of_renamed_replicas_alone_is_none() {
    let scope = Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT };
    let mut job = Job::new(JudgeKind::Guards, Bound::new(scope, [ReplicaId(0)]));
    job.reductions = "silent,symmetry".parse().unwrap();
    let limits = Limits { max_states: Some(20_000), ..Limits::default() };
    let named = run(&job, &RepeatsLast, None, &limits, None, &Progress::default()).unwrap();
    let Verdict::Refused(why) = &named.verdict else { panic!("{:?}", named.verdict) };
    assert!(why.starts_with("names matter under this rulebook"), "{why}");
}

/// Of honest replicas what does not tell who has decided: the view, what was sent, and the certificates.
fn whoever(judge: &GuardModel) -> Contents<'_> {
    let of = |local: &Local, sent: &[Message]| {
        let replica = local.replica().unwrap();
        let held: Vec<_> = replica.log().iter().filter_map(|(_, slot)| slot.prepared().cloned()).collect();
        fingerprint(&(replica.view(), replica.is_active(), sent, held))
    };
    Contents { judge, of, known: FxHashMap::default() }
}

fn decided_in(judge: &impl Judge<State = GuardState>, state: &GuardState) -> BTreeSet<Batch> {
    judge.with_honest(state, |replicas| {
        let slots = replicas.iter().flat_map(|replica| replica.log().iter());
        slots.filter_map(|(_, slot)| slot.committed().cloned()).collect()
    })
}

/// Whoever has decided: the same is reached, with the same decided by somebody.
#[test]
fn what_is_decided_can_be_decided_without_deciding() {
    for (scope, byzantine) in [(ONE_REQUEST, 0), (ONE_REQUEST, 1), (ONE_REQUEST, 2), (Scope::DEFAULT, 0)] {
        let (limits, progress) = (Limits::default(), Progress::default());
        let judge = GuardModel::new(system(scope, &[byzantine], &Castro99));
        let (mut all, mut whoever_is) = (BTreeSet::new(), whoever(&judge));
        let plain = search(&judge, &[], &limits, &progress, |state| {
            all.insert((whoever_is.of(state), decided_in(&judge, state)));
        });
        for names in ["quotient", "silent,quotient"] {
            let reduced =
                Reduced::by(GuardModel::new(system(scope, &[byzantine], &Castro99)), names.parse().unwrap());
            let (mut met, mut whoever_is) = (BTreeSet::new(), whoever(reduced.judge()));
            let fewer = search(&reduced, &[], &limits, &progress, |state| {
                let decided: BTreeSet<_> = reduced.decided(state).into_iter().collect();
                for state in reduced.stands_for(state) {
                    met.insert((whoever_is.of(&state), decided.clone()));
                }
            });
            assert_eq!((fewer.end, reduced.refused()), (End::Exhausted, None));
            assert!(fewer.coverage.states < plain.coverage.states, "{scope}, {byzantine}");
            // Where more was decided, less can have been.
            let is_met = |(who, decided): &(Vec<Fingerprint>, BTreeSet<Batch>)| {
                let of_same =
                    met.range((who.clone(), BTreeSet::new())..).take_while(|(other, _)| other == who);
                of_same.map(|(_, most)| most).any(|most| decided.is_subset(most))
            };
            assert!(all.iter().all(is_met), "{scope}, {byzantine}: something is lost");
            let is_real = |(who, most): &(Vec<Fingerprint>, BTreeSet<Batch>)| {
                let of_same =
                    all.range((who.clone(), BTreeSet::new())..).take_while(|(other, _)| other == who);
                most.is_empty() || of_same.map(|(_, decided)| decided).any(|decided| decided == most)
            };
            assert!(met.iter().all(is_real), "{scope}, {byzantine}: something is added");
        }
    }
}

/// Who has prepared something stays in the view until it has decided.
#[derive(Clone, Copy, Debug)]
struct Content;

impl Rules for Content {
    fn leaves_prepared(&self) -> bool {
        false
    }
}

#[test]
fn a_rulebook_to_which_it_matters_who_has_decided_is_refused() {
    let (limits, progress) = (Limits::default(), Progress::default());
    for names in ["quotient", "silent,quotient"] {
        let mut job = Job::new(JudgeKind::Guards, Bound::new(Scope::DEFAULT, [ReplicaId(0)]));
        let plain = run(&job, &Content, Some(Property::Agreement), &limits, None, &progress).unwrap();
        assert!(matches!(plain.verdict, Verdict::Holds), "{:?}", plain.verdict);
        job.reductions = names.parse().unwrap();
        let reduced = run(&job, &Content, Some(Property::Agreement), &limits, None, &progress).unwrap();
        let Verdict::Refused(why) = &reduced.verdict else { panic!("{:?}", reduced.verdict) };
        assert!(why.starts_with("it matters under this rulebook who has decided"), "{why}");
    }
}

/// What is left behind, whatever the adversary shows of it, as far as it does not count who has decided what.
fn whoever_decided(between: &BoundaryState, requests: u32) -> BTreeSet<BoundaryState> {
    between.clone().of_nobody_in_particular(requests as u16).weaker(requests as u16)
}

/// What is left behind in any number of views, whatever the adversary shows of it, and how many states there were
/// within views.
fn left_behind(
    scope: Scope,
    rules: &'static dyn Rules,
    reductions: Reductions,
) -> (BTreeSet<BoundaryState>, u64, Option<&'static str>, bool) {
    let model = UnboundedModel::new(scope, 1, rules).unwrap().reduced_by(reductions);
    let mut met = BTreeSet::new();
    let report =
        search_unbounded(&model, &model.properties(), &Limits::default(), &Progress::default(), |state| {
            if let UnboundedState::BoundaryState(between) = state {
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
    let each = ["silent", "ample", "maximal", "counting", "quotient", "summaries"];
    let names = each.into_iter().chain(["silent,ample", "quotient,summaries"]);
    names.map(|names| names.parse().unwrap()).chain([ALL_STATES])
}

/// All reductions but that which leaves out states for others.
const ALL_STATES: Reductions = Reductions { subsumed: false, ..Reductions::ALL };

#[test]
fn no_reduction_of_judge_unbounded_loses_what_can_be_left_behind() {
    for scope in [ONE_REQUEST, Scope::DEFAULT] {
        let (all, within, ..) = left_behind(scope, &Castro99, Reductions::NONE);
        for reductions in alone() {
            let (met, fewer, violated, refused) = left_behind(scope, &Castro99, reductions);
            assert_eq!((violated, refused), (None, false));
            assert_eq!(met, all, "{scope}, {reductions}");
            // What is followed for all pasts is more than one past needs, unless there are many.
            let visits_fewer = reductions == ALL_STATES
                || !reductions.summaries && reductions != Reductions { counting: true, ..Reductions::NONE };
            assert!(!visits_fewer || fewer < within, "{scope}, {reductions}: {fewer} of {within}");
        }
    }
}

/// With seven replicas there are more that are alike, and more votes than it takes.
#[test]
fn it_does_not_matter_who_of_seven_replicas_has_sent_what() {
    let scope = Scope { replicas: 7, faults: 2, ..ONE_REQUEST };
    let left = |reductions| {
        let model = UnboundedModel::new(scope, 2, &Castro99).unwrap().reduced_by(reductions);
        let mut met = BTreeSet::new();
        let report = search(&model, &model.properties(), &Limits::default(), &Progress::default(), |state| {
            met.insert(state.clone());
        });
        assert_eq!((report.end, model.refusal()), (End::Exhausted, None));
        (met, model.within())
    };
    assert_eq!(left(ALL_STATES), left(Reductions { counting: false, ..ALL_STATES }));
}

/// Every state that can be left behind is subsumed by one that is visited where such are left out, and those that are
/// visited can be left behind.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn what_is_left_out_is_subsumed() {
    let seven = Scope { replicas: 7, faults: 2, ..Scope::DEFAULT };
    for (scope, byzantine, reductions) in [
        (ONE_REQUEST, 1, "quotient,summaries,subsumed"),
        (Scope::DEFAULT, 1, "quotient,summaries,subsumed"),
        (Scope::DEFAULT, 1, "all"),
        (Scope { slots: 2, ..ONE_REQUEST }, 1, "all"),
        (Scope { replicas: 5, ..Scope::DEFAULT }, 1, "all"),
        (seven, 2, "all"),
        // More than one replica can be Byzantine without all of them being so.
        (seven, 1, "all"),
    ] {
        let left = |reductions: Reductions| {
            let model = UnboundedModel::new(scope, byzantine, &Castro99).unwrap().reduced_by(reductions);
            let (limits, progress) = (Limits::default(), Progress::default());
            let mut met = Vec::new();
            let report = search_unbounded(&model, &model.properties(), &limits, &progress, |state| {
                met.push((state.clone(), model.reach(state)));
            });
            assert_eq!((report.end, model.refusal()), (End::Exhausted, None), "{scope}, {reductions}");
            met
        };
        let reductions: Reductions = reductions.parse().unwrap();
        let (all, some) = (left(Reductions { subsumed: false, ..reductions }), left(reductions));
        assert!(some.len() * 2 < all.len(), "{scope}: {} of {}", some.len(), all.len());
        let is_subsumed =
            |reach: &Reach| some.iter().any(|(_, o)| o.as_ref().is_some_and(|o| o.subsumes(reach)));
        for (state, reach) in &all {
            let visited = || some.iter().any(|(other, _)| other == state);
            assert!(reach.as_ref().map_or_else(visited, is_subsumed), "{scope}: {state:?} is lost");
        }
        let is_left = |(state, _): &(UnboundedState, _)| all.iter().any(|(other, _)| other == state);
        assert!(some.iter().all(is_left), "{scope}: something is added");
    }
}

/// With two slots, steps for one get in the way of none for the other.
#[test]
fn what_a_view_of_two_slots_leaves_behind_is_the_same() {
    let scope = Scope { slots: 2, ..Scope::DEFAULT };
    let first = |reductions| {
        let model = UnboundedModel::new(scope, 1, &Castro99).unwrap().reduced_by(reductions);
        let mut next = Vec::new();
        model.actions(&UnboundedState::Start, &mut next);
        let all: BTreeSet<BoundaryState> = next
            .into_iter()
            .flat_map(|state| match state {
                UnboundedState::BoundaryState(between) => whoever_decided(&between, 2),
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
            let judge = GuardModel::new(system(scope, &[byzantine], &Castro99));
            let plain = search(&judge, &[], &limits, &progress, |_| {}).coverage;
            let job = Job::new(JudgeKind::Guards, Bound::new(scope, [ReplicaId(byzantine)]));
            let checked = run(&job, &Castro99, None, &limits, None, &progress).unwrap().coverage;
            assert_eq!(
                (plain.states, plain.transitions, plain.depth),
                (checked.states, checked.transitions, checked.depth),
                "{scope}, r{byzantine}"
            );
        }
    }
}
