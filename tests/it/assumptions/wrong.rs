//! Rules that are not those of the paper, and allow what those forbid.

use bft_check::pbft::{
    Batch, Castro99, Committee, Digest, NewView, PreparedClaim, Proposal, Refusal, ReplicaId, Rules, SeqNum,
    Setting, Standing, TallyKey, View, ViewChange, VoteSet, check_proposal,
};

/// A rulebook that takes another certificate than that of the highest view.
macro_rules! selects {
    ($name:ident, $claims:ident => $select:expr) => {
        rulebook! { $name:
            fn select<'a>(&self, $claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
                $select
            }
        }
    };
}

fn supporters(claims: &[&PreparedClaim], of: &PreparedClaim) -> usize {
    claims.iter().filter(|claim| claim.digest() == of.digest()).count()
}

selects!(SelectsFirst, claims => claims.first().copied());
selects!(SelectsLast, claims => claims.last().copied());
selects!(SelectsLowest, claims => claims.iter().copied().min_by_key(|c| c.view()));
selects!(SelectsHighestDigest, claims => claims.iter().copied().max_by_key(|c| (c.digest(), c.view())));
selects!(SelectsLowestDigest, claims => claims.iter().copied().min_by_key(|c| (c.digest(), c.view())));
selects!(SelectsNothing, claims => claims.first().copied().filter(|_| false));
selects!(SelectsOfFirstTwo, claims => claims.iter().copied().take(2).max_by_key(|c| c.view()));
selects!(SelectsOfLastTwo, claims => claims.iter().copied().rev().take(2).max_by_key(|c| c.view()));
selects!(SelectsWithoutFirst, claims => claims.iter().copied().skip(1).max_by_key(|c| c.view()));
selects!(SelectsIfTwo, claims =>
    claims.iter().copied().filter(|c| supporters(claims, c) > 1).max_by_key(|c| c.view()));
selects!(SelectsIfUnanimous, claims => {
    let first = claims.first()?;
    claims.iter().all(|c| c.digest() == first.digest()).then_some(*first)
});
selects!(SelectsMostFrequent, claims => claims.iter().copied().max_by_key(|c| (supporters(claims, c), c.view())));
selects!(SelectsRarest, claims => claims.iter().copied().min_by_key(|c| (supporters(claims, c), c.view())));
selects!(SelectsSecondHighest, claims => {
    let mut sorted = claims.to_vec();
    sorted.sort_by_key(|c| c.view());
    sorted.iter().rev().copied().nth(1).or(sorted.last().copied())
});
selects!(SelectsByFewestVotes, claims => claims.iter().copied().min_by_key(|c| (c.prepares.0.len(), c.view())));
selects!(SelectsEvenViews, claims => claims.iter().copied().max_by_key(|c| (c.view().0 % 2 == 0, c.view())));
selects!(SelectsHighestMod3, claims => claims.iter().copied().max_by_key(|c| c.view().0 % 3));
selects!(SelectsNull, claims => claims.iter().copied().max_by_key(|c| (c.proposal.batch.is_null(), c.view())));
selects!(SelectsEarlyViews, claims => claims.iter().copied().filter(|c| c.view() < View(2)).max_by_key(|c| c.view()));
selects!(SelectsMiddle, claims => claims.get(claims.len() / 2).copied());

/// A rulebook that looks at some of the view changes alone.
macro_rules! batches {
    ($name:ident, $changes:ident => $some:expr) => {
        rulebook! { $name:
            fn new_view_batches(&self, $changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
                Castro99.new_view_batches(&$some)
            }
        }
    };
}

batches!(BatchesOfFirst, changes => changes[..changes.len().min(1)]);
batches!(BatchesOfLast, changes => changes[changes.len().saturating_sub(1)..]);
batches!(BatchesWithoutFirst, changes => changes[changes.len().min(1)..]);
batches!(BatchesWithoutLast, changes => changes[..changes.len().saturating_sub(1)]);
batches!(BatchesOfFewest, changes => {
    let fewest = changes.iter().map(|change| change.prepared.len()).min().unwrap_or(0);
    changes.iter().copied().filter(|c| c.prepared.len() == fewest).collect::<Vec<_>>()
});
batches!(BatchesIfAllReport, changes => {
    let all = changes.iter().all(|change| !change.prepared.is_empty());
    changes.iter().copied().filter(|_| all).collect::<Vec<_>>()
});
batches!(BatchesIfSomeAgree, changes => {
    let report = |change: &ViewChange| change.prepared.first().map(PreparedClaim::digest);
    let agrees = |own: &&ViewChange| changes.iter().filter(|other| report(other) == report(own)).count() > 1;
    changes.iter().copied().filter(agrees).collect::<Vec<_>>()
});

