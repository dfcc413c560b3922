//! The explorer on the runs of a protocol of one's own, whose states are numbers: it is shown what they stand for.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use stateright::{Model, Path, Property};

use super::super::stateright::Alone;
use crate::engine::{Bound, Fingerprint, Graph, GraphState, Refusal, Step, fingerprint};
use crate::protocol::Protocol;
use crate::trace::{ReadStoryError, Story, StoryFile};

/// What is wrong is found out when the story is told.
const SAFETY: &str = "safety";

/// The runs of a protocol of one's own, for the web explorer.
pub struct Explorer<P: Protocol> {
    graph: Arc<Graph<P>>,
    /// The states along a run that is known, which alone are searched.
    along: Option<HashSet<Fingerprint>>,
}

/// A state, and what it is in words.
#[derive(Clone)]
pub struct Shown {
    at: GraphState,
    words: Arc<str>,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl<P: Protocol> Explorer<P> {
    /// All runs within a bound. Nothing is searched.
    ///
    /// # Errors
    /// What makes no sense, or code that cannot even begin.
    pub fn new(protocol: Arc<P>, bound: &Bound) -> Result<Self, ReadStoryError> {
        let graph = Graph::new(protocol, bound, None, Arc::default())?;
        match graph.refusal() {
            Some(why) => Err(why.into()),
            None => Ok(Explorer { graph: Arc::new(graph), along: None }),
        }
    }

    /// All runs within the bound of a trace; where it ends is linked from the first page if something is violated there.
    ///
    /// # Errors
    /// The text is no trace of this protocol.
    pub fn along(protocol: Arc<P>, trace: &str) -> Result<Self, ReadStoryError> {
        let (_, graph, path) = StoryFile::followed(trace, protocol, None, Arc::default())?;
        let graph = Arc::new(graph);
        let along = along(&graph, &path)?;
        Ok(Explorer { graph, along: Some(along) })
    }

    /// All runs of a graph; of a run that is known, the states alone are searched.
    pub(super) fn of(graph: &Arc<Graph<P>>, known: Option<&[Step]>) -> Result<Self, Refusal> {
        let along = known.map(|path| along(graph, path)).transpose()?;
        Ok(Explorer { graph: Arc::clone(graph), along })
    }

    /// Whether there is a run that its search is led along.
    pub(super) fn is_guided(&self) -> bool {
        self.along.is_some()
    }

    fn shown(&self, at: GraphState) -> Shown {
        let words = self.graph.state_in_words(&at).into();
        Shown { at, words }
    }

    /// Takes an address for it, of this machine alone.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(self, addr: SocketAddr) -> io::Result<ExplorerPage> {
        let is_guided = self.is_guided();
        Alone::bind(self, is_guided, addr).map(ExplorerPage)
    }
}

/// The states that a path passes through.
fn along<P: Protocol>(graph: &Graph<P>, path: &[Step]) -> Result<HashSet<Fingerprint>, Refusal> {
    let mut state = graph.start().clone();
    let mut along = HashSet::from([fingerprint(&state)]);
    for &step in path {
        state = graph.next(&state, step)?;
        along.insert(fingerprint(&state));
    }
    Ok(along)
}

/// The number of each step of a path among those that are offered where it is taken, behind that of the start, as far as they
/// are.
pub(super) fn numbers<P: Protocol>(graph: &Graph<P>, path: &[Step]) -> Vec<usize> {
    let (mut state, mut numbers) = (graph.start().clone(), vec![0]);
    for &step in path {
        let mut offered = Vec::new();
        graph.actions(&state, &mut offered);
        let Some(number) = offered.iter().position(|other| *other == step) else { break };
        let Ok(next) = graph.next(&state, step) else { break };
        numbers.push(number);
        state = next;
    }
    numbers
}

/// The explorer at an address of its own.
pub struct ExplorerPage(Alone);

impl ExplorerPage {
    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    /// Serves it until the process is ended.
    pub fn serve(self) {
        self.0.serve();
    }
}

impl<P: Protocol> Model for Explorer<P> {
    type State = Shown;
    type Action = Step;

    fn init_states(&self) -> Vec<Shown> {
        vec![self.shown(self.graph.start().clone())]
    }

    fn actions(&self, state: &Shown, actions: &mut Vec<Step>) {
        self.graph.actions(&state.at, actions);
    }

    fn next_state(&self, state: &Shown, step: Step) -> Option<Shown> {
        self.graph.next_state(&state.at, step).map(|at| self.shown(at))
    }

    fn format_action(&self, step: &Step) -> String {
        self.graph.step_in_words(*step)
    }

    fn format_step(&self, state: &Shown, step: Step) -> Option<String> {
        self.graph.outcome_in_words(&state.at, step)
    }

    fn as_svg(&self, path: Path<Shown, Step>) -> Option<String> {
        Story::of(&self.graph, &path.into_actions()).ok().map(|story| story.to_svg())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFETY, |explorer: &Self, state: &Shown| {
            explorer.graph.violation(&state.at).is_none()
        })]
    }

    fn within_boundary(&self, state: &Shown) -> bool {
        self.along.as_ref().is_none_or(|along| along.contains(&fingerprint(&state.at)))
    }
}

impl<P: Protocol> fmt::Debug for Explorer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer").field("graph", &self.graph).finish_non_exhaustive()
    }
}
