//! Which certificates others accept.

use rustc_hash::FxHashMap;

use crate::model::panics::guarded;
use crate::model::system::System;
use crate::pbft::{Digest, SeqNum, State, View};

/// Of the batches that prepared at somebody, whether others accept the certificate; none if they panic.
///
/// Certificates for the same batch, view and number are equal here, whatever votes they are made of: so either all are
/// accepted by others or none.
#[derive(Default)]
pub(super) struct Accepted(FxHashMap<(View, SeqNum, Digest), Option<bool>>);

impl Accepted {
    /// Why rules under which a replica can be in this state cannot be judged, if they cannot: one of its certificates
    /// and one for the same that was met before are not treated alike.
    pub fn refusal(&mut self, system: &System, state: &State) -> Option<String> {
        let mut refusal = None;
        for certificate in state.log().iter().filter_map(|(_, slot)| slot.prepared()) {
            let claim = certificate.claim();
            let (rules, setting) = (system.rules().as_rules(), system.setting());
            let is_accepted = guarded(|| rules.check_prepared(setting, claim).is_ok()).ok();
            let place = (claim.view(), claim.seq(), claim.digest());
            if *self.0.entry(place).or_insert(is_accepted) != is_accepted {
                let why = format!(
                    "of two certificates for {} at {} in {} others accept one and refuse the other: use --judge message",
                    claim.proposal.batch, place.1, place.0
                );
                refusal.get_or_insert(why);
            }
        }
        refusal
    }
}
