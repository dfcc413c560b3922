//! What is asked about, and why a question makes no sense.

use std::str::FromStr;

use super::job::JudgeKind;
use crate::model::{BoundError, NoSuchProperty, Property, Reductions};

/// What is asked about by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// All properties of liveness.
    Liveness,
    /// One property.
    Only(Property),
}

impl Question {
    /// Whether it is about runs that go on for ever.
    pub fn is_liveness(self) -> bool {
        match self {
            Question::Liveness => true,
            Question::Only(property) => property.is_liveness(),
        }
    }

    /// The one property that is asked about, if it is one.
    pub fn property(self) -> Option<Property> {
        match self {
            Question::Liveness => None,
            Question::Only(property) => Some(property),
        }
    }
}

impl From<Property> for Question {
    fn from(property: Property) -> Self {
        Question::Only(property)
    }
}

/// A name under which nothing can be asked about.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}, and liveness, for all properties of liveness")]
pub struct NoSuchQuestion(#[from] NoSuchProperty);

impl FromStr for Question {
    type Err = NoSuchQuestion;

    fn from_str(name: &str) -> Result<Self, NoSuchQuestion> {
        match name {
            "liveness" => Ok(Question::Liveness),
            _ => Ok(Question::Only(name.parse()?)),
        }
    }
}

/// Why a question makes no sense, or nothing would come of a part of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The bound makes no sense.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// The property is about stable checkpoints, and there are none.
    #[error(
        "--property {0}: no checkpoint is taken in this bound, so that it would hold whatever the rules; add --checkpoint"
    )]
    NoCheckpoints(Property),
    /// The property is about clients, and none take part.
    #[error(
        "--property {0}: no client takes part in this bound, so that it would hold whatever the rules; add --clients"
    )]
    NoClients(Property),
    /// The property compares honest replicas, and there is only one.
    #[error("--property {0} compares honest replicas, and there is one alone; give fewer to --byzantine")]
    OneHonest(Property),
    /// The property is looked for in simulated runs only.
    #[error(
        "--property {0} is about what replicas say on their way, which no state shows: every run of bft simulate looks for it"
    )]
    OnlySimulated(Property),
    /// The judge does not look at the property.
    #[error("--judge {0} does not look at {1}: leave it out{2}")]
    NotJudged(JudgeKind, Property, &'static str),
    /// The judge does not check liveness.
    #[error("--judge {0} does not check liveness: leave it out")]
    NotLive(JudgeKind),
    /// A dead end is one in one view.
    #[error("--property no-dead-end asks about one view, in which no timer fires: add --views 1")]
    SeveralViews,
    /// A dead end is one under an honest primary.
    #[error("--property no-dead-end needs an honest primary: give --byzantine other replicas")]
    ByzantinePrimary,
    /// Judge *unbounded* covers all placements.
    #[error("--judge unbounded covers every placement at once: give --byzantine a count, or leave it out")]
    Placed,
    /// Judge *unbounded* covers all views.
    #[error("--judge unbounded covers any number of views: leave out --views")]
    EveryView,
    /// Judge *unbounded* does not have it.
    #[error("--judge unbounded has no {0} in its bound: leave it out, or try --judge guards")]
    NotUnbounded(&'static str),
    /// No other process can take a part in what the judge does.
    #[error(
        "--processes and --local: this runs in one process (judge {0}); several share judge message, and judge guards without \
         reductions and clients: add --judge message or --judge guards"
    )]
    NotShared(JudgeKind),
    /// The judge does not have these reductions.
    #[error(
        "--reduce {0}: judge unbounded has silent, ample, maximal, counting, quotient, summaries and subsumed, judge guards has \
         silent, quotient and symmetry, and there is none for judge message, for no-dead-end and for liveness"
    )]
    NotReduced(Reductions),
    /// The run that a check is to go on from does not lead anywhere within its bound.
    #[error("the runs that go on from the given one cannot be searched: {0}")]
    NoBeginning(String),
    /// A reduction that takes others.
    #[error("--reduce subsumed takes quotient and summaries for granted: name them too, or leave it out")]
    Unfounded,
    /// Two reductions that exclude each other.
    #[error("--reduce {0}: quotient and symmetry do not go together in judge guards; leave out one")]
    NotTogether(Reductions),
    /// It matters who has decided.
    #[error(
        "--reduce {0}: who has decided matters with clients, crashes, checkpoints and several sequence numbers; leave out \
         these, or quotient"
    )]
    WhoDecided(Reductions),
    /// Clients have an order.
    #[error(
        "--reduce {0}: what clients were told stands in their order; leave out --clients and --reads, or symmetry"
    )]
    OrderedClients(Reductions),
    /// Messages are lost at stabilisation only.
    #[error(
        "--lossy is about the time when the network becomes stable, which only liveness has: add --property liveness, or leave it out"
    )]
    IdleLoss,
    /// Storage loses something in crashes only.
    #[error(
        "--lossy-store is about crashes, and there are none in this bound: add --crashes, or leave it out"
    )]
    IdleStore,
    /// No checkpoint is taken.
    #[error(
        "--checkpoint {0}: there are only {1} sequence numbers, so that none is taken; give more to --slots, or leave it out"
    )]
    IdleCheckpoint(u64, u64),
    /// The window lets the same numbers through as one of as many as there are.
    #[error(
        "--window {0}: there are only {1} sequence numbers, and the rules let the same ones through without; leave it out"
    )]
    IdleWindow(u64, u64),
}
