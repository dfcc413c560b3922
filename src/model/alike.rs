//! Certificates that say the same with other votes, and whether a rulebook treats them alike.
//!
//! Messages and states are compared by what they say, whoever vouches for it ([`Uncompared`]). So a judge takes two prepared
//! certificates for one batch, number and view as one, whichever votes prove them, in whichever order; and so it
//! does with decisions and stable checkpoints. **The statement about the rules** is: of the certificates that an honest replica
//! can hold, and of those that others accept, each rule says of one what it says of every other that differs from it in
//! votes alone. It is tried here, for all views and batches that are asked about:
//!
//! - `check_prepared`, `check_decision` and `check_stable` accept all that an honest replica can hold, or none;
//! - `reports_prepared`, `keeps_prepared` and `check_view_change` say the same of each;
//! - `sift`, `new_view_start`, `new_view_batches` and `follows` say the same of a list of view changes, alone, first and last in
//!   it, whichever of them is reported;
//! - where a Byzantine replica can report certificates: the same of those that are for one batch, number and view under another
//!   digest, by another replica or with a forged signature; and `check_view_change` takes none that proves nothing, or that is
//!   for number 0. Of such the adversary puts one forward for all;
//! - `check_new_view` accepts all NEW-VIEWs of an honest primary that propose the same, or none, whoever's view changes justify
//!   them: two such are equal too.
//!
//! Which votes are tried: every set of voters of the sizes at which a certificate comes about, and all of them; where these are
//! too many, those that are neighbours; each in ascending and descending order; and beside them whatever else is accepted: votes
//! of the primary, of other views and for other batches, and votes that are there twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::Itertools as _;

use super::system::System;
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, NewView, PrePrepare, Prepare, PreparedClaim, Proposal,
    ReplicaId, Rules, SeqNum, Setting, Signable, Signed, SigningKey, StableCheckpoint, StableClaim,
    Uncompared, View, ViewChange,
};

/// The most sets of voters of one size: where there are more, voters are neighbours.
const MOST_SETS: usize = 128;

/// That it matters which votes stand in a certificate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VotesMatter {
    /// Of what prepared.
    #[error(
        "of two certificates for {0} at {1} in {2} that differ in their votes alone, {3} tells one from the other"
    )]
    Prepared(Batch, SeqNum, View, &'static str),
    /// Of what is said to be proposed.
    #[error(
        "of two certificates for {0} at {1} in {2} that differ in who has proposed it or under which digest, {3} tells one \
         from the other"
    )]
    Proposed(Batch, SeqNum, View, &'static str),
    /// Of what proves nothing.
    #[error(
        "a VIEW-CHANGE is taken with a certificate {0}, and more lists of certificates can be made of such than are tried"
    )]
    Unproved(&'static str),
    /// Of a new view.
    #[error(
        "of two NEW-VIEWs that propose the same, justified by other view changes, others accept one and refuse the other"
    )]
    NewView,
    /// Of what is decided.
    #[error(
        "of two proofs that differ in their COMMITs alone, check_decision accepts one and refuses the other"
    )]
    Decided,
    /// Of a checkpoint.
    #[error(
        "of two proofs that differ in their CHECKPOINTs alone, check_stable accepts one and refuses the other"
    )]
    Stable,
}

/// A rulebook, and what certificates are made of.
pub(super) struct Alike<'a> {
    pub setting: &'a Setting,
    pub rules: &'a dyn Rules,
    /// The replicas' keys, by number.
    pub keys: &'a [SigningKey],
    /// The batches that are certified; whatever others there are besides.
    pub batches: &'a [Batch],
    pub views: &'a [View],
    /// A view that begins after all of them.
    pub next: View,
    pub slots: u64,
}

/// Whether a rulebook treats the certificates of a system alike that say the same.
///
/// # Errors
/// Which it does not.
pub(crate) fn votes_matter(system: &System) -> Result<(), VotesMatter> {
    let bound = system.bound();
    let keys = system.keys();
    // Whoever panics over one of two treats them differently.
    let (setting, rules) = (system.setting(), system.rules().itself());
    let batches: Vec<Batch> = system.requests().iter().map(|r| Batch::new([r.clone()])).collect();
    let views: Vec<View> = (0..bound.scope.views.clamp(1, 4)).map(View).collect();
    let next = View(bound.scope.views);
    let replicas = &keys[..usize::from(bound.scope.replicas)];
    let batches = &batches[..batches.len().min(2)];
    let alike = Alike {
        setting,
        rules,
        keys: replicas,
        batches,
        views: &views,
        next,
        slots: bound.scope.slots.min(2),
    };
    if bound.scope.views > 1 || system.is_open() {
        alike.check_prepared()?;
        alike.check_new_views()?;
    }
    if bound.scope.views > 1 && !bound.byzantine.is_empty() {
        alike.check_reports()?;
    }
    if system.exchanges_states() { alike.check_states() } else { Ok(()) }
}

