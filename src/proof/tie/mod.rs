//! The tie between the proof and the running code: every step that the checker explores is held against the
//! proved actions.
//!
//! A state of the honest replicas and the messages that they have signed are mapped to the relations of
//! `proofs/pbft.sexp` (`facts.rs`); the effects of a replica's step say which actions it amounts to, in which
//! order (`plan.rs`); and each of them has to have its guard true and to change exactly what it says, from the
//! mapped state before to the mapped state after (`check.rs`). Together that is a forward simulation (Lynch and
//! Vaandrager, Forward and Backward Simulations, 1995), shown edge by edge on the explored bound.
//!
//! How each relation is had:
//!
//! - `pp`, `prep`, `com`, `ck`, `vc`, `vcge`, `vclow` of an honest replica: from the messages that it has
//!   signed, nothing else. What a CHECKPOINT vouches for is what its digest is a digest of.
//! - The same of a Byzantine replica: it has signed everything that it can, from the start. In the model that is
//!   one `byzantine` action before all others. No guard is made false by it.
//! - `left`, `low`: from the replica's view and low watermark.
//! - `took`: from the proposals that it holds; for views that it has left, in which it never votes again and
//!   whose proposals it drops, from what it signed there above its low watermark.
//! - `known`: from its decisions and its chain. What it decided and has discarded without having executed it
//!   is carried along the path.
//! - `acc`, `prepd`, `kn`: the history, as a function of what was signed and is known.
//! - `chosen`: related, not mapped. The model's has to be a part of all quorums that have committed what was
//!   decided; no guard reads it.

mod check;
mod facts;
mod graph;
mod plan;
mod vocabulary;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::hashed::{IndexMap, IndexSet};
use smallvec::SmallVec;

use self::facts::{Facts, Preimages};
use self::graph::{Edge, Graph};
use self::plan::{Actions, Observed, Plan, Planned, Planner};
use self::vocabulary::Vocabulary;
use super::{Model, RelationId, Structure};
use crate::model::{
    Event, EventIds, GuardModel, Liveness, Local, LocalId, LocalIds, Participant, Run, System, participants,
};
use crate::pbft::{Message, Principal, ReplicaId};

/// A relation holds of a tuple.
type Fact = (RelationId, Vec<usize>);

/// Facts of each honest replica, by number.
type Mapped = SmallVec<[u32; 4]>;

/// Why a system cannot be held against a model at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TieError {
    /// The model lacks a relation or an action that the mapping is to.
    #[error("the model has no {0}")]
    NoSuch(String),
    /// The model has relations that the mapping does not know.
    #[error("the model's state has {0} relations, which are not those that the replicas are mapped to")]
    Unmapped(usize),
    /// The model does not let Byzantine replicas sign everything.
    #[error("the model's adversary is weaker than Byzantine replica {0}")]
    Adversary(ReplicaId),
    /// More than f replicas are Byzantine, or the like: the proof says nothing about such a system.
    #[error("the proof's assumptions do not hold of this bound: {0}")]
    Assumption(Arc<str>),
    /// The judge cannot judge the rulebook.
    #[error("{0}")]
    Refused(String),
}

/// Where the code and the proof part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The guard of an action does not hold.
    Guard {
        /// The action, with its elements.
        action: String,
        /// What fails of its guard.
        checks: Vec<Arc<str>>,
    },
    /// What changed is not what an action changes.
    Effect {
        /// The action, with its elements.
        action: String,
        /// Which relation is wrong at which tuple.
        fact: String,
        /// The checks behind that effect.
        checks: Vec<Arc<str>>,
    },
    /// Something changed that no action of the step accounts for.
    Unexplained {
        /// Which relation, at which tuple.
        fact: String,
        /// Whether it holds afterwards.
        holds: bool,
    },
    /// The step is like no action of the model.
    NoAction(String),
    /// The mapped state breaks parts of the invariant.
    Clauses(Vec<Arc<str>>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Guard { action, checks } => write!(f, "({action}) is not possible: {}", checks.join(", ")),
            Fault::Effect { action, fact, checks } => {
                write!(f, "({action}) does not make it so that ({fact}): {}", checks.join(", "))
            }
            Fault::Unexplained { fact, holds: true } => write!(f, "no action brings about ({fact})"),
            Fault::Unexplained { fact, holds: false } => write!(f, "({fact}) ought to hold afterwards"),
            Fault::NoAction(what) => write!(f, "no action is like this: {what}"),
            Fault::Clauses(names) => write!(f, "the state breaks {}", names.join(", ")),
        }
    }
}

