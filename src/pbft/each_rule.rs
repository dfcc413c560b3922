//! Every method of [`Rules`](super::Rules), as it stands there, for who passes all of them on.

/// Calls a macro with the signatures of all rules, in the order of the rulebook.
macro_rules! each_rule {
    ($call:ident) => {
        $call! {
            primary(committee: Committee, view: View) -> ReplicaId;
            quorum(committee: Committee) -> usize;
            prepare_quorum(committee: Committee) -> usize;
            commit_quorum(committee: Committee) -> usize;
            checkpoint_quorum(committee: Committee) -> usize;
            view_change_quorum(committee: Committee) -> usize;
            admits_view(standing: Standing, view: View) -> bool;
            in_window(setting: &Setting, low: SeqNum, seq: SeqNum) -> bool;
            may_propose(committee: Committee, view: View, from: ReplicaId) -> bool;
            digest_matches(digest: Digest, batch: &Batch) -> bool;
            authentic(setting: &Setting, request: &SignedRequest) -> bool;
            authentic_at(setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool;
            may_propose_null() -> bool;
            accepts_second_proposal(accepted: &Proposal, second: &Proposal) -> bool;
            may_prepare(committee: Committee, view: View, from: ReplicaId) -> bool;
            counts_vote(voters: Option<&VoteSet>, from: ReplicaId) -> bool;
            prepare_key(view: View, digest: Digest) -> TallyKey;
            commit_key(view: View, digest: Digest) -> TallyKey;
            decides_unprepared() -> bool;
            is_next(height: SeqNum, seq: SeqNum) -> bool;
            executes(last: Option<Timestamp>, timestamp: Timestamp) -> bool;
            serves_reads() -> bool;
            reply_quorum(committee: Committee) -> usize;
            read_quorum(committee: Committee) -> usize;
            reply_key(reply: &Reply) -> TallyKey;
            check_stable(setting: &Setting, claim: &StableClaim) -> Result<(), Refusal>;
            check_state(setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal>;
            check_decision(setting: &Setting, decision: &Decision) -> Result<(), Refusal>;
            persists(record: &Record) -> bool;
            runs_timer(standing: Standing) -> bool;
            leaves_prepared() -> bool;
            retransmits() -> bool;
            join(committee: Committee, views: &[View]) -> Option<View>;
            certificate_quorum(committee: Committee) -> usize;
            reports_prepared(claim: &PreparedClaim) -> bool;
            keeps_prepared(claim: &PreparedClaim) -> bool;
            check_prepared(setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal>;
            check_view_change(setting: &Setting, change: &ViewChange) -> Result<(), Refusal>;
            justifies(change: &ViewChange, view: View) -> bool;
            select<'a>(claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim>;
            new_view_start(changes: &[&ViewChange]) -> Option<SeqNum>;
            new_view_batches(changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)>;
            sift<'a>(setting: &Setting, changes: &[&'a ViewChange]) -> Result<Vec<&'a ViewChange>, Refusal>;
            follows(new_view: &NewView, changes: &[&ViewChange]) -> bool;
            check_new_view(setting: &Setting, new_view: &NewView) -> Result<(), Refusal>;
        }
    };
}

pub(crate) use each_rule;
