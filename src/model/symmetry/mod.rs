//! Judge *guards* with one state for all that differ in names alone.
//!
//! Honest replicas that are primary in no view of the bound are told apart by nothing but their names, and so are clients
//! that ask for the same. A *renaming* lets them trade names: it takes a local state, all that it holds and all that its
//! replica has sent, to the one with the other names, signed with the other keys and with the digests of the other
//! requests ([`Rename`](crate::pbft::Rename)). Renamings take states to states; of those that they take to each other, the
//! one whose vector of numbers is least stands for all. Numbers are never given anew, so it is always the same one.
//!
//! **Why nothing is lost, and nothing added.** If a step can be taken in a state, then in the renamed state one or more
//! steps of the renamed replica lead to the renamed target. So what can be reached with other names is reached from
//! the state that stands for it; and, since renamings can be undone and leave the first state as it is, what is visited
//! can be reached. That premise is tried once all states were visited, for everything that was met ([`premise`]), and a
//! rulebook that does not have it is refused.
//!
//! What it takes for one are arguments of rules in which names have changed places, of replicas that lead no view and of clients
//! that ask for the same; the steps that are compared are all that rules decide of these. Whose votes stand in a
//! certificate is not compared: that it does not matter is tried by itself ([`votes_matter`](super::votes_matter)).
//!
//! *One or more* steps, since an honest primary serves the smallest name first. If it takes over a window with the requests
//! of two clients at hand, it proposes that of the first, then that of the second; for the other order it has to be handed one
//! after the other.
//!
//! **Who trades names.** Replicas that are never primary do; Byzantine ones have no state, so that nothing is gained by
//! letting them. Clients do in bounds of one view, without checkpoints and crashes. With a further view they do not: a
//! replica that has left a view keeps the requests that it waits for, and with two of them it begins its view with that of
//! the first client; that has no counterpart. (To let it forget them is no way out: a replica may have left the view because
//! it waits, and would then begin one without proposing anything, which it does not.) A digest of a state or block
//! that is no longer at hand cannot be renamed, hence no checkpoints.
//!
//! **Properties.** Those of replicas alone compare digests, numbers and views: each says the same of all states with other
//! names, and names are only in its words. What clients accept, and the history of it, stands in the order of the
//! clients: where clients take part, there is no such judge.

mod by_guards;
mod premise;
mod traded;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use itertools::Itertools as _;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use stateright::Model;

use super::guards::{GuardModel, GuardState, LocalId, MessageId, Move, OF_OTHERS};
use super::numbers::Number;
use super::property::{GlobalView, Judge, Property, properties};
use super::system::System;
use crate::engine::Fingerprint;
use crate::engine::record::{Recorded, Unfit};
use crate::pbft::{ClientId, Names, Renaming, ReplicaId, SigningKey, State, View};

pub use by_guards::ByGuards;
use traded::Traded;

/// The most replicas, and clients, that trade names: all orders of theirs are looked at in each state.
const MOST_REPLICAS: usize = 6;
const MOST_CLIENTS: usize = 4;

type Locals = SmallVec<[LocalId; 8]>;

/// Two of a kind that trade names.
struct Transposition {
    names: Names,
    /// Of each participant, by place, whose place it takes.
    places: SmallVec<[u16; 8]>,
}

/// What has what number after a transposition, as far as it is known.
#[derive(Clone, Default)]
struct Learned {
    locals: Traded<LocalId>,
    messages: Traded<MessageId>,
}

/// The kinds of entries in the journal of the judge.
const RENAMED_MESSAGE: u32 = OF_OTHERS + 8;
const RENAMED_LOCAL: u32 = OF_OTHERS + 9;

/// [`GuardModel`] or [`Reduced`](super::Reduced), with one state for all that differ in names alone.
pub struct Symmetric<M> {
    inner: M,
    keys: Vec<SigningKey>,
    transpositions: Vec<Transposition>,
    /// The transpositions which, one after the other, lead from a state to all that differ in names alone.
    walk: Vec<usize>,
    learned: RwLock<Vec<Learned>>,
    /// The first local state or message that has no other name.
    nameless: Mutex<Option<String>>,
}

