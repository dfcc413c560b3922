//! The model of the proof, evaluated: its runs, what makes a step no instance of an action, and that it
//! accounts for the whole rulebook. No prover is needed here.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bft_check::pbft::RULES;
use bft_check::proof::{self, Mismatch, Model, Run, Structure};

fn model() -> Model {
    proof::pbft().unwrap()
}

fn run<'a>(model: &'a Model, name: &str) -> &'a Run {
    model.runs.iter().find(|run| &*run.name == name).unwrap()
}

fn action(model: &Model, name: &str) -> usize {
    model.actions.iter().position(|a| &*a.name == name).unwrap()
}

/// Sets a tuple of a relation.
fn with(model: &Model, state: &Structure, relation: &str, tuple: &[usize], holds: bool) -> Structure {
    let mut state = state.clone();
    state.set(model.relation(relation).unwrap(), tuple, holds);
    state
}

#[test]
fn every_run_is_possible_and_keeps_the_invariant() {
    let model = model();
    assert!(!model.runs.is_empty());
    for run in &model.runs {
        let states = model.replay(run).unwrap();
        assert_eq!(states.len(), run.steps.len() + 1);
        for (i, state) in states.iter().enumerate() {
            assert_eq!(model.broken_clauses(state), Vec::<Arc<str>>::new(), "{} after step {i}", run.name);
        }
        assert!(model.evaluate(states.last().unwrap(), &run.finally, &run.values()), "{}", run.name);
        assert!(!model.evaluate(&states[0], &run.finally, &run.values()), "{} shows nothing", run.name);
    }
}

#[test]
fn the_runs_use_every_action() {
    let model = model();
    let used: BTreeSet<usize> = model.runs.iter().flat_map(|r| &r.steps).map(|s| s.action).collect();
    assert_eq!(used.len(), model.actions.len());
}

#[test]
fn no_step_of_a_run_can_be_left_out() {
    // The guards are not trivial: without an earlier step, a later one is not possible, or the end is
    // another.
    let model = model();
    let run = run(&model, "decide");
    for i in 0..run.steps.len() {
        let mut shorter = run.clone();
        shorter.steps.remove(i);
        let end = model.replay(&shorter).ok().and_then(|mut states| states.pop());
        let same = end.is_some_and(|state| model.evaluate(&state, &run.finally, &run.values()));
        assert!(!same, "step {i} of {} does nothing", run.name);
    }
}

#[test]
fn a_step_changes_what_its_effects_say_and_nothing_else() {
    let model = model();
    let run = run(&model, "decide");
    let states = model.replay(run).unwrap();
    // Step 1 is r1's PREPARE at #1 in v0 for x0.
    let (before, after, prepare) = (&states[1], &states[2], action(&model, "prepare"));
    let args = [1, 0, 0, 0];
    let prep = model.relation("prep").unwrap();
    assert_eq!(model.check_step(before, after, prepare, &args), Ok(()));
    assert_eq!(
        model.check_step(before, before, prepare, &args),
        Err(Mismatch::Effect(prep, vec![1, 0, 0, 0]))
    );
    let more = with(&model, after, "prep", &[2, 0, 0, 0], true);
    assert_eq!(
        model.check_step(before, &more, prepare, &args),
        Err(Mismatch::Effect(prep, vec![2, 0, 0, 0]))
    );
    let known = model.relation("known").unwrap();
    let more = with(&model, after, "known", &[1, 0, 0], true);
    assert_eq!(model.check_step(before, &more, prepare, &args), Err(Mismatch::Effect(known, vec![1, 0, 0])));
    let less = with(&model, after, "took", &[1, 0, 0], false);
    assert!(matches!(model.check_step(before, &less, prepare, &args), Err(Mismatch::Effect(..))));
}

