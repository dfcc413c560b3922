//! Who takes part: honest nodes, and the copies of those that are Byzantine.

use std::fmt;

use itertools::Itertools;

use super::refusal::SetupError;
use crate::protocol::NodeId;

/// How many copies of a Byzantine node there are.
pub const TWINS: u8 = 2;

/// One who takes part, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlaceId(pub(super) u16);

impl PlaceId {
    /// Its place in a list of all.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The node whose name it bears.
    pub node: NodeId,
    /// Which copy it is, if the node is Byzantine.
    pub twin: Option<u8>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.twin {
            None => write!(f, "{}", self.node),
            Some(twin) => write!(f, "{}{}", self.node, char::from(b'a' + twin)),
        }
    }
}

/// All who take part.
///
/// A Byzantine node is *twins*: copies of the honest code that share one name. A message to that name may reach either,
/// both or neither, and what either sends is the node's. This is less than a Byzantine node can do: twins equivocate, forget
/// and keep silent, but say nothing that honest code would not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participants {
    pub(super) nodes: usize,
    pub(super) places: Vec<Place>,
    pub(super) byzantine: Vec<NodeId>,
}

impl Participants {
    /// So many nodes, of which these are Byzantine.
    ///
    /// # Errors
    /// There is no such node, or nobody is honest.
    pub fn new(nodes: usize, byzantine: &[NodeId]) -> Result<Self, SetupError> {
        if nodes == 0 || nodes > usize::from(u8::MAX) {
            return Err(SetupError::Nodes(nodes));
        }
        if let Some(&absent) = byzantine.iter().find(|id| id.index() >= nodes) {
            return Err(SetupError::NoSuchNode("Byzantine", absent, nodes));
        }
        let byzantine: Vec<_> = byzantine.iter().copied().sorted().dedup().collect();
        if byzantine.len() >= nodes {
            return Err(SetupError::NobodyHonest);
        }
        let places = NodeId::all(nodes).flat_map(|node| {
            let twins = if byzantine.contains(&node) { 0..TWINS } else { 0..1 };
            let is_twin = byzantine.contains(&node);
            twins.map(move |twin| Place { node, twin: is_twin.then_some(twin) })
        });
        Ok(Participants { nodes, places: places.collect(), byzantine })
    }

    /// Who takes part where Byzantine nodes run nothing: all but their twins.
    pub(super) fn without_twins(mut self) -> Self {
        self.places.retain(|place| place.twin.is_none());
        self
    }

    /// All who take part or speak, in the order of nodes: of Byzantine nodes the twins, or the node if it runs nothing.
    pub fn everybody(&self) -> Vec<Place> {
        let all = NodeId::all(self.nodes).flat_map(|node| {
            let own: Vec<_> = self.places.iter().copied().filter(|place| place.node == node).collect();
            if own.is_empty() { vec![Place { node, twin: None }] } else { own }
        });
        all.collect()
    }

    /// Who has a lane where a run is told: everybody.
    pub(crate) fn told(&self) -> Self {
        Participants { places: self.everybody(), ..self.clone() }
    }

    /// Whether a node is Byzantine and runs nothing.
    pub fn only_speaks(&self, node: NodeId) -> bool {
        self.byzantine.contains(&node)
            && !self.places.iter().any(|place| place.node == node && place.twin.is_some())
    }

    /// Who takes part, by [`PlaceId`].
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The Byzantine nodes.
    pub fn byzantine(&self) -> &[NodeId] {
        &self.byzantine
    }

    /// How many nodes there are, twins counted once.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    pub(super) fn at(&self, place: PlaceId) -> Place {
        self.places.get(place.index()).copied().unwrap_or(Place { node: NodeId(place.0), twin: None })
    }

    /// All places of a node: one, or its twins.
    pub(super) fn of(&self, node: NodeId) -> impl Iterator<Item = PlaceId> {
        let all = (0u16..).zip(&self.places);
        all.filter(move |(_, place)| place.node == node).map(|(id, _)| PlaceId(id))
    }

    /// All places of honest nodes.
    pub(super) fn honest(&self) -> impl Iterator<Item = PlaceId> {
        let all = (0u16..).zip(&self.places);
        all.filter(|(_, place)| place.twin.is_none()).map(|(id, _)| PlaceId(id))
    }
}
