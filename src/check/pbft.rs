//! The front door for PBFT: what can be asked of it, and the check itself.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::builder::{Check, CheckError};
use super::conclusion::Conclusion;
#[cfg(feature = "distributed")]
use super::job::Job;
use super::job::JudgeKind;
use super::limits::{Limit, Limits, Progress, deadline};
use super::outcome::{Outcome, Verdict};
use super::overseer;
use super::plan::Plan;
#[cfg(feature = "distributed")]
use super::question::PlanError;
use super::question::Question;
use super::report::Checked;
use super::save::{self, Kept, SaveError, Unfinished};
use super::schedule::Schedule;
use super::search::Coverage;
use super::sizes::Sizes;
use super::subject::{IntoSubject, Subject};
use super::watch::{Unwatched, Watch};
use crate::bugs::Rulebook;
use crate::interrupt::Allowance;
use crate::model::{Byzantine, Property, Reductions};
use crate::subject::Pbft;
use crate::trace::{Trace, beside_the_build};

/// What is asked of PBFT beyond the limits of every check.
#[derive(Clone, Debug, Default)]
pub struct AskedOfPbft {
    pub(super) sizes: Sizes,
    pub(super) byzantine: Option<Byzantine>,
    pub(super) judge: Option<JudgeKind>,
    pub(super) reductions: Option<Reductions>,
    pub(super) question: Option<Question>,
}

impl Subject for Pbft {
    type Asked = AskedOfPbft;
    type Byzantine = Byzantine;
    type Question = Question;

    fn place(asked: &mut AskedOfPbft, who: Byzantine) {
        asked.byzantine = Some(who);
    }

    fn ask(asked: &mut AskedOfPbft, question: Question) {
        asked.question = Some(question);
    }
}

impl IntoSubject for Pbft {
    type Subject = Pbft;

    fn into_subject(self) -> Pbft {
        self
    }
}

impl IntoSubject for &Rulebook {
    type Subject = Pbft;

    fn into_subject(self) -> Pbft {
        self.into()
    }
}

/// Setters of one size each, named after it.
macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.asked.sizes.$name = Some($name);
                self
            }
        )*
    };
}

/// What came of a check whose files are not written yet.
pub(crate) struct Searched {
    pub checked: Checked,
    property: Option<Property>,
    /// Of each row what it takes to go on, if a limit ended it.
    unfinished: Vec<Option<Unfinished>>,
    /// What ends the writing of it.
    deadline: Option<Instant>,
    stop: Arc<AtomicBool>,
}

impl Searched {
    /// Whether a process was lost that had a share of it.
    #[cfg(all(feature = "cli", feature = "distributed"))]
    pub fn is_lost(&self) -> bool {
        let lost = |outcome: &Outcome| matches!(outcome.verdict, Verdict::NotExhausted(Limit::Lost(..)));
        self.checked.outcomes.iter().any(lost)
    }
}

impl Check<Pbft> {
    sizes! {
        /// n: the number of replicas. As many may be faulty as it allows, unless [`faults`](Check::faults) says more.
        replicas: u16;
        /// f: the number of Byzantine replicas that the thresholds tolerate.
        faults: u16;
        /// How many views, from view 0 on; for liveness, before the network is stable.
        views: u64;
        /// How many sequence numbers.
        slots: u64;
        /// How many requests, each of a client of its own.
        requests: u32;
        /// K: a checkpoint at every multiple of it.
        checkpoint: u64;
        /// L: how far the high watermark lies above the low one.
        window: u64;
        /// How often honest replicas crash and recover, all together.
        crashes: u32;
        /// How many requests that only read, each of a further client.
        reads: u32;
    }

    /// Lets a crash lose what the last step wrote to storage.
    pub fn lossy_store(mut self) -> Self {
        self.asked.sizes.lossy_store = true;
        self
    }

    /// Lets clients take part: they wait for replies, and what they believe is checked.
    pub fn clients(mut self) -> Self {
        self.asked.sizes.clients = true;
        self
    }

    /// For liveness: loses what has had no consequence when the network becomes stable.
    pub fn lossy(mut self) -> Self {
        self.asked.sizes.lossy = true;
        self
    }

    /// The one judge that explores.
    pub fn judge(mut self, judge: JudgeKind) -> Self {
        self.asked.judge = Some(judge);
        self
    }

