//! What is said about a violation: the quorums that contradict each other, who stands in two of them, and
//! the rule that would have stopped it, which is the one that the rulebook breaks.

use std::collections::BTreeSet;

use bft_check::bugs;
use bft_check::check::{self, Job, JudgeKind, Limits, Progress, Verdict};
use bft_check::model::{Bound, Property, Scope};
use bft_check::pbft::{Castro99, Committee, Digest, Principal, ReplicaId, Rules, TallyKey, View};
use bft_check::trace::{Explanation, Overlap, Quorum, Trace};

/// The shortest run that judge *guards* finds in a bound with these Byzantine replicas, and what is said of it.
fn explained(
    rules: &'static dyn Rules,
    scope: Scope,
    byzantine: &[u16],
    property: Property,
) -> (Trace, Explanation) {
    let byzantine = byzantine.iter().copied().map(ReplicaId).collect();
    let job = Job::new(JudgeKind::Guards, Bound { scope, byzantine });
    let outcome =
        check::run(&job, rules, Some(property), &Limits::default(), None, &Progress::default()).unwrap();
    let Verdict::Violated { trace, .. } = outcome.verdict else { panic!("{:?}", outcome.verdict) };
    let explanation = trace.explain(property).unwrap();
    (*trace, explanation)
}

/// The same for a rulebook of the corpus, at its smallest bound, the primary of view 0 Byzantine.
fn of_corpus(name: &str, property: Property) -> (Trace, Explanation) {
    let rulebook = bugs::find(name).unwrap();
    explained(rulebook.rules, rulebook.smallest(), &[0], property)
}

fn ids(ids: &[u16]) -> BTreeSet<ReplicaId> {
    ids.iter().copied().map(ReplicaId).collect()
}

fn members(quorums: &[Quorum]) -> Vec<BTreeSet<ReplicaId>> {
    quorums.iter().map(Quorum::members).collect()
}

/// Who stands in both, split into Byzantine and honest replicas.
fn both(overlap: &Overlap) -> (BTreeSet<ReplicaId>, BTreeSet<ReplicaId>) {
    let of = |byzantine| overlap.both.iter().filter(move |b| b.byzantine == byzantine).map(|b| b.replica);
    (of(true).collect(), of(false).collect())
}

fn stopping(explanation: &Explanation) -> Vec<&'static str> {
    explanation.rules.iter().flat_map(|rules| rules.stopping()).map(|broken| broken.rule).collect()
}

#[test]
fn quorums_of_2f_plus_1_among_five_share_a_byzantine_replica_only() {
    let (trace, why) = of_corpus("fixed-quorum", Property::Agreement);
    let quorums = &why.conflict.quorums;
    assert_eq!(members(quorums), [ids(&[0, 1, 2]), ids(&[0, 3, 4])]);
    assert_eq!((quorums[0].replica, quorums[1].replica), (ReplicaId(1), ReplicaId(3)));
    assert!(quorums.iter().all(|q| (q.votes, q.needed, q.sound) == ("commits", 3, 4)));
    let decides = |q: &Quorum| trace.steps()[q.step - 1].outcome(trace.system()).contains("DECIDES");
    assert!(quorums.iter().all(decides), "each at the step that it names");

    let [overlap] = &why.conflict.overlaps[..] else { panic!("{why}") };
    assert_eq!(both(overlap), (ids(&[0]), ids(&[])));
    let said = ("committed c0.t1 in v0".to_owned(), "committed c1.t1 in v0".to_owned());
    assert_eq!(overlap.both[0].said, said);
    assert_eq!(
        overlap.none_honest.as_deref(),
        Some(
            "3 of 5 replicas and 3 of 5 share at least 1, and f = 1 may be Byzantine; two quorums of 4 share \
             at least 3"
        )
    );

    assert_eq!(stopping(&why), ["quorum"], "and not commit_quorum, which only asks it");
    let broken = &why.rules.as_ref().unwrap().broken[0];
    assert_eq!((&*broken.section, &*broken.answer, &*broken.paper), ("§4", "3", "4"));
    let parting = broken.parting.as_ref().unwrap();
    assert_eq!((parting.step, parting.replica), (3, Principal::Replica(ReplicaId(1))));
    assert_eq!(parting.shortage.as_deref(), Some("3 votes to prepare, where it takes 4"));
}

