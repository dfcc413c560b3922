//! What came of a check of a protocol of one's own, as a person reads it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::check::builder::CheckError;
use crate::check::conclusion::Conclusion;
use crate::check::limits::{Level, Limit};
use crate::check::search::Coverage;
use crate::engine::{BY_HISTORY, Refusal};
use crate::table::{Column, Kind, fitted, table};
use crate::trace::{Story, count, thousands};

/// What a run over one placement of the Byzantine nodes says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every reachable state within the bound was visited and has every property.
    Holds,
    /// Every reachable state within the bound was visited and has every property, but nobody ever decides anything.
    Vacuous,
    /// A property is violated.
    Violated {
        /// Steps after the prelude. No shorter run violates a property.
        steps: usize,
        /// The run, which happened again when it was told.
        story: Box<Story>,
    },
    /// A fair run does not get where it must get.
    NotLive {
        /// Steps after the prelude, once round what repeats.
        steps: usize,
        /// The run, which happened again when it was told.
        story: Box<Story>,
    },
    /// A limit ended it: nothing is known of the states that were not visited.
    NotExhausted(Limit),
    /// The code cannot be checked.
    Refused(Refusal),
}

impl Verdict {
    fn conclusion(&self) -> Conclusion {
        match self {
            Verdict::Holds => Conclusion::Holds,
            Verdict::Vacuous => Conclusion::Vacuous,
            Verdict::NotExhausted(_) => Conclusion::NotExhausted,
            Verdict::Refused(_) => Conclusion::NoVerdict,
            Verdict::Violated { .. } => Conclusion::Unsafe,
            Verdict::NotLive { .. } => Conclusion::NotLive,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Holds => f.write_str("holds"),
            Verdict::Vacuous => f.write_str("holds, but see below"),
            Verdict::Violated { steps, story } => {
                let property = story.violation.as_ref().map_or("", |violation| violation.property.as_str());
                write!(f, "VIOLATED: {property}, in {}", count(*steps as u64, "step", "steps"))
            }
            Verdict::NotLive { steps, .. } => {
                write!(f, "VIOLATED: liveness, in {}", count(*steps as u64, "step", "steps"))
            }
            Verdict::NotExhausted(limit) => write!(f, "not exhausted ({limit})"),
            Verdict::Refused(_) => f.write_str("no verdict"),
        }
    }
}

/// What came of one placement of the Byzantine nodes.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What was asked: safety, or liveness.
    pub asked: &'static str,
    /// What the Byzantine nodes can do.
    pub adversary: String,
    /// What becomes of messages.
    pub network: String,
    /// What tells states of a node apart.
    pub key: &'static str,
    /// How much was covered.
    pub coverage: Coverage,
    /// What was covered level by level; none where whole quorums are steps.
    pub levels: Vec<Level>,
    /// What that says.
    pub verdict: Verdict,
}

/// What came of a check. Its `Display` is the table, with the story of the shortest run that violates a property below
/// it.
#[derive(Debug)]
pub struct CheckedProtocol {
    pub(super) name: String,
    pub(super) nodes: usize,
    pub(super) bound: String,
    pub(super) rows: Vec<Row>,
    pub(super) written: Option<PathBuf>,
    pub(super) saved: Option<PathBuf>,
    pub(super) failures: Vec<CheckError>,
}

impl CheckedProtocol {
    /// What the protocol is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The bound, but for the network and the Byzantine nodes, which each row names: what happens before it begins, and how
    /// often what comes from outside. A line for each; none where there is no such thing.
    pub fn bound(&self) -> &str {
        &self.bound
    }

    /// What came of each placement.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The file to which the story of the shortest run was written.
    pub fn written(&self) -> Option<&Path> {
        self.written.as_deref()
    }

    /// The file to which all was saved that it takes to go on.
    pub fn saved(&self) -> Option<&Path> {
        self.saved.as_deref()
    }

    /// What could not be written. What was found stands all the same.
    pub fn failures(&self) -> &[CheckError] {
        &self.failures
    }

