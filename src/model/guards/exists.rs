//! What exists: what was there from the start, what honest replicas have sent, and what the adversary makes of it.

use std::sync::Arc;

use crate::hashed::{IndexMap, IndexSet};
use rustc_hash::FxHashMap;

use super::GuardModel;
use super::ids::{KnowledgeId, MessageId, MessageSet};
use super::locals::Sets;
use super::messages::Messages;
use super::saved::AVAILABLE;
use super::state::GuardState;
use super::tables::Tables;
use crate::engine::Fingerprint;
use crate::interrupt;
use crate::memory;
use crate::model::adversary::{Adversary, Made, Proofs, in_order};
use crate::model::numbers::Interned;
use crate::model::system::System;
use crate::pbft::{Message, PreparedClaim, View};

/// What exists where some messages were sent, as far as it was asked for.
#[derive(Default)]
pub(super) struct Exists {
    /// By what each participant has sent: nobody sends what another one has signed, so that this tells apart what the
    /// sets have together.
    pub available: FxHashMap<Sets, Arc<MessageSet>>,
    /// Each of these once: there are fewer than there are ways to come to them.
    distinct: IndexSet<Arc<MessageSet>>,
    /// By the messages that the adversary knows, the number of what it makes of them.
    numbers: IndexMap<MessageSet, KnowledgeId>,
    knowledge: Interned<KnowledgeId, Proofs>,
    /// By the number of what it knows and by what else it has seen, what it can send.
    byzantine: IndexMap<Basis, Arc<MessageSet>>,
    /// By the number of what it knows, what it can send whatever else it has seen.
    own: FxHashMap<KnowledgeId, MessageSet>,
    /// The numbers of new views, by what stands for their content.
    new_views: FxHashMap<Fingerprint, MessageId>,
}

/// The number of what the adversary knows, and what else it has seen.
pub(super) type Basis = (KnowledgeId, MessageSet);

/// What was found to exist without asking the adversary anything new.
pub(super) enum Looked {
    Known(MessageSet),
    /// Besides these, what the adversary makes of that.
    Asks(Basis, MessageSet),
    /// Nothing.
    Not,
}

/// Of what was sent, what the adversary makes proofs of, and what else it learns from.
fn seen(messages: &Messages, system: &System, sent: &MessageSet) -> (MessageSet, MessageSet) {
    // With checkpoints in the bound, view changes carry stable checkpoints that can be shown, and
    // commits prove what was decided after them.
    let mut basis = sent.intersection(&messages.votes);
    let mut reports = sent.intersection(&messages.reports);
    if system.exchanges_states() {
        basis.union_with(&reports);
        reports.union_with(&sent.intersection(&messages.commits));
    }
    (basis, reports)
}

impl Exists {
    /// What exists where these messages were sent, as far as that is known.
    pub fn look(&self, messages: &Messages, system: &System, sent: &MessageSet) -> Looked {
        let mut available = messages.unconditional.clone();
        available.union_with(sent);
        if system.byzantine().is_empty() || system.is_silent() {
            return Looked::Known(available);
        }
        let (basis, reports) = seen(messages, system, sent);
        let Some(&knowledge) = self.numbers.get(&basis) else { return Looked::Not };
        let basis = (knowledge, reports);
        match self.byzantine.get(&basis) {
            Some(byzantine) => {
                available.union_with(byzantine);
                Looked::Known(available)
            }
            None => Looked::Asks(basis, available),
        }
    }

    /// What the adversary makes of this, if it has made all parts of it before and all of them were met.
    pub fn made_of_known(
        &self,
        messages: &Messages,
        adversary: &Adversary,
        basis: &Basis,
    ) -> Option<MessageSet> {
        let (knowledge, reports) = basis;
        let own = self.own.get(knowledge)?;
        let reports: Vec<&Message> = messages.of(reports).collect();
        let known = &self.knowledge[*knowledge];
        let made = adversary.made_before(known, reports.iter().copied())?;
        let mut sent: MessageSet = made
            .new_views
            .iter()
            .map(|(print, _)| self.new_views.get(print).copied())
            .collect::<Option<_>>()?;
        sent.union_with(own);
        for message in made.checkpoints.iter().chain(&made.others) {
            sent.insert(messages.number_of(message)?);
        }
        Some(sent)
    }

