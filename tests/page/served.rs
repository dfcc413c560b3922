//! The program, serving its page on a port of its own choice.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The page of a running program; ended when it is dropped.
pub struct Served {
    process: Child,
    pub url: String,
}

impl Served {
    pub fn start(arguments: &[&str]) -> Self {
        Served::by(env!("CARGO_BIN_EXE_bft-under-test"), arguments)
    }

    /// The tutorial's protocol.
    pub fn tutorial(arguments: &[&str]) -> Self {
        Served::by(env!("CARGO_BIN_EXE_tutorial-under-test"), arguments)
    }

    fn by(program: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["explore", "--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let from = line.find("http://127.0.0.1:")?;
            Some(line[from..].split([' ', '/']).nth(2)?.to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        Served { process, url: format!("http://{}/", address.expect("the program says where it serves")) }
    }

    /// The page's own address of something.
    pub fn at(&self, fragment: &str) -> String {
        format!("{}{fragment}", self.url)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Has the program simulate a rulebook, and write the first violating run.
pub fn simulate(rules: &str, to: &Path) {
    let found = Command::new(env!("CARGO_BIN_EXE_bft-under-test"))
        .args(["simulate", "--rules", rules, "--trace"])
        .arg(to)
        .output()
        .unwrap();
    assert!(matches!(found.status.code(), Some(10 | 11)), "{}", String::from_utf8_lossy(&found.stdout));
}

/// Has the program check a rulebook, and write the run that it finds.
pub fn check(rules: &str, property: &str, to: &Path) {
    let found = Command::new(env!("CARGO_BIN_EXE_bft-under-test"))
        .args(["check", "--rules", rules, "--property", property, "--trace"])
        .arg(to)
        .output()
        .unwrap();
    assert!(matches!(found.status.code(), Some(10 | 11)), "{}", String::from_utf8_lossy(&found.stdout));
}
