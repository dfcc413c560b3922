//! stateright's explorer, behind the page.

use serde_json::Value;

use crate::counterexample::{at, story};
use crate::served::Served;
use crate::tab::Tab;

/// Opened from the page at the counterexample, and followed to the state that is forked; every step of it can be reached.
pub fn follows(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    at(tab, 0);
    tab.key("End");
    at(tab, steps);
    tab.click("#to-stateright", "");
    tab.wait("location.pathname.startsWith('/stateright/') && location.hash.startsWith('#/steps/')");
    let explorer = tab.eval("location.origin + location.pathname").as_str().unwrap().to_owned();
    let path = tab.eval("location.hash.replace('#/steps', '')").as_str().unwrap().to_owned();
    let indices: Vec<_> = path.split('/').skip(1).collect();
    assert_eq!(indices.len(), steps + 1, "an initial state, and each step: {path}");
    for step in 0..=steps {
        let prefix = indices[..=step].join("/");
        tab.goto(&format!("{explorer}#/steps/{prefix}"));
        tab.wait(&format!("document.querySelectorAll('.path-list a').length === {}", step + 2));
        tab.wait_for(".path-list li:last-child a.is-selected-state", "");
    }
    let last = tab.text(".path-list li:last-child");
    assert!(last.contains('→'), "a delivery, in words: {last}");
    tab.picture("stateright");
    // Agreement is violated there, and the page says so.
    tab.wait_for("nav", "Counterexample found");
    let found = tab.eval("document.querySelector('nav a[href*=\"#/steps/\"]').textContent");
    assert!(found.as_str().unwrap().contains("agreement"), "{found}");

    // A step before the end, another way on: nobody looked there, and nothing is called fine.
    let prefix = indices[..steps].join("/");
    tab.goto(&format!("{explorer}#/steps/{prefix}"));
    tab.wait("document.querySelectorAll('nav ul:last-of-type a[href]').length > 1");
    let other = format!(
        "[...document.querySelectorAll('nav ul:last-of-type a[href]')].find(a => !a.getAttribute('href').endsWith('/{}'))",
        indices[steps]
    );
    tab.eval(&format!("{other}.click()"));
    tab.wait(&format!("document.querySelectorAll('.path-list a').length === {}", steps + 2));
    let shown = tab.eval("[...document.querySelectorAll('nav input[type=checkbox]')].filter(box => !box.checked).forEach(box => box.click())");
    assert_eq!(shown, Value::Null);
    tab.wait_for("nav", "Current state");
    let words = tab.text("nav");
    assert!(!words.contains("Safety holds") && !words.contains("Liveness holds"), "{words}");
    // Not offered: it would fill the memory.
    assert_eq!(tab.eval("[...document.querySelectorAll('button')].filter(b => b.textContent.includes('Run to completion') && b.getClientRects().length).length"), 0);
}
