//! The states of one view that are visited.
//!
//! Every replica can leave at any time, so that any state of the view is one in which all leave. Which of these are
//! visited is cut down, without losing what can be left behind:
//!
//! - Steps that may as well be taken at once are (see [`ample`](super::ample)). What is left out by that leaves less
//!   behind: the same certificates and decisions of the honest replicas, and fewer for the adversary to show.
//! - A step in which nothing is sent, such as a decision, changes nothing for others. So it is put off until just before
//!   the next step of the same replica in which something is sent, or to the end. A state that is visited stands for
//!   all that such steps lead to from it, each replica for itself.
//! - Once every replica has entered the view, what can come is the same for many pasts (see
//!   [`summaries`](super::summaries)).

use std::sync::Arc;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;
use stateright::Expectation;

use super::ample::Steps;
use super::boundary::{Decided, with};
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{
    LocalId, Locals, Number as _, ObservationSet, OutcomeNumber, OutcomeSet, ShowableNumber,
};
use super::runs::{CarriedRow, GainedRow, Parts, Phase, Plan, Row, Runs};
use super::stage::Stage;
use crate::engine::Fingerprint;
use crate::interrupt;
use crate::model::guards::{GuardModel, GuardState, MessageSet};
use crate::model::property::{Judge as _, properties};

/// Finds out what can come once every replica has entered the view.
pub(super) trait Summarize {
    /// Everything that is sent from these local states on, in all of which their replicas have entered the view; none if
    /// the runs have to be followed from them.
    ///
    /// # Errors
    /// Why the rulebook's views cannot be explored one by one.
    fn sent_after(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        locals: &Locals,
    ) -> Result<Option<Arc<MessageSet>>, Unexplorable>;
}

/// Nothing is summarized: all runs are followed.
pub(super) struct Unsummarized;

impl Summarize for Unsummarized {
    fn sent_after(
        &mut self,
        _: &Context,
        _: &mut Stage,
        _: &Locals,
    ) -> Result<Option<Arc<MessageSet>>, Unexplorable> {
        Ok(None)
    }
}

/// Follows all runs from these local states, where this exists besides what is sent.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn runs(
    context: &Context,
    stage: &mut Stage,
    start: &Locals,
    base: &MessageSet,
    plan: &Plan,
    summaries: &mut dyn Summarize,
) -> Result<Runs, Unexplorable> {
    let properties = properties(stage.arena.judge.system());
    let looks_for_good = context.findings.is_any_good_missing();
    let mut alphabet = MessageSet::default();
    loop {
        let mut round = Round {
            steps: Steps::new(context, stage, base, &alphabet),
            summaries: &mut *summaries,
            properties: &properties,
            looks_for_good,
            plan,
            runs: Runs::default(),
            taken: FxHashSet::default(),
            judged: FxHashSet::default(),
        };
        round.run(start)?;
        let runs = round.runs;
        if runs.sent == alphabet {
            return Ok(runs);
        }
        alphabet = runs.sent;
    }
}

/// All runs, as far as messages of an alphabet allow.
struct Round<'a> {
    steps: Steps<'a>,
    summaries: &'a mut dyn Summarize,
    properties: &'a [stateright::Property<GuardModel>],
    /// Whether some good outcome was not met in any view yet.
    looks_for_good: bool,
    plan: &'a Plan,
    runs: Runs,
    /// What each replica can leave behind and what can be shown, as far as that was looked at.
    taken: FxHashSet<(Row<OutcomeSet>, ShowableNumber)>,
    /// What can be observed of each replica, as far as that was looked at.
    judged: FxHashSet<Row<ObservationSet>>,
}

