//! The command line of a protocol of one's own, run as a person or a program runs it: that of the tutorial.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{fits_the_schema, said};

fn tutorial(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tutorial-under-test"));
    said(&command.args(arguments).stdin(Stdio::null()).output().unwrap())
}

/// The answer for programs, which is as the schema says, whatever it is.
#[track_caller]
fn json(arguments: &[&str], code: i32) -> Value {
    let (ended, out, err) = tutorial(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ended, code, "{arguments:?}: {out}{err}");
    let answer: Value =
        serde_json::from_str(&out).unwrap_or_else(|why| panic!("{arguments:?}: {why}: {out}{err}"));
    fits_the_schema(&answer);
    assert_eq!(answer["exit_code"], code);
    answer
}

#[test]
fn every_answer_for_programs_is_as_the_schema_says() {
    let forked = json(&["check", "--draft", "1", "--property", "agreement"], 10);
    assert_eq!(
        (&forked["rows"][0]["verdict"], &forked["rows"][0]["property"]),
        (&"violated".into(), &"agreement".into())
    );
    let holds = json(&["check", "--rounds", "1", "--property", "agreement"], 0);
    assert_eq!(holds["rows"].as_array().unwrap().len(), 1, "{holds:#}");
    let beyond = json(&["check", "--rounds", "1"], 20);
    assert_eq!(beyond["rows"][1]["limit"], "bound", "its liveness takes more rounds: {beyond:#}");
    let waits = ["check", "--draft", "3", "--property", "liveness", "--stops", "true", "--rounds", "4"];
    assert_eq!(json(&waits, 11)["rows"][0]["property"], "liveness");
    let some = json(&["check", "--max-states", "50"], 20);
    assert_eq!(
        (&some["rows"][0]["verdict"], &some["rows"][0]["limit"]),
        (&"not exhausted".into(), &"states".into())
    );
    assert_eq!(json(&["simulate", "--runs", "5"], 0)["runs"], 5);
    let found = json(
        &["simulate", "--draft", "2", "--byzantine", "n0", "--property", "agreement", "--runs", "2000"],
        10,
    );
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "it ends at the first");
    for wrong in [
        &["check", "--no-such-flag"][..],
        &["check", "--property", "truth"],
        &["check", "--losses", "1"],
        &["simulate", "--runs", "0"],
    ] {
        let message = json(wrong, 2)["error"]["message"].to_string();
        assert!(message.len() > 10, "{message}");
    }
}

/// Each with words that say what is wrong.
#[test]
fn numbers_beyond_their_bounds_are_refused() {
    for (arguments, words) in [
        (&["check", "--draft", "5"][..], &["--draft", "from 1 to 4"][..]),
        (&["check", "--draft", "first"], &["--draft", "from 1 to 4"]),
        (&["check", "--rounds", "0"], &["--rounds", "from 1 to 1000"]),
        (&["check", "--crashes", "256"], &["--crashes", "0..=255"]),
        (&["check", "--threads", "1025"], &["--threads", "1024"]),
        (&["check", "--timeout", "-1"], &["-1"]),
        (&["simulate", "--threads", "9999999"], &["--threads", "1024"]),
        (&["simulate", "--steps", "0"], &["--steps", "1..="]),
        (&["simulate", "--runs", "1000000001"], &["--runs", "1000000000"]),
        (&["simulate", "--seed", "18446744073709551615", "--runs", "3"], &["no seed is so large"]),
        (&["check", "--byzantine", "n9"], &["there is no n9 among 4 nodes"]),
    ] {
        let (code, out, err) = tutorial(arguments);
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        for word in words {
            assert!(err.contains(word), "{arguments:?}: '{word}' is not in: {err}");
        }
    }
}

#[test]
fn the_help_of_every_command_has_examples_exit_codes_and_bounds() {
    for command in ["check", "simulate", "replay", "explore"] {
        let (code, help, _) = tutorial(&[command, "--help"]);
        assert_eq!(code, 0);
        for part in ["Examples:\n", "Exit codes:\n", "Which draft, from 1 to 4"] {
            assert!(help.contains(part), "{command}: '{part}' is not in: {help}");
        }
    }
    assert!(tutorial(&["--help"]).1.contains("Exit codes:\n"));
}
