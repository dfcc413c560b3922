//! What Byzantine replicas do: one file a strategy.
//!
//! A Byzantine replica runs the protocol's own code under its own key, and a strategy says what becomes of what
//! it would send, and what it sends besides. So what it does is close to what the protocol does, where faults
//! are. It signs with its own keys only; all else in its messages must exist. That is tested when a run is
//! replayed, and holds by type: there is no way to sign for others.

mod delay;
mod equivocate;
mod honest;
mod mutate;
mod neglect;
mod random;
mod replay;
mod silent;
mod twins;

use std::fmt;
use std::sync::Arc;

use super::knowledge::Knowledge;
use super::rng::Rng;
use super::strategy_kind::StrategyKind;
use crate::model::{System, guarded};
use crate::pbft::{Effect, Input, Message, Principal, Replica, ReplicaId, SigningKey, State, View};

/// A strategy of this kind, as chance makes it.
pub(super) fn strategy(kind: StrategyKind, system: &Arc<System>, rng: &mut Rng) -> Box<dyn Strategy> {
    match kind {
        StrategyKind::Mixed | StrategyKind::Honest => Box::new(honest::Honest),
        StrategyKind::Silent => Box::new(silent::Silent),
        StrategyKind::Equivocate => Box::new(equivocate::Equivocate::new(system, rng)),
        StrategyKind::Twins => Box::new(twins::Twins::new(rng)),
        StrategyKind::Replay => Box::new(replay::Replay),
        StrategyKind::Mutate => Box::new(mutate::Mutate::new(rng)),
        StrategyKind::Delay => Box::new(delay::Delay::new(rng)),
        StrategyKind::Neglect => Box::new(neglect::Neglect::new(system, rng)),
        StrategyKind::Random => Box::new(random::Random::new(rng)),
    }
}

/// What a strategy can look at.
#[derive(Debug)]
pub(crate) struct StrategyContext<'a> {
    /// The system.
    pub system: &'a System,
    /// What was sent, if the strategy listens.
    pub knowledge: &'a Knowledge,
    /// Chance.
    pub rng: &'a mut Rng,
    /// The time, in ticks.
    pub now: u64,
}

impl StrategyContext<'_> {
    /// The replicas.
    pub fn replicas(&self) -> impl Iterator<Item = Principal> + use<> {
        self.system.setting().committee.replicas().map(Principal::Replica)
    }

    /// Whether a replica is primary in a view.
    pub fn leads(&self, id: ReplicaId, view: View) -> bool {
        self.system.rules().may_propose(self.system.setting().committee, view, id)
    }
}

/// A message that a Byzantine replica sends.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// To whom.
    pub to: Principal,
    /// What.
    pub message: Message,
    /// How long it waits before, in ticks.
    pub delay: u64,
}

impl Outgoing {
    /// Sent at once.
    pub fn now(to: Principal, message: Message) -> Self {
        Outgoing { to, message, delay: 0 }
    }
}

/// What Byzantine replicas do.
pub(crate) trait Strategy: fmt::Debug + Send {
    /// How many copies of each Byzantine replica run.
    fn copies(&self) -> usize {
        1
    }

    /// Whether it wants to know what was sent.
    fn listens(&self) -> bool {
        true
    }

    /// Whether Byzantine replicas send to each other too.
    fn is_among_friends(&self) -> bool {
        true
    }

    /// Whether a copy hears what somebody sends.
    fn hears(&self, context: &StrategyContext<'_>, me: &ByzantineNode, copy: usize, from: Principal) -> bool {
        let _ = (context, me, copy, from);
        true
    }

    /// What becomes of a message that the protocol's code would send to one participant.
    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        me: &ByzantineNode,
        copy: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    );

    /// What it does on its own, from time to time.
    fn act(&mut self, context: &mut StrategyContext<'_>, me: &ByzantineNode, out: &mut Vec<Outgoing>) {
        let _ = (context, me, out);
    }
}

/// A timer: of an honest process, or of a Byzantine replica's copy.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CopyClock {
    /// How many timers were set.
    pub number: u64,
    /// For which view the running one is.
    pub runs: Option<View>,
    /// How often it has doubled.
    pub doublings: u32,
}

/// A Byzantine replica: its key, and the protocol's code that it runs.
#[derive(Debug)]
pub(crate) struct ByzantineNode {
    replica: Replica,
    key: SigningKey,
    states: Vec<State>,
    changed: Vec<(usize, Option<(View, u32)>)>,
    pub(super) clocks: Vec<CopyClock>,
}

impl ByzantineNode {
    pub(super) fn new(system: &System, key: &SigningKey, copies: usize) -> Option<Self> {
        let setting = Arc::new(system.setting().clone());
        let replica = Replica::new(key.clone(), setting, system.rules().itself()).ok()?;
        let states = vec![replica.init(); copies];
        let clocks = vec![CopyClock::default(); copies];
        Some(ByzantineNode { replica, key: key.clone(), states, changed: Vec::new(), clocks })
    }

    /// Its number.
    pub fn id(&self) -> ReplicaId {
        self.replica.id()
    }

    /// The means to sign in its name.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// How many copies run.
    pub fn copies(&self) -> usize {
        self.states.len()
    }

    /// Lets a copy take an input. One whose code panics begins anew: a Byzantine replica may.
    pub(super) fn step(&mut self, copy: usize, input: Input<'_>, out: &mut Vec<Effect>) {
        if let Some(state) = self.states.get_mut(copy)
            && guarded(|| self.replica.step(state, input, out)).is_err()
        {
            *state = self.replica.init();
            out.clear();
        }
    }

    pub(super) fn timer(&mut self, copy: usize, timer: Option<(View, u32)>) {
        self.changed.push((copy, timer));
    }

    pub(super) fn changed_timers(&mut self) -> Vec<(usize, Option<(View, u32)>)> {
        std::mem::take(&mut self.changed)
    }
}
