//! Which nodes are Byzantine.

use std::str::FromStr;

use itertools::Itertools;

use crate::protocol::NodeId;

/// Which nodes of a protocol of one's own are Byzantine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ByzantineNodes {
    /// As many as fits the protocol, in every placement: fewer than a third where it has an
    /// [alphabet](crate::protocol::Adversary) and nothing else is asked, else nobody.
    #[default]
    Fitting,
    /// So many, in every placement.
    Count(u16),
    /// These.
    Ids(Vec<NodeId>),
}

impl ByzantineNodes {
    /// Every placement among the nodes of a protocol, which either says what Byzantine ones can say or does not.
    pub(crate) fn fitting(&self, nodes: usize, has_alphabet: bool) -> Vec<Vec<NodeId>> {
        match self {
            ByzantineNodes::Fitting if has_alphabet => {
                let fewer_than_a_third = nodes.saturating_sub(1) / 3;
                ByzantineNodes::Count(fewer_than_a_third as u16).placements(nodes)
            }
            said => said.placements(nodes),
        }
    }

    /// Every placement among so many nodes.
    pub(crate) fn placements(&self, nodes: usize) -> Vec<Vec<NodeId>> {
        match self {
            ByzantineNodes::Fitting => vec![Vec::new()],
            ByzantineNodes::Ids(ids) => vec![ids.clone()],
            ByzantineNodes::Count(count) if usize::from(*count) >= nodes => {
                vec![NodeId::all(nodes).collect()]
            }
            ByzantineNodes::Count(count) => NodeId::all(nodes).combinations(usize::from(*count)).collect(),
        }
    }
}

impl From<u16> for ByzantineNodes {
    fn from(count: u16) -> Self {
        ByzantineNodes::Count(count)
    }
}

impl<const N: usize> From<[NodeId; N]> for ByzantineNodes {
    fn from(ids: [NodeId; N]) -> Self {
        ByzantineNodes::Ids(ids.to_vec())
    }
}

impl From<Vec<NodeId>> for ByzantineNodes {
    fn from(ids: Vec<NodeId>) -> Self {
        ByzantineNodes::Ids(ids)
    }
}

/// A text names no Byzantine nodes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is neither a count of Byzantine nodes (as in 1) nor a list of different ones (as in n0,n2)")]
pub struct NotByzantine(String);

impl FromStr for ByzantineNodes {
    type Err = NotByzantine;

    /// Reads a count (`1`) or nodes (`n0`, `n0,n3`).
    fn from_str(text: &str) -> Result<Self, NotByzantine> {
        let error = || NotByzantine(text.to_owned());
        if let Ok(count) = text.trim().parse() {
            return Ok(ByzantineNodes::Count(count));
        }
        let ids: Result<Vec<NodeId>, _> = text.split(',').map(str::parse).collect();
        let ids = ids.map_err(|_| error())?;
        if ids.iter().duplicates().next().is_some() { Err(error()) } else { Ok(ByzantineNodes::Ids(ids)) }
    }
}
