//! An exploration that a limit ended, and how its graph is written to a file and read again.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use super::graph::{Graph, UNOWED};
use super::{MAX_CLASSES, MAX_PROPERTIES};
use crate::check::levels::Frontier;
use crate::check::visited::Visited;
use crate::check::words::{Word, read_json, read_list, write_json, write_list};

/// An exploration that a limit ended, and all that it takes to go on with it.
#[derive(Debug)]
pub(in crate::check) struct HaltedGraph<S, C> {
    pub graph: Graph<C>,
    pub frontier: Frontier<S>,
    pub transitions: u64,
    pub elapsed: Duration,
}

impl<S, C> HaltedGraph<S, C> {
    /// What [`Graph::write`] wrote, with what stands before it in the file; none if these do not fit each other.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(
        visited: Visited,
        frontier: Frontier<S>,
        transitions: u64,
        elapsed: Duration,
        file: &mut impl Read,
    ) -> io::Result<Option<Self>>
    where
        C: DeserializeOwned + Copy + Ord + Debug,
    {
        let graph = Graph::read(visited, file)?;
        Ok(graph.map(|graph| HaltedGraph { graph, frontier, transitions, elapsed }))
    }
}

impl<C> Graph<C> {
    /// Writes all but the visited states.
    ///
    /// # Errors
    /// It cannot be written.
    pub(in crate::check) fn write(&self, out: &mut impl Write) -> io::Result<()>
    where
        C: Serialize,
    {
        write_list(&self.depth, out)?;
        write_list(&self.marks, out)?;
        write_list(&self.enabled, out)?;
        write_list(&self.flags, out)?;
        write_list(&self.ends, out)?;
        write_list(&self.targets, out)?;
        write_list(&self.labels, out)?;
        write_json(&self.classes, out)?;
        u8::from(self.is_start_cut).write(out)
    }

    /// What was written of a graph with these visited states; none if its parts do not fit each other.
    fn read(visited: Visited, file: &mut impl Read) -> io::Result<Option<Self>>
    where
        C: DeserializeOwned + Copy + Ord,
    {
        let graph = Graph {
            visited,
            depth: read_list(file)?,
            marks: read_list(file)?,
            enabled: read_list(file)?,
            flags: read_list(file)?,
            ends: read_list(file)?,
            targets: read_list(file)?,
            labels: read_list(file)?,
            classes: read_json(file)?,
            cut: None,
            is_start_cut: u8::read(file)? != 0,
        };
        let (met, expanded, edges) = (graph.visited.len(), graph.ends.len(), graph.targets.len());
        let are_even = graph.depth.len() == met
            && graph.marks.len() == met
            && expanded <= met
            && graph.enabled.len() == expanded
            && graph.flags.len() == expanded
            && graph.labels.len() == edges
            && graph.ends.is_sorted()
            && graph.ends.last().map_or(0, |&end| end as usize) == edges;
        let classes = graph.classes.len();
        let are_known = classes <= MAX_CLASSES
            && graph.labels.iter().all(|&label| label == UNOWED || usize::from(label) < classes)
            && graph.targets.iter().all(|&target| (target as usize) < met)
            && graph
                .marks
                .iter()
                .all(|&marks| 2 * MAX_PROPERTIES >= 64 || marks >> (2 * MAX_PROPERTIES) == 0);
        Ok((are_even && are_known).then_some(graph))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stateright::Model;

    use super::super::{Cut, FairModel, LivenessProperty, LivenessVerdict, check_liveness_on};
    use crate::check::limits::{Limit, Limits, Progress};
    use crate::interrupt::{Cause, Interrupt, under};

    /// Two states, round and round. Once both are expanded, somebody wants all to end.
    struct Round {
        interrupt: Arc<Interrupt>,
        /// Whether there is no moment left for what comes late.
        is_at_once: bool,
    }

    impl Model for Round {
        type State = u8;
        type Action = ();

        fn init_states(&self) -> Vec<u8> {
            vec![0]
        }

        fn actions(&self, state: &u8, actions: &mut Vec<()>) {
            actions.push(());
            if *state == 1 {
                self.interrupt.set(Cause::Stopped);
                if self.is_at_once {
                    self.interrupt.end();
                }
            }
        }

        fn next_state(&self, state: &u8, (): ()) -> Option<u8> {
            Some(1 - state)
        }
    }

    impl FairModel for Round {
        type Class = u8;

        fn class(&self, _: &u8, (): &()) -> Option<u8> {
            Some(0)
        }
    }

    /// What was explored is judged in the moment that is left; where none is, it is kept, and judged when the check goes on.
    #[test]
    fn a_graph_that_is_not_judged_in_time_is_judged_later() {
        let never = [LivenessProperty::<Round>::eventually("never", |_, _| false)];
        let (limits, progress) = (Limits::default(), Progress::default());
        let asked = |is_at_once, halted| {
            let interrupt = Arc::new(Interrupt::default());
            let model = Round { interrupt: Arc::clone(&interrupt), is_at_once };
            let (report, halted) =
                under(interrupt, || check_liveness_on(&model, &never, &limits, &progress, halted)).unwrap();
            (report.findings.into_iter().next().unwrap().verdict, halted)
        };
        let (judged, _) = asked(false, None);
        assert!(matches!(judged, LivenessVerdict::Violated(_)), "{judged:?}");
        let (cut, halted) = asked(true, None);
        assert_eq!(cut, LivenessVerdict::NotExhausted(Cut::Limit(Limit::Stopped)));
        let (later, halted) = asked(false, Some(halted.unwrap()));
        assert!(matches!(later, LivenessVerdict::Violated(_)) && halted.is_none(), "{later:?}");
    }
}
