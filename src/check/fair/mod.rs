//! Liveness under weak fairness: what must happen, happens, on every run in which whoever owes a step
//! does not put it off for ever.
//!
//! stateright's own `eventually` looks at finite paths, knows no fairness, misses cycles and joins, and
//! takes a boundary for the end of a run. Here the whole graph is explored and kept, and each property
//! is decided on its strongly connected components.
//!
//! # What a run is
//! The semantics is that of TLA+ (Lamport, *Specifying Systems*, chapter 8). A **step** is a transition to
//! another state; an action that leads back to the same state changes nothing and is none: it neither
//! enables its class nor counts as taking it. A run is a sequence of steps from an initial state, for ever
//! or until it stops; it may stop wherever fairness lets it. A **class** of actions ([`FairModel::class`])
//! is enabled in a state if one of its actions is a step there. A run is **fair** if every class is, again
//! and again, disabled or taken. So it may stop in a state if and only if no class is enabled there: at a
//! dead end, but also where every step that is left is owed by nobody. Such a stop is no special case: it is
//! a loop of no steps.
//!
//! # Why components suffice
//! A run that never reaches its goal stays in the end within one strongly connected component of the
//! states without the goal. If some class is enabled in all states of the component and taken by none of
//! the steps within it, then so it is in every part of the component, and no run that stays there is fair.
//! Otherwise the loop that takes every step of the component is fair. A component therefore holds a fair
//! run if and only if every class is disabled in one of its states, or taken by a step within it. (Strong
//! fairness would need recursion: a part of a component may be fair although the whole is not, because it
//! enables less.)
//!
//! # What a verdict on a part of the graph says
//! What a limit or a boundary leaves out may hold violations. So:
//!
//! - *violated* is sound on any part of the graph: the loop runs through states that were expanded, in which
//!   it is known what is enabled, along steps that exist; nothing that was left out can take it away.
//! - *holds*, of *eventually*, is said if everything was expanded that a run can reach before its goal.
//!   What lies behind the goal, a boundary included, does not matter: the property is decided by then.
//! - *holds*, of the other two, is said if every reachable state was expanded, and nothing was left out:
//!   any state may ask for something.
//! - after a limit, *holds* is never said.
//!
//! Every counterexample is executed again on the model before it is reported, and judged from the definition,
//! without the graph.

mod component;
mod graph;
mod halted;
mod lasso;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stateright::Model;

use super::limits::{Limit, Limits, Progress};
use super::overseer;
use super::search::Coverage;
use crate::interrupt;
pub(in crate::check) use halted::HaltedGraph;
#[cfg(feature = "explore")]
pub(super) use lasso::confirm;
pub use lasso::{Ending, Lasso};

/// The most classes that a model may have: a set of them is a machine word.
pub const MAX_CLASSES: usize = 64;

/// The most properties that are checked on one graph: what they say of a state is a machine word.
pub const MAX_PROPERTIES: usize = 32;

/// A model that says which of its actions are owed.
///
/// A state's `Hash` identifies it, as everywhere here. For liveness that must be identity, or at least leave
/// alone what the classes name: a hash that merges states up to a permutation of replicas would merge
/// the steps that one replica owes with those of another.
pub trait FairModel: Model {
    /// Names a set of actions of which some must be taken unless they are, now and again, all
    /// disabled: *deliveries to replica i*, *the timer of replica i*. Actions that each must be taken
    /// need a class each.
    type Class: Copy + Ord + Debug + Send + Sync;

    /// The class that an action belongs to in a state in which it is offered. None: nobody owes it (a step of
    /// the adversary, a fault), and a run may forgo it for ever.
    fn class(&self, state: &Self::State, action: &Self::Action) -> Option<Self::Class>;

    /// Whether a bound of the model withholds some actions of this state. Such a state can be a goal,
    /// or on the way to a loop, but no run is said to stay in it: what is enabled there is not known.
    ///
    /// A model that leaves actions out by [`Model::within_boundary`] need not say so here.
    fn is_cut(&self, _state: &Self::State) -> bool {
        false
    }
}

