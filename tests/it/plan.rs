//! Questions that make no sense are refused, in the library as on the command line, and what holds says what was not
//! exercised.

use std::sync::{Arc, Mutex};

use bft_check::bugs::{self, Expected, RULEBOOKS};
use bft_check::check::{
    self, Check, Job, JudgeKind, Limits, Outcome, PlanError, Progress, Question, Verdict, Watch,
};
use bft_check::model::{Bound, Property, Reductions, Scope, Store, UnboundedModel};
use bft_check::pbft::{Castro99, Committee, RULES, ReplicaId, Rules, SeqNum, Setting, SignedRequest};
use bft_check::subject::Pbft;

const ONE_VIEW: Scope = Scope { views: 1, requests: 1, ..Scope::DEFAULT };

fn ask(job: &Job, property: Option<Property>) -> Result<Outcome, PlanError> {
    check::run(job, &Castro99, property, &Limits::default(), None, &Progress::default())
}

fn job(judge: JudgeKind, scope: Scope, byzantine: &[u16]) -> Job {
    let ids = byzantine.iter().copied().map(ReplicaId);
    Job { reductions: Reductions::NONE, ..Job::new(judge, Bound::new(scope, ids)) }
}

fn error(job: &Job, property: Property) -> PlanError {
    match ask(job, Some(property)) {
        Err(error) => error,
        Ok(outcome) => panic!("{property} on {:?}: {:?}", job, outcome.verdict),
    }
}

// --- properties -----------------------------------------------------------------------------------

/// What each property needs of a bound, or it would hold whatever the rules.
#[test]
fn a_property_that_the_bound_cannot_look_at_is_an_error() {
    let clients = Scope { clients: true, ..ONE_VIEW };
    let checkpoints = Scope { checkpoint: Some(1), ..ONE_VIEW };
    let judges = [JudgeKind::Message, JudgeKind::Guards];
    for judge in judges {
        for property in Property::ALL {
            let plain = job(judge, ONE_VIEW, &[3]);
            let needs = match property {
                Property::StableUnique | Property::StableHeld => {
                    assert_eq!(error(&plain, property), PlanError::NoCheckpoints(property));
                    job(judge, checkpoints, &[3])
                }
                Property::ReplyTrue | Property::Linearizable => {
                    assert_eq!(error(&plain, property), PlanError::NoClients(property));
                    job(judge, clients, &[3])
                }
                Property::Executed | Property::Answered => {
                    assert_eq!(error(&plain, property), PlanError::NotLive(judge));
                    job(JudgeKind::Liveness, ONE_VIEW, &[3])
                }
                Property::Evidence => {
                    assert_eq!(error(&plain, property), PlanError::OnlySimulated(property));
                    continue;
                }
                Property::NoDeadEnd => {
                    assert_eq!(error(&job(judge, Scope::DEFAULT, &[3]), property), PlanError::SeveralViews);
                    assert_eq!(error(&job(judge, ONE_VIEW, &[0]), property), PlanError::ByzantinePrimary);
                    plain
                }
                _ => plain,
            };
            assert_eq!(check::validate(&needs, &Castro99, Some(property)), Ok(()), "{property}");
        }
    }
    // One honest replica contradicts nobody.
    let alone = job(JudgeKind::Guards, checkpoints, &[1, 2, 3]);
    for property in [Property::Agreement, Property::CertificateUnique, Property::StableUnique] {
        assert_eq!(error(&alone, property), PlanError::OneHonest(property));
    }
    assert_eq!(check::validate(&alone, &Castro99, Some(Property::StableHeld)), Ok(()));
}

#[test]
fn judges_of_other_properties_say_so() {
    let (unbounded, liveness) =
        (job(JudgeKind::Unbounded, ONE_VIEW, &[3]), job(JudgeKind::Liveness, ONE_VIEW, &[3]));
    for property in Property::ALL {
        let on_unbounded = check::validate(&unbounded, &Castro99, Some(property));
        assert_eq!(
            on_unbounded.is_ok(),
            UnboundedModel::LOOKED_AT.contains(&property),
            "{property}: {on_unbounded:?}"
        );
        let on_liveness = check::validate(&liveness, &Castro99, Some(property));
        assert_eq!(on_liveness.is_ok(), property.is_liveness(), "{property}: {on_liveness:?}");
    }
}

/// Every property of a row of the corpus can be looked at where it is said to be violated.
#[test]
fn the_questions_of_the_corpus_make_sense() {
    for rulebook in RULEBOOKS {
        for run in rulebook.runs {
            let Expected::Violated(property) = run.expected else { continue };
            // What is simulated has no bound.
            if run.scope.load.is_some() {
                continue;
            }
            let judge = if property.is_liveness() { JudgeKind::Liveness } else { JudgeKind::Guards };
            let ids = run.byzantine.unwrap_or(&[ReplicaId(3)]).to_vec();
            let job = Job::new(judge, Bound::new(run.scope, ids));
            assert_eq!(check::validate(&job, rulebook.rules, Some(property)), Ok(()), "{}", rulebook.name);
        }
    }
}

