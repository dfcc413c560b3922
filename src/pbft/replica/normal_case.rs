//! Requests and the three phases (OSDI'99 §4.2).

use super::{Effect, Record, Replica, Slot, State};
use crate::pbft::block::{Batch, SignedRequest};
use crate::pbft::certificate::{CommitCertificate, PreparedCertificate};
use crate::pbft::evidence::Evidence;
use crate::pbft::id::{ReplicaId, SeqNum, View};
use crate::pbft::message::{Commit, Message, PrePrepare, Prepare, Proposal};
use crate::pbft::quorum::{Tally, TallyKey, Votes};
use crate::pbft::rules::{Refusal, SignedPart, check_proposal, is_signed_commit, replica_of};
use crate::pbft::signature::Signed;

/// A replica's vote for a digest that differs from its first proves it Byzantine; a third changes
/// nothing, and is not stored.
const MAX_DIGESTS_PER_VOTER: usize = 2;

impl Replica {
    pub(super) fn check_request(&self, state: &State, request: &SignedRequest) -> Result<(), Refusal> {
        let id = request.id();
        if !self.rules.executes(state.last_timestamp(id.client), id.timestamp) {
            // The client asks again, because it misses replies to its last request (OSDI'99 §4.1).
            if state.last_timestamp(id.client) != Some(id.timestamp) {
                return Err(Refusal::AlreadyExecuted);
            }
        } else if state.pending.contains_key(&id) || state.is_proposed(request) {
            return Err(Refusal::Duplicate);
        } else if state.pending.len() >= self.setting.max_pending {
            return Err(Refusal::Full);
        }
        if !self.rules.authentic_at(&self.setting, self.id, request) {
            return Err(Refusal::InauthenticRequest);
        }
        Ok(())
    }

    pub(super) fn apply_request(&self, state: &mut State, request: &SignedRequest, out: &mut Vec<Effect>) {
        let id = request.id();
        if let Some(last) = state.last_reply(id.client)
            && !self.rules.executes(Some(last.timestamp), id.timestamp)
        {
            out.push(self.reply(state.view, id, last.result));
            return;
        }
        state.pending.insert(id, request.clone());
        self.propose(state, out);
        if state.active && !self.may_propose(state.view) {
            let primary = self.rules.primary(self.setting.committee, state.view);
            out.push(Effect::Send(primary, Message::Request(request.clone())));
        }
    }

    /// As primary: assigns sequence numbers to waiting requests, as far as the window and the limit
    /// on batches in flight allow. A primary that lags behind its low watermark waits for the
    /// state: it does not know what was executed.
    pub(super) fn propose(&self, state: &mut State, out: &mut Vec<Effect>) {
        if !state.active || !self.may_propose(state.view) || state.chain.height() < state.log.low() {
            return;
        }
        while !state.pending.is_empty() {
            let seq = state.next_free();
            if !self.rules.in_window(&self.setting, state.log.low(), seq)
                || seq.0 > state.chain.height().0.saturating_add(self.setting.max_in_flight)
            {
                return;
            }
            let requests: Vec<_> = (0..self.setting.max_batch)
                .map_while(|_| state.pending.pop_first())
                .map(|(_, request)| request)
                .collect();
            let proposal = self.sign_proposal(state.view, seq, Batch::new(requests));
            self.adopt(state, &proposal, out);
            out.push(Effect::Broadcast(Message::PrePrepare(proposal.clone())));
            self.vote(state, &proposal, out);
        }
    }

    pub(super) fn sign_proposal(&self, view: View, seq: SeqNum, batch: Batch) -> Proposal {
        let pre_prepare = self.key.sign(PrePrepare { view, seq, digest: batch.digest() });
        Proposal { pre_prepare, batch }
    }

