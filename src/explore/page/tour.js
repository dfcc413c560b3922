// The tour as a strip above the diagram: what to do, what has been done, and where to go on.

import { fill, h } from "./dom.js";
import { LESSONS, missed, progress } from "./lessons.js";

/** What a person has done of a lesson that no state shows. */
const memories = new Map();

const memory = (number) => {
  if (!memories.has(number)) memories.set(number, new Set());
  return memories.get(number);
};

/** Something was pointed at, or asked, in a lesson. */
export function remember(number, what) {
  if (number) memory(number).add(what);
}

/** Whether the goal belongs to what is shown: where nobody lies it would only be in the way. */
export const hasGoal = (number) => LESSONS[number - 1]?.has_goal !== false;

/** Fills the strip for a lesson and a state. */
export function show(strip, number, state) {
  const lesson = LESSONS[number - 1];
  strip.hidden = !lesson;
  if (!lesson) return fill(strip);
  const done = progress(lesson, state, memory(number));
  const next = done.indexOf(false);
  const all = next < 0;
  // Only what was done last is commented on: the diagram needs the room.
  const latest = all ? done.length - 1 : next - 1;
  const tasks = lesson.tasks.map((task, place) => {
    const kind = done[place] ? "done" : place === next ? "now-due" : "later";
    return h("li", { class: kind, "aria-current": kind === "now-due" ? "step" : null },
      h("span", { class: "box", "aria-hidden": "true" }, done[place] ? "✓" : String(place + 1)),
      h("span", {}, h("span", { class: "unseen" }, done[place] ? "Done: " : ""), task.say, place === latest ? h("em", {}, ` ${task.then}`) : null,
        place === next && missed(lesson, state, place) ? h("strong", { id: "missed", role: "status" }, ` ${missed(lesson, state, place)}`) : null));
  });
  const links = [
    number > 1 ? h("a", { href: `#/run?${LESSONS[number - 2].query}&tour=${number - 1}` }, "← Before") : null,
    h("a", { href: `#/run?${lesson.query}&tour=${number}` }, "Begin again"),
    number < LESSONS.length ? h("a", { class: all ? "main" : "", href: `#/run?${LESSONS[number].query}&tour=${number + 1}`, "data-next": true }, `Next: ${LESSONS[number].title} →`)
      : h("a", { class: all ? "main" : "", href: "#/" }, all ? "That was the tour: to the gallery →" : "Leave the tour"),
  ];
  const about = h("p", {}, lesson.intro);
  return fill(strip,
    h("div", { class: "lesson" },
      h("h2", {}, h("span", { class: "step" }, `${number} of ${LESSONS.length}`), ` ${lesson.title}`),
      next === 0 ? about : h("details", {}, h("summary", {}, "What it is about"), about),
      h("nav", { "aria-label": "Tour" }, links)),
    h("ol", { "data-done": done.filter(Boolean).length, "data-of": done.length }, tasks));
}
