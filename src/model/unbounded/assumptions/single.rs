//! Rules that look at one thing: a view, a replica, a vote, a request, a number.

use itertools::Itertools as _;

use super::assumption::Assumption;
use super::trial::Trial;
use crate::pbft::{Digest, ReplicaId, SeqNum, Standing, TallyKey, View, ViewChange, VoteSet};

/// # Errors
/// What a rulebook does not fulfil.
pub(super) fn check(trial: &Trial<'_>) -> Result<(), Assumption> {
    trial.check_primaries()?;
    trial.check_admission()?;
    trial.check_keys()?;
    trial.check_voters()?;
    trial.check_numbers()?;
    trial.check_requests()?;
    trial.check_second_proposals()?;
    trial.check_join()?;
    trial.check_justifies()
}

fn ensure(is_so: bool, otherwise: Assumption) -> Result<(), Assumption> {
    if is_so { Ok(()) } else { Err(otherwise) }
}

impl Trial<'_> {
    fn check_primaries(&self) -> Result<(), Assumption> {
        let (rules, committee) = (self.maker.rules, self.maker.setting.committee);
        for view in self.views() {
            let due = ReplicaId((view.0 % self.n()) as u16);
            let proposes_alone =
                committee.replicas().all(|id| rules.may_propose(committee, view, id) == (id == due));
            ensure(rules.primary(committee, view) == due && proposes_alone, Assumption::Primary(view))?;
        }
        Ok(())
    }

    fn check_admission(&self) -> Result<(), Assumption> {
        let standings = self.views().cartesian_product([true, false]);
        let mut all = standings.cartesian_product(self.views());
        let is_due = all.all(|((own, active), view)| {
            let standing = Standing { view: own, active };
            self.maker.rules.admits_view(standing, view) == (active && own == view)
        });
        ensure(is_due, Assumption::Admission)
    }

    /// That COMMITs for any batch count together changes nothing that is taken for one here.
    fn check_keys(&self) -> Result<(), Assumption> {
        let rules = self.maker.rules;
        let digests: Vec<Digest> =
            self.requests.iter().chain([self.forged, self.null]).map(|batch| batch.digest()).collect();
        let mut all = self.views().cartesian_product(&digests);
        let is_own = |(view, &digest): (View, &Digest)| {
            let own = TallyKey { view: Some(view), digest: Some(digest) };
            rules.prepare_key(view, digest) == own
        };
        ensure(all.all(is_own), Assumption::Keys)?;
        let commits = || {
            let all = self.views().cartesian_product(&digests);
            all.map(|(view, &digest)| (view, digest, rules.commit_key(view, digest)))
        };
        let counts_in_own_view = commits().all(|(view, _, key)| key.view == Some(view));
        let counts_alike = commits().all(|(_, digest, key)| key.digest == Some(digest))
            || commits().all(|(.., key)| key.digest.is_none());
        ensure(counts_in_own_view && counts_alike, Assumption::Keys)
    }

    fn check_voters(&self) -> Result<(), Assumption> {
        let (rules, committee) = (self.maker.rules, self.maker.setting.committee);
        let mut all = self.views().cartesian_product(committee.replicas());
        let votes = |(view, id): (View, ReplicaId)| {
            rules.may_prepare(committee, view, id) == (view.0 % self.n() != u64::from(id.0))
        };
        ensure(all.all(votes), Assumption::Voters)?;
        let n = committee.n();
        // All sets, or all of those that are neighbours.
        let sets: Vec<VoteSet> = if n <= 10 {
            (0..1_u32 << n)
                .map(|set| committee.replicas().filter(|id| set >> id.0 & 1 == 1).collect())
                .collect()
        } else {
            let rows = (0..n).cartesian_product(0..=n);
            rows.map(|(first, count)| (first..first + count).map(|id| ReplicaId(id % n)).collect()).collect()
        };
        let is_counted_once = committee.replicas().all(|id| {
            rules.counts_vote(None, id)
                && sets.iter().all(|set| rules.counts_vote(Some(set), id) != set.contains(id))
        });
        ensure(is_counted_once, Assumption::Voters)?;
        ensure(rules.prepare_quorum(committee) == rules.certificate_quorum(committee), Assumption::Quorums)
    }

    fn check_numbers(&self) -> Result<(), Assumption> {
        let (rules, setting) = (self.maker.rules, self.maker.setting);
        let numbers = || (0..=self.slots + 2).map(SeqNum);
        let is_next = |(height, seq): (SeqNum, SeqNum)| rules.is_next(height, seq) == (seq == height.next());
        ensure(numbers().cartesian_product(numbers()).all(is_next), Assumption::Execution)?;
        let is_below = |low: SeqNum| (0..=low.0).any(|seq| rules.in_window(setting, low, SeqNum(seq)));
        ensure(!numbers().any(is_below), Assumption::Window)
    }

    fn check_requests(&self) -> Result<(), Assumption> {
        let (rules, setting) = (self.maker.rules, self.maker.setting);
        let all = || self.requests.iter().chain([self.forged, self.null]);
        let mut pairs = all().cartesian_product(all());
        let is_own = pairs.all(|(named, batch)| {
            rules.digest_matches(named.digest(), batch) == (named.digest() == batch.digest())
        });
        let is_nothing = all().any(|batch| rules.digest_matches(Digest::ZERO, batch));
        ensure(is_own && !is_nothing, Assumption::Digests)?;
        let requests = |batches: &[&crate::pbft::Batch]| {
            let all = batches.iter().flat_map(|batch| batch.requests());
            let at = |request| {
                let each =
                    setting.committee.replicas().map(move |id| rules.authentic_at(setting, id, request));
                each.chain([rules.authentic(setting, request)])
            };
            all.flat_map(at).all_equal()
        };
        let own: Vec<_> = self.requests.iter().collect();
        ensure(requests(&own) && requests(&[self.forged]), Assumption::Requests)
    }

    fn check_second_proposals(&self) -> Result<(), Assumption> {
        let all = || self.requests.iter().chain([self.forged, self.null]);
        let mut accepts = self.few_views().into_iter().flat_map(|view| {
            (1..=self.slots).map(SeqNum).flat_map(move |seq| {
                let of = move |batch| self.maker.proposal(view, seq, batch);
                let pairs = all().cartesian_product(all()).filter(|(one, other)| one != other);
                pairs.map(move |(one, other)| self.maker.rules.accepts_second_proposal(&of(one), &of(other)))
            })
        });
        ensure(accepts.all_equal(), Assumption::SecondProposals)
    }

    /// A replica goes on to one of the views that others name, or beyond the first of them: those are all above its own.
    fn check_join(&self) -> Result<(), Assumption> {
        let (rules, committee) = (self.maker.rules, self.maker.setting.committee);
        let others = self.n() as usize - 1;
        let lists = (0..=others.min(4)).flat_map(|len| {
            let some = (0..len).map(|_| [1, 2, 5]).multi_cartesian_product();
            if len == 0 { vec![Vec::new()] } else { some.collect::<Vec<_>>() }
        });
        let long = (0..=others).flat_map(|split| {
            let row = move |first: u64, then: u64| {
                (0..others).map(|place| if place < split { first } else { then }).collect::<Vec<_>>()
            };
            [row(1, 4), row(4, 1), row(1, 1 << 40)]
        });
        for list in lists.chain(long) {
            for own in [0, self.n(), 1 << 20] {
                let named: Vec<View> = list.iter().map(|above| View(own + above)).collect();
                let joined = rules.join(committee, &named);
                let least = named.iter().min().copied();
                ensure(joined.is_none_or(|view| least.is_some_and(|least| view >= least)), Assumption::Join)?;
            }
        }
        Ok(())
    }

    fn check_justifies(&self) -> Result<(), Assumption> {
        let reported = |new_view: View| -> Vec<ViewChange> {
            let claim = |batch| self.maker.claim(View(0), SeqNum(1), batch);
            let batches = self.requests.iter().take(2);
            let with = batches.map(|batch| self.maker.change(new_view, vec![claim(batch)]));
            with.chain([self.maker.change(new_view, Vec::new())]).collect()
        };
        for (of, view) in self.views().cartesian_product(self.views()).filter(|(of, _)| of.0 > 0) {
            let is_due = |change: &ViewChange| self.maker.rules.justifies(change, view) == (of == view);
            ensure(reported(of).iter().all(is_due), Assumption::Justifies)?;
        }
        Ok(())
    }
}
