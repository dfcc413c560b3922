//! A protocol of one's own: the tutorial's, whose first draft forks.

use std::process::Command;

use serde_json::Value;

use crate::counterexample::{at, shown};
use crate::served::Served;
use crate::tab::Tab;

fn verdict(tab: &mut Tab, property: &str) -> Value {
    tab.eval(&format!("document.querySelector('[data-property=\"{property}\"]').classList[1]"))
}

/// Opens the page of a draft where it opens by itself: at the start of the counterexample; how many steps that has.
fn story(tab: &mut Tab, served: &Served) -> usize {
    tab.goto(&served.url);
    shown(tab, "document.body.dataset.at === '0'");
    if tab.eval("document.body.dataset.steps") == "0" {
        // On a slow machine the search goes on behind the page.
        tab.wait("document.querySelector('#to-counterexample')");
        tab.click("#to-counterexample", "");
        shown(tab, "document.body.dataset.at === '0' && document.body.dataset.steps > 0");
    }
    tab.eval("Number(document.body.dataset.steps)").as_u64().unwrap().try_into().unwrap()
}

/// The counterexample is stepped to the violation, and not before; what is PBFT's is not there.
pub fn is_stepped(tab: &mut Tab, _: &Served) {
    let served = Served::tutorial(&["--draft", "1"]);
    let steps = story(tab, &served);
    assert!(tab.text("#subject").contains("tendermint"), "{}", tab.text("#subject"));
    assert!(tab.text("#subject").contains("draft 1"));
    assert!(tab.text("#facts").contains("any order, with repetition"));
    for hidden in ["#to-gallery", "#quorums", "#tour"] {
        assert_eq!(
            tab.eval(&format!("document.querySelector('{hidden}').getClientRects().length")),
            0,
            "{hidden}"
        );
    }
    assert_eq!(tab.count("#diagram .event"), steps as u64);
    for step in 1..=steps {
        assert_eq!(verdict(tab, "agreement"), "holds", "after {} steps", step - 1);
        tab.key("ArrowRight");
        at(tab, step);
        assert!(tab.text("#say").starts_with(&format!("Step {step}: n")), "{}", tab.text("#say"));
        assert!(tab.count("#nodes .line.changed") > 0, "what step {step} has changed is marked");
    }
    assert_eq!(verdict(tab, "agreement"), "violated");
    assert_eq!(verdict(tab, "validity"), "holds");
    tab.wait_for("#won", "in slot 0 n0 has decided 'a', and n1 'b'");
    is_explained(tab);
    assert_eq!(tab.count("#diagram .decision"), 2);
    // The protocol's own words keep their braces.
    assert!(tab.text("#diagram").contains("Proposal { round: 0, value: 'a'"));
    assert!(tab.text("#nodes").contains("Some(Lock { round: 1, value: 'b' })"));
    tab.picture("own-violated");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    assert_eq!(verdict(tab, "agreement"), "holds");
}

/// Waits for the run in words: a program that ends before it has answered is an error in the console.
fn is_explained(tab: &mut Tab) {
    tab.wait_for("#won details summary", "The run in words");
}

/// An arrow begins where its message was sent.
fn tails_are_at_their_senders(tab: &mut Tab) {
    let wrong = tab.eval(
        "[...document.querySelectorAll('#diagram .event.message')].filter(event => {
            const [from] = event.getAttribute('aria-label').match(/n\\d[ab]?(?= →)/);
            const names = [...document.querySelectorAll('#heads .head')].map(head => head.querySelector('text').textContent);
            const lane = document.querySelectorAll('#diagram line.lane')[names.indexOf(from)];
            return lane.getAttribute('x1') !== event.querySelector('.arrow').getAttribute('x1');
        }).length",
    );
    assert_eq!(wrong, 0);
}

/// How often the page has asked for a counterexample since it was loaded.
fn asked_for_a_story(tab: &mut Tab) -> Value {
    tab.eval("performance.getEntriesByType('resource').filter(e => e.name.includes('/api/story?')).length")
}

/// A step before the end another way is taken; the referee knows that the fork is still near; the address survives.
pub fn is_branched(tab: &mut Tab, _: &Served) {
    let served = Served::tutorial(&["--draft", "1"]);
    let steps = story(tab, &served);
    tab.key("End");
    at(tab, steps);
    tails_are_at_their_senders(tab);
    let last = tab.eval("location.hash.match(/steps=([^&]*)/)[1].split('~').at(-1)");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    let names = "[...document.querySelectorAll('#honest [data-name]')].map(e => e.dataset.name)";
    assert_eq!(
        tab.eval(&format!("{names}.length === new Set({names}).size")),
        true,
        "nothing is offered twice"
    );
    let other = tab.eval(&format!("{names}.find(n => n !== {last} && !/^(x|stop)-/.test(n))"));
    tab.click(&format!("[data-name={other}]"), "");
    at(tab, steps);
    assert_eq!(verdict(tab, "agreement"), "holds", "another step does not fork");
    assert_eq!(tab.count("#tree .end, #tree .here"), 2, "both runs are in the tree");
    tab.click("#referee", "");
    tab.wait_for("#referee-answer", "Yes: agreement can still be broken, in 1 more step.");
    let here = ["#place", "#properties", "#nodes", "#diagram"].map(|part| tab.text(part));
    tab.reload();
    tab.wait("document.querySelector('#run').hidden === false");
    at(tab, steps);
    // Nothing is asked whose answer would move what is pressed next.
    assert_eq!(tab.count("#to-counterexample"), 1);
    assert_eq!(asked_for_a_story(tab), 0);
    assert_eq!(["#place", "#properties", "#nodes", "#diagram"].map(|part| tab.text(part)), here);
    // Filtered, and taken: the step that was left out still forks.
    tab.click("#filter", "");
    tab.eval("(() => { const f = document.querySelector('#filter'); f.value = 'precommit'; f.dispatchEvent(new Event('input')); })()");
    tab.wait("document.querySelectorAll('#honest .option').length === 1");
    tab.click(&format!("[data-name={last}]"), "");
    at(tab, steps + 1);
    assert_eq!(verdict(tab, "agreement"), "violated");
    is_explained(tab);
    tab.picture("own-branched");
}

