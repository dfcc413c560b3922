//! Whole quorums as steps of a protocol of one's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bft_check::check::{Check, Conclusion};
use bft_check::engine::guards::{Ended, GuardOptions, Guards, Unfit};
use bft_check::protocol::{
    Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Renaming, Slot, Tally, Tallying,
};

/// Node 0 proposes; everybody votes for its first proposal, and decides on a quorum of votes.
#[derive(Clone, Copy, Debug)]
struct Count {
    quorum: usize,
    /// Whether its control state leaves out for what a node has voted.
    forgets: bool,
}

/// Of four nodes two are a quorum: one that votes twice makes two of them.
const NAIVE: Count = Count { quorum: 2, forgets: false };
/// Any two quorums have an honest node in common.
const REPAIRED: Count = Count { quorum: 3, forgets: false };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Said {
    Proposal(char),
    Vote(char),
}

#[derive(Debug, Default)]
struct Voter {
    voted: Option<char>,
    decided: Option<char>,
    votes: BTreeMap<NodeId, char>,
}

impl Count {
    fn vote(self, node: &mut Voter, me: NodeId, value: char, effects: &mut Effects<Self>) {
        if node.voted.is_none() {
            node.voted = Some(value);
            effects.broadcast(Said::Vote(value));
            self.count(node, me, value, effects);
        }
    }

    fn count(self, node: &mut Voter, voter: NodeId, value: char, effects: &mut Effects<Self>) {
        node.votes.entry(voter).or_insert(value);
        let votes = node.votes.values().filter(|vote| **vote == value).count();
        if votes >= self.quorum && node.decided.is_none() {
            node.decided = Some(value);
            effects.decide(Slot(0), value);
        }
    }
}

impl Protocol for Count {
    type Node = (NodeId, Voter);
    type Message = Said;
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        4
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> (NodeId, Voter) {
        let mut node = Voter::default();
        if id == NodeId(0) {
            effects.broadcast(Said::Proposal('a'));
            self.vote(&mut node, id, 'a', effects);
        }
        (id, node)
    }

    fn step(&self, (me, node): &mut (NodeId, Voter), input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Message { from: NodeId(0), message: Said::Proposal(value) } => {
                self.vote(node, *me, value, effects);
            }
            Input::Message { from, message: Said::Vote(value) } => self.count(node, from, value, effects),
            _ => {}
        }
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().quorums()
    }
}

impl Adversary for Count {
    fn alphabet(&self) -> Vec<Said> {
        vec![Said::Proposal('a'), Said::Proposal('b'), Said::Vote('a'), Said::Vote('b')]
    }
}

impl Tallying for Count {
    fn control(&self, (_, node): &(NodeId, Voter)) -> Key {
        match self.forgets {
            true => Key::debug(&node.decided),
            false => Key::debug(&(node.voted, node.decided)),
        }
    }

    fn tally(&self, message: &Said) -> Option<Tally> {
        matches!(message, Said::Vote(_)).then_some(Tally(0))
    }

    fn renamings(&self) -> Vec<Renaming<Self>> {
        let exchanged = |_: &Self, message: &Said| {
            let other = |value: &char| if *value == 'a' { 'b' } else { 'a' };
            match message {
                Said::Proposal(value) => Said::Proposal(other(value)),
                Said::Vote(value) => Said::Vote(other(value)),
            }
        };
        vec![exchanged]
    }
}

#[test]
fn a_quorum_that_is_too_small_forks_and_the_run_is_told() {
    let checked = Check::new(NAIVE).byzantine([NodeId(0)]).run().unwrap();
    assert_eq!(checked.conclusion(), Conclusion::Unsafe, "{checked}");
    let said = checked.to_string();
    for part in ["VIOLATED: agreement", "most general over an alphabet of 4 messages", "DECIDES"] {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
}

/// That nothing is found is no proof that nothing is there.
#[test]
fn where_nothing_is_found_it_is_not_said_to_hold() {
    let checked = Check::new(REPAIRED).byzantine([NodeId(0)]).run().unwrap();
    let said = checked.to_string();
    assert_eq!(checked.conclusion(), Conclusion::NoVerdict, "{said}");
    assert!(said.contains("nothing wrong was found") && !said.contains("VIOLATED"), "{said}");
}

/// Steps that are put off, and states that are one but for names, change no answer.
#[test]
fn what_makes_the_search_smaller_changes_no_answer() {
    for (protocol, byzantine, is_wrong) in
        [(NAIVE, NodeId(0), true), (REPAIRED, NodeId(0), false), (REPAIRED, NodeId(3), false)]
    {
        let guards = Guards::new(Arc::new(protocol), 1, &AtomicBool::new(false)).unwrap().unwrap();
        let states: Vec<u64> = [(false, false), (true, false), (false, true), (true, true)]
            .map(|(puts_off, renames)| {
                let options = GuardOptions { puts_off, renames, walks: 300 };
                let explored = guards.explore(&[byzantine], None, options, &|_, _| true).unwrap();
                match explored.end {
                    Ended::Violated(acted) => assert!(is_wrong && acted.violation.is_some()),
                    other => assert!(!is_wrong && other == Ended::Exhausted, "{other:?}"),
                }
                explored.states
            })
            .to_vec();
        assert!(is_wrong || (states[1] <= states[0] && states[2] < states[0]), "{states:?}");
    }
}

/// Random runs of real nodes find it out, or what is found does not happen: there is no verdict either way.
#[test]
fn a_control_state_that_leaves_something_out_gets_no_verdict() {
    let forgetful = Count { forgets: true, ..REPAIRED };
    let guards = Guards::new(Arc::new(forgetful), 1, &AtomicBool::new(false)).unwrap().unwrap();
    let said = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true);
    assert!(matches!(said, Err(Unfit::Missed(_) | Unfit::Spurious(_))), "{said:?}");
}
