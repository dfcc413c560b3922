//! What judge *message* in numbers numbers.

use crate::model::bits::Bits;
use crate::model::numbers::numbers;

numbers! {
    /// An event, by number.
    pub(super) EventId
    /// An envelope, by number.
    pub(super) EnvelopeId
    /// A local state of an honest participant, by number.
    pub(super) LocalId
    /// What can be in the network, by number.
    pub(super) NetworkId
    /// What can be sent at once, by number.
    pub(super) BundleId
}

/// A set of envelopes.
pub(super) type EnvelopeSet = Bits<EnvelopeId>;

/// A set of events.
pub(super) type EventSet = Bits<EventId>;
