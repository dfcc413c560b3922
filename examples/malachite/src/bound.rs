//! What is explored.

use bft_check::protocol::NodeId;

use crate::message::{Kind, Message, Val};

/// How many validators, rounds and values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    pub nodes: u16,
    pub rounds: u32,
    pub value_count: u8,
}

impl Bound {
    /// All values.
    pub fn values(self) -> impl Iterator<Item = Val> {
        (0..self.value_count).map(Val)
    }

    /// More than two thirds.
    pub fn quorum(self) -> usize {
        2 * usize::from(self.nodes) / 3 + 1
    }

    /// Everything that can be said: proposals of any value with any polka round, any vote, and certificates of a quorum.
    pub fn alphabet(self) -> Vec<Message> {
        let mut all = Vec::new();
        for round in 0..self.rounds {
            for value in self.values() {
                let pols = std::iter::once(None).chain((0..self.rounds).map(Some));
                all.extend(pols.map(|pol| Message::Proposal { round, value, pol }));
            }
            for kind in [Kind::Prevote, Kind::Precommit] {
                let values = std::iter::once(None).chain(self.values().map(Some));
                all.extend(values.map(|value| Message::Vote { kind, round, value }));
                for value in self.values() {
                    let quorums = self.quorums().into_iter();
                    all.extend(quorums.map(|voters| Message::Certificate { kind, round, value, voters }));
                }
            }
        }
        all
    }

    /// All smallest quorums.
    fn quorums(self) -> Vec<Vec<NodeId>> {
        let sets = (0u32..1 << self.nodes).filter(|set| set.count_ones() as usize == self.quorum());
        sets.map(|set| (0..self.nodes).filter(|node| set & (1 << node) != 0).map(NodeId).collect()).collect()
    }
}
