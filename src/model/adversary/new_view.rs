//! NEW-VIEWs: which proposals can be justified by which view changes.
//!
//! Who takes a new view acts on its proposals and on the checkpoint at which it starts; by which view changes it is justified
//! matters to the check alone. So of each content one new view is kept that is accepted. Which lists of view changes are tried:
//! every quorum of different senders, larger ones, and these in other orders where the order makes a difference; one of
//! which a part proves nothing; those for other views; one view change several times; several of one sender; forged ones;
//! none. On each the proposals that are due with it are tried, and on lists of every kind any other proposals.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::iter::{once, repeat_n};
use std::sync::Arc;

use indexmap::map::Entry;
use itertools::Itertools as _;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::memo::{Chosen, Justified, Memo, Placed, Printed, Recall};
use super::view_change::{Change, Changes};
use super::{Adversary, Family, Proofs, quorum};
use crate::engine::{Fingerprint, fingerprint};
use crate::hashed::IndexMap;
use crate::memory;
use crate::model::panics::guarded;
use crate::pbft::{
    Batch, Message, NewView, PrePrepare, Principal, Proposal, ReplicaId, Rules, SeqNum, Signed, SigningKey,
    StableCheckpoint, Uncompared, View, ViewChange,
};

/// The most lists of view changes of one kind that are tried.
const MOST_LISTS: usize = 1 << 13;
/// The most rows of proposals that are tried where they need not be due.
const MOST_ROWS: usize = 1 << 10;
/// Committees up to this size have every choice of senders tried. In larger ones, of senders that have sent the same
/// the first are taken, and the last for comparison.
const EVERY_CHOICE: usize = 4;

type List = Vec<Change>;
/// A list of view changes with its place: among which lists, and where among these.
type Found<'a> = ((usize, usize), &'a List);
type Prints = SmallVec<[Fingerprint; 16]>;
type BySender<'a> = BTreeMap<Principal, Vec<&'a Change>>;

/// Who begins which view, and what there is to justify it with.
struct Start<'a> {
    key: &'a SigningKey,
    id: ReplicaId,
    view: View,
    /// View changes that are accepted by themselves: of honest replicas and of Byzantine ones.
    sound: &'a [&'a Change],
    /// These by sender.
    all: &'a BySender<'a>,
    spoilt: &'a [Change],
    own: &'a [Change],
}

/// Proposals that need not be due, put together when they are needed.
struct Rows<'a> {
    knowledge: &'a Proofs,
    made: &'a OnceCell<Vec<Vec<Proposal>>>,
}

/// A kind of lists of view changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Quorums,
    Spoilt,
    Repeated,
    Forged,
}

impl Kind {
    /// In the order in which they are tried.
    const ALL: [Kind; 4] = [Kind::Quorums, Kind::Spoilt, Kind::Repeated, Kind::Forged];
}

