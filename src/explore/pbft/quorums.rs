//! The quorums of a run: whose votes stand behind what it decided and certified.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{System, guarded};
use crate::pbft::{Effect, ReplicaId, SeqNum, Slot, State, View};
use crate::trace::Step;

/// Replicas whose messages were counted together.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// The number of the step that completed it.
    pub number: usize,
    replica: ReplicaId,
    outcome: String,
    kind: Kind,
    of: Vec<ReplicaId>,
    needed: usize,
    slot: Option<SeqNum>,
    view: Option<View>,
    batch: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Certificate,
    Decision,
    NewView,
    Checkpoint,
}

/// What a step completed.
pub(super) fn completed(system: &System, number: usize, step: &Step) -> Vec<Counted> {
    let Some((replica, before, after)) = step.replica() else { return Vec::new() };
    let mut out = certificates(system, number, replica, before, after);
    let committee = system.setting().committee;
    let named = |digest| system.batch(digest).map_or_else(|| format!("{digest}"), |batch| batch.to_string());
    for effect in &step.effects {
        match effect {
            Effect::Committed(certificate) => {
                let (seq, view) = (certificate.seq(), certificate.view());
                let batch = named(certificate.digest());
                out.push(Counted {
                    number,
                    replica,
                    outcome: format!("decided {batch} at {seq} in {view}"),
                    kind: Kind::Decision,
                    of: certificate.commits().iter().filter_map(|vote| vote.signer().replica()).collect(),
                    needed: asked(committee.quorum(), || system.rules().commit_quorum(committee)),
                    slot: Some(seq),
                    view: Some(view),
                    batch: Some(batch),
                });
            }
            Effect::Stable(stable) if stable.seq() != SeqNum::GENESIS => {
                let votes = stable.claim().checkpoints.0.iter();
                out.push(Counted {
                    number,
                    replica,
                    outcome: format!("holds a stable checkpoint at {}", stable.seq()),
                    kind: Kind::Checkpoint,
                    of: votes.filter_map(|vote| vote.signer().replica()).collect(),
                    needed: asked(committee.quorum(), || system.rules().checkpoint_quorum(committee)),
                    slot: Some(stable.seq()),
                    view: None,
                    batch: None,
                });
            }
            _ => {}
        }
    }
    out.extend(entered(system, number, replica, before, after));
    out
}

fn asked(otherwise: usize, rule: impl Fn() -> usize) -> usize {
    guarded(rule).unwrap_or(otherwise)
}

fn certificates(
    system: &System,
    number: usize,
    replica: ReplicaId,
    before: &State,
    after: &State,
) -> Vec<Counted> {
    let committee = system.setting().committee;
    let empty = Slot::default();
    let mut out = Vec::new();
    for (seq, slot) in after.log().iter() {
        let old = before.log().get(seq).unwrap_or(&empty).prepared();
        let Some(certificate) = slot.prepared().filter(|new| old != Some(*new)) else { continue };
        let claim = certificate.claim();
        let mut of: Vec<_> = claim.proposal.pre_prepare.signer().replica().into_iter().collect();
        of.extend(claim.prepares.0.iter().filter_map(|vote| vote.signer().replica()));
        let batch = claim.proposal.batch.to_string();
        out.push(Counted {
            number,
            replica,
            outcome: format!("holds a certificate for {batch} at {seq} in {}", certificate.view()),
            kind: Kind::Certificate,
            of,
            needed: asked(committee.quorum(), || system.rules().prepare_quorum(committee)),
            slot: Some(seq),
            view: Some(certificate.view()),
            batch: Some(batch),
        });
    }
    out
}

/// The view changes on which a replica enters a view.
fn entered(
    system: &System,
    number: usize,
    replica: ReplicaId,
    before: &State,
    after: &State,
) -> Option<Counted> {
    let is_new = after.is_active() && (before.view(), before.is_active()) != (after.view(), true);
    let new_view = after.new_view().filter(|new_view| is_new && new_view.view == after.view())?;
    let committee = system.setting().committee;
    Some(Counted {
        number,
        replica,
        outcome: format!("entered {}", after.view()),
        kind: Kind::NewView,
        of: new_view.view_changes.0.iter().filter_map(|change| change.signer().replica()).collect(),
        needed: asked(committee.quorum(), || system.rules().view_change_quorum(committee)),
        slot: None,
        view: Some(after.view()),
        batch: None,
    })
}