/// What a property asks of a state.
pub type Condition<M> = Arc<dyn Fn(&M, &<M as Model>::State) -> bool + Send + Sync>;

/// What must happen on every fair run.
pub enum Claim<M: Model> {
    /// The goal is reached.
    Eventually(Condition<M>),
    /// The goal is reached again and again: after every state, in that state or later.
    AlwaysEventually(Condition<M>),
    /// After every state with the first, in that state or later, comes one with the second.
    LeadsTo(Condition<M>, Condition<M>),
}

/// A named property of runs.
pub struct LivenessProperty<M: Model> {
    /// The name, for reports.
    pub name: String,
    /// What it says.
    pub claim: Claim<M>,
}

impl<M: Model> LivenessProperty<M> {
    /// Every fair run reaches the goal.
    pub fn eventually(
        name: impl Into<String>,
        goal: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
    ) -> Self {
        LivenessProperty { name: name.into(), claim: Claim::Eventually(Arc::new(goal)) }
    }

    /// Every fair run reaches the goal again and again; one that stops, stops in it.
    pub fn always_eventually(
        name: impl Into<String>,
        goal: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
    ) -> Self {
        LivenessProperty { name: name.into(), claim: Claim::AlwaysEventually(Arc::new(goal)) }
    }

    /// Whenever a fair run is in a state with `trigger`, it is there or later in one with `goal`.
    pub fn leads_to(
        name: impl Into<String>,
        trigger: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
        goal: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
    ) -> Self {
        LivenessProperty { name: name.into(), claim: Claim::LeadsTo(Arc::new(trigger), Arc::new(goal)) }
    }

    fn goal(&self) -> &Condition<M> {
        match &self.claim {
            Claim::Eventually(goal) | Claim::AlwaysEventually(goal) | Claim::LeadsTo(_, goal) => goal,
        }
    }

    /// Whether a state asks for the goal; of *eventually*, only the initial ones do.
    fn triggers(&self, model: &M, state: &M::State, is_initial: bool) -> bool {
        match &self.claim {
            Claim::Eventually(_) => is_initial,
            Claim::AlwaysEventually(_) => true,
            Claim::LeadsTo(trigger, _) => trigger(model, state),
        }
    }
}

impl<M: Model> Clone for LivenessProperty<M> {
    fn clone(&self) -> Self {
        let claim = match &self.claim {
            Claim::Eventually(goal) => Claim::Eventually(Arc::clone(goal)),
            Claim::AlwaysEventually(goal) => Claim::AlwaysEventually(Arc::clone(goal)),
            Claim::LeadsTo(trigger, goal) => Claim::LeadsTo(Arc::clone(trigger), Arc::clone(goal)),
        };
        LivenessProperty { name: self.name.clone(), claim }
    }
}

impl<M: Model> Debug for LivenessProperty<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Why nothing can be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// A limit ended the exploration.
    Limit(Limit),
    /// The model's boundary, or a state that [is cut](FairModel::is_cut), hides what could matter.
    Boundary,
}

/// What the check says of a property.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LivenessVerdict<A> {
    /// Every fair run of the model has it.
    Holds,
    /// A fair run does not.
    Violated(Lasso<A>),
    /// No violation was found, and what was not explored may hold one.
    NotExhausted(Cut),
}

/// What came of one property.
#[derive(Clone, Debug)]
pub struct Finding<A> {
    /// The property's name.
    pub property: String,
    /// What the check says of it.
    pub verdict: LivenessVerdict<A>,
    /// States that were met in which the goal is owed: where a run can be after the goal was asked for
    /// and before it is reached. If there are none, nothing ever waits for it, and *holds* says little.
    pub owed: u64,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct LivenessReport<A, C> {
    /// What was covered; the same numbers as [`search`](super::search) gives.
    pub coverage: Coverage,
    /// One for each property, in their order.
    pub findings: Vec<Finding<A>>,
    /// The classes that were enabled in some state. One that is missing is never owed anything.
    pub classes: Vec<C>,
}

/// Why a model could not be checked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LivenessError {
    /// It has more than [`MAX_CLASSES`] classes.
    #[error("more than {MAX_CLASSES} classes of fair actions: {0} is one too many")]
    TooManyClasses(String),
    /// More than [`MAX_PROPERTIES`] properties.
    #[error("{0} properties at once: at most {MAX_PROPERTIES} are checked on one graph")]
    TooManyProperties(usize),
    /// A counterexample was found that is not there when it is executed again: the model does not do the
    /// same thing twice, or two states have the same fingerprint.
    #[error("the violation of '{property}' that was found does not repeat: {reason}")]
    Unconfirmed {
        /// The property.
        property: String,
        /// What went otherwise.
        reason: String,
    },
}

