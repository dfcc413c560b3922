//! A check that several processes share comes to what one alone comes to, says so when one is lost, and leaves none behind.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
#[cfg(target_os = "linux")]
use std::process::{Child, Command};

use serde_json::Value;

use crate::program::{Folder, answer, command, fits_the_schema, json, refused, said};

/// Small bounds in which much is different: who takes part, what can happen, and how states are made up.
const BOUNDS: [&[&str]; 5] = [
    &["--judge", "message", "--views", "1", "--requests", "1", "--byzantine", "0"],
    &[
        "--judge",
        "message",
        "--views",
        "1",
        "--requests",
        "1",
        "--byzantine",
        "r0",
        "--clients",
        "--crashes",
        "1",
    ],
    &["--judge", "message", "--views", "1", "--byzantine", "r1"],
    &["--judge", "guards", "--views", "2", "--requests", "1"],
    &["--judge", "guards", "--views", "1", "--checkpoint", "1"],
];

/// Rulebooks that are violated in one view, with the judge that finds it.
const VIOLATED: [[&str; 2]; 5] = [
    ["message", "primary-twice"],
    ["message", "second-proposal"],
    ["message", "digest-blind-commit"],
    ["guards", "primary-twice"],
    ["guards", "weak-prepare"],
];

/// So many processes, each of so many threads.
const SHARED: [&[&str]; 4] =
    [&["--local", "1"], &["--local", "2"], &["--local", "4"], &["--local", "2", "--threads", "2"]];

fn asked<'a>(bound: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&["check"], bound, more].concat()
}

/// What must not depend on how many processes there are.
fn essence(answer: &Value) -> Vec<Value> {
    let rows = answer["rows"].as_array().unwrap();
    let fields =
        ["verdict", "states", "transitions", "depth", "unreached", "bound", "property", "steps", "trace"];
    rows.iter().map(|row| fields.iter().map(|field| row[field].clone()).collect()).collect()
}

#[test]
fn counts_depth_and_verdict_are_those_of_one_process_alone() {
    for bound in BOUNDS {
        let alone = essence(&json(&asked(bound, &[]), 0));
        for more in SHARED {
            assert_eq!(essence(&json(&asked(bound, more), 0)), alone, "{bound:?} {more:?}");
        }
    }
}

#[test]
fn a_violation_has_as_many_steps_as_one_process_finds_and_its_trace_does_not_depend_on_what_came_first() {
    for [judge, rules] in VIOLATED {
        let bound = ["--judge", judge, "--views", "1", "--byzantine", "r0", "--rules", rules];
        let alone = json(&asked(&bound, &[]), 10);
        let shared = |more: &[&str]| essence(&json(&asked(&bound, more), 10));
        let first = shared(SHARED[0]);
        for more in &SHARED[1..] {
            assert_eq!(shared(more), first, "{judge} {rules} {more:?}");
        }
        let steps = json(&asked(&bound, &["--local", "2"]), 10)["rows"][0]["steps"].clone();
        assert_eq!(steps, alone["rows"][0]["steps"], "{rules}");
    }
}

#[test]
fn the_processes_are_named_by_hand_as_well() {
    let folder = Folder::new("by-hand");
    let hosts = folder.file("hosts");
    fs::write(&hosts, places(2).join("\n")).unwrap();
    let bound = ["--judge", "message", "--views", "1", "--requests", "1", "--byzantine", "r0"];
    let process =
        |own| asked(&bound, &["--processes", "2", "--process", own, "--hosts", &hosts, "--format", "json"]);
    let other = command(&process("1")).stdout(Stdio::piped()).spawn().unwrap();
    let first: Value = serde_json::from_str(&answer(&process("0"), 0)).unwrap();
    fits_the_schema(&first);
    assert_eq!(essence(&first), essence(&json(&asked(&bound, &[]), 0)));
    let (code, out, err) = said(&other.wait_with_output().unwrap());
    assert_eq!((code, &*out, &*err), (0, "Process 0 says what came of it.\n", ""));
}

