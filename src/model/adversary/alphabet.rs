//! The plain fields of the messages: which views, numbers, batches, digests and states the adversary speaks of.

use std::collections::BTreeSet;
use std::sync::Arc;

use itertools::Itertools as _;

use crate::model::panics::guarded;
use crate::model::system::System;
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, Message, PrePrepare, Prepare, Principal, Proposal, Record,
    ReplicaId, SeqNum, Signed, SignedPart, SigningKey, Snapshot, Uncompared, View,
};

/// The most states of the service that are worked out beforehand.
const MOST_STATES: usize = 1 << 10;

/// What Byzantine replicas can speak of within a bound.
#[derive(Clone, Debug)]
pub struct Alphabet {
    /// Byzantine replicas and their keys.
    pub keys: Vec<(SigningKey, ReplicaId)>,
    /// Whose signatures can be forged: the honest replicas'.
    pub forgeable: Vec<Principal>,
    /// The views of the bound.
    pub views: Vec<View>,
    /// The views that replicas may move to.
    pub targets: Vec<View>,
    /// The sequence numbers of the bound, and 0.
    pub numbers: Vec<SeqNum>,
    /// Everything that may be proposed: each request, the forged one, and the null request.
    pub batches: Vec<Batch>,
    /// Their digests, and one that nothing has.
    pub digests: Vec<Digest>,
    /// Every proposal that can be made of these, signed by a Byzantine replica or in the name of an honest primary.
    pub proposals: Vec<Proposal>,
    /// The states that the service can be in after these batches.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// For each number a state that nobody has ever been in.
    pub made_up: Vec<Arc<Snapshot>>,
}

impl Alphabet {
    /// The alphabet of a system; an empty one where what the adversary sends is not listed.
    pub fn new(system: &System) -> Self {
        let keys = system.byzantine().iter().filter_map(|key| Some((key.clone(), key.owner().replica()?)));
        let mut this = Alphabet {
            keys: keys.collect(),
            forgeable: system.honest().iter().map(|replica| Principal::Replica(replica.id())).collect(),
            views: Vec::new(),
            targets: Vec::new(),
            numbers: Vec::new(),
            batches: Vec::new(),
            digests: Vec::new(),
            proposals: Vec::new(),
            snapshots: Vec::new(),
            made_up: Vec::new(),
        };
        if system.is_simulated() || this.keys.is_empty() {
            return this;
        }
        let bound = system.bound();
        this.views = (0..bound.scope.views).map(View).collect();
        this.targets = system.targets().collect();
        this.numbers = (0..=bound.scope.slots).map(SeqNum).collect();
        this.batches = system.batches();
        this.digests = this.batches.iter().map(Batch::digest).chain([Digest::ZERO]).collect();
        this.proposals = this.all_proposals(system);
        this.made_up = this.numbers.iter().map(|&seq| Arc::new(made_up(seq))).collect();
        if system.exchanges_states() {
            this.snapshots = this.all_states(system);
        }
        this
    }

