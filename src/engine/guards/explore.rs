//! The search over what all honest nodes can be in together, and what comes of it.

use super::alphabet::Content;
use super::enact::{Actor, merged};
use super::error::Unfit;
use super::finder::Tried;
use super::found::Found;
use super::machine::{Feed, Machine};
use super::placed::{Decisions, cast, locals};
use super::product::{self, HaltedProduct, Judgement, Product, Searched};
use super::reduce::{self, classes};
use super::renamed::are_the_same;
use super::symmetry::{Symmetry, symmetries};
use super::tell::{self, Acted};
use super::walk::{self, Known};
use super::world::Input;
use super::{Guards, HowFound};
use crate::engine::violation::{AGREEMENT, PANICS, VALIDITY};
use crate::protocol::{NodeId, Protocol, Slot};

/// Runs that may be tried to act something out, for one node.
const TRIES: usize = 100_000;

/// Random runs that are looked up where nothing is missing.
const CONFIRMED: u64 = 1_000;

/// What is made smaller, and how much is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuardOptions {
    /// Steps that send nothing wait for the next step of their node that does.
    pub puts_off: bool,
    /// States that differ in names alone are one.
    pub renames: bool,
    /// Random runs that are looked up after an exhausted search.
    pub walks: u64,
}

impl Default for GuardOptions {
    fn default() -> Self {
        GuardOptions { puts_off: true, renames: true, walks: 30_000 }
    }
}

/// What came of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored {
    /// States of all honest nodes together.
    pub states: u64,
    /// Steps taken, between distinct states or not.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u64,
    /// Random runs of all honest nodes that were looked up.
    pub walks: u64,
    /// What was tried of the assumption that the control state is all that the future of an honest node depends on.
    pub tried: Tried,
    /// States of single honest nodes to which every input was handed.
    pub locals: u64,
    /// Whether nothing is missing of what each node can do: every input was handed to every state of it.
    pub is_exact: bool,
    /// Whether an honest node can decide anything.
    pub decides: bool,
    /// How it ended.
    pub end: Ended,
}

/// How a search ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Every reachable state was visited, and nothing is wrong with any.
    Exhausted,
    /// Whoever looks on has ended it.
    Stopped,
    /// Something is wrong, and was acted out message by message.
    Violated(Box<Acted>),
}

impl<P: Protocol> Guards<P> {
    /// Searches what all honest nodes can be in together, with these nodes Byzantine. Of agreement, validity and panics all
    /// are looked at, or the one that is asked. `goes_on` is asked now and then, with the number of states and the depth.
    ///
    /// # Errors
    /// The judge cannot take the protocol, or has missed something, or what was found does not happen.
    pub fn explore(
        &self,
        byzantine: &[NodeId],
        asked: Option<&str>,
        options: GuardOptions,
        goes_on: &dyn Fn(u64, u64) -> bool,
    ) -> Result<Explored, Unfit> {
        self.explore_from(byzantine, asked, options, None, goes_on).map(|(explored, _)| explored)
    }

    /// Searches as [`Guards::explore`] does, from where a search was ended, if one was. If this one is ended too, what it takes to
    /// go on stands beside what came of it.
    ///
    /// # Errors
    /// What [`Guards::explore`] says; or that search was of something else.
    pub fn explore_from(
        &self,
        byzantine: &[NodeId],
        asked: Option<&str>,
        options: GuardOptions,
        from: Option<HaltedProduct>,
        goes_on: &dyn Fn(u64, u64) -> bool,
    ) -> Result<(Explored, Option<HaltedProduct>), Unfit> {
        if byzantine.len() > self.byzantine {
            return Err(Unfit::Unknown("more Byzantine nodes than it was told of"));
        }
        let cast = cast(&self.finders, byzantine)?;
        let finders: Vec<_> = self.finders.iter().filter(|finder| cast.honest.contains(&finder.me)).collect();
        let mut decisions = Decisions::<P>::default();
        let locals: Vec<_> = finders.iter().map(|finder| locals(&cast, finder, &mut decisions)).collect();
        let tables: Vec<_> = locals.iter().map(|locals| classes(locals, options.puts_off)).collect();
        let judgement = self.judgement(&decisions, asked);
        let renamings = if options.renames { self.renamings() } else { Vec::new() };
        let symmetries = match options.renames {
            true => symmetries(&cast, &tables, decisions.len(), &renamings),
            false => Vec::new(),
        };
        let product = Product { tables: &tables, symmetries: &symmetries, judgement: &judgement };
        let searched = product.search(product.started(from).ok_or(Unfit::Otherwise)?, goes_on);
        let mut explored = Explored {
            states: searched.states.len() as u64,
            transitions: searched.transitions,
            depth: searched.depth,
            walks: 0,
            tried: finders.iter().fold(Tried::default(), |all, finder| all.and(finder.tried)),
            locals: finders.iter().filter_map(|finder| finder.exact).map(|exact| exact.states as u64).sum(),
            is_exact: self.found == HowFound::Exactly,
            decides: false,
            end: Ended::Stopped,
        };
        let found = Found { cast: &cast, finders: &finders, locals: &locals, decisions: &decisions };
        explored.end = match searched.end {
            product::End::Ended => return Ok((explored, Some(product.halted(searched)))),
            product::End::Wrong(at) => {
                let acted = self.act_out(&found, &product, &tables, &searched, at, asked);
                Ended::Violated(Box::new(acted.map_err(|why| match (why, found.unlike()) {
                    // Of what cannot be acted out it is said why, if that is known.
                    (Unfit::Spurious(_), Some(unlike)) => unlike,
                    (why, _) => why,
                })?))
            }
            product::End::Exhausted if self.found == HowFound::Untried => return Err(Unfit::Untried),
            product::End::Exhausted if matches!(self.found, HowFound::Exactly | HowFound::Late) => {
                // They are no part of why nothing is missing.
                explored.walks = options.walks.min(CONFIRMED);
                self.look_up(&found, &product, &symmetries, &searched, explored.walks)?;
                explored.decides = product.decides(&searched);
                Ended::Exhausted
            }
            product::End::Exhausted => {
                if let Some(unlike) = found.unlike() {
                    return Err(unlike);
                }
                if options.renames {
                    are_the_same(&cast, &symmetries, &renamings)?;
                    self.are_the_same_elsewhere(byzantine, options, &renamings)?;
                }
                explored.walks = options.walks;
                self.look_up(&found, &product, &symmetries, &searched, options.walks)?;
                Ended::Exhausted
            }
        };
        Ok((explored, None))
    }

