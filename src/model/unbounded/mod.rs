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
mod assumptions;
mod boundary;
mod error;
mod forge;
mod layer;
mod order;
mod premise;
mod round;
mod stage;
mod subsumed;
mod summaries;
mod undecided;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use stateright::Model;

pub use assumptions::Assumption;
pub use boundary::BoundaryState;
pub use error::Unexplorable;
pub use order::{Reach, Subsumes};

use rustc_hash::{FxHashMap, FxHashSet};

use self::boundary::{BatchNumber, CarriedState, Showable};
use self::forge::Maker;
use self::layer::Layer;
use self::stage::{Setup, Stage};
use super::bits::Bits;
use super::bounds::{Bound, BoundError, Scope, System};
use super::fingerprint::Fingerprint;
use super::guards::{GuardModel, GuardState};
use super::panics::guarded;
use super::property::{Judge as _, Property};
use super::reductions::Reductions;
use crate::pbft::{Batch, Digest, KeySet, PreparedClaim, ReplicaId, Rules, SeqNum, State, View};

/// PBFT, view by view.
pub struct UnboundedModel {
    scope: Scope,
    rules: &'static dyn Rules,
    byzantine: Vec<ReplicaId>,
    batches: Vec<Batch>,
    refusal: Mutex<Option<Unexplorable>>,
    /// What the rulebook does not fulfil: what is found to be violated stands, what is found to hold does not.
    unmet: Mutex<Option<Assumption>>,
    /// Why no state can be left out for one that subsumes it.
    objection: Mutex<Option<&'static str>>,
    reached: Mutex<BTreeSet<&'static str>>,
    /// What was found out in views: a thread takes out what it uses.
    stages: Mutex<FxHashMap<Setup, Vec<Stage>>>,
    within: AtomicU64,
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    reductions: Reductions,
    /// Whether a view change is taken that reports a certificate for number 0, which is below every window.
    takes_number_0: bool,
    /// What was followed once for all pasts: so it is counted once.
    counted: Mutex<FxHashSet<Fingerprint>>,
}

/// A state of [`UnboundedModel`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum UnboundedState {
    /// Before view 0.
    Start,
    /// Between two views.
    BoundaryState(BoundaryState),
    /// In the view just explored some state lacks this property.
    Lacks(Property),
}

/// Who leads a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leader {
    /// The honest replica with this past.
    Honest(usize),
    /// A Byzantine one.
    Byzantine,
}

impl UnboundedModel {
    /// The good outcomes that some view must have: a model in which nothing happens proves nothing.
    pub const GOOD: [&'static str; 2] =
        ["every honest replica decides a request", "a request is decided after a view change"];

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
        // Those with the highest numbers, so that replica 0 is an honest primary.
        let first = scope.replicas.saturating_sub(byzantine);
        let byzantine: Vec<_> = (first..scope.replicas).map(ReplicaId).collect();
        let scope = Scope { views: 1, ..scope };
        let system = System::new(Bound::new(scope, byzantine.iter().copied()), rules)?;
        let batches = system.batches();
        let keys = KeySet::symbolic(scope.replicas, scope.requests);
        let maker = Maker { keys: &keys, setting: system.setting(), rules: system.rules().as_rules() };
        let more = scope.checkpoint.is_some()
            || scope.window.is_some()
            || scope.crashes > 0
            || scope.reads > 0
            || scope.clients
            || scope.lossy
            || scope.load.is_some();
        let refusal = if more {
            Some(Unexplorable::Scope)
        } else {
            assumptions::asking(|| premise::check_rules(&maker, &batches)).err().map(Unexplorable::from)
        };
        let is_asked = refusal.is_none();
        let unmet = is_asked.then(|| assumptions::check(&maker, scope.slots, &batches).err()).flatten();
        // Whoever panics when asked would do so in the search too.
        let refusal =
            refusal.or_else(|| (unmet == Some(Assumption::Panics)).then(|| Assumption::Panics.into()));
        let of_number_0 = || {
            let claim = maker.claim(View(0), SeqNum(0), &batches[0]);
            let change = maker.change(View(1), vec![claim]);
            maker.rules.check_view_change(maker.setting, &change).is_ok()
        };
        let takes_number_0 = refusal.is_none() && of_number_0();
        Ok(UnboundedModel {
            scope,
            rules,
            byzantine,
            takes_number_0,
            batches,
            refusal: Mutex::new(refusal),
            unmet: Mutex::new(unmet),
            objection: Mutex::default(),
            reached: Mutex::default(),
            stages: Mutex::default(),
            within: AtomicU64::new(0),
            stop: Arc::default(),
            deadline: None,
            reductions: Reductions::ALL,
            counted: Mutex::default(),
        })
    }

