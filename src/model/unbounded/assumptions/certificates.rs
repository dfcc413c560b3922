//! What a certificate is, and what a view change.

use itertools::Itertools as _;

use super::assumption::Assumption;
use super::trial::Trial;
use crate::pbft::{
    Batch, Checkpoint, Digest, KeySet, Prepare, PreparedClaim, Principal, Proposal, ReplicaId, SeqNum,
    Signed, StableCheckpoint, StableClaim, Uncompared, View, ViewChange,
};

/// With so many backups at most, all sets of them are tried; with more those that are neighbours.
const MOST_BACKUPS: usize = 6;

/// # Errors
/// What a rulebook does not fulfil.
pub(super) fn check(trial: &Trial<'_>) -> Result<(), Assumption> {
    let batches = || trial.requests.iter().chain([trial.null]);
    for (seq, batch) in (1..=trial.slots).map(SeqNum).cartesian_product(batches()) {
        for view in trial.few_views() {
            trial.check_certificates(view, seq, batch)?;
        }
    }
    let is_authentic = |request| trial.maker.rules.authentic(trial.maker.setting, request);
    let forged = trial.maker.claim(View(0), SeqNum(1), trial.forged);
    if trial.is_certificate(&forged) != trial.forged.requests().iter().all(is_authentic) {
        return Err(Assumption::Certificates);
    }
    trial.check_kept()?;
    trial.check_stable()?;
    trial.check_view_changes()
}

