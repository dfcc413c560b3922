//! Control states and what leads from one to another, read off a graph of all states of a node.
//!
//! What was handed over on *every* way to a state exists wherever the node is in it. So a step of a state takes no more than
//! that, and its own input: whatever real nodes do, a step of the control state accounts for it, and none is missing. Where
//! what the control state leaves out matters, there are more steps than real nodes take, and never fewer.

use super::graph::{Explored, Explorer, Graph};
use super::*;
use crate::hashed::IndexMap;

/// Messages with their senders, by number: `sender * alphabet + content`.
type Bits = [u64; 4];

/// States of one node, after which it is given up.
const MOST: usize = 400_000;

const NONE: Bits = [0; 4];

fn with(mut bits: Bits, bit: usize) -> Bits {
    bits[bit / 64] |= 1 << (bit % 64);
    bits
}

fn is_part(one: &Bits, other: &Bits) -> bool {
    one.iter().zip(other).all(|(one, other)| one & !other == 0)
}

fn common(one: &Bits, other: &Bits) -> Bits {
    std::array::from_fn(|word| one[word] & other[word])
}

/// What every way to each state hands over, and by which bit it stands.
struct Handed<'a, P: Protocol> {
    alphabet: &'a Alphabet<P>,
    all: Vec<Bits>,
}

impl<'a, P: Protocol> Handed<'a, P> {
    fn bit(&self, from: NodeId, content: Content) -> usize {
        from.index() * self.alphabet.messages.len() + usize::from(content)
    }

    /// What is there once this was handed over after all that: a message, and all signed parts of it.
    fn after(&self, bits: Bits, feed: Feed) -> Bits {
        let Feed::Message(from, content) = feed else { return bits };
        let parts = self.alphabet.parts(content).iter();
        let parts = parts.fold(bits, |bits, (signer, part)| with(bits, self.bit(*signer, *part)));
        with(parts, self.bit(from, content))
    }

    /// Of a whole graph.
    fn of(graph: &Graph, alphabet: &'a Alphabet<P>) -> Self {
        let mut handed = Handed { alphabet, all: vec![[u64::MAX; 4]; graph.states.len()] };
        handed.all[0] = NONE;
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for arc in &graph.arcs {
                let Some(to) = arc.to else { continue };
                let after = handed.after(handed.all[arc.from as usize], arc.feed);
                let fewer = common(&handed.all[to as usize], &after);
                if fewer != handed.all[to as usize] {
                    handed.all[to as usize] = fewer;
                    is_done = false;
                }
            }
        }
        handed
    }
}

