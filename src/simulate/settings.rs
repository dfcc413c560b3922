//! What a run is drawn from, besides its seed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rng::{Rng, Stream};
use super::scheduler::SchedulerKind;
use super::strategy::StrategyKind;
use crate::bugs::{self, Rulebook};
use crate::model::{Bound, BoundError, Byzantine, Load, Property, Scope, Store, System};
use crate::pbft::{ReplicaId, Rules};

/// How long a replica's timer runs before it has doubled, in ticks.
pub(super) const TIMEOUT: u64 = 300;
/// How long a client waits before it sends its request to all, in ticks, before that has doubled.
pub(super) const PATIENCE: u64 = 200;
/// How often a replica says how far it is, in ticks.
pub(super) const RETRANSMISSION: u64 = 150;
/// A timer doubles no more often than this: virtual time is finite, too.
pub(super) const MOST_DOUBLINGS: u32 = 32;

/// Everything that decides what happens in a run, but for the seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The rulebook, by name.
    pub rules: String,
    /// The sizes; its load is set.
    pub scope: Scope,
    /// How many replicas are Byzantine, drawn by each seed.
    pub byzantine: u16,
    /// Which replicas are Byzantine, if that is not drawn.
    pub placed: Option<Vec<ReplicaId>>,
    /// What they do.
    pub strategy: StrategyKind,
    /// Who is next.
    pub scheduler: SchedulerKind,
    /// How many orderings PCT is to find a fault by.
    pub depth: u32,
    /// How many of a thousand messages are lost before the network is stable; drawn by each seed if not given.
    pub drop: Option<u32>,
    /// How many of a thousand are delivered twice; drawn if not given.
    pub duplicate: Option<u32>,
    /// How often the network parts; drawn if not given.
    pub partitions: Option<u32>,
    /// When it becomes stable, in ticks; drawn if not given.
    pub stable_at: Option<u64>,
    /// After so many steps a run is cut off.
    pub steps: u64,
    /// The only property that is checked, if not all are.
    pub property: Option<Property>,
}