/// A rulebook that lets some of the view changes count alone.
macro_rules! sifts {
    ($name:ident, ($own:ident, $setting:ident, $changes:ident) => $some:expr) => {
        rulebook! { $name:
            fn sift<'a>(
                &self,
                $setting: &Setting,
                $changes: &[&'a ViewChange],
            ) -> Result<Vec<&'a ViewChange>, Refusal> {
                let $own = self;
                let some: Vec<&'a ViewChange> = $some;
                Ok(some)
            }
        }
    };
}

sifts!(SiftsAll, (_own, _setting, changes) => changes.to_vec());
sifts!(SiftsFirst, (own, setting, changes) =>
    changes.iter().copied().filter(|c| own.check_view_change(setting, c).is_ok()).take(1).collect());
sifts!(SiftsLast, (own, setting, changes) =>
    changes.iter().copied().rfind(|c| own.check_view_change(setting, c).is_ok()).into_iter().collect());
sifts!(SiftsValid, (own, setting, changes) =>
    changes.iter().copied().filter(|c| own.check_view_change(setting, c).is_ok()).collect());
sifts!(SiftsEmpty, (own, setting, changes) => changes
    .iter()
    .copied()
    .filter(|c| c.prepared.is_empty() && own.check_view_change(setting, c).is_ok())
    .collect());

rulebook! { FollowsPrefix:
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        let due = self.new_view_batches(changes);
        let said = new_view.proposals.iter().map(|p| (p.seq(), p.digest()));
        new_view.proposals.len() <= due.len()
            && said.zip(&due).all(|((seq, digest), (n, batch))| seq == *n && digest == batch.digest())
    }
}

rulebook! { FollowsNumbers:
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        let due = self.new_view_batches(changes);
        new_view.proposals.iter().map(Proposal::seq).eq(due.into_iter().map(|(seq, _)| seq))
    }
}

rulebook! { FollowsAnyOfThem:
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        let claims = || changes.iter().flat_map(|change| &change.prepared);
        let reported = |p: &Proposal| claims().any(|claim| claim.digest() == p.digest());
        let due = self.new_view_batches(changes);
        new_view.proposals.len() == due.len() && new_view.proposals.iter().all(reported)
    }
}

rulebook! { StartsLater:
    fn new_view_start(&self, _: &[&ViewChange]) -> Option<SeqNum> {
        Some(SeqNum(1))
    }
}

/// A rulebook that tells certificates from each other where it keeps or reports them.
macro_rules! keeps {
    ($name:ident, $rule:ident, $claim:ident => $is_kept:expr) => {
        rulebook! { $name:
            fn $rule(&self, $claim: &PreparedClaim) -> bool {
                $is_kept
            }
        }
    };
}

fn has_vote_of(claim: &PreparedClaim, id: u16) -> bool {
    claim.prepares.0.iter().any(|vote| vote.signer().replica() == Some(ReplicaId(id)))
}

keeps!(ReportsNothing, reports_prepared, _claim => false);
keeps!(ReportsOddViews, reports_prepared, claim => claim.view().0 % 2 == 1);
keeps!(ReportsEvenViews, reports_prepared, claim => claim.view().0.is_multiple_of(2));
keeps!(ReportsWithVoteOf3, reports_prepared, claim => has_vote_of(claim, 3));
keeps!(ReportsWithoutVoteOf1, reports_prepared, claim => !has_vote_of(claim, 1));
keeps!(ReportsManyVotes, reports_prepared, claim => claim.prepares.0.len() > 2);
keeps!(ReportsLowDigests, reports_prepared, claim => claim.digest().as_bytes()[0] < 0x80);
keeps!(KeepsEvenViews, keeps_prepared, claim => claim.view().0.is_multiple_of(2));
keeps!(KeepsOddViews, keeps_prepared, claim => claim.view().0 % 2 == 1);
keeps!(KeepsWithVoteOf2, keeps_prepared, claim => has_vote_of(claim, 2));

