//! The real binary: exit codes, messages, output in text and JSON, traces in files, and the explorer
//! over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Folder, answer, bft, json, refused, text};

#[test]
fn more_byzantine_replicas_than_f_are_a_question_with_a_warning() {
    let out = answer(&["check", "--views", "1", "--byzantine", "2"], 10);
    assert!(out.contains("More replicas are Byzantine than f"), "{out}");
    assert!(!answer(&["check", "--views", "1"], 0).contains("More replicas"));
}

/// A table's times and rates, which differ from run to run, as dots.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let Some(i) = words.iter().position(|word| *word == "s") else { return line.to_owned() };
        let is_row = i > 0 && words[i - 1].parse::<f64>().is_ok() && i + 1 < words.len();
        if is_row {
            [&words[..i - 1], &["…", "s", "…"], &words[i + 2..]].concat().join(" ")
        } else {
            line.to_owned()
        }
    });
    // The columns are as wide as what is in them.
    let lines = lines.map(|line| match line.contains("states/s") {
        true => line.split_whitespace().collect::<Vec<_>>().join(" "),
        false => line,
    });
    lines.map(|line| line + "\n").collect()
}

fn without_seconds(mut answer: Value) -> Value {
    for row in answer["rows"].as_array_mut().unwrap() {
        assert!(row["seconds"].take().as_f64().unwrap() >= 0.0);
    }
    answer
}

// --- exit codes -----------------------------------------------------------------------------------