    /// Which states are left out because others stand for them.
    pub fn reductions(mut self, reductions: Reductions) -> Self {
        self.asked.reductions = Some(reductions);
        self
    }

    /// Runs the check.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read or written.
    pub fn run(&self) -> Result<Checked, CheckError> {
        self.run_watched(&Arc::default(), &Unwatched)
    }

    /// Runs the check while somebody looks on. It ends early, not exhausted, when `stop` is set.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use bft_check::check::{Check, Conclusion, Progress, Watch};
    /// use bft_check::subject::Pbft;
    ///
    /// struct Counting(AtomicUsize);
    ///
    /// impl Watch for Counting {
    ///     fn watch(&self, whose: &str, progress: &Progress, work: &mut dyn FnMut()) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///         work();
    ///     }
    /// }
    ///
    /// let counting = Counting(AtomicUsize::new(0));
    /// let check = Check::new(Pbft::paper()).views(1).requests(1).byzantine(0);
    /// let checked = check.run_watched(&Arc::default(), &counting)?;
    /// assert_eq!(checked.conclusion(), Conclusion::Holds);
    /// assert_eq!(checked.outcomes().len(), counting.0.into_inner());
    /// # Ok::<(), bft_check::check::CheckError>(())
    /// ```
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read or written.
    pub fn run_watched(&self, stop: &Arc<AtomicBool>, watch: &dyn Watch) -> Result<Checked, CheckError> {
        let mut searched = self.search_watched(stop, watch)?;
        self.write_files(&mut searched);
        Ok(searched.checked)
    }

    /// Runs the check while somebody looks on, and writes no file: [`Self::write_files`] does.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read.
    pub(crate) fn search_watched(
        &self,
        stop: &Arc<AtomicBool>,
        watch: &dyn Watch,
    ) -> Result<Searched, CheckError> {
        let deadline = deadline(self.timeout);
        let limits = self.limits()?;
        self.can_write()?;
        #[cfg(feature = "distributed")]
        if let Some(peers) = &self.peers {
            return self.search_together(peers, (limits, deadline), stop, watch);
        }
        let allowance = self.allowance(&limits, deadline, stop);
        let (plan, kept) = match &self.resume {
            Some(path) => match self.resumed(path, &allowance)? {
                (plan, Ok(kept)) => (plan, kept),
                (plan, Err(why)) => {
                    let limits = Limits { timeout: self.timeout, ..limits };
                    return Ok(self.unread(&plan, overseer::limit(why, &limits)));
                }
            },
            None => {
                let plan = self.plan()?;
                let kept = plan.jobs.iter().map(|_| Kept::Nothing).collect();
                (plan, kept)
            }
        };
        let (rules, every) = (self.subject.rules(), self.save_every);
        let schedule = Schedule { rules, limits, deadline, stop: Arc::clone(stop), watch, every };
        let mut failures = Vec::new();
        let mut keep = |rows: &[(Outcome, Option<&Unfinished>)]| {
            let Some(path) = &self.save else { return };
            let rows: Vec<_> = rows.iter().map(|(outcome, unfinished)| (outcome, *unfinished)).collect();
            match self.saved(path, &allowance, || save::write(path, &self.subject, plan.property, &rows)) {
                // It is tried once more in the end.
                Ok(()) | Err(SaveError::GivenUp(_)) => {}
                Err(error) if failures.is_empty() => failures.push(error.into()),
                Err(_) => {}
            }
        };
        let ran = schedule.run(&plan, kept, &mut keep)?;
        let (outcomes, unfinished) = ran.into_iter().map(|ran| (ran.outcome, ran.unfinished)).unzip();
        let subject = (*self.subject).clone();
        let checked = Checked { subject, outcomes, saved: None, written: None, failures, shared: None };
        let (property, stop) = (plan.property, Arc::clone(stop));
        Ok(Searched { checked, property, unfinished, deadline, stop })
    }

