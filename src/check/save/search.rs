//! A search in a file: what was visited, what is still to be expanded, and what made the tables of the judge grow.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SaveError;
use crate::check::fair::HaltedGraph;
use crate::check::levels::Frontier;
#[cfg(feature = "pbft")]
use crate::check::search::Coverage;
use crate::check::search::Halted;
use crate::check::visited::Visited;
use crate::check::words::{Word, read_list, write_list};
use crate::engine::Recorded;
#[cfg(feature = "pbft")]
use crate::model::BoundError;

/// Why what stands in a file is nothing that can be gone on with.
pub(in crate::check) enum ReadError {
    Io(io::Error),
    Unfit,
    #[cfg(feature = "pbft")]
    Bound(BoundError),
}

impl ReadError {
    /// As an error about this file.
    pub fn in_file(self, path: &Path) -> SaveError {
        match self {
            #[cfg(feature = "pbft")]
            ReadError::Bound(error) => error.into(),
            ReadError::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                    SaveError::Build(path.to_owned())
                }
                _ => SaveError::Io(path.to_owned(), error),
            },
            ReadError::Unfit => SaveError::Build(path.to_owned()),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

#[cfg(feature = "pbft")]
impl From<BoundError> for ReadError {
    fn from(error: BoundError) -> Self {
        ReadError::Bound(error)
    }
}

fn write_tables<M: Recorded>(model: &M, out: &mut impl Write) -> io::Result<()> {
    let mut written = Ok(());
    model.with_journal(&mut |journal| written = write_list(journal, out));
    written?;
    model.digest().write(out)
}

fn read_tables<M: Recorded>(model: &M, file: &mut impl Read) -> Result<(), ReadError> {
    let journal = read_list(file)?;
    model.replay(&journal).map_err(|_| ReadError::Unfit)?;
    if u128::read(file)? != model.digest() {
        return Err(ReadError::Unfit);
    }
    Ok(())
}

pub(in crate::check) fn write_duration(elapsed: Duration, out: &mut impl Write) -> io::Result<()> {
    elapsed.as_secs().write(out)?;
    elapsed.subsec_nanos().write(out)
}

pub(in crate::check) fn read_duration(file: &mut impl Read) -> io::Result<Duration> {
    Ok(Duration::new(u64::read(file)?, u32::read(file)?.min(999_999_999)))
}

fn write_visited(visited: &Visited, out: &mut impl Write) -> io::Result<()> {
    (visited.len() as u64).write(out)?;
    visited.parents().try_for_each(|parent| parent.write(out))?;
    visited.slots().try_for_each(|slot| slot.write(out))
}

fn read_visited(file: &mut impl Read) -> Result<Visited, ReadError> {
    let states = 0..u64::read(file)?;
    // One is read after the other.
    let from = RefCell::new(file);
    let parents = states.clone().map(|_| u32::read(&mut **from.borrow_mut()));
    let slots = states.map(|_| u128::read(&mut **from.borrow_mut()));
    Visited::told(parents, slots)?.ok_or(ReadError::Unfit)
}

fn write_frontier<M: Recorded>(frontier: &Frontier<M::State>, out: &mut impl Write) -> io::Result<()> {
    frontier.depth.write(out)?;
    for level in [&frontier.level, &frontier.next] {
        (level.len() as u64).write(out)?;
        for (state, number) in level {
            number.write(out)?;
            write_list(&M::numbers(state), out)?;
        }
    }
    Ok(())
}

fn read_frontier<M: Recorded>(
    model: &M,
    met: usize,
    file: &mut impl Read,
) -> Result<Frontier<M::State>, ReadError> {
    let depth = u64::read(file)?;
    let mut level = || -> Result<Vec<(M::State, u32)>, ReadError> {
        let length = u64::read(file)?;
        let state = |_| {
            let number = u32::read(file)?;
            let state = model.numbered(&read_list::<u32>(file)?);
            let state = state.filter(|_| (number as usize) < met).ok_or(ReadError::Unfit)?;
            Ok((state, number))
        };
        (0..length).map(state).collect()
    };
    let (level, next) = (level()?, level()?);
    Ok(Frontier { level, next, depth, before: Duration::ZERO })
}

pub(in crate::check) fn write_search<M: Recorded>(
    model: &M,
    halted: &Halted<M::State>,
    out: &mut impl Write,
) -> io::Result<()> {
    write_tables(model, out)?;
    halted.transitions.write(out)?;
    write_duration(halted.elapsed, out)?;
    let reached: Vec<u32> = halted.reached.iter().map(|&reached| reached.into()).collect();
    write_list(&reached, out)?;
    write_visited(&halted.visited, out)?;
    write_frontier::<M>(&halted.frontier, out)
}

pub(in crate::check) fn read_search<M: Recorded>(
    model: &M,
    file: &mut impl Read,
) -> Result<Halted<M::State>, ReadError> {
    read_tables(model, file)?;
    let transitions = u64::read(file)?;
    let elapsed = read_duration(file)?;
    let reached = read_list::<u32>(file)?.into_iter().map(|reached| reached != 0).collect();
    let visited = read_visited(file)?;
    let frontier = read_frontier(model, visited.len(), file)?;
    Ok(Halted { visited, frontier, transitions, elapsed, reached })
}

pub(in crate::check) fn write_graph<M: Recorded, C: Serialize>(
    model: &M,
    halted: &HaltedGraph<M::State, C>,
    out: &mut impl Write,
) -> io::Result<()> {
    write_tables(model, out)?;
    halted.transitions.write(out)?;
    write_duration(halted.elapsed, out)?;
    write_visited(halted.graph.visited(), out)?;
    write_frontier::<M>(&halted.frontier, out)?;
    halted.graph.write(out)
}

pub(in crate::check) fn read_graph<M, C>(
    model: &M,
    file: &mut impl Read,
) -> Result<HaltedGraph<M::State, C>, ReadError>
where
    M: Recorded,
    C: DeserializeOwned + Copy + Ord + Debug,
{
    read_tables(model, file)?;
    let transitions = u64::read(file)?;
    let elapsed = read_duration(file)?;
    let visited = read_visited(file)?;
    let frontier = read_frontier(model, visited.len(), file)?;
    HaltedGraph::read(visited, frontier, transitions, elapsed, file)?.ok_or(ReadError::Unfit)
}

#[cfg(feature = "pbft")]
pub(in crate::check) fn write_coverage(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    let Coverage { states, transitions, depth, elapsed } = coverage;
    [states, transitions, depth].into_iter().try_for_each(|count| count.write(out))?;
    write_duration(*elapsed, out)
}

#[cfg(feature = "pbft")]
pub(in crate::check) fn read_coverage(file: &mut impl Read) -> io::Result<Coverage> {
    let (states, transitions, depth) = (u64::read(file)?, u64::read(file)?, u64::read(file)?);
    Ok(Coverage { states, transitions, depth, elapsed: read_duration(file)? })
}
