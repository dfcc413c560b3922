//! Proofs that can be put forward: prepared certificates, stable checkpoints, decisions.
//!
//! Of each statement one proof is kept: the first that the rulebook accepts, in the order of [`Ballots::sets`]; if it accepts
//! none, the most fitting one, since the message around it may be accepted all the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use itertools::Itertools as _;

use super::memo::{Memo, Part};
use super::votes::{Ballots, Wanted};
use super::{Adversary, Family, Proofs, quorum};
use crate::engine::fingerprint;
use crate::pbft::{
    Checkpoint, Commit, Decision, Message, Prepare, PreparedClaim, Proposal, Signed, StableCheckpoint,
    StableClaim, Uncompared,
};

/// What messages that were sent hold, sorted by what can be made of it.
#[derive(Debug, Default)]
pub struct Sent<'a> {
    proposals: BTreeSet<&'a Proposal>,
    prepares: BTreeSet<&'a Signed<Prepare>>,
    commits: BTreeSet<&'a Signed<Commit>>,
    checkpoints: BTreeSet<&'a Signed<Checkpoint>>,
    stable: BTreeSet<&'a StableClaim>,
}

impl<'a> Sent<'a> {
    /// Of these messages.
    pub fn of(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut sent = Sent::default();
        for message in messages {
            match message {
                Message::PrePrepare(p) => drop(sent.proposals.insert(p)),
                Message::NewView(nv) => {
                    sent.proposals.extend(&nv.proposals);
                    sent.stable.extend(nv.view_changes.0.iter().map(|change| &change.stable));
                }
                Message::Prepare(vote) => drop(sent.prepares.insert(vote)),
                Message::Commit(vote) => drop(sent.commits.insert(vote)),
                Message::Checkpoint(vote) => drop(sent.checkpoints.insert(vote)),
                Message::ViewChange(change) => drop(sent.stable.insert(&change.stable)),
                Message::State(transfer) => drop(sent.stable.insert(&transfer.stable)),
                _ => {}
            }
        }
        sent
    }
}

impl Adversary {
    fn wanted<V>(&self, vote: V, threshold: usize) -> Wanted<V> {
        let often = self.system.setting().committee.quorum();
        let repeated = if self.has(Family::Repeated) { often } else { 1 };
        Wanted { vote, threshold, repeated, any_fields: self.has(Family::OtherFields) }
    }