// --- what does nothing ----------------------------------------------------------------------------

#[test]
fn what_would_do_nothing_in_a_bound_is_refused() {
    let refused = |scope, judge| ask(&job(judge, scope, &[3]), None).unwrap_err();
    let guards = |scope| refused(scope, JudgeKind::Guards);
    assert_eq!(guards(Scope { lossy: true, ..ONE_VIEW }), PlanError::IdleLoss);
    let losing = Scope { store: Store::LosesLast, ..ONE_VIEW };
    assert_eq!(guards(losing), PlanError::IdleStore);
    assert_eq!(guards(Scope { checkpoint: Some(2), ..ONE_VIEW }), PlanError::IdleCheckpoint(2, 1));
    assert_eq!(guards(Scope { window: Some(3), ..ONE_VIEW }), PlanError::IdleWindow(3, 1));
    let valid = |scope, judge| check::validate(&job(judge, scope, &[3]), &Castro99, None);
    assert_eq!(valid(Scope { lossy: true, ..ONE_VIEW }, JudgeKind::Liveness), Ok(()));
    assert_eq!(valid(Scope { crashes: 1, ..losing }, JudgeKind::Guards), Ok(()));
    assert_eq!(valid(Scope { window: Some(1), slots: 2, ..ONE_VIEW }, JudgeKind::Guards), Ok(()));
    // A rule of its own may make a difference between windows that the paper's takes for the same.
    let short = bugs::find("short-window").unwrap().rules;
    let wide = job(JudgeKind::Guards, Scope { window: Some(3), slots: 2, ..ONE_VIEW }, &[3]);
    assert_eq!(check::validate(&wide, &Castro99, None), Err(PlanError::IdleWindow(3, 2)));
    assert_eq!(check::validate(&wide, short, None), Ok(()));
}

#[test]
fn reductions_that_the_judge_lacks_are_refused() {
    let with = |judge, scope, names: &str, property| {
        let reductions: Reductions = names.parse().unwrap();
        check::validate(&Job { reductions, ..job(judge, scope, &[3]) }, &Castro99, property)
    };
    let of = |names: &str| names.parse::<Reductions>().unwrap();
    let (message, guards) = (JudgeKind::Message, JudgeKind::Guards);
    assert_eq!(with(message, ONE_VIEW, "silent", None), Err(PlanError::NotReduced(of("silent"))));
    assert_eq!(with(guards, ONE_VIEW, "ample", None), Err(PlanError::NotReduced(of("ample"))));
    let stuck = Some(Property::NoDeadEnd);
    assert_eq!(with(guards, ONE_VIEW, "silent", stuck), Err(PlanError::NotReduced(of("silent"))));
    let both = of("quotient,symmetry");
    assert_eq!(with(guards, ONE_VIEW, "quotient,symmetry", None), Err(PlanError::NotTogether(both)));
    let two = Scope { slots: 2, ..ONE_VIEW };
    assert_eq!(with(guards, two, "quotient", None), Err(PlanError::WhoDecided(of("quotient"))));
    let clients = Scope { clients: true, ..ONE_VIEW };
    assert_eq!(with(guards, clients, "symmetry", None), Err(PlanError::OrderedClients(of("symmetry"))));
    let unfounded = with(JudgeKind::Unbounded, ONE_VIEW, "subsumed", None);
    assert_eq!(unfounded, Err(PlanError::Unfounded));
    assert_eq!(with(guards, ONE_VIEW, "silent,quotient", None), Ok(()));
}

#[test]
fn a_plan_says_what_is_wrong_with_what_is_wanted() {
    let plan = |check: Check| check.plan().map(|plan| plan.jobs.len());
    let paper = || Check::new(Pbft::paper());
    let unbounded = || paper().judge(JudgeKind::Unbounded);
    assert_eq!(plan(unbounded().clients()), Err(PlanError::NotUnbounded("--clients")));
    assert_eq!(plan(unbounded().views(2)), Err(PlanError::EveryView));
    assert_eq!(plan(unbounded().byzantine([1])), Err(PlanError::Placed));
    assert_eq!(plan(paper().lossy()), Err(PlanError::IdleLoss));
    // What nothing was said of is the check of every judge.
    let all = paper().plan().unwrap();
    let judges: std::collections::BTreeSet<_> = all.jobs.iter().map(|job| job.judge.to_string()).collect();
    assert_eq!(judges.len(), 4, "{judges:?}");
    let live = paper().property(Question::Liveness).plan().unwrap();
    assert!(live.property.is_none() && live.jobs.iter().all(|job| job.judge == JudgeKind::Liveness));
    assert!("livenes".parse::<Question>().unwrap_err().to_string().contains("and liveness"));
}

