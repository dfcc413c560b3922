//! Whole quorums as steps of a protocol of one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bft_check::check::{Check, Conclusion};
use bft_check::engine::guards::{Ended, GuardOptions, Guards, Statements, Unfit};
use bft_check::protocol::{
    Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Renaming, Slot, Tally, Tallying,
};

/// Node 0 proposes; everybody votes for its first proposal, and decides on a quorum of votes.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    quorum: usize,
    /// Whether its control state leaves out for what a node has voted.
    forgets: bool,
    /// Whether 'b' takes one vote more, though its renaming says that the values can be exchanged.
    prefers: bool,
    /// Who wants one vote more than the others.
    strict: Option<NodeId>,
    keyed: Keyed,
}

/// What its key says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keyed {
    Nothing,
    All,
    /// All but the votes that were counted.
    NoVotes,
    /// All, and which counts are reached.
    Reached,
}

/// Of four nodes two are a quorum: one that votes twice makes two of them.
pub const NAIVE: Count =
    Count { quorum: 2, forgets: false, prefers: false, strict: None, keyed: Keyed::Nothing };
/// Any two quorums have an honest node in common.
pub const REPAIRED: Count =
    Count { quorum: 3, forgets: false, prefers: false, strict: None, keyed: Keyed::Nothing };

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Said {
    Proposal(char),
    Vote(char),
}

