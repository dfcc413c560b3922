//! Traces in files: what was found can be written, read and made to happen again without loss; what cannot
//! have happened is refused with the step; and what is shrunk needs every step that is left.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bft_check::bugs::{self, Expected, RULEBOOKS, Rulebook, Run as Row};
use bft_check::check::{self, Limits, Progress, Verdict};
use bft_check::model::{Bound, Event, MessageModel, Property, System};
use bft_check::pbft::{Message, Principal, ReplicaId};
use bft_check::trace::{Form, LassoError, ReadError, ReplayError, RunLasso, Trace, TraceFile, Unfair};
use proptest::prelude::*;
use serde_json::{Value, json};
use stateright::Model;

type Found = Vec<(&'static Rulebook, Property, Trace)>;

/// A violating run of each small row of the corpus that is about safety.
static FOUND: LazyLock<Found> = LazyLock::new(|| found(|property| !property.is_liveness()));

/// A run of each small row that stays without what it owes.
static STAYING: LazyLock<Found> = LazyLock::new(|| found(Property::is_liveness));

fn found(wanted: fn(Property) -> bool) -> Found {
    let rows = RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)));
    let small = |(_, run): &(&Rulebook, &Row)| run.scope.views == 1 || !run.script.is_empty();
    rows.filter(|(_, run)| !run.slow && run.scope.load.is_none())
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
    of_example(Form::Json)
}

fn of_example(form: Form) -> Value {
    let &(rulebook, property, ref trace) =
        FOUND.iter().find(|(rulebook, ..)| rulebook.name == "fixed-quorum").unwrap();
    serde_json::from_str(&trace.written(form, rulebook.name, Some(property)).unwrap()).unwrap()
}

/// The same in words alone, as a person writes one.
fn example_in_words() -> Value {
    let mut trace = example();
    for step in trace["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("message");
    }
    trace
}

/// Whether two traces are the same, step by step: what happened, what came of it, and where it ends.
#[track_caller]
fn assert_same(read: &Trace, written: &Trace, name: &str) {
    assert_eq!(read.system().bound(), written.system().bound(), "{name}");
    assert_eq!(read.system().is_open(), written.system().is_open(), "{name}");
    assert_eq!(events(read), events(written), "{name}");
    for (read, written) in read.steps().iter().zip(written.steps()) {
        assert_eq!((read.to, &read.event), (written.to, &written.event), "{name}");
        assert_eq!((&read.before, &read.after), (&written.before, &written.after), "{name}");
        assert_eq!((&read.effects, &read.of_client), (&written.effects, &written.of_client), "{name}");
    }
    assert!(read.finally().eq(written.finally()), "{name}");
    assert_eq!(read.lasso(), written.lasso(), "{name}");
}

/// Writes a trace in each form that can be read, and reads it again; and so from one form to the other and back.
#[track_caller]
fn assert_kept(trace: &Trace, rules: &str, property: Option<Property>) {
    let write = |trace: &Trace, form| trace.written(form, rules, property).unwrap();
    for (form, other) in [(Form::Json, Form::Itf), (Form::Itf, Form::Json)] {
        let text = write(trace, form);
        let read = TraceFile::read(&text, &bft_check::bugs::catalogue())
            .unwrap_or_else(|why| panic!("{rules}: {why}"));
        assert_eq!((read.subject.name(), read.violates), (rules, property));
        assert_same(&read.trace, trace, rules);
        assert_eq!(write(&read.trace, form), text, "{rules}");
        let again = TraceFile::read(write(&read.trace, other), &bft_check::bugs::catalogue()).unwrap();
        assert_eq!(write(&again.trace, form), text, "{rules}");
    }
}

#[test]
fn what_is_written_can_be_read_in_both_forms_without_loss() {
    assert!(FOUND.len() > 12, "{}", FOUND.len());
    for &(rulebook, property, ref trace) in FOUND.iter() {
        assert_kept(trace, rulebook.name, Some(property));
    }
}

