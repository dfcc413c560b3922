//! Inputs that once failed, each kind by what was tried then: limits that must limit, work that must not be lost, empty
//! success, files that cannot be what they claim, and words that must fit the screen.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use bft_check::model::{Property, Scope};
use bft_check::simulate::{End, Method, Settings, run};
use bft_check::trace::Trace;
use serde_json::{Value, json};

use crate::program::{
    Folder, answer, bft, command, fits_the_schema, json as for_programs, refused, said, text,
};

// --- limits that limit --------------------------------------------------------------------------------

/// Far beyond what these are given, and far below what they took when nobody looked at the limits: a minute and more.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_time_limit_ends_what_comes_before_the_search_and_what_is_between_two_states() {
    for arguments in [
        &["--replicas", "31", "--views", "1", "--byzantine", "r0", "--faults", "10"][..],
        &["--replicas", "22", "--views", "1", "--judge", "guards"],
        &["--judge", "unbounded", "--slots", "2", "--requests", "3"],
        &["--clients", "--reads", "8", "--requests", "8"],
        &["--slots", "16", "--requests", "16", "--views", "1"],
        &["--views", "3", "--judge", "guards"],
        &["--replicas", "16", "--views", "2", "--judge", "message"],
        &["--replicas", "13", "--property", "liveness"],
    ] {
        let start = Instant::now();
        let whole = [&["check", "--timeout", "1"], arguments].concat();
        let answer = for_programs(&whole, 20);
        assert!(start.elapsed() < SOON, "{arguments:?} took {:?}", start.elapsed());
        for row in answer["rows"].as_array().unwrap() {
            assert_eq!(
                (&row["verdict"], &row["limit"]),
                (&"not exhausted".into(), &"time".into()),
                "{row:#}"
            );
        }
    }
}

/// What comes before the search is work too.
#[test]
fn the_walks_before_the_search_are_in_its_time() {
    let answer =
        for_programs(&["check", "--views", "3", "--judge", "guards", "--timeout", "1", "--threads", "8"], 20);
    for row in answer["rows"].as_array().unwrap() {
        let (seconds, states) = (row["seconds"].as_f64().unwrap(), row["states"].as_u64().unwrap());
        assert!(seconds > 0.5, "{states} states in {seconds} s");
    }
}