/// Why settings make no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// The sizes make no sense.
    #[error("{0}")]
    Bound(#[from] BoundError),
    /// There is no such rulebook.
    #[error("there is no rulebook '{0}'; bft rules lists them")]
    Rules(String),
    /// More Byzantine replicas than there are.
    #[error("--byzantine {0}: there are only {1} replicas, and one has to be honest")]
    TooManyByzantine(u16, u16),
    /// A share of a thousand that is none.
    #[error("--{0} {1}: give a share of a thousand messages, from 0 to 1000")]
    Share(&'static str, u32),
    /// Zero of something.
    #[error("--{0} must be at least 1")]
    Zero(&'static str),
    /// Storage loses something in crashes only.
    #[error("--lossy-store is about crashes, and there are none: give --crashes, or leave it out")]
    IdleStore,
    /// A property that no simulated run is checked for.
    #[error("--property {0}: no simulated run is checked for it; there are {names}", names = names())]
    NotChecked(Property),
}

/// What a simulated run can be checked for alone.
fn checked() -> impl Iterator<Item = Property> {
    Property::SAFETY.into_iter().chain(Property::LIVENESS)
}

fn names() -> String {
    checked().map(Property::name).collect::<Vec<_>>().join(", ")
}

impl Settings {
    /// The settings for n replicas of the paper's protocol, of which as many as it tolerates are Byzantine.
    pub fn new(rules: &str, replicas: u16) -> Self {
        let faults = replicas.saturating_sub(1) / 3;
        let scope = Scope {
            replicas,
            faults,
            views: 0,
            slots: 0,
            requests: 3,
            checkpoint: Some(4),
            window: Some(8),
            crashes: 2,
            clients: true,
            load: Some(Load::default()),
            ..Scope::DEFAULT
        };
        Settings {
            rules: rules.to_owned(),
            scope,
            byzantine: faults,
            placed: None,
            strategy: StrategyKind::Mixed,
            scheduler: SchedulerKind::Random,
            depth: 3,
            drop: None,
            duplicate: None,
            partitions: None,
            stable_at: None,
            steps: Settings::default_steps(replicas),
            property: None,
        }
    }

    /// A calm network and nobody Byzantine: what a bench wants.
    pub fn calm(rules: &str, replicas: u16) -> Self {
        let calm = Settings::new(rules, replicas);
        let scope = Scope { crashes: 0, checkpoint: None, window: None, ..calm.scope };
        let (drop, duplicate, partitions, stable_at) = (Some(0), Some(0), Some(0), Some(0));
        Settings {
            scope,
            byzantine: 0,
            strategy: StrategyKind::Honest,
            drop,
            duplicate,
            partitions,
            stable_at,
            ..calm
        }
    }

    /// How many steps a run may take unless told otherwise: each message to all is n steps, and each is answered
    /// by n.
    pub fn default_steps(replicas: u16) -> u64 {
        let n = u64::from(replicas);
        2000 * n * n.max(16)
    }

    /// Checks that runs can be drawn from them.
    ///
    /// # Errors
    /// What makes no sense.
    pub fn validate(&self) -> Result<&'static Rulebook, SettingsError> {
        let rulebook = bugs::find(&self.rules).ok_or_else(|| SettingsError::Rules(self.rules.clone()))?;
        self.validate_sizes().map(|()| rulebook)
    }

    /// Checks all but the name of the rulebook.
    pub(super) fn validate_sizes(&self) -> Result<(), SettingsError> {
        Bound::new(self.scope, self.placed.clone().unwrap_or_default()).validate()?;
        if self.byzantine >= self.scope.replicas {
            return Err(SettingsError::TooManyByzantine(self.byzantine, self.scope.replicas));
        }
        for (name, share) in [("drop", self.drop), ("duplicate", self.duplicate)] {
            if let Some(share) = share.filter(|&share| share > 1000) {
                return Err(SettingsError::Share(name, share));
            }
        }
        for (name, value) in [("steps", self.steps), ("depth", u64::from(self.depth))] {
            if value == 0 {
                return Err(SettingsError::Zero(name));
            }
        }
        if self.scope.store == Store::LosesLast && self.scope.crashes == 0 {
            return Err(SettingsError::IdleStore);
        }
        match self.property {
            Some(property) if !checked().any(|known| known == property) => {
                Err(SettingsError::NotChecked(property))
            }
            _ => Ok(()),
        }
    }

    /// Who is Byzantine, as `--byzantine` takes it.
    pub fn who(&self) -> Byzantine {
        match &self.placed {
            Some(ids) => Byzantine::Ids(ids.clone()),
            None => Byzantine::Count(self.byzantine),
        }
    }

    /// What a run of a seed begins with.
    pub(super) fn draw(&self, seed: u64) -> Result<Drawn, SettingsError> {
        let rulebook = self.validate()?;
        self.draw_under(rulebook.rules, seed)
    }

    /// What a run of a seed begins with under these rules, whatever name the settings give.
    pub(super) fn draw_under(&self, rules: &'static dyn Rules, seed: u64) -> Result<Drawn, SettingsError> {
        self.validate_sizes()?;
        let mut rng = Rng::new(seed, Stream::NetworkFaults);
        let mut byzantine = match &self.placed {
            Some(ids) => ids.clone(),
            None => {
                let mut all: Vec<_> = (0..self.scope.replicas).map(ReplicaId).collect();
                rng.shuffle(&mut all);
                all.truncate(usize::from(self.byzantine));
                all
            }
        };
        byzantine.sort_unstable();
        let strategy = self.strategy.drawn(&mut rng);
        let system = Arc::new(System::new(Bound::new(self.scope, byzantine), rules)?);
        let faults = NetworkFaults::draw(self, &system, &mut rng);
        Ok(Drawn { system, faults, strategy, schedule: None })
    }
}

/// What is settled before a run begins.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub system: Arc<System>,
    pub faults: NetworkFaults,
    /// What Byzantine replicas do, and no longer [`StrategyKind::Mixed`].
    pub strategy: StrategyKind,
    /// What the next events are, if that is settled too.
    pub schedule: Option<Vec<u16>>,
}

