//! What each honest node can do where it is known who is Byzantine: local states with what they have sent, and steps with
//! what of the others' messages they need.

use crate::hashed::{IndexMap, IndexSet};
use itertools::Itertools as _;

use super::alphabet::{Alphabet, Content};
use super::error::Unfit;
use super::finder::Finder;
use super::masks::{Any, Mask, both, smallest};
use super::way::{Needs, Outcome, Single};
use crate::protocol::{NodeId, Protocol, Slot};

/// Who is honest, who is not, and a bit for each message that an honest node can send.
pub(super) struct Cast {
    pub honest: Vec<NodeId>,
    pub byzantine: Vec<NodeId>,
    pub bits: IndexSet<(NodeId, Content)>,
}

impl Cast {
    /// The bit of a message by an honest node; none if it never sends it.
    pub fn bit(&self, node: NodeId, content: Content) -> Option<Mask> {
        self.bits.get_index_of(&(node, content)).map(|bit| 1 << bit)
    }

    /// What must exist for a message by this node to exist; none if it cannot.
    fn needed(&self, node: NodeId, content: Content) -> Option<Mask> {
        if self.byzantine.contains(&node) { Some(0) } else { self.bit(node, content) }
    }

    /// All that a node can send.
    pub fn all_of(&self, node: NodeId) -> Mask {
        let own = self.bits.iter().enumerate().filter(|(_, (sender, _))| *sender == node);
        own.map(|(bit, _)| 1 << bit).fold(0, |all: Mask, bit: Mask| all | bit)
    }

    /// The smallest sets with which these needs of a node are met; what it has sent itself is among them.
    pub fn masks<P: Protocol>(&self, alphabet: &Alphabet<P>, node: NodeId, needs: &Needs) -> Any {
        let own = needs.own.iter().map(|own| self.needed(node, *own));
        let own = own.collect::<Option<Vec<_>>>().map(|all| all.into_iter().fold(0, |all, own| all | own));
        let mut all: Any = own.into_iter().collect();
        let groups = needs.votes.iter().copied().into_group_map_by(|(vote, _)| alphabet.group(*vote));
        match needs.heads {
            0 => {
                for votes in groups.values() {
                    all = both(&all, &self.voted(node, votes));
                }
            }
            heads => all = both(&all, &self.voted_by(alphabet, node, &needs.votes, usize::from(heads))),
        }
        for &(vote, count) in &needs.apart {
            all = both(&all, &self.voted(node, &[(vote, count)]));
        }
        for &(group, count) in &needs.totals {
            all = both(&all, &self.any_of(alphabet, node, group, usize::from(count)));
        }
        for single in &needs.singles {
            let any = match *single {
                Single::Plain(from, content) => {
                    let parts = alphabet.parts(content).iter().map(|(who, part)| self.needed(*who, *part));
                    let all = parts.chain([self.needed(from, content)]).collect::<Option<Vec<_>>>();
                    all.map(|all| all.into_iter().fold(0, |all, one| all | one)).into_iter().collect()
                }
                Single::Class(class) => self.compound(alphabet, &alphabet.classes[class]),
            };
            all = both(&all, &any);
        }
        all
    }

    /// The smallest sets of honest votes with which there are so many, where each Byzantine node adds one.
    fn voted(&self, node: NodeId, votes: &[(Content, u8)]) -> Any {
        let others: Vec<NodeId> = self.honest.iter().copied().filter(|other| *other != node).collect();
        let mut open = vec![(0usize, 0 as Mask, Vec::<NodeId>::new(), self.byzantine.len())];
        let mut any = Vec::new();
        while let Some((place, mask, used, helpers)) = open.pop() {
            let Some(&(content, count)) = votes.get(place) else {
                any.push(mask);
                continue;
            };
            let count = usize::from(count);
            for helped in 0..=count.min(helpers) {
                let free: Vec<_> = others.iter().copied().filter(|other| !used.contains(other)).collect();
                for chosen in free.into_iter().combinations(count - helped) {
                    let bits = chosen.iter().map(|voter| self.bit(*voter, content));
                    let Some(bits) = bits.sum::<Option<Mask>>() else { continue };
                    let used = [&used[..], &chosen].concat();
                    open.push((place + 1, mask | bits, used, helpers - helped));
                }
            }
        }
        smallest(any)
    }