/// Exchanges of neighbours which, one after the other, bring so many things into all orders: the order of Steinhaus,
/// Johnson and Trotter (Johnson, Math. Comp. 17, 1963).
fn adjacent_transpositions(things: usize) -> Vec<usize> {
    if things < 2 {
        return Vec::new();
    }
    // The last thing goes to and fro; when it is at an end, the others are exchanged once.
    let (down, up): (Vec<_>, Vec<_>) = ((0..things - 1).rev().collect(), (0..things - 1).collect());
    let mut all = down.clone();
    for (place, exchange) in adjacent_transpositions(things - 1).into_iter().enumerate() {
        let at_start = place % 2 == 0;
        all.push(exchange + usize::from(at_start));
        all.extend(if at_start { &up } else { &down });
    }
    all
}

/// Two neighbours of these exchange their places; of the others each keeps its own.
fn places(count: usize, moved: Option<(u16, u16)>) -> SmallVec<[u16; 8]> {
    let other = |place: u16| match moved {
        Some((a, b)) if place == a => b,
        Some((a, b)) if place == b => a,
        _ => place,
    };
    (0..count as u16).map(other).collect()
}

impl<M: ByGuards> Symmetric<M> {
    /// Judge *guards* of a system, or what `judge` makes of it, with one state for all that differ in names alone; none where clients
    /// take part.
    pub fn new(system: Arc<System>, judge: impl FnOnce(GuardModel) -> M) -> Option<Self> {
        if !system.clients().is_empty() || system.is_open() {
            return None;
        }
        let (bound, rules, keys) = (system.bound(), system.rules(), system.keys());
        let committee = system.setting().committee;
        let leads = |id| (0..bound.scope.views).any(|view| rules.primary(committee, View(view)) == id);
        let honest = || (0..).zip(system.honest()).map(|(place, replica)| (place, replica.id()));
        let backups: Vec<(u16, ReplicaId)> =
            honest().filter(|&(_, id)| !leads(id)).take(MOST_REPLICAS).collect();
        // A forged request bears the name of client 0.
        let forged = rules.authentic(system.setting(), system.forged())
            || honest().any(|(_, id)| rules.authentic_at(system.setting(), id, system.forged()));
        let renames_clients = bound.scope.views == 1 && !system.has_checkpoints() && bound.scope.crashes == 0;
        let clients: Vec<ClientId> = (u32::from(forged)..system.requests().len() as u32)
            .map(ClientId)
            .take(if renames_clients { MOST_CLIENTS } else { 0 })
            .collect();
        let count = system.honest().len();
        let of_replicas = backups.iter().tuple_windows().map(|(&(a, first), &(b, second))| Transposition {
            names: Names::of_replicas(first, second),
            places: places(count, Some((a, b))),
        });
        let batches = system.batches();
        let of_clients = clients.iter().tuple_windows().map(|(&a, &b)| Transposition {
            names: Names::of_clients(a, b, &keys, &batches),
            places: places(count, None),
        });
        let transpositions: Vec<Transposition> = of_replicas.chain(of_clients).collect();
        let among_replicas = adjacent_transpositions(backups.len());
        let mut walk = among_replicas.clone();
        for transposition in adjacent_transpositions(clients.len()) {
            walk.push(backups.len().saturating_sub(1) + transposition);
            walk.extend(&among_replicas);
        }
        let learned = RwLock::new(vec![Learned::default(); transpositions.len()]);
        let inner = judge(GuardModel::new(Arc::clone(&system)));
        Some(Symmetric { inner, keys, transpositions, walk, learned, nameless: Mutex::default() })
    }

    /// The judge of which one state stands for all that differ in names alone.
    pub fn inner(&self) -> &M {
        &self.inner
    }

    /// How many states there are at most that differ in names alone.
    pub fn order(&self) -> usize {
        self.walk.len() + 1
    }

    /// All states that differ from this one in names alone, itself among them.
    pub fn orbit(&self, state: &GuardState) -> Vec<GuardState> {
        let mut all = vec![state.clone()];
        for &transposition in &self.walk {
            let next = all.last().map(|state| self.traded(transposition, state));
            all.extend(next);
        }
        all
    }

    fn renaming<'a>(&'a self, transposition: &'a Transposition) -> Renaming<'a> {
        Renaming { keys: &self.keys, from: View(0), by: 0, names: Some(&transposition.names) }
    }