    /// Runs the check together with other processes.
    #[cfg(feature = "distributed")]
    fn search_together(
        &self,
        peers: &super::distributed::Peers,
        (limits, deadline): (Limits, Option<Instant>),
        stop: &Arc<AtomicBool>,
        watch: &dyn Watch,
    ) -> Result<Searched, CheckError> {
        let (plan, rules, name) = (self.is_shared()?, self.subject.rules(), self.subject.name());
        // Each process searches on one thread unless it is said.
        let limits = Limits { threads: self.threads.unwrap_or(1), timeout: self.timeout, ..limits };
        let together = super::distributed::Together { peers, rules, name, limits, deadline, stop, watch };
        let super::distributed::RanTogether { outcomes, sent, failures } = together.run(&plan)?;
        let failures = failures.into_iter().map(CheckError::from).collect();
        let unfinished = outcomes.iter().map(|_| None).collect();
        let subject = (*self.subject).clone();
        let shared = Some((peers.processes(), sent));
        let checked = Checked { subject, outcomes, saved: None, written: None, failures, shared };
        let (property, stop) = (plan.property, Arc::clone(stop));
        Ok(Searched { checked, property, unfinished, deadline, stop })
    }

    /// What is run if the check is shared.
    ///
    /// # Errors
    /// What makes no sense, or cannot be shared.
    #[cfg(feature = "distributed")]
    pub(crate) fn is_shared(&self) -> Result<Plan, CheckError> {
        if self.save.is_some() || self.resume.is_some() {
            return Err(CheckError::SharedSave);
        }
        let plan = self.plan()?;
        let is_shared = |job: &Job| match job.judge {
            JudgeKind::Message => true,
            // Which deliveries to clients are steps depends on what a process has met by then.
            JudgeKind::Guards => job.reductions == Reductions::NONE && !job.bound.scope.clients,
            JudgeKind::Unbounded | JudgeKind::Liveness => false,
        };
        match plan.jobs.iter().find(|job| !is_shared(job)) {
            Some(job) => Err(PlanError::NotShared(job.judge).into()),
            None => Ok(plan),
        }
    }

    /// Shares the check with other processes, each of which has to be asked the same: all of them search together, and each comes to the
    /// same outcome. Each searches on one thread unless [`threads`](Check::threads) says otherwise, and a limit of memory is one of
    /// each process. Judge *message* can be shared, and judge *guards* without reductions and clients. What [`save`](Check::save) is for
    /// is done by [`Peers::shards`](super::distributed::Peers::shards).
    ///
    /// ```
    /// use bft_check::check::distributed::Peers;
    /// use bft_check::check::{Check, Conclusion, JudgeKind};
    /// use bft_check::subject::Pbft;
    ///
    /// let check = Check::new(Pbft::paper()).views(1).requests(1).byzantine([0]).judge(JudgeKind::Message);
    /// let alone = check.clone().shared(Peers::here(1, 0)?).run()?;
    /// assert_eq!(alone.conclusion(), Conclusion::Holds);
    /// assert_eq!(alone.outcomes()[0].coverage.states, check.run()?.outcomes()[0].coverage.states);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "distributed")]
    pub fn shared(mut self, peers: super::distributed::Peers) -> Self {
        self.peers = Some(peers);
        self
    }

    /// What comes of a check that a limit ended before all was read with which it was to go on: what was saved stands.
    fn unread(&self, plan: &Plan, limit: Limit) -> Searched {
        let outcome = |job| Outcome::of(job, Coverage::default(), Verdict::NotExhausted(limit));
        let outcomes: Vec<_> = plan.jobs.iter().map(outcome).collect();
        let unfinished = outcomes.iter().map(|_| None).collect();
        let (subject, failures) = ((*self.subject).clone(), Vec::new());
        let checked = Checked { subject, outcomes, saved: None, written: None, failures, shared: None };
        Searched { checked, property: plan.property, unfinished, deadline: None, stop: Arc::default() }
    }

    /// Writes what was asked for: what it takes to go on, if a limit ended something, and the shortest counterexample. What
    /// cannot be written is among the failures then.
    pub(crate) fn write_files(&self, searched: &mut Searched) {
        let Searched { checked, property, unfinished, deadline, stop } = searched;
        if let Some(path) = self.save.as_ref().filter(|_| unfinished.iter().any(Option::is_some)) {
            let rows: Vec<_> = checked.outcomes.iter().zip(unfinished.iter().map(Option::as_ref)).collect();
            let allowance = Allowance { timeout: self.timeout, deadline: *deadline, max_memory: None, stop };
            match self.saved(path, &allowance, || save::write(path, &self.subject, *property, &rows)) {
                Ok(()) => checked.saved = Some(path.clone()),
                Err(error) => checked.failures.push(error.into()),
            }
        }
        if let Some(path) = self.trace.as_ref().filter(|_| checked.shortest().is_some())
            && let Err(error) = checked.write(path)
        {
            checked.failures.push(error);
        }
    }

