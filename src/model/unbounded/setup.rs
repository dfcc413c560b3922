//! Which view comes next, and who leads it.

use super::boundary::{BoundaryState, CarriedState, Rank};
use crate::pbft::View;

/// Who leads a view.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Leader {
    /// The honest replica that carries the state at this place.
    Honest(usize),
    /// A Byzantine one.
    Byzantine,
}

/// A view, and who leads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Setup {
    pub view: View,
    /// Whether its primary is honest: then it is the first of the honest replicas.
    pub is_led_honestly: bool,
}

impl Setup {
    /// The view that follows on a past, or view 0 where there is none, under this primary, with so many replicas.
    pub fn after(past: Option<&BoundaryState>, leader: Leader, replicas: u16) -> Setup {
        let n = u64::from(replicas);
        let is_led_honestly = matches!(leader, Leader::Honest(_));
        let view = past.map_or(0, |past| {
            let first = u64::from(past.ranks()).max(n).div_ceil(n) * n;
            if is_led_honestly { first } else { first + n - 1 }
        });
        Setup { view: View(view), is_led_honestly }
    }

    /// The place of the first honest replica that does not lead the view.
    pub fn first_follower(self) -> usize {
        usize::from(self.is_led_honestly)
    }
}

/// What each honest replica carries: first the primary, if that is honest.
pub(super) fn ordered(past: &BoundaryState, leader: Leader) -> Vec<&CarriedState<Rank>> {
    let mut order: Vec<&CarriedState<Rank>> = past.replicas.iter().collect();
    if let Leader::Honest(index) = leader {
        let first = order.remove(index);
        order.insert(0, first);
    }
    order
}
