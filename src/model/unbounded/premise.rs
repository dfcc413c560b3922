//! What a rulebook must be like, so that its views can be explored one after the other. All of it is found by
//! asking the rulebook and running the replica.

use itertools::Itertools as _;

use super::assumptions::Assumption;
use super::error::Unexplorable;
use super::forge::Maker;
use crate::pbft::{
    Batch, Effect, Input, Message, PreparedClaim, Replica, ReplicaId, SeqNum, State, Uncompared, View,
};

/// What a view change reports for number 1.
type Reported<'a> = Option<(u64, &'a Batch)>;

/// Whether each view has one primary, who alone proposes; view changes justify the view that they are for;
/// and of certificates only the order of their views matters, a lower one for a batch being worth no more
/// than the highest one or none.
///
/// # Errors
/// What is not so.
pub(super) fn check_rules(maker: &Maker<'_>, batches: &[Batch]) -> Result<(), Assumption> {
    let committee = maker.setting.committee;
    for view in (0..u64::from(committee.n()) * 2).map(View) {
        let due = ReplicaId((view.0 % u64::from(committee.n())) as u16);
        if committee.replicas().any(|id| maker.rules.may_propose(committee, view, id) != (id == due)) {
            return Err(Assumption::Primary(view));
        }
    }
    for (of, target) in [(3, 4), (4, 3), (1, 9)] {
        if maker.rules.justifies(&maker.change(View(of), Vec::new()), View(target)) {
            return Err(Assumption::Justifies);
        }
    }
    let [x, y, ..] = batches else { return Ok(()) };
    check_certificates(maker, x)?;
    let options = [None, Some((0, x)), Some((1, y)), Some((2, x))];
    for reported in (0..3).map(|_| options).multi_cartesian_product() {
        check_reported(maker, options, &reported)?;
    }
    Ok(())
}

/// What a new view proposes for number 1 when the view changes report these certificates.
fn chosen(maker: &Maker<'_>, reported: &[Reported<'_>]) -> Option<Batch> {
    let claim = |&(view, batch): &(u64, &Batch)| maker.claim(View(view), SeqNum(1), batch);
    let changes: Vec<_> = reported
        .iter()
        .map(|reported| maker.change(View(64), reported.iter().map(claim).collect()))
        .collect();
    let batches = maker.rules.new_view_batches(&changes.iter().collect::<Vec<_>>());
    batches.into_iter().find(|(seq, _)| *seq == SeqNum(1)).map(|(_, batch)| batch)
}

