//! What one node can do in one control state, and what it takes.

use super::alphabet::Content;
use super::machine::Feed;
use crate::engine::panics::Panicked;
use crate::protocol::NodeId;

/// A message that is no vote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Single {
    /// From this node.
    Plain(NodeId, Content),
    /// One of this class of compound messages, from anybody.
    Class(usize),
}

/// What must exist for something to happen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Needs {
    /// The node's own votes, each counted with those of others in its group; ascending.
    pub own: Vec<Content>,
    /// Votes of others, each in its group of another node, and how many of them; ascending.
    pub votes: Vec<(Content, u8)>,
    /// By how many nodes, at least, these votes are cast in all groups together; 0 if a node may cast one in each group. Some
    /// rules count whoever has voted, whatever kind of vote it was.
    pub heads: u8,
    /// Votes of others that were counted before, of each content so many. One that is Byzantine may have cast several of them;
    /// ascending.
    pub apart: Vec<(Content, u8)>,
    /// By how many others whatever was voted in a group before; ascending.
    pub totals: Vec<(usize, u8)>,
    /// Ascending.
    pub singles: Vec<Single>,
}

impl Needs {
    /// Whether all of it is there wherever all of the other is.
    pub fn are_part_of(&self, other: &Needs) -> bool {
        let count =
            |content| other.votes.iter().find(|(vote, _)| *vote == content).map_or(0, |(_, count)| *count);
        let are_as_many = self.heads == 0 || self.heads <= other.heads && self.votes == other.votes;
        are_as_many
            && self.own.iter().all(|own| other.own.contains(own))
            && self.votes.iter().all(|(vote, least)| count(*vote) >= *least)
            && self
                .apart
                .iter()
                .all(|(vote, least)| other.apart.iter().any(|(known, count)| known == vote && count >= least))
            && self.totals.iter().all(|(group, least)| {
                other.totals.iter().any(|(known, count)| known == group && count >= least)
            })
            && self.singles.iter().all(|single| other.singles.contains(single))
    }
}

/// A step of a recipe: what is handed to the node, whoever is to vote.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Portion {
    Single(Single),
    Vote(Content),
    Timer(u16),
}

/// One way in which something comes about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Recipe {
    pub needs: Needs,
    pub portions: Vec<Portion>,
    /// The sample that it was found with.
    pub origin: usize,
}

/// What comes about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Outcome {
    /// The control state after it; none if the node has panicked.
    pub to: Option<u32>,
    /// Ascending.
    pub sent: Vec<Content>,
    /// Ascending.
    pub decided: Vec<u16>,
    pub panicked: Option<Panicked>,
}

/// A history that leads to a control state.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub feeds: Vec<Feed>,
    /// All that the node has sent, ascending.
    pub sent: Vec<Content>,
    /// Whose vote was counted as what: by group and voter.
    pub voted: Vec<Option<Content>>,
    /// Others who have said two things where one is counted.
    pub liars: Vec<NodeId>,
}
