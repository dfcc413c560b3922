//! The most general Byzantine adversary over a finite alphabet.
//!
//! At any time, to any subset of the replicas, it may send any well-formed message of the alphabet
//! that a Byzantine replica signs: conflicting pre-prepares, any prepare or commit, view changes with
//! any valid certificates or none, new views on any valid quorum of view changes. It knows every
//! message that was ever sent, and cannot forge: a certificate needs messages that exist.
//!
//! What it sends is a function of the set of messages that honest replicas have sent, and that
//! function is monotone; so its messages need not be steps, they are simply there to be delivered.
//!
//! It leaves out what every honest replica refuses in whatever state. It finds out by asking the
//! rulebook, so that a rulebook with a hole gets the messages that fit the hole: short quorums,
//! certificates without votes, proposals that do not follow from the view changes.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::repeat_n;
use std::sync::Arc;

use itertools::Itertools as _;

use super::bounds::{Conduct, System};
use super::panics::guarded;
use crate::pbft::{
    Batch, Chain, Checkpoint, ClientId, Commit, Decision, Digest, Message, NewView, Outcome, PrePrepare,
    Prepare, PreparedClaim, Proof, Proposal, ReplicaId, Reply, Rules, SeqNum, Signed, SigningKey, Snapshot,
    StableCheckpoint, StableClaim, StateTransfer, Timestamp, View, ViewChange, check_proposal,
};

/// What all Byzantine replicas together can send. In a simulated run that is not enumerated.
#[derive(Clone, Debug)]
pub struct Adversary {
    system: Arc<System>,
    batches: Vec<Batch>,
    proposals: Vec<Proposal>,
    /// View changes with a certificate that proves nothing, and those of them that are believed.
    unproved: Vec<Arc<Signed<ViewChange>>>,
    believed: Vec<Arc<Signed<ViewChange>>>,
    first: Vec<Message>,
}

/// What an adversary has seen that it can build on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Knowledge {
    /// The certificates that can be shown.
    pub claims: Vec<PreparedClaim>,
    /// The stable checkpoints that can be shown.
    pub stable: Vec<StableClaim>,
}

/// What a new view on these view changes proposes; nothing where the rule panics, which those will who accept it.
fn batches_of(rules: &dyn Rules, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
    guarded(|| rules.new_view_batches(changes)).unwrap_or_default()
}

/// For each of these senders its class, and its place among those who have sent the same.
fn alike<'a>(by_sender: impl Iterator<Item = &'a Vec<&'a Arc<Signed<ViewChange>>>>) -> Vec<(usize, usize)> {
    let mut classes: Vec<(Vec<&ViewChange>, usize)> = Vec::new();
    let mut alike = Vec::new();
    for sent in by_sender {
        let contents: Vec<&ViewChange> = sent.iter().map(|change| change.message()).collect();
        let class = classes.iter().position(|(known, _)| *known == contents).unwrap_or(classes.len());
        if class == classes.len() {
            classes.push((contents, 0));
        }
        alike.push((class, classes[class].1));
        classes[class].1 += 1;
    }
    alike
}

/// Whether of senders that are alike the first are taken: which of them, makes no difference to who accepts what
/// follows.
fn takes_the_first<T>(senders: &[(T, &(usize, usize))]) -> bool {
    let before =
        |class: usize, count: usize| senders.iter().filter(|&&(_, s)| s.0 == class && s.1 < count).count();
    senders.iter().all(|&(_, &(class, place))| before(class, place) == place)
}

impl Adversary {
    /// The adversary of a system.
    pub fn new(system: Arc<System>) -> Self {
        let rules = system.rules();
        let batches: Vec<_> = Some(&system)
            .filter(|system| !system.is_simulated())
            .map_or_else(Vec::new, |system| system.batches())
            .into_iter()
            .filter(|batch| batch.requests().iter().all(|r| rules.authentic(system.setting(), r)))
            .collect();
        let (proposals, unproved, believed, first) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut this = Adversary { system, batches, proposals, unproved, believed, first };
        this.proposals = this.all_proposals();
        this.unproved = this.all_unproved();
        let believes = |change: &&Arc<Signed<ViewChange>>| {
            rules.check_view_change(this.system.setting(), change).is_ok()
        };
        this.believed = this.unproved.iter().filter(believes).cloned().collect();
        this.first = this.unconditional();
        this
    }

