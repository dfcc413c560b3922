//! What must hold of all honest nodes together.

use std::fmt;

use super::{NodeId, Protocol};

/// The honest nodes at one moment, by id.
pub type Nodes<'a, P> = [(NodeId, &'a <P as Protocol>::Node)];

/// Something that must hold of the honest nodes' states in every reachable state.
///
/// ```
/// use bft_check::check::Check;
/// use bft_check::protocol::{Effects, Input, Invariant, NodeId, Offer, Protocol};
///
/// /// A lock that everybody takes.
/// struct Lock;
///
/// impl Protocol for Lock {
///     type Node = bool;
///     type Message = ();
///     type Event = &'static str;
///     type Value = ();
///
///     fn nodes(&self) -> usize {
///         2
///     }
///
///     fn init(&self, _: NodeId, _: &mut Effects<Self>) -> bool {
///         false
///     }
///
///     fn step(&self, holds: &mut bool, _: Input<Self>, _: &mut Effects<Self>) {
///         *holds = true;
///     }
///
///     fn events(&self) -> Vec<Offer<&'static str>> {
///         vec![Offer::once(NodeId(0), "take"), Offer::once(NodeId(1), "take")]
///     }
///
///     fn invariants(&self) -> Vec<Invariant<Self>> {
///         vec![Invariant::<Self>::new("one holds the lock", |_, nodes| {
///             let holders = nodes.iter().filter(|(_, holds)| **holds).count();
///             if holders <= 1 { Ok(()) } else { Err(format!("{holders} hold it")) }
///         })]
///     }
/// }
///
/// Check::new(Lock).assert_violates("one holds the lock");
/// ```
pub struct Invariant<P: Protocol> {
    pub(crate) name: &'static str,
    pub(crate) holds: fn(&P, &Nodes<'_, P>) -> Result<(), String>,
}

impl<P: Protocol> Invariant<P> {
    /// An invariant by a name, and how to tell whether it holds: what is wrong, in words, if it does not.
    pub fn new(name: &'static str, holds: fn(&P, &Nodes<'_, P>) -> Result<(), String>) -> Self {
        Invariant { name, holds }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl<P: Protocol> fmt::Debug for Invariant<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Invariant").field(&self.name).finish()
    }
}
