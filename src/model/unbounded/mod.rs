//! Judge *unbounded*: view by view, for any number of views and every placement of the Byzantine replicas at once.
//!
//! A state is what is left of all earlier views when every honest replica has left them ([`BoundaryState`]); a step is
//! one whole view, explored by judge *guards* with the real replicas. There are finitely many such states, so that the
//! search ends at a fixpoint: what it then says is said of *every* number of views.
//!
//! **Why views can be taken one after the other.** A replica takes PRE-PREPAREs, PREPAREs and COMMITs of its own
//! view only, and a NEW-VIEW is justified by VIEW-CHANGEs for that very view, which report certificates of
//! earlier views. So a step in view v depends on what was sent in v, and on certificates and VIEW-CHANGEs that
//! come from views below v; never on a view above. Any run can therefore be reordered so that everything in view
//! v happens before anything in view v + 1, each replica seeing the same (views are communication-closed layers,
//! Elrad and Francez, 1982). That the rulebook is like this is not assumed: every local state that is met is
//! offered messages of other views, and after it has left all messages of its view
//! ([`premise`](self)); what takes one is refused.
//!
//! **Why every replica goes through every view.** A replica that jumps over a view can as well have left for it
//! and received nothing there: more messages exist then, which need not arrive. That a NEW-VIEW finds it the
//! same is tried in each local state. A replica may give up a view at any time here, whether its timer runs or
//! not: that allows more than the protocol does, never less.
//!
//! **Why certificates and decisions are all that is left.** Outside a view a replica is rebuilt from them, by the
//! code that recovers it from its storage, and has to be the very state that the run has led to, with the same
//! VIEW-CHANGE. Requests that wait are forgotten: their clients may send them again, at any time.
//!
//! Who has decided does not matter either, only what somebody has: see [`undecided`](self).
//!
//! **Why view numbers can be ranks.** What a new view takes depends on the order of the certificates' views alone,
//! of those for one batch on the highest, and views in a row with certificates for the same batch are as good
//! as one; it does not depend on who reports what, in which order, or how often. A certificate of a view is given the
//! signatures that it has when that rank is the number of its view; it says the same, whichever votes prove it.
//!
//! **What is assumed of rules.** All that stands here of what a rule makes of arguments that are taken for one is written
//! down, and tried on the rules at hand, in [`assumptions`](self). Of a rulebook that does not fulfil it nothing is said to
//! hold; what is violated stands once judge *guards* confirms it.
//!
//! **Why any placement.** Of the next view only one thing matters: whether its primary is Byzantine, or which honest
//! replica it is. Either is tried after every state, as if the views with other primaries in between had passed
//! without anything happening in them. So one search covers every placement of that many Byzantine replicas, and
//! honest replicas have no names. Requests have none either: their clients are as good as each other.
//!
//! **Why few states are enough.** A certificate that an honest replica holds can only get in the way of whoever wants to do
//! harm; so a state is left out if in another one less is held, and more can be shown and was decided: see
//! [`order`](self) and [`subsumed`](self).
//!
//! **View 0** has an honest primary here. One with a Byzantine primary allows no more than a later view of his
//! that begins with nothing reported, which is explored too: no rule tells the first view from others, and a new view on
//! which nothing is reported proposes nothing.
//!
//! **What is not covered**: checkpoints, crashes, clients and reads. A violation is looked for again by judge *guards*, and
//! replayed, before it is shown.

mod abstraction;
mod ample;
mod arena;
mod assumptions;
mod bisimulation;
mod boundary;
mod context;
mod departures;
mod ends;
mod error;
mod findings;
mod forge;
mod layer;
mod numbers;
mod order;
mod outcomes;
mod premise;
mod round;
mod runs;
mod saved;
mod setup;
mod showable;
mod stage;
mod starts;
mod subsumed;
mod summaries;
mod undecided;
mod verdicts;
mod view_messages;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use stateright::Model;

pub use assumptions::Assumption;
pub use boundary::BoundaryState;
pub use error::{Objection, Unexplorable};
pub use order::{Reach, Subsumes};
pub(crate) use saved::Found;