    fn judgement(&self, decisions: &Decisions<P>, asked: Option<&str>) -> Judgement {
        let is_asked = |name: &str| asked.is_none_or(|asked| asked == name);
        let against = |(slot, value): &(Slot, P::Value)| {
            let others = decisions.iter().enumerate();
            let others =
                others.filter(|(_, (other, what))| is_asked(AGREEMENT) && other == slot && what != value);
            others.map(|(number, _)| number as u16).collect()
        };
        let is_invalid =
            |(slot, value): &(Slot, P::Value)| is_asked(VALIDITY) && !self.protocol.is_valid(*slot, value);
        Judgement {
            against: decisions.iter().map(against).collect(),
            invalid: decisions.iter().map(is_invalid).collect(),
            asks_panics: is_asked(PANICS),
        }
    }

    /// What each renaming makes of each message, if all of it is in the alphabet.
    fn renamings(&self) -> Vec<Vec<Content>> {
        let all = (self.quorums.renamings)(&self.protocol);
        let renamed = all.into_iter().filter_map(|renaming| {
            let contents = self.alphabet.messages.iter().map(|message| {
                let renamed = renaming(&self.protocol, message);
                self.alphabet.messages.get_index_of(&renamed).map(|content| content as Content)
            });
            contents.collect::<Option<Vec<_>>>()
        });
        renamed.collect()
    }

    fn look_up(
        &self,
        found: &Found<'_, P>,
        product: &Product<'_>,
        symmetries: &[Symmetry],
        searched: &Searched,
        walks: u64,
    ) -> Result<(), Unfit> {
        let mut state = vec![0; found.locals.len()];
        let sent = searched.states.iter().map(|packed| {
            product::unpack(*packed, &mut state);
            Known::<P>::canonical(symmetries, product.exists(&state))
        });
        let known = Known {
            cast: found.cast,
            finders: found.finders.to_vec(),
            locals: found.locals,
            symmetries,
            decisions: found.decisions,
            sent: sent.collect(),
        };
        let mut machine = self.machine();
        (0..walks).try_for_each(|seed| known.walk(&mut machine, seed))
    }

    /// Acts out by real nodes what was found wrong.
    fn act_out(
        &self,
        found: &Found<'_, P>,
        product: &Product<'_>,
        tables: &[reduce::Classes],
        searched: &Searched,
        at: u32,
        asked: Option<&str>,
    ) -> Result<Acted, Unfit> {
        let spurious = |what: &str| Unfit::Spurious(what.to_owned());
        let (path, state) =
            product.path(searched, at).ok_or_else(|| spurious("its steps are not found again"))?;
        let wrong = product.wrong(&state).ok_or_else(|| spurious("nothing is wrong with its last state"))?;
        let acts = found.acts(tables, &path, product.exists(&state), &wrong);
        let acts = acts.ok_or_else(|| spurious("its local steps are not found again"))?;
        let mut machine = self.machine();
        let mut acted = Vec::new();
        for (place, acts) in acts.iter().enumerate() {
            let (node, finder) = (found.cast.honest[place], found.finders[place]);
            let mut own = self.machine();
            own.controls = finder.machine.controls.clone();
            own.timers = finder.machine.timers.clone();
            own.decisions = finder.machine.decisions.clone();
            let mut actor = Actor { machine: &mut own, cast: found.cast, node, left: TRIES };
            let feeds = actor.act(acts)?;
            let feeds = feeds.ok_or_else(|| spurious(&format!("{node} does not do its part")))?;
            let feeds = feeds.into_iter().map(|(number, feed)| (number, shared(&own, &mut machine, feed)));
            acted.push((node, feeds.collect()));
        }
        let inputs: Vec<Input> = merged(acted);
        let byzantine = &found.cast.byzantine;
        let words = walk::in_words(&machine, &inputs);
        let wrong = tell::wrong(&mut machine, byzantine, &inputs, asked)?;
        let (property, _) = wrong.ok_or(Unfit::Spurious(words))?;
        let inputs = tell::shrunk(&mut machine, byzantine, inputs, property)?;
        tell::told(&mut machine, byzantine, &inputs, Some(property))
    }
}

/// An input with the numbers of another machine.
fn shared<P: Protocol>(own: &Machine<P>, machine: &mut Machine<P>, feed: Feed) -> Feed {
    match feed {
        Feed::Timer(timer) => match own.timers.get_index(usize::from(timer)) {
            Some(event) => Feed::Timer(machine.timers.insert_full(event.clone()).0 as u16),
            None => feed,
        },
        Feed::Message(..) => feed,
    }
}
