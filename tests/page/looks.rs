//! How the page looks, and how it sounds.

use crate::counterexample::{at, story};
use crate::served::Served;
use crate::tab::{NARROW, Tab, WIDE};

/// At both widths, on every kind of page.
pub fn fits(tab: &mut Tab, served: &Served) {
    for (size, name) in [(WIDE, "wide"), (NARROW, "narrow")] {
        tab.resize(size);
        tab.goto(&served.url);
        tab.wait("document.querySelector('#stories .story')");
        assert!(tab.fits(), "the start page, {name}");
        let count = tab.text("#story-count");
        assert_eq!(count, format!("{} rulebooks", tab.count("#stories .story")), "every one has its card");
        tab.picture(&format!("start-{name}"));
        for rules in ["prepared-lost", "highest-join"] {
            let steps = story(tab, served, rules);
            assert!(tab.fits(), "{rules} at its start, {name}");
            tab.key("End");
            at(tab, steps);
            assert!(tab.fits(), "{rules} at its end, {name}");
            tab.picture(&format!("{rules}-{name}"));
        }
        tab.goto(&served.at("#/run?rules=castro99&byzantine=none&requests=1&tour=1"));
        at(tab, 0);
        assert!(tab.fits(), "the tour, {name}");
        tab.picture(&format!("tour-{name}"));
    }
    // The diagram is seen without scrolling on a screen of that size.
    tab.resize(WIDE);
    story(tab, served, "prepared-lost");
    assert_eq!(
        tab.eval("document.querySelector('#diagram').getBoundingClientRect().top < innerHeight / 2"),
        true
    );
    assert_eq!(
        tab.eval("document.querySelector('#honest .option').getBoundingClientRect().top < innerHeight"),
        true
    );
}

/// The contrast of words with what is behind them, by the formula of the WCAG; 4.5 is what they ask for.
const CONTRAST: &str = "(() => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            const [r, g, b, a] = parse(colour);
            if (colour.startsWith('rgb') && (a === undefined || a === 1)) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || e.closest('svg, :disabled, .unseen, noscript') || !e.getClientRects().length) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`);
    }
    return poor;
})()";

/// In light and in dark, which follow the system.
pub fn is_legible(tab: &mut Tab, served: &Served) {
    for dark in [false, true] {
        tab.dark(dark);
        tab.goto(&served.url);
        tab.wait("document.querySelector('#stories .story')");
        let colour = tab.eval("getComputedStyle(document.documentElement).backgroundColor");
        let brightness =
            colour.as_str().unwrap().trim_start_matches("rgb(").split(',').next().unwrap().parse::<u8>();
        assert_eq!(brightness.unwrap() < 100, dark, "{colour}");
        assert_eq!(tab.eval(CONTRAST), serde_json::json!([]), "the start page, dark: {dark}");
        let steps = story(tab, served, "prepared-lost");
        tab.key("End");
        at(tab, steps);
        tab.wait_for("#won", "agreement is broken");
        assert_eq!(tab.eval(CONTRAST), serde_json::json!([]), "a run, dark: {dark}");
        tab.picture(if dark { "dark" } else { "light" });
    }
}

/// Names and roles, as a screen reader is told them.
pub fn has_roles(tab: &mut Tab, served: &Served) {
    let steps = story(tab, served, "prepared-lost");
    tab.key("End");
    at(tab, steps);
    let tree = tab.ask("Accessibility.getFullAXTree", serde_json::json!({}));
    let nodes: Vec<_> =
        tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false).collect();
    let named = |role: &str| -> Vec<String> {
        let of = nodes.iter().filter(|node| node["role"]["value"] == role);
        of.map(|node| node["name"]["value"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for role in ["button", "link", "option", "listbox", "searchbox"] {
        let names = named(role);
        assert!(!names.is_empty() && names.iter().all(|name| !name.trim().is_empty()), "{role}: {names:?}");
    }
    assert_eq!(named("option").len(), steps, "each step is one");
    assert!(named("option").iter().all(|name| name.starts_with("Step ")));
    assert!(named("heading").iter().any(|name| name.contains("What can happen next")));
    assert!(named("banner").len() + named("main").len() >= 2);
    // Verdicts are words, and signs of different shapes.
    let words = tab.text("#properties");
    assert!(words.contains("violated") && words.contains("holds"));
}
