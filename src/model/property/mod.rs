//! What must hold. None of this calls a rule of the protocol: a property that asked the guard it
//! judges would agree with every mistake in it.

mod kind;
mod observation;
mod served;
mod verdicts;

use smallvec::SmallVec;
use stateright::Model;

pub(crate) use kind::Properties;
pub use kind::{NoSuchProperty, Property};
pub(super) use observation::{Certificates, Decided, Observation};
pub(crate) use served::has_executed;
pub(super) use verdicts::{ObservationId, Observations, Verdicts, violated_in};

use super::history::History;
use super::panics::Panicked;
use super::participant::{Local, Participant};
use super::system::System;
use crate::pbft::{ClientState, Outcome, Principal, ReplicaId, SeqNum, State, View, signed_by_its_client};

/// A model whose states hold honest replicas.
pub trait Judge: Model {
    /// What is fixed.
    fn system(&self) -> &System;

    /// Calls `see` with what the honest participants believe.
    fn with_view<R>(&self, state: &Self::State, see: impl FnOnce(&GlobalView<'_>) -> R) -> R;

    /// Whether a state has a property.
    fn holds(&self, state: &Self::State, property: Property) -> bool {
        self.with_view(state, |seen| property.violation(seen).is_none())
    }

    /// Whether a state is, or stands for, one in which every honest replica is like this.
    fn every_replica_reaches(&self, state: &Self::State, good: &dyn Fn(&State) -> bool) -> bool {
        self.with_honest(state, |replicas| replicas.iter().all(|replica| good(replica)))
    }

    /// Whether a state is, or stands for, one in which some honest replica is like this.
    fn some_replica_reaches(&self, state: &Self::State, good: &dyn Fn(&State) -> bool) -> bool {
        self.with_honest(state, |replicas| replicas.iter().any(|replica| good(replica)))
    }

    /// Calls `see` with the honest replicas' states, in the order of [`System::honest`].
    fn with_honest<R>(&self, state: &Self::State, see: impl FnOnce(&[&State]) -> R) -> R {
        self.with_view(state, |seen| see(seen.replicas))
    }
}

/// What the honest participants believe in one state: all that a property can look at.
#[derive(Clone, Copy, Debug)]
pub struct GlobalView<'a> {
    /// What is fixed.
    pub(crate) system: &'a System,
    /// The honest replicas' states, in the order of [`System::honest`].
    pub replicas: &'a [&'a State],
    /// The clients', in the order of [`System::clients`].
    pub clients: &'a [&'a ClientState],
    /// What clients asked and were told, if they take part.
    pub history: Option<&'a History>,
    /// Whose code has panicked, if somebody's has; what it believed before stands among the states.
    pub panicked: Option<(Principal, &'a Panicked)>,
}

impl GlobalView<'_> {
    /// Calls `see` with these local states, which are in the order of the participants.
    pub(crate) fn with<'a, R>(
        system: &System,
        locals: impl Iterator<Item = &'a Local>,
        history: Option<&History>,
        see: impl FnOnce(&GlobalView<'_>) -> R,
    ) -> R {
        let mut replicas: SmallVec<[&State; 8]> = SmallVec::new();
        let mut clients: SmallVec<[&ClientState; 4]> = SmallVec::new();
        let mut panicked = None;
        for local in locals {
            let place = (replicas.len(), clients.len());
            replicas.extend(local.replica());
            clients.extend(local.client());
            if let Some(wreck) = local.wreck() {
                panicked = panicked.or_else(|| Some((participant(system, place)?, &wreck.panicked)));
            }
        }
        see(&GlobalView { system, replicas: &replicas, clients: &clients, history, panicked })
    }
}

/// Who comes after so many honest replicas and clients.
fn participant(system: &System, (replicas, clients): (usize, usize)) -> Option<Principal> {
    let replica = system.honest().get(replicas).map(|replica| Principal::Replica(replica.id()));
    replica.or_else(|| system.clients().get(clients).map(|client| Principal::Client(client.id())))
}

/// The history at the start, when those clients have asked that do not wait for an occasion; none if
/// clients take no part or are too many.
pub(crate) fn first_history(system: &System, participants: &[Participant]) -> Option<History> {
    let mut history = system.keeps_history().then(History::new)?;
    for participant in participants {
        if let (Participant::Client(client), Local::Client(state)) = (participant, participant.init(system)) {
            history = history.after(client.id(), &client.init(), &state);
        }
    }
    Some(history)
}

fn named<'a>(seen: &'a GlobalView<'_>) -> impl Iterator<Item = (ReplicaId, &'a State)> {
    seen.system.honest().iter().map(|replica| replica.id()).zip(seen.replicas.iter().copied())
}