    /// The number of a message after a transposition.
    fn message(&self, transposition: usize, number: MessageId) -> Option<MessageId> {
        let known = |learned: &Vec<Learned>| learned[transposition].messages.of(number);
        let known = known(&self.learned.read().unwrap_or_else(PoisonError::into_inner));
        if known.is_some() {
            return known;
        }
        let renamed =
            self.inner.judge().renamed_message(number, &self.renaming(&self.transpositions[transposition]));
        self.inner.judge().note(RENAMED_MESSAGE, &[transposition as u32, number.word()]);
        let Some(renamed) = renamed else {
            self.note(format!("message {} has no other name", number.word()));
            return None;
        };
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        learned[transposition].messages.keep(number, renamed);
        Some(renamed)
    }

    /// The number of a local state after a transposition; its own if it has no other name, which is noted.
    fn local(&self, transposition: usize, number: LocalId) -> LocalId {
        let known = |learned: &Vec<Learned>| learned[transposition].locals.of(number);
        let known = known(&self.learned.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(known) = known {
            return known;
        }
        let Transposition { places, .. } = &self.transpositions[transposition];
        let by = self.renaming(&self.transpositions[transposition]);
        let mut message = |number| self.message(transposition, number);
        let renamed = self.inner.judge().renamed_local(number, &by, places, &mut message);
        self.inner.judge().note(RENAMED_LOCAL, &[transposition as u32, number.word()]);
        let Some(renamed) = renamed else {
            self.note(format!("local state {} has no other name", number.word()));
            return number;
        };
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        learned[transposition].locals.keep(number, renamed);
        renamed
    }

    fn note(&self, why: String) {
        self.nameless.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// The local states after a transposition, if all have numbers.
    fn traded_among(&self, learned: &Learned, transposition: usize, locals: &Locals) -> Option<Locals> {
        let mut traded = locals.clone();
        for (&local, &place) in locals.iter().zip(&self.transpositions[transposition].places) {
            traded[usize::from(place)] = learned.locals.of(local)?;
        }
        Some(traded)
    }

    fn traded_locals(&self, transposition: usize, locals: &Locals) -> Locals {
        let mut traded = locals.clone();
        for (&local, &place) in locals.iter().zip(&self.transpositions[transposition].places) {
            traded[usize::from(place)] = self.local(transposition, local);
        }
        traded
    }

    fn traded(&self, transposition: usize, state: &GuardState) -> GuardState {
        let locals = self.inner.judge().numbers(state).iter().collect();
        GuardState::of(self.traded_locals(transposition, &locals))
    }

    /// The state that stands for this one, and how many transpositions of the walk lead to it.
    fn canonical(&self, state: &GuardState) -> (GuardState, usize) {
        let first: Locals = self.inner.judge().numbers(state).iter().collect();
        let (mut now, mut least, mut place) = (first.clone(), first, 0);
        let mut learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        for (&transposition, count) in self.walk.iter().zip(1..) {
            now = match self.traded_among(&learned[transposition], transposition, &now) {
                Some(traded) => traded,
                None => {
                    drop(learned);
                    let traded = self.traded_locals(transposition, &now);
                    learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
                    traded
                }
            };
            if now < least {
                least.clone_from(&now);
                place = count;
            }
        }
        (GuardState::of(least), place)
    }

    /// Steps of judge *guards* from one state to another, which differs in one participant.
    fn way(&self, from: &GuardState, to: &GuardState) -> Option<Vec<Move>> {
        let judge = self.inner.judge();
        let mut places = judge.numbers(from).iter().zip(judge.numbers(to).iter());
        let Some(who) = places.position(|(a, b)| a != b) else { return Some(Vec::new()) };
        let mut before: FxHashMap<GuardState, Option<(GuardState, Move)>> = FxHashMap::default();
        before.insert(from.clone(), None);
        let mut queue = std::collections::VecDeque::from([from.clone()]);
        let mut moves = Vec::new();
        while let Some(state) = queue.pop_front() {
            moves.clear();
            judge.actions(&state, &mut moves);
            for &step in moves.iter().filter(|step| usize::from(step.participant) == who) {
                let Some(next) = judge.next_state(&state, step) else { continue };
                if before.contains_key(&next) {
                    continue;
                }
                before.insert(next.clone(), Some((state.clone(), step)));
                if next == *to {
                    let mut way = Vec::new();
                    let mut place = to;
                    while let Some((earlier, step)) = before.get(place)? {
                        way.push(*step);
                        place = earlier;
                    }
                    way.reverse();
                    return Some(way);
                }
                queue.push_back(next);
            }
        }
        None
    }
}

impl<M: ByGuards> Model for Symmetric<M>
where
    M::Action: Clone,
{
    type State = GuardState;
    type Action = M::Action;

    fn init_states(&self) -> Vec<GuardState> {
        self.inner.init_states()
    }

    fn actions(&self, state: &GuardState, actions: &mut Vec<M::Action>) {
        self.inner.actions(state, actions);
    }

    fn next_state(&self, state: &GuardState, action: M::Action) -> Option<GuardState> {
        self.inner.next_state(state, action).map(|next| self.canonical(&next).0)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties(self.inner.system())
    }
}

impl<M: ByGuards> Judge for Symmetric<M>
where
    M::Action: Clone,
{
    fn system(&self) -> &System {
        self.inner.system()
    }

    fn holds(&self, state: &GuardState, property: Property) -> bool {
        self.inner.holds(state, property)
    }

    fn with_view<R>(&self, state: &GuardState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        self.inner.with_view(state, see)
    }

    fn every_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        self.inner.every_replica_reaches(state, good)
    }

    fn some_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        self.inner.some_replica_reaches(state, good)
    }
}