/// Explores every state of `model` that is reachable within its boundary, and decides each of `properties`
/// on all its weakly fair runs.
///
/// The graph takes 60 to 80 bytes a state and 5 to 10 a transition; no state is kept beyond the level that is
/// being expanded. Limits end the exploration; what was explored by then is still judged, in time linear in
/// its size, as far as a check that has its limits looked at from outside has a moment left. A counterexample is as short as a
/// bounded effort can make it, in most cases the shortest of all, and the same at any number of threads.
///
/// # Errors
/// Too many classes or properties, or a model that does not do the same thing twice.
pub fn check_liveness<M>(
    model: &M,
    properties: &[LivenessProperty<M>],
    limits: &Limits,
    progress: &Progress,
) -> Result<LivenessReport<M::Action, M::Class>, LivenessError>
where
    M: FairModel + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone + PartialEq,
{
    check_liveness_on(model, properties, limits, progress, None).map(|(report, _)| report)
}

/// What comes of a check, and what it takes to go on with it if a limit ended it.
pub(in crate::check) type Checked<M> = (
    LivenessReport<<M as Model>::Action, <M as FairModel>::Class>,
    Option<HaltedGraph<<M as Model>::State, <M as FairModel>::Class>>,
);

/// The same, from where another check was ended by a limit: that must have been of the same model and properties. Also gives
/// what it takes to go on, if a limit ended this one.
///
/// # Errors
/// Too many classes or properties, or a model that does not do the same thing twice.
pub(in crate::check) fn check_liveness_on<M>(
    model: &M,
    properties: &[LivenessProperty<M>],
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedGraph<M::State, M::Class>>,
) -> Result<Checked<M>, LivenessError>
where
    M: FairModel + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone + PartialEq,
{
    let start = Instant::now();
    if properties.len() > MAX_PROPERTIES {
        return Err(LivenessError::TooManyProperties(properties.len()));
    }
    let before = halted.as_ref().map_or(Duration::ZERO, |halted| halted.elapsed);
    let explored = graph::explore(model, properties, limits, progress, start, halted)?;
    let graph::Explored { mut graph, frontier, mut coverage } = explored;
    // Who only pauses goes on in a moment.
    if progress.pauses() && graph.is_limited() {
        let cut = LivenessVerdict::NotExhausted(Cut::Limit(Limit::Stopped));
        let finding = |property: &LivenessProperty<M>| Finding {
            property: property.name.clone(),
            verdict: cut.clone(),
            owed: 0,
        };
        let findings = properties.iter().map(finding).collect();
        coverage.elapsed = before + start.elapsed();
        let report = LivenessReport { coverage, findings, classes: Vec::new() };
        return Ok((report, graph.halted(frontier, coverage)));
    }
    // What was explored is judged, even if the time is over by then: as far as there is a moment for it.
    let mut findings = Vec::new();
    for (number, property) in properties.iter().enumerate() {
        let decide = || lasso::decide(model, &graph, number, property);
        findings.push(match interrupt::caught(|| interrupt::late(decide)) {
            Ok(finding) => finding?,
            Err(interrupted) => {
                // What is known is whole, and may be judged another time.
                let cut = Cut::Limit(overseer::limit(interrupted, limits));
                graph.cut = Some(cut);
                let verdict = LivenessVerdict::NotExhausted(cut);
                Finding { property: property.name.clone(), verdict, owed: 0 }
            }
        });
    }
    coverage.elapsed = before + start.elapsed();
    let report = LivenessReport { coverage, findings, classes: graph.sorted_classes() };
    Ok((report, graph.halted(frontier, coverage)))
}
