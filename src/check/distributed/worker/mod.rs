//! What one thread does of a search that several processes share.
//!
//! Each state is in the share of one thread, which its key says. A level is received, looked through and expanded by all threads
//! at once, each its share of it:
//!
//! 1. While a level is *received*, its states come in from all threads. One that is new is kept.
//! 2. Once all have come, a thread puts its own numbers in place of those of the senders, looks at the properties of the states that
//!    are new, and tells all threads what it has come to.
//! 3. Once all have told that, everybody *decides* the same: that a property is violated, that nothing is left, that a limit ended the
//!    search, or that the level is *expanded*, state after state. What it leads to is sent to the thread in whose share it is.
//!
//! When nothing more can come, the dataflow under it says: see [`dataflow`](super::dataflow).

mod contents;
mod expand;
mod files;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use stateright::{Expectation, Property};

use self::files::Files;
use super::batch::{Batch, Content, Ended, LevelNote};
use super::ids::WorkerId;
use super::key::{Key, Parent, WORDS};
use super::recent::Recent;
use super::share::{Chunk, Share};
use super::task::Task;
use super::told::Told;
use crate::check::limits::{Level, Limit, Limits, Process};
use crate::check::overseer;
use crate::check::run::of_panicked_rule;
use crate::engine::{Fingerprint, Portable, guarded};
use crate::interrupt;

/// How a search ended, for all threads alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Finish {
    /// Every reachable state was visited, and has every property.
    Exhausted,
    /// A state lacks a property, by its place among those of kind *always*. The keys of the states on the way to it, from it to an
    /// initial one.
    Violated(usize, Vec<Key>),
    /// A limit ended it.
    Limited(Limit),
    /// The judge says nothing.
    Refused(String),
}

/// What a thread is about to do.
enum Stage {
    /// To say how many levels it has in files.
    Telling,
    /// To go on from the last level that all have in files.
    Agreeing,
    Receiving,
    Deciding,
    Expanding,
    /// The way to a state that lacks this property is looked up, from its end on.
    Tracing(usize, Vec<Key>),
}

/// What comes of a turn.
pub(super) enum Turn {
    /// Nothing, as long as not all has come.
    Wait,
    /// There is more to do at once.
    Again,
    /// All is sent that there is to send before more comes.
    Next,
    /// The search is over.
    Done(Finish),
}

/// Does what a limit may interrupt, and in which rules are asked.
fn tried<T>(limits: &Limits, work: impl FnOnce() -> T) -> Result<T, Ended> {
    match guarded(|| interrupt::caught(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(interrupted)) => Err(overseer::limit(interrupted, limits).into()),
        Err(panicked) => Err(Ended::Refused(of_panicked_rule(&panicked))),
    }
}

/// A thread's part in a search.
pub(super) struct Worker<M: Portable> {
    task: Arc<Task<M>>,
    me: WorkerId,
    process: Process,
    always: Vec<Property<M>>,
    sometimes: Vec<Property<M>>,
    /// The table of each part of a state.
    tables: Vec<usize>,
    files: Option<Files>,
    /// How many levels the threads have in files.
    has: Vec<u32>,
    share: Share,
    recent: Recent,
    told: Told,
    /// The contents of things, by table and number; zero of those that this thread has not met.
    contents: Vec<Vec<Fingerprint>>,
    stage: Stage,
    level: u32,
    /// What of the level is still to be expanded.
    left: VecDeque<Chunk>,
    /// States to be sent, by thread.
    states: Vec<Vec<u32>>,
    out: Vec<Batch>,
    transitions: u64,
    reached: Vec<bool>,
    ended: Option<Ended>,
    /// Whether somebody expands no more.
    ends: bool,
    notes: Vec<LevelNote>,
    /// What was answered, in turn: another may be a step ahead of this thread.
    answers: VecDeque<Option<[u32; WORDS]>>,
}

impl<M: Portable> Worker<M> {
    /// The part of one thread, which knows the initial states and nothing else.
    pub fn new(task: &Arc<Task<M>>, me: WorkerId, properties: Vec<Property<M>>) -> Self {
        let task = Arc::clone(task);
        let (sometimes, always): (Vec<_>, Vec<_>) =
            properties.into_iter().partition(|property| property.expectation == Expectation::Sometimes);
        let initial = task.model.init_states();
        let parts = initial.first().map_or(0, |state| M::numbers(state).len());
        let team = task.team;
        let mut worker = Worker {
            me,
            process: team.process_of(me),
            reached: vec![false; sometimes.len()],
            always,
            sometimes,
            tables: (0..parts).map(|place| task.model.table(place)).collect(),
            files: task.shards.as_ref().map(|_| Files::new(task.dictionary.another(), M::TABLES)),
            has: Vec::new(),
            share: Share::new(team.processes, &task.limits),
            recent: Recent::new(),
            told: Told::new(team.processes, M::TABLES),
            contents: vec![Vec::new(); M::TABLES],
            stage: if task.shards.is_some() { Stage::Telling } else { Stage::Receiving },
            level: 0,
            left: VecDeque::new(),
            states: vec![Vec::new(); team.workers() as usize],
            out: Vec::new(),
            transitions: 0,
            ended: None,
            ends: false,
            notes: Vec::new(),
            answers: VecDeque::new(),
            task,
        };
        if worker.task.shards.is_none() {
            worker.begin();
        }
        worker
    }

