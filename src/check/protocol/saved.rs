//! A check of a protocol of one's own in a file, and how it goes on from there.
//!
//! Nothing of the protocol's own types stands in it. What nodes have come to is had again when the same is handed to new ones,
//! and held against a digest; what it was checked for cannot be had again, so that the program has to be the very same.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::AskedOfProtocol;
use super::quorums::{HaltedRow, are_steps};
use super::quorums_told::Described;
use super::report::{Row, Verdict};
use super::rounds::{Kept, Known, Suspended};
use super::run::{self, Job};
#[cfg(feature = "cli")]
use crate::check::builder::CheckError;
use crate::check::save::search::{ReadError, read_graph, read_search, write_graph, write_search};
use crate::check::save::{Body, CoverageRow, SaveError, VERSION, open_file, write_file};
use crate::check::words::{Polled, Summed};
use crate::engine::{FairGraph, Graph};
use crate::protocol::{Network, NodeId, Protocol};
use crate::trace::StoryFile;

#[derive(Serialize, Deserialize)]
struct Header {
    version: String,
    protocol: String,
    /// A digest of the program, where the system lets it read itself.
    program: Option<String>,
    nodes: usize,
    /// Flags of the protocol's own.
    parameters: Vec<(String, String)>,
    /// What happens before the check begins and comes from outside, in words.
    bound: String,
    property: Option<String>,
    unstable_rounds: Option<u64>,
    rows: Vec<RowHeader>,
}