    /// The smallest sets of honest votes with which there are so many, in all groups together by so many nodes, of which each
    /// Byzantine one is one.
    fn voted_by<P: Protocol>(
        &self,
        alphabet: &Alphabet<P>,
        node: NodeId,
        votes: &[(Content, u8)],
        heads: usize,
    ) -> Any {
        let others: Vec<NodeId> =
            self.honest.iter().chain(&self.byzantine).copied().filter(|other| *other != node).collect();
        let mut open = vec![(0usize, 0 as Mask, Vec::<(Option<usize>, NodeId)>::new())];
        let mut any = Vec::new();
        while let Some((place, mask, used)) = open.pop() {
            let Some(&(content, count)) = votes.get(place) else {
                let are_enough = used.iter().map(|(_, voter)| *voter).unique().count() >= heads;
                any.extend(are_enough.then_some(mask));
                continue;
            };
            let group = alphabet.group(content);
            let free = others.iter().copied().filter(|other| !used.contains(&(group, *other)));
            for chosen in free.combinations(usize::from(count)) {
                let bits = chosen.iter().map(|voter| self.needed(*voter, content));
                let Some(bits) = bits.collect::<Option<Vec<_>>>() else { continue };
                let bits = bits.into_iter().fold(mask, |all, bit| all | bit);
                let by = chosen.into_iter().map(|voter| (group, voter));
                open.push((place + 1, bits, used.iter().copied().chain(by).collect()));
            }
        }
        smallest(any)
    }

    /// The smallest sets of honest votes with which so many have voted in a group, whatever they have voted; each Byzantine node
    /// has.
    fn any_of<P: Protocol>(&self, alphabet: &Alphabet<P>, node: NodeId, group: usize, count: usize) -> Any {
        let others = self.honest.iter().copied().filter(|other| *other != node);
        let mut any = Vec::new();
        for voters in others.combinations(count.saturating_sub(self.byzantine.len())) {
            let mut masks: Any = vec![0];
            for voter in voters {
                let bits = alphabet.groups[group].iter().filter_map(|vote| self.bit(voter, *vote));
                let bits: Any = bits.collect();
                masks = masks.iter().flat_map(|mask| bits.iter().map(move |bit| mask | bit)).collect();
            }
            any.extend(masks);
        }
        smallest(any)
    }

    fn compound<P: Protocol>(&self, alphabet: &Alphabet<P>, members: &[Content]) -> Any {
        let mut any = Vec::new();
        for &member in members {
            let parts = alphabet.parts(member).iter().map(|(signer, part)| self.needed(*signer, *part));
            let Some(parts) = parts.collect::<Option<Vec<_>>>() else { continue };
            let parts = parts.into_iter().fold(0, |all, part| all | part);
            let senders = self.honest.iter().filter_map(|sender| self.bit(*sender, member));
            any.extend(senders.map(|sent| sent | parts));
            if !self.byzantine.is_empty() {
                any.push(parts);
            }
        }
        smallest(any)
    }
}

/// A local state: the control state, and what has come of it so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    pub control: u32,
    pub sent: Mask,
    pub decided: Vec<u16>,
}

/// A step from a local state.
pub(super) struct Edge {
    pub any: Any,
    pub to: u32,
    /// Which of the ways of the control state it is.
    pub way: usize,
}

/// What a node can do in a local state.
#[derive(Default)]
pub(super) struct Local {
    pub edges: Vec<Edge>,
    /// What it can decide at once, where this exists, and by which way of the control state.
    pub decides: Vec<(u16, Any, usize)>,
    /// By which way it panics, where this exists.
    pub panics: Vec<(usize, Any)>,
}

/// All local states of one honest node.
pub(super) struct Locals {
    pub places: IndexSet<Place>,
    pub all: Vec<Local>,
}

/// Decisions of all nodes, by number.
pub(super) type Decisions<P> = IndexSet<(Slot, <P as Protocol>::Value)>;

