//! The most general Byzantine adversary over a finite alphabet, derived from the grammar of messages.
//!
//! At any time, to any subset of the replicas, it may send any well-formed message of the alphabet
//! that a Byzantine replica signs. A message is built by its grammar:
//!
//! - plain fields ([`Alphabet`]): the views and numbers of the bound, 0, the batches and their digests, states of the
//!   service, and a digest that nothing has;
//! - parts that honest replicas and clients have signed, if they exist; parts that Byzantine replicas sign, whatever they say;
//!   and forged parts, whose signature does not verify or whose body does not fit, since a rule that forgets to look
//!   takes them;
//! - sets of signed parts over what exists, in all ways that can matter to a check which looks at any subset of the fields:
//!   see [`votes`] for proofs, [`view_change`] for lists of certificates, [`new_view`] for lists of view changes.
//!
//! It never gives a signature that verifies in the name of an honest replica.
//!
//! What it sends is a function of the set of messages that honest replicas have sent, and that
//! function is monotone; so its messages need not be steps, they are simply there to be delivered.
//!
//! Only messages are left out that every honest replica refuses in whatever state: those that the replica's own check of the
//! whole message refuses ([`Rules::check_view_change`] for a VIEW-CHANGE, and so on), which
//! depends on nothing but the message. A check of a part prunes nothing: the rulebook may forget to ask it. A check that panics
//! refuses nothing ([`System::rules`]): whoever gets the message panics too. What has to be known to make a message is, where the
//! rule for it panics, taken to be nothing, or the paper's.
//!
//! That this is as general as it claims is a test: whatever a message that is drawn by the same grammar does to a
//! replica, one that is listed here does too (`tests/it/adversary.rs`).

mod alphabet;
mod certificates;
mod conduct;
mod memo;
mod new_view;
mod state;
mod view_change;
pub(crate) mod votes;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

pub use self::alphabet::Alphabet;
use self::memo::{Memo, Part, Printed, Recall};
use self::view_change::Changes;
use super::panics::guarded;
use super::system::System;
use crate::engine::Fingerprint;
use crate::interrupt;
use crate::pbft::{
    Batch, Committee, Message, PreparedClaim, Proposal, Replica, Rules, SeqNum, StableClaim, check_proposal,
};

/// A family of messages, which the adversary can do without: so that a test sees what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Signed proposals with a body that does not fit.
    OtherBodies,
    /// Parts that nobody signed.
    Forged,
    /// Votes and view changes that are put forward several times.
    Repeated,
    /// Votes that agree with a statement in some fields only.
    OtherFields,
    /// States that nobody was ever in.
    MadeUp,
    /// New views with proposals that are not due.
    AnyProposals,
    /// New views on view changes that are refused by themselves.
    Spoilt,
    /// New views on view changes for other views.
    OtherViews,
    /// New views on view changes in another order.
    OtherOrders,
    /// View changes with certificates in the wrong place, or beside one that proves nothing.
    Misplaced,
    /// Proofs that the rulebook's own check refuses, in messages that it takes all the same.
    Unproved,
}

/// What all Byzantine replicas together can send. In a simulated run that is not enumerated.
pub struct Adversary {
    system: Arc<System>,
    alphabet: Alphabet,
    first: Vec<Message>,
    without: Option<Family>,
    memo: RwLock<Memo>,
}

/// The proofs that an adversary can put forward, from what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Proofs {
    /// The certificates that can be shown.
    pub claims: Vec<PreparedClaim>,
    /// The stable checkpoints that can be shown.
    pub stable: Vec<StableClaim>,
    /// All certificates that can be put forward, whether or not they prove anything.
    parts: Arc<[Part]>,
    stable_parts: Arc<[Part]>,
    /// Proposals of honest replicas with another body that somebody takes.
    rebodied: Vec<Proposal>,
    /// What stands for the proposals of honest replicas.
    proposals: Fingerprint,
    /// What stands for all of it.
    key: Fingerprint,
}

