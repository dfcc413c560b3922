// The start page: the tour, and every rulebook as a story.

import { count, h } from "./dom.js";
import { LESSONS } from "./lessons.js";
import { finished } from "./tour.js";

const CLASSES = [
  ["correct", "The protocol as it should be", "Nothing to break here, within its bound. Try."],
  ["safety", "Two truths", "One rule is changed, and honest replicas can be made to contradict each other."],
  ["liveness", "No end", "One rule is changed, and honest replicas can be made to wait for ever."],
  ["client", "What clients see", "One rule is changed, and a client can be told what is not so, or what it asked for happens twice."],
  ["performance", "A lost view", "One rule is changed, and nothing can happen until the view is changed."],
  ["control", "Changed, and still safe", "One rule is changed, and honest replicas still cannot be made to contradict each other."],
  ["own", "Rules of your own", "Rulebooks of the program that serves this page."],
];

function story(row) {
  const known = row.story?.steps.length;
  const watch = row.simulated ? "Watch how it begins" : known == null ? "Look for how it breaks, for five minutes at most" : known ? `Watch it break, in ${count(known, "step")}` : "See it broken, without a step";
  // A simulated run has no bound in which one could play.
  const links = row.simulated ? [] : [h("a", { href: `#/run?${row.query}` }, "Play it by hand")];
  const held = row.holds && row.class !== "correct";
  if (row.class !== "correct" && !held) links.unshift(h("a", { class: "main", href: `#/story?${row.query}` }, watch));
  return h("li", { class: `story ${row.class}`, "data-rules": row.rules },
    h("h3", {}, row.rules),
    h("p", {}, row.breaks ? `${row.breaks[0].toUpperCase()}${row.breaks.slice(1)}.` : "PBFT as its paper has it, with every rule in place."),
    held ? h("p", { class: "holds" }, h("b", {}, "Holds"), " within its bound, as an exhaustive search has found: there is nothing to watch. Try.") : null,
    row.simulated ? h("p", { class: "faint" }, "What shows it is a simulated run of thousands of steps, of which the first are shown here: ", h("code", {}, `bft bugs --check ${row.rules}`), " has all of it happen again.") : null,
    row.property && !held ? h("p", { class: "breaks" }, h("b", {}, "Breaks "), `${row.property}: ${row.property_statement}`) : null,
    h("p", { class: "faint" }, `${row.bound}; Byzantine: ${row.holds ? "whoever, up to f of them" : row.byzantine.join(", ") || "nobody"}`),
    row.source ? h("p", { class: "faint source" }, `Seen in: ${row.source}`) : null,
    h("p", { class: "links" }, links));
}

/** Fills the start page; `filter` is what was typed. */
export function gallery(answer, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((word) => [row.rules, row.breaks, row.property, row.property_statement, row.source, row.class].join(" ").toLowerCase().includes(word));
  const rows = answer.rulebooks.filter(fits);
  const sections = CLASSES.map(([kind, title, what]) => {
    const these = rows.filter((row) => row.class === kind);
    return these.length ? h("section", { class: "shelf" }, h("h2", {}, title, h("span", { class: "faint" }, ` ${these.length}`)), h("p", {}, what), h("ul", {}, these.map(story))) : null;
  });
  return rows.length ? sections : [h("p", {}, "No rulebook has these words.")];
}

/** The five lessons, as cards; those that were finished are marked. */
export function lessons() {
  const done = finished();
  return LESSONS.map((lesson, place) => h("li", {},
    h("a", { href: `#/run?${lesson.query}&tour=${place + 1}`, "data-tour": place + 1, class: done.has(place + 1) ? "finished" : "" },
      h("span", { class: "step" }, done.has(place + 1) ? "✓" : String(place + 1)), h("b", {}, lesson.title), h("small", {}, lesson.short, done.has(place + 1) ? h("b", { class: "done-mark" }, " Finished.") : null))));
}
