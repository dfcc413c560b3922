//! The binary agreement of hbbft, as it is published, under the checker: four nodes, of which one may be Byzantine.
//!
//! What is the host's duty is done here: messages are handed over and sent. Keys are made from a seed, and the session is one in
//! which the coins are what they are asked to be.

use std::process::ExitCode;

use bft_check::cli::{Flag, run_protocol_with};
use bft_check::protocol::{
    Adversary, Effects, Input, Key, Layers, NodeId, Offer, Protocol, Slot, Tally, Tallying,
};

use super::release::{self, Session};
use super::said::{Done, Said, What, has_coin};

/// Four nodes of the release of this version.
#[derive(Clone)]
pub struct Hbbft {
    pub version: &'static str,
    pub session: Session,
    pub epochs: u64,
    /// The values that nodes propose, n0 first, though who is Byzantine proposes none. Who is not named here proposes either, or
    /// nothing.
    pub inputs: Vec<bool>,
    /// What a Byzantine node can say, in any epoch.
    pub sayings: Vec<What>,
    /// Whether whole quorums are steps.
    pub are_quorums_steps: bool,
}

/// The command line.
#[allow(dead_code, reason = "a test takes the adapter without it")]
pub fn main(version: &'static str) -> ExitCode {
    let flags = [
        Flag::new("epochs", 5, "How many epochs"),
        Flag::new(
            "coins",
            "1",
            "The coins of epochs 2, 5 and so on, 1 for true; of further ones nothing is said",
        ),
        Flag::new(
            "inputs",
            "0001",
            "What n0, n1 and so on propose, 1 for true; who is left out proposes either, or nothing",
        ),
        Flag::new(
            "says",
            "bval,aux,conf,term,share",
            "What a Byzantine node can say: some of bval, aux, conf, term and share, or nothing; where whole quorums are steps, all",
        ),
        Flag::new("quorums", false, "Whether whole quorums are steps; otherwise each message is one"),
    ];
    run_protocol_with(&format!("hbbft-{version}"), &flags, |flags| {
        let (coins, inputs) =
            (bools(&flags.get::<String>("coins")?)?, bools(&flags.get::<String>("inputs")?)?);
        Ok(Hbbft {
            version,
            session: Session::with_coins(&coins),
            epochs: flags.get("epochs")?,
            inputs,
            sayings: sayings(&flags.get::<String>("says")?)?,
            are_quorums_steps: flags.get("quorums")?,
        })
    })
}

fn bools(text: &str) -> Result<Vec<bool>, String> {
    let value = |digit| match digit {
        '0' => Ok(false),
        '1' => Ok(true),
        other => Err(format!("'{other}' is neither 0 nor 1")),
    };
    text.chars().map(value).collect()
}

/// Of which kind it is, in a word.
fn kind(what: What) -> &'static str {
    match what {
        What::BVal(_) => "bval",
        What::Aux(_) => "aux",
        What::Conf(_) => "conf",
        What::Term(_) => "term",
        What::Share => "share",
    }
}

/// What there is of these kinds.
fn sayings(kinds: &str) -> Result<Vec<What>, String> {
    let kinds: Vec<_> = kinds.split(',').filter(|kind| *kind != "nothing").collect();
    match kinds.iter().find(|word| !What::all().iter().any(|what| kind(*what) == **word)) {
        Some(unknown) => Err(format!("'{unknown}' is none of bval, aux, conf, term and share")),
        None => Ok(What::all().into_iter().filter(|what| kinds.contains(&kind(*what))).collect()),
    }
}

/// A node.
pub struct Node {
    node: release::Node,
    epoch: u64,
    has_proposed: bool,
    has_decided: bool,
}