#[test]
fn runs_that_stay_are_written_and_read_with_where_they_stay() {
    assert!(STAYING.len() > 2, "{}", STAYING.len());
    for &(rulebook, property, ref trace) in STAYING.iter() {
        let stay = trace.lasso().unwrap();
        assert_eq!(stay.property, property);
        assert_kept(trace, rulebook.name, Some(property));
        // A run that stops repeats its last state.
        let itf: Value = serde_json::from_str(&trace.to_itf(rulebook.name, Some(property)).unwrap()).unwrap();
        assert_eq!(itf["loop"], stay.repeats_after);
        assert!(itf["states"].as_array().unwrap().len() > stay.repeats_after);
    }
}

/// Of a run that stays the replicas show that it is fair. Under the paper's rules, where the same steps can happen,
/// timers run out in them before what would help has arrived: for ever, and that is not fair.
#[test]
fn whether_a_loop_is_fair_is_found_on_the_replicas() {
    let mut loops = 0;
    for &(rulebook, property, ref trace) in STAYING.iter() {
        assert_eq!(trace.fair(), Ok(()), "{}", rulebook.name);
        if trace.lasso().unwrap().is_loop() {
            let written = trace.to_json(rulebook.name, Some(property)).unwrap();
            let lawful =
                written.replace(&format!("\"rules\": \"{}\"", rulebook.name), "\"rules\": \"castro99\"");
            // Steps that only the broken rule allows show nothing about the paper's.
            let Ok(TraceFile { trace: read, .. }) = TraceFile::read(&lawful, &bft_check::bugs::catalogue())
            else {
                continue;
            };
            assert!(matches!(read.fair(), Err(Unfair::Early(..))), "{:?}", read.fair());
            loops += 1;
        }
    }
    assert!(loops > 0);
}

/// The same steps before it stays, with requests at the beginning that nobody needs; none if these change where it stays.
fn padded(trace: &Trace) -> Option<Trace> {
    let system = Arc::new(trace.system().clone());
    let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    let requests = system.requests().iter().cloned().map(Message::Request);
    let idle: Vec<_> = requests
        .flat_map(|request| system.honest().iter().map(move |replica| (replica.id(), request.clone())))
        .map(|(id, request)| (Principal::Replica(id), Event::Deliver(request)))
        .filter(|idle| !events.contains(idle))
        .collect();
    let stay = trace.lasso()?;
    idle.into_iter().find_map(|idle| {
        let longer = Trace::replay(&system, &[&[idle][..], &events].concat()).ok()?;
        let (stable_after, repeats_after) = (stay.stable_after + 1, stay.repeats_after + 1);
        let longer = longer.staying(RunLasso { stable_after, repeats_after, ..stay.clone() }).ok()?;
        longer.fair().is_ok().then_some(longer)
    })
}

#[test]
fn what_leads_to_where_a_run_stays_is_shrunk() {
    let mut longer = 0;
    for &(rulebook, property, ref trace) in STAYING.iter() {
        let small = trace.shrunk(property);
        let stay = small.lasso().unwrap();
        let around = |trace: &Trace| trace.steps().len() - trace.lasso().unwrap().repeats_after;
        assert_eq!(around(&small), around(trace), "{}: a loop stays as it is", rulebook.name);
        for left_out in 0..stay.repeats_after {
            let mut events: Vec<_> = small.steps().iter().map(|step| (step.to, step.event.clone())).collect();
            events.remove(left_out);
            let before = |place: usize| place - usize::from(left_out < place);
            let (stable_after, repeats_after) = (before(stay.stable_after), before(stay.repeats_after));
            let fewer = RunLasso { stable_after, repeats_after, ..stay.clone() };
            let still = Trace::replay(&Arc::new(small.system().clone()), &events)
                .ok()
                .and_then(|trace| trace.staying(fewer).ok())
                .is_some_and(|trace| trace.fair().is_ok());
            assert!(!still, "{}: step {} is superfluous", rulebook.name, left_out + 1);
        }
        if let Some(padded) = padded(&small) {
            assert_eq!(padded.shrunk(property).steps().len(), small.steps().len(), "{}", rulebook.name);
            longer += 1;
        }
        assert_eq!(trace.shrunk(Property::Agreement).steps().len(), trace.steps().len());
    }
    assert!(longer > 0);
}

