//! A client's request can be authenticated by some replicas only.
//!
//! With MACs a client can do that on purpose: the primary orders what no backup accepts, and everything
//! behind it waits until the view is changed.
//! Seen in: Castro's thesis; Clement et al., Aardvark, NSDI'09.

use crate::pbft::{ReplicaId, Rules, Setting, SignedRequest};

/// A client's request can be authenticated by some replicas only.
#[derive(Clone, Copy, Debug)]
pub struct PartialAuthenticator;

impl Rules for PartialAuthenticator {
    fn authentic_at(&self, setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool {
        at == ReplicaId(0) || self.authentic(setting, request)
    }
}
