//! What a Byzantine node can say, and what an honest one only counts.

use super::{Key, NodeId, Protocol};

/// A protocol of which it is known what can be said in it. A Byzantine node then says whatever there is to say: the
/// verdict is about the most general adversary over this alphabet. That is message by message with
/// [`Layers::adversary`](super::Layers::adversary), and by whole quorums with [`Layers::quorums`](super::Layers::quorums).
///
/// ```
/// use bft_check::check::Check;
/// use bft_check::protocol::{Adversary, Effects, Input, Layers, NodeId, Protocol, Slot};
///
/// /// Everybody decides on what node 0 says first.
/// struct Echo;
///
/// impl Protocol for Echo {
///     type Node = ();
///     type Message = char;
///     type Event = ();
///     type Value = char;
///
///     fn nodes(&self) -> usize {
///         4
///     }
///
///     fn init(&self, id: NodeId, effects: &mut Effects<Self>) {
///         if id == NodeId(0) {
///             effects.broadcast('a');
///         }
///     }
///
///     fn step(&self, _: &mut (), input: Input<Self>, effects: &mut Effects<Self>) {
///         if let Input::Message { from: NodeId(0), message } = input {
///             effects.decide(Slot(0), message);
///         }
///     }
///
///     fn layers(&self) -> Layers<Self> {
///         Layers::none().adversary()
///     }
/// }
///
/// impl Adversary for Echo {
///     fn alphabet(&self) -> Vec<char> {
///         vec!['a', 'b']
///     }
/// }
///
/// // Twins would both say what the code says: a.
/// Check::new(Echo).byzantine([NodeId(0)]).assert_violates("agreement");
/// ```
pub trait Adversary: Protocol {
    /// Every message within the bound that anybody could send: each says what it says whoever sends it. A Byzantine node may
    /// hand any of them to anybody at any time, if nobody's signature in it is forged: see [`parts`](Adversary::parts). What
    /// honest nodes send must be among them.
    fn alphabet(&self) -> Vec<Self::Message>;

    /// The signed messages inside one, with their signers, as the votes in a certificate. Nobody can forge: a part that an
    /// honest node has signed must have been sent by it. The message itself is signed by whoever sends it, and is none
    /// of its parts.
    fn parts(&self, _message: &Self::Message) -> Vec<(NodeId, Self::Message)> {
        Vec::new()
    }
}

/// What is counted together, by a number of the protocol's choice: of each sender one vote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tally(pub u32);

/// A protocol whose nodes mostly count, as [`Layers::quorums`](super::Layers::quorums) says. Whole quorums are then steps, and
/// what a node has counted is no part of its state.
///
/// What is counted is a set that only grows, and what was sent can be delivered later: so a delivery that only adds to a
/// tally may as well happen just before the count is reached.
pub trait Tallying: Adversary {
    /// What the future of a node depends on, but for what it has counted, for messages that it keeps for later, and for
    /// its timers: all that can be had again from the network.
    fn control(&self, node: &Self::Node) -> Key;

    /// What a message is counted in, if it is a vote. Votes in one tally that are equal count for the same, and it does
    /// not matter whose they are.
    fn tally(&self, message: &Self::Message) -> Option<Tally>;

    /// All that the future of a node depends on, as [`Protocol::key`] says it, but for votes that are too few yet for anything
    /// that it looks at. So it says which counts are reached, and who has voted at all where the node counts that.
    ///
    /// Where it is said, a vote may wait until enough of its tally are there, and judge *guards* needs not visit every state of
    /// a node. That such a vote changes nothing outside its tally is tried.
    fn reached(&self, _node: &Self::Node) -> Option<Key> {
        None
    }

    /// Takes from a node the votes of others that it has counted, and whatever else it would have again if it were handed once
    /// more what it was handed. Each time it is tried whether it has. The node's own votes have to stay.
    fn forget(&self, _node: &mut Self::Node) {}

    /// Renamings of all that is named, as of two values, under which nothing changes: what each makes of a message. Each
    /// is tried before it is used.
    fn renamings(&self) -> Vec<Renaming<Self>> {
        Vec::new()
    }
}

/// What a renaming makes of a message.
pub type Renaming<P> = fn(&P, &<P as Protocol>::Message) -> <P as Protocol>::Message;

/// The methods of [`Adversary`], for who knows no more than [`Protocol`].
pub(crate) struct AdversaryFns<P: Protocol> {
    pub(crate) alphabet: fn(&P) -> Vec<P::Message>,
    pub(crate) parts: PartsFn<P>,
}

impl<P: Adversary> AdversaryFns<P> {
    /// Byzantine nodes say whatever the alphabet has.
    pub(crate) fn new() -> Self {
        AdversaryFns { alphabet: P::alphabet, parts: P::parts }
    }
}

impl<P: Protocol> Clone for AdversaryFns<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Protocol> Copy for AdversaryFns<P> {}

/// The methods of [`Tallying`], for who knows no more than [`Protocol`].
pub(crate) struct Quorums<P: Protocol> {
    pub(crate) adversary: AdversaryFns<P>,
    pub(crate) control: fn(&P, &P::Node) -> Key,
    pub(crate) tally: fn(&P, &P::Message) -> Option<Tally>,
    pub(crate) renamings: fn(&P) -> Vec<Renaming<P>>,
    pub(crate) reached: fn(&P, &P::Node) -> Option<Key>,
    pub(crate) forget: fn(&P, &mut P::Node),
}

type PartsFn<P> = fn(&P, &<P as Protocol>::Message) -> Vec<(NodeId, <P as Protocol>::Message)>;

impl<P: Tallying> Quorums<P> {
    /// Whole quorums are steps, and Byzantine nodes say whatever the alphabet has.
    pub(crate) fn new() -> Self {
        Quorums {
            adversary: AdversaryFns::new(),
            control: P::control,
            tally: P::tally,
            renamings: P::renamings,
            reached: P::reached,
            forget: P::forget,
        }
    }
}

impl<P: Protocol> Clone for Quorums<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Protocol> Copy for Quorums<P> {}
