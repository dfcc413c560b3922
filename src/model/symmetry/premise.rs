//! What a rulebook must be like for states that differ in names alone to be one: tried on all that was met.
//!
//! Trades of neighbours make up every renaming, so it is enough to try these, if they are tried on all local states that
//! they lead to as well. Each of those is run on the real replica like any other.

use std::sync::PoisonError;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{ByGuards, Symmetric};
use crate::model::guards::{Guard, KnowledgeId, LocalId, MessageId, MessageSet, Needs};
use crate::model::numbers::Number as _;

impl<M: ByGuards> Symmetric<M> {
    /// What is not the same with other names, if something is not.
    pub(super) fn asymmetry(&self) -> Option<String> {
        let states = self.all_explored();
        let lacking: Vec<Lacking> = states.iter().flat_map(|&local| self.lacking(local)).collect();
        let nameless = || self.nameless.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = self.first_possible(&lacking).map(|lacking| self.told(lacking));
        let why = found.or_else(|| self.asymmetry_of_adversary()).or_else(nameless)?;
        Some(format!("names matter under this rulebook, so that symmetry cannot be used: {why}"))
    }

    fn told(&self, lacking: &Lacking) -> String {
        let judge = self.inner.judge();
        let state = |local| judge.whose(local).map(|(_, local)| local);
        let who = judge.whose(lacking.local).map(|(who, _)| judge.participants()[who].id());
        let (before, after) = (state(lacking.local), state(lacking.next));
        match (who, before, after) {
            (Some(who), Some(before), Some(after)) => {
                format!("{who} can go from ({before:?}) to ({after:?}), and not with other names")
            }
            _ => "something can happen, and not with other names".to_owned(),
        }
    }

