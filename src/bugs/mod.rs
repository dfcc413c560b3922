//! The corpus: known faults of PBFT-like protocols as rulebooks, one broken rule a file, beside the
//! protocol of the paper.
//!
//! A judge that passes them all sees nothing. Each says what a judge must find in it, at the smallest bound
//! at which it does; `bft bugs --check` runs them all, and `bft check --rules NAME` one.
//!
//! The file of a fault holds its type, its rules, and what is said of it (`RULEBOOK`): where it was seen, and what must be
//! found.

mod corpus;
mod rulebook;
mod run;

mod accepted_as_prepared;
mod amnesia;
mod backward_view;
mod believed_decisions;
mod castro99;
mod certificate_wiped;
mod commit_any_view;
mod decides_unprepared;
mod dictated_new_view;
mod digest_blind;
mod digest_blind_commit;
mod double_vote;
mod eager_execution;
mod early_participation;
mod early_proposal;
mod empty_new_view;
mod first_listed;
mod first_receiver;
mod first_receiver_counts;
mod first_receiver_untimed;
mod fixed_quorum;
mod highest_join;
mod idle_timer;
mod kept_lock;
mod late_check;
mod later_view_change;
mod lone_checkpoint;
mod low_watermark;
mod lowest_certificate;
mod lowest_start;
mod masked_certificates;
mod mixed_replies;
mod no_join;
mod no_repetition;
mod no_retransmission;
mod no_timer;
mod old_view_votes;
mod open_gap;
mod partial_authenticator;
mod partial_new_view;
mod prepare_any_view;
mod prepare_as_commit;
mod prepared_lost;
mod primary_twice;
mod primary_twice_in_certificate;
mod relabelled_batch;
mod repeated_execution;
mod restarted_timer;
mod same_view_join;
mod second_proposal;
mod short_new_view;
mod short_window;
mod single_reply;
mod stale_view_change;
mod truncated_new_view;
mod unanimous_start;
mod unchecked_new_view;
mod unchecked_state;
mod unchecked_view_change;
mod unordered_reads;
mod unproved_checkpoint;
mod unproved_decision;
mod unsigned_request;
mod unverified_certificate;
mod unverified_votes;
mod volatile_certificate;
mod volatile_new_view;
mod volatile_view_change;
mod weak_checkpoint;
mod weak_commit;
mod weak_prepare;

pub use corpus::{RULEBOOKS, catalogue, find};
pub use rulebook::{Class, Rulebook};
use run::FEWEST;
pub use run::{Expected, Run};