    /// What it can send before anybody has sent anything.
    pub fn unconditional_messages(&self) -> &[Message] {
        &self.first
    }

    /// Everything that it can send, given what honest replicas have sent, without
    /// [`Self::unconditional_messages`].
    pub fn messages<'a>(&'a self, sent: impl IntoIterator<Item = &'a Message> + Clone) -> Vec<Message> {
        self.messages_from(&self.knowledge(sent.clone()), sent)
    }

    /// The same, given what certificates can be shown, and the view changes and CHECKPOINTs that
    /// honest replicas have sent.
    pub fn messages_from<'a>(
        &'a self,
        knowledge: &Knowledge,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Vec<Message> {
        if self.system.is_simulated() || self.system.is_silent() {
            return Vec::new();
        }
        let mut out = self.checkpoints(sent.clone());
        let changes = self.view_changes(knowledge);
        out.extend(self.new_views(sent.clone(), &changes));
        out.extend(changes.into_iter().map(Message::ViewChange));
        out.extend(self.states(knowledge, sent.clone()));
        out.extend(self.replies(sent));
        out
    }

    /// Whether a message can add to what the adversary can send.
    pub fn learns_from(&self, message: &Message) -> bool {
        match message {
            Message::Request(_) | Message::Read(_) | Message::Status(_) => false,
            // They prove decisions, which only states carry.
            Message::Commit(_) => self.system.exchanges_states(),
            _ => true,
        }
    }

    fn unconditional(&self) -> Vec<Message> {
        let system = &self.system;
        if system.byzantine().is_empty() || system.is_simulated() {
            return Vec::new();
        }
        match system.conduct() {
            None => {}
            Some(Conduct::Silent) => return Vec::new(),
            Some(Conduct::Stale) => return self.stale(),
        }
        let (rules, setting) = (system.rules(), system.setting());
        let null_allowed = rules.may_propose_null();
        let mut out: Vec<_> = self
            .proposals
            .iter()
            .filter(|p| null_allowed || !p.batch.is_null())
            .filter(|p| check_proposal(rules, setting, p).is_ok())
            .cloned()
            .map(Message::PrePrepare)
            .collect();
        if system.honest().iter().any(|to| rules.authentic_at(setting, to.id(), system.forged())) {
            out.push(Message::Request(system.forged().clone()));
        }
        for (key, id) in self.keys() {
            for (view, seq, batch) in self.places() {
                let digest = batch.digest();
                // Before a view change nobody proposes the null request, and votes for what nobody
                // can propose change nothing.
                if batch.is_null() && view == View(0) && !null_allowed {
                    continue;
                }
                if rules.may_prepare(setting.committee, view, id) {
                    out.push(Message::Prepare(key.sign(Prepare { view, seq, digest })));
                }
                out.push(Message::Commit(key.sign(Commit { view, seq, digest })));
            }
        }
        out
    }

    /// All that is sent by replicas whose conduct is [`Conduct::Stale`].
    fn stale(&self) -> Vec<Message> {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let request = self.system.requests().first().map(|request| Batch::new([request.clone()]));
        let is_first = |p: &&Proposal| {
            (p.view(), p.seq()) == (View(0), SeqNum(1))
                && Some(&p.batch) == request.as_ref()
                && check_proposal(rules, setting, p).is_ok()
        };
        let proposals = self.proposals.iter().filter(is_first).cloned().map(Message::PrePrepare);
        let change = |new_view| {
            let stable = StableCheckpoint::genesis().claim().clone();
            ViewChange { new_view, stable, prepared: Vec::new() }
        };
        let targets: Vec<_> = self.system.targets().collect();
        let changes = self.keys().cartesian_product(targets);
        proposals
            .chain(changes.map(|((key, _), view)| Message::ViewChange(Arc::new(key.sign(change(view))))))
            .collect()
    }

    /// Every proposal that a Byzantine replica can sign, whether or not it is primary, with the right
    /// digest or another batch's.
    fn all_proposals(&self) -> Vec<Proposal> {
        let mut out = Vec::new();
        for (key, _) in self.keys() {
            for (view, seq, batch) in self.places() {
                for named in &self.batches {
                    let pre_prepare = key.sign(PrePrepare { view, seq, digest: named.digest() });
                    out.push(Proposal { pre_prepare, batch: batch.clone() });
                }
            }
        }
        out
    }

    /// Every view change that reports one proposal of a Byzantine replica as prepared, without a vote.
    fn all_unproved(&self) -> Vec<Arc<Signed<ViewChange>>> {
        let genesis = StableCheckpoint::genesis();
        let claim = |p: &Proposal| PreparedClaim { proposal: p.clone(), prepares: Proof(Arc::from([])) };
        let views: Vec<_> = self.system.targets().collect();
        self.keys()
            .cartesian_product(views)
            .cartesian_product(&self.proposals)
            .map(|(((key, _), new_view), proposal)| {
                let stable = genesis.claim().clone();
                Arc::new(key.sign(ViewChange { new_view, stable, prepared: vec![claim(proposal)] }))
            })
            .collect()
    }

    fn keys(&self) -> impl Iterator<Item = (&SigningKey, ReplicaId)> {
        self.system.byzantine().iter().filter_map(|key| Some((key, key.owner().replica()?)))
    }

    fn places(&self) -> impl Iterator<Item = (View, SeqNum, &Batch)> {
        let bound = self.system.bound();
        (0..bound.views)
            .cartesian_product(1..=bound.slots)
            .cartesian_product(&self.batches)
            .map(|((view, seq), batch)| (View(view), SeqNum(seq), batch))
    }

    /// What certificates can be shown, from messages that exist.
    pub fn knowledge<'a>(&'a self, sent: impl IntoIterator<Item = &'a Message> + Clone) -> Knowledge {
        let claims = self.claims(sent.clone(), |_| true);
        let reported = sent.clone().into_iter().filter_map(|message| match message {
            Message::ViewChange(vc) => Some(&vc.stable),
            _ => None,
        });
        let stable_by_votes = self.stable_claims(sent);
        let genesis = StableCheckpoint::genesis();
        let mut stable: BTreeSet<&StableClaim> = reported.chain(&stable_by_votes).collect();
        stable.insert(genesis.claim());
        Knowledge { claims: claims.into_iter().collect(), stable: stable.into_iter().cloned().collect() }
    }

    /// The prepared certificates that can be shown for such proposals, from messages that exist.
    pub(super) fn claims<'a>(
        &'a self,
        sent: impl IntoIterator<Item = &'a Message>,
        is_wanted: impl Fn(&Proposal) -> bool,
    ) -> BTreeSet<PreparedClaim> {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let mut proposals: BTreeSet<&Proposal> = self.proposals.iter().filter(|p| is_wanted(p)).collect();
        let mut prepares: Vec<&Signed<Prepare>> = Vec::new();
        for message in self.first.iter().chain(sent) {
            match message {
                Message::PrePrepare(p) if is_wanted(p) => {
                    proposals.insert(p);
                }
                Message::NewView(nv) => proposals.extend(nv.proposals.iter().filter(|p| is_wanted(p))),
                Message::Prepare(p) => prepares.push(p),
                _ => {}
            }
        }
        let mut claims = BTreeSet::new();
        for proposal in proposals {
            // From the most fitting votes to none at all: a correct rulebook accepts the first kind or
            // nothing, a broken one shows how little is enough for it.
            let matching = |p: &Prepare| {
                (p.view, p.seq, p.digest) == (proposal.view(), proposal.seq(), proposal.digest())
            };
            let at_place = |p: &Prepare| (p.view, p.seq) == (proposal.view(), proposal.seq());
            let at_number = |p: &Prepare| p.seq == proposal.seq();
            let votes = |keep: &dyn Fn(&Prepare) -> bool| -> Vec<Signed<Prepare>> {
                prepares.iter().filter(|p| keep(p)).map(|&p| p.clone()).collect()
            };
            let candidates: [&dyn Fn() -> Vec<Signed<Prepare>>; 5] = [
                &|| votes(&matching),
                &|| votes(&at_place),
                &|| votes(&at_number),
                &|| repeat_n(votes(&matching), setting.committee.quorum()).flatten().collect(),
                &Vec::new,
            ];
            let shown = candidates.iter().find_map(|votes| {
                let votes: Arc<[_]> = Arc::from(votes());
                let claim = PreparedClaim { proposal: proposal.clone(), prepares: Proof(votes) };
                rules.check_prepared(setting, &claim).is_ok().then_some(claim)
            });
            claims.extend(shown);
        }
        claims
    }

    /// The checkpoints that CHECKPOINTs which exist, and those of Byzantine replicas, prove stable.
    fn stable_claims<'a>(&self, sent: impl IntoIterator<Item = &'a Message>) -> Vec<StableClaim> {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let mut votes: BTreeMap<Checkpoint, Vec<Signed<Checkpoint>>> = BTreeMap::new();
        for message in sent {
            if let Message::Checkpoint(vote) = message {
                votes.entry(*vote.message()).or_default().push(vote.clone());
            }
        }
        let claims = votes.into_iter().map(|(checkpoint, mut votes)| {
            votes.extend(self.keys().map(|(key, _)| key.sign(checkpoint)));
            let Checkpoint { seq, state } = checkpoint;
            StableClaim { seq, state, checkpoints: Proof(votes.into()) }
        });
        claims.filter(|claim| rules.check_stable(setting, claim).is_ok()).collect()
    }

    /// Every CHECKPOINT for a state that an honest replica has announced, and one for none.
    fn checkpoints<'a>(&self, sent: impl IntoIterator<Item = &'a Message>) -> Vec<Message> {
        let announced: BTreeSet<Checkpoint> = sent
            .into_iter()
            .filter_map(|message| match message {
                Message::Checkpoint(c) => Some(*c.message()),
                _ => None,
            })
            .flat_map(|c| [c, Checkpoint { state: Digest::ZERO, ..c }])
            .collect();
        self.keys()
            .cartesian_product(&announced)
            .map(|((key, _), &checkpoint)| Message::Checkpoint(key.sign(checkpoint)))
            .collect()
    }

    /// Every state that can be passed off as that of a stable checkpoint: those that exist, and one that
    /// nobody ever had; alone, or with a batch that was decided after it. Only where replicas exchange
    /// states. A proof without a state is left out: it says no more than its CHECKPOINTs, which exist.
    fn states<'a>(
        &'a self,
        knowledge: &Knowledge,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Vec<Message> {
        if !self.system.exchanges_states() {
            return Vec::new();
        }
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let transfers = sent.clone().into_iter().filter_map(|message| match message {
            Message::State(transfer) => transfer.snapshot.clone(),
            _ => None,
        });
        let real: BTreeSet<Arc<Snapshot>> = transfers.chain([Arc::new(Snapshot::genesis())]).collect();
        let decided: Vec<Vec<Decision>> =
            [Vec::new()].into_iter().chain(self.decisions(sent).into_iter().map(|d| vec![d])).collect();
        let mut out = Vec::new();
        for stable in &knowledge.stable {
            let forged = Snapshot { seq: stable.seq, head: Digest::ZERO, clients: BTreeMap::new() };
            for (snapshot, decided) in
                real.iter().cloned().chain([Arc::new(forged)]).cartesian_product(&decided)
            {
                let decided = decided.clone();
                let transfer = StateTransfer { stable: stable.clone(), snapshot: Some(snapshot), decided };
                if rules.check_state(setting, &transfer).is_ok() {
                    let signed = self.keys().map(|(key, _)| Arc::new(key.sign(transfer.clone())));
                    out.extend(signed.map(Message::State));
                }
            }
        }
        out
    }

    /// The decisions that COMMITs which exist, and those of Byzantine replicas, prove.
    fn decisions<'a>(&'a self, sent: impl IntoIterator<Item = &'a Message>) -> BTreeSet<Decision> {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let mut votes: BTreeMap<Commit, Vec<Signed<Commit>>> = BTreeMap::new();
        for message in self.first.iter().chain(sent) {
            if let Message::Commit(vote) = message {
                votes.entry(*vote.message()).or_default().push(vote.clone());
            }
        }
        let decisions = votes.into_iter().filter_map(|(Commit { view, seq, digest }, votes)| {
            let batch = self.batches.iter().find(|batch| batch.digest() == digest)?.clone();
            Some(Decision { seq, batch, commits: Proof((view, votes.into())) })
        });
        decisions.filter(|decision| rules.check_decision(setting, decision).is_ok()).collect()
    }

    /// Every reply to a client's request that is true, was true once, or never was.
    fn replies<'a>(&self, sent: impl IntoIterator<Item = &'a Message>) -> Vec<Message> {
        let system = &self.system;
        let mut told: BTreeMap<ClientId, BTreeSet<Outcome>> = BTreeMap::new();
        for client in system.clients() {
            told.entry(client.id()).or_default().insert(if system.reads(client.id()) {
                Outcome::Read { height: SeqNum::GENESIS, head: Chain::genesis().head() }
            } else {
                Outcome::Appended { seq: SeqNum(1), position: 0, parent: Digest::ZERO }
            });
        }
        for message in sent {
            let Message::Reply(reply) = message else { continue };
            told.entry(reply.client).or_default().insert(reply.result);
            // Whoever knows what a block was appended to knows what a reader saw before.
            if let Outcome::Appended { seq, parent, .. } = reply.result {
                let before = Outcome::Read { height: SeqNum(seq.0 - 1), head: parent };
                for client in system.clients().iter().filter(|client| system.reads(client.id())) {
                    told.entry(client.id()).or_default().insert(before);
                }
            }
        }
        let reply = |key: &SigningKey, client, result| {
            let reply = Reply { view: View(0), timestamp: Timestamp(1), client, result };
            Message::Reply(key.sign(reply))
        };
        let results = told.iter().flat_map(|(&client, results)| results.iter().map(move |&r| (client, r)));
        self.keys()
            .cartesian_product(results)
            .map(|((key, _), (client, result))| reply(key, client, result))
            .collect()
    }

    /// Every valid view change: for each view, each stable checkpoint and, at each sequence number,
    /// any certificate or none.
    fn view_changes(&self, knowledge: &Knowledge) -> Vec<Arc<Signed<ViewChange>>> {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let mut at: BTreeMap<SeqNum, Vec<Option<&PreparedClaim>>> = BTreeMap::new();
        for claim in &knowledge.claims {
            at.entry(claim.seq()).or_insert_with(|| vec![None]).push(Some(claim));
        }
        let choices: Vec<Vec<PreparedClaim>> = if at.is_empty() {
            vec![Vec::new()]
        } else {
            at.into_values()
                .multi_cartesian_product()
                .map(|claims| claims.into_iter().flatten().cloned().collect())
                .collect()
        };
        let mut out = Vec::new();
        for (key, _) in self.keys() {
            for new_view in self.system.targets() {
                for (stable, prepared) in knowledge.stable.iter().cartesian_product(&choices) {
                    let change = ViewChange { new_view, stable: stable.clone(), prepared: prepared.clone() };
                    if rules.check_view_change(setting, &change).is_ok() {
                        out.push(Arc::new(key.sign(change)));
                    }
                }
            }
        }
        let fresh: Vec<_> = self.believed.iter().filter(|change| !out.contains(change)).cloned().collect();
        out.extend(fresh);
        out
    }

    /// Every valid new view, one for each list of proposals: which view changes justify it makes no
    /// difference to those who accept it.
    fn new_views<'a>(
        &self,
        sent: impl IntoIterator<Item = &'a Message>,
        own: &[Arc<Signed<ViewChange>>],
    ) -> Vec<Message> {
        let system = &self.system;
        let (rules, setting, bound) = (system.rules(), system.setting(), system.bound());
        let honest = sent.into_iter().filter_map(|message| match message {
            Message::ViewChange(change) => Some(change),
            _ => None,
        });
        let changes: Vec<_> = honest.chain(own).collect();
        let mut out = BTreeMap::new();
        for (key, id) in self.keys() {
            for view in system.targets() {
                if !rules.may_propose(setting.committee, view, id) {
                    continue;
                }
                let mut by_sender: BTreeMap<_, Vec<_>> = BTreeMap::new();
                for &change in changes.iter().filter(|change| rules.justifies(change, view)) {
                    by_sender.entry(change.signer()).or_default().push(change);
                }
                let quorum = guarded(|| rules.view_change_quorum(setting.committee));
                let quorum = quorum.unwrap_or_else(|_| setting.committee.quorum());
                // A larger set than a quorum can matter only where the certificates for the slots
                // come from more senders than a quorum has.
                let largest = quorum.max(bound.slots as usize).min(by_sender.len());
                let mut offer = |changes: Vec<Arc<Signed<ViewChange>>>, batches: &[(SeqNum, Batch)]| {
                    let content: Vec<_> = batches.iter().map(|(seq, b)| (*seq, b.digest())).collect();
                    let start = changes.iter().map(|change| change.stable.seq).max();
                    if out.contains_key(&(id, view, start, content.clone())) {
                        return;
                    }
                    let sign = |(seq, batch): &(SeqNum, Batch)| Proposal {
                        pre_prepare: key.sign(PrePrepare { view, seq: *seq, digest: batch.digest() }),
                        batch: batch.clone(),
                    };
                    let proposals = batches.iter().map(sign).collect();
                    let new_view = NewView { view, view_changes: Proof(changes), proposals };
                    if rules.check_new_view(setting, &new_view).is_ok() {
                        out.insert(
                            (id, view, start, content),
                            Message::NewView(Arc::new(key.sign(new_view))),
                        );
                    }
                };
                let mut some_quorum = None;
                let classes = alike(by_sender.values());
                for size in quorum..=largest {
                    for senders in by_sender.values().zip(&classes).combinations(size) {
                        if !takes_the_first(&senders) {
                            continue;
                        }
                        for set in senders.into_iter().map(|(sent, _)| sent).multi_cartesian_product() {
                            let contents: Vec<_> = set.iter().map(|change| change.message()).collect();
                            let batches = batches_of(rules, &contents);
                            let set: Vec<_> = set.into_iter().map(|&c| Arc::clone(c)).collect();
                            some_quorum.get_or_insert_with(|| set.clone());
                            offer(set, &batches);
                        }
                    }
                }
                // One view change as often as it takes, for a rulebook that counts it so often.
                for change in own.iter().filter(|change| rules.justifies(change, view)) {
                    let set = vec![Arc::clone(change); quorum];
                    let batches = batches_of(rules, &vec![change.message(); quorum]);
                    offer(set, &batches);
                }
                // Proposals that follow from nothing, for a rulebook that does not recompute them; on a
                // quorum, on none, and on one in which somebody's certificate proves nothing.
                let bad = self.unproved.iter().find(|change| change.new_view == view);
                let beside =
                    by_sender.iter().filter(|&(&sender, _)| bad.is_some_and(|b| b.signer() != sender));
                let beside = beside.map(|(_, changes)| Arc::clone(changes[0]));
                let spoilt: Vec<_> = beside.take(quorum.saturating_sub(1)).chain(bad.cloned()).collect();
                let sets = [some_quorum.unwrap_or_default(), spoilt, Vec::new()];
                for count in 0..=bound.slots {
                    for content in (0..count).map(|_| &self.batches).multi_cartesian_product() {
                        let batches: Vec<_> = (1..).map(SeqNum).zip(content.into_iter().cloned()).collect();
                        for set in &sets {
                            offer(set.clone(), &batches);
                        }
                    }
                }
            }
        }
        out.into_values().collect()
    }
}
