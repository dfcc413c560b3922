//! A session of four nodes that run the crate's code in a process of their own, `node/`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::said::{Done, Said};

/// A session in which the coins are what they are asked to be.
#[derive(Clone)]
pub struct Session(Arc<Mutex<Process>>);

/// The process, which ends when its input does.
struct Process {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A node, by its number there.
pub struct Node {
    number: String,
    session: Session,
}

impl Session {
    /// A process in which the coins of the epochs that have one are these, in this order.
    pub fn with_coins(coins: &[bool]) -> Self {
        let coins: String = coins.iter().map(|coin| if *coin { '1' } else { '0' }).collect();
        let mut child = Command::new("cargo")
            .args(["run", "--quiet", "--release", "--locked", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/node/Cargo.toml"))
            .args(["--", &coins])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo can be started");
        let input = child.stdin.take().expect("it has an input");
        let output = BufReader::new(child.stdout.take().expect("it has an output"));
        Session(Arc::new(Mutex::new(Process { _child: child, input, output })))
    }

    /// Says something, and hears the answer.
    fn ask(&self, request: &str) -> String {
        let mut process = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(process.input, "{request}").expect("the node's process runs");
        let mut answer = String::new();
        process.output.read_line(&mut answer).expect("the node's process answers");
        assert!(answer.ends_with('\n'), "the node's process has ended, asked for '{request}'");
        answer.trim_end().to_owned()
    }

    /// A new node.
    pub fn node(&self, id: u16) -> Node {
        Node { number: self.ask(&format!("new {id}")), session: self.clone() }
    }
}

impl Node {
    /// It proposes a value.
    pub fn propose(&mut self, value: bool) -> Done {
        done(&self.session.ask(&format!("propose {} {value}", self.number)))
    }

    /// It gets a message.
    pub fn handle(&mut self, from: u16, said: Said) -> Done {
        done(&self.session.ask(&format!("message {} {from} {said}", self.number)))
    }

    /// All that its future depends on.
    pub fn in_words(&self) -> String {
        self.session.ask(&format!("words {}", self.number))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut process = self.session.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the process has ended there is nothing to be forgotten.
        let _ = writeln!(process.input, "drop {}", self.number);
    }
}

fn done(answer: &str) -> Done {
    let mut words = answer.split(' ');
    let decided = words.next().and_then(|word| word.parse().ok());
    Done { sent: words.map(|word| word.parse().expect("it is a message")).collect(), decided }
}
