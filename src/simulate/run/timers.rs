//! The timers of a run: set, stopped and run out.

use super::Simulation;
use super::agenda::Due;
use crate::model::Event;
use crate::pbft::{Input, Principal, View};
use crate::simulate::timing::{MOST_DOUBLINGS, PATIENCE, RETRANSMISSION, TIMEOUT};

impl Simulation<'_> {
    pub(super) fn start_client_timer(&mut self, process: usize, doublings: u32) {
        let clock = &mut self.clocks[process];
        clock.number += 1;
        clock.doublings = doublings;
        let number = clock.number;
        let ticks = self.faults.skewed(self.now, process, PATIENCE << doublings.min(MOST_DOUBLINGS));
        self.agenda.put(self.now + ticks, process, Due::Timeout { number, copy: 0 });
    }

    /// Sets or stops the timer of a replica or, of a Byzantine one, of a copy.
    pub(super) fn set_timer(&mut self, process: usize, copy: usize, timer: Option<(View, u32)>) {
        let now = self.now;
        let clock = match self.byzantine.nodes.get_mut(process).and_then(Option::as_mut) {
            Some(node) => match node.clocks.get_mut(copy) {
                Some(clock) => clock,
                None => return,
            },
            None => &mut self.clocks[process],
        };
        clock.number += 1;
        clock.runs = timer.map(|(view, _)| view);
        clock.doublings = timer.map_or(0, |(_, doublings)| doublings);
        let number = clock.number;
        if let Some((_, doublings)) = timer {
            let ticks = self.faults.skewed(now, process, TIMEOUT << doublings.min(MOST_DOUBLINGS));
            self.agenda.put(now + ticks, process, Due::Timeout { number, copy });
        }
    }

    pub(super) fn time_out(&mut self, process: usize, number: u64, copy: usize) {
        let who = self.who(process);
        if let Some(node) = self.byzantine.nodes.get(process).and_then(Option::as_ref) {
            if node.clocks.get(copy).is_some_and(|clock| clock.number == number) {
                self.deceive(process, who, |c| c == copy, Input::Timeout);
            }
            return;
        }
        let clock = self.clocks[process];
        if clock.number != number {
            return;
        }
        match (who, clock.runs) {
            (Principal::Replica(_), Some(view)) => {
                self.step(who, Event::Timeout(view));
            }
            (Principal::Client(_), _) => {
                self.step(who, Event::Resend);
            }
            (Principal::Replica(_), None) => {}
        }
    }

    /// A replica says how far it is; the longer nothing comes about, the longer timers run, and the less often.
    pub(super) fn resend(&mut self, process: usize) {
        self.step(self.who(process), Event::Resend);
        let wait = self.faults.skewed(self.now, process, RETRANSMISSION.max(self.idle() / 8));
        self.agenda.put(self.now + wait, process, Due::Resend);
    }
}
