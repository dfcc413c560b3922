//! What the protocol says.

use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{Message, Principal};

/// Does what an honest replica does, without crashing.
#[derive(Debug)]
pub(super) struct Honest;

impl Strategy for Honest {
    fn listens(&self) -> bool {
        false
    }

    fn speak(
        &mut self,
        _: &mut StrategyContext<'_>,
        _: &ByzantineNode,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        out.push(Outgoing::now(to, message.clone()));
    }
}
