//! Why a protocol cannot be checked by whole quorums.

use crate::engine::Refusal;
use crate::protocol::NodeId;

/// Why judge *guards* says nothing of a protocol.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unfit {
    /// It says nothing of quorums.
    #[error("Layers::quorums is not said of it: whole quorums cannot be steps")]
    NotTallying,
    /// An alphabet of a size that cannot be.
    #[error("Adversary::alphabet has {0} messages: there must be 1 to 65,535 of them")]
    Alphabet(usize),
    /// A part that is no message of the alphabet by a node.
    #[error(
        "Adversary::parts names a part of '{0}' that is not in the alphabet, or a signer who is not there"
    )]
    Part(String),
    /// A vote of parts.
    #[error("'{0}' is said to be a vote and has signed parts: it can be one of them only")]
    Both(String),
    /// A message that is not in the alphabet.
    #[error("{0} sends '{1}', which Adversary::alphabet leaves out")]
    Unforeseen(NodeId, String),
    /// A message to one.
    #[error("{0} sends '{1}' to {2} alone: judge guards takes broadcasts only")]
    ToOne(NodeId, String, NodeId),
    /// Something in the protocol that the judge does not know.
    #[error("judge guards does not take {0}")]
    Unknown(&'static str),
    /// More honest messages than there are bits.
    #[error("honest nodes can send {0} different messages: judge guards takes up to {most}", most = u128::BITS)]
    TooMany(usize),
    /// Not all states of a node can be visited.
    #[error("not every state of a node can be visited: it has no key, or too many of them")]
    TooLarge,
    /// More honest nodes than fit into a state.
    #[error("there are {0} honest nodes: judge guards takes up to 5")]
    TooManyNodes(usize),
    /// A run of real nodes that the search did not foresee.
    #[error(
        "judge guards misses something: a random run of real nodes did what the search does not know: {0}. What a node keeps \
         and Tallying::control leaves out cannot all be had again from the network"
    )]
    Missed(String),
    /// A violation that does not happen when it is acted out.
    #[error(
        "judge guards found a violation that does not happen when it is acted out message by message: {0}. A node remembers \
         something that Tallying::control leaves out, or nobody is to be counted twice and was"
    )]
    Spurious(String),
    /// Nothing wrong was found, which is no proof.
    #[error(
        "nothing wrong was found in {states} states, and {pairs} pairs of histories and {runs} runs of real nodes have not refuted \
         that; but what each node can do is found out by runs, some of them drawn by chance, and nothing shows that no step is \
         missing. Where Protocol::key tells few states of a node apart, judge guards visits all of them, and says whether it \
         holds"
    )]
    Unproved {
        /// States of all honest nodes together.
        states: u64,
        /// Pairs of histories with one control state that were compared.
        pairs: u64,
        /// Random runs, of single nodes and of all honest ones, that were looked up.
        runs: u64,
    },
    /// Nothing wrong was found with all put off that could as well come later, which rests on samples.
    #[error(
        "nothing wrong was found in all {states} states, with everything put off that could as well come later; but that no step \
         takes more than was tried before it, and that what may wait for each may wait for all, rests on {pairs} samples and {runs} \
         runs of real nodes, which have not refuted it and do not prove it"
    )]
    PutOff {
        /// States of all honest nodes together.
        states: u64,
        /// Orders in which something waited that were drawn and tried.
        pairs: u64,
        /// Random runs, of single nodes and of all honest ones, that were looked up.
        runs: u64,
    },
    /// Nothing wrong was found, with tables of which it was not tried whether they miss anything.
    #[error("nothing wrong was found, and it was not tried whether anything is missing")]
    Untried,
    /// A search that cannot be gone on with.
    #[error(
        "what each node can do was found out once more, and comes out otherwise than when the check was saved: the code does not do \
         the same in every run, or the file was changed"
    )]
    Otherwise,
    /// Two histories with one control state that are not alike.
    #[error(transparent)]
    Unlike(Box<UnlikeControls>),
    /// A renaming under which something changes.
    #[error(
        "Tallying::renamings has one, the {0}. of them, under which something changes: either names matter to the nodes, or judge \
         guards misses something"
    )]
    Renaming(usize),
    /// Two nodes that say the same and are not alike.
    #[error(
        "nothing wrong was found; but {0} and {1} can say the same, and what is known of them is not: either their duties are not \
         the same, or judge guards misses something or has too much of one of them"
    )]
    Exchange(NodeId, NodeId),
    /// The code cannot be checked.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Two histories of one node that lead to one control state, and are not alike where both hold the same messages.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Tallying::control leaves something out: {node} is in the control state {control} after {one} and after {other}; but on      {input} the former brings about: {first}; the latter: {second}"
)]
pub struct UnlikeControls {
    /// The node.
    pub node: String,
    /// The control state.
    pub control: String,
    /// One history of inputs, in words.
    pub one: String,
    /// Another.
    pub other: String,
    /// The input, in words.
    pub input: String,
    /// What came of it after the one.
    pub first: String,
    /// What came of it after the other.
    pub second: String,
}
