//! What Byzantine replicas of some conduct send: all of it from the start.

use itertools::Itertools as _;

use crate::model::conduct::Conduct;
use crate::model::system::System;
use crate::pbft::{
    Batch, Commit, Message, PrePrepare, Prepare, PreparedClaim, Proposal, SeqNum, SigningKey,
    StableCheckpoint, Uncompared, View, ViewChange, check_proposal,
};

/// All that replicas of some conduct ever send.
pub(super) fn messages(system: &System, conduct: Conduct) -> Vec<Message> {
    let first = SeqNum(1);
    let keys = || system.byzantine().iter();
    match conduct {
        Conduct::Silent => Vec::new(),
        Conduct::Stale => {
            let proposals = keys().flat_map(|key| proposals(system, key)).filter(|p| p.seq() == first);
            let request = system.requests().first().map(|request| Batch::new([request.clone()]));
            let is_first = |p: &Proposal| request.as_ref() == Some(&p.batch);
            let proposals = proposals.filter(is_first).map(Message::PrePrepare);
            let changes = keys().cartesian_product(system.targets());
            proposals.chain(changes.map(|(key, view)| view_change(key, view, Vec::new()))).collect()
        }
        Conduct::Unproved => keys()
            .cartesian_product(system.targets())
            .flat_map(|(key, view)| {
                unproved(system, key).into_iter().map(move |claim| view_change(key, view, vec![claim]))
            })
            .collect(),
        Conduct::Far => {
            let committee = system.setting().committee;
            let leads = |key: &SigningKey, view| {
                let id = key.owner().replica();
                id.is_some_and(|id| system.rules().may_propose(committee, view, id))
            };
            let led = keys().cartesian_product(system.targets()).filter(|&(key, view)| leads(key, view));
            led.map(|(key, view)| view_change(key, view, Vec::new())).collect()
        }
        Conduct::Scattered => {
            let proposals = keys().flat_map(|key| proposals(system, key)).map(Message::PrePrepare);
            proposals.chain(keys().flat_map(|key| votes(system, key))).collect()
        }
        Conduct::Any => Conduct::PLAIN.iter().flat_map(|&plain| messages(system, plain)).unique().collect(),
    }
}

fn view_change(key: &SigningKey, new_view: View, prepared: Vec<PreparedClaim>) -> Message {
    let stable = StableCheckpoint::genesis().claim().clone();
    Message::ViewChange(key.sign(ViewChange { new_view, stable, prepared }).into())
}

/// Every batch of one request, at every number.
fn places(system: &System) -> impl Iterator<Item = (SeqNum, Batch)> {
    let batches = system.requests().iter().map(|request| Batch::new([request.clone()]));
    (1..=system.bound().scope.slots).map(SeqNum).cartesian_product(batches.collect::<Vec<_>>())
}

fn proposal(key: &SigningKey, view: View, seq: SeqNum, batch: Batch) -> Proposal {
    Proposal { pre_prepare: key.sign(PrePrepare { view, seq, digest: batch.digest() }), batch }
}

/// What it can propose in view 0, if it is primary there.
fn proposals<'a>(system: &'a System, key: &'a SigningKey) -> impl Iterator<Item = Proposal> + 'a {
    let all = places(system).map(|(seq, batch)| proposal(key, View(0), seq, batch));
    all.filter(|proposal| check_proposal(system.rules(), system.setting(), proposal).is_ok())
}

/// Claims that something of its own prepared, without a vote: a request, or the null request.
fn unproved(system: &System, key: &SigningKey) -> Vec<PreparedClaim> {
    let nulls = (1..=system.bound().scope.slots).map(|seq| (SeqNum(seq), Batch::null()));
    let claim = |(seq, batch)| PreparedClaim {
        proposal: proposal(key, View(0), seq, batch),
        prepares: Uncompared([].into()),
    };
    places(system).chain(nulls).map(claim).collect()
}

/// Its votes for every request at every number in every view.
fn votes<'a>(system: &'a System, key: &'a SigningKey) -> impl Iterator<Item = Message> + 'a {
    let (rules, committee) = (system.rules(), system.setting().committee);
    let views = (0..system.bound().scope.views).map(View);
    views.cartesian_product(places(system).collect::<Vec<_>>()).flat_map(move |(view, (seq, batch))| {
        let digest = batch.digest();
        let may_prepare = key.owner().replica().is_some_and(|id| rules.may_prepare(committee, view, id));
        let prepare = may_prepare.then(|| Message::Prepare(key.sign(Prepare { view, seq, digest })));
        prepare.into_iter().chain([Message::Commit(key.sign(Commit { view, seq, digest }))])
    })
}
