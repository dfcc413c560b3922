//! Judge *guards* with fewer states: steps in which a replica sends nothing are put off.
//!
//! Such a step, a decision or the arrival of a request, changes nothing for anybody else: the network is the same
//! after it, and nothing that others do can prevent it, since messages are only added. So any run can be
//! reordered so that it comes just before the next step of the same replica in which something is sent, or at the
//! end. What is visited are the states in which each replica has just sent something; each stands for all that
//! silent steps lead to from it, every replica for itself, and every one of these is a state of the model. So the
//! reduction is exact: no state is left out that is not stood for, and none is added.
//!
//! Crashes, of which there are only so many, and what clients do, which their common history remembers in its order,
//! are never put off.
//!
//! What that takes of the rules is what every rulebook has: what a replica does depends on its state and on what exists,
//! and that only grows. Certificates that say the same are one here as in judge *guards*: that it does not matter which
//! votes prove them is tried before anything is said to hold ([`votes_matter`](super::votes_matter)).
//!
//! And, where that is asked for, what is decided counts, and not who has decided it ([`decided`]).

mod decided;
mod premise;
mod route;
mod saved;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use stateright::Model;

use super::guards::{Guard, GuardId, GuardModel, GuardState, LocalId, MessageSet, Move, numbered};
use super::numbers::{Interned, Number as _, numbers};
use super::property::{GlobalView, Judge, ObservationId, Properties, Property, properties};
use super::reductions::Reductions;
use super::system::System;
use crate::memory;
use crate::pbft::{Batch, State};
use decided::Decisions;

numbers! {
    /// A set of observations.
    ObservationSet
}

/// [`GuardModel`], from one step in which something is sent to the next.
pub struct Reduced {
    judge: GuardModel,
    /// Whether silent steps are put off.
    silent: bool,
    /// What was decided, if it makes no difference by whom.
    decisions: Option<Decisions>,
    /// By local state, what kinds its guards are of.
    outlines: RwLock<Vec<Option<Arc<Outline>>>>,
    sets: RwLock<Interned<ObservationSet, SmallVec<[ObservationId; 4]>>>,
    /// Of sets of observations of all honest replicas, which properties some state with one of each lacks.
    judged: Mutex<FxHashMap<SmallVec<[ObservationSet; 4]>, Properties>>,
    /// Which properties the state lacks that was asked about last: one property after the other is.
    last: Mutex<Option<(GuardState, Properties)>>,
    /// What can be reached by silent steps from the state that was met last.
    met: Mutex<Option<(GuardState, AllReached)>>,
}

/// The guards of a local state by what they do.
struct Outline {
    guards: Arc<Vec<Guard>>,
    /// Those that are put off.
    silent: SmallVec<[GuardId; 4]>,
    /// Those in which somebody decides, which are not followed.
    deciding: SmallVec<[GuardId; 4]>,
    /// All others that lead anywhere.
    other: SmallVec<[GuardId; 8]>,
}

/// Steps of one participant, of which only the last sends anything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stretch(SmallVec<[Move; 4]>);

/// A local state that silent steps lead to.
#[derive(Clone, Copy, Debug)]
struct Stop {
    local: LocalId,
    /// The one before it, by place, and the step between them.
    from: Option<(usize, GuardId)>,
    /// Whether it is a state that has decided, from where nothing is followed.
    decides: bool,
}

type Reached = SmallVec<[Stop; 4]>;
/// Of each replica, what can be reached.
type AllReached = SmallVec<[Reached; 4]>;

impl Reduced {
    /// Judge *guards* of a system, with silent steps put off.
    pub fn new(judge: GuardModel) -> Self {
        Self::by(judge, Reductions { silent: true, ..Reductions::NONE })
    }

    /// Judge *guards* of a system, reduced: what of it this judge has is `silent` and `quotient`.
    pub fn by(judge: GuardModel, reductions: Reductions) -> Self {
        let decisions = reductions.quotient.then(Decisions::default);
        let silent = reductions.silent;
        Reduced {
            judge,
            silent,
            decisions,
            outlines: RwLock::default(),
            sets: RwLock::default(),
            judged: Mutex::default(),
            last: Mutex::default(),
            met: Mutex::default(),
        }
    }

    /// Whether a bound is one in which it can make no difference who has decided.
    pub(crate) fn knows_decisions_of(system: &System) -> bool {
        let bound = system.bound();
        bound.scope.slots == 1
            && bound.scope.crashes == 0
            && !system.has_checkpoints()
            && system.clients().is_empty()
    }

    /// Judge *guards*.
    pub(crate) fn judge(&self) -> &GuardModel {
        &self.judge
    }

    fn replicas(&self) -> usize {
        self.judge.system().honest().len()
    }

