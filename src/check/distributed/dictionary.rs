//! What the numbers of states stand for, here and in the other processes.
//!
//! A state travels as the numbers that its sender has given to what it consists of. What the sender's numbers mean is told once
//! to each process: the content of the thing, and a state of the sender, in numbers told before, of which some step leads to
//! it. A process that has met a thing of that content itself needs no more. One that has not takes all steps of that state, by
//! running the protocol's code as always, and then has met it. So neither a local state nor a message is ever written or read, and
//! nothing comes into a table but by the code under test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::limits::Process;
use crate::engine::{Fingerprint, Portable};

/// Words by which one thing is told: its table, its number, its content, and then the numbers of a state.
const HEAD: usize = 6;
/// A number that nothing has.
const NONE: u32 = u32::MAX;

/// A table, and a number of something in it.
type Thing = (u32, u32);

/// What was told could not be made use of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error("a state was sent that consists of something nobody has told")]
    Untold,
    #[error(
        "the code under test does not lead to what it has led to in another process: it is not deterministic, or not the same code"
    )]
    NotRepeated,
}

/// All that the threads of a process know together of what numbers mean.
pub(super) struct Dictionary<M: Portable> {
    model: Arc<M>,
    entries: Mutex<Entries<M::Known>>,
}

struct Entries<K> {
    known: K,
    tables: Vec<Table>,
    /// What is known of each process.
    others: Vec<Other>,
}

/// The things of one table.
#[derive(Default)]
struct Table {
    /// By number; none of what was met and not entered yet.
    things: Vec<Option<Entry>>,
    numbers: FxHashMap<Fingerprint, u32>,
}

struct Entry {
    content: Fingerprint,
    /// The numbers of a state that leads to it; none for what initial states consist of.
    from: Option<Box<[u32]>>,
}

/// What another process has told, and was told.
#[derive(Default)]
struct Other {
    was_told: FxHashSet<Thing>,
    has_told: FxHashMap<Thing, Told>,
    /// Our number of its things, by table and number.
    ours: Vec<Vec<u32>>,
}

#[derive(Clone)]
struct Told {
    content: Fingerprint,
    from: Option<Box<[u32]>>,
}

impl<M: Portable> Dictionary<M> {
    /// What is known before anything was visited: the initial states, which every process finds itself.
    pub fn new(model: Arc<M>, processes: u32) -> Self {
        let other = || Other { ours: vec![Vec::new(); M::TABLES], ..Other::default() };
        let entries = Entries {
            known: M::Known::default(),
            tables: (0..M::TABLES).map(|_| Table::default()).collect(),
            others: (0..processes).map(|_| other()).collect(),
        };
        let dictionary = Dictionary { model, entries: Mutex::new(entries) };
        for state in dictionary.model.init_states() {
            dictionary.enter(None, &M::numbers(&state));
        }
        dictionary
    }

    /// Somebody else who tells, and is told, what numbers mean: a file, whose numbers are those of the run that has written it.
    pub fn another(&self) -> Process {
        let mut entries = self.entries();
        entries.others.push(Other { ours: vec![Vec::new(); M::TABLES], ..Other::default() });
        Process(entries.others.len() as u32 - 1)
    }

    fn entries(&self) -> MutexGuard<'_, Entries<M::Known>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what a state consists of, to which a step leads from a state that was entered before.
    pub fn enter(&self, from: Option<&[u32]>, state: &[u32]) {
        self.enter_in(&mut self.entries(), from, state);
    }

    fn enter_in(&self, entries: &mut Entries<M::Known>, from: Option<&[u32]>, state: &[u32]) {
        for (place, &number) in state.iter().enumerate() {
            let table = self.model.table(place);
            let things = &mut entries.tables[table].things;
            let at = number as usize;
            if things.len() <= at {
                things.resize_with(at + 1, || None);
            }
            if things[at].is_none() {
                let content = self.model.content(table, number, &mut entries.known);
                let Table { things, numbers } = &mut entries.tables[table];
                things[at] = Some(Entry { content, from: from.map(Into::into) });
                numbers.insert(content, number);
            }
        }
    }

    /// The content of something that was entered.
    pub fn content(&self, table: usize, number: u32) -> Option<Fingerprint> {
        let entries = self.entries();
        Some(entries.tables[table].things.get(number as usize)?.as_ref()?.content)
    }

