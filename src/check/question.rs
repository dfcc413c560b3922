//! From a question to jobs: which judges, properties, reductions and bounds go together.

use std::str::FromStr;

use super::job::{Job, JudgeKind, jobs};
use crate::bugs::Rulebook;
use crate::model::{
    Bound, BoundError, Byzantine, NoSuchProperty, Property, Reduced, Reductions, Scope, Store, System,
    UnboundedModel, guarded, looked_at,
};
use crate::pbft::{ReplicaId, Rules, SeqNum, Setting, View};

/// What is asked about by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// All properties of liveness.
    Liveness,
    /// One property.
    Only(Property),
}

impl Question {
    /// Whether it is about runs that go on for ever.
    pub fn is_liveness(self) -> bool {
        match self {
            Question::Liveness => true,
            Question::Only(property) => property.is_liveness(),
        }
    }

    /// The one property that is asked about, if it is one.
    pub fn property(self) -> Option<Property> {
        match self {
            Question::Liveness => None,
            Question::Only(property) => Some(property),
        }
    }
}

/// A name under which nothing can be asked about.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}, and liveness, for all properties of liveness")]
pub struct NoSuchQuestion(#[from] NoSuchProperty);

impl FromStr for Question {
    type Err = NoSuchQuestion;

    fn from_str(name: &str) -> Result<Self, NoSuchQuestion> {
        match name {
            "liveness" => Ok(Question::Liveness),
            _ => Ok(Question::Only(name.parse()?)),
        }
    }
}

/// Why a question makes no sense, or nothing would come of a part of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// The bound makes no sense.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// The property is about stable checkpoints, and there are none.
    #[error(
        "--property {0}: no checkpoint is taken in this bound, so that it would hold whatever the rules; add --checkpoint"
    )]
    NoCheckpoints(Property),
    /// The property is about clients, and none take part.
    #[error(
        "--property {0}: no client takes part in this bound, so that it would hold whatever the rules; add --clients"
    )]
    NoClients(Property),
    /// The property compares honest replicas, and there is only one.
    #[error("--property {0} compares honest replicas, and there is one alone; give fewer to --byzantine")]
    OneHonest(Property),
    /// The property is looked for in simulated runs only.
    #[error(
        "--property {0} is about what replicas say on their way, which no state shows: every run of bft simulate looks for it"
    )]
    OnlySimulated(Property),
    /// The judge does not look at the property.
    #[error("--judge {0} does not look at {1}: leave it out{2}")]
    NotJudged(JudgeKind, Property, &'static str),
    /// The judge does not check liveness.
    #[error("--judge {0} does not check liveness: leave it out")]
    NotLive(JudgeKind),
    /// A dead end is one in one view.
    #[error("--property no-dead-end asks about one view, in which no timer fires: add --views 1")]
    SeveralViews,
    /// A dead end is one under an honest primary.
    #[error("--property no-dead-end needs an honest primary: give --byzantine other replicas")]
    ByzantinePrimary,
    /// Judge *unbounded* covers all placements.
    #[error("--judge unbounded covers every placement at once: give --byzantine a count, or leave it out")]
    Placed,
    /// Judge *unbounded* covers all views.
    #[error("--judge unbounded covers any number of views: leave out --views")]
    EveryView,
    /// Judge *unbounded* does not have it.
    #[error("--judge unbounded has no {0} in its bound: leave it out, or try --judge guards")]
    NotUnbounded(&'static str),
    /// The judge does not have these reductions.
    #[error(
        "--reduce {0}: judge unbounded has silent, ample, maximal, counting, quotient, summaries and subsumed, judge guards has \
         silent, quotient and symmetry, and there is none for judge message, for no-dead-end and for liveness"
    )]
    NotReduced(Reductions),
    /// A reduction that takes others.
    #[error("--reduce subsumed takes quotient and summaries for granted: name them too, or leave it out")]
    Unfounded,
    /// Two reductions that exclude each other.
    #[error("--reduce {0}: quotient and symmetry do not go together in judge guards; leave out one")]
    NotTogether(Reductions),
    /// It matters who has decided.
    #[error(
        "--reduce {0}: who has decided matters with clients, crashes, checkpoints and several sequence numbers; leave out \
         these, or quotient"
    )]
    WhoDecided(Reductions),
    /// Clients have an order.
    #[error(
        "--reduce {0}: what clients were told stands in their order; leave out --clients and --reads, or symmetry"
    )]
    OrderedClients(Reductions),
    /// Messages are lost at stabilisation only.
    #[error(
        "--lossy is about the time when the network becomes stable, which only liveness has: add --property liveness, or leave it out"
    )]
    IdleLoss,
    /// Storage loses something in crashes only.
    #[error(
        "--lossy-store is about crashes, and there are none in this bound: add --crashes, or leave it out"
    )]
    IdleStore,
    /// No checkpoint is taken.
    #[error(
        "--checkpoint {0}: there are only {1} sequence numbers, so that none is taken; give more to --slots, or leave it out"
    )]
    IdleCheckpoint(u64, u64),
    /// The window lets the same numbers through as one of as many as there are.
    #[error(
        "--window {0}: there are only {1} sequence numbers, and the rules let the same ones through without; leave it out"
    )]
    IdleWindow(u64, u64),
    /// Runs that cannot be saved.
    #[error("--save: a run of judge {0} cannot be saved; leave it out")]
    NotSaved(JudgeKind),
    /// Runs that cannot be saved.
    #[error("--save: a run of judge guards with --reduce cannot be saved; leave out one")]
    ReducedNotSaved,
}

