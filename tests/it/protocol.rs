//! Protocols of one's own under the checker: what is found, what holds, and what beginners write wrongly.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bft_check::check::protocol::{ByzantineNodes, CheckedProtocol, Verdict};
use bft_check::check::{Check, CheckError, Conclusion};
use bft_check::engine::{Refusal, SetupError};
use bft_check::protocol::{ByDebug, Effects, Input, Invariant, Key, Network, NodeId, Offer, Protocol, Slot};
use bft_check::trace::{ReadStoryError, StoryFile};

use crate::common::vote::{VOTE, Vote};

/// Of three nodes two are a quorum: one that votes twice makes two of them.
const NAIVE: Vote = VOTE;
/// Any two quorums share an honest node.
const REPAIRED: Vote = Vote { quorum: 3, ..VOTE };

fn run<P: Protocol>(check: &Check<P>) -> CheckedProtocol {
    check.run().unwrap()
}

fn refusal<P: Protocol>(check: &Check<P>) -> Refusal {
    let checked = run(check);
    assert_eq!(checked.conclusion(), Conclusion::NoVerdict, "{checked}");
    match &checked.rows()[0].verdict {
        Verdict::Refused(why) => why.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_naive_vote_forks_with_one_twin_and_its_repair_does_not() {
    Check::new(NAIVE).assert_holds();
    Check::new(NAIVE).byzantine(1).assert_violates("agreement");
    Check::new(REPAIRED).byzantine([NodeId(0)]).assert_holds();
    let checked = run(&Check::new(NAIVE).byzantine([NodeId(0)]));
    // Each twin proposes, one honest node gets each proposal: with the twin's vote or their own that makes two.
    let story = checked.shortest().unwrap();
    assert_eq!(story.steps.len(), 6, "{checked}");
    let said = checked.to_string();
    for part in [
        "VIOLATED: agreement, in 6 steps",
        "twins of n0",
        "any order, with repetition",
        "n0a",
        "DECIDES 'a' in slot 0",
    ] {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
}

#[test]
fn known_by_history_or_by_key_the_verdict_is_the_same() {
    let both = |vote: Vote, twins: u16| {
        [true, false].map(|is_keyed| run(&Check::new(Vote { is_keyed, ..vote }).byzantine(twins)))
    };
    let [keyed, by_history] = both(REPAIRED, 0);
    assert_eq!([keyed.conclusion(), by_history.conclusion()], [Conclusion::Holds; 2]);
    assert!(keyed.rows()[0].coverage.states <= by_history.rows()[0].coverage.states);
    let steps = both(NAIVE, 1).map(|checked| checked.shortest().map(|story| story.steps.len()));
    assert_eq!(steps, [Some(6); 2]);
}

#[test]
fn a_story_is_written_and_happens_again() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("naive-vote.json");
    let checked = run(&Check::new(NAIVE).byzantine([NodeId(0)]).trace(&path));
    let text = std::fs::read_to_string(&path).unwrap();
    let (file, story) = StoryFile::replay(&text, Arc::new(NAIVE)).unwrap();
    assert_eq!((file.violates.as_deref(), Some(&story)), (Some("agreement"), checked.shortest()));
    // The repaired protocol does the same steps, and nothing is wrong with it then.
    let (_, harmless) = StoryFile::replay(&text, Arc::new(REPAIRED)).unwrap();
    assert_eq!(harmless.violation, None);
    // What cannot happen is refused, by number.
    let impossible = text.replacen("Proposal('a')", "Proposal('z')", 1);
    let Err(ReadStoryError::Step(number @ 2..=3, said, instead)) =
        StoryFile::replay(&impossible, Arc::new(NAIVE))
    else {
        panic!("{impossible}");
    };
    assert!(said.contains("Proposal('z')") && number <= story.steps.len(), "{said}: {instead}");
    assert!(matches!(StoryFile::replay("{}", Arc::new(NAIVE)), Err(ReadStoryError::Json(_))));
}

/// Beside a step that cannot happen stands what can: what is most like it first, and so much as can be read.
#[test]
fn what_can_happen_instead_of_a_step_is_named() {
    let checked = run(&Check::new(NAIVE).byzantine([NodeId(0)]));
    let story = checked.shortest().unwrap();
    let file: serde_json::Value = serde_json::from_str(&story.to_json().unwrap()).unwrap();
    for (number, step) in story.steps.iter().enumerate().skip(story.opening) {
        let mut impossible = file.clone();
        impossible["steps"][number - story.opening]["words"] = "nonsense".into();
        let Err(ReadStoryError::Step(_, said, instead)) =
            StoryFile::replay(&impossible.to_string(), Arc::new(NAIVE))
        else {
            panic!("{impossible}");
        };
        assert_eq!(said, format!("'nonsense' at {}", step.at));
        let (first, others) = instead.split_once("; ").unwrap_or((&instead, ""));
        assert!(first.ends_with(&format!("' at {}", step.at)), "step {number}: {instead}");
        assert!(others.matches("' at ").count() < 6, "{instead}");
    }
}

/// A queue between two nodes: what node 0 says reaches node 1 in order, up to a cut.
#[derive(Clone, Copy, Debug)]
struct Queue {
    network: Network,
    is_cut_by_last: bool,
}

impl Protocol for Queue {
    type Node = Vec<u8>;
    type Message = ByDebug<u8>;
    type Event = u8;
    type Value = u8;

    fn nodes(&self) -> usize {
        2
    }

    fn init(&self, _: NodeId, _: &mut Effects<Self>) -> Vec<u8> {
        Vec::new()
    }

    fn step(&self, node: &mut Vec<u8>, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Event(number) => effects.send(NodeId(1), ByDebug(number)),
            Input::Message { message, .. } => node.push(message.0),
        }
    }

    fn events(&self) -> Vec<Offer<u8>> {
        (1..=3).map(|number| Offer::once(NodeId(0), number)).collect()
    }

    fn cuts(&self, _: NodeId, event: &u8) -> Vec<(NodeId, NodeId)> {
        if self.is_cut_by_last && *event == 3 { vec![(NodeId(1), NodeId(0))] } else { Vec::new() }
    }

    fn network(&self) -> Network {
        self.network
    }

    fn invariants(&self) -> Vec<Invariant<Self>> {
        vec![
            Invariant::<Self>::new("three does not arrive", |_, nodes| match nodes[1].1.contains(&3) {
                true => Err(format!("{:?} has arrived", nodes[1].1)),
                false => Ok(()),
            }),
            Invariant::<Self>::new("all arrives", |_, nodes| match nodes[1].1[..] == [1, 2, 3] {
                true => Err("all has arrived".to_owned()),
                false => Ok(()),
            }),
        ]
    }
}

#[test]
fn on_a_link_nothing_overtakes_and_a_cut_loses_what_is_in_it() {
    let fifo = Queue { network: Network::FIFO, is_cut_by_last: false };
    Check::new(fifo).assert_violates("three does not arrive");
    Check::new(fifo).assert_violates("all arrives");
    Check::new(Queue { is_cut_by_last: true, ..fifo }).assert_holds();
    // 8 orders of what is sent and how much of it has arrived, without cuts; and after a cut what has arrived stays.
    let states = |queue| run(&Check::new(queue).property("all arrives")).rows()[0].coverage.states;
    let cut = Queue { network: Network::Fifo { cuts: 1, losses: 0 }, ..fifo };
    assert!(states(cut) > states(fifo), "{} and {}", states(cut), states(fifo));
    Check::new(Queue { network: Network::AnyOrder, ..fifo }).assert_violates("all arrives");
}

/// On a link what is sent twice arrives twice, and in the order of sending with all else.
#[test]
fn a_message_arrives_as_often_as_it_is_sent_on_a_link() {
    struct Twice;
    impl Protocol for Twice {
        type Node = u64;
        type Message = char;
        type Event = ();
        type Value = char;

        fn nodes(&self) -> usize {
            2
        }

        fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> u64 {
            if id == NodeId(0) {
                "aab".chars().for_each(|message| effects.send(NodeId(1), message));
            }
            0
        }

        fn step(&self, node: &mut u64, input: Input<Self>, effects: &mut Effects<Self>) {
            if let Input::Message { message, .. } = input {
                effects.decide(Slot(*node), message);
                *node += 1;
            }
        }

        fn network(&self) -> Network {
            Network::FIFO
        }

        fn is_valid(&self, slot: Slot, value: &char) -> bool {
            (slot, *value) != (Slot(2), 'b')
        }
    }
    let checked = run(&Check::new(Twice));
    assert_eq!(
        (checked.rows()[0].coverage.depth, checked.conclusion()),
        (3, Conclusion::Unsafe),
        "{checked}"
    );
}

/// What beginners write: node 0 is handed 1 and 2, in either order.
#[derive(Clone, Copy, Debug)]
enum Beginner {
    /// What it decides depends on how often the code ran.
    Counts,
    /// What it sends depends on what came first, and its key does not tell that.
    Forgets,
    /// It panics if 2 comes first.
    Panics,
    /// It sends to a node that is not there.
    SendsAway,
    /// It does nothing.
    Idles,
    /// Its key depends on the order of a hash map.
    Shuffles,
    /// It has a key until something happens.
    LosesItsKey,
    /// It sends without end.
    Floods,
    /// Its timer never ends.
    Ticks,
}

impl Protocol for Beginner {
    type Node = Vec<u8>;
    type Message = Vec<u8>;
    type Event = u8;
    type Value = u32;

    fn nodes(&self) -> usize {
        2
    }

    fn init(&self, _: NodeId, _: &mut Effects<Self>) -> Vec<u8> {
        Vec::new()
    }

    fn step(&self, node: &mut Vec<u8>, input: Input<Self>, effects: &mut Effects<Self>) {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let Input::Event(event) = input else { return };
        node.push(event);
        match self {
            Beginner::Counts => effects.decide(Slot(0), COUNTER.fetch_add(1, Relaxed)),
            Beginner::Forgets => effects.broadcast(node.clone()),
            Beginner::Panics => assert!(node[..] != [2, 1], "two before one"),
            Beginner::SendsAway => effects.send(NodeId(2), node.clone()),
            Beginner::Floods => (0..=10_000).for_each(|_| effects.broadcast(vec![0])),
            Beginner::Ticks => effects.set(1),
            Beginner::Idles | Beginner::Shuffles | Beginner::LosesItsKey => {}
        }
    }

    fn events(&self) -> Vec<Offer<u8>> {
        (1..=2).map(|event| Offer::once(NodeId(0), event)).collect()
    }

    fn key(&self, node: &Vec<u8>) -> Option<Key> {
        match self {
            Beginner::Forgets => Some(Key::debug(&node.len())),
            Beginner::LosesItsKey => node.is_empty().then(|| Key::debug(node)),
            Beginner::Shuffles => {
                let votes: HashMap<u8, usize> = (0..20).map(|voter| (voter, node.len())).collect();
                Some(Key::debug(&votes))
            }
            _ => None,
        }
    }
}

fn said(whole: &str, parts: &[&str]) {
    for part in parts {
        assert!(whole.contains(part), "'{part}' is missing in: {whole}");
    }
}

#[test]
fn code_that_is_not_deterministic_is_refused_with_what_differed() {
    let why = refusal(&Check::new(Beginner::Counts));
    assert!(matches!(why, Refusal::Nondeterministic { .. }), "{why}");
    said(
        &why.to_string(),
        &[
            "not deterministic: n0 was twice handed ['1']",
            "decide 0 in slot 0",
            "decide 1 in slot 0",
            "hash map",
        ],
    );
}

#[test]
fn a_key_that_leaves_something_out_is_refused_with_what_differed() {
    let why = refusal(&Check::new(Beginner::Forgets));
    assert!(matches!(why, Refusal::UnlikeKeys(_)), "{why}");
    said(&why.to_string(), &["Protocol::key leaves something out", "n0 has the key 1", "['1']", "['2']"]);
}

#[test]
fn a_panic_is_a_violation_with_its_run() {
    Check::new(Beginner::Panics).assert_violates("panics");
    let whole = run(&Check::new(Beginner::Panics)).to_string();
    said(&whole, &["VIOLATED: panics, in 2 steps", "n0 PANICS: 'two before one'", "tests/it/protocol.rs"]);
}

/// A node that panics at the third thing that happens to it, whatever the first two were.
struct ThirdStrike;

impl Protocol for ThirdStrike {
    type Node = u8;
    type Message = ();
    type Event = u8;
    type Value = ();

    fn nodes(&self) -> usize {
        1
    }

    fn init(&self, _: NodeId, _: &mut Effects<Self>) -> u8 {
        0
    }

    fn step(&self, strikes: &mut u8, _: Input<Self>, _: &mut Effects<Self>) {
        *strikes += 1;
        assert!(*strikes < 3, "out");
    }

    fn events(&self) -> Vec<Offer<u8>> {
        (0..3).map(|event| Offer::once(NodeId(0), event)).collect()
    }

    fn key(&self, strikes: &u8) -> Option<Key> {
        Some(Key::debug(strikes))
    }
}

/// Nodes of one key that panic alike behave alike, though a node that has panicked has no key.
#[test]
fn a_panic_after_two_histories_of_one_key_is_no_fault_of_the_key() {
    let checked = run(&Check::new(ThirdStrike));
    assert!(checked.to_string().contains("VIOLATED: panics, in 3 steps"), "{checked}");
}

#[test]
fn what_can_never_be_is_said() {
    let why = refusal(&Check::new(Beginner::SendsAway));
    said(&why.to_string(), &["n0 sends [1] to n2, and there is no such node"]);
    let idle = run(&Check::new(Beginner::Idles));
    assert_eq!(idle.conclusion(), Conclusion::Vacuous);
    said(
        &idle.to_string(),
        &[
            "holds, but see below",
            "in no run does an honest node decide anything",
            "does not reach its sender",
        ],
    );
}

#[test]
fn a_key_that_depends_on_the_order_of_a_hash_map_is_refused() {
    let why = refusal(&Check::new(Beginner::Shuffles));
    assert!(matches!(why, Refusal::Nondeterministic { .. }), "{why}");
    said(&why.to_string(), &["not deterministic: n0", "have the key {", "order of a hash map"]);
}

#[test]
fn a_key_for_some_nodes_alone_is_refused() {
    let why = refusal(&Check::new(Beginner::LosesItsKey));
    said(&why.to_string(), &["a key for some nodes and none for others: for n0", "['1']"]);
}

#[test]
fn what_has_no_end_is_said() {
    let why = refusal(&Check::new(Beginner::Floods));
    said(&why.to_string(), &["n0 does 10001 things in one step"]);
    let ticks = run(&Check::new(Beginner::Ticks).max_states(100));
    assert_eq!(ticks.conclusion(), Conclusion::NotExhausted);
    said(&ticks.to_string(), &["not exhausted", "A timer that is set again", "give Protocol::key"]);
}

#[test]
fn questions_that_make_no_sense_are_errors() {
    let error = |check: Check<Vote>| match check.run() {
        Err(CheckError::Setup(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(Check::new(NAIVE).byzantine(3)), SetupError::NobodyHonest);
    assert_eq!(
        error(Check::new(NAIVE).byzantine([NodeId(3)])),
        SetupError::NoSuchNode("Byzantine", NodeId(3), 3)
    );
    assert!(matches!(error(Check::new(NAIVE).property("agrement")), SetupError::NoSuchProperty(..)));
    assert!(matches!(Check::new(NAIVE).threads(0).run(), Err(CheckError::NoThreads)));
    assert!(matches!(Check::new(NAIVE).trace("a.doc").run(), Err(CheckError::Form(_))));
    let queue = Queue { network: Network::AnyOrder, is_cut_by_last: true };
    assert!(matches!(Check::new(queue).run(), Err(CheckError::Setup(SetupError::NoLinks))));
    assert_eq!("n0,n2".parse(), Ok(ByzantineNodes::Ids(vec![NodeId(0), NodeId(2)])));
    assert_eq!("1".parse(), Ok(ByzantineNodes::Count(1)));
    assert!("r0".parse::<ByzantineNodes>().is_err());
}
