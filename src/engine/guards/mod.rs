//! Judge *guards*: whole quorums as steps, for any protocol that is [`Tallying`](crate::protocol::Tallying).
//!
//! First, once for all, what each node can do: its control states, closed over whatever the others may ever send
//! (`finder`). What a node does in one is found by running it, and is kept with what it takes: so many votes for this,
//! that message. Then, for each placement of the Byzantine nodes, what of it honest nodes must have sent, as bits
//! (`placed`), the local states joined that have the same future (`reduce`), and the search over what all honest nodes can
//! be in together (`product`).
//!
//! **Why nothing is lost.** The network is a set that only grows, so a delivery that brings nothing about may as well happen
//! just before the one that does. What a node has counted and kept is forgotten with each step, since it can be had
//! again from the network; a node that forgets does no less than one that remembers. That rests on the control state, which
//! the protocol gives: that with what it was handed it is all that the future of a node depends on. And it rests on the steps of
//! each node, which are found out by running it. So both are tried, and whatever fails is refused:
//! - Histories of single nodes that chance makes up, going on from every control state: what a node does there and is not
//!   known is learned, until such runs find nothing new (`finder::wander`).
//! - Pairs of histories with one control state: each is given what the other was given; then they must do the same on
//!   every input (`finder::alike`).
//! - The renamings that the protocol gives: under each the tables must be what they were; and so they must where two honest nodes
//!   that can say the same are exchanged, with whatever nodes Byzantine (`renamed`).
//! - Random runs of all honest nodes, message by message, are looked up in what was found (`walk`).
//!
//! **Why nothing is added.** A node that forgets may count a Byzantine node for two values, or what exists no more than once
//! twice. So whatever is found wrong is acted out by real nodes message by message (`enact`) before it is shown, and
//! what cannot be acted out is an error, and never a verdict. That nothing was found is none either: samples are no proof.
//!
//! **Where it is one.** Of a protocol with a key, whose nodes have few states, every input is handed to every state of every
//! node (`finder::graph`), whatever the others may ever send. The steps of the control states are then read off that
//! (`finder::exact`): none is missing, whatever the control state leaves out, and none of the trials above is needed. What is
//! taken for granted is the key, which is tried on samples as everywhere; and that of the others only so many say two things where
//! one is counted, which holds of nodes of which none does so, and is not used of others.

mod alphabet;
mod enact;
mod error;
mod finder;
mod found;
mod machine;
mod masks;
mod placed;
mod product;
mod reduce;
mod renamed;
mod symmetry;
mod tell;
mod walk;
mod way;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use alphabet::{Alphabet, Content};
use enact::{Actor, merged};
use finder::Finder;
use found::Found;
use machine::{Feed, Machine};
use placed::{Decisions, cast, locals};
use product::{Judgement, Product, Searched};
use reduce::classes;
use renamed::are_the_same;
use symmetry::{Symmetry, symmetries};
use walk::Known;
use world::Input;

use super::violation::{AGREEMENT, PANICS, VALIDITY};
use crate::protocol::{Network, NodeId, Protocol, Quorums};

pub use error::{Unfit, UnlikeControls};
pub use finder::Tried;
pub use product::HaltedProduct;
pub use tell::Acted;

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

/// What honest nodes can say and decide, in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statements {
    /// What all of them can have sent together, each message with its sender.
    pub sent: BTreeSet<BTreeSet<String>>,
    /// What one of them can decide where that was sent, by a step that may send more.
    pub decided: BTreeSet<(BTreeSet<String>, String)>,
}

/// What each node of a protocol can do, whoever is Byzantine.
pub struct Guards<P: Protocol> {
    protocol: Arc<P>,
    quorums: Quorums<P>,
    alphabet: Arc<Alphabet<P>>,
    finders: Vec<Finder<P>>,
    /// How many Byzantine nodes there are at most.
    byzantine: usize,
    found: HowFound,
}

/// How it was found out what a node can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HowFound {
    /// By trying what may bring something about.
    Untried,
    /// By trying what may bring something about; then chance was asked for what is missing, and histories were compared.
    Tried,
    /// By handing every input to every state of the node: nothing is missing.
    Exactly,
}

impl<P: Protocol> std::fmt::Debug for Guards<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guards").field("controls", &self.controls()).finish_non_exhaustive()
    }
}

impl<P: Protocol> Guards<P> {
    /// Runs each node of a protocol until all that it can do is known among others of whom so many at most are Byzantine, on so
    /// many threads. None if it was told to stop.
    ///
    /// # Errors
    /// The judge cannot take the protocol.
    pub fn new(
        protocol: Arc<P>,
        byzantine: usize,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        Self::known(protocol, byzantine, threads, HowFound::Tried, stop)
    }

    /// Runs each node as [`Guards::new`] does, and tries nothing of it: enough to show a violation, and never that there is none.
    ///
    /// # Errors
    /// The judge cannot take the protocol.
    pub(crate) fn untried(
        protocol: Arc<P>,
        byzantine: usize,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        Self::known(protocol, byzantine, threads, HowFound::Untried, stop)
    }

    /// Hands every input to every state of each node: then nothing is missing of what it can do.
    ///
    /// # Errors
    /// The judge cannot take the protocol; it has no key, or its nodes have too many states.
    pub fn exact(
        protocol: Arc<P>,
        byzantine: usize,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        let others = protocol.nodes().saturating_sub(1);
        let known = Self::known(Arc::clone(&protocol), byzantine, threads, HowFound::Exactly, stop)?;
        let votes_twice = |finder: &Finder<P>| finder.exact.is_some_and(|exact| exact.votes_twice);
        match known {
            // That only so many others say two things where one is counted was taken for granted.
            Some(guards) if byzantine < others && guards.finders.iter().any(votes_twice) => {
                let all = Self::known(protocol, others, threads, HowFound::Exactly, stop)?;
                Ok(all.map(|all| Guards { byzantine, ..all }))
            }
            known => Ok(known),
        }
    }

