//! What can come once every replica has entered the view: found out once for all pasts.
//!
//! Whoever has entered a view acts on the proposals that it has accepted there and on the votes for them. What it took
//! along, and by which VIEW-CHANGEs its new view was justified, matters no more: the certificates that it gets in the view
//! stand in place of the older ones, and that is all. So the runs from there on are followed once for all states that
//! have the same [`Essence`], and what they lead to is added to what each replica had.
//!
//! That it matters no more is tried: for two local states with one essence, the guards are compared side by side, and those of
//! all local states that they lead to. Where they differ, or need something else than votes in the view, the runs are
//! followed from each state by itself, as without this.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use super::UnboundedModel;
use super::boundary::is_part;
use super::error::Unexplorable;
use super::round::{self, Numbers, Parts, Phase, Plan, Runs};
use super::stage::Stage;
use crate::model::bits::Bits;
use crate::model::fingerprint::{Fingerprint, fingerprint};
use crate::model::guards::Guard;
use crate::model::property::Properties;
use crate::pbft::{Digest, Message, RequestId, SeqNum, State, View};

/// What a replica that has entered a view holds at a sequence number: the proposal that it has accepted, whether it
/// prepared there, and what it has decided.
type Slot = (SeqNum, Option<Digest>, Option<Digest>, Option<Digest>);

/// What of a replica's state can matter once all have entered the view, whoever it is.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(super) struct Essence {
    is_active: bool,
    slots: Vec<Slot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    /// What it has sent: proposals, PREPAREs and COMMITs.
    sent: BTreeSet<(u8, SeqNum, Digest)>,
}

impl Essence {
    /// That of a state in which these messages were sent, in that view.
    pub fn of(state: &State, sent: &[Message], view: View) -> Self {
        let here = |of: View, digest: Digest| (of == view).then_some(digest);
        let slot = |(seq, slot): (SeqNum, &crate::pbft::Slot)| {
            let accepted = slot.proposal().and_then(|proposal| here(proposal.view(), proposal.digest()));
            let prepared = slot.prepared().and_then(|held| here(held.view(), held.digest()));
            let decided = slot.committed().map(|batch| batch.digest());
            let is_anything = accepted.or(prepared).or(decided).is_some();
            is_anything.then_some((seq, accepted, prepared, decided))
        };
        let vote = |message: &Message| match message {
            Message::PrePrepare(m) => Some((m.view(), (0, m.seq(), m.digest()))),
            Message::Prepare(m) => Some((m.view, (1, m.seq, m.digest))),
            Message::Commit(m) => Some((m.view, (2, m.seq, m.digest))),
            _ => None,
        };
        let votes = sent.iter().filter_map(vote).filter(|(of, _)| *of == view);
        Essence {
            is_active: state.is_active(),
            slots: state.log().iter().filter_map(slot).collect(),
            height: state.chain().height(),
            head: state.chain().head(),
            pending: state.pending().map(|request| request.id()).collect(),
            sent: votes.map(|(_, vote)| vote).collect(),
        }
    }
}

/// What can come of replicas with these essences, in their order.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// What each gains, with what can be shown then, and what was decided.
    left: Vec<(Numbers, u32, u32)>,
    /// Everything that is sent.
    pub sent: Bits,
    violated: Properties,
    reached: BTreeSet<&'static str>,
    states: u64,
    /// A hash of what this is about.
    key: Fingerprint,
}

/// What a stage knows of that.
#[derive(Debug, Default)]
pub(super) struct Entered {
    ends: FxHashMap<Numbers, Arc<Ends>>,
    /// By place and essence, a local state that stands for all of them.
    models: FxHashMap<(usize, u32), u32>,
    /// Local states each with one that was found to act alike, and how many votes had been met then.
    alike: FxHashMap<(u32, u32), u32>,
    /// Local states of which another was found not to act alike.
    others: FxHashSet<u32>,
}

