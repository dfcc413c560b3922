//! bft-check
pub mod pbft;