    fn known(
        protocol: Arc<P>,
        byzantine: usize,
        threads: usize,
        how: HowFound,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        let quorums = protocol.layers().quorums.ok_or(Unfit::NotTallying)?;
        fits(&*protocol)?;
        let alphabet = Arc::new(Alphabet::of(&*protocol, quorums)?);
        let queue = Mutex::new(NodeId::all(protocol.nodes()));
        let found = Mutex::new(Vec::new());
        // What one node ends with ends it for all.
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..threads.clamp(1, protocol.nodes()) {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some(me) = next else { break };
                        let machine = Machine::new(Arc::clone(&protocol), quorums, Arc::clone(&alphabet));
                        let goes_on = || !stop.load(Relaxed) && !is_over.load(Relaxed);
                        let closed = match how {
                            HowFound::Exactly => Finder::exact(machine, me, byzantine, &goes_on),
                            how => Finder::close(machine, me, byzantine, how == HowFound::Tried, stop),
                        };
                        is_over.fetch_or(!matches!(closed, Ok(Some(_))), Relaxed);
                        found.lock().unwrap_or_else(PoisonError::into_inner).push((me, closed));
                    }
                });
            }
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(me, _)| *me);
        let finders: Vec<_> = found.into_iter().map(|(_, closed)| closed).collect::<Result<_, _>>()?;
        let finders: Option<Vec<_>> = finders.into_iter().collect();
        let finders = finders.filter(|finders| finders.len() == protocol.nodes());
        Ok(finders.map(|finders| Guards { protocol, quorums, alphabet, finders, byzantine, found: how }))
    }

    /// Control states, of all nodes together.
    pub fn controls(&self) -> usize {
        self.finders.iter().map(|finder| finder.controls.len()).sum()
    }

    /// Messages of the alphabet.
    pub fn alphabet(&self) -> usize {
        self.alphabet.messages.len()
    }

    fn machine(&self) -> Machine<P> {
        Machine::new(Arc::clone(&self.protocol), self.quorums, Arc::clone(&self.alphabet))
    }

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
            product::End::Exhausted if self.found == HowFound::Exactly => {
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

    /// What all honest nodes can have sent together, and who can decide what then, with these nodes Byzantine.
    ///
    /// # Errors
    /// The judge cannot take the protocol.
    pub fn statements(&self, byzantine: &[NodeId]) -> Result<Statements, Unfit> {
        let cast = cast(&self.finders, byzantine)?;
        let finders: Vec<_> = self.finders.iter().filter(|finder| cast.honest.contains(&finder.me)).collect();
        let mut decisions = Decisions::<P>::default();
        let locals: Vec<_> = finders.iter().map(|finder| locals(&cast, finder, &mut decisions)).collect();
        let tables: Vec<_> = locals.iter().map(|locals| classes(locals, true)).collect();
        let judgement = Judgement {
            against: vec![Vec::new(); decisions.len()],
            invalid: vec![false; decisions.len()],
            asks_panics: false,
        };
        let product = Product { tables: &tables, symmetries: &[], judgement: &judgement };
        let searched = product.search(product.begin(), &|_, _| true);
        let mut statements = Statements::default();
        let mut state = vec![0; tables.len()];
        for packed in &searched.states {
            product::unpack(*packed, &mut state);
            let exists = product.exists(&state);
            let bits = cast.bits.iter().enumerate().filter(|(bit, _)| exists & (1 << bit) != 0);
            let sent: BTreeSet<String> = bits
                .filter_map(|(_, (node, content))| {
                    let message = self.alphabet.messages.get_index(usize::from(*content))?;
                    Some(format!("{node}: {}", self.protocol.message_in_words(message)))
                })
                .collect();
            for (place, decision) in product.decided(&state) {
                let Some((slot, value)) = decisions.get_index(usize::from(decision)) else { continue };
                let words =
                    format!("{}: {} in {slot}", cast.honest[place], self.protocol.value_in_words(value));
                statements.decided.insert((sent.clone(), words));
            }
            statements.sent.insert(sent);
        }
        Ok(statements)
    }

    fn judgement(&self, decisions: &Decisions<P>, asked: Option<&str>) -> Judgement {
        let is_asked = |name: &str| asked.is_none_or(|asked| asked == name);
        let against = |(slot, value): &(crate::protocol::Slot, P::Value)| {
            let others = decisions.iter().enumerate();
            let others =
                others.filter(|(_, (other, what))| is_asked(AGREEMENT) && other == slot && what != value);
            others.map(|(number, _)| number as u16).collect()
        };
        let is_invalid = |(slot, value): &(crate::protocol::Slot, P::Value)| {
            is_asked(VALIDITY) && !self.protocol.is_valid(*slot, value)
        };
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

/// Whether the judge knows all that a protocol has.
fn fits<P: Protocol>(protocol: &P) -> Result<(), Unfit> {
    let unknown = [
        (protocol.network() != Network::AnyOrder, "a network with an order"),
        (!protocol.events().is_empty(), "events from outside"),
        (!protocol.prelude().is_empty(), "a prelude"),
        (!protocol.invariants().is_empty(), "invariants: it never has all nodes at hand"),
    ];
    match unknown.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(Unfit::Unknown(what)),
        None => Ok(()),
    }
}