#[test]
fn honest_replicas_that_committed_report_nothing_in_a_rulebook_that_loses_it() {
    let (_, why) = of_corpus("prepared-lost", Property::Agreement);
    let votes: Vec<_> = why.conflict.quorums.iter().map(|q| q.votes).collect();
    assert_eq!(votes, ["commits", "view changes", "commits"]);
    let overlap = &why.conflict.overlaps[0];
    assert_eq!((overlap.of, both(overlap)), ((0, 1), (ids(&[0]), ids(&[1, 2]))));
    assert_eq!(overlap.none_honest, None);
    let r2 = overlap.both.iter().find(|both| both.replica == ReplicaId(2)).unwrap();
    let said = ("committed c1.t1 in v0 (step 4)", "reported nothing prepared at #1 to v1 (step 8)");
    assert_eq!((&*r2.said.0, &*r2.said.1), said);

    assert_eq!(stopping(&why), ["reports_prepared"]);
    let parting = why.rules.as_ref().unwrap().broken[0].parting.as_ref().unwrap();
    assert_eq!((parting.step, parting.replica), (8, Principal::Replica(ReplicaId(2))));
    assert_eq!(parting.instead, ["sends VIEW-CHANGE to v1: c1.t1 prepared in v0 at #1"]);
}

#[test]
fn too_few_commits_need_not_reach_the_new_view() {
    let (trace, why) = of_corpus("weak-commit", Property::Agreement);
    let quorums = &why.conflict.quorums;
    assert_eq!(members(quorums), [ids(&[0, 2]), ids(&[0, 1, 3]), ids(&[0, 1])]);
    assert_eq!([0, 1, 2].map(|i| quorums[i].needed), [2, 3, 2]);
    assert_eq!(both(&why.conflict.overlaps[0]), (ids(&[0]), ids(&[])));
    assert!(why.conflict.overlaps[0].none_honest.is_some());
    assert_eq!(stopping(&why), ["commit_quorum"]);
    // Their chains differ for the same reason.
    let chains = trace.explain(Property::ChainPrefix).unwrap();
    assert_eq!(members(&chains.conflict.quorums), members(quorums));
    assert_eq!(stopping(&chains), ["commit_quorum"]);
}

#[test]
fn too_few_view_changes_need_not_know_what_was_decided() {
    let (_, why) = of_corpus("short-new-view", Property::Agreement);
    let quorums = &why.conflict.quorums;
    assert_eq!(members(quorums), [ids(&[0, 2, 3]), ids(&[0, 1]), ids(&[0, 1, 2])]);
    assert_eq!([0, 1, 2].map(|i| quorums[i].needed), [3, 2, 3]);
    let (first, second) = (&why.conflict.overlaps[0], &why.conflict.overlaps[1]);
    assert_eq!((first.of, both(first)), ((0, 1), (ids(&[0]), ids(&[]))));
    // It voted in both views, as it may: nothing in the new one told it otherwise.
    assert_eq!((second.of, both(second)), ((0, 2), (ids(&[0]), ids(&[2]))));
    assert_eq!(stopping(&why), ["view_change_quorum"], "and not check_new_view, which only asks it");
}

#[test]
fn a_vote_that_is_counted_for_two_batches_is_one_vote() {
    let (_, why) = of_corpus("digest-blind", Property::CertificateUnique);
    let overlap = &why.conflict.overlaps[0];
    assert_eq!(both(overlap), (ids(&[0]), ids(&[1, 2])));
    for honest in overlap.both.iter().filter(|both| !both.byzantine) {
        assert_eq!(honest.said.0, honest.said.1);
    }
}

#[test]
fn the_rule_that_is_named_is_the_one_that_is_broken() {
    for (name, property, rule) in [
        ("second-proposal", Property::CertificateUnique, "accepts_second_proposal"),
        ("digest-blind", Property::CertificateUnique, "prepare_key"),
        ("fixed-quorum", Property::CertificateUnique, "quorum"),
        ("eager-execution", Property::ChainPrefix, "is_next"),
        ("unsigned-request", Property::Validity, "authentic"),
        ("repeated-execution", Property::ExactlyOnce, "executes"),
    ] {
        let (_, why) = of_corpus(name, property);
        assert_eq!(stopping(&why), [rule], "{name}");
        let rules = why.rules.unwrap();
        assert!(rules.paper_stops && rules.parting.is_some(), "{name}");
        assert_eq!(rules.broken.len(), 1, "{name}: no other rule answers otherwise");
    }
}

