//! The tour, done as its words say.

use crate::served::Served;
use crate::tab::Tab;

/// Opens a lesson by its card on the start page.
fn begin(tab: &mut Tab, served: &Served, lesson: usize) {
    tab.goto(&served.url);
    tab.wait(&format!("document.querySelector('[data-tour=\"{lesson}\"]')"));
    tab.click(&format!("[data-tour=\"{lesson}\"]"), "");
    tab.wait("document.querySelector('#tour li.now-due')");
}

/// Does a step, and waits until it is shown.
fn steps_on(tab: &mut Tab, does: impl FnOnce(&mut Tab)) {
    let before = tab.eval("document.body.dataset.at");
    does(tab);
    tab.wait(&format!("document.body.dataset.at !== {before} && !document.body.hasAttribute('aria-busy')"));
}

/// Presses what has this name among what can happen next.
fn choose(tab: &mut Tab, name: &str) {
    // What is folded away is opened first, as a person does.
    tab.eval(&format!(
        "(document.querySelector('[data-name=\"{name}\"]')?.closest('details') ?? {{}}).open = true"
    ));
    steps_on(tab, |tab| tab.click(&format!("[data-name=\"{name}\"]"), ""));
}

/// Has the network run.
fn run(tab: &mut Tab, button: &str) {
    steps_on(tab, |tab| tab.click(button, ""));
}

fn done(tab: &mut Tab) -> (u64, u64) {
    let number = |tab: &mut Tab, name: &str| {
        let value = tab.eval(&format!("document.querySelector('#tour ol').dataset.{name}"));
        value.as_str().unwrap().parse().unwrap()
    };
    (number(tab, "done"), number(tab, "of"))
}

#[track_caller]
fn finished(tab: &mut Tab, lesson: usize) {
    tab.wait(
        "document.querySelector('#tour ol').dataset.done === document.querySelector('#tour ol').dataset.of",
    );
    tab.picture(&format!("tour-{lesson}"));
}

/// Every lesson, in order.
pub fn is_finished(tab: &mut Tab, served: &Served) {
    begin(tab, served, 1);
    choose(tab, "c0-r0-request_c0.t1");
    choose(tab, "r0-r1-pre_prepare_v0_1_c0.t1");
    assert_eq!(done(tab), (2, 4));
    run(tab, "#let-run");
    assert_eq!(done(tab), (3, 4), "nothing was pointed at yet");
    tab.eval("document.querySelector('[data-quorum]').focus()");
    finished(tab, 1);

    begin(tab, served, 2);
    choose(tab, "stop-r0");
    run(tab, "#let-run");
    run(tab, "#let-timers");
    if done(tab).0 < 4 {
        run(tab, "#let-run");
    }
    finished(tab, 2);

    begin(tab, served, 3);
    choose(tab, "r0-r1-pre_prepare_v0_1_c0.t1");
    choose(tab, "r0-r2-pre_prepare_v0_1_c1.t1");
    choose(tab, "r0-r3-pre_prepare_v0_1_c1.t1");
    run(tab, "#let-run");
    tab.click("#referee", "");
    tab.wait_for("[data-answer]", "No");
    finished(tab, 3);

    begin(tab, served, 4);
    for (to, batch) in [("r2", "c0.t1"), ("r3", "c1.t1")] {
        choose(tab, &format!("r0-{to}-pre_prepare_v0_1_{batch}"));
        choose(tab, &format!("r1-{to}-prepare_v0_1_{batch}"));
        choose(tab, &format!("r0-{to}-commit_v0_1_{batch}"));
        choose(tab, &format!("r1-{to}-commit_v0_1_{batch}"));
    }
    tab.wait_for("#won", "agreement is broken");
    finished(tab, 4);

    begin(tab, served, 5);
    choose(tab, "r0-r2-pre_prepare_v0_1_c1.t1");
    choose(tab, "r0-r3-pre_prepare_v0_1_c1.t1");
    run(tab, "#let-run");
    let decisive =
        "document.querySelector('[data-name=\"r0-r2-commit_v0_1_c1.t1\"]').closest('details').open";
    assert_eq!(tab.eval(decisive), true, "what the task is about is not folded away");
    choose(tab, "r0-r2-commit_v0_1_c1.t1");
    assert_eq!(done(tab), (2, 5));
    let before = places(tab);
    choose(tab, "r2-timer_v0");
    assert_eq!(done(tab), (3, 5));
    tab.wait_for("#tour em", "nothing prepared");
    run(tab, "#let-timers");
    tab.wait_for("#won", "agreement is broken");
    finished(tab, 5);
    assert_eq!(places(tab), before, "what one presses stays where it is");
    tab.goto(&served.url);
    tab.wait("document.querySelectorAll('.lessons .finished').length === 5");
    assert!(tab.text(".lessons .finished").contains("Finished"));
}