/// What can come of these local states, one of each honest replica, all of which have entered the view; nothing if that
/// depends on more than their essences.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn ends(
    views: &UnboundedModel,
    stage: &mut Stage,
    locals: &Numbers,
) -> Result<Option<Arc<Ends>>, Unexplorable> {
    for (place, &local) in locals.iter().enumerate() {
        if !has_essence(views, stage, place, local)? {
            return Ok(None);
        }
    }
    let order = order(views, stage, locals)?;
    let row: Numbers = order.iter().map(|&place| locals[place]).collect();
    let mut key = Numbers::new();
    for &local in &row {
        key.push(stage.known(views, local)?.essence);
    }
    if let Some(ends) = stage.entered.ends.get(&key) {
        return Ok(Some(Arc::clone(ends)));
    }
    let others = usize::from(stage.setup.is_led_honestly);
    let borders = (others..key.len()).filter(|&place| place == others || key[place] != key[place - 1]);
    let plan = Plan { parts: borders.collect(), phase: Phase::Entered };
    let runs = round::runs(views, stage, &row, &Bits::default(), &plan)?;
    let hashes: Vec<_> = key.iter().map(|&essence| stage.essences[essence as usize]).collect();
    let left = most(views, stage, &runs);
    let Runs { states, sent, violated, reached, .. } = runs;
    let left = left.into_iter().flat_map(|(gained, shown, decided)| {
        let all = arrangements(gained, &plan.parts).into_iter();
        all.map(move |gained| (gained, shown, decided))
    });
    let key_hash = fingerprint(&(stage.setup.view, stage.setup.is_led_honestly, hashes));
    let ends = Ends { left: left.collect(), sent, violated, reached, states, key: key_hash };
    let ends = Arc::new(ends);
    if !views.is_stopped() {
        stage.entered.ends.insert(key, Arc::clone(&ends));
    }
    Ok(Some(ends))
}

/// The places of the replicas: the primary's first, if it is honest, those with the same essence side by side.
fn order(views: &UnboundedModel, stage: &mut Stage, locals: &Numbers) -> Result<Vec<usize>, Unexplorable> {
    let others = usize::from(stage.setup.is_led_honestly);
    let mut order = Vec::new();
    for (place, &local) in locals.iter().enumerate() {
        order.push((stage.known(views, local)?.order, place));
    }
    order[others..].sort_unstable();
    Ok(order.into_iter().map(|(_, place)| place).collect())
}

/// What runs leave behind, where most can be shown and most is decided.
fn most(views: &UnboundedModel, stage: &Stage, runs: &Runs) -> Vec<(Numbers, u32, u32)> {
    let mut most = Vec::new();
    for (gained, more) in &runs.left {
        let of =
            |(shown, decided): (u32, u32)| (&stage.shown[shown as usize], &stage.decisions[decided as usize]);
        let is_less =
            |a: (u32, u32), b: (u32, u32)| a != b && is_part(of(a).0, of(b).0) && is_part(of(a).1, of(b).1);
        let is_beaten = |a: (u32, u32)| views.reductions.maximal && more.iter().any(|&b| is_less(a, b));
        let kept = more.iter().filter(|&&a| !is_beaten(a));
        most.extend(kept.map(|&(shown, decided)| (gained.clone(), shown, decided)));
    }
    most
}

/// All rows that differ in the order within each part alone.
fn arrangements(row: Numbers, parts: &Parts) -> Vec<Numbers> {
    let mut all = vec![row];
    let ends = parts.iter().copied().skip(1);
    for (from, to) in parts.iter().copied().zip(ends.chain([all[0].len()])) {
        let mut more = Vec::new();
        for row in all {
            let mut next = row;
            next[from..to].sort_unstable();
            loop {
                more.push(next.clone());
                if !next_arrangement(&mut next[from..to]) {
                    break;
                }
            }
        }
        all = more;
    }
    all
}

/// The next greater order of the same numbers, if there is one.
fn next_arrangement(row: &mut [u32]) -> bool {
    let Some(turn) = (1..row.len()).rev().find(|&place| row[place - 1] < row[place]) else { return false };
    let least = (turn..row.len()).rev().find(|&place| row[place] > row[turn - 1]).unwrap_or(turn);
    row.swap(turn - 1, least);
    row[turn..].reverse();
    true
}

