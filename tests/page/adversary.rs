//! The game: the adversary's palette, and the referee.

use crate::counterexample::{at, shown};
use crate::served::Served;
use crate::tab::Tab;

fn open(tab: &mut Tab, served: &Served, query: &str) {
    tab.goto(&served.at(&format!("#/run?{query}")));
    at(tab, 0);
}

/// Presses what has that name, and waits until it has happened.
fn say(tab: &mut Tab, name: &str) {
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
