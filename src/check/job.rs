//! A job: a judge on a bound, with one placement of the Byzantine replicas.

use serde::{Deserialize, Serialize};

use crate::model::{Bound, BoundError, Byzantine, Reductions, Scope, placements};
use crate::pbft::{ReplicaId, Rules};

/// Which judge explores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JudgeKind {
    /// Judge *message*: every delivery is a step.
    Message,
    /// Judge *guards*: whole guards at a time.
    Guards,
    /// Judge *guards* with a time from which the network is stable: liveness, on all fair runs.
    Liveness,
    /// Judge *unbounded*: view by view, for any number of views and every placement at once.
    Unbounded,
}

impl std::fmt::Display for JudgeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            JudgeKind::Message => "message",
            JudgeKind::Guards => "guards",
            JudgeKind::Liveness => "liveness",
            JudgeKind::Unbounded => "unbounded",
        })
    }
}

/// One run: a judge on a bound.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The judge.
    pub judge: JudgeKind,
    /// The bound, with one placement of the Byzantine replicas. To [`JudgeKind::Unbounded`] its number of views
    /// means nothing, and of the Byzantine replicas only how many they are.
    pub bound: Bound,
    /// Which states it leaves out because others stand for them; those that its judge does not have count for
    /// nothing.
    pub reductions: Reductions,
}

impl Job {
    /// A judge on a bound, with the reductions that it has by default: judge *unbounded* all of them.
    pub fn new(judge: JudgeKind, bound: Bound) -> Self {
        let reductions = if judge == JudgeKind::Unbounded { Reductions::ALL } else { Reductions::NONE };
        Job { judge, bound, reductions }
    }

    /// What is explored, in words.
    pub fn covers(&self) -> String {
        match self.judge {
            JudgeKind::Unbounded => self.bound.scope.with_views("any number of views"),
            _ => self.bound.scope.to_string(),
        }
    }
}

/// The jobs of one judge: the bound with every placement, up to symmetry.
///
/// # Errors
/// A bound that makes no sense.
pub fn jobs(
    judge: JudgeKind,
    bound: &Bound,
    byzantine: &Byzantine,
    rules: &dyn Rules,
) -> Result<Vec<Job>, BoundError> {
    let committee = bound.validate()?;
    if let Byzantine::Count(count) = byzantine
        && *count >= bound.scope.replicas
    {
        return Err(BoundError::NobodyHonest(usize::from(*count), bound.scope.replicas));
    }
    if judge == JudgeKind::Unbounded {
        let count = match byzantine {
            Byzantine::Count(count) => *count,
            Byzantine::Ids(ids) => ids.len() as u16,
        };
        let last = (bound.scope.replicas.saturating_sub(count)..bound.scope.replicas).map(ReplicaId);
        let bound = Bound::new(Scope { views: 1, ..bound.scope }, last);
        bound.validate()?;
        return Ok(vec![Job::new(judge, bound)]);
    }
    let further = if judge == JudgeKind::Liveness { u64::from(bound.scope.faults) } else { 0 };
    placements(byzantine, committee, bound.scope.views + further, rules)
        .into_iter()
        .map(|ids| {
            let bound = Bound::new(bound.scope, ids);
            bound.validate().map(|_| Job::new(judge, bound))
        })
        .collect()
}
