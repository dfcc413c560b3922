//! The command line of a protocol of one's own, run as a person or a program runs it: that of the tutorial. And what holds of
//! that of `bft` too, flag by flag.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Folder, fits_the_schema, said};

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
    assert_eq!(holds["nodes"], 4);
    let bound = holds["bound"].to_string();
    assert!(bound.contains("From outside, each at most:"), "what comes from outside is said: {bound}");
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

/// In each command that may take long; and nothing is said where nothing was asked for.
#[test]
fn where_nobody_looks_on_lines_say_how_far_it_is() {
    let said_beside = |arguments: &[&str]| tutorial(arguments).2;
    let check = ["check", "--rounds", "3", "--property", "agreement", "--timeout", "3"];
    let err = said_beside(&[&check[..], &["--progress=1"]].concat());
    assert!(err.lines().count() >= 2 && err.lines().all(|line| line.contains(" to go")), "{err}");
    assert!(err.lines().all(|line| line.starts_with("safety with nobody Byzantine: ")), "{err}");
    assert!(err.contains("states/s") && err.contains("depth"), "{err}");
    assert_eq!(said_beside(&check), "");
    let liveness = ["check", "--rounds", "4", "--property", "liveness", "--byzantine", "n1,n2"];
    let err = said_beside(&[&liveness[..], &["--timeout", "2", "--progress=1"]].concat());
    assert!(err.starts_with("liveness with n1,n2 Byzantine: "), "{err}");
    let simulate = ["simulate", "--byzantine", "1", "--runs", "1000000", "--timeout", "3"];
    let err = said_beside(&[&simulate[..], &["--progress=1"]].concat());
    let runs = |line: &str| line.split(' ').next().unwrap().replace(',', "").parse::<u64>().unwrap();
    let all: Vec<_> = err.lines().map(runs).collect();
    assert!(all.len() >= 2 && all[0] > 0 && all.is_sorted_by(|before, after| before < after), "{err}");
    assert!(err.lines().all(|line| line.contains(" of 1,000,000 runs") && line.contains(" to go")), "{err}");
    assert!(!err.contains("  0 steps"), "{err}");
    assert_eq!(said_beside(&simulate), "");
    let (code, out, err) = tutorial(&["check", "--progress=0"]);
    assert!(code == 2 && out.is_empty() && err.contains("1..=86400"), "{err}");
}

/// What comes of it is the same; where it is done before a line is due there is none.
#[test]
fn to_say_how_far_it_is_changes_nothing_of_a_run_that_is_shrunk() {
    let folder = Folder::new("tutorial-shrinks");
    let trace = folder.file("run.json");
    assert_eq!(tutorial(&["check", "--draft", "1", "--property", "agreement", "--trace", &trace]).0, 10);
    let shrink = ["replay", "--draft", "1", "--shrink", &trace];
    assert_eq!(tutorial(&[&shrink[..], &["--progress=60"]].concat()), tutorial(&shrink));
}