    /// Runs the check from the end of a run on ([`run_from`](super::run_from)): within the bound of that run, with judge
    /// *guards*.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be written.
    pub fn run_from(
        &self,
        begun: &Trace,
        property: Option<Property>,
        progress: &Progress,
    ) -> Result<Checked, CheckError> {
        let mut searched = self.search_from(begun, property, progress)?;
        self.write_files(&mut searched);
        Ok(searched.checked)
    }

    /// The same, and writes no file.
    ///
    /// # Errors
    /// What makes no sense, before anything is run.
    pub(crate) fn search_from(
        &self,
        begun: &Trace,
        property: Option<Property>,
        progress: &Progress,
    ) -> Result<Searched, CheckError> {
        self.can_write()?;
        let limits = Limits { timeout: self.timeout, ..self.limits()? };
        let outcome = super::run_from(begun, property, &limits, progress)?;
        let (subject, outcomes) = ((*self.subject).clone(), vec![outcome]);
        let checked =
            Checked { subject, outcomes, saved: None, written: None, failures: Vec::new(), shared: None };
        let stop = Arc::clone(&progress.stop);
        Ok(Searched { checked, property, unfinished: vec![None], deadline: None, stop })
    }

    /// Runs the check, for a test: everything that is asked holds, and is exercised.
    ///
    /// # Panics
    /// Unless it holds: with the table and, where something is violated, with the story of the shortest run, which is
    /// written to a file beside the build.
    #[track_caller]
    pub fn assert_holds(&self) {
        let checked = self.run_for_a_test();
        assert!(checked.conclusion() == Conclusion::Holds, "it does not hold\n\n{checked}");
    }

    /// Runs the check, for a test: this property, which alone is looked at, is violated.
    ///
    /// # Panics
    /// If it is not, with the table.
    #[track_caller]
    pub fn assert_violates(&self, property: Property) {
        let checked = self.clone().property(property).run_for_a_test();
        let found = checked.shortest().map(|(found, ..)| found);
        assert!(found == Some(property), "it does not violate {property}\n\n{checked}");
    }

    /// Runs it, and writes a counterexample where a test finds it: beside the build, unless a file was named.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot run its check has failed")]
    fn run_for_a_test(&self) -> Checked {
        let mut checked = self.run().unwrap_or_else(|error| panic!("it cannot be checked: {error}"));
        if self.trace.is_none() && checked.shortest().is_some() {
            let folder = beside_the_build();
            let path = folder.join(format!("{}.json", self.subject.name()));
            if fs::create_dir_all(&folder).is_ok() && checked.write(&path).is_err() {
                checked.written = None;
            }
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::interrupt::{self, Cause, Interrupt, under};

    /// Nothing of what there was before is lost when what is written takes too long, nor is what is read.
    #[test]
    fn a_save_that_is_not_written_in_time_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("x.save"), folder.path().join("y.save"));
        let check = Check::new(Pbft::paper()).views(1).requests(1).byzantine([1]).max_states(10).save(&file);
        let searched = check.search_watched(&Arc::default(), &Unwatched).unwrap();
        let rows: Vec<_> =
            searched.checked.outcomes.iter().zip(searched.unfinished.iter().map(Option::as_ref)).collect();
        let at_once = Arc::new(Interrupt::default());
        at_once.set(Cause::Stopped);
        at_once.end();
        let write = |path: &Path| save::write(path, &check.subject, None, &rows);
        fs::write(&file, "old").unwrap();
        for path in [&file, &other] {
            let given_up = under(Arc::clone(&at_once), || interrupt::late(|| write(path)));
            assert!(matches!(given_up, Err(SaveError::GivenUp(_))), "{given_up:?}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // While there is a moment left it is written, and read.
        let late = Arc::new(Interrupt::default());
        late.set(Cause::Stopped);
        under(Arc::clone(&late), || interrupt::late(|| write(&file))).unwrap();
        let read = || save::open(&file).unwrap().kept(&check.subject).unwrap().len();
        assert_eq!(under(late, || interrupt::late(read)), rows.len());
        assert!(interrupt::caught(|| under(at_once, || interrupt::late(read))).is_err());
    }
}
