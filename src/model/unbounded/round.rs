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

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use stateright::Expectation;

use super::ample::Steps;
use super::boundary::{Decided, with};
use super::error::Unexplorable;
use super::stage::Stage;
use super::{UnboundedModel, summaries};
use crate::model::bits::Bits;
use crate::model::guards::GuardModel;
use crate::model::property::{Judge as _, Properties, properties};

/// Numbers of a [`Stage`]: one of each honest replica, most of the time.
pub(super) type Numbers = SmallVec<[u32; 8]>;

/// Which replicas are alike, each part of a row up to the next of these places.
pub(super) type Parts = SmallVec<[usize; 8]>;

/// What can come of a start.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// How many states were visited.
    pub states: u64,
    /// Everything that was sent in the view.
    pub sent: Bits,
    /// What can be left behind, by what each replica takes along, or what it gains, as numbers: with which
    /// certificates of the view that can be shown, and what was decided.
    pub left: FxHashMap<Numbers, BTreeSet<(u32, u32)>>,
    /// The properties that some state lacks, and the good outcomes that some state has.
    pub violated: Properties,
    pub reached: BTreeSet<&'static str>,
    /// The states in which the next phase begins: they were not followed further.
    pub next: FxHashSet<Numbers>,
}

impl Runs {
    /// Adds those that begin elsewhere.
    pub fn extend(&mut self, other: Runs) {
        self.states += other.states;
        self.sent.union_with(&other.sent);
        self.violated |= other.violated;
        self.reached.extend(other.reached);
        self.next.extend(other.next);
        for (key, more) in other.left {
            self.left.entry(key).or_default().extend(more);
        }
    }
}

/// How far a view has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Its honest primary may still have to begin it.
    Start,
    /// It has begun, if its primary is honest, in one way: what is sent in another one never exists.
    Begun,
    /// All have entered it: of what is left behind it is said what each gains there.
    Entered,
}

/// What is followed, and how far.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Which replicas are alike.
    pub parts: Parts,
    /// The phase in which the runs start; they are followed to its end.
    pub phase: Phase,
}

/// Follows all runs from these local states, where this exists besides what is sent.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn runs(
    views: &UnboundedModel,
    stage: &mut Stage,
    start: &Numbers,
    base: &Bits,
    plan: &Plan,
) -> Result<Runs, Unexplorable> {
    let properties = properties(stage.judge.system());
    let looks_for_good = views.reached().len() < UnboundedModel::GOOD.len();
    let mut alphabet = Bits::default();
    loop {
        let mut round = Round {
            steps: Steps::new(views, stage, base, &alphabet),
            properties: &properties,
            looks_for_good,
            plan,
            runs: Runs::default(),
            taken: FxHashSet::default(),
            judged: FxHashSet::default(),
        };
        round.run(start)?;
        let runs = round.runs;
        if runs.sent == alphabet || views.is_stopped() {
            return Ok(runs);
        }
        alphabet = runs.sent;
    }
}

/// All runs, as far as messages of an alphabet allow.
struct Round<'a> {
    steps: Steps<'a>,
    properties: &'a [stateright::Property<GuardModel>],
    /// Whether some good outcome was not met in any view yet.
    looks_for_good: bool,
    plan: &'a Plan,
    runs: Runs,
    /// What each replica can leave behind, and what the properties can see of it, as far as that was looked at.
    taken: FxHashSet<(Numbers, u32)>,
    judged: FxHashSet<Numbers>,
}

