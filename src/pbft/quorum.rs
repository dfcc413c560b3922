//! Committees and vote counting.

use std::fmt;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::digest::Digest;
use super::id::{ReplicaId, View};
use super::rename::{Rename, Renaming};
use super::signature::Signed;
use super::uncompared::Uncompared;

/// A group of n replicas of which at most f are Byzantine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Committee {
    n: u16,
    f: u16,
}

/// Why there can be no such committee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitteeError {
    /// n = 0.
    #[error("a committee needs at least one replica")]
    Empty,
    /// n < 3f + 1: agreement is then impossible in an asynchronous system (OSDI'99 §3).
    #[error("{n} replicas cannot tolerate {f} Byzantine ones: that takes at least 3f + 1 = {needed}")]
    TooManyFaults {
        /// Replicas asked for.
        n: u16,
        /// Faults asked for.
        f: u16,
        /// The least n for that f.
        needed: u32,
    },
    /// n is above [`Committee::MAX`].
    #[error("{n} replicas are more than this crate handles, which is {}", Committee::MAX)]
    TooLarge {
        /// Replicas asked for.
        n: u16,
    },
}

impl Committee {
    /// The largest committee.
    pub const MAX: u16 = 4096;

    /// A committee of `n` replicas that tolerates `f` Byzantine ones.
    ///
    /// # Errors
    /// n = 0, n < 3f + 1 (OSDI'99 §3), or n above [`Self::MAX`].
    pub fn new(n: u16, f: u16) -> Result<Self, CommitteeError> {
        let needed = 3 * u32::from(f) + 1;
        if n == 0 {
            return Err(CommitteeError::Empty);
        }
        if n > Self::MAX {
            return Err(CommitteeError::TooLarge { n });
        }
        if u32::from(n) < needed {
            return Err(CommitteeError::TooManyFaults { n, f, needed });
        }
        Ok(Committee { n, f })
    }

    /// The committee of `n` replicas that tolerates as many faults as n allows, ⌊(n − 1) / 3⌋.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(n: u16) -> Result<Self, CommitteeError> {
        Self::new(n, n.saturating_sub(1) / 3)
    }

    /// The number of replicas.
    pub fn n(self) -> u16 {
        self.n
    }

    /// The number of Byzantine replicas that are tolerated.
    pub fn f(self) -> u16 {
        self.f
    }

    /// The smallest number of replicas such that any two sets of that size share an honest one:
    /// ⌈(n + f + 1) / 2⌉. At n = 3f + 1 that is the paper's 2f + 1; for a larger n, 2f + 1 would be
    /// unsafe. The n − f honest replicas are always enough to form one.
    pub fn quorum(self) -> usize {
        (usize::from(self.n) + usize::from(self.f) + 2) / 2
    }

    /// The smallest number of replicas that must include an honest one: f + 1.
    pub fn weak_quorum(self) -> usize {
        usize::from(self.f) + 1
    }

    /// All replicas, by number.
    pub fn replicas(self) -> impl DoubleEndedIterator<Item = ReplicaId> + Clone {
        (0..self.n).map(ReplicaId)
    }

    /// Whether this is one of the replicas.
    pub fn contains(self, id: ReplicaId) -> bool {
        id.0 < self.n
    }
}

/// A set of replicas: a bit for each.
#[derive(Clone, Debug, Default)]
pub struct VoteSet {
    words: SmallVec<[u64; 2]>,
}

impl VoteSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a replica; whether it is new.
    #[inline]
    pub fn insert(&mut self, id: ReplicaId) -> bool {
        let (word, bit) = (id.index() / 64, 1u64 << (id.index() % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        fresh
    }

    /// Whether the replica is in the set.
    #[inline]
    pub fn contains(&self, id: ReplicaId) -> bool {
        self.words.get(id.index() / 64).is_some_and(|word| word & (1 << (id.index() % 64)) != 0)
    }

    /// How many replicas are in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The replicas in the set, by number.
    pub fn iter(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        (0..=u16::MAX).take(self.words.len() * 64).map(ReplicaId).filter(|&id| self.contains(id))
    }

    fn significant(&self) -> &[u64] {
        let end = self.words.iter().rposition(|&word| word != 0).map_or(0, |i| i + 1);
        &self.words[..end]
    }
}

impl PartialEq for VoteSet {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for VoteSet {}

impl Hash for VoteSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl FromIterator<ReplicaId> for VoteSet {
    fn from_iter<I: IntoIterator<Item = ReplicaId>>(ids: I) -> Self {
        let mut set = VoteSet::new();
        ids.into_iter().for_each(|id| {
            set.insert(id);
        });
        set
    }
}

/// What votes must have in common to be counted together. `None` means 'whatever it is': no
/// correct rulebook uses that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TallyKey {
    /// The view in which the vote was cast.
    pub view: Option<View>,
    /// The digest that was voted for.
    pub digest: Option<Digest>,
}

/// The votes that count together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Votes<M> {
    count: usize,
    voters: VoteSet,
    signed: Uncompared<Vec<Signed<M>>>,
}

impl<M> Votes<M> {
    /// How many votes were counted.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who voted.
    pub fn voters(&self) -> &VoteSet {
        &self.voters
    }

    /// The votes themselves.
    pub fn signed(&self) -> &[Signed<M>] {
        &self.signed.0
    }

    /// The votes themselves, without their count.
    pub(super) fn into_signed(self) -> Vec<Signed<M>> {
        self.signed.0
    }
}