    /// What all of it together says.
    pub fn conclusion(&self) -> Conclusion {
        Conclusion::of(self.rows.iter().map(|row| row.verdict.conclusion()))
    }

    /// The shortest run that violates a property; of safety, if it does not hold.
    pub fn shortest(&self) -> Option<&Story> {
        let violated = self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::Violated { steps, story } => Some((false, steps, &**story)),
            Verdict::NotLive { steps, story } => Some((true, steps, &**story)),
            _ => None,
        });
        violated.min_by_key(|(is_liveness, steps, _)| (*is_liveness, *steps)).map(|(_, _, story)| story)
    }

    fn table(&self, screen: Option<usize>) -> String {
        const COLUMNS: [Column<'_>; 9] = [
            ("asked", Kind::Name),
            ("adversary", Kind::Prose),
            ("network", Kind::Prose),
            ("a node's state is its", Kind::Prose),
            ("states", Kind::Number),
            ("transitions", Kind::Number),
            ("depth", Kind::Number),
            ("time", Kind::Number),
            ("verdict", Kind::Prose),
        ];
        let rows =
            self.rows.iter().map(|Row { asked, adversary, network, key, coverage, verdict, .. }| {
                vec![
                    (*asked).to_owned(),
                    adversary.clone(),
                    network.clone(),
                    (*key).to_owned(),
                    thousands(coverage.states),
                    thousands(coverage.transitions),
                    coverage.depth.to_string(),
                    format!("{:.2} s", coverage.elapsed.as_secs_f64()),
                    verdict.to_string(),
                ]
            });
        table(&COLUMNS, &rows.collect::<Vec<_>>(), screen)
    }

    /// What its `Display` says, for so many columns of a screen if that is given.
    pub(crate) fn printed(&self, screen: Option<usize>) -> String {
        let mut below = String::new();
        // A string takes everything.
        let _ = self.below(&mut below);
        let nodes = count(self.nodes as u64, "node", "nodes");
        let above = format!("Protocol: {}, {nodes}\n{}\n", self.name, self.bound);
        format!("{}{}\n\n{}", fitted(&above, screen), self.table(screen), fitted(&below, screen))
    }

    /// What stands below the table.
    fn below(&self, f: &mut impl fmt::Write) -> fmt::Result {
        for Row { adversary, verdict, key, .. } in &self.rows {
            match verdict {
                Verdict::Refused(why) => writeln!(f, "No verdict ({adversary}): {why}.")?,
                Verdict::Vacuous => {
                    writeln!(
                        f,
                        "Beware ({adversary}): in no run does an honest node decide anything. Does it wait for its own vote? What is \
                         broadcast does not reach its sender. Does anything set it going? There are Protocol::init, timers, and \
                         Protocol::events."
                    )?;
                }
                Verdict::NotExhausted(_) if *key == BY_HISTORY => {
                    writeln!(
                        f,
                        "Beware ({adversary}): a node without a key is told apart by all that has ever happened to it. A timer that is \
                         set again whenever it runs out, or rounds without a last one, then have no end: give Protocol::key, and a \
                         bound of rounds."
                    )?;
                }
                _ => {}
            }
        }
        if self.rows.iter().any(|row| row.adversary.starts_with("twins")) {
            f.write_str(
                "Twins: two copies of the honest code that share a name. They equivocate and keep silent, and say nothing \
                 that honest code would not say: a Byzantine node can do more.\n",
            )?;
        }
        self.conclusion().summary(self.rows.iter().map(|row| &row.coverage), f)?;
        if let Some(story) = self.shortest() {
            let steps = story.steps.len() - story.opening;
            let steps = count(steps as u64, "step", "steps");
            write!(f, "\nThe shortest run that does so, {steps}:\n\n{}", story.to_text())?;
        }
        Ok(())
    }
}

impl fmt::Display for CheckedProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed(None))?;
        match &self.written {
            Some(file) => write!(f, "\nWritten to {}\n", file.display()),
            None => Ok(()),
        }
    }
}
