//! Which rule would have stopped a violation: the same run, with rules of the paper put back one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::mixed::{Mixed, statement};
use super::{as_text, if_any_as_text, new_views};
use crate::model::{Event, NoStep, Property, Run, System};
use crate::pbft::{Effect, Principal, RULES, Refusal, Rules};
use crate::trace::stage::Stage;
use crate::trace::{Step, Trace, violation};

/// A rule on which the rulebook answered otherwise than the paper's in this run.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenRule {
    /// The method of [`Rules`].
    pub rule: &'static str,
    /// The section of OSDI'99; empty where the paper leaves it open.
    pub section: String,
    /// What the paper's rule says.
    pub statement: String,
    /// The first step, counted from 1, at which the answers differ; 0 if they do before any.
    pub step: usize,
    /// The rulebook's answer there.
    pub answer: String,
    /// The paper's.
    pub paper: String,
    /// Whether the violation is gone once this rule alone is the paper's.
    pub stops: bool,
    /// Where the run then parts from what happened.
    pub parting: Option<Parting>,
}

/// The first step at which a replica under other rules does not do what it did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Parting {
    /// The step, counted from 1.
    pub step: usize,
    /// The replica.
    #[serde(serialize_with = "as_text")]
    pub replica: Principal,
    /// The guard that refuses the event, if one does.
    #[serde(serialize_with = "if_any_as_text")]
    pub refusal: Option<Refusal>,
    /// What does not come of the step any more, in words.
    pub gone: Vec<String>,
    /// What comes of it instead.
    pub instead: Vec<String>,
    /// If it is for want of votes: how many there are, and how many it takes.
    pub shortage: Option<String>,
}

/// What the rules have to do with a violation.
#[derive(Clone, Debug, Serialize)]
pub struct Blame {
    /// Each rule that was broken in this run.
    pub broken: Vec<BrokenRule>,
    /// Whether the violation is gone once all rules are the paper's.
    pub paper_stops: bool,
    /// Where the run then parts from what happened.
    pub parting: Option<Parting>,
}

impl Blame {
    /// Finds out by running the same events again: first with the rulebook compared to the paper's at
    /// every question, then under the paper's rules, then with one broken rule mended at a time.
    pub(super) fn find(trace: &Trace, property: Property) -> Option<Self> {
        let given = trace.system.rules().itself();
        let broken = broken(trace, given)?;
        let taken: BTreeSet<_> = broken.iter().map(|broken| broken.rule).collect();
        let (paper_stops, parting) = rerun(trace, property, Mixed::leak(given, []))?;
        let mend = |mut broken: BrokenRule| {
            let others = taken.iter().copied().filter(|&rule| rule != broken.rule);
            (broken.stops, broken.parting) = rerun(trace, property, Mixed::leak(given, others))?;
            Some(broken)
        };
        let broken = broken.into_iter().map(mend).collect::<Option<_>>()?;
        Some(Blame { broken, paper_stops, parting })
    }

    /// The rules any of which would have stopped it alone.
    pub fn stopping(&self) -> impl Iterator<Item = &BrokenRule> {
        self.broken.iter().filter(|broken| broken.stops)
    }
}

/// The rules on which the rulebook answers otherwise than the paper's in this run, in the order in which
/// they first do.
fn broken(trace: &Trace, given: &'static dyn Rules) -> Option<Vec<BrokenRule>> {
    let mixed = Mixed::leak(given, RULES.iter().copied());
    let mut again = again(trace, mixed)?;
    let mut out: Vec<BrokenRule> = Vec::new();
    for (number, step) in (0..).zip(std::iter::once(None).chain(trace.steps.iter().map(Some))) {
        if let Some(step) = step {
            again.step(step.to, &step.event).ok()?;
        }
        for (rule, answers) in mixed.differing() {
            if out.iter().all(|broken| broken.rule != rule) {
                let (section, statement) = statement(rule);
                let (answer, paper) = (answers.given, answers.paper);
                let (stops, parting) = (false, None);
                out.push(BrokenRule {
                    rule,
                    section,
                    statement,
                    step: number,
                    answer,
                    paper,
                    stops,
                    parting,
                });
            }
        }
    }
    Some(out)
}

