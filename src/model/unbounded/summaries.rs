//! What can come once every replica has entered the view: found out once for all pasts.
//!
//! Whoever has entered a view acts on the proposals that it has accepted there and on the votes for them. What it took
//! along, and by which VIEW-CHANGEs its new view was justified, matters no more: the certificates that it gets in the view
//! stand in place of the older ones, and that is all. So the runs from there on are followed once for all states that
//! have the same essence (see [`abstraction`](super::abstraction)), and what they lead to is added to what each replica had.
//!
//! That it matters no more is tried: two local states with one essence have to act alike (see
//! [`bisimulation`](super::bisimulation)). Where they do not, or need something else than votes in the view, the runs are
//! followed from each state by itself, as without this.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::bisimulation::Representatives;
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{DecisionNumber, GainedNumber, LocalId, Locals, ShowableNumber};
use super::round::{self, Summarize, Unsummarized};
use super::runs::{CarriedRow, EssenceRow, GainedRow, Parts, Phase, Plan, Runs};
use super::stage::Stage;
use crate::engine::{Fingerprint, fingerprint};
use crate::model::guards::MessageSet;
use crate::model::property::Properties;

/// What each replica gains, with what can be shown then, and what was decided.
type Gain = (GainedRow, ShowableNumber, DecisionNumber);

/// What can come of replicas with these essences, in their order.
#[derive(Default)]
struct Summary {
    left: Vec<Gain>,
    /// Everything that is sent.
    sent: Arc<MessageSet>,
    violated: Properties,
    reached: BTreeSet<&'static str>,
    states: u64,
    /// A hash of what this is about.
    key: Fingerprint,
}

/// What is known of what can come once all have entered the view.
#[derive(Default)]
pub(super) struct Summaries {
    by_essences: FxHashMap<EssenceRow, Arc<Summary>>,
    representatives: Representatives,
}

impl Summarize for Summaries {
    fn sent_after(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        locals: &Locals,
    ) -> Result<Option<Arc<MessageSet>>, Unexplorable> {
        let summary = self.of(context, stage, locals)?;
        Ok(summary.map(|summary| Arc::clone(&summary.sent)))
    }
}

impl Summaries {
    /// What can come of these local states, one of each honest replica, all of which have entered the view; nothing if
    /// that depends on more than their essences.
    fn of(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        locals: &Locals,
    ) -> Result<Option<Arc<Summary>>, Unexplorable> {
        for (place, &local) in locals.iter().enumerate() {
            if !self.representatives.is_represented(context, stage, place, local)? {
                return Ok(None);
            }
        }
        let order = order(context, stage, locals)?;
        let row: Locals = order.iter().map(|&place| locals[place]).collect();
        let mut key = EssenceRow::new();
        for &local in &row {
            key.push(stage.known(context, local)?.essence);
        }
        if let Some(summary) = self.by_essences.get(&key) {
            return Ok(Some(Arc::clone(summary)));
        }
        let summary = Arc::new(summarized(context, stage, &row, &key)?);
        self.by_essences.insert(key, Arc::clone(&summary));
        Ok(Some(summary))
    }

    /// Adds what can come of the states in which all have entered the view.
    ///
    /// # Errors
    /// Why the rulebook's views cannot be explored one by one.
    pub fn follow(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        all: &mut Runs,
    ) -> Result<(), Unexplorable> {
        // By what the replicas had, in the order of their places: what each gains.
        let mut gained: FxHashMap<CarriedRow, FxHashSet<Gain>> = FxHashMap::default();
        for locals in std::mem::take(&mut all.next) {
            let Some(summary) = self.of(context, stage, &locals)? else { continue };
            let order = order(context, stage, &locals)?;
            let mut carried = CarriedRow::new();
            for &local in &locals {
                carried.push(stage.outcome_of(context, local)?.carried);
            }
            let gained = gained.entry(carried).or_default();
            for (row, shown, decided) in &summary.left {
                let mut by_place = row.clone();
                order.iter().zip(row).for_each(|(&place, &number)| by_place[place] = number);
                gained.insert((by_place, *shown, *decided));
            }
            all.violated |= summary.violated;
            all.reached.extend(&summary.reached);
            all.counted.push((summary.key, summary.states));
        }
        let view = stage.setup().view;
        for (carried, gained) in gained {
            for (gained, shown, decided) in gained {
                let each = carried.iter().zip(&gained);
                let mut with: CarriedRow = each
                    .map(|(&carried, &gained)| stage.outcomes.with_gained(view, carried, gained))
                    .collect();
                with.sort_unstable();
                all.left.entry(with).or_default().insert((shown, decided));
            }
        }
        Ok(())
    }
}

/// The places of the replicas: the primary's first, if it is honest, those with the same essence side by side.
fn order(context: &Context, stage: &mut Stage, locals: &[LocalId]) -> Result<Vec<usize>, Unexplorable> {
    let mut order = Vec::new();
    for (place, &local) in locals.iter().enumerate() {
        order.push((stage.known(context, local)?.order, place));
    }
    order[stage.setup().first_follower()..].sort_unstable();
    Ok(order.into_iter().map(|(_, place)| place).collect())
}

/// Follows all runs from these local states, which have these essences.
fn summarized(
    context: &Context,
    stage: &mut Stage,
    row: &Locals,
    key: &EssenceRow,
) -> Result<Summary, Unexplorable> {
    let setup = stage.setup();
    let first = setup.first_follower();
    let borders = (first..key.len()).filter(|&place| place == first || key[place] != key[place - 1]);
    let plan = Plan { parts: borders.collect(), phase: Phase::Entered };
    let runs = round::runs(context, stage, row, &MessageSet::default(), &plan, &mut Unsummarized)?;
    let hashes: Vec<_> = key.iter().map(|&essence| stage.essences[essence]).collect();
    let mut left = Vec::new();
    for (gained, more) in &runs.gained {
        for (shown, decided) in stage.most(context, more) {
            let all = arrangements(gained.clone(), &plan.parts).into_iter();
            left.extend(all.map(|gained| (gained, shown, decided)));
        }
    }
    let Runs { states, sent, violated, reached, .. } = runs;
    let key = fingerprint(&(setup.view, setup.is_led_honestly, hashes));
    Ok(Summary { left, sent: Arc::new(sent), violated, reached, states, key })
}

/// All rows that differ in the order within each part alone.
fn arrangements(row: GainedRow, parts: &Parts) -> Vec<GainedRow> {
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
fn next_arrangement(row: &mut [GainedNumber]) -> bool {
    let Some(turn) = (1..row.len()).rev().find(|&place| row[place - 1] < row[place]) else { return false };
    let least = (turn..row.len()).rev().find(|&place| row[place] > row[turn - 1]).unwrap_or(turn);
    row.swap(turn - 1, least);
    row[turn..].reverse();
    true
}
