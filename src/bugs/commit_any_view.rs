//! COMMITs are counted across views, whenever they arrive.
//!
//! Each stands for a certificate of its own view only: together they are no quorum that any later view
//! change must meet. It takes four views to see it.
//! Seen in: go-ibft#55.

use crate::pbft::{Digest, Rules, TallyKey, View};

/// COMMITs are counted across views.
#[derive(Clone, Copy, Debug)]
pub struct CommitAnyView;

impl Rules for CommitAnyView {
    fn commit_key(&self, _view: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}
