//! The liveness properties of PBFT, on all fair runs of a bound.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::fair::{Cut, FairModel, HaltedGraph, LivenessProperty, LivenessVerdict, check_liveness_on};
use super::job::Job;
use super::limits::{Limit, Limits, Progress};
use super::liveness_told::{panics, told};
use super::outcome::{Outcome, Verdict, exhausted};
use super::overseer;
use super::search::{Coverage, End, search};
use crate::interrupt;
use crate::model::{
    Beginning, BoundError, Conduct, Event, Judge as _, Liveness, LivenessMove, LivenessState, Owed, Property,
    Run, Stabilisation,
};
use crate::pbft::{Message, Principal, Replica, Rules, View};
use crate::trace::RunLasso;

impl FairModel for Liveness {
    type Class = Owed;

    fn class(&self, _state: &LivenessState, action: &LivenessMove) -> Option<Owed> {
        match action {
            LivenessMove::Stabilise => Some(Owed::Stabilisation),
            LivenessMove::Fire(_, owed) => *owed,
        }
    }

    fn is_cut(&self, state: &LivenessState) -> bool {
        self.is_used_up(state)
    }
}

/// The most states that are looked at in search of views that change for ever: before anything else, and where the bound
/// leaves no verdict.
pub(super) const FEW: u64 = 20_000;
pub(super) const MANY: u64 = 100_000;

/// Where so many views may begin before the network is stable, there are so many states that a look at a few of the runs
/// without end comes first; where there are more than so many states, it comes then.
const MANY_VIEWS: u64 = 3;
const LARGE: u64 = 250_000;

/// The good outcome without which liveness says nothing.
pub(super) const WAITS: &str = "a request waits";

/// The liveness properties of PBFT, as the checker takes them.
pub fn liveness_properties() -> Vec<LivenessProperty<Liveness>> {
    vec![
        LivenessProperty::eventually(Property::Executed.name(), Liveness::is_executed),
        LivenessProperty::eventually(Property::Answered.name(), Liveness::is_answered),
    ]
}

/// Checks liveness on a bound, with f views more after stabilisation than before it. Before that it looks for views that
/// change for ever, among some runs whose views go on without end; and again among more of them, where the bound
/// leaves no verdict.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn run_liveness(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    from: Option<UnfinishedLiveness>,
) -> Result<(Outcome, Option<UnfinishedLiveness>), BoundError> {
    let start = Instant::now();
    let mut asked =
        Asked { job, rules, property, limits, progress, start, covered: Coverage::default(), found: None };
    let mut is_begun = true;
    let (model, halted, mut has_looked) = match from {
        Some(UnfinishedLiveness { model, halted, covered, has_looked }) => {
            asked.covered = covered;
            (model, Some(halted), has_looked)
        }
        None => {
            if let Some(outcome) = asked.first_looks()? {
                return Ok((outcome, None));
            }
            // Looks that were cut short are made again.
            is_begun = !interrupt::is_set();
            (Box::new(new_model(job, rules)?), None, false)
        }
    };
    let is_over = |outcome: &Outcome| matches!(outcome.verdict, Verdict::NotExhausted(Limit::States(_)));
    let first = limits.max_states.map_or(LARGE, |most| most.min(LARGE));
    let (mut outcome, mut halted) =
        asked.explored(&model, if has_looked { limits.max_states } else { Some(first) }, halted);
    if !has_looked && is_over(&outcome) && limits.max_states.is_none_or(|most| most > first) {
        match asked.look_once(Beginning::Unstable, FEW)? {
            Ok(Some(found)) => return Ok((found.also(outcome.coverage), None)),
            Ok(None) => {
                has_looked = true;
                (outcome, halted) = asked.explored(&model, limits.max_states, halted);
            }
            Err(limit) => outcome.verdict = Verdict::NotExhausted(limit),
        }
    }
    if matches!(outcome.verdict, Verdict::Holds) {
        outcome.verdict = all_explored(&model);
    }
    if matches!(outcome.verdict, Verdict::NotExhausted(Limit::Bound))
        && let Ok(Some(found)) = asked.look_once(Beginning::Unstable, MANY)?
    {
        return Ok((found.also(outcome.coverage), None));
    }
    let goes_on = matches!(outcome.verdict, Verdict::NotExhausted(_)) && asked.found.is_none() && is_begun;
    let covered = asked.covered;
    if matches!(outcome.verdict, Verdict::NotExhausted(_) | Verdict::Refused(_)) && !progress.pauses() {
        outcome.coverage = together(outcome.coverage, asked.covered);
        if let Some(found) = asked.found {
            (outcome.verdict, outcome.unreached) = (found.verdict, found.unreached);
        }
    }
    let unfinished = halted.filter(|_| goes_on || progress.pauses() && is_begun);
    let unfinished = unfinished.map(|halted| UnfinishedLiveness { model, halted, covered, has_looked });
    Ok((outcome, unfinished))
}