/// Whether of the certificates that are reported only the order of their views matters. The options are nothing, a
/// certificate of view 0, another batch's of view 1, and the first batch's of view 2.
fn check_reported(
    maker: &Maker<'_>,
    options: [Reported<'_>; 4],
    reported: &[Reported<'_>],
) -> Result<(), Assumption> {
    let result = chosen(maker, reported);
    let spread: Vec<_> = reported.iter().map(|it| it.map(|(view, b)| (view * 5 + 3, b))).collect();
    if chosen(maker, &spread) != result {
        return Err(Assumption::Numbers);
    }
    for place in 0..reported.len() {
        if reported[place] != options[1] {
            continue;
        }
        let with = |other| {
            let mut changed = reported.to_vec();
            changed[place] = other;
            chosen(maker, &changed)
        };
        if ![with(options[0]), with(options[3])].contains(&result) {
            return Err(Assumption::Lower);
        }
    }
    let merged: Vec<_> = reported.iter().map(|it| it.map(|(_, b)| (2, b))).collect();
    if !reported.contains(&options[2]) && chosen(maker, &merged) != result {
        return Err(Assumption::InARow);
    }
    Ok(())
}

/// Whether votes of one view do not help to make a certificate of another.
fn check_certificates(maker: &Maker<'_>, batch: &Batch) -> Result<(), Assumption> {
    let (claim, other) = (maker.claim(View(2), SeqNum(1), batch), maker.claim(View(1), SeqNum(1), batch));
    let is_certificate = |prepares: Vec<_>| {
        let claim = PreparedClaim { prepares: Uncompared(prepares.into()), ..claim.clone() };
        maker.rules.check_prepared(maker.setting, &claim).is_ok()
    };
    for own in 0..=claim.prepares.0.len() {
        let own = claim.prepares.0.iter().take(own);
        let mixed = own.clone().chain(other.prepares.0.iter()).cloned().collect();
        if is_certificate(mixed) && !is_certificate(own.cloned().collect()) {
            return Err(Assumption::MixedViews);
        }
    }
    Ok(())
}

/// Whether a replica in this state takes nothing that belongs to another view than its own, which is `view`.
///
/// # Errors
/// What it takes.
pub(super) fn check_closed(
    maker: &Maker<'_>,
    replica: &Replica,
    state: &State,
    view: View,
    slots: u64,
    batches: &[Batch],
) -> Result<(), Unexplorable> {
    let others = [view.0.checked_sub(1), Some(view.0 + 1)];
    for view in others.into_iter().flatten().map(View) {
        for (seq, batch) in (1..=slots).map(SeqNum).cartesian_product(batches) {
            for message in maker.normal_case(view, seq, batch) {
                if replica.check(state, Input::Deliver(&message)).is_ok() {
                    let (id, message) = (replica.id(), Box::new(message));
                    return Err(Unexplorable::TakesOfOtherView(id, message, state.view()));
                }
            }
        }
    }
    Ok(())
}

/// Whether a replica that has left a view takes nothing of it any more. `left` is what it is then, and `messages`
/// what was sent in the view.
///
/// # Errors
/// What it takes.
pub(super) fn check_left(replica: &Replica, left: &State, messages: &[Message]) -> Result<(), Unexplorable> {
    let of_the_view = |message: &&Message| {
        matches!(
            message,
            Message::PrePrepare(_)
                | Message::Prepare(_)
                | Message::Commit(_)
                | Message::ViewChange(_)
                | Message::NewView(_)
        )
    };
    let mut taken = messages.iter().filter(of_the_view);
    match taken.find(|message| replica.check(left, Input::Deliver(message)).is_ok()) {
        Some(message) => {
            let message = Box::new(message.clone());
            Err(Unexplorable::TakesAfterLeaving(replica.id(), message, left.view()))
        }
        None => Ok(()),
    }
}

/// Whether a replica that leaves its view forgets the votes that it received there and that had no consequence.
/// `state` is what it is in the view, and `messages` what was sent there.
///
/// # Errors
/// What it does not forget.
pub(super) fn check_forgets(
    replica: &Replica,
    state: &State,
    messages: &[Message],
) -> Result<(), Unexplorable> {
    let next = state.view().next();
    let is_vote = |message: &&Message| matches!(message, Message::Prepare(_) | Message::Commit(_));
    for message in messages.iter().filter(is_vote) {
        let input = Input::Deliver(message);
        let Ok(counted) = replica.successor(state, input, &mut Vec::new()) else { continue };
        let is_tally = replica.control(&counted) == replica.control(state);
        let left = |state| replica.after_giving_up(state, next).0;
        if is_tally && left(&counted) != left(state) {
            return Err(Unexplorable::StillCounts(replica.id(), Box::new(message.clone()), next));
        }
    }
    Ok(())
}

/// Whether a replica that moves to a view of which it is not the primary does nothing when VIEW-CHANGEs for that
/// view arrive, however many.
///
/// # Errors
/// That it does something.
pub(super) fn check_follower(
    replica: &Replica,
    state: &State,
    changes: &[Message],
) -> Result<(), Unexplorable> {
    let mut now = state.clone();
    for message in changes {
        let mut out = Vec::new();
        let Ok(next) = replica.successor(&now, Input::Deliver(message), &mut out) else { continue };
        out.retain(|effect| matches!(effect, Effect::Broadcast(_) | Effect::Send(..)));
        if !out.is_empty() || replica.control(&next) != replica.control(state) {
            return Err(Unexplorable::ActsAsPrimary(replica.id(), Box::new(message.clone())));
        }
        now = next;
    }
    Ok(())
}

/// Whether a NEW-VIEW for a later view finds a replica as it would find it had it left its view first.
///
/// # Errors
/// That it does not.
pub(super) fn check_jump(maker: &Maker<'_>, replica: &Replica, state: &State) -> Result<(), Unexplorable> {
    let committee = maker.setting.committee;
    let mut targets = (1..=u64::from(committee.n())).map(|further| View(state.view().0 + further));
    let Some(target) = targets.find(|&view| maker.primary(view) != replica.id()) else {
        return Ok(());
    };
    let message = maker.new_view(target);
    let enter = |from: &State| {
        let mut out = Vec::new();
        let next = replica.successor(from, Input::Deliver(&message), &mut out).ok()?;
        out.retain(|effect| matches!(effect, Effect::Broadcast(_) | Effect::Send(..)));
        Some((replica.durable(&next), out))
    };
    let (left, _) = replica.after_giving_up(state, target);
    match enter(state) {
        Some(jumped) if Some(&jumped) != enter(&left).as_ref() => {
            Err(Unexplorable::Jumps(replica.id(), state.view(), target))
        }
        _ => Ok(()),
    }
}