impl Round<'_> {
    fn run(&mut self, start: &Locals) -> Result<(), Unexplorable> {
        let mut seen = FxHashSet::default();
        seen.insert(self.up_to_symmetry(start)?);
        let mut waiting = vec![start.clone()];
        let mut next = Vec::new();
        while let Some(locals) = waiting.pop() {
            interrupt::poll();
            self.runs.states += 1;
            self.next(&locals, &mut next)?;
            for locals in next.drain(..) {
                if seen.insert(self.up_to_symmetry(&locals)?) {
                    waiting.push(locals);
                }
            }
        }
        Ok(())
    }

    /// What all states have in common that differ in who is who alone, of those that are alike.
    fn up_to_symmetry(&mut self, locals: &Locals) -> Result<Row<usize>, Unexplorable> {
        let mut row: Row<(Fingerprint, usize)> = SmallVec::new();
        for &local in locals {
            let known = self.steps.stage.known(self.steps.context, local)?;
            let is_entered = self.plan.phase == Phase::Entered;
            let number = if is_entered { known.essence.place() } else { known.anonymous.place() };
            row.push((known.order, number));
        }
        sort_parts(&mut row, &self.plan.parts);
        Ok(row.into_iter().map(|(_, number)| number).collect())
    }

    /// Visits a state: what it stands for, and where it leads.
    fn next(&mut self, locals: &Locals, next: &mut Vec<Locals>) -> Result<(), Unexplorable> {
        let mut sent = MessageSet::default();
        let mut order: Row<(Fingerprint, usize)> = SmallVec::new();
        let (mut is_begun, mut is_entered) = (false, true);
        for (place, &local) in locals.iter().enumerate() {
            let known = self.steps.stage.known(self.steps.context, local)?;
            sent.union_with(&known.sent);
            order.push((known.order, place));
            is_begun |= place == 0 && known.is_active;
            is_entered &= known.is_active;
        }
        match self.plan.phase {
            Phase::Start if is_begun => {
                self.runs.sent.union_with(&sent);
                self.runs.next.insert(locals.clone());
                return Ok(());
            }
            Phase::Begun if is_entered && self.steps.context.reductions.summaries => {
                let (context, stage) = (self.steps.context, &mut *self.steps.stage);
                if let Some(sent) = self.summaries.sent_after(context, stage, locals)? {
                    self.runs.sent.union_with(&sent);
                    self.runs.next.insert(locals.clone());
                    return Ok(());
                }
            }
            _ => {}
        }
        self.runs.sent.union_with(&sent);
        let mut silent = Vec::new();
        for &local in locals {
            silent.push(self.silently(local, &sent)?);
        }
        self.look_at(&silent, &sent)?;
        order.sort_unstable();
        for (_, replica) in order.into_iter().filter(|_| self.steps.context.reductions.ample) {
            let local = locals[replica];
            let (steps, amples) = (self.steps.at(local)?, self.steps.amples(local)?);
            let enabled = |&&step: &&usize| steps[step].is_enabled(&sent);
            let Some(ample) = amples.iter().find(|ample| ample.iter().all(|step| enabled(&step))) else {
                continue;
            };
            next.extend(ample.iter().map(|&step| moved(locals, replica, steps[step].next)));
            return Ok(());
        }
        for (replica, silent) in silent.iter().enumerate() {
            for &local in silent {
                let steps = self.steps.at(local)?;
                let steps = steps.iter().filter(|step| !step.is_silent && step.is_enabled(&sent));
                next.extend(steps.map(|step| moved(locals, replica, step.next)));
            }
        }
        Ok(())
    }

    /// The local states that a replica comes to without sending anything, where this was sent.
    fn silently(&mut self, local: LocalId, sent: &MessageSet) -> Result<Locals, Unexplorable> {
        let mut met: Locals = SmallVec::from_slice(&[local]);
        let mut looked_at = 0;
        while let Some(&local) = met.get(looked_at) {
            let steps = self.steps.at(local)?;
            for step in steps.iter().filter(|step| step.is_silent && step.is_enabled(sent)) {
                if !met.contains(&step.next) {
                    met.push(step.next);
                }
            }
            looked_at += 1;
        }
        Ok(met)
    }

    /// Whether the properties hold in all states that this one stands for, and what they leave behind.
    fn look_at(&mut self, silent: &[Locals], sent: &MessageSet) -> Result<(), Unexplorable> {
        let (mut outcomes, mut observations) = (Row::new(), Row::new());
        for met in silent {
            let (outcome, observation) = self.steps.stage.ends_of(self.steps.context, met)?;
            outcomes.push(outcome);
            observations.push(observation);
        }
        let shown = self.steps.stage.shown(self.steps.context, sent)?;
        sort_parts(&mut outcomes, &self.parts_of_outcomes());
        if self.taken.insert((outcomes.clone(), shown)) {
            let of_each = outcomes.iter().map(|&set| self.steps.stage.outcomes_in(set));
            for all in product(of_each) {
                self.leave(&all, shown);
            }
        }
        if self.judged.insert(observations.clone()) {
            self.judge(silent, &observations);
        }
        Ok(())
    }

    /// It does not matter who leaves what behind, unless that is still to be added to what they had.
    fn parts_of_outcomes(&self) -> Parts {
        if self.plan.phase == Phase::Entered { self.plan.parts.clone() } else { Parts::new() }
    }

    /// Notes that these outcomes, one of each replica, can be left behind while these certificates can be shown.
    fn leave(&mut self, all: &[OutcomeNumber], shown: ShowableNumber) {
        let outcomes = &mut self.steps.stage.outcomes;
        let mut decided: Decided = Vec::new();
        for &number in all {
            let more = &outcomes.decisions[outcomes[number].decided];
            decided = if decided.is_empty() { more.clone() } else { with(&decided, more) };
        }
        let more = (shown, outcomes.decisions.number(decided));
        if self.plan.phase == Phase::Entered {
            let mut gained: GainedRow = all.iter().map(|&number| outcomes[number].gained).collect();
            sort_parts(&mut gained, &self.plan.parts);
            self.runs.gained.entry(gained).or_default().insert(more);
        } else {
            let mut carried: CarriedRow = all.iter().map(|&number| outcomes[number].carried).collect();
            carried.sort_unstable();
            self.runs.left.entry(carried).or_default().insert(more);
        }
    }

    /// Checks the properties of all states that one stands for. Each of them looks at one replica or at two.
    fn judge(&mut self, silent: &[Locals], observations: &[ObservationSet]) {
        for (place, &one) in observations.iter().enumerate() {
            for &other in &observations[place + 1..] {
                self.runs.violated |= self.steps.stage.violated_by(one, other);
            }
        }
        if observations.len() > 1 && !self.looks_for_good {
            return;
        }
        let judge = &self.steps.stage.arena.judge;
        for all in product(silent.iter().map(|met| &met[..])) {
            let state = GuardState::of(all);
            self.runs.violated |= judge.violated(&state);
            let good = self.properties.iter().filter(|p| p.expectation == Expectation::Sometimes);
            self.runs.reached.extend(good.filter(|p| (p.condition)(judge, &state)).map(|p| p.name));
        }
    }
}

/// Sorts what stands between two of these places, and what stands behind the last.
fn sort_parts<T: Ord>(row: &mut [T], parts: &[usize]) {
    let mut from = 0;
    for to in parts.iter().copied().chain([row.len()]) {
        row[from..to].sort_unstable();
        from = to;
    }
}

/// One of each, in every way.
fn product<'a, T: Copy + 'a>(of: impl Iterator<Item = &'a [T]>) -> Vec<Row<T>> {
    let mut all = vec![SmallVec::new()];
    for choices in of {
        let mut longer = Vec::with_capacity(all.len() * choices.len());
        for some in &all {
            longer.extend(choices.iter().map(|&choice| {
                let mut more: Row<T> = some.clone();
                more.push(choice);
                more
            }));
        }
        all = longer;
    }
    all
}

fn moved(locals: &Locals, replica: usize, next: LocalId) -> Locals {
    let mut moved = locals.clone();
    moved[replica] = next;
    moved
}
