//! Rulebooks of which judge *unbounded* says nothing: right or wrong, they do not fulfil what it assumes.

use std::collections::BTreeSet;

use bft_check::model::{Assumption, Reductions, Scope, UnboundedModel};
use bft_check::pbft::{
    Castro99, Committee, NewView, PreparedClaim, Refusal, ReplicaId, Rules, SeqNum, Setting, SignedRequest,
    StableClaim, View, VoteSet, replica_of,
};

use super::wrong;

rulebook! { TwoViewsEach:
    fn primary(&self, committee: Committee, view: View) -> ReplicaId {
        ReplicaId((view.0 / 2 % u64::from(committee.n())) as u16)
    }
}

rulebook! { LateViewsAreLedByAll:
    fn may_propose(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        view.0 > 1_000 || Castro99.may_propose(committee, view, from)
    }
}

rulebook! { DeafTo2:
    fn counts_vote(&self, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
        from != ReplicaId(2) && Castro99.counts_vote(voters, from)
    }
}

rulebook! { VerifiesForOthers:
    fn authentic_at(&self, setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool {
        at != ReplicaId(2) && self.authentic(setting, request)
    }
}

rulebook! { OpenWindow:
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq >= low && seq.0 <= low.0 + setting.window
    }
}

rulebook! { SkipsNumbers:
    fn is_next(&self, height: SeqNum, seq: SeqNum) -> bool {
        seq > height
    }
}

rulebook! { BelievesCheckpoints:
    fn check_stable(&self, _: &Setting, _: &StableClaim) -> Result<(), Refusal> {
        Ok(())
    }
}

rulebook! { BeginsOnRepetitions:
    fn check_new_view(&self, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        let changes = || new_view.view_changes.0.iter();
        changes().try_for_each(|change| replica_of(setting, change).map(|_| ()))?;
        let contents: Vec<_> = changes().map(|change| change.message()).collect();
        let are_enough = contents.len() >= self.view_change_quorum(setting.committee);
        let contents = self.sift(setting, &contents)?;
        if are_enough && self.follows(new_view, &contents) { Ok(()) } else { Err(Refusal::NoQuorum) }
    }
}

rulebook! { WantsTwoCertificates:
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        Some(claims[1])
    }
}

/// All of them.
const ALL: &[&dyn Rules] = &[
    &TwoViewsEach,
    &LateViewsAreLedByAll,
    &DeafTo2,
    &VerifiesForOthers,
    &OpenWindow,
    &SkipsNumbers,
    &BelievesCheckpoints,
    &BeginsOnRepetitions,
];

#[test]
fn nothing_is_said_of_rulebooks_that_do_not_fulfil_what_is_assumed() {
    super::none_holds(ALL, Scope { requests: 1, ..Scope::DEFAULT }, Reductions::ALL);
}

fn unmet(rules: &'static dyn Rules) -> Option<Assumption> {
    UnboundedModel::new(Scope::DEFAULT, 1, rules).unwrap().unmet()
}

#[test]
fn a_rule_that_panics_is_none_to_be_judged() {
    let model = UnboundedModel::new(Scope::DEFAULT, 1, &WantsTwoCertificates);
    assert_eq!(model.map(|model| model.refusal().is_some()), Ok(true));
}

/// An assumption that refuses nobody would not be tried.
#[test]
fn every_assumption_refuses_somebody() {
    let name =
        |unmet: Assumption| format!("{unmet:?}").split(['(', ' ']).next().unwrap_or_default().to_owned();
    let all = ALL.iter().chain(wrong::ALL);
    let refusing: BTreeSet<String> = all.filter_map(|&rules| unmet(rules)).map(name).collect();
    for due in [
        "Admission",
        "Certificates",
        "Digests",
        "Execution",
        "Follows",
        "Join",
        "Kept",
        "Keys",
        "NewViewBatches",
        "NewViewStart",
        "NewViews",
        "Quorums",
        "Requests",
        "SecondProposals",
        "Sift",
        "Stable",
        "ViewChanges",
        "Voters",
        "Votes",
        "Window",
    ] {
        assert!(refusing.contains(due), "{due} is not among {refusing:?}");
    }
    assert_eq!(unmet(&Castro99), None);
}

/// What is not tried is not said: sixteen replicas' view changes stand in too many orders.
#[test]
fn what_is_too_much_to_try_is_refused() {
    let at = |replicas: u16| {
        let scope = Scope { replicas, faults: (replicas - 1) / 3, requests: 1, ..Scope::DEFAULT };
        UnboundedModel::new(scope, scope.faults, &Castro99).unwrap().unmet()
    };
    assert_eq!((at(7), at(16)), (None, Some(Assumption::TooMany)));
}
