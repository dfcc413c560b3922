//! The rulebooks that there are: the protocol of the paper, and broken ones, one broken rule a file.
//!
//! A judge that passes them all sees nothing. Each names the smallest bound at which it is known to be
//! violated; `bft check --rules NAME` uses that bound unless told otherwise.

use serde::Serialize;

use crate::model::Scope;
use crate::pbft::{Castro99, Rules};

mod amnesia;
mod digest_blind;
mod eager_execution;
mod fixed_quorum;
mod lowest_certificate;
mod prepared_lost;
mod repeated_execution;
mod second_proposal;
mod short_new_view;
mod single_reply;
mod unchecked_state;
mod unordered_reads;
mod unsigned_request;
mod weak_checkpoint;
mod weak_commit;

pub use amnesia::Amnesia;
pub use digest_blind::DigestBlind;
pub use eager_execution::EagerExecution;
pub use fixed_quorum::FixedQuorum;
pub use lowest_certificate::LowestCertificate;
pub use prepared_lost::PreparedLost;
pub use repeated_execution::RepeatedExecution;
pub use second_proposal::SecondProposal;
pub use short_new_view::ShortNewView;
pub use single_reply::SingleReply;
pub use unchecked_state::UncheckedState;
pub use unordered_reads::UnorderedReads;
pub use unsigned_request::UnsignedRequest;
pub use weak_checkpoint::WeakCheckpoint;
pub use weak_commit::WeakCommit;

/// What kind of property a rulebook violates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// None: it is correct.
    Correct,
    /// Something bad can happen.
    Safety,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Class::Correct => "correct",
            Class::Safety => "safety",
        })
    }
}

/// A named rulebook.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rulebook {
    /// The name, as in `--rules`.
    pub name: &'static str,
    /// The rule that is broken, if one is.
    pub breaks: Option<&'static str>,
    /// Its number in the corpus of known faults, if it has one.
    pub number: Option<&'static str>,
    /// What it violates.
    pub class: Class,
    /// Where the fault was seen, or the paper.
    pub source: &'static str,
    /// The smallest scope that shows it, with f Byzantine replicas somewhere; for a correct one, that of
    /// the default check.
    pub smallest: Scope,
    /// The rules themselves.
    #[serde(skip)]
    pub rules: &'static dyn Rules,
}

