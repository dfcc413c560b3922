//! The readers of traces, and of the messages in them, against hostile files: they never panic, and what they accept
//! they write again as it was. Run by `cargo test` for a second each, over the committed corpora and random bytes;
//! `cargo bolero test NAME` lets a coverage-guided fuzzer go on (see CONTRIBUTING).

#![cfg(test)]

#[path = "common/changes.rs"]
mod changes;

use std::fs;
use std::path::Path;

use bft_check::trace::{Form, TraceFile};
use serde_json::{Value, json};

use changes::{Choices, change};

/// Reads what may be a trace; what is accepted has to be written as it was, in both forms.
fn read(text: impl AsRef<[u8]>) -> bool {
    let text = text.as_ref();
    let Ok(read) = TraceFile::read(text, &bft_check::bugs::catalogue()) else { return false };
    let (rules, violates) = (read.subject.name(), read.violates);
    let given: Value = serde_json::from_slice(text).unwrap();
    let json = read.trace.written(Form::Json, rules, violates).unwrap();
    let itf = read.trace.written(Form::Itf, rules, violates).unwrap();
    let written: Value =
        serde_json::from_str(if given.get("#meta").is_some() { &itf } else { &json }).unwrap();
    assert_eq!(what_is_read(&given), what_is_read_of(&written, &given));
    for again in [&json, &itf] {
        let again = TraceFile::read(again, &bft_check::bugs::catalogue()).unwrap();
        assert_eq!(again.trace.written(Form::Json, rules, violates).unwrap(), json);
        assert_eq!(again.trace.written(Form::Itf, rules, violates).unwrap(), itf);
    }
    true
}

const BOUND: [&str; 13] = [
    "replicas",
    "faults",
    "views",
    "slots",
    "requests",
    "checkpoint",
    "window",
    "crashes",
    "store",
    "clients",
    "reads",
    "lossy",
    "byzantine",
];

/// The parts of a file that are read: all else in it is for readers.
fn what_is_read(file: &Value) -> Value {
    what_is_read_of(file, file)
}

/// The same, with messages in full only for the steps for which `asked` has them.
fn what_is_read_of(file: &Value, asked: &Value) -> Value {
    let head = file.get("#meta").unwrap_or(file);
    let part = |name: &str| head.get(name).cloned().unwrap_or_default();
    let bound: Vec<_> = BOUND.map(|name| part("bound").get(name).cloned().unwrap_or_default()).into();
    let lasso: Vec<_> = ["property", "stable_after", "repeats_after", "then"]
        .map(|name| part("lasso").get(name).cloned().unwrap_or_default())
        .into();
    let steps = |file: &Value| {
        let (steps, states) = (file.get("steps"), file.get("states"));
        let steps = steps.or(states).and_then(Value::as_array).cloned().unwrap_or_default();
        steps.into_iter().skip(usize::from(states.is_some()))
    };
    let given = steps(asked).map(|step| step.get("message").is_some_and(|m| !m.is_null() && *m != ""));
    let parts = steps(file).zip(given).map(|(step, given)| {
        let text = |name: &str| step.get(name).cloned().filter(|part| *part != "").unwrap_or_default();
        let message = match text("message") {
            Value::String(text) => serde_json::from_str(&text).unwrap(),
            message => message,
        };
        json!([
            text("from"),
            text("to"),
            text("event"),
            if given { without_nulls(message) } else { Value::Null }
        ])
    });
    let parts: Vec<_> = parts.collect();
    let repeats = file.get("loop").cloned().unwrap_or_default();
    json!([part("version"), part("rules"), part("open"), part("violates"), bound, lasso, parts, repeats])
}

/// A field that is null is a field that is not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn corpus(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("__fuzz__").join(name).join("corpus");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

// --- from bytes ---------------------------------------------------------------------------------------

#[test]
fn json_traces() {
    bolero::check!(name = "json_traces").for_each(|bytes: &[u8]| {
        assert!(read(bytes) || TraceFile::read(bytes, &bft_check::bugs::catalogue()).is_err())
    });
}

#[test]
fn itf_traces() {
    bolero::check!(name = "itf_traces").for_each(|bytes: &[u8]| {
        assert!(read(bytes) || TraceFile::read(bytes, &bft_check::bugs::catalogue()).is_err())
    });
}

/// Without changes they are traces: a corpus of files that are refused at once would test nothing.
#[test]
fn the_corpora_are_traces() {
    for name in ["json_traces", "itf_traces"] {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5);
        for text in corpus {
            assert!(read(&text), "{:?}: {text}", TraceFile::read(&text, &bft_check::bugs::catalogue()).err());
        }
    }
}

// --- from changes to traces ------------------------------------------------------------------------------

#[test]
fn changed_traces() {
    let files: Vec<Value> = ["json_traces", "itf_traces"]
        .iter()
        .flat_map(|name| corpus(name))
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect();
    let (accepted, refused) = (std::cell::Cell::new(0u32), std::cell::Cell::new(0u32));
    let one = |bytes: &[u8]| {
        let mut choices = Choices(bytes.iter());
        let mut file = files[choices.below(files.len())].clone();
        for _ in 0..=choices.below(3) {
            change(&mut file, &mut choices);
        }
        let counter = if read(file.to_string()) { &accepted } else { &refused };
        counter.set(counter.get() + 1);
    };
    // Some hundred changes that are the same in every run, of which both kinds come out; then random ones.
    let mut state = 1u64;
    for _ in 0..300 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(32)
        .collect();
        one(&bytes);
    }
    assert!(
        accepted.get() > 20 && refused.get() > 100,
        "{} accepted, {} refused",
        accepted.get(),
        refused.get()
    );
    let one = std::panic::AssertUnwindSafe(one);
    bolero::check!(name = "changed_traces").for_each(move |bytes: &[u8]| (*one)(bytes));
}
