//! Whether whoever leaves the view is rid of it: tried with all that was ever sent.

use crate::hashed::IndexSet;

use super::arena::Arena;
use super::error::Unexplorable;
use super::premise;
use crate::model::participant::Local;
use crate::pbft::State;

/// Replicas that have left the view, and replicas in it, by place.
#[derive(Default)]
pub(super) struct Departures {
    left: IndexSet<(usize, State)>,
    counting: Vec<(usize, Local)>,
    offered: Offered,
}

/// How many of either were offered how many messages.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Offered {
    left: usize,
    counting: usize,
    messages: usize,
}

impl Departures {
    /// Notes a replica in the view, and what it is once it has left.
    pub fn note(&mut self, place: usize, local: Local, left: State) {
        self.left.insert((place, left));
        self.counting.push((place, local));
    }

    /// Whether whoever has left takes nothing of the view any more, of all that was ever sent in it, and forgets the
    /// votes that it has counted.
    ///
    /// # Errors
    /// What it takes or counts.
    pub fn check(&mut self, arena: &Arena) -> Result<(), Unexplorable> {
        let messages = arena.judge.met() as usize;
        let now = Offered { left: self.left.len(), counting: self.counting.len(), messages };
        let before = self.offered;
        if now == before {
            return Ok(());
        }
        let is_any_new = (now.left, now.counting) != (before.left, before.counting);
        let from = if is_any_new { 0 } else { before.messages };
        let messages = arena.judge.messages_from(from);
        let new = &messages[before.messages - from..];
        for (number, (place, left)) in self.left.iter().enumerate() {
            let Ok(replica) = arena.replica(*place) else { continue };
            let messages = if number < before.left { new } else { &messages };
            premise::check_left(replica, left, messages)?;
        }
        for (number, (place, local)) in self.counting.iter().enumerate() {
            let (Ok(replica), Some(state)) = (arena.replica(*place), local.replica()) else { continue };
            let messages = if number < before.counting { new } else { &messages };
            premise::check_forgets(replica, state, messages)?;
        }
        self.offered = now;
        Ok(())
    }
}
