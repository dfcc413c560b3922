//! The message log between the watermarks (OSDI'99 §4.2).

use std::collections::VecDeque;
use std::fmt;

use crate::pbft::block::Batch;
use crate::pbft::certificate::{Decision, PreparedCertificate};
use crate::pbft::digest::Digest;
use crate::pbft::id::{ReplicaId, SeqNum, View};
use crate::pbft::message::{Commit, Prepare, Proposal};
use crate::pbft::quorum::Tally;

/// What a replica holds about one sequence number.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Slot {
    pub(super) proposal: Option<Proposal>,
    pub(super) prepares: Tally<Prepare>,
    pub(super) commits: Tally<Commit>,
    pub(super) prepared: Option<PreparedCertificate>,
    pub(super) decision: Option<Decision>,
    pub(super) executed: bool,
}

impl Slot {
    /// The proposal that was accepted in the current view.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.proposal.as_ref()
    }

    /// The PREPAREs that are counted.
    #[cfg(feature = "explore")]
    pub(crate) fn prepares(&self) -> &Tally<Prepare> {
        &self.prepares
    }

    /// The COMMITs that are counted.
    #[cfg(feature = "explore")]
    pub(crate) fn commits(&self) -> &Tally<Commit> {
        &self.commits
    }

    /// The prepared certificate of the highest view.
    pub fn prepared(&self) -> Option<&PreparedCertificate> {
        self.prepared.as_ref()
    }

    /// The batch that was decided.
    pub fn committed(&self) -> Option<&Batch> {
        self.decision.as_ref().map(|decision| &decision.batch)
    }

    /// Whether nothing may be proposed here any more in the current view.
    pub(super) fn is_taken(&self) -> bool {
        self.proposal.is_some() || self.decision.is_some()
    }

    /// Whether the accepted proposal prepared, in its own view.
    pub fn is_prepared(&self) -> bool {
        self.current_prepared().is_some()
    }

    /// The view and digest of the accepted proposal, if it prepared.
    pub(super) fn current_prepared(&self) -> Option<(View, Digest)> {
        let (proposal, certificate) = (self.proposal.as_ref()?, self.prepared.as_ref()?);
        let accepted = (proposal.view(), proposal.digest());
        (accepted == (certificate.view(), certificate.digest())).then_some(accepted)
    }

    /// Records a decision: commits change nothing any more.
    pub(super) fn decide(&mut self, decision: Decision) {
        self.decision = Some(decision);
        self.commits = Tally::default();
    }

    /// Forgets what belongs to the views that are `left`; a certificate and a decision stay, and votes
    /// that count in every view.
    pub(super) fn leave_views(&mut self, left: impl Fn(View) -> bool) {
        let stays = |view: Option<View>| view.is_none_or(|view| !left(view));
        self.prepares.retain(|key| stays(key.view));
        self.commits.retain(|key| stays(key.view));
        self.proposal.take_if(|proposal| left(proposal.view()));
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("");
        if let Some(proposal) = &self.proposal {
            out.field("accepted", &format_args!("{} in {}", proposal.batch, proposal.view()));
        }
        if !self.prepares.is_empty() {
            out.field("prepares", &self.prepares);
        }
        if let Some(certificate) = &self.prepared {
            let batch = &certificate.claim().proposal.batch;
            out.field("prepared", &format_args!("{batch} in {}", certificate.view()));
        }
        if !self.commits.is_empty() {
            out.field("commits", &self.commits);
        }
        if let Some(batch) = self.committed() {
            out.field("committed", batch);
        }
        out.finish()
    }
}

/// The slots above the low watermark; grows no further than the high one.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Log {
    low: SeqNum,
    slots: VecDeque<Slot>,
}

impl Log {
    /// The low watermark h.
    pub fn low(&self) -> SeqNum {
        self.low
    }

    /// The slot of a sequence number, if anything is held about it.
    pub fn get(&self, seq: SeqNum) -> Option<&Slot> {
        self.slots.get(self.index(seq)?)
    }

    /// All slots, by number.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNum, &Slot)> {
        self.after(self.low)
    }

    /// The slots above `seq`, by number.
    pub(crate) fn after(&self, seq: SeqNum) -> impl Iterator<Item = (SeqNum, &Slot)> {
        let skip = seq.0.saturating_sub(self.low.0) as usize;
        let first = self.low.next().0;
        let skip = skip.min(self.slots.len());
        self.slots.range(skip..).enumerate().map(move |(i, slot)| (SeqNum(first + (skip + i) as u64), slot))
    }

    /// The slot of a sequence number above the low watermark, made if need be.
    pub(super) fn slot(&mut self, seq: SeqNum) -> &mut Slot {
        debug_assert!(seq > self.low);
        let index = (seq.0 - self.low.0 - 1) as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, Slot::default);
        }
        &mut self.slots[index]
    }

    pub(super) fn get_mut(&mut self, seq: SeqNum) -> Option<&mut Slot> {
        let index = self.index(seq)?;
        self.slots.get_mut(index)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }

    /// Moves the low watermark up and discards the slots below it (OSDI'99 §4.3).
    pub(super) fn advance(&mut self, low: SeqNum) {
        let drop = (low.0.saturating_sub(self.low.0) as usize).min(self.slots.len());
        self.slots.drain(..drop);
        self.low = self.low.max(low);
    }

    /// Drops empty slots at the end, so that equal contents are equal logs.
    pub(super) fn trim(&mut self) {
        while self.slots.back().is_some_and(|slot| *slot == Slot::default()) {
            self.slots.pop_back();
        }
    }

    pub(super) fn retain_voter(&mut self, own: ReplicaId) {
        for slot in &mut self.slots {
            slot.prepares.retain_voter(own);
            slot.commits.retain_voter(own);
        }
        self.trim();
    }

    fn index(&self, seq: SeqNum) -> Option<usize> {
        seq.0.checked_sub(self.low.0)?.checked_sub(1).map(|i| i as usize)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
