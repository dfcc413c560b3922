//! Coverage of the rulebook: the rules of which what holds says nothing, or little.

use super::report::Checked;
use crate::pbft::RuleCount;

/// The rules that were never asked, or never refused anything: those that the rulebook overrides first. Where something is
/// violated, nobody asks.
pub(super) fn unexercised(checked: &Checked) -> String {
    let mut out = String::new();
    let clean: Vec<_> = checked.outcomes().iter().filter(|outcome| outcome.verdict.is_clean()).collect();
    if clean.is_empty() || checked.shortest().is_some() {
        return out;
    }
    let Some(counts) = clean.iter().map(|outcome| outcome.rules.as_deref()).collect::<Option<Vec<_>>>()
    else {
        return "How often each rule was asked is not known of a run that was gone on with, or that several processes share.\n".to_owned();
    };
    let sums = sums(&counts);
    let overrides = checked.subject().overrides();
    let names = |wanted: fn(&RuleCount) -> bool, own: bool| -> Vec<String> {
        sums.iter()
            .filter(|count| overrides.contains(&count.rule.as_str()) == own)
            .filter(|count| wanted(count))
            .map(|count| format!("`{}`", count.rule))
            .collect()
    };
    for (own, whose) in [(true, ", which this rulebook overrides"), (false, "")] {
        let (never, accepting) = (names(|count| count.asked == 0, own), names(RuleCount::never_refuses, own));
        if !never.is_empty() {
            let them = if never.len() == 1 { "it was" } else { "they were" };
            out.push_str(&format!(
                "What holds says nothing of {}{whose}: {them} never asked.\n",
                never.join(", ")
            ));
        }
        if !accepting.is_empty() {
            let them = if accepting.len() == 1 { "it" } else { "they" };
            out.push_str(&format!(
                "What holds says little of {}{whose}: {them} never refused anything.\n",
                accepting.join(", ")
            ));
        }
    }
    out
}

/// What was counted in several runs, together.
fn sums(runs: &[&[RuleCount]]) -> Vec<RuleCount> {
    let mut sums: Vec<RuleCount> = Vec::new();
    for count in runs.iter().copied().flatten() {
        match sums.iter_mut().find(|sum| sum.rule == count.rule) {
            Some(sum) => {
                sum.asked += count.asked;
                sum.accepted += count.accepted;
                sum.refused += count.refused;
            }
            None => sums.push(count.clone()),
        }
    }
    sums
}
