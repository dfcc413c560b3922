//! Quorums: that any two share an honest replica and the honest ones make one; that sets and tallies
//! of votes agree with plain reference models; and that a certificate needs exactly a quorum of
//! distinct, genuine, matching votes, whatever else stands beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, LazyLock};

use crate::common::{self, checkpoint, commit, digest, least_quorum, prepare, proposal, request};
use bft_check::pbft::{
    Batch, Castro99, Commit, Committee, CommitteeError, Evidence, KeySet, PrePrepare, PreparedCertificate,
    PreparedClaim, Refusal, ReplicaId, SeqNum, Setting, SigningKey, Snapshot, StableCheckpoint, StableClaim,
    Tally, TallyKey, Uncompared, View, VoteSet,
};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

// --- committees -------------------------------------------------------------------------------

#[test]
fn quorum_sizes_of_known_committees() {
    // (n, f, quorum, weak quorum)
    let golden = [
        (1, 0, 1, 1),
        (2, 0, 2, 1),
        (3, 0, 2, 1),
        (4, 0, 3, 1),
        (4, 1, 3, 2),
        (5, 1, 4, 2),
        (6, 1, 4, 2),
        (7, 1, 5, 2),
        (7, 2, 5, 3),
        (8, 2, 6, 3),
        (9, 2, 6, 3),
        (10, 3, 7, 4),
        (13, 4, 9, 5),
        (31, 10, 21, 11),
        (100, 0, 51, 1),
        (100, 33, 67, 34),
        (4096, 1365, 2731, 1366),
    ];
    for (n, f, quorum, weak) in golden {
        let committee = Committee::new(n, f).unwrap();
        assert_eq!((committee.n(), committee.f()), (n, f));
        assert_eq!((committee.quorum(), committee.weak_quorum()), (quorum, weak), "n = {n}, f = {f}");
    }
}

#[test]
fn impossible_committees_are_refused_with_the_reason() {
    for f in [0, 1, u16::MAX] {
        assert_eq!(Committee::new(0, f), Err(CommitteeError::Empty));
    }
    assert_eq!(Committee::of(0), Err(CommitteeError::Empty));
    for n in [Committee::MAX + 1, u16::MAX] {
        assert_eq!(Committee::new(n, 1), Err(CommitteeError::TooLarge { n }));
        assert_eq!(Committee::of(n), Err(CommitteeError::TooLarge { n }));
    }
    assert!(Committee::of(Committee::MAX).is_ok());
    // 3f + 1 does not fit into 16 bits here.
    let error = Committee::new(4, u16::MAX).unwrap_err();
    assert_eq!(error, CommitteeError::TooManyFaults { n: 4, f: u16::MAX, needed: 196_606 });
    let error = Committee::new(3, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 replicas cannot tolerate 1 Byzantine ones: that takes at least 3f + 1 = 4"
    );
}

#[test]
fn every_two_quorums_share_an_honest_replica_and_the_honest_make_one_up_to_100() {
    let mut committees = 0;
    for n in 1..=100u16 {
        for f in 0..=100u16 {
            let (size, faults) = (usize::from(n), usize::from(f));
            let committee = Committee::new(n, f);
            if size < 3 * faults + 1 {
                let needed = 3 * u32::from(f) + 1;
                assert_eq!(committee, Err(CommitteeError::TooManyFaults { n, f, needed }));
                continue;
            }
            let committee = committee.unwrap();
            let q = committee.quorum();
            assert!(2 * q > size + faults, "two quorums may share Byzantine replicas only: {n}, {f}");
            assert!(q <= size - faults, "the honest replicas are no quorum: {n}, {f}");
            assert!(2 * (q - 1) <= size + faults, "a smaller quorum would do: {n}, {f}");
            assert!(committee.weak_quorum() > faults, "a weak quorum may be all Byzantine: {n}, {f}");
            if size == 3 * faults + 1 {
                assert_eq!(q, 2 * faults + 1);
            }
            assert_eq!(committee.replicas().count(), size);
            assert!(committee.contains(ReplicaId(n - 1)) && !committee.contains(ReplicaId(n)));
            committees += 1;
        }
        let most = Committee::of(n).unwrap();
        assert!(Committee::new(n, most.f() + 1).is_err(), "n = {n} tolerates more than f = {}", most.f());
    }
    assert_eq!(committees, 1717);
}

