//! Evidence of misbehaviour, which a third party can verify.

use super::id::ReplicaId;
use super::message::{Commit, PrePrepare, Prepare};
use super::signature::{Keyring, Principal, Signed};

/// Two messages that no honest replica signs both: for one view and sequence number, two digests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// A primary proposed two batches.
    PrePrepares(Signed<PrePrepare>, Signed<PrePrepare>),
    /// A backup prepared two batches.
    Prepares(Signed<Prepare>, Signed<Prepare>),
    /// A replica voted to decide two batches.
    Commits(Signed<Commit>, Signed<Commit>),
}

impl Evidence {
    /// Whom it convicts.
    pub fn culprit(&self) -> Option<ReplicaId> {
        match self {
            Evidence::PrePrepares(a, _) => a.signer().replica(),
            Evidence::Prepares(a, _) => a.signer().replica(),
            Evidence::Commits(a, _) => a.signer().replica(),
        }
    }

    /// Whether it convicts anybody: both signatures are the same replica's, on conflicting messages.
    pub fn verify(&self, keys: &Keyring) -> bool {
        macro_rules! conflict {
            ($a:expr, $b:expr) => {
                matches!($a.signer(), Principal::Replica(_))
                    && $a.signer() == $b.signer()
                    && ($a.view, $a.seq) == ($b.view, $b.seq)
                    && $a.digest != $b.digest
                    && keys.verify($a)
                    && keys.verify($b)
            };
        }
        match self {
            Evidence::PrePrepares(a, b) => conflict!(a, b),
            Evidence::Prepares(a, b) => conflict!(a, b),
            Evidence::Commits(a, b) => conflict!(a, b),
        }
    }
}