    /// Keeps what the adversary makes of this.
    pub fn keep(&mut self, basis: Basis, made: MessageSet) {
        self.byzantine.insert(basis, Arc::new(made));
    }

    /// What exists where participants have sent this, if that was asked before.
    #[inline]
    pub fn known(&self, sent: &Sets) -> Option<&Arc<MessageSet>> {
        self.available.get(sent)
    }

    /// This set, shared with whoever has the same.
    pub fn once(&mut self, available: MessageSet) -> Arc<MessageSet> {
        if let Some(known) = self.distinct.get(&available) {
            return Arc::clone(known);
        }
        let available = Arc::new(available);
        self.distinct.insert(Arc::clone(&available));
        available
    }

    /// What exists where these messages were sent.
    fn after(
        &mut self,
        messages: &mut Messages,
        system: &System,
        adversary: &Adversary,
        sent: &MessageSet,
    ) -> MessageSet {
        let byzantine = self.byzantine(messages, system, adversary, sent);
        let mut available = messages.unconditional.clone();
        available.union_with(sent);
        available.union_with(&byzantine);
        available
    }

    /// What the Byzantine replicas can send then.
    fn byzantine(
        &mut self,
        messages: &mut Messages,
        system: &System,
        adversary: &Adversary,
        sent: &MessageSet,
    ) -> Arc<MessageSet> {
        if system.byzantine().is_empty() || system.is_silent() {
            return Arc::default();
        }
        let (basis, reports) = seen(messages, system, sent);
        let knowledge = self.knowledge(messages, adversary, basis);
        self.byzantine_from(messages, adversary, knowledge, reports)
    }

    /// The number of what the adversary can make of these messages.
    fn knowledge(&mut self, messages: &Messages, adversary: &Adversary, basis: MessageSet) -> KnowledgeId {
        if let Some(&number) = self.numbers.get(&basis) {
            return number;
        }
        let knowledge = adversary.knowledge(messages.of(&basis));
        let number = self.knowledge.number(knowledge);
        self.numbers.insert(basis, number);
        number
    }

    /// What it can send with that knowledge, where these messages exist.
    fn byzantine_from(
        &mut self,
        messages: &mut Messages,
        adversary: &Adversary,
        knowledge: KnowledgeId,
        reports: MessageSet,
    ) -> Arc<MessageSet> {
        let key = (knowledge, reports);
        if let Some(sent) = self.byzantine.get(&key) {
            return Arc::clone(sent);
        }
        let reports: Vec<&Message> = messages.of(&key.1).collect();
        let known = &self.knowledge[knowledge];
        let made = adversary.made_from(known, reports.iter().copied());
        let sent = Arc::new(self.numbered(messages, knowledge, made));
        self.byzantine.insert(key, Arc::clone(&sent));
        sent
    }

    /// The numbers of what the adversary makes with that knowledge. Messages that are met for the first time are met in the order
    /// in which it lists them; of new views that were met before neither order nor content is looked at.
    fn numbered(&mut self, messages: &mut Messages, knowledge: KnowledgeId, made: Made) -> MessageSet {
        let number = |message| messages.intern(message);
        let mut sent: MessageSet = made.checkpoints.into_iter().map(number).collect();
        let known_views = made.new_views.iter().map(|(print, _)| self.new_views.get(print).copied());
        let known_views: Option<MessageSet> = known_views.collect();
        match (self.own.get(&knowledge), known_views) {
            (Some(own), Some(new_views)) => {
                sent.union_with(own);
                sent.union_with(&new_views);
            }
            _ => {
                let rebodied = self.knowledge[knowledge].rebodied();
                let mut own: MessageSet = rebodied.map(|message| messages.intern(message)).collect();
                for (print, new_view) in in_order(made.new_views) {
                    let number = messages.intern(Message::NewView(new_view));
                    self.new_views.insert(print, number);
                    sent.insert(number);
                }
                let changes: MessageSet =
                    made.changes.messages().map(|message| messages.intern(message)).collect();
                own.union_with(&changes);
                sent.union_with(&own);
                self.own.insert(knowledge, own);
            }
        }
        let others: MessageSet = made.others.into_iter().map(|message| messages.intern(message)).collect();
        sent.union_with(&others);
        sent
    }
}

