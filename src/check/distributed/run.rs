//! A check that several processes share, from the finding of each other to what comes of each job.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::beats;
use super::cluster::{self, News};
use super::counted::Counted;
use super::ids::Team;
use super::links::{Links, linked};
use super::peers::Peers;
use super::quiet::be_quiet_about_lost_links;
use super::shards::Shards;
use super::shared::{Kind, Shared, SharedJob};
use super::worker::Finish;
use crate::check::builder::CheckError;
use crate::check::job::{Job, JudgeKind};
use crate::check::limits::{Limit, Limits, Lost, Process, Progress};
use crate::check::outcome::{Outcome, Verdict};
use crate::check::overseer::{self, overseen};
use crate::check::plan::Plan;
use crate::check::question::PlanError;
use crate::check::run::{expand, of_panicked_rule};
use crate::check::save::SaveError;
use crate::check::search::Coverage;
use crate::check::validate::{properties_of, validate};
use crate::check::watch::Watch;
use crate::engine::{fingerprint, guarded};
use crate::interrupt;
use crate::model::{Delivery, GuardModel, MessageGraph, System};
use crate::pbft::Rules;

/// How often it is looked how far all are.
const TICK: Duration = Duration::from_millis(20);
/// How long it is waited, after a limit, until all threads have come to the end of what they are at.
const TO_END: Duration = Duration::from_secs(10);
/// How long it is waited until all that was sent has left.
const TO_LEAVE: Duration = Duration::from_secs(5);

/// What has to be the same of two processes, or of one and of what another has written.
const KIND: (&str, u32, bool) = (env!("CARGO_PKG_VERSION"), usize::BITS, cfg!(target_endian = "big"));

/// What all jobs of a check are run under.
pub(in crate::check) struct Together<'a> {
    pub peers: &'a Peers,
    pub rules: &'static dyn Rules,
    /// The name of the rules.
    pub name: &'a str,
    pub limits: Limits,
    pub deadline: Option<Instant>,
    pub stop: &'a Arc<AtomicBool>,
    pub watch: &'a dyn Watch,
}

/// What came of all jobs, and the bytes that this process has sent to others.
pub(in crate::check) struct RanTogether {
    pub outcomes: Vec<Outcome>,
    pub sent: u64,
    /// Why shares were not kept.
    pub failures: Vec<SaveError>,
}

/// What is heard of the threads of this process and of the other processes.
struct Ears {
    news: Receiver<News>,
    losses: Receiver<(Process, Lost)>,
    is_over: Arc<AtomicBool>,
}