/// What the adversary can send beside the proposals of others with another body, in the order in which it is listed.
#[derive(Default)]
pub(crate) struct Made {
    pub checkpoints: Vec<Message>,
    /// New views, one for each content, with what stands for it; in any order.
    pub new_views: Vec<Printed>,
    /// View changes, which follow from what is known alone.
    pub changes: Arc<Changes>,
    pub others: Vec<Message>,
}

/// New views in the order in which they are listed.
pub(crate) fn in_order(mut new_views: Vec<Printed>) -> Vec<Printed> {
    new_views.sort_by(|(_, one), (_, other)| one.cmp(other));
    new_views
}

impl Proofs {
    /// The proposals of honest replicas with another body that somebody takes.
    pub fn rebodied(&self) -> impl Iterator<Item = Message> + '_ {
        self.rebodied.iter().cloned().map(Message::PrePrepare)
    }
}

impl Adversary {
    /// The adversary of a system.
    pub fn new(system: Arc<System>) -> Self {
        let alphabet = Alphabet::new(&system);
        let mut this =
            Adversary { system, alphabet, first: Vec::new(), without: None, memo: RwLock::default() };
        this.first = this.unconditional();
        this
    }

    /// The adversary without a family of messages.
    #[must_use]
    pub fn without(self, family: Family) -> Self {
        let mut this = Adversary { without: Some(family), memo: RwLock::default(), ..self };
        if family == Family::MadeUp {
            this.alphabet.made_up.clear();
        }
        if family == Family::OtherBodies {
            this.alphabet.proposals.retain(|proposal| proposal.digest() == proposal.batch.digest());
        }
        if family == Family::Forged {
            this.alphabet.forgeable.clear();
            this.alphabet.proposals.retain(|proposal| !proposal.pre_prepare.is_forged());
        }
        this.first = this.unconditional();
        this
    }

    fn has(&self, family: Family) -> bool {
        self.without != Some(family)
    }

    fn memo(&self) -> RwLockWriteGuard<'_, Memo> {
        self.memo.write().unwrap_or_else(PoisonError::into_inner)
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

