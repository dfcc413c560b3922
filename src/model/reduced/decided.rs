//! What is decided counts, and not who has decided it.
//!
//! A decision sends nothing. A replica that has decided does not go another way for it: what it can do afterwards it
//! could do without. So a step in which it decides need not be followed, if what was decided is remembered, and that
//! it could have been decided *by then*, and by whom if by one alone, is all that a later state has to know. Whatever can be decided counts as decided
//! at once: waiting loses chances and wins none.//!
//! That whoever has not decided can do all that one that has can do is not taken for granted: it is tried on the real
//! replica, in every local state that was met ([`super::premise`]). And something may be *added*: who has decided and
//! forgets it might decide otherwise. A violation is therefore looked for again as a run of judge *guards*
//! ([`super::route`]), in which nobody forgets. A decision that comes with something that is sent is a step like any other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::hashed::{IndexMap, IndexSet};
use itertools::Itertools as _;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::saved::{ANYBODY, CUT, DECIDED, SET};
use super::{AllReached, Reduced};
use crate::model::guards::{GuardModel, GuardState, LocalId};
use crate::model::numbers::{Interned, Number as _, numbers};
use crate::model::property::{Certificates, Decided, ObservationId, Properties, Property};
use crate::pbft::Batch;

numbers! {
    /// What a replica has decided.
    pub(super) DecidedId
    /// The certificates that a replica holds.
    pub(super) HeldId
    /// A set of what replicas have decided.
    pub(super) DecidedSet
}

/// That nothing is decided.
const NOTHING: DecidedId = DecidedId(0);

/// What is decided and the certificates that are held.
type Parts = (DecidedId, HeldId);
/// What is decided, ascending, each with who alone has decided it.
pub(super) type Set = SmallVec<[(DecidedId, Option<u16>); 4]>;

/// What was decided, by whomever.
#[derive(Default)]
pub(super) struct Decisions(Mutex<DecisionTables>);

#[derive(Default)]
pub(super) struct DecisionTables {
    parts: FxHashMap<ObservationId, Parts>,
    /// Each with a local state in which it is decided, but for nothing.
    pub decided: IndexMap<Decided, Option<LocalId>>,
    held: Interned<HeldId, Certificates>,
    pub sets: IndexSet<Set>,
    /// Of sets, which properties replicas with two of the decisions lack.
    violated: FxHashMap<DecidedSet, Properties>,
    /// Steps in which somebody decides and sends nothing, which are not followed: from one local state to another.
    pub cut: FxHashSet<(LocalId, LocalId)>,
}

impl DecisionTables {
    /// What of a local state matters here.
    pub fn parts(&mut self, judge: &GuardModel, local: LocalId) -> Parts {
        let observation = judge.observation_of(local);
        if let Some(&parts) = self.parts.get(&observation) {
            return parts;
        }
        let (decided, held) = judge.seen(observation);
        if self.decided.is_empty() {
            self.decided.insert(Vec::new(), None);
        }
        let before = self.decided.len();
        let entry = self.decided.entry(decided);
        let parts = (DecidedId::at(entry.index()), self.held.number(held));
        entry.or_insert(Some(local));
        self.parts.insert(observation, parts);
        if self.decided.len() > before {
            judge.note(DECIDED, &[local.word()]);
        }
        parts
    }

    /// The number of a set of decisions.
    pub fn set(&mut self, judge: &GuardModel, set: Set) -> DecidedSet {
        if let Some(number) = self.sets.get_index_of(&set) {
            return DecidedSet::at(number);
        }
        let words = set.iter().flat_map(|&(decision, who)| [decision.word(), who.map_or(ANYBODY, u32::from)]);
        judge.note(SET, &words.collect::<Vec<_>>());
        DecidedSet::at(self.sets.insert_full(set).0)
    }

    /// What is decided in a step, if something is that was not before.
    pub fn decision(&mut self, judge: &GuardModel, from: LocalId, to: LocalId) -> Option<DecidedId> {
        let ((before, _), (after, _)) = (self.parts(judge, from), self.parts(judge, to));
        (after != before && after != NOTHING).then_some(after)
    }
}

