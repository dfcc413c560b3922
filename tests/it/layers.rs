//! Protocols of one's own, past safety among nodes that stay up: crashes, loss, twins on links.

use std::collections::BTreeSet;
use std::sync::Arc;

use bft_check::check::protocol::{CheckedProtocol, Verdict};
use bft_check::check::{Check, CheckError, Conclusion};
use bft_check::engine::{Bound, SetupError};
use bft_check::explore::protocol::Explorer;
use bft_check::protocol::{
    Adversary, Effects, Fair, Input, Invariant, Key, Layers, Network, NodeId, Offer, Protocol, Recover, Slot,
};
use bft_check::simulate::protocol::{Simulation, SimulationError};
use bft_check::trace::{Form, ReadStoryError, StoryFile};

use crate::common::vote::{VOTE, Vote};

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
                let mut after = nodes.iter().filter(|(_, node)| node.starts_with(&['r']));
                after.try_for_each(|(id, node)| {
                    if id.0 == 1 && node.len() > 1 { Err(format!("{node:?}")) } else { Ok(()) }
                })
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

/// In each round one node proposes what it likes, and two votes of three decide; a timer begins the next round.
#[derive(Clone, Copy, Debug)]
struct Rounds {
    last: u8,
    /// Whether every round has a timer, or the first alone.
    is_patient: bool,
    is_keyed: bool,
}

#[derive(Debug)]
struct InRound {
    id: u16,
    round: u8,
    votes: BTreeSet<(u8, u16)>,
    is_out: bool,
}

impl Rounds {
    fn enter(self, node: &mut InRound, round: u8, effects: &mut Effects<Self>) {
        node.round = round;
        if round == 0 || !self.is_patient {
            effects.set(round);
        }
        effects.broadcast(round);
    }
}

impl Protocol for Rounds {
    type Node = InRound;
    type Message = u8;
    type Event = u8;
    type Value = u8;

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> InRound {
        let mut node = InRound { id: id.0, round: 0, votes: BTreeSet::new(), is_out: false };
        self.enter(&mut node, 0, effects);
        node
    }

    fn step(&self, node: &mut InRound, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Message { from, message: round } => {
                node.votes.insert((round, from.0));
            }
            Input::Event(round) if round == self.last => node.is_out = true,
            Input::Event(round) => self.enter(node, round + 1, effects),
        }
        let votes = node.votes.iter().filter(|(round, who)| *round == node.round && *who != node.id).count();
        if votes == 2 {
            effects.decide(Slot(0), 0);
            effects.stop(node.round);
        }
    }

    fn key(&self, node: &InRound) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(node))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().liveness()
    }
}

impl Fair for Rounds {
    fn round(&self, node: &InRound) -> u64 {
        u64::from(node.round)
    }

    fn is_cut(&self, node: &InRound) -> bool {
        node.is_out
    }
}

const ROUNDS: Rounds = Rounds { last: 3, is_patient: false, is_keyed: true };

