//! Every decoder, and the replica's step, against inputs that nobody wrote in good faith: there is no panic, and no input takes
//! more memory than is stated here. Some thousand inputs each under `cargo test`; ten million each by
//!
//! ```sh
//! cargo test --release --test hostile -- --ignored --test-threads 1
//! ```
//!
//! `BFT_INPUTS` says how many instead, `BFT_FIRST` from which on. All inputs are drawn from fixed seeds. Panics of the code under
//! test are none here: what is read is run under the paper's rules and under broken ones, and those may panic; the decoders may
//! not.

#![cfg(test)]

#[path = "common/changes.rs"]
mod changes;
#[allow(dead_code, unused_macros, reason = "of what the other tests share this one needs a part")]
#[path = "it/common/mod.rs"]
mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bft_check::check::protocol::Verdict;
use bft_check::check::{Check, Job, JudgeKind, Limits, Progress, run_on, save};
use bft_check::model::{Bound, Scope, System as Explored};
use bft_check::pbft::*;
use bft_check::protocol::{Network, NodeId, Protocol};
use bft_check::simulate::Report;
use bft_check::trace::TraceFile;
use peak_alloc::PeakAlloc;
use serde_json::Value;

use changes::{Choices, NUMBERS, change};
use common::notes::Notes;
use common::vote::{VOTE, Vote};
use common::{System, prepare};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// How many inputs the recipe tries.
fn many() -> u64 {
    std::env::var("BFT_INPUTS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000_000)
}

/// The number of the first input.
fn first() -> u64 {
    std::env::var("BFT_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// Under `cargo test`.
const FEW: u64 = 2_000;

/// Numbers of a linear congruential generator (Knuth, MMIX), eight bits of each.
fn drawn(seed: u64) -> [u8; 48] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
}

/// Gives each of so many inputs to `one`, which says whether it was taken; none may take more memory than `most`, in bytes. Says how
/// many were taken, and the most memory that one took. Inputs are counted in this process alone, so that what other tests
/// take at the same time is measured too: the bound holds all the same.
fn each(name: &str, inputs: u64, most: usize, mut one: impl FnMut(u64) -> bool) -> u64 {
    let (mut taken, mut worst) = (0, 0);
    for number in first()..first() + inputs {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        taken += u64::from(one(number));
        let took = MEMORY.peak_usage().saturating_sub(before);
        assert!(took <= most, "{name}: input {number} took {} KiB", took >> 10);
        worst = worst.max(took);
        if (number + 1) % 1_000_000 == 0 {
            println!("{name}: {} inputs so far, {taken} taken, {} KiB at most", number + 1, worst >> 10);
        }
    }
    println!("{name}: {inputs} inputs, {taken} taken, {} KiB at most", worst >> 10);
    taken
}

fn corpus(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("__fuzz__").join(name).join("corpus");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).filter(|text| text.len() < 20_000).collect()
}

/// A text with some bytes changed, left out, or written twice.
fn damaged(text: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=choices.below(3) {
        let place = (choices.below(65_536) * 65_536 + choices.below(65_536)) % bytes.len().max(1);
        match choices.below(5) {
            0 => bytes.truncate(place),
            1 if !bytes.is_empty() => bytes[place] ^= 1 << choices.below(8),
            2 if !bytes.is_empty() => drop(bytes.remove(place)),
            3 if !bytes.is_empty() => bytes.insert(place, choices.below(256) as u8),
            _ => {
                let end = (place + choices.below(64)).min(bytes.len());
                let again = bytes[place.min(end)..end].to_vec();
                bytes.splice(place..place, again);
            }
        }
    }
    bytes
}

// --- traces -------------------------------------------------------------------------------------------

/// A trace of some kilobytes is acted out on the real replicas. A Byzantine message of which the words alone stand in it is
/// looked for among all that could be said, within a bound that may be of 32 views.
const MOST_FOR_A_TRACE: usize = 256 * MIB;

fn traces(name: &str, inputs: u64) {
    let texts = corpus(name);
    let values: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let catalogue = bft_check::bugs::catalogue();
    let taken = each(name, inputs, MOST_FOR_A_TRACE, |number| {
        let bytes = drawn(number);
        let mut choices = Choices(bytes.iter());
        let place = choices.below(texts.len());
        let input = spoilt(&texts[place], &values[place], 3, &mut choices);
        TraceFile::read(&input, &catalogue).is_ok()
    });
    assert!(taken > inputs / 100 && taken < inputs, "{taken} of {inputs} were taken");
}

// --- saves --------------------------------------------------------------------------------------------

/// What is read of a saved check is as long as its file, and the tables of its judge grow by what its journal asks for.
const MOST_FOR_A_SAVE: usize = 64 * MIB;

/// A file of some kind of saved check, and how it is read.
struct Saved<'a> {
    what: String,
    file: Vec<u8>,
    is_taken: Box<dyn Fn(&Path) -> bool + 'a>,
    tried: u64,
    taken: u64,
}

