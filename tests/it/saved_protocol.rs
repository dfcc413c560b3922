//! Checks of protocols of one's own that are saved and go on: to the same as in one go, or they are refused with what differs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bft_check::check::protocol::{CheckedProtocol, Verdict};
use bft_check::check::save::SaveError;
use bft_check::check::{Check, CheckError, Limit};
use bft_check::protocol::{Effects, Input, Network, NodeId, Protocol};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::common::vote::{VOTE, Vote};
use crate::program::{Folder, bft, fits_the_schema, said};

fn tutorial(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tutorial-under-test"));
    said(&command.args(arguments).stdin(Stdio::null()).output().unwrap())
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = tutorial(&[arguments, &["--format", "json"]].concat());
    let answer = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{arguments:?}: {why}: {out}{err}"));
    fits_the_schema(&answer);
    (code, answer)
}

/// All of an answer's rows but how long they took.
fn rows(answer: &Value) -> Vec<Value> {
    let mut rows = answer["rows"].as_array().unwrap().clone();
    rows.iter_mut().for_each(|row| row["seconds"] = 0.into());
    rows
}

#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let (code, out, err) = tutorial(arguments);
    assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: '{word}' is not in: {err}");
    }
}

/// What is taken after all ends at once, by a limit.
#[track_caller]
fn not_gone_on(save: &str, words: &[&str]) {
    refused(&["check", "--resume", save, "--max-states", "50"], words);
}

/// Interrupted again and again, with nothing but the file to know from what it is about.
#[test]
fn a_check_goes_on_by_itself_and_comes_to_the_same_as_in_one_go() {
    let folder = Folder::new("tutorial-resumed");
    let save = folder.file("run.save");
    for (arguments, ends, least) in [
        (&["--draft", "1", "--property", "agreement"][..], 10, 2),
        // What is violated on a part of the graph is violated.
        (&["--draft", "3", "--property", "liveness", "--stops", "true", "--rounds", "4"], 11, 0),
        (&["--rounds", "2", "--property", "liveness"], 0, 2),
        (&["--rounds", "1"], 20, 2),
    ] {
        let (code, whole) = json(&[&["check"], arguments].concat());
        assert_eq!(code, ends, "{arguments:?}");
        let states = whole["rows"].as_array().unwrap().iter().map(|row| row["states"].as_u64().unwrap());
        let third = (states.max().unwrap() / 3).max(1);
        let _ = fs::remove_file(&save);
        let (mut rounds, mut most) = (0, third);
        let done = loop {
            let limit = most.to_string();
            let begin = [&["check"], arguments].concat();
            let from = ["check", "--resume", &save];
            let asked = if rounds == 0 { &begin[..] } else { &from[..] };
            let (code, answer) = json(&[asked, &["--max-states", &limit, "--save", &save]].concat());
            let is_over = answer["rows"].as_array().unwrap().iter().all(|row| row["limit"] != "states");
            if is_over {
                assert_eq!(code, ends, "{arguments:?}");
                break answer;
            }
            (rounds, most) = (rounds + 1, most + third);
        };
        assert!(rounds >= least, "{arguments:?}: {rounds} limits ended it");
        let [mut done, mut whole] = [rows(&done), rows(&whole)];
        if least == 0 {
            // How much was met by then is another matter.
            for row in done.iter_mut().chain(&mut whole) {
                for name in ["states", "transitions", "depth", "collision_probability"] {
                    row[name] = 0.into();
                }
            }
        }
        assert_eq!(done, whole, "{arguments:?} after {rounds} rounds");
    }
}

