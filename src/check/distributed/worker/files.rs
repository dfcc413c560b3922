//! The share of a thread in files: how it is kept, and gone on from.

use std::sync::Arc;

use super::Worker;
use crate::check::distributed::key::Parent;
use crate::check::distributed::shards::Written;
use crate::check::distributed::share::Chunk;
use crate::check::distributed::told::Told;
use crate::check::limits::Process;
use crate::check::save::SaveError;
use crate::engine::Portable;

/// What a thread has written to files.
pub(super) struct Files {
    /// Whom it tells there what numbers mean.
    reader: Process,
    told: Told,
    /// How many levels.
    levels: u32,
    /// The level with which this run has begun.
    run: u32,
}

impl Files {
    pub(super) fn new(reader: Process, tables: usize) -> Self {
        Files { reader, told: Told::new(1, tables), levels: 0, run: 0 }
    }
}

impl<M: Portable> Worker<M> {
    /// Goes on from the last level that all have in files, or begins.
    pub(super) fn go_on(&mut self) -> Result<(), SaveError> {
        let task = Arc::clone(&self.task);
        let levels = std::mem::take(&mut self.has).into_iter().min().unwrap_or_default();
        let Some(shards) = &task.shards else { return Ok(()) };
        shards.forget_from(self.me, levels)?;
        if let Some(files) = &mut self.files {
            (files.levels, files.run) = (levels, levels);
        }
        if levels == 0 {
            self.begin();
        }
        let (parts, mut of) = (self.tables.len(), None);
        for level in 0..levels {
            let written = shards.read(self.me, level)?;
            let reader = match of {
                Some((run, reader)) if run == written.run => reader,
                _ => task.dictionary.another(),
            };
            of = Some((written.run, reader));
            task.dictionary.hear(reader, &written.told, parts);
            let mut numbers = written.numbers.chunks_exact(parts);
            for (key, parent) in written.keys() {
                let admitted = match numbers.next() {
                    Some(numbers) if level + 1 == levels => self.share.admit(reader, key, parent, numbers),
                    _ => self.share.admit_expanded(key, parent),
                };
                if let Err(limit) = admitted {
                    self.end(limit.into());
                }
            }
            (self.level, self.transitions) = (level, written.transitions);
            self.reached.iter_mut().zip(written.reached).for_each(|(own, there)| *own = there);
        }
        Ok(())
    }

    /// Writes a level to a file, unless that was done.
    pub(super) fn keep(&mut self, chunks: &[Chunk]) {
        let task = Arc::clone(&self.task);
        let (Some(shards), Some(mut files)) = (&task.shards, self.files.take()) else { return };
        let mut kept = Ok(());
        if self.level >= files.levels {
            let mut written = Written {
                run: files.run,
                transitions: self.transitions,
                reached: self.reached.clone(),
                ..Written::default()
            };
            let parts = self.tables.len();
            for numbers in chunks.iter().flat_map(|chunk| chunk.states.chunks_exact(parts)) {
                let key = self.key(numbers, None);
                written.keys.extend(key.words());
                written.keys.extend(self.share.parent(key).unwrap_or(Parent::NOBODY).0);
                written.numbers.extend(numbers);
                if files.told.is_news(Process(0), &self.tables, numbers) {
                    task.dictionary.tell(files.reader, numbers, &mut written.told);
                }
            }
            kept = shards.write(self.me, self.level, &written);
            files.levels = self.level + 1;
        }
        match kept {
            Ok(()) => self.files = Some(files),
            // Nothing more is kept: of a level that follows nothing could be made without this one.
            Err(why) => {
                if let Ok(mut failure) = task.failure.lock() {
                    failure.get_or_insert(why);
                }
            }
        }
    }
}
