//! What begins a view: `check_new_view` as a whole.

use std::sync::Arc;

use itertools::Itertools as _;

use super::assumption::Assumption;
use super::trial::Trial;
use crate::pbft::{
    Batch, KeySet, NewView, PreparedClaim, Principal, Proposal, ReplicaId, SeqNum, Signed, Uncompared, View,
    ViewChange,
};

type Changes = Vec<Arc<Signed<ViewChange>>>;

/// # Errors
/// What a rulebook does not fulfil.
pub(super) fn check(trial: &Trial<'_>) -> Result<(), Assumption> {
    let n = trial.n();
    for view in [1, n, n + 3, 3 * n].map(View) {
        trial.check_beginning(view)?;
    }
    Ok(())
}

impl Trial<'_> {
    fn check_beginning(&self, view: View) -> Result<(), Assumption> {
        let claim = |of: u64, batch: &Batch| self.maker.claim(View(of), SeqNum(1), batch);
        let requests: Vec<&Batch> = self.requests.iter().take(2).collect();
        let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return Ok(()) };
        let mut reported: Vec<(Option<PreparedClaim>, Vec<&Batch>)> = vec![
            (None, vec![]),
            (Some(claim(0, first)), vec![first]),
            (Some(claim(0, self.null)), vec![self.null]),
        ];
        if view.0 > 1 {
            reported.push((Some(claim(view.0 - 1, last)), vec![last]));
        }
        for (place, (claim, due)) in reported.into_iter().enumerate() {
            for who in 0..self.n() as u16 {
                if place == 0 && who > 0 {
                    break;
                }
                self.check_senders(view, (ReplicaId(who), claim.as_ref()), &due)?;
            }
        }
        Ok(())
    }

    fn accepts(&self, view: View, changes: Changes, proposals: Vec<Proposal>) -> bool {
        let new_view = NewView { view, view_changes: Uncompared(changes), proposals };
        self.maker.rules.check_new_view(self.maker.setting, &new_view).is_ok()
    }

    /// One replica reports a certificate, all others nothing: from that, this is due.
    fn check_senders(
        &self,
        view: View,
        (who, claim): (ReplicaId, Option<&PreparedClaim>),
        due: &[&Batch],
    ) -> Result<(), Assumption> {
        let maker = self.maker;
        let change = |id: ReplicaId| {
            let claims = claim.filter(|_| id == who).cloned().into_iter().collect();
            Arc::new(maker.keys.replicas[id.index()].sign(maker.change(view, claims)))
        };
        let content = |senders: &[ReplicaId]| if senders.contains(&who) { due } else { &[] };
        let proposals = |batches: &[&Batch]| -> Vec<Proposal> {
            let numbered = (1..).map(SeqNum).zip(batches);
            numbered.map(|(seq, batch)| maker.proposal(view, seq, batch)).collect()
        };
        let quorum = maker.rules.view_change_quorum(maker.setting.committee);
        let ensure = |is_so: bool| if is_so { Ok(()) } else { Err(Assumption::NewViews) };
        for senders in self.senders(quorum) {
            let changes: Changes = senders.iter().map(|&id| change(id)).collect();
            let own = proposals(content(&senders));
            let is_enough = senders.len() >= quorum;
            ensure(self.accepts(view, changes.clone(), own.clone()) == is_enough)?;
            if senders.len() == quorum {
                self.check_proposals(view, &changes, &own)?;
            }
            if senders.len() + 1 == quorum {
                for more in self.spare(view, &senders) {
                    let after = changes.iter().chain([&more]).cloned().collect();
                    let before = [&more].into_iter().chain(&changes).cloned().collect();
                    ensure(
                        !self.accepts(view, after, own.clone()) && !self.accepts(view, before, own.clone()),
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Senders, from one fewer than a quorum to all: with four replicas in every order.
    fn senders(&self, quorum: usize) -> Vec<Vec<ReplicaId>> {
        let all: Vec<ReplicaId> = self.maker.setting.committee.replicas().collect();
        let sizes = quorum.saturating_sub(1)..=all.len();
        if all.len() <= 4 {
            return sizes.flat_map(|size| all.clone().into_iter().permutations(size)).collect();
        }
        let rows = sizes.flat_map(|size| (0..all.len()).map(move |from| (from, size)));
        rows.flat_map(|(from, size)| {
            let row: Vec<_> = all.iter().cycle().skip(from).take(size).copied().collect();
            let reversed = row.iter().rev().copied().collect();
            [row, reversed]
        })
        .collect()
    }

    /// View changes that do not add to those of these senders.
    fn spare(&self, view: View, senders: &[ReplicaId]) -> Changes {
        let maker = self.maker;
        let sign = |id: ReplicaId, of: View| {
            Arc::new(maker.keys.replicas[id.index()].sign(maker.change(of, Vec::new())))
        };
        let strangers = KeySet::symbolic(self.n() as u16 + 1, 1);
        let mut all: Changes = senders.first().map(|&id| sign(id, view)).into_iter().collect();
        all.extend(senders.last().map(|&id| sign(id, view)));
        all.push(Arc::new(strangers.replicas[self.n() as usize].sign(maker.change(view, Vec::new()))));
        let missing = maker.setting.committee.replicas().find(|id| !senders.contains(id));
        if let Some(missing) = missing {
            all.push(Arc::new(Signed::forged(Principal::Replica(missing), maker.change(view, Vec::new()))));
            all.push(sign(missing, view.next()));
            all.push(sign(missing, View(view.0 + self.n())));
            all.extend((view.0 > 1).then(|| sign(missing, View(view.0 - 1))));
        }
        all
    }

    /// Whether other proposals are refused: others, one more, one fewer, those of somebody else, those of other views, and
    /// those under another digest.
    fn check_proposals(&self, view: View, changes: &Changes, own: &[Proposal]) -> Result<(), Assumption> {
        let maker = self.maker;
        let primary = maker.primary(view);
        let other = maker.setting.committee.replicas().find(|&id| id != primary);
        let mut wrong: Vec<Vec<Proposal>> = Vec::new();
        for batch in self.requests.iter().take(2).chain([self.null]) {
            let next = maker.proposal(view, SeqNum(own.len() as u64 + 1), batch);
            wrong.push(own.iter().cloned().chain([next]).collect());
            let mut changed = own.to_vec();
            if let Some(first) = changed.first_mut().filter(|first| first.batch != *batch) {
                *first = maker.proposal(view, first.seq(), batch);
                wrong.push(changed.clone());
                changed[0] = self.proposal_by(primary, (view, own[0].seq()), own[0].digest(), batch);
                wrong.push(changed);
            }
        }
        if let Some(first) = own.first() {
            wrong.push(own[1..].to_vec());
            let later = maker.proposal(view.next(), first.seq(), &first.batch);
            wrong.push([&[later], &own[1..]].concat());
            let place = (view, first.seq());
            let pre_prepare = Signed::forged(Principal::Replica(primary), *first.pre_prepare.message());
            let forged = Proposal { pre_prepare, batch: first.batch.clone() };
            wrong.push([&[forged], &own[1..]].concat());
            let by = other.map(|id| self.proposal_by(id, place, first.digest(), &first.batch));
            wrong.extend(by.map(|by| [&[by], &own[1..]].concat()));
        }
        let mut wrong = wrong.into_iter();
        if wrong.any(|proposals| self.accepts(view, changes.clone(), proposals)) {
            return Err(Assumption::NewViews);
        }
        Ok(())
    }
}