/// A rulebook whose certificates need less.
macro_rules! certifies {
    ($name:ident, ($own:ident, $setting:ident, $claim:ident) => $votes:expr) => {
        rulebook! { $name:
            fn check_prepared(&self, $setting: &Setting, $claim: &PreparedClaim) -> Result<(), Refusal> {
                let $own = self;
                check_proposal($own, $setting, &$claim.proposal)?;
                let votes: usize = $votes;
                if votes + 1 < $own.certificate_quorum($setting.committee) { return Err(Refusal::NoQuorum) }
                Ok(())
            }
        }
    };
}

/// How many different replicas' votes stand in a certificate for which this holds.
fn voters(claim: &PreparedClaim, counts: impl Fn(&bft_check::pbft::Prepare, ReplicaId) -> bool) -> usize {
    let votes = claim.prepares.0.iter();
    let voters = votes.filter_map(|vote| Some((vote, vote.signer().replica()?)));
    voters.filter(|(vote, id)| counts(vote.message(), *id)).map(|(_, id)| id).collect::<VoteSet>().len()
}

fn is_for(vote: &bft_check::pbft::Prepare, claim: &PreparedClaim) -> bool {
    (vote.view, vote.seq, vote.digest) == (claim.view(), claim.seq(), claim.digest())
}

certifies!(CertifiesPrimaryTwice, (_own, _setting, claim) => voters(claim, |vote, _| is_for(vote, claim)));
certifies!(CertifiesAnyView, (own, setting, claim) => voters(claim, |vote, id| {
    (vote.seq, vote.digest) == (claim.seq(), claim.digest()) && own.may_prepare(setting.committee, claim.view(), id)
}));
certifies!(CertifiesAnyDigest, (own, setting, claim) => voters(claim, |vote, id| {
    (vote.seq, vote.view) == (claim.seq(), claim.view()) && own.may_prepare(setting.committee, claim.view(), id)
}));
certifies!(CertifiesRepetitions, (_own, _setting, claim) =>
    claim.prepares.0.iter().filter(|vote| is_for(vote.message(), claim)).count());
certifies!(CertifiesWithOneFewer, (own, setting, claim) => 1 + voters(claim, |vote, id| {
    is_for(vote, claim) && own.may_prepare(setting.committee, claim.view(), id)
}));
certifies!(CertifiesEverything, (_own, setting, _claim) => usize::from(setting.committee.n()));

rulebook! { CertifiesProposalsOfAnybody:
    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        let votes = voters(claim, |vote, id| is_for(vote, claim) && id != self.primary(setting.committee, claim.view()));
        if votes + 1 < setting.committee.quorum() { Err(Refusal::NoQuorum) } else { Ok(()) }
    }
}

rulebook! { BelievesViewChanges:
    fn check_view_change(&self, _: &Setting, _: &ViewChange) -> Result<(), Refusal> {
        Ok(())
    }
}

rulebook! { BelievesFirstCertificate:
    fn check_view_change(&self, setting: &Setting, change: &ViewChange) -> Result<(), Refusal> {
        let is_earlier = change.prepared.iter().all(|claim| claim.view() < change.new_view);
        if is_earlier { self.check_stable(setting, &change.stable) } else { Err(Refusal::MisplacedCertificate) }
    }
}

rulebook! { JustifiesEarlier:
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view <= view
    }
}

rulebook! { JustifiesAll:
    fn justifies(&self, _: &ViewChange, _: View) -> bool {
        true
    }
}

