//! From a protocol and a bound to where its runs begin.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::bound::Bound;
use super::graph::{Graph, GraphState, Offered, Step};
use super::lies::Lies;
use super::locals::Locals;
use super::network::{Delivery, Traffic, link};
use super::place::{Participants, PlaceId};
use super::refusal::{Refusal, SetupError};
use super::violation::{AGREEMENT, PANICS, VALIDITY};
use crate::protocol::{FairFns, Network, NodeId, Protocol};

/// Messages that may be delivered after one event of a prelude.
const QUIET: usize = 10_000;

/// Why there is no graph.
type Begun<T> = Result<T, SetupError>;

impl<P: Protocol> Graph<P> {
    /// Every run of a protocol within a bound. Of its properties all are looked at, or the one that is asked. `stop` is set
    /// when the code cannot be checked.
    ///
    /// # Errors
    /// What makes no sense.
    pub fn new(protocol: Arc<P>, bound: &Bound, asked: Option<&str>, stop: Arc<AtomicBool>) -> Begun<Self> {
        Graph::about(protocol, bound, asked, stop, None)
    }

    /// The graph of what must happen.
    ///
    /// # Errors
    /// What makes no sense; or the protocol does not say what must happen.
    pub(crate) fn fair(protocol: Arc<P>, bound: &Bound, stop: Arc<AtomicBool>) -> Begun<Self> {
        let fair = protocol.layers().fair.ok_or(SetupError::NoGoal)?;
        Graph::about(protocol, bound, None, stop, Some(fair))
    }

    pub(super) fn about(
        protocol: Arc<P>,
        bound: &Bound,
        asked: Option<&str>,
        stop: Arc<AtomicBool>,
        fair: Option<FairFns<P>>,
    ) -> Begun<Self> {
        let mut participants = Participants::new(protocol.nodes(), &bound.byzantine)?;
        if bound.most_general {
            participants = participants.without_twins();
        }
        let network = bound.network.unwrap_or_else(|| protocol.network());
        let in_order = matches!(network, Network::Fifo { .. });
        let adversary = protocol.layers().alphabet().filter(|_| !in_order);
        if bound.most_general && adversary.is_none() {
            return Err(SetupError::NoAlphabet);
        }
        if bound.crashes > 0 && protocol.layers().recover.is_none() {
            return Err(SetupError::NoRecovery);
        }
        let invariants = protocol.invariants();
        if let Some(asked) = asked {
            let own = invariants.iter().map(|invariant| invariant.name());
            let all: Vec<_> = [PANICS, AGREEMENT, VALIDITY].into_iter().chain(own).collect();
            if !all.contains(&asked) {
                return Err(SetupError::NoSuchProperty(asked.to_owned(), all.join(", ")));
            }
        }
        let mut locals = Locals::new(!invariants.is_empty(), in_order, fair);
        let offers = offers(&*protocol, &participants, &mut locals, in_order)?;
        let lies = adversary.filter(|_| bound.most_general);
        let lies =
            lies.map(|adversary| Lies::of(&*protocol, adversary, &participants, &mut locals.histories));
        let (used, crashes) = (vec![0; offers.len()], bound.crashes);
        let root = GraphState { locals: Vec::new(), traffic: Traffic::new(network), used, crashes };
        let mut graph = Graph {
            protocol,
            participants,
            network,
            offers,
            invariants,
            asked: asked.map(str::to_owned),
            locals: Mutex::new(locals),
            refusal: Mutex::default(),
            stop,
            opening: Vec::new(),
            start: root.clone(),
            root,
            is_keyed: false,
            lies,
        };
        if let Err(refusal) = graph.begin() {
            graph.refuse(refusal);
            return Ok(graph);
        }
        graph.start = graph.root.clone();
        graph.open()?;
        Ok(graph)
    }

    /// New nodes, and what they send at once.
    fn begin(&mut self) -> Result<(), Refusal> {
        let Graph { protocol, participants, locals, root, lies, .. } = self;
        let tables = locals.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        for place in (0..participants.places.len() as u16).map(PlaceId) {
            let born = tables.root(protocol, participants, place)?;
            root.traffic.send(&tables.histories, participants, place, &born.sent);
            root.locals.push(born.to);
        }
        if let Some(lies) = lies {
            lies.join(&mut root.traffic);
        }
        self.is_keyed =
            root.locals.iter().all(|&local| tables.is_keyed(local) || tables.at(local).wreck.is_some());
        Ok(())
    }

    /// Lets the prelude happen.
    fn open(&mut self) -> Begun<()> {
        for (node, event) in self.protocol.prelude() {
            present(&self.participants, "Protocol::prelude", node)?;
            let event = self.tables().histories.event(event);
            for place in self.participants.of(node).collect::<Vec<_>>() {
                // An event of the prelude is none of those that are offered: it is handed over as a timer is.
                if !self.happens(Step::Timer(place, event)) {
                    return Ok(());
                }
            }
            if !self.settles()? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Delivers all that is on its way. Whether the code could be run.
    fn settles(&mut self) -> Begun<bool> {
        let mut delivered = std::collections::BTreeSet::new();
        for _ in 0..QUIET {
            let steps = self.possible(&self.start);
            let next = steps.into_iter().find(|step| match step {
                // Of twins nobody leaves anything out.
                Step::Deliver(Delivery { from: Some((_, left_out)), .. }) => *left_out == 0,
                Step::Deliver(delivery) => delivered.insert(*delivery),
                _ => false,
            });
            let Some(step) = next else { return Ok(true) };
            if !self.happens(step) {
                return Ok(false);
            }
        }
        Err(SetupError::Endless(QUIET))
    }

    fn happens(&mut self, step: Step) -> bool {
        match self.follow(&self.start, step) {
            Ok(next) => {
                self.start = next;
                self.opening.push(step);
                true
            }
            Err(refusal) => {
                self.refuse(refusal);
                false
            }
        }
    }
}

/// All offers, at every place of their nodes.
fn offers<P: Protocol>(
    protocol: &P,
    participants: &Participants,
    locals: &mut Locals<P>,
    in_order: bool,
) -> Begun<Vec<Offered>> {
    let mut offers = Vec::new();
    for offer in protocol.events() {
        present(participants, "Protocol::events", offer.at)?;
        let mut cuts = Vec::new();
        for (one, other) in protocol.cuts(offer.at, &offer.event) {
            present(participants, "Protocol::cuts", one)?;
            present(participants, "Protocol::cuts", other)?;
            cuts.push(link(one, other));
        }
        if !cuts.is_empty() && !in_order {
            return Err(SetupError::NoLinks);
        }
        let times = offer.times;
        if times == 0 {
            return Err(SetupError::Never(protocol.event_in_words(&offer.event), offer.at));
        }
        let event = locals.histories.event(offer.event);
        offers.extend(participants.of(offer.at).map(|at| Offered { at, event, times, cuts: cuts.clone() }));
    }
    Ok(offers)
}

fn present(participants: &Participants, by: &'static str, node: NodeId) -> Begun<()> {
    if node.index() < participants.nodes {
        Ok(())
    } else {
        Err(SetupError::NoSuchNode(by, node, participants.nodes))
    }
}
