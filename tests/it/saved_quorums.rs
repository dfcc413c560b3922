//! Checks by whole quorums that are saved and go on: what each node can do is found again, and the search of what all can be in
//! together goes on to the same as in one go.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bft_check::check::Check;
use bft_check::check::protocol::{CheckedProtocol, Verdict};
use bft_check::engine::guards::{Ended, GuardOptions, Guards};
use bft_check::protocol::{Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Slot, Tally, Tallying};
use xxhash_rust::xxh3::xxh3_128;

use crate::common::notes::NOTES;
use crate::program::Folder;
use crate::saved_protocol::{by_steps, in_short};

/// Node 0 proposes, everybody votes for its first proposal and decides on a quorum of votes; then the same in the next slot, if there
/// is one.
#[derive(Clone, Copy, Debug)]
struct Chain {
    slots: usize,
    /// How many votes decide in the last slot; in the others three do.
    last: usize,
    is_keyed: bool,
}

/// The most slots.
const MOST: usize = 2;

/// Any two quorums have an honest node in common.
const HOLDS: Chain = Chain { slots: 1, last: 3, is_keyed: true };
/// In the last slot they need not.
const FORKS: Chain = Chain { slots: 2, last: 2, is_keyed: false };

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Said {
    Proposal(usize, char),
    Vote(usize, char),
}

#[derive(Clone, Debug, Default)]
struct Voter {
    voted: [Option<char>; MOST],
    decided: Vec<char>,
    votes: BTreeMap<(usize, NodeId), char>,
}

impl Chain {
    fn vote(self, node: &mut Voter, me: NodeId, value: char, effects: &mut Effects<Self>) {
        let slot = node.decided.len();
        if slot < self.slots && node.voted[slot].is_none() {
            node.voted[slot] = Some(value);
            node.votes.insert((slot, me), value);
            effects.broadcast(Said::Vote(slot, value));
            self.count(node, me, effects);
        }
    }

    fn count(self, node: &mut Voter, me: NodeId, effects: &mut Effects<Self>) {
        let slot = node.decided.len();
        let quorum = if slot + 1 < self.slots { 3 } else { self.last };
        let votes =
            |value| node.votes.iter().filter(|((at, _), vote)| *at == slot && **vote == value).count();
        if slot < self.slots
            && let Some(value) = ['a', 'b'].into_iter().find(|value| votes(*value) >= quorum)
        {
            node.decided.push(value);
            effects.decide(Slot(slot as u64), value);
            if me == NodeId(0) {
                self.vote(node, me, 'a', effects);
            }
            self.count(node, me, effects);
        }
    }
}

impl Protocol for Chain {
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
            (0..self.slots).for_each(|slot| effects.broadcast(Said::Proposal(slot, 'a')));
            self.vote(&mut node, id, 'a', effects);
        }
        (id, node)
    }

    fn step(&self, (me, node): &mut (NodeId, Voter), input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Message { from: NodeId(0), message: Said::Proposal(slot, value) }
                if slot == node.decided.len() =>
            {
                self.vote(node, *me, value, effects);
            }
            Input::Message { from, message: Said::Vote(slot, value) } => {
                node.votes.entry((slot, from)).or_insert(value);
                self.count(node, *me, effects);
            }
            _ => {}
        }
    }

    fn key(&self, (_, node): &(NodeId, Voter)) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(node))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().quorums()
    }
}

impl Adversary for Chain {
    fn alphabet(&self) -> Vec<Said> {
        let both = |slot| ['a', 'b'].map(|value| [Said::Proposal(slot, value), Said::Vote(slot, value)]);
        (0..self.slots).flat_map(both).flatten().collect()
    }
}

impl Tallying for Chain {
    fn control(&self, (_, node): &(NodeId, Voter)) -> Key {
        Key::debug(&(node.voted, &node.decided))
    }

    fn tally(&self, message: &Said) -> Option<Tally> {
        match message {
            Said::Vote(slot, _) => Some(Tally(*slot as u32)),
            Said::Proposal(..) => None,
        }
    }
}

/// What a row says of itself.
fn described(checked: &CheckedProtocol) -> Vec<(&str, &str, &str)> {
    checked.rows().iter().map(|row| (&*row.adversary, &*row.network, row.key)).collect()
}

/// One that forks, and one that holds wherever the liar is.
#[test]
fn a_check_by_quorums_goes_on_to_the_same_as_in_one_go() {
    let folder = Folder::new("quorums-resumed");
    for (name, check) in
        [("forks", Check::new(FORKS).byzantine([NodeId(0)])), ("holds", Check::new(HOLDS).byzantine(1))]
    {
        let whole = check.run().unwrap();
        let states = whole.rows().iter().map(|row| row.coverage.states).max().unwrap();
        let path = folder.0.join(format!("{name}.save"));
        let (done, rounds) = by_steps(&check, &path, (states / 3).max(1));
        assert!(rounds >= 2, "{name}: {rounds} limits ended {states} states");
        assert_eq!(in_short(&done), in_short(&whole), "{name} after {rounds} limits");
        assert_eq!(described(&done), described(&whole), "{name} after {rounds} limits");
    }
}

/// Who pauses all the time comes to the same, and what was kept last is from the middle of the search.
#[test]
fn a_check_by_quorums_that_pauses_is_kept_on_the_way() {
    let folder = Folder::new("quorums-paused");
    let path = folder.0.join("run.save");
    let check = Check::new(NOTES).byzantine([NodeId(0)]);
    let whole = check.run().unwrap();
    let paused = check.clone().save(&path).save_every(Duration::from_nanos(1)).run().unwrap();
    assert_eq!(in_short(&paused), in_short(&whole));
    assert!(paused.saved().is_none(), "there is nothing to go on with");
    let rest = check.clone().resume(&path).max_states(1).run().unwrap();
    let states = rest.rows()[0].coverage.states;
    assert!(states > 1 && states < whole.rows()[0].coverage.states, "{states}: {rest}");
    assert_eq!(in_short(&check.resume(&path).run().unwrap()), in_short(&whole));
}

