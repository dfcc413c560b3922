//! Strongly connected components, without recursion: petgraph's `tarjan_scc` descends once per state of a
//! path and overflows the stack on a long one, and its `kosaraju_scc` needs the reversed graph, which would
//! double the memory.

use std::ops::Range;

use crate::interrupt;

/// A state whose component is known.
const DONE: u32 = u32::MAX;

/// A state whose successors are being looked at.
struct Frame {
    node: u32,
    next: u64,
    end: u64,
    is_root: bool,
}

/// Calls `each` with every component that can be reached from `roots`, successors before predecessors.
/// The edges of a node are those numbered `edges(node)`; `target` says where one leads, none if it is to
/// be left out.
///
/// This is Tarjan's algorithm with one word a node (Pearce, *A space-efficient algorithm for finding
/// strongly connected components*, IPL 116, 2016).
pub(super) fn components(
    nodes: usize,
    roots: impl Iterator<Item = u32>,
    edges: impl Fn(u32) -> Range<u64>,
    target: impl Fn(u64) -> Option<u32>,
    mut each: impl FnMut(&[u32]),
) {
    interrupt::ask_for((nodes * size_of::<u32>()) as u64);
    // 0: not met; otherwise the earliest state that is known to be in the same component.
    let mut earliest = vec![0u32; nodes];
    let mut met = 0;
    let mut waiting: Vec<u32> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut component = Vec::new();
    for root in roots {
        if earliest[root as usize] != 0 {
            continue;
        }
        let mut enter = Some(root);
        loop {
            interrupt::poll();
            if let Some(node) = enter.take() {
                met += 1;
                earliest[node as usize] = met;
                let Range { start, end } = edges(node);
                frames.push(Frame { node, next: start, end, is_root: true });
            }
            let Some(frame) = frames.last_mut() else { break };
            if frame.next < frame.end {
                match target(frame.next) {
                    // The edge is looked at again on the way back.
                    Some(to) if earliest[to as usize] == 0 => enter = Some(to),
                    to => {
                        frame.next += 1;
                        if let Some(to) = to
                            && earliest[to as usize] < earliest[frame.node as usize]
                        {
                            earliest[frame.node as usize] = earliest[to as usize];
                            frame.is_root = false;
                        }
                    }
                }
                continue;
            }
            let Frame { node, is_root, .. } = *frame;
            frames.pop();
            if !is_root {
                waiting.push(node);
                continue;
            }
            component.clear();
            component.push(node);
            while let Some(other) =
                waiting.pop_if(|other| earliest[*other as usize] >= earliest[node as usize])
            {
                component.push(other);
            }
            for &node in &component {
                earliest[node as usize] = DONE;
            }
            each(&component);
        }
    }
}

#[cfg(test)]
mod tests {
    use petgraph::algo::kosaraju_scc;
    use petgraph::graph::DiGraph;
    use proptest::prelude::*;

    use super::*;

    fn of(nodes: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
        let mut sorted = edges.to_vec();
        sorted.sort_unstable();
        let mut found = Vec::new();
        let range = |node| {
            let before = |limit: u32| sorted.partition_point(|&(from, _)| from < limit) as u64;
            before(node)..before(node + 1)
        };
        components(
            nodes,
            0..nodes as u32,
            range,
            |edge| Some(sorted[edge as usize].1),
            |component| {
                let mut component = component.to_vec();
                component.sort_unstable();
                found.push(component);
            },
        );
        found
    }

    #[test]
    fn a_path_of_millions_of_states_does_not_overflow_the_stack() {
        const LENGTH: u32 = 3_000_000;
        let forward = |to: u64| Some(to as u32 + 1).filter(|&to| to < LENGTH);
        let edges = |node: u32| u64::from(node)..u64::from(node) + 1;
        let (mut count, mut largest) = (0, 0);
        components(LENGTH as usize, 0..LENGTH, edges, forward, |c| {
            count += 1;
            largest = largest.max(c.len());
        });
        assert_eq!((count, largest), (LENGTH, 1));
        let around = |to: u64| Some((to as u32 + 1) % LENGTH);
        components(LENGTH as usize, 0..LENGTH, edges, around, |c| largest = c.len());
        assert_eq!(largest, LENGTH as usize);
    }

    #[test]
    fn an_edge_that_is_left_out_joins_nothing() {
        let mut found = Vec::new();
        let target = |edge| [Some(1), None][edge as usize];
        components(2, 0..2, |node| node.into()..u64::from(node) + 1, target, |c| found.push(c.to_vec()));
        assert_eq!(found, [[1], [0]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn they_are_those_of_petgraph(
            nodes in 1usize..30,
            edges in prop::collection::vec((0u32..30, 0u32..30), 0..80),
        ) {
            let edges: Vec<_> =
                edges.into_iter().map(|(a, b)| (a % nodes as u32, b % nodes as u32)).collect();
            let mut ours = of(nodes, &edges);
            // Successors first: no edge leads from a component to a later one.
            let place = |node| ours.iter().position(|c| c.contains(&node));
            prop_assert!(edges.iter().all(|&(from, to)| place(from) >= place(to)));
            let mut graph: DiGraph<(), ()> = DiGraph::from_edges(&edges);
            while graph.node_count() < nodes {
                graph.add_node(());
            }
            let mut theirs: Vec<Vec<u32>> = kosaraju_scc(&graph)
                .into_iter()
                .map(|c| c.into_iter().map(|node| node.index() as u32).collect())
                .collect();
            theirs.iter_mut().for_each(|c| c.sort_unstable());
            theirs.sort_unstable();
            ours.sort_unstable();
            prop_assert_eq!(ours, theirs);
        }
    }
}
