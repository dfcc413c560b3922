//! All that a node was handed in a history, and whether what is known of its control state accounts for what it then does.

use std::collections::BTreeSet;

use super::*;

/// What exists for a node at least: what it was handed, and what it has sent.
#[derive(Clone, Default)]
pub(in crate::engine::guards) struct Held {
    votes: BTreeSet<(NodeId, Content)>,
    singles: BTreeSet<Single>,
    sent: BTreeSet<Content>,
}

impl Held {
    /// What was sent by the node.
    pub fn send(&mut self, sent: &[Content]) {
        self.sent.extend(sent);
    }

    /// Whether the node has sent this.
    pub fn has_sent(&self, content: Content) -> bool {
        self.sent.contains(&content)
    }

    /// What is handed over. Where a message of parts exists, its parts do.
    pub fn take<P: Protocol>(&mut self, alphabet: &Alphabet<P>, feed: Feed) {
        let Feed::Message(from, content) = feed else { return };
        match (alphabet.group(content), alphabet.class(content)) {
            (Some(_), _) => drop(self.votes.insert((from, content))),
            (None, Some(class)) => drop(self.singles.insert(Single::Class(class))),
            (None, None) => drop(self.singles.insert(Single::Plain(from, content))),
        }
        self.votes.extend(alphabet.parts(content).iter().copied());
    }

    /// Whether these needs are met, of each voter by one vote of a group.
    pub fn meets<P: Protocol>(&self, alphabet: &Alphabet<P>, needs: &Needs) -> bool {
        let votes = needs.votes.iter();
        let votes: Vec<Content> = votes.flat_map(|(vote, count)| (0..*count).map(|_| *vote)).collect();
        needs.own.iter().all(|own| self.sent.contains(own))
            && needs.singles.iter().all(|single| self.singles.contains(single))
            && needs.apart.iter().all(|(vote, count)| {
                self.votes.iter().filter(|(_, other)| other == vote).count() >= usize::from(*count)
            })
            && needs.totals.iter().all(|(group, count)| {
                let of_group = self.votes.iter().filter(|(_, vote)| alphabet.group(*vote) == Some(*group));
                of_group.map(|(voter, _)| *voter).collect::<BTreeSet<_>>().len() >= usize::from(*count)
            })
            && self.are_cast(alphabet, &votes, usize::from(needs.heads), &mut Vec::new())
    }

    fn are_cast<P: Protocol>(
        &self,
        alphabet: &Alphabet<P>,
        votes: &[Content],
        heads: usize,
        used: &mut Vec<(Option<usize>, NodeId)>,
    ) -> bool {
        let Some((&vote, rest)) = votes.split_first() else {
            let voters: BTreeSet<NodeId> = used.iter().map(|(_, voter)| *voter).collect();
            return voters.len() >= heads;
        };
        let group = alphabet.group(vote);
        for &(voter, _) in self.votes.iter().filter(|(_, other)| *other == vote) {
            if used.contains(&(group, voter)) {
                continue;
            }
            used.push((group, voter));
            if self.are_cast(alphabet, rest, heads, used) {
                return true;
            }
            used.pop();
        }
        false
    }
}

impl<P: Protocol> Finder<P> {
    /// What a sample holds.
    pub(super) fn held(&self, sample: usize) -> Held {
        let mut held = Held::default();
        held.send(&self.samples[sample].sent);
        for &feed in &self.samples[sample].feeds {
            held.take(self.alphabet(), feed);
        }
        held
    }

    /// Whether it is known that this can come about in a control state where this is held, and what the node does afterwards.
    pub(super) fn accounts_for(&self, control: u32, held: &Held, outcome: &Outcome) -> bool {
        let is_met = |to: u32| self.controls.get(to as usize).is_some_and(|known| !known.samples.is_empty());
        let known = self.controls.get(control as usize).and_then(|known| known.ways.get(outcome));
        outcome.to.is_none_or(is_met)
            && known.is_some_and(|recipes| {
                recipes.iter().any(|recipe| held.meets(self.alphabet(), &recipe.needs))
            })
    }
}
