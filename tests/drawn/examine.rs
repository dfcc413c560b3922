//! One rulebook, asked of every judge: what does not fit together.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bft_check::check::{Job, JudgeKind};
use bft_check::model::{self, Bound, Byzantine, Property, Scope};
use bft_check::pbft::{ReplicaId, Rules};

use crate::answer::{Answer, Patience, ask, caught, processor_time};
use crate::drawn::Drawn;
use crate::question::Question;
use crate::{simulated, wild};

/// How many runs at random there are within each bound that a judge calls clean.
const WILD_RUNS: u64 = 150;

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub rulebook: Drawn,
    /// Of what kind it is, in a word.
    pub kind: &'static str,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{:?}] {}", self.kind, self.rulebook, self.what)
    }
}

/// How many answers there were of each kind.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tallies {
    pub held: u64,
    pub violated: u64,
    pub refused: u64,
    pub not_exhausted: u64,
    pub panicked: u64,
}

impl Tallies {
    fn count(&mut self, answer: &Answer) {
        match answer {
            Answer::Holds { .. } => self.held += 1,
            Answer::Violated { .. } => self.violated += 1,
            Answer::NotExhausted => self.not_exhausted += 1,
            Answer::Refused(_) => self.refused += 1,
            Answer::Panicked(_) => self.panicked += 1,
        }
    }

    pub fn add(&mut self, other: &Tallies) {
        self.held += other.held;
        self.violated += other.violated;
        self.refused += other.refused;
        self.not_exhausted += other.not_exhausted;
        self.panicked += other.panicked;
    }
}

/// What came of a rulebook.
#[derive(Clone, Debug)]
pub struct Examined {
    pub answers: Vec<(Question, Answer)>,
    /// How long each answer took.
    pub times: Vec<Duration>,
    pub tallies: Tallies,
    pub findings: Vec<Finding>,
}

impl Examined {
    /// The questions with their answers, and how long each took.
    pub fn timed(&self) -> impl Iterator<Item = (&Question, &Answer, Duration)> {
        self.answers.iter().zip(&self.times).map(|((question, answer), time)| (question, answer, *time))
    }

    /// Whether some judge says that something is violated.
    pub fn is_violated(&self) -> bool {
        self.answers.iter().any(|(_, answer)| matches!(answer, Answer::Violated { .. }))
    }
}

/// Asks these questions of a rulebook, and holds the answers against each other and against simulation.
pub fn examine(
    rulebook: Drawn,
    questions: &[Question],
    patience: Patience,
    seeds: std::ops::Range<u64>,
) -> Examined {
    let rules = rulebook.leak();
    let mut this = Examined {
        answers: Vec::new(),
        times: Vec::new(),
        tallies: Tallies::default(),
        findings: Vec::new(),
    };
    let mut notes = Vec::new();
    for question in questions {
        let start = processor_time();
        let (answer, wrong) = ask(question, rules, patience);
        this.tallies.count(&answer);
        for what in wrong {
            let kind = what.split(':').next().unwrap_or_default();
            let kind =
                ["overrun", "panic", "error", "internal", "unreplayable"].into_iter().find(|it| *it == kind);
            notes.push((kind.unwrap_or("wrong"), format!("{question}: {what}")));
        }
        if let Answer::Violated { property, .. } = answer
            && rulebook.is_harmless()
            && question.property.is_none()
        {
            notes.push(("alarm", format!("{question}: {property} violated under rules that are right")));
        }
        this.times.push(processor_time() - start);
        this.answers.push((question.clone(), answer));
    }
    notes.extend(contradictions(&this.answers, rules));
    notes.extend(against_simulation(&this.answers, rules, seeds.clone()));
    notes.extend(against_wild_runs(&this.answers, rules, seeds.start));
    this.findings = gathered(notes.into_iter().map(|(kind, what)| Finding { rulebook, kind, what }));
    this
}

