//! The page's server, asked as a browser asks it; and by those who would do it harm.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use bft_check::bugs::{self, RULEBOOKS};
use bft_check::check::{Check, JudgeKind, Limits};
use bft_check::explore::{Asked, Page, stories};
use bft_check::trace::{Form, TraceFile};
use serde_json::Value;

/// A page that all tests share.
static PAGE: LazyLock<SocketAddr> = LazyLock::new(|| served(None));

fn served(trace: Option<TraceFile>) -> SocketAddr {
    let page = Page::bind(bugs::catalogue(), trace, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = page.addr();
    std::thread::spawn(move || page.serve());
    addr
}

/// Sends this, and reads until the other side is done.
fn exchanged(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let answer = exchanged(addr, &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn json_of(addr: SocketAddr, path: &str) -> Value {
    let (status, body) = get(addr, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|why| panic!("{path}: {why}: {body}"))
}

fn json(path: &str) -> Value {
    json_of(*PAGE, path)
}

fn steps(value: &Value) -> String {
    let steps: Vec<_> = value.as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    steps.join("~")
}

fn verdict<'a>(state: &'a Value, property: &str) -> &'a str {
    let all = state["properties"].as_array().unwrap();
    let found = all.iter().find(|known| known["name"] == property).unwrap_or_else(|| panic!("{property}"));
    found["verdict"].as_str().unwrap()
}

/// Searches for the stories of the rulebooks that `BFT_STORIES` names, separated by commas, or of all, and writes them into their
/// file, where the others stay as they are:
/// `BFT_STORIES=amnesia cargo test --release --test it write_the_stories -- --ignored`.
#[test]
#[ignore = "it takes an hour for all, and writes a source file"]
fn write_the_stories() {
    let named = std::env::var("BFT_STORIES").unwrap_or_default();
    let named: Vec<_> = named.split(',').filter(|name| !name.is_empty()).collect();
    let broken = RULEBOOKS.iter().filter(|rulebook| rulebook.breaks.is_some());
    let meant = broken.map(|rulebook| rulebook.name).filter(|name| named.is_empty() || named.contains(name));
    let limits =
        Limits { timeout: Some(Duration::from_secs(1800)), max_memory: Some(6 << 30), ..Limits::default() };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/explore/pbft/stories.json");
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap();
    let mut all = read(&std::fs::read_to_string(path).unwrap());
    all.extend(read(&stories(meant, &limits)));
    std::fs::write(path, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
}

/// What violates something and is not told whole: a simulated run of thousands of steps.
const SEARCHED: [&str; 1] = ["restarted-timer"];

/// A row of which the corpus says that it violates something opens with the run that does; the others are said to hold.
#[test]
fn every_row_of_the_corpus_has_its_place_and_what_breaks_its_story() {
    let gallery = json("/api/gallery");
    let rows = gallery["rulebooks"].as_array().unwrap();
    let names: BTreeSet<_> = rows.iter().map(|row| row["rules"].as_str().unwrap()).collect();
    assert_eq!(names, RULEBOOKS.iter().map(|rulebook| rulebook.name).collect());
    for row in rows {
        let rules = row["rules"].as_str().unwrap();
        let is_told = !row["story"].is_null();
        assert_eq!(row["holds"] == false, is_told || SEARCHED.contains(&rules), "{rules}");
        assert!(!(is_told && SEARCHED.contains(&rules)), "{rules} is told: it need not be searched for");
        let session = json(&format!("/api/session?{}", row["query"].as_str().unwrap()));
        assert_eq!(session["rules"], row["rules"]);
    }
}

/// Each story leads to a state of which the property is said to be violated, by the replicas that the steps were replayed
/// on; the state before its end is not said to.
#[test]
fn every_story_ends_where_its_property_is_violated_and_no_step_earlier() {
    let gallery = json("/api/gallery");
    for row in gallery["rulebooks"].as_array().unwrap().iter().filter(|row| !row["story"].is_null()) {
        let (query, story) = (row["story"]["query"].as_str().unwrap(), &row["story"]);
        let told = steps(&story["steps"]);
        let state = json(&format!("/api/state?{query}&steps={told}"));
        assert_eq!(state["unfit"], Value::Null, "{query}");
        assert_eq!(state["steps"], story["steps"], "{query}");
        let property = story["violates"].as_str().unwrap();
        assert_eq!(verdict(&state, property), "violated", "{query}: {property}");
        if told.is_empty() {
            continue;
        }
        let before = told.rsplit_once('~').map_or("", |(before, _)| before);
        let state = json(&format!("/api/state?{query}&steps={before}"));
        assert_ne!(verdict(&state, property), "violated", "{query}: {property}");
    }
}

/// Of a simulated run of thousands of steps the page shows the first: one client waits, and the other is served.
#[test]
fn a_simulated_run_is_told_as_far_as_it_can_be_drawn() {
    let query = "rules=restarted-timer";
    let asked = || json(&format!("/api/story?{query}"));
    let answers = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(50));
        asked()
    });
    let found = answers.take(600).find(|answer| answer["done"] == true).unwrap();
    assert!(
        found["says"].as_str().unwrap().contains("bft bugs --check restarted-timer"),
        "{}",
        found["says"]
    );
    assert_eq!(found["story"]["query"], query);
    let told = found["story"]["steps"].as_array().unwrap();
    assert!(told.len() > 100, "{} steps", told.len());
    let state = json(&format!("/api/state?{query}&steps={}", steps(&found["story"]["steps"])));
    assert_eq!((&state["unfit"], &state["steps"]), (&Value::Null, &found["story"]["steps"]));
    for node in state["nodes"].as_array().unwrap().iter().filter(|node| node["kind"] == "replica") {
        let lines = node["lines"].to_string();
        assert!(node["byzantine"] == true || lines.contains("c1.t1") && lines.contains("c0.t"), "{lines}");
    }
    // It goes on by hand from there, and its own referee says why it cannot be asked.
    assert!(!state["choices"].as_array().unwrap().is_empty());
    let session = json(&format!("/api/session?{query}"));
    assert_eq!((&session["simulated"], session["no_referee"].is_string()), (&Value::Bool(true), true));
}

