//! Which of two states between views leads to all that the other leads to.
//!
//! A state can do at least what another can (it *subsumes* it) if in it more was decided, the adversary can show more,
//! and the honest replicas, each beside one of the other's, hold lower certificates or none. More decided and more to
//! show is plain: less can be shown than there is, and every property that fails where less was decided fails where more was. That
//! lower certificates are as good for whoever wants to do harm is not plain at all. A certificate that an honest replica holds can
//! be shown by the adversary too; so what a new view takes from the report of an honest replica it can take from that of a
//! Byzantine one, which stands in for an honest one in the quorum. What an honest replica holds can therefore
//! only get in the way. That takes a Byzantine replica, and a rulebook for which the highest certificates of
//! what is reported decide what a new view proposes, and nothing else does: see [`subsumed`](super::subsumed).
//!
//! The states need not have numbered their views alike: of a state's views only the order is known. So it is asked
//! whether the views of both *can* be put in one order in which all of that is true. The best order puts each
//! certificate of the one that is to be subsumed as late as can be: as late as the certificate for the same
//! batch that the other can show.
//!
//! A search that goes on from the states alone that no other subsumes is one over antichains of a well-quasi-order (Abdulla,
//! Čerāns, Jonsson and Tsay, *General decidability theorems for infinite-state systems*, 1996; De Wulf, Doyen, Henzinger and
//! Raskin, *Antichains*, 2006).

use std::cmp::Reverse;
use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::boundary::{BatchNumber, BoundaryState, CarriedState, Decided, Rank};

/// What can follow on a state, as far as it can be compared with what can follow on others.
pub trait Subsumes {
    /// Whether whatever follows on another state follows on this one too.
    fn subsumes(&self, other: &Self) -> bool;

    /// A number that is at least as high for whoever subsumes another.
    fn weight(&self) -> usize;
}

/// A state between views, as it is compared with others: it can take the place of another, or be the one that is
/// subsumed, under each of the names that its requests can have.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The first has the names as they are.
    named: Vec<Form>,
}

/// What is compared.
#[derive(Clone, Debug)]
struct Form {
    decided: Decided,
    slots: Vec<Slot>,
    replicas: Vec<CarriedState<Rank>>,
}

/// The certificates that can be shown at a sequence number, by batch.
type Slot = SmallVec<[(BatchNumber, Rank); 4]>;

/// Where a rank of one state stands among those of another at the latest: with that one, or so many before it.
type Latest = (Rank, Reverse<Rank>);

impl Reach {
    /// Of a state in which so many batches, the first ones, can change names; none if it is like nothing that is
    /// compared here: if one view has certificates for two batches, or somebody holds what cannot be shown.
    pub(super) fn of(state: &BoundaryState, requests: BatchNumber) -> Option<Self> {
        if state.is_forked() {
            return None;
        }
        for (slot, shown) in state.shown.iter().enumerate() {
            let mut held = state.replicas.iter().filter_map(|carried| carried.prepared[slot]);
            let can_be_shown = |(rank, batch): (Rank, BatchNumber)| {
                shown.iter().any(|&(highest, other)| other == batch && highest >= rank)
            };
            if !held.all(can_be_shown) {
                return None;
            }
        }
        let named = state.with_all_names(requests);
        Some(Reach { named: named.iter().map(Form::of).collect() })
    }
}

impl Subsumes for Reach {
    fn subsumes(&self, other: &Reach) -> bool {
        other.named.iter().any(|other| self.named[0].subsumes(other))
    }

    fn weight(&self) -> usize {
        let form = &self.named[0];
        let decided: usize = form.decided.iter().map(BTreeSet::len).sum();
        let shown: usize = form.slots.iter().map(SmallVec::len).sum();
        let held = form.replicas.iter().flat_map(|carried| &carried.prepared);
        let nothing = held.filter(|held| held.is_none()).count();
        decided + shown + nothing
    }
}

