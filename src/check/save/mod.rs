//! A check that a limit ended, in a file, and how it goes on from there.
//!
//! What is written of a search is what its [`Halted`] holds: the fingerprints and parents of the states that
//! were visited, and the states that are still to be expanded; and what made the judge's tables grow
//! (`Recorded`), since the numbers of which states consist mean nothing without them. When the file is
//! read, the tables are made again by the real replicas, and have to come out as they were.
//!
//! A file is written beside its place and moved there when it is complete, and ends in a checksum: a file
//! that is damaged or cut short is never taken for a whole one.

mod search;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use self::search::{
    ReadError, read_duration, read_graph, read_search, write_duration, write_graph, write_search,
};
use super::antichain::HaltedChain;
use super::job::{Job, JudgeKind};
use super::liveness::{self, UnfinishedLiveness};
use super::outcome::{Outcome, Verdict};
use super::run::{of_judge_guards, reduced_model};
use super::search::{Coverage, Halted};
use super::unbounded::{self, HaltedUnbounded, UnfinishedUnbounded};
use super::validate::properties_of;
use super::words::{Polled, Summed, Word, read_json, write_json};
use crate::files;
use crate::interrupt;
use crate::model::{
    BoundError, Found, GraphState, GuardModel, GuardState, MessageGraph, Property, Reduced, Reductions,
    Symmetric, System, UnboundedModel, UnboundedState, UnboundedStep, properties,
};
use crate::pbft::{RuleCount, Rules};
use crate::subject::{Catalogue, Pbft};
use crate::trace::TraceFile;

/// What every saved check begins with; the number is that of the form.
const MAGIC: &[u8; 16] = b"bft-check run 2\n";
/// Bytes of the checksum at the end.
const SUM: u64 = 16;

/// A run that a limit ended: its model, with all that its tables hold, and its search.
#[derive(Debug)]
pub struct Unfinished(pub(super) Suspended);

#[derive(Debug)]
pub(super) enum Suspended {
    Message(Box<MessageGraph>, Halted<GraphState>),
    Guards(Box<GuardModel>, Halted<GuardState>),
    Reduced(Box<Reduced>, Option<Halted<GuardState>>),
    Symmetric(Box<Symmetric<GuardModel>>, Option<Halted<GuardState>>),
    Both(Box<Symmetric<Reduced>>, Option<Halted<GuardState>>),
    Liveness(Box<UnfinishedLiveness>),
    Unbounded(Box<UnfinishedUnbounded>),
}

/// What is known of a job that was run before.
#[derive(Debug)]
pub enum Kept {
    /// It ended by itself.
    Done(Outcome),
    /// A limit ended it.
    Unfinished(Unfinished),
    /// Nothing that would help: it has to run again. So it is with what had no verdict.
    Nothing,
}