/// A finding of a rulebook: its kind, and what it is.
type Note = (&'static str, String);

/// What simulation violates within a bound of which all is said to hold.
fn against_simulation(
    answers: &[(Question, Answer)],
    rules: &'static dyn Rules,
    seeds: std::ops::Range<u64>,
) -> Vec<Note> {
    let found = match caught(|| simulated::simulate(rules, seeds)) {
        Err(what) => return vec![("panic", format!("simulation: {what}"))],
        Ok(found) => found,
    };
    let mut notes = Vec::new();
    for found in found {
        for (question, answer) in answers {
            if !matches!(answer, Answer::Holds { .. }) || question.property.is_some() {
                continue;
            }
            match caught(|| simulated::within(&found, question, rules)) {
                Ok(None) => {}
                Ok(Some(trace)) => {
                    let seed = found.seed;
                    let steps = trace.steps().len();
                    let what = format!(
                        "{question}: {}; simulation violates {} there (seed {seed}, K={:?}, {} clients, {steps} steps)",
                        answer.brief(),
                        found.property,
                        found.settings.scope.checkpoint,
                        found.settings.scope.requests,
                    );
                    notes.push(("simulated", what));
                }
                Err(what) => notes.push(("panic", format!("{question}: replay: {what}"))),
            }
        }
    }
    notes
}

/// What runs at random violate within a bound of which all is said to hold.
fn against_wild_runs(answers: &[(Question, Answer)], rules: &'static dyn Rules, seed: u64) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut met: Vec<Bound> = Vec::new();
    for (question, answer) in answers {
        let Answer::Holds { .. } = answer else { continue };
        for bound in bounds_of(question) {
            if question.property.is_some() || met.contains(&bound) {
                continue;
            }
            met.push(bound.clone());
            match caught(|| wild::violation(&bound, rules, seed, WILD_RUNS)) {
                Ok(None) => {}
                Ok(Some((property, run))) => {
                    let held = held_of(answers, &bound);
                    let what = format!(
                        "{property} violated with {:?} Byzantine in {}, by: {}; but {} hold: {}",
                        bound.byzantine,
                        bound.scope,
                        run,
                        held.len(),
                        held.join(" | ")
                    );
                    notes.push(("missed", what));
                }
                Err(what) => notes.push(("panic", format!("{question}: a wild run: {what}"))),
            }
        }
    }
    notes
}

/// The answers that say of a bound that all holds.
fn held_of(answers: &[(Question, Answer)], bound: &Bound) -> Vec<String> {
    answers
        .iter()
        .filter(|(other, answer)| {
            matches!(answer, Answer::Holds { .. })
                && other.property.is_none()
                && bounds_of(other).contains(bound)
        })
        .map(|(other, answer)| format!("{other}: {}", answer.brief()))
        .collect()
}

/// The bounds of which an answer says something, for runs at random: of any number of views, four, with each replica
/// Byzantine.
fn bounds_of(question: &Question) -> Vec<Bound> {
    let bound = &question.job.bound;
    if question.job.judge != JudgeKind::Unbounded {
        return vec![bound.clone()];
    }
    let scope = Scope { views: 4, ..bound.scope };
    match bound.byzantine[..] {
        [] => vec![Bound::new(scope, [])],
        _ => (0..scope.replicas).map(|id| Bound::new(scope, [ReplicaId(id)])).collect(),
    }
}

/// Of findings of one kind few are shown; how many more there are is said.
fn gathered(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    const SHOWN: usize = 4;
    let mut out: Vec<Finding> = Vec::new();
    let mut more: BTreeMap<&'static str, usize> = BTreeMap::new();
    for finding in findings {
        let shown = out.iter().filter(|other| other.kind == finding.kind).count();
        if shown < SHOWN {
            out.push(finding);
        } else {
            *more.entry(finding.kind).or_default() += 1;
        }
    }
    for (kind, more) in more {
        if let Some(last) = out.iter_mut().rfind(|finding| finding.kind == kind) {
            last.what.push_str(&format!(" (and {more} more)"));
        }
    }
    out
}

/// Which answers contradict each other: by the first violation that does, all that it contradicts.
fn contradictions(answers: &[(Question, Answer)], rules: &dyn Rules) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let mut held_against: Vec<(String, Vec<String>)> = Vec::new();
    for (covering, held) in answers {
        let Answer::Holds { unreached, .. } = held else { continue };
        let violated =
            answers.iter().find(|(covered, other)| other.is_violated() && covered.is_covered_by(covering));
        if let Some((covered, other)) = violated {
            let violated = format!("{covered}: {}", other.brief());
            let holds = format!("{covering}: {}", held.brief());
            match held_against.iter_mut().find(|(known, _)| *known == violated) {
                Some((_, holders)) => holders.push(holds),
                None => held_against.push((violated, vec![holds])),
            }
        }
        // With and without a reduction the same good outcomes are reached.
        let more = answers.iter().find_map(|(other, answer)| match answer {
            Answer::Holds { unreached: others, .. } if unreached.len() < others.len() => {
                let same = covering.job.judge == other.job.judge
                    && covering.is_covered_by(other)
                    && other.is_covered_by(covering);
                same.then(|| format!("{covering} reaches what {other} does not: {others:?}"))
            }
            _ => None,
        });
        out.extend(more.map(|what| ("unreached", what)));
    }
    let said = held_against.into_iter().map(|(violated, holders)| {
        let count = holders.len();
        format!("{violated}; but {count} hold: {}", holders.join(" | "))
    });
    out.extend(said.map(|what| ("contradiction", what)));
    out.extend(placements(answers, rules));
    out.extend(fewer(answers));
    out
}

