//! What is explored: a scope and a rulebook, with what all views of them have in common.

use std::collections::BTreeSet;

use super::assumptions::{self, Assumption};
use super::boundary::{BatchNumber, CarriedState, Showable};
use super::error::Unexplorable;
use super::findings::Findings;
use super::forge::Maker;
use super::premise;
use crate::model::bounds::{Bound, BoundError, Scope};
use crate::model::guards::{GuardModel, MessageSet};
use crate::model::reductions::Reductions;
use crate::model::system::System;
use crate::pbft::{Batch, Digest, KeySet, PreparedClaim, ReplicaId, Rules, SeqNum, State, View};

/// What is explored.
pub(super) struct Context {
    pub scope: Scope,
    pub rules: &'static dyn Rules,
    pub byzantine: Vec<ReplicaId>,
    pub batches: Vec<Batch>,
    pub reductions: Reductions,
    /// Whether a view change is taken that reports a certificate for number 0, which is below every window.
    takes_number_0: bool,
    pub findings: Findings,
}

impl Context {
    /// # Errors
    /// A scope that makes no sense.
    pub fn new(scope: Scope, byzantine: u16, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        // Those with the highest numbers, so that replica 0 is an honest primary.
        let first = scope.replicas.saturating_sub(byzantine);
        let byzantine: Vec<_> = (first..scope.replicas).map(ReplicaId).collect();
        let scope = Scope { views: 1, ..scope };
        let system = System::new(Bound::new(scope, byzantine.iter().copied()), rules)?;
        let batches = system.batches();
        let keys = KeySet::symbolic(scope.replicas, scope.requests);
        let maker = Maker { keys: &keys, setting: system.setting(), rules: system.rules().itself() };
        let (refusal, unmet) = tried(&maker, scope, &batches);
        let takes_number_0 = refusal.is_none() && takes_number_0(&maker, &batches);
        Ok(Context {
            scope,
            rules,
            byzantine,
            batches,
            reductions: Reductions::ALL,
            takes_number_0,
            findings: Findings::new(refusal, unmet),
        })
    }

    /// Whether states that others subsume are left out: what somebody honest holds can only get in the way, which takes
    /// a Byzantine replica, if it is forgotten by what is followed once a view is entered, and who has decided what.
    pub fn leaves_out_subsumed(&self) -> bool {
        let Reductions { subsumed, quotient, summaries, .. } = self.reductions;
        subsumed && quotient && summaries && !self.byzantine.is_empty()
    }

    /// No batch at each sequence number.
    pub fn nothing(&self) -> Vec<BTreeSet<BatchNumber>> {
        vec![BTreeSet::new(); self.scope.slots as usize]
    }

    pub fn batch(&self, number: BatchNumber) -> &Batch {
        &self.batches[usize::from(number)]
    }

    /// The number of a batch.
    fn number(&self, digest: Digest, batch: &Batch) -> Result<BatchNumber, Unexplorable> {
        let known = self.batches.iter().position(|known| known == batch && known.digest() == digest);
        let known = known.ok_or_else(|| Unexplorable::Misnamed(batch.clone()))?;
        Ok(known as BatchNumber)
    }

    /// What a replica in this state carries out of its view.
    pub fn carried(&self, state: &State) -> Result<CarriedState<View>, Unexplorable> {
        let slots = self.scope.slots as usize;
        let mut carried = CarriedState { prepared: vec![None; slots], decided: vec![None; slots] };
        for (seq, slot) in state.log().iter() {
            let place = (seq.0 as usize).checked_sub(1).filter(|&place| place < slots);
            let place = place.ok_or(Unexplorable::OutsideScope(seq))?;
            if let Some(certificate) = slot.prepared() {
                let number = self.number(certificate.digest(), &certificate.claim().proposal.batch)?;
                carried.prepared[place] = Some((certificate.view(), number));
            }
            if let Some(batch) = slot.committed() {
                carried.decided[place] = Some(self.number(batch.digest(), batch)?);
            }
        }
        Ok(carried)
    }

    /// At each sequence number, the certificates that these messages make up.
    pub fn showable(&self, judge: &GuardModel, basis: &MessageSet) -> Result<Showable<View>, Unexplorable> {
        self.by_sequence_number(judge.certificates(basis))
    }

    /// At each sequence number, its certificates among these.
    pub fn by_sequence_number(&self, claims: Vec<PreparedClaim>) -> Result<Showable<View>, Unexplorable> {
        let mut showable = vec![BTreeSet::new(); self.scope.slots as usize];
        for claim in claims {
            let number = self.number(claim.digest(), &claim.proposal.batch)?;
            // No view change holds a certificate for number 0, and nothing else carries one on (`takes_number_0`).
            let Some(place) = (claim.seq().0 as usize).checked_sub(1) else {
                if self.takes_number_0 {
                    return Err(Unexplorable::CertificateBelow(claim.seq()));
                }
                continue;
            };
            if let Some(showable) = showable.get_mut(place) {
                showable.insert((claim.view(), number));
            }
        }
        Ok(showable)
    }
}

/// Why the views cannot be explored at all, and what of the assumptions is not fulfilled.
fn tried(maker: &Maker<'_>, scope: Scope, batches: &[Batch]) -> (Option<Unexplorable>, Option<Assumption>) {
    let is_more = scope.checkpoint.is_some()
        || scope.window.is_some()
        || scope.crashes > 0
        || scope.reads > 0
        || scope.clients
        || scope.lossy
        || scope.load.is_some();
    if is_more {
        return (Some(Unexplorable::Scope), None);
    }
    if let Err(unmet) = assumptions::asking(|| premise::check_rules(maker, batches)) {
        return (Some(unmet.into()), None);
    }
    let unmet = assumptions::check(maker, scope.slots, batches).err();
    // Whoever panics when asked would do so in the search too.
    let panics = unmet.clone().filter(|unmet| *unmet == Assumption::Panics);
    (panics.map(Unexplorable::from), unmet)
}

fn takes_number_0(maker: &Maker<'_>, batches: &[Batch]) -> bool {
    let claim = maker.claim(View(0), SeqNum(0), &batches[0]);
    let change = maker.change(View(1), vec![claim]);
    maker.rules.check_view_change(maker.setting, &change).is_ok()
}
