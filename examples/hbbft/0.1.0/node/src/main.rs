//! Nodes of hbbft 0.1.0, in a process of their own: a request a line on standard input, an answer a line on standard output.
//!
//! - `new ID`: a node; the answer is its number
//! - `propose NUMBER VALUE`, `message NUMBER FROM MESSAGE`: the answer is the decision or `-`, and what is sent
//! - `words NUMBER`: all that its future depends on
//! - `drop NUMBER`: it is forgotten; there is no answer

#[path = "../../../in_process.rs"]
mod in_process;
#[path = "../../../said.rs"]
mod said;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use in_process::{Node, Session};
use said::Done;

fn main() -> io::Result<()> {
    let coins = std::env::args().nth(1).unwrap_or_default();
    let session = Session::with_coins(&coins.chars().map(|coin| coin == '1').collect::<Vec<_>>());
    let (mut nodes, mut count) = (BTreeMap::new(), 0);
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words = line.split(' ').collect::<Vec<_>>();
        let answer = match words[..] {
            ["new", id] => {
                count += 1;
                nodes.insert(count, session.node(read(id)));
                count.to_string()
            }
            ["drop", number] => {
                nodes.remove(&read(number));
                continue;
            }
            ["propose", number, value] => answer(at(&mut nodes, number).propose(read(value))),
            ["message", number, from, said] => answer(at(&mut nodes, number).handle(read(from), read(said))),
            ["words", number] => at(&mut nodes, number).in_words(),
            _ => panic!("'{line}' is no request"),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn read<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("'{text}' cannot be read"))
}

fn at<'a>(nodes: &'a mut BTreeMap<u64, Node>, number: &str) -> &'a mut Node {
    nodes.get_mut(&read(number)).unwrap_or_else(|| panic!("there is no node {number}"))
}

fn answer(Done { sent, decided }: Done) -> String {
    let decided = decided.map_or_else(|| "-".to_owned(), |value| value.to_string());
    sent.iter().fold(decided, |answer, said| format!("{answer} {said}"))
}
