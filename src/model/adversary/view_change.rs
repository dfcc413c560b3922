//! VIEW-CHANGEs: for each view, any stable checkpoint that can be shown, with certificates in any order.
//!
//! The list of certificates is any choice of at most one for each number among those that prove something. Besides, lists
//! that a rule may take which forgets a check: one certificate that proves nothing, alone, or before or after one that
//! proves something; two for one number; two in the wrong order.

use std::sync::Arc;

use itertools::Itertools as _;

use super::memo::{Memo, Part, PartId};
use super::{Adversary, Family, Knowledge};
use crate::pbft::{SeqNum, Signed, SigningKey, View, ViewChange};

/// The most choices of certificates at all numbers together that are listed.
const MOST_CHOICES: usize = 1 << 12;

/// The view changes that can be made of what is known, by the Byzantine replicas together.
#[derive(Debug, Default)]
pub struct Changes {
    /// Those that a replica takes which does not have them yet.
    pub taken: Vec<Change>,
    /// Those that it refuses, and that may stand in a new view all the same.
    pub spoilt: Vec<Change>,
}

/// A view change, and what stands for its content: one that is refused is told apart by its votes too.
#[derive(Clone, Debug)]
pub struct Change {
    /// The view change.
    pub signed: Arc<Signed<ViewChange>>,
    /// The numbers of its parts.
    pub parts: Arc<(PartId, Vec<PartId>)>,
}

impl Adversary {
    /// Every view change that can be made of what is known.
    pub(super) fn view_changes(&self, memo: &mut Memo, knowledge: &Knowledge) -> Arc<Changes> {
        if let Some(changes) = memo.known_changes.get(&knowledge.key) {
            return Arc::clone(changes);
        }
        let (proved, unproved): (Vec<Part>, Vec<Part>) = knowledge.parts.iter().partition(|part| part.proves);
        let regular = self.choices(memo, &proved);
        let irregular = irregular(&proved, &unproved, |part| {
            let claim = memo.claims.get(part.id);
            claim.seq()
        });
        let mut changes = Changes::default();
        for &view in &self.alphabet.targets {
            for stable in knowledge.stable_parts.iter() {
                let lists: Vec<&Vec<PartId>> = match stable.proves {
                    true if self.has(Family::Misplaced) => regular.iter().chain(&irregular).collect(),
                    true => regular.iter().chain(irregular.iter().filter(|list| list.len() == 1)).collect(),
                    // Two parts that prove nothing are two faults of a rulebook.
                    false if !self.has(Family::Unproved) => Vec::new(),
                    false => regular.iter().filter(|list| list.len() <= 1).collect(),
                };
                for list in lists {
                    self.add_change(memo, &mut changes, view, *stable, list);
                }
            }
        }
        let changes = Arc::new(changes);
        memo.known_changes.insert(knowledge.key, Arc::clone(&changes));
        changes
    }

    fn add_change(&self, memo: &mut Memo, changes: &mut Changes, view: View, stable: Part, list: &[PartId]) {
        let content = || ViewChange {
            new_view: view,
            stable: memo.stable.get(stable.id).clone(),
            prepared: list.iter().map(|&claim| memo.claims.get(claim).clone()).collect(),
        };
        let key = (view.0, stable.id, list.to_vec());
        let taken = match memo.changes.get(&key) {
            Some(&taken) => taken,
            None => {
                let (rules, setting) = (self.system.rules(), self.system.setting());
                let taken = rules.check_view_change(setting, &content()).is_ok();
                memo.changes.insert(key, taken);
                taken
            }
        };
        // Of those that nobody takes only the plain ones are put into new views.
        if !taken && list.len() > 1 {
            return;
        }
        let content = content();
        let parts = Arc::new((stable.id, list.to_vec()));
        let sign = |key: &SigningKey| Change {
            signed: Arc::new(key.sign(content.clone())),
            parts: Arc::clone(&parts),
        };
        let to = if taken { &mut changes.taken } else { &mut changes.spoilt };
        to.extend(self.alphabet.keys.iter().map(|(key, _)| sign(key)));
    }

    /// At each number any certificate that proves something, or none.
    fn choices(&self, memo: &Memo, proved: &[Part]) -> Vec<Vec<PartId>> {
        let mut at: Vec<(SeqNum, Vec<Option<PartId>>)> = Vec::new();
        for part in proved {
            let seq = memo.claims.get(part.id).seq();
            match at.iter_mut().find(|(known, _)| *known == seq) {
                Some((_, choices)) => choices.push(Some(part.id)),
                None => at.push((seq, vec![None, Some(part.id)])),
            }
        }
        if at.is_empty() {
            return vec![Vec::new()];
        }
        at.sort_unstable_by_key(|(seq, _)| *seq);
        let all = at.into_iter().map(|(_, choices)| choices).multi_cartesian_product();
        all.take(MOST_CHOICES).map(|choice| choice.into_iter().flatten().collect()).collect()
    }
}

/// The lists of certificates that a rule may take which forgets a check.
fn irregular(proved: &[Part], unproved: &[Part], seq: impl Fn(&Part) -> SeqNum) -> Vec<Vec<PartId>> {
    let alone = unproved.iter().map(|part| vec![part.id]);
    let beside = proved.iter().cartesian_product(unproved);
    let beside = beside.flat_map(|(good, bad)| [vec![good.id, bad.id], vec![bad.id, good.id]]);
    let misplaced = proved.iter().cartesian_product(proved);
    let misplaced = misplaced.filter(|(first, second)| seq(first) >= seq(second));
    alone.chain(beside).chain(misplaced.map(|(first, second)| vec![first.id, second.id])).collect()
}