/// The most memory that a process has held while it ran, in bytes, and how it has ended.
fn most_memory(mut child: Child) -> (u64, i32) {
    let mut most = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let held = held.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        most = most.max(held.unwrap_or(0) << 10);
        if let Some(status) = child.try_wait().unwrap() {
            return (most, status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn a_limit_of_memory_is_kept_inside_of_expansions_too() {
    for arguments in [
        &["--slots", "16", "--requests", "16", "--views", "1"][..],
        &["--replicas", "22", "--views", "1", "--judge", "guards"],
        // A table of the adversary takes a third more at once.
        &["--replicas", "7", "--views", "2", "--judge", "guards", "--byzantine", "r0,r1"],
        // A level of very many states is copied as it grows.
        &["--views", "3", "--judge", "message", "--byzantine", "r0"],
    ] {
        let whole = [&["check", "--memory", "150", "--timeout", "60"], arguments].concat();
        let child = command(&whole).stdout(Stdio::null()).spawn().unwrap();
        let (most, code) = most_memory(child);
        assert_eq!(code, 20, "{arguments:?}");
        // A tenth more at most; it was three times as much when nobody looked.
        assert!(most < 165 << 20, "{arguments:?}: {} MiB", most >> 20);
    }
}

/// Before anything is allocated or started for them.
#[test]
fn every_number_has_a_bound_that_is_said() {
    refused(&["check", "--threads", "65535"], &["65535", "1..=1024"]);
    refused(&["simulate", "--threads", "18446744073709551615"], &["1..=1024"]);
    refused(&["bugs", "--check", "--threads", "70000"], &["1..=1024"]);
    refused(&["simulate", "--partitions", "4294967295"], &["--partitions", "1,000"]);
    refused(&["simulate", "--partitions", "50000000"], &["--partitions", "1,000"]);
    refused(&["simulate", "--crashes", "9999999"], &["--crashes is at most 1000", "9999999"]);
    refused(&["simulate", "--steps", "18446744073709551615"], &["--steps", "1,000,000,000"]);
    refused(&["simulate", "--stable-at", "18446744073709551615"], &["--stable-at", "1,000,000,000"]);
    refused(&["simulate", "--depth", "4294967295"], &["--depth", "1,000"]);
    refused(&["simulate", "--runs", "18446744073709551615"], &["1..=1000000000"]);
    refused(&["simulate", "--seeds", "0..18446744073709551615"], &["1,000,000,000"]);
    refused(&["simulate", "--timeout", "1e18"], &["--timeout", "1,000,000,000"]);
    refused(&["check", "--timeout", "inf"], &["--timeout", "1,000,000,000"]);
    refused(&["check", "--memory", "18446744073709551615"], &["16777216"]);
    refused(&["check", "--max-states", "18446744073709551615"], &["4294967295"]);
    refused(&["bugs", "--matrix", "--runs", "18446744073709551615"], &["1000000"]);
    refused(&["bugs", "--matrix", "--tries", "18446744073709551615"], &["1000"]);
    // The last seeds that there are.
    let last = ["simulate", "--seeds", "18446744073709551613..18446744073709551615", "--threads", "4"];
    assert!(answer(&last, 0).contains("2 runs, "));
}

// --- signals ------------------------------------------------------------------------------------------

fn signal(child: &Child, signal: &str) {
    let status =
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Ends by itself after a signal: its exit code, and what it has printed.
fn ended(mut child: Child) -> (i32, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > SOON {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    (child.wait().unwrap().code().unwrap_or(-1), out)
}

/// A run that goes on, as it has said itself; and what it says further.
fn under_way(arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut command = command(&[arguments, &["--progress=1"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut line, mut rest) = (String::new(), BufReader::new(child.stderr.take().unwrap()));
    rest.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "{arguments:?} has ended");
    (child, rest)
}

/// Whether this process was told by nohup or the like that its terminal may go; what it begins takes that over.
fn ignores_hang_ups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[test]
fn a_signal_that_asks_a_process_to_end_is_as_an_interrupt() {
    let folder = Folder::new("signals");
    for name in ["INT", "TERM", "HUP"].into_iter().filter(|name| *name != "HUP" || !ignores_hang_ups()) {
        let save = folder.file(&format!("{name}.save"));
        let check = ["check", "--views", "3", "--judge", "message", "--byzantine", "r0", "--save", &save];
        let (child, _rest) = under_way(&check);
        signal(&child, name);
        let (code, out) = ended(child);
        assert_eq!(code, 20, "{name}: {out}");
        assert!(out.contains("stopped by a signal"), "{name}: {out}");
        // It is whole, and knows what it is of.
        assert_eq!(
            for_programs(&["check", "--resume", &save, "--timeout", "0"], 20)["rows"][0]["judge"],
            "message"
        );
    }
    let (child, _rest) = under_way(&["simulate", "--runs", "1000000"]);
    signal(&child, "INT");
    let (code, out) = ended(child);
    assert_eq!(code, 20, "{out}");
    assert!(out.contains("a signal ended it") && !out.contains("No violation"), "{out}");
}

/// Nobody waits for the rows that are left, nor for the runs of a method.
#[test]
fn a_signal_ends_the_kill_matrix_within_its_rows() {
    for arguments in [
        &["bugs", "--check", "--all", "--threads", "1"][..],
        // It holds, and that is slow to be exhausted: there are none but simulated runs.
        &["bugs", "--matrix", "later-view-change", "--runs", "1000000", "--tries", "1000", "--threads", "1"],
    ] {
        let (child, _rest) = under_way(arguments);
        signal(&child, "INT");
        let (code, out) = ended(child);
        assert_eq!(code, 20, "{arguments:?}: {out}");
    }
}

/// What comes after the search ends too: a run is shown as far as it was shrunk.
#[test]
fn a_signal_ends_the_shrinking_and_the_run_violates_what_it_did() {
    let folder = Folder::new("shrinking");
    let long = folder.file("long.json");
    let outcome = drawn_with_a_violation();
    fs::write(&long, outcome).unwrap();
    let (child, mut rest) = under_way(&["replay", &long, "--shrink"]);
    signal(&child, "INT");
    let (code, out) = ended(child);
    assert_eq!(code, 10, "{out}");
    assert!(out.contains("Violated: "), "{out}");
    let mut said = String::new();
    rest.read_to_string(&mut said).unwrap();
    assert!(said.contains("It was ended before all was tried"), "it has ended by itself: {said}");
}

/// A run as it was drawn, of many steps, in the project's own form.
fn drawn_with_a_violation() -> String {
    let rulebook = bft_check::bugs::find("weak-prepare").unwrap();
    let base = Method::Random.settings(rulebook);
    let scope = Scope { replicas: 13, faults: 4, ..base.scope };
    let settings = Settings { scope, byzantine: 4, steps: Settings::default_steps(13), ..base };
    let found = (0..300).find_map(|seed| {
        let outcome = run(rulebook.rules, &settings, seed, true, None).unwrap();
        match outcome.end {
            End::Violated { property, .. } if Property::SAFETY.contains(&property) => {
                Some((outcome, property))
            }
            _ => None,
        }
    });
    let (outcome, property) = found.unwrap();
    let trace = Trace::replay(&outcome.system, &outcome.happened()).unwrap();
    trace.to_json(rulebook.name, Some(property)).unwrap()
}

// --- work that must not be lost -----------------------------------------------------------------------

/// A verdict is told before any file is written, and no file changes its exit code.
#[test]
fn a_file_that_cannot_be_written_loses_no_verdict() {
    let folder = Folder::new("unwritable");
    let full = folder.file("full.json");
    symlink("/dev/full", &full).unwrap();
    let violated = |arguments: &[&str], code: i32, words: &str| {
        let (ended, out, err) = said(&command(arguments).current_dir(&folder.0).output().unwrap());
        assert_eq!(ended, code, "{arguments:?}: {out}{err}");
        assert!(out.contains(words), "{arguments:?}: {out}");
        assert!(err.starts_with("error: ") && err.lines().count() == 1, "{arguments:?}: {err}");
    };
    let check = ["check", "--rules", "weak-prepare", "--trace"];
    violated(&[&check[..], &[&full]].concat(), 10, "The shortest counterexample");
    violated(&[&check[..], &["/proc/none.json"]].concat(), 10, "The shortest counterexample");
    let good = folder.file("good.json");
    answer(&[&check[..], &[&good]].concat(), 10);
    violated(&["replay", &good, "--trace", &full], 10, "Violated: certificate-unique");
    violated(&["simulate", "--runs", "2", "--json", "/dev/full"], 0, "No violation in 2 runs");
    let drawn = ["simulate", "--rules", "relabelled-batch", "--strategy", "random", "--runs", "200"];
    violated(&[&drawn[..], &["--trace", &full]].concat(), 10, "VIOLATED in 1 of");
    violated(&["check", "--views", "1", "--stats", "/dev/full"], 0, "Holds within these bounds");
    // For programs it stands among the failures.
    let (code, out, err) = said(&bft(&[&check[..], &[&full, "--format", "json"]].concat()));
    let answer: Value = serde_json::from_str(&out).unwrap();
    fits_the_schema(&answer);
    assert_eq!((code, &answer["exit_code"]), (10, &10.into()), "{err}");
    assert!(answer["failures"][0].as_str().unwrap().contains("full.json"), "{answer:#}");
    // A file that must not be written stays as it was; nothing else is left.
    let old = folder.file("old.json");
    fs::write(&old, "old").unwrap();
    let mut mode = fs::metadata(&old).unwrap().permissions();
    mode.set_readonly(true);
    fs::set_permissions(&old, mode).unwrap();
    violated(&[&check[..], &[&old]].concat(), 10, "The shortest counterexample");
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");
    assert_eq!(folder.names(), ["full.json", "good.json", "old.json"]);
}

#[test]
fn a_working_directory_that_is_gone_loses_no_verdict() {
    let folder = Folder::new("gone");
    let inner = folder.file("inner");
    for arguments in [
        "check --rules weak-prepare --trace x.json",
        "simulate --rules relabelled-batch --strategy random --runs 200",
    ] {
        fs::create_dir_all(&inner).unwrap();
        let script = format!(
            "cd {inner} && rmdir {inner} && exec {} {arguments}",
            env!("CARGO_BIN_EXE_bft-under-test")
        );
        let (code, out, err) = said(&Command::new("sh").args(["-c", &script]).output().unwrap());
        assert_eq!(code, 10, "{out}{err}");
        assert!(out.contains("VIOLATED") && err.starts_with("error: --trace "), "{out}{err}");
    }
}

/// Who reads no more has read enough.
#[test]
fn a_pipe_that_is_closed_is_no_error() {
    for (arguments, code) in [
        (&["rules"][..], 0),
        (&["bugs"], 0),
        (&["--help"], 0),
        (&["man"], 0),
        (&["check", "--rules", "weak-prepare"], 10),
        (&["check", "--views", "1", "--format", "json"], 0),
        (&["simulate", "--runs", "1"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        // Neither is one that nobody can complain to.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command(arguments).stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn an_answer_that_does_not_arrive_is_one_line_and_no_success() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (arguments, code) in [
        (&["rules"][..], 2),
        (&["--help"], 2),
        (&["check", "--views", "1"], 2),
        (&["check", "--rules", "weak-prepare"], 10),
        (&["check", "--views", "1", "--timeout", "0"], 20),
    ] {
        let output = command(arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(
            err.starts_with("error: standard output") && err.lines().count() == 1,
            "{arguments:?}: {err}"
        );
    }
}

#[test]
fn no_file_is_written_over_another_that_was_asked_for_or_is_read() {
    let folder = Folder::new("same");
    let (x, other) = (folder.file("x.json"), folder.file("./x.json"));
    refused(&["check", "--views", "1", "--save", &x, "--trace", &other], &["--trace and --save", "x.json"]);
    refused(&["check", "--views", "1", "--stats", &x, "--trace", &x], &["--trace and --stats"]);
    refused(&["simulate", "--json", &x, "--trace", &x], &["--trace and --json"]);
    answer(&["check", "--rules", "weak-prepare", "--trace", &x], 10);
    let before = fs::read(&x).unwrap();
    refused(&["replay", &x, "--trace", &other], &["the same file", "x.json"]);
    let link = folder.file("link.json");
    symlink(&x, &link).unwrap();
    refused(&["replay", &x, "--trace", &link], &["the same file"]);
    refused(&["check", "--resume", &x, "--trace", &x], &["--trace and --resume"]);
    assert_eq!(fs::read(&x).unwrap(), before);
    let report = folder.file("report.json");
    answer(&["simulate", "--runs", "1", "--json", &report], 0);
    refused(&["simulate", "--merge", &report, "--json", &report], &["--merge and --json"]);
}

#[test]
fn several_processes_save_to_one_file_and_it_is_whole() {
    let folder = Folder::new("two");
    let save = folder.file("two.save");
    let part = folder.file("two.save.part");
    fs::write(&part, "mine").unwrap();
    for _ in 0..3 {
        let check = ["check", "--views", "1", "--byzantine", "r0", "--max-states", "50", "--save", &save];
        let both =
            [(); 2].map(|()| command(&check).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let said = both.map(|child| child.wait_with_output().unwrap());
        for output in &said {
            let err = text(&output.stderr);
            // Who comes later finds it there already.
            assert!(err.contains("Saved: ") || err.contains("there is such a file already"), "{err}");
        }
        assert_eq!(for_programs(&["check", "--resume", &save], 0)["rows"][0]["states"], 145);
        fs::remove_file(&save).unwrap();
    }
    assert_eq!(fs::read_to_string(&part).unwrap(), "mine");
    assert_eq!(folder.names(), ["two.save.part"]);
}

/// Every judge, interrupted again and again, comes to what it comes to in one go.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn a_check_that_was_saved_goes_on_by_itself_and_comes_to_the_same() {
    let folder = Folder::new("resumed");
    let save = folder.file("run.save");
    for arguments in [
        &["--views", "1", "--judge", "message", "--requests", "1", "--byzantine", "r0"][..],
        &["--views", "2", "--byzantine", "r0"],
        &["--property", "liveness", "--views", "1", "--byzantine", "r1"],
        &["--judge", "unbounded", "--requests", "1"],
        &["--judge", "unbounded", "--requests", "1", "--reduce", "silent,quotient"],
        &["--views", "2", "--byzantine", "r0", "--reduce", "silent"],
        &["--views", "2", "--byzantine", "r1", "--reduce", "silent,quotient"],
        &["--views", "2", "--byzantine", "r0", "--reduce", "symmetry"],
        &["--views", "2", "--byzantine", "r0", "--reduce", "silent,symmetry"],
    ] {
        let whole = for_programs(&[&["check"], arguments].concat(), 0);
        let row = |answer: &Value| {
            let row = &answer["rows"][0];
            ["verdict", "states", "transitions", "depth", "within_views", "unreached"]
                .map(|name| row[name].clone())
        };
        let states = whole["rows"][0]["states"].as_u64().unwrap();
        let mut rounds = 0;
        let mut most = (states / 3).max(1);
        let _ = fs::remove_file(&save);
        let done = loop {
            let limit = most.to_string();
            let begin = [&["check"], arguments].concat();
            let from = ["check", "--resume", &save];
            let asked = if rounds == 0 { &begin[..] } else { &from[..] };
            let arguments = [asked, &["--max-states", &limit, "--save", &save, "--format", "json"]].concat();
            let (code, out, err) = said(&bft(&arguments));
            let answer: Value = serde_json::from_str(&out).unwrap();
            fits_the_schema(&answer);
            if code == 0 {
                break answer;
            }
            assert_eq!(code, 20, "{arguments:?}: {out}{err}");
            (rounds, most) = (rounds + 1, most + (states / 3).max(1));
        };
        assert!(rounds >= 1, "{arguments:?}: no limit ended it");
        assert_eq!(row(&done), row(&whole), "{arguments:?} after {rounds} rounds");
    }
}

/// Ended in the middle of whatever it was at, it comes to the same too.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn a_check_that_was_interrupted_anywhere_comes_to_the_same() {
    let folder = Folder::new("interrupted");
    for (number, arguments) in [
        &["--views", "1", "--judge", "message", "--requests", "2", "--byzantine", "r0", "--threads", "3"][..],
        &["--views", "2", "--byzantine", "r0"],
        &["--property", "liveness", "--views", "1", "--byzantine", "r1"],
        &["--judge", "unbounded", "--requests", "1"],
        &["--views", "2", "--byzantine", "r1", "--reduce", "silent,quotient"],
        &["--views", "2", "--byzantine", "r0", "--reduce", "silent,symmetry"],
    ]
    .into_iter()
    .enumerate()
    {
        let save = folder.file(&format!("{number}.save"));
        let whole = for_programs(&[&["check"], arguments].concat(), 0);
        let (mut seconds, mut rounds) = (0.02, 0);
        let done = loop {
            let limit = seconds.to_string();
            let begin = [&["check"], arguments].concat();
            let from = ["check", "--resume", &save];
            let asked = if Path::new(&save).exists() { &from[..] } else { &begin[..] };
            let (code, out, err) =
                said(&bft(&[asked, &["--timeout", &limit, "--save", &save, "--format", "json"]].concat()));
            if code == 0 {
                let answer: Value = serde_json::from_str(&out).unwrap();
                fits_the_schema(&answer);
                break answer;
            }
            assert_eq!(code, 20, "{arguments:?}: {out}{err}");
            assert!(rounds < 200, "{arguments:?} does not come to an end");
            (seconds, rounds) = (seconds * 1.2, rounds + 1);
        };
        for name in ["verdict", "states", "transitions", "depth", "within_views"] {
            assert_eq!(
                done["rows"][0][name], whole["rows"][0][name],
                "{arguments:?}: {name} after {rounds} rounds"
            );
        }
    }
}

#[test]
fn a_check_is_saved_now_and_then_so_that_little_is_lost_with_the_process() {
    let folder = Folder::new("every");
    let save = folder.file("run.save");
    let check = ["check", "--views", "3", "--judge", "message", "--byzantine", "r0", "--save", &save];
    let mut child =
        command(&[&check[..], &["--save-every", "1"]].concat()).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !Path::new(&save).exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is saved");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let row = &for_programs(&["check", "--resume", &save, "--max-states", "1"], 20)["rows"][0];
    assert!(row["states"].as_u64() > Some(1) && row["seconds"].as_f64() > Some(0.5), "{row}");
    refused(&["check", "--save-every", "5"], &["--save"]);
    // It comes to the same as without.
    let small = ["check", "--views", "2", "--byzantine", "r0"];
    let every = folder.file("small.save");
    let paused = bft(&[&small[..], &["--save", &every, "--save-every", "1", "--format", "json"]].concat());
    let paused: Value = serde_json::from_str(&text(&paused.stdout)).unwrap();
    fits_the_schema(&paused);
    assert_eq!(paused["rows"][0]["states"], for_programs(&small, 0)["rows"][0]["states"]);
}

#[test]
fn what_does_not_fit_a_saved_check_is_named() {
    let folder = Folder::new("fit");
    let save = folder.file("run.save");
    answer_with_words(
        &[
            "check",
            "--rules",
            "castro99",
            "--views",
            "2",
            "--byzantine",
            "r0",
            "--max-states",
            "50",
            "--save",
            &save,
        ],
        20,
        &["Saved: bft check --resume"],
    );
    for (arguments, words) in [
        (&["--views", "3"][..], "--views is 2 there, and 3 here"),
        (&["--rules", "weak-prepare"], "--rules is castro99 there, and weak-prepare here"),
        (&["--judge", "message"], "--judge is guards there, and message here"),
        (&["--byzantine", "r1"], "--byzantine is r0 there, and r1 here"),
        (&["--property", "agreement"], "--property is all there, and agreement here"),
        (&["--crashes", "1", "--clients"], "--crashes is 0 there, and 1 here"),
        (&["--reduce", "symmetry"], "--reduce is none there, and symmetry here"),
    ] {
        refused(&[&["check", "--resume", &save], arguments].concat(), &[words]);
    }
    // What fits may be said again.
    answer(&["check", "--resume", &save, "--views", "2", "--judge", "guards", "--byzantine", "r0"], 0);
}

/// An answer with words beside it.
#[track_caller]
fn answer_with_words(arguments: &[&str], code: i32, words: &[&str]) {
    let (ended, out, err) = said(&bft(arguments));
    assert_eq!(ended, code, "{arguments:?}: {out}{err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: {err}");
    }
}

// --- no empty success ---------------------------------------------------------------------------------

#[test]
fn a_simulation_that_did_not_cover_what_was_asked_is_no_success() {
    let none = answer(&["simulate", "--timeout", "0"], 20);
    assert!(
        none.contains("Not exhausted: not all seeds were run") && !none.contains("No violation"),
        "{none}"
    );
    let cut = answer(&["simulate", "--steps", "1", "--runs", "3"], 20);
    assert!(cut.contains("3 runs were cut off by --steps 1") && !cut.contains("No violation"), "{cut}");
    assert_eq!(for_programs(&["simulate", "--steps", "1", "--runs", "1"], 20)["report"]["cut_off"], 1);
    let xml = answer(&["simulate", "--steps", "1", "--runs", "3", "--format", "junit"], 20);
    assert!(xml.contains("errors=\"1\"") && xml.contains("cut off"), "{xml}");
}

#[test]
fn a_flag_without_what_it_is_for_is_refused() {
    refused(&["check", "--lossy"], &["--lossy"]);
    refused(&["check", "--lossy-store"], &["--lossy-store"]);
    refused(&["check", "--byzantine", "r0,,r1"], &["r0,,r1"]);
    refused(&["check", "--byzantine", "r0,"], &["r0,"]);
    refused(&["check", "--byzantine", "r0,r1,r0"], &["names r0 twice"]);
    let folder = Folder::new("ignored");
    let report = folder.file("report.json");
    answer(&["simulate", "--runs", "1", "--json", &report], 0);
    for more in [
        &["--rules", "weak-prepare"][..],
        &["--runs", "5"],
        &["--keep-going"],
        &["--timeout", "3"],
        &["--no-trace"],
    ] {
        refused(&[&["simulate", "--merge", &report], more].concat(), &["--merge", more[0]]);
    }
}

// --- what cannot be what it claims ---------------------------------------------------------------------

#[test]
fn a_report_that_no_campaign_comes_to_is_not_merged() {
    let folder = Folder::new("forged");
    let (clean, found) = (folder.file("clean.json"), folder.file("found.json"));
    answer(&["simulate", "--runs", "5", "--json", &clean], 0);
    let drawn =
        ["simulate", "--rules", "relabelled-batch", "--strategy", "random", "--runs", "200", "--no-trace"];
    answer(&[&drawn[..], &["--json", &found]].concat(), 10);
    let read = |file: &str| -> Value { serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap() };
    let (clean_report, found_report) = (read(&clean), read(&found));
    let forged = folder.file("forged.json");
    let refuses = |report: &Value, words: &str| {
        fs::write(&forged, report.to_string()).unwrap();
        refused(&["simulate", "--merge", &forged], &[words]);
    };
    let with = |report: &Value, place: &str, value: Value| {
        let mut report = report.clone();
        *report.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
        report
    };
    refuses(&with(&clean_report, "/seeds", json!([[50, 0]])), "50..0 is no range");
    refuses(&with(&clean_report, "/seeds", json!([])), "not as many");
    refuses(&with(&clean_report, "/seeds", json!([[0, 3], [2, 4]])), "twice");
    refuses(&with(&clean_report, "/seeds", json!([[0, u64::MAX]])), "not as many");
    refuses(&with(&clean_report, "/seeds", json!([[0, u64::MAX], [u64::MAX, u64::MAX]])), "no range");
    refuses(&with(&clean_report, "/finished", json!(u64::MAX)), "not as many");
    refuses(&with(&clean_report, "/settings/scope/replicas", json!(0)), "make no sense");
    refuses(&with(&clean_report, "/settings/rules", json!("nobody's")), "'nobody's'");
    refuses(&with(&clean_report, "/settings/byzantine", json!(9)), "make no sense");
    refuses(&with(&clean_report, "/version", json!("0.0.1")), "version 0.0.1");
    refuses(&with(&clean_report, "/seconds", json!(-1.0)), "-1 seconds");
    refuses(&with(&clean_report, "/seconds", json!(1e300)), "seconds");
    refuses(&with(&found_report, "/findings", json!([])), "not as many");
    refuses(&with(&found_report, "/findings/0/seed", json!(100_000)), "was not run");
    refuses(&with(&found_report, "/findings/0/what", json!("something else")), "does not happen again");
    refuses(&with(&found_report, "/findings/0/property", json!("agreement")), "does not happen again");
    refuses(&with(&found_report, "/findings/0/steps", json!(1)), "does not happen again");
    refuses(&with(&found_report, "/settings/rules", json!("castro99")), "does not happen again");
    refuses(&with(&clean_report, "/counts/crashes", json!(11)), "have no 11 crashes");
    let mut misspelt = clean_report.clone();
    misspelt["settings"]["scope"]["checkqoint"] = json!(4);
    refuses(&misspelt, "checkqoint");
    for what in clean_report["counts"].as_object().unwrap().keys() {
        refuses(&with(&clean_report, &format!("/counts/{what}"), json!(u64::MAX)), "5 runs with at most");
    }
    // Counts that are more than there are numbers, only together.
    const RUNS: u64 = 100_000_000;
    let large = |from: u64| {
        let mut report = clean_report.clone();
        report["seeds"] = json!([[from, from + RUNS]]);
        report["finished"] = json!(RUNS);
        report["counts"]["delivered"] = json!(u64::MAX - 1);
        report
    };
    let (a, b) = (folder.file("a.json"), folder.file("b.json"));
    fs::write(&a, large(100).to_string()).unwrap();
    fs::write(&b, large(200).to_string()).unwrap();
    refused(&["simulate", "--merge", &a, &b], &["2^64"]);
    // As they are, they are taken.
    answer(&["simulate", "--merge", &clean], 0);
    assert!(answer(&["simulate", "--merge", &found], 10).contains("VIOLATED in 1 of"));
}

#[test]
fn a_trace_that_means_something_else_is_refused_and_one_with_a_mark_before_it_is_read() {
    let folder = Folder::new("traces");
    let good = folder.file("good.json");
    answer(&["check", "--rules", "weak-prepare", "--trace", &good], 10);
    let text = fs::read_to_string(&good).unwrap();
    let bad = folder.file("bad.json");
    let refuses = |content: String, words: &[&str]| {
        assert_ne!(content, text);
        fs::write(&bad, content).unwrap();
        refused(&["replay", &bad], words);
    };
    refuses(text.replacen("\"checkpoint\"", "\"checkqoint\"", 1), &["checkqoint"]);
    refuses(
        text.replacen("\"certificate-unique\"", "\"sertificate-unique\"", 1),
        &["no property 'sertificate-unique'", "did you mean"],
    );
    // A message for the last views that there are.
    for view in ["9223372036854775808", "18446744073709551615"] {
        refuses(text.replace("\"view\": 0", &format!("\"view\": {view}")), &["bad.json"]);
    }
    fs::write(&bad, format!("\u{feff}{text}")).unwrap();
    answer(&["replay", &bad], 10);
}

// --- said rightly -------------------------------------------------------------------------------------

#[test]
fn every_client_has_a_lane() {
    let folder = Folder::new("lanes");
    let (json, mermaid) = (folder.file("ur.json"), folder.file("ur.mmd"));
    answer(&["check", "--rules", "unordered-reads", "--trace", &json], 10);
    answer(&["replay", &json, "--trace", &mermaid], 10);
    let (trace, drawn): (Value, _) = (
        serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap(),
        fs::read_to_string(&mermaid).unwrap(),
    );
    for step in trace["steps"].as_array().unwrap() {
        for who in [&step["from"], &step["to"]].into_iter().filter_map(Value::as_str) {
            assert!(drawn.contains(&format!("participant {who} as")), "{who} has no lane: {drawn}");
        }
    }
    assert!(drawn.contains("participant c1 as c1"), "{drawn}");
}

#[test]
fn what_was_left_out_and_what_was_looked_at_is_said() {
    let symmetric = ["check", "--views", "1", "--reduce", "symmetry"];
    let out = answer(&symmetric, 0);
    assert!(out.contains("guards (symmetry)") && out.contains("Checked: agreement, "), "{out}");
    assert_eq!(for_programs(&symmetric, 0)["rows"][0]["reductions"], json!(["symmetry"]));
    let unbounded = &for_programs(&["check", "--judge", "unbounded", "--requests", "1"], 0)["rows"][0];
    assert_eq!(unbounded["bound"]["views"], "any");
    assert_eq!(unbounded["bound"]["byzantine"], json!({ "any": 1 }));
    assert!(unbounded["properties"].as_array().unwrap().contains(&"agreement".into()));
    assert!(unbounded["adversary"].as_str().unwrap().contains("most general"));
    let one = &for_programs(&["check", "--views", "1", "--property", "validity"], 0)["rows"][0];
    assert_eq!(one["properties"], json!(["validity"]));
}

#[test]
fn one_is_one() {
    let out = answer(&["simulate", "--runs", "1"], 0);
    assert!(out.contains("\n1 run, ") && out.contains("No violation in 1 run."), "{out}");
    let out = answer(&["check", "--views", "1", "--byzantine", "r1", "--max-states", "1"], 20);
    assert!(out.contains("stopped at 1 state)") && out.contains("1 state was visited"), "{out}");
    let out = answer(&["bugs", "--check", "lone-checkpoint", "--threads", "1"], 0);
    assert!(out.contains("\nThe row came out as it must.\n"), "{out}");
}

/// A counterexample of liveness has more views than its row says, and its first line says why.
#[test]
fn the_views_of_a_run_without_end_are_explained() {
    let out = answer(&["check", "--rules", "no-timer"], 11);
    assert!(out.contains("f of its views or more begin once the network is stable"), "{out}");
}

// --- words that fit -----------------------------------------------------------------------------------

fn at(columns: &str, arguments: &[&str]) -> String {
    let output = command(arguments).env("COLUMNS", columns).output().unwrap();
    text(&output.stdout)
}

#[test]
fn tables_and_words_fit_the_screen_and_break_no_name_and_no_number() {
    for arguments in [
        &["check", "--rules", "weak-prepare"][..],
        &["check", "--views", "1"],
        &["bugs", "--check", "believed-decisions", "weak-prepare"],
        &["bugs"],
        &["rules"],
        &["simulate", "--runs", "2"],
    ] {
        let wide = answer_at_any_width(arguments);
        for columns in ["60", "80", "100", "120"] {
            let narrow = at(columns, arguments);
            for line in narrow.lines() {
                let width = line.chars().count();
                assert!(width <= columns.parse().unwrap(), "{arguments:?} at {columns}: {width} in '{line}'");
            }
            for rulebook in bft_check::bugs::RULEBOOKS.iter().filter(|rulebook| wide.contains(rulebook.name))
            {
                let is_whole = narrow
                    .split(|c: char| !c.is_alphanumeric() && c != '-')
                    .any(|word| word == rulebook.name);
                assert!(is_whole, "{arguments:?} at {columns}: {} is broken:\n{narrow}", rulebook.name);
            }
        }
    }
}

fn answer_at_any_width(arguments: &[&str]) -> String {
    text(&bft(arguments).stdout)
}

#[test]
fn verdicts_are_coloured_where_that_is_wanted() {
    let colours = |arguments: &[&str], no_color: bool| {
        let mut command = command(arguments);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        text(&command.output().unwrap().stdout).contains('\u{1b}')
    };
    let check = ["check", "--views", "1"];
    assert!(!colours(&check, false), "nobody sees it");
    assert!(colours(&["check", "--views", "1", "--color", "always"], false));
    assert!(colours(&["--color", "always", "check", "--views", "1"], true), "it was asked for");
    assert!(!colours(&["check", "--views", "1", "--color", "never"], false));
}

/// What a terminal of so many columns shows, and the exit code.
fn in_a_terminal(columns: u16, arguments: &str) -> (i32, String) {
    let bft = env!("CARGO_BIN_EXE_bft-under-test");
    let line = format!("stty rows 24 cols {columns}; exec {bft} {arguments}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    let output = script.env("TERM", "xterm").env_remove("COLUMNS").env_remove("NO_COLOR").output().unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout))
}

/// Errors and help as well, which know the screen by themselves.
#[test]
fn a_real_terminal_is_filled_and_not_overrun() {
    for (arguments, ends) in [
        ("check --lossy", 2),
        ("check --no-such-flag --views 2", 2),
        ("check --rules weak-prepare --trace /proc/none.json", 10),
        ("check --help", 0),
        ("--help", 0),
        ("rules", 0),
        ("simulate --runs 1", 0),
    ] {
        for columns in [60, 80, 200] {
            let (code, shown) = in_a_terminal(columns, arguments);
            assert_eq!(code, ends, "{arguments}: {shown}");
            // Bars are drawn over each other.
            let words = shown.rsplit("\u{1b}[2K").next().unwrap_or_default();
            let mut widest = 0;
            for line in words.lines() {
                let line: String = line
                    .split('\u{1b}')
                    .map(|part| {
                        part.split_once('m').map_or(
                            part,
                            |(sgr, rest)| {
                                if sgr.starts_with('[') { rest } else { part }
                            },
                        )
                    })
                    .collect();
                let width = line.trim_end().chars().count();
                assert!(width <= usize::from(columns), "{arguments} at {columns}: {width} in '{line}'");
                widest = widest.max(width);
            }
            assert!(widest > 20, "{arguments} at {columns}: {shown}");
        }
    }
    let (_, shown) = in_a_terminal(80, "check --views 1");
    assert!(shown.contains("\u{1b}[1m\u{1b}[32m"), "it holds in green: {shown:?}");
}

#[test]
fn what_was_meant_is_asked() {
    refused(&["check", "--rules", "weakprepare"], &["did you mean 'weak-prepare'?"]);
    refused(&["check", "--rules", "Weak_Prepare"], &["did you mean 'weak-prepare'?"]);
    refused(&["bugs", "weak-prepair"], &["did you mean 'weak-prepare'?"]);
    let (_, _, err) = said(&bft(&["check", "--rules", "weakprepare"]));
    assert!(err.len() < 200, "{err}");
    refused(&["check", "--vews", "2"], &["--views"]);
    refused(&["chekc"], &["check"]);
}

/// The long help of each command.
#[test]
fn help_has_examples_exit_codes_and_every_default() {
    for command in ["check", "rules", "bugs", "replay", "simulate"] {
        let help = answer(&[command, "--help"], 0);
        assert!(help.contains("Examples:\n  bft ") && help.contains("Exit codes:\n"), "{help}");
        let options = help.split("\nOptions:\n").nth(1).unwrap().split("\nExamples:").next().unwrap();
        let begins = |line: &&str| line.trim_start().starts_with('-');
        let mut blocks: Vec<String> = Vec::new();
        for line in options.lines().filter(|line| !line.is_empty()) {
            match blocks.last_mut() {
                Some(block) if !begins(&line) || line.starts_with("          ") => {
                    *block += &format!("\n{line}")
                }
                _ => blocks.push(line.to_owned()),
            }
        }
        for block in blocks.iter().filter(|block| block.lines().next().unwrap().contains('<')) {
            let first = block.lines().next().unwrap();
            // What there is nothing to do without has none.
            let is_needed = ["--merge", "--resume", "--process <"].iter().any(|flag| first.contains(flag));
            assert!(is_needed || block.contains("[default"), "{command}: no default for{block}");
        }
    }
    answer(&["--help"], 0);
}

#[test]
fn shells_and_readers_of_manuals_get_what_they_need() {
    for (shell, words) in [("bash", "complete -F"), ("zsh", "#compdef bft"), ("fish", "complete -c bft")] {
        let script = answer(&["completions", shell], 0);
        assert!(script.contains(words) && script.contains("save-every"), "{shell}: {script}");
    }
    let page = answer(&["man"], 0);
    assert!(page.starts_with(".ie") && page.contains("Exit codes") && page.contains("simulate"), "{page}");
    let page = answer(&["man", "check"], 0);
    assert!(page.contains("save\\-every") && page.contains("weak\\-prepare"), "{page}");
    refused(&["man", "nothing"], &["'nothing'"]);
    refused(&["completions", "nothing"], &["nothing", "bash"]);
}

// --- numbers for programs -----------------------------------------------------------------------------

#[test]
fn errors_are_for_programs_too() {
    for arguments in [
        &["check", "--rules", "nobody's"][..],
        &["check", "--views", "0"],
        &["check", "--no-such-flag"],
        &["replay", "/no/such/file"],
        &["simulate", "--merge", "/no/such/file"],
    ] {
        let (code, out, err) = said(&bft(&[arguments, &["--format", "json"]].concat()));
        let answer: Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"));
        fits_the_schema(&answer);
        assert_eq!((code, &answer["exit_code"]), (2, &2.into()), "{arguments:?}");
        assert!(err.starts_with("error: "), "{arguments:?}: a person reads it too");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn continuous_integration_reads_the_rows_as_tests() {
    let holds = answer(&["check", "--views", "1", "--format", "junit"], 0);
    assert!(holds.contains("tests=\"2\"") && holds.contains("failures=\"0\" errors=\"0\""), "{holds}");
    let violated = answer(&["check", "--rules", "weak-prepare", "--format", "junit"], 10);
    assert!(violated.contains("<failure") && violated.contains("type=\"certificate-unique\""), "{violated}");
    let limited = answer(&["check", "--views", "1", "--timeout", "0", "--format", "junit"], 20);
    assert!(limited.contains("errors=\"2\"") && limited.contains("type=\"time\""), "{limited}");
}

#[test]
fn the_growth_of_a_search_is_a_table() {
    let folder = Folder::new("stats");
    let file = folder.file("growth.csv");
    answer(&["check", "--views", "1", "--stats", &file], 0);
    let table = fs::read_to_string(&file).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("row,judge,byzantine,level,states,frontier,transitions,seconds,bytes"));
    let rows: Vec<Vec<String>> = lines.map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 9 && row[1] == "guards"), "{table}");
    // The last level of each row leads to nothing new, and has all its states.
    let last: Vec<_> =
        rows.iter().filter(|row| row[5] == "0").map(|row| (row[0].clone(), row[4].clone())).collect();
    assert_eq!(last, [("1".to_owned(), "145".to_owned()), ("2".to_owned(), "79".to_owned())]);
}

#[test]
fn where_nobody_looks_on_lines_say_how_far_it_is() {
    let lines = |arguments: &[&str]| {
        let (_, _, err) = said(&bft(arguments));
        err
    };
    let check = ["check", "--views", "3", "--judge", "message", "--byzantine", "r0", "--timeout", "3"];
    let err = lines(&[&check[..], &["--progress=1"]].concat());
    assert!(err.lines().count() >= 2 && err.contains("message r0: ") && err.contains("to go"), "{err}");
    assert_eq!(lines(&check), "");
    let err = lines(&["simulate", "--runs", "100000", "--timeout", "3", "--progress=1"]);
    assert!(err.contains("of 100,000 runs") && err.contains("to go"), "{err}");
    refused(&["check", "--progress=0"], &["1..=86400"]);
}

/// The bound of a file is read key by key.
#[test]
fn a_file_is_left_alone_by_who_only_reads_it() {
    let folder = Folder::new("left-alone");
    let good = folder.file("good.json");
    answer(&["check", "--rules", "weak-prepare", "--trace", &good], 10);
    let before = fs::read(&good).unwrap();
    let open = File::open(&good).unwrap();
    answer(&["replay", &good, "--shrink"], 10);
    assert_eq!(
        (fs::read(&good).unwrap(), open.metadata().unwrap().len()),
        (before.clone(), before.len() as u64)
    );
}

/// Who is told by nohup that its terminal may go is not ended by that.
#[test]
fn a_run_that_ignores_that_its_terminal_is_gone_goes_on() {
    let script = format!(
        "trap '' HUP; exec {} check --views 3 --judge message --byzantine r0 --timeout 4",
        env!("CARGO_BIN_EXE_bft-under-test")
    );
    let child = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "HUP");
    let (code, out) = ended(child);
    assert_eq!(code, 20, "{out}");
    assert!(out.contains("stopped by the timeout"), "{out}");
}
