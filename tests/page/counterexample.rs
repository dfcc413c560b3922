//! Counterexamples: stepped, branched, shared, and one without an end.

use serde_json::Value;

use crate::devtools::{Browser, program};
use crate::served::Served;
use crate::tab::Tab;

/// Opens the story of a rulebook from the gallery, at its start; how many steps it has.
pub fn story(tab: &mut Tab, served: &Served, rules: &str) -> usize {
    tab.goto(&served.url);
    tab.wait(&format!("document.querySelector('[data-rules=\"{rules}\"] .main')"));
    tab.click(&format!("[data-rules=\"{rules}\"] .main"), "");
    shown(tab, "document.body.dataset.at === '0' && document.body.dataset.steps > 0");
    tab.eval("Number(document.body.dataset.steps)").as_u64().unwrap().try_into().unwrap()
}

/// Waits until a state is shown of which this is true.
#[track_caller]
pub fn shown(tab: &mut Tab, what: &str) {
    tab.wait(&format!(
        "!document.querySelector('#run').hidden && !document.body.hasAttribute('aria-busy') && ({what})"
    ));
}

#[track_caller]
pub fn at(tab: &mut Tab, step: usize) {
    shown(tab, &format!("document.body.dataset.at === '{step}'"));
}

fn verdict(tab: &mut Tab, property: &str) -> Value {
    let find = format!("document.querySelector('[data-property=\"{property}\"]').classList[1]");
    tab.eval(&find)
}

/// Step by step with the key, to where agreement is violated, and not before.
pub fn is_stepped(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    tab.picture("story");
    assert_eq!(tab.count("#diagram .event"), steps as u64);
    for step in 1..=steps {
        assert_eq!(verdict(tab, "agreement"), "holds", "after {} steps", step - 1);
        tab.key("ArrowRight");
        at(tab, step);
        let number = tab.eval("document.querySelector('#diagram .current').dataset.step");
        assert_eq!(number, step.to_string());
        assert!(tab.text("#say").starts_with(&format!("Step {step}: ")));
    }
    assert_eq!(verdict(tab, "agreement"), "violated");
    tab.wait_for("#won", "decided");
    tab.wait_for("#won pre", "reports_prepared");
    tab.picture("violated");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    assert_eq!(verdict(tab, "agreement"), "holds");
    assert_eq!(tab.eval("document.querySelector('#won').hidden"), true);
    assert!(tab.count("#nodes .line.changed") > 0, "what the step has changed is marked");
}

/// One step before the end another branch is taken: what is said is said of the state shown.
pub fn is_branched(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    tab.key("End");
    at(tab, steps);
    let end = tab.eval("document.querySelector('#diagram .current').getAttribute('aria-label')");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    assert_eq!(verdict(tab, "agreement"), "holds");
    // Anything but the story's own last step that has a consequence.
    let last = tab.eval("location.hash.match(/steps=([^&]*)/)[1].split('~').at(-1)");
    let other = tab.eval(&format!(
        "[...document.querySelectorAll('#honest .option:not(.quiet)')].map(e => e.dataset.name).find(n => n !== {last})"
    ));
    assert!(!other.is_null(), "there is another way on than {end}");
    tab.click(&format!("[data-name={other}]"), "");
    at(tab, steps);
    assert_eq!(verdict(tab, "agreement"), "holds", "another step does not fork");
    assert_eq!(tab.count("#tree .end, #tree .here"), 2, "both runs are in the tree");
    // The step that was left out still forks.
    tab.wait(&format!("document.querySelector('[data-name={last}]')"));
    tab.eval(&format!(
        "(document.querySelector('[data-name={last}]').closest('details') ?? {{}}).open = true"
    ));
    tab.click(&format!("[data-name={last}]"), "");
    at(tab, steps + 1);
    assert_eq!(verdict(tab, "agreement"), "violated", "the forked state is not called safe");
    tab.picture("branched");
    tab.key("u");
    at(tab, steps);
    tab.key("u");
    at(tab, steps - 1);
    tab.key("b");
    shown(tab, &format!("document.body.dataset.steps === '{}'", steps - 1));
}

/// What a person sees of a state.
fn seen(tab: &mut Tab) -> Vec<String> {
    ["#place", "#properties", "#nodes", "#quorums", "#diagram"].map(|part| tab.text(part)).into()
}

