//! The registry of rulebooks.

use super::Rulebook;
use crate::subject::Catalogue;

/// The row of each file, in the order of the registry.
///
/// The files are declared in `mod.rs`, because rustfmt does not find those that a macro declares.
macro_rules! corpus {
    ($($file:ident,)*) => {
        /// Every rulebook, the correct one first, then by number.
        pub const RULEBOOKS: &[Rulebook] = &[$(super::$file::RULEBOOK),*];
    };
}

corpus! {
    castro99,
    prepared_lost,
    certificate_wiped,
    commit_any_view,
    prepare_any_view,
    lowest_certificate,
    stale_view_change,
    old_view_votes,
    fixed_quorum,
    unverified_certificate,
    dictated_new_view,
    short_new_view,
    masked_certificates,
    second_proposal,
    digest_blind,
    double_vote,
    primary_twice,
    weak_commit,
    amnesia,
    accepted_as_prepared,
    early_proposal,
    unchecked_state,
    repeated_execution,
    single_reply,
    unordered_reads,
    kept_lock,
    unanimous_start,
    no_retransmission,
    idle_timer,
    low_watermark,
    restarted_timer,
    short_window,
    partial_authenticator,
    early_participation,
    partial_new_view,
    digest_blind_commit,
    volatile_view_change,
    volatile_new_view,
    volatile_certificate,
    truncated_new_view,
    later_view_change,
    prepare_as_commit,
    unverified_votes,
    backward_view,
    first_listed,
    believed_decisions,
    unproved_checkpoint,
    primary_twice_in_certificate,
    eager_execution,
    empty_new_view,
    lowest_start,
    relabelled_batch,
    unchecked_new_view,
    unchecked_view_change,
    unsigned_request,
    unproved_decision,
    mixed_replies,
    lone_checkpoint,
    weak_checkpoint,
    weak_prepare,
    decides_unprepared,
    first_receiver,
    no_timer,
    no_join,
    same_view_join,
    highest_join,
    no_repetition,
    late_check,
    open_gap,
    first_receiver_untimed,
    first_receiver_counts,
}

/// The rulebook of that name.
pub fn find(name: &str) -> Option<&'static Rulebook> {
    RULEBOOKS.iter().find(|rulebook| rulebook.name == name)
}

/// All rulebooks, as subjects by name.
pub fn catalogue() -> Catalogue {
    Catalogue::of(RULEBOOKS)
}