impl Decisions {
    pub(super) fn known(&self) -> MutexGuard<'_, DecisionTables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody decides in the step from one local state to another.
    pub(super) fn decides(&self, judge: &GuardModel, from: LocalId, to: LocalId) -> bool {
        self.known().decision(judge, from, to).is_some()
    }

    /// The batches that were decided up to this state.
    pub(super) fn batches(&self, judge: &GuardModel, state: &GuardState) -> Vec<Batch> {
        let known = self.known();
        let set = set_beside(judge, state).and_then(|number| known.sets.get_index(number.place()));
        let decisions = set.into_iter().flatten();
        let decided = decisions.filter_map(|&(decision, _)| known.decided.get_index(decision.place()));
        decided.flat_map(|(decided, _)| decided.iter().map(|(_, batch)| batch.clone())).collect()
    }

    /// Which properties replicas that have decided what was decided up to this state lack.
    pub(super) fn violated(&self, judge: &GuardModel, state: &GuardState) -> Properties {
        /// Those of decisions alone: what else is seen of two replicas may never be seen together.
        const OF_DECISIONS: [Property; 4] =
            [Property::Agreement, Property::ChainPrefix, Property::Validity, Property::ExactlyOnce];
        let Some(number) = set_beside(judge, state) else { return Properties::NONE };
        let mut known = self.known();
        if let Some(&violated) = known.violated.get(&number) {
            return violated;
        }
        let of_decisions: Properties = OF_DECISIONS.into_iter().collect();
        let set = known.sets[number.place()].clone();
        let mut violated = Properties::NONE;
        for [&(one, of_one), &(other, of_other)] in set.iter().array_combinations() {
            // One alone does not contradict itself: it does not forget.
            if of_one.is_none() || of_one != of_other {
                let locals = [one, other].map(|decision| known.decided[decision.place()]);
                violated |= judge.violated_with(locals.into_iter().flatten()) & of_decisions;
            }
        }
        known.violated.insert(number, violated);
        violated
    }
}

/// What was decided up to this state, if that is remembered.
fn set_beside(judge: &GuardModel, state: &GuardState) -> Option<DecidedSet> {
    state.beside(judge.numbers(state).count()).map(DecidedSet::of_word)
}

fn include(set: &mut Set, decided: DecidedId, who: u16) {
    match set.binary_search_by_key(&decided, |&(known, _)| known) {
        _ if decided == NOTHING => {}
        Ok(place) if set[place].1 == Some(who) => {}
        Ok(place) => set[place].1 = None,
        Err(place) => set.insert(place, (decided, Some(who))),
    }
}

impl Reduced {
    pub(super) fn has_decided(&self, local: LocalId) -> bool {
        self.decisions
            .as_ref()
            .is_some_and(|decisions| decisions.known().parts(&self.judge, local).0 != NOTHING)
    }

    /// The state in which all that can be decided is decided.
    pub(super) fn settled(&self, state: GuardState) -> GuardState {
        let Some(decisions) = &self.decisions else { return state };
        let judge = &self.judge;
        let available = judge.available(&state);
        let locals = judge.numbers(&state);
        let number = set_beside(judge, &state);
        let reached: AllReached =
            locals.iter().enumerate().map(|(place, local)| self.silently(place, local, &available)).collect();
        let mut known = decisions.known();
        let mut set = number.map(|number| known.sets[number.place()].clone()).unwrap_or_default();
        for ((reached, local), who) in reached.iter().zip(locals.iter()).zip(0..) {
            include(&mut set, known.parts(judge, local).0, who);
            for stop in reached.iter().filter(|stop| stop.decides) {
                let Some((before, _)) = stop.from else { continue };
                let cut = (reached[before].local, stop.local);
                if known.cut.insert(cut) {
                    judge.note(CUT, &[cut.0.word(), cut.1.word()]);
                }
                include(&mut set, known.parts(judge, stop.local).0, who);
            }
        }
        let number = known.set(judge, set);
        let count = locals.count();
        let state = state.with_beside(count, number.word());
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some((state.clone(), reached));
        state
    }
}
