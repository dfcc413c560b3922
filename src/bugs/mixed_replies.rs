//! A client counts replies together whose results differ.
//!
//! One reply of a Byzantine replica and one of an honest replica are then enough for the former's result.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Reply, Rules, TallyKey};

/// A client counts replies together whose results differ.
#[derive(Clone, Copy, Debug)]
struct MixedReplies;

impl Rules for MixedReplies {
    fn reply_key(&self, _reply: &Reply) -> TallyKey {
        TallyKey { view: None, digest: None }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "mixed-replies",
    breaks: Some("a client counts replies together whose results differ"),
    number: None,
    class: Class::Client,
    source: "a mutant of OSDI'99 §4.1",
    overrides: &["reply_key"],
    runs: &[Run::violates(
        Property::ReplyTrue,
        Scope { views: 1, requests: 1, clients: true, ..Scope::DEFAULT },
    )],
    rules: &MixedReplies,
};
