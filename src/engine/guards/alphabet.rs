//! All that can be said, in numbers.

use std::mem::{Discriminant, discriminant};

use crate::hashed::{IndexMap, IndexSet};

use super::error::Unfit;
use crate::protocol::{NodeId, Protocol, Quorums, Tally};

/// A message of the alphabet, by number: what is said, whoever says it.
pub(super) type Content = u16;

/// What a message is to who gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Nature {
    /// A vote, counted in the group of this number.
    Vote(usize),
    /// Neither a vote nor made of signed parts: it matters who sends it.
    Plain,
    /// Made of these parts. Who hands it over does not matter.
    Compound(Vec<(NodeId, Content)>),
}

/// The alphabet of a protocol.
pub(super) struct Alphabet<P: Protocol> {
    pub messages: IndexSet<P::Message>,
    pub natures: Vec<Nature>,
    /// Votes that are counted together.
    pub groups: Vec<Vec<Content>>,
    /// Messages of parts that say the same, whoever signed them.
    pub classes: Vec<Vec<Content>>,
}

impl<P: Protocol> Alphabet<P> {
    /// The alphabet that a protocol gives.
    pub fn of(protocol: &P, quorums: Quorums<P>) -> Result<Self, Unfit> {
        let messages: IndexSet<P::Message> = (quorums.adversary.alphabet)(protocol).into_iter().collect();
        if messages.is_empty() || messages.len() > usize::from(Content::MAX) {
            return Err(Unfit::Alphabet(messages.len()));
        }
        let mut tallies: IndexMap<Tally, Vec<Content>> = IndexMap::default();
        let mut classes = IndexMap::<(Discriminant<P::Message>, Vec<Content>), Vec<Content>>::default();
        let mut natures = Vec::new();
        for (content, message) in (0..).zip(&messages) {
            let mut parts = Vec::new();
            for (signer, part) in (quorums.adversary.parts)(protocol, message) {
                let place = messages.get_index_of(&part).filter(|_| signer.index() < protocol.nodes());
                let unknown = || Unfit::Part(protocol.message_in_words(message));
                parts.push((signer, place.ok_or_else(unknown)? as Content));
            }
            let nature = match (quorums.tally)(protocol, message) {
                Some(_) if !parts.is_empty() => return Err(Unfit::Both(protocol.message_in_words(message))),
                Some(tally) => {
                    let group = tallies.entry(tally);
                    let number = group.index();
                    group.or_default().push(content);
                    Nature::Vote(number)
                }
                None if parts.is_empty() => Nature::Plain,
                None => {
                    let mut said: Vec<_> = parts.iter().map(|(_, part)| *part).collect();
                    said.sort_unstable();
                    classes.entry((discriminant(message), said)).or_default().push(content);
                    Nature::Compound(parts)
                }
            };
            natures.push(nature);
        }
        let groups = tallies.into_values().collect();
        Ok(Alphabet { messages, natures, groups, classes: classes.into_values().collect() })
    }

    /// The group in which a message is counted.
    pub fn group(&self, content: Content) -> Option<usize> {
        match self.natures[usize::from(content)] {
            Nature::Vote(group) => Some(group),
            _ => None,
        }
    }

    /// The signed parts of a message.
    pub fn parts(&self, content: Content) -> &[(NodeId, Content)] {
        match &self.natures[usize::from(content)] {
            Nature::Compound(parts) => parts,
            _ => &[],
        }
    }

    /// The class of a message of parts.
    pub fn class(&self, content: Content) -> Option<usize> {
        self.classes.iter().position(|members| members.contains(&content))
    }

    /// Messages that are neither votes nor compound.
    pub fn plain(&self) -> impl Iterator<Item = Content> {
        let all = (0..).zip(&self.natures);
        all.filter(|(_, nature)| **nature == Nature::Plain).map(|(content, _)| content)
    }
}
