//! What is left of the past when every honest replica has left a view: all that a later view can depend on.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools as _;
use serde::{Deserialize, Serialize};

/// Of two views at one sequence number only the order counts: a view is its rank among those that still
/// matter there.
pub(super) type Rank = u16;

/// A batch: its place among those that can be proposed.
pub(super) type BatchNumber = u16;

/// What one honest replica carries into the next view.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(super) struct CarriedState<V> {
    /// At each sequence number: the prepared certificate of the highest view.
    pub prepared: Vec<Option<(V, BatchNumber)>>,
    /// At each sequence number: what it has decided.
    pub decided: Vec<Option<BatchNumber>>,
}

impl<V> CarriedState<V> {
    /// What it would carry had it decided nothing.
    pub fn undecided(self) -> Self {
        CarriedState { decided: vec![None; self.decided.len()], ..self }
    }
}

/// The certificates that can be shown, at each sequence number.
pub(super) type Showable<V> = Vec<BTreeSet<(V, BatchNumber)>>;

/// The batches that somebody has decided, at each sequence number.
pub(super) type Decided = Vec<BTreeSet<BatchNumber>>;

/// Whether all of these are among those.
pub(super) fn is_part<T: Ord>(some: &[BTreeSet<T>], of: &[BTreeSet<T>]) -> bool {
    some.iter().zip(of).all(|(some, of)| some.is_subset(of))
}

/// All of these and those.
pub(super) fn with<T: Copy + Ord>(some: &[BTreeSet<T>], more: &[BTreeSet<T>]) -> Vec<BTreeSet<T>> {
    some.iter().zip(more).map(|(some, more)| some | more).collect()
}

/// One of each set or nothing, in every way.
pub(super) fn choices(decided: &Decided) -> impl Iterator<Item = Vec<Option<BatchNumber>>> {
    let of_each = decided.iter().map(|batches| {
        let batches = batches.iter().copied().map(Some);
        std::iter::once(None).chain(batches).collect::<Vec<_>>()
    });
    of_each.multi_cartesian_product()
}

/// What all carry into the next view, and what the adversary can show.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BoundaryState {
    /// What the honest replicas carry: who carries what does not matter.
    pub(super) replicas: Vec<CarriedState<Rank>>,
    /// At each sequence number: of each batch the certificate of the highest view that messages which exist
    /// make up.
    pub(super) shown: Showable<Rank>,
    /// At each sequence number: the batches that some honest replica has decided, where it does not count which.
    pub(super) decided: Decided,
}

impl BoundaryState {
    /// The normal form of what is carried, of certificates and decisions. `requests` batches, the first ones, can change
    /// names.
    pub(super) fn new<V: Copy + Ord>(
        replicas: Vec<CarriedState<V>>,
        shown: Showable<V>,
        decided: Decided,
        requests: BatchNumber,
    ) -> BoundaryState {
        let shown: Vec<_> = shown.into_iter().map(highest_of_each).collect();
        let ranks: Vec<_> = shown
            .iter()
            .enumerate()
            .map(|(slot, shown)| {
                let held = replicas.iter().filter_map(|carried| carried.prepared[slot]);
                ranks(held.chain(shown.iter().copied()))
            })
            .collect();
        let replicas: Vec<_> = replicas
            .into_iter()
            .map(|carried| CarriedState {
                prepared: carried
                    .prepared
                    .into_iter()
                    .zip(&ranks)
                    .map(|(held, ranks)| held.map(|(view, batch)| (ranks[&view], batch)))
                    .collect(),
                decided: carried.decided,
            })
            .collect();
        let shown: Vec<BTreeSet<_>> = shown
            .into_iter()
            .zip(&ranks)
            .map(|(shown, ranks)| shown.into_iter().map(|(view, batch)| (ranks[&view], batch)).collect())
            .collect();
        let plain = BoundaryState { replicas, shown, decided };
        let renamed = plain.with_all_names(requests).into_iter().min();
        renamed.unwrap_or(plain)
    }

    /// The state with each of the names that the first so many batches can have; first with those that they have.
    pub(super) fn with_all_names(&self, requests: BatchNumber) -> Vec<BoundaryState> {
        let renamings = (0..requests).permutations(usize::from(requests));
        renamings.map(|names| self.renamed(&names)).collect()
    }

    /// With other names for the first batches, and sorted.
    fn renamed(&self, names: &[BatchNumber]) -> BoundaryState {
        let name = |batch: BatchNumber| names.get(usize::from(batch)).copied().unwrap_or(batch);
        let certificate = |(rank, batch)| (rank, name(batch));
        let replicas = self.replicas.iter().map(|carried| CarriedState {
            prepared: carried.prepared.iter().map(|held| held.map(certificate)).collect(),
            decided: carried.decided.iter().map(|decided| decided.map(name)).collect(),
        });
        let shown = self.shown.iter().map(|shown| shown.iter().copied().map(certificate).collect());
        let decided = self.decided.iter().map(|batches| batches.iter().copied().map(name).collect());
        BoundaryState {
            replicas: replicas.sorted().collect(),
            shown: shown.collect(),
            decided: decided.collect(),
        }
    }

    /// What is left where it does not count who has decided what.
    #[must_use]
    pub fn of_nobody_in_particular(self, requests: u16) -> Self {
        let BoundaryState { replicas, shown, mut decided } = self;
        for carried in &replicas {
            decided.iter_mut().zip(&carried.decided).for_each(|(all, decided)| all.extend(decided));
        }
        let replicas = replicas.into_iter().map(CarriedState::undecided).collect();
        BoundaryState::new(replicas, shown, decided, requests)
    }