/// That a run stays is checked, and not taken from a file.
#[test]
fn a_run_that_goes_on_does_not_stay() {
    let &(rulebook, property, ref trace) =
        STAYING.iter().find(|(rulebook, ..)| rulebook.name == "no-retransmission").unwrap();
    let whole: Value = serde_json::from_str(&trace.to_json(rulebook.name, Some(property)).unwrap()).unwrap();
    let stays = |change: &dyn Fn(&mut Value)| {
        let mut trace = whole.clone();
        change(&mut trace);
        TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue()).map(|_| ())
    };
    assert!(stays(&|_| {}).is_ok());
    let error = |change: &dyn Fn(&mut Value)| match stays(change) {
        Err(ReadError::RunLasso(why)) => why,
        other => panic!("{other:?}"),
    };
    // The paper's protocol goes on from there.
    let lawful = |trace: &mut Value| {
        trace["rules"] = json!("castro99");
        trace["steps"] = json!([]);
        trace["lasso"]["stable_after"] = json!(0);
        trace["lasso"]["repeats_after"] = json!(0);
    };
    assert!(matches!(error(&lawful), LassoError::Timer | LassoError::Reached));
    assert_eq!(error(&|trace| trace["lasso"]["stable_after"] = json!(1u64 << 40)), LassoError::Order);
    assert_eq!(error(&|trace| trace["lasso"]["then"] = json!(RunLasso::LOOP)), LassoError::Repeats);
    assert_eq!(error(&|trace| trace["lasso"]["repeats_after"] = json!(1u64 << 40)), LassoError::Order);
    // A part of a run that goes round where it does not.
    let around = |trace: &mut Value| {
        trace["lasso"]["then"] = json!(RunLasso::LOOP);
        trace["lasso"]["stable_after"] = json!(0);
        trace["lasso"]["repeats_after"] = json!(0);
    };
    assert_eq!(error(&around), LassoError::Open);
    let other = |trace: &mut Value| trace["lasso"]["property"] = json!("agreement");
    assert!(matches!(stays(&other), Err(ReadError::Contradiction(_))));
    let nowhere = |trace: &mut Value| trace["lasso"]["then"] = json!("it sleeps");
    assert!(matches!(stays(&nowhere), Err(ReadError::Contradiction(_))));
}

#[test]
fn informal_trace_format_is_as_its_readers_expect_it() {
    let &(rulebook, property, ref trace) = &FOUND[0];
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
    // What Apalache asks for where it reads a trace.
    let types = itf["#meta"]["varTypes"].as_object().unwrap();
    assert!(
        types.keys().map(String::as_str).eq(vars.iter().copied().collect::<std::collections::BTreeSet<_>>())
    );
    assert_eq!(states[0]["mbt::actionTaken"], "init");
    assert_eq!(states[1]["mbt::actionTaken"], "deliver");
}

