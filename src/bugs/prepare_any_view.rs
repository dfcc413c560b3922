//! PREPAREs are counted across views, whenever they arrive, from whoever is a backup in the view in which they count.
//!
//! A certificate can then be of a view in which no quorum voted, and two certificates of one view differ.
//! Seen in: cf. celo-blockchain#587.

use crate::pbft::{Digest, Rules, TallyKey, View};

/// PREPAREs are counted across views.
#[derive(Clone, Copy, Debug)]
pub struct PrepareAnyView;

impl Rules for PrepareAnyView {
    fn prepare_key(&self, _view: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}