    /// The first of these ways of which the messages can all exist, as far as two of them at a time tell. The guards of a local
    /// state are looked for over all messages that were met, also such as exclude each other: of two certificates for
    /// one place, for one, it may well take the first.
    fn first_possible<'a>(&self, lacking: &'a [Lacking]) -> Option<&'a Lacking> {
        let mut asked = MessageSet::default();
        lacking.iter().for_each(|way| asked.union_with(&way.messages));
        loop {
            let before = asked.len();
            for transposition in 0..self.transpositions.len() {
                let renamed = self.renamed(transposition, &asked);
                renamed.iter().for_each(|renamed| asked.union_with(renamed));
            }
            if asked.len() == before {
                break;
            }
        }
        let mut beside: FxHashMap<MessageId, MessageSet> =
            asked.iter().map(|message| (message, MessageSet::default())).collect();
        self.inner.judge().each_available(&mut |available| {
            let together = asked.intersection(available);
            for message in together.iter() {
                beside.entry(message).or_default().union_with(&together);
            }
        });
        // What was visited stands for what has other names.
        loop {
            let mut grown = false;
            for transposition in 0..self.transpositions.len() {
                for message in asked.iter() {
                    let known = beside.get(&message).cloned().unwrap_or_default();
                    let (Some(renamed), Some(known)) =
                        (self.message(transposition, message), self.renamed(transposition, &known))
                    else {
                        continue;
                    };
                    let other = beside.entry(renamed).or_default();
                    grown |= !known.is_subset(other);
                    other.union_with(&known);
                }
            }
            if !grown {
                break;
            }
        }
        let is_possible = |way: &&Lacking| {
            way.messages.iter().all(|message| beside.get(&message).is_some_and(|b| way.messages.is_subset(b)))
        };
        lacking.iter().find(is_possible)
    }

    /// All local states that were looked at and all that differ from them in names alone, when all messages that were
    /// met and all that differ from these in names alone are known.
    fn all_explored(&self) -> Vec<LocalId> {
        let judge = self.inner.judge();
        let mut all = judge.explored();
        let mut known: FxHashSet<LocalId> = all.iter().copied().collect();
        loop {
            let before = (judge.met(), all.len());
            let mut message = 0;
            while message < judge.met() {
                for transposition in 0..self.transpositions.len() {
                    let _ = self.message(transposition, MessageId::of_word(message));
                }
                message += 1;
            }
            let mut place = 0;
            while let Some(&local) = all.get(place) {
                judge.guards(local);
                for transposition in 0..self.transpositions.len() {
                    let renamed = self.local(transposition, local);
                    if known.insert(renamed) {
                        all.push(renamed);
                    }
                }
                place += 1;
            }
            if (judge.met(), all.len()) == before {
                return all;
            }
        }
    }

    /// The ways to what can happen in a local state that are none with other names.
    fn lacking(&self, local: LocalId) -> Vec<Lacking> {
        let judge = self.inner.judge();
        let guards = judge.guards(local);
        let sent = judge.sent_by(local);
        let mut lacking = Vec::new();
        for transposition in 0..self.transpositions.len() {
            let renamed = self.local(transposition, local);
            let others = judge.guards(renamed);
            for guard in guards.iter() {
                let target = self.local(transposition, guard.next);
                for needs in guard
                    .needs()
                    .filter(|needs| !self.is_matched(transposition, guard, needs, renamed, target, &others))
                {
                    let mut messages = needs.all.clone();
                    messages.union_with(&sent);
                    lacking.push(Lacking { local, next: guard.next, messages });
                }
            }
        }
        lacking
    }

    /// Whether a way to a guard's consequence is one to the consequence with other names.
    fn is_matched(
        &self,
        transposition: usize,
        guard: &Guard,
        needs: &Needs,
        renamed: LocalId,
        target: LocalId,
        others: &[Guard],
    ) -> bool {
        let Some(all) = self.renamed(transposition, &needs.all) else { return false };
        let needs = Needs { all, any: None };
        let is_one = |other: &Guard| {
            (other.next, other.crash) == (target, guard.crash)
                && other.needs().any(|theirs| theirs.are_met_with(&needs))
        };
        others.iter().any(is_one) || (!guard.crash && self.leads(renamed, target, &needs))
    }

    /// Whether steps that need no more than this lead from one local state to another.
    fn leads(&self, from: LocalId, to: LocalId, needs: &Needs) -> bool {
        let judge = self.inner.judge();
        let mut reached = vec![from];
        let mut place = 0;
        while let Some(&local) = reached.get(place) {
            if local == to {
                return true;
            }
            for guard in judge.guards(local).iter().filter(|guard| !guard.crash) {
                if guard.needs().any(|theirs| theirs.are_met_with(needs)) && !reached.contains(&guard.next) {
                    reached.push(guard.next);
                }
            }
            place += 1;
        }
        false
    }

    fn renamed(&self, transposition: usize, messages: &MessageSet) -> Option<MessageSet> {
        messages.iter().map(|number| self.message(transposition, number)).collect()
    }

    /// Whether the adversary can send something that it cannot send with other names. What it is asked on the way is
    /// looked at too, until nothing new is.
    fn asymmetry_of_adversary(&self) -> Option<String> {
        let mut looked: Vec<Looked> = self.transpositions.iter().map(|_| Looked::default()).collect();
        loop {
            let before: Vec<_> = looked.iter().map(|looked| (looked.known, looked.shown)).collect();
            for (transposition, looked) in looked.iter_mut().enumerate() {
                if !self.is_symmetric_to_adversary(transposition, looked) {
                    return Some("what the adversary can send depends on them".to_owned());
                }
            }
            if looked.iter().map(|looked| (looked.known, looked.shown)).eq(before) {
                return None;
            }
        }
    }

    fn is_symmetric_to_adversary(&self, transposition: usize, looked: &mut Looked) -> bool {
        let judge = self.inner.judge();
        let first = judge.unconditional();
        if self.renamed(transposition, &first).as_ref() != Some(&first) {
            return false;
        }
        loop {
            if let Some((basis, knowledge)) = judge.known_of(looked.known) {
                let Some(basis) = self.renamed(transposition, &basis) else { return false };
                let other = judge.knowledge_of(basis);
                if *looked.renamed.entry(knowledge).or_insert(other) != other {
                    return false;
                }
                looked.known += 1;
            } else if let Some((knowledge, reports, sent)) = judge.shown(looked.shown) {
                let other = looked.renamed.get(&knowledge).copied();
                let (Some(other), Some(reports), Some(sent)) =
                    (other, self.renamed(transposition, &reports), self.renamed(transposition, &sent))
                else {
                    return false;
                };
                if *judge.shown_with(other, reports) != sent {
                    return false;
                }
                looked.shown += 1;
            } else {
                return true;
            }
        }
    }
}

/// A way from one local state to another that is none with other names, and what exists where it is taken.
struct Lacking {
    local: LocalId,
    next: LocalId,
    messages: MessageSet,
}

/// How far what the adversary was asked has been asked again after a transposition, and what became of what it knew.
#[derive(Default)]
struct Looked {
    known: usize,
    shown: usize,
    renamed: FxHashMap<KnowledgeId, KnowledgeId>,
}
