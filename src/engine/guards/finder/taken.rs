//! The steps of control states, with what they take, read off the roots of a node.

use super::graph::Explored;
use super::late::{Late, Op, Step};
use super::*;

/// Random histories in which a node must do what is known, at most, and so many for each root.
const HISTORIES: u64 = 20_000;
const OF_ROOT: u64 = 100;
/// What every way to a root hands over, by number: whether it is there, or by how many others it was voted.
type Counts = Vec<u8>;

/// How things are numbered.
struct Numbers<'a, P: Protocol> {
    alphabet: &'a Alphabet<P>,
    others: &'a [NodeId],
}

impl<P: Protocol> Numbers<'_, P> {
    fn none(&self) -> Counts {
        vec![0; self.group(self.alphabet.groups.len())]
    }

    fn group(&self, group: usize) -> usize {
        self.class(self.alphabet.classes.len()) + group
    }

    fn plain(&self, from: NodeId, content: Content) -> usize {
        let place = self.others.iter().position(|other| *other == from).unwrap_or(0);
        (1 + place) * self.alphabet.messages.len() + usize::from(content)
    }

    fn class(&self, class: usize) -> usize {
        (1 + self.others.len()) * self.alphabet.messages.len() + class
    }

    /// What is there once these were handed over; with `parts`, with the votes in certificates, of which any may be the node's own.
    fn of(&self, feeds: &[Feed], parts: bool) -> Counts {
        let mut counts = self.none();
        let mut votes = BTreeSet::new();
        for feed in feeds {
            let Feed::Message(from, content) = *feed else { continue };
            match (self.alphabet.group(content), self.alphabet.class(content)) {
                (Some(_), _) => drop(votes.insert((from, content))),
                (None, Some(class)) => {
                    let place = self.class(class);
                    counts[place] = 1;
                    let all = self.alphabet.parts(content);
                    let signed = all.iter().filter(|(signer, _)| self.others.contains(signer));
                    votes.extend(signed.take(all.len() - 1).filter(|_| parts).copied());
                }
                (None, None) => {
                    let place = self.plain(from, content);
                    counts[place] = 1;
                }
            }
        }
        votes.iter().for_each(|(_, vote)| counts[usize::from(*vote)] += 1);
        let voted = votes.iter().map(|(voter, vote)| (self.alphabet.group(*vote), *voter));
        for (group, _) in voted.collect::<BTreeSet<_>>() {
            if let Some(group) = group {
                let place = self.group(group);
                counts[place] += 1;
            }
        }
        counts
    }
}

impl<P: Protocol> Numbers<'_, P> {
    /// Which votes these are, and how many of each; ascending.
    fn votes(&self, counts: &Counts) -> Vec<(Content, u8)> {
        let votes = self.alphabet.groups.iter().flatten();
        let votes = votes.map(|vote| (*vote, counts[usize::from(*vote)])).filter(|(_, count)| *count > 0);
        let mut votes: Vec<_> = votes.collect();
        votes.sort_unstable();
        votes
    }
}

fn most(one: &Counts, other: &Counts) -> Counts {
    one.iter().zip(other).map(|(one, other)| *one.max(other)).collect()
}

