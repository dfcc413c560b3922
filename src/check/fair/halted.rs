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
