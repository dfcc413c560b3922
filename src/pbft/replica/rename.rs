//! A replica's state with other names.

use std::sync::Arc;

use super::{Slot, State, Timer};
use crate::pbft::rename::{Rename, Renaming, replies_renamed, waiting_renamed};
use crate::pbft::uncompared::Uncompared;

impl Rename for Slot {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        Some(Slot {
            proposal: self.proposal.renamed(by)?,
            prepares: self.prepares.renamed(by)?,
            commits: self.commits.renamed(by)?,
            prepared: self.prepared.renamed(by)?,
            decision: self.decision.renamed(by)?,
            executed: self.executed,
        })
    }
}

impl Rename for Timer {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let awaits = self.awaits.map(|id| by.names.map_or(id, |names| names.request(id)));
        Some(Timer { view: by.view(self.view)?, awaits, ..*self })
    }
}

impl Rename for State {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let mut state = self.clone();
        state.view = by.view(self.view)?;
        for slot in state.log.iter_mut() {
            *slot = slot.renamed(by)?;
        }
        let changes = self.view_changes.iter();
        state.view_changes = changes
            .map(|(&id, change)| Some((by.replica(id), change.renamed(by)?)))
            .collect::<Option<_>>()?;
        // One that the replica has left since is sent to nobody who has come as far.
        let new_view = self.new_view().and_then(|new_view| new_view.renamed(by));
        let is_left = self.new_view().is_none_or(|new_view| !self.active || new_view.view < self.view);
        if new_view.is_none() && !is_left {
            return None;
        }
        state.new_view = Uncompared(new_view);
        state.timer = self.timer.renamed(by)?;
        if by.names.is_none() {
            return Some(state);
        }
        state.stable = self.stable.renamed(by)?;
        for tally in state.checkpoints.values_mut() {
            *tally = tally.renamed(by)?;
        }
        state.pending = waiting_renamed(&self.pending, by)?;
        state.chain = self.chain.renamed(by)?;
        state.clients = Arc::new(replies_renamed(&self.clients, (&self.chain, &state.chain), by)?);
        for snapshot in Arc::make_mut(&mut state.snapshots).values_mut() {
            *snapshot = snapshot.renamed(by)?;
        }
        Some(state)
    }
}