/// A step at which the tie breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Break {
    /// What is wrong.
    pub fault: Fault,
    /// The events that lead there; the last is the one that is wrong, or leads to what is.
    pub events: Vec<(Principal, Event)>,
}

/// How an exploration ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tied {
    /// Every reachable state and every edge within the bound was mapped, and every one of them holds.
    Holds,
    /// One does not. None is nearer to the beginning.
    Broken(Box<Break>),
    /// There are more states than were asked for: nothing is said.
    Limited,
}

/// What was held against the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TieReport {
    /// States that were visited.
    pub states: u64,
    /// Edges between them, or back to a state that was visited.
    pub edges: u64,
    /// Those of them on which no relation changes.
    pub stutters: u64,
    /// Distinct mapped states: every clause was evaluated in each.
    pub mapped_states: u64,
    /// Distinct mapped edges, stutters left out: each was held against its actions.
    pub mapped_edges: u64,
    /// How often each action was taken, over the distinct mapped edges.
    pub actions: BTreeMap<Arc<str>, u64>,
    /// How it ended.
    pub end: Tied,
}

/// A system whose steps are held against a model.
pub struct Tie<'a> {
    model: &'a Model,
    system: Arc<System>,
    vocabulary: Vocabulary,
    actions: Actions,
    participants: Vec<Participant>,
    preimages: Preimages,
    facts: IndexSet<Facts>,
    plans: IndexSet<Vec<Planned>>,
    visible: HashMap<LocalId, u32>,
    /// From the number of a local state and what happens to the number of the plan.
    planned: HashMap<(LocalId, EventIds), Result<u32, String>>,
    states: HashSet<Mapped>,
    edges: HashSet<(Mapped, u16, u32, u32)>,
    taken: BTreeMap<Arc<str>, u64>,
    last: Option<(Mapped, Structure)>,
}

/// A state on a path: the graph's, and what it is mapped to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Point<S> {
    state: S,
    mapped: Mapped,
}

impl<'a> Tie<'a> {
    /// Maps a system to the relations of a model.
    ///
    /// # Errors
    /// If the model is not one of this protocol, or its axioms do not hold of the system.
    pub fn new(model: &'a Model, system: Arc<System>) -> Result<Self, TieError> {
        let vocabulary = Vocabulary::new(model, &system)?;
        let broken = |f| !model.evaluate(&vocabulary.base, f, &[]);
        if let Some(axiom) = model.axioms.iter().find(|axiom| broken(&axiom.formula)) {
            return Err(TieError::Assumption(Arc::clone(&axiom.name)));
        }
        Ok(Tie {
            model,
            actions: Actions::of(model)?,
            participants: participants(&system),
            vocabulary,
            system,
            preimages: Preimages::default(),
            facts: IndexSet::default(),
            plans: IndexSet::default(),
            visible: HashMap::new(),
            planned: HashMap::new(),
            states: HashSet::new(),
            edges: HashSet::new(),
            taken: BTreeMap::new(),
            last: None,
        })
    }

    /// Explores the system with judge *guards*, and holds every reachable state and every edge against the model,
    /// up to the first that does not fit. `most` limits the states that are visited.
    ///
    /// # Errors
    /// [`TieError::Refused`] if the judge cannot judge the rulebook.
    pub fn explore(self, most: Option<u64>) -> Result<TieReport, TieError> {
        let judge = GuardModel::new(Arc::clone(&self.system));
        self.search(&judge, most)
    }

