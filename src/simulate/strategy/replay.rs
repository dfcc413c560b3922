//! Old messages again: its own, and everybody's.

use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{Message, Principal};

/// Does what the protocol says, and sends what was sent before to whom it likes.
#[derive(Debug)]
pub(super) struct Replay;

impl Replay {
    fn again(context: &mut StrategyContext<'_>, out: &mut Vec<Outgoing>) {
        let index = context.rng.below(context.knowledge.messages.len() as u64) as usize;
        let Some(message) = context.knowledge.messages.get(index) else { return };
        let to = match message {
            Message::Reply(reply) => Some(Principal::Client(reply.client)),
            _ => {
                let all: Vec<_> = context.replicas().collect();
                context.rng.pick(&all).copied()
            }
        };
        out.extend(to.map(|to| Outgoing::now(to, message.clone())));
    }
}

impl Strategy for Replay {
    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        _: &ByzantineNode,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        out.push(Outgoing::now(to, message.clone()));
        if context.rng.chance(300) {
            Self::again(context, out);
        }
    }

    fn act(&mut self, context: &mut StrategyContext<'_>, _: &ByzantineNode, out: &mut Vec<Outgoing>) {
        for _ in 0..4 {
            Self::again(context, out);
        }
    }
}
