//! Shrinking: what a violation does not need is left out.

use std::sync::Arc;

use super::file::{ReadStoryError, StoryFile};
use super::{Story, StoryEnd};
use crate::engine::{Graph, Step};
use crate::interrupt;
use crate::protocol::Protocol;

/// How often steps are tried at most.
const EFFORT: usize = 2_000_000;

impl Story {
    /// A part of this run in which the same goes wrong, and no longer does if any one of its steps, with all that then cannot
    /// happen any more, is left out: it violates the same property of safety, or it ends where nothing is owed once the network is
    /// stable. The run itself if nothing is wrong with it, or if it goes on for ever.
    ///
    /// # Errors
    /// The run is none of this protocol.
    pub fn shrunk<P: Protocol>(&self, protocol: Arc<P>) -> Result<Story, ReadStoryError> {
        match (&self.violation, &self.end) {
            (None, _) | (_, Some(StoryEnd { repeats_after: Some(_), .. })) => Ok(self.clone()),
            (Some(_), Some(_)) => self.shrunk_stall(protocol),
            (Some(violation), None) => {
                let (_, graph, path) = StoryFile::followed(&self.to_json()?, protocol, None, Arc::default())?;
                let goal = Goal::Violation(&violation.property);
                let least = Shrinking { graph: &graph, goal, left: EFFORT }.least(path);
                Ok(Story::of(&graph, &least)?)
            }
        }
    }

    /// A part of a run that ends where nothing is owed, in which the network becomes stable at its end.
    fn shrunk_stall<P: Protocol>(&self, protocol: Arc<P>) -> Result<Story, ReadStoryError> {
        let graph = Graph::fair(protocol, &self.bound, Arc::default())?;
        let path = self.file().path_in(&graph)?;
        // Where a link is cut, or messages are lost, more may be waited for than is owed.
        if !graph.is_stalled(&graph.after(&path)?) {
            return Ok(self.clone());
        }
        let least = Shrinking { graph: &graph, goal: Goal::Stall, left: EFFORT }.least(path);
        let end = match graph.is_dead_end(&graph.after(&least)?) {
            true => StoryEnd::dead_end(least.len()),
            false => StoryEnd::at_rest(least.len()),
        };
        Ok(Story::never(&graph, &least, end)?)
    }
}

/// What is wrong with a run.
#[derive(Clone, Copy)]
enum Goal<'a> {
    /// A property of safety is violated.
    Violation(&'a str),
    /// Nothing is owed in the end.
    Stall,
}

struct Shrinking<'a, P: Protocol> {
    graph: &'a Graph<P>,
    goal: Goal<'a>,
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

    /// The steps but for some and those that cannot happen without them, up to the first violation or to the end, if the same is
    /// wrong there.
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
            if let Goal::Violation(property) = self.goal
                && self.graph.violation(&state).is_some_and(|violation| violation.property == property)
            {
                return Some(kept);
            }
        }
        let is_stalled = matches!(self.goal, Goal::Stall) && self.graph.is_stalled(&state);
        is_stalled.then_some(kept)
    }
}