    /// What is left behind if the adversary can show only some of these certificates, and less has been decided: all of
    /// that can be followed by nothing else than this can. Of the batches so many, the first ones, are requests.
    pub fn weaker(&self, requests: u16) -> BTreeSet<BoundaryState> {
        let (shown, decided) = (parts(&self.shown), parts(&self.decided));
        let weaker = shown.into_iter().cartesian_product(decided);
        weaker
            .map(|(shown, decided)| BoundaryState::new(self.replicas.clone(), shown, decided, requests))
            .collect()
    }

    /// Whether some view has certificates for two batches at one number.
    pub(super) fn is_forked(&self) -> bool {
        self.shown.iter().enumerate().any(|(slot, shown)| {
            let held = self.replicas.iter().filter_map(|carried| carried.prepared[slot]);
            let all: BTreeSet<(Rank, BatchNumber)> = held.chain(shown.iter().copied()).collect();
            all.iter().tuple_windows().any(|(one, next)| one.0 == next.0)
        })
    }

    /// How many ranks there are at the sequence number that has most.
    pub(super) fn ranks(&self) -> Rank {
        let held = self.replicas.iter().flat_map(|carried| carried.prepared.iter().flatten());
        let all = held.chain(self.shown.iter().flatten());
        all.map(|(rank, _)| rank + 1).max().unwrap_or(0)
    }
}

/// Some of each set, in every way.
fn parts<T: Copy + Ord>(sets: &[BTreeSet<T>]) -> Vec<Vec<BTreeSet<T>>> {
    let parts = sets.iter().map(|set| {
        let parts = set.iter().copied().powerset();
        parts.map(|part| part.into_iter().collect()).collect::<Vec<BTreeSet<T>>>()
    });
    parts.multi_cartesian_product().collect()
}

fn highest_of_each<V: Copy + Ord>(shown: BTreeSet<(V, BatchNumber)>) -> BTreeSet<(V, BatchNumber)> {
    let highest: BTreeMap<BatchNumber, V> = shown.into_iter().map(|(view, batch)| (batch, view)).collect();
    highest.into_iter().map(|(batch, view)| (view, batch)).collect()
}

/// The ranks of views. Views that follow each other with a certificate for the same one batch have one rank:
/// which of them a certificate is of decides nothing.
fn ranks<V: Copy + Ord>(certificates: impl Iterator<Item = (V, BatchNumber)>) -> BTreeMap<V, Rank> {
    let mut batches: BTreeMap<V, BTreeSet<BatchNumber>> = BTreeMap::new();
    for (view, batch) in certificates {
        batches.entry(view).or_default().insert(batch);
    }
    let mut ranks = BTreeMap::new();
    let mut next = 0;
    let mut last: Option<&BTreeSet<BatchNumber>> = None;
    for (&view, batches) in &batches {
        let same = batches.len() == 1 && last == Some(batches);
        next += Rank::from(!same);
        ranks.insert(view, next - 1);
        last = Some(batches);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(prepared: Option<(u64, BatchNumber)>) -> CarriedState<u64> {
        CarriedState { prepared: vec![prepared], decided: vec![None] }
    }

    fn boundary(held: &[Option<(u64, BatchNumber)>], shown: &[(u64, BatchNumber)]) -> BoundaryState {
        BoundaryState::new(
            held.iter().map(|held| carried(*held)).collect(),
            vec![shown.iter().copied().collect()],
            vec![BTreeSet::new()],
            2,
        )
    }

    #[test]
    fn of_views_only_the_order_counts() {
        let a = boundary(&[Some((3, 0)), None], &[(3, 0), (7, 1)]);
        assert_eq!(a, boundary(&[Some((0, 0)), None], &[(0, 0), (1, 1)]));
        assert_ne!(a, boundary(&[Some((7, 0)), None], &[(7, 0), (3, 1)]));
    }

    #[test]
    fn views_in_a_row_that_certify_the_same_are_one() {
        let a = boundary(&[Some((1, 0)), Some((2, 0))], &[(2, 0)]);
        assert_eq!(a, boundary(&[Some((5, 0)), Some((5, 0))], &[(5, 0)]));
        let parted = boundary(&[Some((1, 0)), Some((3, 0))], &[(3, 0), (2, 1)]);
        assert_ne!(parted, boundary(&[Some((3, 0)), Some((3, 0))], &[(3, 0), (2, 1)]));
        // Two batches certified in one view, as a broken rulebook allows, are no single one.
        let forked = boundary(&[Some((1, 0)), Some((2, 0))], &[(2, 0), (2, 1)]);
        assert_eq!(forked.ranks(), 2);
    }

    #[test]
    fn of_the_certificates_for_a_batch_the_highest_is_shown() {
        assert_eq!(boundary(&[None], &[(1, 0), (2, 1), (3, 0)]), boundary(&[None], &[(2, 1), (3, 0)]));
    }

    #[test]
    fn neither_the_replicas_nor_the_requests_have_names() {
        let a = boundary(&[Some((1, 0)), None], &[(1, 0)]);
        assert_eq!(a, boundary(&[None, Some((1, 0))], &[(1, 0)]));
        assert_eq!(a, boundary(&[None, Some((1, 1))], &[(1, 1)]));
        // The null request is no request.
        assert_ne!(a, boundary(&[None, Some((1, 2))], &[(1, 2)]));
    }
}
