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

/// Of a way to break it the first step is said, and pointed out; taken, it is one step nearer.
pub fn is_hinted(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=prepared-lost");
    say(tab, "r0-r2-pre_prepare_v0_1_c1.t1");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"yes\"]", "can still be broken");
    let far = |tab: &mut Tab| {
        let words =
            tab.eval("document.querySelector('[data-answer=yes]').textContent.match(/in (\\d+) more/)[1]");
        words.as_str().unwrap().parse::<usize>().unwrap()
    };
    let before = far(tab);
    assert_eq!(tab.count(".hinted"), 0);
    tab.click("#hint", "");
    tab.wait("document.querySelector('#take-hint') && document.querySelectorAll('.hinted').length === 1");
    let name = tab.eval("document.querySelector('.hinted').dataset.name");
    assert_eq!(
        tab.eval("document.querySelector('.hinted').getClientRects().length > 0"),
        true,
        "it is not folded away"
    );
    let words = tab.text("#hint-words");
    at(tab, 1);
    tab.picture("hint");
    tab.click("#take-hint", "");
    at(tab, 2);
    assert_eq!(tab.eval("location.hash.match(/steps=([^&]*)/)[1].split('~').at(-1)"), name);
    let said = tab.text("#say");
    let said = said.trim_start_matches("Step 2: ");
    assert!(words.contains(said), "'{words}' is not '{said}'");
    tab.click("#referee", "");
    tab.wait("document.querySelector('[data-answer=\"yes\"]')");
    assert!(far(tab) < before);
}

/// All accept the same: it can no longer be broken. After how many steps.
fn is_settled(tab: &mut Tab) -> usize {
    for to in ["r1", "r2", "r3"] {
        say(tab, &format!("r0-{to}-pre_prepare_v0_1_c0.t1"));
    }
    tab.click("#let-run", "");
    shown(tab, "document.body.dataset.at > 10");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"no\"]", "agreement holds in each");
    tab.eval("Number(document.body.dataset.at)").as_u64().unwrap().try_into().unwrap()
}

/// Where it can no longer be broken, it is said after which step it still could, and one goes there.
pub fn was_possible(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=prepared-lost");
    is_settled(tab);
    tab.wait("document.querySelector('#to-turn')");
    let last = tab.eval("Number(document.querySelector('[data-turn]').dataset.turn)").as_u64().unwrap();
    let last = usize::try_from(last).unwrap();
    let words = tab.text("#turn");
    assert!(words.contains(&format!("Step {} has made it impossible: r0 → r", last + 1)), "{words}");
    tab.picture("turn");
    // The states on either side are asked by themselves.
    tab.click("#to-turn", "");
    at(tab, last);
    tab.click("#referee", "");
    tab.wait("document.querySelector('[data-answer=\"yes\"]')");
    tab.click("#forward", "");
    at(tab, last + 1);
    tab.click("#referee", "");
    tab.wait("document.querySelector('[data-answer=\"no\"]')");

    // Within one view nothing is lost between views: it never was.
    open(tab, served, "rules=prepared-lost&views=1");
    say(tab, "r0-r1-pre_prepare_v0_1_c0.t1");
    tab.click("#referee", "");
    tab.wait("document.querySelector('[data-turn=\"never\"]')");
    assert_eq!(tab.count("#to-turn"), 0);

    // Where the searches from earlier states have no time, nothing is claimed of those.
    open(tab, served, "rules=prepared-lost");
    tab.eval(
        "(() => { const real = window.fetch, steps = (path) => path.split('~').length;
            window.fetch = (path) => real(path.includes('/api/referee?') && steps(path) < document.body.dataset.at
                ? path.replace(/seconds=[^&]*/, 'seconds=0') : path); })()",
    );
    let end = is_settled(tab);
    tab.wait("document.querySelector('[data-turn=\"not-exhausted\"]')");
    let words = tab.text("#turn");
    assert!(
        words.contains(&format!("known that it was still possible, and it is not after step {end}.")),
        "{words}"
    );
    assert_eq!(tab.count("#to-turn"), 0);
}

/// From the middle of a run it is found that views can change for ever, each like the one before; the run is shown, and stays.
pub fn rises_for_ever(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=highest-join&views=2&requests=1&open=0&property=executed");
    say(tab, "c0-r1-request_c0.t1");
    tab.click("#referee", "");
    tab.wait_for("[data-answer=\"yes\"]", "in higher and higher views");
    tab.click("#show-one", "");
    shown(tab, "location.hash.includes('repeats=') && !document.querySelector('#ring').hidden");
    tab.wait_for("#ring", "It goes on like this for ever");
    tab.key("End");
    tab.wait_for("#won", "executed is broken");
    tab.picture("rising");
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
