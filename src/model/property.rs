//! What must hold. None of this calls a rule of the protocol: a property that asked the guard it
//! judges would agree with every mistake in it.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Model, Property};

use super::bounds::System;
use crate::pbft::{ReplicaId, SeqNum, State, View, signed_by_its_client};

/// A model whose states hold honest replicas.
pub trait Judge: Model {
    /// What is fixed.
    fn system(&self) -> &System;

    /// Calls `see` with the honest replicas' states, in the order of [`System::honest`].
    fn with_honest<R>(&self, state: &Self::State, see: impl FnOnce(&[&State]) -> R) -> R;
}

/// A named property of the honest replicas' states, which every reachable state must have.
#[derive(Clone, Copy)]
pub struct SafetyProperty {
    /// The name, as in `--property`.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub statement: &'static str,
    /// What is wrong with a state, if something is.
    pub violation: fn(&System, &[&State]) -> Option<String>,
}

impl std::fmt::Debug for SafetyProperty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The safety properties, in the order in which they are checked.
pub const PROPERTIES: [SafetyProperty; 5] = [
    SafetyProperty {
        name: "agreement",
        statement: "no two honest replicas decide different batches at a sequence number",
        violation: agreement,
    },
    SafetyProperty {
        name: "chain-prefix",
        statement: "of any two honest replicas' chains one is a prefix of the other, and every block names its parent",
        violation: chain_prefix,
    },
    SafetyProperty {
        name: "validity",
        statement: "what an honest replica decides is a null request or was signed by its client",
        violation: validity,
    },
    SafetyProperty {
        name: "exactly-once",
        statement: "no honest replica executes a request twice",
        violation: exactly_once,
    },
    SafetyProperty {
        name: "certificate-unique",
        statement: "no two batches hold prepared certificates for the same view and sequence number",
        violation: certificate_unique,
    },
];

fn named<'a>(system: &'a System, states: &'a [&'a State]) -> impl Iterator<Item = (ReplicaId, &'a State)> {
    system.honest().iter().map(|replica| replica.id()).zip(states.iter().copied())
}

fn agreement(system: &System, states: &[&State]) -> Option<String> {
    let mut decided: BTreeMap<SeqNum, (ReplicaId, _)> = BTreeMap::new();
    for (id, state) in named(system, states) {
        for (seq, slot) in state.log().iter() {
            let Some(batch) = slot.committed() else { continue };
            let &mut (other, first) = decided.entry(seq).or_insert((id, batch));
            if first.digest() != batch.digest() {
                return Some(format!("at {seq}, {other} decided {first} and {id} decided {batch}"));
            }
        }
    }
    None
}

fn chain_prefix(system: &System, states: &[&State]) -> Option<String> {
    let mut longest: Option<(ReplicaId, &State)> = None;
    for (id, state) in named(system, states) {
        let chain = state.chain();
        let mut parent = chain.hash_at(chain.base());
        for block in chain.blocks() {
            if Some(block.parent()) != parent {
                return Some(format!("{id}'s block {block:?} does not name its parent"));
            }
            parent = Some(block.digest());
        }
        if let Some((other, reference)) = longest {
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
        if longest.is_none_or(|(_, reference)| chain.height() > reference.chain().height()) {
            longest = Some((id, state));
        }
    }
    None
}

fn validity(system: &System, states: &[&State]) -> Option<String> {
    for (id, state) in named(system, states) {
        for (seq, slot) in state.log().iter() {
            let requests = slot.committed().map_or(&[][..], |batch| batch.requests());
            let keys = &system.setting().keys;
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

fn exactly_once(system: &System, states: &[&State]) -> Option<String> {
    for (id, state) in named(system, states) {
        let mut executed = BTreeSet::new();
        for block in state.chain().blocks() {
            if let Some(request) = block.executed().iter().find(|&&request| !executed.insert(request)) {
                return Some(format!("{id} executed {request} twice, the second time at {}", block.seq()));
            }
        }
    }
    None
}

fn certificate_unique(system: &System, states: &[&State]) -> Option<String> {
    let mut prepared: BTreeMap<(View, SeqNum), (ReplicaId, _)> = BTreeMap::new();
    for (id, state) in named(system, states) {
        for (_, slot) in state.log().iter() {
            let Some(certificate) = slot.prepared() else { continue };
            let place = (certificate.view(), certificate.seq());
            let batch = &certificate.claim().proposal.batch;
            let &mut (other, first) = prepared.entry(place).or_insert((id, batch));
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

fn holds<J: Judge, const I: usize>(judge: &J, state: &J::State) -> bool {
    judge.with_honest(state, |states| (PROPERTIES[I].violation)(judge.system(), states).is_none())
}

fn decided_by_all<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.with_honest(state, |states| {
        states.iter().all(|s| s.log().iter().any(|(_, slot)| slot.committed().is_some_and(|b| !b.is_null())))
    })
}

fn decided_after_view_change<J: Judge>(judge: &J, state: &J::State) -> bool {
    judge.with_honest(state, |states| {
        states.iter().any(|s| {
            s.log().iter().any(|(_, slot)| {
                slot.committed().is_some_and(|b| !b.is_null())
                    && slot.is_prepared()
                    && slot.proposal().is_some_and(|p| p.view() > View(0))
            })
        })
    })
}

/// The safety properties and, so that no model passes by doing nothing, the good outcomes that must
/// be reachable, as stateright's checkers take them.
pub fn properties<J: Judge>(views: u64) -> Vec<Property<J>> {
    let mut all = vec![
        Property::always(PROPERTIES[0].name, holds::<J, 0>),
        Property::always(PROPERTIES[1].name, holds::<J, 1>),
        Property::always(PROPERTIES[2].name, holds::<J, 2>),
        Property::always(PROPERTIES[3].name, holds::<J, 3>),
        Property::always(PROPERTIES[4].name, holds::<J, 4>),
        Property::sometimes("every honest replica decides a request", decided_by_all::<J>),
    ];
    if views > 1 {
        all.push(Property::sometimes(
            "a request is decided after a view change",
            decided_after_view_change::<J>,
        ));
    }
    all
}