impl Counted {
    pub fn to_json(&self) -> Value {
        let kind = match self.kind {
            Kind::Certificate => "certificate",
            Kind::Decision => "decision",
            Kind::NewView => "new-view",
            Kind::Checkpoint => "checkpoint",
        };
        let of: BTreeSet<_> = self.of.iter().collect();
        json!({
            "number": self.number,
            "replica": self.replica.to_string(),
            "outcome": self.outcome,
            "kind": kind,
            "of": of.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "votes": self.of.len(),
            "needed": self.needed,
            "slot": self.slot.map(|seq| seq.0),
            "view": self.view.map(|view| view.0),
            "batch": self.batch,
        })
    }

    /// What was decided, if this is a decision.
    pub fn decides(&self) -> Option<Value> {
        let (seq, view, batch) = (self.slot?, self.view?, self.batch.as_ref()?);
        (self.kind == Kind::Decision).then(|| json!({ "slot": seq.0, "batch": batch, "view": view.0 }))
    }

    /// Whether both speak of one number, and of different batches there.
    fn contradicts(&self, other: &Counted) -> bool {
        self.kind == other.kind && self.slot == other.slot && self.batch != other.batch
    }

    /// What an honest replica that stands in this one and in a later one shows, and what it does not.
    fn meaning(&self, later: &Counted) -> String {
        let views =
            [self.view, later.view].map(|view| view.map_or_else(String::new, |view| view.to_string()));
        let [first, second] = &views;
        match (self.kind, later.kind) {
            (Kind::Decision, Kind::NewView) => {
                format!(" By the paper's rules a VIEW-CHANGE to {second} reports what prepared in {first}.")
            }
            (Kind::Decision, Kind::Decision) if self.view == later.view => match self.contradicts(later) {
                true => " So it is counted for two batches in one view.".to_owned(),
                false => String::new(),
            },
            (Kind::Decision, Kind::Decision) if self.contradicts(later) => format!(
                " That protects nothing here: the quorums are of different views, {first} and {second}, and in each view a \
                 replica votes once. That a later view repeats what was decided is for its view change to see to."
            ),
            (Kind::Decision, Kind::Decision) => {
                format!(" The quorums are of different views, {first} and {second}.")
            }
            _ => String::new(),
        }
    }

    /// Whether a property compares two of them: decisions of one number, certificates of one number and view, and a
    /// decision with the view changes of a later view.
    fn compares(&self, later: &Counted) -> bool {
        match (self.kind, later.kind) {
            (Kind::Decision, Kind::Decision) => self.slot == later.slot && self.replica != later.replica,
            (Kind::Certificate, Kind::Certificate) => {
                (self.slot, self.view) == (later.slot, later.view) && self.batch != later.batch
            }
            (Kind::Decision, Kind::NewView) => self.view < later.view,
            _ => false,
        }
    }
}

/// Names, as a sentence lists them.
fn listed(names: &[String]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// The most overlaps that are told.
const MOST: usize = 64;

/// Who stands in two quorums that are compared.
pub(super) fn overlaps(system: &System, quorums: &[Counted]) -> Vec<Value> {
    let mut out = Vec::new();
    for (one, a) in quorums.iter().enumerate() {
        for (other, b) in quorums.iter().enumerate().skip(one + 1) {
            if !a.compares(b) || out.len() >= MOST {
                continue;
            }
            let of: BTreeSet<_> = b.of.iter().collect();
            let both: BTreeSet<_> = a.of.iter().filter(|id| of.contains(id)).collect();
            let byzantine = |id: &ReplicaId| system.bound().byzantine.contains(id);
            let honest: Vec<_> = both.iter().filter(|id| !byzantine(id)).map(ToString::to_string).collect();
            let liars: Vec<_> = both.iter().filter(|id| byzantine(id)).map(ToString::to_string).collect();
            let sentence = match (honest.is_empty(), liars.is_empty()) {
                (true, true) => "Nobody stands in both.".to_owned(),
                (true, false) => {
                    let stand = if liars.len() == 1 { "stands" } else { "stand" };
                    format!("Only Byzantine replicas stand in both: {} {stand} there.", listed(&liars))
                }
                (false, _) => {
                    let is = if honest.len() == 1 { "is honest and stands" } else { "are honest and stand" };
                    format!("{} {is} in both.{}", listed(&honest), a.meaning(b))
                }
            };
            let both: Vec<_> = both
                .iter()
                .map(|id| json!({ "replica": id.to_string(), "byzantine": byzantine(id) }))
                .collect();
            out.push(json!({
                "of": [one, other], "both": both, "sentence": sentence,
                "apart": a.kind == b.kind && a.view != b.view, "contradict": a.contradicts(b),
            }));
        }
    }
    out
}