    /// Writes down what a process has to be told, and was not yet, so that it understands these numbers of a state.
    pub fn tell(&self, to: Process, state: &[u32], out: &mut Vec<u32>) {
        let mut entries = self.entries();
        let Entries { tables, others, .. } = &mut *entries;
        let was_told = &mut others[to.place()].was_told;
        let things = |state: &[u32]| {
            state.iter().enumerate().map(|(place, &n)| (self.model.table(place) as u32, n)).collect()
        };
        // What is last in the list is told once all that it comes from is.
        let mut left: Vec<Thing> = things(state);
        while let Some(thing) = left.pop() {
            if !was_told.insert(thing) {
                continue;
            }
            let (table, number) = thing;
            let entry = tables[table as usize].things.get(number as usize).and_then(Option::as_ref);
            let Some(Entry { content, from }) = entry else { continue };
            out.extend([table, number]);
            out.extend((0..4).map(|word| (content >> (32 * word)) as u32));
            match from {
                Some(from) => {
                    out.extend(&**from);
                    let more: Vec<Thing> = things(from);
                    left.extend(more);
                }
                None => out.extend(state.iter().map(|_| NONE)),
            }
        }
    }

    /// Takes in what another process has told of its things, whose states have so many parts.
    pub fn hear(&self, from: Process, words: &[u32], parts: usize) {
        let mut entries = self.entries();
        let other = &mut entries.others[from.place()];
        for words in words.chunks_exact(HEAD + parts) {
            let (head, parent) = words.split_at(HEAD);
            let content = (2..HEAD).rev().fold(0, |content, at| content << 32 | Fingerprint::from(head[at]));
            let from = (parent.first() != Some(&NONE)).then(|| parent.into());
            other.has_told.insert((head[0], head[1]), Told { content, from });
        }
    }

    /// Puts our numbers in place of those of another process, in states of so many parts.
    ///
    /// # Errors
    /// It was not told what they mean, or that does not exist here.
    pub fn translate(&self, from: Process, states: &mut [u32], parts: usize) -> Result<(), Unknown> {
        let mut entries = self.entries();
        for state in states.chunks_exact_mut(parts) {
            for (place, number) in state.iter_mut().enumerate() {
                let thing = (self.model.table(place) as u32, *number);
                *number = match entries.ours(from, thing) {
                    Some(ours) => ours,
                    None => self.found(&mut entries, from, thing)?,
                };
            }
        }
        Ok(())
    }

    /// Our number of something that another process has told, after all that it comes from is found.
    fn found(&self, entries: &mut Entries<M::Known>, from: Process, thing: Thing) -> Result<u32, Unknown> {
        let mut left = vec![thing];
        while let Some(&next) = left.last() {
            if entries.ours(from, next).is_some() {
                left.pop();
                continue;
            }
            let told = entries.others[from.place()].has_told.get(&next).ok_or(Unknown::Untold)?.clone();
            if let Some(&ours) = entries.tables[next.0 as usize].numbers.get(&told.content) {
                entries.set_ours(from, next, ours);
                left.pop();
                continue;
            }
            let parent = told.from.ok_or(Unknown::NotRepeated)?;
            let things = parent.iter().enumerate().map(|(place, &n)| (self.model.table(place) as u32, n));
            let before = left.len();
            left.extend(things.clone().filter(|&thing| entries.ours(from, thing).is_none()));
            if left.len() == before {
                let ours: Option<Vec<u32>> = things.map(|thing| entries.ours(from, thing)).collect();
                self.take_steps(entries, &ours.ok_or(Unknown::Untold)?)?;
                let found = entries.tables[next.0 as usize].numbers.get(&told.content);
                let found = *found.ok_or(Unknown::NotRepeated)?;
                entries.set_ours(from, next, found);
                left.pop();
            }
        }
        entries.ours(from, thing).ok_or(Unknown::Untold)
    }

    /// Takes all steps of a state, and enters all to which they lead.
    fn take_steps(&self, entries: &mut Entries<M::Known>, numbers: &[u32]) -> Result<(), Unknown> {
        let state = self.model.numbered(numbers).ok_or(Unknown::NotRepeated)?;
        let mut actions = Vec::new();
        self.model.actions(&state, &mut actions);
        for action in actions {
            if let Some(next) = self.model.next_state(&state, action) {
                self.enter_in(entries, Some(numbers), &M::numbers(&next));
            }
        }
        Ok(())
    }
}

impl<K> Entries<K> {
    fn ours(&self, from: Process, (table, number): Thing) -> Option<u32> {
        let ours = self.others[from.place()].ours.get(table as usize)?.get(number as usize).copied();
        ours.filter(|&ours| ours != NONE)
    }

    fn set_ours(&mut self, from: Process, (table, number): Thing, ours: u32) {
        let other = &mut self.others[from.place()];
        // What it means is known from now on.
        other.has_told.remove(&(table, number));
        let all = &mut other.ours[table as usize];
        if all.len() <= number as usize {
            all.resize(number as usize + 1, NONE);
        }
        all[number as usize] = ours;
    }
}
