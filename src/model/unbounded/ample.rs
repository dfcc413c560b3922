//! Which steps may as well be taken at once.
//!
//! In a view, one replica's step never takes anything from another: messages are only added. So an order between
//! the steps of different replicas matters only where one needs what the other sends. And some steps of one
//! replica, such as accepting what a primary has proposed, do not get in the way of anything else that it may
//! do, now or later. If such steps are enabled, all runs need be followed only in which one of them comes next
//! (ample sets: Clarke, Grumberg, Minea and Peled, *State space reduction using partial order techniques*, 1999). What is
//! left out has the same replicas with the same certificates and decisions; of the messages, it has fewer.
//!
//! That steps do not get in each other's way is not read off the rules, but off the tables of what the replica
//! did: taken in either order they have to lead to the same local state, and neither may need more after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{ContentNumber, LocalId};
use super::stage::Stage;
use crate::engine::Fingerprint;
use crate::model::guards::{Guard, MessageId, MessageSet, Needs};

/// Local states that are looked at, at most, to find out whether steps get in the way of others: beyond that
/// they are taken to do so.
const MOST: usize = 4_096;

/// What a replica can do in a local state.
#[derive(Debug)]
pub(super) struct Step {
    /// The local state that it leads to.
    pub next: LocalId,
    /// What must have been sent in the view, for each way to it.
    needs: SmallVec<[Needs; 1]>,
    /// Whether something is sent.
    emits: bool,
    /// Whether it is put off for that.
    pub is_silent: bool,
    /// Whether the replica takes the same along as before, and the properties see no difference.
    is_hidden: bool,
    order: Fingerprint,
}

impl Step {
    /// Whether it can be taken where this was sent in the view.
    pub fn is_enabled(&self, sent: &MessageSet) -> bool {
        self.needs.iter().any(|needs| needs.are_met(sent))
    }

    /// Whether it can be taken wherever another can.
    fn is_enabled_with(&self, other: &Step) -> bool {
        other.needs.iter().all(|theirs| self.needs.iter().any(|needs| needs.are_met_with(theirs)))
    }
}

/// Steps of a local state of which one may as well be taken next, if all are enabled: by their places.
pub(super) type Ample = SmallVec<[usize; 4]>;

/// The steps that are possible after a past, as far as messages of an alphabet allow.
pub(super) struct Steps<'a> {
    pub context: &'a Context,
    pub stage: &'a mut Stage,
    /// What exists from the start.
    pub base: &'a MessageSet,
    /// All that is taken to exist.
    exists: MessageSet,
    steps: FxHashMap<LocalId, Arc<Vec<Step>>>,
    amples: FxHashMap<LocalId, Arc<Vec<Ample>>>,
}

impl<'a> Steps<'a> {
    pub fn new(
        context: &'a Context,
        stage: &'a mut Stage,
        base: &'a MessageSet,
        alphabet: &MessageSet,
    ) -> Self {
        let mut exists = base.clone();
        exists.union_with(alphabet);
        Steps { context, stage, base, exists, steps: FxHashMap::default(), amples: FxHashMap::default() }
    }

    /// What can be done in a local state.
    pub fn at(&mut self, local: LocalId) -> Result<Arc<Vec<Step>>, Unexplorable> {
        if let Some(steps) = self.steps.get(&local) {
            return Ok(Arc::clone(steps));
        }
        let known = self.stage.known(self.context, local)?.clone();
        let mut steps = Vec::new();
        let guards = self.stage.arena.judge.guards(local);
        if !known.is_active && self.stage.setup().is_led_honestly && self.context.reductions.summaries {
            self.check_new_views(&guards)?;
        }
        for guard in guards.iter().filter(|guard| guard.next != local) {
            let possible = guard.needs().filter(|needs| needs.are_met(&self.exists));
            let needs: SmallVec<_> = possible.map(|needs| needs.beside(self.base)).collect();
            if needs.is_empty() {
                continue;
            }
            let next = self.stage.known(self.context, guard.next)?;
            steps.push(Step {
                next: guard.next,
                needs,
                emits: next.sent != known.sent,
                is_silent: next.sent == known.sent && self.context.reductions.silent,
                is_hidden: (next.outcome, next.observation) == (known.outcome, known.observation),
                order: next.order,
            });
        }
        steps.sort_unstable_by_key(|step| step.order);
        let steps = Arc::new(steps);
        self.steps.insert(local, Arc::clone(&steps));
        Ok(steps)
    }

