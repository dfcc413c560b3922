//! Sets of votes that are put forward as a proof.
//!
//! A check of a proof may look at any of the fields of a vote, at its signature, at how many votes there are and at whose
//! they are, and may forget any of that. So the votes that exist are put together in every way that makes a
//! difference to such a check: for each subset of the fields, all votes that agree with the statement in these fields.
//! Of each of these sets also one vote a sender, as few as a threshold takes, and every vote several times; besides,
//! votes that nobody signed, and none at all.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::hash::Hash;
use std::iter::repeat_n;

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use crate::engine::{Fingerprint, fingerprint};
use crate::memory;
use crate::pbft::{Checkpoint, Commit, Prepare, Principal, Signable, Signed};

/// A statement that is proved by votes for it.
pub trait Vote: Signable + Copy + PartialEq + Hash {
    /// How many fields it has.
    const FIELDS: u8;

    /// Which fields are the same in another vote, a bit each.
    fn agreement(&self, other: &Self) -> u8;
}

macro_rules! vote {
    ($name:ident: $($field:ident)*) => {
        impl Vote for $name {
            const FIELDS: u8 = [$(stringify!($field)),*].len() as u8;

            fn agreement(&self, other: &Self) -> u8 {
                [$(self.$field == other.$field),*].iter().rev().fold(0, |bits, &same| bits << 1 | u8::from(same))
            }
        }
    };
}

vote!(Prepare: view seq digest);
vote!(Commit: view seq digest);
vote!(Checkpoint: seq state);

/// What a proof is made for.
#[derive(Clone, Debug)]
pub struct Wanted<V> {
    /// What the votes are to be for.
    pub vote: V,
    /// As many votes as the rulebook's threshold takes.
    pub threshold: usize,
    /// How often a vote is repeated where one is put forward several times.
    pub repeated: usize,
    /// Whether votes are put forward that agree in some of the fields only.
    pub any_fields: bool,
}

/// The votes that exist, with what stands for each.
#[derive(Debug)]
pub struct Ballots<'a, V> {
    votes: Vec<Signed<V>>,
    prints: Vec<Fingerprint>,
    /// Who is said to have voted where signatures are forged.
    forgeable: &'a [Principal],
}

/// Some of the votes that exist: those that agree with a statement in some fields, a bit each.
struct Pool {
    fields: u8,
    print: Fingerprint,
}

/// What was found out: of a statement, and of a pool of votes for it, the first proof that was accepted.
pub type Tried<T> = FxHashMap<(Fingerprint, Fingerprint), Option<T>>;

impl<'a, V: Vote> Ballots<'a, V> {
    /// These votes; the signatures of `forgeable` can be forged.
    pub fn new(votes: impl IntoIterator<Item = Signed<V>>, forgeable: &'a [Principal]) -> Self {
        let votes: Vec<_> = votes.into_iter().collect();
        let prints = votes.iter().map(fingerprint).collect();
        Ballots { votes, prints, forgeable }
    }

    /// The first proof of a statement that is accepted, in the order of [`Self::sets`], and whether there is one; if not, the
    /// most fitting proof. What was found out of the statement, which `about` stands for, is kept in `tried`.
    pub fn best<T: Clone>(
        &self,
        tried: &mut Tried<T>,
        about: Fingerprint,
        wanted: &Wanted<V>,
        proof: impl Fn(Vec<Signed<V>>) -> T,
        accepts: impl Fn(&T) -> bool,
    ) -> (T, bool) {
        let mut fittest = None;
        for pool in self.pools(wanted) {
            memory::before(tried);
            let known = tried
                .entry((about, pool.print))
                .or_insert_with(|| self.of_pool(wanted, &pool).into_iter().map(&proof).find(&accepts));
            if let Some(proof) = known {
                return (proof.clone(), true);
            }
            fittest = fittest.or(Some(pool));
        }
        let last = tried
            .entry((about, self.print_with_forged(wanted)))
            .or_insert_with(|| [self.with_forged(wanted), Vec::new()].into_iter().map(&proof).find(&accepts));
        match last {
            Some(proof) => (proof.clone(), true),
            None => {
                let votes = fittest.map_or_else(Vec::new, |pool| self.of(&self.places(wanted, &pool)));
                (proof(votes), false)
            }
        }
    }

