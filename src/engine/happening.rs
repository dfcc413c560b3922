//! A run, told: what happens in each step, in words.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, GraphState, Step};
use super::histories::{DecisionId, Histories};
use super::network::Delivery;
use super::refusal::Refusal;
use crate::protocol::{NodeId, Protocol};

/// What kind of thing happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message arrives.
    Message,
    /// An event from outside.
    Event,
    /// A timer runs out, or an event of the prelude happens.
    Timer,
    /// A node crashes and comes up again.
    Crash,
    /// A message is lost.
    Loss,
    /// A link is cut.
    Cut,
}

/// One step of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happening {
    /// What kind of step.
    pub kind: Kind,
    /// To whom it happens, as a [`Place`](super::Place) is written; of a cut, one end.
    pub at: String,
    /// Whose message arrives or is lost; of a cut, the other end.
    pub from: Option<NodeId>,
    /// At which node it happens.
    pub node: NodeId,
    /// What happens.
    pub words: String,
    /// Which of the steps that were possible then and read alike, from 0 on.
    pub nth: usize,
    /// What is sent, and to whom.
    pub sends: Vec<(NodeId, String)>,
    /// What is decided that was not decided before.
    pub decides: Vec<String>,
    /// The links that go down with it.
    pub cuts: Vec<(NodeId, NodeId)>,
    /// What the code says if it panics.
    pub panics: Option<String>,
    /// The key that the node has then, if it has one.
    pub key: Option<String>,
}

impl<P: Protocol> Graph<P> {
    /// A run from the very beginning: the prelude, and then these steps. Also where it ends.
    ///
    /// # Errors
    /// A step does not happen again.
    pub fn tell(&self, path: &[Step]) -> Result<(Vec<Happening>, GraphState), Refusal> {
        let mut state = self.root.clone();
        let mut told = Vec::new();
        for (number, &step) in self.opening.iter().chain(path).enumerate() {
            let nth = match self.nth(&state, step) {
                Some(nth) => nth,
                None if number < self.opening.len() => 0,
                None => return Err(Refusal::NotRepeated(format!("step {}", number + 1))),
            };
            let next = self.follow(&state, step)?;
            told.push(Happening { nth, ..self.happening(&state, step, &next) });
            state = next;
        }
        Ok((told, state))
    }

    /// What can happen in the state after some steps, each in words.
    pub(crate) fn choices(&self, state: &GraphState) -> Vec<(Step, Happening)> {
        let steps = self.all_possible(state).into_iter();
        steps.map(|step| (step, self.headline(step))).collect()
    }

    /// Which of the steps that are possible and read alike it is; none if it is not possible.
    fn nth(&self, state: &GraphState, step: Step) -> Option<usize> {
        let choices = self.choices(state);
        let place = choices.iter().position(|(choice, _)| *choice == step)?;
        let (_, meant) = &choices[place];
        Some(choices[..place].iter().filter(|(_, choice)| choice.reads_as(meant)).count())
    }

    /// Where the runs begin, after the prelude.
    pub(crate) fn start(&self) -> &GraphState {
        &self.start
    }

    /// Where a step leads.
    pub(crate) fn next(&self, state: &GraphState, step: Step) -> Result<GraphState, Refusal> {
        self.follow(state, step)
    }

    /// What happens in a step, without what comes of it.
    fn headline(&self, step: Step) -> Happening {
        let tables = self.tables();
        let histories = &tables.histories;
        let words = |event| histories.event_in_words(&self.protocol, event);
        let (kind, place, from, words, cuts) = match step {
            Step::Deliver(Delivery { to, message, .. }) | Step::Lose(Delivery { to, message, .. }) => {
                let kind = if matches!(step, Step::Lose(_)) { Kind::Loss } else { Kind::Message };
                let from = histories.envelope(message).map(|envelope| envelope.from);
                (kind, to, from, histories.message_in_words(&self.protocol, message), Vec::new())
            }
            Step::Crash(place) => {
                (Kind::Crash, place, None, "crashes and comes up again".to_owned(), Vec::new())
            }
            Step::Event(place, event, number) => {
                (Kind::Event, place, None, words(event), self.offers[usize::from(number)].cuts.clone())
            }
            Step::Timer(place, event) => (Kind::Timer, place, None, words(event), Vec::new()),
            Step::Cut(one, other) => {
                let words = format!("the link between {one} and {other} is cut");
                return Happening::of(Kind::Cut, one.to_string(), Some(other), one, words, Vec::new());
            }
        };
        let place = self.participants.at(place);
        Happening::of(kind, place.to_string(), from, place.node, words, cuts)
    }

