//! The quorums behind two decisions, or two certificates, that contradict each other.

use std::collections::BTreeSet;

use itertools::Itertools as _;
use serde::Serialize;

use super::{all_as_text, as_text, new_views};
use crate::model::Property;
use crate::pbft::{
    CommitCertificate, Digest, Effect, Message, NewView, PreparedCertificate, ReplicaId, SeqNum, View,
    ViewChange,
};
use crate::trace::{Trace, name};

/// Replicas whose messages were counted together, and what they were counted for.
#[derive(Clone, Debug, Serialize)]
pub struct Quorum {
    /// The step, counted from 1, at which the replica had them.
    pub step: usize,
    /// The replica that counted them.
    #[serde(serialize_with = "as_text")]
    pub replica: ReplicaId,
    /// What it made of them, in words.
    pub outcome: String,
    /// What was counted: commits, votes to prepare, or view changes.
    pub votes: &'static str,
    /// Whose they are; a replica whose votes were counted twice stands here twice.
    #[serde(serialize_with = "all_as_text")]
    pub of: Vec<ReplicaId>,
    /// How many the rulebook asked for.
    pub needed: usize,
    /// How many replicas make a quorum of this committee, any two of which share an honest one.
    pub sound: usize,
    #[serde(skip)]
    said: Vec<String>,
}

/// The replicas that stand in two of the quorums.
#[derive(Clone, Debug, Serialize)]
pub struct Overlap {
    /// The two quorums, by their place in [`Conflict::quorums`].
    pub of: (usize, usize),
    /// Who stands in both.
    pub both: Vec<Both>,
    /// If none of them is honest: why none had to be.
    pub none_honest: Option<String>,
}

/// A replica that stands in two quorums.
#[derive(Clone, Debug, Serialize)]
pub struct Both {
    /// The replica.
    #[serde(serialize_with = "as_text")]
    pub replica: ReplicaId,
    /// Whether it is Byzantine.
    pub byzantine: bool,
    /// What it did in one and in the other, in words.
    pub said: (String, String),
}

/// What contradicts each other, and on whose votes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Conflict {
    /// The quorums: those behind the two decisions or certificates and, if a new view lies between them
    /// that forgot the first, that of its view changes, in the middle.
    pub quorums: Vec<Quorum>,
    /// Who stands in two of them.
    pub overlaps: Vec<Overlap>,
}

impl Conflict {
    /// The conflict that a property's violation is about; empty if it is about none.
    pub(super) fn find(trace: &Trace, property: Property) -> Self {
        match property {
            Property::Agreement | Property::ChainPrefix => decisions(trace),
            Property::CertificateUnique => certificates(trace),
            _ => None,
        }
        .unwrap_or_default()
    }

    fn of(trace: &Trace, quorums: Vec<Quorum>) -> Self {
        let last = quorums.len() - 1;
        let pairs: &[_] = if last == 2 { &[(0, 1), (0, 2)] } else { &[(0, last)] };
        let overlaps = pairs.iter().map(|&of| Overlap::of(trace, &quorums, of)).collect();
        Conflict { quorums, overlaps }
    }
}

/// The first two decisions, by replica, of different batches at a sequence number.
fn decisions(trace: &Trace) -> Option<Conflict> {
    let mut all: Vec<_> = (1..)
        .zip(&trace.steps)
        .flat_map(|(number, step)| step.effects.iter().map(move |effect| (number, step.to, effect)))
        .filter_map(|(number, to, effect)| match effect {
            Effect::Committed(certificate) => Some((number, to.replica()?, certificate)),
            _ => None,
        })
        .collect();
    all.sort_by_key(|&(_, to, certificate)| (to, certificate.seq()));
    let ((a, b), _) = first_pair(&all, |(_, _, c)| (c.seq(), c.digest()))?;
    let (a, b) = if b.2.view() < a.2.view() { (b, a) } else { (a, b) };
    let mut quorums = vec![decision(trace, a.0, a.1, a.2)];
    quorums.extend(forgetful_view(trace, a.2, (b.1, b.2.view())));
    quorums.push(decision(trace, b.0, b.1, b.2));
    Some(Conflict::of(trace, quorums))
}

