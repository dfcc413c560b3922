//! A check that a limit ended, in a file, and how it goes on from there.
//!
//! What is written of a search is what its [`Halted`] holds: the fingerprints and parents of the states that
//! were visited, and the states that are still to be expanded; and what made the judge's tables grow
//! ([`Recorded`]), since the numbers of which states consist mean nothing without them. When the file is
//! read, the tables are made again by the real replicas, and have to come out as they were.
//!
//! A file is written beside its place and moved there when it is complete, and ends in a checksum: a file
//! that is damaged or cut short is never taken for a whole one.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::job::{Job, JudgeKind};
use super::levels::Frontier;
use super::outcome::{Outcome, Verdict};
use super::search::{Coverage, Halted};
use super::visited::Visited;
use crate::files;
use crate::model::{
    BoundError, GraphState, GuardModel, GuardState, MessageGraph, Property, Recorded, System, properties,
};
use crate::pbft::{RuleCount, Rules};
use crate::subject::{Catalogue, Pbft};
use crate::trace::TraceFile;

/// What every saved check begins with; the number is that of the form.
const MAGIC: &[u8; 16] = b"bft-check run 1\n";
/// Bytes of the checksum at the end.
const SUM: u64 = 16;

/// A run that a limit ended: its model, with all that its tables hold, and its search.
#[derive(Debug)]
pub struct Unfinished(pub(super) Suspended);

#[derive(Debug)]
pub(super) enum Suspended {
    Message(Box<MessageGraph>, Halted<GraphState>),
    Guards(Box<GuardModel>, Halted<GuardState>),
}

/// What is known of a job that was run before.
#[derive(Debug)]
pub enum Kept {
    /// It ended by itself.
    Done(Outcome),
    /// A limit ended it.
    Unfinished(Unfinished),
    /// Nothing that would help: it has to run again. So it is with liveness, and with what had no verdict.
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
    #[error(
        "{path} was saved by a check of {saved}, and this is one of {asked}: give --resume with the same arguments"
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is of.
        saved: String,
        /// What was asked for.
        asked: String,
    },
    /// The judge does not come to the same tables.
    #[error(
        "{0} was saved by another build: the replicas no longer do what they did then; start the check again"
    )]
    Build(PathBuf),
    /// The bound makes no sense.
    #[error(transparent)]
    Bound(#[from] BoundError),
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

/// Everything that is asked, as a reader of an error sees it.
fn asked(rules: &str, property: Option<Property>, jobs: &[&Job]) -> String {
    let property = property.map_or_else(String::new, |property| format!(", {property} only"));
    let mut seen: Vec<String> = Vec::new();
    for job in jobs {
        let who: Vec<_> = job.bound.byzantine.iter().map(ToString::to_string).collect();
        let who = if who.is_empty() { "nobody".to_owned() } else { who.join(",") };
        seen.push(format!("{} {} with {who} Byzantine", job.judge, job.bound.scope));
    }
    format!("the rules {rules}{property} ({})", seen.join("; "))
}

/// Writes what a check came to, so that [`read`] can go on with it. An existing file is replaced when all is
/// written, and left alone if that fails.
///
/// # Errors
/// The file cannot be written.
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
            match &unfinished.0 {
                Suspended::Message(model, halted) => write_search(&**model, halted, &mut out)?,
                Suspended::Guards(model, halted) => write_search(&**model, halted, &mut out)?,
            }
        }
        let sum = out.sum.digest128().to_le_bytes();
        out.inner.write_all(&sum)
    };
    files::write_with(path, all).map_err(|error| SaveError::Io(path.to_owned(), error))
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
    };
    let kept = match &outcome.verdict {
        _ if unfinished.is_some() => KeptRow::Unfinished,
        _ if outcome.job.judge == JudgeKind::Liveness => KeptRow::Nothing,
        Verdict::Holds | Verdict::Vacuous => done(None),
        Verdict::Violated { property, steps, trace } => {
            let trace = trace.to_json(subject.name(), Some(*property))?;
            done(Some(ViolatedRow { property: *property, steps: *steps, trace }))
        }
        Verdict::NotExhausted(_) | Verdict::Refused(_) => KeptRow::Nothing,
    };
    Ok(Row { job: outcome.job.clone(), kept })
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
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let content = checked(path)?;
    let file = File::open(path).map_err(failed)?;
    let mut file = BufReader::with_capacity(1 << 18, file.take(MAGIC.len() as u64 + content));
    file.read_exact(&mut [0; MAGIC.len()]).map_err(failed)?;
    let Header { rules, property: of, rows, .. } = read_header(path, &mut file)?;
    let saved: Vec<&Job> = rows.iter().map(|row| &row.job).collect();
    let wanted: Vec<&Job> = jobs.iter().collect();
    if rules != subject.name() || of != property || saved != wanted {
        return Err(SaveError::Other {
            path: path.to_owned(),
            saved: asked(&rules, of, &saved),
            asked: asked(subject.name(), property, &wanted),
        });
    }
    let build = || SaveError::Build(path.to_owned());
    rows.into_iter()
        .map(|Row { job, kept }| match kept {
            KeptRow::Nothing => Ok(Kept::Nothing),
            KeptRow::Done { coverage, violated, unreached, rules } => {
                let outcome = done(subject, &job, &coverage, violated, &unreached);
                outcome.map(|outcome| Kept::Done(Outcome { rules, ..outcome })).ok_or_else(build)
            }
            KeptRow::Unfinished => {
                let search = read_run(&job, subject.rules(), &mut file);
                let search = search.map_err(|error| match error {
                    ReadError::Bound(error) => error.into(),
                    ReadError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => failed(error),
                    ReadError::Io(_) | ReadError::Unfit => build(),
                })?;
                Ok(Kept::Unfinished(search))
            }
        })
        .collect()
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
    let length = read_u64(file).map_err(failed)?;
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
            trace.violation(property)?;
            Verdict::Violated { property, steps, trace: Box::new(trace) }
        }
    };
    let system = System::new(job.bound.clone(), subject.rules()).ok()?;
    let names: Vec<_> = properties::<GuardModel>(&system).into_iter().map(|property| property.name).collect();
    let unreached = unreached.iter().map(|what| names.iter().copied().find(|name| name == what));
    let unreached = unreached.collect::<Option<_>>()?;
    let coverage = Coverage { states, transitions, depth, elapsed };
    Some(Outcome::of(job, coverage, verdict).without(unreached))
}

