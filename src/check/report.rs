//! What came of a check, as a person reads it: the table, what it says nothing of, and the shortest counterexample.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};

use super::builder::CheckError;
use super::conclusion::Conclusion;
use super::exercised::unexercised;
use super::job::{Job, JudgeKind};
use super::limits::Limit;
use super::outcome::{Outcome, Verdict};
use crate::model::{Bound, Property};
use crate::subject::Pbft;
use crate::trace::{Form, Trace, thousands};

/// What came of a check. Its `Display` is the table that `bft check` prints, with the story of the shortest
/// counterexample below it.
///
/// ```
/// # use bft_check::pbft::{Committee, Rules};
/// # #[derive(Debug)]
/// # struct FewCommits;
/// # impl Rules for FewCommits {
/// #     fn commit_quorum(&self, committee: Committee) -> usize {
/// #         committee.quorum() - 1
/// #     }
/// # }
/// use bft_check::check::{Check, Conclusion, JudgeKind};
/// use bft_check::model::Property;
/// use bft_check::subject::Pbft;
///
/// let check = Check::new(Pbft::with(&FewCommits)).judge(JudgeKind::Guards).byzantine([0]).views(2);
/// let mut checked = check.run()?;
/// assert_eq!(checked.subject().name(), "few-commits");
/// assert_eq!(checked.conclusion(), Conclusion::Unsafe);
/// assert_eq!(checked.outcomes().len(), 1);
/// assert!(checked.shortest().is_some_and(|(property, ..)| property == Property::Agreement));
/// assert!(checked.to_string().contains("VIOLATED: agreement"));
///
/// let file = std::env::temp_dir().join(format!("fork-{}.json", std::process::id()));
/// checked.write(&file)?;
/// assert!(file.exists() && checked.failures().is_empty());
/// # std::fs::remove_file(&file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Checked {
    pub(super) subject: Pbft,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) saved: Option<PathBuf>,
    pub(super) written: Option<PathBuf>,
    pub(super) failures: Vec<CheckError>,
}

impl Checked {
    /// What was checked.
    pub fn subject(&self) -> &Pbft {
        &self.subject
    }

    /// The file that the counterexample was written to, if it was.
    pub fn file(&self) -> Option<&Path> {
        self.written.as_deref()
    }

    /// What came of each job.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What all of it together says.
    pub fn conclusion(&self) -> Conclusion {
        Conclusion::of(self.outcomes.iter().map(|outcome| outcome.verdict.conclusion()))
    }

    /// The shortest counterexample of all jobs, those of safety first: the property that it violates, its steps as
    /// the judge counts them, and the run, message by message.
    pub fn shortest(&self) -> Option<(Property, usize, &Trace)> {
        self.outcomes
            .iter()
            .filter_map(|outcome| match &outcome.verdict {
                Verdict::Violated { property, steps, trace } => Some((*property, *steps, &**trace)),
                _ => None,
            })
            .min_by_key(|&(property, steps, _)| (property.is_liveness(), steps))
    }

    /// The file to which a check was saved that a limit ended.
    pub fn saved(&self) -> Option<&Path> {
        self.saved.as_deref()
    }

    /// The files that could not be written. What was found stands all the same.
    pub fn failures(&self) -> &[CheckError] {
        &self.failures
    }

