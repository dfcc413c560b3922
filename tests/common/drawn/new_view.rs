//! What a drawn rulebook takes of view changes: when to join, which count, and what a new view proposes.

use std::collections::BTreeMap;

use bft_check::pbft::{
    Batch, Committee, Digest, NewView, PreparedClaim, Refusal, Rules, SeqNum, Setting, View, ViewChange,
};

use super::Drawn;
use super::departure::Departure as D;

pub(super) fn join(rules: &Drawn, committee: Committee, views: &[View]) -> Option<View> {
    let weak = committee.weak_quorum();
    let enough = views.len() >= weak;
    let mut sorted = views.to_vec();
    sorted.sort_unstable();
    match () {
        () if rules.has(D::JoinNever) => None,
        () if rules.has(D::JoinOne) => sorted.first().copied(),
        () if rules.has(D::JoinMore) => (views.len() > weak).then(|| sorted[0]),
        () if rules.has(D::JoinSame) => {
            let of = |view: View| views.iter().filter(|&&other| other == view).count();
            sorted.iter().copied().find(|&view| of(view) >= weak)
        }
        () if !enough => None,
        () if rules.has(D::JoinOtherwise) => sorted.first().copied(),
        () if rules.has(D::JoinHighest) => sorted.last().copied(),
        () if rules.has(D::JoinMiddle) => sorted.get(sorted.len() / 2).copied(),
        () if rules.has(D::JoinFirst) => views.first().copied(),
        () if rules.has(D::JoinLast) => views.last().copied(),
        () => views.iter().copied().min(),
    }
}

/// How many report the batch with this digest.
fn reports(claims: &[&PreparedClaim], digest: Digest) -> usize {
    claims.iter().filter(|claim| claim.digest() == digest).count()
}

pub(super) fn select<'a>(rules: &Drawn, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
    let listed = || claims.iter().copied();
    let highest = listed().max_by_key(|claim| claim.view());
    let top = highest?.view();
    match () {
        () if rules.has(D::SelectOtherwise) => {
            listed().reduce(|best, claim| if claim.view() > best.view() { claim } else { best })
        }
        () if rules.has(D::SelectFirst) => listed().next(),
        () if rules.has(D::SelectLast) => listed().last(),
        () if rules.has(D::SelectLowestView) => listed().min_by_key(|claim| claim.view()),
        () if rules.has(D::SelectMostVotes) => listed().max_by_key(|claim| claim.prepares.0.len()),
        () if rules.has(D::SelectFewestVotes) => listed().min_by_key(|claim| claim.prepares.0.len()),
        () if rules.has(D::SelectMostFrequent) => {
            listed().max_by_key(|claim| (reports(claims, claim.digest()), claim.view()))
        }
        () if rules.has(D::SelectLeastFrequent) => {
            listed().min_by_key(|claim| reports(claims, claim.digest()))
        }
        () if rules.has(D::SelectLowestDigest) => listed().min_by_key(|claim| claim.digest()),
        () if rules.has(D::SelectHighestDigest) => listed().max_by_key(|claim| claim.digest()),
        () if rules.has(D::SelectFirstOfTwo) => {
            listed().find(|claim| reports(claims, claim.digest()) >= 2).or(highest)
        }
        () if rules.has(D::SelectTwoReports) => highest.filter(|claim| reports(claims, claim.digest()) >= 2),
        () if rules.has(D::SelectUnanimous) => {
            highest.filter(|claim| reports(claims, claim.digest()) == claims.len())
        }
        () if rules.has(D::SelectLastOfFirstView) => {
            if top == View(0) {
                listed().last()
            } else {
                listed().find(|claim| claim.view() == top)
            }
        }
        () if rules.has(D::SelectRoughly) => listed().find(|claim| claim.view().0 + 1 >= top.0),
        () if rules.has(D::SelectNothing) => None,
        () if rules.has(D::SelectNoNull) => {
            listed().filter(|claim| !claim.proposal.batch.is_null()).max_by_key(|claim| claim.view())
        }
        () if rules.has(D::SelectSecondHighest) => {
            listed().filter(|claim| claim.view() < top).max_by_key(|claim| claim.view()).or(highest)
        }
        () if rules.has(D::SelectFirstOfThree) && claims.len() >= 3 => listed().next(),
        () => highest,
    }
}

