//! Who takes part in a check on several machines.

use serde::{Deserialize, Serialize};

use crate::check::limits::Process;

/// A thread that searches, by its number among those of all processes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) struct WorkerId(pub u32);

/// How many processes there are, and how many threads each has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Team {
    pub processes: u32,
    pub threads: u32,
}

impl Team {
    /// How many threads search in all.
    pub fn workers(self) -> u32 {
        self.processes * self.threads
    }

    /// The process of a thread.
    pub fn process_of(self, worker: WorkerId) -> Process {
        Process(worker.0 / self.threads)
    }

    /// The threads of a process.
    pub fn threads_of(self, process: Process) -> impl Iterator<Item = WorkerId> {
        let first = self.first_of(process).0;
        (first..first + self.threads).map(WorkerId)
    }

    /// The thread of a process to which is said what concerns all of them.
    pub fn first_of(self, process: Process) -> WorkerId {
        WorkerId(process.0 * self.threads)
    }
}