/// The check may find a run in which a NEW-VIEW names its view changes in another order than the adversary's list does: its steps
/// are named as the list has them, and so the trace opens.
#[test]
fn a_trace_opens_whose_new_view_reads_otherwise_than_the_list() {
    let rules = bugs::catalogue().find("volatile-view-change").unwrap().clone();
    let checked = Check::new(rules).judge(JudgeKind::Guards).byzantine([1]).run().unwrap();
    let (property, _, trace) = checked.shortest().unwrap();
    let file = trace.written(Form::Json, "volatile-view-change", Some(property)).unwrap();
    assert!(file.contains("on the view changes of r2, r3, r1"), "this order is not that of the list");
    let addr = served(Some(TraceFile::read(&file, &bugs::catalogue()).unwrap()));
    let told = &json_of(addr, "/api/trace")["trace"];
    let state = json_of(addr, &format!("/api/state?trace=1&steps={}", steps(&told["steps"])));
    assert_eq!(state["unfit"], Value::Null);
    assert_eq!(verdict(&state, property.name()), "violated");
}

/// The branch of `prepared-lost` that leaves the counterexample one step before its end is told as it is.
#[test]
fn the_properties_are_those_of_the_state_that_is_shown() {
    let session = json("/api/session?rules=prepared-lost");
    let told = steps(&session["story"]["steps"]);
    let (before, _) = told.rsplit_once('~').unwrap();
    let state = json(&format!("/api/state?rules=prepared-lost&steps={before}"));
    assert_eq!(verdict(&state, "agreement"), "holds");
    let mut seen = BTreeSet::new();
    for who in state["choices"].as_array().unwrap() {
        for option in
            who["groups"].as_array().unwrap().iter().flat_map(|group| group["options"].as_array().unwrap())
        {
            let names: Vec<&str> = match option["to"].as_array() {
                Some(to) => to.iter().map(|to| to["name"].as_str().unwrap()).collect(),
                None => vec![option["name"].as_str().unwrap()],
            };
            for name in names {
                assert!(seen.insert(name.to_owned()), "{name} is offered twice");
                let next = json(&format!("/api/state?rules=prepared-lost&steps={before}~{name}"));
                assert_eq!(next["unfit"], Value::Null, "{name}");
                let decided: BTreeSet<_> = next["events"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|event| event["decides"].as_array().unwrap())
                    .map(|decides| decides["batch"].as_str().unwrap().to_owned())
                    .collect();
                let is_forked = decided.len() > 1;
                assert_eq!(verdict(&next, "agreement") == "violated", is_forked, "{name}: {decided:?}");
            }
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
}

/// Whatever was looked at before, a state is told as by a program that was asked nothing else; without what has happened it is the
/// same but for that.
#[test]
fn what_is_told_of_a_state_does_not_depend_on_what_was_asked_before() {
    let session = json("/api/session?rules=commit-any-view");
    let names: Vec<_> = session["story"]["steps"].as_array().unwrap().clone();
    let shown = |addr, at: usize, more: &str| {
        json_of(addr, &format!("/api/state?rules=commit-any-view{more}&steps={}", steps(&names[..at].into())))
    };
    let addr = served(None);
    let all = names.len();
    assert!(all > 30, "long enough that states in between are kept: {all}");
    for at in [all, all - 1, 17, 16, 15, 3, 18, all - 2, all, 0] {
        let told = shown(addr, at, "");
        assert_eq!(told, shown(served(None), at, ""), "after {at} steps");
        let mut without = shown(addr, at, "&events=0");
        assert_eq!(without["events"], Value::Array(Vec::new()));
        without["events"] = told["events"].clone();
        assert_eq!(without, told);
    }
}

/// It is said whether something comes of letting the network run, so that who shows it offers nothing that does nothing.
#[test]
fn letting_the_network_run_is_offered_where_something_comes_of_it() {
    let quiet = "rules=castro99&byzantine=none&requests=1";
    for (begun, expected) in [
        (String::new(), (true, true)),
        ("stop-r0~c0-r1-request_c0.t1~c0-r2-request_c0.t1~c0-r3-request_c0.t1".to_owned(), (false, true)),
        (steps(&json(&format!("/api/run?{quiet}"))["steps"]), (false, false)),
    ] {
        let state = json(&format!("/api/state?{quiet}&steps={begun}"));
        let said = (state["runs"]["messages"] == true, state["runs"]["timers"] == true);
        assert_eq!(said, expected, "{begun}");
        let comes = |more: &str| {
            json(&format!("/api/run?{quiet}{more}&steps={begun}"))["steps"].as_array().unwrap().len()
                > state["steps"].as_array().unwrap().len()
        };
        assert_eq!((comes(""), comes("&timers=1")), expected, "{begun}");
    }
}

#[test]
fn an_address_that_no_longer_fits_says_at_which_step() {
    let state =
        json("/api/state?rules=castro99&steps=r0-r1-pre_prepare_v0_1_c0.t1~r3-r1-commit_v0_1_c0.t1~r1-crash");
    assert_eq!(state["unfit"]["step"], 2);
    assert!(state["unfit"]["why"].as_str().unwrap().contains("nobody can have sent this"));
    assert_eq!(state["events"].as_array().unwrap().len(), 1);
    for (name, why) in [
        ("nonsense", "names no step"),
        ("r1-crash", "cannot happen"),
        ("r0-timer_v0", "not an honest participant"),
        ("r2-r1-prepare_v0_1_c0.t1*ffffff", "nobody can have sent this"),
    ] {
        let state = json(&format!("/api/state?rules=castro99&steps={name}"));
        assert_eq!(state["unfit"]["step"], 1, "{name}");
        let said = state["unfit"]["why"].as_str().unwrap();
        assert!(said.contains(why), "{name}: {said}");
    }
    for (query, status, part) in [
        ("rules=nothing", 400, "no rulebook 'nothing'"),
        ("rules=castro99&views=many", 400, "views=many"),
        ("rules=castro99&replicas=3&faults=1", 400, "3f + 1"),
        ("rules=castro99&checkqoint=1", 400, "'checkqoint'"),
        ("rules=castro99&byzantine=r9", 400, "r9"),
        ("trace=1", 400, "--trace"),
    ] {
        let (said, body) = get(*PAGE, &format!("/api/state?{query}"));
        assert_eq!(said, status, "{query}: {body}");
        assert!(body.contains(part), "{query}: {body}");
    }
}

/// A run of the calm network decides everywhere, in the order in which messages were sent, and its address leads there
/// again; the words of a trace do as well as the names.
#[test]
fn the_network_is_let_run_and_the_address_of_where_that_leads_is_short() {
    let state = json("/api/run?rules=castro99&byzantine=none");
    let told = steps(&state["steps"]);
    assert!(told.len() < 4000, "{} bytes", told.len());
    assert!(state["steps"].as_array().unwrap().len() >= 20);
    let again = json(&format!("/api/state?rules=castro99&byzantine=none&steps={told}"));
    assert_eq!(again["nodes"], state["nodes"]);
    let decided = again["events"].as_array().unwrap().iter().flat_map(|it| it["decides"].as_array().unwrap());
    assert_eq!(decided.count(), 4);
    for event in again["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "message") {
        assert!(event["sent_at"].as_u64().unwrap() < event["number"].as_u64().unwrap(), "{event}");
    }
    let quorums = again["quorums"].as_array().unwrap();
    assert!(quorums.iter().all(|quorum| quorum["of"].as_array().unwrap().len() >= 3), "{quorums:?}");
    let words = again["events"].as_array().unwrap().iter().map(|event| {
        let what = event["words"].as_str().unwrap().replace(' ', "+").replace('#', "%23");
        match event["from"].as_str() {
            Some(from) => format!("{from}-{}-{what}", event["at"].as_str().unwrap()),
            None => format!("{}-{what}", event["at"].as_str().unwrap()),
        }
    });
    let words: Vec<_> = words.collect();
    let same = json(&format!("/api/state?rules=castro99&byzantine=none&steps={}", words.join("~")));
    assert_eq!(same["steps"], state["steps"]);
}

#[test]
fn a_stopped_primary_is_replaced_and_what_was_dropped_does_not_arrive() {
    let state = json("/api/run?rules=castro99&byzantine=none&requests=1&steps=stop-r0&timers=1");
    let entered = state["nodes"].as_array().unwrap().iter().filter(|node| {
        let lines = node["lines"].as_array().unwrap();
        lines.iter().any(|line| line["key"] == "view" && line["text"] == "in v1")
    });
    assert_eq!(entered.count(), 3);
    let decided = state["events"].as_array().unwrap().iter().flat_map(|it| it["decides"].as_array().unwrap());
    assert_eq!(decided.count(), 3);

    let dropped = "c0-r0-request_c0.t1~x-r0-r3-pre_prepare_v0_1_c0.t1";
    let state = json(&format!("/api/run?rules=castro99&byzantine=none&requests=1&views=1&steps={dropped}"));
    let lost = state["undelivered"].as_array().unwrap().iter().filter(|it| it["lost"] == true);
    assert_eq!(lost.count(), 1, "{}", state["undelivered"]);
    let accepts = state["events"].as_array().unwrap().iter().filter(|event| event["at"] == "r3");
    assert!(
        accepts.clone().all(|event| event["message"]["kind"] != "pre-prepare" || event["kind"] == "drop")
    );
}

#[test]
fn the_referee_says_no_under_the_paper_and_shows_how_under_a_broken_rule() {
    let equivocates = "r0-r1-pre_prepare_v0_1_c0.t1~r0-r2-pre_prepare_v0_1_c1.t1";
    let no = json(&format!("/api/referee?rules=castro99&byzantine=r0&steps={equivocates}&seconds=60"));
    assert_eq!(no["answer"], "no", "{no}");
    assert!(no["why"].as_str().unwrap().contains("any two of 3 among 4 replicas share at least 2"), "{no}");

    let yes = json("/api/referee?rules=prepared-lost&seconds=60");
    assert_eq!(yes["answer"], "yes", "{yes}");
    let told = steps(&yes["continuation"]);
    let state = json(&format!("/api/state?rules=prepared-lost&steps={told}"));
    assert_eq!(verdict(&state, "agreement"), "violated");
    let already = json(&format!("/api/referee?rules=prepared-lost&steps={told}"));
    assert_eq!(already["answer"], "already");
    let why = json(&format!("/api/explain?rules=prepared-lost&steps={told}"));
    assert!(why["text"].as_str().unwrap().contains("reports_prepared"), "{why}");
    assert!(!why["quorums"].as_array().unwrap().is_empty());

    let hurried = json("/api/referee?rules=castro99&byzantine=r0&views=3&slots=2&seconds=0");
    assert_eq!(hurried["answer"], "not-exhausted", "{hurried}");
}

/// Where a replica has votes already that a search would let it receive anew, the way that is shown is one of that replica.
#[test]
fn the_referee_shows_a_way_of_who_has_received_things_already() {
    let begun = "r0-r2-pre_prepare_v0_1_c1.t1~r0-r3-pre_prepare_v0_1_c1.t1~r3-r2-prepare_v0_1_c1.t1~\
                 r2-r3-prepare_v0_1_c1.t1~r3-r2-commit_v0_1_c1.t1~r0-r2-commit_v0_1_c1.t1~c0-r1-request_c0.t1~\
                 c0-r2-request_c0.t1~r2-timer_v0~r0-r1-view_change_to_v1_nothing_prepared";
    let ruling = json(&format!("/api/referee?rules=prepared-lost&byzantine=r0&steps={begun}&seconds=60"));
    assert_eq!(ruling["answer"], "yes", "{ruling}");
    let all = format!("{begun}~{}", steps(&ruling["continuation"]));
    let state = json(&format!("/api/state?rules=prepared-lost&byzantine=r0&steps={all}"));
    assert_eq!(verdict(&state, "agreement"), "violated");
}

/// From each state along a counterexample it can still be broken, and the continuation does it.
#[test]
fn along_a_counterexample_the_referee_always_knows_the_way() {
    for rules in ["prepared-lost", "weak-prepare", "short-window", "first-receiver"] {
        let session = json(&format!("/api/session?rules={rules}"));
        let told: Vec<_> = session["story"]["steps"].as_array().unwrap().clone();
        let property = session["story"]["violates"].as_str().unwrap();
        for at in (0..=told.len()).step_by(3) {
            let begun = steps(&Value::from(told[..at].to_vec()));
            let ruling =
                json(&format!("/api/referee?rules={rules}&property={property}&steps={begun}&seconds=60"));
            let answer = ruling["answer"].as_str().unwrap();
            assert!(
                answer == "yes" || (answer == "already" && at == told.len()),
                "{rules} at {at}: {ruling}"
            );
            let all = [begun, steps(&ruling["continuation"])].join("~");
            let state = json(&format!("/api/state?rules={rules}&property={property}&steps={all}"));
            assert_eq!(verdict(&state, property), "violated", "{rules} at {at}");
        }
    }
}

#[test]
fn a_trace_opens_in_the_page_and_as_one_file() {
    let session = json("/api/session?rules=prepared-lost");
    let told = steps(&session["story"]["steps"]);
    let (status, page) = get(*PAGE, &format!("/api/export?rules=prepared-lost&steps={told}"));
    assert_eq!(status, 200);
    for part in ["<svg", "Violated: agreement", "reports_prepared", "DECIDES", "showRun("] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("src="), "it loads something");
}

#[test]
fn a_trace_that_was_handed_in_is_shown_from_its_own_messages() {
    let subject = bugs::catalogue().find("weak-commit").unwrap().clone();
    let checked = bft_check::check::Check::new(subject.clone()).run().unwrap();
    let (violated, _, trace) = checked.shortest().unwrap();
    let text = trace.written(Form::Json, "weak-commit", Some(violated)).unwrap();
    let addr = served(Some(TraceFile::read(text, &bugs::catalogue()).unwrap()));
    let told = json_of(addr, "/api/trace");
    let state = json_of(addr, &format!("/api/state?trace=1&steps={}", steps(&told["trace"]["steps"])));
    assert_eq!(state["unfit"], Value::Null);
    assert_eq!(verdict(&state, violated.name()), "violated");
    assert_eq!(state["events"].as_array().unwrap().len(), trace.steps().len());
}

#[test]
fn reads_stand_on_the_lane_of_their_own_client() {
    let session = json("/api/session?rules=unordered-reads");
    let clients: Vec<_> =
        session["clients"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let told = steps(&session["story"]["steps"]);
    let state = json(&format!("/api/state?rules=unordered-reads&steps={told}"));
    let lanes: BTreeSet<_> =
        state["lanes"].as_array().unwrap().iter().map(|lane| lane["id"].as_str().unwrap()).collect();
    assert!(clients.len() >= 2 && clients.iter().all(|client| lanes.contains(client)), "{lanes:?}");
    for event in state["events"].as_array().unwrap() {
        assert!(lanes.contains(event["at"].as_str().unwrap()), "{event}");
        assert!(event["from"].as_str().is_none_or(|from| lanes.contains(from)), "{event}");
    }
}

// stateright's explorer.

/// It follows the counterexample to its end, whichever way our page came there, and says of the last state what is so.
#[test]
fn the_explorer_of_stateright_follows_a_counterexample_to_its_end() {
    let session = json("/api/session?rules=prepared-lost");
    let told = steps(&session["story"]["steps"]);
    let place = json(&format!("/api/stateright?rules=prepared-lost&steps={told}"));
    assert_eq!(place["followed"], place["of"]);
    let url = place["url"].as_str().unwrap();
    let (base, path) = url.split_once("#/steps").unwrap();
    let (before, last) = path.rsplit_once('/').unwrap();
    let next = json(&format!("{base}.states{before}"));
    let last: usize = last.parse().unwrap();
    let step = next.as_array().unwrap().iter().find(|step| step["actionIndex"] == last).unwrap();
    assert!(step["outcome"].as_str().unwrap().contains("✗ agreement is violated"), "{}", step["outcome"]);
    let other = next.as_array().unwrap().iter().find(|step| {
        step["outcome"].as_str().is_some_and(|outcome| outcome.contains("every safety property holds"))
    });
    assert!(other.is_some(), "of a state that is not forked it says so");
    let status = json(&format!("{base}.status"));
    assert!(status["properties"].to_string().contains("agreement"), "{status}");

    let (status, script) = get(*PAGE, &format!("{base}app.js"));
    assert_eq!(status, 200);
    assert!(!script.contains("Safety holds") && !script.contains("Liveness holds"));
    assert!(!script.contains("fetch('/") && !script.contains("fetch(`/."), "it fetches from the root");
    assert_eq!(script.matches("Not looked").count(), 6);
    let (_, page) = get(*PAGE, base);
    assert!(page.contains("knockout") && !page.contains("onclick=\"runToCompletion()\""));
    for path in [".runtocompletion", "nothing", ".states/x", ".states/0/999999"] {
        assert_eq!(get(*PAGE, &format!("{base}{path}")).0, 404, "{path}");
    }
    let post = exchanged(
        *PAGE,
        &format!("POST {base}.runtocompletion HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", *PAGE),
    );
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

// Those who would do it harm.

fn status_of(request: &str) -> String {
    let answer = exchanged(*PAGE, request);
    answer.split(' ').nth(1).unwrap_or("closed").to_owned()
}

#[test]
fn a_foreign_host_and_a_foreign_page_are_refused() {
    let addr = *PAGE;
    let port = addr.port();
    assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")), "200");
    for header in [
        format!("Host: evil.example:{port}"),
        "Host: 127.0.0.1".to_owned(),
        "X: y".to_owned(),
        format!("Host: {addr}\r\nOrigin: http://evil.example"),
        format!("Host: {addr}\r\nOrigin: null"),
        format!("Host: {addr}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors"),
    ] {
        assert_eq!(status_of(&format!("GET /api/gallery HTTP/1.1\r\n{header}\r\n\r\n")), "403", "{header}");
    }
}

#[test]
fn no_body_is_read() {
    let addr = *PAGE;
    for (method, header, status) in [
        ("POST", "Content-Length: 1000000000000", "405"),
        ("POST", "Content-Length: 5", "405"),
        ("GET", "Content-Length: 1000000000000", "413"),
        ("GET", "Content-Length: -1", "413"),
        ("GET", "Transfer-Encoding: chunked", "413"),
        ("PUT", "Expect: 100-continue\r\nContent-Length: 10", "405"),
        ("OPTIONS", "X: y", "405"),
    ] {
        let request = format!("{method} /api/gallery HTTP/1.1\r\nHost: {addr}\r\n{header}\r\n\r\n");
        assert_eq!(status_of(&request), status, "{method} {header}");
    }
    assert_eq!(get(addr, "/api/trace").0, 200);
}

/// Who does not finish asking, or does not read, keeps nobody waiting.
#[test]
fn nobody_waits_for_somebody_else() {
    let addr = *PAGE;
    let mut idle = Vec::new();
    for request in [
        format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 10\r\n\r\n"),
        "GET / HT".to_owned(),
        String::new(),
        format!("GET /api/gallery HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
    ] {
        for _ in 0..30 {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            idle.push(stream);
        }
    }
    assert_eq!(get(addr, "/api/trace").0, 200);
    drop(idle);
    assert_eq!(get(addr, "/api/trace").0, 200);
}

#[test]
fn a_request_that_is_too_long_or_none_at_all_is_refused() {
    let addr = *PAGE;
    let long = "a".repeat(400_000);
    let answer = exchanged(addr, &format!("GET /?{long} HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{}", &answer[..answer.len().min(80)]);
    let headers = "X: y\r\n".repeat(100);
    assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nHost: {addr}\r\n{headers}\r\n")), "431");
    for nonsense in ["\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\r\n\r\n", "GET / SPDY/9\r\nHost: x\r\n\r\n"] {
        assert_eq!(status_of(nonsense), "400", "{nonsense:?}");
    }
    let steps = vec!["r0-r1-pre_prepare_v0_1_c0.t1"; 2000].join("~");
    let state = json(&format!("/api/state?rules=castro99&steps={steps}"));
    assert_eq!(state["unfit"]["step"], 2);
    assert_eq!(get(addr, "/../../etc/passwd").0, 404);
    assert_eq!(get(addr, "/page/../mod.rs").0, 404);
}

#[test]
fn our_page_runs_no_text_as_code_and_is_framed_by_nobody() {
    let addr = *PAGE;
    let page = exchanged(addr, &format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
    let head = page.split_once("\r\n\r\n").unwrap().0;
    let policy = head.lines().find_map(|line| line.strip_prefix("Content-Security-Policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(head.contains("X-Content-Type-Options: nosniff"));
}

#[test]
fn a_port_that_is_taken_is_an_error_and_one_that_is_had_is_kept() {
    let page = Page::bind(bugs::catalogue(), None, ([127, 0, 0, 1], 0).into()).unwrap();
    assert!(Page::bind(bugs::catalogue(), None, page.addr()).is_err());
    assert!(std::net::TcpListener::bind(page.addr()).is_err());
    assert!(Page::bind(bugs::catalogue(), None, ([0, 0, 0, 0], 0).into()).is_err());
    let asked = Asked::bound("prepared-lost", &[("views", "3".to_owned())], None, None);
    assert_eq!(page.place(&asked), Ok("/#rules=prepared-lost&views=3".to_owned()));
    assert!(page.place(&Asked::bound("nothing", &[], None, None)).is_err());
}

/// A client that only reads has a lane of its own, in SVG and in Mermaid.
#[test]
fn the_diagrams_have_a_lane_for_every_client() {
    let subject = bugs::catalogue().find("unordered-reads").unwrap().clone();
    let checked = bft_check::check::Check::new(subject).run().unwrap();
    let (violated, _, trace) = checked.shortest().unwrap();
    let (svg, mermaid) = (trace.to_svg(), trace.to_mermaid(Some(violated)));
    for client in trace.system().clients() {
        let id = client.id();
        assert!(svg.contains(&format!(">{id}</text>")), "{id}");
        assert!(mermaid.contains(&format!("participant {id} as {id}\n")), "{id}: {mermaid}");
    }
    assert!(mermaid.contains("Note over c1: is asked to read"), "{mermaid}");
}