/// Why a check cannot be saved, or not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// It is something else.
    #[error("{0} is not what bft check --save writes")]
    Foreign(PathBuf),
    /// Its checksum is wrong.
    #[error("{0} is damaged or cut short: it does not match its checksum, so nothing in it can be relied on")]
    Damaged(PathBuf),
    /// Another version wrote it.
    #[error("{0} was saved by bft-check {1}, and this is {2}: go on with the version that saved it")]
    Version(PathBuf, String, &'static str),
    /// It is of another check.
    #[error("{path} was saved by another check: {differences}; leave that out, or begin anew without --resume", differences = .differences.join("; "))]
    Other {
        /// The file.
        path: PathBuf,
        /// What is otherwise.
        differences: Vec<String>,
    },
    /// The judge does not come to the same tables.
    #[error(
        "{0} was saved by another build: the replicas no longer do what they did then; start the check again"
    )]
    Build(PathBuf),
    /// The bound makes no sense.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// It takes longer to write than the check may still take.
    #[error(
        "--save {0}: given up, since to write it takes longer than there was time left for; what was there before is as it was"
    )]
    GivenUp(PathBuf),
    /// A counterexample cannot be written.
    #[error("a counterexample cannot be written: {0}")]
    Trace(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: String,
    rules: String,
    property: Option<Property>,
    rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    job: Job,
    kept: KeptRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptRow {
    Done {
        coverage: CoverageRow,
        violated: Option<ViolatedRow>,
        unreached: Vec<String>,
        rules: Option<Vec<RuleCount>>,
        within_views: Option<u64>,
    },
    Unfinished,
    Nothing,
}

#[derive(Serialize, Deserialize)]
struct CoverageRow {
    states: u64,
    transitions: u64,
    depth: u64,
    elapsed: Duration,
}

#[derive(Serialize, Deserialize)]
struct ViolatedRow {
    property: Property,
    steps: usize,
    /// The trace in the project's own form.
    trace: String,
}

/// Writes what a check came to, so that [`read`] can go on with it. An existing file is replaced when all is
/// written, and left alone if that fails.
///
/// # Errors
/// The file cannot be written, or it was interrupted.
pub fn write(
    path: &Path,
    subject: &Pbft,
    property: Option<Property>,
    rows: &[(&Outcome, Option<&Unfinished>)],
) -> Result<(), SaveError> {
    let header = Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules: subject.name().to_owned(),
        property,
        rows: rows.iter().map(|row| kept_row(subject, row)).collect::<Result<_, _>>()?,
    };
    let header = serde_json::to_vec(&header)?;
    let all = |out: &mut dyn Write| {
        let mut out = Summed { inner: out, sum: Xxh3::new() };
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for unfinished in rows.iter().filter_map(|(_, unfinished)| *unfinished) {
            write_run(unfinished, &mut out)?;
        }
        let sum = out.sum.digest128().to_le_bytes();
        out.inner.write_all(&sum)
    };
    let written = interrupt::caught(|| files::write_with(path, all));
    let written = written.map_err(|_| SaveError::GivenUp(path.to_owned()))?;
    written.map_err(|error| SaveError::Io(path.to_owned(), error))
}

fn kept_row(
    subject: &Pbft,
    (outcome, unfinished): &(&Outcome, Option<&Unfinished>),
) -> Result<Row, SaveError> {
    let Coverage { states, transitions, depth, elapsed } = outcome.coverage;
    let done = |violated| KeptRow::Done {
        coverage: CoverageRow { states, transitions, depth, elapsed },
        violated,
        unreached: outcome.unreached.iter().map(ToString::to_string).collect(),
        rules: outcome.rules.clone(),
        within_views: outcome.within_views,
    };
    let kept = match &outcome.verdict {
        _ if unfinished.is_some() => KeptRow::Unfinished,
        Verdict::Holds | Verdict::Vacuous => done(None),
        Verdict::Violated { property, steps, trace } => {
            let trace = trace.to_json(subject.name(), Some(*property))?;
            done(Some(ViolatedRow { property: *property, steps: *steps, trace }))
        }
        Verdict::NotExhausted(_) | Verdict::Refused(_) => KeptRow::Nothing,
    };
    Ok(Row { job: outcome.job.clone(), kept })
}

/// A saved check whose header was read.
pub(super) struct Saved {
    path: PathBuf,
    header: Header,
    file: io::Take<BufReader<File>>,
}

/// Reads the header of what [`write()`] wrote.
///
/// # Errors
/// The file is damaged, or no such file.
pub(super) fn open(path: &Path) -> Result<Saved, SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let content = checked(path)?;
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let mut file = file.take(MAGIC.len() as u64 + content);
    file.read_exact(&mut [0; MAGIC.len()]).map_err(failed)?;
    let header = read_header(path, &mut file)?;
    Ok(Saved { path: path.to_owned(), header, file })
}

/// Under which rulebook a check was that [`write()`] wrote.
///
/// # Errors
/// The file is damaged, or no such file.
#[cfg(feature = "cli")]
pub(crate) fn rules(path: &Path) -> Result<String, SaveError> {
    open(path).map(|saved| saved.header.rules)
}

