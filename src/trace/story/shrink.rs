//! Shrinking: what a violation does not need is left out.

use std::sync::Arc;

use super::Story;
use super::file::{ReadStoryError, StoryFile};
use crate::engine::{Graph, Step};
use crate::interrupt;
use crate::protocol::Protocol;

/// How often steps are tried at most.
const EFFORT: usize = 2_000_000;

impl Story {
    /// A part of this run that violates the same property of safety, and no longer does if any one of its steps, with all that
    /// then cannot happen any more, is left out. The run itself if nothing is wrong with it, or if what it violates is
    /// liveness.
    ///
    /// # Errors
    /// The run is none of this protocol.
    pub fn shrunk<P: Protocol>(&self, protocol: Arc<P>) -> Result<Story, ReadStoryError> {
        let Some(violation) = self.violation.as_ref().filter(|_| self.end.is_none()) else {
            return Ok(self.clone());
        };
        let (_, graph, path) = StoryFile::followed(&self.to_json()?, protocol, None, Arc::default())?;
        let mut shrinking = Shrinking { graph: &graph, property: &violation.property, left: EFFORT };
        Ok(Story::of(&graph, &shrinking.least(path))?)
    }
}

struct Shrinking<'a, P: Protocol> {
    graph: &'a Graph<P>,
    property: &'a str,
    left: usize,
}

impl<P: Protocol> Shrinking<'_, P> {
    /// Leaves out many steps at once first, and then one by one until none can be left out.
    fn least(&mut self, mut path: Vec<Step>) -> Vec<Step> {
        path = self.without(&path, path.len()..path.len()).unwrap_or(path);
        let mut length = path.len() / 2;
        while length > 0 && self.left > 0 {
            let before = path.len();
            // From the end: what comes last depends on most, and nothing depends on it.
            let mut end = path.len();
            while end > 0 {
                let begin = end.saturating_sub(length);
                if let Some(fewer) = self.without(&path, begin..end) {
                    path = fewer;
                }
                end = begin.min(path.len());
            }
            if length > 1 || path.len() == before {
                length /= 2;
            }
        }
        path
    }

    /// The steps but for some and those that cannot happen without them, up to the first violation, if there is one.
    fn without(&mut self, path: &[Step], left_out: std::ops::Range<usize>) -> Option<Vec<Step>> {
        let mut state = self.graph.start().clone();
        let mut kept = Vec::new();
        let steps = path.iter().enumerate().filter(|(number, _)| !left_out.contains(number));
        for (_, &step) in steps {
            if interrupt::is_set() {
                self.left = 0;
            }
            self.left = self.left.checked_sub(1)?;
            if !self.graph.is_possible(&state, step) {
                continue;
            }
            state = self.graph.next(&state, step).ok()?;
            kept.push(step);
            if self.graph.violation(&state).is_some_and(|violation| violation.property == self.property) {
                return Some(kept);
            }
        }
        None
    }
}