/// A committee with two quorums, and that many Byzantine replicas, all drawn at random.
fn quorums() -> impl Strategy<Value = (Committee, Vec<u16>, Vec<u16>, Vec<u16>, Vec<u16>)> {
    (1..=64u16).prop_flat_map(|n| (Just(n), 0..=(n - 1) / 3)).prop_flat_map(|(n, f)| {
        let committee = Committee::new(n, f).unwrap();
        let members: Vec<u16> = (0..n).collect();
        let (q, weak) = (committee.quorum(), committee.weak_quorum());
        (
            Just(committee),
            subsequence(members.clone(), q),
            subsequence(members.clone(), q),
            subsequence(members.clone(), usize::from(f)),
            subsequence(members, weak),
        )
    })
}

proptest! {
    #![proptest_config(common::cases(256))]

    #[test]
    fn quorums_of_members_share_an_honest_member((committee, one, two, byzantine, weak) in quorums()) {
        let set = |ids: &[u16]| ids.iter().copied().collect::<BTreeSet<u16>>();
        let (one, two, byzantine, weak) = (set(&one), set(&two), set(&byzantine), set(&weak));
        prop_assert!(one.intersection(&two).any(|id| !byzantine.contains(id)));
        prop_assert!(weak.iter().any(|id| !byzantine.contains(id)));
        let honest = committee.replicas().filter(|id| !byzantine.contains(&id.0)).count();
        prop_assert!(honest >= committee.quorum());

        // One replica fewer would not be enough: the two sets at either end of the committee share
        // no more than f.
        let (n, fewer) = (usize::from(committee.n()), committee.quorum() - 1);
        prop_assert!((2 * fewer).saturating_sub(n) <= usize::from(committee.f()));
    }
}

// --- sets of votes ----------------------------------------------------------------------------

fn hash_of(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// Numbers of replicas: small ones collide often, large ones need more words.
fn ids() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(prop_oneof![0..8u16, 0..130u16, 0..Committee::MAX], 0..40)
}

proptest! {
    #![proptest_config(common::cases(256))]

    #[test]
    fn vote_set_is_a_set(ids in ids(), probes in ids()) {
        let (mut set, mut model) = (VoteSet::new(), BTreeSet::new());
        prop_assert!(set.is_empty());
        for &id in &ids {
            prop_assert_eq!(set.insert(ReplicaId(id)), model.insert(id));
            prop_assert_eq!(set.len(), model.len());
            prop_assert!(!set.is_empty());
        }
        for id in ids.iter().chain(&probes) {
            prop_assert_eq!(set.contains(ReplicaId(*id)), model.contains(id));
        }
        prop_assert_eq!(
            set.iter().map(|id| id.0).collect::<Vec<_>>(),
            model.iter().copied().collect::<Vec<_>>()
        );
    }

    #[test]
    fn vote_sets_are_equal_exactly_if_their_members_are(
        ids in ids(),
        shuffled in ids().prop_shuffle(),
        order in any::<prop::sample::Index>(),
    ) {
        let set = |ids: &[u16]| ids.iter().copied().map(ReplicaId).collect::<VoteSet>();
        let members = |ids: &[u16]| ids.iter().copied().collect::<BTreeSet<u16>>();

        let mut turned = ids.clone();
        if !ids.is_empty() {
            turned.rotate_left(order.index(ids.len()));
        }
        turned.reverse();
        turned.extend(&ids);
        prop_assert_eq!(set(&ids), set(&turned));
        prop_assert_eq!(hash_of(&set(&ids)), hash_of(&set(&turned)));

        prop_assert_eq!(set(&ids) == set(&shuffled), members(&ids) == members(&shuffled));
        let mut one_more = ids.clone();
        one_more.push(Committee::MAX);
        prop_assert_ne!(set(&ids), set(&one_more));
        // An unsuccessful probe of a high number leaves no trace.
        let probed = set(&ids);
        let _ = probed.contains(ReplicaId(u16::MAX));
        prop_assert_eq!(hash_of(&probed), hash_of(&set(&ids)));
    }
}

// --- tallies ----------------------------------------------------------------------------------

/// A vote of a replica, in a view, for one of a few digests.
type Vote = (u16, u64, u64);

fn votes() -> impl Strategy<Value = Vec<Vote>> {
    prop::collection::vec((0..5u16, 0..3u64, 0..3u64), 0..40)
}

fn tally_key(view: u64, number: u64) -> TallyKey {
    TallyKey { view: Some(View(view)), digest: Some(digest(number)) }
}