impl Round<'_> {
    fn run(&mut self, start: &Numbers) -> Result<(), Unexplorable> {
        let mut seen = FxHashSet::default();
        seen.insert(self.up_to_symmetry(start)?);
        let mut waiting = vec![start.clone()];
        let mut next = Vec::new();
        while let Some(locals) = waiting.pop() {
            if self.steps.views.is_stopped() {
                return Ok(());
            }
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

    /// The same for all states that differ in who is who alone, of those that are alike.
    fn up_to_symmetry(&mut self, locals: &Numbers) -> Result<Numbers, Unexplorable> {
        let mut kinds: SmallVec<[(u128, u32); 8]> = SmallVec::new();
        for &local in locals {
            let known = self.steps.stage.known(self.steps.views, local)?;
            let is_entered = self.plan.phase == Phase::Entered;
            let kind = if is_entered { known.essence } else { known.kind };
            kinds.push((known.order, kind));
        }
        sort_parts(&mut kinds, &self.plan.parts);
        Ok(kinds.into_iter().map(|(_, kind)| kind).collect())
    }

    /// Visits a state: what it stands for, and where it leads.
    fn next(&mut self, locals: &Numbers, next: &mut Vec<Numbers>) -> Result<(), Unexplorable> {
        let mut sent = Bits::default();
        let mut order: SmallVec<[(u128, usize); 8]> = SmallVec::new();
        let (mut is_begun, mut is_entered) = (false, true);
        for (place, &local) in locals.iter().enumerate() {
            let known = self.steps.stage.known(self.steps.views, local)?;
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
            Phase::Begun if is_entered && self.steps.views.reductions.summaries => {
                if let Some(ends) = summaries::ends(self.steps.views, self.steps.stage, locals)? {
                    self.runs.sent.union_with(&ends.sent);
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
        for (_, replica) in order.into_iter().filter(|_| self.steps.views.reductions.ample) {
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
    fn silently(&mut self, local: u32, sent: &Bits) -> Result<Numbers, Unexplorable> {
        let mut met: Numbers = SmallVec::from_slice(&[local]);
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
    fn look_at(&mut self, silent: &[Numbers], sent: &Bits) -> Result<(), Unexplorable> {
        let (mut outcomes, mut aspects) = (Numbers::new(), Numbers::new());
        for met in silent {
            let (outcome, aspect) = self.steps.stage.ends_of(self.steps.views, met)?;
            outcomes.push(outcome);
            aspects.push(aspect);
        }
        let shown = self.steps.stage.shown(self.steps.views, sent)?;
        sort_parts(&mut outcomes, &self.parts_of_outcomes());
        if self.taken.insert((outcomes.clone(), shown)) {
            let of_each = outcomes.iter().map(|&set| &self.steps.stage.sets[set as usize][..]);
            for all in product(of_each) {
                self.leave(&all, shown);
            }
        }
        if self.judged.insert(aspects.clone()) {
            self.judge(silent, &aspects);
        }
        Ok(())
    }

    /// It does not matter who leaves what behind, unless that is still to be added to what they had.
    fn parts_of_outcomes(&self) -> Parts {
        if self.plan.phase == Phase::Entered { self.plan.parts.clone() } else { Parts::new() }
    }

    /// Notes that these outcomes, one of each replica, can be left behind while these certificates can be shown.
    fn leave(&mut self, outcomes: &[u32], shown: u32) {
        let parts = self.parts_of_outcomes();
        let stage = &mut *self.steps.stage;
        let mut key = Numbers::new();
        let mut decided: Decided = Vec::new();
        for &number in outcomes {
            let outcome = stage.outcomes[number as usize];
            key.push(if self.plan.phase == Phase::Entered { outcome.gained } else { outcome.past });
            let more = &stage.decisions[outcome.decided as usize];
            decided = if decided.is_empty() { more.clone() } else { with(&decided, more) };
        }
        sort_parts(&mut key, &parts);
        let decided = stage.decision(decided);
        self.runs.left.entry(key).or_default().insert((shown, decided));
    }

    /// Checks the properties of all states that one stands for. Each of them looks at one replica or at two.
    fn judge(&mut self, silent: &[Numbers], aspects: &[u32]) {
        for (place, &one) in aspects.iter().enumerate() {
            for &other in &aspects[place + 1..] {
                self.runs.violated |= self.steps.stage.violated_by_sets(one, other);
            }
        }
        if aspects.len() > 1 && !self.looks_for_good {
            return;
        }
        let judge = &self.steps.stage.judge;
        for all in product(silent.iter().map(|met| &met[..])) {
            let state = GuardModel::state(&all);
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
fn product<'a, T: Copy + 'a>(of: impl Iterator<Item = &'a [T]>) -> Vec<SmallVec<[T; 8]>> {
    let mut all = vec![SmallVec::new()];
    for choices in of {
        let mut longer = Vec::with_capacity(all.len() * choices.len());
        for some in &all {
            longer.extend(choices.iter().map(|&choice| {
                let mut more: SmallVec<[T; 8]> = some.clone();
                more.push(choice);
                more
            }));
        }
        all = longer;
    }
    all
}

fn moved(locals: &Numbers, replica: usize, next: u32) -> Numbers {
    let mut moved = locals.clone();
    moved[replica] = next;
    moved
}