/// A time in which messages do not pass between groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partition {
    /// From when.
    pub from: u64,
    /// Until when, that not included.
    pub until: u64,
    /// The group of each process: replicas, then clients.
    pub group: Vec<u8>,
    /// Whether what cannot pass waits; it is lost otherwise.
    pub holds: bool,
}

/// How bad the network is until it is stable, and who crashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkFaults {
    /// When it is stable, in ticks.
    pub stable_at: u64,
    /// The shortest and longest delay, in ticks, before it is stable.
    pub delay: (u64, u64),
    /// How many of a thousand messages take thirty times as long.
    pub late: u64,
    /// How many of a thousand are lost.
    pub drop: u64,
    /// How many of a thousand come twice.
    pub duplicate: u64,
    /// When the network parts.
    pub partitions: Vec<Partition>,
    /// Who crashes: when, and for how long.
    pub crashes: Vec<(u64, ReplicaId, u64)>,
    /// How long the timers of each process run, in eighths of what they should; once the network is stable they
    /// run at least as long as they should.
    pub skew: Vec<u64>,
    /// How long clients think between two requests, at most.
    pub thinks: u64,
}

/// The delays of a stable network, in ticks.
pub(super) const STABLE_DELAY: (u64, u64) = (1, 5);

impl NetworkFaults {
    /// Not all that can go wrong goes wrong in every run: what is left out in one leaves room for the rest.
    fn draw(settings: &Settings, system: &System, rng: &mut Rng) -> Self {
        let processes = u64::from(settings.scope.replicas) + system.clients().len() as u64;
        let one_of = |rng: &mut Rng, from: &[u64]| rng.pick(from).copied().unwrap_or(0);
        let stable_at = one_of(rng, &[0, 500, 1500, 3000]);
        let stable_at = settings.stable_at.unwrap_or(stable_at);
        let delay = *rng.pick(&[(0, 0), (1, 5), (1, 5), (1, 40), (20, 200)]).unwrap_or(&STABLE_DELAY);
        let late = one_of(rng, &[0, 0, 10, 100]);
        let (drop, duplicate) = (one_of(rng, &[0, 0, 20, 100, 300]), one_of(rng, &[0, 0, 20, 200]));
        let count = rng.below(4);
        let count = settings.partitions.map_or(count, u64::from);
        let partitions = (0..count).map(|_| {
            let from = rng.below(stable_at.max(1));
            let until = (from + rng.between(50, 1000)).min(stable_at);
            let groups = rng.between(2, 3);
            let group = (0..processes).map(|_| rng.below(groups) as u8).collect();
            Partition { from, until, group, holds: rng.chance(500) }
        });
        let partitions = partitions.collect();
        let honest: Vec<_> = system.honest().iter().map(|replica| replica.id()).collect();
        let crashes = rng.between(0, u64::from(settings.scope.crashes));
        let crashes = (0..crashes).filter_map(|_| {
            let id = *rng.pick(&honest)?;
            Some((rng.below(stable_at.max(1)), id, rng.between(0, 400)))
        });
        let crashes = crashes.collect();
        let skews: &[u64] =
            rng.pick(&[&[8][..], &[7, 8, 9], &[1, 2, 4, 8, 8, 16, 32]]).copied().unwrap_or(&[8]);
        let skew = (0..processes).map(|_| one_of(rng, skews)).collect();
        let thinks = one_of(rng, &[0, 50, 400]);
        NetworkFaults {
            stable_at,
            delay,
            late,
            drop: settings.drop.map_or(drop, u64::from),
            duplicate: settings.duplicate.map_or(duplicate, u64::from),
            partitions,
            crashes,
            skew,
            thinks,
        }
    }
}