/// At each of few places, who was there first, and with what.
struct First<K, V>(SmallVec<[(K, ReplicaId, V); 8]>);

impl<K, V> Default for First<K, V> {
    fn default() -> Self {
        First(SmallVec::new())
    }
}

impl<K: Copy + PartialEq, V: Copy> First<K, V> {
    fn of(&mut self, place: K, id: ReplicaId, value: V) -> (ReplicaId, V) {
        match self.0.iter().find(|(known, ..)| *known == place) {
            Some(&(_, first, value)) => (first, value),
            None => {
                self.0.push((place, id, value));
                (id, value)
            }
        }
    }
}

fn agreement(seen: &GlobalView<'_>) -> Option<String> {
    let mut decided = First::default();
    for (id, state) in named(seen) {
        for (seq, slot) in state.log().iter() {
            let Some(batch) = slot.committed() else { continue };
            let (other, first) = decided.of(seq, id, batch);
            if first.digest() != batch.digest() {
                return Some(format!("at {seq}, {other} decided {first} and {id} decided {batch}"));
            }
        }
    }
    None
}

/// All pairs are compared: of chains that do not begin at the same checkpoint the longest need not say anything about
/// a short one.
fn chain_prefix(seen: &GlobalView<'_>) -> Option<String> {
    for (place, (id, state)) in named(seen).enumerate() {
        let chain = state.chain();
        let mut parent = chain.hash_at(chain.base());
        for block in chain.blocks() {
            if Some(block.parent()) != parent {
                return Some(format!("{id}'s block {block:?} does not name its parent"));
            }
            parent = Some(block.digest());
        }
        for (other, reference) in named(seen).take(place) {
            let common = chain.height().min(reference.chain().height());
            let (mine, theirs) = (chain.hash_at(common), reference.chain().hash_at(common));
            if mine.is_some() && theirs.is_some() && mine != theirs {
                return Some(format!(
                    "up to {common}, {other} executed {:?} and {id} executed {:?}",
                    reference.chain(),
                    chain
                ));
            }
        }
    }
    None
}

fn validity(seen: &GlobalView<'_>) -> Option<String> {
    for (id, state) in named(seen) {
        for (seq, slot) in state.log().iter() {
            let requests = slot.committed().map_or(&[][..], |batch| batch.requests());
            let keys = &seen.system.setting().keys;
            if let Some(request) = requests.iter().find(|r| !(signed_by_its_client(r) && keys.verify(r))) {
                return Some(format!(
                    "at {seq}, {id} decided {}, which client {} never signed: {} did",
                    request.id(),
                    request.client,
                    request.signer()
                ));
            }
        }
    }
    None
}

fn exactly_once(seen: &GlobalView<'_>) -> Option<String> {
    for (id, state) in named(seen) {
        let mut executed: SmallVec<[_; 8]> = SmallVec::new();
        for block in state.chain().blocks() {
            let is_repeated = |request: &&_| {
                let known = executed.contains(*request);
                executed.push(**request);
                known
            };
            if let Some(request) = block.executed().iter().find(is_repeated) {
                return Some(format!("{id} executed {request} twice, the second time at {}", block.seq()));
            }
        }
    }
    None
}

fn certificate_unique(seen: &GlobalView<'_>) -> Option<String> {
    let mut prepared = First::default();
    for (id, state) in named(seen) {
        for (_, slot) in state.log().iter() {
            let Some(certificate) = slot.prepared() else { continue };
            let place = (certificate.view(), certificate.seq());
            let batch = &certificate.claim().proposal.batch;
            let (other, first) = prepared.of(place, id, batch);
            if first.digest() != batch.digest() {
                return Some(format!(
                    "in {} at {}, {other} holds a certificate for {first} and {id} one for {batch}",
                    place.0, place.1
                ));
            }
        }
    }
    None
}

fn stable_unique(seen: &GlobalView<'_>) -> Option<String> {
    let mut known = First::default();
    for (id, state) in named(seen) {
        let claim = state.stable().claim();
        let (other, digest) = known.of(claim.seq, id, claim.state);
        if digest != claim.state {
            return Some(format!(
                "at {}, {other} holds a stable checkpoint of {digest} and {id} one of {}",
                claim.seq, claim.state
            ));
        }
    }
    None
}

fn stable_held(seen: &GlobalView<'_>) -> Option<String> {
    let needed = usize::from(seen.system.bound().scope.faults) + 1;
    for (id, state) in named(seen) {
        let seq = state.stable().seq();
        let holders = seen.replicas.iter().filter(|other| other.chain().height() >= seq).count();
        if holders < needed {
            return Some(format!(
                "{id}'s checkpoint at {seq} is stable, and of the honest replicas only {holders} executed so far"
            ));
        }
    }
    None
}