/// Whether an answer to a job says something about a property, or about all that its judge looks at: whether what is asked
/// can be looked at in the bound, and nothing in the bound is for nothing.
///
/// # Errors
/// What makes no sense.
pub fn validate(job: &Job, rules: &'static dyn Rules, property: Option<Property>) -> Result<(), PlanError> {
    let system = System::new(job.bound.clone(), rules)?;
    let scope = job.bound.scope;
    if let Some(property) = property {
        judged(job, property)?;
        in_bound(&system, rules, property)?;
    }
    if scope.lossy && job.judge != JudgeKind::Liveness {
        return Err(PlanError::IdleLoss);
    }
    if scope.store == Store::LosesLast && scope.crashes == 0 {
        return Err(PlanError::IdleStore);
    }
    match scope.checkpoint {
        Some(interval) if interval > scope.slots => {
            return Err(PlanError::IdleCheckpoint(interval, scope.slots));
        }
        _ => {}
    }
    match scope.window {
        Some(window) if is_idle(&system, rules, window) => {
            return Err(PlanError::IdleWindow(window, scope.slots));
        }
        _ => {}
    }
    reduced(job, &system, property)
}

/// Whether the judge looks at the property at all.
fn judged(job: &Job, property: Property) -> Result<(), PlanError> {
    let unbounded = |property: &Property| UnboundedModel::LOOKED_AT.contains(property);
    let hint = match property {
        Property::StableUnique | Property::StableHeld => ", and add --checkpoint",
        Property::ReplyTrue | Property::Linearizable => ", and add --clients",
        _ => "",
    };
    match (job.judge, property) {
        (_, Property::Evidence) => Err(PlanError::OnlySimulated(property)),
        (JudgeKind::Liveness, _) if !property.is_liveness() => {
            Err(PlanError::NotJudged(job.judge, property, hint))
        }
        (judge, _) if property.is_liveness() && judge != JudgeKind::Liveness => {
            Err(PlanError::NotLive(judge))
        }
        (JudgeKind::Unbounded, _) if !unbounded(&property) => {
            Err(PlanError::NotJudged(job.judge, property, hint))
        }
        _ => Ok(()),
    }
}

/// Whether the property can be violated in the bound, under whatever rules.
fn in_bound(system: &System, rules: &dyn Rules, property: Property) -> Result<(), PlanError> {
    let bound = system.bound();
    match property {
        Property::StableUnique | Property::StableHeld if !system.has_checkpoints() => {
            Err(PlanError::NoCheckpoints(property))
        }
        Property::ReplyTrue | Property::Linearizable if system.clients().is_empty() => {
            Err(PlanError::NoClients(property))
        }
        Property::Agreement | Property::CertificateUnique | Property::StableUnique
            if system.honest().len() == 1 =>
        {
            Err(PlanError::OneHonest(property))
        }
        Property::NoDeadEnd if bound.views != 1 => Err(PlanError::SeveralViews),
        Property::NoDeadEnd if !is_led_honestly(bound, rules) => Err(PlanError::ByzantinePrimary),
        _ => {
            debug_assert!(
                !Property::SAFETY.contains(&property) || looked_at(system).any(|it| it == property)
            );
            Ok(())
        }
    }
}

