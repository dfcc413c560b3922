//! What the protocol says.

use super::{Mask, Posting, Scene, Strategy};
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
        _: &mut Scene<'_>,
        _: &Mask,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Posting>,
    ) {
        out.push(Posting::now(to, message.clone()));
    }
}
