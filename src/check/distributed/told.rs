//! What a thread has told other processes, and is about to tell them.

use crate::check::limits::Process;

/// For each process, which numbers a thread has seen to it that the process knows, and the words that tell it of others.
pub(super) struct Told(Vec<OfProcess>);

struct OfProcess {
    /// By table and number.
    known: Vec<Vec<bool>>,
    words: Vec<u32>,
}

impl Told {
    /// Nobody was told anything.
    pub fn new(processes: u32, tables: usize) -> Self {
        let one = |_| OfProcess { known: vec![Vec::new(); tables], words: Vec::new() };
        Told((0..processes).map(one).collect())
    }

    /// Whether a state with these numbers has something new for a process. It is told from now on.
    pub fn is_news(&mut self, to: Process, tables: &[usize], numbers: &[u32]) -> bool {
        let OfProcess { known, .. } = &mut self.0[to.place()];
        let mut is_news = false;
        for (&table, &number) in tables.iter().zip(numbers) {
            let (known, at) = (&mut known[table], number as usize);
            if known.len() <= at {
                known.resize(at + 1, false);
            }
            is_news |= !std::mem::replace(&mut known[at], true);
        }
        is_news
    }

    /// The words for a process.
    pub fn words(&mut self, to: Process) -> &mut Vec<u32> {
        &mut self.0[to.place()].words
    }
}