    /// Explores what the liveness check explores: before and after the network has become stable, up to where
    /// every goal is reached. Otherwise as [`Self::explore`].
    ///
    /// # Errors
    /// As [`Self::new`] and [`Self::explore`].
    pub fn explore_liveness(
        model: &'a Model,
        liveness: &Liveness,
        most: Option<u64>,
    ) -> Result<TieReport, TieError> {
        Tie::new(model, liveness.shared_system())?.search(liveness, most)
    }

    fn search<G: Graph>(mut self, graph: &G, most: Option<u64>) -> Result<TieReport, TieError> {
        let judge = graph.judge();
        let mut points: IndexMap<Point<G::State>, Option<u32>> = IndexMap::default();
        let (mut edges, mut stutters) = (0, 0);
        for state in graph.initial() {
            let mapped = self.first(judge, graph.numbers(&state));
            points.insert(Point { state, mapped }, None);
        }
        let mut end = Tied::Holds;
        if let Some(fault) = points.keys().find_map(|point| self.check_state(&point.mapped).err()) {
            end = Tied::Broken(Box::new(Break { fault, events: Vec::new() }));
        }
        let mut index = 0;
        while let Some((point, _)) = points.get_index(index).filter(|_| end == Tied::Holds) {
            let point = point.clone();
            for Edge { participant, ways, next } in graph.edges(&point.state) {
                edges += 1;
                let mapped = self.successor(judge, &point.mapped, participant, graph.numbers(&next));
                let next = Point { state: next, mapped };
                let numbers = graph.numbers(&point.state);
                let mut broken = ways.iter().find_map(|way| {
                    let (before, after) = (&point.mapped, &next.mapped);
                    let fault = self.check_way(judge, numbers, before, after, participant, way).err()?;
                    Some((fault, judge.fed(numbers, participant, way)))
                });
                if ways.is_empty() && numbers != graph.numbers(&next.state) {
                    let who = self.participants[usize::from(participant)].id();
                    let fault = Fault::NoAction(format!("{who} steps, and nothing happened to it"));
                    broken = Some((fault, Vec::new()));
                }
                if let Some((fault, last)) = broken {
                    let mut events = path(graph, &points, index);
                    events.extend(last);
                    end = Tied::Broken(Box::new(Break { fault, events }));
                    break;
                }
                stutters += u64::from(next.mapped == point.mapped);
                if !points.contains_key(&next) {
                    if most.is_some_and(|most| points.len() as u64 >= most) {
                        end = Tied::Limited;
                        break;
                    }
                    points.insert(next, Some(index as u32));
                }
            }
            index += 1;
        }
        if let (Some(refusal), Tied::Holds) = (judge.refusal(), &end) {
            return Err(TieError::Refused(refusal));
        }
        Ok(self.report(points.len() as u64, edges, stutters, end))
    }

    /// Runs these events one by one, as a run that is told, and holds every state and step against the model.
    /// Events that the replicas refuse are left out.
    pub fn follow(mut self, events: &[(Principal, Event)]) -> TieReport {
        let mut run = Run::new(Arc::clone(&self.system));
        let (mut states, mut edges, mut stutters) = (1, 0, 0);
        let mut mapped = self.mapped(&run, None);
        let mut end = Tied::Holds;
        if let Err(fault) = self.check_state(&mapped) {
            end = Tied::Broken(Box::new(Break { fault, events: Vec::new() }));
        }
        for (i, (who, event)) in events.iter().enumerate() {
            if end != Tied::Holds {
                break;
            }
            let Ok((before, taken)) = run.step(*who, event) else { continue };
            (states, edges) = (states + 1, edges + 1);
            let mut steps = Vec::new();
            let planned = self.plan(*who, event, &before, &taken, &mut steps);
            let next = self.mapped(&run, Some(&mapped));
            let participant = self.participants.iter().position(|p| p.id() == *who).unwrap_or_default();
            let checked = planned.map_err(Fault::NoAction).and_then(|()| {
                let plan = self.plans.insert_full(steps).0 as u32;
                self.check_edge(&mapped, &next, participant as u16, plan)
            });
            if let Err(fault) = checked {
                end = Tied::Broken(Box::new(Break { fault, events: events[..=i].to_vec() }));
            }
            stutters += u64::from(next == mapped);
            mapped = next;
        }
        self.report(states, edges, stutters, end)
    }

