//! Old messages again: its own, and everybody's.

use super::{Mask, Posting, Scene, Strategy};
use crate::pbft::{Message, Principal};

/// Does what the protocol says, and sends what was sent before to whom it likes.
#[derive(Debug)]
pub(super) struct Replay;

impl Replay {
    fn again(scene: &mut Scene<'_>, out: &mut Vec<Posting>) {
        let index = scene.rng.below(scene.lore.messages.len() as u64) as usize;
        let Some(message) = scene.lore.messages.get(index) else { return };
        let to = match message {
            Message::Reply(reply) => Some(Principal::Client(reply.client)),
            _ => {
                let all: Vec<_> = scene.replicas().collect();
                scene.rng.pick(&all).copied()
            }
        };
        out.extend(to.map(|to| Posting::now(to, message.clone())));
    }
}

impl Strategy for Replay {
    fn speak(
        &mut self,
        scene: &mut Scene<'_>,
        _: &Mask,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Posting>,
    ) {
        out.push(Posting::now(to, message.clone()));
        if scene.rng.chance(300) {
            Self::again(scene, out);
        }
    }

    fn act(&mut self, scene: &mut Scene<'_>, _: &Mask, out: &mut Vec<Posting>) {
        for _ in 0..4 {
            Self::again(scene, out);
        }
    }
}