fn write_search<M: Recorded>(model: &M, halted: &Halted<M::State>, out: &mut impl Write) -> io::Result<()> {
    let journal = model.journal();
    write_words(&journal, out)?;
    out.write_all(&model.digest().to_le_bytes())?;
    out.write_all(&halted.transitions.to_le_bytes())?;
    out.write_all(&halted.elapsed.as_secs().to_le_bytes())?;
    out.write_all(&halted.elapsed.subsec_nanos().to_le_bytes())?;
    let reached: Vec<u32> = halted.reached.iter().map(|&reached| reached.into()).collect();
    write_words(&reached, out)?;
    out.write_all(&(halted.visited.len() as u64).to_le_bytes())?;
    for parent in halted.visited.parents() {
        out.write_all(&parent.to_le_bytes())?;
    }
    for slot in halted.visited.slots() {
        out.write_all(&slot.to_le_bytes())?;
    }
    out.write_all(&halted.frontier.depth.to_le_bytes())?;
    for level in [&halted.frontier.level, &halted.frontier.next] {
        out.write_all(&(level.len() as u64).to_le_bytes())?;
        for (state, number) in level {
            out.write_all(&number.to_le_bytes())?;
            write_words(M::numbers(state), out)?;
        }
    }
    Ok(())
}

enum ReadError {
    Io(io::Error),
    Unfit,
    Bound(BoundError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

fn read_run(job: &Job, rules: &'static dyn Rules, file: &mut impl Read) -> Result<Unfinished, ReadError> {
    let system = Arc::new(System::new(job.bound.clone(), rules).map_err(ReadError::Bound)?);
    Ok(Unfinished(match job.judge {
        JudgeKind::Message => {
            let model = Box::new(MessageGraph::new(system));
            let halted = read_search(&*model, file)?;
            Suspended::Message(model, halted)
        }
        JudgeKind::Guards => {
            let model = Box::new(GuardModel::new(system));
            let halted = read_search(&*model, file)?;
            Suspended::Guards(model, halted)
        }
        JudgeKind::Liveness | JudgeKind::Unbounded => return Err(ReadError::Unfit),
    }))
}

fn read_search<M: Recorded>(model: &M, file: &mut impl Read) -> Result<Halted<M::State>, ReadError> {
    let journal = read_words(file)?;
    model.replay(&journal).map_err(|_| ReadError::Unfit)?;
    if read_u128(file)? != model.digest() {
        return Err(ReadError::Unfit);
    }
    let transitions = read_u64(file)?;
    let elapsed = Duration::new(read_u64(file)?, read_u32(file)?.min(999_999_999));
    let reached = read_words(file)?.into_iter().map(|reached| reached != 0).collect();
    let states = 0..read_u64(file)?;
    // One is read after the other.
    let from = RefCell::new(&mut *file);
    let parents = states.clone().map(|_| read_u32(*from.borrow_mut()));
    let slots = states.map(|_| read_u128(*from.borrow_mut()));
    let visited = Visited::told(parents, slots)?.ok_or(ReadError::Unfit)?;
    let depth = read_u64(file)?;
    let mut level = || -> Result<Vec<(M::State, u32)>, ReadError> {
        let length = read_u64(file)?;
        let state = |_| {
            let number = read_u32(file)?;
            let state = model.numbered(&read_words(file)?).ok_or(ReadError::Unfit)?;
            Ok((state, number))
        };
        (0..length).map(state).collect()
    };
    let (level, next) = (level()?, level()?);
    Ok(Halted {
        visited,
        frontier: Frontier { level, next, depth, is_torn: false },
        transitions,
        elapsed,
        reached,
    })
}

/// Writes through, and sums up what was written.
struct Summed<W> {
    inner: W,
    sum: Xxh3,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn write_words(words: &[u32], out: &mut impl Write) -> io::Result<()> {
    out.write_all(&(words.len() as u64).to_le_bytes())?;
    words.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
}

fn read_words(file: &mut impl Read) -> io::Result<Vec<u32>> {
    let length = read_u64(file)?;
    (0..length).map(|_| read_u32(file)).collect()
}

fn read_u32(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_u64(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn read_u128(file: &mut impl Read) -> io::Result<u128> {
    let mut bytes = [0; 16];
    file.read_exact(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}
