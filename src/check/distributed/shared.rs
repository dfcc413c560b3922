//! A job as all processes run it, whatever its judge.

use std::sync::Arc;

use stateright::Property as Checked;
use timely::worker::Worker as Engine;

use super::dataflow;
use super::dictionary::Dictionary;
use super::ids::{Team, WorkerId};
use super::key::Key;
use super::shards::Shards;
use super::task::Task;
use super::worker::{Finish, Worker};
use crate::check::job::Job;
use crate::check::limits::{Limits, Progress};
use crate::check::outcome::Outcome;
use crate::check::overseer;
use crate::check::run::{outcome, selected};
use crate::check::save::SaveError;
use crate::check::search::{Coverage, End, Report};
use crate::engine::{Fingerprint, Portable};
use crate::interrupt::{self, Over};
use crate::model::{Event, Judge, Property, System};
use crate::pbft::Principal;

/// A job of which every thread does a part.
pub(super) trait Shared: Send + Sync {
    /// Does the part of a thread. None if it came to no end.
    fn search(&self, engine: &mut Engine, over: Option<Over>) -> Option<Finish>;

    /// How far all are.
    fn progress(&self) -> &Progress;

    /// Why a share of it was not kept, if one was not.
    fn failure(&self) -> Option<SaveError>;

    /// What came of it.
    fn outcome(&self, finish: Finish) -> Outcome;
}

/// How a judge is made, and its steps become the deliveries that they stand for.
pub(super) struct Kind<M: Portable> {
    pub new: fn(Arc<System>) -> M,
    pub unrolled: fn(&M, &[M::Action]) -> Deliveries,
}

type Deliveries = Vec<(Principal, Event)>;

/// A job of a judge.
pub(super) struct SharedJob<M: Portable> {
    job: Job,
    system: Arc<System>,
    property: Option<Property>,
    task: Arc<Task<M>>,
    kind: Kind<M>,
}

impl<M: Judge + Portable> SharedJob<M> {
    /// A job that nobody has begun.
    pub fn new(
        job: &Job,
        system: &Arc<System>,
        property: Option<Property>,
        (team, limits, shards): (Team, Limits, Option<Shards>),
        kind: Kind<M>,
    ) -> Self {
        let (system, model) = (Arc::clone(system), Arc::new((kind.new)(Arc::clone(system))));
        let task = Arc::new(Task::new(model, team, limits, shards));
        SharedJob { job: job.clone(), system, property, task, kind }
    }

    fn properties(&self) -> Vec<Checked<M>> {
        selected(&*self.task.model, self.property)
    }

    /// The steps through states of these keys, of which the last is an initial state's. Where several steps lead to the same, it is
    /// the first. They are those of a judge that has met nothing else, so that nothing depends on what this process has met.
    fn retraced(&self, keys: &[Key]) -> Deliveries
    where
        M::Action: Clone,
    {
        let model = Arc::new((self.kind.new)(Arc::clone(&self.system)));
        let dictionary = Dictionary::new(Arc::clone(&model), 0);
        let key = |from: Option<&[u32]>, state: &M::State| {
            let numbers = M::numbers(state);
            dictionary.enter(from, &numbers);
            let content =
                |(place, &n): (usize, &u32)| dictionary.content(model.table(place), n).unwrap_or_default();
            Key::of(numbers.iter().enumerate().map(content).fold(0, Fingerprint::wrapping_add))
        };
        let mut keys = keys.iter().rev();
        let mut state =
            keys.next().and_then(|first| model.init_states().into_iter().find(|s| key(None, s) == *first));
        let mut steps = Vec::new();
        for wanted in keys {
            let Some(from) = &state else { break };
            let mut actions = Vec::new();
            model.actions(from, &mut actions);
            let numbers = M::numbers(from);
            let step = actions.into_iter().find_map(|action| {
                let next = model.next_state(from, action.clone())?;
                (key(Some(&numbers), &next) == *wanted).then_some((action, next))
            });
            let Some((action, next)) = step else { break };
            steps.push(action);
            state = Some(next);
        }
        (self.kind.unrolled)(&model, &steps)
    }
}

impl<M> Shared for SharedJob<M>
where
    M: Judge + Portable + Send + Sync + 'static,
    M::Action: Clone,
{
    fn search(&self, engine: &mut Engine, over: Option<Over>) -> Option<Finish> {
        let _over = interrupt::enter(over);
        let begun = self.task.begin();
        let me = WorkerId(engine.index() as u32);
        let mut worker = Worker::new(&self.task, me, self.properties());
        if let Err(interrupted) = begun {
            worker.end(overseer::limit(interrupted, &self.task.limits).into());
        }
        dataflow::search(engine, worker)
    }

    fn progress(&self) -> &Progress {
        &self.task.progress
    }

    fn failure(&self) -> Option<SaveError> {
        self.task.failure.lock().ok()?.take()
    }

    fn outcome(&self, finish: Finish) -> Outcome {
        let properties = self.properties();
        let named = |wanted: stateright::Expectation| {
            let of = properties.iter().filter(move |p| p.expectation == wanted);
            of.map(|p| p.name).collect::<Vec<_>>()
        };
        let mut deliveries = Vec::new();
        let end = match finish {
            Finish::Exhausted => End::Exhausted,
            Finish::Limited(limit) => End::Limited(limit),
            Finish::Violated(property, keys) => {
                let always = named(stateright::Expectation::Always);
                let path = vec![(); keys.len() - 1];
                deliveries = interrupt::undisturbed(|| self.retraced(&keys));
                End::Violated { property: always.get(property).copied().unwrap_or_default(), path }
            }
            Finish::Refused(why) => {
                let verdict = crate::check::Verdict::Refused(why);
                return Outcome::of(&self.job, Coverage::so_far(self.progress(), self.task.begun()), verdict);
            }
        };
        let is_reached = self.task.reached.lock().map(|reached| reached.clone()).unwrap_or_default();
        let sometimes = named(stateright::Expectation::Sometimes);
        let (reached, unreached): (Vec<_>, Vec<_>) =
            (0..).zip(sometimes).partition(|&(place, _)| is_reached.get(place as usize) == Some(&true));
        let names = |these: Vec<(u32, &'static str)>| these.into_iter().map(|(_, name)| name).collect();
        let coverage = Coverage::so_far(self.progress(), self.task.begun());
        let report = Report { coverage, end, reached: names(reached), unreached: names(unreached) };
        let levels = self.progress().levels();
        let outcome = outcome(&self.job, &self.system, report, |path, _| (path.len(), deliveries));
        Outcome { levels, ..outcome }
    }
}
