//! A primary that serves everybody but one client.

use super::super::rng::Rng;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::model::System;
use crate::pbft::{ClientId, Message, Principal};

/// Is deaf to one client, whoever hands its requests on, and otherwise does what the protocol says.
#[derive(Debug)]
pub(super) struct Neglect {
    client: ClientId,
}

impl Neglect {
    pub fn new(system: &System, rng: &mut Rng) -> Self {
        Neglect { client: ClientId(rng.below(system.clients().len().max(1) as u64) as u32) }
    }
}

impl Strategy for Neglect {
    fn listens(&self) -> bool {
        false
    }

    fn hears(&self, _: &StrategyContext<'_>, _: &ByzantineNode, _: usize, from: Principal) -> bool {
        from != Principal::Client(self.client)
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