/// Notes the judges of jobs in the order in which these begin.
#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl Watch for Noted {
    fn watch(&self, whose: &str, _: &Progress, work: &mut dyn FnMut()) {
        self.0.lock().unwrap().push(whose.split(' ').next().unwrap().to_owned());
        work();
    }
}

/// Whoever gives a check little time is to hear of a fork, and not that liveness took it all.
#[test]
fn the_rows_that_find_most_and_take_least_come_first() {
    let noted = Noted::default();
    let check = Check::new(Pbft::paper()).threads(1).max_states(1);
    check.run_watched(&Arc::default(), &noted).unwrap();
    let order = noted.0.into_inner().unwrap();
    let live = order.iter().position(|judge| judge == "liveness").unwrap();
    for (place, judge) in order.iter().enumerate() {
        match &**judge {
            "guards" | "unbounded" => assert!(place < live, "{order:?}"),
            "message" => assert_eq!(place + 1, order.len(), "{order:?}"),
            _ => assert_eq!(judge, "liveness"),
        }
    }
}

// --- what was not exercised -----------------------------------------------------------------------

/// It decides nothing, and is safe.
#[derive(Debug)]
struct Idle;

impl Rules for Idle {
    fn authentic(&self, _setting: &Setting, _request: &SignedRequest) -> bool {
        false
    }
}

#[test]
fn what_holds_because_nothing_happens_does_not_hold() {
    for judge in [JudgeKind::Message, JudgeKind::Guards, JudgeKind::Unbounded] {
        let run = |rules| {
            let (job, limits) = (job(judge, ONE_VIEW, &[3]), Limits::default());
            check::run(&job, rules, None, &limits, None, &Progress::default()).unwrap()
        };
        let idle = run(&Idle);
        // Judge unbounded says nothing of rules that take no certificate at all.
        let is_refused = matches!(idle.verdict, Verdict::Refused(_)) && judge == JudgeKind::Unbounded;
        assert!(is_refused || matches!(idle.verdict, Verdict::Vacuous), "{judge}: {:?}", idle.verdict);
        assert!(is_refused || !idle.unreached.is_empty(), "{judge}");
        let real = run(&Castro99);
        assert!(matches!(real.verdict, Verdict::Holds) && real.unreached.is_empty(), "{judge}");
    }
}

/// What a state stands for under a reduction counts as reached, and no more than that.
#[test]
fn a_good_outcome_that_nothing_reaches_is_named_under_every_reduction() {
    for reductions in ["silent", "quotient", "silent,quotient", "symmetry", "silent,symmetry"] {
        let job = Job { reductions: reductions.parse().unwrap(), ..job(JudgeKind::Guards, ONE_VIEW, &[3]) };
        let run =
            |rules| check::run(&job, rules, None, &Limits::default(), None, &Progress::default()).unwrap();
        let idle = run(&Idle);
        assert!(matches!(idle.verdict, Verdict::Vacuous), "{reductions}: {:?}", idle.verdict);
        assert!(matches!(run(&Castro99).verdict, Verdict::Holds), "{reductions}");
    }
}

/// It counts a quorum in a default body alone.
#[derive(Debug)]
struct Three;

impl Rules for Three {
    fn quorum(&self, _committee: Committee) -> usize {
        3
    }

    fn in_window(&self, _setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq > low
    }
}

#[test]
fn every_judge_counts_what_its_replicas_ask() {
    let judges = [JudgeKind::Message, JudgeKind::Guards, JudgeKind::Liveness, JudgeKind::Unbounded];
    for judge in judges {
        for reductions in ["none", "silent,symmetry", "silent,quotient", "all"] {
            let reductions: Reductions = reductions.parse().unwrap();
            let job = Job { reductions, ..job(judge, ONE_VIEW, &[3]) };
            if check::validate(&job, &Three, None).is_err() {
                continue;
            }
            let outcome =
                check::run(&job, &Three, None, &Limits::default(), None, &Progress::default()).unwrap();
            // Judge unbounded refuses a window without end before a replica takes a step.
            if judge == JudgeKind::Unbounded && matches!(outcome.verdict, Verdict::Refused(_)) {
                continue;
            }
            let counts = outcome.rules.unwrap();
            assert_eq!(counts.iter().map(|count| count.rule.as_str()).collect::<Vec<_>>(), RULES);
            let count = |rule: &str| counts.iter().find(|count| count.rule == rule).unwrap();
            // Asked by a default body, and answered by a rule that is not the paper's.
            assert!(count("quorum").asked >= count("prepare_quorum").asked, "{judge} {reductions}");
            assert!(count("quorum").asked > 0 && count("authentic").asked > 0, "{judge} {reductions}");
            for count in &counts {
                assert!(count.accepted + count.refused <= count.asked, "{count:?}");
            }
            // Replicas tell each other what was decided where a system is to go on for ever.
            assert_eq!(count("check_state").asked > 0, judge == JudgeKind::Liveness, "{judge}");
            assert!(count("in_window").never_refuses(), "{judge}");
        }
    }
}
