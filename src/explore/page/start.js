// The start page, and the search for a counterexample that is not known yet.

import * as api from "./api.js";
import { write } from "./address.js";
import { take } from "./drop.js";
import { count, far, fill, h } from "./dom.js";
import { gallery, lessons } from "./gallery.js";
import * as own from "./own.js";

const $ = (id) => document.getElementById(id);

/** How long one waits for the counterexample of a protocol of one's own before its page is shown, in milliseconds. */
const PATIENCE = 5000;

/** Shows the gallery and the tour; of a protocol of one's own its counterexample, if one is found soon. */
export async function show(opened, refused, still) {
  const page = $("start");
  const answer = await api.gallery();
  if (answer.own) return story(answer.own, still, PATIENCE);
  // A search for a story takes the page over.
  if (!$("stories")) fill(page, frame(opened, refused));
  const list = $("stories"), input = $("story-filter");
  const render = () => fill(list, gallery(answer, input.value));
  input.oninput = render;
  render();
  $("story-count").textContent = count(answer.rulebooks.length, "rulebook");
}

function frame(opened, refused) {
  const file = h("input", { type: "file", id: "file", accept: ".json,.itf", class: "unseen", onchange: (event) => event.target.files[0] && take(event.target.files[0], opened, refused) });
  return [
    h("div", { class: "hero" },
      h("h1", {}, "See consensus, and try to break it"),
      h("p", {}, "Replicas of a service must put requests into one order, while some of them crash or lie. PBFT does it, if every rule of it is followed. Watch it work, play the adversary, and see what becomes of it when one rule is missing."),
      h("p", { class: "faint" }, "Everything here runs the real replica's code, on this machine.")),
    h("section", { "aria-labelledby": "tour-title" }, h("h2", { id: "tour-title" }, "The tour: five lessons, for beginners"), h("ol", { class: "lessons" }, lessons())),
    h("section", { "aria-labelledby": "gallery-title", class: "gallery" },
      h("div", { class: "gallery-head" }, h("h2", { id: "gallery-title" }, "The gallery"), h("span", { id: "story-count", class: "faint" }),
        h("label", { class: "filter" }, "Filter ", h("input", { type: "search", id: "story-filter", placeholder: "view change, forked, …", autocomplete: "off" })),
        h("label", { class: "button", tabindex: 0, role: "button", onkeydown: (event) => (event.key === "Enter" || event.key === " ") && file.click() }, "Open a trace file …", file)),
      h("p", { class: "faint" }, "Faults that programs and papers have had. Each is one rule of the protocol, changed. A trace file can also be dropped anywhere on the page."),
      h("div", { id: "stories" }, h("p", { class: "faint" }, "Fetching …"))),
  ];
}

/** Looks for the counterexample of a rulebook, says how far the search is, and opens it; with a `patience`, whoever is looked at
 * is opened without one then. */
export async function story(query, still, patience = null) {
  const page = $("start");
  const out = h("p", { class: "searching", role: "status" }, "…");
  let cancels = false, wake = () => {};
  const cancel = h("button", { type: "button", id: "cancel", onclick: () => { cancels = true; wake(); } }, "Cancel the search");
  fill(page, h("div", { class: "hero" }, h("h1", {}, "Looking for a run that breaks it"), out, h("p", {}, cancel, " ", h("a", { href: `#/run?${query}` }, "Play it by hand meanwhile"))));
  const session = await api.session(query);
  const since = performance.now();
  const isLate = () => patience !== null && performance.now() - since > patience;
  let found = session.story, says = null;
  while (!found && says === null && still() && !isLate()) {
    const answer = await api.story(query, cancels);
    if (answer.done) {
      found = answer.story;
      says = answer.says ?? "nothing was found";
    } else {
      fill(out, h("span", { class: "spinner", "aria-hidden": "true" }), ` ${session.rules}: ${far(answer)}`);
      await new Promise((done) => { wake = done; setTimeout(done, 300); });
    }
  }
  if (!still()) return;
  // Who is told here what the search came to is not to begin another.
  if (says !== null) own.know(session.query, { done: true, story: found, says });
  cancel.remove();
  if (found) location.replace(write({ query: session.query, steps: found.steps, at: 0 }));
  else if (patience !== null) location.replace(write({ query: session.query }));
  else fill(out, `${session.rules}: ${says}`);
}
