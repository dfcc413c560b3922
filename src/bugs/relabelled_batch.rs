//! The digest of a PRE-PREPARE is not compared with its batch.
//!
//! One digest then stands for different batches at different replicas.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Batch, Digest, Rules};

/// The digest of a PRE-PREPARE is not compared with its batch.
#[derive(Clone, Copy, Debug)]
struct RelabelledBatch;

impl Rules for RelabelledBatch {
    fn digest_matches(&self, _digest: Digest, _batch: &Batch) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "relabelled-batch",
    breaks: Some("the digest of a PRE-PREPARE is not compared with its batch"),
    number: None,
    class: Class::Safety,
    source: "FISCO-BCOS#5168 (FIB-130) and #2448",
    overrides: &["digest_matches"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 1, ..Scope::DEFAULT })],
    rules: &RelabelledBatch,
};
