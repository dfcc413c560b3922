//! The keyboard alone.

use crate::counterexample::{at, shown};
use crate::served::Served;
use crate::tab::Tab;

/// A run, played without a mouse.
pub fn does_all(tab: &mut Tab, served: &Served) {
    tab.goto(&served.at("#/run?rules=castro99&byzantine=none&requests=1"));
    at(tab, 0);
    tab.key("1");
    at(tab, 1);
    tab.key("r");
    shown(tab, "document.body.dataset.at > 10");
    tab.key("Home");
    at(tab, 0);
    tab.key("ArrowRight");
    at(tab, 1);
    tab.key("b");
    shown(tab, "document.body.dataset.steps === '1'");
    tab.key("u");
    shown(tab, "document.body.dataset.steps > 10");
    // Typing into the filter is no command.
    tab.key("/");
    tab.wait("document.activeElement.id === 'filter'");
    let steps = tab.eval("document.body.dataset.steps");
    for key in ["b", "1", "u"] {
        tab.key(key);
    }
    assert_eq!(tab.eval("document.querySelector('#filter').value"), "b1u");
    assert_eq!(tab.eval("document.body.dataset.steps"), steps);
    tab.wait_for("#honest", "Nothing of the honest has these words.");
    tab.key("Escape");
    tab.key("?");
    tab.wait("document.querySelector('#help').open");
    tab.key("Enter");
    tab.wait("!document.querySelector('#help').open");
    // From the top of the page to the first option by the tabulator, and Enter.
    tab.eval("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))");
    tab.key("Home");
    at(tab, 0);
    for _ in 0..60 {
        tab.key("Tab");
        if tab.eval("document.activeElement.classList.contains('option')") == true {
            break;
        }
    }
    assert_eq!(tab.eval("document.activeElement.classList.contains('option')"), true);
    tab.key("Enter");
    at(tab, 1);
}