#[test]
fn what_cannot_have_happened_is_refused_with_the_step_and_the_reason() {
    let step = |change: &dyn Fn(&mut Value)| {
        let mut trace = example_in_words();
        change(&mut trace);
        match TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue()) {
            Err(ReadError::Step(why, of)) if of == "fixed-quorum" => why,
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
    // Under the paper's rules the same run stops where the paper's quorum is missing, in full as in words.
    for mut lawful in [example(), example_in_words()] {
        lawful["rules"] = json!("castro99");
        let Err(ReadError::Step(why, _)) = TraceFile::read(lawful.to_string(), &bft_check::bugs::catalogue())
        else {
            panic!()
        };
        assert!(why.to_string().starts_with("step 6:"), "{why}");
    }
}

/// A message in full can be forged no more than one in words.
#[test]
fn a_forged_message_is_refused_with_the_step_and_the_reason() {
    let because = |number: usize, change: &dyn Fn(&mut Value), words: &str| {
        let mut trace = example();
        change(&mut trace["steps"][number - 1]);
        match TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue()) {
            Err(ReadError::Step(ReplayError::Unfit(step, _, why), of)) if of == "fixed-quorum" => {
                assert_eq!(step, number, "{why}");
                assert!(why.contains(words), "{why}");
            }
            other => panic!("{other:?}"),
        }
    };
    // Step 3 is a PREPARE of r2, which is honest.
    let other = "1".repeat(64);
    because(
        3,
        &|step| step["message"]["PREPARE"]["says"]["digest"] = json!(other),
        "r2 has not signed this PREPARE",
    );
    because(3, &|step| step["message"]["PREPARE"]["by"] = json!("r3"), "r3 has not signed this PREPARE");
    because(
        3,
        &|step| step["message"] = json!({ "COMMIT": step["message"]["PREPARE"] }),
        "r2 has not signed this COMMIT",
    );
    because(3, &|step| step["message"]["PREPARE"]["by"] = json!("r02"), "'r02' is nobody");
    because(3, &|step| step["message"]["PREPARE"]["by"] = json!("nobody"), "'nobody' is nobody");
    because(
        3,
        &|step| step["message"]["PREPARE"]["says"]["view"] = json!(1u64 << 32),
        "4294967296 is more than",
    );
    because(3, &|step| step["message"]["PREPARE"]["says"]["view"] = json!(-1), "-1 is more than");
    because(3, &|step| step["message"]["PREPARE"]["says"]["more"] = json!(1), "unknown field");
    because(3, &|step| step["message"]["PREPARE"]["says"]["digest"] = json!("12"), "no digest");
    because(3, &|step| step["message"] = json!({ "PROPOSE": {} }), "unknown variant");
    because(3, &|step| step["message"] = json!([]), "no message");
    // The words and the message have to agree; a Byzantine replica's own message is not forged, but another one.
    because(3, &|step| step["event"] = json!("PREPARE v0 #1 c1.t1"), "the message in full is another one");
    because(3, &|step| step["from"] = json!("r0"), "the message in full is another one");
    because(3, &|step| step["to"] = json!("r01"), "nobody of that name");
    because(
        5,
        &|step| step["message"]["COMMIT"]["says"]["view"] = json!(1),
        "the message in full is another one",
    );
    // The batch of a proposal is the client's request.
    let batch = |step: &mut Value| {
        step["message"]["PRE-PREPARE"]["batch"][0]["says"]["operation"] = json!([1, 2]);
    };
    because(1, &batch, "c0 has not signed this REQUEST");
}

/// A Byzantine replica can send more than what a judge's adversary thinks of, and that is a run too.
#[test]
fn a_byzantine_message_outside_the_alphabet_of_the_judges_can_be_delivered() {
    let (rulebook, _, found) = FOUND.iter().find(|(r, ..)| r.name == "fixed-quorum").unwrap();
    let mut trace: Value = serde_json::from_str(&found.to_json(rulebook.name, None).unwrap()).unwrap();
    let mut strange = trace["steps"][4].clone();
    assert_eq!(strange["from"], "r0");
    let says = &mut strange["message"]["COMMIT"]["says"];
    says["digest"] = json!("7".repeat(64));
    strange["event"] = json!("COMMIT v0 #1 77777777");
    trace["steps"] = json!([strange]);
    let read = TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue()).unwrap();
    assert_eq!(read.trace.steps().len(), 1);
    assert_kept(&read.trace, rulebook.name, None);
}