#[test]
fn who_has_gone_on_and_waits_for_ever_is_found() {
    // With a network that is stable from the start all decide in the first round.
    Check::new(ROUNDS).unstable_rounds(0).property("liveness").assert_holds();
    Check::new(Rounds { is_patient: true, ..ROUNDS }).unstable_rounds(0).property("liveness").assert_holds();
    // Else one may leave the round in which the others decide, and nobody follows it.
    let checked =
        run(&Check::new(Rounds { is_patient: true, ..ROUNDS }).unstable_rounds(2).property("liveness"));
    assert_eq!(checked.conclusion(), Conclusion::NotLive, "{checked}");
    let said = checked.to_string();
    for part in ["VIOLATED: liveness", "never gets there", "the network is stable", "↻"] {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
    let story = checked.shortest().unwrap();
    let (file, again) = StoryFile::replay(&story.to_json().unwrap(), Arc::new(ROUNDS_PATIENT)).unwrap();
    assert_eq!((file.violates.as_deref(), &again), (Some("liveness"), story));
    // Where rounds end, nothing is said.
    let cut = run(&Check::new(Rounds { last: 0, ..ROUNDS }).byzantine([NodeId(2)]).property("liveness"));
    assert_eq!(cut.conclusion(), Conclusion::NotExhausted, "{cut}");
}

/// A file does not claim how a run goes on: where its last step is taken from it, that step is still owed.
#[test]
fn that_a_run_goes_on_for_ever_is_found_out_anew() {
    let checked = run(&Check::new(ROUNDS_PATIENT).unstable_rounds(2).property("liveness"));
    let mut file: serde_json::Value =
        serde_json::from_str(&checked.shortest().unwrap().to_json().unwrap()).unwrap();
    let end = file["end"].as_object().unwrap().clone();
    assert!(end["repeats_after"].is_null(), "{end:?}");
    let replayed = |file: &serde_json::Value| {
        StoryFile::replay(&file.to_string(), Arc::new(ROUNDS_PATIENT)).unwrap().1.violation
    };
    assert_eq!(replayed(&file).unwrap().property, "liveness");
    file["steps"].as_array_mut().unwrap().pop();
    assert_eq!(replayed(&file), None);
}

/// A drawn run that gets nowhere is shrunk to what that takes.
#[test]
fn a_run_that_gets_nowhere_is_shrunk() {
    let found = Simulation::new(ROUNDS_PATIENT).property("liveness").seeds(0..300).run().unwrap();
    let finding = found.findings().first().unwrap_or_else(|| panic!("{found}"));
    assert!(finding.story.steps.len() < finding.steps, "{found}");
    // Nobody lies, so that nothing at all is left.
    assert_eq!(finding.story.end.as_ref().unwrap().then, "nothing can happen any more", "{found}");
    let (_, again) = StoryFile::replay(&finding.story.to_json().unwrap(), Arc::new(ROUNDS_PATIENT)).unwrap();
    assert_eq!(again, finding.story);
    assert_eq!(again.shrunk(Arc::new(ROUNDS_PATIENT)).unwrap(), again);
}

const ROUNDS_PATIENT: Rounds = Rounds { is_patient: true, ..ROUNDS };

#[test]
fn liveness_is_not_asked_of_what_has_no_goal() {
    let error = |check: Check<Vote>| match check.run() {
        Err(CheckError::Setup(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(Check::new(VOTE).property("liveness")), SetupError::NoGoal);
    assert_eq!(error(Check::new(VOTE).unstable_rounds(2)), SetupError::NoGoal);
}

#[test]
fn drawn_runs_find_the_fork_and_what_is_left_of_it_is_needed() {
    let simulated = |vote: Vote| Simulation::new(vote).byzantine(1).seeds(0..300).run().unwrap();
    for is_keyed in [true, false] {
        let found = simulated(Vote { is_keyed, ..VOTE });
        let finding = found.findings().first().unwrap_or_else(|| panic!("{found}"));
        assert_eq!(finding.story.violation.as_ref().unwrap().property, "agreement");
        let again =
            Simulation::new(Vote { is_keyed, ..VOTE }).byzantine(1).seeds(finding.seed..finding.seed + 1);
        assert_eq!(again.run().unwrap().findings(), std::slice::from_ref(finding));
        // Without any one of its steps it is none.
        assert_eq!(finding.story.shrunk(Arc::new(Vote { is_keyed, ..VOTE })).unwrap(), finding.story);
        // No shorter run than this does it, as an exhaustive check says, and that is what some come to.
        let all = Simulation::new(Vote { is_keyed, ..VOTE }).byzantine(1).seeds(0..300).keep_going().run();
        let lengths = all.unwrap().findings().iter().map(|finding| finding.story.steps.len()).min();
        assert_eq!(lengths, Some(6));
        let harmless = simulated(Vote { quorum: 3, is_keyed, ..VOTE });
        assert!(harmless.findings().is_empty() && harmless.counts().runs == 300, "{harmless}");
    }
    let on_links = Vote { network: Network::FIFO, ..VOTE };
    assert!(!simulated(on_links).findings().is_empty());
    Simulation::new(VOTE).crashes(2).seeds(0..200).assert_no_violation();
    let forgetful = Simulation::new(Vote { records: false, ..VOTE }).crashes(1).seeds(0..300).run().unwrap();
    assert!(!forgetful.findings().is_empty(), "{forgetful}");
}

#[test]
fn drawn_runs_find_who_waits_for_ever() {
    let found = Simulation::new(ROUNDS_PATIENT).seeds(0..300).run().unwrap();
    let finding = found.findings().first().unwrap_or_else(|| panic!("{found}"));
    assert_eq!(finding.story.violation.as_ref().unwrap().property, "liveness");
    let refused = Simulation::new(VOTE).property("liveness").run();
    assert!(matches!(refused, Err(SimulationError::Setup(SetupError::NoGoal))));
    assert!(matches!(Simulation::new(VOTE).seeds(0..0).run(), Err(SimulationError::NoRuns)));
    assert!(matches!(Simulation::new(VOTE).threads(0).run(), Err(SimulationError::NoThreads)));
}

/// Every form of a trace, and both that can be read again.
#[test]
fn a_story_is_written_in_every_form() {
    let checked = run(&Check::new(VOTE).byzantine([NodeId(0)]));
    let story = checked.shortest().unwrap();
    let of = |name: &str| story.written(Form::of(name).unwrap()).unwrap();
    for name in ["a.json", "a.itf.json"] {
        let (_, again) = StoryFile::replay(&of(name), Arc::new(VOTE)).unwrap();
        assert_eq!(&again, story, "{name}");
    }
    let mermaid = of("a.mmd");
    for part in ["sequenceDiagram", "participant n0b as n0b (twin)", "n0a->>n1: Proposal('", "DECIDES 'b'"] {
        assert!(mermaid.contains(part), "'{part}' is missing in: {mermaid}");
    }
    assert!(of("a.log").contains("n1 {"), "{}", of("a.log"));
    let svg = story.to_svg();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains("n0a (twin)"), "{svg}");
    // The format asks for a state before the first step, and one after each.
    let itf: serde_json::Value = serde_json::from_str(&of("a.itf.json")).unwrap();
    assert_eq!(itf["states"].as_array().unwrap().len(), story.steps.len() + 1);
    assert_eq!(itf["states"][6]["#meta"]["index"], 6);
}

#[test]
fn a_run_with_steps_to_spare_is_shrunk() {
    let story =
        Simulation::new(VOTE).byzantine([NodeId(0)]).seeds(0..300).run().unwrap().findings()[0].story.clone();
    let json = story.to_json().unwrap();
    // An honest run of the same vote has nothing that could be left out of it.
    let (_, again) = StoryFile::replay(&json, Arc::new(VOTE)).unwrap();
    assert_eq!(again.shrunk(Arc::new(VOTE)).unwrap(), again);
}

/// Around a run of four steps the fork is found where the six steps of the shortest are within reach, and no nearer.
#[test]
fn what_is_near_a_run_is_searched() {
    let checked = run(&Check::new(VOTE).byzantine([NodeId(0)]));
    let story = checked.shortest().unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&story.to_json().unwrap()).unwrap();
    let steps = file["steps"].as_array_mut().unwrap();
    steps.truncate(4);
    let begun = file.to_string();
    let near = |within| run(&Check::new(VOTE).around(begun.clone(), within));
    assert_eq!(near(1).conclusion(), Conclusion::Holds, "{}", near(1));
    let found = near(2);
    assert_eq!(found.conclusion(), Conclusion::Unsafe, "{found}");
    assert_eq!(found.shortest().unwrap().steps.len(), 6);
    assert!(found.to_string().contains("within 2 steps of the run"), "{found}");
    let nonsense = Check::new(VOTE).around("{}", 1).run();
    assert!(matches!(nonsense, Err(CheckError::Around(ReadStoryError::Json(_)))));
}

/// The explorer's pages are drawn from what this model says.
#[test]
fn the_explorer_shows_words_and_finds_where_a_trace_ends() {
    use stateright::{Checker, Model};

    let story = run(&Check::new(VOTE).byzantine([NodeId(0)])).shortest().unwrap().to_json().unwrap();
    let explorer = Explorer::along(Arc::new(VOTE), &story).unwrap();
    let state = explorer.init_states().remove(0);
    let mut steps = Vec::new();
    explorer.actions(&state, &mut steps);
    let words: Vec<_> = steps.iter().map(|step| explorer.format_action(step)).collect();
    assert_eq!(words, ["n0a: 'a'", "n0b: 'a'", "n0a: 'b'", "n0b: 'b'"]);
    let comes = explorer.format_step(&state, steps[0]).unwrap();
    assert!(comes.contains("sends to n1: Proposal('a')") && comes.contains("is now Voter"), "{comes}");
    assert!(format!("{state:?}").contains("n2: Voter { id: 2"), "{state:?}");
    let checker = explorer.checker().spawn_bfs().join();
    let path = checker.discovery("safety").unwrap();
    assert_eq!(path.clone().into_actions().len(), 6);
    assert!(checker.model().as_svg(path).unwrap().contains("DECIDES"));
    assert!(Explorer::new(Arc::new(VOTE), &Bound::byzantine([NodeId(5)])).is_err());
}

/// Node 0 says *a* to everybody, and who hears it first decides on it.
struct Herald {
    is_keyed: bool,
    network: Network,
}

impl Protocol for Herald {
    type Node = bool;
    type Message = char;
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        4
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> bool {
        if id == NodeId(0) {
            effects.broadcast('a');
        }
        false
    }

    fn step(&self, has_decided: &mut bool, input: Input<Self>, effects: &mut Effects<Self>) {
        if let (false, Input::Message { from: NodeId(0), message }) = (*has_decided, input) {
            *has_decided = true;
            effects.decide(Slot(0), message);
        }
    }

    fn network(&self) -> Network {
        self.network
    }

    fn key(&self, has_decided: &bool) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(has_decided))
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().adversary()
    }
}

