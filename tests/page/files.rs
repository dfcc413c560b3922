//! Files: traces that are dropped, and runs that are saved.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::counterexample::{at, shown, story};
use crate::served::{Served, check, simulate};
use crate::tab::Tab;

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("bft-page-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// What `check` writes opens where it is dropped, in both forms, and is the run that was found.
pub fn is_dropped(tab: &mut Tab, served: &Served) {
    for name in ["fork.json", "fork.itf.json"] {
        let file = temporary(name);
        check("fixed-quorum", "agreement", &file);
        tab.goto(&served.url);
        tab.wait("document.querySelector('#stories .story')");
        tab.drop(&file);
        shown(
            tab,
            "document.body.dataset.at > 0 && document.body.dataset.at === document.body.dataset.steps",
        );
        tab.wait_for("#won", "agreement is broken");
        assert!(tab.text("#subject").contains("fixed-quorum"));
    }
    tab.picture("dropped");
}

/// What `simulate` writes opens where it is dropped, in both forms, and so it does when the program is started with it: the
/// run is there, with its lanes and steps, and what makes no sense of it is said to make none.
pub fn is_dropped_of_a_simulation(tab: &mut Tab, served: &Served) {
    for name in ["simulated.json", "simulated.itf.json"] {
        let file = temporary(name);
        simulate("weak-prepare", &file);
        tab.goto(&served.url);
        tab.wait("document.querySelector('#stories .story')");
        tab.drop(&file);
        is_of_a_simulation(tab, &file);
        // The address of the dropped trace is good for another tab.
        let address = tab.eval("location.href").as_str().unwrap().to_owned();
        tab.goto(&address);
        is_of_a_simulation(tab, &file);
        let started = Served::start(&["--trace", file.to_str().unwrap()]);
        tab.goto(&started.at("#trace=1"));
        is_of_a_simulation(tab, &file);
        tab.picture(name);
        // The program that knew the dropped one is another one.
        let elsewhere = address.replace(&served.url, &started.url);
        tab.goto(&elsewhere);
        tab.wait_for("#problem", "drop its file again");
    }
    // The browser's own words about that refusal are no fault.
    tab.problems();
    // One that takes several addresses.
    let file = temporary("long.json");
    simulate("unchecked-state", &file);
    tab.goto(&served.url);
    tab.wait("document.querySelector('#stories .story')");
    tab.drop(&file);
    shown(
        tab,
        "document.body.dataset.steps > 100 && document.body.dataset.at === document.body.dataset.steps",
    );
    tab.wait_for("#won", "chain-prefix is broken");
    let parts = tab
        .eval("performance.getEntriesByType('resource').filter(e => e.name.includes('/api/hand?')).length");
    assert!(parts.as_u64().unwrap() > 1, "{parts}");
}

/// The end of a simulated run of weak-prepare is shown, stepped back, and is that of the file.
fn is_of_a_simulation(tab: &mut Tab, file: &Path) {
    let text: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let steps = match text["steps"].as_array() {
        Some(steps) => steps.len(),
        None => text["states"].as_array().unwrap().len() - 1,
    };
    at(tab, steps);
    assert!(tab.text("#subject").contains("weak-prepare"));
    assert_eq!(tab.count("#diagram .event"), steps as u64);
    for lane in ["c0", "c1", "c2", "r0", "r1", "r2", "r3"] {
        assert!(tab.text("#heads").contains(lane), "{lane} has a lane");
    }
    tab.wait_for("#won", "certificate-unique is broken");
    assert!(tab.text("#byzantine").contains("This is a simulated run."));
    assert!(tab.text("#no-referee").contains("This is a simulated run"));
    assert_eq!(tab.count("#referee"), 0);
    assert_eq!(tab.count("[data-property=\"executed\"].holds"), 0, "what must be executed is not known");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    tab.wait("document.querySelector('[data-property=\"certificate-unique\"].holds')");
    tab.key("ArrowRight");
    at(tab, steps);
}

/// What is none is said to be none, and the page stays as it was.
pub fn is_refused(tab: &mut Tab, served: &Served) {
    let file = temporary("notes.json");
    std::fs::write(&file, "{\"hello\": 1}").unwrap();
    tab.goto(&served.url);
    tab.wait("document.querySelector('#stories .story')");
    tab.drop(&file);
    tab.wait_for("#problem", "notes.json: This is JSON, but no trace");
    assert!(tab.count("#stories .story") > 50, "the gallery is still there");
}

/// The page's own export, and that of `check`, opened from disk: it steps, and asks for nothing.
pub fn is_exported(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    tab.key("End");
    at(tab, steps);
    let saved = tab.eval("fetch(document.querySelector('#export').href).then(r => r.text())");
    let (page, checked) = (temporary("saved.html"), temporary("checked.html"));
    std::fs::write(&page, saved.as_str().unwrap()).unwrap();
    check("prepared-lost", "agreement", &checked);
    for file in [page, checked] {
        tab.goto(&format!("file://{}", file.display()));
        tab.wait("document.body.classList.contains('scripted')");
        assert_eq!(tab.eval("performance.getEntriesByType('resource').length"), 0, "it is one file");
        let all = tab.count("#diagram .event");
        assert!(all >= 9, "{all} steps");
        for step in 1..=all {
            tab.key("ArrowRight");
            tab.wait(&format!("document.querySelector('#place').textContent === 'step {step} of {all}'"));
        }
        assert_eq!(tab.count("[data-property=\"agreement\"].violated"), 1);
        tab.click("#back", "");
        tab.wait("document.querySelector('[data-property=\"agreement\"].holds')");
        assert!(tab.fits());
        tab.picture("export");
    }
}

/// Without scripts there are the picture, the steps and the explanation.
pub fn is_readable_without_scripts(tab: &mut Tab, _served: &Served) {
    let file = temporary("plain.html");
    check("prepared-lost", "agreement", &file);
    tab.ask("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    tab.goto(&format!("file://{}", file.display()));
    tab.wait("document.querySelector('svg')");
    let text = tab.text("body");
    for words in ["prepared-lost", "PRE-PREPARE v0 #1", "DECIDES", "reports_prepared"] {
        assert!(text.contains(words), "'{words}' is not in: {text}");
    }
    tab.picture("export-plain");
}