impl Together<'_> {
    /// Runs all jobs, each by all processes, one after the other.
    ///
    /// # Errors
    /// A judge that processes do not share; or processes that do not find each other.
    pub fn run(&self, plan: &Plan) -> Result<RanTogether, CheckError> {
        for job in &plan.jobs {
            validate(job, self.rules, plan.property)?;
        }
        let sent = Arc::new(AtomicU64::new(0));
        let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
        let all = || self.run_all(plan, &sent, &mut outcomes, &mut failures);
        let ran = overseen(&self.limits, self.deadline, self.stop, || guarded(all));
        match ran {
            Ok(Ok(done)) => done?,
            Ok(Err(panicked)) => {
                let why = Verdict::Refused(of_panicked_rule(&panicked));
                self.fill(plan, &mut outcomes, &why)?;
            }
            Err(limit) => self.fill(plan, &mut outcomes, &Verdict::NotExhausted(limit))?,
        }
        Ok(RanTogether { outcomes, sent: sent.load(Relaxed), failures })
    }

    /// What is said of the jobs of which nothing is known yet.
    fn fill(&self, plan: &Plan, outcomes: &mut Vec<Outcome>, verdict: &Verdict) -> Result<(), CheckError> {
        for job in &plan.jobs[outcomes.len()..] {
            let properties = properties_of(job, self.rules, plan.property)?;
            outcomes.push(Outcome { properties, ..Outcome::of(job, Coverage::default(), verdict.clone()) });
        }
        Ok(())
    }

    fn run_all(
        &self,
        plan: &Plan,
        sent: &Arc<AtomicU64>,
        outcomes: &mut Vec<Outcome>,
        failures: &mut Vec<SaveError>,
    ) -> Result<(), CheckError> {
        let team = Team { processes: self.peers.processes() as u32, threads: self.limits.threads as u32 };
        let jobs = plan.jobs.iter().enumerate();
        let jobs =
            jobs.map(|(place, job)| self.shared(place, job, plan, team)).collect::<Result<Vec<_>, _>>()?;
        let jobs: Arc<[Arc<dyn Shared>]> = jobs.into();
        let links = linked(self.peers, self.fingerprint(plan)?)?;
        let ears = self.start(&jobs, team, links, sent)?;
        let mut lost = None;
        for (place, (job, shared)) in plan.jobs.iter().zip(&*jobs).enumerate() {
            let mut finish = None;
            let progress = Progress { stop: Arc::clone(self.stop), ..Progress::default() };
            let whose = format!("{} {}", job.judge_with(), job.whose());
            self.watch.watch(&whose, &progress, &mut || {
                let end = lost.map_or_else(|| ears.await_job(place, &**shared, &progress, &self.limits), Err);
                finish = Some(end);
            });
            let finish = finish.ok_or(CheckError::NotRun)?;
            lost = finish.as_ref().err().copied();
            let outcome = shared.outcome(finish.unwrap_or_else(Finish::Limited));
            failures.extend(shared.failure());
            let properties = properties_of(job, self.rules, plan.property)?;
            outcomes.push(Outcome { properties, ..outcome });
        }
        ears.await_end(lost.is_some());
        Ok(())
    }

    /// A job as the threads of this process do it.
    fn shared(
        &self,
        place: usize,
        job: &Job,
        plan: &Plan,
        team: Team,
    ) -> Result<Arc<dyn Shared>, CheckError> {
        let system = System::new(job.bound.clone(), self.rules).map_err(PlanError::from)?;
        let shards = self.shards(place, job, plan, team)?;
        let (system, of) = (Arc::new(system), (team, self.limits, shards));
        Ok(match job.judge {
            JudgeKind::Guards => {
                let kind = Kind { new: GuardModel::new, unrolled: expand };
                Arc::new(SharedJob::new(job, &system, plan.property, of, kind))
            }
            _ => {
                let unrolled = |model: &MessageGraph, path: &[Delivery]| {
                    path.iter().map(|step| model.expand(step)).collect()
                };
                let kind = Kind { new: MessageGraph::new, unrolled };
                Arc::new(SharedJob::new(job, &system, plan.property, of, kind))
            }
        })
    }

    /// Where the shares of a job are kept, if they are. What is there already has to be of the same job.
    fn shards(&self, place: usize, job: &Job, plan: &Plan, team: Team) -> Result<Option<Shards>, CheckError> {
        let Some(folder) = &self.peers.shards else { return Ok(None) };
        fs::create_dir_all(folder).map_err(|why| SaveError::Io(folder.clone(), why))?;
        let asked = (self.name, plan.property.map(|property| property.name()), serde_json::to_string(job)?);
        let stands_for = fingerprint(&(KIND, team.processes, team.threads, asked));
        let shards = Shards::new(folder, stands_for, place);
        for worker in team.threads_of(self.peers.own) {
            shards.levels(worker)?;
        }
        Ok(Some(shards))
    }

    /// What stands for the check: processes that share it have to be of the same.
    fn fingerprint(&self, plan: &Plan) -> Result<u128, CheckError> {
        let limits = (self.limits.threads as u64, self.limits.max_states, self.peers.processes() as u64);
        let limits = (limits, self.peers.shards.is_some());
        let asked =
            (self.name, plan.property.map(|property| property.name()), serde_json::to_string(&plan.jobs)?);
        Ok(fingerprint(&(KIND, limits, asked)))
    }

    fn start(
        &self,
        jobs: &Arc<[Arc<dyn Shared>]>,
        team: Team,
        links: Links,
        sent: &Arc<AtomicU64>,
    ) -> Result<Ears, CheckError> {
        be_quiet_about_lost_links();
        let (news_of, news) = mpsc::channel();
        let (lost, losses) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut sockets, mut beating) = (Vec::new(), Vec::new());
        for (process, link) in (0..).map(Process).zip(links) {
            sockets.push(link.map(|link| {
                beating.push((process, link.beats));
                Counted::new(link.states, sent)
            }));
        }
        beats::keep(beating, self.peers.patience, &is_over, &lost).map_err(CheckError::Processes)?;
        let over = interrupt::current();
        cluster::start(Arc::clone(jobs), (team, self.peers.own), sockets, over, news_of)
            .map_err(CheckError::Processes)?;
        Ok(Ears { news, losses, is_over })
    }
}

impl Ears {
    /// Waits until all threads have come to the end of a job, or do so no more.
    fn await_job(
        &self,
        place: usize,
        job: &dyn Shared,
        progress: &Progress,
        limits: &Limits,
    ) -> Result<Finish, Limit> {
        let mut interrupted: Option<Instant> = None;
        let mut broken: Option<Instant> = None;
        loop {
            match self.news.recv_timeout(TICK) {
                Ok(News::Done(of, finish)) if of == place => {
                    show(job.progress(), progress);
                    return Ok(finish);
                }
                Ok(News::Over) | Err(RecvTimeoutError::Disconnected) => {
                    broken.get_or_insert_with(Instant::now);
                    std::thread::sleep(TICK);
                }
                Ok(News::Done(..)) | Err(RecvTimeoutError::Timeout) => {}
            }
            show(job.progress(), progress);
            if let Ok((process, how)) = self.losses.try_recv() {
                // It may have ended since all is done, and this is about to be heard.
                if let Ok(News::Done(of, finish)) = self.news.recv_timeout(10 * TICK)
                    && of == place
                {
                    return Ok(finish);
                }
                return Err(Limit::Lost(process, how));
            }
            if broken.is_some_and(|since| since.elapsed() > TO_LEAVE) {
                let why = "the threads of this process have ended before they were done; please report this";
                return Ok(Finish::Refused(why.to_owned()));
            }
            if interrupt::is_set() {
                let since = *interrupted.get_or_insert_with(Instant::now);
                if since.elapsed() > TO_END
                    && let Err(cause) = interrupt::caught(interrupt::poll)
                {
                    return Err(overseer::limit(cause, limits));
                }
            }
        }
    }

    /// Lets what was sent leave before the process ends, so that nobody takes it for lost; not if somebody is.
    fn await_end(&self, is_lost: bool) {
        self.is_over.store(true, Relaxed);
        if is_lost {
            return;
        }
        let until = Instant::now() + TO_LEAVE;
        while let Ok(News::Done(..)) = self.news.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
        }
    }
}

/// Shows whoever looks on how far a job is.
fn show(from: &Progress, to: &Progress) {
    for (from, to) in [
        (&from.states, &to.states),
        (&from.frontier, &to.frontier),
        (&from.depth, &to.depth),
        (&from.transitions, &to.transitions),
        (&from.walked, &to.walked),
    ] {
        to.store(from.load(Relaxed), Relaxed);
    }
}
