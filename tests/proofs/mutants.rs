//! The table `proofs/mutants.md`: each axiom, check and clause left out, and what is then refuted.
//!
//! Both solvers have to agree: where something is refuted, both have to refute one question, and where nothing
//! is, both have to prove every question. `BFT_MUTANTS=write` writes the table anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bft_check::proof::{Answer, Model, Mutant, Obligation, Prover, Verdict};
use libtest_mimic::{Failed, Trial};

use super::{Provers, limit};

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

/// What is said of a part without which everything is proved as before.
const NOTHING: &str = "nothing: safety does not need it";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proofs/mutants.md")
}

/// What the solvers refute without this part.
fn broken(model: &Model, mutant: &Mutant) -> Result<Vec<Obligation>, Failed> {
    let (mutated, questions) = model.mutant_obligations(mutant);
    let script = |question: &Obligation| question.smtlib(&mutated);
    let fail = |question: &Obligation, verdict: &Verdict| -> Failed {
        format!("without {mutant}, {} / {}: {verdict:?}", question.group, question.name).into()
    };
    let expect = |prover: Prover, question: &Obligation, answer: Answer| -> Result<(), Failed> {
        let verdict = prover.ask(&script(question), limit());
        if verdict == Verdict::Answer(answer) { Ok(()) } else { Err(fail(question, &verdict)) }
    };
    // By whether z3 was the one to answer.
    let (mut refuted, mut proved) = (Vec::new(), Vec::new());
    for question in &questions {
        let mut verdict = Prover::Z3.ask(&script(question), PATIENCE);
        let by_z3 = matches!(verdict, Verdict::Answer(_));
        if !by_z3 {
            verdict = Prover::Cvc5.ask(&script(question), limit());
        }
        match verdict {
            Verdict::Answer(Answer::Sat) => refuted.push((question.clone(), by_z3)),
            Verdict::Answer(Answer::Unsat) => proved.push((question, by_z3)),
            Verdict::Failed(_) => return Err(fail(question, &verdict)),
        }
    }
    let other = |by_z3: bool| if by_z3 { Prover::Cvc5 } else { Prover::Z3 };
    match refuted.iter().find(|(_, by_z3)| *by_z3).or(refuted.first()) {
        Some((question, by_z3)) => expect(other(*by_z3), question, Answer::Sat)?,
        None => proved.into_iter().try_for_each(|(q, by_z3)| expect(other(by_z3), q, Answer::Unsat))?,
    }
    Ok(refuted.into_iter().map(|(question, _)| question).collect())
}

/// The row of a mutant.
fn row(mutant: &Mutant, refuted: &[Obligation]) -> String {
    if refuted.is_empty() {
        return format!("| {mutant} | {NOTHING} |");
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
    let whole = Arc::clone(model);
    let whole = Trial::test("mutants::every one is in the table", move || table_is_whole(&whole));
    let tables = groups.into_iter().map(|(group, mutants)| {
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
    });
    tables.chain([whole]).collect()
}

/// That the table has a row for every mutant and no other, in the order of the model, and that
/// `proofs/README.md` counts them as they are.
fn table_is_whole(model: &Model) -> Result<(), Failed> {
    let table = fs::read_to_string(path()).map_err(|e| e.to_string())?;
    let Some(rows) = table.strip_prefix(HEAD) else {
        return Err("proofs/mutants.md begins otherwise".into());
    };
    let listed: Vec<_> = rows.lines().map(|row| row.split('|').nth(1).unwrap_or_default().trim()).collect();
    let mutants: Vec<_> = model.mutants().iter().map(ToString::to_string).collect();
    if listed != mutants {
        return Err(format!("proofs/mutants.md lists {listed:?}, the model has {mutants:?}").into());
    }
    let idle = rows.lines().filter(|row| row.contains(NOTHING)).count();
    let count = format!("{} of the {} mutants", mutants.len() - idle, mutants.len());
    let readme = include_str!("../../proofs/README.md");
    if readme.contains(&count) { Ok(()) } else { Err(format!("proofs/README.md: {count}").into()) }
}

/// Writes the table as far as it is known, in the order of the model.
fn save(model: &Model, rows: &BTreeMap<String, String>) -> Result<(), Failed> {
    let known = model.mutants().into_iter().filter_map(|mutant| rows.get(&mutant.to_string()));
    let table: Vec<_> = known.cloned().collect();
    fs::write(path(), format!("{HEAD}{}\n", table.join("\n"))).map_err(|e| e.to_string().into())
}
