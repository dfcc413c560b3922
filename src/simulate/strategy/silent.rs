//! Nothing at all.

use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{Message, Principal};

/// Crashed from the beginning, as far as others can tell.
#[derive(Debug)]
pub(super) struct Silent;

impl Strategy for Silent {
    fn listens(&self) -> bool {
        false
    }

    fn speak(
        &mut self,
        _: &mut StrategyContext<'_>,
        _: &ByzantineNode,
        _: usize,
        _: Principal,
        _: &Message,
        _: &mut Vec<Outgoing>,
    ) {
    }
}
