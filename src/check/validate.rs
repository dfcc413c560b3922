//! Whether a job answers what is asked: which judges, properties, reductions and bounds go together.

use super::job::{Job, JudgeKind};
use super::question::PlanError;
use crate::model::{
    Bound, Property, Reduced, Reductions, Scope, Store, System, UnboundedModel, guarded, looked_at,
};
use crate::pbft::{Rules, SeqNum, Setting, View};

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

/// The properties that a job looks at, all that there are in its bound or one; and whether anybody panics, since what comes of that is
/// not known.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn properties_of(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
) -> Result<Vec<Property>, PlanError> {
    let mut all = match (job.judge, property) {
        (_, Some(property)) => vec![property],
        (JudgeKind::Liveness, None) => Property::LIVENESS.to_vec(),
        (JudgeKind::Unbounded, None) => UnboundedModel::LOOKED_AT.to_vec(),
        _ => looked_at(&System::new(job.bound.clone(), rules)?).collect(),
    };
    let meets_panics = matches!(job.judge, JudgeKind::Unbounded | JudgeKind::Liveness);
    if (meets_panics || property == Some(Property::NoDeadEnd)) && !all.contains(&Property::Panics) {
        all.push(Property::Panics);
    }
    Ok(all)
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
        Property::NoDeadEnd if bound.scope.views != 1 => Err(PlanError::SeveralViews),
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
    let slots = system.bound().scope.slots;
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
pub(super) fn all_of_guards(system: &System) -> Reductions {
    let quotient = Reduced::knows_decisions_of(system);
    let symmetry = system.clients().is_empty() && !quotient;
    Reductions { silent: true, quotient, symmetry, ..Reductions::NONE }
}

/// Whether the primary of the first view is honest; if the rulebook panics over it, nobody else is.
pub fn is_led_honestly(bound: &Bound, rules: &dyn Rules) -> bool {
    let is_honest = |committee| guarded(|| !bound.byzantine.contains(&rules.primary(committee, View(0))));
    bound.validate().is_ok_and(|committee| is_honest(committee).unwrap_or(true))
}

/// Whether judge *unbounded* takes what is in the bound.
pub(super) fn is_unbounded(scope: &Scope) -> Result<(), PlanError> {
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