/// Where replicas that lead no view of the bound count as interchangeable, whether the rulebook treats them so: what is
/// violated with one of them Byzantine is, with the one that stands for it.
fn placements(answers: &[(Question, Answer)], rules: &dyn Rules) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    for (question, answer) in answers.iter().filter(|(_, answer)| answer.is_violated()) {
        let Job { judge, bound, reductions } = &question.job;
        let (Ok(committee), 1) = (bound.validate(), bound.byzantine.len()) else { continue };
        let holds = |ids: &[ReplicaId]| {
            answers.iter().any(|(other, answer)| {
                matches!(answer, Answer::Holds { .. })
                    && (other.property, other.job.judge) == (question.property, *judge)
                    && (other.job.reductions, other.job.bound.scope) == (*reductions, bound.scope)
                    && other.job.bound.byzantine == ids
            })
        };
        let tried = model::placements(&Byzantine::Count(1), committee, bound.scope.views, rules);
        if *judge != JudgeKind::Unbounded && tried.iter().all(|ids| holds(ids)) {
            out.push(("placements", format!("{question}: {}; none of {tried:?} is", answer.brief())));
        }
    }
    out
}

/// Whether a Byzantine replica can do what an honest one does: where any one may be Byzantine and everything holds, nothing
/// is violated when none is.
fn fewer(answers: &[(Question, Answer)]) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    for (question, answer) in answers {
        let Answer::Violated { property, .. } = answer else { continue };
        let bound = &question.job.bound;
        if !bound.byzantine.is_empty() || question.property.is_some() || *property == Property::StableHeld {
            continue;
        }
        let with = |id: u16| {
            answers.iter().any(|(other, answer)| {
                matches!(answer, Answer::Holds { .. })
                    && other.property.is_none()
                    && other.job.judge != JudgeKind::Unbounded
                    && other.job.bound.scope == bound.scope
                    && other.job.bound.byzantine.iter().map(|id| id.0).eq([id])
            })
        };
        if (0..bound.scope.replicas).all(with) && bound.scope.faults > 0 {
            out.push(("fewer", format!("{question}: {}; holds whoever is Byzantine", answer.brief())));
        }
    }
    out
}
