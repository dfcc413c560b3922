//! Going on with a saved check: what it is of stands in its file, and what is said besides has to fit that.

use std::path::Path;

use super::builder::{Check, CheckError};
use super::job::{Job, JudgeKind, jobs};
use super::plan::Plan;
use super::question::Question;
use super::save::{self, Kept, SaveError, Saved};
use super::validate::all_of_guards;
use crate::interrupt::{self, Allowance, Interrupted};
use crate::model::{Bound, Reductions, Scope, Store, System};
use crate::subject::Pbft;

impl Check<Pbft> {
    /// What a saved check is of, and what is known of it; or which limit was reached while that was read.
    ///
    /// # Errors
    /// There is no such file, or it is of another check than what was said.
    pub(super) fn resumed(
        &self,
        path: &Path,
        allowance: &Allowance<'_>,
    ) -> Result<(Plan, Result<Vec<Kept>, Interrupted>), CheckError> {
        let saved = save::open(path)?;
        let differences = self.differences(&saved)?;
        if !differences.is_empty() {
            return Err(SaveError::Other { path: path.to_owned(), differences }.into());
        }
        let plan = Plan { jobs: saved.jobs(), property: saved.property() };
        match interrupt::overseen(allowance, || interrupt::late(|| saved.kept(&self.subject))) {
            Ok(kept) => Ok((plan, Ok(kept?))),
            Err(interrupted) => Ok((plan, Err(interrupted))),
        }
    }

    /// What was said of this check and is otherwise in the file, flag by flag. What was not said is as it is there.
    fn differences(&self, saved: &Saved) -> Result<Vec<String>, CheckError> {
        let mut out = Differences(Vec::new());
        out.compare("rules", saved.rules().to_owned(), self.subject.name().to_owned());
        let saved_jobs = saved.jobs();
        if let Some(first) = saved_jobs.first() {
            self.sizes(&first.bound.scope, &mut out);
            self.question(saved, &saved_jobs, &mut out);
            self.judges(first, &saved_jobs, &mut out)?;
        }
        Ok(out.0)
    }

    /// How much is explored.
    fn sizes(&self, scope: &Scope, out: &mut Differences) {
        let sizes = &self.asked.sizes;
        let number =
            |value: Option<u64>| value.map_or_else(|| "not given".to_owned(), |value| value.to_string());
        for (flag, there, here) in [
            ("replicas", Some(scope.replicas.into()), sizes.replicas.map(u64::from)),
            ("faults", Some(scope.faults.into()), sizes.faults.map(u64::from)),
            ("views", Some(scope.views), sizes.views),
            ("slots", Some(scope.slots), sizes.slots),
            ("requests", Some(scope.requests.into()), sizes.requests.map(u64::from)),
            ("checkpoint", scope.checkpoint, sizes.checkpoint),
            ("window", scope.window, sizes.window),
            ("crashes", Some(scope.crashes.into()), sizes.crashes.map(u64::from)),
            ("reads", Some(scope.reads.into()), sizes.reads.map(u64::from)),
        ] {
            if here.is_some() {
                out.compare(flag, number(there), number(here));
            }
        }
        for (flag, there, here) in [
            ("lossy-store", scope.store == Store::LosesLast, sizes.lossy_store),
            ("clients", scope.clients, sizes.clients),
            ("lossy", scope.lossy, sizes.lossy),
        ] {
            let said = |is_on: bool| if is_on { "given" } else { "not given" }.to_owned();
            if here {
                out.compare(flag, said(there), said(here));
            }
        }
    }

    /// What is asked about.
    fn question(&self, saved: &Saved, jobs: &[Job], out: &mut Differences) {
        let named = |question: Option<Question>| match question {
            None => "all".to_owned(),
            Some(Question::Liveness) => "liveness".to_owned(),
            Some(Question::Only(property)) => property.to_string(),
        };
        if self.asked.question.is_some() {
            let is_live = jobs.iter().all(|job| job.judge == JudgeKind::Liveness);
            let there = saved.property().map(Question::Only).or(is_live.then_some(Question::Liveness));
            out.compare("property", named(there), named(self.asked.question));
        }
    }

    /// Who explores, and who is Byzantine.
    fn judges(&self, first: &Job, saved: &[Job], out: &mut Differences) -> Result<(), CheckError> {
        let rules = self.subject.rules();
        if let Some(judge) = self.asked.judge {
            let are_all = |judge: JudgeKind| saved.iter().all(|job| job.judge == judge);
            let there = if are_all(first.judge) { first.judge.to_string() } else { "each".to_owned() };
            // Liveness is a question to judge guards.
            let is_it = are_all(judge) || (judge == JudgeKind::Guards && are_all(JudgeKind::Liveness));
            out.compare("judge", if is_it { judge.to_string() } else { there }, judge.to_string());
        }
        if let Some(reductions) = self.asked.reductions {
            let meant = match first.judge {
                JudgeKind::Guards if reductions == Reductions::ALL => {
                    all_of_guards(&System::new(first.bound.clone(), rules).map_err(SaveError::from)?)
                }
                _ => reductions,
            };
            out.compare("reduce", first.reductions.to_string(), meant.to_string());
        }
        if let Some(byzantine) = &self.asked.byzantine {
            let placed = |jobs: &[Job]| {
                let of_first = jobs.iter().filter(|job| job.judge == first.judge);
                of_first.map(Job::whose).collect::<Vec<_>>().join(" and ")
            };
            let meant = jobs(first.judge, &Bound::new(first.bound.scope, []), byzantine, rules);
            out.compare("byzantine", placed(saved), placed(&meant.map_err(SaveError::from)?));
        }
        Ok(())
    }
}

/// What is one thing in the file, and another here.
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, flag: &str, there: String, here: String) {
        if there != here {
            self.0.push(format!("--{flag} is {there} there, and {here} here"));
        }
    }
}
