//! A replica's state with other view numbers.

use super::{Slot, State};
use crate::pbft::proof::Proof;
use crate::pbft::renumber::{Renumber, Renumbering};

impl Renumber for Slot {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        let option = |proposal: &Option<_>| match proposal {
            Some(proposal) => Renumber::renumbered(proposal, by).map(Some),
            None => Some(None),
        };
        let prepared = match &self.prepared {
            Some(certificate) => Some(certificate.renumbered(by)?),
            None => None,
        };
        Some(Slot {
            proposal: option(&self.proposal)?,
            prepares: self.prepares.renumbered(by)?,
            commits: self.commits.renumbered(by)?,
            prepared,
            decision: self.decision.clone(),
            executed: self.executed,
        })
    }
}

impl Renumber for State {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        let mut state = self.clone();
        state.view = by.view(self.view)?;
        for slot in state.log.iter_mut() {
            *slot = slot.renumbered(by)?;
        }
        for change in state.view_changes.values_mut() {
            *change = change.renumbered(by)?;
        }
        // One that the replica has left since is sent to nobody who has come as far.
        let new_view = self.new_view().and_then(|new_view| new_view.renumbered(by));
        let is_left = self.new_view().is_none_or(|new_view| !self.active || new_view.view < self.view);
        if new_view.is_none() && !is_left {
            return None;
        }
        state.new_view = Proof(new_view);
        Some(state)
    }
}
