//! A primary that is as slow as it can be without being replaced, or a little slower (Amir et al., Prime, 2008).

use super::super::rng::Rng;
use super::super::timing::TIMEOUT;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{Message, Principal};

/// Holds back what only a primary can send.
#[derive(Debug)]
pub(super) struct Delay {
    ticks: u64,
}

impl Delay {
    pub fn new(rng: &mut Rng) -> Self {
        Delay { ticks: rng.between(TIMEOUT / 2, TIMEOUT + TIMEOUT / 4) }
    }
}

impl Strategy for Delay {
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
        let holds_back = matches!(message, Message::PrePrepare(_) | Message::NewView(_));
        let delay = if holds_back { self.ticks } else { 0 };
        out.push(Outgoing { to, message: message.clone(), delay });
    }
}
