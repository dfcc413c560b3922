//! A protocol of one's own on the page, asked as a browser asks.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bft_check::check::Check;
use bft_check::engine::Bound;
use bft_check::explore::protocol::{PageError, page};
use bft_check::protocol::{
    Adversary, Effects, Input, Key, Layers, Network, NodeId, Protocol, Slot, Tally, Tallying,
};
use bft_check::trace::StoryFile;
use serde_json::Value;

use crate::common::vote::{Said, VOTE, Vote};
use crate::quorums::{NAIVE, REPAIRED};
use crate::tutorial::program::Tendermint;

/// The page of a protocol in a bound, or of a trace of it.
fn served<P: Protocol>(protocol: P, bound: &Bound, trace: Option<&str>) -> SocketAddr {
    let parameters = [("quorum".to_owned(), "2".to_owned())];
    let page = page(Arc::new(protocol), &parameters, bound, trace, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = page.addr();
    std::thread::spawn(move || page.serve());
    addr
}

fn asked(addr: SocketAddr, path: &str) -> Value {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn state(addr: SocketAddr, steps: &[String]) -> Value {
    let state = asked(addr, &format!("/api/state?steps={}", steps.join("~")));
    assert!(state["error"].is_null(), "{state}");
    state
}

fn verdict<'a>(state: &'a Value, property: &str) -> &'a str {
    let mut all = state["properties"].as_array().unwrap().iter();
    all.find(|known| known["name"] == property).unwrap()["verdict"].as_str().unwrap()
}

