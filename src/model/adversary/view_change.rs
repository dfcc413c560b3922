//! VIEW-CHANGEs: for each view, any stable checkpoint that can be shown, with certificates in any order.
//!
//! The list of certificates is any choice of at most one for each number among those that prove something. Besides, lists
//! that a rule may take which forgets a check: one certificate that proves nothing, alone, or before or after one that
//! proves something; two for one number; two in the wrong order.
//!
//! What a new view makes of a certificate is its batch, at its number, by the order of its view. So of the certificates that
//! say the same of these three, whoever is said to have proposed it and under whatever digest, the first is put forward that
//! a replica takes; and what proves nothing, or is for number 0, is put beside others only if it is not taken alone. Whether a
//! rulebook treats all such alike, or takes none, is tried before anything is said to hold
//! ([`votes_matter`](crate::model::votes_matter)).

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::Itertools as _;

use super::memo::{Memo, Part, PartId, Recall};
use super::{Adversary, Family, Proofs};
use crate::engine::{Fingerprint, fingerprint};
use crate::memory;
use crate::pbft::{Digest, Message, SeqNum, Signed, SigningKey, View, ViewChange};

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

/// A view change, and what stands for it: one that is refused is told apart by its votes too.
#[derive(Clone, Debug)]
pub struct Change {
    /// The view change.
    pub signed: Arc<Signed<ViewChange>>,
    /// What stands for it.
    pub print: Fingerprint,
}

impl Change {
    /// A view change that somebody has sent, or that is as good as one.
    pub fn sound(signed: &Arc<Signed<ViewChange>>) -> Self {
        Change { signed: Arc::clone(signed), print: fingerprint(&**signed) }
    }

    /// What it says.
    pub fn content(&self) -> &ViewChange {
        self.signed.message()
    }
}

impl Changes {
    /// Those that a replica takes.
    pub fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        self.taken.iter().map(|change| Message::ViewChange(Arc::clone(&change.signed)))
    }
}

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Adversary {
    /// Every view change that can be made of what is known.
    pub(super) fn view_changes(&self, recall: &mut Recall<'_>, knowledge: &Proofs) -> Option<Arc<Changes>> {
        if let Some(changes) = recall.known_changes.get(&knowledge.key) {
            return Some(Arc::clone(changes));
        }
        let memo = recall.learn()?;
        let (proved, unproved): (Vec<Part>, Vec<Part>) = knowledge.parts.iter().partition(|part| part.proves);
        let proved: Vec<Part> = self.by_effect(memo, &proved).into_iter().map(|alike| alike[0]).collect();
        let unproved = self.by_effect(memo, &unproved);
        let regular = self.choices(memo, &proved);
        let mut changes = Changes::default();
        for &view in &self.alphabet.targets {
            for &stable in knowledge.stable_parts.iter() {
                let mut add = |list: &[PartId]| self.add_change(memo, &mut changes, view, stable, list);
                if !stable.proves {
                    // Two parts that prove nothing are two faults of a rulebook.
                    let plain = regular.iter().filter(|list| list.len() <= 1 && self.has(Family::Unproved));
                    for list in plain {
                        add(list);
                    }
                    continue;
                }
                for list in &regular {
                    add(list);
                }
                for alike in &unproved {
                    // Whoever takes it alone takes it beside others.
                    if alike.iter().any(|part| add(&[part.id])) || !self.has(Family::Misplaced) {
                        continue;
                    }
                    for (good, bad) in proved.iter().cartesian_product(alike) {
                        add(&[good.id, bad.id]);
                        add(&[bad.id, good.id]);
                    }
                }
                for list in misplaced(memo, &proved).iter().filter(|_| self.has(Family::Misplaced)) {
                    self.add_change(memo, &mut changes, view, stable, list);
                }
            }
        }
        let changes = Arc::new(changes);
        memo.known_changes.insert(knowledge.key, Arc::clone(&changes));
        Some(changes)
    }

    /// Adds a view change; whether a replica takes it.
    fn add_change(
        &self,
        memo: &mut Memo,
        changes: &mut Changes,
        view: View,
        stable: Part,
        list: &[PartId],
    ) -> bool {
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
                memory::before(&memo.changes);
                memo.changes.insert(key, taken);
                taken
            }
        };
        // Of those that nobody takes only the plain ones are put into new views.
        if !taken && list.len() > 1 {
            return false;
        }
        let content = content();
        let sign = |key: &SigningKey| {
            let signed = Arc::new(key.sign(content.clone()));
            let print = if taken {
                fingerprint(&*signed)
            } else {
                fingerprint(&(view, signed.signer(), stable.id, list))
            };
            Change { signed, print }
        };
        let to = if taken { &mut changes.taken } else { &mut changes.spoilt };
        to.extend(self.alphabet.keys.iter().map(|(key, _)| sign(key)));
        taken
    }

    /// These certificates by view, number and batch; of those that are alike, the ones first that fit best.
    fn by_effect(&self, memo: &Memo, parts: &[Part]) -> Vec<Vec<Part>> {
        let mut alike: BTreeMap<(View, SeqNum, Digest), Vec<Part>> = BTreeMap::new();
        for &part in parts {
            let claim = memo.claims.get(part.id);
            let effect = (claim.view(), claim.seq(), claim.proposal.batch.digest());
            alike.entry(effect).or_default().push(part);
        }
        for parts in alike.values_mut() {
            parts.sort_by_key(|part| {
                let proposal = &memo.claims.get(part.id).proposal;
                (proposal.digest() != proposal.batch.digest(), proposal.pre_prepare.is_forged())
            });
        }
        alike.into_values().collect()
    }

    /// At each number above 0 any certificate that proves something, or none; for number 0 one alone.
    fn choices(&self, memo: &Memo, proved: &[Part]) -> Vec<Vec<PartId>> {
        let mut at: Vec<(SeqNum, Vec<Option<PartId>>)> = Vec::new();
        let of_number_0 = proved.iter().filter(|part| memo.claims.get(part.id).seq() == SeqNum(0));
        let of_number_0: Vec<Vec<PartId>> = of_number_0.map(|part| vec![part.id]).collect();
        for part in proved {
            let seq = memo.claims.get(part.id).seq();
            if seq == SeqNum(0) {
                continue;
            }
            match at.iter_mut().find(|(known, _)| *known == seq) {
                Some((_, choices)) => choices.push(Some(part.id)),
                None => at.push((seq, vec![None, Some(part.id)])),
            }
        }
        if at.is_empty() {
            return [Vec::new()].into_iter().chain(of_number_0).collect();
        }
        at.sort_unstable_by_key(|(seq, _)| *seq);
        let all = at.into_iter().map(|(_, choices)| choices).multi_cartesian_product();
        let all = all.take(MOST_CHOICES).map(|choice| choice.into_iter().flatten().collect());
        all.chain(of_number_0).collect()
    }
}

/// The lists of two certificates for one number, one of them twice among these, or in the wrong order.
fn misplaced(memo: &Memo, proved: &[Part]) -> Vec<Vec<PartId>> {
    let seq = |part: &Part| memo.claims.get(part.id).seq();
    let pairs = proved.iter().cartesian_product(proved);
    let misplaced = pairs.filter(|(first, second)| seq(first) >= seq(second));
    misplaced.map(|(first, second)| vec![first.id, second.id]).collect()
}
