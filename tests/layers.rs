//! Protocols of one's own, past safety among nodes that stay up: crashes, loss, twins on links.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use bft_check::check::protocol::CheckedProtocol;
use bft_check::check::{Check, CheckError, Conclusion};
use bft_check::engine::SetupError;
use bft_check::protocol::{
    Effects, Input, Invariant, Key, Layers, Network, NodeId, Offer, Protocol, Recover, Slot,
};

/// Everybody votes once, for the first proposal of node 0, and decides on a quorum of votes.
#[derive(Clone, Copy, Debug)]
struct Vote {
    quorum: usize,
    /// Whether a node writes down its vote before it sends it.
    records: bool,
    is_keyed: bool,
    network: Network,
}

const VOTE: Vote = Vote { quorum: 2, records: true, is_keyed: true, network: Network::AnyOrder };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Said {
    Proposal(char),
    Vote(char),
}

#[derive(Debug, Default)]
struct Voter {
    id: u16,
    voted: Option<char>,
    votes: BTreeMap<char, BTreeSet<u16>>,
}

impl Vote {
    fn vote(self, node: &mut Voter, value: char, effects: &mut Effects<Self>) {
        if node.voted.is_none() {
            node.voted = Some(value);
            effects.broadcast(Said::Vote(value));
            self.count(node, node.id, value, effects);
        }
    }

    fn count(self, node: &mut Voter, voter: u16, value: char, effects: &mut Effects<Self>) {
        let votes = node.votes.entry(value).or_default();
        votes.insert(voter);
        if votes.len() >= self.quorum {
            effects.decide(Slot(0), value);
        }
    }
}

impl Protocol for Vote {
    type Node = Voter;
    type Message = Said;
    type Event = char;
    type Value = char;

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, _: &mut Effects<Self>) -> Voter {
        Voter { id: id.0, ..Voter::default() }
    }

    fn step(&self, node: &mut Voter, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Event(value) if node.voted.is_none() => {
                effects.broadcast(Said::Proposal(value));
                self.vote(node, value, effects);
            }
            Input::Message { from: NodeId(0), message: Said::Proposal(value) } => {
                self.vote(node, value, effects)
            }
            Input::Message { from, message: Said::Vote(value) } => self.count(node, from.0, value, effects),
            _ => {}
        }
    }

    fn events(&self) -> Vec<Offer<char>> {
        ['a', 'b'].map(|value| Offer::once(NodeId(0), value)).to_vec()
    }

    fn network(&self) -> Network {
        self.network
    }

    fn key(&self, node: &Voter) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(node))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().crashes()
    }
}

impl Recover for Vote {
    type Disk = Option<char>;

    fn disk(&self, node: Voter) -> Option<char> {
        node.voted.filter(|_| self.records)
    }

    fn recover(&self, id: NodeId, disk: Option<char>, effects: &mut Effects<Self>) -> Voter {
        let mut node = Voter { id: id.0, ..Voter::default() };
        if let Some(value) = disk {
            self.vote(&mut node, value, effects);
        }
        node
    }
}

fn run<P: Protocol>(check: &Check<P>) -> CheckedProtocol {
    check.run().unwrap()
}

#[test]
fn a_vote_that_is_not_written_down_is_given_twice_after_a_crash() {
    let forgetful = Vote { records: false, ..VOTE };
    for network in [Network::AnyOrder, Network::Fifo { cuts: 0, losses: 1 }] {
        for is_keyed in [true, false] {
            let [kept, lost] = [VOTE, forgetful].map(|vote| Check::new(Vote { network, is_keyed, ..vote }));
            kept.assert_holds();
            lost.assert_holds();
            kept.crashes(1).assert_holds();
            lost.clone().crashes(1).assert_violates("agreement");
            let said = run(&lost.crashes(1)).to_string();
            for part in ["1 crash, nobody lies", "n0: crashes and comes up again"] {
                assert!(said.contains(part), "'{part}' is missing in: {said}");
            }
        }
    }
}

