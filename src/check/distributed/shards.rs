//! The shares of a search in files: after each level every thread writes what of it is new in its share, and a search that is
//! started again with as many processes and threads goes on from the last level that all have written.
//!
//! A level is written before anybody expands it. So a thread that has written a level knows that all have written the one before,
//! and two threads differ by one level at most, whenever they are killed. What the numbers of states mean is written as it is told to
//! other processes: see [`dictionary`](super::dictionary). A search that goes on numbers anew, which is another *run* in these files.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ids::WorkerId;
use super::key::{Key, Parent, WORDS};
use crate::check::save::{SaveError, VERSION, open_file, write_file};
use crate::check::words::{read_list, write_list};

/// Where a thread keeps its share of a job.
#[derive(Clone, Debug)]
pub(super) struct Shards {
    folder: PathBuf,
    /// What stands for the job.
    job: u128,
    /// The job's place among those of the check.
    place: usize,
}

/// What stands before a level.
#[derive(Serialize, Deserialize)]
struct Header {
    version: String,
    job: String,
    worker: WorkerId,
    level: u32,
    /// The level with which the run has begun that has written it.
    run: u32,
    transitions: u64,
    reached: Vec<bool>,
    states: u64,
}

/// A level in the share of a thread.
#[derive(Default)]
pub(super) struct Written {
    /// The level with which the run has begun that wrote it.
    pub run: u32,
    pub transitions: u64,
    pub reached: Vec<bool>,
    /// The keys of its states, each with that of its parent.
    pub keys: Vec<u32>,
    /// The numbers of its states, in the same order.
    pub numbers: Vec<u32>,
    /// What these numbers mean that no level of that run has said before.
    pub told: Vec<u32>,
}

impl Written {
    /// How many states it has.
    pub fn states(&self) -> usize {
        self.keys.len() / (2 * WORDS)
    }

    /// Its states: each with its parent.
    pub fn keys(&self) -> impl Iterator<Item = (Key, Parent)> {
        self.keys.chunks_exact(2 * WORDS).filter_map(|words| {
            let (key, parent) = words.split_at(WORDS);
            Some((Key::from_words(key.try_into().ok()?), Parent(parent.try_into().ok()?)))
        })
    }
}

impl Shards {
    /// Those of a job in a folder.
    pub fn new(folder: &Path, job: u128, place: usize) -> Self {
        Shards { folder: folder.to_owned(), job, place }
    }

    fn file(&self, worker: WorkerId, level: u32) -> PathBuf {
        self.folder.join(format!("job-{}.share-{}.level-{level}", self.place, worker.0))
    }

    /// How many levels of a share are written, from the first on.
    ///
    /// # Errors
    /// They are of another job.
    pub fn levels(&self, worker: WorkerId) -> Result<u32, SaveError> {
        let mut levels = 0;
        while self.file(worker, levels).exists() {
            match self.opened(worker, levels) {
                Ok(_) => levels += 1,
                // The disk has lost what was written last.
                Err(SaveError::Damaged(_) | SaveError::Foreign(_)) => break,
                Err(why) => return Err(why),
            }
        }
        Ok(levels)
    }

    /// Removes what was written from that level on: it is about to be written again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_from(&self, worker: WorkerId, level: u32) -> Result<(), SaveError> {
        let files = (level..).map(|level| self.file(worker, level)).take_while(|file| file.exists());
        files.into_iter().try_for_each(|file| fs::remove_file(&file).map_err(|why| SaveError::Io(file, why)))
    }

    /// Writes a level.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, worker: WorkerId, level: u32, written: &Written) -> Result<(), SaveError> {
        let header = Header {
            version: VERSION.to_owned(),
            job: format!("{:032x}", self.job),
            worker,
            level,
            run: written.run,
            transitions: written.transitions,
            reached: written.reached.clone(),
            states: written.states() as u64,
        };
        write_file(&self.file(worker, level), &header, |out| {
            [&written.told, &written.keys, &written.numbers]
                .into_iter()
                .try_for_each(|list| write_list(list, out))
        })
    }

    /// Reads a level.
    ///
    /// # Errors
    /// It cannot be read, or is of another job.
    pub fn read(&self, worker: WorkerId, level: u32) -> Result<Written, SaveError> {
        let (header, mut body) = self.opened(worker, level)?;
        let path = self.file(worker, level);
        let mut list = || read_list::<u32>(&mut body).map_err(|why| SaveError::Io(path.clone(), why));
        let (told, keys, numbers) = (list()?, list()?, list()?);
        let Header { run, transitions, reached, .. } = header;
        Ok(Written { run, transitions, reached, keys, numbers, told })
    }

    fn opened(&self, worker: WorkerId, level: u32) -> Result<(Header, impl Read), SaveError> {
        let path = self.file(worker, level);
        let (header, body) = open_file(&path)?;
        let header: Header = serde_json::from_value(header).map_err(|_| SaveError::Foreign(path.clone()))?;
        if header.job != format!("{:032x}", self.job) || (header.worker, header.level) != (worker, level) {
            let differences = vec![
                "it is a share of another question, or of other numbers of processes or threads".to_owned(),
            ];
            return Err(SaveError::Other { path, differences });
        }
        Ok((header, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_of_another_job_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (shards, other) = (Shards::new(folder.path(), 7, 0), Shards::new(folder.path(), 8, 0));
        let me = WorkerId(3);
        assert_eq!(shards.levels(me).unwrap(), 0);
        for level in 0..3 {
            let written = Written {
                transitions: 10 + u64::from(level),
                keys: (0..12).collect(),
                numbers: vec![1, 2],
                told: vec![9; 7],
                ..Written::default()
            };
            shards.write(me, level, &written).unwrap();
        }
        assert_eq!((shards.levels(me).unwrap(), shards.levels(WorkerId(0)).unwrap()), (3, 0));
        let read = shards.read(me, 2).unwrap();
        assert_eq!((read.states(), read.transitions, read.keys().count()), (2, 12, 2));
        assert_eq!((read.numbers, read.told), (vec![1, 2], vec![9; 7]));
        assert!(matches!(other.levels(me), Err(SaveError::Other { .. })));
        // One that is cut short is written again, and so is what stands behind it.
        let file = shards.file(me, 1);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(shards.levels(me).unwrap(), 1);
        shards.forget_from(me, 1).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