#[derive(Serialize, Deserialize)]
struct RowHeader {
    job: Job,
    kept: KeptRow,
    /// What it says of itself, where whole quorums are steps.
    quorums: Option<Described>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptRow {
    Holds(CoverageRow),
    Vacuous(CoverageRow),
    /// With the trace in the project's own form.
    Violated(CoverageRow, usize, String),
    Unfinished,
    /// It has to run again.
    Nothing,
}

/// Writes what a check came to, so that [`open`] can go on with it.
///
/// # Errors
/// The file cannot be written, or it was interrupted.
pub(super) fn write<P: Protocol>(
    path: &Path,
    protocol: &P,
    asked: &AskedOfProtocol,
    jobs: &[Job],
    rows: &[Known<'_, P>],
) -> Result<(), SaveError> {
    let kept = |(job, known): (&Job, &Known<'_, P>)| {
        let row = known.row.filter(|_| are_steps(protocol, asked) && !job.is_liveness);
        let quorums = row.map(Described::of);
        Ok(RowHeader { job: job.clone(), kept: kept_row(known)?, quorums })
    };
    let header = Header {
        version: VERSION.to_owned(),
        protocol: protocol.name(),
        program: program(),
        nodes: protocol.nodes(),
        parameters: asked.parameters.clone(),
        bound: run::bound(protocol, asked),
        property: asked.property.clone(),
        unstable_rounds: asked.unstable_rounds,
        rows: jobs.iter().zip(rows).map(kept).collect::<Result<_, SaveError>>()?,
    };
    write_file(path, &header, |out| {
        rows.iter().filter_map(|known| known.unfinished).try_for_each(|suspended| write_run(suspended, out))
    })
}

fn kept_row<P: Protocol>(known: &Known<'_, P>) -> Result<KeptRow, SaveError> {
    let row = match known {
        Known { unfinished: Some(_), .. } => return Ok(KeptRow::Unfinished),
        Known { row: Some(row), .. } => row,
        Known { row: None, .. } => return Ok(KeptRow::Nothing),
    };
    let coverage = row.coverage.into();
    Ok(match &row.verdict {
        Verdict::Holds => KeptRow::Holds(coverage),
        Verdict::Vacuous => KeptRow::Vacuous(coverage),
        Verdict::Violated { steps, story } => KeptRow::Violated(coverage, *steps, story.to_json()?),
        // That a run goes on for ever is no longer known where it is only acted out.
        Verdict::NotLive { .. } | Verdict::NotExhausted(_) | Verdict::Refused(_) => KeptRow::Nothing,
    })
}

fn write_run<P: Protocol>(suspended: &Suspended<P>, out: &mut Summed<&mut dyn Write>) -> io::Result<()> {
    match suspended {
        Suspended::Safety(graph, Some(halted)) => write_search(&**graph, halted, out),
        Suspended::Liveness(graph, Some(halted)) => write_graph(&**graph, halted, out),
        Suspended::Quorums(halted) => halted.write(out),
        Suspended::Safety(_, None) | Suspended::Liveness(_, None) => {
            Err(io::Error::other("there is no search to write"))
        }
    }
}

/// A digest of the program that runs: of the file that it was started from, whatever stands in its place by now.
fn program() -> Option<String> {
    static OWN: OnceLock<Option<String>> = OnceLock::new();
    OWN.get_or_init(digest).clone()
}

fn digest() -> Option<String> {
    let own = Path::new("/proc/self/exe");
    let path = if own.exists() { own.to_owned() } else { std::env::current_exe().ok()? };
    let mut sum = Summed { inner: io::sink(), sum: Xxh3::new() };
    io::copy(&mut File::open(path).ok()?, &mut sum).ok()?;
    Some(format!("{:032x}", sum.sum.digest128()))
}

/// A saved check whose header was read.
struct Saved {
    header: Header,
    file: Body,
}

/// Reads the header of what [`write()`] wrote.
///
/// # Errors
/// The file is damaged, of PBFT, or no such file.
fn open(path: &Path, here: &str) -> Result<Saved, SaveError> {
    let (header, file) = open_file(path)?;
    if let Some(rules) = header.get("rules").and_then(Value::as_str) {
        let differences = vec![format!("it is of PBFT under the rules {rules}, and this is of {here}")];
        return Err(SaveError::Other { path: path.to_owned(), differences });
    }
    let header = Header::deserialize(header).map_err(|_| SaveError::Damaged(path.to_owned()))?;
    Ok(Saved { header, file })
}

/// With which flags of its own the protocol was that [`write()`] wrote a check of.
///
/// # Errors
/// The file is damaged, of another protocol, or no such file.
#[cfg(feature = "cli")]
pub(crate) fn parameters(path: &Path) -> Result<Vec<(String, String)>, CheckError> {
    Ok(open(path, "a protocol of one's own")?.header.parameters)
}

/// What a saved check is of, and what is known of each of its jobs.
pub(super) struct Resumed {
    pub asked: AskedOfProtocol,
    pub jobs: Vec<Job>,
    saved: Saved,
}

/// The check that a file is of. What was said of it besides has to fit.
///
/// # Errors
/// There is no such file, or it is of another check or program.
pub(super) fn resumed<P: Protocol>(
    path: &Path,
    protocol: &P,
    asked: &AskedOfProtocol,
) -> Result<Resumed, SaveError> {
    let saved = open(path, &protocol.name())?;
    let header = &saved.header;
    let differences = differences(header, protocol, asked);
    if !differences.is_empty() {
        return Err(SaveError::Other { path: path.to_owned(), differences });
    }
    if header.program != program() {
        return Err(SaveError::Build(path.to_owned()));
    }
    let first = header.rows.first().map(|row| &row.job.bound);
    let asked = AskedOfProtocol {
        property: header.property.clone(),
        unstable_rounds: header.unstable_rounds,
        crashes: first.map(|bound| bound.crashes),
        network: first.and_then(|bound| bound.network),
        ..asked.clone()
    };
    let jobs = header.rows.iter().map(|row| row.job.clone()).collect();
    Ok(Resumed { asked, jobs, saved })
}

/// What was said of this check and is otherwise in the file. What was not said is as it is there.
fn differences<P: Protocol>(header: &Header, protocol: &P, asked: &AskedOfProtocol) -> Vec<String> {
    let mut out = Vec::new();
    let mut compare = |what: &str, there: &dyn Display, here: &dyn Display| {
        let (there, here) = (there.to_string(), here.to_string());
        if there != here {
            out.push(format!("{what} is {there} there, and {here} here"));
        }
    };
    compare("the protocol", &header.protocol, &protocol.name());
    for (flag, here) in &asked.parameters {
        let there = header.parameters.iter().find(|(name, _)| name == flag);
        compare(&format!("--{flag}"), &there.map_or("not given", |(_, value)| value), here);
    }
    compare("the number of nodes", &header.nodes, &protocol.nodes());
    let [there, here] =
        [&header.bound, &run::bound(protocol, asked)].map(|words| words.trim_end().replace('\n', " "));
    compare("what comes from outside", &or_nothing(there), &or_nothing(here));
    let any = || "not given".to_owned();
    if let Some(here) = &asked.property {
        compare("--property", &header.property.clone().unwrap_or_else(any), here);
    }
    if let Some(here) = asked.unstable_rounds {
        let there = header.unstable_rounds.unwrap_or(run::UNSTABLE_ROUNDS);
        compare("--unstable-rounds", &there, &here);
    }
    let mut there: Vec<_> = header.rows.iter().map(|row| row.job.bound.byzantine.clone()).collect();
    there.dedup();
    if asked.byzantine != super::ByzantineNodes::Fitting {
        let here = asked.byzantine.placements(protocol.nodes());
        // Liveness has the same placements, behind those of safety.
        let there = if there.len() == 2 * here.len() { &there[..here.len()] } else { &there[..] };
        compare("--byzantine", &placed(there), &placed(&here));
    }
    let Some(bound) = header.rows.first().map(|row| &row.job.bound) else { return out };
    if let Some(here) = asked.crashes {
        compare("--crashes", &bound.crashes, &here);
    }
    if let Some(here) = asked.network {
        let there = bound.network.unwrap_or_else(|| protocol.network());
        compare("the network", &in_words(there), &in_words(here));
    }
    out
}

/// A network in words, whether messages arrive again or not.
fn in_words(network: Network) -> String {
    match network {
        Network::AnyOrder => "any order".to_owned(),
        Network::Fifo { .. } => network.to_string(),
    }
}

fn or_nothing(words: String) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words }
}