impl GuardModel {
    /// Everything that exists in a state.
    pub(in crate::model) fn available(&self, state: &GuardState) -> Arc<MessageSet> {
        let (sets, sent) = {
            let tables = self.read();
            let sets = tables.locals.sets(self.numbers(state));
            if let Some(available) = tables.exists.known(&sets) {
                return Arc::clone(available);
            }
            (sets, tables.locals.sent(self.numbers(state)))
        };
        let mut tables = self.write();
        interrupt::poll();
        memory::before(&tables.exists.available);
        let available = self.exists_after(&mut tables, &sent);
        let available = tables.exists.once(available);
        // Only then: what is given up in the middle is no part of what is met.
        tables.note(AVAILABLE, self.numbers(state).words());
        tables.exists.available.insert(sets, Arc::clone(&available));
        available
    }

    /// What exists where these messages were sent.
    pub(in crate::model) fn available_after(&self, sent: &MessageSet) -> MessageSet {
        self.exists_after(&mut self.write(), sent)
    }

    fn exists_after(&self, tables: &mut Tables, sent: &MessageSet) -> MessageSet {
        tables.exists.after(&mut tables.messages, &self.system, &self.adversary, sent)
    }

    /// Everything that exists in some state that was looked at, one state after the other.
    pub(in crate::model) fn each_available(&self, see: &mut dyn FnMut(&MessageSet)) {
        self.read().exists.available.values().for_each(|available| see(available));
    }

    /// What was there from the start.
    pub(in crate::model) fn unconditional(&self) -> MessageSet {
        self.read().messages.unconditional.clone()
    }

    /// What the honest participants have sent.
    pub(in crate::model) fn sent(&self, state: &GuardState) -> MessageSet {
        self.read().locals.sent(self.numbers(state))
    }

    /// Those of these messages that certificates are made of.
    pub(in crate::model) fn proving(&self, sent: &MessageSet) -> MessageSet {
        sent.intersection(&self.read().messages.votes)
    }

    /// The certificates that can be shown when these messages were sent.
    pub(in crate::model) fn certificates(&self, basis: &MessageSet) -> Vec<PreparedClaim> {
        self.adversary.knowledge(self.read().messages.of(basis)).claims
    }

    /// The certificates of this view that can be shown when these messages were sent.
    pub(in crate::model) fn certificates_of(&self, view: View, basis: &MessageSet) -> Vec<PreparedClaim> {
        let tables = self.read();
        let known = tables.messages.of(basis);
        self.adversary.claims(known, |proposal| proposal.view() == view).into_iter().collect()
    }

    /// Of messages that were sent, as many sets as the adversary was asked about, one by one: the number of what it
    /// makes of them.
    pub(in crate::model) fn known_of(&self, place: usize) -> Option<(MessageSet, KnowledgeId)> {
        self.read().exists.numbers.get_index(place).map(|(basis, &number)| (basis.clone(), number))
    }

    /// What the adversary can send with some knowledge, by number, and some messages, one case after the other.
    pub(in crate::model) fn shown(&self, place: usize) -> Option<(KnowledgeId, MessageSet, Arc<MessageSet>)> {
        let tables = self.read();
        let ((knowledge, reports), sent) = tables.exists.byzantine.get_index(place)?;
        Some((*knowledge, reports.clone(), Arc::clone(sent)))
    }

    /// The number of what the adversary makes of these messages.
    pub(in crate::model) fn knowledge_of(&self, basis: MessageSet) -> KnowledgeId {
        let tables = &mut *self.write();
        tables.exists.knowledge(&tables.messages, &self.adversary, basis)
    }

    /// What the adversary can send with that knowledge and these messages.
    pub(in crate::model) fn shown_with(
        &self,
        knowledge: KnowledgeId,
        reports: MessageSet,
    ) -> Arc<MessageSet> {
        let tables = &mut *self.write();
        tables.exists.byzantine_from(&mut tables.messages, &self.adversary, knowledge, reports)
    }
}