/// Who has voted, by view and digest.
type Model = BTreeMap<(u64, u64), BTreeSet<u16>>;

/// Counts each replica's first vote for each view and digest.
fn tally_of(votes: &[Vote]) -> (Tally<Commit>, Model) {
    let keys = KeySet::symbolic(5, 0);
    let (mut tally, mut model) = (Tally::default(), Model::new());
    for &(from, view, number) in votes {
        let key = tally_key(view, number);
        let counted = tally.get(&key).is_some_and(|v| v.voters().contains(ReplicaId(from)));
        assert_eq!(counted, !model.entry((view, number)).or_default().insert(from));
        if !counted {
            let vote = commit(&keys.replicas[usize::from(from)], view, 1, digest(number));
            tally.add(key, ReplicaId(from), vote);
        }
    }
    (tally, model)
}

/// Compares everything that can be asked about a tally with the model.
fn assert_tally(tally: &Tally<Commit>, model: &Model) {
    assert_eq!(tally.is_empty(), model.values().all(BTreeSet::is_empty));
    for view in 0..3 {
        for number in 0..3 {
            let key = tally_key(view, number);
            let voters = model.get(&(view, number)).cloned().unwrap_or_default();
            assert_eq!(tally.count(&key), voters.len());
            assert_eq!(tally.get(&key).is_some(), !voters.is_empty());
            if let Some(votes) = tally.get(&key) {
                assert_eq!(votes.voters().iter().map(|id| id.0).collect::<BTreeSet<_>>(), voters);
                let signers = votes.signed().iter().map(|vote| vote.signer().replica().unwrap().0);
                assert_eq!(signers.collect::<BTreeSet<_>>(), voters);
                assert!(votes.signed().iter().all(|v| (v.view, v.digest) == (View(view), digest(number))));
            }
            for from in 0..5 {
                let others: Vec<_> = model
                    .iter()
                    .filter(|(k, voters)| **k != (view, number) && voters.contains(&from))
                    .map(|(&(view, number), _)| (View(view), digest(number)))
                    .collect();
                match tally.elsewhere(&key, ReplicaId(from)) {
                    None => assert!(others.is_empty()),
                    Some(vote) => {
                        assert_eq!(vote.signer().replica(), Some(ReplicaId(from)));
                        assert!(others.contains(&(vote.view, vote.digest)));
                    }
                }
                let in_view = others.iter().filter(|(v, _)| *v == View(view)).count();
                assert_eq!(tally.digests_of(&key, ReplicaId(from)), in_view);
            }
        }
    }
}

proptest! {
    #![proptest_config(common::cases(256))]

    #[test]
    fn tally_counts_each_replica_once_per_view_and_digest(
        votes in votes(),
        from_view in 0..4u64,
        one in 0..5u16,
    ) {
        let (tally, model) = tally_of(&votes);
        assert_tally(&tally, &model);

        let (mut kept, mut kept_model) = (tally.clone(), model.clone());
        kept.retain(|key| key.view >= Some(View(from_view)));
        kept_model.retain(|(view, _), _| *view >= from_view);
        assert_tally(&kept, &kept_model);

        let (mut own, mut own_model) = (tally, model);
        own.retain_voter(ReplicaId(one));
        own_model.values_mut().for_each(|voters| voters.retain(|id| *id == one));
        assert_tally(&own, &own_model);
    }

    #[test]
    fn tally_does_not_depend_on_the_order_of_arrival(votes in votes(), seed in any::<Index>()) {
        let mut other = votes.clone();
        if !votes.is_empty() {
            other.rotate_left(seed.index(votes.len()));
        }
        other.reverse();
        let ((one, model), (two, other_model)) = (tally_of(&votes), tally_of(&other));
        prop_assert_eq!(&model, &other_model);
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(hash_of(&one), hash_of(&two));

        // Without one of the votes it is another tally.
        if let Some((&(view, number), voters)) = model.iter().next() {
            let fewer: Vec<_> =
                votes.iter().copied().filter(|&(from, v, d)| {
                    (v, d) != (view, number) || Some(&from) != voters.first()
                }).collect();
            prop_assert_ne!(&one, &tally_of(&fewer).0);
        }
    }
}

// --- certificates -----------------------------------------------------------------------------

const MAX_N: u16 = 10;
const SEED: u64 = 1;

/// The keys of more replicas than any of the committees has; and of somebody who has made up keys of
/// his own for the same names.
static GENUINE: LazyLock<KeySet> = LazyLock::new(|| KeySet::ed25519(MAX_N + 2, 2, SEED));
static FORGED: LazyLock<KeySet> = LazyLock::new(|| KeySet::ed25519(MAX_N + 2, 2, SEED + 1));

