//! Files: traces that are dropped, and runs that are saved.

use std::path::PathBuf;

use serde_json::json;

use crate::counterexample::{at, shown, story};
use crate::served::{Served, check};
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
