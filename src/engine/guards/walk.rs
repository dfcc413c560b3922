//! Random runs of real nodes, message by message, looked up in what the search has found: none may be missing.

use crate::hashed::IndexSet;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rustc_hash::FxHashSet;

use super::alphabet::Content;
use super::error::Unfit;
use super::finder::Finder;
use super::machine::{Done, Feed, Machine};
use super::masks::{Mask, is_met};
use super::placed::{Cast, Decisions, Locals, Place};
use super::symmetry::Symmetry;
use super::world::{Input, World};
use crate::protocol::{NodeId, Protocol};

/// Inputs in a run.
const LENGTH: usize = 120;

/// What is known of all runs.
pub(super) struct Known<'a, P: Protocol> {
    pub cast: &'a Cast,
    pub finders: Vec<&'a Finder<P>>,
    pub locals: &'a [Locals],
    pub symmetries: &'a [Symmetry],
    pub decisions: &'a Decisions<P>,
    /// What honest nodes have sent in some state, under the one name for all that differ in names.
    pub sent: FxHashSet<Mask>,
}

/// Where one node stands in what is known; none if it has stopped.
type Stand = Option<usize>;

impl<P: Protocol> Known<'_, P> {
    /// What was sent, under the one name for all that differ in names.
    pub fn canonical(symmetries: &[Symmetry], sent: Mask) -> Mask {
        symmetries.iter().map(|symmetry| symmetry.mask(sent)).fold(sent, Mask::min)
    }

    /// Makes one run, and looks up every state of it.
    pub fn walk(&self, machine: &mut Machine<P>, seed: u64) -> Result<(), Unfit> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new(machine, &self.cast.byzantine)?;
        let mut stands: Vec<Stand> = self.locals.iter().map(|_| Some(0)).collect();
        let mut told = Vec::new();
        for _ in 0..LENGTH {
            let Some(input) = self.draw(machine, &world, &mut rng) else { break };
            let Some(done) = world.happen(machine, input)? else { continue };
            told.push(input);
            if done.is_step() && !self.finds(machine, &world, &mut stands, input.at, &done) {
                return Err(Unfit::Missed(in_words(machine, &told)));
            }
        }
        Ok(())
    }

    /// Something that can happen.
    fn draw(&self, machine: &Machine<P>, world: &World<P>, rng: &mut ChaCha8Rng) -> Option<Input> {
        let mut below = |n: usize| ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize;
        let node = &world.nodes[below(world.nodes.len())];
        let running = node.running.as_ref()?;
        let feed = match below(10) {
            0..=1 if !running.timers.is_empty() => Feed::Timer(running.timers[below(running.timers.len())]),
            0..=5 => {
                let all: Vec<_> = world.sent.iter().filter(|(from, _)| *from != node.id).collect();
                let (from, content) = **all.get(below(all.len().max(1)))?;
                Feed::Message(from, content)
            }
            _ if self.cast.byzantine.is_empty() => return self.timer(world, below(world.nodes.len())),
            _ => {
                let from = self.cast.byzantine[below(self.cast.byzantine.len())];
                let there = (0..machine.alphabet.messages.len() as Content)
                    .filter(|content| world.is_there(machine, from, *content));
                let there: Vec<_> = there.collect();
                Feed::Message(from, *there.get(below(there.len().max(1)))?)
            }
        };
        Some(Input { at: node.id, feed })
    }

    fn timer(&self, world: &World<P>, place: usize) -> Option<Input> {
        let node = &world.nodes[place];
        let timer = node.running.as_ref()?.timers.first()?;
        Some(Input { at: node.id, feed: Feed::Timer(*timer) })
    }

    fn mask(&self, world: &World<P>) -> Option<Mask> {
        world.sent.iter().map(|(node, content)| self.cast.bit(*node, *content)).sum()
    }

    /// Whether what has happened to a node is known, and what was sent by then too.
    fn finds(
        &self,
        machine: &Machine<P>,
        world: &World<P>,
        stands: &mut [Stand],
        at: NodeId,
        done: &Done,
    ) -> bool {
        let Some(exists) = self.mask(world) else { return false };
        let Some(place) = self.cast.honest.iter().position(|id| *id == at) else { return false };
        let (Some(stand), locals) = (stands[place], &self.locals[place]) else {
            return done.sent.is_empty() && done.decided.is_empty();
        };
        let sent = exists & self.cast.all_of(at);
        let reached = reachable(locals, stand, sent, exists);
        let speaks_alike =
            |place: usize| locals.places.get_index(place).is_some_and(|place| place.sent == sent);
        if done.panicked.is_some() {
            stands[place] = None;
            return reached
                .iter()
                .any(|place| locals.all[*place].panics.iter().any(|(_, any)| is_met(any, exists)));
        }
        let decides = |decision: &u16| {
            let Some(number) = self.shared(machine, *decision) else { return false };
            reached.iter().filter(|place| speaks_alike(**place)).any(|&place| {
                let at_once = locals.all[place].decides.iter();
                let before =
                    locals.places.get_index(place).is_some_and(|place| place.decided.contains(&number));
                before || at_once.into_iter().any(|(other, any, _)| *other == number && is_met(any, exists))
            })
        };
        let is_there = match self.goes_to(machine, world, place, sent) {
            // What it has decided is part of where it stands.
            Some(to) if reached.contains(&to) => {
                stands[place] = Some(to);
                true
            }
            // A node that stops is not followed.
            _ if self.is_over(machine, world, place) => {
                stands[place] = None;
                match done.decided.is_empty() {
                    true => reached.iter().any(|place| speaks_alike(*place)),
                    false => done.decided.iter().all(decides),
                }
            }
            _ => false,
        };
        is_there && self.sent.contains(&Self::canonical(self.symmetries, exists))
    }

    fn control(&self, machine: &Machine<P>, world: &World<P>, place: usize) -> Option<u32> {
        let running = world.nodes[place].running.as_ref()?;
        let key = machine.controls.get_index(running.control as usize)?;
        self.finders[place].machine.controls.get_index_of(key).map(|control| control as u32)
    }

    fn goes_to(&self, machine: &Machine<P>, world: &World<P>, place: usize, sent: Mask) -> Option<usize> {
        let control = self.control(machine, world, place)?;
        let decided = world.nodes[place].decided.iter().map(|decision| self.shared(machine, *decision));
        let mut decided: Vec<u16> = decided.collect::<Option<_>>()?;
        decided.sort_unstable();
        let known = Place { control, sent, decided };
        self.locals[place].places.get_index_of(&known)
    }

    /// The number that all nodes share of a decision.
    fn shared(&self, machine: &Machine<P>, decision: u16) -> Option<u16> {
        let decision = machine.decisions.get_index(usize::from(decision))?;
        self.decisions.get_index_of(decision).map(|number| number as u16)
    }

    fn is_over(&self, machine: &Machine<P>, world: &World<P>, place: usize) -> bool {
        let control = self.control(machine, world, place);
        control.is_some_and(|control| self.finders[place].controls[control as usize].ways.is_empty())
    }
}

/// All local states that are reached where this exists, without sending more than that.
fn reachable(locals: &Locals, from: usize, sent: Mask, exists: Mask) -> IndexSet<usize> {
    let mut reached = IndexSet::from_iter([from]);
    let mut at = 0;
    while let Some(&place) = reached.get_index(at) {
        for edge in locals.all[place].edges.iter().filter(|edge| is_met(&edge.any, exists)) {
            let is_within = locals.places.get_index(edge.to as usize).is_some_and(|to| to.sent & !sent == 0);
            if is_within {
                reached.insert(edge.to as usize);
            }
        }
        at += 1;
    }
    reached
}

/// Inputs in words.
pub(super) fn in_words<P: Protocol>(machine: &Machine<P>, inputs: &[Input]) -> String {
    let all = inputs.iter().map(|input| {
        let what = machine.in_words(input.feed);
        format!("{} gets {what}", input.at)
    });
    all.collect::<Vec<_>>().join(", ")
}
