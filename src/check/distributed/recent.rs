//! What was sent a moment ago, so that it need not be sent again.

use super::key::Key;

/// How many states are remembered: three megabytes of them.
const PLACES: usize = 1 << 16;

/// The states that a thread has sent last, each in a place of its own until another needs that place.
pub(super) struct Recent(Vec<Option<Sent>>);

#[derive(Clone, Copy)]
struct Sent {
    key: Key,
    parent: Key,
    level: u32,
}

impl Recent {
    pub fn new() -> Self {
        Recent(vec![None; PLACES])
    }

    /// Whether a state need not be sent, since it was, for an earlier level or from a state that counts rather as its parent. From
    /// now on it was.
    pub fn was_sent(&mut self, key: Key, parent: Key, level: u32) -> bool {
        let place = &mut self.0[key.place(PLACES)];
        match place {
            Some(sent) if sent.key == key && (sent.level < level || sent.parent <= parent) => true,
            _ => {
                *place = Some(Sent { key, parent, level });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_sent_again_only_from_a_parent_that_counts_rather() {
        let [key, low, high] = [9, 1, 2].map(|i: u128| Key::of(i << 64));
        let mut recent = Recent::new();
        assert!(!recent.was_sent(key, high, 3));
        assert!(recent.was_sent(key, high, 3));
        assert!(!recent.was_sent(key, low, 3));
        assert!(recent.was_sent(key, high, 3) && recent.was_sent(key, Key::of(0), 4));
    }
}
