//! When a run looks for what is wrong, and what it has found.

use super::Simulation;
use crate::model::Property;
use crate::simulate::outcome::End;

/// What may be wrong, and what is.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    /// How much of what can be wrong has changed since it was looked at.
    pub suspects: usize,
    /// What is wrong, if anything is.
    pub violation: Option<(Property, String)>,
}

impl Simulation<'_> {
    /// Looks for what is wrong, as soon as something is that can be. In large committees not after every step:
    /// what one replica believes seldom stands against what all others do.
    pub(super) fn look(&mut self) {
        let patience = usize::from(self.settings.scope.replicas) / 8;
        if self.suspicion.suspects > patience {
            self.suspicion.suspects = 0;
            if let Some((property, what)) = self.wrong() {
                self.suspicion.violation.get_or_insert((property, what));
            }
        }
    }

    fn wrong(&self) -> Option<(Property, String)> {
        self.honest_nodes.violation(self.settings.property)
    }

    pub(super) fn last_look(&self) -> Option<End> {
        self.wrong().map(|(property, what)| End::Violated { property, what })
    }
}
