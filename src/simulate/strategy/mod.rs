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

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::knowledge::Knowledge;
use super::rng::Rng;
use crate::model::{System, guarded};
use crate::pbft::{Effect, Input, Message, Principal, Replica, ReplicaId, SigningKey, State, View};

/// Which strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    /// One of the others but the honest one, drawn by each seed.
    #[default]
    Mixed,
    /// What the protocol says: nobody misbehaves.
    Honest,
    /// Nothing at all.
    Silent,
    /// Different things to different replicas.
    Equivocate,
    /// Two copies with one identity, in different parts of the network (Bano et al., Twins, 2020).
    Twins,
    /// What the protocol says, and old messages again.
    Replay,
    /// What the protocol says, changed a little (Winter et al., ByzzFuzz, OOPSLA'23).
    Mutate,
    /// As primary, everything as late as it can be.
    Delay,
    /// What the protocol says, but for the requests of one client: they are left out.
    Neglect,
    /// Anything that the rulebook might accept.
    Random,
}

/// The strategies that one can be drawn from.
pub(super) const DRAWN: [StrategyKind; 8] = [
    StrategyKind::Silent,
    StrategyKind::Equivocate,
    StrategyKind::Twins,
    StrategyKind::Replay,
    StrategyKind::Mutate,
    StrategyKind::Delay,
    StrategyKind::Neglect,
    StrategyKind::Random,
];

impl StrategyKind {
    /// All that can be asked for.
    pub const ALL: [StrategyKind; 10] = [
        StrategyKind::Mixed,
        StrategyKind::Honest,
        StrategyKind::Silent,
        StrategyKind::Equivocate,
        StrategyKind::Twins,
        StrategyKind::Replay,
        StrategyKind::Mutate,
        StrategyKind::Delay,
        StrategyKind::Neglect,
        StrategyKind::Random,
    ];

    /// The name, as in `--strategy`.
    pub fn name(self) -> &'static str {
        match self {
            StrategyKind::Mixed => "mixed",
            StrategyKind::Honest => "honest",
            StrategyKind::Silent => "silent",
            StrategyKind::Equivocate => "equivocate",
            StrategyKind::Twins => "twins",
            StrategyKind::Replay => "replay",
            StrategyKind::Mutate => "mutate",
            StrategyKind::Delay => "delay",
            StrategyKind::Neglect => "neglect",
            StrategyKind::Random => "random",
        }
    }

    pub(super) fn drawn(self, rng: &mut Rng) -> StrategyKind {
        let drawn = rng.pick(&DRAWN).copied().unwrap_or_default();
        if self == StrategyKind::Mixed { drawn } else { self }
    }

    pub(super) fn strategy(self, system: &Arc<System>, rng: &mut Rng) -> Box<dyn Strategy> {
        match self {
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
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a strategy can look at.
#[derive(Debug)]
pub struct StrategyContext<'a> {
    /// The system.
    pub system: &'a System,
    /// What was sent, if the strategy listens.
    pub knowledge: &'a Knowledge,
    /// Chance.
    pub rng: &'a mut Rng,
    /// The time, in ticks.
    pub now: u64,
    /// Whether the network is stable.
    pub stable: bool,
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
pub struct Outgoing {
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
pub trait Strategy: fmt::Debug + Send {
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
pub struct ByzantineNode {
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

    /// What a copy believes.
    pub fn state(&self, copy: usize) -> Option<&State> {
        self.states.get(copy)
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
