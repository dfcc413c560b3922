//! Walks before the search, so that most messages are met by then.

use rustc_hash::FxHashMap;
use stateright::Model as _;

use super::GuardModel;
use super::guard::enabled;
use crate::interrupt;

/// So many walks without a message that is new end a round.
const IDLE: u32 = 256;
/// The most steps of a walk, which can go in circles.
const LONGEST: u32 = 64;
/// The most steps of all walks.
const MOST: u32 = 1 << 15;

impl GuardModel {
    /// Walks here and there before the search begins. Each message that is met is a reason to look for the guards of
    /// a local state again, so it is better to have met most of them first: here that is done once in each round of
    /// walks, of which each step is `told`. Not where clients take part: some deliveries to them are steps of their own as soon as others are met,
    /// and to have met those too early only adds states.
    pub(crate) fn warm_up(&self, told: &dyn Fn()) {
        if !self.system.clients().is_empty() {
            return;
        }
        let (mut steps, mut moves) = (0, Vec::new());
        // A linear congruential generator (Knuth, MMIX): it only has to lead elsewhere each time.
        let mut drawn = 0u64;
        let start = self.init_states().swap_remove(0);
        loop {
            let (before, mut idle, mut looked_at) = (self.met(), 0, FxHashMap::default());
            while idle < IDLE && steps < MOST {
                let (mut state, met) = (start.clone(), self.met());
                for _ in 0..LONGEST {
                    interrupt::poll();
                    told();
                    moves.clear();
                    let available = self.available(&state);
                    let may_crash = self.may_crash(&self.read(), &state);
                    for (participant, local) in (0..).zip(self.numbers(&state).iter()) {
                        let guards = looked_at.entry(local).or_insert_with(|| self.guards(local));
                        moves.extend(enabled(guards, participant, &available, may_crash));
                    }
                    drawn = drawn.wrapping_mul(6_364_136_223_846_793_005);
                    drawn = drawn.wrapping_add(1_442_695_040_888_963_407);
                    steps += 1;
                    let place = ((u128::from(drawn) * moves.len() as u128) >> 64) as usize;
                    let step = moves.get(place).and_then(|&step| self.next_state(&state, step));
                    let Some(next) = step else { break };
                    state = next;
                }
                idle = if self.met() == met { idle + 1 } else { 0 };
            }
            if self.met() == before || steps >= MOST {
                return;
            }
        }
    }
}
