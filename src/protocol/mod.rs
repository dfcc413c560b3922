//! The wall: what a protocol has to say of itself so that it can be checked.
//!
//! A [`Protocol`] is code that runs elsewhere too: a node is handed a message or an event, changes, and sends. Four types
//! and three methods are enough; everything else has a default. Nothing is asked of a node's state: it need be
//! neither `Clone` nor `Hash`, for it is had again by making the same happen to a new node.
//!
//! ```
//! use bft_check::check::Check;
//! use bft_check::protocol::{Effects, Input, NodeId, Protocol, Slot};
//!
//! /// Everybody decides on what node 0 says.
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     type Node = NodeId;
//!     type Message = char;
//!     type Event = ();
//!     type Value = char;
//!
//!     fn nodes(&self) -> usize {
//!         3
//!     }
//!
//!     fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> NodeId {
//!         if id == NodeId(0) {
//!             effects.broadcast('a');
//!             effects.decide(Slot(0), 'a');
//!         }
//!         id
//!     }
//!
//!     fn step(&self, _: &mut NodeId, input: Input<Self>, effects: &mut Effects<Self>) {
//!         if let Input::Message { from: NodeId(0), message } = input {
//!             effects.decide(Slot(0), message);
//!         }
//!     }
//! }
//!
//! Check::new(Echo).assert_holds();
//! ```

mod effects;
mod id;
mod invariant;
mod key;
mod layers;
mod name;
mod network;
mod offer;
mod tallying;

use std::fmt::Debug;
use std::hash::Hash;

pub use effects::{Effects, Input, Receiver};
pub use id::{NodeId, Slot};
pub use invariant::{Invariant, Nodes};
pub use key::{ByDebug, Key};
pub(crate) use layers::FairFns;
pub use layers::{Fair, Layers, Recover};
pub use network::Network;
pub use offer::Offer;
pub use tallying::{Adversary, Renaming, Tally, Tallying};
pub(crate) use tallying::{AdversaryFns, Quorums};

/// What can be told apart, kept, and shown: messages, events and values.
pub trait Word: Clone + Eq + Hash + Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Hash + Debug + Send + Sync + 'static> Word for T {}

/// A protocol of one's own.
///
/// The same node, handed the same inputs in the same order, must do the same each time: no clock, no randomness, no
/// order of a hash map. The checker tries that, and refuses code that does not.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// What a node knows.
    type Node: Send;
    /// What nodes send each other. Two that are equal are one. What does not implement `Eq` or `Hash` fits into
    /// [`ByDebug`].
    type Message: Word;
    /// What happens to a node besides messages: its own timers, a request, an election. `()` if there is no such thing.
    type Event: Word;
    /// What nodes decide on.
    type Value: Word;

    /// How many nodes there are; their ids are 0 up to that.
    fn nodes(&self) -> usize;

    /// A new node, and what it does before anything has happened.
    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Self::Node;

    /// What an input makes of a node, and what it does then. To ignore the input is to do nothing.
    fn step(&self, node: &mut Self::Node, input: Input<Self>, effects: &mut Effects<Self>);

    /// What it is called in tables and traces: by default its type, in small letters with hyphens.
    fn name(&self) -> String {
        name::of_type::<Self>()
    }

    /// The events from outside that can happen, at any time, each so often and no more: they are part of the bound.
    /// A node's own timers are none of them: it [sets](Effects::set) these.
    fn events(&self) -> Vec<Offer<Self::Event>> {
        Vec::new()
    }

    /// Events that have happened before the check begins, in this order: after each of them, every message arrives
    /// until all is quiet.
    fn prelude(&self) -> Vec<(NodeId, Self::Event)> {
        Vec::new()
    }

    /// What becomes of a message.
    fn network(&self) -> Network {
        Network::AnyOrder
    }

    /// The links that are down from the moment on at which this event happens to this node, in both directions. This is
    /// for an event that has such a cause: an election because the leader is not heard of. Only for [`Network::Fifo`].
    fn cuts(&self, _at: NodeId, _event: &Self::Event) -> Vec<(NodeId, NodeId)> {
        Vec::new()
    }

    /// Everything that the future of a node depends on, apart from what it was handed in [`init`](Protocol::init), the
    /// timers that it has set and what it has decided. Nodes with equal keys are one state.
    ///
    /// Without a key a node is known by the whole history of its inputs, which is always right and often more than need be.
    /// That nodes with equal keys behave alike is tried on samples, and a key that leaves something out is refused.
    fn key(&self, _node: &Self::Node) -> Option<Key> {
        None
    }

    /// Whether an honest node may decide that value there.
    fn is_valid(&self, _slot: Slot, _value: &Self::Value) -> bool {
        true
    }

    /// What must hold of all honest nodes together, besides agreement and validity.
    fn invariants(&self) -> Vec<Invariant<Self>> {
        Vec::new()
    }

    /// What it can be asked beyond safety without crashes: nothing, unless a trait says more.
    fn layers(&self) -> Layers<Self> {
        Layers::none()
    }

    /// A message in words, for tables and stories. Two that read alike are told apart all the same.
    fn message_in_words(&self, message: &Self::Message) -> String {
        format!("{message:?}")
    }

    /// A node in words, for who steps along a run: by default its [key](Protocol::key), if it has one. `format!("{node:?}")` of
    /// a struct is shown field by field, with what changed.
    fn node_in_words(&self, node: &Self::Node) -> String {
        self.key(node).map(|key| key.as_str().to_owned()).unwrap_or_default()
    }

    /// An event in words.
    fn event_in_words(&self, event: &Self::Event) -> String {
        format!("{event:?}")
    }

    /// A value in words.
    fn value_in_words(&self, value: &Self::Value) -> String {
        format!("{value:?}")
    }
}