/// The verdict where all of a model was explored, and nothing was violated.
pub(super) fn all_explored(model: &Liveness) -> Verdict {
    match model.far_views_are_alike() {
        true => interrupt::undisturbed(|| exhausted(model.judge().system())),
        false => Verdict::NotExhausted(Limit::Bound),
    }
}

/// The model of all runs of a job.
pub(super) fn new_model(job: &Job, rules: &'static dyn Rules) -> Result<Liveness, BoundError> {
    let further = u64::from(job.bound.scope.faults);
    Liveness::new(job.bound.clone(), rules, Stabilisation { further })
}

/// A run that a limit ended: the model, with all that its tables hold, what was explored, and what the looks at runs without
/// end have covered.
#[derive(Debug)]
pub(super) struct UnfinishedLiveness {
    pub model: Box<Liveness>,
    pub halted: HaltedGraph<LivenessState, Owed>,
    pub covered: Coverage,
    /// Whether runs without end were looked at between.
    pub has_looked: bool,
}

/// What is asked, and what came of the looks at runs without end so far.
struct Asked<'a> {
    job: &'a Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &'a Limits,
    progress: &'a Progress,
    start: Instant,
    /// What all looks covered.
    covered: Coverage,
    /// The first violation of which it is not sure that it goes on for ever.
    found: Option<Outcome>,
}