impl Trial<'_> {
    fn is_certificate(&self, claim: &PreparedClaim) -> bool {
        self.maker.rules.check_prepared(self.maker.setting, claim).is_ok()
    }

    /// Sets of backups, each in two orders.
    fn sets(&self, backups: &[ReplicaId]) -> Vec<Vec<ReplicaId>> {
        let mut sets: Vec<Vec<ReplicaId>> = if backups.len() <= MOST_BACKUPS {
            backups.iter().copied().powerset().collect()
        } else {
            let rows = (0..backups.len()).cartesian_product(0..=backups.len());
            rows.map(|(from, count)| backups.iter().cycle().skip(from).take(count).copied().collect())
                .collect()
        };
        let reversed: Vec<_> = sets.iter().map(|set| set.iter().rev().copied().collect()).collect();
        sets.extend(reversed);
        sets
    }

    fn check_certificates(&self, view: View, seq: SeqNum, batch: &Batch) -> Result<(), Assumption> {
        let maker = self.maker;
        let primary = maker.primary(view);
        let backups: Vec<_> = maker.setting.committee.replicas().filter(|&id| id != primary).collect();
        let quorum = maker.rules.certificate_quorum(maker.setting.committee);
        let full = maker.claim(view, seq, batch);
        let vote = |id: ReplicaId, prepare: Prepare| maker.keys.replicas[id.index()].sign(prepare);
        let own = Prepare { view, seq, digest: batch.digest() };
        let claim = |prepares: Vec<Signed<Prepare>>| PreparedClaim {
            prepares: Uncompared(prepares.into()),
            ..full.clone()
        };
        for set in self.sets(&backups) {
            let votes: Vec<_> = set.iter().map(|&id| vote(id, own)).collect();
            let is_enough = votes.len() + 1 >= quorum;
            if self.is_certificate(&claim(votes.clone())) != is_enough {
                return Err(Assumption::Certificates);
            }
            if votes.len() + 2 == quorum || votes.len() + 1 == quorum {
                let missing = backups.iter().copied().find(|id| !set.contains(id));
                let beside = self.worthless(own, primary, missing, &votes);
                for row in beside.iter().cloned().map(|one| vec![one]).chain([beside.clone()]) {
                    let after = votes.iter().chain(&row).cloned().collect();
                    let before = row.iter().chain(&votes).cloned().collect();
                    for votes in [after, before] {
                        if self.is_certificate(&claim(votes)) != is_enough {
                            return Err(Assumption::Certificates);
                        }
                    }
                }
            }
        }
        let by = |id: ReplicaId, named: &Batch| PreparedClaim {
            proposal: self.proposal_by(id, (view, seq), named.digest(), batch),
            ..full.clone()
        };
        let other = self.requests.iter().chain([self.null]).find(|other| *other != batch);
        let is_other = other.is_some_and(|other| self.is_certificate(&by(primary, other)));
        let is_others = backups.iter().any(|&id| self.is_certificate(&by(id, batch)));
        let pre_prepare = Signed::forged(Principal::Replica(primary), *full.proposal.pre_prepare.message());
        let proposal = Proposal { pre_prepare, batch: batch.clone() };
        let is_forged = self.is_certificate(&PreparedClaim { proposal, ..full.clone() });
        if is_other || is_others || is_forged { Err(Assumption::Certificates) } else { Ok(()) }
    }

    /// Votes that add nothing to those of some backups.
    fn worthless(
        &self,
        own: Prepare,
        primary: ReplicaId,
        missing: Option<ReplicaId>,
        votes: &[Signed<Prepare>],
    ) -> Vec<Signed<Prepare>> {
        let n = self.n();
        let vote = |id: ReplicaId, prepare: Prepare| self.maker.keys.replicas[id.index()].sign(prepare);
        let mut all = vec![vote(primary, own)];
        all.extend(votes.iter().cloned());
        // Somebody whom nobody knows.
        let strangers = KeySet::symbolic(n as u16 + 1, 1);
        all.push(strangers.replicas[n as usize].sign(own));
        all.push(strangers.clients[0].sign(own));
        all.extend(missing.map(|id| Signed::forged(Principal::Replica(id), own)));
        let Some(missing) = missing else { return all };
        let other = self.requests.iter().chain([self.null]).map(Batch::digest).find(|it| *it != own.digest);
        let before = own.view.0.checked_sub(1).map(View);
        all.extend(before.map(|view| vote(missing, Prepare { view, ..own })));
        all.push(vote(missing, Prepare { view: own.view.next(), ..own }));
        all.push(vote(missing, Prepare { view: View(own.view.0 + n), ..own }));
        all.push(vote(missing, Prepare { seq: own.seq.next(), ..own }));
        all.push(vote(missing, Prepare { seq: SeqNum(own.seq.0 - 1), ..own }));
        all.extend(other.map(|digest| vote(missing, Prepare { digest, ..own })));
        all
    }

    fn check_kept(&self) -> Result<(), Assumption> {
        let rules = self.maker.rules;
        let views: Vec<View> = self.views().collect();
        for seq in (1..=self.slots).map(SeqNum) {
            let of = |batches: &[&Batch]| {
                let all = views.iter().cartesian_product(batches);
                all.map(|(&view, batch)| self.maker.claim(view, seq, batch)).collect::<Vec<_>>()
            };
            let requests: Vec<_> = self.requests.iter().collect();
            for claims in [of(&requests), of(&[self.null])] {
                if !claims.iter().map(|claim| rules.keeps_prepared(claim)).all_equal()
                    || !claims.iter().map(|claim| rules.reports_prepared(claim)).all_equal()
                {
                    return Err(Assumption::Kept);
                }
            }
        }
        Ok(())
    }

    fn check_view_changes(&self) -> Result<(), Assumption> {
        let n = self.n();
        let is_valid =
            |change: &ViewChange| self.maker.rules.check_view_change(self.maker.setting, change).is_ok();
        let ensure = |is_so: bool| if is_so { Ok(()) } else { Err(Assumption::ViewChanges) };
        for new_view in [1, 2, n, n + 1, 3 * n].map(View) {
            let change = |prepared| self.maker.change(new_view, prepared);
            let earlier: Vec<View> =
                [0, 1, new_view.0 - 1].map(View).into_iter().filter(|v| *v < new_view).collect();
            let options = |seq: SeqNum| {
                let batches = || self.requests.iter().take(2).chain([self.null]);
                let claims = earlier.iter().cartesian_product(batches());
                let claims = claims.map(move |(&view, batch)| Some(self.maker.claim(view, seq, batch)));
                claims.chain([None]).take(if self.slots > 2 { 3 } else { 16 }).collect::<Vec<_>>()
            };
            let reports = (1..=self.slots).map(SeqNum).map(options).multi_cartesian_product();
            for report in reports {
                ensure(is_valid(&change(report.into_iter().flatten().collect())))?;
            }
            let Some(batch) = self.requests.first() else { continue };
            let claim = |view: u64, seq: u64| self.maker.claim(View(view), SeqNum(seq), batch);
            // Of the view itself and of later ones; twice for a number; out of order.
            for later in [new_view.0, new_view.0 + 1, new_view.0 + n] {
                ensure(!is_valid(&change(vec![claim(later, 1)])))?;
            }
            ensure(!is_valid(&change(vec![claim(0, 1), claim(0, 1)])))?;
            if let Some(last) = self.requests.last() {
                ensure(!is_valid(&change(vec![claim(0, 1), self.maker.claim(View(0), SeqNum(1), last)])))?;
            }
            for outside in [0, self.maker.setting.window + 1] {
                ensure(!is_valid(&change(vec![claim(0, outside)])))?;
            }
            if self.slots > 1 {
                ensure(!is_valid(&change(vec![claim(0, 2), claim(0, 1)])))?;
            }
            for seq in 1..=self.slots {
                let few = PreparedClaim { prepares: Uncompared([].into()), ..claim(0, seq) };
                ensure(self.is_certificate(&few) || !is_valid(&change(vec![few.clone()])))?;
                let valid = (1..seq).map(|seq| claim(0, seq));
                ensure(
                    self.is_certificate(&few) || !is_valid(&change(valid.chain([few.clone()]).collect())),
                )?;
            }
            for stable in self.made_up() {
                ensure(!is_valid(&ViewChange { stable, ..change(Vec::new()) }))?;
            }
        }
        Ok(())
    }

    /// Checkpoints that nobody honest has announced.
    fn made_up(&self) -> Vec<StableClaim> {
        let genesis = StableCheckpoint::genesis().claim().state;
        let faults = usize::from(self.maker.setting.committee.f());
        let keys = &self.maker.keys.replicas;
        let n = keys.len();
        let mut all = Vec::new();
        for (seq, state) in (0..=self.slots + 1).map(SeqNum).cartesian_product([Digest::ZERO, genesis]) {
            if (seq, state) == (SeqNum::GENESIS, genesis) {
                continue;
            }
            let own: Vec<_> =
                keys[n - faults..].iter().map(|key| key.sign(Checkpoint { seq, state })).collect();
            let elsewhere =
                keys[n - faults..].iter().map(|key| key.sign(Checkpoint { seq: seq.next(), state }));
            let repeated = own.iter().cycle().take(if own.is_empty() { 0 } else { 2 * n }).cloned();
            for votes in [Vec::new(), own.clone(), repeated.collect(), elsewhere.collect()] {
                all.push(StableClaim { seq, state, checkpoints: Uncompared(votes.into()) });
            }
        }
        all
    }

    fn check_stable(&self) -> Result<(), Assumption> {
        let (rules, setting) = (self.maker.rules, self.maker.setting);
        let is_genesis = rules.check_stable(setting, StableCheckpoint::genesis().claim()).is_ok();
        let is_any = self.made_up().iter().any(|claim| rules.check_stable(setting, claim).is_ok());
        if is_genesis && !is_any { Ok(()) } else { Err(Assumption::Stable) }
    }
}
