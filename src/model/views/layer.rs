//! One view, from the moment when all honest replicas move to it until all have left it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use stateright::{Expectation, Model, Property};

use super::past::{BatchNumber, Between, Past};
use super::premise::Maker;
use super::{Leader, Views};
use crate::model::absorbed::{Absorbed, AbsorbedState};
use crate::model::bits::Bits;
use crate::model::bounds::{Bound, System};
use crate::model::participant::{Local, Participant};
use crate::model::property::{Judge as _, properties};
use crate::pbft::{Digest, KeySet, Message, Principal, Replica, RequestId, SeqNum, State, View};

/// What can come of a view.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// What all can take along.
    pub after: BTreeSet<Between>,
    /// The properties that some state in the view lacks.
    pub lacking: BTreeSet<&'static str>,
    /// The good outcomes that some state in the view has.
    pub reached: BTreeSet<&'static str>,
    /// How many states the view has, up to symmetry.
    pub states: u64,
}

/// What it holds at a sequence number: the proposal that it has accepted, its certificate, and what it has decided.
#[derive(PartialEq, Eq, Hash)]
struct KindOfSlot {
    seq: SeqNum,
    accepted: Option<(View, Digest)>,
    prepared: Option<(View, Digest)>,
    decided: Option<Digest>,
}

/// What a replica is in the view, whoever it is.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    view: View,
    active: bool,
    slots: Vec<KindOfSlot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    votes: BTreeSet<(u8, View, SeqNum, Digest)>,
    others: Vec<Message>,
}

struct Explorer<'a> {
    views: &'a Views,
    judge: Absorbed,
    keys: KeySet,
    view: View,
    earlier: Bits,
    /// The honest primary: it is told from the others.
    primary: Option<usize>,
    kinds: IndexSet<Kind>,
    kind_of: FxHashMap<u32, u32>,
    pasts: FxHashMap<u32, Past<View>>,
    shown: FxHashMap<Bits, Vec<BTreeSet<(View, BatchNumber)>>>,
}

/// Explores the view that follows on `past`, or view 0 where there is none, under this primary.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn explore(views: &Views, past: Option<&Between>, leader: Leader) -> Result<Layer, String> {
    let n = u64::from(views.scope.replicas);
    let view = View(past.map_or(0, |past| {
        let first = u64::from(past.ranks()).max(n).div_ceil(n) * n;
        match leader {
            Leader::Honest(_) => first,
            Leader::Byzantine => first + n - 1,
        }
    }));
    let scope = crate::model::Scope { views: view.0 + 1, ..views.scope };
    let bound = Bound::new(scope, views.byzantine.iter().copied());
    let system = Arc::new(System::of_last_view(bound, views.rules).map_err(|error| error.to_string())?);
    let keys = KeySet::symbolic(views.scope.replicas, views.scope.requests);
    let mut explorer = Explorer {
        views,
        judge: Absorbed::new(Arc::clone(&system)),
        keys,
        view,
        earlier: Bits::default(),
        primary: matches!(leader, Leader::Honest(_)).then_some(0),
        kinds: IndexSet::new(),
        kind_of: FxHashMap::default(),
        pasts: FxHashMap::default(),
        shown: FxHashMap::default(),
    };
    let start = match past {
        None => explorer.judge.init_states().swap_remove(0),
        Some(past) => explorer.start(&system, past, leader)?,
    };
    let layer = explorer.run(start)?;
    if let Some(refusal) = explorer.judge.refusal() {
        return Err(refusal);
    }
    if explorer.judge.stepped() > 0 {
        return Err("votes do not commute: their order matters".to_owned());
    }
    explorer.check_left()?;
    Ok(layer)
}