impl Asked<'_> {
    /// The looks at runs without end that come first.
    fn first_looks(&mut self) -> Result<Option<Outcome>, BoundError> {
        if let Some(outcome) = self.look(Beginning::Stable, FEW, &[])? {
            return Ok(Some(outcome));
        }
        // What spoils every view but the first shows only where nothing is decided in that one.
        let left = self.first_view_left()?;
        if !left.is_empty()
            && let Some(outcome) = self.look(Beginning::Stable, FEW, &left)?
        {
            return Ok(Some(outcome));
        }
        match self.job.bound.scope.views >= MANY_VIEWS {
            true => self.look(Beginning::Unstable, FEW, &[]),
            false => Ok(None),
        }
    }

    /// A run in which honest replicas hear of every request, and those leave view 0 whose timers run by then: what happens in view
    /// 0 before the network is stable where nothing else arrives. Nothing if the bound has no other view.
    fn first_view_left(&self) -> Result<Vec<(Principal, Event)>, BoundError> {
        if self.job.bound.scope.views < 2 {
            return Ok(Vec::new());
        }
        let system = new_model(self.job, self.rules)?.shared_system();
        let mut run = Run::new(Arc::clone(&system));
        let requests = system.requests().iter().cloned().map(Message::Request).map(Event::Deliver);
        let events: Vec<_> = requests.chain([Event::Timeout(View(0))]).collect();
        let mut left = Vec::new();
        for id in system.honest().iter().map(Replica::id) {
            let who = Principal::Replica(id);
            let happened: Vec<_> = events
                .iter()
                .filter(|event| run.step(who, event).is_ok())
                .map(|event| (who, event.clone()))
                .collect();
            // A primary stays, and is as if it had not heard of them: whoever leaves needs nothing of it.
            if matches!(happened.last(), Some((_, Event::Timeout(_)))) {
                left.extend(happened);
            }
        }
        Ok(left)
    }

    /// A look at runs without end after which there is something to lose; the limit that has cut it short, if one has.
    fn look_once(
        &mut self,
        beginning: Beginning,
        most: u64,
    ) -> Result<Result<Option<Outcome>, Limit>, BoundError> {
        let covered = self.covered;
        let looked = interrupt::caught(|| -> Result<_, BoundError> {
            let looked = self.look(beginning, most, &[])?;
            if looked.is_none() {
                // Each exploration of it has ended by itself, early.
                interrupt::poll();
            }
            Ok(looked)
        });
        Ok(match looked {
            Ok(looked) => Ok(looked?),
            Err(interrupted) => {
                self.covered = covered;
                Err(overseer::limit(interrupted, self.limits))
            }
        })
    }

    /// What a model of all runs says, from where its exploration was ended before, if it was.
    fn explored(
        &self,
        model: &Liveness,
        max_states: Option<u64>,
        halted: Option<HaltedGraph<LivenessState, Owed>>,
    ) -> (Outcome, Option<HaltedGraph<LivenessState, Owed>>) {
        let timeout = self.limits.timeout.map(|timeout| timeout.saturating_sub(self.start.elapsed()));
        let limits = Limits { max_states, timeout, ..*self.limits };
        self.progress.can_pause.store(true, Relaxed);
        let judged = judge(self.job, model, &[], self.property, &limits, self.progress, halted);
        if !self.progress.pauses() {
            self.progress.can_pause.store(false, Relaxed);
        }
        judged
    }

    /// What a model says, within what is left of the time and within so many states.
    fn judged(&self, model: &Liveness, max_states: Option<u64>, given: &[(Principal, Event)]) -> Outcome {
        let timeout = self.limits.timeout.map(|timeout| timeout.saturating_sub(self.start.elapsed()));
        let limits = Limits { max_states, timeout, ..*self.limits };
        judge(self.job, model, given, self.property, &limits, self.progress, None).0
    }

    /// Looks for views that change for ever in runs that begin with events that are given, under each conduct at so many states
    /// at most.
    fn look(
        &mut self,
        beginning: Beginning,
        most: u64,
        given: &[(Principal, Event)],
    ) -> Result<Option<Outcome>, BoundError> {
        for conduct in Conduct::ALL {
            if conduct != Conduct::Silent && self.job.bound.byzantine.is_empty() {
                continue;
            }
            let model = Liveness::endless(self.job.bound.clone(), self.rules, conduct, beginning)?;
            let Some(model) = model else { continue };
            let Ok(model) = model.beginning_with(given, false) else { continue };
            let most = self.limits.max_states.map_or(most, |limit| limit.min(most));
            let outcome = self.judged(&model, Some(most), given);
            self.covered = together(self.covered, outcome.coverage);
            let Verdict::Violated { trace, property, .. } = &outcome.verdict else { continue };
            let is_said = *property == Property::Panics || beginning == Beginning::Unstable;
            if is_said || trace.lasso().is_some_and(RunLasso::is_rising) {
                return Ok(Some(Outcome { coverage: self.covered, ..outcome }));
            }
            self.found.get_or_insert(outcome);
        }
        Ok(None)
    }
}

impl Outcome {
    /// The same with what another exploration covered.
    pub(super) fn also(self, covered: Coverage) -> Self {
        Outcome { coverage: together(self.coverage, covered), ..self }
    }
}

/// What two explorations covered.
fn together(one: Coverage, other: Coverage) -> Coverage {
    Coverage {
        states: one.states + other.states,
        transitions: one.transitions + other.transitions,
        depth: one.depth.max(other.depth),
        elapsed: one.elapsed + other.elapsed,
    }
}