    /// Takes in the initial states.
    fn begin(&mut self) {
        let task = Arc::clone(&self.task);
        for state in task.model.init_states().iter().filter(|state| task.model.within_boundary(state)) {
            let numbers = M::numbers(state).into_owned();
            let key = self.key(&numbers, None);
            if self.owner(key) == self.me
                && let Err(limit) = self.share.admit(self.process, key, Parent::NOBODY, &numbers)
            {
                self.end(limit.into());
            }
        }
    }

    /// Whose share a state is in.
    fn owner(&self, key: Key) -> WorkerId {
        WorkerId(key.share(self.task.team.workers()))
    }

    /// Takes in what another thread has sent.
    pub fn take(&mut self, batch: Batch) {
        let of = self.task.team.process_of(batch.from);
        match batch.content {
            Content::States(words) => {
                let parts = self.tables.len();
                for state in words.chunks_exact(2 * WORDS + parts) {
                    let (head, numbers) = state.split_at(2 * WORDS);
                    let [a, b, c, parent @ ..] = head else { continue };
                    let parent = Parent(parent.try_into().unwrap_or_default());
                    if let Err(limit) = self.share.admit(of, Key::from_words([*a, *b, *c]), parent, numbers) {
                        self.end(limit.into());
                    }
                }
            }
            Content::Has(levels) => self.has.push(levels),
            Content::Told(words) => self.task.dictionary.hear(of, &words, self.tables.len()),
            Content::Level(note) => self.notes.push(note),
            Content::Ends => self.ends = true,
            Content::Parent(parent) => self.answers.push_back(parent),
        }
    }

