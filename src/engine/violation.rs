//! What must hold, and what is wrong where it does not.

use std::collections::BTreeMap;

use stateright::Property;

use super::graph::{Graph, GraphState};
use super::panics::guarded;
use crate::protocol::{Invariant, Protocol};

/// No two honest nodes decide different values in one slot, nor does one of them.
pub(crate) const AGREEMENT: &str = "agreement";
/// What an honest node decides is [valid](Protocol::is_valid).
pub(crate) const VALIDITY: &str = "validity";
/// No honest node panics.
pub(crate) const PANICS: &str = "panics";
/// Every honest node comes to what it must come to.
pub(crate) const LIVENESS: &str = "liveness";
/// All of [`Protocol::invariants`], under one name for the search.
const INVARIANTS: &str = "invariants";
/// Some honest node decides something.
pub(crate) const DECIDED: &str = "an honest node decides";

/// A property that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// `agreement`, `validity`, `panics`, or the name of an [invariant](crate::protocol::Invariant).
    pub property: String,
    /// What is wrong.
    pub why: String,
}

/// The properties that the search looks at.
pub(super) fn properties<P: Protocol>(graph: &Graph<P>) -> Vec<Property<Graph<P>>> {
    let mut all: Vec<Property<Graph<P>>> = vec![
        Property::always(PANICS, |graph: &Graph<P>, state| graph.panicked(state).is_none()),
        Property::always(AGREEMENT, |graph: &Graph<P>, state| graph.torn(state).is_none()),
        Property::always(VALIDITY, |graph: &Graph<P>, state| graph.invalid(state).is_none()),
        Property::always(INVARIANTS, |graph: &Graph<P>, state| graph.broken(state).is_none()),
    ];
    let invariants: Vec<_> = graph.invariants.iter().map(|invariant| invariant.name()).collect();
    if let Some(asked) = &graph.asked {
        all.retain(|p| p.name == asked || p.name == INVARIANTS && invariants.contains(&asked.as_str()));
    }
    if invariants.is_empty() {
        all.push(Property::sometimes(DECIDED, |graph: &Graph<P>, state| graph.has_decided(state)));
    }
    all
}

impl<P: Protocol> Graph<P> {
    /// What is wrong with a state, if something is, of that which is asked.
    pub fn violation(&self, state: &GraphState) -> Option<Violation> {
        let is_asked = |name: &str| self.asked.as_deref().is_none_or(|asked| asked == name);
        let violation = |property: &str, why: Option<String>| {
            let why = why.filter(|_| is_asked(property))?;
            Some(Violation { property: property.to_owned(), why })
        };
        violation(PANICS, self.panicked(state))
            .or_else(|| violation(AGREEMENT, self.torn(state)))
            .or_else(|| violation(VALIDITY, self.invalid(state)))
            .or_else(|| self.broken(state))
    }

    /// The names of all properties.
    pub fn property_names(&self) -> Vec<&'static str> {
        let invariants = self.invariants.iter().map(|invariant| invariant.name());
        [PANICS, AGREEMENT, VALIDITY].into_iter().chain(invariants).collect()
    }

    fn panicked(&self, state: &GraphState) -> Option<String> {
        let tables = self.tables();
        self.participants.honest().find_map(|place| {
            let wreck = tables.at(state.locals[place.index()]).wreck.as_ref()?;
            Some(format!("{} panics: {wreck}", self.participants.at(place)))
        })
    }

    fn torn(&self, state: &GraphState) -> Option<String> {
        let tables = self.tables();
        let mut first = BTreeMap::new();
        for place in self.participants.honest() {
            for &id in &tables.at(state.locals[place.index()]).decided {
                let Some((slot, value)) = tables.histories.decision(id) else { continue };
                let (whose, others) = *first.entry(*slot).or_insert((place, value));
                if others != value {
                    let [one, other] = [others, value].map(|value| self.protocol.value_in_words(value));
                    let [who, whom] = [whose, place].map(|place| self.participants.at(place));
                    return Some(format!("in {slot} {who} has decided {one}, and {whom} {other}"));
                }
            }
        }
        None
    }

    fn invalid(&self, state: &GraphState) -> Option<String> {
        let tables = self.tables();
        self.participants.honest().find_map(|place| {
            let decided = &tables.at(state.locals[place.index()]).decided;
            decided.iter().find_map(|&id| {
                let (slot, value) = tables.histories.decision(id)?;
                let words = || self.protocol.value_in_words(value);
                match guarded(|| self.protocol.is_valid(*slot, value)) {
                    Ok(true) => None,
                    Ok(false) => Some(format!(
                        "{} has decided {} in {slot}, which is not valid",
                        self.participants.at(place),
                        words()
                    )),
                    Err(panicked) => Some(format!("Protocol::is_valid panics for {}: {panicked}", words())),
                }
            })
        })
    }

    /// What of each property is wrong with a state, if something is.
    #[cfg(feature = "explore")]
    pub(crate) fn verdicts(&self, state: &GraphState) -> Vec<(&'static str, Option<String>)> {
        let of_all =
            [(PANICS, self.panicked(state)), (AGREEMENT, self.torn(state)), (VALIDITY, self.invalid(state))];
        let own = self.invariants.iter().map(|invariant| {
            let broken = self.broken_of(state, |known| known.name() == invariant.name());
            (invariant.name(), broken.map(|violation| violation.why))
        });
        of_all.into_iter().chain(own).collect()
    }

    fn broken(&self, state: &GraphState) -> Option<Violation> {
        self.broken_of(state, |known| self.asked.as_deref().is_none_or(|asked| asked == known.name()))
    }

    /// The first of these invariants that does not hold.
    fn broken_of(&self, state: &GraphState, of: impl Fn(&Invariant<P>) -> bool) -> Option<Violation> {
        if self.invariants.is_empty() {
            return None;
        }
        let tables = self.tables();
        let nodes: Vec<_> = self
            .participants
            .honest()
            .filter_map(|place| {
                let node = tables.node(state.locals[place.index()])?;
                Some((self.participants.at(place).node, node))
            })
            .collect();
        self.invariants.iter().filter(|invariant| of(invariant)).find_map(|invariant| {
            let held = guarded(|| (invariant.holds)(&self.protocol, &nodes));
            let why = held.unwrap_or_else(|panicked| Err(format!("it panics: {panicked}"))).err()?;
            Some(Violation { property: invariant.name().to_owned(), why })
        })
    }

    /// Whether every honest node has decided something.
    pub(crate) fn have_all_decided(&self, state: &GraphState) -> bool {
        let tables = self.tables();
        self.participants.honest().all(|place| !tables.at(state.locals[place.index()]).decided.is_empty())
    }

    fn has_decided(&self, state: &GraphState) -> bool {
        let tables = self.tables();
        self.participants.honest().any(|place| !tables.at(state.locals[place.index()]).decided.is_empty())
    }
}
