//! What a Byzantine node can say, and what an honest one only counts.

use super::{Key, NodeId, Protocol};

/// A protocol of which it is known what can be said in it. A Byzantine node then says whatever there is to say: the
/// verdict is about the most general adversary over this alphabet.
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

    /// Renamings of all that is named, as of two values, under which nothing changes: what each makes of a message. Each
    /// is tried before it is used.
    fn renamings(&self) -> Vec<Renaming<Self>> {
        Vec::new()
    }
}

/// What a renaming makes of a message.
pub type Renaming<P> = fn(&P, &<P as Protocol>::Message) -> <P as Protocol>::Message;

/// The methods of [`Tallying`] and [`Adversary`], for who knows no more than [`Protocol`].
pub(crate) struct Quorums<P: Protocol> {
    pub(crate) alphabet: fn(&P) -> Vec<P::Message>,
    pub(crate) parts: PartsFn<P>,
    pub(crate) control: fn(&P, &P::Node) -> Key,
    pub(crate) tally: fn(&P, &P::Message) -> Option<Tally>,
    pub(crate) renamings: fn(&P) -> Vec<Renaming<P>>,
}

type PartsFn<P> = fn(&P, &<P as Protocol>::Message) -> Vec<(NodeId, <P as Protocol>::Message)>;

impl<P: Tallying> Quorums<P> {
    /// Whole quorums are steps, and Byzantine nodes say whatever the alphabet has.
    pub(crate) fn new() -> Self {
        Quorums {
            alphabet: P::alphabet,
            parts: P::parts,
            control: P::control,
            tally: P::tally,
            renamings: P::renamings,
        }
    }
}

impl<P: Protocol> Clone for Quorums<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Protocol> Copy for Quorums<P> {}
