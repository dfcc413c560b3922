//! What a run is drawn from, besides its seed.

use serde::{Deserialize, Serialize};

use super::scheduler::SchedulerKind;
use super::strategy_kind::StrategyKind;
use crate::model::{Bound, BoundError, Load, Property, Scope, Store};
use crate::pbft::ReplicaId;
use crate::trace::thousands;

/// Everything that decides what happens in a run, but for the seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the rulebook is called; which one it is, is said beside the settings.
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

/// The most steps of a run.
pub(super) const MOST_STEPS: u64 = 1_000_000_000;
/// The most orderings that PCT is to find a fault by.
const MOST_DEPTH: u64 = 1000;
/// How often the network parts at most.
const MOST_PARTITIONS: u64 = 1000;
/// When the network becomes stable at the latest.
const MOST_TICKS: u64 = 1_000_000_000;

/// Why settings make no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The sizes make no sense.
    #[error("{0}")]
    Bound(#[from] BoundError),
    /// More Byzantine replicas than there are.
    #[error("--byzantine {0}: there are only {1} replicas, and one has to be honest")]
    TooManyByzantine(u16, u16),
    /// A share of a thousand that is none.
    #[error("--{0} {1}: give a share of a thousand messages, from 0 to 1000")]
    Share(&'static str, u32),
    /// Zero of something.
    #[error("--{0} must be at least 1")]
    Zero(&'static str),
    /// More of something than a run can handle.
    #[error("--{0} is at most {most}; {2} would take too much memory or time", most = thousands(*.1))]
    TooLarge(&'static str, u64, u64),
    /// Which replicas are Byzantine does not fit how many are.
    #[error("{0} are said to be Byzantine by name, and {1} in all")]
    Placed(usize, u16),
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
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
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
        for (name, value, most) in [
            ("steps", self.steps, MOST_STEPS),
            ("depth", u64::from(self.depth), MOST_DEPTH),
            ("partitions", u64::from(self.partitions.unwrap_or(0)), MOST_PARTITIONS),
            ("stable-at", self.stable_at.unwrap_or(0), MOST_TICKS),
        ] {
            if value > most {
                return Err(SettingsError::TooLarge(name, most, value));
            }
        }
        let placed = self.placed.as_ref().map_or(self.byzantine.into(), Vec::len);
        if placed != usize::from(self.byzantine) {
            return Err(SettingsError::Placed(placed, self.byzantine));
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
}