/// Under the last draft nothing is found: the network runs to a decision, a twin says what its code says, and an address of
/// another draft is refused.
pub fn is_played(tab: &mut Tab, _: &Served) {
    let served = Served::tutorial(&["--draft", "4", "--byzantine", "n0"]);
    tab.goto(&served.at("#/run?byzantine=n0&steps=n0a-ask_a"));
    at(tab, 1);
    assert!(tab.text("#facts").contains("n0") && tab.text("#heads").contains("n0b"));
    let twins = tab.text("#byzantine");
    assert!(twins.contains("n0a") && twins.contains("n0b") && twins.contains("Ask('b')"), "{twins}");
    tab.picture("own-twins");
    tab.goto(&served.at("#/run?byzantine=none&steps=n0-ask_a"));
    at(tab, 1);
    tab.click("#let-run", "");
    tab.wait("document.querySelectorAll('#diagram .decision').length === 4");
    assert_eq!(verdict(tab, "agreement"), "holds");
    assert_eq!(verdict(tab, "liveness"), "holds");
    let hash = tab.eval("location.hash").as_str().unwrap().replace("draft:4", "draft:3");
    tab.goto(&served.at(&hash));
    tab.wait_for("#problem", "this program was started with draft:4");
    // What a page that is refused logs is no fault of it.
    let _ = tab.problems();
}

/// In the middle of a run the referee says that they can be stopped for ever, and shows how; the address keeps it.
pub fn is_asked_for_ever(tab: &mut Tab, _: &Served) {
    let served = Served::tutorial(&["--draft", "3", "--rounds", "4", "--stops", "true"]);
    tab.goto(&served.at("#/run?property=liveness&steps=n1-stop"));
    at(tab, 1);
    assert!(tab.text("#referee").contains("stopped for ever from here?"), "{}", tab.text("#referee"));
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"yes\"]", "from here they need never get there");
    tab.click("#show-one", "");
    shown(tab, "location.hash.includes('repeats=') && !document.querySelector('#ring').hidden");
    tab.key("End");
    tab.wait_for("#won", "liveness is broken");
    tab.wait_for("#ring", "It ends here, and owes something");
    assert_eq!(verdict(tab, "liveness"), "violated");
    tab.reload();
    tab.wait_for("#won", "liveness is broken");
    assert_eq!(verdict(tab, "liveness"), "violated");
    tab.picture("own-for-ever");
}

/// stateright's explorer is one click away, at the same state.
pub fn is_followed(tab: &mut Tab, _: &Served) {
    let served = Served::tutorial(&["--draft", "1"]);
    let steps = story(tab, &served);
    tab.key("End");
    at(tab, steps);
    tab.click("#to-stateright", "");
    tab.wait("location.pathname.startsWith('/stateright/') && location.hash.startsWith('#/steps/')");
    tab.wait(&format!("document.querySelectorAll('.path-list a').length === {}", steps + 2));
    tab.wait_for("nav", "Counterexample found");
}

/// What `check` wrote opens with the program, and where it is dropped.
pub fn is_opened(tab: &mut Tab, _: &Served) {
    let file = std::env::temp_dir().join(format!("bft-page-own-{}.json", std::process::id()));
    let path = file.to_str().unwrap();
    let found = Command::new(env!("CARGO_BIN_EXE_tutorial-under-test"))
        .args(["check", "--draft", "1", "--property", "agreement", "--trace", path])
        .output()
        .unwrap();
    assert_eq!(found.status.code(), Some(10), "{}", String::from_utf8_lossy(&found.stdout));
    let is_at_its_end =
        "document.body.dataset.at > 0 && document.body.dataset.at === document.body.dataset.steps";
    let opened = Served::tutorial(&["--draft", "1", "--trace", path]);
    tab.goto(&opened.url);
    shown(tab, is_at_its_end);
    tab.wait_for("#won", "agreement is broken");
    is_explained(tab);
    let other = Served::tutorial(&["--draft", "1", "--byzantine", "n3"]);
    tab.goto(&other.at("#/run?byzantine=n3"));
    at(tab, 0);
    assert_eq!(verdict(tab, "agreement"), "holds");
    tab.drop(&file);
    shown(tab, is_at_its_end);
    tab.wait_for("#won", "agreement is broken");
    assert!(tab.text("#facts").contains("nobody"), "the trace says who is Byzantine");
    is_explained(tab);
    let _ = std::fs::remove_file(file);
}