impl<P: Protocol> Finder<P> {
    /// All that a node can do, with what could as well be handed over later put off. None if it was told to stop; an error if the
    /// protocol does not say what counts have reached, if there is too much, or if chance finds what is missing.
    pub fn late(
        mut machine: Machine<P>,
        me: NodeId,
        lying: usize,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, Unfit> {
        let (node, done) = machine.begin(me)?;
        let first = outcome(node.map(|node| node.control), &done);
        let others: Vec<NodeId> =
            NodeId::all(machine.protocol.nodes()).filter(|other| *other != me).collect();
        let mut late = Late::new(&mut machine, me, &others, lying);
        match late.explore(goes_on)? {
            Explored::Stopped => return Ok(None),
            Explored::TooMany => return Err(Unfit::TooLarge),
            Explored::Whole => {}
        }
        let Some(again) = late.try_again(goes_on)? else { return Ok(None) };
        let waits = late.waits;
        let controls = controls(&late);
        let votes_twice = late.states.iter().any(|state| {
            let groups = state.sent.iter().filter_map(|vote| late.machine.alphabet.group(*vote));
            groups.clone().count() > groups.collect::<BTreeSet<_>>().len()
        });
        let states = late.states.len();
        let mut finder = Finder::empty(machine, me, lying, others);
        (finder.first, finder.controls) = (Some(first), controls);
        finder.exact = Some(Exact { states, votes_twice });
        let histories = HISTORIES.min(OF_ROOT * states as u64);
        for seed in 0..histories {
            if seed % 64 == 0 && !goes_on() {
                return Ok(None);
            }
            finder.history_is_known(seed)?;
        }
        finder.tried = Tried { walks: histories, pairs: again + waits };
        Ok(Some(finder))
    }
}

/// What every way to each root hands over.
fn handed<P: Protocol>(late: &Late<'_, P>, numbers: &Numbers<'_, P>) -> Vec<Counts> {
    let mut all = vec![vec![u8::MAX; numbers.none().len()]; late.roots.len()];
    all[0] = numbers.none();
    let words: Vec<Counts> = late.steps.iter().map(|step| numbers.of(&step.feeds, true)).collect();
    let mut is_done = false;
    while !is_done {
        is_done = true;
        for (step, word) in late.steps.iter().zip(&words) {
            let Some(to) = step.to else { continue };
            let after = most(&all[step.from as usize], word);
            for (known, after) in all[to as usize].iter_mut().zip(after) {
                if after < *known {
                    *known = after;
                    is_done = false;
                }
            }
        }
    }
    all
}

/// The steps of each control state.
fn controls<P: Protocol>(late: &Late<'_, P>) -> Vec<Control> {
    let numbers = Numbers { alphabet: &late.machine.alphabet, others: late.others };
    let handed = handed(late, &numbers);
    let last = late.states.iter().map(|state| state.control).max().unwrap_or(0);
    let mut controls: Vec<Control> = (0..=last).map(|_| Control::default()).collect();
    for step in &late.steps {
        let (from, outcome) = (&late.states[step.from as usize], &late.outcomes[step.outcome as usize]);
        let is_known =
            outcome.to != Some(from.control) || !outcome.sent.is_empty() || !outcome.decided.is_empty();
        if is_known {
            let recipe = recipe(late, &numbers, &handed[step.from as usize], step);
            let known = controls[from.control as usize].ways.entry(outcome.clone()).or_default();
            if !known.iter().any(|known| known.needs.are_part_of(&recipe.needs)) {
                known.retain(|known| !recipe.needs.are_part_of(&known.needs));
                known.push(recipe);
            }
        }
    }
    controls
}

/// A step with what it takes.
fn recipe<P: Protocol>(late: &Late<'_, P>, numbers: &Numbers<'_, P>, handed: &Counts, step: &Step) -> Recipe {
    let singles = most(handed, &numbers.of(&step.feeds, false));
    let portions = portions(late, numbers, &singles, step);
    Recipe { needs: needs(late, numbers, handed, singles, step), portions, origin: 0 }
}

/// What a step takes.
fn needs<P: Protocol>(
    late: &Late<'_, P>,
    numbers: &Numbers<'_, P>,
    handed: &Counts,
    singles: Counts,
    step: &Step,
) -> Needs {
    let alphabet = numbers.alphabet;
    let (state, root) = (&late.states[step.from as usize], &late.roots[step.from as usize]);
    let votes = numbers.votes(&numbers.of(&step.feeds, false));
    let mut totals = BTreeMap::<Option<usize>, usize>::new();
    for (vote, count) in &votes {
        *totals.entry(alphabet.group(*vote)).or_default() += usize::from(*count);
    }
    let voters: BTreeSet<NodeId> = step.feeds.iter().filter_map(|feed| voter(alphabet, feed)).collect();
    let most_of_one = totals.values().copied().max().unwrap_or(0);
    let heads = if voters.len() > most_of_one { voters.len() as u8 } else { 0 };
    // What is kept was voted on this way; on every way by no fewer than so many.
    let kept = numbers.of(&root.kept, true);
    let kept: Counts = kept.iter().zip(handed).map(|(kept, handed)| *kept.min(handed)).collect();
    // A timer was set for a count, of whatever votes.
    let is_timer = step.feeds.iter().any(|feed| matches!(feed, Feed::Timer(_)));
    let groups = (0..alphabet.groups.len()).filter(|_| is_timer);
    let totals = groups.map(|group| (group, handed[numbers.group(group)])).filter(|(_, count)| *count > 0);
    let plain = late.others.iter().flat_map(|from| {
        let there = alphabet.plain().filter(|content| singles[numbers.plain(*from, *content)] > 0);
        there.map(|content| Single::Plain(*from, content))
    });
    let classes = (0..alphabet.classes.len()).filter(|class| singles[numbers.class(*class)] > 0);
    let mut all: Vec<Single> = plain.chain(classes.map(Single::Class)).collect();
    all.sort_unstable();
    let (own, apart, totals) = (state.sent.clone(), numbers.votes(&kept), totals.collect());
    Needs { own, votes, heads, apart, totals, singles: all }
}

/// What is handed over for a step: what was handed over before and is not forgotten, and then its own.
fn portions<P: Protocol>(
    late: &Late<'_, P>,
    numbers: &Numbers<'_, P>,
    singles: &Counts,
    step: &Step,
) -> Vec<Portion> {
    let (alphabet, root) = (numbers.alphabet, &late.roots[step.from as usize]);
    let has = |feed: &Feed| match *feed {
        Feed::Timer(_) => true,
        Feed::Message(from, content) => match (alphabet.group(content), alphabet.class(content)) {
            (Some(_), _) => true,
            (None, Some(class)) => singles[numbers.class(class)] > 0,
            (None, None) => singles[numbers.plain(from, content)] > 0,
        },
    };
    let forgot = root.ops.iter().rposition(|op| *op == Op::Forget).map_or(0, |place| place + 1);
    let earlier = root.ops.iter().enumerate().filter_map(|(place, op)| match *op {
        // Votes that it has forgotten were for steps that were taken.
        Op::Feed(feed @ Feed::Message(_, content)) => {
            (place >= forgot || alphabet.group(content).is_none()).then_some(feed)
        }
        _ => None,
    });
    let portions = earlier.filter(has).chain(step.feeds.iter().copied()).map(|feed| match feed {
        Feed::Timer(timer) => Portion::Timer(timer),
        Feed::Message(from, content) => match (alphabet.group(content), alphabet.class(content)) {
            (Some(_), _) => Portion::Vote(content),
            (None, Some(class)) => Portion::Single(Single::Class(class)),
            (None, None) => Portion::Single(Single::Plain(from, content)),
        },
    });
    portions.collect()
}

fn voter<P: Protocol>(alphabet: &Alphabet<P>, feed: &Feed) -> Option<NodeId> {
    match *feed {
        Feed::Message(from, content) => alphabet.group(content).map(|_| from),
        Feed::Timer(_) => None,
    }
}
