//! What is settled before a run begins: drawn from its seed, as the settings allow.

use std::sync::Arc;

use super::network::{NetworkFaults, Partition};
use super::rng::{Rng, Stream};
use super::settings::{Settings, SettingsError};
use super::strategy_kind::StrategyKind;
use super::timing::STABLE_DELAY;
use crate::model::{Bound, System};
use crate::pbft::{ReplicaId, Rules};

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

impl Settings {
    /// What a run of a seed begins with under these rules.
    pub(super) fn draw(&self, rules: &'static dyn Rules, seed: u64) -> Result<Drawn, SettingsError> {
        self.validate()?;
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