/// Runs the same events under other rules: whether the violation is gone, and where the run parts from
/// what happened. From there on, what is refused or was never sent is left out.
fn rerun(trace: &Trace, property: Property, rules: &'static dyn Rules) -> Option<(bool, Option<Parting>)> {
    let system = Arc::clone(again(trace, rules)?.system());
    let mut again = Stage::new(&system);
    let mut parting = None;
    for (number, step) in (1..).zip(&trace.steps) {
        let event = match &step.event {
            // Until the run parts, all that was sent is sent again.
            Event::Deliver(message) if parting.is_some() => again.real(message).map(Event::Deliver),
            event => Some(event.clone()),
        };
        let Some(event) = event else { continue };
        let result = match again.step(step.to, &event) {
            Ok((before, taken)) => Ok(Step::new(step.to, event, before, taken)),
            Err(NoStep::Refused(refusal)) => Err(refusal),
            Err(NoStep::NotHonest | NoStep::Impossible) => continue,
        };
        if parting.is_none() {
            parting = Parting::find(&system, number, step, &result);
        }
    }
    Some((violation(again.run(), property).is_none(), parting))
}

/// The participants of a trace once more, under other rules.
fn again(trace: &Trace, rules: &'static dyn Rules) -> Option<Run> {
    Some(Run::new(Arc::new(System::new(trace.system.bound().clone(), rules).ok()?)))
}

impl Parting {
    /// Where a replica of `system` does not do what it did; nothing if the two steps look the same from
    /// outside.
    fn find(system: &System, number: usize, was: &Step, now: &Result<Step, Refusal>) -> Option<Self> {
        let told = |step: &Step| {
            let sends = step.sends(system).into_iter().map(|sent| format!("sends {sent}"));
            step.changes(system).into_iter().chain(sends).collect::<Vec<_>>()
        };
        let (was_told, now_told) = (told(was), now.as_ref().map(told).unwrap_or_default());
        let without = |these: &[String], those: &[String]| {
            these.iter().filter(|line| !those.contains(line)).cloned().collect::<Vec<_>>()
        };
        let gone = without(&was_told, &now_told);
        let instead = without(&now_told, &was_told);
        let refusal = now.as_ref().err().copied();
        let parts = refusal.is_some() || !gone.is_empty() || !instead.is_empty();
        let shortage = shortage(system, was);
        parts.then_some(Parting { step: number, replica: was.to, refusal, gone, instead, shortage })
    }
}

/// The votes on which the step came to something, if they are fewer than `system` asks for.
fn shortage(system: &System, was: &Step) -> Option<String> {
    let (rules, committee) = (system.rules(), system.setting().committee);
    let (_, before, after) = was.replica()?;
    let certificate = after.log().iter().find_map(|(seq, slot)| {
        let old = before.log().get(seq).and_then(|slot| slot.prepared());
        slot.prepared().filter(|&new| old != Some(new))
    });
    let prepares = certificate.map(|c| {
        let votes = c.claim().prepares.0.len() + 1;
        (votes, "votes to prepare", rules.prepare_quorum(committee))
    });
    let commits = was.effects.iter().find_map(|effect| match effect {
        Effect::Committed(c) => Some((c.commits().len(), "commits", rules.commit_quorum(committee))),
        _ => None,
    });
    let changes = new_views(was)
        .next()
        .map(|new_view| (new_view.view_changes.0.len(), "view changes", rules.view_change_quorum(committee)));
    let mut all = [prepares, commits, changes].into_iter().flatten();
    let (has, what, needs) = all.find(|(has, _, needs)| has < needs)?;
    Some(format!("{has} {what}, where it takes {needs}"))
}
