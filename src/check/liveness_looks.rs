//! What is asked about liveness, and the looks at some runs in which views go on without end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::fair::HaltedGraph;
use super::job::Job;
use super::limits::{Limit, Limits, Progress};
use super::liveness::{judge, new_model};
use super::outcome::{Outcome, Verdict};
use super::overseer;
use super::search::Coverage;
use crate::interrupt;
use crate::model::{Beginning, BoundError, Conduct, Event, Liveness, LivenessState, Owed, Property, Run};
use crate::pbft::{Message, Principal, Replica, Rules, View};
use crate::trace::RunLasso;

/// The most states that are looked at in search of views that change for ever: before anything else, and where the bound
/// leaves no verdict.
pub(super) const FEW: u64 = 20_000;
pub(super) const MANY: u64 = 100_000;

/// The most that are looked at under each conduct where view 0 comes to nothing: by then what spoils every view has done so.
const OF_LEFT: u64 = 5_000;

/// The most that are looked at where Byzantine replicas may do anything of the conducts: in a bound with checkpoints so many take
/// a quarter of a minute.
const OF_ANY: u64 = 2_000;

/// Where so many views may begin before the network is stable, there are so many states that a look at a few of the runs
/// without end comes first.
const MANY_VIEWS: u64 = 3;

/// What is asked, and what came of the looks at runs without end so far.
pub(super) struct Asked<'a> {
    pub job: &'a Job,
    pub rules: &'static dyn Rules,
    pub property: Option<Property>,
    pub limits: &'a Limits,
    pub progress: &'a Progress,
    pub start: Instant,
    /// What all looks covered.
    pub covered: Coverage,
    /// The first violation of which it is not sure that it goes on for ever.
    pub found: Option<Outcome>,
}

impl Asked<'_> {
    /// The looks at runs without end that come first.
    pub fn first_looks(&mut self) -> Result<Option<Outcome>, BoundError> {
        if let Some(outcome) = self.look(&Conduct::PLAIN, Beginning::Stable, FEW, &[])? {
            return Ok(Some(outcome));
        }
        // What spoils every view but the first shows only where nothing is decided in that one.
        let left = self.first_view_left()?;
        if !left.is_empty()
            && let Some(outcome) = self.look(&Conduct::PLAIN, Beginning::Stable, OF_LEFT, &left)?
        {
            return Ok(Some(outcome));
        }
        match self.job.bound.scope.views >= MANY_VIEWS {
            true => self.look(&Conduct::PLAIN, Beginning::Unstable, FEW, &[]),
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
        // Whoever panics on the way does so in other looks too, alone.
        let panics = run.with_view(|seen| seen.panicked.is_some());
        Ok(if panics { Vec::new() } else { left })
    }

    /// The looks that come last, where the bound alone leaves no verdict: at more runs, and at those in which a Byzantine replica
    /// does one thing in one view and another in the next.
    pub fn last_looks(&mut self) -> Result<Option<Outcome>, BoundError> {
        if let Some(outcome) = self.look(&Conduct::PLAIN, Beginning::Unstable, MANY, &[])? {
            return Ok(Some(outcome));
        }
        let left = self.first_view_left()?;
        for (beginning, given) in
            [(Beginning::Stable, &[][..]), (Beginning::Stable, &left), (Beginning::Unstable, &[])]
        {
            if let Some(outcome) = self.look(&[Conduct::Any], beginning, OF_ANY, given)? {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// A look at runs without end after which there is something to lose; the limit that has cut it short, if one has.
    pub fn look_or_limit(
        &mut self,
        look: impl FnOnce(&mut Self) -> Result<Option<Outcome>, BoundError>,
    ) -> Result<Result<Option<Outcome>, Limit>, BoundError> {
        let covered = self.covered;
        let looked = interrupt::caught(|| -> Result<_, BoundError> {
            let looked = look(self)?;
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
    pub fn explored(
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
    pub fn look(
        &mut self,
        conducts: &[Conduct],
        beginning: Beginning,
        most: u64,
        given: &[(Principal, Event)],
    ) -> Result<Option<Outcome>, BoundError> {
        for &conduct in conducts {
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
pub(super) fn together(one: Coverage, other: Coverage) -> Coverage {
    Coverage {
        states: one.states + other.states,
        transitions: one.transitions + other.transitions,
        depth: one.depth.max(other.depth),
        elapsed: one.elapsed + other.elapsed,
    }
}