/// Whether a window of so many numbers lets the same ones through, wherever it begins, as one of all that there are.
fn is_idle(system: &System, rules: &dyn Rules, window: u64) -> bool {
    let slots = system.bound().slots;
    let of = |window: u64| Setting { window, ..system.setting().clone() };
    let (given, all) = (of(window), of(slots));
    let admits =
        |setting: &Setting, low, seq| guarded(|| rules.in_window(setting, SeqNum(low), SeqNum(seq))).ok();
    window != slots
        && (0..=slots).all(|low| (1..=slots).all(|seq| admits(&given, low, seq) == admits(&all, low, seq)))
}

/// Whether the judge has the reductions. [`Reductions::ALL`] are those that it has.
fn reduced(job: &Job, system: &System, property: Option<Property>) -> Result<(), PlanError> {
    let reductions = job.reductions;
    let has: &[&str] = match job.judge {
        JudgeKind::Unbounded => {
            &["silent", "ample", "maximal", "counting", "quotient", "summaries", "subsumed"]
        }
        JudgeKind::Guards if property != Some(Property::NoDeadEnd) => &["silent", "quotient", "symmetry"],
        _ => &[],
    };
    let lacks = |name: &&str| !has.contains(name);
    let is_all = reductions == Reductions::ALL && job.judge == JudgeKind::Unbounded;
    if !is_all && reductions.names().iter().any(lacks) {
        return Err(PlanError::NotReduced(reductions));
    }
    match job.judge {
        JudgeKind::Unbounded if reductions.subsumed && !(reductions.quotient && reductions.summaries) => {
            Err(PlanError::Unfounded)
        }
        JudgeKind::Guards if reductions.quotient && reductions.symmetry => {
            Err(PlanError::NotTogether(reductions))
        }
        JudgeKind::Guards if reductions.quotient && !Reduced::knows_decisions_of(system) => {
            Err(PlanError::WhoDecided(reductions))
        }
        JudgeKind::Guards if reductions.symmetry && !system.clients().is_empty() => {
            Err(PlanError::OrderedClients(reductions))
        }
        _ => Ok(()),
    }
}

/// Of all reductions those that judge *guards* has in a bound and that go together.
fn all_of_guards(system: &System) -> Reductions {
    let quotient = Reduced::knows_decisions_of(system);
    let symmetry = system.clients().is_empty() && !quotient;
    Reductions { silent: true, quotient, symmetry, ..Reductions::NONE }
}

/// Whether the primary of the first view is honest; if the rulebook panics over it, nobody else is.
pub fn is_led_honestly(bound: &Bound, rules: &dyn Rules) -> bool {
    let is_honest = |committee| guarded(|| !bound.byzantine.contains(&rules.primary(committee, View(0))));
    bound.validate().is_ok_and(|committee| is_honest(committee).unwrap_or(true))
}

/// What is wanted of a check; what is not said is chosen.
#[derive(Clone, Debug)]
pub struct Wanted<F> {
    /// From the bound that would be chosen to the one that is wanted.
    pub scope: F,
    /// Whether that makes a difference.
    pub restricts: bool,
    /// Whether it says how many views there are.
    pub sets_views: bool,
    /// Who is Byzantine.
    pub byzantine: Option<Byzantine>,
    /// Which judge explores.
    pub judge: Option<JudgeKind>,
    /// Which states are left out.
    pub reductions: Option<Reductions>,
    /// What is asked.
    pub question: Option<Question>,
    /// Whether what a limit ends is to be saved.
    pub saves: bool,
}

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One after the other.
    pub jobs: Vec<Job>,
    /// The one property that is checked, if not all are.
    pub property: Option<Property>,
}

/// The bound of the default check of liveness.
const LIVE: Scope = Scope { requests: 1, ..Scope::DEFAULT };