/// All sets of so many of these, or of neighbours among them; in either order.
fn sets<T: Clone>(of: &[T], size: usize) -> Vec<Vec<T>> {
    let size = size.min(of.len());
    let count = (0..size).fold(1_usize, |count, place| count.saturating_mul(of.len() - place) / (place + 1));
    let mut sets: Vec<Vec<T>> = if count <= MOST_SETS {
        of.iter().cloned().combinations(size).collect()
    } else {
        (0..of.len()).map(|first| of.iter().cycle().skip(first).take(size).cloned().collect()).collect()
    };
    for place in 0..sets.len() {
        let mut reversed = sets[place].clone();
        reversed.reverse();
        sets.push(reversed);
    }
    sets
}

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
    fn key(&self, id: ReplicaId) -> &SigningKey {
        &self.keys[id.index()]
    }

    fn proposal(&self, view: View, seq: SeqNum, batch: &Batch) -> Proposal {
        let pre_prepare = PrePrepare { view, seq, digest: batch.digest() };
        let primary = self.rules.primary(self.setting.committee, view);
        Proposal { pre_prepare: self.key(primary).sign(pre_prepare), batch: batch.clone() }
    }

    /// The votes that count for a proposal at an honest replica: of each who votes those for it, and those for
    /// something else that count as such.
    fn votes(&self, view: View, seq: SeqNum, batch: &Batch) -> Vec<Vec<Signed<Prepare>>> {
        let (rules, committee) = (self.rules, self.setting.committee);
        let digest = batch.digest();
        let due = rules.prepare_key(view, digest);
        let other =
            self.batches.iter().map(Batch::digest).find(|other| *other != digest).unwrap_or(Digest::ZERO);
        let contents = [(view, digest), (view, other), (view.next(), digest), (view.next(), other)];
        let same: Vec<_> =
            contents.into_iter().filter(|&(view, digest)| rules.prepare_key(view, digest) == due).collect();
        let counts = |&id: &ReplicaId| rules.may_prepare(committee, view, id) && rules.counts_vote(None, id);
        let voters = committee.replicas().filter(counts);
        voters
            .map(|id| {
                let vote =
                    |&(view, digest): &(View, Digest)| self.key(id).sign(Prepare { view, seq, digest });
                same.iter().map(vote).collect()
            })
            .collect()
    }

    /// Certificates for a proposal that an honest replica can hold, and others that differ from them in votes alone.
    pub fn certificates(
        &self,
        view: View,
        seq: SeqNum,
        batch: &Batch,
    ) -> (Vec<PreparedClaim>, Vec<PreparedClaim>) {
        let quorum = self.rules.prepare_quorum(self.setting.committee);
        let proposal = self.proposal(view, seq, batch);
        let votes = self.votes(view, seq, batch);
        let claim = |prepares: Vec<Signed<Prepare>>| PreparedClaim {
            proposal: proposal.clone(),
            prepares: Uncompared(prepares.into()),
        };
        let mut held = Vec::new();
        for size in [quorum.saturating_sub(1), quorum] {
            if size > votes.len() {
                continue;
            }
            for voters in sets(&votes, size) {
                let most = voters.iter().map(Vec::len).max().unwrap_or(1);
                // All vote for it, then all for what else counts, then every second.
                for kind in 0..most {
                    let pick = |votes: &Vec<Signed<Prepare>>| votes[kind.min(votes.len() - 1)].clone();
                    held.push(claim(voters.iter().map(pick).collect()));
                    let pick = |(place, votes): (usize, &Vec<Signed<Prepare>>)| {
                        votes[if place % 2 == 0 { 0 } else { kind.min(votes.len() - 1) }].clone()
                    };
                    held.push(claim(voters.iter().enumerate().map(pick).collect()));
                }
            }
        }
        let every = || self.keys.iter().map(|key| key.sign(Prepare { view, seq, digest: batch.digest() }));
        let elsewhere = || {
            self.keys.iter().map(|key| key.sign(Prepare { view: view.next(), seq, digest: batch.digest() }))
        };
        let first: Vec<_> = votes.iter().filter_map(|votes| votes.first().cloned()).collect();
        let twice = || first.iter().flat_map(|vote| [vote.clone(), vote.clone()]);
        let once = || first.first().cloned().into_iter().cycle().take(self.keys.len());
        let other: Vec<Vec<Signed<Prepare>>> = vec![
            first.clone(),
            every().collect(),
            every().chain(elsewhere()).collect(),
            elsewhere().chain(every()).collect(),
            twice().collect(),
            once().collect(),
            Vec::new(),
        ];
        (held, other.into_iter().map(claim).collect())
    }

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

    /// Certificates for the same batch, number and view: under other digests, by other replicas, with a forged signature; each
    /// with the votes for it of all others, and with none.
    fn proposed_otherwise(&self, held: &PreparedClaim) -> Vec<PreparedClaim> {
        let (view, seq, batch) = (held.view(), held.seq(), &held.proposal.batch);
        let digests = self.batches.iter().chain([batch]).map(Batch::digest).chain([Digest::ZERO]);
        let mut all = Vec::new();
        for digest in digests.unique() {
            let content = PrePrepare { view, seq, digest };
            let forged = Signed::forged(held.proposal.pre_prepare.signer(), content);
            let signed = self.keys.iter().map(|key| key.sign(content));
            for pre_prepare in signed.chain([forged]) {
                let voters = self.keys.iter().filter(|key| key.owner() != pre_prepare.signer());
                let votes: Vec<_> = voters.map(|key| key.sign(Prepare { view, seq, digest })).collect();
                let proposal = Proposal { pre_prepare, batch: batch.clone() };
                for votes in [votes, Vec::new()] {
                    let (proposal, prepares) = (proposal.clone(), Uncompared(votes.into()));
                    all.push(PreparedClaim { proposal, prepares });
                }
            }
        }
        all
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

    fn signed<M: Signable + Copy>(&self, message: M) -> Vec<Signed<M>> {
        self.keys.iter().map(|key| key.sign(message)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bounds::{Bound, Scope};
    use crate::pbft::{Castro99, Refusal};

    #[test]
    fn sets_of_voters_are_all_or_neighbours() {
        assert_eq!(sets(&[1, 2, 3], 2).len(), 6);
        assert_eq!(sets(&(0..15).collect::<Vec<_>>(), 7).len(), 30);
    }

    /// A certificate counts with the vote of the last replica alone.
    #[derive(Debug)]
    struct LastVote;

    impl Rules for LastVote {
        fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
            Castro99.check_prepared(setting, claim)?;
            let last = ReplicaId(setting.committee.n() - 1);
            let is_there = claim.prepares.0.iter().any(|vote| vote.signer().replica() == Some(last));
            if is_there { Ok(()) } else { Err(Refusal::NoQuorum) }
        }
    }

    /// Of several certificates the one with most votes is taken.
    #[derive(Debug)]
    struct MostVotes;

    impl Rules for MostVotes {
        fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
            claims.iter().copied().max_by_key(|claim| (claim.prepares.0.len(), claim.view()))
        }
    }

    /// A batch may stand under any digest, and of several certificates the one with the highest digest is taken.
    #[derive(Debug)]
    struct HighestDigest;

    impl Rules for HighestDigest {
        fn digest_matches(&self, _: Digest, _: &Batch) -> bool {
            true
        }

        fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
            claims.iter().copied().max_by_key(|claim| claim.digest())
        }
    }

    /// Certificates are taken from a view change without a look at them.
    #[derive(Debug)]
    struct TakesAll;

    impl Rules for TakesAll {
        fn check_view_change(&self, _: &Setting, _: &ViewChange) -> Result<(), Refusal> {
            Ok(())
        }
    }

    #[test]
    fn rulebooks_to_which_votes_matter_are_told_from_the_papers() {
        let asked = |rules: &'static dyn Rules, replicas| {
            let scope = Scope { replicas, faults: (replicas - 1) / 3, ..Scope::DEFAULT };
            votes_matter(&System::new(Bound::new(scope, [ReplicaId(1)]), rules).expect("a sound bound"))
        };
        for replicas in [4, 7, 16] {
            assert_eq!(asked(&Castro99, replicas), Ok(()));
        }
        let matters = |rules| match asked(rules, 4) {
            Err(VotesMatter::Prepared(.., rule)) => rule,
            other => panic!("{other:?}"),
        };
        assert_eq!(matters(&LastVote), "check_prepared");
        assert_eq!(matters(&MostVotes), "new_view_batches");
        let highest = asked(&HighestDigest, 4);
        assert!(matches!(highest, Err(VotesMatter::Proposed(.., "new_view_batches"))), "{highest:?}");
        let all = asked(&TakesAll, 4);
        assert!(matches!(all, Err(VotesMatter::Unproved(_))), "{all:?}");
    }
}
