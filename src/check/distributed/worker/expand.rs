//! The expansion of a level: what each state leads to is handed to the thread in whose share it is.

use std::sync::Arc;

use super::{Stage, Turn, Worker, tried};
use crate::check::distributed::batch::{Batch, Content, put_state};
use crate::check::distributed::ids::WorkerId;
use crate::check::distributed::key::Key;
use crate::check::distributed::share::Chunk;
use crate::check::limits::Process;
use crate::engine::Portable;
use crate::interrupt;

/// States that are expanded before others may take a turn.
const AT_ONCE: usize = 4_096;
/// Words for one thread that are sent together.
const TOGETHER: usize = 1 << 15;

impl<M: Portable> Worker<M> {
    /// Expands some states of the level.
    pub(super) fn expand(&mut self) -> Turn {
        let mut most = AT_ONCE;
        while most > 0 && self.ended.is_none() && !self.ends {
            let Some(chunk) = self.left.pop_front() else { break };
            let limits = self.task.limits;
            match tried(&limits, || self.expand_some(&chunk.states, most)) {
                Ok(expanded) => {
                    most = most.saturating_sub(expanded);
                    self.put_back(chunk, expanded);
                }
                Err(why) => self.end(why),
            }
        }
        self.flush();
        if !self.left.is_empty() && self.ended.is_none() && !self.ends {
            return Turn::Again;
        }
        self.left.clear();
        self.level += 1;
        self.stage = Stage::Receiving;
        Turn::Next
    }

    /// What is left of a chunk of which the first states are expanded.
    fn put_back(&mut self, mut chunk: Chunk, expanded: usize) {
        let words = expanded * self.tables.len();
        if words < chunk.states.len() {
            chunk.states.drain(..words);
            self.left.push_front(chunk);
        }
    }

    /// Expands the first of these states, up to so many: how many those are.
    fn expand_some(&mut self, states: &[u32], most: usize) -> usize {
        let (mut actions, mut expanded) = (Vec::new(), 0);
        for numbers in states.chunks_exact(self.tables.len()).take(most) {
            interrupt::poll();
            actions.clear();
            self.expand_one(numbers, &mut actions);
            expanded += 1;
            if self.ended.is_some() {
                break;
            }
        }
        interrupt::ask_for(self.share.about_to_grow_by());
        expanded
    }

    fn expand_one(&mut self, numbers: &[u32], actions: &mut Vec<M::Action>) {
        let task = Arc::clone(&self.task);
        let state = M::state(numbers);
        let own = self.contents(numbers, None);
        task.model.actions(&state, actions);
        for action in actions.drain(..) {
            let next = task.model.next_state(&state, action);
            let Some(next) = next.filter(|next| task.model.within_boundary(next)) else { continue };
            self.transitions += 1;
            let after = M::numbers(&next);
            let mut contents = own;
            for (place, (&before, &now)) in numbers.iter().zip(&*after).enumerate() {
                if before != now {
                    let table = self.tables[place];
                    let gone = self.content(table, before, numbers, None);
                    let come = self.content(table, now, &after, Some(numbers));
                    contents = contents.wrapping_sub(gone).wrapping_add(come);
                }
            }
            self.hand_over(Key::of(contents), Key::of(own), &after);
        }
    }

    /// Hands a state to the thread in whose share it is.
    fn hand_over(&mut self, key: Key, parent: Key, numbers: &[u32]) {
        let owner = self.owner(key);
        if owner == self.me {
            if let Err(limit) = self.share.admit(self.process, key, parent.into(), numbers) {
                self.end(limit.into());
            }
            return;
        }
        if self.recent.was_sent(key, parent, self.level) {
            return;
        }
        let to = self.task.team.process_of(owner);
        if to != self.process && self.told.is_news(to, &self.tables, numbers) {
            self.task.dictionary.tell(to, numbers, self.told.words(to));
        }
        let words = &mut self.states[owner.0 as usize];
        put_state(key, parent, numbers, words);
        if words.len() >= TOGETHER {
            self.flush();
        }
    }

    /// Sends what is gathered.
    fn flush(&mut self) {
        let (from, team) = (self.me, self.task.team);
        for process in (0..team.processes).map(Process) {
            let words = std::mem::take(self.told.words(process));
            if !words.is_empty() {
                self.out.push(Batch { to: team.first_of(process), from, content: Content::Told(words) });
            }
        }
        for (to, words) in (0..).zip(&mut self.states) {
            if !words.is_empty() {
                let content = Content::States(std::mem::take(words));
                self.out.push(Batch { to: WorkerId(to), from, content });
            }
        }
    }
}