/// The address, and nothing else, goes to a program on another port and into a browser that knows nothing.
pub fn is_shared(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    tab.key("End");
    at(tab, steps);
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    let here = seen(tab);
    let hash = tab.eval("location.hash").as_str().unwrap().to_owned();
    let elsewhere = Served::start(&[]);
    let mut friend = Tab::open(Browser::launch(&program().unwrap(), "friend"));
    friend.goto(&elsewhere.at(&hash));
    at(&mut friend, steps - 1);
    assert_eq!(seen(&mut friend), here);
    assert_eq!(friend.problems(), Vec::<String>::new());
    tab.reload();
    tab.wait("document.querySelector('#run').hidden === false");
    at(tab, steps - 1);
    assert_eq!(seen(tab), here, "and a reload shows the same");
}

/// One that has a step that cannot happen.
pub fn does_not_fit(tab: &mut Tab, served: &Served) {
    tab.goto(&served.at("#/run?rules=castro99&steps=r0-r1-pre_prepare_v0_1_c0.t1~r1-r2-commit_v0_1_c0.t1~r1-r3-prepare_v0_1_c0.t1"));
    tab.wait_for("#problem", "Step 2 of this address does not fit: r1-r2-commit_v0_1_c0.t1");
    at(tab, 1);
    assert_eq!(tab.count("#diagram .event"), 1, "the run before it is shown");
}

/// Pointing at a decision shows its votes; of two that contradict each other, who stands in both.
pub fn quorums_light_up(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "fixed-quorum");
    tab.key("End");
    at(tab, steps);
    assert_eq!(tab.count(".vote"), 0);
    tab.eval("document.querySelector('[data-quorum]').focus()");
    // Its own vote has no arrow.
    tab.wait("document.querySelectorAll('#diagram .event.vote').length === 2");
    assert_eq!(tab.count("#heads .lit"), 3, "fixed-quorum decides on three");
    assert_eq!(tab.count("#heads .both"), 1);
    assert!(tab.text("#heads .both").contains("r0"), "r0 is Byzantine and in both");
    assert!(tab.text("#say").contains("r0"));
    tab.picture("quorums");
    tab.eval("document.activeElement.blur()");
    tab.wait("!document.querySelector('.vote')");

    // Two decisions of different views: whoever votes in both has not voted twice, and nothing is protected by that.
    let steps = story(tab, served, "prepared-lost");
    tab.key("End");
    at(tab, steps);
    assert!(
        tab.text("#quorums").contains("protects nothing here: the quorums are of different views, v0 and v1")
    );
    assert!(tab.count("#quorums td.both.apart") > 0);
    assert_eq!(tab.count("#quorums td.both:not(.apart)"), 0);
    tab.eval("document.querySelector('[data-quorum]').focus()");
    tab.wait_for("#heads .both.apart", "both views");
    tab.picture("quorums-apart");
}

/// A run that never executes a request goes round and round.
pub fn goes_round(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "highest-join");
    assert_eq!(tab.count("#ring svg"), 1);
    assert_eq!(tab.count("#ring .round"), 1, "it is a ring");
    assert_eq!(tab.count("#diagram .loop"), 1);
    assert!(tab.text("#diagram").contains("from here on the network is stable"));
    tab.key("End");
    at(tab, steps);
    tab.picture("lasso");
    tab.key("ArrowRight");
    shown(tab, &format!("document.body.dataset.at > 0 && document.body.dataset.at < {steps}"));
    assert_eq!(tab.count("#diagram .event"), steps as u64, "nothing was added to it");
    // One for which nothing has to happen.
    tab.goto(&served.url);
    tab.wait("document.querySelector('[data-rules=\"no-timer\"] .main')");
    tab.click("[data-rules=\"no-timer\"] .main", "See it broken, without a step");
    tab.wait_for("#won", "executed is broken");
    at(tab, 0);
    // One that a simulated run of thousands of steps shows: as far as it can be drawn, and said to be no more.
    tab.goto(&served.url);
    tab.wait("document.querySelector('[data-rules=\"restarted-timer\"] .main')");
    tab.click("[data-rules=\"restarted-timer\"] .main", "Watch how it begins");
    tab.wait_for("#facts", "are how a run of thousands begins that breaks it");
    tab.key("End");
    shown(tab, "document.body.dataset.at > 400");
    assert_eq!(verdict(tab, "agreement"), "holds");
}
