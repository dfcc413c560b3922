//! Runs as [`proptest`] draws them: everything that can go wrong is a value, and so is the order of events, and both can
//! be made smaller.
//!
//! The other ways of drawing runs take a seed, and of a seed there is no smaller one. Here a run that violates
//! something shrinks: towards a network that loses and parts nothing, nobody who crashes, and events in the order in
//! which they come up. Only what happens to each message on its way, and what a strategy does by chance, hang on a
//! seed here too.

use std::cell::Cell;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::drawn::Drawn;
use super::network::{NetworkFaults, Partition};
use super::outcome::{End, Outcome};
use super::run::run_drawn;
use super::settings::{Settings, SettingsError};
use super::strategy_kind::{DRAWN, StrategyKind};
use crate::model::{Bound, Property, System};
use crate::pbft::{ReplicaId, Rules};

/// The most choices that a schedule writes down; later events happen in the order in which they come up.
const CHOICES: usize = 1024;

/// How long an unstable network lasts at most, in ticks.
const UNSTABLE: u64 = 3000;

/// A run, but for what [`Settings`] say of all of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Who is Byzantine.
    pub(crate) byzantine: Vec<ReplicaId>,
    /// What they do.
    pub(crate) strategy: StrategyKind,
    /// What goes wrong, and when.
    pub faults: NetworkFaults,
    /// Which of the events that wait happens next, each as a share of how many they are, of 2¹⁶.
    pub schedule: Vec<u16>,
    /// What chance draws from: what happens to each message, and what a strategy leaves to it.
    pub(crate) seed: u64,
}

/// Any case of some settings: who is Byzantine and by what strategy, how bad the network is, and in which order
/// everything happens. What the settings fix is not drawn; a scheduler is not asked.
///
/// # Errors
/// Settings that make no sense.
pub fn any_case(
    rules: &'static dyn Rules,
    settings: &Settings,
) -> Result<impl Strategy<Value = Case> + use<>, SettingsError> {
    settings.validate()?;
    let nobody = System::new(Bound::new(settings.scope, []), rules)?;
    let processes = usize::from(settings.scope.replicas) + nobody.clients().len();
    let all: Vec<_> = (0..settings.scope.replicas).map(ReplicaId).collect();
    let byzantine = match &settings.placed {
        Some(ids) => Just(ids.clone()).boxed(),
        None => subsequence(all, usize::from(settings.byzantine)).boxed(),
    };
    let strategy = match settings.strategy {
        StrategyKind::Mixed => select(DRAWN).boxed(),
        kind => Just(kind).boxed(),
    };
    let schedule = proptest::collection::vec(any::<u16>(), 0..=CHOICES);
    let drawn = (byzantine, strategy, faults(settings, processes), schedule, any::<u64>());
    Ok(drawn.prop_map(|(byzantine, strategy, faults, schedule, seed)| {
        let mut byzantine = byzantine;
        byzantine.sort_unstable();
        let crashes = faults.crashes.iter().filter(|(_, id, _)| !byzantine.contains(id)).copied();
        let faults = NetworkFaults { crashes: crashes.collect(), ..faults };
        Case { byzantine, strategy, faults, schedule, seed }
    }))
}

/// Nothing in half of the cases, and up to so much of a thousand in the others; or what was asked for.
fn share(fixed: Option<u32>, most: u64) -> BoxedStrategy<u64> {
    match fixed {
        Some(share) => Just(u64::from(share)).boxed(),
        None => prop_oneof![Just(0), 0..=most].boxed(),
    }
}

fn faults(settings: &Settings, processes: usize) -> impl Strategy<Value = NetworkFaults> + use<> {
    let stable_at = match settings.stable_at {
        Some(at) => Just(at).boxed(),
        None => (0..=UNSTABLE).boxed(),
    };
    let delay = prop_oneof![(0..=1u64, 0..=4u64), (0..=20u64, 0..=180u64)];
    let partitions = settings.partitions.map_or(0..=3, |count| count as usize..=count as usize);
    let group = proptest::collection::vec(0..3u8, processes);
    let partition = (any::<Index>(), 50..=1000u64, group, any::<bool>());
    let crash = (any::<Index>(), 0..settings.scope.replicas, 0..=400u64);
    let crashes = proptest::collection::vec(crash, 0..=settings.scope.crashes as usize);
    let even = Just(vec![8; processes]);
    let uneven = proptest::collection::vec(select(&[8, 7, 9, 4, 16, 2, 32, 1][..]), processes);
    let what = (
        stable_at,
        delay,
        share(None, 100),
        share(settings.drop, 300),
        share(settings.duplicate, 200),
        proptest::collection::vec(partition, partitions),
        crashes,
        prop_oneof![even, uneven],
        select(&[0, 50, 400][..]),
    );
    what.prop_map(|(stable_at, (low, more), late, drop, duplicate, partitions, crashes, skew, thinks)| {
        // What goes wrong does so before the network is stable, however short that is.
        let when = |index: &Index| index.index(stable_at.max(1) as usize) as u64;
        let partitions = partitions.into_iter().map(|(from, length, group, holds)| {
            let from = when(&from);
            Partition { from, until: (from + length).min(stable_at), group, holds }
        });
        let partitions = partitions.collect();
        let crashes = crashes.into_iter().map(|(at, id, rest)| (when(&at), ReplicaId(id), rest)).collect();
        let delay = (low, low + more);
        NetworkFaults { stable_at, delay, late, drop, duplicate, partitions, crashes, skew, thinks }
    })
}

/// Runs a case; `records` says whether the events are kept.
///
/// # Errors
/// Settings that make no sense, or another's case.
pub fn run_case(
    rules: &'static dyn Rules,
    settings: &Settings,
    case: &Case,
    records: bool,
) -> Result<Outcome, SettingsError> {
    settings.validate()?;
    let system = Arc::new(System::new(Bound::new(settings.scope, case.byzantine.clone()), rules)?);
    let drawn = Drawn {
        system,
        faults: case.faults.clone(),
        strategy: case.strategy,
        schedule: Some(case.schedule.clone()),
    };
    Ok(run_drawn(settings, drawn, case.seed, records, None))
}

/// How many cases it takes to the first violation, at most so many, and what is violated there. Nothing is shrunk.
pub(super) fn first_violation(
    rules: &'static dyn Rules,
    settings: &Settings,
    seed: u64,
    most: u64,
) -> Result<(u64, Option<Property>), SettingsError> {
    let cases = any_case(rules, settings)?;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(most).unwrap_or(u32::MAX),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key));
    let (count, senseless) = (Cell::new(0), Cell::new(None));
    let result = runner.run(&cases, |case| {
        count.set(count.get() + 1);
        match run_case(rules, settings, &case, false) {
            Ok(Outcome { end: End::Violated { property, .. }, .. }) => {
                Err(TestCaseError::fail(property.name()))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                let why = error.to_string();
                senseless.set(Some(error));
                Err(TestCaseError::fail(why))
            }
        }
    });
    if let Some(error) = senseless.into_inner() {
        return Err(error);
    }
    let found = match result {
        Err(TestError::Fail(property, _)) => property.message().parse().ok(),
        Ok(()) | Err(TestError::Abort(_)) => None,
    };
    Ok((count.get(), found))
}