fn setting(n: u16) -> Setting {
    Setting::new(Committee::of(n).unwrap(), KeySet::ed25519(n, 2, SEED).ring)
}

/// A vote as the tests make it: who signs, and whether the rest is as it has to be.
#[derive(Clone, Copy, Debug)]
struct Ballot {
    /// Below n a member; then two replicas that are none; then two clients.
    signer: u16,
    genuine: bool,
    view: bool,
    seq: bool,
    digest: bool,
}

impl Ballot {
    fn key(self, n: u16) -> &'static SigningKey {
        let keys = if self.genuine { &*GENUINE } else { &*FORGED };
        match self.signer.checked_sub(n + 2) {
            Some(client) => &keys.clients[usize::from(client)],
            None => &keys.replicas[usize::from(self.signer)],
        }
    }

    fn counts(self, n: u16) -> bool {
        self.signer < n && self.genuine && self.view && self.seq && self.digest
    }
}

/// Mostly good votes, so that both sides of the threshold are reached; some wrong in one respect.
fn ballots(n: u16) -> impl Strategy<Value = Vec<Ballot>> {
    let right = || prop::bool::weighted(0.93);
    let ballot = (0..n + 4, right(), right(), right(), right())
        .prop_map(|(signer, genuine, view, seq, digest)| Ballot { signer, genuine, view, seq, digest });
    prop::collection::vec(ballot, 0..usize::from(2 * n + 3))
}

/// What is wrong with the proposal of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    ByBackup,
    ByClient,
    Forged,
    OtherBatch,
    InauthenticRequest,
}

fn claims() -> impl Strategy<Value = (u16, u64, Flaw, Vec<Ballot>)> {
    let flaw = prop_oneof![
        12 => Just(Flaw::None),
        1 => Just(Flaw::ByBackup),
        1 => Just(Flaw::ByClient),
        1 => Just(Flaw::Forged),
        1 => Just(Flaw::OtherBatch),
        1 => Just(Flaw::InauthenticRequest),
    ];
    (1..=MAX_N, 0..12u64, flaw).prop_flat_map(|(n, view, flaw)| (Just(n), Just(view), Just(flaw), ballots(n)))
}

fn other(right: bool, value: u64) -> u64 {
    if right { value } else { value + 1 }
}

proptest! {
    #![proptest_config(common::cases(256))]

    #[test]
    fn batch_is_prepared_exactly_if_a_quorum_says_so((n, view, flaw, ballots) in claims()) {
        let primary = (view % u64::from(n)) as u16;
        let (clients, members) = (&GENUINE.clients, &GENUINE.replicas);
        let wrong = digest(9);
        let batch = match flaw {
            // The request names client 0 and is signed by client 1.
            Flaw::InauthenticRequest => Batch::new([request(&clients[1], 0, 1)]),
            _ => Batch::new([request(&clients[0], 0, 1), request(&clients[1], 1, 1)]),
        };
        let signer = match flaw {
            Flaw::ByBackup => &members[usize::from((primary + 1) % (n + 1))],
            Flaw::ByClient => &clients[0],
            Flaw::Forged => &FORGED.replicas[usize::from(primary)],
            _ => &members[usize::from(primary)],
        };
        let mut proposal = proposal(signer, view, 1, &batch);
        if flaw == Flaw::OtherBatch {
            proposal.batch = Batch::new([request(&clients[0], 0, 2)]);
        }
        let prepares: Arc<[_]> = ballots
            .iter()
            .map(|b| {
                let digest = if b.digest { batch.digest() } else { wrong };
                prepare(b.key(n), other(b.view, view), other(b.seq, 1), digest)
            })
            .collect();

        let backups: BTreeSet<u16> = ballots
            .iter()
            .filter(|b| b.counts(n) && b.signer != primary)
            .map(|b| b.signer)
            .collect();
        let quorum = least_quorum(usize::from(n), usize::from((n - 1) / 3));
        let claim = PreparedClaim { proposal, prepares: Uncompared(prepares) };
        let certificate = PreparedCertificate::new(&setting(n), &Castro99, claim);
        let outcome = certificate.as_ref().map(|c| (c.view(), c.seq(), c.digest())).map_err(|e| *e);
        prop_assert_eq!(outcome, match flaw {
            Flaw::None if backups.len() + 1 >= quorum => Ok((View(view), SeqNum(1), batch.digest())),
            Flaw::None => Err(Refusal::NoQuorum),
            // In a committee of one the neighbour is no member.
            Flaw::ByBackup if (primary + 1) % (n + 1) >= n => Err(Refusal::NotAReplica),
            Flaw::ByBackup => Err(Refusal::NotPrimary),
            Flaw::ByClient => Err(Refusal::NotAReplica),
            Flaw::Forged => Err(Refusal::BadSignature),
            Flaw::OtherBatch => Err(Refusal::WrongDigest),
            Flaw::InauthenticRequest => Err(Refusal::InauthenticRequest),
        });
    }

    #[test]
    fn checkpoint_is_stable_exactly_if_a_quorum_says_so(
        (n, ballots) in (1..=MAX_N).prop_flat_map(|n| (Just(n), ballots(n)))
    ) {
        let (state, wrong) = (digest(1), digest(2));
        let checkpoints: Arc<[_]> = ballots
            .iter()
            .map(|b| checkpoint(b.key(n), other(b.seq, 128), if b.digest { state } else { wrong }))
            .collect();
        // A checkpoint belongs to no view: the flag says nothing here.
        let members: BTreeSet<u16> = ballots
            .iter()
            .filter(|b| Ballot { view: true, ..**b }.counts(n))
            .map(|b| b.signer)
            .collect();
        let quorum = least_quorum(usize::from(n), usize::from((n - 1) / 3));
        let claim = StableClaim { seq: SeqNum(128), state, checkpoints: Uncompared(checkpoints) };
        let outcome = StableCheckpoint::new(&setting(n), &Castro99, claim).map(|stable| stable.seq());
        let expected = if members.len() >= quorum { Ok(SeqNum(128)) } else { Err(Refusal::NoQuorum) };
        prop_assert_eq!(outcome, expected);
    }
}