#[test]
fn processes_with_different_questions_refuse_each_other() {
    let folder = Folder::new("different");
    let hosts = folder.file("hosts");
    fs::write(&hosts, places(2).join("\n")).unwrap();
    let process = |own, requests| {
        asked(
            &["--judge", "message", "--views", "1", "--byzantine", "r0"],
            &["--requests", requests, "--processes", "2", "--process", own, "--hosts", &hosts],
        )
    };
    let other = command(&process("1", "2")).stderr(Stdio::piped()).spawn().unwrap();
    refused(&process("0", "1"), &["process 1", "does not share this check"]);
    let (code, _, err) = said(&other.wait_with_output().unwrap());
    assert!(code == 2 && err.contains("process 0"), "{code}: {err}");
}

#[test]
fn what_cannot_be_shared_is_refused() {
    refused(&["check", "--local", "2"], &["--judge message"]);
    refused(&["check", "--judge", "guards", "--clients", "--local", "2"], &["judge guards", "clients"]);
    refused(
        &["check", "--judge", "guards", "--reduce", "all", "--local", "2"],
        &["judge guards", "reductions"],
    );
    refused(&["check", "--judge", "unbounded", "--local", "2"], &["judge unbounded"]);
    refused(&["check", "--processes", "2"], &["--process"]);
    refused(&["check", "--judge", "message", "--processes", "2", "--process", "2"], &["numbered from 0"]);
    refused(&["check", "--judge", "message", "--local", "0"], &["--local"]);
    refused(&["check", "--patience", "3"], &["--patience"]);
    refused(&["check", "--shards", "x"], &["--shards"]);
    refused(&["check", "--judge", "message", "--local", "2", "--save", "x"], &["--save"]);
    let missing =
        ["check", "--judge", "message", "--processes", "2", "--process", "0", "--hosts", "no-such-file"];
    refused(&missing, &["no-such-file"]);
}

#[test]
fn limits_end_all_processes_and_nothing_is_said_to_hold() {
    let bound = ["--judge", "message", "--views", "1", "--byzantine", "r0"];
    let row = |more: &[&str]| json(&asked(&bound, more), 20)["rows"][0].clone();
    let states = row(&["--local", "2", "--max-states", "5000"]);
    assert_eq!((&states["verdict"], &states["limit"]), (&"not exhausted".into(), &"states".into()));
    assert!(states["states"].as_u64().unwrap() > 5000);
    // Neither of the two shares has so many, but both together have.
    let together = row(&["--local", "2", "--max-states", "100000"]);
    assert_eq!(together["limit"], "states");
    let time = row(&["--local", "2", "--requests", "4", "--timeout", "1"]);
    assert_eq!(time["limit"], "time");
}

/// Who is lost is noticed, and the others end with what was covered.
#[cfg(target_os = "linux")]
mod lost {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// More than can be searched while a test runs.
    const LONG: [&str; 8] = ["check", "--judge", "message", "--views", "2", "--byzantine", "r0", "--format"];

