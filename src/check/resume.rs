//! Going on with a saved check: what it is of stands in its file, and what is said besides has to fit that.

use std::path::Path;

use super::builder::{Check, CheckError};
use super::job::{Job, JudgeKind, jobs};
use super::plan::Plan;
use super::question::Question;
use super::save::{self, Kept, SaveError, Saved};
use super::validate::all_of_guards;
use crate::model::{Bound, Reductions, Store, System};
use crate::subject::Pbft;

impl Check<Pbft> {
    /// What a saved check is of, and what is known of it.
    ///
    /// # Errors
    /// There is no such file, or it is of another check than what was said.
    pub(super) fn resumed(&self, path: &Path) -> Result<(Plan, Vec<Kept>), CheckError> {
        let saved = save::open(path)?;
        let differences = self.differences(&saved)?;
        if !differences.is_empty() {
            return Err(SaveError::Other { path: path.to_owned(), differences }.into());
        }
        let plan = Plan { jobs: saved.jobs(), property: saved.property() };
        Ok((plan, saved.kept(&self.subject)?))
    }

    /// What was said of this check and is otherwise in the file, flag by flag. What was not said is as it is there.
    fn differences(&self, saved: &Saved) -> Result<Vec<String>, CheckError> {
        let mut out = Vec::new();
        let mut differs = |flag: &str, there: String, here: String| {
            if there != here {
                out.push(format!("--{flag} is {there} there, and {here} here"));
            }
        };
        differs("rules", saved.rules().to_owned(), self.subject.name().to_owned());
        let saved_jobs = saved.jobs();
        let Some(first) = saved_jobs.first() else { return Ok(out) };
        let scope = first.bound.scope;
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
                differs(flag, number(there), number(here));
            }
        }
        for (flag, there, here) in [
            ("lossy-store", scope.store == Store::LosesLast, sizes.lossy_store),
            ("clients", scope.clients, sizes.clients),
            ("lossy", scope.lossy, sizes.lossy),
        ] {
            let said = |is_on: bool| if is_on { "given" } else { "not given" }.to_owned();
            if here {
                differs(flag, said(there), said(here));
            }
        }
        if let Some(question) = self.asked.question {
            let named = |question: Option<Question>| match question {
                None => "all".to_owned(),
                Some(Question::Liveness) => "liveness".to_owned(),
                Some(Question::Only(property)) => property.to_string(),
            };
            let is_live = saved_jobs.iter().all(|job| job.judge == JudgeKind::Liveness);
            let there = saved.property().map(Question::Only).or(is_live.then_some(Question::Liveness));
            differs("property", named(there), named(Some(question)));
        }
        if let Some(judge) = self.asked.judge {
            let there: Vec<_> = saved_jobs.iter().map(|job| job.judge).collect();
            let is_one = there.iter().all(|&other| other == judge)
                || (judge == JudgeKind::Guards && there.iter().all(|&other| other == JudgeKind::Liveness));
            let there = if there.iter().all(|other| *other == there[0]) {
                there[0].to_string()
            } else {
                "each".into()
            };
            differs("judge", if is_one { judge.to_string() } else { there }, judge.to_string());
        }
        if let Some(reductions) = self.asked.reductions {
            let meant = match first.judge {
                JudgeKind::Guards if reductions == Reductions::ALL => all_of_guards(
                    &System::new(first.bound.clone(), self.subject.rules()).map_err(SaveError::from)?,
                ),
                _ => reductions,
            };
            differs("reduce", first.reductions.to_string(), meant.to_string());
        }
        if let Some(byzantine) = &self.asked.byzantine {
            let bound = Bound::new(scope, []);
            let meant =
                jobs(first.judge, &bound, byzantine, self.subject.rules()).map_err(SaveError::from)?;
            let of_first = saved_jobs.iter().filter(|job| job.judge == first.judge);
            let placed =
                |jobs: &mut dyn Iterator<Item = &Job>| jobs.map(Job::whose).collect::<Vec<_>>().join(" and ");
            differs("byzantine", placed(&mut of_first.into_iter()), placed(&mut meant.iter()));
        }
        Ok(out)
    }
}
