//! What is handed to a root in one go: words of one tally each, and single messages and timers.

use super::late::{Came, Late};
use super::*;
use crate::protocol::Key;

/// What a word is about: words of one part are never put one after the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Part {
    /// The tally of this number.
    Tally(usize),
    /// This message, from whoever sends it.
    Plain(NodeId, Content),
    Timer(u16),
}

/// A word, and what comes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub part: Part,
    pub feeds: Vec<Feed>,
    pub came: Came,
    pub is_step: bool,
    pub reached: Key,
}

/// A word that may go on.
struct Begun {
    feeds: Vec<Feed>,
    key: Key,
    voters: Vec<NodeId>,
}

impl<P: Protocol> Late<'_, P> {
    /// All words of a root from which anything comes, or with which a count is reached.
    pub fn words(&mut self, root: u32) -> Result<Vec<Word>, Unfit> {
        let mut words = Vec::new();
        for group in 0..self.machine.alphabet.groups.len() {
            self.of_tally(root, group, &mut words)?;
        }
        let timers = self.states[root as usize].timers.clone();
        let timers = timers.into_iter().map(|timer| (Part::Timer(timer), Feed::Timer(timer)));
        let plain: Vec<Content> = self.machine.alphabet.plain().collect();
        let plain = self.others.iter().flat_map(|from| plain.iter().map(move |content| (*from, *content)));
        let plain = plain.map(|(from, content)| (Part::Plain(from, content), Feed::Message(from, content)));
        for (part, feed) in timers.chain(plain).collect::<Vec<_>>() {
            self.word(root, part, vec![feed], &self.states[root as usize].key.clone(), &mut words)?;
        }
        Ok(words)
    }

    /// Takes down a word if anything comes of its last input. The key after it, if it may go on.
    fn word(
        &mut self,
        root: u32,
        part: Part,
        feeds: Vec<Feed>,
        before: &Key,
        words: &mut Vec<Word>,
    ) -> Result<Option<Key>, Unfit> {
        let mut node = self.rebuilt(root)?;
        let first = self.reached(&node);
        let Some(came) = self.ran(&mut node, &feeds)? else { return Ok(None) };
        let is_step = self.is_step(root, &came);
        if !is_step && came.key == *before {
            return Ok(None);
        }
        let reached = match came.panicked {
            None => self.reached(&node),
            Some(_) => None,
        };
        let key = (!is_step).then(|| came.key.clone());
        if is_step || reached != first {
            let reached = reached.unwrap_or_else(|| came.key.clone());
            words.push(Word { part, feeds, came, is_step, reached });
        }
        Ok(key)
    }

    /// Words of one tally. Whose votes they are does not matter: but for the first, which may be anybody's.
    fn of_tally(&mut self, root: u32, group: usize, words: &mut Vec<Word>) -> Result<(), Unfit> {
        let first = self.states[root as usize].key.clone();
        let mut met = BTreeSet::from([first.clone()]);
        let mut begun = vec![Begun { feeds: Vec::new(), key: first, voters: Vec::new() }];
        let votes = self.machine.alphabet.groups[group].clone();
        let certificates = self.certificates(root, group);
        let mut at = 0;
        while at < begun.len() {
            let Begun { feeds, key, voters } = &begun[at];
            let (feeds, key, voters) = (feeds.clone(), key.clone(), voters.clone());
            at += 1;
            for &vote in &votes {
                let mut is_first = true;
                for &voter in self.others.iter().filter(|voter| !voters.contains(voter)) {
                    let longer = [&feeds[..], &[Feed::Message(voter, vote)]].concat();
                    let before = words.len();
                    let next = self.word(root, Part::Tally(group), longer.clone(), &key, words)?;
                    let brings = next.is_some() || words.len() > before;
                    if let Some(next) = next.filter(|_| is_first)
                        && met.insert(next.clone())
                    {
                        let voters = [&voters[..], &[voter]].concat();
                        begun.push(Begun { feeds: longer, key: next, voters });
                    }
                    is_first &= !brings;
                    if brings && !feeds.is_empty() {
                        break;
                    }
                }
            }
            for &certificate in &certificates {
                let longer = [&feeds[..], &[certificate]].concat();
                if self.liars(group, &longer) > self.lying {
                    continue;
                }
                let next = self.word(root, Part::Tally(group), longer.clone(), &key, words)?;
                if let Some(next) = next
                    && met.insert(next.clone())
                {
                    begun.push(Begun { feeds: longer, key: next, voters: voters.clone() });
                }
            }
        }
        Ok(())
    }

    /// Messages of votes of a tally, as they can be handed over where a node has sent no more than in this root.
    fn certificates(&self, root: u32, group: usize) -> Vec<Feed> {
        let (alphabet, sent) = (&self.machine.alphabet, &self.states[root as usize].sent);
        let all = 0..alphabet.messages.len() as Content;
        let of_group = all.filter(|content| {
            let parts = alphabet.parts(*content);
            let is_of = |part: &Content| alphabet.group(*part) == Some(group);
            let is_there =
                |(signer, part): &(NodeId, Content)| *signer != self.me || sent.binary_search(part).is_ok();
            !parts.is_empty() && parts.iter().any(|(_, part)| is_of(part)) && parts.iter().all(is_there)
        });
        of_group.map(|content| Feed::Message(self.others[0], content)).collect()
    }

    /// How many others say two things of one tally in a word.
    fn liars(&self, group: usize, feeds: &[Feed]) -> usize {
        let alphabet = &self.machine.alphabet;
        let mut said = BTreeSet::new();
        for feed in feeds {
            let Feed::Message(from, content) = *feed else { continue };
            said.extend(alphabet.group(content).map(|_| (from, content)));
            said.extend(alphabet.parts(content).iter().copied());
        }
        let says = |other: &&NodeId| {
            let of_group =
                |(who, what): &&(NodeId, Content)| who == *other && alphabet.group(*what) == Some(group);
            said.iter().filter(of_group).count() > 1
        };
        self.others.iter().filter(says).count()
    }

    /// Words of one part of which the same comes, or with which the same is reached; of these the smallest, since what else is
    /// in others may wait. Some counts are of whoever has voted: single votes are one only if they are by the same.
    pub fn classes<'w>(&self, words: &'w [Word]) -> Vec<Vec<&'w Word>> {
        let mut classes = IndexMap::<_, Vec<(&Word, Vec<u32>)>>::default();
        for word in words {
            let Came { control, timers, sent, decided, panicked, .. } = &word.came;
            let came = word.is_step.then_some((control, timers, sent, decided, panicked));
            let voter = match word.feeds[..] {
                [Feed::Message(voter, _)] => Some(voter),
                _ => None,
            };
            let class = classes.entry((word.part, &word.reached, came, voter)).or_default();
            class.push((word, self.said(word)));
        }
        let smallest = |class: Vec<(&'w Word, Vec<u32>)>| {
            let is_more = |place: usize| {
                class.iter().enumerate().any(|(other, (_, said))| {
                    other != place
                        && is_part(said, &class[place].1)
                        && (said.len() < class[place].1.len() || other < place)
                })
            };
            (0..class.len()).filter(|place| !is_more(*place)).map(|place| class[place].0).collect()
        };
        classes.into_values().map(smallest).collect()
    }

    /// What is said in a word, whoever says it; ascending.
    fn said(&self, word: &Word) -> Vec<u32> {
        let said = word.feeds.iter().map(|feed| match *feed {
            Feed::Timer(timer) => u32::from(timer),
            Feed::Message(_, content) => match self.machine.alphabet.class(content) {
                Some(class) => 1 << 17 | class as u32,
                None => 1 << 16 | u32::from(content),
            },
        });
        let mut said: Vec<u32> = said.collect();
        said.sort_unstable();
        said
    }
}

/// Whether all of one is in the other, as often. Both are ascending.
fn is_part(one: &[u32], other: &[u32]) -> bool {
    let mut left = other.iter();
    one.iter().all(|said| left.any(|known| known == said))
}