impl Hbbft {
    /// Hands on what a node wants to be sent, within the bound, and notes its decision.
    fn flush(&self, node: &mut Node, done: Done, effects: &mut Effects<Self>) {
        for said in done.sent {
            // A node that enters an epoch says BVal there first; Term is said for the epoch behind its own.
            if matches!(said.what, What::BVal(_)) {
                node.epoch = node.epoch.max(said.epoch);
            }
            if said.epoch < self.epochs {
                effects.broadcast(said);
            }
        }
        if let Some(value) = done.decided {
            node.has_decided = true;
            effects.decide(Slot(0), value);
        }
    }

    fn propose(&self, node: &mut Node, value: bool, effects: &mut Effects<Self>) {
        node.has_proposed = true;
        let done = node.node.propose(value);
        self.flush(node, done, effects);
    }

    /// All that the future of a node depends on.
    fn in_words(&self, node: &Node) -> String {
        match node {
            // Who has decided, or is past the bound, does nothing any more.
            Node { has_decided: true, has_proposed: true, .. } => "decided".to_owned(),
            Node { epoch, .. } if *epoch >= self.epochs => "past the bound".to_owned(),
            Node { node, .. } => node.in_words(),
        }
    }
}

impl Protocol for Hbbft {
    type Node = Node;
    type Message = Said;
    /// A node proposes this value.
    type Event = bool;
    type Value = bool;

    fn name(&self) -> String {
        format!("hbbft-{}", self.version)
    }

    fn nodes(&self) -> usize {
        4
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Node {
        let node = self.session.node(id.0);
        let mut node = Node { node, epoch: 0, has_proposed: false, has_decided: false };
        if let Some(&input) = self.inputs.get(id.index()) {
            self.propose(&mut node, input, effects);
        }
        node
    }

    fn step(&self, node: &mut Node, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            _ if node.epoch >= self.epochs => {}
            Input::Message { from, message } => {
                let done = node.node.handle(from.0, message);
                self.flush(node, done, effects);
            }
            Input::Event(value) => self.propose(node, value, effects),
        }
    }

    fn events(&self) -> Vec<Offer<bool>> {
        let open = (0..4).map(NodeId).skip(self.inputs.len());
        open.flat_map(|id| [false, true].map(|value| Offer::once(id, value))).collect()
    }

    fn key(&self, node: &Node) -> Option<Key> {
        Some(Key::text(self.in_words(node)))
    }

    fn layers(&self) -> Layers<Self> {
        if self.are_quorums_steps { Layers::none().quorums() } else { Layers::none().adversary() }
    }

    fn message_in_words(&self, message: &Said) -> String {
        format!("{} in epoch {}", message.what, message.epoch)
    }
}

impl Adversary for Hbbft {
    fn alphabet(&self) -> Vec<Said> {
        let in_epoch = |epoch| What::all().into_iter().map(move |what| Said { epoch, what });
        let all = (0..self.epochs).flat_map(in_epoch);
        let all = all.filter(|said| said.what != What::Share || has_coin(said.epoch));
        // Where whole quorums are steps, what honest nodes say must be among it.
        all.filter(|said| self.are_quorums_steps || self.sayings.contains(&said.what)).collect()
    }
}

impl Tallying for Hbbft {
    fn control(&self, node: &Node) -> Key {
        let mut words = self.in_words(node);
        for (counted, next) in [
            ("received_bval: ", "sent_bval: "),
            ("received_aux: ", "terminated: "),
            ("received_conf: ", "estimated: "),
            ("incoming_queue: ", "conf_values: "),
            ("received_shares: ", "had_input: "),
        ] {
            if let (Some(from), Some(to)) = (words.find(counted), words.find(next)) {
                words.replace_range(from..to, "");
            }
        }
        Key::text(words)
    }

    fn tally(&self, said: &Said) -> Option<Tally> {
        let kind = match said.what {
            What::BVal(false) => 1,
            What::BVal(true) => 2,
            What::Aux(_) => 3,
            What::Conf(_) => 4,
            What::Share => 5,
            // It counts in all epochs.
            What::Term(_) => return Some(Tally(0)),
        };
        Some(Tally(8 * said.epoch as u32 + kind))
    }
}