    /// A check that three processes share, a while after it has begun, and the two that were started for it.
    fn begun(patience: &str) -> (Child, Vec<String>) {
        let arguments = [&LONG[..], &["json", "--local", "3", "--patience", patience]].concat();
        let first = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let others = || children(first.id());
        while others().len() < 2 && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_secs(2));
        let others = others();
        assert_eq!(others.len(), 2, "three processes work together");
        (first, others)
    }

    fn children(of: u32) -> Vec<String> {
        let file = format!("/proc/{of}/task/{of}/children");
        fs::read_to_string(file).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn send(signal: &str, process: &str) {
        assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
    }

    fn is_there(process: &str) -> bool {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    }

    #[track_caller]
    fn ends_with_what_was_covered(first: Child, others: &[String], why: &str) {
        let (code, out, err) = said(&first.wait_with_output().unwrap());
        assert_eq!((code, &*err), (20, ""), "{out}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        fits_the_schema(&answer);
        let row = &answer["rows"][0];
        assert_eq!((&row["verdict"], &row["limit"]), (&"not exhausted".into(), &"process".into()));
        assert!(row["why"].as_str().unwrap().contains(why), "{row}");
        assert!(row["states"].as_u64().unwrap() > 1 && row["depth"].as_u64().unwrap() > 0, "{row}");
        assert!(others.iter().all(|other| !is_there(other)), "nobody is left behind");
    }

    #[test]
    fn a_process_that_is_killed_is_noticed_at_once() {
        let (first, others) = begun("60");
        let killed = Instant::now();
        send("-KILL", &others[1]);
        ends_with_what_was_covered(first, &others, "process 2 ended");
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    }

    #[test]
    fn a_process_that_is_stopped_is_noticed_when_patience_is_over() {
        let (first, others) = begun("2");
        send("-STOP", &others[0]);
        ends_with_what_was_covered(first, &others, "process 1 was not heard of any more");
    }

    /// Killed in the middle, it is started again with the same words, and comes to what one process alone comes to.
    #[test]
    fn a_search_of_which_a_process_is_killed_goes_on_when_it_is_started_again() {
        let folder = Folder::new("killed");
        let bound = ["--judge", "message", "--views", "1", "--byzantine", "r0"];
        for attempt in 0..5 {
            let kept = folder.file(&attempt.to_string());
            let arguments = asked(&bound, &["--local", "4", "--shards", &kept, "--format", "json"]);
            let first = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            let level = |level: u32| format!("{kept}/job-0.share-1.level-{level}");
            while fs::metadata(level(9)).is_err() && Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            if let Some(other) = children(first.id()).get(1) {
                send("-KILL", other);
            }
            let (code, out, err) = said(&first.wait_with_output().unwrap());
            if code == 0 {
                // It was too fast to be killed.
                continue;
            }
            assert_eq!((code, &*err), (20, ""), "{out}");
            let begun = fs::metadata(level(7)).unwrap().modified().unwrap();
            let gone_on = json(&asked(&bound, &["--local", "4", "--shards", &kept]), 0);
            assert_eq!(essence(&gone_on), essence(&json(&asked(&bound, &[]), 0)));
            assert_eq!(fs::metadata(level(7)).unwrap().modified().unwrap(), begun, "it began anew");
            return;
        }
        panic!("it was always too fast to be killed");
    }

    #[test]
    fn the_others_end_when_the_one_that_answers_is_killed() {
        let (mut first, others) = begun("60");
        send("-KILL", &first.id().to_string());
        first.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while others.iter().any(|other| is_there(other)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        let left: Vec<_> = others.iter().filter(|other| is_there(other)).collect();
        left.iter().for_each(|other| send("-KILL", other));
        assert!(left.is_empty(), "they go on without the first: {left:?}");
    }
}

#[test]
fn a_search_that_a_limit_ended_goes_on_from_its_shares() {
    let folder = Folder::new("shares");
    let kept = folder.file("kept");
    for bound in [BOUNDS[2], BOUNDS[3]] {
        let shared = ["--local", "2", "--shards", &kept];
        for more in ["100", "1500"] {
            json(&asked(bound, &[&shared[..], &["--max-states", more]].concat()), 20);
        }
        let gone_on = json(&asked(bound, &shared), 0);
        assert_eq!(essence(&gone_on), essence(&json(&asked(bound, &[]), 0)));
        // All is there now.
        assert_eq!(essence(&json(&asked(bound, &shared), 0)), essence(&gone_on));
        // Another number of processes has other shares.
        refused(
            &asked(bound, &["--local", "3", "--shards", &kept]),
            &["another question, or of other numbers"],
        );
        fs::remove_dir_all(&kept).unwrap();
    }
}

#[test]
fn a_violation_is_traced_back_through_levels_that_were_gone_on_from() {
    let folder = Folder::new("shares-violated");
    let kept = folder.file("kept");
    let bound = ["--judge", "message", "--views", "1", "--byzantine", "r0", "--rules", "second-proposal"];
    let shared = ["--local", "2", "--shards", &kept];
    json(&asked(&bound, &[&shared[..], &["--max-states", "2000"]].concat()), 20);
    let gone_on = essence(&json(&asked(&bound, &shared), 10));
    assert_eq!(gone_on, essence(&json(&asked(&bound, &["--local", "2"]), 10)));
}

/// Places of this machine at which nobody listens.
fn places(count: usize) -> Vec<String> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
}
