//! bft-check
pub mod check;
pub mod model;
pub mod pbft;