    fn report(self, states: u64, edges: u64, stutters: u64, end: Tied) -> TieReport {
        TieReport {
            states,
            edges,
            stutters,
            mapped_states: self.states.len() as u64,
            mapped_edges: self.edges.len() as u64,
            actions: self.taken,
            end,
        }
    }

    /// The honest replicas of a run, mapped, after a mapped state if there was one.
    fn mapped(&mut self, run: &Run, before: Option<&Mapped>) -> Mapped {
        let mut mapped = Mapped::new();
        for (who, local) in run.locals() {
            let facts = self.facts_of(who, local, run.sent());
            let facts = match before.and_then(|before| self.facts.get_index(before[mapped.len()] as usize)) {
                Some(before) => self.vocabulary.carry(before, &facts).unwrap_or(facts),
                None => facts,
            };
            mapped.push(self.facts.insert_full(facts).0 as u32);
        }
        mapped
    }

    /// What the model's relations say of a participant; nothing of a client.
    fn facts_of<'m>(
        &mut self,
        who: Principal,
        local: &Local,
        sent: impl IntoIterator<Item = &'m Message>,
    ) -> Facts {
        let (Some(id), Some(state)) = (who.replica(), local.replica()) else { return Facts::new() };
        self.preimages.state(state);
        self.vocabulary.facts(&self.preimages, id, state, sent)
    }

    fn first(&mut self, judge: &GuardModel, numbers: LocalIds<'_>) -> Mapped {
        (0..).zip(numbers.iter()).map(|(i, number)| self.visible(judge, i, number)).collect()
    }

    /// The facts of a local state of the judge's, without those that are carried.
    fn visible(&mut self, judge: &GuardModel, participant: u16, number: LocalId) -> u32 {
        if let Some(&facts) = self.visible.get(&number) {
            return facts;
        }
        let who = self.participants[usize::from(participant)].id();
        let facts = match judge.numbered(number) {
            Some((local, sent)) => self.facts_of(who, &local, &sent),
            None => Facts::new(),
        };
        let facts = self.facts.insert_full(facts).0 as u32;
        self.visible.insert(number, facts);
        facts
    }

    /// What the end of an edge is mapped to, at which a participant steps.
    fn successor(
        &mut self,
        judge: &GuardModel,
        before: &Mapped,
        participant: u16,
        numbers: LocalIds<'_>,
    ) -> Mapped {
        let who = usize::from(participant);
        let visible = self.visible(judge, participant, numbers.at(who));
        let mut mapped = before.clone();
        if mapped[who] != visible {
            let facts = &self.facts[mapped[who] as usize];
            let after = self.vocabulary.carry(facts, &self.facts[visible as usize]);
            mapped[who] = after.map_or(visible, |after| self.facts.insert_full(after).0 as u32);
        }
        mapped
    }

    /// Checks an edge that is brought about in this way.
    fn check_way(
        &mut self,
        judge: &GuardModel,
        numbers: LocalIds<'_>,
        before: &Mapped,
        after: &Mapped,
        participant: u16,
        way: &EventIds,
    ) -> Result<(), Fault> {
        let key = (numbers.at(usize::from(participant)), way.clone());
        let plan = match self.planned.get(&key) {
            Some(plan) => plan.clone(),
            None => {
                let plan = self.plan_of(judge, numbers, participant, way);
                let plan = plan.map(|plan| self.plans.insert_full(plan).0 as u32);
                self.planned.insert(key, plan.clone());
                plan
            }
        };
        self.check_edge(before, after, participant, plan.map_err(Fault::NoAction)?)
    }

    /// The actions that a step of the judge amounts to: its events, run on the replica.
    fn plan_of(
        &mut self,
        judge: &GuardModel,
        numbers: LocalIds<'_>,
        participant: u16,
        way: &EventIds,
    ) -> Plan {
        let mut plan = Vec::new();
        let from = numbers.at(usize::from(participant));
        let Some((mut local, _)) = judge.numbered(from) else { return Ok(plan) };
        let replica = self.participants[usize::from(participant)].clone();
        for (who, event) in judge.fed(numbers, participant, way) {
            let taken = event.as_stimulus(&local).and_then(|s| replica.step(&self.system, &local, s));
            let Some(taken) = taken else { return Err(format!("{who} does not take {event:?}")) };
            self.plan(who, &event, &local, &taken, &mut plan)?;
            local = taken.after;
            local.forget_backoff();
        }
        Ok(plan)
    }

    fn plan(
        &mut self,
        who: Principal,
        event: &Event,
        before: &Local,
        taken: &crate::model::Transition,
        plan: &mut Vec<Planned>,
    ) -> Result<(), String> {
        let Some(id) = who.replica() else { return Ok(()) };
        if let Some(state) = taken.after.replica() {
            self.preimages.state(state);
        }
        for effect in &taken.effects {
            if let crate::pbft::Effect::Executed(block) = effect {
                self.preimages.block(block);
            }
        }
        let planner = Planner {
            system: &self.system,
            vocabulary: &self.vocabulary,
            preimages: &self.preimages,
            actions: self.actions,
        };
        planner.step(&Observed { id, event, before, taken }, plan)
    }

    fn structure(&self, mapped: &Mapped) -> Structure {
        let facts = mapped.iter().map(|&facts| &self.facts[facts as usize]);
        self.vocabulary.structure(self.model, facts)
    }

    /// Evaluates the invariant in a mapped state, once.
    fn check_state(&mut self, mapped: &Mapped) -> Result<(), Fault> {
        if !self.states.insert(mapped.clone()) {
            return Ok(());
        }
        let broken = self.model.broken_clauses(&self.structure(mapped));
        if broken.is_empty() { Ok(()) } else { Err(Fault::Clauses(broken)) }
    }

    /// Holds a mapped edge against the actions that were planned, once, and the state that it leads to against
    /// the invariant.
    fn check_edge(
        &mut self,
        before: &Mapped,
        after: &Mapped,
        participant: u16,
        plan: u32,
    ) -> Result<(), Fault> {
        let who = usize::from(participant);
        let steps = &self.plans[plan as usize];
        if before == after && steps.is_empty() {
            return Ok(());
        }
        let key = (before.clone(), participant, after[who], plan);
        if self.edges.contains(&key) {
            return Ok(());
        }
        let start = match self.last.take() {
            Some((mapped, structure)) if mapped == *before => structure,
            _ => self.structure(before),
        };
        let taken = self.vocabulary.walk(self.model, &start, steps, &self.structure(after))?;
        self.last = Some((before.clone(), start));
        for action in taken {
            *self.taken.entry(Arc::clone(&self.model.actions[action].name)).or_default() += 1;
        }
        self.edges.insert(key);
        self.check_state(after)
    }
}

/// The events on the way to a point. The judge numbers its steps anew as it meets more messages, so they are
/// looked up again.
fn path<G: Graph>(
    graph: &G,
    points: &IndexMap<Point<G::State>, Option<u32>>,
    index: usize,
) -> Vec<(Principal, Event)> {
    let mut events = Vec::new();
    let mut to = points.get_index(index);
    while let Some((child, Some(parent))) = to {
        to = points.get_index(*parent as usize);
        let Some((parent, _)) = to else { break };
        let edges = graph.edges(&parent.state);
        let edge = edges.iter().find(|edge| edge.next == child.state);
        let way = edge.and_then(|edge| Some((edge.participant, edge.ways.first()?)));
        let numbers = graph.numbers(&parent.state);
        events.push(way.map_or_else(Vec::new, |(who, way)| graph.judge().fed(numbers, who, way)));
    }
    events.into_iter().rev().flatten().collect()
}
