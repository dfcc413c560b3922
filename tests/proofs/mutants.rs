//! The table `proofs/mutants.md`: each axiom, check and clause left out, and what is then refuted.
//!
//! Both solvers have to agree: where z3 finds something broken, cvc5 has to refute the first such question,
//! and where z3 finds nothing, cvc5 has to prove every question. `BFT_MUTANTS=write` writes the table anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bft_check::proof::{Answer, Model, Mutant, Obligation, Prover, Verdict};
use libtest_mimic::{Failed, Trial};

use super::{LIMIT, Provers};

/// Before the other solver is asked.
const PATIENCE: Duration = Duration::from_secs(10);

const HEAD: &str = "\
# What each part is for

Each row leaves out one axiom of `pbft.sexp`, one check of a guard or an effect, or one clause of the
invariant, and names what the solvers then refute: a clause under an action, or a safety property. A
refuted clause means that the proof is lost, not always that the protocol is unsafe.

`BFT_MUTANTS=write cargo test --test proofs -- --ignored` writes this table; without the variable it is
compared.

| Left out | Refuted |
|---|---|
";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proofs/mutants.md")
}

/// What the solvers refute without this part.
fn broken(model: &Model, mutant: &Mutant) -> Result<Vec<Obligation>, Failed> {
    let (mutated, questions) = model.mutant_obligations(mutant);
    let script = |question: &Obligation| question.smtlib(&mutated);
    let fail = |question: &Obligation, verdict: &Verdict| -> Failed {
        format!("without {mutant}, {} / {}: {verdict:?}", question.group, question.name).into()
    };
    let mut refuted = Vec::new();
    for question in &questions {
        let mut verdict = Prover::Z3.ask(&script(question), PATIENCE);
        if matches!(verdict, Verdict::Failed(_)) {
            verdict = Prover::Cvc5.ask(&script(question), LIMIT);
        }
        match verdict {
            Verdict::Answer(Answer::Sat) => refuted.push(question.clone()),
            Verdict::Answer(Answer::Unsat) => {}
            Verdict::Failed(_) => return Err(fail(question, &verdict)),
        }
    }
    let (second, expected) = match refuted.first() {
        Some(first) => (std::slice::from_ref(first), Answer::Sat),
        None => (&questions[..], Answer::Unsat),
    };
    for question in second {
        let verdict = Prover::Cvc5.ask(&script(question), LIMIT);
        if verdict != Verdict::Answer(expected) {
            return Err(fail(question, &verdict));
        }
    }
    Ok(refuted)
}

/// The row of a mutant.
fn row(mutant: &Mutant, refuted: &[Obligation]) -> String {
    if refuted.is_empty() {
        return format!("| {mutant} | nothing: safety does not need it |");
    }
    let mut by_action: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for question in refuted {
        by_action.entry(&question.group).or_default().push(&question.name);
    }
    let parts: Vec<String> = by_action
        .iter()
        .map(|(&group, names)| match group {
            "safety" => format!("**{}**", names.join(", ")),
            _ => format!("{} under *{group}*", names.join(", ")),
        })
        .collect();
    format!("| {mutant} | {} |", parts.join("; "))
}

/// One test for each group of mutants: the axioms, the checks of each action and abbreviation, the clauses.
pub fn trials(provers: &Provers, model: &Arc<Model>) -> Vec<Trial> {
    let write = std::env::var("BFT_MUTANTS").is_ok_and(|value| value == "write");
    let mut groups: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for mutant in model.mutants() {
        let group = match &mutant {
            Mutant::Axiom(_) => "axioms",
            Mutant::Clause(_) => "clauses",
            Mutant::Check(name) => name.split('.').next().unwrap_or_default(),
        };
        groups.entry(group.to_owned()).or_default().push(mutant);
    }
    let rows: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    groups
        .into_iter()
        .map(|(group, mutants)| {
            let (model, rows) = (Arc::clone(model), Arc::clone(&rows));
            let name = format!("mutants::{group}: {} left out in turn", mutants.len());
            let test = move || -> Result<(), Failed> {
                let table = fs::read_to_string(path()).unwrap_or_default();
                let mut different = Vec::new();
                for mutant in &mutants {
                    let row = row(mutant, &broken(&model, mutant)?);
                    if !table.lines().any(|line| line == row) {
                        different.push(row.clone());
                    }
                    rows.lock().unwrap().insert(mutant.to_string(), row);
                }
                if write {
                    return save(&model, &rows.lock().unwrap());
                }
                if different.is_empty() {
                    return Ok(());
                }
                Err(format!("not in proofs/mutants.md:\n{}", different.join("\n")).into())
            };
            provers.trial(name, &[Prover::Z3, Prover::Cvc5], test).with_ignored_flag(true)
        })
        .collect()
}

/// Writes the table as far as it is known, in the order of the model.
fn save(model: &Model, rows: &BTreeMap<String, String>) -> Result<(), Failed> {
    let known = model.mutants().into_iter().filter_map(|mutant| rows.get(&mutant.to_string()));
    let table: Vec<_> = known.cloned().collect();
    fs::write(path(), format!("{HEAD}{}\n", table.join("\n"))).map_err(|e| e.to_string().into())
}
