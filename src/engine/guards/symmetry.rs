//! Global states that differ in names alone: of values, and of nodes that have the same duties.
//!
//! A renaming of messages and nodes is a symmetry if it takes the local states of each node, with all of their steps, to those
//! of the node of the new name. Each that is proposed is tried on the tables themselves, and dropped if it is none.

use std::collections::BTreeSet;

use crate::hashed::IndexSet;
use itertools::Itertools;

use super::alphabet::Content;
use super::masks::{Any, Mask};
use super::placed::Cast;
use super::reduce::{Class, Classes, blocks};
use crate::protocol::NodeId;

/// A renaming of global states.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Symmetry {
    /// Which honest node becomes which, by place.
    pub nodes: Vec<usize>,
    /// Which bit becomes which.
    pub bits: Vec<u32>,
    /// Which class becomes which class of the other node, by place of the node.
    pub classes: Vec<Vec<u32>>,
    /// Which decision becomes which.
    pub decisions: Vec<u16>,
}

impl Symmetry {
    /// The set of the renamed messages.
    pub fn mask(&self, mask: Mask) -> Mask {
        renamed(&self.bits, mask)
    }

    /// The renamed state.
    pub fn state(&self, state: &[u32], out: &mut [u32]) {
        for (place, &class) in state.iter().enumerate() {
            out[self.nodes[place]] = self.classes[place][class as usize];
        }
    }
}

fn renamed(bits: &[u32], mask: Mask) -> Mask {
    let (mut left, mut out) = (mask, 0);
    while left != 0 {
        out |= 1 << bits[left.trailing_zeros() as usize];
        left &= left - 1;
    }
    out
}

/// All symmetries but the one that renames nothing: of all ways to rename honest nodes, with these renamings of messages.
pub(super) fn symmetries(
    cast: &Cast,
    tables: &[Classes],
    decisions: usize,
    renamings: &[Vec<Content>],
) -> Vec<Symmetry> {
    let count = cast.honest.len();
    let same: Vec<u16> = (0..decisions as u16).collect();
    let mut found = Vec::new();
    for nodes in (0..count).permutations(count) {
        let is_same = nodes.iter().enumerate().all(|(place, node)| place == *node);
        let plain = (!is_same).then(|| (None, vec![same.clone()]));
        let orders = || same.iter().copied().permutations(decisions).collect();
        let named = renamings.iter().map(|renaming| (Some(renaming), orders()));
        for (renaming, orders) in plain.into_iter().chain(named) {
            let Some(bits) = bits(cast, &nodes, renaming) else { continue };
            let fits = |order: &Vec<u16>| {
                let all = (0..count).map(|place| mapped(&tables[place], &tables[nodes[place]], &bits, order));
                let classes = all.collect::<Option<Vec<_>>>()?;
                Some(Symmetry { nodes: nodes.clone(), bits: bits.clone(), classes, decisions: order.clone() })
            };
            found.extend(orders.iter().find_map(fits));
        }
    }
    found
}

/// The first of these renamings of messages that is none of the states: where nothing changes under a renaming, tables that
/// miss nothing do not change either.
pub(super) fn lacking(cast: &Cast, found: &[Symmetry], renamings: &[Vec<Content>]) -> Option<usize> {
    let nodes: Vec<usize> = (0..cast.honest.len()).collect();
    // Where what honest nodes can say is not closed under it, names matter to them: it is not used, and says nothing.
    let wanted = |renaming| bits(cast, &nodes, Some(renaming));
    let is_found = |bits: &Vec<u32>| found.iter().any(|known| known.nodes == nodes && known.bits == *bits);
    renamings.iter().position(|renaming| wanted(renaming).is_some_and(|bits| !is_found(&bits)))
}

/// Two honest nodes that can say the same and cannot be exchanged: they have other duties, or the tables of one miss something
/// or have too much.
pub(super) fn unlike(cast: &Cast, found: &[Symmetry]) -> Option<(NodeId, NodeId)> {
    let said = |node: NodeId| -> BTreeSet<Content> {
        cast.bits.iter().filter(|(other, _)| *other == node).map(|(_, content)| *content).collect()
    };
    let pairs = (0..cast.honest.len()).array_combinations().map(|[one, other]| (one, other));
    let alike = pairs.filter(|(one, other)| said(cast.honest[*one]) == said(cast.honest[*other]));
    let mut unlike = alike.filter(|(one, other)| {
        let mut nodes: Vec<usize> = (0..cast.honest.len()).collect();
        nodes.swap(*one, *other);
        let wanted = bits(cast, &nodes, None);
        !found.iter().any(|symmetry| symmetry.nodes == nodes && wanted.as_ref() == Some(&symmetry.bits))
    });
    unlike.next().map(|(one, other)| (cast.honest[one], cast.honest[other]))
}

/// Which bit becomes which; none if a message has no bit.
fn bits(cast: &Cast, nodes: &[usize], renaming: Option<&Vec<Content>>) -> Option<Vec<u32>> {
    let bits = cast.bits.iter().map(|(node, content)| {
        let place = cast.honest.iter().position(|honest| honest == node)?;
        let content = renaming.map_or(*content, |renaming| renaming[usize::from(*content)]);
        cast.bits.get_index_of(&(cast.honest[nodes[place]], content)).map(|bit| bit as u32)
    });
    bits.collect()
}

/// Which class becomes which of the other node, if each becomes one.
fn mapped(from: &Classes, to: &Classes, bits: &[u32], order: &[u16]) -> Option<Vec<u32>> {
    if from.all.len() != to.all.len() {
        return None;
    }
    let any = |any: &Any| -> Any {
        let mut any: Any = any.iter().map(|mask| renamed(bits, *mask)).collect();
        any.sort_unstable();
        any
    };
    let mut all = to.all.clone();
    let offset = all.len() as u32;
    for class in &from.all {
        let mut decides: Vec<_> =
            class.decides.iter().map(|(d, masks)| (order[usize::from(*d)], any(masks))).collect();
        decides.sort_unstable();
        let edges = class.edges.iter().map(|(to, masks)| (to + offset, any(masks))).collect();
        all.push(Class { sent: renamed(bits, class.sent), edges, decides, panics: any(&class.panics) });
    }
    let blocks = blocks(&all);
    let targets: IndexSet<u32> = blocks.iter().take(to.all.len()).copied().collect();
    let map =
        blocks.iter().skip(to.all.len()).map(|block| targets.get_index_of(block).map(|class| class as u32));
    let map = map.collect::<Option<Vec<_>>>()?;
    let is_one_to_one = targets.len() == to.all.len() && map.iter().all_unique();
    (is_one_to_one && map.first() == Some(&0)).then_some(map)
}