impl Form {
    fn of(state: &BoundaryState) -> Self {
        let shown =
            state.shown.iter().map(|shown| shown.iter().map(|&(rank, batch)| (batch, rank)).collect());
        let slots = shown.collect();
        Form { decided: state.decided.clone(), slots, replicas: state.replicas.clone() }
    }

    fn subsumes(&self, other: &Form) -> bool {
        if !other.decided.iter().zip(&self.decided).all(|(less, more)| less.is_subset(more)) {
            return false;
        }
        let mut latest: SmallVec<[SmallVec<[Latest; 8]>; 4]> = SmallVec::new();
        for (more, less) in self.slots.iter().zip(&other.slots) {
            let Some(of_slot) = latest_places(more, less) else { return false };
            latest.push(of_slot);
        }
        let is_lower = |more: usize, less: usize| {
            let (own, theirs) = (&self.replicas[more], &other.replicas[less]);
            let mut held = own.prepared.iter().zip(&theirs.prepared).zip(&latest);
            own.decided == theirs.decided
                && held.all(|((own, theirs), latest)| match (own, theirs) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some((own, _)), Some((theirs, _))) => (*own, Reverse(0)) <= latest[usize::from(*theirs)],
                })
        };
        can_be_paired(self.replicas.len(), is_lower)
    }
}

/// The latest places of the ranks of one state among those of another that has all the certificates to show that it
/// has, and later or at the same time; none if there are none.
fn latest_places(more: &Slot, less: &Slot) -> Option<SmallVec<[Latest; 8]>> {
    let ranks = less.iter().map(|&(_, rank)| rank + 1).max().unwrap_or(0);
    let mut latest: SmallVec<[Latest; 8]> = SmallVec::from_elem((Rank::MAX, Reverse(0)), ranks.into());
    for &(batch, rank) in less {
        let &(_, place) = more.iter().find(|&&(other, _)| other == batch)?;
        for before in 0..=rank {
            let at = &mut latest[usize::from(rank - before)];
            *at = (*at).min((place, Reverse(before)));
        }
    }
    Some(latest)
}