/// Where the buttons are that one presses again and again.
fn places(tab: &mut Tab) -> serde_json::Value {
    tab.eval(
        "['back', 'forward', 'let-run', 'let-timers', 'undo'].map(id => { const r = document.getElementById(id).getBoundingClientRect();
            return [r.x, r.y]; })",
    )
}

/// Who lets everything run at once has not seen the broken rule at work, and goes back to it.
pub fn is_not_rushed(tab: &mut Tab, served: &Served) {
    begin(tab, served, 5);
    for to in ["r2", "r3"] {
        choose(tab, &format!("r0-{to}-pre_prepare_v0_1_c1.t1"));
    }
    run(tab, "#let-run");
    choose(tab, "r0-r2-commit_v0_1_c1.t1");
    run(tab, "#let-timers");
    tab.wait_for("#won", "agreement is broken");
    assert_eq!(done(tab), (4, 5), "it forked, and nobody has looked at the VIEW-CHANGE");
    tab.wait_for("#missed", "go back");
    let gives_up = "[...document.querySelectorAll('#diagram .event.timeout')].find(e => e.getAttribute('aria-label').includes('r2 timer'))";
    steps_on(tab, |tab| {
        tab.eval(&format!("{gives_up}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"));
    });
    assert_eq!(done(tab), (3, 5));
    tab.wait_for("#tour em", "nothing prepared");
    steps_on(tab, |tab| tab.key("End"));
    finished(tab, 5);
    // Who begins again has all of it before them.
    begin(tab, served, 5);
    assert_eq!(done(tab), (0, 5));
}

/// Looking is not enough, and neither is something else than what is asked for.
pub fn is_not_finished_by_looking(tab: &mut Tab, served: &Served) {
    begin(tab, served, 1);
    assert_eq!(done(tab).0, 0);
    choose(tab, "stop-r3");
    assert_eq!(done(tab).0, 0, "r3 has nothing to do with the first task");
    begin(tab, served, 4);
    choose(tab, "r0-r2-pre_prepare_v0_1_c0.t1");
    choose(tab, "r0-r3-pre_prepare_v0_1_c0.t1");
    assert_eq!(done(tab).0, 0, "that is no equivocation");
    begin(tab, served, 2);
    assert_eq!(tab.eval("document.querySelector('#goal').hidden"), true, "nobody lies");
    choose(tab, "stop-r0");
    run(tab, "#let-run");
    choose(tab, "r1-timer_v0");
    assert_eq!(done(tab).0, 2, "one timer is not two");
    choose(tab, "r2-timer_v0");
    assert_eq!(done(tab).0, 3);
    begin(tab, served, 3);
    choose(tab, "r0-r1-pre_prepare_v0_1_c0.t1");
    choose(tab, "r0-r2-pre_prepare_v0_1_c1.t1");
    assert_eq!(done(tab).0, 0, "r3 was told nothing");
    begin(tab, served, 5);
    assert_eq!(tab.eval("document.querySelector('#goal').hidden"), false);
    for to in ["r1", "r2", "r3"] {
        choose(tab, &format!("r0-{to}-pre_prepare_v0_1_c1.t1"));
    }
    run(tab, "#let-run");
    assert_eq!(done(tab).0, 0, "r1 was told as well");
    tab.wait_for("#missed", "r1 was told as well");
}
