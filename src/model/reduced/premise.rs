//! What a rulebook must be like for it to make no difference who has decided: tried on all that was met.
//!
//! One local state *follows* another if both have sent the same and hold the same certificates, and whatever the other can
//! do next, it can do with the same messages, or has done, so that it follows again; what the other decides on the way, it
//! can decide (a simulation: Milner, 1971).

use rustc_hash::FxHashSet;

use super::Reduced;
use super::decided::Decisions;
use crate::model::guards::{Guard, LocalId};

impl Reduced {
    /// Why what was left out for decisions may be missed, if it may.
    pub(in crate::model) fn decisions_matter(&self) -> Option<String> {
        let decisions = self.decisions.as_ref()?;
        let mut cut: Vec<_> = decisions.known().cut.iter().copied().collect();
        cut.sort_unstable();
        let mut waiting = Vec::new();
        for (from, to) in cut {
            let guards = self.judge.guards(from);
            for guard in guards.iter().filter(|guard| guard.next == to) {
                match self.followed(decisions, (from, from), guard) {
                    Some(next) => waiting.push((to, next)),
                    None => return Some(self.told(from, to)),
                }
            }
        }
        let mut seen: FxHashSet<(LocalId, LocalId)> = waiting.iter().copied().collect();
        while let Some(pair) = waiting.pop() {
            let guards = self.judge.guards(pair.0);
            for guard in guards.iter().filter(|guard| guard.next != pair.0) {
                let Some(next) = self.followed(decisions, pair, guard) else {
                    return Some(self.told(pair.0, guard.next));
                };
                let next = (guard.next, next);
                if next.0 != next.1 && seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        None
    }

    /// The local state in which the second of a pair follows a step of the first.
    fn followed(
        &self,
        decisions: &Decisions,
        (first, second): (LocalId, LocalId),
        guard: &Guard,
    ) -> Option<LocalId> {
        let judge = &self.judge;
        let guards = judge.guards(second);
        let others = || guards.iter().filter(|own| own.next != second);
        let can = |own: &&Guard| own.is_enabled_with(guard);
        let mut known = decisions.known();
        if let Some(decided) = known.decision(judge, first, guard.next) {
            let has = known.parts(judge, second).0 == decided;
            if !has
                && !others().filter(can).any(|own| known.decision(judge, second, own.next) == Some(decided))
            {
                return None;
            }
        }
        let same = others().filter(|own| guard.takes_the_same(own));
        let mut possible = same.chain(others().filter(can)).map(|own| own.next).chain([second]);
        let held = known.parts(judge, guard.next).1;
        possible.find(|&next| {
            known.decision(judge, second, next).is_none()
                && known.parts(judge, next).1 == held
                && judge.has_sent_the_same(next, guard.next)
        })
    }

    fn told(&self, from: LocalId, to: LocalId) -> String {
        let state = |local| self.judge.whose(local).map(|(_, local)| local);
        let who = self.judge.whose(from).map(|(who, _)| self.judge.participants()[who].id());
        let why = "it matters under this rulebook who has decided, so that 'decided' cannot be used";
        match (who, state(from), state(to)) {
            (Some(who), Some(from), Some(to)) => {
                format!(
                    "{why}: {who} can go from ({from:?}) to ({to:?}), and not if it has decided otherwise"
                )
            }
            _ => why.to_owned(),
        }
    }
}