#[test]
fn the_parts_of_an_itf_trace_have_to_agree() {
    let contradicts = |change: &dyn Fn(&mut Value)| {
        let mut itf = of_example(Form::Itf);
        change(&mut itf);
        match TraceFile::read(itf.to_string(), &bft_check::bugs::catalogue()) {
            Err(ReadError::Contradiction(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(contradicts(&|itf| itf["states"] = json!([])).contains("no states"));
    assert!(contradicts(&|itf| itf["states"][0]["event"] = json!("PREPARE")).contains("first state"));
    assert!(
        contradicts(&|itf| itf["states"][0]["mbt::actionTaken"] = json!("deliver")).contains("first state")
    );
    assert!(contradicts(&|itf| itf["loop"] = json!(3)).contains("loop"));
    assert!(contradicts(&|itf| itf["states"][3]["mbt::actionTaken"] = json!("crash")).contains("step 3"));
    let mut itf = of_example(Form::Itf);
    itf["states"][3]["message"] = json!("{");
    assert!(matches!(
        TraceFile::read(itf.to_string(), &bft_check::bugs::catalogue()),
        Err(ReadError::Step(ReplayError::Unfit(3, ..), _))
    ));
}

#[test]
fn files_that_are_no_traces_are_refused() {
    let text = example().to_string();
    for end in [1, text.len() / 2, text.len() - 1] {
        assert!(
            matches!(TraceFile::read(&text[..end], &bft_check::bugs::catalogue()), Err(ReadError::Json(_))),
            "cut off at {end}"
        );
    }
    for empty in ["", " \n\t"] {
        assert!(
            matches!(TraceFile::read(empty, &bft_check::bugs::catalogue()), Err(ReadError::Empty)),
            "{empty:?}"
        );
    }
    assert!(matches!(
        TraceFile::read([0xff, 0xfe, b'{'], &bft_check::bugs::catalogue()),
        Err(ReadError::Utf8(_))
    ));
    let deep = "[".repeat(100_000);
    assert!(matches!(TraceFile::read(&deep, &bft_check::bugs::catalogue()), Err(ReadError::Json(_))));
    for no_trace in ["[]", "{}", "3", r##"{"#meta": {}, "states": []}"##] {
        assert!(
            matches!(TraceFile::read(no_trace, &bft_check::bugs::catalogue()), Err(ReadError::Form(_))),
            "{no_trace}"
        );
    }
    let changed = |key: &str, value: Value| {
        let mut trace = example();
        trace[key] = value;
        TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue())
    };
    assert!(matches!(changed("rules", json!("nonsense")), Err(ReadError::Rules(name)) if name == "nonsense"));
    assert!(matches!(changed("steps", json!([{ "to": "r1" }])), Err(ReadError::Form(_))));
    assert!(matches!(changed("version", json!(2)), Err(ReadError::Version(v)) if v == 2));
    assert!(matches!(changed("version", json!("1")), Err(ReadError::Version(_))));
    assert!(matches!(changed("version", json!(null)), Err(ReadError::Version(_))));
    let mut itf = of_example(Form::Itf);
    itf["#meta"]["version"] = json!(0);
    assert!(matches!(
        TraceFile::read(itf.to_string(), &bft_check::bugs::catalogue()),
        Err(ReadError::Version(_))
    ));
    // Numbers that no field holds, and bounds that nobody explores.
    for (field, number) in
        [("views", "1e400"), ("slots", "99999999999999999999"), ("faults", "-1"), ("replicas", "70000")]
    {
        let name = format!("\"{field}\":{}", example()["bound"][field]);
        let text = example().to_string().replacen(&name, &format!("\"{field}\":{number}"), 1);
        let error = TraceFile::read(&text, &bft_check::bugs::catalogue()).unwrap_err();
        assert!(matches!(error, ReadError::Form(_) | ReadError::Json(_)), "{field}: {error}");
    }
    for (field, number) in [("views", 33), ("slots", 1u64 << 40), ("requests", 17), ("replicas", 33)] {
        let mut bound = example()["bound"].clone();
        bound[field] = json!(number);
        assert!(matches!(changed("bound", bound), Err(ReadError::Bound(_))), "{field}");
    }
    let mut bound = example()["bound"].clone();
    bound["faults"] = json!(5);
    assert!(matches!(changed("bound", bound), Err(ReadError::Bound(_))));
    // No step at all is a run.
    let nothing = changed("steps", json!([])).unwrap();
    assert!(nothing.trace.steps().is_empty() && nothing.trace.violation(Property::Agreement).is_none());
}

#[test]
fn shrunk_runs_need_each_of_their_steps() {
    for &(rulebook, property, ref trace) in FOUND.iter() {
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
    let &(_, property, ref trace) = FOUND.iter().find(|(r, ..)| r.name == "fixed-quorum").unwrap();
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
    assert_eq!(other.shrunk(Property::Linearizable).steps().len(), other.steps().len());
}

/// What a bound of that size allows is far too much to list; a message in full needs no list.
#[test]
fn a_large_bound_needs_the_messages_in_full() {
    let large = |mut trace: Value| {
        for (field, number) in [("views", 32), ("slots", 16), ("requests", 16)] {
            trace["bound"][field] = json!(number);
        }
        trace["steps"].as_array_mut().unwrap().truncate(4);
        TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue())
    };
    assert_eq!(large(example()).unwrap().trace.steps().len(), 4);
    let in_words = large(example_in_words()).unwrap_err();
    assert!(matches!(in_words, ReadError::Step(ReplayError::NeverSent(1, _), _)), "{in_words}");
}

// --- other forms ------------------------------------------------------------------------------------

#[test]
fn the_ending_of_a_file_names_the_form() {
    for (name, form) in [
        ("a.json", Form::Json),
        ("a.itf.json", Form::Itf),
        ("a.itf", Form::Itf),
        ("a.mmd", Form::Mermaid),
        ("a.txt", Form::Text),
        ("a.shiviz", Form::Shiviz),
        ("a.log", Form::Shiviz),
    ] {
        assert_eq!(Form::of(name), Ok(form));
    }
    for name in ["a", "a.jsn", "a.json.gz", "json", ""] {
        let error = Form::of(name).unwrap_err().to_string();
        assert!(error.contains(&format!("'{name}'")) && error.contains(".itf.json"), "{error}");
    }
}

/// The log is one that ShiViz reads: each entry as its first line says, each clock with its own host, whose time goes
/// up by one. And the clocks tell of causes: who receives knows what the sender knew.
#[test]
fn the_clocks_of_a_shiviz_log_are_vector_clocks() {
    let mut received = 0;
    for (rulebook, _, trace) in FOUND.iter().chain(STAYING.iter()) {
        let log = trace.to_shiviz();
        let mut lines = log.lines();
        assert_eq!(lines.next(), Some(r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})"));
        assert_eq!(lines.next(), Some(""));
        let mut times = BTreeMap::<String, u64>::new();
        let mut entries: Vec<(String, String, BTreeMap<String, u64>)> = Vec::new();
        let mut events = 0;
        while let Some(event) = lines.next() {
            let (host, clock) = lines.next().unwrap().split_once(' ').unwrap();
            let clock: BTreeMap<String, u64> = serde_json::from_str(clock).unwrap();
            let before = times.get(host).copied().unwrap_or_default();
            assert_eq!(clock[host], before + 1, "{}: {event}", rulebook.name);
            times.insert(host.to_owned(), clock[host]);
            // Nobody knows of a time that has not come yet.
            assert!(clock.iter().all(|(who, time)| *time <= times[who]), "{}: {event}", rulebook.name);
            if !event.starts_with("sends ") {
                // Each other entry is the next step.
                if let Event::Deliver(message) = &trace.steps()[events].event {
                    let (from, (_, rest)) = (message.signer(), event.split_once("receives ").unwrap());
                    let (words, _) = rest.split_once(&format!(" from {from}")).unwrap();
                    let says = |(who, text, _): &&(String, String, BTreeMap<String, u64>)| {
                        *who == from.to_string() && text.contains(words)
                    };
                    // What is sent to one alone is not among what an entry says.
                    if let Some((.., cause)) = entries.iter().find(says) {
                        let knows = cause.iter().all(|(who, time)| clock[who] >= *time);
                        assert!(knows, "{}: {event}", rulebook.name);
                        received += 1;
                    }
                }
                events += 1;
            }
            entries.push((host.to_owned(), event.to_owned(), clock));
        }
        assert_eq!(events, trace.steps().len(), "{}", rulebook.name);
    }
    assert!(received > 100, "{received}");
}

#[test]
fn diagrams_and_words_mark_where_a_run_stays() {
    for &(_, property, ref trace) in STAYING.iter() {
        let stay = trace.lasso().unwrap();
        let (mermaid, svg, text) =
            (trace.to_mermaid(Some(property)), trace.to_svg(), trace.to_text(Some(property)));
        for (form, stable) in
            [(&mermaid, "the network is stable"), (&svg, "the network is stable"), (&text, "stable")]
        {
            assert!(form.contains(stable), "{form}");
            let then = if stay.is_loop() { "for ever" } else { stay.then };
            assert!(form.contains(then), "{form}");
        }
    }
}

// --- random runs ------------------------------------------------------------------------------------

/// A rulebook at a bound of its own, or the paper's protocol there; some bounds with clients, crashes, checkpoints.
fn systems() -> impl Strategy<Value = (&'static Rulebook, Arc<System>)> {
    let light = |run: &&Row| {
        run.scope.load.is_none() && run.scope.slots <= 2 && run.scope.views <= 3 && run.scope.replicas <= 5
    };
    let runs = RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)));
    let runs: Vec<_> = runs.filter(|(_, run)| light(run)).collect();
    let castro99 = bugs::find("castro99").unwrap();
    (prop::sample::select(runs), any::<bool>(), 0u16..4).prop_map(
        move |((rulebook, run), lawful, byzantine)| {
            let bound = Bound::new(run.scope, [ReplicaId(byzantine % run.scope.replicas)]);
            let rulebook = if lawful { castro99 } else { rulebook };
            let open = matches!(run.expected, Expected::Violated(property) if property.is_liveness());
            let system =
                if open { System::open(bound, rulebook.rules) } else { System::new(bound, rulebook.rules) };
            (rulebook, Arc::new(system.unwrap()))
        },
    )
}