pub(super) fn start(rules: &Drawn, changes: &[&ViewChange]) -> Option<SeqNum> {
    let numbers: Vec<_> = changes.iter().map(|change| change.stable.seq).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    let of = |seq: SeqNum| numbers.iter().filter(|&&other| other == seq).count();
    let start = match () {
        () if rules.has(D::StartOtherwise) => sorted.last().copied(),
        () if rules.has(D::StartLowest) => sorted.first().copied(),
        () if rules.has(D::StartFirst) => numbers.first().copied(),
        () if rules.has(D::StartLast) => numbers.last().copied(),
        () if rules.has(D::StartMostFrequent) => sorted.iter().copied().max_by_key(|&seq| of(seq)),
        () if rules.has(D::StartUnanimous) && sorted.first() != sorted.last() => return None,
        () if rules.has(D::StartGenesis) => None,
        () if rules.has(D::StartSecond) => sorted.iter().rev().nth(1).copied(),
        () => numbers.iter().copied().max(),
    };
    Some(start.unwrap_or(SeqNum::GENESIS))
}

/// The view changes of which the batches are taken.
fn counted<'a>(rules: &Drawn, changes: &'a [&'a ViewChange]) -> &'a [&'a ViewChange] {
    let count = changes.len();
    match () {
        () if rules.has(D::BatchesOfFirst) => &changes[..count.min(1)],
        () if rules.has(D::BatchesOfLast) => &changes[count.saturating_sub(1)..],
        () if rules.has(D::BatchesOfFirstTwo) => &changes[..count.min(2)],
        () if rules.has(D::BatchesOfLongest) => {
            let longest = (0..count).max_by_key(|&place| changes[place].prepared.len()).unwrap_or(0);
            &changes[longest.min(count)..(longest + 1).min(count)]
        }
        () => changes,
    }
}

pub(super) fn batches(rules: &Drawn, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
    let Some(low) = rules.new_view_start(changes) else { return Vec::new() };
    let claims: Vec<_> = counted(rules, changes).iter().flat_map(|change| &change.prepared).collect();
    let high = claims.iter().map(|claim| claim.seq()).max().unwrap_or(low);
    let first = match () {
        () if rules.has(D::BatchesFromStart) => low.0.max(1),
        () if rules.has(D::BatchesFromGenesis) => 1,
        () => low.0 + 1,
    };
    let mut due: BTreeMap<SeqNum, Option<Batch>> = BTreeMap::new();
    for seq in (first..=high.0).map(SeqNum) {
        let at: Vec<_> = claims.iter().copied().filter(|claim| claim.seq() == seq).collect();
        let selected = rules.select(&at).map(|claim| claim.proposal.batch.clone());
        due.insert(seq, selected.filter(|_| !rules.has(D::BatchesNull)));
    }
    shaped(rules, due, low)
}

/// What is due at each number, as the rulebook proposes it.
fn shaped(rules: &Drawn, due: BTreeMap<SeqNum, Option<Batch>>, low: SeqNum) -> Vec<(SeqNum, Batch)> {
    let full = |(seq, batch): (SeqNum, Option<Batch>)| (seq, batch.unwrap_or_else(Batch::null));
    let mut out: Vec<(SeqNum, Batch)> = match () {
        () if rules.has(D::BatchesStopAtGap) => {
            due.into_iter().map_while(|(seq, batch)| Some((seq, batch?))).collect()
        }
        () if rules.has(D::BatchesSkipGaps) => {
            due.into_iter().filter_map(|(seq, batch)| Some((seq, batch?))).collect()
        }
        () if rules.has(D::BatchesFromFirst) => {
            due.into_iter().skip_while(|(_, batch)| batch.is_none()).map(full).collect()
        }
        () if rules.has(D::BatchesHighestOnly) => due.into_iter().next_back().map(full).into_iter().collect(),
        () if rules.has(D::BatchesLowestOnly) => due.into_iter().next().map(full).into_iter().collect(),
        () => due.into_iter().map(full).collect(),
    };
    if rules.has(D::BatchesReversed) {
        out.reverse();
    }
    if rules.has(D::BatchesNullMore) {
        let next = out.iter().map(|(seq, _)| *seq).max().unwrap_or(low).next();
        out.push((next, Batch::null()));
    }
    if rules.has(D::BatchesNone) {
        out.clear();
    }
    if rules.has(D::BatchesOnce) {
        let mut met = Vec::new();
        for (_, batch) in &mut out {
            if met.contains(&batch.digest()) {
                *batch = Batch::null();
            }
            met.push(batch.digest());
        }
    }
    out
}

pub(super) fn sift<'a>(
    rules: &Drawn,
    setting: &Setting,
    changes: &[&'a ViewChange],
) -> Result<Vec<&'a ViewChange>, Refusal> {
    let check = |change: &&ViewChange| rules.check_view_change(setting, change);
    let valid = || changes.iter().copied().filter(|change| check(change).is_ok()).collect::<Vec<_>>();
    match () {
        () if rules.has(D::SiftValid) => return Ok(valid()),
        () if rules.has(D::SiftAnyValid) && !valid().is_empty() => return Ok(changes.to_vec()),
        () if rules.has(D::SiftMasked) && valid().len() < changes.len() => return Ok(Vec::new()),
        () if rules.has(D::SiftUnchecked) => return Ok(changes.to_vec()),
        () if rules.has(D::SiftFirstChecked) => {
            return changes.iter().take(1).try_for_each(check).map(|()| changes.to_vec());
        }
        () => changes.iter().try_for_each(check)?,
    }
    Ok(kept(rules, changes))
}