    pub(super) fn check_pre_prepare(&self, state: &State, proposal: &Proposal) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, &proposal.pre_prepare)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if !self.rules.admits_view(state.standing(), proposal.view()) {
            return Err(Refusal::OtherView);
        }
        if !self.rules.in_window(&self.setting, state.log.low(), proposal.seq()) {
            return Err(Refusal::OutsideWindow);
        }
        if proposal.batch.is_null() && !self.rules.may_propose_null() {
            return Err(Refusal::NullProposal);
        }
        let accepted = state.log.get(proposal.seq()).and_then(|slot| slot.proposal());
        if let Some(accepted) = accepted.filter(|accepted| accepted.view() >= proposal.view()) {
            if accepted.digest() == proposal.digest() {
                return Err(Refusal::Duplicate);
            }
            if !self.rules.accepts_second_proposal(accepted, proposal) {
                return Err(Refusal::ConflictingProposal);
            }
        }
        check_proposal(self.rules, &self.setting, proposal)
    }

    /// The evidence in a proposal that conflicts with the accepted one.
    pub(super) fn conflict(&self, state: &State, proposal: &Proposal) -> Option<Evidence> {
        let accepted = state.log.get(proposal.seq())?.proposal()?;
        let evidence = Evidence::PrePrepares(accepted.pre_prepare.clone(), proposal.pre_prepare.clone());
        evidence.verify(&self.setting.keys).then_some(evidence)
    }

    /// Accepts a proposal, which has passed all guards or is due in a new view.
    pub(super) fn accept(&self, state: &mut State, proposal: &Proposal, out: &mut Vec<Effect>) {
        self.adopt(state, proposal, out);
        self.vote(state, proposal, out);
    }

    /// Stores a proposal and, at a backup, its own vote for it.
    pub(super) fn adopt(&self, state: &mut State, proposal: &Proposal, out: &mut Vec<Effect>) {
        for request in proposal.batch.requests() {
            state.pending.remove(&request.id());
        }
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        self.persist(Record::Accepted(proposal.clone()), out);
        let slot = state.log.slot(seq);
        slot.proposal = Some(proposal.clone());
        if self.rules.may_prepare(self.setting.committee, view, self.id) {
            let prepare = self.key.sign(Prepare { view, seq, digest });
            let key = self.rules.prepare_key(view, digest);
            if self.rules.counts_vote(slot.prepares.get(&key).map(Votes::voters), self.id) {
                slot.prepares.add(key, self.id, prepare);
            }
        }
    }

    /// Sends the vote for a proposal that was adopted, and draws the consequences.
    fn vote(&self, state: &mut State, proposal: &Proposal, out: &mut Vec<Effect>) {
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        if self.rules.may_prepare(self.setting.committee, view, self.id) {
            out.push(Effect::Broadcast(Message::Prepare(self.key.sign(Prepare { view, seq, digest }))));
        }
        if self.decide(state, seq, out) {
            self.execute_from(state, seq, out);
        }
    }

    pub(super) fn check_prepare(&self, state: &State, prepare: &Signed<Prepare>) -> Result<(), Refusal> {
        self.check_as_prepare(state, prepare).or_else(|refusal| {
            self.as_commit(prepare).map_or(Err(refusal), |commit| self.check_commit(state, &commit))
        })
    }

    /// The commit that a prepare counts as besides, if the rulebook lets it.
    fn as_commit(&self, prepare: &Signed<Prepare>) -> Option<Signed<Commit>> {
        self.rules.prepare_counts_as_commit().then(|| Signed::of_prepare(prepare))
    }

    fn check_as_prepare(&self, state: &State, prepare: &Signed<Prepare>) -> Result<(), Refusal> {
        let key = self.rules.prepare_key(prepare.view, prepare.digest);
        let from = self.check_vote(state, prepare, key, prepare.seq)?;
        let counted_in = key.view.unwrap_or(state.view);
        if !self.rules.may_prepare(self.setting.committee, counted_in, from) {
            return Err(Refusal::PrimaryPrepares);
        }
        if let Some(slot) = state.log.get(prepare.seq) {
            let votes = slot.prepares.get(&key);
            let count = votes.map_or(0, Votes::count);
            let full = count + 1 >= self.rules.prepare_quorum(self.setting.committee);
            let prepared = slot.current_prepared().map(|(view, digest)| self.rules.prepare_key(view, digest));
            if full || prepared == Some(key) {
                return Err(Refusal::TallyFull);
            }
            self.check_counts(&slot.prepares, votes, &key, from)?;
        } else if !self.rules.counts_vote(None, from) {
            return Err(Refusal::Duplicate);
        }
        self.check_signature(SignedPart::Prepare, prepare)
    }

    /// Counts a prepare; whether it decides the sequence number, so that execution can go on there.
    pub(super) fn apply_prepare(
        &self,
        state: &mut State,
        prepare: &Signed<Prepare>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(commit) = self.as_commit(prepare) else { return self.count_prepare(state, prepare, out) };
        let mut decides = false;
        if self.check_as_prepare(state, prepare).is_ok() {
            decides |= self.count_prepare(state, prepare, out);
        }
        if self.check_commit(state, &commit).is_ok() {
            decides |= self.apply_commit(state, &commit, out);
        }
        decides
    }

    fn count_prepare(&self, state: &mut State, prepare: &Signed<Prepare>, out: &mut Vec<Effect>) -> bool {
        let key = self.rules.prepare_key(prepare.view, prepare.digest);
        let slot = state.log.slot(prepare.seq);
        if let Some(from) = prepare.signer().replica() {
            if let Some(other) = slot.prepares.elsewhere(&key, from) {
                self.accuse(Evidence::Prepares(other.clone(), prepare.clone()), out);
            }
            slot.prepares.add(key, from, prepare.clone());
        }
        self.decide(state, prepare.seq, out)
    }

    pub(super) fn check_commit(&self, state: &State, commit: &Signed<Commit>) -> Result<(), Refusal> {
        let key = self.rules.commit_key(commit.view, commit.digest);
        let from = self.check_vote(state, commit, key, commit.seq)?;
        if let Some(slot) = state.log.get(commit.seq) {
            let votes = slot.commits.get(&key);
            if votes.map_or(0, Votes::count) >= self.rules.commit_quorum(self.setting.committee) {
                return Err(Refusal::TallyFull);
            }
            if slot.decision.is_some() {
                return Err(Refusal::Decided);
            }
            self.check_counts(&slot.commits, votes, &key, from)?;
        } else if !self.rules.counts_vote(None, from) {
            return Err(Refusal::Duplicate);
        }
        if is_signed_commit(self.rules, &self.setting, commit) { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    /// Counts a commit; whether it decides the sequence number, so that execution can go on there.
    pub(super) fn apply_commit(
        &self,
        state: &mut State,
        commit: &Signed<Commit>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let key = self.rules.commit_key(commit.view, commit.digest);
        let slot = state.log.slot(commit.seq);
        if let Some(from) = commit.signer().replica() {
            if let Some(other) = slot.commits.elsewhere(&key, from) {
                self.accuse(Evidence::Commits(other.clone(), commit.clone()), out);
            }
            slot.commits.add(key, from, commit.clone());
        }
        self.decide(state, commit.seq, out)
    }

    /// What holds for prepares and commits alike: signer, view and window. A vote that counts whatever its view
    /// is, is one whatever its view is.
    fn check_vote<M>(
        &self,
        state: &State,
        vote: &Signed<M>,
        key: TallyKey,
        seq: SeqNum,
    ) -> Result<ReplicaId, Refusal> {
        let from = replica_of(&self.setting, vote)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if key.view.is_some_and(|view| !self.rules.admits_view(state.standing(), view)) {
            return Err(Refusal::OtherView);
        }
        if !self.rules.in_window(&self.setting, state.log.low(), seq) {
            return Err(Refusal::OutsideWindow);
        }
        Ok(from)
    }

    /// What holds for a vote besides: `votes` are those of the tally under its key.
    fn check_counts<M>(
        &self,
        tally: &Tally<M>,
        votes: Option<&Votes<M>>,
        key: &TallyKey,
        from: ReplicaId,
    ) -> Result<(), Refusal> {
        if !self.rules.counts_vote(votes.map(Votes::voters), from) {
            return Err(Refusal::Duplicate);
        }
        if tally.digests_of(key, from) >= MAX_DIGESTS_PER_VOTER {
            return Err(Refusal::TooManyVotes);
        }
        Ok(())
    }

    pub(super) fn check_signature<M: crate::pbft::Signable>(
        &self,
        part: SignedPart,
        signed: &Signed<M>,
    ) -> Result<(), Refusal> {
        let genuine = self.setting.keys.verify(signed);
        if self.rules.verifies(part, genuine) { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    #[cold]
    fn accuse(&self, evidence: Evidence, out: &mut Vec<Effect>) {
        if evidence.verify(&self.setting.keys) {
            out.push(Effect::Evidence(Box::new(evidence)));
        }
    }

    /// Draws the consequences of what is known about a sequence number: prepared, then decided.
    /// Whether it is decided now and was not before.
    fn decide(&self, state: &mut State, seq: SeqNum, out: &mut Vec<Effect>) -> bool {
        let slot = state.log.slot(seq);
        let Some(proposal) = slot.proposal.as_ref() else { return false };
        let (view, digest) = (proposal.view(), proposal.digest());

        let mut prepared = slot.is_prepared();
        if !prepared {
            let certificate =
                PreparedCertificate::take(&self.setting, self.rules, proposal, &mut slot.prepares);
            if let Some(certificate) = certificate {
                prepared = true;
                self.persist(Record::Prepared(certificate.clone()), out);
                slot.prepared = Some(certificate);
                let commit = self.key.sign(Commit { view, seq, digest });
                out.push(Effect::Broadcast(Message::Commit(commit.clone())));
                let key = self.rules.commit_key(view, digest);
                let counts = self.rules.counts_vote(slot.commits.get(&key).map(Votes::voters), self.id);
                if slot.decision.is_none() && counts {
                    slot.commits.add(key, self.id, commit);
                }
            }
        }
        if slot.decision.is_some() || !(prepared || self.rules.decides_unprepared()) {
            return false;
        }
        let certificate = CommitCertificate::take(&self.setting, self.rules, proposal, &mut slot.commits);
        let Some(certificate) = certificate else { return false };
        let decision = certificate.decision(proposal.batch.clone());
        self.persist(Record::Decided(decision.clone()), out);
        slot.decide(decision);
        out.push(Effect::Committed(certificate));
        true
    }
}

impl State {
    /// The first sequence number above what was executed that holds neither a proposal nor a decision.
    fn next_free(&self) -> SeqNum {
        let mut next = self.chain.height().next();
        while self.log.get(next).is_some_and(Slot::is_taken) && next.next() != next {
            next = next.next();
        }
        next
    }

    /// Whether an accepted proposal that is not executed yet holds this request.
    fn is_proposed(&self, request: &SignedRequest) -> bool {
        self.log.after(self.chain.height()).any(|(_, slot)| {
            slot.proposal().is_some_and(|p| p.batch.requests().iter().any(|r| r.id() == request.id()))
        })
    }
}