fn reply_true(seen: &GlobalView<'_>) -> Option<String> {
    for (client, state) in seen.system.clients().iter().zip(seen.clients) {
        let Some((timestamp, result @ Outcome::Appended { .. })) = state.accepted() else { continue };
        let computed =
            seen.replicas.iter().filter_map(|replica| replica.last_reply(client.id())).any(|last| {
                // Of an earlier request nothing is known any more.
                last.timestamp > timestamp || (last.timestamp, last.result) == (timestamp, result)
            });
        if !computed {
            return Some(format!(
                "{} accepted '{result:?}', which no honest replica has computed",
                client.id()
            ));
        }
    }
    None
}

fn linearizable(seen: &GlobalView<'_>) -> Option<String> {
    if seen.history.is_none_or(History::is_linearizable) {
        return None;
    }
    let told: Vec<_> = seen
        .system
        .clients()
        .iter()
        .zip(seen.clients)
        .filter_map(|(client, state)| Some((client.id(), state.accepted()?.1)))
        .map(|(id, result)| format!("{id}: {result:?}"))
        .collect();
    Some(format!("no order of execution explains what the clients were told ({})", told.join("; ")))
}

fn panics(seen: &GlobalView<'_>) -> Option<String> {
    seen.panicked.map(|(who, panicked)| format!("{who} panicked: {panicked}"))
}

/// Whether all is executed or something can still happen; for a judge, every action that leads to another
/// state is something. Where somebody has panicked nothing can happen, and that is what is wrong there.
fn has_a_way_on<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.with_view(state, |seen| seen.panicked.is_some() || seen.unserved().is_none()) || {
        let mut actions = Vec::new();
        judge.actions(state, &mut actions);
        actions.into_iter().any(|action| judge.next_state(state, action).is_some())
    }
}

/// [`Property::NoDeadEnd`], as a checker takes it.
pub(crate) fn no_dead_end<J: Judge>() -> stateright::Property<J> {
    stateright::Property::always(Property::NoDeadEnd.name(), has_a_way_on::<J>)
}

/// A property of every reachable state, as stateright's checkers take it; none if it is not one that a state shows.
fn always<J: Judge>(property: Property) -> Option<stateright::Property<J>> {
    macro_rules! one_of {
        ($($name:ident)*) => {
            match property {
                $(Property::$name => {
                    let holds = |judge: &J, state: &J::State| judge.holds(state, Property::$name);
                    Some(stateright::Property::always(property.name(), holds))
                })*
                _ => None,
            }
        };
    }
    one_of! {
        Agreement ChainPrefix Validity ExactlyOnce CertificateUnique StableUnique StableHeld ReplyTrue Linearizable
        Panics
    }
}

/// Which safety properties a bound can look at: all that are always checked, but for those about what there is none of.
pub(crate) fn looked_at(system: &System) -> impl Iterator<Item = Property> {
    let (checkpoints, clients) = (system.has_checkpoints(), !system.clients().is_empty());
    Property::SAFETY.into_iter().filter(move |property| match property {
        Property::StableUnique | Property::StableHeld => checkpoints,
        Property::ReplyTrue | Property::Linearizable => clients,
        _ => true,
    })
}

fn decided_by_all<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.every_replica_reaches(state, &|s| {
        s.log().iter().any(|(_, slot)| slot.committed().is_some_and(|b| !b.is_null()))
    })
}

fn decided_after_view_change<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.some_replica_reaches(state, &|s| {
        s.log().iter().any(|(_, slot)| {
            slot.committed().is_some_and(|b| !b.is_null())
                && slot.is_prepared()
                && slot.proposal().is_some_and(|p| p.view() > View(0))
        })
    })
}

fn believed_by_one<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.with_view(state, |seen| seen.clients.iter().any(|client| client.accepted().is_some()))
}

fn stable_above_genesis<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.some_replica_reaches(state, &|s| s.stable().seq() > SeqNum::GENESIS)
}

/// The safety properties that the bound can look at and, so that no model passes by doing nothing, the good outcomes
/// that must be reachable, as stateright's checkers take them.
pub fn properties<J: Judge>(system: &System) -> Vec<stateright::Property<J>> {
    let mut all: Vec<_> = looked_at(system).filter_map(always).collect();
    let mut good = |name: &'static str, is_reached: fn(&J, &J::State) -> bool| {
        all.push(stateright::Property::sometimes(name, is_reached));
    };
    if system.has_checkpoints() {
        good("a checkpoint becomes stable", stable_above_genesis::<J>);
    }
    if !system.clients().is_empty() {
        good("a client is answered", believed_by_one::<J>);
    }
    good("every honest replica decides a request", decided_by_all::<J>);
    if system.bound().scope.views > 1 {
        good("a request is decided after a view change", decided_after_view_change::<J>);
    }
    all
}