    /// A step in words.
    pub fn step_in_words(&self, step: Step) -> String {
        let Happening { kind, at, from, words, .. } = self.headline(step);
        match (kind, from) {
            (Kind::Message, Some(from)) => format!("{from} → {at}: {words}"),
            (Kind::Loss, Some(from)) => format!("{from} → {at} loses {words}"),
            (Kind::Timer, _) => format!("{at}: timer: {words}"),
            (Kind::Cut, _) => words,
            _ => format!("{at}: {words}"),
        }
    }

    /// What comes of a step, a line each; none if it cannot happen.
    pub fn outcome_in_words(&self, state: &GraphState, step: Step) -> Option<String> {
        let next = self.follow(state, step).ok()?;
        let told = self.happening(state, step, &next);
        let sends = told.sends.iter().map(|(to, words)| format!("sends to {to}: {words}"));
        let decides = told.decides.iter().map(|decided| format!("DECIDES {decided}"));
        let panics = told.panics.iter().map(|panics| format!("PANICS: {panics}"));
        let key = told.key.iter().map(|key| format!("is now {key}"));
        let all: Vec<_> = sends.chain(decides).chain(panics).chain(key).collect();
        Some(if all.is_empty() { "nothing comes of it".to_owned() } else { all.join("\n") })
    }

    /// What everybody is like, a line each.
    pub fn state_in_words(&self, state: &GraphState) -> String {
        let tables = self.tables();
        let histories = &tables.histories;
        let lines = self.participants.places.iter().zip(&state.locals).map(|(place, &local)| {
            let local = tables.at(local);
            let key = histories.done(local.history()).key.and_then(|key| histories.key(key));
            let known = match (&local.wreck, key) {
                (Some(panicked), _) => format!("has panicked: {panicked}"),
                (None, Some(key)) => key.as_str().to_owned(),
                (None, None) => {
                    format!("was handed {}", histories.inputs_in_words(&self.protocol, local.history()))
                }
            };
            let decided = local.decided.iter().filter_map(|&id| decided(&*self.protocol, histories, id));
            let decided: Vec<_> = decided.collect();
            let timers = local.timers.iter().map(|&timer| histories.event_in_words(&self.protocol, timer));
            let timers: Vec<_> = timers.collect();
            let mut line = format!("{place}: {known}");
            if !decided.is_empty() {
                line.push_str(&format!("; has decided {}", decided.join(", ")));
            }
            if !timers.is_empty() {
                line.push_str(&format!("; timers: {}", timers.join(", ")));
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What happens in a step, and what comes of it.
    pub(super) fn happening(&self, before: &GraphState, step: Step, after: &GraphState) -> Happening {
        let headline = self.headline(step);
        let Some((place, input)) = step.handed() else { return headline };
        let mut tables = self.tables();
        let [old, new] = [before, after].map(|state| state.locals[place.index()]);
        let taken = tables.take(&self.protocol, &self.participants, old, input);
        let histories = &tables.histories;
        let sends = taken.map(|taken| taken.sent).unwrap_or_default().into_iter().filter_map(|id| {
            let to = histories.envelope(id)?.to;
            Some((to, histories.message_in_words(&self.protocol, id)))
        });
        let decides = newly(&tables.at(old).decided, &tables.at(new).decided);
        let decides = decides.filter_map(|id| decided(&*self.protocol, histories, id));
        let key = histories.done(tables.at(new).history()).key.and_then(|key| histories.key(key));
        Happening {
            key: key.map(|key| key.as_str().to_owned()),
            sends: sends.collect(),
            decides: decides.collect(),
            panics: tables.at(new).wreck.as_ref().map(ToString::to_string),
            ..headline
        }
    }
}

impl Happening {
    fn of(
        kind: Kind,
        at: String,
        from: Option<NodeId>,
        node: NodeId,
        words: String,
        cuts: Vec<(NodeId, NodeId)>,
    ) -> Self {
        let (sends, decides) = (Vec::new(), Vec::new());
        Happening { kind, at, from, node, words, nth: 0, sends, decides, cuts, panics: None, key: None }
    }

    /// Whether two steps cannot be told apart by what is read.
    fn reads_as(&self, other: &Self) -> bool {
        (self.kind, &self.at, self.from, &self.words) == (other.kind, &other.at, other.from, &other.words)
    }
}

fn newly<'a>(before: &'a [DecisionId], after: &'a [DecisionId]) -> impl Iterator<Item = DecisionId> {
    after.iter().copied().filter(|id| !before.contains(id))
}

fn decided<P: Protocol>(protocol: &P, histories: &Histories<P>, id: DecisionId) -> Option<String> {
    let (slot, value) = histories.decision(id)?;
    Some(format!("{} in {slot}", protocol.value_in_words(value)))
}