impl<M: ByGuards> ByGuards for Symmetric<M>
where
    M::Action: Clone,
{
    fn judge(&self) -> &GuardModel {
        self.inner.judge()
    }

    /// A step from the state that stands for where the run is leads to one that stands for where the run goes on: the
    /// transpositions on the way are undone, and the run itself is found by search, step by step.
    fn steps(&self, path: &[M::Action]) -> Option<Vec<Move>> {
        let mut standing = self.init_states().swap_remove(0);
        let mut run = standing.clone();
        let (mut undone, mut steps) = (Vec::new(), Vec::new());
        for action in path {
            let next = self.inner.next_state(&standing, action.clone())?;
            let target = undone
                .iter()
                .rev()
                .fold(next.clone(), |state, &transposition| self.traded(transposition, &state));
            steps.extend(self.way(&run, &target)?);
            run = target;
            let (least, transpositions) = self.canonical(&next);
            undone.extend(&self.walk[..transpositions]);
            standing = least;
        }
        Some(steps)
    }

    fn to_violation(&self, state: &GuardState, property: Property) -> Vec<Move> {
        self.inner.to_violation(state, property)
    }

    fn takes_in(&self, kind: u32, words: &[u32]) -> Result<(), Unfit> {
        let judge = self.inner.judge();
        match (kind, words) {
            (RENAMED_MESSAGE, &[transposition, number])
                if (transposition as usize) < self.transpositions.len() && number < judge.met() =>
            {
                self.message(transposition as usize, MessageId::of_word(number));
            }
            (RENAMED_LOCAL, &[transposition, number])
                if (transposition as usize) < self.transpositions.len()
                    && judge.is_met(LocalId::of_word(number)) =>
            {
                self.local(transposition as usize, LocalId::of_word(number));
            }
            _ => self.inner.takes_in(kind, words)?,
        }
        Ok(())
    }

    fn refused(&self) -> Option<String> {
        // A state with other names, where names matter, can be one that the judge cannot take: that is not its fault.
        self.asymmetry().or_else(|| self.inner.refused())
    }
}

impl<M: ByGuards + Recorded> Recorded for Symmetric<M>
where
    M::Action: Clone,
{
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        self.inner.judge().with_journal(with);
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        self.inner.judge().replay_with(journal, &mut |kind, words| self.takes_in(kind, words))
    }

    fn digest(&self) -> Fingerprint {
        self.inner.digest()
    }

    fn numbers(state: &GuardState) -> Cow<'_, [u32]> {
        M::numbers(state)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<GuardState> {
        self.inner.numbered(numbers)
    }
}

impl<M: ByGuards> fmt::Debug for Symmetric<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symmetric").field("system", &self.inner.system().bound()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn exchanges_of_neighbours_bring_things_into_all_orders() {
        for things in 0..7 {
            let mut now: Vec<usize> = (0..things).collect();
            let mut met = BTreeSet::from([now.clone()]);
            for exchange in adjacent_transpositions(things) {
                now.swap(exchange, exchange + 1);
                met.insert(now.clone());
            }
            let all = (1..=things).product::<usize>();
            assert_eq!((met.len(), adjacent_transpositions(things).len()), (all, all - 1));
        }
    }
}