    fn places(&self) -> impl Iterator<Item = (View, SeqNum)> + '_ {
        self.views.iter().copied().cartesian_product(self.numbers.iter().copied())
    }

    fn all_proposals(&self, system: &System) -> Vec<Proposal> {
        let (rules, committee) = (system.rules(), system.setting().committee);
        let mut out = Vec::new();
        for (view, seq) in self.places() {
            for (batch, &digest) in self.batches.iter().cartesian_product(&self.digests) {
                let own = self.keys.iter().map(|(key, _)| key.sign(PrePrepare { view, seq, digest }));
                out.extend(own.map(|pre_prepare| Proposal { pre_prepare, batch: batch.clone() }));
            }
            let Ok(primary) = guarded(|| rules.primary(committee, view)) else { continue };
            let primary = Principal::Replica(primary);
            for batch in self.batches.iter().filter(|_| self.forgeable.contains(&primary)) {
                let pre_prepare = Signed::forged(primary, PrePrepare { view, seq, digest: batch.digest() });
                out.push(Proposal { pre_prepare, batch: batch.clone() });
            }
        }
        out
    }

    /// Every PREPARE that a Byzantine replica can sign.
    pub fn prepares(&self) -> impl Iterator<Item = Signed<Prepare>> + '_ {
        self.ballots(&|_| true, |key, view, seq, digest| key.sign(Prepare { view, seq, digest }))
    }

    /// Every COMMIT that a Byzantine replica can sign.
    pub fn commits(&self) -> impl Iterator<Item = Signed<Commit>> + '_ {
        self.ballots(&|_| true, |key, view, seq, digest| key.sign(Commit { view, seq, digest }))
    }

    /// The PREPAREs and COMMITs of Byzantine replicas that are sent by themselves; `may_be_taken` says of which proposals
    /// somebody may take a PRE-PREPARE, `asked_for` what honest primaries may propose, and `count_together` of which digests votes of
    /// a view are counted together.
    ///
    /// Tallies are read only by the key of a proposal that was accepted, and in view 0, which no NEW-VIEW begins, only what
    /// a PRE-PREPARE proposes is accepted. So a vote for what nobody can propose counts for nothing, unless it counts
    /// together with votes for what somebody can.
    pub fn votes(
        &self,
        may_be_taken: impl Fn(&Proposal) -> bool,
        asked_for: &[Digest],
        count_together: impl Fn(View, Digest, Digest) -> bool,
    ) -> Vec<Message> {
        let taken: BTreeSet<(View, Digest)> = self
            .proposals
            .iter()
            .filter(|proposal| may_be_taken(proposal))
            .map(|proposal| (proposal.view(), proposal.digest()))
            .collect();
        let is_proposed = |view: View, digest: Digest| {
            view > View(0) || taken.contains(&(view, digest)) || asked_for.contains(&digest)
        };
        let is_sent = |&(view, digest): &(View, Digest)| {
            let is_mixed_up = |&other: &Digest| {
                other != digest && is_proposed(view, other) && count_together(view, digest, other)
            };
            is_proposed(view, digest) || self.digests.iter().any(is_mixed_up)
        };
        let prepares =
            self.ballots(&is_sent, |key, view, seq, digest| key.sign(Prepare { view, seq, digest }));
        let commits = self.ballots(&is_sent, |key, view, seq, digest| key.sign(Commit { view, seq, digest }));
        prepares.map(Message::Prepare).chain(commits.map(Message::Commit)).collect()
    }

    /// Copies of these votes in the names of honest replicas. Who looks at the signatures of such a part refuses it in every
    /// state, so there is none of it unless the rulebook `looks_away`.
    pub fn forged_votes(&self, votes: &[Message], looks_away: impl Fn(SignedPart) -> bool) -> Vec<Message> {
        let Some((key, _)) = self.keys.first() else { return Vec::new() };
        let (prepares, commits) = (looks_away(SignedPart::Prepare), looks_away(SignedPart::Commit));
        let forged = |vote: &Message, who: Principal| match vote {
            Message::Prepare(vote) if prepares => {
                Some(Message::Prepare(Signed::forged(who, *vote.message())))
            }
            Message::Commit(vote) if commits => Some(Message::Commit(Signed::forged(who, *vote.message()))),
            _ => None,
        };
        // Each Byzantine replica casts them all.
        let cast = votes.iter().filter(|vote| vote.signer() == key.owner());
        cast.cartesian_product(&self.forgeable).filter_map(|(vote, &who)| forged(vote, who)).collect()
    }

    fn ballots<'a, T>(
        &'a self,
        is_cast: &'a dyn Fn(&(View, Digest)) -> bool,
        sign: impl Fn(&SigningKey, View, SeqNum, Digest) -> T + 'a,
    ) -> impl Iterator<Item = T> + 'a {
        let ballots = self.places().cartesian_product(self.digests.iter().copied());
        let ballots = ballots.filter(|&((view, _), digest)| is_cast(&(view, digest)));
        ballots
            .cartesian_product(&self.keys)
            .map(move |(((view, seq), digest), (key, _))| sign(key, view, seq, digest))
    }

    /// A CHECKPOINT of each Byzantine replica.
    pub fn checkpoints(&self, checkpoint: Checkpoint) -> impl Iterator<Item = Signed<Checkpoint>> + '_ {
        self.keys.iter().map(move |(key, _)| key.sign(checkpoint))
    }

    /// The votes for checkpoints that no honest replica is in.
    pub fn made_up_checkpoints(&self) -> impl Iterator<Item = Checkpoint> + '_ {
        self.made_up.iter().map(|snapshot| Checkpoint { seq: snapshot.seq, state: snapshot.digest() })
    }

    /// The states after every row of batches, as an honest replica gets into them that knows only what was decided.
    fn all_states(&self, system: &System) -> Vec<Arc<Snapshot>> {
        let Some(replica) = system.honest().first() else { return Vec::new() };
        let mut rows: Vec<Vec<Record>> = vec![Vec::new()];
        let mut states = Vec::new();
        for &seq in self.numbers.iter().filter(|seq| seq.0 > 0) {
            if rows.len() * self.batches.len() > MOST_STATES {
                break;
            }
            let decided = |batch: &Batch| {
                let commits = Uncompared((View(0), Arc::from([])));
                Record::Decided(Decision { seq, batch: batch.clone(), commits })
            };
            let longer = |row: &Vec<Record>| {
                let row = row.clone();
                self.batches
                    .iter()
                    .map(move |batch| row.iter().cloned().chain([decided(batch)]).collect_vec())
            };
            rows = rows.iter().flat_map(longer).collect();
            // Who panics over a row gets into no state.
            let after = |row: &Vec<Record>| guarded(|| Arc::new(replica.recover(row).snapshot())).ok();
            states.extend(rows.iter().filter_map(after));
        }
        states.sort_unstable();
        states.dedup();
        states
    }
}

/// A state that nobody has ever been in.
fn made_up(seq: SeqNum) -> Snapshot {
    Snapshot { seq, head: Digest::ZERO, clients: Default::default() }
}
