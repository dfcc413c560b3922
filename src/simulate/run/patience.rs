//! How long a run waits for something to come about.

use super::Simulation;
use crate::simulate::outcome::End;
use crate::simulate::timing::{MOST_DOUBLINGS, TIMEOUT};

/// Since when nothing has come about, and how long that is no violation.
#[derive(Debug)]
pub(super) struct Patience {
    /// When something that somebody waits for happened last.
    progress: u64,
    /// How long after that something has to happen again.
    allowed: Option<u64>,
    of_clients: Vec<Wait>,
}

/// How long a client waits.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    /// When it asked what it waits for.
    asked: u64,
    /// Until when it has to be answered in a network that is stable from then on.
    allowed: u64,
}

impl Patience {
    pub fn new(clients: usize) -> Self {
        Patience { progress: 0, allowed: None, of_clients: vec![Wait::default(); clients] }
    }
}

impl Simulation<'_> {
    /// Whether the run is over: all is done, or nothing has come about for so long that nothing will.
    pub(super) fn is_over(&mut self) -> Option<End> {
        if self.now < self.faults.stable_at || self.down.contains(&true) {
            return None;
        }
        let since = self.patience.progress.max(self.faults.stable_at);
        if self.honest_nodes.all_asked() && self.honest_nodes.unserved().is_none() {
            return Some(self.last_look().unwrap_or(End::Finished));
        }
        // Timers go on doubling while nothing happens: what counts is how long they were when it last did.
        let allowance = self.allowance();
        if self.now.saturating_sub(since) <= *self.patience.allowed.get_or_insert(allowance) {
            return self.leaves_out();
        }
        if let Some(end) = self.last_look() {
            return Some(end);
        }
        let (property, what) = self.honest_nodes.unserved()?;
        if self.settings.property.is_some_and(|property| !property.is_liveness()) {
            return Some(End::Finished);
        }
        let what = format!(
            "{what}: nothing that a client waits for has happened in the {} ticks to {}, and the network is stable \
             since {}",
            self.now - since,
            self.now,
            self.faults.stable_at
        );
        Some(End::Violated { property, what })
    }

    /// Whether a client is left out: it has waited for so long in a stable network that it will for ever, although
    /// others are served.
    fn leaves_out(&self) -> Option<End> {
        let stable_at = self.faults.stable_at;
        let waits = |client: &usize| {
            let Wait { asked, allowed } = self.patience.of_clients[*client];
            self.honest_nodes.clients()[*client].1.waiting_for().is_some()
                && self.now.saturating_sub(asked.max(stable_at)) > allowed
        };
        let client = (0..self.patience.of_clients.len()).find(waits)?;
        if self.settings.property.is_some_and(|property| !property.is_liveness()) {
            return None;
        }
        let (property, what) = self.honest_nodes.unserved_of(client)?;
        let since = self.patience.of_clients[client].asked.max(stable_at);
        let what = format!(
            "{what}: it was asked {} ticks ago, the network is stable since then, and others were served",
            self.now - since
        );
        Some(End::Violated { property, what })
    }

    /// A client has asked for something: from now on it waits, at most until the turn of every client has come and
    /// every Byzantine replica has been primary.
    pub(super) fn has_asked(&mut self, process: usize) {
        let allowed = self.allowance() + 4 * TIMEOUT * self.patience.of_clients.len() as u64;
        let client = process - self.replicas();
        self.patience.of_clients[client] = Wait { asked: self.now, allowed };
    }

    /// Something happened that somebody waits for.
    pub(super) fn has_come_about(&mut self) {
        self.patience.progress = self.now;
        self.patience.allowed = None;
    }

    /// How long it is since then, in a stable network.
    pub(super) fn idle(&self) -> u64 {
        self.now.saturating_sub(self.patience.progress.max(self.faults.stable_at))
    }

    /// How long nothing may come about in a stable network before that is a violation: until every Byzantine
    /// replica has been primary and some more views were changed, each taking twice as long as the one before,
    /// beginning with the longest timer that anybody has.
    fn allowance(&self) -> u64 {
        let doublings = self.clocks.iter().map(|clock| clock.doublings).max().unwrap_or(0);
        let views = u32::from(self.settings.scope.faults) + 4;
        TIMEOUT << (doublings.min(MOST_DOUBLINGS) + views.min(20))
    }
}
