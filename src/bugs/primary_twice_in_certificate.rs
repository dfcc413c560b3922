//! In a prepared certificate the primary's PREPARE is counted beside its PRE-PREPARE.
//!
//! As they arrive its PREPAREs are refused, but in a VIEW-CHANGE a Byzantine primary needs only one backup that it has
//! deceived to show a second certificate of its view.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, Refusal, ReplicaId, Rules, Setting, VoteSet, check_proposal, replica_of};

/// In a prepared certificate the primary's PREPARE is counted beside its PRE-PREPARE.
#[derive(Clone, Copy, Debug)]
struct PrimaryTwiceInCertificate;

impl Rules for PrimaryTwiceInCertificate {
    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        let proposal = &claim.proposal;
        check_proposal(self, setting, proposal)?;
        let key = self.prepare_key(proposal.view(), proposal.digest());
        let mut voters = VoteSet::new();
        for prepare in claim.prepares.0.iter() {
            let Ok(from) = replica_of(setting, prepare) else { continue };
            let matches =
                prepare.seq == proposal.seq() && self.prepare_key(prepare.view, prepare.digest) == key;
            if matches && setting.keys.verify(prepare) {
                voters.insert(from);
            }
        }
        if voters.len() + 1 < self.certificate_quorum(setting.committee) {
            return Err(Refusal::NoQuorum);
        }
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "primary-twice-in-certificate",
    breaks: Some("in a prepared certificate the primary's PREPARE is counted beside its PRE-PREPARE"),
    number: None,
    class: Class::Safety,
    source: "cf. sawtooth-pbft#111",
    overrides: &["check_prepared"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])
        .passes_with(2)
        .slow()],
    rules: &PrimaryTwiceInCertificate,
};
