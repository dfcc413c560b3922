//! The client's signature on a request is not checked.
//!
//! Whoever is primary can then speak for any client.
//! Seen in: a mutant of OSDI'99 §4.2.

use crate::pbft::{Rules, Setting, SignedRequest};

/// The client's signature on a request is not checked.
#[derive(Clone, Copy, Debug)]
pub struct UnsignedRequest;

impl Rules for UnsignedRequest {
    fn authentic(&self, _setting: &Setting, _request: &SignedRequest) -> bool {
        true
    }
}