#[test]
fn of_a_property_that_holds_nothing_is_said() {
    let (trace, why) = of_corpus("eager-execution", Property::ChainPrefix);
    assert!(why.conflict.quorums.is_empty(), "two honest replicas executed one order each");
    assert!(trace.explain(Property::Agreement).is_none());
    assert!(trace.explain(Property::Executed).is_none());
}

#[test]
fn with_more_than_f_byzantine_replicas_no_rule_is_to_blame() {
    let scope = Scope { views: 1, ..Scope::DEFAULT };
    let (_, why) = explained(&Castro99, scope, &[0, 1], Property::Agreement);
    assert_eq!(both(&why.conflict.overlaps[0]), (ids(&[0, 1]), ids(&[])));
    assert_eq!(why.too_many_byzantine, Some(2));
    let rules = why.rules.as_ref().unwrap();
    assert!(rules.broken.is_empty() && !rules.paper_stops && rules.parting.is_none());
    assert!(why.to_string().contains("No rule was broken"), "{why}");
}

// --- several broken rules -------------------------------------------------------------------------

#[derive(Debug)]
struct WeakVotes;

impl Rules for WeakVotes {
    fn prepare_quorum(&self, _committee: Committee) -> usize {
        3
    }

    fn commit_quorum(&self, _committee: Committee) -> usize {
        3
    }
}

#[test]
fn of_two_rules_that_a_violation_needs_either_would_have_stopped_it() {
    let scope = Scope { replicas: 5, views: 1, ..Scope::DEFAULT };
    let (_, why) = explained(&WeakVotes, scope, &[0], Property::Agreement);
    assert_eq!(stopping(&why), ["prepare_quorum", "commit_quorum"]);
    let [prepare, commit] = &why.rules.as_ref().unwrap().broken[..] else { panic!("{why}") };
    let step = |broken: &bft_check::trace::BrokenRule| broken.parting.as_ref().map(|parting| parting.step);
    assert!(step(prepare) < step(commit), "batches prepare before they are decided");
}

#[derive(Debug)]
struct BlindAndWeak;

impl Rules for BlindAndWeak {
    fn prepare_key(&self, view: View, _digest: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }

    fn prepare_quorum(&self, _committee: Committee) -> usize {
        2
    }
}

/// A pre-prepare and the own prepare are enough: whose digest a vote has does not come into it.
#[test]
fn a_broken_rule_that_a_violation_does_not_need_would_not_have_stopped_it() {
    let scope = Scope { views: 1, ..Scope::DEFAULT };
    let (_, why) = explained(&BlindAndWeak, scope, &[0], Property::CertificateUnique);
    let broken: BTreeSet<_> = why.rules.iter().flat_map(|rules| &rules.broken).map(|b| b.rule).collect();
    assert_eq!(broken, ["prepare_key", "prepare_quorum"].into());
    assert_eq!(stopping(&why), ["prepare_quorum"]);
    assert!(!why.to_string().contains("prepare_key"), "{why}");
}

// --- the three forms ------------------------------------------------------------------------------

#[test]
fn text_json_and_mermaid_say_the_same() {
    let (trace, why) = of_corpus("fixed-quorum", Property::Agreement);
    let text = trace.to_text(Some(Property::Agreement));
    assert!(text.ends_with(&why.to_string()), "{text}");
    for line in [
        "step 6: r1 decided c0.t1 at #1 in v0 on 3 commits: r0, r1, r2 (the rulebook asks for 3; a quorum is 4)",
        "In A and B stands r0 (Byzantine): it committed c0.t1 in v0, and committed c1.t1 in v0",
        "quorum (OSDI'99 §4): how many replicas make a quorum",
        "the run parts at step 3: r1 no longer holds a certificate for c0.t1 at #1 in v0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }

    let json = trace.to_json("fixed-quorum", Some(Property::Agreement)).unwrap();
    let because = &serde_json::from_str::<serde_json::Value>(&json).unwrap()["because"];
    assert_eq!(because["quorums"][1]["replica"], "r3");
    assert_eq!(because["overlaps"][0]["both"][0]["replica"], "r0");
    assert_eq!(because["rules"]["broken"][0]["rule"], "quorum");

    let mermaid = trace.to_mermaid(Some(Property::Agreement));
    let note = "in both quorums: r0 (Byzantine), would have stopped it: the paper's quorum\n";
    assert!(mermaid.ends_with(note), "{mermaid}");
    assert!(!trace.to_text(None).contains("quorum"));
}