    /// The same with these reductions only.
    #[must_use]
    pub fn reduced_by(self, reductions: Reductions) -> Self {
        UnboundedModel { reductions, ..self }
    }

    /// The same, which ends a view in the middle once this is set or that time has come.
    #[must_use]
    pub fn stopped_by(self, stop: Arc<AtomicBool>, deadline: Option<Instant>) -> Self {
        UnboundedModel { stop, deadline, ..self }
    }

    /// Whether states that others subsume are left out: what somebody honest holds can only get in the way, which takes
    /// a Byzantine replica, if it is forgotten by what is followed once a view is entered, and who has decided what.
    pub fn leaves_out_subsumed(&self) -> bool {
        let Reductions { subsumed, quotient, summaries, .. } = self.reductions;
        subsumed && quotient && summaries && !self.byzantine.is_empty()
    }

    /// The state as it is compared with others, if it can be.
    pub fn reach(&self, state: &UnboundedState) -> Option<Reach> {
        match state {
            UnboundedState::BoundaryState(between) => Reach::of(between, self.scope.requests as BatchNumber),
            _ => None,
        }
    }

    /// Why under this rulebook no state can be left out for another, if states were: then nothing is known of what those
    /// lead to, and the search has to be made again without that reduction.
    pub fn objection(&self) -> Option<&'static str> {
        *self.objection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, why: &'static str) {
        let mut objection = self.objection.lock().unwrap_or_else(PoisonError::into_inner);
        // Of several the same one, whichever thread comes first.
        *objection = Some(objection.map_or(why, |other| other.min(why)));
    }

    /// Why this judge cannot judge the rulebook, if it cannot: then no verdict of it counts but that something is
    /// violated, which judge *guards* confirms.
    pub fn refusal(&self) -> Option<Unexplorable> {
        self.obstacle().or_else(|| self.unmet().map(Unexplorable::from))
    }

    /// Why its views cannot be explored one by one.
    fn obstacle(&self) -> Option<Unexplorable> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it does not fulfil of all that is assumed of it.
    pub fn unmet(&self) -> Option<Assumption> {
        self.unmet.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The good outcomes that were met.
    pub fn reached(&self) -> BTreeSet<&'static str> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many states were visited within views.
    pub fn within(&self) -> u64 {
        self.within.load(Relaxed)
    }

    /// Whether a view may have been ended in the middle: then it led to less than it does.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The number of a batch.
    fn number(&self, digest: Digest, batch: &Batch) -> Result<BatchNumber, Unexplorable> {
        let known = self.batches.iter().position(|known| known == batch && known.digest() == digest);
        let known = known.ok_or_else(|| Unexplorable::Misnamed(batch.clone()))?;
        Ok(known as BatchNumber)
    }

    /// What a replica in this state takes out of its view.
    fn past(&self, state: &State) -> Result<CarriedState<View>, Unexplorable> {
        let slots = self.scope.slots as usize;
        let mut past = CarriedState { prepared: vec![None; slots], decided: vec![None; slots] };
        for (seq, slot) in state.log().iter() {
            let place = (seq.0 as usize).checked_sub(1).filter(|&place| place < slots);
            let place = place.ok_or(Unexplorable::OutsideScope(seq))?;
            if let Some(certificate) = slot.prepared() {
                let number = self.number(certificate.digest(), &certificate.claim().proposal.batch)?;
                past.prepared[place] = Some((certificate.view(), number));
            }
            if let Some(batch) = slot.committed() {
                past.decided[place] = Some(self.number(batch.digest(), batch)?);
            }
        }
        Ok(past)
    }

    /// At each sequence number, the certificates that these messages make up.
    fn shown(&self, judge: &GuardModel, basis: &Bits) -> Result<Showable<View>, Unexplorable> {
        self.places(judge.certificates(basis))
    }

    /// At each sequence number, its certificates among these.
    fn places(&self, claims: Vec<PreparedClaim>) -> Result<Showable<View>, Unexplorable> {
        let mut shown = vec![BTreeSet::new(); self.scope.slots as usize];
        for claim in claims {
            let number = self.number(claim.digest(), &claim.proposal.batch)?;
            // No view change holds a certificate for number 0, and nothing else carries one on (`takes_number_0`).
            let Some(place) = (claim.seq().0 as usize).checked_sub(1) else {
                if self.takes_number_0 {
                    return Err(Unexplorable::CertificateBelow(claim.seq()));
                }
                continue;
            };
            if let Some(shown) = shown.get_mut(place) {
                shown.insert((claim.view(), number));
            }
        }
        Ok(shown)
    }

    /// What is left if every honest replica leaves its view now, in a state of judge *guards* with the same scope, but for
    /// its views.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn left(&self, judge: &GuardModel, state: &GuardState) -> Result<BoundaryState, Unexplorable> {
        let pasts: Result<Vec<_>, _> =
            judge.with_honest(state, |states| states.iter().map(|state| self.past(state)).collect());
        let shown = self.shown(judge, &judge.proving(&judge.sent(state)))?;
        let nothing = vec![BTreeSet::new(); self.scope.slots as usize];
        let requests = self.scope.requests as BatchNumber;
        let left = BoundaryState::new(pasts?, shown, nothing, requests);
        Ok(if self.reductions.quotient { left.of_nobody_in_particular(requests) } else { left })
    }

    fn explore(&self, past: Option<&BoundaryState>, leader: Leader) -> Result<Layer, Unexplorable> {
        let setup = layer::setup(self, past, leader);
        let stages = || self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = stages().get_mut(&setup).and_then(Vec::pop);
        let explored = guarded(|| -> Result<_, Unexplorable> {
            let mut stage = known.map_or_else(|| Stage::new(self, setup), Ok)?;
            let layer = layer::explore(self, &mut stage, past, leader);
            Ok((layer, stage))
        });
        let panics = || Ok(Layer { violated: [Property::Panics].into_iter().collect(), ..Layer::default() });
        // Whether in a run or only when it is asked about one: judge *guards* looks for it.
        let Ok(explored) = explored else { return panics() };
        let (layer, stage) = explored?;
        if stage.judge.is_any_wrecked() {
            return panics();
        }
        stages().entry(setup).or_default().push(stage);
        layer
    }

    /// Everything that the next view can leave behind.
    fn next(&self, state: &UnboundedState) -> Vec<UnboundedState> {
        let (past, mut leaders) = match state {
            UnboundedState::Lacks(_) => return Vec::new(),
            UnboundedState::Start => (None, vec![Leader::Honest(0)]),
            UnboundedState::BoundaryState(past) => {
                let different =
                    |&index: &usize| index == 0 || past.replicas[index] != past.replicas[index - 1];
                let honest = (0..past.replicas.len()).filter(different).map(Leader::Honest);
                (Some(past), honest.collect())
            }
        };
        if past.is_some() && !self.byzantine.is_empty() {
            leaders.push(Leader::Byzantine);
        }
        let mut next = BTreeSet::new();
        for leader in leaders {
            if self.obstacle().is_some() || self.objection().is_some() || self.is_stopped() {
                break;
            }
            match self.explore(past, leader) {
                Ok(layer) => {
                    self.within.fetch_add(layer.states, Relaxed);
                    self.reached.lock().unwrap_or_else(PoisonError::into_inner).extend(layer.reached);
                    next.extend(layer.violated.iter().map(UnboundedState::Lacks));
                    if layer.after.iter().any(BoundaryState::is_forked) {
                        let mut unmet = self.unmet.lock().unwrap_or_else(PoisonError::into_inner);
                        unmet.get_or_insert(Assumption::Fork);
                    }
                    next.extend(layer.after.into_iter().map(UnboundedState::BoundaryState));
                }
                Err(why) => {
                    let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
                    // Of several the same one, whichever thread comes first.
                    *refusal = refusal.take().into_iter().chain([why]).min_by_key(Unexplorable::to_string);
                }
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
        if self.obstacle().is_some() { Vec::new() } else { vec![UnboundedState::Start] }
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
            .field("scope", &self.scope)
            .field("byzantine", &self.byzantine)
            .finish()
    }
}