/// The first two prepared certificates, by replica, for different batches at a view and sequence number.
fn certificates(trace: &Trace) -> Option<Conflict> {
    let mut all = Vec::new();
    for (replica, state) in trace.system.honest().iter().zip(trace.states()) {
        for (_, slot) in state.log().iter() {
            all.extend(slot.prepared().map(|certificate| (replica.id(), certificate)));
        }
    }
    let ((a, b), _) = first_pair(&all, |(_, c)| ((c.view(), c.seq()), c.digest()))?;
    Some(Conflict::of(trace, vec![certificate(trace, a.0, a.1)?, certificate(trace, b.0, b.1)?]))
}

/// The first two that are about the same and do not say the same.
fn first_pair<T: Copy, P: Ord, S: Eq>(all: &[T], key: impl Fn(T) -> (P, S)) -> Option<((T, T), P)> {
    all.iter().enumerate().find_map(|(i, &b)| {
        let (place, says) = key(b);
        let a = all[..i].iter().copied().find(|&a| key(a).0 == place)?;
        (key(a).1 != says).then_some(((a, b), place))
    })
}

fn decision(trace: &Trace, step: usize, replica: ReplicaId, certificate: &CommitCertificate) -> Quorum {
    let (view, seq, digest) = (certificate.view(), certificate.seq(), certificate.digest());
    let said = certificate.commits().iter().filter_map(|commit| {
        let message = Message::Commit(commit.clone());
        let what = format!("committed {} in {}", name(&trace.system, commit.digest), commit.view);
        Some((commit.signer().replica()?, said(trace, what, &message)))
    });
    let committee = trace.system.setting().committee;
    let needed = trace.system.rules().commit_quorum(committee);
    let outcome = format!("decided {} at {seq} in {view}", name(&trace.system, digest));
    Quorum::of(step, replica, outcome, ("commits", needed, committee.quorum()), said)
}

fn certificate(trace: &Trace, replica: ReplicaId, certificate: &PreparedCertificate) -> Option<Quorum> {
    let (view, seq, claim) = (certificate.view(), certificate.seq(), certificate.claim());
    let held = |state: &crate::pbft::State| {
        state.log().get(seq).and_then(|slot| slot.prepared()) == Some(certificate)
    };
    let holds =
        |step: &crate::trace::Step| step.replica().is_some_and(|(id, _, after)| id == replica && held(after));
    let step = trace.steps.iter().position(holds)? + 1;
    let about = |digest: Digest, view: View| format!("{} in {view}", name(&trace.system, digest));
    let proposal = &claim.proposal;
    let mut votes = vec![(
        proposal.pre_prepare.signer().replica()?,
        said(
            trace,
            format!("proposed {}", about(proposal.digest(), view)),
            &Message::PrePrepare(proposal.clone()),
        ),
    )];
    votes.extend(claim.prepares.0.iter().filter_map(|prepare| {
        let what = format!("prepared {}", about(prepare.digest, prepare.view));
        Some((prepare.signer().replica()?, said(trace, what, &Message::Prepare(prepare.clone()))))
    }));
    let committee = trace.system.setting().committee;
    let needed = trace.system.rules().prepare_quorum(committee);
    let outcome =
        format!("had a certificate for {} at {seq} in {view}", name(&trace.system, certificate.digest()));
    Some(Quorum::of(step, replica, outcome, ("votes to prepare", needed, committee.quorum()), votes))
}

