// The head of the page: what is looked at, what of it is broken, within which bound, and how it stands.

import { bare, count, fill, h, sign } from "./dom.js";
import * as own from "./own.js";
import { summary } from "./panels.js";

/** Which rulebook it is, and what it breaks. */
export function subject(element, session) {
  document.getElementById("to-gallery").hidden = Boolean(session?.protocol);
  if (!session) return fill(element);
  if (session.protocol) return fill(element, own.subject(session));
  return fill(element, h("h1", {}, "PBFT ", h("code", {}, session.rules)),
    h("p", {}, session.breaks ? [h("b", { class: "broken" }, "Broken rule: "), session.breaks] : [h("b", {}, "Correct: "), "every rule of the paper is in place"]));
}

/** Bound, adversary, verdict, properties, and a form to change what is looked at. */
export function facts(element, session, state) {
  const goal = state.properties.find((one) => one.is_goal) ?? state.properties.find((one) => one.verdict === "violated");
  // Of a simulated run only the beginning is there.
  const length = count(session.story?.steps.length ?? 0, "step");
  const known = !session.story || session.protocol ? "" : session.simulated ? `these ${length} are how a run of thousands begins that breaks it` : `a run of ${length} is known that breaks it`;
  const open = element.querySelector("details")?.open ?? false;
  return fill(element,
    h("span", { class: "fact" }, h("b", {}, "Bound"), " ", session.bound),
    h("span", { class: "fact byzantine" }, h("b", {}, "Byzantine"), " ", session.byzantine.length ? `◆ ${session.byzantine.join(", ")}${session.protocol ? (!session.most_general ? ", as twins" : session.byzantine.length > 1 ? ": say what they like" : ": says what it likes") : ""}` : "nobody"),
    session.protocol ? own.facts(session) : null,
    goal ? h("span", { class: `fact verdict-fact ${goal.verdict}`, id: "verdict" }, sign(goal.verdict), " ", h("b", {}, goal.name), ` ${words(goal.verdict)} in this state`, known && goal.verdict !== "violated" ? h("span", { class: "faint" }, `; ${known}`) : null) : null,
    h("span", { class: "fact" }, h("b", {}, "Properties"), " ", summary(state)),
    // What a trace is of is not to be changed.
    session.query.startsWith("trace=") ? null : h("details", { class: "setup", open }, h("summary", {}, "Change"), session.protocol ? own.form(session) : form(session)));
}

const words = (verdict) => ({ holds: "holds", violated: "is violated", "not-yet": "is not settled yet", unknown: "is not looked at" })[verdict];

/** The sizes that can be changed, and who is Byzantine. */
function form(session) {
  const known = new URLSearchParams(session.query);
  const number = (name, label, value, most) => h("label", {}, label, " ", h("input", { name, type: "number", min: "0", max: String(most), value: String(value ?? ""), placeholder: "as is" }));
  const replicas = Array.from({ length: session.replicas }, (_, place) => `r${place}`);
  const boxes = replicas.map((id) => h("label", { class: "box" }, h("input", { type: "checkbox", name: "byzantine", value: id, checked: session.byzantine.includes(id) }), " ", id));
  const submit = (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    for (const name of ["views", "slots", "requests", "crashes"]) {
      if (data.get(name)) known.set(name, data.get(name));
    }
    known.set("byzantine", data.getAll("byzantine").join(",") || "none");
    location.hash = `#/run?${[...known].map(([key, value]) => `${key}=${value}`).join("&")}`;
  };
  return h("form", { class: "setup-form", onsubmit: submit },
    h("fieldset", {}, h("legend", {}, "Byzantine"), boxes),
    number("views", "Views", known.get("views") ?? session.views, 9), number("slots", "Slots", known.get("slots"), 4),
    number("requests", "Requests", known.get("requests"), 4), number("crashes", "Crashes", known.get("crashes"), 4),
    h("button", { type: "submit", class: "main" }, "Begin anew with this"));
}

/** What the signs of the diagram mean. */
export const LEGEND = [
  ['<line class="arrow honest" x1="2" y1="8" x2="34" y2="14"/><path class="tip honest" transform="translate(36 14.4) rotate(10)" d="M0 0 L-9 -4.5 L-6.5 0 L-9 4.5 Z"/>', "a message, from where it was sent to where it arrived"],
  ['<line class="arrow byzantine" x1="6" y1="10" x2="34" y2="14"/><path class="tail" d="M6 5 l5 5 l-5 5 l-5 -5 z"/><path class="tip byzantine" transform="translate(36 14.4) rotate(8)" d="M0 0 L-9 -4.5 L-6.5 0 L-9 4.5 Z"/>', "one that a Byzantine replica makes up", "one that a twin of a Byzantine node sent"],
  ['<g class="stub"><line x1="4" y1="6" x2="26" y2="12"/><circle class="pending-mark" cx="28" cy="12" r="6.5"/><text class="count" x="28" y="15.2">3</text></g>', "still on its way, to so many"],
  ['<line class="arrow lost" x1="2" y1="6" x2="28" y2="12"/><path class="cross" d="M23 7 l10 10 m0 -10 l-10 10"/>', "lost"],
  ['<path class="glyph" d="M13 3 h12 l-12 16 h12 z"/>', "a timer runs out"],
  ['<path class="glyph" d="M22 2 l-8 10 h5 l-3 9 l9 -12 h-5 z"/>', "a crash, and recovery"],
  ['<rect class="glyph" x="12" y="4" width="14" height="14"/>', "stops for good"],
  ['<g class="border"><line x1="3" y1="11" x2="35" y2="11"/><text x="14" y="21">v1</text></g>', "moves to that view", null],
  ['<g class="decision"><rect x="1" y="2" width="36" height="19" rx="9.5"/><path class="tick" d="M14 11 l3 3.5 l5 -7"/></g>', "a decision"],
  ['<text class="label" x="19" y="16" text-anchor="middle">PP</text>', "where there is little room: REQ a request, PP PRE-PREPARE, P PREPARE, C COMMIT, VC VIEW-CHANGE, NV NEW-VIEW, REP a reply", null],
];

/** What else there is in a protocol that is not PBFT. */
const OWN = [
  ['<circle class="glyph" cx="19" cy="11" r="8"/><path class="tick" d="M19 6 v8 m-3.5 -3.5 l3.5 3.5 l3.5 -3.5"/>', "an event from outside"],
  ['<path class="cross" d="M14 6 l10 10 m0 -10 l-10 10"/>', "a link is cut"],
];

/** The legend as elements. */
export function legend(svg, isOwn = false, areTwins = true) {
  const words = (what, other) => (!isOwn || (other && !areTwins) ? what : other);
  const rows = LEGEND.map(([shape, what, other = what]) => [shape, words(what, other)]).filter(([, what]) => what);
  return [...rows, ...(isOwn ? OWN : [])].map(([shape, what]) => {
    const span = h("span", { class: "sample", "aria-hidden": "true" });
    svg(span, `<svg class="diagram" xmlns="http://www.w3.org/2000/svg" width="38" height="24" viewBox="0 0 38 24">${shape}</svg>`);
    return h("span", { class: "meaning" }, span, bare(what));
  });
}