use self::boundary::BatchNumber;
use self::context::Context;
use self::findings::locked;
use self::layer::{Layer, Workspace};
use self::setup::{Leader, Setup};
use super::bounds::{BoundError, Scope};
use super::guards::{GuardModel, GuardState};
use super::panics::guarded;
use super::property::Property;
use super::reductions::Reductions;
use crate::engine::fingerprint;
use crate::pbft::Rules;

/// PBFT, view by view.
pub struct UnboundedModel {
    context: Context,
    /// What was found out in views: a thread takes out what it uses.
    workspaces: Mutex<FxHashMap<Setup, Vec<Workspace>>>,
}

/// A state of [`UnboundedModel`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum UnboundedState {
    /// Before view 0.
    Start,
    /// Between two views.
    BoundaryState(BoundaryState),
    /// In the view just explored some state lacks this property.
    Lacks(Property),
}

impl UnboundedModel {
    /// The good outcomes that some view must have: a model in which nothing happens proves nothing.
    pub const GOOD: [&'static str; 2] = findings::GOOD;

    /// The properties that are looked at: those of replicas alone, where there are no checkpoints, and that nobody panics.
    pub const LOOKED_AT: [Property; 6] = [
        Property::Agreement,
        Property::ChainPrefix,
        Property::Validity,
        Property::ExactlyOnce,
        Property::CertificateUnique,
        Property::Panics,
    ];

    /// The model of a scope, whose number of views does not count, with so many Byzantine replicas.
    ///
    /// # Errors
    /// A scope that makes no sense.
    pub fn new(scope: Scope, byzantine: u16, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        let context = Context::new(scope, byzantine, rules)?;
        Ok(UnboundedModel { context, workspaces: Mutex::default() })
    }

    /// The model with these reductions only.
    #[must_use]
    pub fn reduced_by(mut self, reductions: Reductions) -> Self {
        self.context.reductions = reductions;
        self
    }

    /// Whether states that others subsume are left out.
    pub(crate) fn leaves_out_subsumed(&self) -> bool {
        self.context.leaves_out_subsumed()
    }

    /// The state as it is compared with others, if it can be.
    pub fn reach(&self, state: &UnboundedState) -> Option<Reach> {
        match state {
            UnboundedState::BoundaryState(boundary) => Reach::of(boundary, self.requests()),
            _ => None,
        }
    }

    /// How many batches, the first ones, can change names.
    fn requests(&self) -> BatchNumber {
        self.context.scope.requests as BatchNumber
    }

    /// Why under this rulebook no state can be left out for another, if states were: then nothing is known of what those
    /// lead to, and the search has to be made again without that reduction.
    pub fn objection(&self) -> Option<Objection> {
        self.context.findings.objection()
    }

    /// Why this judge cannot judge the rulebook, if it cannot: then no verdict of it counts but that something is
    /// violated, which judge *guards* confirms.
    pub fn refusal(&self) -> Option<Unexplorable> {
        let unmet = || self.unmet().map(Unexplorable::from);
        self.context.findings.refusal().or_else(unmet)
    }

    /// What it does not fulfil of all that is assumed of it.
    pub fn unmet(&self) -> Option<Assumption> {
        self.context.findings.unmet()
    }

    /// The good outcomes that were met.
    pub fn reached(&self) -> BTreeSet<&'static str> {
        self.context.findings.reached()
    }

    /// How many states were visited within views.
    pub fn within(&self) -> u64 {
        self.context.findings.within()
    }

