//! What is said of a search by whole quorums.

use serde::{Deserialize, Serialize};

use super::report::{Row, Verdict};
use crate::check::limits::Limit;
use crate::check::search::Coverage;
use crate::engine::guards::{Ended, Explored, Unfit};
use crate::engine::{Bound, Refusal};
use crate::protocol::Network;
use crate::trace::Story;

/// What tells states of a node apart, where its steps were found out by trying.
const LEARNED: &str = "control state and what it has sent: whole quorums are steps";
/// What tells states of a node apart, where every input was handed to every state of it.
const EXACT: &str = "control state and what it has sent; the steps of those: all of its states, by the protocol's key, tried on \
                     samples";

/// What tells states of a node apart, where messages that could as well come later were put off.
const LATE: &str = "control state and what it has sent; the steps of those: with all put off that could as well come later, tried on \
                    samples";

/// What a row says of itself besides what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Described {
    adversary: String,
    found: Steps,
}

/// How the steps of control states were found, as a row says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Steps {
    /// By trying.
    Learned,
    /// By handing every input to every state of every node.
    Exact,
    /// With all put off that could as well come later.
    Late,
}

impl Described {
    /// That this is the adversary, and that steps were found in this way.
    pub fn new(adversary: String, found: Steps) -> Self {
        Described { adversary, found }
    }

    /// What a row says of itself.
    pub fn of(row: &Row) -> Self {
        let found = match row.key {
            EXACT => Steps::Exact,
            LATE => Steps::Late,
            _ => Steps::Learned,
        };
        Described { adversary: row.adversary.clone(), found }
    }

    /// The row of which that is said.
    pub fn row(self, coverage: Coverage, verdict: Verdict) -> Row {
        Row {
            asked: "safety",
            adversary: self.adversary,
            network: "any order, with repetition".to_owned(),
            key: match self.found {
                Steps::Learned => LEARNED,
                Steps::Exact => EXACT,
                Steps::Late => LATE,
            },
            coverage,
            levels: Vec::new(),
            verdict,
        }
    }
}

/// What is said of a search of the protocol of this name, by steps that were found in this way.
pub(super) fn verdict(
    protocol: String,
    bound: &Bound,
    explored: Option<Explored>,
    found: Steps,
    ended: Limit,
) -> Verdict {
    let Some(explored) = explored else { return Verdict::NotExhausted(ended) };
    match explored.end {
        Ended::Stopped => Verdict::NotExhausted(ended),
        // Every input was handed to every state of every node: nothing is missing.
        Ended::Exhausted if explored.is_exact && explored.decides => Verdict::Holds,
        Ended::Exhausted if explored.is_exact => Verdict::Vacuous,
        // Samples may refute that nothing is missing, and do not show it.
        Ended::Exhausted => {
            let Explored { states, tried, walks, .. } = explored;
            let (pairs, runs) = (tried.pairs, tried.walks + walks);
            let why = match found {
                Steps::Late => Unfit::PutOff { states, pairs, runs },
                Steps::Exact | Steps::Learned => Unfit::Unproved { states, pairs, runs },
            };
            Verdict::Refused(Refusal::Quorums(why.to_string()))
        }
        Ended::Violated(acted) => {
            let acted = *acted;
            Verdict::Violated {
                steps: acted.steps.len(),
                story: Box::new(Story {
                    protocol,
                    participants: acted.participants,
                    bound: Bound {
                        most_general: !bound.byzantine.is_empty(),
                        network: Some(Network::AnyOrder),
                        ..bound.clone()
                    },
                    opening: 0,
                    steps: acted.steps,
                    violation: acted.violation,
                    end: None,
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guards::Tried;

    /// Nothing wrong was found.
    fn said(found: Steps) -> Verdict {
        let explored = Explored {
            states: 7,
            transitions: 9,
            depth: 3,
            walks: 5,
            tried: Tried::default(),
            locals: 4,
            is_exact: matches!(found, Steps::Exact),
            decides: true,
            end: Ended::Exhausted,
        };
        let bound = Bound { byzantine: Vec::new(), most_general: true, crashes: 0, network: None };
        verdict("mine".to_owned(), &bound, Some(explored), found, Limit::Stopped)
    }

    #[test]
    fn what_samples_do_not_refute_is_not_said_to_hold() {
        assert!(matches!(said(Steps::Exact), Verdict::Holds));
        for (found, words) in [(Steps::Learned, "no step is missing"), (Steps::Late, "do not prove it")] {
            let verdict = said(found);
            let Verdict::Refused(why) = &verdict else { panic!("{found:?}: {verdict:?}") };
            assert!(why.to_string().contains(words), "{why}");
        }
    }
}