/// No state is expanded twice, wherever the search was ended.
#[test]
fn a_search_by_quorums_goes_on_where_it_was_ended() {
    let guards = Guards::exact(Arc::new(HOLDS), 1, 1, &AtomicBool::new(false)).unwrap().unwrap();
    let explored = |from, most: usize| {
        let asks = Cell::new(0);
        let goes_on = |_, _| {
            asks.set(asks.get() + 1);
            asks.get() <= most
        };
        let options = GuardOptions { walks: 0, ..GuardOptions::default() };
        let (explored, halted) = guards.explore_from(&[NodeId(0)], None, options, from, &goes_on).unwrap();
        (explored, halted, asks.get())
    };
    let (whole, halted, asks) = explored(None, usize::MAX);
    assert!(halted.is_none() && whole.states as usize == asks && asks > 5, "{asks} asked of {whole:?}");
    for place in 0..asks {
        let (some, halted, _) = explored(None, place);
        assert!(some.end == Ended::Stopped && some.states <= whole.states, "{place}: {some:?}");
        let (rest, halted, more) = explored(halted, usize::MAX);
        assert!(halted.is_none());
        assert_eq!((&rest, place + more), (&whole, asks), "ended after {place} of {asks}");
    }
}

/// The numbers in a file mean something in the tables alone that gave them: of another protocol under the same name they mean
/// something else.
#[test]
fn a_check_by_quorums_of_another_protocol_does_not_go_on() {
    let folder = Folder::new("quorums-other");
    let path = folder.0.join("run.save");
    let check = Check::new(HOLDS).byzantine([NodeId(0)]);
    assert!(check.max_states(4).save(&path).run().unwrap().saved().is_some());
    let other = Check::new(Chain { last: 4, ..HOLDS }).byzantine([NodeId(0)]).resume(&path).run();
    assert!(other.as_ref().is_ok_and(is_otherwise), "{other:?}");
}

/// Whether it is said that what was saved cannot be gone on with.
fn is_otherwise(checked: &CheckedProtocol) -> bool {
    let Verdict::Refused(why) = &checked.rows()[0].verdict else { return false };
    why.to_string().contains("comes out otherwise than when the check was saved")
}

/// A count that would wrap, a state that nothing leads to, and the like.
#[test]
fn numbers_that_no_search_by_quorums_comes_to_are_refused() {
    let folder = Folder::new("quorums-numbers");
    let [path, other] = ["run.save", "other.save"].map(|name| folder.0.join(name));
    let check = Check::new(HOLDS).byzantine([NodeId(0)]);
    assert!(check.clone().max_states(4).save(&path).run().unwrap().saved().is_some());
    let own = fs::read(&path).unwrap();
    let content = &own[..own.len() - 16];
    // Behind the header a byte for the stage, twelve for the time, a digest; then states, parents, and four counts at the end.
    let header = u64::from_le_bytes(content[16..24].try_into().unwrap()) as usize;
    let states = 24 + header + 1 + 12 + 16 + 8;
    let many = u64::from_le_bytes(content[states - 8..states].try_into().unwrap()) as usize;
    let (parents, counts) = (states + 16 * many + 8, content.len() - 32);
    assert_eq!(parents + 4 * many, counts);
    let most = [0xff; 8];
    for (what, place, value) in [
        ("the first state", states, &[1][..]),
        ("a state's class", states + 16, &most[..3]),
        ("the first state's parent", parents, &[0; 4]),
        ("the second state's parent", parents + 4, &[1, 0, 0, 0]),
        ("transitions", counts, &most),
        ("depth", counts + 8, &most),
        ("how many are expanded", counts + 16, &most),
        ("the level", counts + 24, &most),
    ] {
        let mut changed = content.to_vec();
        changed[place..place + value.len()].copy_from_slice(value);
        let sum = xxh3_128(&changed).to_le_bytes();
        fs::write(&other, [&changed[..], &sum].concat()).unwrap();
        let checked = check.clone().resume(&other).run();
        assert!(checked.as_ref().is_ok_and(is_otherwise), "{what}: {checked:?}");
    }
}

/// It is a checksum, not a seal. Whoever changes a file and puts it right may make the check say something else, and never panic.
#[test]
fn a_check_by_quorums_is_not_upset_by_a_file_that_was_changed() {
    let folder = Folder::new("quorums-changed");
    let [path, other] = ["run.save", "other.save"].map(|name| folder.0.join(name));
    let check = Check::new(HOLDS).byzantine([NodeId(0)]);
    assert!(check.clone().max_states(4).save(&path).run().unwrap().saved().is_some());
    let own = fs::read(&path).unwrap();
    let content = &own[..own.len() - 16];
    let length = u64::from_le_bytes(content[16..24].try_into().unwrap()) as usize;
    let (mut taken, mut refused) = (0, 0);
    // Every number in it, a byte or two of each.
    for place in (24 + length..content.len()).step_by(3) {
        let mut changed = content.to_vec();
        changed[place] ^= if place % 2 == 0 { 1 } else { 0x80 };
        let sum = xxh3_128(&changed).to_le_bytes();
        fs::write(&other, [&changed[..], &sum].concat()).unwrap();
        match check.clone().max_states(200).resume(&other).run() {
            Ok(checked) if !matches!(checked.rows()[0].verdict, Verdict::Refused(_)) => taken += 1,
            _ => refused += 1,
        }
    }
    assert!(refused > taken && taken > 0, "{taken} taken, {refused} refused");
}
