//! The command line for these rules: check, simulate, replay and explore know them by name.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_own-rules"))
}

fn run(arguments: &[&str], code: i32) -> String {
    let Output { status, stdout, stderr } = program().args(arguments).output().expect("it starts");
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert_eq!(status.code(), Some(code), "{said}{}", String::from_utf8_lossy(&stderr));
    said
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn rules_are_listed_and_checked_by_name_and_their_traces_replayed() {
    let listed = run(&["rules"], 0);
    assert!(listed.contains("few-commits") && listed.contains("castro99"), "{listed}");
    let trace = file("fork.json");
    let trace = trace.to_str().expect("it is text");
    let checked = run(&["check", "--views", "2", "--property", "agreement", "--trace", trace], 10);
    assert!(checked.contains("Rules: few-commits (a decision takes 2f COMMITs)"), "{checked}");
    let replayed = run(&["replay", trace], 10);
    assert!(
        replayed.contains("Rules: few-commits") && replayed.contains("Violated: agreement"),
        "{replayed}"
    );
    run(&["check", "--rules", "every-commit", "--views", "1", "--byzantine", "r0"], 0);
}

#[test]
fn rules_are_simulated_by_name() {
    let trace = file("simulated.json");
    let trace = trace.to_str().expect("it is text");
    let said = run(
        &["simulate", "--rules", "half-quorum", "--runs", "200", "--property", "agreement", "--trace", trace],
        10,
    );
    assert!(said.contains("VIOLATED") && said.contains("--rules half-quorum"), "{said}");
    assert!(run(&["replay", trace], 10).contains("Violated: agreement"));
}

#[test]
fn the_explorer_opens_a_counterexample_of_ones_own_rules() {
    let mut child = program()
        .args(["explore", "--rules", "few-commits", "--addr", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("http://"))).expect("it serves");
    let addr = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("it says where");
    let mut page = String::new();
    // The page asks for the story until the search for it is done.
    for _ in 0..600 {
        let mut stream = TcpStream::connect(addr).expect("it listens");
        let asked =
            format!("GET /api/story?rules=few-commits HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).expect("it listens");
        page.clear();
        stream.read_to_string(&mut page).expect("it answers");
        if page.contains("\"done\":true") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(page.contains("\"violates\":\"agreement\""), "{page}");
}
