//! Whether a state between views can be left out for one that subsumes it (see [`order`](super::order)).
//!
//! That takes a rulebook under which what an honest replica holds can only get in the way: a new view proposes what
//! follows from the highest certificates of those that are reported, the adversary can report any that can be shown, and who
//! takes a new view, and how it goes on then, does not depend on what it holds. So in each state that is visited
//!
//! - what new views can propose, as the real replicas and the adversary make them, has to be what follows from a
//!   quorum of reports, of which as many as can be are the adversary's, each of anything that can be shown: no less and no
//!   more. The rulebook's own function says what follows;
//! - each replica that waits for a new view has to take every one that can exist, and has to be the same
//!   afterwards as every other that has taken one with these proposals; as its primary has to be that has sent it.
//!
//! The first is a function of what is held and shown that can only lose by higher certificates of honest replicas, as long as one
//! replica is Byzantine. What comes after a new view is followed once for all pasts anyway, and its premise tried (see
//! [`summaries`](super::summaries)); and what is left behind is what there was and what was gained.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools as _;

use super::abstraction::Content;
use super::boundary::{BatchNumber, BoundaryState, CarriedState, Rank};
use super::context::Context;
use super::error::{Objection, Unexplorable};
use super::numbers::{ContentNumber, EssenceNumber, LocalId};
use super::setup::{Leader, ordered};
use super::stage::Stage;
use crate::model::guards::{MessageId, MessageSet};
use crate::model::property::Judge as _;
use crate::pbft::{PreparedClaim, SeqNum, View, ViewChange};

/// What replicas come to by new views, by what these propose.
type Entries = BTreeMap<ContentNumber, BTreeSet<EssenceNumber>>;

/// What is known of new views: what those come to who take one and who send one.
#[derive(Default)]
pub(super) struct Admissions {
    followers: Entries,
    primaries: Entries,
}

impl Admissions {
    /// Why what somebody holds matters otherwise than by getting in the way, if it does: whether what a view can begin
    /// with is what its past and the adversary can report, and leads to the same whoever takes it. The replicas start in
    /// these local states, and `exists` is all that exists in the view.
    ///
    /// # Errors
    /// Why the rulebook's views cannot be explored one by one.
    pub fn check(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        (past, leader): (&BoundaryState, Leader),
        start: &[LocalId],
        exists: &MessageSet,
    ) -> Result<Option<Objection>, Unexplorable> {
        stage.messages.update(&stage.arena);
        let new_views = stage.messages.new_views.iter();
        let contents: BTreeSet<ContentNumber> =
            new_views.filter(|(number, _)| exists.contains(**number)).map(|(_, of)| *of).collect();
        let proposed: BTreeSet<_> = contents.iter().map(|&of| stage.messages.contents[of].clone()).collect();
        if proposed != due(context, stage, past, leader) {
            return Ok(Some(Objection::Proposes));
        }
        let first_follower = stage.setup().first_follower();
        for (place, &local) in start.iter().enumerate() {
            let leads = place < first_follower;
            let entries = entries(context, stage, local, leads, exists)?;
            if contents.iter().any(|of| !entries.contains_key(of)) {
                return Ok(Some(Objection::NotTaken));
            }
            let known = if leads { &mut self.primaries } else { &mut self.followers };
            for (of, essences) in entries {
                if *known.entry(of).or_insert_with(|| essences.clone()) != essences {
                    return Ok(Some(Objection::Remembers));
                }
            }
        }
        Ok(None)
    }
}

/// What a replica in a local state comes to by each of the new views that can exist: it sends it, or it takes it.
fn entries(
    context: &Context,
    stage: &mut Stage,
    local: LocalId,
    sends: bool,
    exists: &MessageSet,
) -> Result<Entries, Unexplorable> {
    let mut entries = Entries::new();
    for guard in stage.arena.judge.guards(local).iter().filter(|guard| guard.next != local) {
        let known = stage.known(context, guard.next)?;
        if !known.is_active {
            continue;
        }
        let (essence, sent) = (known.essence, known.sent.clone());
        for needs in guard.needs().filter(|needs| needs.are_met(exists)) {
            let new_view = |number: MessageId| stage.messages.new_views.get(&number).copied();
            let contents: Vec<_> = if sends {
                sent.iter().filter_map(new_view).collect()
            } else {
                needs.those_needed().filter_map(new_view).collect()
            };
            for of in contents {
                entries.entry(of).or_default().insert(essence);
            }
        }
    }
    Ok(entries)
}

/// What new views can propose after this past.
fn due(context: &Context, stage: &Stage, past: &BoundaryState, leader: Leader) -> BTreeSet<Content> {
    let system = stage.arena.judge.system();
    let (rules, committee) = (system.rules(), system.setting().committee);
    let maker = stage.arena.maker();
    let claim = |seq: usize, (rank, number): (Rank, BatchNumber)| {
        maker.claim(View(u64::from(rank)), SeqNum(seq as u64 + 1), context.batch(number))
    };
    let change = |prepared: Vec<PreparedClaim>| maker.change(stage.setup().view, prepared);
    let held = |carried: &CarriedState<Rank>| {
        let held = carried.prepared.iter().enumerate();
        change(held.filter_map(|(seq, held)| Some(claim(seq, (*held)?))).collect())
    };
    let shown = past.shown.iter().enumerate().map(|(seq, shown)| {
        let shown = shown.iter().map(|&certificate| Some(claim(seq, certificate)));
        std::iter::once(None).chain(shown).collect::<Vec<_>>()
    });
    let choices = shown.multi_cartesian_product();
    let choices: Vec<ViewChange> =
        choices.map(|choice| change(choice.into_iter().flatten().collect())).collect();

    let byzantine = context.byzantine.len();
    let honest = rules.view_change_quorum(committee).saturating_sub(byzantine);
    let order = ordered(past, leader);
    let must = stage.setup().first_follower();
    let (first, rest) = order.split_at(must);
    let quorums = rest.iter().combinations(honest.saturating_sub(must)).map(|rest| {
        let mut quorum: Vec<_> = first.iter().chain(rest).copied().collect();
        quorum.sort_unstable();
        quorum
    });
    let mut due = BTreeSet::new();
    for quorum in quorums.unique() {
        let honest: Vec<ViewChange> = quorum.into_iter().map(held).collect();
        for choice in &choices {
            let changes: Vec<_> = honest.iter().chain(std::iter::repeat_n(choice, byzantine)).collect();
            let batches = rules.new_view_batches(&changes);
            due.insert(batches.into_iter().map(|(seq, batch)| (seq, batch.digest())).collect());
        }
    }
    due
}
