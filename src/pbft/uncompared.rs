//! Proofs, set apart from what they prove.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The evidence for a statement. Two proofs always compare as equal: a message or a state is *what
/// it says*, whoever vouches for it. Which 2f of the backups' prepares stand in a certificate, for
/// instance, changes nothing that any honest replica does, once the certificate is verified.
///
/// Comparing by statement is what lets a checker treat such states as one. It is right only for
/// proofs that were verified: a replica verifies before it stores or compares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncompared<T>(pub T);

impl<T> PartialEq for Uncompared<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Uncompared<T> {}

impl<T> PartialOrd for Uncompared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Uncompared<T> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl<T> Hash for Uncompared<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
