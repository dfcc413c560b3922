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
//!
//! **Where few states are enough.** Of a protocol that says which counts a node has reached (`Tallying::reached`), what is handed to a
//! node waits as long as it can (`finder::late`). What may wait is run in both orders, and what a node forgets it is handed
//! again, each time; what is taken for granted beyond that is tried on samples (`finder::waiting`, `finder::taken`). So it shows
//! violations, and where it finds none that is no proof.

mod alphabet;
mod enact;
mod error;
mod explore;
mod finder;
mod found;
mod machine;
mod masks;
mod placed;
mod product;
mod reduce;
mod renamed;
mod statements;
mod symmetry;
mod tell;
mod walk;
mod way;
mod world;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use alphabet::Alphabet;
use finder::Finder;
use machine::Machine;

use crate::protocol::{Network, NodeId, Protocol, Quorums};

pub use error::{Unfit, UnlikeControls};
pub use explore::{Ended, Explored, GuardOptions};
pub use finder::Tried;
pub use product::HaltedProduct;
pub use statements::Statements;
pub use tell::Acted;

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
    /// By handing over as late as can be: nothing is missing if what was put off could wait, which is tried on samples.
    Late,
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

    /// Finds out what each node can do with all put off that could as well come later. That nothing is missing then is tried on
    /// samples, and not shown by that.
    ///
    /// # Errors
    /// The judge cannot take the protocol; it does not say what counts have reached, or its nodes have too many states; or chance
    /// finds something that is missing.
    pub fn late(
        protocol: Arc<P>,
        byzantine: usize,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        let known = Self::known(protocol, byzantine, threads, HowFound::Late, stop)?;
        let votes_twice = |finder: &Finder<P>| finder.exact.is_some_and(|exact| exact.votes_twice);
        match known {
            // That only so many others say two things where one is counted was taken for granted.
            Some(guards) if guards.finders.iter().any(votes_twice) => Err(Unfit::TooLarge),
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
                            HowFound::Late => Finder::late(machine, me, byzantine, &goes_on),
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
