//! What stands for states and for what they consist of, as a thread has it at hand.

use super::Worker;
use crate::check::distributed::key::Key;
use crate::engine::{Fingerprint, Portable};

impl<M: Portable> Worker<M> {
    /// The contents of what a state consists of, all together. What was not met is entered, as something to which a step leads
    /// from a state that was.
    pub(super) fn contents(&mut self, state: &[u32], from: Option<&[u32]>) -> Fingerprint {
        let mut sum: Fingerprint = 0;
        for (place, &number) in state.iter().enumerate() {
            sum = sum.wrapping_add(self.content(self.tables[place], number, state, from));
        }
        sum
    }

    pub(super) fn key(&mut self, state: &[u32], from: Option<&[u32]>) -> Key {
        Key::of(self.contents(state, from))
    }

    #[inline]
    pub(super) fn content(
        &mut self,
        table: usize,
        number: u32,
        state: &[u32],
        from: Option<&[u32]>,
    ) -> Fingerprint {
        match self.contents[table].get(number as usize) {
            Some(&content) if content != 0 => content,
            _ => self.enter(table, number, state, from),
        }
    }

    #[cold]
    fn enter(&mut self, table: usize, number: u32, state: &[u32], from: Option<&[u32]>) -> Fingerprint {
        self.task.dictionary.enter(from, state);
        let content = self.task.dictionary.content(table, number).unwrap_or_default();
        let contents = &mut self.contents[table];
        if contents.len() <= number as usize {
            contents.resize(number as usize + 1, 0);
        }
        contents[number as usize] = content;
        content
    }
}