/// The view changes of the first new view after a decision, up to the view in which a replica decided
/// otherwise, that does not propose again what was decided.
fn forgetful_view(
    trace: &Trace,
    decided: &CommitCertificate,
    (otherwise, last): (ReplicaId, View),
) -> Option<Quorum> {
    let (seq, digest) = (decided.seq(), decided.digest());
    let all = (1..)
        .zip(&trace.steps)
        .filter_map(|(number, step)| Some((number, step, step.to.replica()?)))
        .flat_map(|(number, step, to)| new_views(step).map(move |new_view| (number, to, new_view.as_ref())));
    let forgets = |new_view: &NewView| {
        !new_view.proposals.iter().any(|proposal| proposal.seq() == seq && proposal.digest() == digest)
    };
    let (step, replica, new_view) = all
        .filter(|(_, _, m)| decided.view() < m.view && m.view <= last && forgets(m.message()))
        .min_by_key(|&(step, to, m)| (m.view, to != otherwise, step))?;
    let said = new_view.view_changes.0.iter().filter_map(|change| {
        let message = Message::ViewChange(change.clone());
        let what = format!("reported {} to {}", reported(change, seq), change.new_view);
        Some((change.signer().replica()?, said(trace, what, &message)))
    });
    let proposed = new_view.proposals.iter().find(|proposal| proposal.seq() == seq);
    let proposed = proposed.map_or("nothing".to_owned(), |p| name(&trace.system, p.digest()));
    let outcome = format!("entered {}, whose NEW-VIEW proposes {proposed} at {seq},", new_view.view);
    let committee = trace.system.setting().committee;
    let needed = trace.system.rules().view_change_quorum(committee);
    Some(Quorum::of(step, replica, outcome, ("view changes", needed, committee.quorum()), said))
}

/// What a view change says of a sequence number.
fn reported(change: &ViewChange, seq: SeqNum) -> String {
    match change.prepared.iter().find(|claim| claim.seq() == seq) {
        Some(claim) => format!("{} prepared in {} at {seq}", claim.proposal.batch, claim.view()),
        None => format!("nothing prepared at {seq}"),
    }
}

/// What a replica did by sending a message, with the step if that was one of its own.
fn said(trace: &Trace, what: String, message: &Message) -> String {
    let sends = |sent: &Message| match (sent, message) {
        (Message::NewView(sent), Message::PrePrepare(proposal)) => sent.proposals.contains(proposal),
        _ => sent == message,
    };
    let step = trace.steps.iter().position(|step| {
        step.effects.iter().any(|effect| matches!(effect, Effect::Broadcast(sent) if sends(sent)))
    });
    step.map_or(what.clone(), |step| format!("{what} (step {})", step + 1))
}

impl Quorum {
    fn of(
        step: usize,
        replica: ReplicaId,
        outcome: String,
        (votes, needed, sound): (&'static str, usize, usize),
        said: impl IntoIterator<Item = (ReplicaId, String)>,
    ) -> Self {
        let (of, said) = said.into_iter().unzip();
        Quorum { step, replica, outcome, votes, of, needed, sound, said }
    }

    /// The replicas, each once.
    pub fn members(&self) -> BTreeSet<ReplicaId> {
        self.of.iter().copied().collect()
    }

    fn said_by(&self, id: ReplicaId) -> String {
        let all = self.of.iter().zip(&self.said).filter(|&(&from, _)| from == id).map(|(_, what)| what);
        all.unique().join(" and ")
    }
}

impl Overlap {
    fn of(trace: &Trace, quorums: &[Quorum], of: (usize, usize)) -> Self {
        let (a, b) = (&quorums[of.0], &quorums[of.1]);
        let (in_a, in_b) = (a.members(), b.members());
        let both: Vec<_> = in_a
            .intersection(&in_b)
            .map(|&replica| Both {
                replica,
                byzantine: trace.system.bound().byzantine.contains(&replica),
                said: (a.said_by(replica), b.said_by(replica)),
            })
            .collect();
        let honest = both.iter().any(|both| !both.byzantine);
        let none_honest = (!honest).then(|| none_honest(trace, in_a.len(), in_b.len()));
        Overlap { of, both, none_honest }
    }
}

/// Why two sets of these sizes need not share an honest replica.
fn none_honest(trace: &Trace, a: usize, b: usize) -> String {
    let committee = trace.system.setting().committee;
    let (n, f, sound) = (usize::from(committee.n()), usize::from(committee.f()), committee.quorum());
    let shared = (a + b).saturating_sub(n);
    let byzantine = trace.system.bound().byzantine.len();
    let sizes = format!("{a} of {n} replicas and {b} of {n} share at least {shared}");
    if shared > f {
        return format!("{sizes}, and {byzantine} are Byzantine, which is more than f = {f}");
    }
    let sound_shared = (2 * sound).saturating_sub(n);
    format!("{sizes}, and f = {f} may be Byzantine; two quorums of {sound} share at least {sound_shared}")
}
