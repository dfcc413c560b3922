//! Rules that count heads: whoever has voted, whatever kind of vote it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bft_check::check::{Check, Conclusion};
use bft_check::engine::guards::{Ended, GuardOptions, Guards, Unfit};
use bft_check::protocol::{Adversary, Effects, Input, Key, Layers, NodeId, Protocol, Slot, Tally, Tallying};

/// Nodes say one thing or another, and listen to what the others say.
#[derive(Clone, Debug)]
struct Heads {
    rule: Rule,
    /// What each node says at once.
    says: [&'static [Said]; 4],
    is_keyed: bool,
    told: Told,
}

/// What is said of the counts that a node has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// Nothing: all of its states are visited.
    Nothing,
    /// How many have spoken.
    Heads,
    /// That votes with which no tally is full change nothing, which is not so.
    TooLittle,
}

/// When a node decides: always on something that is not valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// Two others have said something, which is counted in two tallies.
    TwoHeads,
    /// Two others have said both, which is counted in one.
    TwoFaced,
    /// Node 1 or node 2 has said something, and it is forgotten which of them; then node 0. Node 3 alone decides.
    OneOfTwo,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Said {
    This,
    That,
}

/// What a node has heard, and whether it has decided.
type Listener = (NodeId, BTreeSet<(NodeId, Said)>, bool);

impl Protocol for Heads {
    type Node = Listener;
    type Message = Said;
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        4
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Listener {
        self.says[id.index()].iter().for_each(|said| effects.broadcast(*said));
        (id, BTreeSet::new(), false)
    }

    fn step(&self, (me, heard, decided): &mut Listener, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Message { from, message } = input else { return };
        match (self.rule, from.0) {
            (Rule::OneOfTwo, 1 | 2) => drop(heard.insert((NodeId(1), Said::This))),
            (Rule::OneOfTwo, 0) if heard.is_empty() => {}
            _ => drop(heard.insert((from, message))),
        }
        let others = NodeId::all(4).filter(|other| other != me);
        let heads = others.filter(|other| match self.rule {
            Rule::TwoHeads | Rule::OneOfTwo => heard.iter().any(|(from, _)| from == other),
            Rule::TwoFaced => [Said::This, Said::That].iter().all(|said| heard.contains(&(*other, *said))),
        });
        let listens = self.rule != Rule::OneOfTwo || *me == NodeId(3);
        if heads.count() > 1 && listens && !std::mem::replace(decided, true) {
            effects.decide(Slot(0), 'x');
        }
    }

    fn key(&self, node: &Listener) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(node))
    }

    fn is_valid(&self, _: Slot, _: &char) -> bool {
        false
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().quorums()
    }
}

impl Adversary for Heads {
    fn alphabet(&self) -> Vec<Said> {
        vec![Said::This, Said::That]
    }
}

impl Tallying for Heads {
    fn control(&self, (_, _, decided): &Listener) -> Key {
        Key::debug(decided)
    }

    fn reached(&self, (_, heard, decided): &Listener) -> Option<Key> {
        let heads: BTreeSet<NodeId> = heard.iter().map(|(from, _)| *from).collect();
        match self.told {
            Told::Nothing => None,
            Told::Heads => Some(Key::debug(&(heads.len(), decided))),
            Told::TooLittle => Some(Key::debug(decided)),
        }
    }

    fn forget(&self, (_, heard, _): &mut Listener) {
        heard.clear();
    }

    fn tally(&self, said: &Said) -> Option<Tally> {
        match (self.rule, said) {
            // Who has cast which vote would tell the two ways apart.
            (Rule::OneOfTwo, _) => None,
            (Rule::TwoHeads, Said::That) => Some(Tally(1)),
            _ => Some(Tally(0)),
        }
    }
}

const BOTH: &[Said] = &[Said::This, Said::That];

/// A Byzantine node that says both is one head: with nobody else who speaks it brings nothing about, and no violation is made
/// up; with one it does.
#[test]
fn a_node_that_votes_in_two_tallies_is_one_head() {
    for is_keyed in [false, true] {
        let check = |says| {
            let heads = Heads { rule: Rule::TwoHeads, says, is_keyed, told: Told::Nothing };
            Check::new(heads).byzantine([NodeId(3)]).run().unwrap()
        };
        let silent = check([&[], &[], &[], &[]]);
        let said = silent.to_string();
        match is_keyed {
            true => assert_eq!(silent.conclusion(), Conclusion::Vacuous, "{said}"),
            false => assert!(said.contains("nothing wrong was found"), "{said}"),
        }
        for says in [[&[Said::This] as &[Said], &[], &[], &[]], [&[], &[Said::That], &[], &[]]] {
            let checked = check(says);
            assert_eq!(checked.conclusion(), Conclusion::Unsafe, "{checked}");
        }
    }
}

/// Where honest nodes say two things that are counted in one tally, more than the Byzantine ones do so.
#[test]
fn honest_nodes_that_vote_twice_are_not_taken_for_byzantine() {
    let says: [&[Said]; 4] = [BOTH, BOTH, &[], &[]];
    let checked = Check::new(Heads { rule: Rule::TwoFaced, says, is_keyed: true, told: Told::Nothing })
        .byzantine([NodeId(3)])
        .run()
        .unwrap();
    assert_eq!(checked.conclusion(), Conclusion::Unsafe, "{checked}");
    let says: [&[Said]; 4] = [&[Said::This], &[Said::That], &[], &[]];
    let checked = Check::new(Heads { rule: Rule::TwoFaced, says, is_keyed: true, told: Told::Nothing })
        .byzantine([NodeId(3)])
        .run()
        .unwrap();
    assert_eq!(checked.conclusion(), Conclusion::Vacuous, "{checked}");
}

/// A state that is reached in two ways takes neither of them: whoever of the two has spoken, what follows is not missing.
#[test]
fn what_one_way_to_a_state_takes_is_not_what_it_takes() {
    for says in [[BOTH, BOTH, &[], &[]], [BOTH, &[], BOTH, &[]]] {
        let heads = Heads { rule: Rule::OneOfTwo, says, is_keyed: true, told: Told::Nothing };
        let guards = Guards::exact(Arc::new(heads), 0, 1, &AtomicBool::new(false)).unwrap().unwrap();
        let explored = guards.explore(&[], None, GuardOptions::default(), &|_, _| true);
        // It need not find out which of the two ways it is, but must not say that there is none.
        let is_seen = match &explored {
            Ok(explored) => matches!(explored.end, Ended::Violated(_)),
            Err(why) => matches!(why, Unfit::Spurious(_)),
        };
        assert!(is_seen, "{explored:?}");
    }
}

/// Votes of two tallies that are counted together may not wait for each other: who says of them that they may is refused.
#[test]
fn votes_that_are_said_to_wait_and_may_not_are_found_out() {
    let says: [&[Said]; 4] = [&[Said::This], &[], &[], &[]];
    let late = |told| {
        let heads = Heads { rule: Rule::TwoHeads, says, is_keyed: true, told };
        let guards = Guards::late(Arc::new(heads), 1, 1, &AtomicBool::new(false))?;
        guards.unwrap().explore(&[NodeId(3)], None, GuardOptions::default(), &|_, _| true)
    };
    let (heads, little) = (late(Told::Heads), late(Told::TooLittle));
    assert!(matches!(&heads, Ok(explored) if matches!(explored.end, Ended::Violated(_))), "{heads:?}");
    assert!(matches!(little, Err(Unfit::Missed(_))), "{little:?}");
}
