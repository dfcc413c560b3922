//! Sessions of four nodes that run the crate's code in processes of their own, `node/`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::said::{Done, Said};

/// A session in which the coins are what they are asked to be, in as many processes as there are processors. Threads take turns,
/// so that as a rule none waits for the nodes of another.
#[derive(Clone)]
pub struct Session(Arc<Vec<Mutex<Process>>>);

/// The process, which ends when its input does.
struct Process {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A node, by its process and its number there.
pub struct Node {
    process: usize,
    number: String,
    session: Session,
}

/// The threads that have asked for a node.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many of them came before this one.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

impl Process {
    fn new(coins: &str) -> Self {
        let mut child = Command::new("cargo")
            .args(["run", "--quiet", "--release", "--locked", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/node/Cargo.toml"))
            .args(["--", coins])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo can be started");
        let input = child.stdin.take().expect("it has an input");
        let output = BufReader::new(child.stdout.take().expect("it has an output"));
        Process { _child: child, input, output }
    }

    /// Says something, and hears the answer.
    fn ask(&mut self, request: &str) -> String {
        writeln!(self.input, "{request}").expect("the node's process runs");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the node's process answers");
        assert!(answer.ends_with('\n'), "the node's process has ended, asked for '{request}'");
        answer.truncate(answer.trim_end().len());
        answer
    }
}

impl Session {
    /// A session in which the coins of the epochs that have one are these, in this order.
    pub fn with_coins(coins: &[bool]) -> Self {
        let coins: String = coins.iter().map(|coin| if *coin { '1' } else { '0' }).collect();
        let processes = std::thread::available_parallelism().map_or(1, usize::from);
        Session(Arc::new((0..processes).map(|_| Mutex::new(Process::new(&coins))).collect()))
    }

    fn process(&self, number: usize) -> MutexGuard<'_, Process> {
        self.0[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new node.
    pub fn node(&self, id: u16) -> Node {
        let process = THREAD.with(|number| number % self.0.len());
        let number = self.process(process).ask(&format!("new {id}"));
        Node { process, number, session: self.clone() }
    }
}

impl Node {
    fn ask(&self, request: &str) -> String {
        self.session.process(self.process).ask(request)
    }

    /// It proposes a value.
    pub fn propose(&mut self, value: bool) -> Done {
        done(&self.ask(&format!("propose {} {value}", self.number)))
    }

    /// It gets a message.
    pub fn handle(&mut self, from: u16, said: Said) -> Done {
        done(&self.ask(&format!("message {} {from} {said}", self.number)))
    }

    /// All that its future depends on.
    pub fn in_words(&self) -> String {
        self.ask(&format!("words {}", self.number))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Where the process has ended there is nothing to be forgotten.
        let _ = writeln!(self.session.process(self.process).input, "drop {}", self.number);
    }
}

fn done(answer: &str) -> Done {
    let mut words = answer.split(' ');
    let decided = words.next().and_then(|word| word.parse().ok());
    Done { sent: words.map(|word| word.parse().expect("it is a message")).collect(), decided }
}