#[test]
fn a_guard_that_fails_is_noticed() {
    let model = model();
    let run = run(&model, "decide");
    let states = model.replay(run).unwrap();
    let prepare = action(&model, "prepare");
    for (args, why) in [
        ([0, 0, 0, 0], "the primary prepares not"),
        ([1, 0, 0, 1], "nobody proposed x1"),
        ([3, 0, 0, 0], "r3 is Byzantine"),
    ] {
        let after = model.apply(&states[1], prepare, &args, &[]);
        assert_eq!(model.check_step(&states[1], &after, prepare, &args), Err(Mismatch::Guard), "{why}");
    }
    let again = model.apply(&states[2], prepare, &[1, 0, 0, 0], &[]);
    assert_eq!(model.check_step(&states[2], &again, prepare, &[1, 0, 0, 0]), Err(Mismatch::Guard), "twice");
}

#[test]
fn byzantine_replicas_sign_in_their_own_name_only() {
    let model = model();
    let run = run(&model, "decide");
    let (before, byzantine) = (model.structure(run), action(&model, "byzantine"));
    let own = with(&model, &before, "com", &[3, 0, 0, 1], true);
    assert_eq!(model.check_step(&before, &own, byzantine, &[3]), Ok(()));
    assert_eq!(model.check_step(&before, &own, byzantine, &[2]), Err(Mismatch::Guard));
    let forged = with(&model, &before, "com", &[2, 0, 0, 1], true);
    assert!(matches!(model.check_step(&before, &forged, byzantine, &[3]), Err(Mismatch::Effect(..))));
    // r0 is the primary of v0: a PRE-PREPARE there is not r3's to sign.
    let forged = with(&model, &before, "pp", &[0, 0, 1], true);
    assert!(matches!(model.check_step(&before, &forged, byzantine, &[3]), Err(Mismatch::Effect(..))));
}

#[test]
fn a_view_change_must_report_what_was_committed() {
    let model = model();
    let run = run(&model, "decide-again");
    let states = model.replay(run).unwrap();
    let change = action(&model, "view-change");
    let i = run.steps.iter().position(|step| step.action == change).unwrap();
    let silent = with(&model, &states[i + 1], "vcge", &[1, 1, 0, 0], false);
    let vcge = model.relation("vcge").unwrap();
    let expected = Err(Mismatch::Effect(vcge, vec![1, 1, 0, 0]));
    assert_eq!(model.check_step(&states[i], &silent, change, &[1, 1]), expected);
}

#[test]
fn states_that_break_the_invariant_are_named() {
    let model = model();
    let run = run(&model, "decide");
    let end = model.replay(run).unwrap().pop().unwrap();
    let broken = |relation: &str, tuple: &[usize]| -> Vec<String> {
        let state = with(&model, &end, relation, tuple, true);
        model.broken_clauses(&state).iter().map(|name| name.to_string()).collect()
    };
    assert_eq!(broken("known", &[2, 0, 1]), ["known-decided", "agreement", "validity"]);
    assert_eq!(broken("ck", &[2, 0, 0]), ["vouched-known"]);
    assert_eq!(broken("vc", &[2, 0]), Vec::<String>::new());
    assert!(broken("prep", &[1, 0, 0, 1]).contains(&"one-vote".to_owned()));
}

/// The actions that are possible in a state, tried with all elements.
fn possible(model: &Model, state: &Structure) -> Vec<(usize, Vec<usize>)> {
    let mut found = Vec::new();
    for (i, action) in model.actions.iter().enumerate() {
        let sorts: Vec<_> = action.params.iter().map(|p| p.sort).collect();
        for args in state.tuples(&sorts) {
            let env: Vec<_> = action.params.iter().map(|p| p.id).zip(args.iter().copied()).collect();
            if model.evaluate(state, &action.guard, &env) {
                found.push((i, args));
            }
        }
    }
    found
}

