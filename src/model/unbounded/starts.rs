//! How replicas begin the view: cached by what they carry into it.

use rustc_hash::FxHashMap;

use super::arena::Arena;
use super::boundary::{CarriedState, Rank};
use super::context::Context;
use super::error::Unexplorable;
use crate::model::participant::Local;
use crate::pbft::{Message, View};

/// The state of a replica when it has given up the views before, and the VIEW-CHANGE that it has sent then.
pub(super) type Start = (Local, Message);

/// By place and what is carried, how a replica begins.
#[derive(Default)]
pub(super) struct Starts(FxHashMap<(u16, CarriedState<Rank>), Start>);

impl Starts {
    /// How the honest replica at that place begins.
    pub fn of(
        &mut self,
        context: &Context,
        arena: &Arena,
        place: u16,
        carried: &CarriedState<Rank>,
    ) -> Result<Start, Unexplorable> {
        let key = (place, carried.clone());
        if let Some(start) = self.0.get(&key) {
            return Ok(start.clone());
        }
        let replica = arena.replica(place.into())?;
        let state = arena.rebuilt(context, replica, &in_views(carried))?;
        let (state, change) = replica.after_giving_up(&state, arena.setup.view);
        let change = change.ok_or(Unexplorable::LeavesInSilence)?;
        let start = (Local::of(state), Message::ViewChange(change));
        self.0.insert(key, start.clone());
        Ok(start)
    }
}

/// A rank is a view like another: only the order of views counts.
fn in_views(carried: &CarriedState<Rank>) -> CarriedState<View> {
    let prepared = carried.prepared.iter();
    let prepared = prepared.map(|held| held.map(|(rank, number)| (View(u64::from(rank)), number)));
    CarriedState { prepared: prepared.collect(), decided: carried.decided.clone() }
}