impl<'a> Saved<'a> {
    fn at(path: &Path, what: impl ToString, is_taken: impl Fn(&Path) -> bool + 'a) -> Self {
        let file = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        assert!(file.len() < 20_000);
        Saved { what: what.to_string(), file, is_taken: Box::new(is_taken), tried: 0, taken: 0 }
    }

    fn of_pbft(path: &Path, judge: JudgeKind) -> Self {
        let rules: &bft_check::bugs::Rulebook = bft_check::bugs::find("castro99").unwrap();
        let scope = Scope { views: 1, requests: 1, ..Scope::DEFAULT };
        let byzantine = if judge == JudgeKind::Unbounded { 1..2 } else { 0..0 };
        let job = Job::new(judge, Bound::new(scope, byzantine.map(|id| ReplicaId(id + 2))));
        let most = if judge == JudgeKind::Unbounded { 2 } else { 8 };
        let limits = Limits { max_states: Some(most), ..Limits::default() };
        let (outcome, left) =
            run_on(&job, rules.rules, None, &limits, None, &Progress::default(), None).unwrap();
        assert!(left.is_some(), "{judge} was not ended by the limit");
        save::write(path, &rules.into(), None, &[(&outcome, left.as_ref())]).unwrap();
        let read = move |path: &Path| save::read(path, &rules.into(), None, std::slice::from_ref(&job));
        Saved::at(path, judge, move |path| read(path).is_ok())
    }

    fn of_protocol<P: Protocol>(path: &Path, what: &str, check: Check<P>) -> Saved<'a>
    where
        Check<P>: 'a,
    {
        let check = check.threads(1);
        assert!(check.clone().max_states(4).save(path).run().unwrap().saved().is_some());
        Saved::at(path, what, move |path| {
            let checked = check.clone().max_states(1).resume(path).run();
            checked.is_ok_and(|it| !matches!(it.rows()[0].verdict, Verdict::Refused(_)))
        })
    }
}

fn saves(inputs: u64) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    // Most of what a file says of memory is kept off the disk.
    let folder = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { folder };
    let path = folder.join(format!("bft-hostile-{}.save", std::process::id()));
    let kinds = [JudgeKind::Guards, JudgeKind::Message, JudgeKind::Liveness, JudgeKind::Unbounded];
    let mut files: Vec<_> = kinds.map(|judge| Saved::of_pbft(&path, judge)).into();
    let network = Network::Fifo { cuts: 1, losses: 0 };
    files.push(Saved::of_protocol(&path, "messages", Check::new(Vote { network, ..VOTE }).crashes(1)));
    let notes = Check::new(Notes { topics: 1 }).byzantine([NodeId(0)]);
    files.push(Saved::of_protocol(&path, "quorums", notes));
    let taken = each("saves", inputs, MOST_FOR_A_SAVE, |number| {
        let bytes = drawn(number);
        let mut choices = Choices(bytes.iter());
        // The tables of judge unbounded take two hundred times as long to be had again as those of the first two.
        let place = match (choices.below(256), choices.below(8)) {
            (0, 0) => 3,
            (1..=4, _) => 2,
            (5..=24, _) => 4,
            (25, _) => 5,
            (other, _) => other % 2,
        };
        let saved = &mut files[place];
        let content = &saved.file[..saved.file.len() - 16];
        let mut input = damaged(content, &mut choices);
        if choices.below(16) > 0 {
            // It is a checksum, not a seal: whoever changes a file can put it right.
            let sum = xxhash_rust::xxh3::xxh3_128(&input).to_le_bytes();
            input.extend(sum);
        }
        let mut out = fs::File::create(&path).unwrap();
        out.write_all(&input).unwrap();
        drop(out);
        let is_taken = (saved.is_taken)(&path);
        (saved.tried, saved.taken) = (saved.tried + 1, saved.taken + u64::from(is_taken));
        is_taken
    });
    for Saved { what, tried, taken, .. } in &files {
        println!("saves: {tried} of {what}, {taken} taken");
    }
    fs::remove_file(&path).unwrap();
    assert!(taken < inputs, "{taken} of {inputs} were taken");
}

