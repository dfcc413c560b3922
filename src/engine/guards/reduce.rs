//! Fewer local states: steps that nobody else can tell put off, and local states with the same future joined.
//!
//! A *silent* step sends nothing. What a step needs is that messages exist, and these never vanish. So a silent step may as
//! well be taken just before the next step of its node that sends something, or just before the node's decision.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::hashed::{IndexMap, IndexSet};

use super::masks::{Any, Mask, always, both, either};
use super::placed::Locals;

/// A local state as the product sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Class {
    pub sent: Mask,
    /// Where this exists it can become that one; each once, ascending.
    pub edges: Vec<(u32, Any)>,
    /// What it may have decided by then, where this exists; ascending.
    pub decides: Vec<(u16, Any)>,
    /// Where this exists it may panic.
    pub panics: Any,
}

/// The local states of a node, joined.
pub(super) struct Classes {
    pub all: Vec<Class>,
    /// By local state, the class that it is in, if it is one that the product sees.
    pub of: Vec<Option<u32>>,
}

/// Whether a step sends nothing.
fn is_silent(locals: &Locals, from: usize, to: u32) -> bool {
    locals.places.get_index(from).map(|place| place.sent)
        == locals.places.get_index(to as usize).map(|place| place.sent)
}

/// All local states that silent steps lead to, with what they take together; first the one that it begins with.
pub(super) fn silently(locals: &Locals, from: usize) -> IndexMap<usize, Any> {
    let mut reached: IndexMap<usize, Any> = IndexMap::from_iter([(from, always())]);
    let mut todo = vec![from];
    while let Some(at) = todo.pop() {
        let so_far = reached[&at].clone();
        for edge in &locals.all[at].edges {
            let to = edge.to as usize;
            if !is_silent(locals, at, edge.to) {
                continue;
            }
            let any = both(&so_far, &edge.any);
            let known = reached.entry(to).or_default();
            let more = either(known, &any);
            if more != *known {
                *known = more;
                todo.push(to);
            }
        }
    }
    reached
}

/// The local states of a node as the product sees them. With `puts_off`, silent steps are no steps of their own.
pub(super) fn classes(locals: &Locals, puts_off: bool) -> Classes {
    let mut seen: IndexSet<usize> = IndexSet::from_iter([0]);
    let mut raw: Vec<Class> = Vec::new();
    while let Some(&at) = seen.get_index(raw.len()) {
        let reached = match puts_off {
            true => silently(locals, at),
            false => IndexMap::from_iter([(at, always())]),
        };
        let mut edges: BTreeMap<u32, Any> = BTreeMap::new();
        let mut decides: BTreeMap<u16, Any> = BTreeMap::new();
        let mut panics = Any::new();
        for (place, so_far) in reached {
            let local = &locals.all[place];
            for edge in local.edges.iter().filter(|edge| !puts_off || !is_silent(locals, place, edge.to)) {
                let to = seen.insert_full(edge.to as usize).0 as u32;
                let known = edges.entry(to).or_default();
                *known = either(known, &both(&so_far, &edge.any));
            }
            for (decision, any, _) in &local.decides {
                let known = decides.entry(*decision).or_default();
                *known = either(known, &both(&so_far, any));
            }
            for decision in locals.places.get_index(place).into_iter().flat_map(|place| &place.decided) {
                let known = decides.entry(*decision).or_default();
                *known = either(known, &so_far);
            }
            for (_, any) in &local.panics {
                panics = either(&panics, &both(&so_far, any));
            }
        }
        let sent = locals.places.get_index(at).map_or(0, |place| place.sent);
        raw.push(Class {
            sent,
            edges: edges.into_iter().collect(),
            decides: decides.into_iter().collect(),
            panics,
        });
    }
    let blocks = blocks(&raw);
    let count = blocks.iter().max().map_or(0, |last| *last as usize + 1);
    let mut all = vec![Class::default(); count];
    for (class, &block) in raw.iter().zip(&blocks) {
        all[block as usize] = Class { edges: joined(class, &blocks), ..class.clone() };
    }
    let mut of = vec![None; locals.all.len()];
    for (&local, &block) in seen.iter().zip(&blocks) {
        of[local] = Some(block);
    }
    Classes { all, of }
}

fn joined(class: &Class, blocks: &[u32]) -> Vec<(u32, Any)> {
    let mut edges: BTreeMap<u32, Any> = BTreeMap::new();
    for (to, any) in &class.edges {
        let known = edges.entry(blocks[*to as usize]).or_default();
        *known = either(known, any);
    }
    edges.into_iter().collect()
}

/// Which local states have the same future: those of one number. The first has the number 0.
pub(super) fn blocks(raw: &[Class]) -> Vec<u32> {
    let mut blocks = numbered(raw.iter().map(|class| (class.sent, &class.decides, &class.panics)));
    let mut count = 0;
    loop {
        let now = blocks.iter().max().map_or(0, |last| last + 1);
        if now == count {
            return blocks;
        }
        count = now;
        blocks = numbered(raw.iter().zip(&blocks).map(|(class, block)| (*block, joined(class, &blocks))));
    }
}

fn numbered<T: Hash + Eq>(signatures: impl Iterator<Item = T>) -> Vec<u32> {
    let mut known = IndexSet::default();
    signatures.map(|signature| known.insert_full(signature).0 as u32).collect()
}