    /// What there is to be sent.
    pub fn outbox(&mut self) -> impl Iterator<Item = Batch> + '_ {
        self.out.drain(..)
    }

    /// Does what can be done. `has_all` says whether all has come that can come before this thread has sent more.
    pub fn turn(&mut self, has_all: bool) -> Turn {
        match &mut self.stage {
            Stage::Expanding => {}
            Stage::Telling => {
                let has = self.task.shards.as_ref().map(|shards| shards.levels(self.me));
                self.send_to_all(&Content::Has(has.and_then(Result::ok).unwrap_or_default()));
                self.stage = Stage::Agreeing;
                return Turn::Next;
            }
            _ if !has_all => return Turn::Wait,
            Stage::Agreeing => {
                if let Err(why) = self.go_on() {
                    self.end(Ended::Refused(why.to_string()));
                }
                self.stage = Stage::Receiving;
                return self.turn(has_all);
            }
            Stage::Receiving => {
                let note = self.look_through();
                self.send_to_all(&Content::Level(note));
                self.stage = Stage::Deciding;
                return Turn::Next;
            }
            Stage::Deciding => {
                if let Some(turn) = self.decide() {
                    return turn;
                }
                self.stage = Stage::Expanding;
            }
            Stage::Tracing(property, path) => {
                match self.answers.pop_front() {
                    Some(Some(parent)) => path.push(Key::from_words(parent)),
                    Some(None) => return Turn::Done(Finish::Violated(*property, std::mem::take(path))),
                    None => {
                        let why = "nobody knows from where a state was met; please report this";
                        return Turn::Done(Finish::Refused(why.to_owned()));
                    }
                }
                let last = path.last().copied();
                self.answer_from(last);
                return Turn::Next;
            }
        }
        self.expand()
    }

    /// Something keeps this thread from going on: the others need not either.
    pub fn end(&mut self, why: Ended) {
        if self.ended.is_none() {
            self.ended = Some(why);
            self.send_to_all(&Content::Ends);
        }
    }

    fn send_to_all(&mut self, content: &Content) {
        let from = self.me;
        let all = (0..self.task.team.workers()).map(WorkerId);
        self.out.extend(all.map(|to| Batch { to, from, content: content.clone() }));
    }

    /// Tells all from which state that one was met, if it is in this share.
    fn answer_from(&mut self, of: Option<Key>) {
        if let Some(parent) = of.and_then(|key| self.share.parent(key)) {
            self.send_to_all(&Content::Parent(parent.key().map(Key::words)));
        }
    }

    /// Looks at the states of a level all of which have come.
    fn look_through(&mut self) -> LevelNote {
        let parts = self.tables.len();
        let mut chunks = self.share.level();
        let mut violated = None;
        let frontier = chunks.iter().map(|chunk| chunk.states.len() / parts).sum::<usize>() as u64;
        let limits = self.task.limits;
        let looked =
            tried(&limits, || chunks.iter_mut().try_for_each(|chunk| self.look_at(chunk, &mut violated)));
        if let Err(why) = looked.and_then(|looked| looked) {
            self.end(why);
        }
        if self.ended.is_none() {
            self.keep(&chunks);
        }
        self.left = chunks.into();
        LevelNote {
            states: self.share.states(),
            frontier,
            transitions: self.transitions,
            bytes: self.share.bytes(),
            violated: violated.map(|(key, property)| (Key::words(key), property)),
            reached: self.reached.clone(),
            ended: self.ended.clone(),
            refusal: self.task.model.refusal(),
        }
    }

    /// Puts our numbers into states, and looks at their properties.
    fn look_at(&mut self, chunk: &mut Chunk, violated: &mut Option<(Key, u32)>) -> Result<(), Ended> {
        let parts = self.tables.len();
        if chunk.of != self.process {
            let translated = self.task.dictionary.translate(chunk.of, &mut chunk.states, parts);
            translated.map_err(|why| Ended::Refused(why.to_string()))?;
            chunk.of = self.process;
        }
        let task = Arc::clone(&self.task);
        for numbers in chunk.states.chunks_exact(parts) {
            interrupt::poll();
            let state = M::state(numbers);
            if let Some(lacks) = self.always.iter().position(|p| !(p.condition)(&task.model, &state)) {
                let found = (self.key(numbers, None), lacks as u32);
                *violated = Some(violated.map_or(found, |known| known.min(found)));
            }
            for (property, reached) in self.sometimes.iter().zip(&mut self.reached) {
                *reached = *reached || (property.condition)(&task.model, &state);
            }
        }
        Ok(())
    }

    /// What all threads come to together with a level; none if it is to be expanded.
    fn decide(&mut self) -> Option<Turn> {
        let notes = std::mem::take(&mut self.notes);
        let sum = |of: fn(&LevelNote) -> u64| notes.iter().map(of).sum::<u64>();
        let (states, frontier) = (sum(|note| note.states), sum(|note| note.frontier));
        let is_whole = notes.iter().all(|note| note.ended.is_none());
        self.note(is_whole, states, frontier, sum(|note| note.transitions), sum(|note| note.bytes));
        for note in &notes {
            self.reached.iter_mut().zip(&note.reached).for_each(|(own, other)| *own |= other);
        }
        if let Some((key, property)) =
            notes.iter().filter_map(|note| note.violated).min_by_key(|(key, _)| Key::from_words(*key))
        {
            let key = Key::from_words(key);
            self.left.clear();
            self.answer_from(Some(key));
            self.stage = Stage::Tracing(property as usize, vec![key]);
            return Some(Turn::Next);
        }
        let refusal = notes.iter().find_map(|note| note.refusal.clone());
        let finish = match notes.into_iter().find_map(|note| note.ended) {
            Some(Ended::Refused(why)) => Finish::Refused(why),
            Some(ended) => Finish::Limited(ended.limit().unwrap_or(Limit::Stopped)),
            None if frontier == 0 => Finish::Exhausted,
            None => match self.task.limits.max_states.filter(|&most| states > most) {
                Some(most) => Finish::Limited(Limit::States(most)),
                None => return None,
            },
        };
        Some(Turn::Done(refusal.map_or(finish, Finish::Refused)))
    }

    /// Shows whoever looks on how far all threads are.
    fn note(&self, is_whole: bool, states: u64, frontier: u64, transitions: u64, bytes: u64) {
        let task = &self.task;
        if task.team.first_of(self.process) != self.me {
            return;
        }
        let level = u64::from(self.level);
        let depth = if frontier == 0 { level.saturating_sub(1) } else { level };
        let progress = &task.progress;
        progress.states.store(states, Relaxed);
        progress.frontier.store(frontier, Relaxed);
        progress.transitions.store(transitions, Relaxed);
        progress.depth.store(depth, Relaxed);
        if let Ok(mut reached) = task.reached.lock() {
            reached.clone_from(&self.reached);
        }
        if let Some(expanded) = level.checked_sub(1).filter(|_| is_whole) {
            let elapsed = task.begun().elapsed();
            progress.note(Level { level: expanded, states, frontier, transitions, elapsed, bytes });
        }
    }
}
