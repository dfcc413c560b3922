//! What a rulebook must be like, so that its views can be explored one after the other. All of it is found by
//! asking the rulebook and running the replica.

use std::sync::Arc;

use itertools::Itertools as _;

use super::assumptions::Assumption;
use crate::pbft::{
    Batch, Commit, Effect, Input, KeySet, Message, NewView, PrePrepare, Prepare, PreparedClaim, Proposal,
    Record, Replica, ReplicaId, Rules, SeqNum, Setting, StableCheckpoint, State, Uncompared, View,
    ViewChange,
};

/// Everybody's keys, and the rulebook: what it takes to make up messages.
pub(super) struct Maker<'a> {
    pub keys: &'a KeySet,
    pub setting: &'a Setting,
    pub rules: &'static dyn Rules,
}

impl Maker<'_> {
    pub fn primary(&self, view: View) -> ReplicaId {
        self.rules.primary(self.setting.committee, view)
    }

    pub fn proposal(&self, view: View, seq: SeqNum, batch: &Batch) -> Proposal {
        let pre_prepare = PrePrepare { view, seq, digest: batch.digest() };
        let key = &self.keys.replicas[self.primary(view).index()];
        Proposal { pre_prepare: key.sign(pre_prepare), batch: batch.clone() }
    }

    /// A certificate with the vote of every backup.
    pub fn claim(&self, view: View, seq: SeqNum, batch: &Batch) -> PreparedClaim {
        let prepares: Vec<_> = self
            .setting
            .committee
            .replicas()
            .filter(|&id| id != self.primary(view))
            .map(|id| self.keys.replicas[id.index()].sign(Prepare { view, seq, digest: batch.digest() }))
            .collect();
        PreparedClaim { proposal: self.proposal(view, seq, batch), prepares: Uncompared(prepares.into()) }
    }

    pub fn change(&self, new_view: View, prepared: Vec<PreparedClaim>) -> ViewChange {
        ViewChange { new_view, stable: StableCheckpoint::genesis().claim().clone(), prepared }
    }

    /// What a new view proposes for number 1 when the view changes report these certificates.
    fn chosen(&self, reported: &[Option<(u64, &Batch)>]) -> Option<Batch> {
        let claim = |&(view, batch): &(u64, &Batch)| self.claim(View(view), SeqNum(1), batch);
        let changes: Vec<_> = reported
            .iter()
            .map(|reported| self.change(View(64), reported.iter().map(claim).collect()))
            .collect();
        let batches = self.rules.new_view_batches(&changes.iter().collect::<Vec<_>>());
        batches.into_iter().find(|(seq, _)| *seq == SeqNum(1)).map(|(_, batch)| batch)
    }

    /// Whether each view has one primary, who alone proposes; view changes justify the view that they are for;
    /// and of certificates only the order of their views matters, a lower one for a batch being worth no more
    /// than the highest one or none.
    ///
    /// # Errors
    /// What is not so.
    pub fn check_rules(&self, batches: &[Batch]) -> Result<(), Assumption> {
        let committee = self.setting.committee;
        for view in (0..u64::from(committee.n()) * 2).map(View) {
            let due = ReplicaId((view.0 % u64::from(committee.n())) as u16);
            if committee.replicas().any(|id| self.rules.may_propose(committee, view, id) != (id == due)) {
                return Err(Assumption::Primary(view));
            }
        }
        for (of, target) in [(3, 4), (4, 3), (1, 9)] {
            if self.rules.justifies(&self.change(View(of), Vec::new()), View(target)) {
                return Err(Assumption::Justifies);
            }
        }
        let [x, y, ..] = batches else { return Ok(()) };
        self.check_certificates(x)?;
        let options = [None, Some((0, x)), Some((1, y)), Some((2, x))];
        for reported in (0..3).map(|_| options).multi_cartesian_product() {
            let result = self.chosen(&reported);
            let spread: Vec<_> = reported.iter().map(|it| it.map(|(view, b)| (view * 5 + 3, b))).collect();
            if self.chosen(&spread) != result {
                return Err(Assumption::Numbers);
            }
            for place in 0..reported.len() {
                if reported[place] != options[1] {
                    continue;
                }
                let with = |other| {
                    let mut changed = reported.clone();
                    changed[place] = other;
                    self.chosen(&changed)
                };
                if ![with(options[0]), with(options[3])].contains(&result) {
                    return Err(Assumption::Lower);
                }
            }
            let merged: Vec<_> = reported.iter().map(|it| it.map(|(_, b)| (2, b))).collect();
            if !reported.contains(&options[2]) && self.chosen(&merged) != result {
                return Err(Assumption::InARow);
            }
        }
        Ok(())
    }

    /// Whether votes of one view do not help to make a certificate of another.
    fn check_certificates(&self, batch: &Batch) -> Result<(), Assumption> {
        let (claim, other) = (self.claim(View(2), SeqNum(1), batch), self.claim(View(1), SeqNum(1), batch));
        let is_certificate = |prepares: Vec<_>| {
            let claim = PreparedClaim { prepares: Uncompared(prepares.into()), ..claim.clone() };
            self.rules.check_prepared(self.setting, &claim).is_ok()
        };
        for own in 0..=claim.prepares.0.len() {
            let own = claim.prepares.0.iter().take(own);
            let mixed = own.clone().chain(other.prepares.0.iter()).cloned().collect();
            if is_certificate(mixed) && !is_certificate(own.cloned().collect()) {
                return Err(Assumption::MixedViews);
            }
        }
        Ok(())
    }

    /// Whether a replica in this state takes nothing that belongs to another view than its own, which is `view`.
    ///
    /// # Errors
    /// What it takes.
    pub fn check_closed(
        &self,
        replica: &Replica,
        state: &State,
        view: View,
        slots: u64,
        batches: &[Batch],
    ) -> Result<(), String> {
        let others = [view.0.checked_sub(1), Some(view.0 + 1)];
        for view in others.into_iter().flatten().map(View) {
            for (seq, batch) in (1..=slots).map(SeqNum).cartesian_product(batches) {
                let digest = batch.digest();
                let mut offered = vec![Message::PrePrepare(self.proposal(view, seq, batch))];
                for key in &self.keys.replicas {
                    offered.push(Message::Prepare(key.sign(Prepare { view, seq, digest })));
                    offered.push(Message::Commit(key.sign(Commit { view, seq, digest })));
                }
                for message in offered {
                    if replica.check(state, Input::Deliver(&message)).is_ok() {
                        return Err(format!(
                            "{} takes {message:?} though it is in {}",
                            replica.id(),
                            state.view()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a replica that has left a view takes nothing of it any more. `left` is what it is then, and `messages`
    /// what was sent in the view.
    ///
    /// # Errors
    /// What it takes.
    pub fn check_left(&self, replica: &Replica, left: &State, messages: &[Message]) -> Result<(), String> {
        let of_the_view = |message: &&Message| {
            matches!(
                message,
                Message::PrePrepare(_)
                    | Message::Prepare(_)
                    | Message::Commit(_)
                    | Message::ViewChange(_)
                    | Message::NewView(_)
            )
        };
        let mut taken = messages.iter().filter(of_the_view);
        match taken.find(|message| replica.check(left, Input::Deliver(message)).is_ok()) {
            Some(message) => {
                Err(format!("{} takes {message:?} though it has left for {}", replica.id(), left.view()))
            }
            None => Ok(()),
        }
    }

    /// Whether a replica that leaves its view forgets the votes that it received there and that had no consequence.
    /// `state` is what it is in the view, and `messages` what was sent there.
    ///
    /// # Errors
    /// What it does not forget.
    pub fn check_forgets(
        &self,
        replica: &Replica,
        state: &State,
        messages: &[Message],
    ) -> Result<(), String> {
        let next = state.view().next();
        let is_vote = |message: &&Message| matches!(message, Message::Prepare(_) | Message::Commit(_));
        for message in messages.iter().filter(is_vote) {
            let input = Input::Deliver(message);
            let Ok(counted) = replica.successor(state, input, &mut Vec::new()) else { continue };
            let is_tally = replica.control(&counted) == replica.control(state);
            let left = |state| replica.after_giving_up(state, next).0;
            if is_tally && left(&counted) != left(state) {
                return Err(format!("{} still counts {message:?} when it has left for {next}", replica.id()));
            }
        }
        Ok(())
    }

    /// Whether a replica that moves to a view of which it is not the primary does nothing when VIEW-CHANGEs for that
    /// view arrive, however many.
    ///
    /// # Errors
    /// That it does something.
    pub fn check_follower(
        &self,
        replica: &Replica,
        state: &State,
        changes: &[Message],
    ) -> Result<(), String> {
        let mut now = state.clone();
        for message in changes {
            let mut out = Vec::new();
            let Ok(next) = replica.successor(&now, Input::Deliver(message), &mut out) else { continue };
            out.retain(|effect| matches!(effect, Effect::Broadcast(_) | Effect::Send(..)));
            if !out.is_empty() || replica.control(&next) != replica.control(state) {
                return Err(format!("{} acts on {message:?}, though it is not its primary", replica.id()));
            }
            now = next;
        }
        Ok(())
    }

    /// Whether a NEW-VIEW for a later view finds a replica as it would find it had it left its view first.
    ///
    /// # Errors
    /// That it does not.
    pub fn check_jump(&self, replica: &Replica, state: &State) -> Result<(), String> {
        let committee = self.setting.committee;
        let targets = (1..=u64::from(committee.n())).map(|further| View(state.view().0 + further));
        let Some(target) = targets.clone().find(|&view| self.primary(view) != replica.id()) else {
            return Ok(());
        };
        let change = self.change(target, Vec::new());
        let changes = self.keys.replicas.iter().map(|key| Arc::new(key.sign(change.clone()))).collect();
        let proposals = self.rules.new_view_batches(&vec![&change; self.keys.replicas.len()]);
        let proposals = proposals.iter().map(|(seq, batch)| self.proposal(target, *seq, batch)).collect();
        let new_view = NewView { view: target, view_changes: Uncompared(changes), proposals };
        let message =
            Message::NewView(Arc::new(self.keys.replicas[self.primary(target).index()].sign(new_view)));
        let enter = |from: &State| {
            let mut out = Vec::new();
            let next = replica.successor(from, Input::Deliver(&message), &mut out).ok()?;
            out.retain(|effect| matches!(effect, Effect::Broadcast(_) | Effect::Send(..)));
            Some((replica.durable(&next), out))
        };
        let (left, _) = replica.after_giving_up(state, target);
        match enter(state) {
            Some(jumped) if Some(&jumped) != enter(&left).as_ref() => Err(format!(
                "{} in {} enters {target} otherwise than by leaving its view first",
                replica.id(),
                state.view()
            )),
            _ => Ok(()),
        }
    }

    /// The state of a replica that holds these certificates and has decided these batches, in view 0.
    ///
    /// # Errors
    /// The rulebook does not take a full certificate.
    pub fn state(
        &self,
        replica: &Replica,
        decided: &[Option<&Batch>],
        prepared: &[Option<(View, &Batch)>],
    ) -> Result<State, String> {
        let mut records = Vec::new();
        for (seq, (decided, prepared)) in (1..).map(SeqNum).zip(decided.iter().zip(prepared)) {
            if let Some(batch) = decided {
                let commits = Uncompared((View(0), Arc::from([])));
                records.push(Record::Decided(crate::pbft::Decision {
                    seq,
                    batch: (*batch).clone(),
                    commits,
                }));
            }
            if let Some((view, batch)) = prepared {
                let claim = self.claim(*view, seq, batch);
                let certificate = crate::pbft::PreparedCertificate::new(self.setting, self.rules, claim);
                let certificate =
                    certificate.map_err(|why| format!("a full certificate is refused: {why}"))?;
                records.push(Record::Prepared(certificate));
            }
        }
        Ok(replica.recover(&records))
    }
}