impl Adversary {
    /// Every new view that some replica takes, one for each content.
    pub(super) fn new_views<'a>(
        &self,
        recall: &mut Recall<'_>,
        knowledge: &Proofs,
        changes: &Changes,
        sent: impl IntoIterator<Item = &'a Message>,
    ) -> Option<Vec<Printed>> {
        let sent = sent.into_iter().filter_map(|message| match message {
            Message::ViewChange(change) => Some(change),
            _ => None,
        });
        let honest = sent.map(|change| recall.sound(change)).collect::<Option<List>>()?;
        let (own, spoilt) = (&changes.taken, &changes.spoilt);
        let sound: Vec<&Change> = honest.iter().chain(own).collect();
        let all = by_sender(sound.iter().copied());
        let mut out = FxHashMap::default();
        let (rules, committee) = (self.system.rules(), self.system.setting().committee);
        for (key, id) in &self.alphabet.keys {
            for &view in self.alphabet.targets.iter().filter(|&&view| rules.may_propose(committee, view, *id))
            {
                let start = Start { key, id: *id, view, sound: &sound, all: &all, spoilt, own };
                self.begin(recall, knowledge, &start, &mut out)?;
            }
        }
        Some(out.into_iter().collect())
    }

    /// All new views of one view by one replica.
    fn begin(
        &self,
        recall: &mut Recall<'_>,
        knowledge: &Proofs,
        start: &Start<'_>,
        out: &mut FxHashMap<Fingerprint, Arc<Signed<NewView>>>,
    ) -> Option<()> {
        let by_sender = self.justifying(start);
        let rows = OnceCell::new();
        let rows = Rows { knowledge, made: &rows };
        for kind in Kind::ALL {
            let key = Self::print_of_kind(knowledge, start, &by_sender, kind);
            if let Some(known) = recall.of_lists.get(&key) {
                out.extend(known.iter().cloned());
                continue;
            }
            let memo = recall.learn()?;
            let lists = match kind {
                Kind::Quorums => self.quorums(memo, start, &by_sender),
                Kind::Spoilt => self.spoilt(start, &by_sender),
                Kind::Repeated => self.repeated(start, &by_sender),
                Kind::Forged => self.forged(memo, knowledge, start),
            };
            let chosen = Arc::new(self.chosen(memo, start, lists));
            let found = self.on_lists(recall, start, &[chosen], &rows)?;
            out.extend(found.iter().cloned());
            let memo = recall.learn()?;
            memory::before(&memo.of_lists);
            memo.of_lists.insert(key, found);
        }
        // There are more ways to put together what such lists are made of than there are such lists.
        let chosen = self.other_views(recall, start, &by_sender)?;
        out.extend(self.on_lists(recall, start, &chosen, &rows)?.iter().cloned());
        Some(())
    }

    /// What stands for all that lists of a kind are made of.
    fn print_of_kind(
        knowledge: &Proofs,
        start: &Start<'_>,
        by_sender: &BySender<'_>,
        kind: Kind,
    ) -> Fingerprint {
        let is_for = |entry: &&Change| entry.content().new_view == start.view;
        let justifying = by_sender.values().flatten().copied();
        let of = |entries: &mut dyn Iterator<Item = &Change>| -> Prints {
            entries.map(|entry| entry.print).collect()
        };
        let of_justifying = || of(&mut justifying.clone());
        let prints = match kind {
            Kind::Quorums => (of_justifying(), Prints::new()),
            Kind::Spoilt => (of_justifying(), of(&mut start.spoilt.iter().filter(is_for))),
            Kind::Repeated => (of_justifying(), of(&mut start.own.iter().filter(is_for))),
            Kind::Forged => {
                let proved = knowledge.parts.iter().filter(|part| part.proves);
                let claims = proved.map(|part| Fingerprint::from(part.id));
                (claims.collect(), of(&mut start.own.iter().find(is_for).into_iter()))
            }
        };
        fingerprint(&(kind, start.id, start.view, knowledge.proposals, prints))
    }

    /// What these lists justify.
    fn chosen(&self, memo: &mut Memo, start: &Start<'_>, lists: impl IntoIterator<Item = List>) -> Chosen {
        let mut accepted: IndexMap<Fingerprint, Arc<Signed<NewView>>> = IndexMap::default();
        let mut due: IndexMap<Fingerprint, [Placed; 2]> = IndexMap::default();
        for (place, list) in lists.into_iter().enumerate() {
            let justified = self.justified(memo, start, &list);
            accepted.extend(justified.accepted.iter().cloned());
            match due.entry(justified.due) {
                Entry::Occupied(mut known) => known.get_mut()[1] = (place, list),
                Entry::Vacant(none) => drop(none.insert([(place, list.clone()), (place, list)])),
            }
        }
        Chosen { accepted: accepted.into_iter().collect(), due: due.into_iter().collect() }
    }

    /// The new views on these lists that are accepted, those of one content once: with what is due on each, and on some with
    /// any other proposals.
    fn on_lists(
        &self,
        recall: &mut Recall<'_>,
        start: &Start<'_>,
        chosen: &[Arc<Chosen>],
        rows: &Rows<'_>,
    ) -> Option<Arc<[Printed]>> {
        let mut found: IndexMap<Fingerprint, Arc<Signed<NewView>>> = IndexMap::default();
        // Of lists with which the same is due the first and the last.
        let mut by_due: FxHashMap<Fingerprint, [Found<'_>; 2]> = FxHashMap::default();
        for (group, chosen) in chosen.iter().enumerate() {
            found.extend(chosen.accepted.iter().cloned());
            for (due, [first, last]) in &chosen.due {
                let end = |end: &Placed| (group, end.0);
                let ends = by_due.entry(*due).or_insert([(end(first), &first.1); 2]);
                ends[1] = (end(last), &last.1);
            }
        }
        let lists: BTreeMap<(usize, usize), &List> = by_due.into_values().flatten().collect();
        for list in lists.into_values().filter(|_| self.has(Family::AnyProposals)) {
            found.extend(self.free(recall, start, list, rows)?.iter().cloned());
        }
        Some(found.into_iter().collect())
    }

    fn print_of(start: &Start<'_>, list: &[Change]) -> Fingerprint {
        let prints: SmallVec<[Fingerprint; 8]> = list.iter().map(|entry| entry.print).collect();
        fingerprint(&(start.id, start.view, prints))
    }

    /// What is due with a list of view changes, and whether a new view with that is accepted.
    fn justified(&self, memo: &mut Memo, start: &Start<'_>, list: &[Change]) -> Justified {
        let key = Self::print_of(start, list);
        if let Some(known) = memo.justified.get(&key) {
            return known.clone();
        }
        let (rules, setting) = (self.system.rules(), self.system.setting());
        let contents: Vec<&ViewChange> = list.iter().map(Change::content).collect();
        let mut due = vec![batches_of(rules, &contents)];
        if let Ok(Ok(sifted)) = guarded(|| rules.sift(setting, &contents))
            && sifted.len() != contents.len()
        {
            due.push(batches_of(rules, &sifted));
        }
        let digests =
            |batches: &[(SeqNum, Batch)]| batches.iter().map(|(seq, b)| (*seq, b.digest())).collect_vec();
        let due_print = fingerprint(&due.iter().map(|batches| digests(batches)).collect_vec());
        let accepted = due.into_iter().filter_map(|batches| {
            let proposals =
                batches.into_iter().map(|(seq, batch)| proposal(start.key, start.view, seq, batch));
            self.accepted(start, list, proposals.collect())
        });
        let justified = Justified { due: due_print, accepted: accepted.collect() };
        memo.justified.insert(key, justified.clone());
        justified
    }

    /// The new views with any other proposals that are accepted on a list of view changes.
    fn free(
        &self,
        recall: &mut Recall<'_>,
        start: &Start<'_>,
        list: &[Change],
        rows: &Rows<'_>,
    ) -> Option<Arc<[Printed]>> {
        let key = fingerprint(&(Self::print_of(start, list), rows.knowledge.proposals));
        if let Some(free) = recall.free.get(&key) {
            return Some(Arc::clone(free));
        }
        let memo = recall.learn()?;
        let rows = rows.made.get_or_init(|| self.rows(memo_proposals(memo, rows.knowledge), start));
        let free = rows.iter().filter_map(|row| self.accepted(start, list, row.clone()));
        let free: Arc<[_]> = free.collect();
        memory::before(&memo.free);
        memo.free.insert(key, Arc::clone(&free));
        Some(free)
    }

    fn accepted(&self, start: &Start<'_>, list: &[Change], proposals: Vec<Proposal>) -> Option<Printed> {
        let changes = list.iter().map(|entry| Arc::clone(&entry.signed)).collect();
        let new_view = NewView { view: start.view, view_changes: Uncompared(changes), proposals };
        let is_taken = self.system.rules().check_new_view(self.system.setting(), &new_view).is_ok();
        is_taken.then(|| {
            let signed = Arc::new(start.key.sign(new_view));
            (fingerprint(&*signed), signed)
        })
    }

    fn quorum(&self) -> usize {
        quorum(self.system.rules(), |rules, of| rules.view_change_quorum(of), self.system.setting().committee)
    }

    /// The view changes that justify the view, by sender.
    fn justifying<'a>(&self, start: &Start<'a>) -> BySender<'a> {
        let rules = self.system.rules();
        by_sender(start.sound.iter().copied().filter(|entry| rules.justifies(entry.content(), start.view)))
    }

    /// Every quorum of view changes of different senders, larger sets, and each in another order, where that matters.
    fn quorums(&self, memo: &mut Memo, start: &Start<'_>, by_sender: &BySender<'_>) -> Vec<List> {
        let n = usize::from(self.system.bound().scope.replicas);
        let slots = self.system.bound().scope.slots as usize;
        // A larger set than a quorum can matter where the certificates for the slots come from more senders than a
        // quorum has, or where a rule looks at some of them only.
        let largest = if n <= EVERY_CHOICE { n } else { self.quorum().max(slots) };
        let mut lists = Vec::new();
        for size in self.quorum()..=largest.min(by_sender.len()) {
            lists.extend(products(by_sender, size, n <= EVERY_CHOICE));
        }
        let other_orders: Vec<List> =
            lists.iter().flat_map(|list| self.other_orders(memo, start, list)).take(MOST_LISTS).collect();
        lists.extend(other_orders);
        lists
    }

    /// The orders of a list in which each view change is first or last, if what is due or accepted depends on the order.
    fn other_orders(&self, memo: &mut Memo, start: &Start<'_>, list: &List) -> Vec<List> {
        if !self.has(Family::OtherOrders) {
            return Vec::new();
        }
        let mut turned = list.clone();
        turned.rotate_left(1);
        let reversed: List = list.iter().rev().cloned().collect();
        let given = self.justified(memo, start, list);
        let is_the_same = |other: &List| {
            let other = self.justified(memo, start, other);
            given.due == other.due && given.accepted.is_empty() == other.accepted.is_empty()
        };
        if [turned, reversed].iter().all(is_the_same) {
            return Vec::new();
        }
        let turns = (0..list.len()).map(|by| {
            let mut turned = list.clone();
            turned.rotate_left(by);
            turned
        });
        let reversed = turns.clone().map(|list| list.into_iter().rev().collect());
        turns.chain(reversed).collect()
    }

    /// What quorums with view changes for other views justify, by their senders.
    fn other_views(
        &self,
        recall: &mut Recall<'_>,
        start: &Start<'_>,
        justifying: &BySender<'_>,
    ) -> Option<Vec<Arc<Chosen>>> {
        if justifying == start.all || !self.has(Family::OtherViews) {
            return Some(Vec::new());
        }
        let is_other = |list: &List| list.iter().any(|entry| entry.content().new_view != start.view);
        let choices = || start.all.values().combinations(self.quorum());
        let count: usize = choices().map(|sent| sent.iter().map(|sent| sent.len()).product::<usize>()).sum();
        if count > MOST_LISTS {
            let lists = products(start.all, self.quorum(), true).into_iter().filter(is_other);
            return Some(vec![Arc::new(self.chosen(recall.learn()?, start, lists))]);
        }
        let mut chosen = Vec::new();
        for sent in choices() {
            let prints = sent.iter().map(|sent| sent.iter().map(|entry| entry.print).collect::<Prints>());
            let key = fingerprint(&(start.id, start.view, prints.collect::<SmallVec<[Prints; 4]>>()));
            if let Some(known) = recall.of_choices.get(&key) {
                chosen.push(Arc::clone(known));
                continue;
            }
            let memo = recall.learn()?;
            let one_each = sent.into_iter().map(|sent| sent.iter().copied().cloned());
            let lists = one_each.multi_cartesian_product().filter(is_other);
            let found = Arc::new(self.chosen(memo, start, lists));
            memory::before(&memo.of_choices);
            memo.of_choices.insert(key, Arc::clone(&found));
            chosen.push(found);
        }
        Some(chosen)
    }

    /// One view change that is refused by itself, among others or several times.
    fn spoilt(&self, start: &Start<'_>, by_sender: &BySender<'_>) -> Vec<List> {
        if !self.has(Family::Spoilt) {
            return Vec::new();
        }
        let others = self.quorum().saturating_sub(1);
        let mut lists = Vec::new();
        for bad in start.spoilt.iter().filter(|entry| entry.content().new_view == start.view) {
            let beside = || by_sender.iter().filter(|(who, _)| **who != bad.signed.signer());
            let first = beside().filter_map(|(_, sent)| sent.first()).take(others);
            let last = beside().rev().filter_map(|(_, sent)| sent.last()).take(others);
            for beside in [first.collect_vec(), last.collect_vec()] {
                let mut list: List =
                    beside.into_iter().map(|&entry| entry.clone()).chain([bad.clone()]).collect();
                list.sort_by_key(|entry| entry.signed.signer());
                lists.push(list);
            }
            lists.push(repeat_n(bad.clone(), self.quorum()).collect());
        }
        lists
    }

    /// One view change as often as it takes; all that one sender has to say, alone and among others; and none.
    fn repeated(&self, start: &Start<'_>, by_sender: &BySender<'_>) -> Vec<List> {
        if !self.has(Family::Repeated) {
            return vec![Vec::new()];
        }
        let all = by_sender.values().flatten();
        let mut lists: Vec<List> =
            all.map(|&entry| repeat_n(entry.clone(), self.quorum()).collect()).collect();
        let is_own = |entry: &&Change| entry.content().new_view == start.view;
        let own: List = start.own.iter().filter(is_own).cloned().collect();
        let others =
            by_sender.iter().filter(|(who, _)| own.iter().all(|entry| entry.signed.signer() != **who));
        let others: List = others.filter_map(|(_, sent)| sent.first().map(|&entry| entry.clone())).collect();
        lists.push(others.iter().chain(&own).cloned().collect());
        lists.push(own);
        lists.push(Vec::new());
        lists
    }

    /// View changes in the name of honest replicas that did not send them, which report nothing or what can be shown.
    fn forged(&self, memo: &Memo, knowledge: &Proofs, start: &Start<'_>) -> Vec<List> {
        let proved = knowledge
            .parts
            .iter()
            .filter(|part| part.proves)
            .map(|part| vec![memo.claims.get(part.id).clone()]);
        if !self.has(Family::Forged) {
            return Vec::new();
        }
        let stable = StableCheckpoint::genesis().claim().clone();
        let is_own = |entry: &&Change| entry.content().new_view == start.view;
        let own: List = start.own.iter().find(is_own).cloned().into_iter().collect();
        once(Vec::new())
            .chain(proved)
            .map(|prepared| {
                let change = ViewChange { new_view: start.view, stable: stable.clone(), prepared };
                let forged = self
                    .alphabet
                    .forgeable
                    .iter()
                    .map(|&who| Change::sound(&Arc::new(Signed::forged(who, change.clone()))));
                forged.chain(own.iter().cloned()).collect()
            })
            .collect()
    }

    /// Proposals that follow from nothing: any batches at the numbers from 1 on; one at another number; two at one
    /// number; in the wrong order; for another view; under another digest than the batch's; and one of an honest replica.
    fn rows(&self, known: Vec<Proposal>, start: &Start<'_>) -> Vec<Vec<Proposal>> {
        let alphabet = &self.alphabet;
        let (key, view) = (start.key, start.view);
        let make = |seq: SeqNum, batch: &Batch| proposal(key, view, seq, batch.clone());
        let slots = self.system.bound().scope.slots as usize;
        let mut rows: Vec<Vec<Proposal>> = vec![Vec::new()];
        let mut from = 0;
        for seq in (1..=slots as u64).map(SeqNum) {
            if (rows.len() - from) * alphabet.batches.len() > MOST_ROWS {
                break;
            }
            let shorter = rows[from..].to_vec();
            from = rows.len();
            for (row, batch) in shorter.iter().cartesian_product(&alphabet.batches) {
                rows.push(row.iter().cloned().chain([make(seq, batch)]).collect());
            }
        }
        let one = SeqNum(1);
        for batch in &alphabet.batches {
            let elsewhere = alphabet.numbers.iter().filter(|&&seq| seq != one);
            rows.extend(elsewhere.map(|&seq| vec![make(seq, batch)]));
            let others = alphabet.batches.iter().filter(|other| *other != batch);
            rows.extend(others.clone().map(|other| vec![make(one, batch), make(one, other)]));
            if slots > 1 {
                rows.extend(
                    alphabet.batches.iter().map(|other| vec![make(SeqNum(2), batch), make(one, other)]),
                );
            }
            let views = alphabet.views.iter().filter(|&&other| other != view);
            rows.extend(views.map(|&other| vec![proposal(key, other, one, batch.clone())]));
            let digests = alphabet.digests.iter().filter(|&&digest| digest != batch.digest());
            rows.extend(digests.map(|&digest| {
                let pre_prepare = key.sign(PrePrepare { view, seq: one, digest });
                vec![Proposal { pre_prepare, batch: batch.clone() }]
            }));
        }
        let is_honest = |proposal: &Proposal| alphabet.forgeable.contains(&proposal.pre_prepare.signer());
        rows.extend(known.into_iter().filter(is_honest).map(|proposal| vec![proposal]));
        rows
    }
}

