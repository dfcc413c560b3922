//! A protocol of one's own: notes of what somebody says, which nothing comes of.

use bft_check::protocol::{Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Tally, Tallying};

/// Everybody passes on the first thing that node 0 says of each topic, and nobody decides anything.
#[derive(Clone, Copy, Debug)]
pub struct Notes {
    pub topics: u8,
}

/// So many topics that a search pauses on its way.
pub const NOTES: Notes = Notes { topics: 3 };

impl Protocol for Notes {
    type Node = Vec<Option<char>>;
    type Message = (u8, char);
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        5
    }

    fn init(&self, _: NodeId, _: &mut Effects<Self>) -> Self::Node {
        vec![None; self.topics.into()]
    }

    fn step(&self, notes: &mut Self::Node, input: Input<Self>, effects: &mut Effects<Self>) {
        if let Input::Message { from: NodeId(0), message: (topic, said) } = input
            && let Some(note @ None) = notes.get_mut(usize::from(topic))
        {
            *note = Some(said);
            effects.broadcast((topic, said));
        }
    }

    fn key(&self, notes: &Self::Node) -> Option<Key> {
        Some(Key::debug(notes))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().quorums()
    }
}

impl Adversary for Notes {
    fn alphabet(&self) -> Vec<(u8, char)> {
        (0..self.topics).flat_map(|topic| [(topic, 'a'), (topic, 'b')]).collect()
    }
}

impl Tallying for Notes {
    fn control(&self, notes: &Self::Node) -> Key {
        Key::debug(notes)
    }

    fn tally(&self, _: &(u8, char)) -> Option<Tally> {
        None
    }
}