impl Explorer<'_> {
    fn maker(&self) -> Maker<'_> {
        let setting = self.judge.system().setting();
        Maker { keys: &self.keys, setting, rules: self.views.rules }
    }

    fn replica(&self, index: usize) -> Option<&Replica> {
        match self.judge.participants().get(index) {
            Some(Participant::Replica(replica, _)) => Some(replica),
            _ => None,
        }
    }

    /// All honest replicas have given up the views before, and say what they take along.
    fn start(&mut self, system: &System, past: &Between, leader: Leader) -> Result<AbsorbedState, String> {
        let batches = &self.views.batches;
        let batch = |number: BatchNumber| &batches[usize::from(number)];
        let mut earlier = Vec::new();
        for (seq, shown) in (1..).map(SeqNum).zip(&past.shown) {
            let held = past.replicas.iter().filter_map(|past| past.prepared[seq.0 as usize - 1]);
            for (rank, number) in shown.iter().copied().chain(held).collect::<BTreeSet<_>>() {
                let claim = self.maker().claim(View(u64::from(rank)), seq, batch(number));
                let honest = |who: Principal| {
                    system.honest().iter().any(|replica| Principal::Replica(replica.id()) == who)
                };
                let proposal = Message::PrePrepare(claim.proposal.clone());
                earlier.extend(honest(proposal.signer()).then_some(proposal));
                let votes = claim.prepares.0.iter().filter(|vote| honest(vote.signer()));
                earlier.extend(votes.cloned().map(Message::Prepare));
            }
        }
        let mut order: Vec<&Past<u16>> = past.replicas.iter().collect();
        if let Leader::Honest(index) = leader {
            let first = order.remove(index);
            order.insert(0, first);
        }
        let mut locals = Vec::new();
        for (replica, past) in system.honest().iter().zip(order) {
            let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
            let prepared: Vec<_> = past
                .prepared
                .iter()
                .map(|held| held.map(|(rank, number)| (View(u64::from(rank)), batch(number))))
                .collect();
            let state = self.maker().state(replica, &decided, &prepared)?;
            let (state, change) = replica.after_giving_up(&state, self.view);
            let change = change.ok_or("a replica gives up its view and does not say so")?;
            locals.push((Local::of(state), vec![Message::ViewChange(change)]));
        }
        self.earlier = self.judge.numbers_of(earlier);
        Ok(self.judge.placed(locals))
    }

    fn run(&mut self, start: AbsorbedState) -> Result<Layer, String> {
        let properties: Vec<Property<Absorbed>> = properties(self.judge.system());
        let mut layer = Layer::default();
        let mut seen = FxHashSet::default();
        seen.insert(self.up_to_symmetry(&start));
        let mut waiting = vec![start];
        let mut moves = Vec::new();
        while let Some(state) = waiting.pop() {
            if self.views.is_stopped() {
                return Ok(layer);
            }
            layer.states += 1;
            for property in &properties {
                match ((property.condition)(&self.judge, &state), &property.expectation) {
                    (false, Expectation::Always) => drop(layer.lacking.insert(property.name)),
                    (true, Expectation::Sometimes) => drop(layer.reached.insert(property.name)),
                    _ => {}
                }
            }
            layer.after.insert(self.after(&state)?);
            moves.clear();
            self.judge.moves_beside(&state, &self.earlier, &mut moves);
            for &step in &moves {
                let Some(next) = self.judge.next_state(&state, step) else { continue };
                if seen.insert(self.up_to_symmetry(&next)) {
                    waiting.push(next);
                }
            }
        }
        Ok(layer)
    }

    /// The same for all states that differ in who is who alone.
    fn up_to_symmetry(&mut self, state: &AbsorbedState) -> SmallVec<[u32; 8]> {
        let numbers: SmallVec<[u32; 8]> = self.judge.numbers(state).into();
        let mut kinds: SmallVec<[u32; 8]> = numbers.iter().map(|&number| self.kind(number)).collect();
        let others = usize::from(self.primary.is_some());
        kinds[others..].sort_unstable();
        kinds
    }

    fn kind(&mut self, number: u32) -> u32 {
        if let Some(&kind) = self.kind_of.get(&number) {
            return kind;
        }
        let Some((local, sent)) = self.judge.numbered(number) else { return u32::MAX };
        let Some(state) = local.replica() else { return u32::MAX };
        let (mut votes, mut others) = (BTreeSet::new(), Vec::new());
        for message in sent {
            match &message {
                Message::Prepare(vote) => drop(votes.insert((0, vote.view, vote.seq, vote.digest))),
                Message::Commit(vote) => drop(votes.insert((1, vote.view, vote.seq, vote.digest))),
                Message::ViewChange(change) => {
                    let claims = change.prepared.iter();
                    votes.extend(claims.map(|claim| (2, claim.view(), claim.seq(), claim.digest())));
                }
                _ => others.push(message),
            }
        }
        let slot = |(seq, slot): (SeqNum, &crate::pbft::Slot)| {
            let accepted = slot.proposal().map(|proposal| (proposal.view(), proposal.digest()));
            let prepared = slot.prepared().map(|certificate| (certificate.view(), certificate.digest()));
            KindOfSlot { seq, accepted, prepared, decided: slot.committed().map(|batch| batch.digest()) }
        };
        let kind = Kind {
            view: state.view(),
            active: state.is_active(),
            slots: state.log().iter().map(slot).collect(),
            height: state.chain().height(),
            head: state.chain().head(),
            pending: state.pending().map(|request| request.id()).collect(),
            votes,
            others,
        };
        let kind = self.kinds.insert_full(kind).0 as u32;
        self.kind_of.insert(number, kind);
        kind
    }

    /// What everybody takes along if all leave the view now.
    fn after(&mut self, state: &AbsorbedState) -> Result<Between, String> {
        let numbers: SmallVec<[u32; 8]> = self.judge.numbers(state).into();
        let mut replicas = Vec::new();
        for (index, number) in numbers.into_iter().enumerate() {
            if !self.pasts.contains_key(&number) {
                let past = self.past(index, number)?;
                self.pasts.insert(number, past);
            }
            replicas.push(self.pasts[&number].clone());
        }
        let mut sent = self.judge.sent(state);
        sent.union_with(&self.earlier);
        let basis = self.judge.proving(&sent);
        if !self.shown.contains_key(&basis) {
            let shown = self.views.shown(&self.judge, &basis)?;
            self.shown.insert(basis.clone(), shown);
        }
        Ok(Between::new(replicas, self.shown[&basis].clone(), self.views.scope.requests as BatchNumber))
    }

    /// What a replica takes along, which has to be all that it is outside a view.
    fn past(&self, index: usize, number: u32) -> Result<Past<View>, String> {
        let replica = self.replica(index).ok_or("a participant is no replica")?;
        let (local, _) = self.judge.numbered(number).ok_or("a state was not met")?;
        let state = local.replica().ok_or("a participant is no replica")?;
        if state.view() != self.view {
            return Err(format!("{} moves on to {} by itself", replica.id(), state.view()));
        }
        let past = self.views.past(state).map_err(|why| format!("{} {why}", replica.id()))?;
        self.check(replica, state, &past)?;
        Ok(past)
    }

    fn check(&self, replica: &Replica, state: &State, past: &Past<View>) -> Result<(), String> {
        let maker = self.maker();
        let batch = |number: BatchNumber| &self.views.batches[usize::from(number)];
        let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared: Vec<_> =
            past.prepared.iter().map(|held| held.map(|(view, number)| (view, batch(number)))).collect();
        let rebuilt = maker.state(replica, &decided, &prepared)?;
        let next = self.view.next();
        let (left, _) = replica.after_giving_up(state, next);
        let (expected, _) = replica.after_giving_up(&rebuilt, next);
        if replica.durable(&left) != replica.durable(&expected) {
            return Err(format!(
                "{} takes more out of a view than its certificates and decisions, or reports something else",
                replica.id()
            ));
        }
        maker.check_closed(replica, state, self.view, self.views.scope.slots, &self.views.batches)?;
        maker.check_jump(replica, state)
    }

    /// Whether whoever has left takes nothing of the view any more, of all that was ever sent in it.
    fn check_left(&self) -> Result<(), String> {
        let messages = self.judge.messages();
        let mut states: BTreeMap<usize, Vec<State>> = BTreeMap::new();
        for &number in self.pasts.keys() {
            let Some((index, local)) = self.judge.whose(number) else { continue };
            states.entry(index).or_default().extend(local.replica().cloned());
        }
        for (index, states) in states {
            let Some(replica) = self.replica(index) else { continue };
            for state in states {
                self.maker().check_left(replica, &state, &messages)?;
            }
        }
        Ok(())
    }
}