/// They know the program by the name by which it is called, and the flags of the protocol.
#[test]
fn shells_and_readers_of_manuals_get_what_they_need() {
    let answer = |arguments: &[&str]| {
        let (code, out, err) = tutorial(arguments);
        assert_eq!((code, &*err), (0, ""), "{arguments:?}: {out}");
        out
    };
    let program = "tutorial-under-test";
    for (shell, words) in [
        ("bash", format!("-o default {program}\n")),
        ("zsh", format!("#compdef {program}")),
        ("fish", format!("complete -c {program}")),
    ] {
        let script = answer(&["completions", shell]);
        for word in [&*words, "save-every", "rounds", "progress"] {
            assert!(script.contains(word), "{shell}: '{word}' is not in: {script}");
        }
        assert!(!script.contains("bft"), "{shell}: it is of this program: {script}");
    }
    let page = answer(&["man"]);
    assert!(page.starts_with(".ie") && page.contains("Exit codes") && page.contains("simulate"), "{page}");
    assert!(page.contains(".TH tutorial-under-test 1"), "{page}");
    let page = answer(&["man", "check"]);
    assert!(page.contains("save\\-every") && page.contains("\\-\\-draft"), "{page}");
    assert!(page.contains(".TH tutorial-under-test-check 1"), "{page}");
    for (wrong, words) in [(["man", "nothing"], "'nothing'"), (["completions", "nothing"], "bash")] {
        let (code, out, err) = tutorial(&wrong);
        assert!(code == 2 && out.is_empty() && err.contains(words), "{wrong:?}: {err}");
    }
    assert!(tutorial(&["man", "nothing"]).2.contains("tutorial-under-test --help"));
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

/// A flag with a number, and the greatest that its help speaks of.
struct Number {
    flag: String,
    most: u128,
}

/// The flags of a command that take a number, by its help. Each has to say how great it may be.
fn numbers(program: &str, command: &str) -> Vec<Number> {
    let output = Command::new(program).args([command, "--help"]).stdin(Stdio::null()).output().unwrap();
    let (code, help, _) = said(&output);
    assert_eq!(code, 0, "{command}");
    let mut blocks: Vec<String> = Vec::new();
    for line in help.lines() {
        match (line.trim_start().starts_with("--"), blocks.last_mut()) {
            (true, _) => blocks.push(line.to_owned()),
            (false, Some(block)) => *block += &format!(" {}", line.trim()),
            (false, None) => {}
        }
    }
    let takes_one = |block: &&String| {
        let first = block.split_whitespace().take(2).collect::<String>();
        ["N", "F", "K", "L", "D", "SECONDS", "MIB", "TICKS", "SEED"]
            .iter()
            .any(|name| first.contains(&format!("<{name}>")))
    };
    blocks.iter().filter(takes_one).map(|block| number(command, block)).collect()
}

fn number(command: &str, block: &str) -> Number {
    let flag = block.trim().split(|c: char| c != '-' && !c.is_alphanumeric()).next().unwrap().to_owned();
    let words = block.split("[default").next().unwrap();
    let most =
        words.rsplit_once("up to ").into_iter().chain(words.rsplit_once(" to ")).find_map(|(_, most)| {
            // With four replicas.
            let most = most.replace("(n - 1) / 3", "1");
            let digits: String =
                most.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
            digits.parse().ok()
        });
    Number { most: most.unwrap_or_else(|| panic!("{command} {flag}: no bound is said: {block}")), flag }
}

/// What a program answers when it is given this; it must not go on with it.
fn given(program: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("{arguments:?} is taken");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    said(&child.wait_with_output().unwrap())
}

/// Before anything is allocated, started or served for it. What a flag needs beside it is left out: its number is read first.
/// What is said is the bound: up to it a number is taken.
#[test]
fn every_number_has_a_bound_that_is_said_and_beyond_it_none_is_taken() {
    let [bft, tutorial] = [env!("CARGO_BIN_EXE_bft-under-test"), env!("CARGO_BIN_EXE_tutorial-under-test")];
    let mut tried = 0;
    for (program, commands) in [
        (bft, &["check", "bugs", "simulate", "explore", "replay"][..]),
        (tutorial, &["check", "simulate", "explore", "replay"]),
    ] {
        for command in commands {
            // Something that is not taken, or ends it at once, whatever the number is.
            let end = match *command {
                "check" | "simulate" => "--timeout=0",
                "explore" => "--addr=256.0.0.1:0",
                "replay" => "/no/such/trace.json",
                _ => "no-such-rulebook",
            };
            for Number { flag, most } in numbers(program, command) {
                for beyond in
                    [(most + 1).to_string(), format!("{}0", u64::MAX), "-1".to_owned(), "x".to_owned()]
                {
                    let number = format!("{flag}={beyond}");
                    let (code, out, err) = given(program, &[command, number.as_str()]);
                    assert_eq!((code, &*out), (2, ""), "{command} {number}: {err}");
                    assert!(err.starts_with("error: ") && err.contains(&flag), "{command} {number}: {err}");
                    tried += 1;
                }
                let number = format!("{flag}={most}");
                let end = if flag == "--timeout" { "--threads=0" } else { end };
                let (_, _, err) = given(program, &[command, number.as_str(), end]);
                let is_too_much = ["at most", "..=", "are more than", "it is a number from"]
                    .iter()
                    .any(|words| err.contains(words) && err.contains(&flag));
                assert!(!is_too_much, "{command} {number}, as its help says: {err}");
            }
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn what_cannot_be_written_loses_no_verdict() {
    let folder = Folder::new("tutorial-unwritable");
    let [full, good, csv] = ["full.json", "good.json", "growth.csv"].map(|name| folder.file(name));
    symlink("/dev/full", &full).unwrap();
    let forked = ["check", "--draft", "1", "--property", "agreement"];
    let drawn =
        ["simulate", "--draft", "2", "--byzantine", "n0", "--property", "agreement", "--runs", "2000"];
    let said_and_complained = |arguments: &[&str], code: i32| {
        let (ended, out, err) = tutorial(arguments);
        assert_eq!(ended, code, "{arguments:?}: {out}{err}");
        assert!(out.contains("Violated: agreement"), "{arguments:?}: {out}");
        assert!(err.starts_with("error: ") && err.lines().count() == 1, "{arguments:?}: {err}");
    };
    said_and_complained(&[&forked[..], &["--trace", &full]].concat(), 10);
    said_and_complained(&[&forked[..], &["--stats", "/dev/full"]].concat(), 10);
    said_and_complained(&[&drawn[..], &["--trace", &full]].concat(), 10);
    assert_eq!(tutorial(&[&forked[..], &["--trace", &good]].concat()).0, 10);
    said_and_complained(&["replay", "--draft", "1", &good, "--trace", &full], 10);
    // None is written over another.
    let before = fs::read(&good).unwrap();
    for (arguments, words) in [
        (vec!["replay", "--draft", "1", &good, "--trace", &good], "the same file"),
        (vec!["check", "--around", &good, "--within", "1", "--trace", &good], "--around and --trace"),
        (vec!["check", "--stats", &csv, "--trace", &csv], "--trace and --stats"),
    ] {
        let (code, out, err) = tutorial(&arguments);
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
    assert_eq!(fs::read(&good).unwrap(), before);
}

#[test]
fn the_growth_of_a_search_is_a_table() {
    let folder = Folder::new("tutorial-stats");
    let file = folder.file("growth.csv");
    let (code, _, err) = tutorial(&["check", "--rounds", "1", "--stats", &file]);
    assert_eq!(code, 20, "{err}");
    let table = fs::read_to_string(&file).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0].join(","), "row,judge,byzantine,level,states,frontier,transitions,seconds,bytes");
    assert!(rows.iter().all(|row| row.len() == 9), "{table}");
    let of = |asked: &str| rows.iter().filter(|row| row[1] == asked).collect::<Vec<_>>();
    for asked in ["safety", "liveness"] {
        let rows = of(asked);
        assert!(rows.len() > 3 && rows.iter().all(|row| row[2] == "nobody lies"), "{table}");
        assert!(rows.is_sorted_by_key(|row| row[4].parse::<u64>().unwrap()), "{table}");
    }
    assert_eq!(of("safety").last().unwrap()[5], "0", "the last level leads to nothing new: {table}");
}

#[test]
fn continuous_integration_reads_the_rows_as_tests() {
    let junit = |arguments: &[&str], code: i32| {
        let (ended, out, err) = tutorial(&[arguments, &["--format", "junit"]].concat());
        assert_eq!(ended, code, "{arguments:?}: {out}{err}");
        assert!(out.starts_with("<?xml"), "{out}");
        out
    };
    let holds = junit(&["check", "--rounds", "1", "--property", "agreement"], 0);
    assert!(holds.contains("tests=\"1\"") && holds.contains("failures=\"0\" errors=\"0\""), "{holds}");
    let forked = junit(&["check", "--draft", "1", "--property", "agreement"], 10);
    assert!(forked.contains("<failure") && forked.contains("type=\"agreement\""), "{forked}");
    let some = junit(&["check", "--max-states", "50", "--property", "agreement"], 20);
    assert!(some.contains("errors=\"1\"") && some.contains("type=\"states\""), "{some}");
    let drawn =
        ["simulate", "--draft", "2", "--byzantine", "n0", "--property", "agreement", "--runs", "2000"];
    let found = junit(&drawn, 10);
    assert!(found.contains("failures=\"1\"") && found.contains("name=\"seed "), "{found}");
    assert!(junit(&["simulate", "--runs", "3"], 0).contains("name=\"seeds 0..3\""));
    let cut = junit(&["simulate", "--runs", "3", "--steps", "1"], 20);
    assert!(cut.contains("errors=\"1\"") && cut.contains("cut off"), "{cut}");
}

/// A limit ends what is under way too, and what was not covered is said.
#[test]
fn a_simulation_that_did_not_cover_what_was_asked_is_no_success() {
    let (code, out, _) = tutorial(&["simulate", "--timeout", "0"]);
    assert_eq!(code, 20, "{out}");
    assert!(out.contains("Not exhausted: 100 runs were not made"), "{out}");
    let start = Instant::now();
    let long = ["simulate", "--steps", "1000000000", "--runs", "1000000000", "--timeout", "1"];
    assert_eq!(tutorial(&long).0, 20);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// Verdicts are coloured where somebody sees them, and where it is asked for.
#[test]
fn verdicts_of_another_protocol_are_coloured_where_that_is_wanted() {
    let check = ["check", "--rounds", "1", "--draft", "3"];
    let colours = |color: &[&str]| tutorial(&[&check[..], color].concat()).1.contains('\u{1b}');
    assert!(!colours(&[]), "nobody sees it");
    assert!(colours(&["--color", "always"]));
    assert!(!colours(&["--color", "never"]));
}
