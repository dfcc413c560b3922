//! One view, from the moment when all honest replicas move to it until all have left it.
//!
//! Of what can be left behind with the same certificates and decisions, only that is kept in which the adversary can
//! show most: it may keep to itself what it can show, so whatever follows on less can follow on more.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use stateright::Model as _;

use super::boundary::{BoundaryState, CarriedState, Decided, Rank, Showable, is_part, with};
use super::error::Unexplorable;
use super::round::{Numbers, Phase, Plan};
use super::stage::{Setup, Stage};
use super::{Leader, UnboundedModel, premise, round, subsumed, summaries, undecided};
use crate::model::bits::Bits;
use crate::model::property::{Judge as _, Properties};
use crate::pbft::{Message, Principal, SeqNum, View};

/// What can come of a view.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// What all can take along, where the adversary can show most.
    pub after: BTreeSet<BoundaryState>,
    /// The properties that some state in the view lacks.
    pub violated: Properties,
    /// The good outcomes that some state in the view has.
    pub reached: BTreeSet<&'static str>,
    /// How many states of the view were visited.
    pub states: u64,
}

/// The view that follows on a past, or view 0 where there is none, under this primary.
pub(super) fn setup(views: &UnboundedModel, past: Option<&BoundaryState>, leader: Leader) -> Setup {
    let n = u64::from(views.scope.replicas);
    let is_led_honestly = matches!(leader, Leader::Honest(_));
    let view = past.map_or(0, |past| {
        let first = u64::from(past.ranks()).max(n).div_ceil(n) * n;
        if is_led_honestly { first } else { first + n - 1 }
    });
    Setup { view: View(view), is_led_honestly }
}

/// Explores that view.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn explore(
    views: &UnboundedModel,
    stage: &mut Stage,
    past: Option<&BoundaryState>,
    leader: Leader,
) -> Result<Layer, Unexplorable> {
    let (start, base, shown) = match past {
        None => first(stage),
        Some(past) => place(views, stage, past, leader)?,
    };
    let others = usize::from(stage.setup.is_led_honestly);
    let plan = |phase| Plan { parts: [others].into_iter().collect(), phase };
    let mut runs = if stage.setup.is_led_honestly && views.reductions.summaries {
        let mut runs = round::runs(views, stage, &start, &base, &plan(Phase::Start))?;
        stage.began_with = runs.sent.clone();
        for begun in std::mem::take(&mut runs.next) {
            runs.extend(round::runs(views, stage, &begun, &base, &plan(Phase::Begun))?);
        }
        runs
    } else {
        round::runs(views, stage, &start, &base, &plan(Phase::Begun))?
    };
    summaries::follow(views, stage, &mut runs)?;
    let is_stopped = views.is_stopped();
    let after = if is_stopped { BTreeSet::new() } else { after(views, stage, &runs.left, past, &shown) };
    for between in &after {
        runs.violated |= stage.violated(views, &between.decided)?;
    }
    let layer = Layer { after, violated: runs.violated, reached: runs.reached, states: runs.states };
    if is_stopped {
        return Ok(layer);
    }
    let alphabet = runs.sent;
    check_adversary(views, stage, &base, &alphabet, &shown)?;
    if let Some(refusal) = stage.judge.refusal() {
        return Err(Unexplorable::Guards(refusal));
    }
    if stage.judge.stepped() > 0 {
        return Err(Unexplorable::Order);
    }
    if let Some(past) = past {
        let mut exists = base.clone();
        exists.union_with(&alphabet);
        if views.reductions.quotient {
            undecided::check(views, stage, past, &ordered(past, leader), &start, &exists)?;
        }
        if views.leaves_out_subsumed() {
            let objection = subsumed::check(views, stage, (past, leader), &start, &exists)?;
            objection.into_iter().for_each(|why| views.object(why));
        }
    }
    stage.check_left()?;
    Ok(layer)
}

/// The replicas at the start of view 0, and what exists there.
fn first(stage: &Stage) -> (Numbers, Bits, Showable<View>) {
    let state = stage.judge.init_states().swap_remove(0);
    let slots = stage.judge.system().bound().slots as usize;
    let base = stage.judge.available_after(&Bits::default());
    (stage.judge.numbers(&state).into(), base, vec![BTreeSet::new(); slots])
}

/// What each honest replica takes along: first the primary, if that is honest.
pub(super) fn ordered(past: &BoundaryState, leader: Leader) -> Vec<&CarriedState<Rank>> {
    let mut order: Vec<&CarriedState<Rank>> = past.replicas.iter().collect();
    if let Leader::Honest(index) = leader {
        let first = order.remove(index);
        order.insert(0, first);
    }
    order
}