impl Saved {
    pub fn rules(&self) -> &str {
        &self.header.rules
    }

    pub fn property(&self) -> Option<Property> {
        self.header.property
    }

    pub fn jobs(&self) -> Vec<Job> {
        self.header.rows.iter().map(|row| row.job.clone()).collect()
    }

    /// What is known of each job.
    ///
    /// # Errors
    /// The replicas no longer do what they did, or the file cannot be read.
    pub fn kept(self, subject: &Pbft) -> Result<Vec<Kept>, SaveError> {
        let Saved { path, header: Header { rows, property, .. }, file } = self;
        let mut file = Polled(file);
        let build = || SaveError::Build(path.clone());
        rows.into_iter()
            .map(|Row { job, kept }| match kept {
                KeptRow::Nothing => Ok(Kept::Nothing),
                KeptRow::Done { coverage, violated, unreached, rules, within_views } => {
                    let outcome = done(subject, &job, &coverage, violated, &unreached).ok_or_else(build)?;
                    let properties = properties_of(&job, subject.rules(), property).map_err(|_| build())?;
                    Ok(Kept::Done(Outcome { rules, within_views, properties, ..outcome }))
                }
                KeptRow::Unfinished => {
                    let search = read_run(&job, subject.rules(), &mut file);
                    let search = search.map_err(|error| match error {
                        ReadError::Bound(error) => error.into(),
                        ReadError::Io(error) => match error.kind() {
                            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => build(),
                            _ => SaveError::Io(path.clone(), error),
                        },
                        ReadError::Unfit => build(),
                    })?;
                    Ok(Kept::Unfinished(search))
                }
            })
            .collect()
    }
}

/// Reads what [`write()`] wrote of a check of these jobs: what is known of each.
///
/// # Errors
/// The file is damaged, or of another check.
pub fn read(
    path: &Path,
    subject: &Pbft,
    property: Option<Property>,
    jobs: &[Job],
) -> Result<Vec<Kept>, SaveError> {
    let saved = open(path)?;
    let mut differences = Vec::new();
    if saved.rules() != subject.name() {
        differences.push(format!("it is of the rules {}, and this is of {}", saved.rules(), subject.name()));
    }
    if saved.property() != property {
        let named = |property: Option<Property>| property.map_or("all properties", Property::name);
        differences.push(format!("it is of {}, and this is of {}", named(saved.property()), named(property)));
    }
    if saved.jobs() != jobs {
        differences.push("it is of other judges, bounds or placements".to_owned());
    }
    if !differences.is_empty() {
        return Err(SaveError::Other { path: path.to_owned(), differences });
    }
    saved.kept(subject)
}

/// Whether a file is a saved check, whole and of this form; how many bytes stand between its beginning and its checksum.
fn checked(path: &Path) -> Result<u64, SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let damaged = || SaveError::Damaged(path.to_owned());
    let length = fs::metadata(path).map_err(failed)?.len();
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let mut magic = [0; MAGIC.len()];
    let begins = file.read_exact(&mut magic);
    let alike = magic.iter().zip(MAGIC).take_while(|(a, b)| a == b).count();
    match begins {
        Ok(()) if &magic == MAGIC => {}
        Ok(()) if alike >= b"bft-check run ".len() => {
            let form = String::from_utf8_lossy(&magic).trim().to_owned();
            return Err(SaveError::Version(path.to_owned(), form, env!("CARGO_PKG_VERSION")));
        }
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(failed(error)),
        _ => return Err(SaveError::Foreign(path.to_owned())),
    }
    let content = length.checked_sub(MAGIC.len() as u64 + SUM).ok_or_else(damaged)?;
    let mut sum = Summed { inner: io::sink(), sum: Xxh3::new() };
    let mut is_whole = || {
        sum.write_all(MAGIC)?;
        io::copy(&mut file.by_ref().take(content), &mut sum)?;
        let mut told = [0; SUM as usize];
        file.read_exact(&mut told)?;
        Ok(u128::from_le_bytes(told) == sum.sum.digest128())
    };
    match is_whole() {
        Ok(true) => Ok(content),
        Err(error) if io::Error::kind(&error) != io::ErrorKind::UnexpectedEof => Err(failed(error)),
        _ => Err(damaged()),
    }
}

