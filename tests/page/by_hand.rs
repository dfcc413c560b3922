//! What can be done by hand besides receiving: a crash, a message that is lost; and what is said where nothing is left to do.

use crate::adversary::{open, say};
use crate::counterexample::{at, shown};
use crate::served::Served;
use crate::tab::Tab;

/// What the page says of a participant.
fn node(tab: &mut Tab, who: &str) -> String {
    tab.text(&format!("#nodes [aria-label^=\"{who},\"]"))
}

/// As many replicas crash as the bound says, each once it has something to lose.
pub fn crashes(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=castro99&byzantine=none&requests=1&crashes=1");
    assert_eq!(tab.count("[data-name$=\"-crash\"]"), 0, "nobody has anything to lose yet");
    for step in ["c0-r1-request_c0.t1", "c0-r2-request_c0.t1", "r1-timer_v0", "r2-timer_v0"] {
        say(tab, step);
    }
    assert!(node(tab, "r1").contains("c0.t1"));
    assert_eq!(tab.count("[data-name=\"r2-crash\"]"), 1);
    assert!(tab.text("[data-name=\"r1-crash\"]").contains("crashes and recovers"));
    say(tab, "r1-crash");
    assert!(tab.text("#say").contains("crashes and recovers"), "{}", tab.text("#say"));
    assert_eq!(tab.count("#diagram .event.crash.current"), 1);
    assert!(node(tab, "r1").contains("1 so far"));
    assert!(tab.text("#nodes .line.changed del").contains("c0.t1"), "what it has lost is seen");
    assert_eq!(tab.count("[data-name$=\"-crash\"]"), 0, "the bound has one crash");
    tab.picture("crash");
    tab.key("ArrowLeft");
    at(tab, 4);
    assert!(!node(tab, "r1").contains("1 so far"));
    assert_eq!(tab.count("[data-name$=\"-crash\"]"), 2);
}

/// What is lost on its way to one replica is offered to it no more, and only to it; no network delivers it.
pub fn is_lost(tab: &mut Tab, served: &Served) {
    open(tab, served, "rules=castro99&byzantine=none&requests=1&views=1");
    say(tab, "c0-r0-request_c0.t1");
    let offered = "[data-name=\"r0-r3-pre_prepare_v0_1_c0.t1\"]";
    assert_eq!(tab.count(offered), 1);
    say(tab, "x-r0-r3-pre_prepare_v0_1_c0.t1");
    assert!(tab.text("#say").contains("is lost"), "{}", tab.text("#say"));
    assert_eq!(tab.count("#diagram .event.drop.current .lost"), 1);
    // The network has lost it, and nobody on whose lane it would stand.
    let apart = tab.eval(
        "(() => { const [x] = document.querySelector('#diagram .event.drop .cross').getAttribute('d').match(/[\\d.]+/);
            const lanes = [...document.querySelectorAll('#diagram line.lane')].map(lane => Number(lane.getAttribute('x1')));
            return Math.min(...lanes.map(lane => Math.abs(lane - Number(x) - 5))) / (lanes[1] - lanes[0]); })()",
    );
    assert!(apart.as_f64().unwrap() > 0.4, "{apart} of the way between two lanes");
    assert_eq!(tab.count(offered), 0);
    assert_eq!(tab.count("[data-name=\"r0-r1-pre_prepare_v0_1_c0.t1\"]"), 1);
    tab.click("#let-run", "");
    shown(tab, "document.body.dataset.at > 8");
    for who in ["r0", "r1", "r2"] {
        assert!(tab.text("#quorums").contains(&format!("{who} decided c0.t1")), "{}", tab.text("#quorums"));
    }
    assert!(!tab.text("#quorums").contains("r3 decided"));
    assert!(node(tab, "r3").contains("nothing executed"));
    tab.picture("lost");
    tab.key("Home");
    at(tab, 0);
    tab.key("ArrowRight");
    at(tab, 1);
    assert_eq!(tab.count(offered), 1, "before it was lost it is on its way");
}

/// Where nothing can happen and a request waits, a dead end is said to be one; where nothing waits, that all is done.
pub fn ends(tab: &mut Tab, served: &Served) {
    tab.goto(&served.at("#/story?rules=first-receiver"));
    shown(tab, "document.body.dataset.at === '0' && document.body.dataset.steps > 0");
    let steps = tab.eval("Number(document.body.dataset.steps)").as_u64().unwrap().try_into().unwrap();
    tab.key("End");
    at(tab, steps);
    tab.wait_for("#ends", "A dead end: ");
    assert_eq!(tab.eval("document.querySelector('#ends').hidden"), false);
    assert_eq!(tab.count("[data-property=\"no-dead-end\"].violated"), 1);
    assert_eq!(tab.text("#choice-count"), "0 choices");
    assert_eq!(tab.count("#honest .option:not(.stop)"), 0);
    tab.wait_for("#won", "no-dead-end is broken");
    tab.picture("dead-end");
    tab.key("ArrowLeft");
    at(tab, steps - 1);
    assert_eq!(tab.eval("document.querySelector('#ends').hidden"), true);
    assert_eq!(tab.count("[data-property=\"no-dead-end\"].not-yet"), 1);
    assert!(tab.count("#honest .option:not(.stop)") > 0);

    open(tab, served, "rules=castro99&byzantine=none&requests=1&views=1");
    assert_eq!(tab.eval("document.querySelector('#ends').hidden"), true);
    say(tab, "c0-r0-request_c0.t1");
    tab.click("#let-run", "");
    shown(tab, "document.body.dataset.at > 8");
    tab.wait_for("#ends", "All is done: ");
    assert_eq!(tab.eval("document.querySelector('#ends').hidden"), false);
}

/// At the start there is nothing to step to or to take back; where everything has arrived and no timer matters, nothing to let run.
pub fn cannot_press_what_does_nothing(tab: &mut Tab, served: &Served) {
    const ALL: [&str; 9] =
        ["first", "back", "forward", "last", "branch", "undo", "let-run", "let-decide", "let-timers"];
    let open = |tab: &mut Tab| -> Vec<&str> {
        let is_open =
            |tab: &mut Tab, id: &str| tab.eval(&format!("!document.querySelector('#{id}').disabled"));
        ALL.into_iter().filter(|id| is_open(tab, id) == true).collect()
    };
    tab.goto(&served.at("#/run?rules=castro99&byzantine=none&requests=1"));
    at(tab, 0);
    assert_eq!(open(tab), ["let-run", "let-decide", "let-timers"]);
    tab.click("[data-name=stop-r0]", "");
    at(tab, 1);
    tab.click("#let-run", "");
    at(tab, 4);
    // Nobody leads: only timers are left.
    assert_eq!(open(tab), ["first", "back", "undo", "let-timers"]);
    tab.click("#let-timers", "");
    // What is left is for r0, which has stopped.
    shown(tab, "document.body.dataset.at > 20");
    assert_eq!(open(tab), ["first", "back", "undo"]);
    tab.key("Home");
    at(tab, 0);
    assert_eq!(open(tab), ["forward", "last", "branch", "undo", "let-run", "let-decide", "let-timers"]);
    // A story that is known goes on from its start.
    tab.goto(&served.at("#/run?rules=prepared-lost"));
    at(tab, 0);
    assert_eq!(open(tab)[0], "forward");
}
