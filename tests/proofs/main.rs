//! The unbounded proof, by whichever provers are installed. A prover that is missing is reported with
//! every test that it would have run and once more at the end; with `BFT_REQUIRE_SOLVERS=1` it is an error.
//!
//! The mutants take longer and are ignored unless asked for: `cargo test --test proofs -- --include-ignored`.

#![allow(clippy::unwrap_used)]

mod coq;
#[cfg(unix)]
mod fakes;
mod mutants;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bft_check::proof::{self, Answer, Model, Obligation, Prover, Verdict};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// The longest that a prover may take for one question, unless `BFT_SOLVER_SECONDS` says something else. The
/// hardest takes seconds; a machine that is busy with other things may take many times that.
fn limit() -> Duration {
    let seconds = std::env::var("BFT_SOLVER_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(180))
}

type Outcome = Result<Completion, Failed>;

/// Which provers are there, by the name of their program, and what they say about themselves.
#[derive(Clone)]
pub struct Provers(Vec<(&'static str, Option<String>)>);

impl Provers {
    fn find() -> Self {
        let mut found: Vec<_> = Prover::ALL.map(|prover| (prover.program(), prover.version())).into();
        found.push((coq::PROGRAM, coq::version()));
        Provers(found)
    }

    fn missing(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, version)| version.is_none()).map(|(program, _)| *program).collect()
    }

    /// A test that needs these provers.
    fn trial(
        &self,
        name: String,
        needed: &[Prover],
        test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        self.trial_with(name, &needed.iter().map(|prover| prover.program()).collect::<Vec<_>>(), test)
    }

    /// A test that needs these programs.
    fn trial_with(
        &self,
        name: String,
        needed: &[&str],
        test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        let absent: Vec<_> = self.missing().into_iter().filter(|program| needed.contains(program)).collect();
        let absent = absent.join(" and ");
        let required = std::env::var("BFT_REQUIRE_SOLVERS").is_ok_and(|value| value != "0");
        Trial::ignorable_test(name, move || -> Outcome {
            match (absent.is_empty(), required) {
                (true, _) => test().map(|()| Completion::Completed),
                (false, true) => Err(format!("{absent} is not installed, and is required").into()),
                (false, false) => {
                    Ok(Completion::ignored_with(format!("NOT PROVED, {absent} is not installed")))
                }
            }
        })
    }
}

/// The question in the prover's language.
fn print(prover: Prover, question: &Obligation, model: &Model) -> String {
    match prover {
        Prover::Z3 | Prover::Cvc5 => question.smtlib(model),
        Prover::E => question.tptp(model),
    }
}

/// All questions of a group, by one prover; every one has to get its answer.
fn ask_all(prover: Prover, model: &Model, questions: &[Obligation]) -> Result<(), Failed> {
    let mut failed = Vec::new();
    for question in questions {
        let verdict = prover.ask(&print(prover, question, model), limit());
        if verdict != Verdict::Answer(question.answer) {
            failed.push(format!("  {} / {}: {verdict:?}", question.group, question.name));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let (failures, all) = (failed.len(), questions.len());
    Err(format!("{prover} fails at {failures} of {all}:\n{}", failed.join("\n")).into())
}

fn obligations(provers: &Provers, model: &Arc<Model>) -> Vec<Trial> {
    let mut groups: BTreeMap<Arc<str>, Vec<Obligation>> = BTreeMap::new();
    let runs = model.runs.iter().map(|run| model.run_obligation(run));
    let all = model.safety_obligations().into_iter().chain(model.liveness_obligations()).chain(runs);
    for question in all {
        groups.entry(Arc::clone(&question.group)).or_default().push(question);
    }
    let mut trials = Vec::new();
    for prover in Prover::ALL {
        for (group, questions) in &groups {
            // E searches for proofs, not for models, and loses itself in what lasts; z3 takes minutes to
            // find that all can be at rest, which is a matter of cvc5's finite models.
            let unsuited: &[&str] = match prover {
                Prover::Z3 => &["lemmas are possible"],
                Prover::Cvc5 => &[],
                Prover::E => &["lemmas", "lemmas are possible", "runs"],
            };
            if unsuited.contains(&&**group) {
                continue;
            }
            let (model, questions) = (Arc::clone(model), questions.clone());
            let name = format!("{prover}::{group}: {} questions", questions.len());
            trials.push(provers.trial(name, &[prover], move || ask_all(prover, &model, &questions)));
        }
    }
    trials
}

fn arithmetic(provers: &Provers) -> Vec<Trial> {
    let smt = [Prover::Z3, Prover::Cvc5];
    smt.map(|prover| {
        provers.trial(format!("{prover}::quorums"), &[prover], move || {
            let arithmetic = proof::quorums().map_err(|e| e.to_string())?;
            let mut questions = Vec::new();
            for lemma in &arithmetic.lemmas {
                questions.push((lemma.name.to_string(), lemma.refutation.clone(), Answer::Unsat));
                questions.push((
                    format!("{} (is possible)", lemma.name),
                    lemma.possible.clone(),
                    Answer::Sat,
                ));
            }
            questions.push(("as in the code".into(), arithmetic.agrees_with_code(100), Answer::Unsat));
            for (name, question, answer) in questions {
                let verdict = prover.ask(&question, limit());
                if verdict != Verdict::Answer(answer) {
                    return Err(format!("{name}: {verdict:?}").into());
                }
            }
            Ok(())
        })
    })
    .into()
}

/// That these tests can fail: a false clause is not proved, and no other word than `unsat` is taken for it.
fn doubts(provers: &Provers, model: &Arc<Model>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for prover in Prover::ALL {
        let model = Arc::clone(model);
        trials.push(provers.trial(format!("{prover}::refutes a false clause"), &[prover], move || {
            let mut model = (*model).clone();
            let mut clause = model.clauses.remove(0);
            clause.formula = clause.formula.negated();
            model.clauses.insert(0, clause);
            let question = model.initiation(&model.clauses[0]);
            match prover.ask(&print(prover, &question, &model), Duration::from_secs(5)) {
                Verdict::Answer(Answer::Unsat) => Err("it proved that honest replicas vote twice".into()),
                _ => Ok(()),
            }
        }));
    }
    for prover in [Prover::Z3, Prover::Cvc5] {
        trials.push(provers.trial(format!("{prover}::takes unsat only"), &[prover], move || {
            let unsat = "(set-logic UF)(assert false)(check-sat)";
            if prover.ask(unsat, limit()) != Verdict::Answer(Answer::Unsat) {
                return Err("false is not refuted".into());
            }
            for said in ["(echo \"unknown\")", "(echo \"unsat?\")", "(nonsense)", "(exit)", ""] {
                for script in [said.to_owned(), format!("{said}{unsat}")] {
                    let verdict = prover.ask(&script, limit());
                    let harmless = script.ends_with(unsat) && said.is_empty();
                    if !harmless && matches!(verdict, Verdict::Answer(_)) {
                        return Err(format!("{script} was taken for {verdict:?}").into());
                    }
                }
            }
            Ok(())
        }));
    }
    trials
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let model = match proof::pbft() {
        Ok(model) => Arc::new(model),
        Err(error) => {
            eprintln!("proofs/*.sexp: {error}");
            return ExitCode::FAILURE;
        }
    };
    let provers = Provers::find();
    let mut trials = obligations(&provers, &model);
    trials.extend(arithmetic(&provers));
    trials.extend(doubts(&provers, &model));
    trials.extend(mutants::trials(&provers, &model));
    trials.extend(coq::trials(&provers, &model));
    #[cfg(unix)]
    trials.extend(fakes::trials());
    if !arguments.list {
        for (program, version) in &provers.0 {
            println!("{program}: {}", version.as_deref().unwrap_or("NOT INSTALLED"));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let missing = provers.missing();
    if !missing.is_empty() && !arguments.list {
        let names = missing.join(", ");
        eprintln!("WARNING: not installed: {names}. What they have to prove is NOT PROVED by this run.");
        eprintln!(
            "         apt-get install z3 cvc5 eprover coq; BFT_REQUIRE_SOLVERS=1 makes this an error.\n"
        );
    }
    conclusion.exit_code()
}
