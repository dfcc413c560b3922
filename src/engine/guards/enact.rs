//! What the search has found, acted out by real nodes message by message.
//!
//! A step of the search needs that so many votes exist, and not whose they are; and it forgets what was counted before. To act
//! it out, voters are chosen, the Byzantine nodes' own with them, so that no node counts anybody twice; where one choice
//! leads nowhere, the next is tried.

use itertools::Itertools as _;

use super::alphabet::Content;
use super::error::Unfit;
use super::machine::{Feed, Machine, Running};
use super::masks::{Mask, is_met};
use super::placed::{Cast, Locals};
use super::way::{Outcome, Portion, Recipe, Single};
use super::world::Input;
use crate::protocol::{NodeId, Protocol};

/// One step of one node in what was found.
pub(super) struct Act<'a> {
    pub outcome: &'a Outcome,
    pub recipes: &'a [Recipe],
    /// What exists then.
    pub exists: Mask,
    /// Its place in the whole.
    pub number: usize,
}

/// The choices for all steps of one node.
pub(super) struct Actor<'a, P: Protocol> {
    pub machine: &'a mut Machine<P>,
    pub cast: &'a Cast,
    pub node: NodeId,
    /// Runs that are left before it is given up.
    pub left: usize,
}

/// Who has voted in which group.
type Voters = Vec<(Option<usize>, NodeId)>;

/// What a node was handed so far, and whose votes it has counted.
#[derive(Clone, Default)]
struct Script {
    feeds: Vec<(usize, Feed)>,
    counted: Vec<(NodeId, Content)>,
}