/// All honest replicas have given up the views before, and say what they take along. Also what exists then, and which
/// certificates can be shown.
fn place(
    views: &UnboundedModel,
    stage: &mut Stage,
    past: &BoundaryState,
    leader: Leader,
) -> Result<(Numbers, Bits, Showable<View>), Unexplorable> {
    let mut earlier = Vec::new();
    for (seq, shown) in (1..).map(SeqNum).zip(&past.shown) {
        let held = past.replicas.iter().filter_map(|past| past.prepared[seq.0 as usize - 1]);
        for (rank, number) in shown.iter().copied().chain(held).collect::<BTreeSet<_>>() {
            let batch = &views.batches[usize::from(number)];
            let claim = stage.maker().claim(View(u64::from(rank)), seq, batch);
            let honest = stage.judge.system().honest();
            let is_honest = |who: Principal| honest.iter().any(|h| Principal::Replica(h.id()) == who);
            let proposal = Message::PrePrepare(claim.proposal.clone());
            earlier.extend(is_honest(proposal.signer()).then_some(proposal));
            let votes = claim.prepares.0.iter().filter(|vote| is_honest(vote.signer()));
            earlier.extend(votes.cloned().map(Message::Prepare));
        }
    }
    let order = ordered(past, leader);
    let mut locals = Vec::new();
    let mut changes = Vec::new();
    for (replica, past) in (0..).zip(order) {
        let (local, change) = stage.start(views, replica, past)?;
        locals.push(local);
        changes.push(change);
    }
    let mut sent = stage.judge.numbers_of(earlier);
    let shown = views.shown(&stage.judge, &stage.judge.proving(&sent))?;
    sent.union_with(&stage.judge.numbers_of(changes.clone()));
    let base = stage.judge.available_after(&sent);
    let view = stage.setup.view;
    let all = stage.judge.which(0, |message| matches!(message, Message::ViewChange(c) if c.new_view == view));
    let all = all.intersection(&base);
    let mut start = Numbers::new();
    for (place, (local, change)) in (0..).zip(locals.iter().zip(changes)) {
        let replica = stage.replica(place.into()).ok_or(Unexplorable::NoReplica)?;
        let leads = stage.maker().primary(view) == replica.id();
        let state = local.replica().ok_or(Unexplorable::NoReplica)?;
        if !leads {
            let offered = stage.judge.messages_of(&all);
            premise::check_follower(replica, state, &offered)?;
        }
        let offered = if leads { all.clone() } else { Bits::default() };
        let own = stage.judge.numbers_of([change]);
        start.push(stage.judge.placed(place, local, own, offered));
    }
    Ok((start, base, shown))
}

/// Whether what the adversary can send in the view does not depend on what happens in it, and certificates do not mix
/// votes of several views: all that it can do grows with what is sent, so it is enough to look at the end.
fn check_adversary(
    views: &UnboundedModel,
    stage: &mut Stage,
    base: &Bits,
    alphabet: &Bits,
    shown: &Showable<View>,
) -> Result<(), Unexplorable> {
    let mut sent = stage.judge.honest_of(base);
    sent.union_with(alphabet);
    if !stage.judge.available_after(&sent).difference(alphabet).is_subset(base) {
        return Err(Unexplorable::Adversary);
    }
    let now = stage.shown(views, alphabet)?;
    let apart = with(shown, &stage.shown[now as usize]);
    let together = views.shown(&stage.judge, &stage.judge.proving(&sent))?;
    if together != apart {
        return Err(Unexplorable::MixedCertificates);
    }
    Ok(())
}

/// The certificates of a view that can be shown, and what was decided in it.
type More<'a> = (&'a Showable<View>, &'a Decided);

/// What is left behind, where the adversary can show most and most is decided: `left` says what, with the certificates
/// of the view and what was decided in it, and `earlier` which other certificates can be shown.
fn after(
    views: &UnboundedModel,
    stage: &Stage,
    left: &FxHashMap<Numbers, BTreeSet<(u32, u32)>>,
    past: Option<&BoundaryState>,
    earlier: &Showable<View>,
) -> BTreeSet<BoundaryState> {
    let nothing = vec![BTreeSet::new(); earlier.len()];
    let decided_before = past.map_or(&nothing, |past| &past.decided);
    let mut after = BTreeSet::new();
    for (pasts, more) in left {
        let more: Vec<More<'_>> = more
            .iter()
            .map(|&(shown, decided)| (&stage.shown[shown as usize], &stage.decisions[decided as usize]))
            .collect();
        let is_less = |a: More<'_>, b: More<'_>| a != b && is_part(a.0, b.0) && is_part(a.1, b.1);
        let is_beaten = |a: More<'_>| views.reductions.maximal && more.iter().any(|&b| is_less(a, b));
        for (shown, decided) in more.iter().filter(|&&a| !is_beaten(a)) {
            let pasts = pasts.iter().map(|&past| stage.pasts[past as usize].clone()).collect();
            let (shown, decided) = (with(earlier, shown), with(decided_before, decided));
            after.insert(BoundaryState::new(pasts, shown, decided, views.scope.requests as u16));
        }
    }
    after
}