/// Those of the valid view changes that count.
fn kept<'a>(rules: &Drawn, changes: &[&'a ViewChange]) -> Vec<&'a ViewChange> {
    let all = || changes.iter().copied();
    let or_all = |kept: Vec<&'a ViewChange>| if kept.is_empty() { changes.to_vec() } else { kept };
    match () {
        () if rules.has(D::SiftReversed) => all().rev().collect(),
        () if rules.has(D::SiftDropsLast) => all().take(changes.len().saturating_sub(1)).collect(),
        () if rules.has(D::SiftDropsFirst) => all().skip(1).collect(),
        () if rules.has(D::SiftFirstTwo) => all().take(2).collect(),
        () if rules.has(D::SiftReporting) => {
            or_all(all().filter(|change| !change.prepared.is_empty()).collect())
        }
        () if rules.has(D::SiftEmpty) => or_all(all().filter(|change| change.prepared.is_empty()).collect()),
        () if rules.has(D::SiftDistinct) => {
            let mut distinct: Vec<&ViewChange> = Vec::new();
            for change in all() {
                if !distinct.contains(&change) {
                    distinct.push(change);
                }
            }
            distinct
        }
        () if rules.has(D::SiftLongest) => {
            let most = all().map(|change| change.prepared.len()).max();
            all().filter(|change| Some(change.prepared.len()) == most).collect()
        }
        () => all().collect(),
    }
}

/// A proposal without its signature.
type Line = (View, SeqNum, Digest);

pub(super) fn follows(rules: &Drawn, new_view: &NewView, changes: &[&ViewChange]) -> bool {
    if rules.has(D::FollowsAnything) {
        return true;
    }
    let lines = |changes: &[&ViewChange]| -> Vec<Line> {
        let due = rules.new_view_batches(changes);
        due.into_iter().map(|(seq, batch)| (new_view.view, seq, batch.digest())).collect()
    };
    let said: Vec<Line> = new_view.proposals.iter().map(|p| (p.view(), p.seq(), p.digest())).collect();
    if rules.has(D::FollowsFirstChange) {
        return said == lines(&changes[..changes.len().min(1)]);
    }
    if rules.has(D::FollowsAnyChange) {
        return changes.iter().any(|change| said == lines(&[change])) || said == lines(changes);
    }
    agrees(rules, &said, &lines(changes))
}

/// Whether what is said is what is due, as far as the rulebook looks.
fn agrees(rules: &Drawn, said: &[Line], due: &[Line]) -> bool {
    let null = Batch::null().digest();
    let each = |alike: &dyn Fn(&Line, &Line) -> bool| {
        said.len() == due.len() && said.iter().zip(due).all(|(said, due)| alike(said, due))
    };
    match () {
        () if rules.has(D::FollowsSubset) => said.iter().all(|line| due.contains(line)),
        () if rules.has(D::FollowsSuperset) => due.iter().all(|line| said.contains(line)),
        () if rules.has(D::FollowsPrefix) => due.starts_with(said),
        () if rules.has(D::FollowsExtended) => said.starts_with(due),
        () if rules.has(D::FollowsAnyOrder) => {
            said.len() == due.len() && due.iter().all(|line| said.contains(line))
        }
        () if rules.has(D::FollowsAnyView) => each(&|said, due| (said.1, said.2) == (due.1, due.2)),
        () if rules.has(D::FollowsAnyNumber) => each(&|said, due| (said.0, said.2) == (due.0, due.2)),
        () if rules.has(D::FollowsAnyBatch) => each(&|said, due| (said.0, said.1) == (due.0, due.1)),
        () if rules.has(D::FollowsCount) => each(&|_, _| true),
        () if rules.has(D::FollowsNullInstead) => {
            each(&|said, due| said == due || ((said.0, said.1) == (due.0, due.1) && said.2 == null))
        }
        () if rules.has(D::FollowsInsteadOfNull) => {
            each(&|said, due| said == due || ((said.0, said.1) == (due.0, due.1) && due.2 == null))
        }
        () if rules.has(D::FollowsNoRepetition) => said == due && due.iter().all(|line| line.2 == null),
        () if rules.has(D::FollowsFirstOnly) => said.first() == due.first() && said.len() == due.len(),
        () if rules.has(D::FollowsLastOnly) => said.last() == due.last() && said.len() == due.len(),
        () => said == due,
    }
}