/// All that is offered: its name, what it says, and whether it is a message.
fn offered(state: &Value) -> Vec<(String, String, bool)> {
    let choices = state["choices"].as_array().unwrap().iter();
    let groups = choices.flat_map(|choice| choice["groups"].as_array().unwrap());
    let options = groups.flat_map(|group| group["options"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    options.map(|it| (text(&it["name"]), text(&it["words"]), it["kind"] == "message")).collect()
}

/// A message was sent where its arrow begins: in the step of that number, by that node, in those words.
fn arrows_begin_where_they_were_sent(state: &Value) {
    let events = state["events"].as_array().unwrap();
    for event in events.iter().filter(|event| event["kind"] == "message") {
        let at = event["sent_at"].as_u64().unwrap() as usize;
        if at == 0 {
            continue;
        }
        let sender = &events[at - 1];
        assert_eq!(sender["at"], event["from"], "{event}");
        let sends = sender["sends"].as_array().unwrap();
        assert!(sends.iter().any(|sent| sent["words"] == event["message"]["words"]), "{event} of {sender}");
    }
}

/// Runs of steps that are chosen as a number says: every name that is offered is taken for what it is, on every network.
fn is_walked<P: Protocol>(protocol: P, bound: &Bound, length: usize) {
    let addr = served(protocol, bound, None);
    for seed in 0..3 {
        let mut steps: Vec<String> = Vec::new();
        for step in 0..length {
            let here = state(addr, &steps);
            let all = offered(&here);
            let names: BTreeSet<_> = all.iter().map(|(name, ..)| name).collect();
            assert_eq!(names.len(), all.len(), "a name is offered twice: {all:?}");
            let open: Vec<_> = all.into_iter().filter(|(name, ..)| !name.starts_with("stop-")).collect();
            let Some((name, words, is_message)) = open.get((seed * 7 + step * 5) % open.len().max(1)) else {
                break;
            };
            steps.push(name.clone());
            let next = state(addr, &steps);
            assert_eq!(next["unfit"], Value::Null, "{next}");
            assert_eq!(next["steps"].as_array().unwrap().last().unwrap(), name);
            let last = next["events"].as_array().unwrap().last().unwrap();
            assert_eq!((last["words"].as_str(), last["kind"] == "message"), (Some(&**words), *is_message));
            arrows_begin_where_they_were_sent(&next);
        }
        assert!(steps.len() > 2, "{steps:?}");
    }
}

const FIFO: Network = Network::Fifo { cuts: 1, losses: 1 };

#[test]
fn every_step_that_is_offered_is_taken_by_its_name() {
    is_walked(VOTE, &Bound::byzantine([NodeId(0)]), 10);
    is_walked(Vote { is_keyed: false, ..VOTE }, &Bound { crashes: 1, ..Bound::default() }, 10);
    is_walked(
        VOTE,
        &Bound { byzantine: vec![NodeId(1)], crashes: 1, network: Some(FIFO), ..Bound::default() },
        12,
    );
}

/// Messages that read alike are told apart by what they are, in every process in the same way.
#[test]
fn what_reads_alike_is_told_apart() {
    struct Mumbling;
    impl Protocol for Mumbling {
        type Node = Vec<Said>;
        type Message = Said;
        type Event = ();
        type Value = char;
        fn nodes(&self) -> usize {
            2
        }
        fn init(&self, id: NodeId, effects: &mut bft_check::protocol::Effects<Self>) -> Vec<Said> {
            if id == NodeId(0) {
                effects.broadcast(Said::Vote('a'));
                effects.broadcast(Said::Vote('b'));
            }
            Vec::new()
        }
        fn step(
            &self,
            node: &mut Vec<Said>,
            input: bft_check::protocol::Input<Self>,
            _: &mut bft_check::protocol::Effects<Self>,
        ) {
            if let bft_check::protocol::Input::Message { message, .. } = input {
                node.push(message);
            }
        }
        fn message_in_words(&self, _: &Said) -> String {
            "hm".to_owned()
        }
        fn node_in_words(&self, node: &Vec<Said>) -> String {
            format!("{node:?}")
        }
    }
    let addr = served(Mumbling, &Bound::default(), None);
    let names: Vec<_> =
        offered(&state(addr, &[])).into_iter().filter(|(.., is_message)| *is_message).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for ((name, ..), heard) in names.iter().zip(["[Vote('a')]", "[Vote('b')]"]) {
        assert!(name.starts_with("n0-n1-hm*"), "{name}");
        let heard = |state: &Value| state["nodes"][1]["lines"][0]["text"] == heard;
        assert!(heard(&state(addr, std::slice::from_ref(name))));
        assert!(heard(&state(served(Mumbling, &Bound::default(), None), std::slice::from_ref(name))));
    }
}

/// What the check finds is found by the page, named so that another process shows the same, and opened from a trace.
#[test]
fn the_counterexample_of_the_check_is_the_pages() {
    let bound = Bound::byzantine([NodeId(0)]);
    let addr = served(VOTE, &bound, None);
    let story = story_of(addr, "");
    assert_eq!(story["violates"], "agreement");
    // What is found stays; what is cancelled before it is begun is nothing.
    assert_eq!(asked(addr, "/api/story?cancel=1")["story"], story);
    assert!(
        asked(addr, "/api/story?byzantine=none&cancel=1")["says"].as_str().unwrap().contains("cancelled")
    );
    let checked = Check::new(VOTE).byzantine([NodeId(0)]).run().unwrap();
    let found = checked.shortest().unwrap();
    let steps = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let own = steps(&story["steps"]);
    assert_eq!(own.len(), found.steps.len() - found.opening);
    let elsewhere = served(VOTE, &bound, None);
    assert_eq!(verdict(&state(elsewhere, &own), "agreement"), "violated");
    let before = own[..own.len() - 1].to_vec();
    assert_eq!(verdict(&state(elsewhere, &before), "agreement"), "holds");
    let asked_of = |steps: &[String], property: &str| {
        asked(elsewhere, &format!("/api/referee?steps={}&property={property}&seconds=60", steps.join("~")))
    };
    assert_eq!(asked_of(&before, "agreement")["steps"], 1);
    assert_eq!(asked_of(&own, "agreement")["answer"], "already");
    assert_eq!(asked_of(&[], "validity")["answer"], "no");
    // The trace says who is Byzantine.
    let traced = served(VOTE, &Bound::default(), Some(&found.to_json().unwrap()));
    let trace = &asked(traced, "/api/trace")["trace"];
    assert!(trace["query"].as_str().unwrap().contains("byzantine=n0"), "{trace}");
    let shown = state(traced, &steps(&trace["steps"]));
    assert_eq!(verdict(&shown, "agreement"), "violated");
    let place = asked(traced, &format!("/api/stateright?steps={}", steps(&trace["steps"]).join("~")));
    assert_eq!(place["followed"], place["of"]);
}

/// The counterexample of a bound, waited for.
fn story_of(addr: SocketAddr, query: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = asked(addr, &format!("/api/story?{query}"));
        if answer["done"] == true {
            return answer["story"].clone();
        }
        assert!(Instant::now() < until, "{answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A fork for which a node says what no honest one would: no twins act it out. What judge guards finds happens again from its
/// trace, opens on the page, and can be gone on from; the page finds it too.
#[test]
fn a_fork_that_twins_cannot_act_out_is_opened_and_played() {
    let checked = Check::new(NAIVE).byzantine([NodeId(0)]).run().unwrap();
    let found = checked.shortest().unwrap();
    let text = found.to_json().unwrap();
    let (_, again) = StoryFile::replay(&text, Arc::new(NAIVE)).unwrap();
    assert_eq!(again.violation.unwrap().property, "agreement");
    assert_eq!(again.steps.len(), found.steps.len());
    // Under the repaired rules it does not happen.
    let repaired = StoryFile::replay(&text, Arc::new(REPAIRED)).unwrap().1;
    assert_eq!(repaired.violation, None);

    let addr = served(NAIVE, &Bound::default(), Some(&text));
    let trace = &asked(addr, "/api/trace")["trace"];
    let query = trace["query"].as_str().unwrap();
    assert!(query.contains("byzantine=n0&adversary=alphabet"), "{query}");
    let steps: Vec<String> = serde_json::from_value(trace["steps"].clone()).unwrap();
    let at = |number: usize| asked(addr, &format!("/api/state?{query}&steps={}", steps[..number].join("~")));
    assert_eq!(verdict(&at(steps.len()), "agreement"), "violated");
    assert_eq!(verdict(&at(steps.len() - 1), "agreement"), "holds");
    let made_up = |state: &Value| {
        let events = state["events"].as_array().unwrap().iter();
        events
            .filter(|event| event["by_byzantine"] == true)
            .inspect(|event| assert_eq!(event["from"], "n0"))
            .count()
    };
    assert!(made_up(&at(steps.len())) > 1);
    let begin = at(0);
    let lanes: Vec<_> =
        begin["lanes"].as_array().unwrap().iter().map(|lane| lane["byzantine"] == true).collect();
    assert_eq!(lanes, [true, false, false, false]);
    assert_eq!(begin["undelivered"], serde_json::json!([]), "what can be said is not on its way");
    let all = begin["choices"].as_array().unwrap();
    let palette = all.iter().find(|choice| choice["who"] == "n0").unwrap();
    let titles: Vec<_> = palette["groups"].as_array().unwrap().iter().map(|group| &group["title"]).collect();
    assert_eq!(titles, ["Proposal", "Vote"]);
    for choice in all.iter().filter(|choice| choice["who"] != "n0") {
        assert!(!choice.to_string().contains("Proposal"), "only n0 says that: {choice}");
    }
    // The network brings what the honest have sent, and no lie.
    let run = asked(addr, &format!("/api/run?{query}&steps=n0-n1-proposal_a"));
    assert!(run["steps"].as_array().unwrap().len() > 1);
    assert_eq!(made_up(&run), 1);
    let referee = asked(addr, &format!("/api/referee?{query}&steps=&property=agreement"));
    assert_eq!(referee["answer"], "yes", "{referee}");
    let place = asked(addr, &format!("/api/stateright?{query}&steps={}", steps.join("~")));
    assert_eq!(place["followed"], place["of"]);

    let fresh = served(NAIVE, &Bound::default(), None);
    assert_eq!(story_of(fresh, query)["steps"], trace["steps"]);
    let twins = asked(fresh, &format!("/api/state?byzantine=n0&adversary=twins&steps={}", steps.join("~")));
    assert!(!twins["unfit"].is_null(), "no honest code says all of it: {twins}");
    let wrong = asked(served(VOTE, &Bound::default(), None), "/api/session?byzantine=n0&adversary=alphabet");
    assert!(wrong["error"].as_str().unwrap().contains("Layers::none().quorums()"), "{wrong}");
}

/// n1 votes when it hears of a vote; who is shown two votes decides.
#[derive(Debug)]
struct Certified;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Signed {
    Vote,
    Certificate,
}

impl Protocol for Certified {
    type Node = (NodeId, bool);
    type Message = Signed;
    type Event = ();
    type Value = char;

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, _: &mut Effects<Self>) -> (NodeId, bool) {
        (id, false)
    }

    fn step(&self, (me, acted): &mut (NodeId, bool), input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Message { message, .. } = input else { return };
        match message {
            Signed::Vote if *me == NodeId(1) && !*acted => effects.broadcast(Signed::Vote),
            Signed::Certificate if !*acted => effects.decide(Slot(0), 'a'),
            _ => return,
        }
        *acted = true;
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().quorums()
    }
}

impl Adversary for Certified {
    fn alphabet(&self) -> Vec<Signed> {
        vec![Signed::Vote, Signed::Certificate]
    }

    fn parts(&self, message: &Signed) -> Vec<(NodeId, Signed)> {
        match message {
            Signed::Vote => Vec::new(),
            Signed::Certificate => vec![(NodeId(0), Signed::Vote), (NodeId(1), Signed::Vote)],
        }
    }
}

impl Tallying for Certified {
    fn control(&self, node: &(NodeId, bool)) -> Key {
        Key::debug(node)
    }

    fn tally(&self, message: &Signed) -> Option<Tally> {
        (*message == Signed::Vote).then_some(Tally(0))
    }
}

/// What others have signed cannot be said before they have.
#[test]
fn nothing_is_forged_by_who_says_what_it_likes() {
    let bound = Bound { most_general: true, ..Bound::byzantine([NodeId(0)]) };
    let addr = served(Certified, &bound, None);
    let said = |steps: &[String]| -> BTreeSet<String> {
        let state = state(addr, steps);
        let palette =
            state["choices"].as_array().unwrap().iter().find(|choice| choice["who"] == "n0").unwrap();
        let groups = palette["groups"].as_array().unwrap().iter();
        groups.map(|group| group["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(said(&[]), BTreeSet::from(["Vote".to_owned()]));
    let voted = ["n0-n1-vote".to_owned()];
    assert!(said(&voted).contains("Certificate"), "n1 has signed the other half");
    let decided = state(addr, &["n0-n1-vote".to_owned(), "n0-n2-certificate".to_owned()]);
    assert_eq!(decided["unfit"], Value::Null);
    assert_eq!(decided["events"][1]["decides"][0]["words"], "'a' in slot 0");
    assert_ne!(state(addr, &["n0-n2-certificate".to_owned()])["unfit"], Value::Null);
}

/// That one property is not violated says nothing of the others, and liveness alone nothing of safety.
#[test]
fn what_a_search_says_is_of_what_it_looked_at() {
    let says = |addr, query: &str| loop {
        let told = asked(addr, &format!("/api/story?{query}"));
        if told["done"] == true {
            return told["says"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let vote = served(VOTE, &Bound::default(), None);
    for (query, what) in [("", "violates safety;"), ("property=validity", "violates validity;")] {
        let said = says(vote, query);
        assert!(said.starts_with("exhausted: ") && said.contains(what), "{query}: {said}");
    }
    let one_round = served(Tendermint { draft: 4, rounds: 1, stops: false }, &Bound::default(), None);
    let said = says(one_round, "property=liveness");
    assert!(said.contains("liveness is not exhausted") && !said.contains("safety"), "{said}");
    let said = says(one_round, "");
    assert!(said.contains("no run violates safety; liveness is not exhausted"), "{said}");
}

/// A run that never gets there is shown with its end: from when on the network is stable, and what comes then.
#[test]
fn a_run_that_waits_for_ever_is_shown_with_its_end() {
    let waits = Tendermint { draft: 3, rounds: 4, stops: true };
    let checked = Check::new(waits).property("liveness").run().unwrap();
    let addr = served(waits, &Bound::default(), Some(&checked.shortest().unwrap().to_json().unwrap()));
    let trace = &asked(addr, "/api/trace")["trace"];
    assert_eq!(trace["violates"], "liveness");
    let steps: Vec<String> = serde_json::from_value(trace["steps"].clone()).unwrap();
    let end = state(addr, &steps);
    assert_eq!((verdict(&end, "liveness"), &end["lasso"]), ("violated", &trace["lasso"]));
    assert!(end["lasso"]["stable_after"].as_u64().unwrap() as usize <= steps.len());
    // Of another run nothing is said.
    let before = state(addr, &steps[..steps.len() - 1]);
    assert_eq!((verdict(&before, "liveness"), &before["lasso"]), ("not-yet", &Value::Null));
}

/// The answer of the referee about liveness after these steps.
fn ruled(addr: SocketAddr, steps: &[String]) -> Value {
    asked(addr, &format!("/api/referee?steps={}&property=liveness", steps.join("~")))
}

/// Along a run that waits for ever the referee says in each state that it can, and shows a run that goes on from there, with its
/// end. Where the network is stable after other steps, or other steps repeat, nothing is believed.
#[test]
fn the_referee_says_from_the_middle_whether_they_can_be_stopped_for_ever() {
    let waits = Tendermint { draft: 3, rounds: 4, stops: true };
    let checked = Check::new(waits).property("liveness").run().unwrap();
    let traced = served(waits, &Bound::default(), Some(&checked.shortest().unwrap().to_json().unwrap()));
    let steps = &asked(traced, "/api/trace")["trace"]["steps"];
    let steps: Vec<String> = serde_json::from_value(steps.clone()).unwrap();
    // This one has not been told.
    let addr = served(waits, &Bound::default(), None);
    for begun in [0, 1, steps.len() / 2, steps.len()] {
        let answer = ruled(addr, &steps[..begun]);
        assert_eq!(answer["answer"], "yes", "after {begun}: {answer}");
        let run: Vec<String> = serde_json::from_value(answer["run"]["steps"].clone()).unwrap();
        assert_eq!(run[..begun], steps[..begun]);
        assert_eq!(answer["steps"].as_u64().unwrap() as usize, run.len() - begun);
        let query = answer["run"]["query"].as_str().unwrap();
        let shown = asked(addr, &format!("/api/state?{query}&steps={}", run.join("~")));
        assert_eq!(verdict(&shown, "liveness"), "violated", "{shown}");
        let stable = shown["lasso"]["stable_after"].as_u64().unwrap() as usize;
        assert!((begun..=run.len()).contains(&stable), "{begun}: {shown}");
        assert!(query.ends_with(&format!("&stable={stable}&repeats={}", run.len())), "{query}");
    }
    let says = |stable: usize, repeats: usize, steps: &[String]| {
        let path = format!("/api/state?stable={stable}&repeats={repeats}&steps={}", steps.join("~"));
        asked(addr, &path)["lasso"].clone()
    };
    let all = steps.len();
    assert_ne!(says(all, all, &steps), Value::Null);
    // A message was on its way by then, which has to arrive.
    assert_eq!(says(1, 1, &steps[..1]), Value::Null);
    assert_eq!(says(0, 1, &steps), Value::Null, "nothing repeats");
    assert_eq!(says(all + 1, all + 1, &steps), Value::Null);
}

/// Where every node gets there in the end the referee says so, in every state of a run; where the rounds end, it says nothing.
#[test]
fn the_referee_says_from_the_middle_that_they_cannot_be_stopped() {
    let addr = served(Tendermint { draft: 4, rounds: 4, stops: false }, &Bound::default(), None);
    let run = asked(addr, "/api/run?steps=");
    let steps: Vec<String> = serde_json::from_value(run["steps"].clone()).unwrap();
    let run = if steps.is_empty() { asked(addr, "/api/run?steps=n0-ask_a") } else { run };
    let steps: Vec<String> = serde_json::from_value(run["steps"].clone()).unwrap();
    assert_eq!(verdict(&run, "liveness"), "holds");
    for begun in [1, steps.len() / 2] {
        let answer = ruled(addr, &steps[..begun]);
        assert_eq!(answer["answer"], "no", "after {begun}: {answer}");
        assert!(answer["sentence"].as_str().unwrap().contains("on every fair run"), "{answer}");
        assert!(answer["states"].as_u64().unwrap() > 0);
    }
    let done = ruled(addr, &steps);
    assert!(done["sentence"].as_str().unwrap().starts_with("No: in this very state"), "{done}");
    let one_round = served(Tendermint { draft: 4, rounds: 1, stops: false }, &Bound::default(), None);
    let answer = ruled(one_round, &steps[..1]);
    assert_eq!(answer["answer"], "not-exhausted");
    assert!(answer["sentence"].as_str().unwrap().contains("beyond the bound"), "{answer}");
}

/// It is said whether something comes of letting the network run, so that who shows it offers nothing that does nothing.
#[test]
fn letting_the_network_run_is_offered_where_something_comes_of_it() {
    let addr = served(Tendermint { draft: 4, rounds: 2, stops: false }, &Bound::default(), None);
    let runs = |run: &Value| (run["runs"]["messages"] == true, run["runs"]["timers"] == true);
    let mut steps = vec!["n0-ask_a".to_owned()];
    for _ in 0..3 {
        let here = state(addr, &steps);
        for (flag, more) in [(runs(&here).0, ""), (runs(&here).1, "&timers=1")] {
            let run = asked(addr, &format!("/api/run?steps={}{more}", steps.join("~")));
            let comes = run["steps"].as_array().unwrap().len() > steps.len();
            assert_eq!(flag, comes, "{steps:?} {more}");
        }
        let run = asked(addr, &format!("/api/run?steps={}&until=one", steps.join("~")));
        steps = serde_json::from_value(run["steps"].clone()).unwrap();
    }
    let done = asked(addr, "/api/run?steps=n0-ask_a");
    assert_eq!(runs(&done), (false, false), "{}", done["runs"]);
    let stopped = asked(addr, "/api/run?steps=n0-ask_a~stop-n0");
    assert_eq!(runs(&stopped), (false, true), "{}", stopped["runs"]);
}

/// What was dropped or has stopped is not let run, and letting the network run comes to a decision.
#[test]
fn the_network_runs_between_honest_nodes() {
    let addr = served(VOTE, &Bound::default(), None);
    let run = |steps: &str| asked(addr, &format!("/api/run?steps={steps}"));
    let decided = |run: &Value| {
        let nodes = run["nodes"].as_array().unwrap().iter();
        let says = |node: &&Value| {
            let lines = node["lines"].as_array().unwrap();
            lines.iter().any(|line| line["label"] == "has decided" && line["text"] == "'a' in slot 0")
        };
        nodes.filter(says).count()
    };
    assert_eq!(decided(&run("n0-a")), 3);
    assert_eq!(decided(&run("n0-a~stop-n2")), 2);
    let lost = run("n0-a~x-n0-n1-proposal_a~x-n0-n2-proposal_a~x-n0-n1-vote_a~x-n0-n2-vote_a");
    assert_eq!((decided(&lost), lost["undelivered"].as_array().unwrap().len()), (0, 4), "{lost}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_does() {
    let addr = served(VOTE, &Bound::default(), None);
    for (path, words) in [
        ("/api/session?protocol=other", "started with vote"),
        ("/api/session?with=quorum:3", "started with quorum:2"),
        ("/api/session?byzantine=n7", "there is no n7 among 3 nodes"),
        ("/api/session?byzantine=r0", "nodes are called n0"),
        ("/api/session?network=carrier-pigeon", "any-order and fifo"),
        ("/api/session?property=beauty", "there are panics, agreement, validity"),
        ("/api/session?rules=castro99", "says nothing here"),
        ("/api/explain?property=agreement", "not violated"),
        ("/api/run?until=never", "quiet, decided and one"),
        ("/api/run?only=n9", "is nobody"),
    ] {
        let answer = asked(addr, path);
        assert!(answer["error"].as_str().is_some_and(|why| why.contains(words)), "{path}: {answer}");
    }
    let unfit = state(addr, &["n0-a".to_owned(), "n1-n2-vote_z".to_owned()]);
    assert_eq!((unfit["unfit"]["step"].as_u64(), unfit["steps"].as_array().unwrap().len()), (Some(2), 1));
    let lose = served(VOTE, &Bound { network: Some(Network::FIFO), ..Bound::default() }, None);
    let unfit = state(lose, &["n0-a".to_owned(), "x-n0-n1-proposal_a".to_owned()]);
    assert!(unfit["unfit"]["why"].as_str().unwrap().contains("only where the bound has losses"), "{unfit}");
    let open = ([0, 0, 0, 0], 0).into();
    let error = page(Arc::new(VOTE), &[], &Bound::default(), None, open).unwrap_err();
    assert!(matches!(error, PageError::Address(_)), "{error}");
    let error =
        page(Arc::new(VOTE), &[], &Bound::default(), Some("{}"), ([127, 0, 0, 1], 0).into()).unwrap_err();
    assert!(matches!(error, PageError::Trace(_)), "{error}");
}