/// What a new view on these view changes proposes; nothing where the rule panics, as it will for those who accept it.
fn batches_of(rules: &dyn Rules, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
    guarded(|| rules.new_view_batches(changes)).unwrap_or_default()
}

/// The proposals of which something is known.
fn memo_proposals(memo: &Memo, knowledge: &Proofs) -> Vec<Proposal> {
    knowledge.parts.iter().map(|part| memo.claims.get(part.id).proposal.clone()).collect()
}

fn proposal(key: &SigningKey, view: View, seq: SeqNum, batch: Batch) -> Proposal {
    Proposal { pre_prepare: key.sign(PrePrepare { view, seq, digest: batch.digest() }), batch }
}

fn by_sender<'a>(entries: impl Iterator<Item = &'a Change>) -> BySender<'a> {
    let mut by_sender = BySender::new();
    for entry in entries {
        by_sender.entry(entry.signed.signer()).or_default().push(entry);
    }
    by_sender
}

/// One view change of each of so many senders, in every way; if not `every` choice of senders is wanted, of those who have
/// sent the same the first, and the last.
fn products(by_sender: &BySender<'_>, size: usize, every: bool) -> Vec<List> {
    let classes = alike(by_sender);
    let sizes = class_sizes(&classes);
    let chosen = by_sender.values().zip(&classes).combinations(size).filter(|senders| {
        let places: Vec<_> = senders.iter().map(|(_, place)| **place).collect();
        every || takes_the_first(&places) || takes_the_first(&mirrored(&places, &sizes))
    });
    let lists = chosen.flat_map(|senders| {
        senders.into_iter().map(|(sent, _)| sent.iter().copied().cloned()).multi_cartesian_product()
    });
    lists.take(MOST_LISTS).collect()
}