    /// Whether of the NEW-VIEWs that propose the same all bring a replica to the same, however they are justified.
    fn check_new_views(&mut self, guards: &[Guard]) -> Result<(), Unexplorable> {
        let messages = &mut self.stage.messages;
        messages.update(&self.stage.arena);
        let mut led_to: FxHashMap<MessageId, LocalId> = FxHashMap::default();
        for guard in guards {
            for needs in guard.needs() {
                led_to.extend(needs.those_needed().map(|message| (message, guard.next)));
            }
        }
        let mut by_content: FxHashMap<ContentNumber, Option<LocalId>> = FxHashMap::default();
        for (new_view, &content) in &messages.new_views {
            let next = led_to.get(new_view).copied();
            if messages.began_with.contains(*new_view) && *by_content.entry(content).or_insert(next) != next {
                return Err(Unexplorable::Justification);
            }
        }
        Ok(())
    }

    /// The sets of steps in a local state of which one may as well be taken next.
    pub fn amples(&mut self, local: LocalId) -> Result<Arc<Vec<Ample>>, Unexplorable> {
        if let Some(amples) = self.amples.get(&local) {
            return Ok(Arc::clone(amples));
        }
        let steps = self.at(local)?;
        let mut amples: Vec<Ample> = Vec::new();
        for first in 0..steps.len() {
            if amples.iter().any(|ample| ample.contains(&first)) {
                continue;
            }
            let mut members: Ample = SmallVec::from_slice(&[first]);
            let mut looked_at = 0;
            while looked_at < members.len() {
                let member = members[looked_at];
                for other in 0..steps.len() {
                    if !members.contains(&other) && self.meet(&steps, member, other)?.is_none() {
                        members.push(other);
                    }
                }
                looked_at += 1;
            }
            let is_fit = |&member: &usize| steps[member].emits && steps[member].is_hidden;
            if members.iter().all(is_fit) && self.stays_apart(local, &members)? {
                members.sort_unstable();
                amples.push(members);
            }
        }
        let amples = Arc::new(amples);
        self.amples.insert(local, Arc::clone(&amples));
        Ok(amples)
    }

    /// Where two steps of a local state lead in either order, if they do not get in each other's way. Nor does `b` if
    /// nothing is left of it once `a` is taken, as of a request that arrives before its proposal: it sends nothing,
    /// and whoever sees it sees no difference.
    fn meet(&mut self, steps: &[Step], a: usize, b: usize) -> Result<Option<LocalId>, Unexplorable> {
        let (a, b) = (&steps[a], &steps[b]);
        let (after_a, after_b) = (self.at(a.next)?, self.at(b.next)?);
        let then_b = after_a.iter().filter(|step| step.is_enabled_with(b));
        let mut then_b = then_b.filter(|then_b| {
            after_b.iter().any(|then_a| then_a.next == then_b.next && then_a.is_enabled_with(a))
        });
        let is_lost = || {
            let alone = after_b.iter().any(|then_a| then_a.next == a.next && then_a.is_enabled_with(a));
            !b.emits && b.is_hidden && alone
        };
        Ok(then_b.next().map(|step| step.next).or_else(|| is_lost().then_some(a.next)))
    }

    /// Whether these steps stay possible, hidden, and out of the way of others, whatever else the replica does.
    fn stays_apart(&mut self, local: LocalId, members: &[usize]) -> Result<bool, Unexplorable> {
        let steps = self.at(local)?;
        let nexts: BTreeSet<LocalId> = members.iter().map(|&member| steps[member].next).collect();
        let mut seen = FxHashSet::default();
        let mut waiting = vec![(local, nexts)];
        while let Some((local, nexts)) = waiting.pop() {
            if !seen.insert((local, nexts.clone())) {
                continue;
            }
            if seen.len() > MOST {
                return Ok(false);
            }
            let steps = self.at(local)?;
            let (members, others): (Vec<_>, Vec<_>) =
                (0..steps.len()).partition(|&step| nexts.contains(&steps[step].next));
            let is_fit = |&member: &usize| steps[member].emits && steps[member].is_hidden;
            if members.len() != nexts.len() || !members.iter().all(is_fit) {
                return Ok(false);
            }
            for other in others {
                let mut later = BTreeSet::new();
                for &member in &members {
                    match self.meet(&steps, member, other)? {
                        Some(next) => drop(later.insert(next)),
                        None => return Ok(false),
                    }
                }
                waiting.push((steps[other].next, later));
            }
        }
        Ok(true)
    }
}
