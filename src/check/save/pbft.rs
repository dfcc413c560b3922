//! A check of PBFT in a file.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SaveError;
use super::form::{self, Body, CoverageRow, VERSION};
use super::search::{
    ReadError, read_coverage, read_graph, read_search, write_coverage, write_graph, write_search,
};
use crate::check::antichain::HaltedChain;
use crate::check::job::{Job, JudgeKind};
use crate::check::liveness::{self, UnfinishedLiveness};
use crate::check::outcome::{Outcome, Verdict};
use crate::check::run::{of_judge_guards, reduced_model};
use crate::check::search::Halted;
use crate::check::unbounded::{self, HaltedUnbounded, UnfinishedUnbounded};
use crate::check::validate::properties_of;
use crate::check::words::{Polled, Word, read_json, write_json};
use crate::model::{
    Found, GraphState, GuardModel, GuardState, MessageGraph, Property, Reduced, Reductions, Symmetric,
    System, UnboundedModel, UnboundedState, UnboundedStep, properties,
};
use crate::pbft::{RuleCount, Rules};
use crate::subject::{Catalogue, Pbft};
use crate::trace::TraceFile;

/// A run that a limit ended: its model, with all that its tables hold, and its search.
#[derive(Debug)]
pub struct Unfinished(pub(in crate::check) Suspended);

#[derive(Debug)]
pub(in crate::check) enum Suspended {
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
        version: VERSION.to_owned(),
        rules: subject.name().to_owned(),
        property,
        rows: rows.iter().map(|row| kept_row(subject, row)).collect::<Result<_, _>>()?,
    };
    form::write(path, &header, |out| {
        rows.iter().filter_map(|(_, unfinished)| *unfinished).try_for_each(|run| write_run(run, out))
    })
}

fn kept_row(
    subject: &Pbft,
    (outcome, unfinished): &(&Outcome, Option<&Unfinished>),
) -> Result<Row, SaveError> {
    let done = |violated| KeptRow::Done {
        coverage: outcome.coverage.into(),
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
pub(in crate::check) struct Saved {
    path: PathBuf,
    header: Header,
    file: Body,
}

/// Reads the header of what [`write()`] wrote.
///
/// # Errors
/// The file is damaged, or no such file.
pub(in crate::check) fn open(path: &Path) -> Result<Saved, SaveError> {
    let (header, file) = form::open(path)?;
    if let Some(protocol) = header.get("protocol").and_then(Value::as_str) {
        let differences = vec![format!("it is of the protocol {protocol}, and this is of PBFT")];
        return Err(SaveError::Other { path: path.to_owned(), differences });
    }
    let header = Header::deserialize(header).map_err(|_| SaveError::Damaged(path.to_owned()))?;
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
                    let outcome = done(subject, &job, coverage, violated, &unreached).ok_or_else(build)?;
                    let properties = properties_of(&job, subject.rules(), property).map_err(|_| build())?;
                    Ok(Kept::Done(Outcome { rules, within_views, properties, ..outcome }))
                }
                KeptRow::Unfinished => {
                    let search = read_run(&job, subject.rules(), &mut file);
                    let search = search.map_err(|error| error.in_file(&path))?;
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

/// The outcome of a run that had ended; none if a counterexample is no longer one.
fn done(
    subject: &Pbft,
    job: &Job,
    coverage: CoverageRow,
    violated: Option<ViolatedRow>,
    unreached: &[String],
) -> Option<Outcome> {
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
    Some(Outcome::of(job, coverage.into(), verdict).without(unreached))
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