/// What was saved now and then, and what is saved when a signal comes, is gone on with.
#[test]
fn a_check_goes_on_after_a_signal() {
    let folder = Folder::new("tutorial-signal");
    let save = folder.file("run.save");
    let asked = ["check", "--rounds", "3", "--property", "agreement"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_tutorial-under-test"))
        .args([&asked[..], &["--save", &save, "--save-every", "1"]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !Path::new(&save).exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is saved");
        assert_eq!(child.try_wait().unwrap(), None, "it has ended before it could be saved");
        std::thread::sleep(Duration::from_millis(20));
    }
    let early = fs::read(&save).unwrap();
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let (code, out, err) = said(&child.wait_with_output().unwrap());
    assert_eq!(code, 20, "{out}{err}");
    assert!(out.contains("stopped by a signal") && err.contains("Saved: check --resume"), "{out}{err}");
    let last = folder.file("last.save");
    fs::copy(&save, &last).unwrap();
    fs::write(&save, early).unwrap();
    // The limit counts all states, those of before too.
    let some = |from: &[&str]| rows(&json(&[from, &["--max-states", "200000"]].concat()).1);
    let [whole, early, late] =
        [&asked[..], &["check", "--resume", &save], &["check", "--resume", &last]].map(some);
    // A fast machine has come further by then.
    for resumed in [early, late] {
        assert!(resumed == whole || resumed[0]["states"].as_u64() > Some(200_000), "{resumed:#?}");
    }
}

#[test]
fn what_does_not_fit_a_saved_check_is_named() {
    let folder = Folder::new("tutorial-fit");
    let save = folder.file("run.save");
    let (code, out, err) = tutorial(&["check", "--rounds", "3", "--max-states", "50", "--save", &save]);
    assert_eq!(code, 20, "{out}{err}");
    let goes_on = format!("Saved: check --resume {save} goes on from here.");
    assert!(err.contains(&goes_on), "{err}");
    for (arguments, words) in [
        (&["--rounds", "2"][..], &["--rounds is 3 there, and 2 here"][..]),
        (&["--draft", "1", "--stops", "true"], &["--draft is 4 there, and 1 here", "--stops is false there"]),
        (&["--byzantine", "1"], &["--byzantine is nobody there, and n0 or n1 or n2 or n3 here"]),
        (&["--crashes", "1"], &["--crashes is 0 there, and 1 here"]),
        (&["--property", "agreement"], &["--property is not given there, and agreement here"]),
        (&["--network", "fifo"], &["the network is any order there, and FIFO links here"]),
        (&["--unstable-rounds", "2"], &["--unstable-rounds is 1 there, and 2 here"]),
    ] {
        refused(&[&["check", "--resume", &save, "--max-states", "50"], arguments].concat(), words);
    }
    let (_, again) =
        json(&["check", "--resume", &save, "--rounds", "3", "--byzantine", "0", "--max-states", "50"]);
    assert_eq!(again["rows"][0]["limit"], "states", "what fits may be said again");
    // No file is written over another, and none is kept of what nothing is known.
    refused(&["check", "--save", &save], &["there is such a file already"]);
    refused(&["check", "--save", "x.save", "--trace", "x.save"], &["the same file"]);
    refused(&["check", "--save-every", "2"], &["--save"]);
    let trace = folder.file("run.json");
    assert_eq!(tutorial(&["check", "--draft", "1", "--property", "agreement", "--trace", &trace]).0, 10);
    let around =
        ["check", "--draft", "1", "--around", &trace, "--within", "1", "--save", &folder.file("around.save")];
    refused(&around, &["of what is near a run"]);
}

#[test]
fn a_saved_check_that_is_damaged_or_of_another_program_is_refused() {
    let folder = Folder::new("tutorial-damaged");
    let [save, other] = ["run.save", "other.save"].map(|name| folder.file(name));
    let begun = ["check", "--rounds", "3", "--max-states", "50", "--save", &save];
    assert_eq!(tutorial(&begun).0, 20);
    let own = fs::read(&save).unwrap();
    let with_sum = |content: &[u8]| [content, &xxh3_128(content).to_le_bytes()].concat();
    assert_eq!(with_sum(&own[..own.len() - 16]), own);
    for place in (0..own.len()).step_by(own.len() / 40) {
        let mut damaged = own.clone();
        damaged[place] ^= 4;
        fs::write(&other, &damaged).unwrap();
        not_gone_on(&other, &[&*other]);
        fs::write(&other, &own[..place]).unwrap();
        not_gone_on(&other, &[&*other]);
    }
    // It is a checksum, not a seal: whoever changes a file can put it right.
    let changed = |from: &str, to: &str| {
        let text: String = own[..own.len() - 16].iter().map(|&byte| char::from(byte)).collect();
        let content: Vec<u8> = text.replacen(from, to, 1).chars().map(|c| c as u32 as u8).collect();
        assert_ne!(content, own[..own.len() - 16]);
        fs::write(&other, with_sum(&content)).unwrap();
    };
    changed("[\"rounds\",\"3\"]", "[\"rounds\",\"0\"]");
    not_gone_on(&other, &["--rounds 0", "from 1 to 1000"]);
    changed("\"program\":\"", "\"program\":\"x");
    not_gone_on(&other, &[&*other]);
    let text = String::from_utf8_lossy(&own).into_owned();
    let digest = text.split("\"program\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    changed(&digest, &digest.chars().rev().collect::<String>());
    not_gone_on(&other, &["saved by another build"]);
    // What is of PBFT is of no other protocol, and the other way round.
    let pbft = folder.file("pbft.save");
    let (code, ..) =
        said(&bft(&["check", "--views", "2", "--byzantine", "r0", "--max-states", "9", "--save", &pbft]));
    assert_eq!(code, 20);
    not_gone_on(&pbft, &["it is of PBFT under the rules castro99"]);
    let (code, _, err) = said(&bft(&["check", "--resume", &save]));
    assert!(code == 2 && err.contains("it is of the protocol tendermint"), "{err}");
}

/// What a check says, but how long it took.
pub fn in_short(checked: &CheckedProtocol) -> Vec<(u64, u64, u64, &Verdict)> {
    let rows = checked.rows().iter();
    rows.map(|row| (row.coverage.states, row.coverage.transitions, row.coverage.depth, &row.verdict))
        .collect()
}

/// Goes on again and again, each time by so many states.
pub fn by_steps<P: Protocol>(check: &Check<P>, path: &Path, more: u64) -> (CheckedProtocol, u64) {
    let (mut most, mut rounds) = (more, 0);
    let (mut next, mut took) = (check.clone(), Vec::<Duration>::new());
    loop {
        let checked = next.max_states(most).save(path).run().unwrap();
        for (row, took) in checked.rows().iter().zip(&took) {
            let first = row.levels.first().map(|level| level.elapsed);
            assert!(first.is_none_or(|first| first >= *took), "the time goes on: {first:?} after {took:?}");
        }
        took = checked.rows().iter().map(|row| row.coverage.elapsed).collect();
        if checked.saved().is_none() {
            return (checked, rounds);
        }
        (most, rounds) = (most + more, rounds + 1);
        next = check.clone().resume(path);
    }
}

/// With a key and without, on links and in any order, with crashes, loss, and twins; what holds, and what is violated.
#[test]
fn every_kind_of_state_goes_on() {
    let folder = Folder::new("protocol-kinds");
    let forgetful = Vote { records: false, ..VOTE };
    for (number, network) in
        [Network::AnyOrder, Network::Fifo { cuts: 0, losses: 1 }, Network::Fifo { cuts: 1, losses: 0 }]
            .into_iter()
            .enumerate()
    {
        for is_keyed in [true, false] {
            let [kept, lost] = [VOTE, forgetful].map(|vote| Check::new(Vote { network, is_keyed, ..vote }));
            let mut checks = vec![lost.crashes(1)];
            // Of nodes without a key there are very many states.
            checks.extend(is_keyed.then(|| kept.clone().crashes(1)));
            checks.extend(is_keyed.then(|| kept.byzantine([NodeId(0)])));
            for (what, check) in checks.into_iter().enumerate() {
                let whole = check.run().unwrap();
                let states = whole.rows().iter().map(|row| row.coverage.states).max().unwrap();
                let path = folder.0.join(format!("{number}-{is_keyed}-{what}.save"));
                let (done, rounds) = by_steps(&check, &path, (states / 3).max(1));
                assert!(rounds >= 2 || states < 6, "{path:?}: {rounds} of {states} states");
                assert_eq!(in_short(&done), in_short(&whole), "{path:?}");
            }
        }
    }
}

#[test]
fn another_protocol_is_refused() {
    let folder = Folder::new("protocol-other");
    let path = folder.0.join("run.save");
    let check = Check::new(VOTE).crashes(1);
    assert!(check.clone().max_states(20).save(&path).run().unwrap().saved().is_some());
    let differences = |check: Check<Vote>| match check.resume(&path).run() {
        Err(CheckError::Save(SaveError::Other { differences, .. })) => differences.join("; "),
        other => panic!("{other:?}"),
    };
    assert!(differences(check.clone().crashes(2)).contains("--crashes is 1 there, and 2 here"));
    assert!(differences(check.network(Network::FIFO)).contains("the network is"));
    // What the file does not name shows when what was handed to its nodes is handed to them again.
    let forgetful = Check::new(Vote { records: false, ..VOTE });
    let again = forgetful.resume(&path).run();
    assert!(matches!(again, Err(CheckError::Save(SaveError::Build(_)))), "{again:?}");
}

/// Thousands of messages that may all arrive at once: the first state alone takes as many slow steps.
#[derive(Clone)]
struct Crowd {
    steps: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

const MANY: u32 = 3000;

impl Protocol for Crowd {
    type Node = u32;
    type Message = u32;
    type Event = ();
    type Value = u32;

    fn nodes(&self) -> usize {
        2
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> u32 {
        if id == NodeId(0) {
            (0..MANY).for_each(|number| effects.broadcast(number));
        }
        0
    }

    fn step(&self, node: &mut u32, input: Input<Self>, _: &mut Effects<Self>) {
        if let Input::Message { message, .. } = input {
            *node = message;
            if self.steps.fetch_add(1, Relaxed) == 10 {
                self.stop.store(true, Relaxed);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// It is asked for within an expansion too, and what nodes have done by then is kept.
#[test]
fn a_signal_ends_an_expansion() {
    let folder = Folder::new("protocol-expansion");
    let path = folder.0.join("run.save");
    let (steps, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let check = Check::new(Crowd { steps: Arc::clone(&steps), stop: Arc::clone(&stop) });
    let checked = check.clone().save(&path).run_until(&stop).unwrap();
    assert_eq!(checked.rows()[0].verdict, Verdict::NotExhausted(Limit::Stopped));
    // Each message is handed over twice.
    let taken = steps.load(Relaxed);
    assert!(taken < MANY as usize, "{taken} steps");
    assert_eq!(checked.saved(), Some(&*path));
    // To read it hands over again what was handed over, and no more.
    let again = check.resume(&path).run_until(&stop).unwrap();
    assert_eq!(again.rows()[0].verdict, Verdict::NotExhausted(Limit::Stopped));
    assert!(steps.load(Relaxed) <= 2 * taken + 2, "{taken} steps, then {}", steps.load(Relaxed));
}
