//! What is explored.

#[path = "../../malachite/src/bound.rs"]
mod of_driver;

pub use of_driver::Bound;

use crate::message::{Kind, Message};

/// Everything that can be said. A commit certificate is none of it: it comes with a value that is synchronised, and that is not
/// explored. A round certificate is none either: it is taken apart into its votes, which exist one by one.
pub fn alphabet(bound: Bound) -> Vec<Message> {
    let mut all = bound.alphabet();
    all.retain(|message| !matches!(message, Message::Certificate { kind: Kind::Precommit, .. }));
    all
}
