//! What is followed in one view, and what comes of it.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::numbers::{CarriedNumber, EssenceNumber, GainedNumber, Locals};
use super::stage::More;
use crate::engine::Fingerprint;
use crate::model::guards::MessageSet;
use crate::model::property::Properties;

/// One of each honest replica.
pub(super) type Row<T> = SmallVec<[T; 8]>;

/// What each replica carries on.
pub(super) type CarriedRow = Row<CarriedNumber>;

/// What each replica gains in the view.
pub(super) type GainedRow = Row<GainedNumber>;

/// What of each replica's state can matter.
pub(super) type EssenceRow = Row<EssenceNumber>;

/// Which replicas are alike, each part of a row up to the next of these places.
pub(super) type Parts = SmallVec<[usize; 8]>;

/// What can come of a start.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// How many states were visited.
    pub states: u64,
    /// What was followed once for all pasts, and how many states that took.
    pub counted: Vec<(Fingerprint, u64)>,
    /// Everything that was sent in the view.
    pub sent: MessageSet,
    /// What can be left behind, by what each replica carries on: with which certificates of the view that can be shown,
    /// and what was decided.
    pub left: FxHashMap<CarriedRow, More>,
    /// What can be left behind once all have entered the view, by what each replica gains.
    pub gained: FxHashMap<GainedRow, More>,
    /// The properties that some state lacks, and the good outcomes that some state has.
    pub violated: Properties,
    pub reached: BTreeSet<&'static str>,
    /// The states in which the next phase begins: they were not followed further.
    pub next: FxHashSet<Locals>,
}

impl Runs {
    /// Adds those that begin elsewhere.
    pub fn extend(&mut self, other: Runs) {
        self.states += other.states;
        self.counted.extend(other.counted);
        self.sent.union_with(&other.sent);
        self.violated |= other.violated;
        self.reached.extend(other.reached);
        self.next.extend(other.next);
        for (key, more) in other.left {
            self.left.entry(key).or_default().extend(more);
        }
    }
}

/// How far a view has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Its honest primary may still have to begin it.
    Start,
    /// It has begun, if its primary is honest, in one way: what is sent in another one never exists.
    Begun,
    /// All have entered it: of what is left behind it is said what each gains there.
    Entered,
}

/// What is followed, and how far.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Which replicas are alike.
    pub parts: Parts,
    /// The phase in which the runs start; they are followed to its end.
    pub phase: Phase,
}
