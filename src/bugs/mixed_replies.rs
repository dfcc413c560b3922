//! A client counts replies together whose results differ.
//!
//! One reply of a Byzantine replica and one of an honest replica are then enough for the former's result.
//! Seen in: a mutant of OSDI'99 §4.1.

use crate::pbft::{Reply, Rules, TallyKey};

/// A client counts replies together whose results differ.
#[derive(Clone, Copy, Debug)]
pub struct MixedReplies;

impl Rules for MixedReplies {
    fn reply_key(&self, _reply: &Reply) -> TallyKey {
        TallyKey { view: None, digest: None }
    }
}
