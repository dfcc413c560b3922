//! Rulebooks that chance draws: each departs from the paper's in one rule or in two, and says how.
//!
//! A [`Drawn`] is data. It prints as the list of its departures (`SelectFirst+CommitKeyNoDigest`), and reads from that;
//! `Drawn::paper()` departs in nothing.

// Every test program compiles this module, and none of them needs all of it.
#![allow(dead_code)]

mod checks;
mod departure;
mod new_view;
mod rules;

use std::fmt;
use std::str::FromStr;

use bft_check::pbft::Rules;
use proptest::prelude::*;
use proptest::sample::select;

pub use departure::Departure;

/// How many departures the set has room for.
const WORDS: usize = 6;

/// A rulebook: the paper's, but for these departures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Drawn([u64; WORDS]);

impl Drawn {
    /// The paper's rules.
    pub fn paper() -> Self {
        Drawn::default()
    }

    /// The paper's rules but for these.
    pub fn of(departures: impl IntoIterator<Item = Departure>) -> Self {
        let mut drawn = Drawn::default();
        for departure in departures {
            drawn.0[departure as usize / 64] |= 1 << (departure as usize % 64);
        }
        drawn
    }

    /// Whether it departs from the paper in this way.
    pub fn has(&self, departure: Departure) -> bool {
        self.0[departure as usize / 64] & (1 << (departure as usize % 64)) != 0
    }

    /// How it departs from the paper.
    pub fn departures(&self) -> Vec<Departure> {
        Departure::ALL.iter().copied().filter(|&departure| self.has(departure)).collect()
    }

    /// Whether every property of safety holds under it, whatever the bound.
    pub fn is_harmless(&self) -> bool {
        match self.departures()[..] {
            [] => true,
            [only] => only.is_harmless(),
            // Two safe thresholds can be unsafe together where one is counted by the other: nothing is said of pairs.
            _ => false,
        }
    }

    /// Each departure alone.
    pub fn singles() -> impl Iterator<Item = Drawn> {
        Departure::ALL.iter().map(|&departure| Drawn::of([departure]))
    }

    /// This rulebook as the judges take it. It lives as long as the program.
    pub fn leak(self) -> &'static dyn Rules {
        Box::leak(Box::new(self))
    }
}

/// One departure, each rule as likely as any other.
pub fn departure() -> impl Strategy<Value = Departure> + use<> {
    select(Departure::FAMILIES).prop_flat_map(|(_, family)| select(family))
}

/// A rulebook with one departure or two; of the same rule too, where they go together. It shrinks to fewer.
pub fn any_drawn() -> impl Strategy<Value = Drawn> + use<> {
    proptest::collection::vec(departure(), 1..=2).prop_map(Drawn::of)
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.departures().iter().map(Departure::to_string).collect();
        if names.is_empty() { f.write_str("Paper") } else { f.write_str(&names.join("+")) }
    }
}

impl FromStr for Drawn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "Paper" {
            return Ok(Drawn::paper());
        }
        let departures = text.split('+').map(|name| name.trim().parse());
        departures.collect::<Result<Vec<Departure>, _>>().map(Drawn::of)
    }
}
