//! Traces in files: what was found can be written, read and made to happen again without loss; what cannot
//! have happened is refused with the step; and what is shrunk needs every step that is left.

#![cfg(test)]

use std::sync::{Arc, LazyLock};

use bft_check::bugs::{Expected, RULEBOOKS, Rulebook, Run as Row};
use bft_check::check::{self, Limits, Progress, Verdict};
use bft_check::model::is_liveness;
use bft_check::pbft::Principal;
use bft_check::trace::{Form, ReadError, ReplayError, Trace, TraceFile};
use proptest::prelude::*;
use serde_json::{Value, json};

type Found = Vec<(&'static Rulebook, &'static str, Trace)>;

/// A violating run of each small row of the corpus that is about safety.
static FOUND: LazyLock<Found> = LazyLock::new(|| found(|property| !is_liveness(property)));

fn found(wanted: fn(&str) -> bool) -> Found {
    let rows = RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)));
    let small = |(_, run): &(&Rulebook, &Row)| run.scope.views == 1 || !run.told.is_empty();
    rows.filter(|(_, run)| !run.slow)
        .filter(small)
        .filter_map(|(rulebook, run)| {
            let Expected::Violated(property) = run.expected else { return None };
            if !wanted(property) {
                return None;
            }
            let row = check::run_row(rulebook, run, &Limits::default(), &Progress::default()).unwrap();
            let trace = row.outcomes.into_iter().find_map(|outcome| match outcome.verdict {
                Verdict::Violated { trace, .. } => Some(*trace),
                _ => None,
            });
            Some((rulebook, property, trace.unwrap()))
        })
        .collect()
}

fn events(trace: &Trace) -> Vec<String> {
    trace.steps().iter().map(|step| format!("{} {:?}", step.to, step.event)).collect()
}

fn example() -> Value {
    let (rulebook, property, trace) =
        FOUND.iter().find(|(rulebook, ..)| rulebook.name == "fixed-quorum").unwrap();
    serde_json::from_str(&trace.written(Form::Json, rulebook.name, Some(property)).unwrap()).unwrap()
}

#[test]
fn what_is_written_can_be_read_in_both_forms_without_loss() {
    assert!(FOUND.len() > 12, "{}", FOUND.len());
    for (rulebook, property, trace) in FOUND.iter() {
        for form in [Form::Json, Form::Itf] {
            let text = trace.written(form, rulebook.name, Some(property)).unwrap();
            let read = TraceFile::read(&text).unwrap_or_else(|why| panic!("{}: {why}", rulebook.name));
            assert_eq!(read.rulebook.name, rulebook.name);
            assert_eq!(read.violates.as_deref(), Some(*property));
            assert_eq!(read.trace.system().bound(), trace.system().bound());
            assert_eq!(events(&read.trace), events(trace), "{}", rulebook.name);
            assert_eq!(
                read.trace.violation(property).map(|(_, what)| what),
                trace.violation(property).map(|(_, what)| what)
            );
            // And so from one form to the other and back.
            let again = TraceFile::read(&read.trace.to_json(rulebook.name, Some(property)).unwrap()).unwrap();
            assert_eq!(
                again.trace.to_itf(rulebook.name, Some(property)).unwrap(),
                trace.to_itf(rulebook.name, Some(property)).unwrap()
            );
        }
    }
}

/// The file of a run that stays without what it owes tells its steps; that it stays is not to be read off it.
#[test]
fn runs_that_stay_are_written_and_read_too() {
    let stay = found(is_liveness);
    assert!(stay.len() > 2, "{}", stay.len());
    for (rulebook, property, trace) in &stay {
        for form in [Form::Json, Form::Itf] {
            let text = trace.written(form, rulebook.name, Some(property)).unwrap();
            let read = TraceFile::read(&text).unwrap_or_else(|why| panic!("{}: {why}", rulebook.name));
            assert_eq!(events(&read.trace), events(trace), "{}", rulebook.name);
            assert_eq!(read.violates.as_deref(), Some(*property));
            assert!(read.trace.violation(property).is_none());
        }
    }
}