    fn outline(&self, participant: usize, local: LocalId) -> Arc<Outline> {
        let guards = self.judge.guards(local);
        let known = self.outlines.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(outline)) = known.get(local.place())
            && Arc::ptr_eq(&outline.guards, &guards)
        {
            return Arc::clone(outline);
        }
        drop(known);
        let (mut silent, mut deciding, mut other) = (SmallVec::new(), SmallVec::new(), SmallVec::new());
        for (number, guard) in numbered(&guards).filter(|(_, guard)| guard.next != local) {
            let is_silent = participant < self.replicas() && !guard.crash && !guard.sends;
            let decisions = self.decisions.as_ref().filter(|_| is_silent);
            if decisions.is_some_and(|decisions| decisions.decides(&self.judge, local, guard.next)) {
                deciding.push(number);
            } else if is_silent && self.silent {
                silent.push(number);
            } else {
                other.push(number);
            }
        }
        let outline = Arc::new(Outline { guards, silent, deciding, other });
        let mut outlines = self.outlines.write().unwrap_or_else(PoisonError::into_inner);
        if outlines.len() <= local.place() {
            outlines.resize(local.place() + 1, None);
        }
        outlines[local.place()] = Some(Arc::clone(&outline));
        outline
    }

    /// What silent steps of a participant that are put off lead to, the state that it is in first, and what it can
    /// decide in them.
    fn silently(&self, participant: usize, local: LocalId, available: &MessageSet) -> Reached {
        let mut reached: Reached = SmallVec::from_slice(&[Stop { local, from: None, decides: false }]);
        let mut looked_at = 0;
        while let Some(&Stop { local, decides, .. }) = reached.get(looked_at) {
            if !decides {
                let outline = self.outline(participant, local);
                let silent = outline.silent.iter().map(|&number| (number, false));
                for (number, decides) in silent.chain(outline.deciding.iter().map(|&number| (number, true))) {
                    let guard = &outline.guards[number.place()];
                    if reached.iter().all(|stop| stop.local != guard.next) && guard.is_enabled(available) {
                        reached.push(Stop { local: guard.next, from: Some((looked_at, number)), decides });
                    }
                }
            }
            looked_at += 1;
        }
        reached
    }

    /// The steps that lead to one of the states that silent steps lead to.
    fn route(participant: u16, reached: &Reached, to: usize) -> SmallVec<[Move; 4]> {
        let mut route = SmallVec::new();
        let mut place = to;
        while let Some((before, guard)) = reached[place].from {
            route.push(Move::new(participant, guard, reached[place].local));
            place = before;
        }
        route.reverse();
        route
    }

    /// Steps in which nothing is sent that lead from a state, which stands for it, to one without this property.
    pub(crate) fn to_violation(&self, state: &GuardState, property: Property) -> Vec<Move> {
        let lacks = |state: &GuardState| !self.judge.holds(state, property);
        let all = self.all_reached(state);
        let mut found = Vec::new();
        self.any_of(state, &all, &mut |chosen, state| {
            let is_one = lacks(state);
            if is_one {
                for (participant, (reached, &to)) in (0..).zip(all.iter().zip(chosen)) {
                    found.extend(Self::route(participant, reached, to));
                }
            }
            is_one
        });
        found
    }

    /// All states that this one stands for, itself among them.
    pub fn stands_for(&self, state: &GuardState) -> Vec<GuardState> {
        let mut all = Vec::new();
        self.any_of(state, &self.all_reached(state), &mut |_, state| {
            all.push(state.clone());
            false
        });
        all
    }

    /// What somebody has decided, or can decide, in a state or before it; nothing if it makes a difference who.
    pub fn decided(&self, state: &GuardState) -> Vec<Batch> {
        self.decisions.as_ref().map_or_else(Vec::new, |decisions| decisions.batches(&self.judge, state))
    }

    fn all_reached(&self, state: &GuardState) -> AllReached {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, all)) = &*met
            && known == state
        {
            return all.clone();
        }
        let available = self.judge.available(state);
        let replicas = self.judge.numbers(state).iter().take(self.replicas());
        let all = replicas.enumerate().map(|(place, local)| self.silently(place, local, &available));
        met.insert((state.clone(), all.collect())).1.clone()
    }

    /// Looks at the states with one of these for each replica, until one of them is what is looked for.
    fn any_of(
        &self,
        state: &GuardState,
        all: &[Reached],
        is_it: &mut dyn FnMut(&[usize], &GuardState) -> bool,
    ) -> bool {
        let mut chosen = vec![0; all.len()];
        loop {
            let locals = all.iter().zip(&chosen).map(|(reached, &place)| reached[place].local);
            if is_it(&chosen, &state.with_locals(locals)) {
                return true;
            }
            let Some(turned) = (0..all.len()).find(|&place| chosen[place] + 1 < all[place].len()) else {
                return false;
            };
            chosen[..turned].fill(0);
            chosen[turned] += 1;
        }
    }

    fn set(&self, mut observations: SmallVec<[ObservationId; 4]>) -> ObservationSet {
        observations.sort_unstable();
        observations.dedup();
        let known = self.sets.read().unwrap_or_else(PoisonError::into_inner).number_of(&observations);
        known
            .unwrap_or_else(|| self.sets.write().unwrap_or_else(PoisonError::into_inner).number(observations))
    }

    /// Which properties some state that this one stands for lacks.
    fn violated(&self, state: &GuardState) -> Properties {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, violated)) if known == state => *violated,
            _ => last.insert((state.clone(), self.judge_all(state))).1,
        }
    }

    /// Of these states of a replica the first of each in which the properties see the same.
    fn seen_differently(&self, reached: &Reached) -> Reached {
        let mut seen = FxHashSet::default();
        reached.iter().filter(|stop| seen.insert(self.judge.observation_of(stop.local))).cloned().collect()
    }

    fn judge_all(&self, state: &GuardState) -> Properties {
        let all = self.all_reached(state);
        let observations =
            |reached: &Reached| reached.iter().map(|stop| self.judge.observation_of(stop.local)).collect();
        let key: SmallVec<[ObservationSet; 4]> =
            all.iter().map(|reached| self.set(observations(reached))).collect();
        let before = self
            .decisions
            .as_ref()
            .map_or(Properties::NONE, |decisions| decisions.violated(&self.judge, state));
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&violated) = judged.get(&key) {
            return before | violated;
        }
        memory::before(&*judged);
        drop(judged);
        let mut violated = Properties::NONE;
        // Of the states in which the properties see the same one will do.
        let different: AllReached = all.iter().map(|reached| self.seen_differently(reached)).collect();
        self.any_of(state, &different, &mut |_, state| {
            violated |= self.judge.violated(state);
            false
        });
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(key, violated);
        before | violated
    }
}