/// What one model says, whose runs begin with events that are given.
pub(super) fn judge(
    job: &Job,
    model: &Liveness,
    given: &[(Principal, Event)],
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedGraph<LivenessState, Owed>>,
) -> (Outcome, Option<HaltedGraph<LivenessState, Owed>>) {
    let asked = |name: &str| property.is_none_or(|property| property.name() == name);
    let mut properties = liveness_properties();
    properties.retain(|property| asked(&property.name));
    // The model's tables grow as it runs: one thread keeps the order of discovery, and so the counterexample,
    // the same in every run.
    let report = check_liveness_on(model, &properties, &Limits { threads: 1, ..*limits }, progress, halted);
    let (report, halted) = match report {
        Ok(report) => report,
        Err(error) => {
            let verdict = Verdict::Refused(error.to_string());
            let coverage = Coverage::default();
            return (Outcome::of(job, coverage, verdict), None);
        }
    };
    if progress.pauses() && halted.is_some() {
        let paused = Verdict::NotExhausted(Limit::Stopped);
        return (Outcome::of(job, report.coverage, paused), halted);
    }
    if let Some(verdict) = panicking(model, given, limits, progress) {
        return (Outcome::of(job, report.coverage, verdict), halted);
    }
    let mut verdict = Verdict::Holds;
    let mut unreached = Vec::new();
    for finding in &report.findings {
        let violated = Property::LIVENESS.into_iter().find(|property| property.name() == finding.property);
        let Some(violated) = violated else { continue };
        match &finding.verdict {
            LivenessVerdict::Violated(lasso) => {
                verdict = match interrupt::undisturbed(|| told(model, given, violated, lasso)) {
                    Ok(trace) => {
                        let steps = lasso.prefix.len() + lasso.cycle().len();
                        Verdict::Violated { property: violated, steps, trace: Box::new(trace) }
                    }
                    Err(why) => Verdict::Refused(format!(
                        "a run that violates {violated} was found in the model, and the replicas do not show it: {why}"
                    )),
                };
                break;
            }
            LivenessVerdict::NotExhausted(Cut::Limit(limit)) => verdict = Verdict::NotExhausted(*limit),
            LivenessVerdict::NotExhausted(Cut::Boundary) => verdict = Verdict::NotExhausted(Limit::Bound),
            LivenessVerdict::Holds if finding.owed == 0 => unreached.push(WAITS),
            LivenessVerdict::Holds => {}
        }
    }
    let is_violated = matches!(verdict, Verdict::Violated { .. });
    if let Some(refusal) = model.refusal().filter(|_| !is_violated) {
        verdict = Verdict::Refused(refusal);
    }
    (Outcome::of(job, report.coverage, verdict).without(unreached), halted)
}

/// What is said of a model in which somebody panics: where it is not known whether anybody does, nothing.
fn panicking(
    model: &Liveness,
    given: &[(Principal, Event)],
    limits: &Limits,
    progress: &Progress,
) -> Option<Verdict> {
    if !model.meets_panics() {
        return None;
    }
    let nobody: fn(&Liveness, &LivenessState) -> bool =
        |model, state| model.with_view(state, |seen| seen.panicked.is_none());
    let asked = [stateright::Property::always(Property::Panics.name(), nobody)];
    let report = search(model, &asked, &Limits { threads: 1, ..*limits }, progress, |_| {});
    match report.end {
        End::Exhausted => None,
        End::Limited(limit) => Some(Verdict::NotExhausted(limit)),
        End::Violated { path, .. } => Some(match interrupt::undisturbed(|| panics(model, given, &path)) {
            Ok(trace) => {
                Verdict::Violated { property: Property::Panics, steps: path.len(), trace: Box::new(trace) }
            }
            Err(why) => Verdict::Refused(format!(
                "somebody panics in the model, and the replicas do not show it: {why}"
            )),
        }),
    }
}