// --- reports and bounds -------------------------------------------------------------------------------

const MOST_FOR_JSON: usize = 4 * MIB;

/// A JSON text, damaged; or its value with up to so many changes.
fn spoilt(text: &str, value: &Value, changes: usize, choices: &mut Choices<'_>) -> Vec<u8> {
    if choices.below(2) == 0 {
        return damaged(text.as_bytes(), choices);
    }
    let mut value = value.clone();
    for _ in 0..=choices.below(changes) {
        change(&mut value, choices);
    }
    value.to_string().into_bytes()
}

fn reports(inputs: u64) {
    let whole = simulated_report();
    let text = serde_json::to_string(&whole).unwrap();
    let value = serde_json::to_value(&whole).unwrap();
    let catalogue = bft_check::bugs::catalogue();
    let taken = each("reports", inputs, MOST_FOR_JSON, |number| {
        let bytes = drawn(number);
        let mut choices = Choices(bytes.iter());
        let input = spoilt(&text, &value, 2, &mut choices);
        let Ok(report) = serde_json::from_slice::<Report>(&input) else { return false };
        let is_sound = report.validate(&catalogue).is_ok();
        let twice = bft_check::simulate::merge([report.clone(), report.clone()]);
        assert!(!is_sound || twice.is_err() || report.runs() == 0, "its seeds would count twice");
        is_sound
    });
    assert!(taken > inputs / 1000 && taken < inputs, "{taken} of {inputs} were taken");
}

fn simulated_report() -> Report {
    let simulation = bft_check::simulate::Simulation::new(bft_check::bugs::find("relabelled-batch").unwrap());
    let simulation = simulation.strategy(bft_check::simulate::StrategyKind::Random).seeds(0..60).keep_going();
    simulation.threads(1).run().unwrap().report().clone()
}

fn bounds(inputs: u64) {
    let bound = Bound::new(Scope { checkpoint: Some(1), window: Some(1), ..Scope::DEFAULT }, [ReplicaId(1)]);
    let text = serde_json::to_string(&bound).unwrap();
    let value = serde_json::to_value(&bound).unwrap();
    let taken = each("bounds", inputs, MOST_FOR_JSON, |number| {
        let bytes = drawn(number);
        let mut choices = Choices(bytes.iter());
        let input = spoilt(&text, &value, 3, &mut choices);
        let Ok(bound) = serde_json::from_slice::<Bound>(&input) else { return false };
        Explored::new(bound, &Castro99).is_ok()
    });
    assert!(taken > inputs / 100 && taken < inputs, "{taken} of {inputs} were taken");
}

// --- steps --------------------------------------------------------------------------------------------

/// What a replica keeps does not grow by the numbers in a message, only by how many there are.
const MOST_FOR_A_STEP: usize = MIB;

/// A number from the edges, or a small one.
fn edge(choices: &mut Choices<'_>) -> u64 {
    if choices.below(2) == 0 { choices.below(4) as u64 } else { NUMBERS[choices.below(NUMBERS.len())] }
}

