//! The benches of bft-check: see `benches/*.rs`.
