//! Why a protocol cannot be checked.

use super::panics::Panicked;
use crate::protocol::NodeId;

/// A question about a protocol that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetupError {
    /// A number of nodes that cannot be.
    #[error("Protocol::nodes says {0}: there must be 1 to 255 of them")]
    Nodes(usize),
    /// A node is named that is not there: as what, which, of how many.
    #[error("{0}: there is no {1} among {2} nodes")]
    NoSuchNode(&'static str, NodeId, usize),
    /// Everybody is Byzantine.
    #[error("every node is Byzantine: nothing can be asked of nobody")]
    NobodyHonest,
    /// Crashes of nodes that do not say how they come up again.
    #[error(
        "a crash needs Protocol::layers to say Layers::none().crashes(), and the trait Recover: what survives one"
    )]
    NoRecovery,
    /// The most general adversary of a protocol without an alphabet, or where messages are in queues.
    #[error(
        "the most general adversary needs Protocol::layers to say Layers::none().adversary() or Layers::none().quorums(), the \
         trait Adversary: what can be said, and Network::AnyOrder"
    )]
    NoAlphabet,
    /// Liveness of a protocol that does not say what must happen.
    #[error(
        "liveness needs Protocol::layers to say Layers::none().liveness(), and the trait Fair: where a node must get to"
    )]
    NoGoal,
    /// An event that can never happen.
    #[error("Protocol::events offers '{0}' at {1} 0 times: leave it out, or say how often it may happen")]
    Never(String, NodeId),
    /// Cuts without links.
    #[error("Protocol::cuts names links, and Network::AnyOrder has none: take Network::Fifo")]
    NoLinks,
    /// The prelude does not end.
    #[error("after an event of Protocol::prelude messages go on for ever: {0} of them were delivered")]
    Endless(usize),
    /// No such property.
    #[error("there is no property '{0}'; there are {1}")]
    NoSuchProperty(String, String),
}

/// Code that cannot be checked, found out while it ran. Nothing is said of whether it is right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Whole quorums cannot be steps of it, and why.
    #[error("{0}")]
    Quorums(String),
    /// The same inputs, and another result.
    #[error(
        "the code is not deterministic: {node} was twice handed {inputs}, and the last of it made it, first: {first}; then: \
         {again}. A clock, randomness or the order of a hash map may be the cause"
    )]
    Nondeterministic {
        /// The node.
        node: String,
        /// Its inputs, in words.
        inputs: String,
        /// What came of it.
        first: String,
        /// What came of it the next time.
        again: String,
    },
    /// Nodes of one key that do not behave alike.
    #[error(transparent)]
    UnlikeKeys(Box<UnlikeKeys>),
    /// A message to somebody who is not there.
    #[error("{0} sends {2} to {1}, and there is no such node")]
    NoSuchReceiver(String, NodeId, String),
    /// Some nodes have a key and some have none.
    #[error(
        "Protocol::key gives a key for some nodes and none for others: for {0}, which was handed {1}, it is not as before. Give \
         every node a key, or none"
    )]
    KeySometimes(String, String),
    /// A step that does more than anybody can mean.
    #[error(
        "{0} does {1} things in one step: sends, decisions and timers are counted; a loop in Protocol::step or init may have no \
         end"
    )]
    TooMuch(String, usize),
    /// The goal cannot be asked about.
    #[error("a method of Fair panics for {0}: {1}")]
    FairPanics(String, Panicked),
    /// What was found does not happen again.
    #[error("a step of what was found does not happen again: {0}")]
    NotRepeated(String),
}

/// Two histories of one node that have one key, and do not behave alike.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Protocol::key leaves something out: {node} has the key {key} after {one} and after {other}; but on {input} the former \
     made it: {first}; the latter: {second}"
)]
pub struct UnlikeKeys {
    /// The node.
    pub node: String,
    /// The key.
    pub key: String,
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