/// Placements in words.
fn placed(placements: &[Vec<NodeId>]) -> String {
    let one = |ids: &Vec<NodeId>| match &ids[..] {
        [] => "nobody".to_owned(),
        ids => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    placements.iter().map(one).collect::<Vec<_>>().join(" or ")
}

impl Resumed {
    /// What is known of each job.
    ///
    /// # Errors
    /// The code no longer does what it did, or the file cannot be read.
    pub fn kept<P: Protocol>(self, path: &Path, protocol: &Arc<P>) -> Result<Vec<Kept<P>>, SaveError> {
        let Resumed { asked, saved: Saved { header, file }, .. } = self;
        let build = || SaveError::Build(path.to_owned());
        let mut file = Polled(file);
        let mut kept = Vec::new();
        for RowHeader { job, kept: row, quorums } in header.rows {
            let done = |coverage: CoverageRow, verdict: Verdict| {
                let coverage = coverage.into();
                let row = match quorums.clone() {
                    Some(described) => described.row(coverage, verdict),
                    None => Row { coverage, ..job.row(protocol, &asked, verdict).map_err(|_| build())? },
                };
                Ok::<_, SaveError>(Kept::Done(row))
            };
            kept.push(match row {
                KeptRow::Nothing => Kept::Nothing,
                KeptRow::Holds(coverage) => done(coverage, Verdict::Holds)?,
                KeptRow::Vacuous(coverage) => done(coverage, Verdict::Vacuous)?,
                KeptRow::Violated(coverage, steps, trace) => {
                    let (_, story) = StoryFile::replay(&trace, Arc::clone(protocol)).map_err(|_| build())?;
                    if story.violation.is_none() {
                        return Err(build());
                    }
                    done(coverage, Verdict::Violated { steps, story: Box::new(story) })?
                }
                KeptRow::Unfinished if are_steps(&**protocol, &asked) && !job.is_liveness => {
                    let halted = HaltedRow::read(&mut file);
                    let halted = halted.map_err(|error| ReadError::from(error).in_file(path))?;
                    Kept::Unfinished(Suspended::Quorums(Box::new(halted)))
                }
                KeptRow::Unfinished => {
                    let graph = job.graph(protocol, &asked).map_err(|_| build())?;
                    if graph.refusal().is_some() {
                        return Err(build());
                    }
                    Kept::Unfinished(
                        read_run(&job, graph, &asked, &mut file).map_err(|error| error.in_file(path))?,
                    )
                }
            });
        }
        Ok(kept)
    }
}

fn read_run<P: Protocol>(
    job: &Job,
    graph: Graph<P>,
    asked: &AskedOfProtocol,
    file: &mut Polled<Body>,
) -> Result<Suspended<P>, ReadError> {
    if job.is_liveness {
        let graph = Box::new(FairGraph::new(graph, asked.rounds()));
        let halted = Some(read_graph(&*graph, file)?);
        return Ok(Suspended::Liveness(graph, halted));
    }
    let graph = Box::new(graph);
    let halted = Some(read_search(&*graph, file)?);
    Ok(Suspended::Safety(graph, halted))
}