/// Any message that somebody with the keys can make.
fn message(system: &System, choices: &mut Choices<'_>) -> Message {
    let from = choices.below(usize::from(system.n));
    let (view, seq) = (edge(choices), edge(choices));
    let batch = match choices.below(3) {
        0 => Batch::null(),
        client => system.batch(&[client as u32], edge(choices)),
    };
    let key = &system.keys.replicas[from];
    match choices.below(11) {
        0 => Message::Request(system.request(choices.below(4) as u32, edge(choices))),
        1 => Message::PrePrepare(common::proposal(key, view, seq, &batch)),
        2 => system.prepare(from, view, seq, batch.digest()),
        3 => system.commit(from, view, seq, batch.digest()),
        4 => system.checkpoint(from, seq, common::digest(edge(choices))),
        5 => system.status(from, view, choices.below(2) == 0, seq, edge(choices)),
        6 => Message::ViewChange(system.view_change(from, view, Vec::new())),
        7 => {
            let prepared = vec![system.claim(edge(choices) % 64, seq, &batch)];
            let stable = system.stable_claim(edge(choices), common::digest(1), choices.below(4));
            Message::ViewChange(system.view_change_from(from, view, stable, prepared))
        }
        8 => {
            let changes = (0..choices.below(5)).map(|by| system.view_change(by % 4, view, Vec::new()));
            let changes = changes.collect();
            let proposal = common::proposal(key, view, seq, &batch);
            common::new_view(key, view, changes, vec![proposal])
        }
        9 => {
            let snapshot =
                Snapshot { seq: SeqNum(seq), head: common::digest(2), clients: Default::default() };
            let decided = vec![system.decision(view, edge(choices), &batch, choices.below(4))];
            system.state(from, &snapshot, choices.below(4), decided)
        }
        _ => {
            Message::Prepare(prepare(&system.keys.replicas[usize::from(system.n)], view, seq, batch.digest()))
        }
    }
}

/// Each input is a run of a replica, of some ten steps.
fn steps(inputs: u64) {
    let tuned = System::with(4, &Castro99, |setting| {
        setting.checkpoint_interval = 2;
        setting.window = 4;
    });
    let systems = [System::new(4), tuned];
    let taken = each("steps", inputs, MOST_FOR_A_STEP, |number| {
        let (mut taken, mut effects) = (false, Vec::new());
        let first = drawn(number);
        let system = &systems[usize::from(first[0]) % systems.len()];
        let replica = &system.replicas[usize::from(first[1]) % 4];
        let mut state = replica.init();
        for step in 0..4 + u64::from(first[2] % 8) {
            let bytes = drawn(number * 16 + step + 1);
            let mut choices = Choices(bytes.iter());
            let message;
            let input = match choices.below(12) {
                0 => Input::Timeout,
                1 => Input::Retransmit,
                _ => {
                    message = self::message(system, &mut choices);
                    Input::Deliver(&message)
                }
            };
            effects.clear();
            let was = replica.check(&state, input).is_ok();
            let is = replica.step(&mut state, input, &mut effects).is_ok();
            assert_eq!(was, is, "what its check says is what it does");
            taken |= is;
        }
        // Nothing is kept beyond the window, whatever a message says.
        let setting = &system.setting;
        assert!(state.log().iter().count() as u64 <= setting.window + 1);
        let _ = Arc::strong_count(setting);
        taken
    });
    assert!(taken > inputs / 2, "{taken} of {inputs} were taken");
}

// --- the tests ----------------------------------------------------------------------------------------

macro_rules! tests {
    ($($name:ident $all:ident: $run:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let run: fn(u64) = $run;
                run(FEW);
            }

            #[test]
            #[ignore = "ten million inputs take minutes to hours"]
            fn $all() {
                let run: fn(u64) = $run;
                run(many());
            }
        )*
    };
}

tests! {
    some_json_traces all_json_traces: |inputs| traces("json_traces", inputs);
    some_itf_traces all_itf_traces: |inputs| traces("itf_traces", inputs);
    some_saves all_saves: saves;
    some_reports all_reports: reports;
    some_bounds all_bounds: bounds;
    some_steps all_steps: steps;
}