#[test]
fn a_crash_takes_the_timers_and_what_was_on_its_way_on_a_link() {
    /// Node 0 sends to node 1 and sets a timer; what is up after a crash sets none.
    struct Timed;
    impl Protocol for Timed {
        type Node = Vec<char>;
        type Message = char;
        type Event = char;
        type Value = char;

        fn nodes(&self) -> usize {
            2
        }

        fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Vec<char> {
            if id == NodeId(0) {
                effects.broadcast('m');
            }
            effects.set('t');
            vec!['u']
        }

        fn step(&self, node: &mut Vec<char>, input: Input<Self>, _: &mut Effects<Self>) {
            match input {
                Input::Message { message, .. } => node.push(message),
                Input::Event(event) => node.push(event),
            }
        }

        fn network(&self) -> Network {
            Network::FIFO
        }

        fn invariants(&self) -> Vec<Invariant<Self>> {
            vec![Invariant::<Self>::new("nothing of before", |_, nodes| {
                let after = nodes.iter().filter(|(_, node)| node.starts_with(&['r']));
                after
                    .map(
                        |(id, node)| {
                            if id.0 == 1 && node.len() > 1 { Err(format!("{node:?}")) } else { Ok(()) }
                        },
                    )
                    .collect()
            })]
        }

        fn layers(&self) -> Layers<Self> {
            Layers::none().crashes()
        }
    }
    impl Recover for Timed {
        type Disk = ();

        fn disk(&self, _: Vec<char>) {}

        fn recover(&self, _: NodeId, (): (), _: &mut Effects<Self>) -> Vec<char> {
            vec!['r']
        }
    }
    Check::new(Timed).crashes(1).assert_holds();
    Check::new(Timed).crashes(1).network(Network::AnyOrder).assert_violates("nothing of before");
}

#[test]
fn who_cannot_come_up_again_cannot_crash() {
    struct Silent;
    impl Protocol for Silent {
        type Node = ();
        type Message = ();
        type Event = ();
        type Value = ();

        fn nodes(&self) -> usize {
            1
        }

        fn init(&self, _: NodeId, _: &mut Effects<Self>) {}

        fn step(&self, (): &mut (), _: Input<Self>, _: &mut Effects<Self>) {}

        fn events(&self) -> Vec<Offer<()>> {
            vec![Offer::times(NodeId(0), (), 0)]
        }
    }
    let error = |check: Check<Silent>| match check.run() {
        Err(CheckError::Setup(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(Check::new(Silent).crashes(1)), SetupError::NoRecovery);
    assert_eq!(error(Check::new(Silent)), SetupError::Never("()".to_owned(), NodeId(0)));
}

/// Twins are as strong on links as in any order: they may leave out what they like.
#[test]
fn twins_fork_a_naive_vote_on_links_too() {
    let on_links = Vote { network: Network::FIFO, ..VOTE };
    Check::new(on_links).assert_holds();
    Check::new(on_links).byzantine([NodeId(0)]).assert_violates("agreement");
    Check::new(Vote { quorum: 3, ..on_links }).byzantine([NodeId(0)]).assert_holds();
    let story = run(&Check::new(on_links).byzantine([NodeId(0)]));
    let steps = story.shortest().unwrap().steps.len();
    assert_eq!(steps, 6, "as short as in any order: {story}");
}

/// What arrives at node 1 is what was sent, up to some point; unless a message is lost.
#[test]
fn a_lost_message_leaves_a_gap() {
    struct Count;
    impl Protocol for Count {
        type Node = Vec<u8>;
        type Message = u8;
        type Event = ();
        type Value = ();

        fn nodes(&self) -> usize {
            2
        }

        fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Vec<u8> {
            if id == NodeId(0) {
                (1..=3).for_each(|number| effects.broadcast(number));
            }
            Vec::new()
        }

        fn step(&self, node: &mut Vec<u8>, input: Input<Self>, _: &mut Effects<Self>) {
            if let Input::Message { message, .. } = input {
                node.push(message);
            }
        }

        fn network(&self) -> Network {
            Network::FIFO
        }

        fn invariants(&self) -> Vec<Invariant<Self>> {
            vec![
                Invariant::<Self>::new("no gap", |_, nodes| match [1, 2, 3].starts_with(nodes[1].1) {
                    true => Ok(()),
                    false => Err(format!("{:?}", nodes[1].1)),
                }),
                Invariant::<Self>::new("one at least", |_, nodes| match nodes[1].1[..] {
                    [3] => Err("two are lost".to_owned()),
                    _ => Ok(()),
                }),
            ]
        }
    }
    let lossy = |losses| Check::new(Count).network(Network::Fifo { cuts: 0, losses });
    lossy(0).assert_holds();
    lossy(1).assert_violates("no gap");
    lossy(2).assert_violates("one at least");
    assert_eq!(run(&lossy(1).property("one at least")).conclusion(), Conclusion::Holds);
    let said = run(&lossy(1)).to_string();
    assert!(said.contains("FIFO links, 1 message lost at any time") && said.contains("lost: 1"), "{said}");
}
