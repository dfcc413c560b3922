//! What was found out while views were explored, for another process. What else is known of views is found out again when
//! it is asked for: it is the same whenever that is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::boundary::BoundaryState;
use super::findings::GOOD;
use super::{UnboundedModel, UnboundedState};
use crate::engine::record::{Recorded, Unfit};
use crate::engine::{Fingerprint, fingerprint};

/// What was found out of a rulebook of which all can still be said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    reached: Vec<String>,
    counted: Vec<Fingerprint>,
    within: u64,
}

impl UnboundedModel {
    /// What was found out so far; none if something was found that ends the search.
    pub(crate) fn found(&self) -> Option<Found> {
        let findings = &self.context.findings;
        let is_open =
            findings.refusal().is_none() && findings.unmet().is_none() && findings.objection().is_none();
        is_open.then(|| Found {
            reached: findings.reached().into_iter().map(str::to_owned).collect(),
            counted: findings.counted(),
            within: findings.within(),
        })
    }

    /// Takes in what another process has found out.
    pub(crate) fn finds(&self, found: Found) {
        let Found { reached, counted, within } = found;
        let findings = &self.context.findings;
        findings.reach(GOOD.into_iter().filter(|good| reached.iter().any(|name| name == good)).collect());
        for key in counted {
            findings.count(key, 0);
        }
        findings.visit(within);
    }
}

impl BoundaryState {
    /// Whether it has as many parts as there are sequence numbers and honest replicas, of as many batches as there are.
    pub(super) fn is_of(&self, slots: usize, replicas: usize, batches: usize) -> bool {
        let is_batch = |batch: &u16| usize::from(*batch) < batches;
        let carried = self.replicas.iter().all(|carried| {
            carried.prepared.len() == slots
                && carried.decided.len() == slots
                && carried.prepared.iter().flatten().all(|(_, batch)| is_batch(batch))
                && carried.decided.iter().flatten().all(is_batch)
        });
        let shown =
            self.shown.len() == slots && self.shown.iter().flatten().all(|(_, batch)| is_batch(batch));
        let decided = self.decided.len() == slots && self.decided.iter().flatten().all(is_batch);
        self.replicas.len() == replicas && carried && shown && decided
    }
}

impl UnboundedModel {
    /// Whether a state that was read can be one of this model.
    pub(crate) fn knows(&self, state: &UnboundedState) -> bool {
        let context = &self.context;
        let honest = usize::from(context.scope.replicas) - context.byzantine.len();
        match state {
            UnboundedState::Start | UnboundedState::Lacks(_) => true,
            UnboundedState::BoundaryState(state) => {
                state.is_of(context.scope.slots as usize, honest, context.batches.len())
            }
        }
    }
}

/// Its states are told as they are: none is a number in a table.
impl Recorded for UnboundedModel {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        with(&[]);
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        if journal.is_empty() { Ok(()) } else { Err(Unfit) }
    }

    fn digest(&self) -> Fingerprint {
        let context = &self.context;
        fingerprint(&(format!("{:?}", context.scope), context.byzantine.len()))
    }

    fn numbers(state: &UnboundedState) -> Cow<'_, [u32]> {
        // What is made of numbers and names has this form.
        Cow::Owned(serde_json::to_vec(state).unwrap_or_default().into_iter().map(u32::from).collect())
    }

    fn numbered(&self, numbers: &[u32]) -> Option<UnboundedState> {
        let bytes: Option<Vec<u8>> = numbers.iter().map(|&number| u8::try_from(number).ok()).collect();
        let state = serde_json::from_slice(&bytes?).ok()?;
        self.knows(&state).then_some(state)
    }
}