/// The class of a sender, and its place among those who have sent the same.
type Place = (usize, usize);

/// For each sender its place.
fn alike(by_sender: &BySender<'_>) -> Vec<Place> {
    let mut classes: Vec<(Vec<&ViewChange>, usize)> = Vec::new();
    let mut alike = Vec::new();
    for sent in by_sender.values() {
        let contents: Vec<&ViewChange> = sent.iter().map(|entry| entry.content()).collect();
        let class = classes.iter().position(|(known, _)| *known == contents).unwrap_or(classes.len());
        if class == classes.len() {
            classes.push((contents, 0));
        }
        alike.push((class, classes[class].1));
        classes[class].1 += 1;
    }
    alike
}

fn class_sizes(places: &[Place]) -> Vec<usize> {
    let mut sizes = vec![0; places.len()];
    places.iter().for_each(|&(class, _)| sizes[class] += 1);
    sizes
}

/// The choice that takes of each class the place that is as far from its end as this takes from its beginning.
fn mirrored(places: &[Place], sizes: &[usize]) -> Vec<Place> {
    places.iter().map(|&(class, place)| (class, sizes[class] - 1 - place)).collect()
}

/// Whether of senders that are alike the first are taken.
fn takes_the_first(senders: &[Place]) -> bool {
    let before = |class: usize, place: usize| senders.iter().filter(|s| s.0 == class && s.1 < place).count();
    senders.iter().all(|&(class, place)| before(class, place) == place)
}
