//! A client believes the first reply.
//!
//! A Byzantine replica tells it what it likes.
//! Seen in: concord#1576.

use crate::pbft::{Committee, Rules};

/// A client believes the first reply.
#[derive(Clone, Copy, Debug)]
pub struct SingleReply;

impl Rules for SingleReply {
    fn reply_quorum(&self, _committee: Committee) -> usize {
        1
    }
}
