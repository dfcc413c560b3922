//! The game: the adversary's palette, and the referee.

use crate::counterexample::{at, shown};
use crate::served::Served;
use crate::tab::Tab;

pub fn open(tab: &mut Tab, served: &Served, query: &str) {
    tab.goto(&served.at(&format!("#/run?{query}")));
    at(tab, 0);
}

/// Presses what has that name, and waits until it has happened.
pub fn say(tab: &mut Tab, name: &str) {
    let before = tab.eval("Number(document.body.dataset.at)").as_u64().unwrap();
    tab.wait(&format!("document.querySelector('[data-name=\"{name}\"]')"));
    tab.eval(&format!(
        "(document.querySelector('[data-name=\"{name}\"]').closest('details') ?? {{}}).open = true"
    ));
    tab.click(&format!("[data-name=\"{name}\"]"), "");
    shown(tab, &format!("Number(document.body.dataset.at) > {before}"));
}

/// Forks the protocol that forgets what has prepared, with nothing but the palette and the list.
pub fn wins(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=prepared-lost");
    assert!(tab.text("#goal").contains("not reached"));
    for step in [
        "r0-r2-pre_prepare_v0_1_c1.t1",
        "r0-r3-pre_prepare_v0_1_c1.t1",
        "r3-r2-prepare_v0_1_c1.t1",
        "r2-r3-prepare_v0_1_c1.t1",
        "r3-r2-commit_v0_1_c1.t1",
        "r0-r2-commit_v0_1_c1.t1",
    ] {
        say(tab, step);
    }
    assert!(tab.text("#quorums").contains("r2 decided c1.t1"));
    tab.picture("palette");
    // r1 leads view 1, and proposes what it has heard of; the VIEW-CHANGE of r0 spares that of r3.
    for step in [
        "c0-r1-request_c0.t1",
        "c0-r2-request_c0.t1",
        "r2-timer_v0",
        "r0-r1-view_change_to_v1_nothing_prepared",
    ] {
        say(tab, step);
    }
    tab.click("#referee", "");
    tab.wait_for("[data-answer]", "Yes");
    tab.picture("referee-yes");
    for step in [
        "r2-r1-view_change_to_v1_nothing_prepared",
        "r1-r2-new_view_v1_nothing_to_repeat_on_the_view_changes_of_r0_r1_r2",
        "r1-r2-pre_prepare_v1_1_c0.t1",
        "r0-r1-prepare_v1_1_c0.t1",
        "r2-r1-prepare_v1_1_c0.t1",
        "r0-r2-prepare_v1_1_c0.t1",
        "r0-r1-commit_v1_1_c0.t1",
    ] {
        assert!(tab.text("#goal").contains("not reached"), "before {step}");
        say(tab, step);
    }
    say(tab, "r2-r1-commit_v1_1_c0.t1");
    tab.wait_for("#won", "agreement is broken");
    assert!(!tab.text("#goal").contains("not reached"));
    tab.picture("won");
}

/// Equivocates, and asks: nothing that is tried from there can break it.
pub fn cannot_win(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=castro99&views=1");
    for step in
        ["r0-r1-pre_prepare_v0_1_c0.t1", "r0-r2-pre_prepare_v0_1_c1.t1", "r0-r3-pre_prepare_v0_1_c1.t1"]
    {
        say(tab, step);
    }
    tab.key("g");
    tab.wait("document.querySelector('[data-answer=\"no\"]')");
    let answer = tab.text("#referee-answer");
    assert!(answer.contains("states") && answer.contains("agreement"), "{answer}");
    assert!(answer.contains("quorum"), "it says why: {answer}");
    assert_eq!(tab.count("#show-one"), 0);
    tab.picture("referee-no");
}

/// From the start of a broken rulebook, the referee plays to the end.
pub fn is_shown_one(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=prepared-lost");
    tab.click("#referee", "");
    tab.wait("document.querySelector('[data-answer=\"yes\"]')");
    tab.click("#show-one", "");
    at(tab, 1);
    tab.key("End");
    tab.wait_for("#won", "agreement is broken");
}

/// In the middle of a run it is asked whether they can be stopped for ever, where no timer runs and under the paper's rules.
pub fn is_asked_for_ever(tab: &mut Tab, served: &Served) {
    let closed = "rules=no-timer&views=1&requests=1&open=0&property=executed";
    open(tab, served, closed);
    say(tab, "r0-r1-commit_v0_1_c0.t1");
    assert!(tab.text("#referee").contains("stopped for ever from here?"));
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"yes\"]", "executed need never be reached");
    // Where the bound says nothing of time, the run that is shown is one of a system in which it is looked at.
    tab.click("#show-one", "");
    shown(tab, "location.hash.includes('open=1') && location.hash.includes('repeats=')");
    tab.wait_for("#ring", "It ends here, and owes something");
    assert_eq!(tab.count("[data-property=\"executed\"].violated"), 1);
    tab.wait_for("#won", "executed is broken");
    tab.picture("for-ever");
    // What r1 has accepted it sends on, and nobody needs a timer any more.
    open(tab, served, closed);
    say(tab, "r0-r1-commit_v0_1_c0.t1");
    say(tab, "r0-r1-pre_prepare_v0_1_c0.t1");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"no\"]", "on every fair run executed is reached");
    assert_eq!(tab.count("#show-one"), 0);

    // A bound of runs without end is that of the run that is shown.
    open(tab, served, "rules=no-timer");
    say(tab, "r0-r2-commit_v0_1_c0.t1");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"yes\"]", "executed need never be reached");
    tab.click("#show-one", "");
    shown(tab, "location.hash.startsWith('#/run?rules=no-timer&property=executed&stable=1&repeats=1')");
    tab.wait_for("#won", "executed is broken");

    open(tab, served, "rules=castro99&views=1&requests=1&byzantine=none&property=executed");
    say(tab, "c0-r0-request_c0.t1");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"no\"]", "on every fair run executed is reached");
    tab.click("#let-run", "");
    shown(tab, "document.body.dataset.at > 10");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"no\"]", "reached in this very state");
}