    /// The sets of votes that can be put forward for a statement, the most fitting first, none at all last.
    #[cfg(test)]
    fn sets(&self, wanted: &Wanted<V>) -> Vec<Vec<Signed<V>>> {
        let pools = self.pools(wanted).into_iter();
        let real = pools.flat_map(|pool| self.of_pool(wanted, &pool));
        real.chain([self.with_forged(wanted), Vec::new()]).collect()
    }

    /// One of the sets of votes that can be put forward for a statement, as `below` chooses: it is given a number, and answers
    /// with a smaller one.
    pub fn any(&self, wanted: &Wanted<V>, mut below: impl FnMut(usize) -> usize) -> Vec<Signed<V>> {
        let pools = self.pools(wanted);
        let chosen = below(pools.len() + 2);
        match pools.get(chosen) {
            Some(pool) => {
                let mut sets = self.of_pool(wanted, pool);
                sets.swap_remove(below(sets.len()))
            }
            None if chosen == pools.len() => self.with_forged(wanted),
            None => Vec::new(),
        }
    }

    fn of(&self, places: &[usize]) -> Vec<Signed<V>> {
        places.iter().map(|&place| self.votes[place].clone()).collect()
    }

    /// The votes that agree with a statement in each subset of its fields, each set once, those with the most fields first.
    fn pools(&self, wanted: &Wanted<V>) -> SmallVec<[Pool; 8]> {
        let all = 1u8 << V::FIELDS;
        let mut masks: SmallVec<[u8; 8]> = (if wanted.any_fields { 0 } else { all - 1 }..all).collect();
        masks.sort_by_key(|mask| Reverse(mask.count_ones()));
        // By the fields in which votes agree, and no others, what stands for these votes, if there are any.
        let mut exactly: SmallVec<[Option<Fingerprint>; 8]> = smallvec![None; usize::from(all)];
        for (vote, print) in self.votes.iter().zip(&self.prints) {
            let sum = &mut exactly[usize::from(wanted.vote.agreement(vote.message()))];
            *sum = Some(sum.unwrap_or(0).wrapping_add(*print));
        }
        // What stands for the votes that agree in these fields at least.
        let print_of = |mask: u8| {
            let agreeing = (0..all).zip(&exactly).filter(|(agreement, _)| agreement & mask == mask);
            agreeing.filter_map(|(_, sum)| *sum).reduce(Fingerprint::wrapping_add)
        };
        let mut pools: SmallVec<[Pool; 8]> = SmallVec::new();
        for fields in masks {
            if let Some(print) = print_of(fields)
                && pools.iter().all(|pool| pool.print != print)
            {
                pools.push(Pool { fields, print });
            }
        }
        pools
    }

    /// The places of the votes in a pool.
    fn places(&self, wanted: &Wanted<V>, pool: &Pool) -> Vec<usize> {
        let agrees = |vote: &Signed<V>| wanted.vote.agreement(vote.message()) & pool.fields == pool.fields;
        let votes = self.votes.iter().enumerate().filter(|(_, vote)| agrees(vote));
        votes.map(|(place, _)| place).collect()
    }

