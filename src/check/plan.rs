//! From what is wanted of a check to jobs: what was asked for, or by default what a subject names.

use super::builder::Check;
use super::job::{Job, JudgeKind, jobs};
use super::question::{PlanError, Question};
use super::validate::{all_of_guards, is_led_honestly, is_unbounded, validate};
use crate::model::{Bound, Byzantine, Property, Reductions, Scope, System};
use crate::pbft::ReplicaId;
use crate::subject::Pbft;

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One after the other.
    pub jobs: Vec<Job>,
    /// The one property that is checked, if not all are.
    pub property: Option<Property>,
}

/// The bound of the default check of liveness.
const LIVE: Scope = Scope { requests: 1, ..Scope::DEFAULT };

impl Check<Pbft> {
    /// The jobs that answer what is asked: those of the judge that was asked for, or by default of judge *guards*, to which
    /// a check of which nothing was said but its subject adds runs of the other judges.
    ///
    /// # Errors
    /// What makes no sense, or would do nothing.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let (subject, rules) = (&self.subject, self.subject.rules());
        let question = self.asked.question.or(subject.property().map(Question::Only));
        let (property, liveness) =
            (question.and_then(Question::property), question.is_some_and(Question::is_liveness));
        let base = if liveness && subject.property().is_none() { LIVE } else { subject.scope() };
        let scope = self.asked.sizes.applied_to(base);
        let byzantine = self.asked.byzantine.clone().unwrap_or(Byzantine::Count(scope.faults));
        let judge = self.judge_of(liveness, &byzantine)?;
        if judge == JudgeKind::Unbounded {
            is_unbounded(&scope)?;
        }
        let bound = Bound::new(scope, []);
        let mut planned = jobs(judge, &bound, &byzantine, rules)?;
        if property == Some(Property::NoDeadEnd) {
            if scope.views != 1 {
                return Err(PlanError::SeveralViews);
            }
            planned.retain(|job| is_led_honestly(&job.bound, rules));
            if planned.is_empty() {
                return Err(PlanError::ByzantinePrimary);
            }
        }
        for job in &mut planned {
            if let Some(reductions) = self.asked.reductions {
                let is_all = reductions == Reductions::ALL;
                job.reductions = match judge {
                    JudgeKind::Guards if is_all && property != Some(Property::NoDeadEnd) => {
                        all_of_guards(&System::new(job.bound.clone(), rules)?)
                    }
                    _ => reductions,
                };
            }
            validate(job, rules, property)?;
        }
        let others = self.of_other_judges(question, &bound, &byzantine)?;
        planned.extend(others);
        Ok(Plan { jobs: planned, property })
    }

    /// The jobs of other judges that a check adds of which nothing was said, under rules of which nothing is known.
    fn of_other_judges(
        &self,
        question: Option<Question>,
        bound: &Bound,
        byzantine: &Byzantine,
    ) -> Result<Vec<Job>, PlanError> {
        let is_default = self.asked.judge.is_none()
            && self.asked.reductions.is_none()
            && self.asked.byzantine.is_none()
            && !self.asked.sizes.restrict()
            && self.subject.departs().is_none();
        let (mut added, rules) = (Vec::new(), self.subject.rules());
        if is_default && question.is_none() {
            added.extend(jobs(JudgeKind::Unbounded, bound, byzantine, rules)?);
            added.extend(jobs(JudgeKind::Liveness, &Bound::new(LIVE, []), byzantine, rules)?);
        }
        if is_default && !question.is_some_and(Question::is_liveness) {
            let one_view = Bound::new(Scope { views: 1, ..bound.scope }, []);
            let primary = Byzantine::Ids(vec![ReplicaId(0)]);
            let by_messages = jobs(JudgeKind::Message, &one_view, &primary, rules)?;
            let property = question.and_then(Question::property);
            added.extend(by_messages.into_iter().filter(|job| validate(job, rules, property).is_ok()));
        }
        Ok(added)
    }

    /// Which judge explores.
    fn judge_of(&self, liveness: bool, byzantine: &Byzantine) -> Result<JudgeKind, PlanError> {
        match self.asked.judge {
            Some(judge) if liveness && judge != JudgeKind::Liveness && judge != JudgeKind::Guards => {
                Err(PlanError::NotLive(judge))
            }
            Some(JudgeKind::Unbounded) if matches!(byzantine, Byzantine::Ids(_)) => Err(PlanError::Placed),
            Some(JudgeKind::Unbounded) if self.asked.sizes.views.is_some() => Err(PlanError::EveryView),
            Some(judge) if !liveness => Ok(judge),
            _ if liveness => Ok(JudgeKind::Liveness),
            _ => Ok(JudgeKind::Guards),
        }
    }
}