/// Walks through judge *message*: each choice, as far as there is one, is a number among the steps that are offered. Some
/// prefer what honest principals have sent, or nothing would ever be decided.
fn walk(system: &Arc<System>, choices: &[(usize, bool)]) -> Vec<(Principal, Event)> {
    let model = MessageModel::new(Arc::clone(system));
    let mut state = model.init_states().swap_remove(0);
    let mut events = Vec::new();
    for &(choice, prefers_honest) in choices {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let byzantine = &system.bound().byzantine;
        let is_honest = |event: &Event| matches!(event, Event::Deliver(m) if m.signer().replica().is_none_or(|id| !byzantine.contains(&id)));
        if prefers_honest && actions.iter().any(|action| is_honest(&action.event)) {
            actions.retain(|action| is_honest(&action.event));
        }
        if actions.is_empty() {
            break;
        }
        let action = actions.swap_remove(choice % actions.len());
        events.push((action.to, action.event.clone()));
        state = model.next_state(&state, action).unwrap();
    }
    events
}

proptest! {
    #![proptest_config(crate::common::cases(96))]

    /// Whatever the real replicas do, under the paper's rules and under broken ones: the trace of it is written and
    /// read without loss.
    #[test]
    fn random_runs_are_written_and_read_without_loss(
        (rulebook, system) in systems(),
        choices in prop::collection::vec((any::<usize>(), prop::bool::weighted(0.7)), 0..14),
    ) {
        let trace = Trace::replay(&system, &walk(&system, &choices)).unwrap();
        assert_kept(&trace, rulebook.name, None);
    }
}

proptest! {
    #![proptest_config(crate::common::cases(300))]

    /// Whatever a file holds, reading it ends in a trace or in an error.
    #[test]
    fn no_text_makes_the_reader_panic(cut in 0usize..6000, junk in ".{0,12}", keep in any::<bool>()) {
        let mut text = example().to_string();
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        if !keep {
            text.truncate(at);
        }
        text.insert_str(at.min(text.len()), &junk);
        let _ = TraceFile::read(&text, &bft_check::bugs::catalogue());
    }

    /// Numbers at the edges, in the bound and in the steps.
    #[test]
    fn no_number_makes_the_reader_panic(
        field in prop::sample::select(vec!["replicas", "faults", "views", "slots", "requests", "crashes", "reads"]),
        number in prop::sample::select(vec![0u64, 1, 2, 5, 40, 65_535]),
    ) {
        let mut trace = example();
        trace["bound"][field] = json!(number);
        let _ = TraceFile::read(trace.to_string(), &bft_check::bugs::catalogue());
    }
}