impl Model for Reduced {
    type State = GuardState;
    type Action = Stretch;

    fn init_states(&self) -> Vec<GuardState> {
        self.judge.init_states().into_iter().map(|state| self.settled(state)).collect()
    }

    fn actions(&self, state: &GuardState, actions: &mut Vec<Stretch>) {
        let available = self.judge.available(state);
        let may_crash = self.judge.may_crash_in(state);
        for (participant, local) in (0u16..).zip(self.judge.numbers(state).iter()) {
            let place = usize::from(participant);
            let reached = self.silently(place, local, &available);
            for (to, &Stop { local, .. }) in reached.iter().enumerate().filter(|(_, stop)| !stop.decides) {
                let outline = self.outline(place, local);
                for &number in &outline.other {
                    let guard = &outline.guards[number.place()];
                    if (guard.crash && !may_crash) || !guard.is_enabled(&available) {
                        continue;
                    }
                    let mut steps = Self::route(participant, &reached, to);
                    steps.push(Move::new(participant, number, guard.next));
                    actions.push(Stretch(steps));
                }
            }
        }
    }

    fn next_state(&self, state: &GuardState, stretch: Stretch) -> Option<GuardState> {
        let mut state = state.clone();
        for step in stretch.0 {
            state = self.judge.next_state(&state, step)?;
        }
        Some(self.settled(state))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties(self.judge.system())
    }
}

impl Stretch {
    /// The steps of judge *guards*.
    pub(crate) fn steps(&self) -> &[Move] {
        &self.0
    }
}

impl Judge for Reduced {
    fn system(&self) -> &System {
        self.judge.system()
    }

    fn holds(&self, state: &GuardState, property: Property) -> bool {
        if property.is_of_replicas() {
            return !self.violated(state).contains(property);
        }
        // A step in which somebody panics is not put off.
        if property == Property::Panics {
            return self.judge.holds(state, property);
        }
        let all = self.all_reached(state);
        !self.any_of(state, &all, &mut |_, state| !self.judge.holds(state, property))
    }

    fn with_view<R>(&self, state: &GuardState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        self.judge.with_view(state, see)
    }

    // What one replica comes to silently is no matter of the others: there is no need to look at all combinations.

    fn every_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        let is_good = |stop: &Stop| self.judge.is_replica(stop.local, good);
        self.all_reached(state).iter().all(|reached| reached.iter().any(is_good))
    }

    fn some_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        let is_good = |stop: &Stop| self.judge.is_replica(stop.local, good);
        self.all_reached(state).iter().any(|reached| reached.iter().any(is_good))
    }
}

impl fmt::Debug for Reduced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduced").field("judge", &self.judge).finish()
    }
}