impl<P: Protocol> Finder<P> {
    /// All that a node can do, with nothing missing: every input was handed to every state of it. None if it was told to stop; an
    /// error if it has no key, or too many states.
    pub fn exact(
        mut machine: Machine<P>,
        me: NodeId,
        lying: usize,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, Unfit> {
        let (nodes, alphabet) = (machine.protocol.nodes(), machine.alphabet.messages.len());
        let is_too_large = machine.alphabet.groups.iter().any(|group| group.len() > 16);
        if nodes * alphabet > 64 * NONE.len() || is_too_large {
            return Err(Unfit::TooLarge);
        }
        let (node, done) = machine.begin(me)?;
        let first = outcome(node.map(|node| node.control), &done);
        let others: Vec<NodeId> = NodeId::all(nodes).filter(|other| *other != me).collect();
        let mut explorer =
            Explorer { machine: &mut machine, me, others: &others, lying, most: MOST, graph: Graph::new() };
        match explorer.explore(goes_on)? {
            Explored::Stopped => return Ok(None),
            Explored::TooMany => return Err(Unfit::TooLarge),
            Explored::Whole => {}
        }
        let Some(pairs) = explorer.try_again(goes_on)? else { return Ok(None) };
        let controls = controls(&explorer);
        let votes_twice = explorer.graph.states.iter().any(|state| {
            let groups = state.sent.iter().filter_map(|vote| explorer.machine.alphabet.group(*vote));
            groups.clone().count() > groups.collect::<BTreeSet<_>>().len()
        });
        let states = explorer.graph.states.len();
        let mut finder = Finder::empty(machine, me, lying, others);
        (finder.first, finder.controls) = (Some(first), controls);
        finder.tried = Tried { walks: 0, pairs };
        finder.exact = Some(Exact { states, votes_twice });
        Ok(Some(finder))
    }
}

/// By control state and what the node has sent, what comes of its states, with the smallest sets of what it takes and an arc for each.
type Steps = IndexMap<(u32, u32), Vec<(Bits, usize)>>;

/// The steps of each control state.
fn controls<P: Protocol>(explorer: &Explorer<'_, P>) -> Vec<Control> {
    let graph = &explorer.graph;
    let handed = Handed::of(graph, &explorer.machine.alphabet);
    let mut steps = Steps::default();
    for (number, arc) in graph.arcs.iter().enumerate() {
        let (from, outcome) = (&graph.states[arc.from as usize], &graph.outcomes[arc.outcome as usize]);
        let is_step =
            outcome.to != Some(from.control) || !outcome.sent.is_empty() || !outcome.decided.is_empty();
        if is_step {
            let own =
                from.sent.iter().fold(NONE, |own, content| with(own, handed.bit(explorer.me, *content)));
            let after = handed.after(handed.all[arc.from as usize], arc.feed);
            let needed = std::array::from_fn(|word| own[word] | after[word]);
            steps.entry((from.control, arc.outcome)).or_default().push((needed, number));
        }
    }
    let last = graph.states.iter().map(|state| state.control).max().unwrap_or(0);
    let mut controls: Vec<Control> = (0..=last).map(|_| Control::default()).collect();
    for ((control, outcome), needed) in steps {
        let recipes =
            smallest(needed).into_iter().map(|(needed, arc)| recipe(explorer, &handed, &needed, arc));
        let outcome = graph.outcomes[outcome as usize].clone();
        controls[control as usize].ways.insert(outcome, recipes.collect());
    }
    controls
}

/// Those of which no other is part.
fn smallest(mut all: Vec<(Bits, usize)>) -> Vec<(Bits, usize)> {
    let size = |bits: &Bits| bits.iter().map(|word| word.count_ones()).sum::<u32>();
    all.sort_unstable_by_key(|(bits, arc)| (size(bits), *bits, *arc));
    all.dedup_by_key(|(bits, _)| *bits);
    let mut kept: Vec<(Bits, usize)> = Vec::new();
    for (bits, arc) in all {
        if !kept.iter().any(|(smaller, _)| is_part(smaller, &bits)) {
            kept.push((bits, arc));
        }
    }
    kept
}

/// A step with what it takes; handed over in the order in which it was handed to the state that it begins in.
fn recipe<P: Protocol>(
    explorer: &Explorer<'_, P>,
    handed: &Handed<'_, P>,
    needed: &Bits,
    arc: usize,
) -> Recipe {
    let arc = explorer.graph.arcs[arc];
    let has = |from: NodeId, content: Content| {
        let bit = handed.bit(from, content);
        needed[bit / 64] & 1 << (bit % 64) != 0
    };
    let contents = 0..explorer.machine.alphabet.messages.len() as Content;
    let own = contents.clone().filter(|content| has(explorer.me, *content)).collect();
    let singles = explorer.others.iter().flat_map(|from| {
        contents.clone().filter(|content| has(*from, *content)).map(|content| Single::Plain(*from, content))
    });
    let singles = singles.collect();
    let has_all = |content| {
        let parts = handed.alphabet.parts(content);
        !parts.is_empty() && parts.iter().all(|(signer, part)| has(*signer, *part))
    };
    let feeds = explorer.history(arc.from).into_iter().filter(|feed| match *feed {
        Feed::Message(from, content) => has(from, content) || has_all(content),
        Feed::Timer(_) => false,
    });
    let portions = feeds.chain([arc.feed]).map(|feed| match feed {
        Feed::Message(from, content) => match handed.alphabet.class(content) {
            Some(class) => Portion::Single(Single::Class(class)),
            None => Portion::Single(Single::Plain(from, content)),
        },
        Feed::Timer(timer) => Portion::Timer(timer),
    });
    Recipe { needs: Needs { own, singles, ..Needs::default() }, portions: portions.collect(), origin: 0 }
}
