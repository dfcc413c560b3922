//! What came of a check, as a person reads it: the table, what it says nothing of, and the shortest counterexample.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};

use super::builder::CheckError;
use super::exercised::unexercised;
use super::job::{Job, JudgeKind};
use super::limits::Limit;
use super::outcome::{Outcome, Verdict};
use super::visited::collision_probability;
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

/// What a whole check says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Conclusion {
    /// Everything that was asked holds within the bounds.
    Holds,
    /// Nothing is violated, but some good outcome is never reached.
    Vacuous,
    /// A safety property is violated.
    Unsafe,
    /// A property of liveness is violated, and none of safety.
    NotLive,
    /// Some judge cannot judge these rules, and nothing was found violated.
    NoVerdict,
    /// A limit ended some run, and nothing was found violated.
    NotExhausted,
}

impl Checked {
    /// What was checked.
    pub fn subject(&self) -> &Pbft {
        &self.subject
    }

    /// What came of each job.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What all of it together says.
    pub fn conclusion(&self) -> Conclusion {
        let any = |is: fn(&Verdict) -> bool| self.outcomes.iter().any(|outcome| is(&outcome.verdict));
        if any(|v| matches!(v, Verdict::Violated { property, .. } if !property.is_liveness())) {
            Conclusion::Unsafe
        } else if any(|v| matches!(v, Verdict::Violated { .. })) {
            Conclusion::NotLive
        } else if any(|v| matches!(v, Verdict::Refused(_))) {
            Conclusion::NoVerdict
        } else if any(|v| matches!(v, Verdict::NotExhausted(_))) {
            Conclusion::NotExhausted
        } else if any(|v| matches!(v, Verdict::Vacuous)) {
            Conclusion::Vacuous
        } else {
            Conclusion::Holds
        }
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

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: u64 = self.outcomes.iter().map(|outcome| outcome.coverage.states).sum();
        let largest = self.outcomes.iter().map(|outcome| outcome.coverage.states).max().unwrap_or(0);
        match self.conclusion() {
            Conclusion::Holds | Conclusion::Vacuous => writeln!(
                f,
                "Holds within these bounds, and says nothing beyond them: all {} states were visited; \
                 the chance that a hash collision hid one is below {} in each row.",
                thousands(states),
                at_most(collision_probability(largest).max(1e-30)),
            ),
            Conclusion::Unsafe | Conclusion::NotLive => f.write_str("Violated.\n"),
            Conclusion::NotExhausted => writeln!(
                f,
                "Not exhausted: {} states were visited, none of them violates a property, and nothing is \
                 known of the others.",
                thousands(states)
            ),
            Conclusion::NoVerdict => Ok(()),
        }
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
        self.summary(f)?;
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

/// A chance with one digit, rounded up.
pub(super) fn at_most(chance: f64) -> String {
    let unit = 10f64.powf(chance.log10().floor());
    format!("{:.0e}", (chance / unit).ceil() * unit)
}

#[cfg(test)]
mod tests {
    use super::at_most;

    #[test]
    fn a_chance_is_never_said_to_be_smaller_than_it_is() {
        assert_eq!(at_most(1.33e-25), "2e-25");
        assert_eq!(at_most(9.7e-20), "1e-19");
        for chance in [1e-30, 3.147e-19, 6.3e-17, 5e-3] {
            let said: f64 = at_most(chance).parse().expect("it is a number");
            assert!(said >= chance * (1.0 - 1e-9) && said < 2.0 * chance, "{chance} as {said}");
        }
    }
}
