//! What the elements of the model's sorts stand for in a system of the checker.

use std::sync::Arc;

use super::super::structure::element_names;
use super::super::{Model, RelationId, SortId, Structure};
use super::{Fact, TieError};
use crate::model::System;
use crate::pbft::{Committee, Digest, ReplicaId, Rules, SeqNum, View, signed_by_its_client};

/// The relations of the state, by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relations {
    pub pp: RelationId,
    pub prep: RelationId,
    pub com: RelationId,
    pub ck: RelationId,
    pub vc: RelationId,
    pub vcge: RelationId,
    pub vclow: RelationId,
    pub left: RelationId,
    pub took: RelationId,
    pub low: RelationId,
    pub known: RelationId,
    pub acc: RelationId,
    pub prepd: RelationId,
    pub chosen: RelationId,
    pub kn: RelationId,
}

impl Relations {
    fn of(model: &Model) -> Result<Self, TieError> {
        let find = |name: &str| model.relation(name).ok_or_else(|| TieError::NoSuch(name.to_owned()));
        let relations = Relations {
            pp: find("pp")?,
            prep: find("prep")?,
            com: find("com")?,
            ck: find("ck")?,
            vc: find("vc")?,
            vcge: find("vcge")?,
            vclow: find("vclow")?,
            left: find("left")?,
            took: find("took")?,
            low: find("low")?,
            known: find("known")?,
            acc: find("acc")?,
            prepd: find("prepd")?,
            chosen: find("chosen")?,
            kn: find("kn")?,
        };
        // A relation that the mapping knows nothing of would stay empty, and what is said of it hold idly.
        let stated = model.relations.iter().filter(|relation| !relation.fixed).count();
        if stated != 15 {
            return Err(TieError::Unmapped(stated));
        }
        Ok(relations)
    }
}

/// The elements of each sort: replicas, quorums and views by number, sequence numbers from 1, and the
/// digests of the batches that the bound knows. One more value stands for every other digest.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub relations: Relations,
    pub names: Vec<Vec<Arc<str>>>,
    /// What is fixed, and everything that Byzantine replicas can sign.
    pub base: Structure,
    inside: RelationId,
    committee: Committee,
    rules: &'static dyn Rules,
    views: usize,
    slots: usize,
    values: Vec<Digest>,
}

impl Vocabulary {
    pub fn new(model: &Model, system: &System) -> Result<Self, TieError> {
        let (bound, committee) = (system.bound(), system.setting().committee);
        let (views, slots) = (bound.scope.views as usize, bound.scope.slots as usize);
        let batches = system.batches();
        let values: Vec<Digest> = batches.iter().map(|batch| batch.digest()).collect();
        let count = values.len() as u16 + 1;
        let mut names = element_names(model, committee, views as u16, slots as u16, count);
        if let Some(SortId(sort)) = model.sort("Value") {
            let batches = batches.iter().map(|batch| Arc::from(batch.to_string()));
            names[sort] = batches.chain([Arc::from("?")]).collect();
        }
        let sizes: Vec<usize> = names.iter().map(Vec::len).collect();
        let rules = system.rules();
        let primary = |view: usize| rules.primary(committee, View(view as u64)).index();
        let keys = &system.setting().keys;
        let valid = |value: usize| {
            let batch = batches.get(value);
            batch.is_some_and(|b| b.requests().iter().all(|r| signed_by_its_client(r) && keys.verify(r)))
        };
        let byzantine: Vec<u16> = bound.byzantine.iter().map(|id| id.0).collect();
        let base = model.nothing_happened(sizes, Some(committee), &byzantine, &primary, &valid);
        let relations = Relations::of(model)?;
        let inside = model.relation("in").ok_or_else(|| TieError::NoSuch("in".to_owned()))?;
        let mut this = Vocabulary { relations, names, base, inside, committee, rules, views, slots, values };
        this.saturate(model, &bound.byzantine)?;
        Ok(this)
    }

    /// Lets each Byzantine replica sign, at the very beginning, whatever it ever could: one step of the
    /// model for each.
    fn saturate(&mut self, model: &Model, byzantine: &[ReplicaId]) -> Result<(), TieError> {
        let action = action(model, "byzantine")?;
        let Relations { pp, prep, com, ck, vc, vcge, vclow, .. } = self.relations;
        for &id in byzantine {
            let mut with: Vec<Fact> = Vec::new();
            for relation in [prep, com, ck, vc, vcge, vclow] {
                let tuples = self.base.tuples(&model.relations[relation.0].sorts);
                with.extend(tuples.into_iter().filter(|t| t[0] == id.index()).map(|t| (relation, t)));
            }
            let tuples = self.base.tuples(&model.relations[pp.0].sorts);
            with.extend(tuples.into_iter().filter(|t| self.primary(t[1]) == id).map(|t| (pp, t)));
            let args = [id.index()];
            let after = model.apply(&self.base, action, &args, &with);
            model.check_step(&self.base, &after, action, &args).map_err(|_| TieError::Adversary(id))?;
            self.base = after;
        }
        Ok(())
    }

    /// The primary of a view, by number.
    pub fn primary(&self, view: usize) -> ReplicaId {
        self.rules.primary(self.committee, View(view as u64))
    }

    /// The view, if it is of the bound.
    pub fn view(&self, view: View) -> Option<usize> {
        usize::try_from(view.0).ok().filter(|&view| view < self.views)
    }

    /// The views before this one.
    pub fn views_before(&self, view: View) -> std::ops::Range<usize> {
        0..self.views.min(view.0 as usize)
    }

    /// The sequence number, if it is of the bound.
    pub fn slot(&self, seq: SeqNum) -> Option<usize> {
        (seq.0 as usize).checked_sub(1).filter(|&slot| slot < self.slots)
    }

    /// The sequence numbers up to this one.
    pub fn slots_to(&self, seq: SeqNum) -> std::ops::Range<usize> {
        0..self.slots.min(seq.0 as usize)
    }

    /// The value with this digest; the last for one that the bound does not know.
    pub fn value(&self, digest: Option<Digest>) -> usize {
        let known = digest.and_then(|digest| self.values.iter().position(|d| *d == digest));
        known.unwrap_or(self.values.len())
    }

    /// The members of a quorum, by number.
    pub fn members(&self, quorum: usize) -> impl Iterator<Item = usize> + '_ {
        let inside = self.inside;
        (0..usize::from(self.committee.n())).filter(move |&n| self.base.holds(inside, &[n, quorum]))
    }

    /// A tuple in words.
    pub fn tuple(&self, sorts: &[SortId], tuple: &[usize]) -> String {
        let name = |(sort, &element): (&SortId, &usize)| self.names[sort.0][element].to_string();
        sorts.iter().zip(tuple).map(name).collect::<Vec<_>>().join(" ")
    }
}

/// The number of an action.
pub(super) fn action(model: &Model, name: &str) -> Result<usize, TieError> {
    let number = model.actions.iter().position(|action| &*action.name == name);
    number.ok_or_else(|| TieError::NoSuch(name.to_owned()))
}