#[derive(Clone, Debug, Default)]
pub struct Voter {
    voted: Option<char>,
    decided: Option<char>,
    votes: BTreeMap<NodeId, char>,
    /// How many votes more than the others it wants.
    more: usize,
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
        let more = node.more + usize::from(self.prefers && value == 'b');
        if votes >= self.quorum + more && node.decided.is_none() {
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
        let mut node = Voter { more: usize::from(self.strict == Some(id)), ..Voter::default() };
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

    fn key(&self, (_, node): &(NodeId, Voter)) -> Option<Key> {
        match self.keyed {
            Keyed::Nothing => None,
            Keyed::All | Keyed::Reached => Some(Key::debug(node)),
            Keyed::NoVotes => Some(Key::debug(&(node.voted, node.decided))),
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

    fn reached(&self, (me, node): &(NodeId, Voter)) -> Option<Key> {
        (self.keyed == Keyed::Reached).then(|| Key::debug(&(node.voted, node.decided, node.votes.get(me))))
    }

    fn forget(&self, (me, node): &mut (NodeId, Voter)) {
        node.votes.retain(|voter, _| voter == me);
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

/// What each node can do is found out by samples: where nothing is wrong in all states that are known, that is no verdict, and
/// it is said how much was tried.
#[test]
fn where_nothing_is_found_it_is_not_said_to_hold() {
    let checked = Check::new(REPAIRED).byzantine([NodeId(0)]).run().unwrap();
    let said = checked.to_string();
    assert_eq!(checked.conclusion(), Conclusion::NoVerdict, "{said}");
    for part in ["nothing wrong was found in", "pairs of histories", "visits all of them"] {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
    let guards = Guards::new(Arc::new(REPAIRED), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    let explored = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true).unwrap();
    assert!(explored.tried.pairs > 10 && explored.tried.walks > 10, "{explored:?}");
}

/// Where a key is given, and every input was handed to every state of every node, nothing is missing: then it is said.
#[test]
fn where_all_states_of_the_nodes_were_visited_it_holds() {
    let keyed = Count { keyed: Keyed::All, ..REPAIRED };
    let checked = Check::new(keyed).byzantine([NodeId(3)]).run().unwrap();
    let said = checked.to_string();
    assert_eq!(checked.conclusion(), Conclusion::Holds, "{said}");
    assert!(said.contains("by the protocol's key, tried on samples"), "{said}");
    let guards = Guards::exact(Arc::new(keyed), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    let explored = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true).unwrap();
    assert!(explored.is_exact && explored.locals > 100 && explored.tried.pairs > 1000, "{explored:?}");
    Check::new(Count { keyed: Keyed::All, ..NAIVE }).byzantine([NodeId(0)]).assert_violates("agreement");
}

/// Where it is said which counts are reached, votes wait for the last of their count, and few states are visited. It is said to hold
/// because all states are visited after that.
#[test]
fn where_votes_can_wait_few_states_are_visited() {
    let told = Count { keyed: Keyed::Reached, ..REPAIRED };
    let checked = Check::new(told).byzantine([NodeId(3)]).run().unwrap();
    let said = checked.to_string();
    assert_eq!(checked.conclusion(), Conclusion::Holds, "{said}");
    assert!(said.contains("all of its states") && !said.contains("put off"), "{said}");
    let guards = Guards::late(Arc::new(told), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    let explored = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true).unwrap();
    assert!(!explored.is_exact && explored.locals < 60 && explored.tried.walks > 500, "{explored:?}");
    Check::new(Count { keyed: Keyed::Reached, ..NAIVE }).byzantine([NodeId(0)]).assert_violates("agreement");
    // Of a protocol that does not say it nothing is put off.
    let silent =
        Guards::late(Arc::new(Count { keyed: Keyed::All, ..REPAIRED }), 1, 1, &AtomicBool::new(false));
    assert!(matches!(silent, Err(Unfit::TooLarge)));
}

/// A key that leaves something out is refused, and nothing is said to hold.
#[test]
fn a_key_without_the_votes_is_refused_where_nothing_else_is_tried() {
    let checked =
        Check::new(Count { keyed: Keyed::NoVotes, ..REPAIRED }).byzantine([NodeId(0)]).run().unwrap();
    let said = checked.to_string();
    assert_eq!(checked.conclusion(), Conclusion::NoVerdict, "{said}");
    assert!(said.contains("Protocol::key leaves something out"), "{said}");
}

/// What honest nodes have sent and can decide, in every state that is reached message by message.
fn message_by_message(protocol: Count, byzantine: NodeId) -> Statements {
    let begin = |id| protocol.init(id, &mut Effects::default());
    let honest: Vec<NodeId> = NodeId::all(4).filter(|id| *id != byzantine).collect();
    let (mut known, mut todo) =
        (BTreeSet::new(), vec![honest.iter().copied().map(begin).collect::<Vec<_>>()]);
    let mut statements = Statements::default();
    while let Some(nodes) = todo.pop() {
        if !known.insert(format!("{nodes:?}")) {
            continue;
        }
        let votes = nodes.iter().filter_map(|(id, node)| Some((*id, Said::Vote(node.voted?))));
        let proposed = honest.contains(&NodeId(0)).then_some((NodeId(0), Said::Proposal('a')));
        let sent: BTreeSet<_> = votes.chain(proposed).collect();
        let words = sent.iter().map(|(id, said)| format!("{id}: {}", protocol.message_in_words(said)));
        let words: BTreeSet<String> = words.collect();
        for (id, node) in &nodes {
            let decided = node.decided.map(|value| protocol.value_in_words(&value));
            let decided = decided.map(|value| format!("{id}: {value} in {}", Slot(0)));
            statements.decided.extend(decided.map(|decided| (words.clone(), decided)));
        }
        statements.sent.insert(words);
        let lies = protocol.alphabet().into_iter().map(|said| (byzantine, said));
        for (from, message) in sent.into_iter().chain(lies) {
            for place in (0..nodes.len()).filter(|place| honest[*place] != from) {
                let mut nodes = nodes.clone();
                let input = Input::Message { from, message: message.clone() };
                protocol.step(&mut nodes[place], input, &mut Effects::default());
                todo.push(nodes);
            }
        }
    }
    statements
}

/// Whole quorums as steps reach what single messages reach: all that can be sent together, and all that can be decided then.
#[test]
fn whole_quorums_reach_what_single_messages_reach() {
    for (protocol, byzantine) in [(REPAIRED, NodeId(0)), (REPAIRED, NodeId(3)), (NAIVE, NodeId(0))] {
        let (singly, never) = (message_by_message(protocol, byzantine), AtomicBool::new(false));
        let guards = Guards::new(Arc::new(protocol), 1, 1, &never).unwrap().unwrap();
        let wholly = guards.statements(&[byzantine]).unwrap();
        let keyed = Arc::new(Count { keyed: Keyed::All, ..protocol });
        let exact = Guards::exact(keyed, 1, 1, &never).unwrap().unwrap();
        assert_eq!(exact.statements(&[byzantine]).unwrap(), wholly);
        let told = Arc::new(Count { keyed: Keyed::Reached, ..protocol });
        let late = Guards::late(told, 1, 1, &never).unwrap().unwrap();
        let late = late.statements(&[byzantine]).unwrap();
        assert_eq!(late.sent, singly.sent, "{byzantine}");
        // A node may decide on what it sends at once; and it decides on nothing else.
        for (one, other) in [(&singly, &late), (&late, &singly)] {
            for (sent, decision) in &one.decided {
                let is_there = |(more, known): &(BTreeSet<_>, _)| known == decision && more.is_superset(sent);
                assert!(other.decided.iter().any(is_there), "{sent:?} {decision}");
            }
        }
        // A control state that leaves something out adds steps, and takes none away.
        let forgetful = Arc::new(Count { keyed: Keyed::All, forgets: true, ..protocol });
        let forgetful = Guards::exact(forgetful, 1, 1, &never).unwrap().unwrap();
        let more = forgetful.statements(&[byzantine]).unwrap();
        assert!(more.sent.is_superset(&singly.sent) && more.decided.is_superset(&singly.decided));
        assert!(singly.sent.len() > 3 && !singly.decided.is_empty());
        assert_eq!(wholly.sent, singly.sent, "{byzantine}");
        assert!(wholly.decided.is_superset(&singly.decided), "{byzantine}");
        // What it says by the way when it decides is not yet sent.
        for (sent, decision) in &wholly.decided {
            let mut later = singly.decided.iter();
            assert!(
                later.any(|(more, other)| more.is_superset(sent) && other == decision),
                "{sent:?} {decision}"
            );
        }
    }
}

/// Steps that are put off, and states that are one but for names, change no answer.
#[test]
fn what_makes_the_search_smaller_changes_no_answer() {
    for (protocol, byzantine, is_wrong) in
        [(NAIVE, NodeId(0), true), (REPAIRED, NodeId(0), false), (REPAIRED, NodeId(3), false)]
    {
        let guards = Guards::new(Arc::new(protocol), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
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

/// Two histories that it makes one are not alike. It is told even where nothing wrong is found: there is no verdict either way.
#[test]
fn a_control_state_that_leaves_something_out_gets_no_verdict() {
    let forgetful = Count { forgets: true, ..REPAIRED };
    let guards = Guards::new(Arc::new(forgetful), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    for asked in [None, Some("validity")] {
        let said = guards.explore(&[NodeId(0)], asked, GuardOptions::default(), &|_, _| true);
        let Err(Unfit::Unlike(unlike)) = said else { panic!("{said:?}") };
        assert!(unlike.input.contains("Proposal") && unlike.first != unlike.second, "{unlike}");
    }
    let checked = Check::new(forgetful).byzantine([NodeId(0)]).run().unwrap();
    assert_eq!(checked.conclusion(), Conclusion::NoVerdict, "{checked}");
}

/// A renaming under which something changes is no premise of a verdict.
#[test]
fn a_renaming_that_changes_something_gets_no_verdict() {
    let guards = Guards::new(Arc::new(Count { prefers: true, ..REPAIRED }), 1, 1, &AtomicBool::new(false))
        .unwrap()
        .unwrap();
    let said = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true);
    assert_eq!(said, Err(Unfit::Renaming(1)));
}

/// Nodes that say the same and do not do the same are no premise of a verdict either.
#[test]
fn like_nodes_that_are_not_alike_get_no_verdict() {
    let strict = Count { strict: Some(NodeId(2)), ..REPAIRED };
    let guards = Guards::new(Arc::new(strict), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    let said = guards.explore(&[NodeId(0)], None, GuardOptions::default(), &|_, _| true);
    assert_eq!(said, Err(Unfit::Exchange(NodeId(1), NodeId(2))));
    // Where one of them lies, the tables are the same as where both are honest.
    let said = guards.explore(&[NodeId(2)], None, GuardOptions::default(), &|_, _| true);
    assert!(matches!(said, Err(Unfit::Exchange(_, NodeId(2)))), "{said:?}");
}
