//! How often each rule is asked, and what it answers.
//!
//! A replica asks the rulebook that it was given, and the default bodies ask further rules. Both count: [`Counted`] stands
//! before a rulebook and counts what replicas ask it; what default bodies ask goes through [`asked`], and counts for
//! whoever has asked first, which the thread remembers. What the body of an overridden rule asks does not go that way, and
//! is not counted, but for what default bodies behind it ask.
//!
//! Nobody's answers depend on any of this.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::*;

/// Every method of [`Rules`], as it stands there, handed to a macro. A test compares the names; the compiler, the rest.
macro_rules! every_rule {
    ($then:ident) => {
        $then! {
            primary(committee: Committee, view: View) -> ReplicaId;
            quorum(committee: Committee) -> usize;
            prepare_quorum(committee: Committee) -> usize;
            commit_quorum(committee: Committee) -> usize;
            checkpoint_quorum(committee: Committee) -> usize;
            view_change_quorum(committee: Committee) -> usize;
            verifies(part: SignedPart, genuine: bool) -> bool;
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
            prepare_counts_as_commit() -> bool;
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
            restarts_timer(since: SeqNum, height: SeqNum) -> bool;
            leaves_prepared() -> bool;
            retransmits() -> bool;
            advances(standing: Standing, view: View) -> bool;
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
pub(crate) use every_rule;

/// Those that the paper has refuse some of what they are asked about and accept the rest. What the others answer depends on
/// the size of the system alone, is always the same, or is no yes or no.
const DECIDING: [&str; 20] = [
    "admits_view",
    "in_window",
    "may_propose",
    "digest_matches",
    "authentic",
    "authentic_at",
    "may_prepare",
    "counts_vote",
    "is_next",
    "executes",
    "check_stable",
    "check_state",
    "check_decision",
    "join",
    "check_prepared",
    "check_view_change",
    "justifies",
    "sift",
    "follows",
    "check_new_view",
];

/// How often a rule was asked, and what it said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleCount {
    /// The method of [`Rules`].
    pub rule: String,
    /// How often it was asked.
    pub asked: u64,
    /// How often it said yes, if yes and no are what it says.
    pub accepted: u64,
    /// How often it said no.
    pub refused: u64,
}

impl RuleCount {
    /// Whether it is a rule that may refuse what it is asked about, and never did although it was asked.
    pub fn never_refuses(&self) -> bool {
        self.asked > 0 && self.refused == 0 && DECIDING.contains(&self.rule.as_str())
    }
}

/// Each answer is counted in one place, since it is counted in the middle of what is measured in nanoseconds.
#[derive(Default)]
struct Count {
    /// What was neither a yes nor a no.
    other: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
}

struct Counts([Count; RULES.len()]);

thread_local! {
    /// For whom the thread counts, while a rule is being asked.
    static FOR: Cell<Option<&'static Counts>> = const { Cell::new(None) };
}

/// While it lives, the thread counts.
struct Counting(Option<&'static Counts>);

impl Counting {
    fn begin(counts: &'static Counts) -> Self {
        Counting(FOR.replace(Some(counts)))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        FOR.set(self.0);
    }
}

/// An answer, as far as it is a yes or a no.
trait Answer {
    fn accepts(&self) -> Option<bool> {
        None
    }
}

impl Answer for bool {
    fn accepts(&self) -> Option<bool> {
        Some(*self)
    }
}

impl<T> Answer for Option<T> {
    fn accepts(&self) -> Option<bool> {
        Some(self.is_some())
    }
}

impl<T> Answer for Result<T, Refusal> {
    fn accepts(&self) -> Option<bool> {
        Some(self.is_ok())
    }
}

impl Answer for usize {}
impl Answer for ReplicaId {}
impl Answer for TallyKey {}
impl<T> Answer for Vec<T> {}

fn note(rule: usize, answer: &impl Answer) {
    let Some(counts) = FOR.get() else { return };
    let cell = &counts.0[rule];
    let of_such = match answer.accepts() {
        Some(true) => &cell.accepted,
        Some(false) => &cell.refused,
        None => &cell.other,
    };
    of_such.fetch_add(1, Relaxed);
}

/// A rulebook as default bodies ask it: what it answers is counted if somebody counts.
pub(super) struct Asked<'r>(&'r dyn Rules);

/// For default bodies: `asked(self.as_rules()).quorum(committee)` is `self.quorum(committee)`, counted.
pub(super) fn asked(rules: &dyn Rules) -> Asked<'_> {
    Asked(rules)
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A rulebook that counts what it is asked. Replicas cannot tell it from the rulebook, which `itself` gives.
pub(crate) struct Counted {
    rules: &'static dyn Rules,
    counts: &'static Counts,
}

impl Counted {
    /// The rulebook with nothing counted yet, for as long as the program runs, because that is how long replicas keep
    /// their rulebook. It is a kilobyte, for each run of a judge.
    pub fn leak(rules: &'static dyn Rules) -> &'static Self {
        let counts = Box::leak(Box::new(Counts(std::array::from_fn(|_| Count::default()))));
        Box::leak(Box::new(Counted { rules, counts }))
    }

    /// What was counted so far, in the order of the rulebook.
    pub fn counts(&self) -> Vec<RuleCount> {
        let one = |(rule, cell): (&&str, &Count)| {
            let of = |count: &AtomicU64| count.load(Relaxed);
            let (accepted, refused) = (of(&cell.accepted), of(&cell.refused));
            RuleCount {
                rule: (*rule).to_owned(),
                asked: of(&cell.other) + accepted + refused,
                accepted,
                refused,
            }
        };
        RULES.iter().zip(&self.counts.0).map(one).collect()
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.fmt(f)
    }
}

macro_rules! forward {
    ($($name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        /// The names of all rules, in the order of the rulebook.
        pub const RULES: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

        /// The places of the rules in that order.
        #[allow(non_camel_case_types)]
        enum Place { $($name),* }

        impl Rules for Asked<'_> {
            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $out {
                let answer = self.0.$name($($arg),*);
                note(Place::$name as usize, &answer);
                answer
            })*

            fn itself(&self) -> &dyn Rules {
                self.0
            }
        }

        impl Rules for Counted {
            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $out {
                let _counting = Counting::begin(self.counts);
                Asked(self.rules).$name($($arg),*)
            })*

            fn itself(&self) -> &dyn Rules {
                self.rules
            }
        }
    };
}

every_rule! { forward }

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counted: &'static Counted, rule: &str) -> (u64, u64, u64) {
        let counts = counted.counts();
        let count = counts.iter().find(|count| count.rule == rule).expect("a rule of that name");
        (count.asked, count.accepted, count.refused)
    }

    #[test]
    fn what_default_bodies_ask_is_counted_for_who_asked_first() {
        let committee = Committee::of(4).expect("a sound committee");
        let (one, other) = (Counted::leak(&Castro99), Counted::leak(&Castro99));
        assert_eq!(one.certificate_quorum(committee), 3);
        assert_eq!(count(one, "certificate_quorum"), (1, 0, 0));
        assert_eq!(count(one, "prepare_quorum"), (1, 0, 0));
        assert_eq!(count(one, "quorum"), (1, 0, 0));
        assert!(one.may_prepare(committee, View(0), ReplicaId(1)));
        assert!(!one.may_prepare(committee, View(0), ReplicaId(0)));
        assert_eq!(count(one, "may_prepare"), (2, 1, 1));
        assert_eq!(count(one, "primary"), (2, 0, 0));
        // Whoever asks the rulebook itself is not counted, nor is anything for somebody else.
        assert_eq!(one.itself().prepare_quorum(committee), 3);
        assert_eq!(count(one, "prepare_quorum"), (1, 0, 0));
        assert!(other.counts().iter().all(|count| count.asked == 0));
    }

    #[test]
    fn every_rule_that_may_refuse_is_one() {
        assert!(DECIDING.iter().all(|rule| RULES.contains(rule)));
    }

    /// A default body that asked without being counted would leave out what it asks.
    #[test]
    fn every_default_body_asks_so_that_it_is_counted() {
        let book = include_str!("rules.rs").split_once("pub trait Rules").expect("the trait").1;
        let book = book.split_once("\n/// The replica of this committee").expect("its end").0;
        let paper = include_str!("paper.rs");
        for rule in RULES {
            assert!(!book.contains(&format!("self.{rule}(")), "{rule}");
            let direct = format!("rules.{rule}(");
            assert!(!book.contains(&direct) || book.contains(&format!("asked(rules).{rule}(")), "{rule}");
            assert!(!paper.contains(&direct), "{rule}");
            assert!(book.contains(&format!("paper::{rule}(self.as_rules()")), "{rule}");
        }
    }
}