#[test]
fn informal_trace_format_is_as_its_readers_expect_it() {
    let (rulebook, property, trace) = &FOUND[0];
    let itf: Value = serde_json::from_str(&trace.to_itf(rulebook.name, Some(property)).unwrap()).unwrap();
    assert_eq!(itf["#meta"]["format"], "ITF");
    let states = itf["states"].as_array().unwrap();
    assert_eq!(states.len(), trace.steps().len() + 1);
    let vars: Vec<_> = itf["vars"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (index, state) in states.iter().enumerate() {
        assert_eq!(state["#meta"]["index"], index);
        let mut keys: Vec<_> = state.as_object().unwrap().keys().filter(|key| *key != "#meta").collect();
        keys.sort();
        let mut expected = vars.clone();
        expected.sort_unstable();
        assert_eq!(keys, expected);
        assert!(state["beliefs"]["#map"].as_array().is_some_and(|pairs| !pairs.is_empty()));
    }
    assert_eq!(states[0]["mbt::actionTaken"], "init");
    assert_eq!(states[1]["mbt::actionTaken"], "deliver");
}

#[test]
fn what_cannot_have_happened_is_refused_with_the_step_and_the_reason() {
    let step = |change: &dyn Fn(&mut Value)| {
        let mut trace = example();
        change(&mut trace);
        match TraceFile::read(&trace.to_string()) {
            Err(ReadError::Step(why, "fixed-quorum")) => why,
            other => panic!("{other:?}"),
        }
    };
    // A vote of an honest replica that it never cast; a message of nobody.
    let forged = step(&|trace| trace["steps"][2]["event"] = json!("COMMIT v0 #1 c1.t1"));
    assert_eq!(forged, ReplayError::NeverSent(3, "r2 → r1 COMMIT v0 #1 c1.t1".to_owned()));
    let stranger = step(&|trace| trace["steps"][0]["from"] = json!("r9"));
    assert!(matches!(stranger, ReplayError::NeverSent(1, _)), "{stranger}");
    // To a Byzantine replica nothing happens; a timer that does not run does not run out.
    let byzantine = step(&|trace| trace["steps"][0]["to"] = json!("r0"));
    assert!(matches!(byzantine, ReplayError::NotHonest(1, _)), "{byzantine}");
    let timer = step(&|trace| {
        trace["steps"][1] = json!({ "from": null, "to": "r2", "event": "timer of v0 runs out" });
    });
    assert!(matches!(timer, ReplayError::Impossible(2, ..)), "{timer}");
    // Twice the same proposal; and words that mean nothing.
    let twice = step(&|trace| trace["steps"][1] = trace["steps"][0].clone());
    assert!(matches!(twice, ReplayError::Refused(2, ..)), "{twice}");
    let words = step(&|trace| trace["steps"][1]["event"] = json!("PREPARE"));
    assert!(matches!(words, ReplayError::NeverSent(2, _)), "the beginning of a message is none: {words}");
    // Under the paper's rules the same run stops where the paper's quorum is missing.
    let mut lawful = example();
    lawful["rules"] = json!("castro99");
    let Err(ReadError::Step(why, "castro99")) = TraceFile::read(&lawful.to_string()) else { panic!() };
    assert!(why.to_string().starts_with("step 6:"), "{why}");
}

#[test]
fn files_that_are_no_traces_are_refused() {
    let text = example().to_string();
    for end in [0, 1, text.len() / 2, text.len() - 1] {
        assert!(matches!(TraceFile::read(&text[..end]), Err(ReadError::Json(_))), "cut off at {end}");
    }
    for no_trace in ["[]", "{}", "3", r##"{"#meta": {}, "states": []}"##] {
        assert!(matches!(TraceFile::read(no_trace), Err(ReadError::Form(_))), "{no_trace}");
    }
    let changed = |key: &str, value: Value| {
        let mut trace = example();
        trace[key] = value;
        TraceFile::read(&trace.to_string())
    };
    assert!(matches!(changed("rules", json!("nonsense")), Err(ReadError::Rules(name)) if name == "nonsense"));
    assert!(matches!(changed("steps", json!([{ "to": "r1" }])), Err(ReadError::Form(_))));
    let mut bound = example()["bound"].clone();
    bound["faults"] = json!(5);
    assert!(matches!(changed("bound", bound), Err(ReadError::Bound(_))));
    // No step at all is a run.
    let nothing = changed("steps", json!([])).unwrap();
    assert!(nothing.trace.steps().is_empty() && nothing.trace.violation("agreement").is_none());
}

#[test]
fn shrunk_runs_need_each_of_their_steps() {
    for (rulebook, property, trace) in FOUND.iter() {
        let small = trace.shrunk(property);
        assert!(small.violation(property).is_some(), "{}", rulebook.name);
        assert!(small.steps().len() <= trace.steps().len());
        let events: Vec<_> = small.steps().iter().map(|step| (step.to, step.event.clone())).collect();
        for left_out in 0..events.len() {
            let mut fewer = events.clone();
            fewer.remove(left_out);
            let system = Arc::new(trace.system().clone());
            let still = Trace::replay(&system, &fewer).is_ok_and(|run| run.violation(property).is_some());
            assert!(!still, "{}: step {} is superfluous", rulebook.name, left_out + 1);
        }
    }
}

/// What was added to a run is taken out again.
#[test]
fn superfluous_steps_are_left_out() {
    let (_, property, trace) = FOUND.iter().find(|(r, ..)| r.name == "fixed-quorum").unwrap();
    let (_, _, other) = FOUND.iter().find(|(r, ..)| r.name == "weak-prepare").unwrap();
    let small = trace.shrunk(property);
    assert_eq!(small.shrunk(property).steps().len(), small.steps().len());
    // A proposal and a vote that nobody needs, in the middle.
    let mut events: Vec<_> = small.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    let (idle, system) = (events.len(), Arc::new(trace.system().clone()));
    let votes = trace.steps().iter().filter_map(|step| match &step.event {
        bft_check::model::Event::Deliver(message) => Some(message.clone()),
        _ => None,
    });
    for message in votes {
        for to in system.honest() {
            let extra = (Principal::Replica(to.id()), bft_check::model::Event::Deliver(message.clone()));
            let longer: Vec<_> = events.iter().cloned().chain([extra]).collect();
            if Trace::replay(&system, &longer).is_ok() {
                events = longer;
            }
        }
    }
    assert!(events.len() > idle, "nothing superfluous could be added");
    let longer = Trace::replay(&system, &events).unwrap();
    assert_eq!(longer.shrunk(property).steps().len(), idle);
    // A run that does not violate the property stays as it is.
    assert_eq!(other.shrunk("linearizable").steps().len(), other.steps().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a file holds, reading it ends in a trace or in an error.
    #[test]
    fn no_text_makes_the_reader_panic(cut in 0usize..6000, junk in ".{0,12}", keep in any::<bool>()) {
        let mut text = example().to_string();
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        if !keep {
            text.truncate(at);
        }
        text.insert_str(at.min(text.len()), &junk);
        let _ = TraceFile::read(&text);
    }

    /// Numbers at the edges, in the bound and in the steps.
    #[test]
    fn no_number_makes_the_reader_panic(
        field in prop::sample::select(vec!["replicas", "faults", "views", "slots", "requests", "crashes", "reads"]),
        number in prop::sample::select(vec![0u64, 1, 2, 5, 40, 65_535]),
    ) {
        let mut trace = example();
        trace["bound"][field] = json!(number);
        let _ = TraceFile::read(&trace.to_string());
    }
}