    /// A set of votes, one vote a sender, as few as a threshold takes, and each several times; equal ones once.
    fn of_pool(&self, wanted: &Wanted<V>, pool: &Pool) -> Vec<Vec<Signed<V>>> {
        let mut seen = BTreeSet::new();
        let first = |place: &usize| seen.insert(self.votes[*place].signer());
        let votes = self.places(wanted, pool);
        let one_each: Vec<usize> = votes.iter().copied().filter(first).collect();
        let few = one_each[..one_each.len().min(wanted.threshold)].to_vec();
        let often = one_each.iter().flat_map(|&place| repeat_n(place, wanted.repeated)).collect();
        let mut sets = vec![votes];
        for set in [one_each, few, often] {
            if !set.is_empty() && !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets.iter().map(|set| self.of(set)).collect()
    }

    /// What stands for the votes for the statement with forged ones of all others.
    fn print_with_forged(&self, wanted: &Wanted<V>) -> Fingerprint {
        let votes = self.votes.iter().zip(&self.prints);
        let real = votes.filter(|(vote, _)| *vote.message() == wanted.vote);
        real.fold(!0, |sum: Fingerprint, (_, print)| sum.wrapping_add(*print))
    }

    /// The votes for the statement, and forged ones of all others.
    fn with_forged(&self, wanted: &Wanted<V>) -> Vec<Signed<V>> {
        let mut set: Vec<_> =
            self.votes.iter().filter(|vote| *vote.message() == wanted.vote).cloned().collect();
        for &who in self.forgeable {
            if set.iter().all(|vote| vote.signer() != who) {
                set.push(Signed::forged(who, wanted.vote));
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::{Digest, KeySet, ReplicaId, SeqNum, View};

    const EVERYBODY: [Principal; 4] = [
        Principal::Replica(ReplicaId(0)),
        Principal::Replica(ReplicaId(1)),
        Principal::Replica(ReplicaId(2)),
        Principal::Replica(ReplicaId(3)),
    ];

    fn votes() -> (Prepare, Vec<Signed<Prepare>>) {
        let keys = KeySet::symbolic(4, 0);
        let vote = |view, seq, byte| Prepare {
            view: View(view),
            seq: SeqNum(seq),
            digest: Digest::of_bytes([byte; 32]),
        };
        let wanted = vote(1, 1, 7);
        let sign = |who: usize, vote| keys.replicas[who].sign(vote);
        (
            wanted,
            vec![sign(1, wanted), sign(2, vote(0, 1, 7)), sign(3, vote(1, 1, 8)), sign(3, vote(1, 2, 7))],
        )
    }

    fn all(wanted: Prepare, votes: &[Signed<Prepare>]) -> Vec<Vec<Signed<Prepare>>> {
        let wanted = Wanted { vote: wanted, threshold: 2, repeated: 3, any_fields: true };
        Ballots::new(votes.iter().cloned(), &EVERYBODY).sets(&wanted)
    }

    #[test]
    fn a_field_that_a_check_forgets_has_a_set_that_fits() {
        let (wanted, votes) = votes();
        let sets = all(wanted, &votes);
        for left_out in 0..3 {
            let mask = 0b111 & !(1 << left_out);
            let fits = |set: &&Vec<Signed<Prepare>>| {
                set.len() > 1 && set.iter().all(|vote| wanted.agreement(vote) & mask == mask)
            };
            assert!(sets.iter().any(|set| fits(&set)), "field {left_out}");
        }
        assert_eq!(sets[0], votes[..1], "the most fitting first");
        assert_eq!(sets.last(), Some(&Vec::new()));
    }

    #[test]
    fn votes_are_repeated_and_forged() {
        let (wanted, votes) = votes();
        let sets = all(wanted, &votes);
        assert!(sets.contains(&vec![votes[0].clone(); 3]));
        let forged = sets.iter().find(|set| set.len() == 4 && set.iter().all(|v| *v.message() == wanted));
        assert_eq!(forged.map(|set| set.iter().filter(|vote| **vote == votes[0]).count()), Some(1));
    }

    #[test]
    fn any_set_can_be_drawn_and_no_other() {
        let (vote, votes) = votes();
        let wanted = Wanted { vote, threshold: 2, repeated: 3, any_fields: true };
        let ballots = Ballots::new(votes.iter().cloned(), &EVERYBODY);
        let sets: BTreeSet<_> = ballots.sets(&wanted).into_iter().collect();
        let drawn: BTreeSet<_> = (0..12)
            .flat_map(|pool| (0..4).map(move |set| (pool, set)))
            .map(|(pool, set)| {
                let mut choices = [pool, set].into_iter();
                ballots.any(&wanted, |bound| choices.next().unwrap() % bound)
            })
            .collect();
        assert_eq!(drawn, sets);
    }

    #[test]
    fn the_first_set_that_is_accepted_is_kept() {
        let (vote, votes) = votes();
        let wanted = Wanted { vote, threshold: 2, repeated: 3, any_fields: true };
        let ballots = Ballots::new(votes.iter().cloned(), &EVERYBODY);
        let mut tried = Tried::default();
        let mut best = |least: usize| {
            ballots.best(
                &mut tried,
                least as Fingerprint,
                &wanted,
                |votes| votes,
                |votes| votes.len() >= least,
            )
        };
        assert_eq!(best(1), (votes[..1].to_vec(), true));
        assert_eq!(best(1), (votes[..1].to_vec(), true));
        assert_eq!(best(3), (vec![votes[0].clone(); 3], true));
        assert_eq!(best(99), (votes[..1].to_vec(), false));
    }
}
