//! What has to be said of all certificates alike: each statement, tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::Itertools as _;

use super::certificates::sets;
use super::{Alike, VotesMatter};
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, NewView, PreparedClaim, ReplicaId, SeqNum, Signed,
    StableCheckpoint, StableClaim, Uncompared, View, ViewChange,
};

/// Who reports which of three things: in all ways for a few; of many, one something else than the others.
fn patterns(size: usize) -> Vec<Vec<usize>> {
    if size <= 4 {
        return (0..size).map(|_| 0..3).multi_cartesian_product().collect();
    }
    let one = (0..size)
        .cartesian_product(0..3)
        .map(|(who, report)| (0..size).map(|place| if place == who { report } else { 0 }).collect());
    one.chain([vec![1; size], vec![2; size]]).collect()
}

impl Alike<'_> {
    /// Whether it does not matter which votes prove that something prepared.
    ///
    /// # Errors
    /// To which rule it matters.
    pub fn check_prepared(&self) -> Result<(), VotesMatter> {
        for (seq, batch) in (1..=self.slots).map(SeqNum).cartesian_product(self.batches) {
            for &view in self.views {
                self.check_certificates(view, seq, batch)
                    .map_err(|rule| VotesMatter::Prepared(batch.clone(), seq, view, rule))?;
            }
        }
        Ok(())
    }

    fn check_certificates(&self, view: View, seq: SeqNum, batch: &Batch) -> Result<(), &'static str> {
        let accepts = |claim: &PreparedClaim| self.rules.check_prepared(self.setting, claim).is_ok();
        let (held, mut other) = self.certificates(view, seq, batch);
        if !held.iter().map(accepts).all_equal() {
            return Err("check_prepared");
        }
        other.retain(accepts);
        let all: Vec<_> = held.into_iter().chain(other).collect();
        if !all.iter().map(|claim| self.rules.reports_prepared(claim)).all_equal() {
            return Err("reports_prepared");
        }
        if !all.iter().map(|claim| self.rules.keeps_prepared(claim)).all_equal() {
            return Err("keeps_prepared");
        }
        if !all.iter().map(|claim| self.takes(claim)).all_equal() {
            return Err("check_view_change");
        }
        self.check_reported(seq, all)
    }

    fn change(&self, prepared: Vec<PreparedClaim>) -> ViewChange {
        ViewChange { new_view: self.next, stable: StableCheckpoint::genesis().claim().clone(), prepared }
    }

    /// Whether a view change is taken that reports it alone.
    fn takes(&self, claim: &PreparedClaim) -> bool {
        self.rules.check_view_change(self.setting, &self.change(vec![claim.clone()])).is_ok()
    }

    /// Whether it does not matter which of these certificates for one number is reported, alone or among others.
    fn check_reported(&self, seq: SeqNum, all: Vec<PreparedClaim>) -> Result<(), &'static str> {
        let all: Vec<_> = all.into_iter().map(|claim| self.change(vec![claim])).collect();
        let nothing = self.change(Vec::new());
        let held = |view, batch| self.certificates(view, seq, batch).0.pop();
        let others = self.views.iter().cartesian_product(self.batches);
        let others = others.filter_map(|(&view, batch)| Some(self.change(vec![held(view, batch)?])));
        for other in others.collect::<Vec<_>>().iter().chain([&nothing]) {
            type Shape<'a> = fn(&'a ViewChange, &'a ViewChange) -> Vec<&'a ViewChange>;
            let shapes: [Shape<'_>; 4] = [
                |own, _| vec![own],
                |own, other| vec![own, other],
                |own, other| vec![other, own],
                |own, other| vec![other, own, other],
            ];
            for shape in shapes {
                self.check_lists(&all.iter().map(|own| shape(own, other)).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    /// Whether of the certificates that a Byzantine replica can report those are treated alike that say the same of view,
    /// number and batch, and none is taken that proves nothing or is for number 0.
    ///
    /// # Errors
    /// Which it does not, or is.
    pub fn check_reports(&self) -> Result<(), VotesMatter> {
        let proves = |claim: &PreparedClaim| self.rules.check_prepared(self.setting, claim).is_ok();
        for (seq, batch) in (0..=self.slots).map(SeqNum).cartesian_product(self.batches) {
            for &view in self.views {
                let Some(held) = self.certificates(view, seq, batch).0.pop() else { continue };
                if seq == SeqNum(0) {
                    if self.takes(&held) {
                        return Err(VotesMatter::Unproved("for number 0"));
                    }
                    continue;
                }
                let others: Vec<_> =
                    self.proposed_otherwise(&held).into_iter().filter(|claim| self.takes(claim)).collect();
                if !others.iter().all(proves) {
                    return Err(VotesMatter::Unproved("that proves nothing"));
                }
                self.check_reported(seq, [held].into_iter().chain(others).collect())
                    .map_err(|rule| VotesMatter::Proposed(batch.clone(), seq, view, rule))?;
            }
        }
        Ok(())
    }

    /// Whether these lists, which differ in votes alone, are all treated alike.
    fn check_lists(&self, lists: &[Vec<&ViewChange>]) -> Result<(), &'static str> {
        let Some(first) = lists.first() else { return Ok(()) };
        let due = self.rules.new_view_batches(first);
        let proposals = due.iter().map(|(seq, batch)| self.proposal(self.next, *seq, batch)).collect();
        let new_view = NewView { view: self.next, view_changes: Uncompared(Vec::new()), proposals };
        let follows = self.rules.follows(&new_view, first);
        let start = self.rules.new_view_start(first);
        let sifted = self.rules.sift(self.setting, first).map(|kept| kept.len());
        for list in &lists[1..] {
            if self.rules.new_view_batches(list) != due {
                return Err("new_view_batches");
            }
            if self.rules.new_view_start(list) != start {
                return Err("new_view_start");
            }
            if self.rules.follows(&new_view, list) != follows {
                return Err("follows");
            }
            if self.rules.sift(self.setting, list).map(|kept| kept.len()) != sifted {
                return Err("sift");
            }
        }
        Ok(())
    }

    /// Whether honest replicas accept all NEW-VIEWs that propose the same, or none, whichever view changes of a quorum justify
    /// them.
    ///
    /// # Errors
    /// That they do not.
    pub fn check_new_views(&self) -> Result<(), VotesMatter> {
        let committee = self.setting.committee;
        let primary = self.rules.primary(committee, self.next);
        let all: Vec<ReplicaId> = committee.replicas().collect();
        let certificate =
            |view: Option<&View>, batch: Option<&Batch>| self.certificates(*view?, SeqNum(1), batch?).0.pop();
        let reports = [
            None,
            certificate(self.views.first(), self.batches.first()),
            certificate(self.views.last(), self.batches.last()),
        ];
        let mut accepted: BTreeMap<Vec<(SeqNum, Digest)>, bool> = BTreeMap::new();
        for size in self.rules.view_change_quorum(committee)..=all.len() {
            for mut senders in sets(&all, size) {
                senders.sort_unstable();
                if !senders.contains(&primary) {
                    continue;
                }
                for reported in patterns(size) {
                    let change = |(&id, &report): (&ReplicaId, &usize)| {
                        let prepared = reports[report].clone().into_iter().collect();
                        let stable = StableCheckpoint::genesis().claim().clone();
                        let change = ViewChange { new_view: self.next, stable, prepared };
                        Arc::new(self.key(id).sign(change))
                    };
                    let changes: Vec<_> = senders.iter().zip(&reported).map(change).collect();
                    let contents: Vec<_> = changes.iter().map(|change| change.message()).collect();
                    let batches = self.rules.new_view_batches(&contents);
                    let said = batches.iter().map(|(seq, batch)| (*seq, batch.digest())).collect();
                    let proposals =
                        batches.iter().map(|(seq, batch)| self.proposal(self.next, *seq, batch)).collect();
                    let new_view = NewView { view: self.next, view_changes: Uncompared(changes), proposals };
                    let is_accepted = self.rules.check_new_view(self.setting, &new_view).is_ok();
                    if *accepted.entry(said).or_insert(is_accepted) != is_accepted {
                        return Err(VotesMatter::NewView);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether it does not matter which votes prove a decision or a checkpoint.
    ///
    /// # Errors
    /// Of what it does.
    pub fn check_states(&self) -> Result<(), VotesMatter> {
        let (rules, setting) = (self.rules, self.setting);
        let (quorum, stable) =
            (rules.commit_quorum(setting.committee), rules.checkpoint_quorum(setting.committee));
        for (&view, batch) in self.views.iter().cartesian_product(self.batches) {
            let votes = self.signed(Commit { view, seq: SeqNum(1), digest: batch.digest() });
            let decision = |commits: Vec<Signed<Commit>>| Decision {
                seq: SeqNum(1),
                batch: batch.clone(),
                commits: Uncompared((view, commits.into())),
            };
            let mut all = sets(&votes, quorum).into_iter().map(decision);
            if !all.by_ref().map(|proof| rules.check_decision(setting, &proof).is_ok()).all_equal() {
                return Err(VotesMatter::Decided);
            }
        }
        let (seq, state) = (SeqNum(setting.checkpoint_interval), Digest::ZERO);
        let votes = self.signed(Checkpoint { seq, state });
        let claim = |votes: Vec<Signed<Checkpoint>>| StableClaim {
            seq,
            state,
            checkpoints: Uncompared(votes.into()),
        };
        let all = sets(&votes, stable).into_iter().map(claim);
        let is_any = all.map(|claim| rules.check_stable(setting, &claim).is_ok()).all_equal();
        if is_any { Ok(()) } else { Err(VotesMatter::Stable) }
    }
}
