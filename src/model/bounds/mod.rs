//! What is explored: how much, and who is Byzantine.

mod bound;
mod placement;
mod scope;

pub use bound::{Bound, BoundError};
pub use placement::{Byzantine, placements};
pub use scope::{Load, Scope, Store};
