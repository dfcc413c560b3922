//! What judge *guards* numbers.

use crate::model::numbers::numbers;

numbers! {
    /// A local state of an honest participant, by number.
    pub LocalId
}
