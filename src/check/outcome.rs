//! What comes of a job: how much was covered, and what that says.

use super::conclusion::Conclusion;
use super::job::Job;
use super::limits::{Level, Limit};
use super::search::Coverage;
use crate::model::{Property, System, guarded, votes_matter};
use crate::pbft::RuleCount;
use crate::trace::Trace;

/// What a run says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Every reachable state within the bound was visited and has every property, and every good outcome that must be
    /// possible is reached.
    Holds,
    /// Every reachable state within the bound was visited and has every property, but some good outcome is
    /// [never reached](Outcome::unreached): the properties may hold only because so little happens.
    Vacuous,
    /// A property is violated; the trace was replayed on the real replicas.
    Violated {
        /// The property.
        property: Property,
        /// The shortest run that the judge knows, in its own steps.
        steps: usize,
        /// That run, message by message.
        trace: Box<Trace>,
    },
    /// A limit ended the run: nothing is said of what was not visited.
    NotExhausted(Limit),
    /// This judge cannot judge this rulebook, or contradicts the replica; no verdict.
    Refused(String),
}

/// The result of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What ran.
    pub job: Job,
    /// What was covered.
    pub coverage: Coverage,
    /// What it says.
    pub verdict: Verdict,
    /// Good outcomes that no visited state has: a run in which nothing happens proves nothing.
    pub unreached: Vec<&'static str>,
    /// How often the replicas have asked each rule, and what it said, in the steps that the judge has run: it runs most of
    /// them once, however often they come up. Not known of a run that was gone on with, or that several
    /// processes share.
    pub rules: Option<Vec<RuleCount>>,
    /// How many states were visited within views, where [`Coverage::states`] counts those between them.
    pub within_views: Option<u64>,
    /// The properties that were looked at.
    pub properties: Vec<Property>,
    /// How the search has grown, level by level.
    pub levels: Vec<Level>,
}

impl Verdict {
    /// What a check says that says no more than this.
    pub(super) fn conclusion(&self) -> Conclusion {
        match self {
            Verdict::Holds => Conclusion::Holds,
            Verdict::Vacuous => Conclusion::Vacuous,
            Verdict::NotExhausted(_) => Conclusion::NotExhausted,
            Verdict::Refused(_) => Conclusion::NoVerdict,
            Verdict::Violated { property, .. } if property.is_liveness() => Conclusion::NotLive,
            Verdict::Violated { .. } => Conclusion::Unsafe,
        }
    }

    /// Whether all was visited, and nothing is violated.
    pub fn is_clean(&self) -> bool {
        matches!(self, Verdict::Holds | Verdict::Vacuous)
    }
}

impl Outcome {
    /// The outcome of a job, of which nothing more is known.
    pub(super) fn of(job: &Job, coverage: Coverage, verdict: Verdict) -> Self {
        Outcome {
            job: job.clone(),
            coverage,
            verdict,
            unreached: Vec::new(),
            rules: None,
            within_views: None,
            properties: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// The same, of which these good outcomes are in no state that was visited: if it holds, it does so vacuously.
    pub(super) fn without(self, unreached: Vec<&'static str>) -> Self {
        match self.verdict {
            Verdict::Holds if !unreached.is_empty() => {
                Outcome { verdict: Verdict::Vacuous, unreached, ..self }
            }
            _ => self,
        }
    }
}

/// What is said where every state was visited and nothing is violated. States are equal whichever votes stand in a
/// certificate, and of other certificates that say the same one is tried: nothing holds if such matter.
pub(super) fn exhausted(system: &System) -> Verdict {
    match guarded(|| votes_matter(system)) {
        Ok(Ok(())) => Verdict::Holds,
        Ok(Err(why)) => Verdict::Refused(why.to_string()),
        Err(panicked) => Verdict::Refused(format!(
            "whether it treats certificates alike that say the same cannot be tried, a rule panicked: {panicked}"
        )),
    }
}
