//! Two copies with one identity (Bano et al., *Twins: BFT Systems Made Robust*, 2020): neither lies, and together
//! they equivocate.

use super::super::rng::Rng;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{Message, Principal};

/// Each copy talks with one part of the network. Who is in which part changes from time to time.
#[derive(Debug)]
pub(super) struct Twins {
    salt: u64,
    /// How long a division lasts, in ticks.
    epoch: u64,
}

impl Twins {
    pub fn new(rng: &mut Rng) -> Self {
        let epoch = rng.pick(&[50, 200, 800, u64::MAX]).copied().unwrap_or(200);
        Twins { salt: rng.below(u64::MAX), epoch }
    }

    /// The copy that somebody talks with at this time.
    fn side(&self, context: &StrategyContext<'_>, who: Principal) -> usize {
        let number = match who {
            Principal::Replica(id) => u64::from(id.0),
            Principal::Client(id) => 1000 + u64::from(id.0),
        };
        let mut mixed = self.salt ^ (number << 20) ^ (context.now / self.epoch);
        // The finaliser of SplitMix64.
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) & 1) as usize
    }
}

impl Strategy for Twins {
    fn copies(&self) -> usize {
        2
    }

    fn listens(&self) -> bool {
        false
    }

    fn hears(&self, context: &StrategyContext<'_>, _: &ByzantineNode, copy: usize, from: Principal) -> bool {
        self.side(context, from) == copy
    }

    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        _: &ByzantineNode,
        copy: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        if self.side(context, to) == copy {
            out.push(Outgoing::now(to, message.clone()));
        }
    }
}
