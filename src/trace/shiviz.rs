//! A trace as a log for ShiViz (<https://bestchai.bitbucket.io/shiviz/>): events with vector clocks, from which it
//! draws who could know of what.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Step, Trace, describe};
use crate::model::Event;
use crate::pbft::{Message, Principal};

/// How an entry is read: the first line of the file; the second, empty, would part several runs.
const ENTRY: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

type Clock = BTreeMap<Principal, u64>;

#[derive(Default)]
struct Log {
    clocks: BTreeMap<Principal, Clock>,
    sent: BTreeMap<Message, Clock>,
    text: String,
}

impl Log {
    /// An event at somebody, who knows then what `cause` knew.
    fn event(&mut self, who: Principal, what: &str, cause: Option<&Clock>) -> Clock {
        let clock = self.clocks.entry(who).or_default();
        for (&other, &time) in cause.into_iter().flatten() {
            let known = clock.entry(other).or_default();
            *known = time.max(*known);
        }
        *clock.entry(who).or_default() += 1;
        let times: Vec<_> = clock.iter().map(|(who, time)| format!("\"{who}\":{time}")).collect();
        let _ = writeln!(self.text, "{what}\n{who} {{{}}}", times.join(","));
        clock.clone()
    }
}

impl Trace {
    /// The trace as a log for ShiViz. A step is an event; so is the sending of what no step of the run sends: by a
    /// client, or by a Byzantine replica, of which nobody knows when it sent something, or why.
    pub fn to_shiviz(&self) -> String {
        let mut log = Log::default();
        for (index, step) in self.steps.iter().enumerate() {
            let mut what = format!("{}{}", self.marks(index), step.event(&self.system));
            let mut cause = None;
            if let Event::Deliver(message) = &step.event {
                let words = describe(&self.system, message);
                what = format!("{}receives {words} from {}", self.marks(index), message.signer());
                let known = log.sent.get(message).cloned();
                let clock =
                    known.unwrap_or_else(|| log.event(message.signer(), &format!("sends {words}"), None));
                log.sent.insert(message.clone(), clock.clone());
                cause = Some(clock);
            }
            let outcome = outcome(step, &self.system);
            let clock = log.event(step.to, &format!("{what}{outcome}"), cause.as_ref());
            for (_, message) in step.taken().sent(&self.system) {
                log.sent.entry(message).or_insert_with(|| clock.clone());
            }
        }
        format!("{ENTRY}\n\n{}", log.text)
    }

    /// What begins with a step.
    fn marks(&self, index: usize) -> String {
        let Some(lasso) = &self.lasso else { return String::new() };
        let stable = if lasso.stable_after == index { "(the network is stable) " } else { "" };
        let repeats = if lasso.repeats_after == index { "(from here on, for ever) " } else { "" };
        format!("{stable}{repeats}")
    }
}

fn outcome(step: &Step, system: &crate::model::System) -> String {
    let sends = step.sends(system).into_iter().map(|sent| format!("sends {sent}"));
    let all: Vec<_> = step.changes(system).into_iter().chain(sends).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join("; ")) }
}
