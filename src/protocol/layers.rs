//! What a protocol says of itself beyond its runs, a trait each: who asks for more pays for more.

use std::fmt;

use super::{Adversary, AdversaryFns, Effects, NodeId, Protocol, Quorums, Slot, Tallying};

/// A protocol whose nodes come up again after a crash.
///
/// Of a crashed node its [`Disk`](Recover::Disk) is left and nothing else: no timer, and on FIFO links nothing of what was
/// on its way to it. What it had sent arrives.
///
/// ```
/// use bft_check::check::Check;
/// use bft_check::protocol::{Effects, Input, Layers, NodeId, Offer, Protocol, Recover, Slot};
///
/// /// A node that decides on what it is first asked for, and keeps no record of it.
/// struct Amnesia;
///
/// impl Protocol for Amnesia {
///     type Node = Option<char>;
///     type Message = ();
///     type Event = char;
///     type Value = char;
///
///     fn nodes(&self) -> usize {
///         1
///     }
///
///     fn init(&self, _: NodeId, _: &mut Effects<Self>) -> Option<char> {
///         None
///     }
///
///     fn step(&self, node: &mut Option<char>, input: Input<Self>, effects: &mut Effects<Self>) {
///         if let Input::Event(value) = input {
///             effects.decide(Slot(0), *node.get_or_insert(value));
///         }
///     }
///
///     fn events(&self) -> Vec<Offer<char>> {
///         ['a', 'b'].map(|value| Offer::once(NodeId(0), value)).to_vec()
///     }
///
///     fn layers(&self) -> Layers<Self> {
///         Layers::none().crashes()
///     }
/// }
///
/// impl Recover for Amnesia {
///     type Disk = ();
///
///     fn disk(&self, _: Option<char>) {}
///
///     fn recover(&self, _: NodeId, _: (), _: &mut Effects<Self>) -> Option<char> {
///         None
///     }
/// }
///
/// Check::new(Amnesia).assert_holds();
/// Check::new(Amnesia).crashes(1).assert_violates("agreement");
/// ```
pub trait Recover: Protocol {
    /// What survives a crash: the records that a node has written.
    type Disk;

    /// What of a node survives its crash.
    fn disk(&self, node: Self::Node) -> Self::Disk;

    /// The node that comes up from these records, and what it does at once.
    fn recover(&self, id: NodeId, disk: Self::Disk, effects: &mut Effects<Self>) -> Self::Node;
}

/// A protocol that promises to get somewhere once the network is stable: what honest nodes send each other arrives then, and
/// a timer runs out only where nothing is left on its way that changes anything, and nobody waits in an earlier round.
pub trait Fair: Protocol {
    /// The round that a node is in. Rounds only grow. Before the network is stable nobody gets past a bound of rounds;
    /// after it everybody may.
    fn round(&self, node: &Self::Node) -> u64;

    /// Whether a node has come to what it must come to, with these decisions: by default, to a decision.
    fn is_done(&self, _node: &Self::Node, decided: &[(Slot, Self::Value)]) -> bool {
        !decided.is_empty()
    }

    /// Whether the bound keeps a node from what the protocol would have it do next, as where no round is left. Nothing
    /// is said of runs that get there before they are done.
    fn is_cut(&self, _node: &Self::Node) -> bool {
        false
    }
}

/// Which of the layers above [`Protocol`] a protocol has.
///
/// ```
/// # use bft_check::protocol::{Effects, Fair, Input, Layers, NodeId, Protocol};
/// # struct Mine;
/// # impl Protocol for Mine {
/// #     type Node = u64;
/// #     type Message = ();
/// #     type Event = ();
/// #     type Value = ();
/// #     fn nodes(&self) -> usize { 1 }
/// #     fn init(&self, _: NodeId, _: &mut Effects<Self>) -> u64 { 0 }
/// #     fn step(&self, _: &mut u64, _: Input<Self>, _: &mut Effects<Self>) {}
/// #     fn layers(&self) -> Layers<Self> {
/// Layers::none().liveness()
/// #     }
/// # }
/// # impl Fair for Mine {
/// #     fn round(&self, round: &u64) -> u64 { *round }
/// # }
/// # assert_eq!(format!("{:?}", Mine.layers()), "Layers { crashes: false, liveness: true, adversary: false, quorums: false }");
/// ```
pub struct Layers<P: Protocol> {
    pub(crate) recover: Option<RecoverFn<P>>,
    pub(crate) fair: Option<FairFns<P>>,
    pub(crate) adversary: Option<AdversaryFns<P>>,
    pub(crate) quorums: Option<Quorums<P>>,
}

/// What comes up after a crash of a node.
pub(crate) type RecoverFn<P> =
    fn(&P, NodeId, <P as Protocol>::Node, &mut Effects<P>) -> <P as Protocol>::Node;

type IsDone<P> = fn(&P, &<P as Protocol>::Node, &[(Slot, <P as Protocol>::Value)]) -> bool;

/// The methods of [`Fair`].
pub(crate) struct FairFns<P: Protocol> {
    pub round: fn(&P, &P::Node) -> u64,
    pub is_done: IsDone<P>,
    pub is_cut: fn(&P, &P::Node) -> bool,
}

impl<P: Protocol> Clone for FairFns<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Protocol> Copy for FairFns<P> {}

impl<P: Protocol> Layers<P> {
    /// None of them.
    pub fn none() -> Self {
        Layers { recover: None, fair: None, adversary: None, quorums: None }
    }

    /// Nodes may crash and come up again.
    pub fn crashes(self) -> Self
    where
        P: Recover,
    {
        let recover: RecoverFn<P> = |protocol, id, node, effects| {
            let disk = protocol.disk(node);
            protocol.recover(id, disk, effects)
        };
        Layers { recover: Some(recover), ..self }
    }

    /// Byzantine nodes say whatever the protocol's alphabet has, message by message, where they would be twins: in a check of
    /// safety and in simulation, if messages arrive in any order.
    pub fn adversary(self) -> Self
    where
        P: Adversary,
    {
        Layers { adversary: Some(AdversaryFns::new()), ..self }
    }

    /// What Byzantine nodes can say, if that is known.
    pub(crate) fn alphabet(&self) -> Option<AdversaryFns<P>> {
        self.adversary.or(self.quorums.map(|quorums| quorums.adversary))
    }

    /// Nodes count: whole quorums are steps, and Byzantine nodes say whatever the protocol's alphabet has.
    pub fn quorums(self) -> Self
    where
        P: Tallying,
    {
        Layers { quorums: Some(Quorums::new()), ..self }
    }

    /// Something must happen in the end.
    pub fn liveness(self) -> Self
    where
        P: Fair,
    {
        Layers { fair: Some(FairFns { round: P::round, is_done: P::is_done, is_cut: P::is_cut }), ..self }
    }
}

impl<P: Protocol> fmt::Debug for Layers<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("crashes", &self.recover.is_some())
            .field("liveness", &self.fair.is_some())
            .field("adversary", &self.adversary.is_some())
            .field("quorums", &self.quorums.is_some())
            .finish()
    }
}