/// Adds what can come of the states in which all have entered the view.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn follow(views: &UnboundedModel, stage: &mut Stage, all: &mut Runs) -> Result<(), Unexplorable> {
    // By what the replicas had, in the order of their places: what each gains.
    let mut gained: FxHashMap<Numbers, FxHashSet<(Numbers, u32, u32)>> = FxHashMap::default();
    for locals in std::mem::take(&mut all.next) {
        let Some(ends) = ends(views, stage, &locals)? else { continue };
        let order = order(views, stage, &locals)?;
        let mut pasts = Numbers::new();
        for &local in &locals {
            let outcome = stage.known(views, local)?.outcome;
            pasts.push(stage.outcomes[outcome as usize].past);
        }
        let gained = gained.entry(pasts).or_default();
        for (row, shown, decided) in &ends.left {
            let mut by_place = row.clone();
            order.iter().zip(row).for_each(|(&place, &number)| by_place[place] = number);
            gained.insert((by_place, *shown, *decided));
        }
        all.violated |= ends.violated;
        all.reached.extend(&ends.reached);
        let mut counted = views.counted.lock().unwrap_or_else(PoisonError::into_inner);
        all.states += if counted.insert(ends.key) { ends.states } else { 0 };
    }
    for (pasts, gained) in gained {
        for (gained, shown, decided) in gained {
            let with = pasts.iter().zip(&gained).map(|(&past, &gained)| stage.with_gained(past, gained));
            let mut with: Numbers = with.collect();
            with.sort_unstable();
            all.left.entry(with).or_default().insert((shown, decided));
        }
    }
    Ok(())
}

/// Whether a local state acts like all others with the same essence at the same place.
fn has_essence(
    views: &UnboundedModel,
    stage: &mut Stage,
    place: usize,
    local: u32,
) -> Result<bool, Unexplorable> {
    let essence = stage.known(views, local)?.essence;
    let model = *stage.entered.models.entry((place, essence)).or_insert(local);
    let votes = stage.votes_of_view().len();
    if stage.entered.alike.get(&(local, model)) == Some(&votes) {
        return Ok(true);
    }
    if stage.entered.others.contains(&local) {
        return Ok(false);
    }
    let mut seen = FxHashSet::default();
    let mut waiting = vec![(local, model)];
    while let Some(pair) = waiting.pop() {
        if stage.entered.alike.get(&pair) == Some(&votes) || !seen.insert(pair) {
            continue;
        }
        match both(views, stage, pair)? {
            Some(next) => waiting.extend(next),
            None => {
                stage.entered.others.insert(local);
                return Ok(false);
            }
        }
    }
    stage.entered.alike.extend(seen.into_iter().map(|pair| (pair, votes)));
    Ok(true)
}

/// Where the guards of two local states lead, which have one essence: to states that have one essence each, with the
/// same messages, and nothing but votes in the view.
fn both(
    views: &UnboundedModel,
    stage: &mut Stage,
    pair: (u32, u32),
) -> Result<Option<Vec<(u32, u32)>>, Unexplorable> {
    let (guards, others) = (stage.judge.guards(pair.0), stage.judge.guards(pair.1));
    let votes = stage.votes_of_view().clone();
    let described =
        |stage: &mut Stage, from: u32, guards: &[Guard]| -> Result<Option<Vec<(usize, u32)>>, Unexplorable> {
            let mut described = Vec::new();
            for (place, guard) in guards.iter().enumerate().filter(|(_, guard)| guard.next != from) {
                if !guard.needs().all(|needs| needs.are_among(&votes)) {
                    return Ok(None);
                }
                described.push((place, stage.known(views, guard.next)?.essence));
            }
            Ok(Some(described))
        };
    let Some(own) = described(stage, pair.0, &guards)? else { return Ok(None) };
    if pair.0 == pair.1 {
        return Ok(Some(own.iter().map(|&(place, _)| (guards[place].next, guards[place].next)).collect()));
    }
    let Some(theirs) = described(stage, pair.1, &others)? else { return Ok(None) };
    if own.len() != theirs.len() {
        return Ok(None);
    }
    let mut next = Vec::new();
    let mut free: Vec<_> = theirs;
    for (place, essence) in own {
        let guard = &guards[place];
        let is_same = |&(other, its): &(usize, u32)| {
            let other = &others[other];
            its == essence && other.is_enabled_with(guard) && guard.is_enabled_with(other)
        };
        let Some(found) = free.iter().position(is_same) else { return Ok(None) };
        next.push((guard.next, others[free.swap_remove(found).0].next));
    }
    Ok(Some(next))
}