/// Walks at random, with a Byzantine replica that votes for everything; the clauses that break on the way.
fn walk(model: &Model, seed: u64, steps: usize) -> Vec<Arc<str>> {
    let mut random = seed;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize % below
    };
    let mut state = model.structure(run(model, "replaced"));
    for relation in ["pp", "prep", "com", "ck", "vc"] {
        let id = model.relation(relation).unwrap();
        for tuple in state.tuples(&model.relations[id.0].sorts) {
            // r0 is Byzantine, and the primary of v0.
            if tuple[0] == 0 && (relation != "pp" || tuple[1] == 0) {
                state.set(id, &tuple, true);
            }
        }
    }
    for _ in 0..steps {
        let byzantine = action(model, "byzantine");
        let choices: Vec<_> = possible(model, &state).into_iter().filter(|(a, _)| *a != byzantine).collect();
        if choices.is_empty() {
            break;
        }
        let (action, args) = &choices[next(choices.len())];
        state = model.apply(&state, *action, args, &[]);
        let broken = model.broken_clauses(&state);
        if !broken.is_empty() {
            return broken;
        }
    }
    Vec::new()
}

#[test]
fn random_walks_keep_the_invariant_and_those_of_a_broken_model_do_not() {
    let model = model();
    for seed in 0..10 {
        assert_eq!(walk(&model, seed, 40), Vec::<Arc<str>>::new(), "seed {seed}");
    }
    let mutant =
        model.mutants().into_iter().find(|mutant| mutant.to_string() == "check prepare.first-vote").unwrap();
    let mutated = model.without(&mutant);
    assert!((0..10).any(|seed| !walk(&mutated, seed, 40).is_empty()));
}

#[test]
fn the_model_accounts_for_every_rule() {
    let model = model();
    let rules: BTreeSet<String> = RULES.map(str::to_owned).into();
    let actions = model.actions.iter().flat_map(|a| &a.rules);
    let outside = model.outside.iter().map(|(rule, _)| rule);
    let named: BTreeSet<String> = actions.chain(outside).map(|r| r.to_string()).collect();
    let missing: Vec<_> = rules.difference(&named).collect();
    assert!(missing.is_empty(), "no action of proofs/pbft.sexp stands for {missing:?}, and no (outside ...)");
    let gone: Vec<_> = named.difference(&rules).collect();
    assert!(gone.is_empty(), "proofs/pbft.sexp names {gone:?}, which trait Rules does not have");
}

#[test]
fn names_are_unique() {
    let model = model();
    let groups = [&model.axioms, &model.clauses, &model.facts, &model.safety];
    let names: Vec<_> = groups.iter().flat_map(|g| g.iter()).map(|s| Arc::clone(&s.name)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let mutants: Vec<_> = model.mutants().iter().map(ToString::to_string).collect();
    assert_eq!(mutants.iter().collect::<BTreeSet<_>>().len(), mutants.len());
}

#[test]
fn mistakes_in_a_model_are_refused_with_their_line() {
    let start = "(sort A \"\") (sort B \"\")\n(relation R (A) \"\") (fixed S (A) \"\")\n";
    for (text, expected) in [
        ("(axiom a \"\" (forall ((x A)) (T x)))", "line 3: no relation or abbreviation T"),
        ("(axiom a \"\" (forall ((x B)) (R x)))", "line 3: it takes (A) and is given (B)"),
        ("(axiom a \"\" (R x))", "line 3: no element x"),
        ("(axiom a \"\" (forall ((x C)) true))", "line 3: no sort C"),
        ("(axiom a \"\" (R x)", "line 3: a parenthesis is not closed"),
        ("(axiom a \"\" true))", "line 3: a parenthesis closes nothing"),
        ("(axiom a \"", "line 3: a string does not end"),
        ("(axiom a)", "line 3: no such form, or not with 1 parts: axiom"),
        (
            "(action a ((x A)) \"\" (rules) (guard) (effect (add (S x))))",
            "line 3: an effect on what never changes",
        ),
        (
            "(action a ((x A)) \"\" (rules) (guard) (effect (add ((y A)) (R x))))",
            "line 3: a variable of an effect has to stand in its tuple",
        ),
    ] {
        let error = Model::parse(&[&format!("{start}{text}")]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
