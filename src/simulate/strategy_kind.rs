//! The strategies by name: what settings ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rng::Rng;

/// Which strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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

/// The strategies that one can be drawn from: all but the mixed one, which draws, and the honest one.
pub(super) const DRAWN: &[StrategyKind] = StrategyKind::ALL.split_at(2).1;

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
    pub(crate) fn name(self) -> &'static str {
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
        let drawn = rng.pick(DRAWN).copied().unwrap_or_default();
        if self == StrategyKind::Mixed { drawn } else { self }
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
