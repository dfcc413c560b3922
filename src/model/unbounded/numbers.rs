//! Small numbers that stand for large values while a view is explored.

use smallvec::SmallVec;

pub(super) use crate::model::guards::LocalId;
use crate::model::numbers::numbers;
pub(super) use crate::model::numbers::{Interned, Number};
pub(super) use crate::model::property::ObservationId;

/// Local states: one of each honest replica, most of the time.
pub(super) type Locals = SmallVec<[LocalId; 8]>;

numbers! {
    /// What a local state is, whoever is in it.
    pub(super) AnonymousNumber
    /// What of a local state can matter once all have entered the view.
    pub(super) EssenceNumber
    /// What a new view proposes.
    pub(super) ContentNumber
    /// What a replica carries out of the view.
    pub(super) CarriedNumber
    /// What of that it can have got in the view.
    pub(super) GainedNumber
    /// The batches that are decided.
    pub(super) DecisionNumber
    /// The certificates that can be shown.
    pub(super) ShowableNumber
    /// What a replica leaves behind if it leaves now.
    pub(super) OutcomeNumber
    /// A set of outcomes.
    pub(super) OutcomeSet
    /// A set of observations.
    pub(super) ObservationSet
}
