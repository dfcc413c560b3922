//! Searches: how far they are is seen while they go on, and they can be ended.

use crate::counterexample::at;
use crate::served::Served;
use crate::tab::Tab;

/// More states than are visited by then.
const LARGE: &str = "rules=castro99&requests=1&views=3&byzantine=r0";

/// What is said of the search itself, and also of what comes before it.
const STATES: &str = "states visited, [1-9][0-9]* steps? deep";
const ANYTHING: &str = "states? visited, [0-9]+ steps? deep|steps? tried before the search";

/// Waits until the page says that something was done, and then that more was.
fn goes_on(tab: &mut Tab, selector: &str, done: &str) {
    let words = format!("document.querySelector('{selector}').textContent");
    tab.wait(&format!("/[1-9][0-9,]* ({done}), [0-9]+ s/.test({words})"));
    let before = tab.eval(&words);
    tab.wait(&format!("{words} !== {before}"));
}

/// The names of searches that the page has asked about.
const ASKED: &str = "[...new Set(performance.getEntriesByType('resource').map(e => e.name)
    .filter(name => name.includes('/api/search?')).map(name => new URL(name).searchParams.get('search')))]";

/// Waits until the program knows none of the searches that the page has asked about.
fn is_over(tab: &mut Tab) {
    let asked = tab.eval(ASKED);
    let names: Vec<_> = asked.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(!names.is_empty(), "the page has asked how far it is");
    for name in names {
        tab.eval(&format!(
            "(async () => {{ while ((await (await fetch('/api/search?search={name}')).json()).runs) ; }})()"
        ));
    }
}

/// That of the referee.
pub fn of_the_referee(tab: &mut Tab, served: &Served) {
    tab.goto(&served.at(&format!("#/run?{LARGE}")));
    at(tab, 0);
    tab.click("#referee", "");
    goes_on(tab, "#referee-progress", ANYTHING);
    assert_eq!(tab.count("[data-answer]"), 0);
    assert_eq!(tab.eval("document.querySelector('#referee').disabled"), true);
    tab.picture("searching");
    tab.click("#referee-progress #cancel", "Cancel");
    tab.wait_for("[data-answer=\"not-exhausted\"]", "Cancelled: ");
    assert_eq!(tab.eval("document.querySelector('#referee-progress').hidden"), true);
    assert_eq!(tab.eval("document.querySelector('#referee').disabled"), false);
    is_over(tab);
    // Who goes on does not wait for it, and comes back to a state of which nothing is said.
    tab.click("#referee", "");
    goes_on(tab, "#referee-progress", ANYTHING);
    tab.click("#honest .option", "");
    at(tab, 1);
    assert_eq!(tab.eval("document.querySelector('#referee-progress').hidden"), true);
    is_over(tab);
    tab.key("ArrowLeft");
    at(tab, 0);
    assert_eq!(tab.count("[data-answer]"), 0);
}

/// That for a counterexample which is not known.
pub fn of_a_story(tab: &mut Tab, served: &Served) {
    tab.goto(&served.at(&format!("#/story?{LARGE}")));
    tab.wait("document.querySelector('.searching')");
    goes_on(tab, ".searching", STATES);
    tab.click("#cancel", "Cancel");
    tab.wait_for(".searching", "cancelled after ");
    assert_eq!(tab.count("#cancel"), 0);
    // It begins anew for who asks again, and the start page is itself when one comes back to it.
    let far = format!("fetch('/api/story?{LARGE}&cancel=1').then(r => r.json()).then(told => told.says)");
    assert_eq!(tab.eval(&far), "cancelled after 0 states: nothing is known of the others");
    tab.click("#to-gallery", "");
    tab.wait("document.querySelector('#stories .story')");
}