impl Adversary for Herald {
    fn alphabet(&self) -> Vec<char> {
        vec!['a', 'b']
    }
}

/// Both copies of a twin would say what the code says. Who says anything is not asked for by name: it is the default.
#[test]
fn message_by_message_byzantine_nodes_say_whatever_the_alphabet_has() {
    for is_keyed in [true, false] {
        let herald = |network| Herald { is_keyed, network };
        let checked = run(&Check::new(herald(Network::AnyOrder)));
        let said: Vec<_> = checked.rows().iter().map(|row| row.adversary.as_str()).collect();
        let whom = |id| format!("n{id}: most general over an alphabet of 2 messages");
        assert_eq!(said, [0, 1, 2, 3].map(whom));
        assert!(matches!(checked.rows()[0].verdict, Verdict::Violated { steps: 2, .. }), "{checked}");
        assert!(checked.rows()[1..].iter().all(|row| matches!(row.verdict, Verdict::Holds)), "{checked}");
        let simulation = Simulation::new(herald(Network::AnyOrder)).byzantine([NodeId(0)]);
        assert!(!simulation.seeds(0..20).run().unwrap().findings().is_empty());
        // On links nobody says what does not come of the code: these are twins.
        let twins = run(&Check::new(herald(Network::FIFO)).byzantine([NodeId(0)]));
        assert_eq!(twins.rows()[0].adversary, "twins of n0");
        assert_eq!(twins.conclusion(), Conclusion::Holds, "{twins}");
    }
}
