//! What was found out about parts of messages: checks of whole messages are pure, and the same parts come up in many
//! states.

use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use crate::hashed::IndexSet;
use crate::memory;
use rustc_hash::FxHashMap;

use super::view_change::{Change, Changes};
use super::votes::Tried;
use crate::engine::{Fingerprint, fingerprint};
use crate::pbft::{Decision, NewView, PreparedClaim, Signed, Snapshot, StableClaim, ViewChange};

/// The most view changes that are remembered by where they are: whoever asks may put the same ones elsewhere each time.
const MOST_SOUND: usize = 1 << 12;

/// The number of a part: of a proof and what it is said to prove.
pub type PartId = u32;

/// A part of a message: a proof, what it is said to prove, and whether the rulebook takes it for a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Part {
    /// Its number.
    pub id: PartId,
    /// Whether the rulebook's check of such proofs accepts it. It may stand in a message that is accepted all the
    /// same: a rule may forget that check.
    pub proves: bool,
}

/// Parts, each once. Two that say the same are one if both prove it; if they do not, their votes tell them apart.
#[derive(Debug)]
pub struct Parts<T> {
    numbers: FxHashMap<Fingerprint, PartId>,
    parts: Vec<T>,
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Parts { numbers: FxHashMap::default(), parts: Vec::new() }
    }
}

impl<T: Hash> Parts<T> {
    /// The part with its number; `votes` are those that it holds.
    pub fn part(&mut self, part: T, proves: bool, votes: impl Hash) -> Part {
        memory::before(&self.numbers);
        let key = if proves { fingerprint(&part) } else { fingerprint(&(&part, votes)) };
        let next = self.parts.len() as PartId;
        let id = *self.numbers.entry(key).or_insert(next);
        if id == next {
            self.parts.push(part);
        }
        Part { id, proves }
    }

    /// The part of that number.
    pub fn get(&self, id: PartId) -> &T {
        &self.parts[id as usize]
    }
}

/// A view change by its parts: the view, the stable checkpoint, the certificates.
pub type ChangeKey = (u64, PartId, Vec<PartId>);

/// What the adversary has found out.
#[derive(Debug, Default)]
pub struct Memo {
    /// Which votes make a proof, and of what.
    pub tried_claims: Tried<PreparedClaim>,
    /// Which CHECKPOINTs make a proof, and of what.
    pub tried_stable: Tried<StableClaim>,
    /// Which COMMITs make a proof, and of what.
    pub tried_decisions: Tried<Decision>,
    /// Prepared certificates.
    pub claims: Parts<PreparedClaim>,
    /// Stable checkpoints.
    pub stable: Parts<StableClaim>,
    /// Decisions.
    pub decisions: Parts<Decision>,
    /// By the proposals and PREPAREs that were sent, the prepared certificates that can be put forward.
    pub known_claims: FxHashMap<Fingerprint, Arc<[Part]>>,
    /// By the checkpoints that are named and the CHECKPOINTs, the stable checkpoints.
    pub known_stable: FxHashMap<Fingerprint, Arc<[Part]>>,
    /// By the COMMITs, the decisions.
    pub known_decisions: FxHashMap<Fingerprint, Arc<[Part]>>,
    /// What the rulebook says of view changes.
    pub changes: FxHashMap<ChangeKey, bool>,
    /// By what is known, the view changes that can be made of it.
    pub known_changes: FxHashMap<Fingerprint, Arc<Changes>>,
    /// By a list of view changes, and who begins which view with it: the new views that are accepted.
    pub justified: FxHashMap<Fingerprint, Justified>,
    /// By a list of view changes, who begins which view with it, and the proposals of honest replicas: the new views with any
    /// proposals that are accepted.
    pub free: FxHashMap<Fingerprint, Arc<[Printed]>>,
    /// By what lists of view changes of one kind are made of, the proposals of honest replicas, and who begins which view with
    /// them: the new views that are accepted, those of one content once.
    pub of_lists: FxHashMap<Fingerprint, Arc<[Printed]>>,
    /// By the view changes of some senders, one of each to be taken, and who begins which view with them: what such lists
    /// justify that have one for another view.
    pub of_choices: FxHashMap<Fingerprint, Arc<Chosen>>,
    /// By where they are, the view changes that were sent, with what stands for each. They stay there as long as they are kept
    /// here.
    pub sound: FxHashMap<usize, Change>,
    /// States of the service that are sent.
    pub snapshots: IndexSet<Arc<Snapshot>>,
    /// What the rulebook says of states: by checkpoint, state and decisions.
    pub states: FxHashMap<(PartId, u32, Vec<PartId>), bool>,
}

/// What was found out, and whether more may be.
pub enum Recall<'a> {
    /// What is not known is not found out.
    Only(&'a Memo),
    /// What is not known is found out.
    OrLearn(&'a mut Memo),
}

impl Recall<'_> {
    /// Where to find out more, if that is wanted.
    pub fn learn(&mut self) -> Option<&mut Memo> {
        match self {
            Recall::Only(_) => None,
            Recall::OrLearn(memo) => Some(memo),
        }
    }

    /// A view change that somebody has sent, with what stands for it.
    pub fn sound(&mut self, signed: &Arc<Signed<ViewChange>>) -> Option<Change> {
        let place = Arc::as_ptr(signed) as usize;
        if let Some(known) = self.sound.get(&place) {
            return Some(known.clone());
        }
        let memo = self.learn()?;
        if memo.sound.len() >= MOST_SOUND {
            memo.sound.clear();
        }
        Some(memo.sound.entry(place).or_insert_with(|| Change::sound(signed)).clone())
    }
}

impl Deref for Recall<'_> {
    type Target = Memo;

    fn deref(&self) -> &Memo {
        match self {
            Recall::Only(memo) => memo,
            Recall::OrLearn(memo) => memo,
        }
    }
}

/// What a list of view changes justifies.
#[derive(Clone, Debug, Default)]
pub struct Justified {
    /// What is due with it, whether or not that is accepted.
    pub due: Fingerprint,
    /// The new views with what is due that are accepted.
    pub accepted: Arc<[Printed]>,
}

/// A list of view changes, with its place among others.
pub type Placed = (usize, Vec<Change>);

/// What some lists of view changes justify.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The new views with what is due that are accepted, those of one content once.
    pub accepted: Vec<Printed>,
    /// What is due with them, and of the lists with which the same is due the first and the last, with their places.
    pub due: Vec<(Fingerprint, [Placed; 2])>,
}

/// A new view, with what stands for its content.
pub type Printed = (Fingerprint, Arc<Signed<NewView>>);

impl Memo {
    /// The number of a state of the service; none has the number 0.
    pub fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> u32 {
        self.snapshots.insert_full(Arc::clone(snapshot)).0 as u32 + 1
    }
}
