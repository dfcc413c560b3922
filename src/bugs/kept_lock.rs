//! A replica at which a batch has prepared stays in its view until it is decided.
//!
//! Its certificate is safe in the next view, and the next view needs it: if too few have prepared to decide and
//! too few have not to change the view, neither half can ever go on. No replica has to be faulty for that.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::Rules;

/// A replica at which a batch has prepared stays in its view until it is decided.
#[derive(Clone, Copy, Debug)]
struct KeptLock;

impl Rules for KeptLock {
    fn leaves_prepared(&self) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "kept-lock",
    breaks: Some("a replica at which a batch has prepared stays in its view until it is decided"),
    number: Some("24"),
    class: Class::Liveness,
    source: "dBFT (neo-modules#792); cf. quorum#305, pbft-consensus#19, tendermint#1047",
    overrides: &["leaves_prepared"],
    runs: &[Run::violates(Property::Executed, Scope { requests: 1, ..Scope::DEFAULT }).by(&[])],
    rules: &KeptLock,
};
