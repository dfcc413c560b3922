//! The client's signature on a request is not checked.
//!
//! Whoever is primary can then speak for any client.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, Setting, SignedRequest};

/// The client's signature on a request is not checked.
#[derive(Clone, Copy, Debug)]
struct UnsignedRequest;

impl Rules for UnsignedRequest {
    fn authentic(&self, _setting: &Setting, _request: &SignedRequest) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unsigned-request",
    breaks: Some("the client's signature on a request is not checked"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.2",
    overrides: &["authentic"],
    runs: &[Run::violates(Property::Validity, Scope { views: 1, requests: 1, ..Scope::DEFAULT })],
    rules: &UnsignedRequest,
};
