//! The provers: programs that are run, one process a question, and whose answer is taken literally.

use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::obligation::Answer;

/// A prover that this crate can ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prover {
    /// z3, in SMT-LIB.
    Z3,
    /// cvc5, in SMT-LIB.
    Cvc5,
    /// E, in TPTP.
    E,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The prover said exactly this.
    Answer(Answer),
    /// It said something else, or nothing: `unknown`, an error, a crash, no answer in time.
    Failed(String),
}

impl Prover {
    /// All of them.
    pub const ALL: [Prover; 3] = [Prover::Z3, Prover::Cvc5, Prover::E];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Prover::Z3 => "z3",
            Prover::Cvc5 => "cvc5",
            Prover::E => "eprover",
        }
    }

    /// The first line of what it says about itself; none if it cannot be run.
    pub fn version(self) -> Option<String> {
        let output = Command::new(self.program()).arg("--version").stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
    }

    fn arguments(self, seconds: u64) -> Vec<String> {
        let args: &[&str] = match self {
            Prover::Z3 => &["-in", "-smt2"],
            // Without it, cvc5 gives up on most questions that are not valid, and on some that are.
            // That its models are minimal is of no use here and costs half of its time.
            Prover::Cvc5 => &["--lang=smt2", "--finite-model-find", "--uf-ss=no-minimal"],
            Prover::E => &["--auto", "--silent", "--tstp-format"],
        };
        let limit = match self {
            Prover::Z3 => format!("-T:{seconds}"),
            Prover::Cvc5 => format!("--tlimit={}", seconds * 1000),
            Prover::E => format!("--cpu-limit={seconds}"),
        };
        args.iter().map(|&arg| arg.to_owned()).chain([limit]).collect()
    }

    /// Asks a question, in the prover's language, and waits no longer than `limit` for the answer.
    pub fn ask(self, question: &str, limit: Duration) -> Verdict {
        // The prover's own limit comes first, so that it can say so; ours is for one that hangs.
        let limit = Duration::from_secs(limit.as_secs().max(1));
        let spawned = Command::new(self.program())
            .args(self.arguments(limit.as_secs()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(child) => self.wait(child, question, limit + Duration::from_secs(2)),
            Err(error) => Verdict::Failed(format!("{} cannot be run: {error}", self.program())),
        }
    }

    fn wait(self, mut child: Child, question: &str, limit: Duration) -> Verdict {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let question = question.to_owned();
        // Nobody waits for these two for ever: what a prover started may outlive it and keep the pipes open.
        thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(question.as_bytes())));
        let (said, hears) = mpsc::channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            let read = stdout.map(|mut pipe| pipe.read_to_end(&mut text));
            // Nobody listens any more if it came too late.
            let _ = said.send(read.is_some_and(|read| read.is_ok()).then_some(text));
        });
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(2)),
                Ok(None) => {
                    // It may have ended just now; either way it is gone.
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                Ok(Some(status)) => break Some(status),
                Err(_) => break None,
            }
        };
        let rest = limit.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let output = status.and_then(|status| Some((status, hears.recv_timeout(rest).ok()??)));
        let Some((status, output)) = output else {
            return Verdict::Failed(format!("no answer within {} s", limit.as_secs()));
        };
        let output = String::from_utf8_lossy(&output);
        let answer = match self {
            Prover::Z3 | Prover::Cvc5 => smt_answer(&output),
            Prover::E => tptp_answer(&output),
        };
        match answer.filter(|_| status.success()) {
            Some(answer) => Verdict::Answer(answer),
            None => Verdict::Failed(format!("{status}, and said: {}", brief(&output))),
        }
    }
}

/// The one word that an SMT solver may say.
fn smt_answer(output: &str) -> Option<Answer> {
    match output.trim_end() {
        "unsat" => Some(Answer::Unsat),
        "sat" => Some(Answer::Sat),
        _ => None,
    }
}

/// The status line of a TPTP prover, if there is exactly one. That the axioms contradict each other would prove
/// a conjecture too, but nothing that it was meant to say.
fn tptp_answer(output: &str) -> Option<Answer> {
    let mut statuses = output.lines().filter_map(|line| line.strip_prefix("# SZS status "));
    match (statuses.next()?.trim(), statuses.next()) {
        ("Theorem", None) => Some(Answer::Unsat),
        ("CounterSatisfiable", None) => Some(Answer::Sat),
        _ => None,
    }
}

fn brief(output: &str) -> String {
    let text: String = output.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(200).collect();
    if short.is_empty() { "nothing".to_owned() } else { short }
}

impl fmt::Display for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Prover::Z3 => "z3",
            Prover::Cvc5 => "cvc5",
            Prover::E => "E",
        })
    }
}