    /// Everything that it can send, given what proofs can be put forward, and the view changes, CHECKPOINTs, COMMITs,
    /// states and replies that honest participants have sent.
    pub(crate) fn messages_from<'a>(
        &'a self,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Vec<Message> {
        let made = self.made_from(knowledge, sent);
        let mut out = made.checkpoints;
        out.extend(knowledge.rebodied());
        out.extend(in_order(made.new_views).into_iter().map(|(_, new_view)| Message::NewView(new_view)));
        out.extend(made.changes.messages());
        out.extend(made.others);
        out
    }

    /// The parts of what it can send, given the same.
    pub(crate) fn made_from<'a>(
        &'a self,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Made {
        self.made_before(knowledge, sent.clone()).unwrap_or_else(|| {
            let made = self.made(&mut Recall::OrLearn(&mut self.memo()), knowledge, sent);
            // What is left out in silence would be a verdict about a weaker adversary.
            assert!(made.is_some(), "who may find out more leaves nothing out");
            made.unwrap_or_default()
        })
    }

    /// The parts of what it can send, given the same, if it has made all of them before.
    pub(crate) fn made_before<'a>(
        &'a self,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Option<Made> {
        let memo = self.memo.read().unwrap_or_else(PoisonError::into_inner);
        self.made(&mut Recall::Only(&memo), knowledge, sent)
    }

    fn made<'a>(
        &'a self,
        recall: &mut Recall<'_>,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Option<Made> {
        if self.makes_nothing() {
            return Some(Made::default());
        }
        let changes = self.view_changes(recall, knowledge)?;
        let new_views = self.new_views(recall, knowledge, &changes, sent.clone())?;
        let mut others = Vec::new();
        if self.system.exchanges_states() {
            others = self.states(recall.learn()?, knowledge, sent.clone());
        }
        others.extend(self.replies(sent.clone()));
        Some(Made { checkpoints: self.checkpoints(sent), new_views, changes, others })
    }

    fn makes_nothing(&self) -> bool {
        self.system.is_simulated() || self.system.is_silent() || self.alphabet.keys.is_empty()
    }

    /// Whether a message can add to what the adversary can send.
    pub(crate) fn learns_from(&self, message: &Message) -> bool {
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
            Some(conduct) => return conduct::messages(system, conduct),
        }
        let (rules, setting) = (system.rules(), system.setting());
        let proposals = self.alphabet.proposals.iter().filter(|proposal| self.may_be_taken(proposal));
        let mut out: Vec<_> = proposals.cloned().map(Message::PrePrepare).collect();
        let mut waiting = system.requests().to_vec();
        let believes = |to: &Replica| rules.authentic_at(setting, to.id(), system.forged());
        if system.honest().iter().any(|to| guarded(|| believes(to)).unwrap_or(true)) {
            out.push(Message::Request(system.forged().clone()));
            waiting.push(system.forged().clone());
        }
        let asked_for: Vec<_> = waiting.into_iter().map(|request| Batch::new([request]).digest()).collect();
        let count_together = |view, one, other| {
            let of = |digest| (rules.prepare_key(view, digest), rules.commit_key(view, digest));
            let keys = guarded(|| (of(one), of(other)));
            keys.map_or(true, |(one, other)| one.0 == other.0 || one.1 == other.1)
        };
        let mut votes = self.alphabet.votes(|it| self.may_be_taken(it), &asked_for, count_together);
        let looks_away = |part| guarded(|| rules.verifies(part, false)).unwrap_or(true);
        votes.extend(self.alphabet.forged_votes(&votes, looks_away));
        out.extend(votes.into_iter().filter(|vote| self.may_be_counted(vote)));
        if system.has_checkpoints() {
            let made_up = self.alphabet.made_up_checkpoints();
            out.extend(made_up.flat_map(|it| self.alphabet.checkpoints(it)).map(Message::Checkpoint));
        }
        out
    }

    /// Whether some number that a checkpoint may lie at lets a replica look at this one.
    fn may_be_in_window(&self, seq: SeqNum) -> bool {
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let mut lows = self.alphabet.numbers.iter();
        lows.any(|&low| guarded(|| rules.in_window(setting, low, seq)).unwrap_or(true))
    }

    /// Whether some replica counts a vote in some state: what its check does not ask of the state.
    fn may_be_counted(&self, vote: &Message) -> bool {
        interrupt::poll();
        let (rules, committee) = (self.system.rules(), self.system.setting().committee);
        match vote {
            Message::Prepare(vote) => {
                let may_prepare = || {
                    let view = rules.prepare_key(vote.view, vote.digest).view;
                    let from = vote.signer().replica();
                    let mut counts =
                        view.zip(from).is_none_or(|(view, from)| rules.may_prepare(committee, view, from));
                    counts |= rules.prepare_counts_as_commit();
                    counts
                };
                self.may_be_in_window(vote.seq) && guarded(may_prepare).unwrap_or(true)
            }
            Message::Commit(vote) => self.may_be_in_window(vote.seq),
            _ => true,
        }
    }

    /// Whether some replica takes a proposal in some state: what its check does not ask of the state.
    fn may_be_taken(&self, proposal: &Proposal) -> bool {
        interrupt::poll();
        let (rules, setting) = (self.system.rules(), self.system.setting());
        if !self.may_be_in_window(proposal.seq()) {
            return false;
        }
        let is_allowed = rules.may_propose_null() || !proposal.batch.is_null();
        is_allowed && check_proposal(rules, setting, proposal).is_ok()
    }
}

/// A quorum by this rule; where the rule panics, one of the paper's size, so that who is sent so much panics by itself.
pub(crate) fn quorum(
    rules: &dyn Rules,
    rule: fn(&dyn Rules, Committee) -> usize,
    committee: Committee,
) -> usize {
    guarded(|| rule(rules, committee)).unwrap_or_else(|_| committee.quorum())
}

impl fmt::Debug for Adversary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adversary").field("alphabet", &self.alphabet).finish_non_exhaustive()
    }
}
