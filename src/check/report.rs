//! What came of a check, as a person reads it: the table, what it says nothing of, and the shortest counterexample.

use std::fmt;
use std::path::{Path, PathBuf};

use super::builder::CheckError;
use super::conclusion::Conclusion;
use super::exercised::unexercised;
use super::job::{Job, JudgeKind};
use super::outcome::{Outcome, Verdict};
use crate::files;
use crate::model::{Bound, Property, Reductions};
use crate::subject::Pbft;
use crate::table::{Column, Kind, fitted, table};
use crate::trace::{Form, Trace, count, thousands, were};

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
    /// How many processes have shared it, and the bytes that this one has sent to the others.
    pub(super) shared: Option<(usize, u64)>,
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

    /// How many processes have shared it, and how many bytes this one has sent to the others; nothing if it ran in one alone.
    pub fn shared(&self) -> Option<(usize, u64)> {
        self.shared
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

    /// The file to which the shortest counterexample was written.
    pub fn written(&self) -> Option<&Path> {
        self.written.as_deref()
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
        files::write(path, content).map_err(|error| CheckError::Trace(path.to_owned(), error))?;
        self.written = Some(path.to_owned());
        Ok(())
    }

    fn table(&self, screen: Option<usize>) -> String {
        const COLUMNS: [Column<'_>; 9] = [
            ("judge", Kind::Name),
            ("Byzantine", Kind::Name),
            ("bound", Kind::Prose),
            ("states", Kind::Number),
            ("transitions", Kind::Number),
            ("depth", Kind::Number),
            ("time", Kind::Number),
            ("states/s", Kind::Number),
            ("verdict", Kind::Prose),
        ];
        let row = |outcome: &Outcome| {
            let coverage = &outcome.coverage;
            let seconds = coverage.elapsed.as_secs_f64();
            vec![
                outcome.job.judge_with(),
                outcome.job.whose(),
                outcome.job.covers(),
                thousands(coverage.states),
                thousands(coverage.transitions),
                coverage.depth.to_string(),
                format!("{seconds:.2} s"),
                thousands((coverage.states as f64 / seconds.max(1e-6)) as u64),
                outcome.verdict.to_string(),
            ]
        };
        table(&COLUMNS, &self.outcomes.iter().map(row).collect::<Vec<_>>(), screen)
    }

    /// What was asked of the rows: which properties, against whom, in which network; once for all that were asked the same.
    fn checked(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let mut asked: Vec<(String, Vec<String>)> = Vec::new();
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.properties.is_empty()) {
            let names: Vec<_> = outcome.properties.iter().map(|property| property.name()).collect();
            let (adversary, network) = (outcome.job.adversary(), outcome.job.network());
            let what = format!("{}; adversary: {adversary}; network: {network}", names.join(", "));
            let judge = outcome.job.judge.to_string();
            match asked.iter_mut().find(|(known, _)| *known == what) {
                Some((_, judges)) if judges.contains(&judge) => {}
                Some((_, judges)) => judges.push(judge),
                None => asked.push((what, vec![judge])),
            }
        }
        let is_one = asked.len() == 1;
        for (what, judges) in asked {
            let whose = if is_one { String::new() } else { format!(" ({})", judges.join(", ")) };
            writeln!(f, "Checked{whose}: {what}.")?;
        }
        Ok(())
    }

    /// What has to be known to read the rows.
    fn remarks(&self, f: &mut impl fmt::Write) -> fmt::Result {
        self.checked(f)?;
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
        if let Some((processes, sent)) = self.shared {
            let them = count(processes as u64, "process", "processes");
            writeln!(f, "Shared by {them}: this one has sent {} bytes to the others.", thousands(sent))?;
        }
        let within: u64 = self.outcomes.iter().filter_map(|outcome| outcome.within_views).sum();
        if within > 0 {
            writeln!(
                f,
                "Unbounded: a state is what is left when every honest replica has left a view, a step one whole view; \
                 {} visited within views.",
                were(within)
            )?;
        }
        Ok(())
    }
}

impl Checked {
    /// What is printed, for a screen of so many columns if that is given.
    pub(crate) fn printed(&self, screen: Option<usize>) -> String {
        let mut out = match self.subject.departs() {
            None => format!("Rules: {}\n\n", self.subject.name()),
            Some(how) => format!("Rules: {} ({how})\n\n", self.subject.name()),
        };
        let mut below = String::new();
        // A string takes everything.
        let _ = self.below(&mut below);
        out = fitted(&out, screen);
        out.push_str(&self.table(screen));
        out.push_str("\n\n");
        out.push_str(&fitted(&below, screen));
        out
    }

    /// What stands below the table.
    fn below(&self, f: &mut impl fmt::Write) -> fmt::Result {
        self.remarks(f)?;
        f.write_str(&unexercised(self))?;
        self.conclusion().summary(self.outcomes.iter().map(|outcome| &outcome.coverage), f)?;
        if let Some((property, steps, trace)) = self.shortest() {
            let deliveries = trace.steps().len() as u64;
            write!(
                f,
                "\nThe shortest counterexample, {} of the judge, {}:\n\n",
                count(steps as u64, "step", "steps"),
                count(deliveries, "delivery", "deliveries"),
            )?;
            f.write_str(&trace.to_text(Some(property)))?;
            if let Some(file) = &self.written {
                write!(f, "\nWritten to {}\n", file.display())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed(None))
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

    /// The judge, and what it leaves out because something else stands for it.
    pub(crate) fn judge_with(&self) -> String {
        match self.reductions {
            Reductions::NONE => self.judge.to_string(),
            Reductions::ALL => format!("{} (all)", self.judge),
            some => format!("{} ({some})", self.judge),
        }
    }

    /// Against whom, in words.
    pub(crate) fn adversary(&self) -> &'static str {
        match self.judge {
            _ if self.bound.byzantine.is_empty() => "nobody",
            JudgeKind::Liveness => {
                "the most general one over the alphabet of the bound, and five conducts where views have no end"
            }
            _ => "the most general one over the alphabet of the bound",
        }
    }

    /// What becomes of messages, in words.
    pub(crate) fn network(&self) -> &'static str {
        match (self.judge, self.bound.scope.lossy) {
            (JudgeKind::Liveness, false) => "asynchronous until it becomes stable",
            (JudgeKind::Liveness, true) => "asynchronous and lossy until it becomes stable",
            _ => "asynchronous: what was sent arrives at any time, in any order, again, or never",
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
            Verdict::Violated { property, steps, .. } => {
                write!(f, "VIOLATED: {property}, in {}", count(*steps as u64, "step", "steps"))
            }
            Verdict::NotExhausted(limit) => write!(f, "not exhausted ({limit})"),
            Verdict::Refused(_) => f.write_str("no verdict"),
        }
    }
}