    /// What is left if every honest replica leaves its view now, in a state of judge *guards* with the same scope, but for
    /// its views.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn left(&self, judge: &GuardModel, state: &GuardState) -> Result<BoundaryState, Unexplorable> {
        use super::property::Judge as _;
        let context = &self.context;
        let carried: Result<Vec<_>, _> =
            judge.with_honest(state, |states| states.iter().map(|state| context.carried(state)).collect());
        let shown = context.showable(judge, &judge.proving(&judge.sent(state)))?;
        let left = BoundaryState::new(carried?, shown, context.nothing(), self.requests());
        let is_quotient = context.reductions.quotient;
        Ok(if is_quotient { left.of_nobody_in_particular(self.requests()) } else { left })
    }

    fn explore(&self, past: Option<&BoundaryState>, leader: Leader) -> Result<Layer, Unexplorable> {
        let context = &self.context;
        let setup = Setup::after(past, leader, context.scope.replicas);
        let known = locked(&self.workspaces).get_mut(&setup).and_then(Vec::pop);
        let explored = guarded(|| -> Result<_, Unexplorable> {
            let mut workspace = known.map_or_else(|| Workspace::new(context, setup), Ok)?;
            let layer = workspace.explore(context, past, leader);
            Ok((layer, workspace))
        });
        let panics = || Ok(Layer { violated: [Property::Panics].into_iter().collect(), ..Layer::default() });
        // Whether in a run or only when it is asked about one: judge *guards* looks for it.
        let Ok(explored) = explored else { return panics() };
        let (layer, workspace) = explored?;
        if workspace.is_any_wrecked() {
            return panics();
        }
        locked(&self.workspaces).entry(setup).or_default().push(workspace);
        layer
    }

    /// Who can lead the view that follows on a past, or view 0 where there is none.
    fn leaders(&self, past: Option<&BoundaryState>) -> Vec<Leader> {
        let Some(past) = past else { return vec![Leader::Honest(0)] };
        let is_different = |&index: &usize| index == 0 || past.replicas[index] != past.replicas[index - 1];
        let honest = (0..past.replicas.len()).filter(is_different).map(Leader::Honest);
        honest.chain((!self.context.byzantine.is_empty()).then_some(Leader::Byzantine)).collect()
    }

    /// Everything that the next view can leave behind.
    fn next(&self, state: &UnboundedState) -> Vec<UnboundedState> {
        let past = match state {
            UnboundedState::Lacks(_) => return Vec::new(),
            UnboundedState::Start => None,
            UnboundedState::BoundaryState(past) => Some(past),
        };
        let findings = &self.context.findings;
        let mut next = BTreeSet::new();
        for leader in self.leaders(past) {
            if findings.refusal().is_some() || self.objection().is_some() {
                break;
            }
            match self.explore(past, leader) {
                Ok(layer) => {
                    findings.count(fingerprint(&(past, leader)), layer.states);
                    layer.counted.iter().for_each(|&(key, states)| findings.count(key, states));
                    findings.reach(layer.reached);
                    next.extend(layer.violated.iter().map(UnboundedState::Lacks));
                    if layer.after.iter().any(BoundaryState::is_forked) {
                        findings.does_not_meet(Assumption::Fork);
                    }
                    next.extend(layer.after.into_iter().map(UnboundedState::BoundaryState));
                }
                Err(why) => findings.refuse(why),
            }
        }
        next.into_iter().collect()
    }
}

/// A step: what the next view leaves behind. Who led it does not matter any more.
pub type UnboundedStep = UnboundedState;

impl Model for UnboundedModel {
    type State = UnboundedState;
    type Action = UnboundedStep;

    fn init_states(&self) -> Vec<UnboundedState> {
        if self.context.findings.refusal().is_some() { Vec::new() } else { vec![UnboundedState::Start] }
    }

    fn actions(&self, state: &UnboundedState, actions: &mut Vec<UnboundedStep>) {
        actions.extend(self.next(state));
    }

    fn next_state(&self, _: &UnboundedState, step: UnboundedStep) -> Option<UnboundedState> {
        Some(step)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties()
            .into_iter()
            .map(|(property, has)| stateright::Property::always(property.name(), has))
            .collect()
    }
}

/// A property, and whether a state has it.
type Judged = (Property, fn(&UnboundedModel, &UnboundedState) -> bool);

/// Each of [`UnboundedModel::LOOKED_AT`] with whether a state has it.
fn properties() -> [Judged; 6] {
    macro_rules! all {
        ($($name:ident)*) => {
            [$((Property::$name, |_, state| *state != UnboundedState::Lacks(Property::$name))),*]
        };
    }
    all! { Agreement ChainPrefix Validity ExactlyOnce CertificateUnique Panics }
}

impl fmt::Debug for UnboundedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedModel")
            .field("scope", &self.context.scope)
            .field("byzantine", &self.context.byzantine)
            .finish()
    }
}