/// Whether so many can be paired with so many others, each with one of its own (by augmenting paths).
fn can_be_paired(count: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
    fn find(
        more: usize,
        seen: &mut SmallVec<[bool; 16]>,
        partner: &mut SmallVec<[Option<usize>; 16]>,
        fits: &impl Fn(usize, usize) -> bool,
    ) -> bool {
        for less in 0..partner.len() {
            if seen[less] || !fits(more, less) {
                continue;
            }
            seen[less] = true;
            if partner[less].is_none_or(|other| find(other, seen, partner, fits)) {
                partner[less] = Some(more);
                return true;
            }
        }
        false
    }
    let mut partner = SmallVec::from_elem(None, count);
    (0..count).all(|more| find(more, &mut SmallVec::from_elem(false, count), &mut partner, &fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Held = Option<(u64, BatchNumber)>;

    fn state(held: &[Held], shown: &[(u64, BatchNumber)], decided: &[BatchNumber]) -> BoundaryState {
        let carried = |held: &Held| CarriedState { prepared: vec![*held], decided: vec![None] };
        let (shown, decided) = (shown.iter().copied().collect(), decided.iter().copied().collect());
        BoundaryState::new(held.iter().map(carried).collect(), vec![shown], vec![decided], 2)
    }

    fn subsumes(more: &BoundaryState, less: &BoundaryState) -> bool {
        let of = |state| Reach::of(state, 2).unwrap();
        of(more).subsumes(&of(less))
    }

    /// All states with two replicas, three views in which at most one batch of three is certified, and up to one decision.
    fn all() -> BTreeSet<BoundaryState> {
        let mut all = BTreeSet::new();
        for views in 0..64_u64 {
            let certified: Vec<(u64, BatchNumber)> = (0..3_u64)
                .filter_map(|view| Some((view, (views >> (2 * view) & 3).checked_sub(1)? as BatchNumber)))
                .collect();
            let held = || std::iter::once(None).chain(certified.iter().copied().map(Some));
            for (one, other) in held().flat_map(|one| held().map(move |other| (one, other))) {
                for decided in [&[][..], &[0], &[2]] {
                    all.insert(state(&[one, other], &certified, decided));
                }
            }
        }
        all
    }

    #[test]
    fn every_state_subsumes_itself_and_what_its_like_subsume() {
        let all: Vec<_> = all().into_iter().map(|state| Reach::of(&state, 2).unwrap()).collect();
        assert!(all.len() > 200, "{}", all.len());
        for a in &all {
            assert!(a.subsumes(a));
            for b in all.iter().filter(|b| a.subsumes(b)) {
                assert!(a.weight() >= b.weight());
                assert!(all.iter().filter(|c| b.subsumes(c)).all(|c| a.subsumes(c)), "{a:?} {b:?}");
            }
        }
    }

    /// What can be proposed next at the number: the batch of the highest certificate that is reported, where the first
    /// replica reports what it holds, and the other one or the adversary anything that it can show.
    fn proposed(held: &[Held], shown: &[(u64, BatchNumber)]) -> BTreeSet<Option<BatchNumber>> {
        let choices = || std::iter::once(None).chain(shown.iter().copied().map(Some));
        let alone = held.iter().flat_map(|own| choices().map(move |choice| (*own).max(choice)));
        alone
            .chain([held.iter().copied().max().flatten()])
            .map(|highest| highest.map(|(_, batch)| batch))
            .collect()
    }

    /// Of two states in which the views have numbers the one that has been raised can propose no more.
    #[test]
    fn who_holds_more_can_propose_no_more() {
        let shown = [(1, 0), (3, 1), (5, 2)];
        let held: Vec<Held> =
            vec![None, Some((0, 1)), Some((1, 0)), Some((3, 1)), Some((4, 2)), Some((5, 2))];
        let mut compared = 0;
        for (a, b, c) in held.iter().flat_map(|a| held.iter().flat_map(|b| held.iter().map(|c| (*a, *b, *c))))
        {
            if b > c {
                continue;
            }
            let (more, less) = (state(&[a, b], &shown, &[]), state(&[a, c], &shown, &[]));
            assert!(subsumes(&more, &less), "{more:?} {less:?}");
            assert!(proposed(&[a, b], &shown).is_superset(&proposed(&[a, c], &shown)));
            compared += 1;
        }
        assert!(compared > 100);
        // The other way round it does not hold.
        let (none, high) = (state(&[None, None], &shown, &[]), state(&[None, Some((5, 2))], &shown, &[]));
        assert!(!subsumes(&high, &none));
    }

    #[test]
    fn less_shown_or_decided_is_less_and_another_order_is_another_state() {
        let more = state(&[None, Some((1, 0))], &[(1, 0), (2, 1)], &[0]);
        assert!(subsumes(&more, &state(&[None, Some((1, 0))], &[(1, 0), (2, 1)], &[])));
        assert!(subsumes(&more, &state(&[None, Some((1, 0))], &[(1, 0)], &[0])));
        assert!(!subsumes(&state(&[None, Some((1, 0))], &[(1, 0)], &[0]), &more));
        // To show a certificate of a later view is more, as long as somebody holds one that it is later than.
        let early = [(1, 0), (0, 1)];
        assert!(subsumes(&more, &state(&[None, Some((1, 0))], &early, &[0])));
        assert!(!subsumes(&state(&[None, Some((1, 0))], &early, &[0]), &more));
        assert!(subsumes(&state(&[None, None], &early, &[0]), &more));
        // Requests have no names, the null request does.
        assert!(subsumes(&more, &state(&[None, Some((1, 1))], &[(1, 1), (2, 0)], &[1])));
        assert!(!subsumes(&more, &state(&[None, Some((1, 2))], &[(1, 2)], &[])));
    }

    #[test]
    fn a_view_with_two_certificates_is_compared_with_nothing() {
        assert!(Reach::of(&state(&[None, Some((1, 0))], &[(1, 0), (1, 1)], &[]), 2).is_none());
        assert!(Reach::of(&state(&[None, Some((1, 0))], &[], &[]), 2).is_none());
    }
}