rulebook! { ShortPrepareQuorum:
    fn prepare_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

rulebook! { ShortCommitQuorum:
    fn commit_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

rulebook! { ShortViewChangeQuorum:
    fn view_change_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

rulebook! { ShortCertificateQuorum:
    fn certificate_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

rulebook! { PrimaryPrepares:
    fn may_prepare(&self, _: Committee, _: View, _: ReplicaId) -> bool {
        true
    }
}

rulebook! { CountsTwice:
    fn counts_vote(&self, _: Option<&VoteSet>, _: ReplicaId) -> bool {
        true
    }
}

rulebook! { AcceptsSecond:
    fn accepts_second_proposal(&self, _: &Proposal, _: &Proposal) -> bool {
        true
    }
}

rulebook! { AcceptsSecondOfLowDigest:
    fn accepts_second_proposal(&self, accepted: &Proposal, second: &Proposal) -> bool {
        second.digest() < accepted.digest()
    }
}

rulebook! { AdmitsAny:
    fn admits_view(&self, standing: Standing, _: View) -> bool {
        standing.active
    }
}

rulebook! { AdmitsEarly:
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        view == standing.view
    }
}

rulebook! { AdmitsFar:
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        standing.active && (view == standing.view || view.0 + 2 == standing.view.0)
    }
}

rulebook! { JoinsBack:
    fn join(&self, _: Committee, views: &[View]) -> Option<View> {
        views.first().map(|_| View(0))
    }
}

rulebook! { PreparesAnyView:
    fn prepare_key(&self, _: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

rulebook! { PreparesAnyDigest:
    fn prepare_key(&self, view: View, _: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }
}

rulebook! { CommitsAnyView:
    fn commit_key(&self, _: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

rulebook! { BelievesDigests:
    fn digest_matches(&self, _: Digest, _: &Batch) -> bool {
        true
    }
}

/// Those that nothing comes of where all ask for the same.
pub const TAKE_TWO_REQUESTS: [&str; 6] = [
    "ReportsNothing",
    "ReportsLowDigests",
    "ShortPrepareQuorum",
    "ShortCommitQuorum",
    "ShortViewChangeQuorum",
    "AcceptsSecond",
];

/// Those that take half of the time of all with two requests, and are as wrong with one.
pub const TAKE_LONG: [&str; 4] =
    ["BelievesViewChanges", "BelievesDigests", "BelievesFirstCertificate", "CountsTwice"];

/// All of them.
pub const ALL: &[&dyn Rules] = &[
    &SelectsFirst,
    &SelectsLast,
    &SelectsLowest,
    &SelectsHighestDigest,
    &SelectsLowestDigest,
    &SelectsNothing,
    &SelectsOfFirstTwo,
    &SelectsOfLastTwo,
    &SelectsWithoutFirst,
    &SelectsIfTwo,
    &SelectsIfUnanimous,
    &SelectsMostFrequent,
    &SelectsRarest,
    &SelectsSecondHighest,
    &SelectsByFewestVotes,
    &SelectsEvenViews,
    &SelectsHighestMod3,
    &SelectsNull,
    &SelectsEarlyViews,
    &SelectsMiddle,
    &BatchesOfFirst,
    &BatchesOfLast,
    &BatchesWithoutFirst,
    &BatchesWithoutLast,
    &BatchesOfFewest,
    &BatchesIfAllReport,
    &BatchesIfSomeAgree,
    &SiftsAll,
    &SiftsFirst,
    &SiftsLast,
    &SiftsValid,
    &SiftsEmpty,
    &FollowsPrefix,
    &FollowsNumbers,
    &FollowsAnyOfThem,
    &StartsLater,
    &ReportsNothing,
    &ReportsOddViews,
    &ReportsEvenViews,
    &ReportsWithVoteOf3,
    &ReportsWithoutVoteOf1,
    &ReportsManyVotes,
    &ReportsLowDigests,
    &KeepsEvenViews,
    &KeepsOddViews,
    &KeepsWithVoteOf2,
    &CertifiesPrimaryTwice,
    &CertifiesAnyView,
    &CertifiesAnyDigest,
    &CertifiesRepetitions,
    &CertifiesWithOneFewer,
    &CertifiesEverything,
    &CertifiesProposalsOfAnybody,
    &BelievesViewChanges,
    &BelievesFirstCertificate,
    &JustifiesEarlier,
    &JustifiesAll,
    &ShortPrepareQuorum,
    &ShortCommitQuorum,
    &ShortViewChangeQuorum,
    &ShortCertificateQuorum,
    &PrimaryPrepares,
    &CountsTwice,
    &AcceptsSecond,
    &AcceptsSecondOfLowDigest,
    &AdmitsAny,
    &AdmitsEarly,
    &AdmitsFar,
    &JoinsBack,
    &PreparesAnyView,
    &PreparesAnyDigest,
    &CommitsAnyView,
    &BelievesDigests,
];
