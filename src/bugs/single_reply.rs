//! A client believes the first reply.
//!
//! A Byzantine replica tells it what it likes.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// A client believes the first reply.
#[derive(Clone, Copy, Debug)]
struct SingleReply;

impl Rules for SingleReply {
    fn reply_quorum(&self, _committee: Committee) -> usize {
        1
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "single-reply",
    breaks: Some("a client believes the first reply"),
    number: Some("22"),
    class: Class::Client,
    source: "concord#1576",
    overrides: &["reply_quorum"],
    runs: &[Run::violates(
        Property::ReplyTrue,
        Scope { views: 1, requests: 1, clients: true, ..Scope::DEFAULT },
    )],
    rules: &SingleReply,
};
