//! What a node is handed, and what it does.

use std::fmt;

use super::{NodeId, Protocol, Slot};

/// What happens to a node.
pub enum Input<P: Protocol> {
    /// A message arrives. Who has sent it is certain: in a protocol with signatures it is the signer.
    Message {
        /// The sender.
        from: NodeId,
        /// What it has sent.
        message: P::Message,
    },
    /// An event from outside happens, or a timer that the node has set runs out.
    Event(P::Event),
}

impl<P: Protocol> fmt::Debug for Input<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Message { from, message } => write!(f, "{message:?} from {from}"),
            Input::Event(event) => event.fmt(f),
        }
    }
}

/// Who is to get a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Receiver {
    /// One node; the sender itself is one.
    One(NodeId),
    /// All but the sender.
    Others,
}

/// What a node does in one step. It is handed in empty, and its methods note what is to be done.
///
/// ```
/// use bft_check::protocol::{Effects, Input, NodeId, Protocol, Slot};
///
/// /// A node that counts to two on its timer, and then decides.
/// struct Patience;
///
/// impl Protocol for Patience {
///     type Node = u8;
///     type Message = ();
///     type Event = &'static str;
///     type Value = u8;
///
///     fn nodes(&self) -> usize {
///         1
///     }
///
///     fn init(&self, _: NodeId, effects: &mut Effects<Self>) -> u8 {
///         effects.set("tick");
///         0
///     }
///
///     fn step(&self, node: &mut u8, _: Input<Self>, effects: &mut Effects<Self>) {
///         *node += 1;
///         match *node {
///             2 => effects.decide(Slot(0), 2),
///             _ => effects.set("tick"),
///         }
///     }
/// }
///
/// bft_check::check::Check::new(Patience).assert_holds();
/// ```
pub struct Effects<P: Protocol> {
    pub(crate) sent: Vec<(Receiver, P::Message)>,
    pub(crate) decided: Vec<(Slot, P::Value)>,
    /// Timers in the order in which they are set or stopped; whether they run then.
    pub(crate) timers: Vec<(P::Event, bool)>,
}

impl<P: Protocol> fmt::Debug for Effects<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Effects { sent, decided, timers } = self;
        f.debug_struct("Effects")
            .field("sent", sent)
            .field("decided", decided)
            .field("timers", timers)
            .finish()
    }
}

impl<P: Protocol> Default for Effects<P> {
    fn default() -> Self {
        Effects { sent: Vec::new(), decided: Vec::new(), timers: Vec::new() }
    }
}

impl<P: Protocol> Effects<P> {
    /// Sends a message to one node. One to itself goes through the network as any other.
    pub fn send(&mut self, to: NodeId, message: P::Message) {
        self.sent.push((Receiver::One(to), message));
    }

    /// Sends a message to all nodes but the sender.
    pub fn broadcast(&mut self, message: P::Message) {
        self.sent.push((Receiver::Others, message));
    }

    /// Decides a value. To decide the same again changes nothing, so a whole log may be said each time.
    pub fn decide(&mut self, slot: Slot, value: P::Value) {
        self.decided.push((slot, value));
    }

    /// Sets a timer: from now on it may run out at any time, once. No time is long or short here.
    pub fn set(&mut self, timer: P::Event) {
        self.timers.push((timer, true));
    }

    /// Stops a timer, if it runs.
    pub fn stop(&mut self, timer: P::Event) {
        self.timers.push((timer, false));
    }
}