impl<M> Default for Votes<M> {
    fn default() -> Self {
        Votes { count: 0, voters: VoteSet::new(), signed: Uncompared(Vec::new()) }
    }
}

/// Votes of one kind at one sequence number, grouped by what they have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tally<M> {
    groups: SmallVec<[(TallyKey, Votes<M>); 1]>,
}

impl<M> fmt::Debug for Tally<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_map();
        for (key, votes) in &self.groups {
            let digest = key.digest.map_or_else(|| "any".to_owned(), |digest| digest.to_string());
            let view = key.view.map_or_else(|| "any view".to_owned(), |view| view.to_string());
            let voters: Vec<_> = votes.voters.iter().map(|id| id.to_string()).collect();
            out.entry(&format_args!("{digest} in {view}"), &format_args!("{}", voters.join(" ")));
        }
        out.finish()
    }
}

impl<M> Default for Tally<M> {
    fn default() -> Self {
        Tally { groups: SmallVec::new() }
    }
}

impl<M> Tally<M> {
    /// The votes under this key.
    #[inline]
    pub fn get(&self, key: &TallyKey) -> Option<&Votes<M>> {
        self.groups.iter().find(|(k, _)| k == key).map(|(_, votes)| votes)
    }

    /// Takes the votes under this key out of the tally.
    pub(super) fn take(&mut self, key: &TallyKey) -> Option<Votes<M>> {
        self.position(key).map(|group| self.groups.remove(group).1)
    }

    #[inline]
    fn position(&self, key: &TallyKey) -> Option<usize> {
        self.groups.iter().position(|(k, _)| k == key)
    }

    /// The votes, by what they have in common.
    #[cfg(feature = "explore")]
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&TallyKey, &Votes<M>)> {
        self.groups.iter().map(|(key, votes)| (key, votes))
    }

    /// How many votes are counted under this key.
    pub fn count(&self, key: &TallyKey) -> usize {
        self.get(key).map_or(0, Votes::count)
    }

    /// Whether nobody has voted.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Counts a vote; the caller has checked that it counts.
    pub fn add(&mut self, key: TallyKey, from: ReplicaId, vote: Signed<M>) {
        let group = self.position(&key).unwrap_or_else(|| {
            let place = self.groups.partition_point(|(k, _)| *k < key);
            self.groups.insert(place, (key, Votes::default()));
            place
        });
        let votes = &mut self.groups[group].1;
        votes.count += 1;
        votes.voters.insert(from);
        votes.signed.0.push(vote);
    }

    /// A vote by this replica that is counted under another key, if there is one.
    pub fn elsewhere(&self, key: &TallyKey, from: ReplicaId) -> Option<&Signed<M>> {
        self.groups
            .iter()
            .filter(|(k, votes)| votes.voters.contains(from) && k != key)
            .flat_map(|(_, votes)| &votes.signed.0)
            .find(|vote| vote.signer().replica() == Some(from))
    }

    /// For how many other digests in the same view this replica has voted.
    pub fn digests_of(&self, key: &TallyKey, from: ReplicaId) -> usize {
        self.groups
            .iter()
            .filter(|(k, votes)| votes.voters.contains(from) && k != key && k.view == key.view)
            .count()
    }

    /// Whether this replica has voted at all.
    pub fn has_vote_of(&self, from: ReplicaId) -> bool {
        self.groups.iter().any(|(_, votes)| votes.voters.contains(from))
    }

    /// The keys under which two tallies hold different votes.
    pub(crate) fn differing<'a>(&'a self, other: &'a Tally<M>) -> impl Iterator<Item = TallyKey> + 'a
    where
        M: PartialEq,
    {
        let keys = self.groups.iter().chain(&other.groups).map(|(key, _)| *key);
        keys.filter(|key| self.get(key) != other.get(key))
    }

    /// Keeps only the groups that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&TallyKey) -> bool) {
        self.groups.retain(|(key, _)| keep(key));
    }

    /// Keeps only what one replica voted.
    pub fn retain_voter(&mut self, id: ReplicaId) {
        self.retain_voters(|voter| voter == id);
    }

    /// Keeps only the votes of these replicas.
    pub(super) fn retain_voters(&mut self, keep: impl Fn(ReplicaId) -> bool) {
        for (_, votes) in &mut self.groups {
            votes.signed.0.retain(|vote| vote.signer().replica().is_some_and(&keep));
            votes.count = votes.signed.0.len();
            votes.voters = votes.signed.0.iter().filter_map(|vote| vote.signer().replica()).collect();
        }
        self.groups.retain(|(_, votes)| votes.count > 0);
    }
}

impl<M> Rename for Tally<M>
where
    Signed<M>: Rename,
{
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let mut groups: SmallVec<[(TallyKey, Votes<M>); 1]> = SmallVec::new();
        for (key, votes) in &self.groups {
            let view = match key.view {
                Some(view) => Some(by.view(view)?),
                None => None,
            };
            let digest = match key.digest {
                Some(digest) => Some(by.digest(digest)?),
                None => None,
            };
            let signed = votes.signed.renamed(by)?;
            let voters = votes.voters.iter().map(|id| by.replica(id)).collect();
            groups.push((TallyKey { view, digest }, Votes { count: votes.count, voters, signed }));
        }
        groups.sort_by_key(|(key, _)| *key);
        Some(Tally { groups })
    }
}