/// Who is honest among these, with all that they can send.
pub(super) fn cast<P: Protocol>(finders: &[Finder<P>], byzantine: &[NodeId]) -> Result<Cast, Unfit> {
    let honest: Vec<_> =
        finders.iter().map(|finder| finder.me).filter(|me| !byzantine.contains(me)).collect();
    if honest.len() > 5 {
        return Err(Unfit::TooManyNodes(honest.len()));
    }
    let mut bits = IndexSet::default();
    for finder in finders.iter().filter(|finder| honest.contains(&finder.me)) {
        let later = finder.controls.iter().flat_map(|control| control.ways.keys());
        let mut sent: Vec<_> =
            later.chain(&finder.first).flat_map(|outcome| outcome.sent.iter().copied()).collect();
        sent.sort_unstable();
        bits.extend(sent.into_iter().map(|content| (finder.me, content)));
    }
    if bits.len() > Mask::BITS as usize {
        return Err(Unfit::TooMany(bits.len()));
    }
    Ok(Cast { honest, byzantine: byzantine.to_vec(), bits })
}

/// The local states of an honest node among these.
pub(super) fn locals<P: Protocol>(cast: &Cast, finder: &Finder<P>, decisions: &mut Decisions<P>) -> Locals {
    let node = finder.me;
    let mut locals = Locals { places: IndexSet::default(), all: Vec::new() };
    let Some(first) = &finder.first else { return locals };
    let Some(control) = first.to else { return locals };
    // What an outcome decides, in numbers that all nodes share.
    let mut shared = |outcome: &Outcome| -> Vec<u16> {
        let own =
            outcome.decided.iter().filter_map(|id| finder.machine.decisions.get_index(usize::from(*id)));
        let mut all: Vec<_> = own.map(|decision| decisions.insert_full(decision.clone()).0 as u16).collect();
        all.sort_unstable();
        all
    };
    let sent = |outcome: &Outcome| {
        let bits = outcome.sent.iter().filter_map(|content| cast.bit(node, *content));
        bits.fold(0, |all, bit| all | bit)
    };
    let mut ways = IndexMap::<u32, Vec<(Any, Outcome, usize, Vec<u16>, Mask)>>::default();
    locals.places.insert(Place { control, sent: sent(first), decided: shared(first) });
    let own = cast.all_of(node);
    while let Some(place) = locals.places.get_index(locals.all.len()).cloned() {
        let known = ways.entry(place.control).or_insert_with(|| {
            let all = finder.controls[place.control as usize].ways.iter().enumerate();
            let all = all.map(|(way, (outcome, recipes))| {
                let masks = recipes.iter().flat_map(|r| cast.masks(&finder.machine.alphabet, node, &r.needs));
                (smallest(masks.collect()), outcome.clone(), way, shared(outcome), sent(outcome))
            });
            all.collect()
        });
        let mut local = Local::default();
        for (any, outcome, way, decided, bits) in known.iter().map(|(a, o, w, d, b)| (a, o, *w, d, b)) {
            let fitting = any.iter().filter(|mask| **mask & own & !place.sent == 0).map(|mask| mask & !own);
            let any = smallest(fitting.collect());
            if any.is_empty() {
                continue;
            }
            local.decides.extend(decided.iter().map(|decision| (*decision, any.clone(), way)));
            let Some(to) = outcome.to else {
                local.panics.push((way, any));
                continue;
            };
            // Only what takes more liars than there are leads where nothing is known of.
            let Some(known) = finder.controls.get(to as usize) else { continue };
            let is_over = known.ways.is_empty();
            if is_over && *bits & !place.sent == 0 {
                // Nothing more comes of it, and nobody else can tell.
                continue;
            }
            let mut all = place.decided.clone();
            all.extend(decided.iter().copied().filter(|decision| !place.decided.contains(decision)));
            all.sort_unstable();
            let next = Place { control: to, sent: place.sent | *bits, decided: all };
            let to = locals.places.insert_full(next).0 as u32;
            local.edges.push(Edge { any, to, way });
        }
        locals.all.push(local);
    }
    locals
}
