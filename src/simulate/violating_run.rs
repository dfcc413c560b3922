//! A violating run, told.

use std::fmt;
use std::path::PathBuf;

use crate::model::Property;
use crate::trace::{Trace, count};

/// A violating run that was drawn again.
#[derive(Debug)]
pub(super) struct ViolatingRun {
    pub trace: Trace,
    pub property: Property,
    /// How many steps it took before it was shrunk, if it was.
    pub shrunk_from: Option<usize>,
    /// Whether no single step of it can be left out.
    pub is_least: bool,
    /// Where it was written to.
    pub file: Option<PathBuf>,
}

impl fmt::Display for ViolatingRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, whole) = (self.trace.steps().len(), self.trace.to_text(Some(self.property)));
        match self.shrunk_from {
            Some(from) => write!(
                f,
                "The run, {}, shrunk to {steps}, {}:\n\n{whole}",
                count(from as u64, "step", "steps"),
                if self.is_least {
                    "none of which can be left out"
                } else {
                    "some of which might be left out, had there been more time"
                },
            )?,
            None => {
                writeln!(f, "The run took {}.", count(steps as u64, "step", "steps"))?;
                let lines: Vec<_> = whole.lines().collect();
                let end = lines.iter().rposition(|line| *line == "In the end").unwrap_or(0);
                lines[end..].iter().try_for_each(|line| writeln!(f, "{line}"))?;
            }
        }
        match &self.file {
            Some(file) => {
                writeln!(f, "\nWritten to {0}; to read it again: bft replay {0}", file.display())
            }
            None => Ok(()),
        }
    }
}