/// What is run: what was asked for, or by default the bound that a rulebook names, to which the correct protocol adds runs
/// of the other judges.
///
/// # Errors
/// What makes no sense, or would do nothing.
pub fn plan(wanted: &Wanted<impl Fn(Scope) -> Scope>, rulebook: &Rulebook) -> Result<Plan, PlanError> {
    let question = wanted.question.or(rulebook.property().map(Question::Only));
    let (property, liveness) =
        (question.and_then(Question::property), question.is_some_and(Question::is_liveness));
    let base = if liveness && rulebook.property().is_none() { LIVE } else { rulebook.smallest() };
    let scope = (wanted.scope)(base);
    let byzantine = wanted.byzantine.clone().unwrap_or(Byzantine::Count(scope.faults));
    let judge = judge_of(wanted, liveness, &byzantine)?;
    if judge == JudgeKind::Unbounded {
        is_unbounded(&scope)?;
    }
    let bound = Bound::new(scope, []);
    let mut planned = jobs(judge, &bound, &byzantine, rulebook.rules)?;
    if property == Some(Property::NoDeadEnd) {
        if scope.views != 1 {
            return Err(PlanError::SeveralViews);
        }
        planned.retain(|job| is_led_honestly(&job.bound, rulebook.rules));
        if planned.is_empty() {
            return Err(PlanError::ByzantinePrimary);
        }
    }
    for job in &mut planned {
        if let Some(reductions) = wanted.reductions {
            let is_all = reductions == Reductions::ALL;
            job.reductions = match judge {
                JudgeKind::Guards if is_all && property != Some(Property::NoDeadEnd) => {
                    all_of_guards(&System::new(job.bound.clone(), rulebook.rules)?)
                }
                _ => reductions,
            };
        }
        validate(job, rulebook.rules, property)?;
    }
    if let Some(job) = planned.first().filter(|_| wanted.saves) {
        saved(job)?;
    }
    let is_default = wanted.judge.is_none()
        && wanted.reductions.is_none()
        && wanted.byzantine.is_none()
        && !wanted.restricts
        && rulebook.breaks.is_none();
    if is_default && question.is_none() {
        planned.extend(jobs(JudgeKind::Unbounded, &bound, &byzantine, rulebook.rules)?);
        planned.extend(jobs(JudgeKind::Liveness, &Bound::new(LIVE, []), &byzantine, rulebook.rules)?);
    }
    if is_default && !liveness {
        let one_view = Bound::new(Scope { views: 1, ..scope }, []);
        let primary = Byzantine::Ids(vec![ReplicaId(0)]);
        let by_messages = jobs(JudgeKind::Message, &one_view, &primary, rulebook.rules)?;
        let asks = |job: &Job| validate(job, rulebook.rules, property).is_ok();
        planned.extend(by_messages.into_iter().filter(asks));
    }
    Ok(Plan { jobs: planned, property })
}

/// Which judge explores.
fn judge_of(
    wanted: &Wanted<impl Fn(Scope) -> Scope>,
    liveness: bool,
    byzantine: &Byzantine,
) -> Result<JudgeKind, PlanError> {
    match wanted.judge {
        Some(judge) if liveness && judge != JudgeKind::Liveness && judge != JudgeKind::Guards => {
            Err(PlanError::NotLive(judge))
        }
        Some(JudgeKind::Unbounded) if matches!(byzantine, Byzantine::Ids(_)) => Err(PlanError::Placed),
        Some(JudgeKind::Unbounded) if wanted.sets_views => Err(PlanError::EveryView),
        Some(judge) if !liveness => Ok(judge),
        _ if liveness => Ok(JudgeKind::Liveness),
        _ => Ok(JudgeKind::Guards),
    }
}

/// Whether judge *unbounded* takes what is in the bound.
fn is_unbounded(scope: &Scope) -> Result<(), PlanError> {
    let more = [
        (scope.checkpoint.is_some(), "--checkpoint"),
        (scope.window.is_some(), "--window"),
        (scope.crashes > 0, "--crashes"),
        (scope.clients, "--clients"),
        (scope.reads > 0, "--reads"),
        (scope.lossy, "--lossy"),
    ];
    match more.into_iter().find(|(has, _)| *has) {
        Some((_, name)) => Err(PlanError::NotUnbounded(name)),
        None => Ok(()),
    }
}

/// Whether anything of a run could be saved.
fn saved(job: &Job) -> Result<(), PlanError> {
    match job.judge {
        JudgeKind::Unbounded | JudgeKind::Liveness => Err(PlanError::NotSaved(job.judge)),
        JudgeKind::Guards if job.reductions != Reductions::NONE => Err(PlanError::ReducedNotSaved),
        _ => Ok(()),
    }
}