/// The header of a file that was checked, if this version wrote it.
fn read_header(path: &Path, file: &mut impl Read) -> Result<Header, SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let damaged = || SaveError::Damaged(path.to_owned());
    let length = u64::read(file).map_err(failed)?;
    let mut header = Vec::new();
    file.by_ref().take(length).read_to_end(&mut header).map_err(failed)?;
    let header: serde_json::Value = serde_json::from_slice(&header).map_err(|_| damaged())?;
    let own = env!("CARGO_PKG_VERSION");
    let version = header.get("version").and_then(|version| version.as_str()).unwrap_or("unknown");
    if version != own {
        return Err(SaveError::Version(path.to_owned(), version.to_owned(), own));
    }
    Header::deserialize(header).map_err(|_| damaged())
}

/// The outcome of a run that had ended; none if a counterexample is no longer one.
fn done(
    subject: &Pbft,
    job: &Job,
    coverage: &CoverageRow,
    violated: Option<ViolatedRow>,
    unreached: &[String],
) -> Option<Outcome> {
    let &CoverageRow { states, transitions, depth, elapsed } = coverage;
    let verdict = match violated {
        None => Verdict::Holds,
        Some(ViolatedRow { property, steps, trace }) => {
            let trace = TraceFile::read(&trace, &Catalogue::of([subject.clone()])).ok()?.trace;
            match property.is_liveness() {
                true => trace.lasso().filter(|lasso| lasso.property == property).map(drop)?,
                false => trace.violation(property).map(drop)?,
            }
            Verdict::Violated { property, steps, trace: Box::new(trace) }
        }
    };
    let system = System::new(job.bound.clone(), subject.rules()).ok()?;
    let names: Vec<_> = properties::<GuardModel>(&system).into_iter().map(|property| property.name).collect();
    let names: Vec<_> = names.into_iter().chain(UnboundedModel::GOOD).chain([liveness::WAITS]).collect();
    let unreached = unreached.iter().map(|what| names.iter().copied().find(|name| name == what));
    let unreached = unreached.collect::<Option<_>>()?;
    let coverage = Coverage { states, transitions, depth, elapsed };
    Some(Outcome::of(job, coverage, verdict).without(unreached))
}

fn write_run(unfinished: &Unfinished, out: &mut impl Write) -> io::Result<()> {
    match &unfinished.0 {
        Suspended::Message(model, halted) => write_search(&**model, halted, out),
        Suspended::Guards(model, halted) => write_search(&**model, halted, out),
        Suspended::Reduced(model, Some(halted)) => write_search(&**model, halted, out),
        Suspended::Symmetric(model, Some(halted)) => write_search(&**model, halted, out),
        Suspended::Both(model, Some(halted)) => write_search(&**model, halted, out),
        Suspended::Reduced(_, None) | Suspended::Symmetric(_, None) | Suspended::Both(_, None) => {
            Err(io::Error::other("there is no search to write"))
        }
        Suspended::Liveness(unfinished) => {
            let UnfinishedLiveness { model, halted, covered, has_looked } = &**unfinished;
            write_coverage(covered, out)?;
            u8::from(*has_looked).write(out)?;
            write_graph(&**model, halted, out)
        }
        Suspended::Unbounded(unfinished) => {
            let UnfinishedUnbounded { model, reductions, halted } = &**unfinished;
            write_json(reductions, out)?;
            write_json(&model.found(), out)?;
            match halted {
                HaltedUnbounded::Chain(halted) => write_json(halted, out),
                HaltedUnbounded::All(halted) => write_search(&**model, halted, out),
            }
        }
    }
}