    /// Writes the shortest counterexample to a file, in the form of its ending.
    ///
    /// # Errors
    /// There is no such form, or no file can be written there.
    pub fn write(&mut self, path: &Path) -> Result<(), CheckError> {
        let Some((property, _, trace)) = self.shortest() else { return Ok(()) };
        let form = Form::of(&path.to_string_lossy())?;
        let content = trace.written(form, self.subject.name(), Some(property))?;
        fs::write(path, content).map_err(|error| CheckError::Trace(path.to_owned(), error))?;
        self.written = Some(path.to_owned());
        Ok(())
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header([
            "judge",
            "Byzantine",
            "bound",
            "states",
            "transitions",
            "depth",
            "time",
            "states/s",
            "verdict",
        ]);
        for outcome in &self.outcomes {
            let coverage = &outcome.coverage;
            let seconds = coverage.elapsed.as_secs_f64();
            table.add_row([
                outcome.job.judge.to_string(),
                outcome.job.whose(),
                outcome.job.covers(),
                thousands(coverage.states),
                thousands(coverage.transitions),
                coverage.depth.to_string(),
                format!("{seconds:.2} s"),
                thousands((coverage.states as f64 / seconds.max(1e-6)) as u64),
                outcome.verdict.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(3).take(5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }

    /// What has to be known to read the rows.
    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let row = format!("{}, Byzantine {}", outcome.job.judge, outcome.job.whose());
            if let Verdict::Refused(why) = &outcome.verdict {
                writeln!(f, "No verdict ({row}): {why}.")?;
            }
            for good in &outcome.unreached {
                writeln!(f, "Beware ({row}): in no run is it true that {good}.")?;
            }
        }
        if self.outcomes.iter().any(|o| o.job.bound.byzantine.len() > usize::from(o.job.bound.scope.faults)) {
            f.write_str("More replicas are Byzantine than f: the protocol promises nothing there.\n")?;
        }
        if self.outcomes.iter().any(|o| o.job.judge == JudgeKind::Liveness) {
            f.write_str(
                "Liveness: the views of its bound may begin before the network is stable, and f more after it. From \
                 then on all that honest replicas have sent arrives, and their timers run out only when nothing more \
                 does. Byzantine replicas may ask for any view; one beyond the bound stands for all. Views that change for \
                 ever are looked for among some runs alone, with Byzantine replicas that do the same in every view.\n",
            )?;
        }
        let within: u64 = self.outcomes.iter().filter_map(|outcome| outcome.within_views).sum();
        if within > 0 {
            writeln!(
                f,
                "Unbounded: a state is what is left when every honest replica has left a view, a step one whole view; \
                 {} states were visited within views.",
                thousands(within)
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.departs() {
            None => write!(f, "Rules: {}\n\n", self.subject.name())?,
            Some(how) => write!(f, "Rules: {} ({how})\n\n", self.subject.name())?,
        }
        write!(f, "{}\n\n", self.table())?;
        self.remarks(f)?;
        f.write_str(&unexercised(self))?;
        self.conclusion().summary(self.outcomes.iter().map(|outcome| &outcome.coverage), f)?;
        if let Some((property, steps, trace)) = self.shortest() {
            let deliveries = trace.steps().len();
            write!(
                f,
                "\nThe shortest counterexample, {steps} steps of the judge, {deliveries} deliveries:\n\n"
            )?;
            f.write_str(&trace.to_text(Some(property)))?;
            if let Some(file) = &self.written {
                write!(f, "\nWritten to {}\n", file.display())?;
            }
        }
        Ok(())
    }
}

impl Job {
    /// Who is Byzantine in it, in words.
    pub fn whose(&self) -> String {
        match (self.judge, self.bound.byzantine.len()) {
            (JudgeKind::Unbounded, count) if count > 0 => format!("any {count}"),
            _ => who(&self.bound),
        }
    }
}

/// Who is Byzantine in a bound, in words.
pub(crate) fn who(bound: &Bound) -> String {
    match &bound.byzantine[..] {
        [] => "nobody".to_owned(),
        ids => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Holds => f.write_str("holds"),
            Verdict::Vacuous => f.write_str("holds, but see below"),
            Verdict::Violated { property, steps, .. } => write!(f, "VIOLATED: {property}, in {steps} steps"),
            Verdict::NotExhausted(limit) => write!(f, "not exhausted ({limit})"),
            Verdict::Refused(_) => f.write_str("no verdict"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::States(n) => write!(f, "stopped at {} states", thousands(*n)),
            Limit::Time(_) => f.write_str("stopped by the timeout"),
            Limit::Memory(bytes) => write!(f, "stopped at {} MiB of memory", thousands(bytes >> 20)),
            Limit::Stopped => f.write_str("stopped by Ctrl-C"),
            Limit::Bound => f.write_str("it went on beyond the views or sequence numbers of the bound"),
        }
    }
}