    /// The proofs that can be put together from messages that were sent.
    pub(crate) fn knowledge<'a>(&'a self, sent: impl IntoIterator<Item = &'a Message>) -> Proofs {
        let sent = Sent::of(sent);
        let mut memo = self.memo();
        let parts = self.parts(&mut memo, &sent);
        let stable = self.stable(&mut memo, &sent);
        let proved = parts.iter().filter(|part| part.proves);
        let claims = proved.map(|part| memo.claims.get(part.id).clone()).collect();
        let mut proved_stable: Vec<_> =
            stable.iter().filter(|part| part.proves).map(|part| memo.stable.get(part.id).clone()).collect();
        proved_stable.sort_unstable();
        let key = fingerprint(&(&parts, &stable));
        let (rebodied, proposals) = (self.rebodied(&sent), fingerprint(&sent.proposals));
        Proofs { claims, stable: proved_stable, parts, stable_parts: stable, rebodied, proposals, key }
    }

    /// The prepared certificates that can be put forward: first those that prove something, in order.
    fn parts(&self, memo: &mut Memo, sent: &Sent<'_>) -> Arc<[Part]> {
        let key = fingerprint(&(&sent.proposals, &sent.prepares));
        if let Some(known) = memo.known_claims.get(&key) {
            return Arc::clone(known);
        }
        let votes = self.prepares(sent);
        let mut parts = Vec::new();
        for proposal in self.proposals(sent) {
            let (claim, proves) = self.claim(memo, proposal, &votes);
            let votes = claim.prepares.0.clone();
            parts.push(memo.claims.part(claim, proves, votes));
        }
        parts.sort_by(|a, b| {
            let of = |part: &Part| (!part.proves, memo.claims.get(part.id));
            of(a).cmp(&of(b))
        });
        let parts: Arc<[Part]> = parts.into();
        memo.known_claims.insert(key, Arc::clone(&parts));
        parts
    }

    /// The prepared certificates for such proposals that the rulebook accepts, from messages that were sent.
    pub(crate) fn claims<'a>(
        &'a self,
        sent: impl IntoIterator<Item = &'a Message>,
        is_wanted: impl Fn(&Proposal) -> bool,
    ) -> BTreeSet<PreparedClaim> {
        let sent = Sent::of(sent);
        let proposals = self.proposals(&sent).into_iter().filter(|proposal| is_wanted(proposal));
        let (mut memo, votes) = (self.memo(), self.prepares(&sent));
        let claims = proposals.map(|proposal| self.claim(&mut memo, proposal, &votes));
        claims.filter(|(_, proves)| *proves).map(|(claim, _)| claim).collect()
    }

    /// The proposals that exist, those that Byzantine replicas can make, and signed ones with another body.
    fn proposals(&self, sent: &Sent<'_>) -> BTreeSet<Proposal> {
        let real = sent.proposals.iter().copied().cloned();
        self.alphabet.proposals.iter().cloned().chain(real).chain(self.other_bodies(sent)).collect()
    }

    fn other_bodies<'a>(&'a self, sent: &'a Sent<'_>) -> impl Iterator<Item = Proposal> + 'a {
        let has = self.has(Family::OtherBodies);
        sent.proposals.iter().filter(move |_| has).flat_map(|proposal| {
            let others = self.alphabet.batches.iter().filter(|batch| **batch != proposal.batch);
            others.map(|batch| Proposal { batch: batch.clone(), ..(*proposal).clone() })
        })
    }

    /// The proposals of honest replicas with another body that are taken in some state.
    fn rebodied(&self, sent: &Sent<'_>) -> Vec<Proposal> {
        self.other_bodies(sent).filter(|proposal| self.may_be_taken(proposal)).collect()
    }

    fn prepares(&self, sent: &Sent<'_>) -> Ballots<'_, Prepare> {
        let honest = sent.prepares.iter().copied().cloned();
        Ballots::new(honest.chain(self.alphabet.prepares()), &self.alphabet.forgeable)
    }

    fn claim(
        &self,
        memo: &mut Memo,
        proposal: Proposal,
        votes: &Ballots<'_, Prepare>,
    ) -> (PreparedClaim, bool) {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        let quorum = quorum(rules, |rules, of| rules.certificate_quorum(of), setting.committee);
        let threshold = quorum.saturating_sub(1);
        votes.best(
            &mut memo.tried_claims,
            fingerprint(&proposal),
            &self.wanted(Prepare { view, seq, digest }, threshold),
            |votes| PreparedClaim { proposal: proposal.clone(), prepares: Uncompared(votes.into()) },
            |claim| rules.check_prepared(setting, claim).is_ok(),
        )
    }

    /// The genesis checkpoint first, then those that somebody names, that CHECKPOINTs are for, or that are made up.
    fn stable(&self, memo: &mut Memo, sent: &Sent<'_>) -> Arc<[Part]> {
        let key = fingerprint(&(&sent.stable, &sent.checkpoints));
        if let Some(known) = memo.known_stable.get(&key) {
            return Arc::clone(known);
        }
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let genesis = StableCheckpoint::genesis();
        let named = sent.stable.iter().map(|claim| Checkpoint { seq: claim.seq, state: claim.state });
        let voted = sent.checkpoints.iter().map(|vote| *vote.message());
        let known: BTreeSet<Checkpoint> = named.chain(voted).collect();
        // A state that somebody was in, said to be that after another number.
        let states = known.iter().map(|checkpoint| checkpoint.state).chain([genesis.claim().state]);
        let states: BTreeSet<_> = states.collect();
        let numbers = self.alphabet.numbers.iter().filter(|seq| seq.0 > 0);
        let moved = numbers.cartesian_product(&states).map(|(&seq, &state)| Checkpoint { seq, state });
        let all: BTreeSet<Checkpoint> =
            known.iter().copied().chain(moved).chain(self.alphabet.made_up_checkpoints()).collect();
        let own = all.iter().flat_map(|&checkpoint| self.alphabet.checkpoints(checkpoint));
        let votes =
            Ballots::new(sent.checkpoints.iter().copied().cloned().chain(own), &self.alphabet.forgeable);
        let threshold = quorum(rules, |rules, of| rules.checkpoint_quorum(of), setting.committee);
        let of_genesis = genesis.claim().clone();
        let proves = rules.check_stable(setting, &of_genesis).is_ok();
        let mut parts = vec![memo.stable.part(of_genesis, proves, ())];
        for Checkpoint { seq, state } in all {
            let shown = sent.stable.iter().find(|claim| (claim.seq, claim.state) == (seq, state));
            let shown = shown.filter(|claim| rules.check_stable(setting, claim).is_ok());
            let (claim, proves) = match shown {
                Some(claim) => ((*claim).clone(), true),
                None => votes.best(
                    &mut memo.tried_stable,
                    fingerprint(&(seq, state)),
                    &self.wanted(Checkpoint { seq, state }, threshold),
                    |votes| StableClaim { seq, state, checkpoints: Uncompared(votes.into()) },
                    |claim| rules.check_stable(setting, claim).is_ok(),
                ),
            };
            let votes = claim.checkpoints.0.clone();
            let part = memo.stable.part(claim, proves, votes);
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let parts: Arc<[Part]> = parts.into();
        memo.known_stable.insert(key, Arc::clone(&parts));
        parts
    }

    /// For each number and batch a decision, with the view that makes it most believable.
    pub(super) fn decisions(&self, memo: &mut Memo, sent: &Sent<'_>) -> Arc<[Part]> {
        let key = fingerprint(&sent.commits);
        if let Some(known) = memo.known_decisions.get(&key) {
            return Arc::clone(known);
        }
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let honest = sent.commits.iter().copied().cloned();
        let votes = Ballots::new(honest.chain(self.alphabet.commits()), &self.alphabet.forgeable);
        let threshold = quorum(rules, |rules, of| rules.commit_quorum(of), setting.committee);
        let mut parts = Vec::new();
        for &seq in &self.alphabet.numbers {
            for batch in &self.alphabet.batches {
                let mut of_view = |&view: &_| {
                    let wanted = self.wanted(Commit { view, seq, digest: batch.digest() }, threshold);
                    let decision = |votes: Vec<_>| {
                        let commits = Uncompared((view, Arc::from(votes)));
                        Decision { seq, batch: batch.clone(), commits }
                    };
                    let about = fingerprint(&(view, seq, batch.digest()));
                    let accepts = |it: &Decision| rules.check_decision(setting, it).is_ok();
                    votes.best(&mut memo.tried_decisions, about, &wanted, decision, accepts)
                };
                let mut of_views = self.alphabet.views.iter().map(&mut of_view);
                let Some(mut decision) = of_views.next() else { continue };
                for other in of_views {
                    if !decision.1 && other.1 {
                        decision = other;
                    }
                }
                let votes = decision.0.commits.0.clone();
                parts.push(memo.decisions.part(decision.0, decision.1, votes));
            }
        }
        let parts: Arc<[Part]> = parts.into();
        memo.known_decisions.insert(key, Arc::clone(&parts));
        parts
    }
}