fn read_run(job: &Job, rules: &'static dyn Rules, file: &mut impl Read) -> Result<Unfinished, ReadError> {
    let system = || System::new(job.bound.clone(), rules).map(Arc::new);
    Ok(Unfinished(match job.judge {
        JudgeKind::Message => {
            let model = Box::new(MessageGraph::new(system()?));
            let halted = read_search(&*model, file)?;
            Suspended::Message(model, halted)
        }
        JudgeKind::Guards if of_judge_guards(job.reductions) => {
            match reduced_model(job, &system()?).ok_or(ReadError::Unfit)? {
                Suspended::Reduced(model, _) => {
                    let halted = read_search(&*model, file)?;
                    Suspended::Reduced(model, Some(halted))
                }
                Suspended::Symmetric(model, _) => {
                    let halted = read_search(&*model, file)?;
                    Suspended::Symmetric(model, Some(halted))
                }
                Suspended::Both(model, _) => {
                    let halted = read_search(&*model, file)?;
                    Suspended::Both(model, Some(halted))
                }
                _ => return Err(ReadError::Unfit),
            }
        }
        JudgeKind::Guards => {
            let model = Box::new(GuardModel::new(system()?));
            let halted = read_search(&*model, file)?;
            Suspended::Guards(model, halted)
        }
        JudgeKind::Liveness => {
            let (covered, has_looked) = (read_coverage(file)?, u8::read(file)? != 0);
            let model = Box::new(liveness::new_model(job, rules)?);
            let halted = read_graph(&*model, file)?;
            Suspended::Liveness(Box::new(UnfinishedLiveness { model, halted, covered, has_looked }))
        }
        JudgeKind::Unbounded => {
            let reductions: Reductions = read_json(file)?;
            let model = Box::new(unbounded::new_model(job, rules, reductions)?);
            let found: Option<Found> = read_json(file)?;
            model.finds(found.ok_or(ReadError::Unfit)?);
            let halted = if model.leaves_out_subsumed() {
                HaltedUnbounded::Chain(read_chain(&model, file)?)
            } else {
                HaltedUnbounded::All(read_search(&*model, file)?)
            };
            Suspended::Unbounded(Box::new(UnfinishedUnbounded { model, reductions, halted }))
        }
    }))
}

fn read_chain(
    model: &UnboundedModel,
    file: &mut impl Read,
) -> Result<HaltedChain<UnboundedState, UnboundedStep>, ReadError> {
    let chain: HaltedChain<UnboundedState, UnboundedStep> = read_json(file)?;
    let (kept, met) = (chain.kept.len(), chain.kept.iter().chain(&chain.next));
    let is_fit = |place: usize, parent: Option<usize>| parent.is_none_or(|parent| parent < place);
    let are_fit = chain.kept.iter().enumerate().all(|(place, met)| is_fit(place, met.parent))
        && chain.next.iter().all(|met| is_fit(kept, met.parent))
        && met
            .flat_map(|met| [Some(&met.state), met.action.as_ref()])
            .flatten()
            .all(|state| model.knows(state))
        && chain.maximal.iter().all(|&place| place < kept && model.reach(&chain.kept[place].state).is_some())
        && chain.left <= kept;
    if are_fit { Ok(chain) } else { Err(ReadError::Unfit) }
}

fn write_coverage(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    let Coverage { states, transitions, depth, elapsed } = coverage;
    [states, transitions, depth].into_iter().try_for_each(|count| count.write(out))?;
    write_duration(*elapsed, out)
}

fn read_coverage(file: &mut impl Read) -> io::Result<Coverage> {
    let (states, transitions, depth) = (u64::read(file)?, u64::read(file)?, u64::read(file)?);
    Ok(Coverage { states, transitions, depth, elapsed: read_duration(file)? })
}