#[test]
fn a_check_that_holds_ends_with_0() {
    let out = answer(&["check", "--views", "1"], 0);
    assert!(out.contains("Holds within these bounds"), "{out}");
    let all = json(&["check", "--views", "1", "--judge", "message", "--requests", "1"], 0);
    assert_eq!(all["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn a_violation_ends_with_10() {
    let out = answer(&["check", "--rules", "digest-blind"], 10);
    assert!(out.contains("VIOLATED: certificate-unique"), "{out}");
    answer(&["check", "--rules", "digest-blind", "--property", "certificate-unique"], 10);
    answer(&["check", "--rules", "digest-blind", "--property", "validity"], 0);
    // With more Byzantine replicas than f the protocol of the paper does not hold either.
    answer(&["check", "--views", "1", "--byzantine", "r0,r1"], 10);
    answer(&["check", "--rules", "digest-blind", "--judge", "message", "--byzantine", "r0"], 10);
}

#[test]
fn a_run_that_never_gets_on_ends_with_11() {
    let out = answer(&["check", "--rules", "no-timer"], 11);
    for part in ["VIOLATED: executed", "from here on the network is stable", "↻─ nothing more has to happen"]
    {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    let live = ["check", "--property", "liveness", "--views", "1"];
    assert!(answer(&live, 0).contains("f more after it"));
    let silent = json(&[&live[..], &["--byzantine", "r2,r3"]].concat(), 11);
    assert_eq!(silent["rows"][0]["judge"], "liveness");
    assert_eq!(silent["rows"][0]["trace"]["lasso"]["property"], "executed");
    // Every view fails, and each leads to one more.
    let forever = ["--rules", "short-window", "--byzantine", "r3", "--property", "answered"];
    let out = answer(&[&["check"], &forever[..]].concat(), 11);
    assert!(out.contains("in higher and higher views"), "{out}");
    refused(&["check", "--property", "liveness", "--judge", "message"], &["--judge message"]);
}

#[test]
fn any_number_of_views_is_a_question_of_its_own() {
    let unbounded = ["check", "--judge", "unbounded", "--requests", "1"];
    let out = answer(&unbounded, 0);
    for part in ["any 1", "any number of views", "holds", "states were visited within views"] {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    let broken =
        answer(&["check", "--judge", "unbounded", "--rules", "weak-commit", "--property", "agreement"], 10);
    assert!(broken.contains("Violated: agreement"), "{broken}");
    let out = answer(&["check", "--judge", "unbounded", "--rules", "stale-view-change"], 2);
    assert!(out.contains("a view change for one view justifies another"), "{out}");
    let limited = answer(&["check", "--judge", "unbounded", "--slots", "2", "--timeout", "0.5"], 20);
    assert!(limited.contains("stopped by the timeout") && !limited.contains("holds"), "{limited}");
    refused(&["check", "--property", "linearizable"], &["--clients"]);
    refused(&["check", "--judge", "unbounded", "--property", "stable-held"], &["--checkpoint"]);
    refused(&["check", "--judge", "unbounded", "--views", "2"], &["--views"]);
    refused(&["check", "--judge", "unbounded", "--byzantine", "r0,r1"], &["--byzantine"]);
    refused(&["check", "--judge", "unbounded", "--property", "liveness"], &["--judge unbounded"]);
}

#[test]
fn a_limit_ends_with_20_and_claims_nothing() {
    for limit in [["--max-states", "10"], ["--timeout", "0"]] {
        for judge in ["message", "guards"] {
            let arguments = [&["check", "--views", "1", "--judge", judge], &limit[..]].concat();
            let out = answer(&arguments, 20);
            assert!(out.contains("Not exhausted"), "{out}");
            assert!(!out.to_lowercase().contains("holds"), "{out}");
            for row in json(&arguments, 20)["rows"].as_array().unwrap() {
                assert_eq!(row["verdict"], "not exhausted");
            }
        }
    }
    // What was found within the limit stands.
    answer(&["check", "--rules", "digest-blind", "--byzantine", "r0", "--max-states", "1000"], 10);
}

#[test]
fn a_bound_that_makes_no_sense_is_refused_by_name() {
    refused(&["check", "--replicas", "0"], &["--replicas"]);
    refused(&["check", "--faults", "2"], &["--faults", "2", "4"]);
    refused(&["check", "--views", "0"], &["--views", "1"]);
    refused(&["check", "--slots", "0"], &["--slots", "1"]);
    refused(&["check", "--requests", "0"], &["--requests", "1"]);
    refused(&["check", "--views", "1000"], &["--views", "32", "1000"]);
    refused(&["check", "--crashes", "999"], &["--crashes", "15", "999"]);
    refused(&["check", "--byzantine", "4"], &["4", "Byzantine"]);
    refused(&["check", "--byzantine", "9"], &["9 Byzantine", "of 4", "--byzantine"]);
    refused(&["check", "--byzantine", "r0,r1,r2,r3"], &["4", "Byzantine"]);
    refused(&["check", "--byzantine", "r9"], &["r9", "4 replicas"]);
    refused(&["check", "--byzantine", "x"], &["--byzantine", "x"]);
    refused(&["check", "--byzantine", "-1"], &["-1"]);
    refused(&["check", "--replicas", "70000"], &["--replicas", "70000"]);
}

#[test]
fn what_would_do_nothing_is_refused_with_what_to_do() {
    refused(&["check", "--lossy"], &["--lossy", "--property liveness"]);
    refused(&["check", "--lossy-store"], &["--lossy-store", "--crashes"]);
    refused(&["simulate", "--lossy-store", "--crashes", "0"], &["--lossy-store", "--crashes"]);
    refused(&["check", "--checkpoint", "3"], &["--checkpoint 3", "--slots"]);
    refused(&["check", "--window", "4"], &["--window 4", "leave it out"]);
    refused(&["check", "--judge", "unbounded", "--crashes", "1"], &["--crashes", "--judge guards"]);
    refused(&["check", "--property", "agrement"], &["did you mean 'agreement'?"]);
    refused(&["check", "--property", "evidence"], &["bft simulate"]);
    refused(&["check", "--property", "agreement", "--byzantine", "r0,r1,r2"], &["one alone", "--byzantine"]);
}

/// What a bound says nothing of stands beside what holds, a rule that is broken first; and nothing of the kind where
/// something is violated.
#[test]
fn what_a_bound_does_not_exercise_is_named() {
    let out = answer(&["check", "--rules", "dictated-new-view", "--views", "1"], 0);
    let own =
        out.find("What holds says nothing of `follows`, which this rulebook overrides: it was never asked.");
    let others = out.find("What holds says nothing of `checkpoint_quorum`");
    assert!(own.is_some() && own < others, "{out}");
    assert!(!answer(&["check", "--rules", "digest-blind"], 10).contains("What holds"));
    let row = &json(&["check", "--views", "1", "--byzantine", "r1"], 0)["rows"][0];
    let count = |rule| row["rules"].as_array().unwrap().iter().find(|count| count["rule"] == rule).unwrap();
    assert_eq!(count("follows")["asked"], 0);
    assert!(count("prepare_quorum")["asked"].as_u64() > Some(0));
}

/// Before the placements of so many replicas, or the primaries of so many views, are listed.
#[test]
fn a_bound_that_could_never_finish_is_refused_at_once() {
    let start = Instant::now();
    refused(&["check", "--views", "18446744073709551615"], &["--views", "32", "18446744073709551615"]);
    refused(&["check", "--replicas", "33"], &["--replicas", "32", "33"]);
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
}

#[test]
fn other_bad_arguments_are_refused_by_name() {
    refused(&["check", "--rules", "pbft"], &["pbft", "castro99", "digest-blind"]);
    refused(&["explore", "--rules", "pbft"], &["pbft", "castro99", "digest-blind"]);
    refused(&["check", "--property", "termination"], &["termination", "agreement", "liveness"]);
    refused(&["check", "--judge", "third"], &["--judge", "third", "message", "guards"]);
    refused(&["check", "--threads", "0"], &["--threads", "1"]);
    refused(&["check", "--timeout=-1"], &["--timeout", "-1"]);
    refused(&["check", "--timeout", "nan"], &["--timeout", "NaN"]);
    refused(&["check", "--timeout", "soon"], &["--timeout", "soon"]);
    refused(&["check", "--max-states", "many"], &["--max-states", "many"]);
    refused(&["check", "--format", "xml"], &["--format", "xml", "json"]);
    refused(&["check", "--no-such-flag"], &["--no-such-flag"]);
    refused(&["chekc"], &["chekc"]);
}

/// Before the search, not after it.
#[test]
fn a_trace_that_cannot_be_written_is_refused_at_once() {
    let start = Instant::now();
    refused(&["check", "--views", "4", "--trace", "x.svg"], &["'x.svg'", ".itf.json", ".mmd", ".shiviz"]);
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    refused(&["check", "--trace", "/no/such/dir/x.json"], &["--trace", "/no/such/dir/x.json"]);
    let folder = Folder::new("refused");
    let path = folder.0.to_str().unwrap();
    refused(&["check", "--rules", "digest-blind", "--trace", path], &["--trace", path]);
}

/// Each with what is wrong, and where.
#[test]
fn a_file_that_is_no_trace_is_refused() {
    let folder = Folder::new("no-traces");
    let good = folder.file("good.json");
    answer(&["check", "--rules", "digest-blind", "--trace", &good], 10);
    let text = fs::read_to_string(&good).unwrap();
    answer(&["replay", &good], 10);
    let file = |content: &[u8]| {
        let file = folder.file("bad.json");
        fs::write(&file, content).unwrap();
        file
    };
    let bad = |content: &str, words: &[&str]| {
        let file = file(content.as_bytes());
        refused(&["replay", &file], &[&[file.as_str()], words].concat());
        refused(&["explore", "--trace", &file, "--addr", "127.0.0.1:0"], &[&[file.as_str()], words].concat());
    };
    bad("", &["empty"]);
    bad(&text[..text.len() / 2], &["no JSON", "EOF", "line"]);
    bad("[]", &["no trace"]);
    bad(&text.replace("\"version\": 1", "\"version\": 7"), &["version 7", "reads version 1"]);
    bad(&text.replace("\"digest-blind\"", "\"digest\""), &["'digest'", "bft rules"]);
    bad(
        &text.replace("\"views\": 1", "\"views\": 18446744073709551615"),
        &["--views", "18446744073709551615"],
    );
    bad(&text.replace("\"views\": 1", "\"views\": 1e999"), &["number out of range"]);
    bad(
        &text.replacen("\"event\": \"PREPARE v0", "\"event\": \"PREPARE v1", 1),
        &["step 3", "PREPARE v1", "another one"],
    );
    // Under the paper's rules it is a run too, and not a violation.
    let lawful = file(text.replace("\"digest-blind\"", "\"castro99\"").as_bytes());
    assert!(answer(&["replay", &lawful], 0).contains("here it violates nothing"));
    let file = file(&[b'{', 0xc3, 0x28]);
    refused(&["replay", &file], &[&file, "no text", "utf-8"]);
    refused(&["replay", &folder.file("none.json")], &["none.json", "No such file"]);
    refused(&["replay", &good, "--trace", "y"], &["'y'", ".itf.json"]);
}

#[test]
fn an_address_that_cannot_be_served_at_is_refused() {
    for open in ["0.0.0.0:0", "[::]:0"] {
        refused(&["explore", "--addr", open], &["--addr", open, "this machine only"]);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    refused(&["explore", "--addr", &addr], &["--addr", &addr]);
    let folder = Folder::new("taken");
    let trace = folder.file("trace.json");
    answer(&["check", "--rules", "digest-blind", "--trace", &trace], 10);
    refused(&["explore", "--trace", &trace, "--addr", &addr], &["--addr", &addr, "in use", "another port"]);
    refused(&["explore", "--trace", &trace, "--rules", "castro99"], &["--trace", "--rules"]);
    refused(&["explore", "--addr", "nowhere"], &["--addr", "nowhere"]);
    refused(&["explore", "--addr", "127.0.0.1:99999"], &["--addr", "127.0.0.1:99999"]);
}

// --- what is printed ------------------------------------------------------------------------------

#[test]
fn the_answer_of_a_check_that_holds() {
    insta::assert_snapshot!("holds", without_times(&answer(&["check", "--views", "1"], 0)));
}

#[test]
fn the_answer_of_a_check_that_finds_a_violation() {
    insta::assert_snapshot!("violated", without_times(&answer(&["check", "--rules", "digest-blind"], 10)));
}

#[test]
fn the_list_of_rulebooks() {
    insta::assert_snapshot!("rules", answer(&["rules"], 0));
}

#[test]
fn the_corpus_is_all_but_the_protocol_of_the_paper() {
    let listed = json(&["bugs"], 0);
    let names: Vec<_> =
        listed["bugs"].as_array().unwrap().iter().map(|bug| bug["name"].as_str().unwrap()).collect();
    let text = answer(&["bugs"], 0);
    for rulebook in bft_check::bugs::RULEBOOKS {
        assert_eq!(names.contains(&rulebook.name), rulebook.name != "castro99");
        assert_eq!(text.contains(rulebook.name), rulebook.name != "castro99");
    }
}

#[test]
fn the_kill_matrix_of_some_rows() {
    let names = ["weak-prepare", "partial-authenticator", "castro99"];
    let text = answer(&[&["bugs", "--check"], &names[..]].concat(), 0);
    for part in ["killed: certificate-unique", "killed: no-dead-end", "clean", "All 3 rows"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let json = json(&[&["bugs", "--check"], &names[..]].concat(), 0);
    assert_eq!(json["as_expected"], true);
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["bug"].as_str().unwrap()).collect::<Vec<_>>(), names);
    assert!(rows[0]["deliveries"].as_u64() >= rows[0]["steps"].as_u64());
    assert_eq!(rows[2]["steps"], Value::Null);
}

#[test]
fn questions_about_the_corpus_that_make_no_sense_are_refused() {
    refused(&["bugs", "no-such-bug"], &["no-such-bug", "weak-prepare"]);
    refused(&["bugs", "--all"], &["--check"]);
    refused(&["bugs", "--check", "--threads", "0"], &["--threads", "1"]);
}

#[test]
fn a_dead_end_is_asked_about_in_one_view_with_an_honest_primary() {
    let ask = ["check", "--property", "no-dead-end"];
    refused(&ask, &["--views 1"]);
    refused(&[&ask[..], &["--views", "1", "--byzantine", "r0"]].concat(), &["honest primary"]);
    answer(&[&ask[..], &["--views", "1"]].concat(), 0);
    let stuck = [&ask[..], &["--views", "1", "--rules", "first-receiver", "--byzantine", "0"]].concat();
    assert!(answer(&stuck, 10).contains("no-dead-end"));
}

#[test]
fn the_list_of_rulebooks_for_programs() {
    let all = json(&["rules"], 0);
    let rules = &all["rules"];
    assert_eq!(all["version"], env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = rules.as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    let expected: Vec<_> = bft_check::bugs::RULEBOOKS.iter().map(|rulebook| rulebook.name).collect();
    assert_eq!(names, expected);
    assert_eq!(rules[0]["class"], "correct");
    assert_eq!(rules[0]["runs"][0]["scope"]["replicas"], 4);
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn two_runs_print_the_same_but_for_the_time() {
    for (arguments, code) in [
        (&["check", "--views", "1", "--judge", "message", "--requests", "1"][..], 0),
        (&["check", "--rules", "prepared-lost"], 10),
        (&["check", "--rules", "prepared-lost", "--threads", "1"], 10),
        (&["check", "--rules", "digest-blind", "--judge", "message", "--byzantine", "r0"], 10),
    ] {
        let run = || without_times(&answer(arguments, code));
        assert_eq!(run(), run(), "{arguments:?}");
        let run = || without_seconds(json(arguments, code));
        assert_eq!(run(), run(), "{arguments:?}");
    }
    let by =
        |threads| without_times(&answer(&["check", "--rules", "prepared-lost", "--threads", threads], 10));
    assert_eq!(by("1"), by("3"));
}

#[test]
fn a_program_can_read_the_answer() {
    let holds = json(&["check", "--views", "1"], 0);
    assert_eq!((&holds["rules"], &holds["exit_code"]), (&"castro99".into(), &0.into()));
    let rows = holds["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "the primary Byzantine, or one of the others");
    for (row, (states, byzantine)) in rows.iter().zip([(145, 0), (79, 1)]) {
        assert_eq!((&row["verdict"], &row["judge"]), (&"holds".into(), &"guards".into()));
        assert_eq!((&row["states"], &row["bound"]["byzantine"]), (&states.into(), &vec![byzantine].into()));
        assert_eq!((&row["bound"]["replicas"], &row["bound"]["views"]), (&4.into(), &1.into()));
        assert!(row["collision_probability"].as_f64().unwrap() < 1e-20);
        assert_eq!(row["unreached"], Value::Array(vec![]));
        assert_eq!(row.get("trace"), None);
    }

    let violated = json(&["check", "--rules", "digest-blind"], 10);
    assert_eq!((&violated["rules"], &violated["exit_code"]), (&"digest-blind".into(), &10.into()));
    let rows = violated["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["verdict"] == "violated").unwrap();
    assert_eq!(row["property"], "certificate-unique");
    assert!(row["steps"].as_u64().unwrap() > 0);
    let trace = &row["trace"];
    assert_eq!((&trace["rules"], &trace["violates"]), (&"digest-blind".into(), &"certificate-unique".into()));
    assert_eq!(trace["bound"], row["bound"]);
    assert!(!trace["steps"].as_array().unwrap().is_empty());
    assert!(trace["explanation"].as_str().unwrap().contains("certificate"));
}

#[test]
fn a_counterexample_is_written_in_the_form_that_the_ending_names() {
    let folder = Folder::new("traces");
    let written = |name: &str| {
        let file = folder.file(name);
        let out = answer(&["check", "--rules", "digest-blind", "--trace", &file], 10);
        assert!(out.contains(&file), "{out}");
        fs::read_to_string(&file).unwrap()
    };
    let json: Value = serde_json::from_str(&written("trace.json")).unwrap();
    assert_eq!(json["violates"], "certificate-unique");
    let steps = json["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["event"].as_str().unwrap().starts_with("PRE-PREPARE")));
    let mermaid = written("trace.mmd");
    assert!(mermaid.starts_with("sequenceDiagram\n"), "{mermaid}");
    assert!(mermaid.contains("r0->>r1: PRE-PREPARE"), "{mermaid}");
    assert!(mermaid.contains("(Byzantine)"), "{mermaid}");
    assert!(written("trace.log").contains("\n\nsends PRE-PREPARE"));
    let itf: Value = serde_json::from_str(&written("trace.itf.json")).unwrap();
    assert_eq!(itf["#meta"]["format"], "ITF");
    let words = written("trace.txt");
    assert!(words.contains("Violated: certificate-unique"), "{words}");
    let out = answer(&["check", "--rules", "digest-blind"], 10);
    assert!(out.contains(&words), "the file says what is shown");

    // Nothing is violated, nothing is written.
    let file = folder.file("none.json");
    let out = answer(&["check", "--views", "1", "--trace", &file], 0);
    assert!(out.contains("There is no counterexample"), "{out}");
    assert!(!Path::new(&file).exists());
}

#[test]
fn help_and_version_are_answers() {
    let help = answer(&["--help"], 0);
    for command in ["check", "rules", "bugs", "explore"] {
        assert!(help.contains(command), "{help}");
        answer(&[command, "--help"], 0);
    }
    assert_eq!(answer(&["--version"], 0), format!("bft {}\n", env!("CARGO_PKG_VERSION")));
}

// --- the explorer ---------------------------------------------------------------------------------

/// A running explorer, ended with the test.
struct Explorer {
    child: Child,
    addr: SocketAddr,
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Explorer {
    fn start_with(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_bft-under-test"))
            .args(["explore", "--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut explorer = Explorer { child, addr: ([127, 0, 0, 1], 0).into() };
        // It says where it serves: port 0 is any that is free.
        let out = BufReader::new(explorer.child.stdout.take().unwrap());
        let addr = out.lines().find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("http://")?;
            rest.split_once('/')?.0.parse().ok()
        });
        explorer.addr = addr.unwrap();
        explorer
    }

    /// The body of the answer, once there is one.
    fn get(&self, path: &str) -> String {
        let start = Instant::now();
        loop {
            match self.try_get(path) {
                Ok(body) => return body,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{path}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", self.addr)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if head.split_whitespace().nth(1) != Some("200") {
            return Err(std::io::Error::other(head.to_owned()));
        }
        Ok(body.to_owned())
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }
}

/// stateright's explorer, behind the same port, at the counterexample.
#[test]
fn the_explorer_links_the_violation_and_draws_it() {
    let explorer = Explorer::start_with(&["--rules", "digest-blind", "--stateright"]);
    let start = Instant::now();
    let status = loop {
        let status = explorer.json("/stateright/0/.status");
        if status["done"] == true {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{status}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let properties = status["properties"].as_array().unwrap();
    let discovery = |name: &str| properties.iter().find(|p| p[1] == name).map(|p| p[2].clone());
    let path = discovery("certificate-unique").unwrap();
    let path = path.as_str().unwrap();
    assert!(!path.is_empty());

    // The link names each step by its place in the list; its last leads to the violation, drawn whole.
    let (before, last) = path.rsplit_once('/').unwrap();
    let next = explorer.json(&format!("/stateright/0/.states/{before}"));
    let end = &next[last.parse::<usize>().unwrap()];
    let svg = end["svg"].as_str().unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
    for part in ["PRE-PREPARE", "PREPARE", "r0 (Byzantine)", "c0.t1", "c1.t1"] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    let arrows = svg.matches("marker-end").count();
    assert_eq!(arrows, path.split('/').count() - 1, "an arrow for each step");
    assert!(end["action"].as_str().is_some_and(|action| !action.is_empty()));
}

#[test]
fn the_explorer_of_the_correct_rules_claims_no_violation() {
    let explorer = Explorer::start_with(&["--rules", "castro99", "--stateright"]);
    let status = explorer.json("/stateright/0/.status");
    for property in status["properties"].as_array().unwrap() {
        assert!(property[2].is_null() || property[0] != "Always", "{property}");
    }
    let initial = explorer.json("/stateright/0/.states/");
    assert_eq!(initial.as_array().unwrap().len(), 1);
    assert!(!explorer.json("/stateright/0/.states/0").as_array().unwrap().is_empty());
    assert!(explorer.get("/stateright/0/").to_lowercase().contains("<html"));
    assert!(explorer.get("/").to_lowercase().contains("<html"));
}

/// The bound flags of check, on the page.
#[test]
fn the_page_is_opened_in_the_bound_that_is_asked_for() {
    let explorer =
        Explorer::start_with(&["--rules", "castro99", "--views", "3", "--byzantine", "r1", "--clients"]);
    let session = explorer.json("/api/session?rules=castro99&views=3&byzantine=r1&clients=1");
    assert_eq!(session["bound"], "n=4 f=1, 3 views, 1 slot, 2 requests, clients");
    refused(&["explore", "--replicas", "3", "--faults", "1"], &["3f + 1"]);
    refused(&["explore", "--rules", "castro99", "--byzantine", "r7"], &["r7"]);
    refused(&["explore", "--property", "agrement"], &["agreement"]);
}

/// A trace on the page: its steps, and what its last state violates.
#[test]
fn a_trace_is_opened_in_the_explorer() {
    let folder = Folder::new("opened");
    let file = folder.file("trace.itf.json");
    answer(&["check", "--rules", "fixed-quorum", "--property", "agreement", "--trace", &file], 10);
    let json = folder.file("trace.json");
    answer(&["replay", &file, "--trace", &json], 10);
    let trace: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let page = Explorer::start_with(&["--trace", &file]);
    let told = page.json("/api/trace");
    let names: Vec<_> =
        told["trace"]["steps"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let state = page.json(&format!("/api/state?trace=1&steps={}", names.join("~")));
    let (steps, events) = (trace["steps"].as_array().unwrap(), state["events"].as_array().unwrap());
    assert_eq!(steps.len(), events.len());
    for (step, event) in steps.iter().zip(events) {
        assert_eq!((&step["event"], &step["to"]), (&event["words"], &event["at"]));
    }
    let violated = |it: &&Value| it["name"] == "agreement" && it["verdict"] == "violated";
    assert!(
        state["properties"].as_array().unwrap().iter().any(|it| violated(&it)),
        "{}",
        state["properties"]
    );
}

/// A run that stays is shown too, with where it stays.
#[test]
fn a_run_that_stays_is_opened_in_the_explorer() {
    let folder = Folder::new("staying");
    let file = folder.file("trace.json");
    answer(&["check", "--rules", "no-timer", "--trace", &file], 11);
    answer(&["replay", &file], 11);
    let itf = folder.file("trace.itf.json");
    answer(&["replay", &file, "--trace", &itf], 11);
    answer(&["replay", &itf], 11);
    let page = Explorer::start_with(&["--trace", &itf]);
    let told = page.json("/api/trace");
    let names: Vec<_> =
        told["trace"]["steps"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let state = page.json(&format!("/api/state?trace=1&steps={}", names.join("~")));
    assert_eq!(state["lasso"]["property"], "executed", "{}", state["lasso"]);
    let violated = |it: &&Value| it["name"] == "executed" && it["verdict"] == "violated";
    assert!(
        state["properties"].as_array().unwrap().iter().any(|it| violated(&it)),
        "{}",
        state["properties"]
    );

    let html = folder.file("trace.html");
    answer(&["replay", &file, "--trace", &html], 11);
    let html = fs::read_to_string(html).unwrap();
    for part in
        ["Never reached: executed", "from here on the network is stable", "↻─ nothing", "<svg", "In the end"]
    {
        assert!(html.contains(part), "{part}");
    }
}

/// From the middle of a counterexample the check finds a way on; from the end of a lawful run there is none.
#[test]
fn a_check_goes_on_from_a_trace() {
    let folder = Folder::new("from");
    let (whole, begun) = (folder.file("whole.json"), folder.file("begun.json"));
    answer(&["check", "--rules", "prepared-lost", "--trace", &whole], 10);
    let mut trace: Value = serde_json::from_str(&fs::read_to_string(&whole).unwrap()).unwrap();
    let steps = trace["steps"].as_array_mut().unwrap();
    steps.truncate(6);
    trace["violates"] = Value::Null;
    fs::write(&begun, trace.to_string()).unwrap();
    let further = folder.file("further.json");
    let text = answer(&["check", "--from", &begun, "--trace", &further], 10);
    assert!(text.contains("after 6 steps") && text.contains("Violated: "), "{text}");
    let further: Value = serde_json::from_str(&fs::read_to_string(&further).unwrap()).unwrap();
    let begins = further["steps"].as_array().unwrap().iter().zip(trace["steps"].as_array().unwrap());
    assert!(begins.clone().count() == 6 && begins.clone().all(|(a, b)| a["event"] == b["event"]));
    let lawful = fs::read_to_string(&begun).unwrap().replace("\"prepared-lost\"", "\"castro99\"");
    fs::write(&begun, lawful).unwrap();
    let text = answer(&["check", "--from", &begun, "--property", "agreement"], 0);
    assert!(text.contains("holds"), "{text}");
    let text = answer(&["check", "--from", &begun, "--property", "executed", "--timeout", "0"], 20);
    assert!(text.contains("after 6 steps; views that change for ever are not looked for"), "{text}");
    refused(&["check", "--from", &begun, "--rules", "castro99"], &["--from", "--rules"]);
    refused(&["check", "--from", &begun, "--property", "liveness"], &["--from", "liveness"]);
}

/// A loop from a file is a violation of liveness if the replicas show that it is fair, and none otherwise.
#[test]
fn a_loop_is_replayed_with_its_fairness() {
    let folder = Folder::new("loop");
    let (file, shrunk) = (folder.file("trace.json"), folder.file("shrunk.json"));
    let bound = ["--slots", "1", "--requests", "1", "--checkpoint", "1", "--window", "1", "--views", "1"];
    let check =
        ["check", "--rules", "short-window", "--property", "executed", "--byzantine", "0", "--trace", &file];
    answer(&[&check[..], &bound].concat(), 11);
    answer(&["replay", &file, "--shrink", "--trace", &shrunk], 11);
    assert!(answer(&["replay", &shrunk], 11).contains("Violated: executed"));
    let lawful = std::fs::read_to_string(&file).unwrap().replace("\"short-window\"", "\"castro99\"");
    std::fs::write(&file, lawful).unwrap();
    let text = answer(&["replay", &file], 20);
    assert!(text.contains("a timer runs out before what was sent to"), "{text}");
    assert!(text.contains("Not reached in these steps: executed") && !text.contains("Violated"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_would_hold_too_much_memory_ends_with_what_it_covered() {
    let output = bft(&["check", "--judge", "message", "--byzantine", "r3", "--memory", "25"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(20), "{text}");
    assert!(text.contains("not exhausted (stopped at 25 MiB of memory)"), "{text}");
    assert!(text.contains("Not exhausted:") && !text.contains("Holds"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn who_presses_ctrl_c_is_told_what_was_covered() {
    let child = Command::new(env!("CARGO_BIN_EXE_bft-under-test"))
        .args(["check", "--views", "4", "--byzantine", "r0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Until it listens: before that the signal ends it, as it ends every process.
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
    };
    while !listens() {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(20), "{text}");
    assert!(text.contains("not exhausted (stopped by a signal)"), "{text}");
}

#[test]
fn a_reduction_that_is_none_or_that_the_judge_does_not_have_is_refused() {
    for named in ["ample", "silent,ample"] {
        refused(
            &["check", "--reduce", named],
            &["--reduce", named, "judge guards has silent, quotient and symmetry"],
        );
    }
    refused(&["check", "--judge", "unbounded", "--reduce", "symmetry"], &["judge unbounded has silent"]);
    let unfounded = ["check", "--judge", "unbounded", "--reduce", "subsumed,summaries"];
    refused(&unfounded, &["takes quotient and summaries for granted"]);
    refused(&["check", "--judge", "message", "--reduce", "silent"], &["judge message"]);
    refused(&["check", "--property", "liveness", "--reduce", "symmetry"], &["liveness"]);
    refused(&["check", "--reduce", "symmetry", "--clients"], &["--clients"]);
    refused(&["check", "--reduce", "quotient,symmetry"], &["do not go together"]);
    refused(&["check", "--reduce", "quotient", "--slots", "2"], &["several sequence numbers"]);
    // Names of earlier versions are refused with those in their place.
    refused(&["check", "--judge", "absorbed"], &["that judge is called guards now"]);
    refused(&["check", "--reduce", "silent,decided"], &["'decided' is called 'quotient' now"]);
    let unknown = bft(&["check", "--reduce", "fast"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no reduction 'fast'; there are silent,"));
    let names = ["check", "--reduce", "all", "--judge", "guards", "--byzantine", "r1", "--views", "1"];
    let plain = ["check", "--byzantine", "r1", "--views", "1"];
    let states = |arguments: &[&str]| json(arguments, 0)["rows"][0]["states"].as_u64();
    assert!(states(&names) < states(&plain));
}