/// Every rulebook, the correct one first.
pub const RULEBOOKS: &[Rulebook] = &[
    Rulebook {
        name: "castro99",
        breaks: None,
        number: None,
        class: Class::Correct,
        source: "Castro and Liskov, Practical Byzantine Fault Tolerance, OSDI'99",
        smallest: Scope::DEFAULT,
        rules: &Castro99,
    },
    Rulebook {
        name: "prepared-lost",
        breaks: Some("a replica leaves out of its VIEW-CHANGE what prepared at it"),
        number: Some("1"),
        class: Class::Safety,
        source: "raijin#8; cothority#2079 and #2080, where it forked a running chain",
        smallest: Scope::DEFAULT,
        rules: &PreparedLost,
    },
    Rulebook {
        name: "lowest-certificate",
        breaks: Some("a new view takes the certificate of the lowest view, not the highest"),
        number: Some("4"),
        class: Class::Safety,
        source: "cf. go-ibft#50 and #63",
        smallest: Scope { views: 3, ..Scope::DEFAULT },
        rules: &LowestCertificate,
    },
    Rulebook {
        name: "fixed-quorum",
        breaks: Some("a quorum is 2f + 1 although n is larger than 3f + 1"),
        number: Some("7"),
        class: Class::Safety,
        source: "celo#253, SmartBFT#83; IBFT 1.0 (Saltini and Hyland-Wood, arXiv 1901.07160)",
        smallest: Scope { replicas: 5, views: 1, ..Scope::DEFAULT },
        rules: &FixedQuorum,
    },
    Rulebook {
        name: "short-new-view",
        breaks: Some("a new view begins on one view change fewer than a quorum"),
        number: Some("10"),
        class: Class::Safety,
        source: "a mutant of OSDI'99 §4.4",
        smallest: Scope::DEFAULT,
        rules: &ShortNewView,
    },
    Rulebook {
        name: "second-proposal",
        breaks: Some("a backup accepts a second pre-prepare for a view and sequence number"),
        number: Some("12"),
        class: Class::Safety,
        source: "cf. HotShot#3971",
        smallest: Scope { views: 1, ..Scope::DEFAULT },
        rules: &SecondProposal,
    },
    Rulebook {
        name: "digest-blind",
        breaks: Some("prepares are counted without looking at their digest"),
        number: Some("13"),
        class: Class::Safety,
        source: "Rustchain#2087, pbft-java",
        smallest: Scope { views: 1, ..Scope::DEFAULT },
        rules: &DigestBlind,
    },
    Rulebook {
        name: "weak-commit",
        breaks: Some("f + 1 commits decide"),
        number: Some("16"),
        class: Class::Safety,
        source: "a mutant of OSDI'99 §4.2",
        smallest: Scope::DEFAULT,
        rules: &WeakCommit,
    },
    Rulebook {
        name: "repeated-execution",
        breaks: Some("a request that was executed is executed again when it is ordered again"),
        number: Some("21"),
        class: Class::Safety,
        source: "SmartBFT#570, concord#1362",
        smallest: Scope { views: 1, slots: 2, requests: 1, ..Scope::DEFAULT },
        rules: &RepeatedExecution,
    },
    Rulebook {
        name: "unsigned-request",
        breaks: Some("the client's signature on a request is not checked"),
        number: None,
        class: Class::Safety,
        source: "a mutant of OSDI'99 §4.2",
        smallest: Scope { views: 1, requests: 1, ..Scope::DEFAULT },
        rules: &UnsignedRequest,
    },
    Rulebook {
        name: "eager-execution",
        breaks: Some("a decided batch is executed at once, not after those with lower numbers"),
        number: None,
        class: Class::Safety,
        source: "a mutant of OSDI'99 §4.2",
        smallest: Scope { views: 1, slots: 2, ..Scope::DEFAULT },
        rules: &EagerExecution,
    },
    Rulebook {
        name: "amnesia",
        breaks: Some("a replica does not record its votes before it sends them, and forgets them in a crash"),
        number: Some("17"),
        class: Class::Safety,
        source: "telcoin#934",
        smallest: Scope { views: 1, crashes: 1, ..Scope::DEFAULT },
        rules: &Amnesia,
    },
    Rulebook {
        name: "unchecked-state",
        breaks: Some(
            "a lagging replica takes over a state without comparing its digest with the checkpoint's",
        ),
        number: Some("20"),
        class: Class::Safety,
        source: "cf. BFT-SMaRt#62",
        smallest: Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
        rules: &UncheckedState,
    },
    Rulebook {
        name: "single-reply",
        breaks: Some("a client believes the first reply"),
        number: Some("22"),
        class: Class::Safety,
        source: "concord#1576",
        smallest: Scope { views: 1, requests: 1, clients: true, ..Scope::DEFAULT },
        rules: &SingleReply,
    },
    Rulebook {
        name: "unordered-reads",
        breaks: Some("reads are answered without being ordered, while f + 1 replies are enough for a write"),
        number: Some("23"),
        class: Class::Safety,
        source: "arXiv 2107.11144; cf. BFT-SMaRt#91",
        smallest: Scope { views: 1, requests: 1, reads: 1, clients: true, ..Scope::DEFAULT },
        rules: &UnorderedReads,
    },
    Rulebook {
        name: "weak-checkpoint",
        breaks: Some("f + 1 CHECKPOINTs make a checkpoint stable"),
        number: None,
        class: Class::Safety,
        source: "a mutant of OSDI'99 §4.3",
        smallest: Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
        rules: &WeakCheckpoint,
    },
];

/// The rulebook of that name.
pub fn find(name: &str) -> Option<&'static Rulebook> {
    RULEBOOKS.iter().find(|rulebook| rulebook.name == name)
}
