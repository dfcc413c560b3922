//! What Byzantine nodes say in runs that are drawn: of an alphabet, in some runs only a few words.

use bft_check::protocol::{Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Slot};
use bft_check::simulate::protocol::Simulation;

/// How often a message goes to and fro between n1 and n2 before they decide.
const PASSES: u8 = 20;

/// Honest nodes decide on what they are to, unless n0 has said *rise* and none of the other words until then.
#[derive(Default)]
struct Calmed;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Word {
    Ball(u8),
    Rise,
    Calm(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Listener {
    has_risen: bool,
    is_calm: bool,
}

impl Protocol for Calmed {
    type Node = Listener;
    type Message = Word;
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Listener {
        if id == NodeId(1) {
            effects.send(NodeId(2), Word::Ball(0));
        }
        Listener::default()
    }

    fn step(&self, node: &mut Listener, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Message { from, message } = input else { return };
        match message {
            Word::Rise => node.has_risen = true,
            Word::Calm(_) => node.is_calm = true,
            Word::Ball(PASSES) => {
                effects.decide(Slot(0), if node.has_risen && !node.is_calm { 'b' } else { 'a' });
            }
            Word::Ball(passes) => effects.send(from, Word::Ball(passes + 1)),
        }
    }

    fn is_valid(&self, _: Slot, value: &char) -> bool {
        *value == 'a'
    }

    fn key(&self, node: &Listener) -> Option<Key> {
        Some(Key::debug(node))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().adversary()
    }
}

impl Adversary for Calmed {
    fn alphabet(&self) -> Vec<Word> {
        std::iter::once(Word::Rise).chain((0..8).map(Word::Calm)).collect()
    }
}

/// Who says all words to everybody before long says one that undoes the others.
#[test]
fn in_some_runs_a_byzantine_node_says_only_a_few_words() {
    let found = Simulation::new(Calmed).byzantine([NodeId(0)]).seeds(0..500).run().unwrap();
    let finding = found.findings().first().unwrap_or_else(|| panic!("{found}"));
    assert_eq!(finding.story.violation.as_ref().unwrap().property, "validity");
}