#[test]
fn genesis_checkpoint_alone_needs_no_votes() {
    let claim = |seq, state| StableClaim { seq: SeqNum(seq), state, checkpoints: Uncompared(Arc::from([])) };
    let stable = |claim| StableCheckpoint::new(&setting(4), &Castro99, claim);
    let genesis = Snapshot::genesis().digest();
    assert_eq!(stable(claim(0, genesis)), Ok(StableCheckpoint::genesis()));
    assert_eq!(stable(claim(0, digest(1))), Err(Refusal::NoQuorum));
    assert_eq!(stable(claim(128, genesis)), Err(Refusal::NoQuorum));
}

// --- evidence ---------------------------------------------------------------------------------

/// Who signs (below 4 a member), with a genuine key?, and view, number and digest of what.
type Part = (u16, bool, u64, u64, u64);

fn part() -> impl Strategy<Value = Part> {
    let signer = prop_oneof![8 => 0..2u16, 1 => 2..8u16];
    (signer, prop::bool::weighted(0.95), 0..2u64, 1..3u64, 0..2u64)
}

proptest! {
    #![proptest_config(common::cases(256))]

    #[test]
    fn evidence_convicts_exactly_who_signed_a_conflict(a in part(), b in part()) {
        let n = 4;
        let key = |(signer, genuine, ..): Part| {
            Ballot { signer, genuine, view: true, seq: true, digest: true }.key(n)
        };
        let content = |(_, _, view, seq, number): Part| (view, seq, digest(number));
        let pre_prepare = |p: Part| {
            let (view, seq, digest) = content(p);
            let (view, seq) = (View(view), SeqNum(seq));
            key(p).sign(PrePrepare { view, seq, digest })
        };
        let prepare = |p: Part| prepare(key(p), content(p).0, content(p).1, content(p).2);
        let commit = |p: Part| commit(key(p), content(p).0, content(p).1, content(p).2);

        let same_member = a.0 == b.0 && a.0 < n && a.1 && b.1;
        let conflict = same_member && (a.2, a.3) == (b.2, b.3) && a.4 != b.4;
        let ring = setting(n).keys;
        let all = [
            Evidence::PrePrepares(pre_prepare(a), pre_prepare(b)),
            Evidence::Prepares(prepare(a), prepare(b)),
            Evidence::Commits(commit(a), commit(b)),
        ];
        for evidence in all {
            prop_assert_eq!(evidence.verify(&ring), conflict);
            if conflict {
                prop_assert_eq!(evidence.culprit(), Some(ReplicaId(a.0)));
            }
        }
    }
}