impl<P: Protocol> Actor<'_, P> {
    /// What is handed to the node, with the number of the step that it is for; none if no choice brings all of it about.
    pub fn act(&mut self, acts: &[Act<'_>]) -> Result<Option<Vec<(usize, Feed)>>, Unfit> {
        Ok(self.from(acts, &Script::default())?.map(|script| script.feeds))
    }

    fn from(&mut self, acts: &[Act<'_>], so_far: &Script) -> Result<Option<Script>, Unfit> {
        let Some((act, rest)) = acts.split_first() else { return Ok(Some(so_far.clone())) };
        for recipe in act.recipes {
            let masks = self.cast.masks(&self.machine.alphabet, self.node, &recipe.needs);
            if !is_met(&masks, act.exists) {
                continue;
            }
            for script in self.choices(act, recipe, so_far) {
                if self.left == 0 {
                    return Ok(None);
                }
                self.left -= 1;
                if self.brings_about(act, so_far.feeds.len(), &script)?
                    && let Some(whole) = self.from(rest, &script)?
                {
                    return Ok(Some(whole));
                }
            }
        }
        Ok(None)
    }

    /// Whether what is handed over last brings about what it is for.
    fn brings_about(&mut self, act: &Act<'_>, before: usize, script: &Script) -> Result<bool, Unfit> {
        let Some(mut node): Option<Running<P>> = self.machine.begin(self.node)?.0 else { return Ok(false) };
        let (mut sent, mut decided, mut panicked) = (Vec::new(), Vec::new(), None);
        for (place, (_, feed)) in script.feeds.iter().enumerate() {
            if let Feed::Timer(timer) = feed
                && !node.timers.contains(timer)
            {
                return Ok(false);
            }
            let done = self.machine.feed(self.node, &mut node, *feed)?;
            panicked = panicked.or(done.panicked);
            if place >= before {
                sent.extend(done.sent);
                decided.extend(done.decided);
            }
        }
        sent.sort_unstable();
        decided.sort_unstable();
        let is_there = act.outcome.to.is_none_or(|to| to == node.control);
        let sends = act.outcome.sent == sent && act.outcome.decided == decided;
        Ok(is_there && panicked == act.outcome.panicked && (panicked.is_some() || sends))
    }

    /// All that may be handed over for a recipe.
    fn choices(&self, act: &Act<'_>, recipe: &Recipe, so_far: &Script) -> Vec<Script> {
        // What is still to be done, and which voters serve.
        let mut open = vec![(0usize, so_far.clone(), Voters::new())];
        let mut found = Vec::new();
        while let Some((at, script, used)) = open.pop() {
            let Some(portion) = recipe.portions.get(at) else {
                let heads = used.iter().map(|(_, voter)| *voter).unique().count();
                found.extend((heads >= usize::from(recipe.needs.heads)).then_some(script));
                continue;
            };
            let mut next = Vec::new();
            match *portion {
                Portion::Timer(timer) => {
                    next.push((with(&script, act.number, Feed::Timer(timer)), used.clone()))
                }
                Portion::Single(single) => {
                    let feeds = self.messages(single, act.exists);
                    next.extend(
                        feeds.into_iter().map(|feed| (with(&script, act.number, feed), used.clone())),
                    );
                }
                Portion::Vote(vote) => {
                    for (voter, is_new) in self.voters(&script, &used, vote, act.exists) {
                        let mut script = script.clone();
                        if is_new {
                            script = with(&script, act.number, Feed::Message(voter, vote));
                            script.counted.push((voter, vote));
                        }
                        let group = self.machine.alphabet.group(vote);
                        next.push((script, [&used[..], &[(group, voter)]].concat()));
                    }
                }
            }
            // What is to be tried first is taken out first.
            open.extend(next.into_iter().rev().map(|(script, used)| (at + 1, script, used)));
        }
        found
    }

    /// Who may cast this vote, and whether it is still to be handed over: first those whose vote was counted.
    fn voters(
        &self,
        script: &Script,
        used: &[(Option<usize>, NodeId)],
        vote: Content,
        exists: Mask,
    ) -> Vec<(NodeId, bool)> {
        let alphabet = &self.machine.alphabet;
        let group = alphabet.group(vote);
        let counted = |voter: NodeId| {
            let of_group =
                script.counted.iter().find(|(who, what)| *who == voter && alphabet.group(*what) == group);
            of_group.map(|(_, what)| *what)
        };
        let is_there = |voter: NodeId| match self.cast.bit(voter, vote) {
            Some(bit) => bit & !exists == 0,
            None => self.cast.byzantine.contains(&voter),
        };
        let others = self.cast.honest.iter().chain(&self.cast.byzantine).copied();
        let others = others
            .filter(|voter| *voter != self.node && !used.contains(&(group, *voter)) && is_there(*voter));
        let mut all: Vec<_> = others
            .filter_map(|voter| match counted(voter) {
                None => Some((voter, true)),
                Some(what) => (what == vote).then_some((voter, false)),
            })
            .collect();
        all.sort_by_key(|(_, is_new)| *is_new);
        all
    }

    fn messages(&self, single: Single, exists: Mask) -> Vec<Feed> {
        let has = |signer: NodeId, content| match self.cast.bit(signer, content) {
            Some(bit) => bit & !exists == 0,
            None => self.cast.byzantine.contains(&signer),
        };
        match single {
            Single::Plain(from, content) => {
                let parts = self.machine.alphabet.parts(content);
                let is_there = has(from, content) && parts.iter().all(|(who, part)| has(*who, *part));
                is_there.then_some(Feed::Message(from, content)).into_iter().collect()
            }
            Single::Class(class) => {
                let members = self.machine.alphabet.classes[class].iter().copied();
                let members = members.filter(|member| {
                    let parts = self.machine.alphabet.parts(*member);
                    parts.iter().all(|(signer, part)| has(*signer, *part))
                });
                let sender = |member| {
                    let honest = self.cast.honest.iter().find(|id| **id != self.node && has(**id, member));
                    self.cast.byzantine.first().or(honest).copied()
                };
                members.filter_map(|member| sender(member).map(|from| Feed::Message(from, member))).collect()
            }
        }
    }
}

fn with(script: &Script, number: usize, feed: Feed) -> Script {
    let mut script = script.clone();
    script.feeds.push((number, feed));
    script
}

/// The steps from one local state to another class, or to where `is_goal` holds: the local states that they begin in, and
/// the place of each edge.
pub(super) fn route(
    locals: &Locals,
    from: usize,
    exists: Mask,
    is_goal: &dyn Fn(usize) -> bool,
    may_speak: &dyn Fn(usize) -> bool,
) -> Option<(Vec<(usize, usize)>, usize)> {
    let sent = |at: usize| locals.places.get_index(at).map(|place| place.sent);
    let mut reached = vec![(from, usize::MAX, usize::MAX)];
    let mut at = 0;
    while let Some(&(place, ..)) = reached.get(at) {
        if is_goal(place) {
            let (mut steps, mut back) = (Vec::new(), at);
            while let Some(&(_, parent, edge)) =
                reached.get(back).filter(|(_, parent, _)| *parent != usize::MAX)
            {
                steps.push((reached[parent].0, edge));
                back = parent;
            }
            steps.reverse();
            return Some((steps, place));
        }
        // What has spoken has arrived.
        if sent(place) == sent(from) {
            for (number, edge) in locals.all[place].edges.iter().enumerate() {
                let to = edge.to as usize;
                let goes = sent(to) == sent(from) || may_speak(to);
                if goes && is_met(&edge.any, exists) && !reached.iter().any(|(known, ..)| *known == to) {
                    reached.push((to, at, number));
                }
            }
        }
        at += 1;
    }
    None
}

/// The inputs of all nodes in the order of the steps that they are for.
pub(super) fn merged(acted: Vec<(NodeId, Vec<(usize, Feed)>)>) -> Vec<Input> {
    let all = acted
        .into_iter()
        .flat_map(|(at, feeds)| feeds.into_iter().map(move |(number, feed)| (number, at, feed)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(number, ..)| *number);
    all.into_iter().map(|(_, at, feed)| Input { at, feed }).collect()
}
