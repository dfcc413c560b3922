//! Histories that chance makes up, in which a node must do nothing but what is known.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::held::Held;
use super::*;

/// Inputs in a history.
const LENGTH: usize = 60;

impl<P: Protocol> Finder<P> {
    /// Makes up a history, message by message, and looks up all that the node does.
    ///
    /// # Errors
    /// It does what is not known.
    pub(super) fn history_is_known(&mut self, seed: u64) -> Result<(), Unfit> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed << 8 | self.me.index() as u64);
        let mut below = |n: usize| ((u128::from(rng.next_u64()) * n.max(1) as u128) >> 64) as usize;
        let (Some(mut node), done) = self.machine.begin(self.me)? else { return Ok(()) };
        let mut held = Held::default();
        held.send(&done.sent);
        let mut sample = Sample {
            voted: vec![None; self.alphabet().groups.len() * (self.others.len() + 1)],
            ..Sample::default()
        };
        self.note_sent(&mut sample, &done.sent);
        // Of what can be said a part only, so that votes come together.
        let often = [15, 30, 60, 100][below(4)];
        let said: Vec<Content> =
            (0..self.alphabet().messages.len() as Content).filter(|_| below(100) < often).collect();
        let eager = [5, 15, 30][below(3)];
        let mut told = Vec::new();
        for _ in 0..LENGTH {
            let feed = if below(100) < eager && !node.timers.is_empty() {
                Feed::Timer(node.timers[below(node.timers.len())])
            } else {
                let from = self.others[below(self.others.len())];
                let Some(&content) = said.get(below(said.len())) else { break };
                let Some(more) = self.could_say(&sample, &held, from, content) else { continue };
                sample = more;
                Feed::Message(from, content)
            };
            told.push(feed);
            let before = node.control;
            let done = self.machine.feed(self.me, &mut node, feed)?;
            held.take(self.alphabet(), feed);
            if !done.is_step() {
                continue;
            }
            let to = done.panicked.is_none().then_some(node.control);
            held.send(&done.sent);
            let outcome = outcome(to, &done);
            if !self.goes(before, &held, &outcome) {
                let words: Vec<_> = told.iter().map(|feed| self.machine.in_words(*feed)).collect();
                let came = self.machine.done_in_words(Some(&done), node.control);
                return Err(Unfit::Missed(format!("{} gets {}: {came}", self.me, words.join(", "))));
            }
            self.note_sent(&mut sample, &done.sent);
            if to.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// What was said once another node says this; none if it cannot.
    fn could_say(&self, sample: &Sample, held: &Held, from: NodeId, content: Content) -> Option<Sample> {
        let mut parts = self.alphabet().parts(content).iter();
        if parts.any(|(signer, part)| *signer == self.me && !held.has_sent(*part)) {
            return None;
        }
        let mut more = sample.clone();
        self.note_vote(&mut more, from, content);
        (more.liars.len() <= self.lying).then_some(more)
    }

    /// Whether a node in a control state can do this where that is held, by one step after the other.
    fn goes(&self, control: u32, held: &Held, wanted: &Outcome) -> bool {
        let mut open = vec![(control, Vec::new(), Vec::new())];
        let mut met = BTreeSet::new();
        while let Some((at, sent, decided)) = open.pop() {
            let Some(known) = self.controls.get(at as usize) else { continue };
            for (outcome, recipes) in &known.ways {
                let is_within = outcome.sent.iter().all(|content| wanted.sent.contains(content))
                    && outcome.decided.iter().all(|decision| wanted.decided.contains(decision));
                if !is_within || !recipes.iter().any(|recipe| held.meets(self.alphabet(), &recipe.needs)) {
                    continue;
                }
                let mut sent: Vec<Content> = [&sent[..], &outcome.sent].concat();
                sent.sort_unstable();
                sent.dedup();
                let mut decided: Vec<u16> = [&decided[..], &outcome.decided].concat();
                decided.sort_unstable();
                decided.dedup();
                if outcome.to == wanted.to
                    && outcome.panicked == wanted.panicked
                    && sent == wanted.sent
                    && decided == wanted.decided
                {
                    return true;
                }
                if let Some(to) = outcome.to
                    && met.insert((to, sent.clone(), decided.clone()))
                {
                    open.push((to, sent, decided));
                }
            }
        }
        false
    }
}
