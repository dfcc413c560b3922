//! A client's request can be authenticated by some replicas only.
//!
//! With MACs a client can do that on purpose: the primary orders what no backup accepts, and everything
//! behind it waits until the view is changed.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, Setting, SignedRequest};

/// A client's request can be authenticated by some replicas only.
#[derive(Clone, Copy, Debug)]
struct PartialAuthenticator;

impl Rules for PartialAuthenticator {
    fn authentic_at(&self, setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool {
        at == ReplicaId(0) || self.authentic(setting, request)
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "partial-authenticator",
    breaks: Some("a client's request can be authenticated by some replicas only"),
    number: Some("30"),
    class: Class::Performance,
    source: "Castro's thesis; Clement et al., Aardvark, NSDI'09",
    overrides: &["authentic_at"],
    runs: &[Run::violates(Property::NoDeadEnd, Scope { views: 1, slots: 2, requests: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(3)])],
    rules: &PartialAuthenticator,
};
