// The tour as a strip above the diagram: what to do, what has been done, and where to go on.

import { fill, h } from "./dom.js";
import { LESSONS, missed, progress, seenHere } from "./lessons.js";

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

/** A lesson begins, or begins again. */
export function begin(number) {
  memory(number).clear();
}

/** Where the lessons that were finished are kept, beyond this visit. */
const KEY = "lessons";

/** The numbers of the lessons that were finished. */
export function finished() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

function finish(number) {
  const all = finished();
  if (all.has(number)) return;
  try {
    localStorage.setItem(KEY, JSON.stringify([...all, number].sort()));
  } catch {
    // What cannot be kept is not marked: everything else works.
  }
}

/** The kinds of messages that the task which is due needs of the adversary. */
export function wanted(number, state) {
  const lesson = LESSONS[number - 1];
  if (!lesson) return [];
  const due = progress(lesson, state, memory(number)).indexOf(false);
  return lesson.tasks[due]?.kinds ?? [];
}

/** Whether the goal belongs to what is shown: where nobody lies it would only be in the way. */
export const hasGoal = (number) => LESSONS[number - 1]?.has_goal !== false;

/** Fills the strip for a lesson and a state. */
export function show(strip, number, state) {
  const lesson = LESSONS[number - 1];
  strip.hidden = !lesson;
  if (!lesson) return fill(strip);
  for (const place of seenHere(lesson, state)) remember(number, `seen ${place}`);
  const done = progress(lesson, state, memory(number));
  const next = done.indexOf(false);
  const all = next < 0;
  if (all) finish(number);
  // Only what was done last and what is due are said in words: the diagram needs the room.
  const latest = all ? done.length - 1 : next - 1;
  const kind = (place) => (done[place] ? "done" : place === next ? "now-due" : "later");
  const box = (place) => (done[place] ? "✓" : String(place + 1));
  const tasks = lesson.tasks.map((task, place) => (place !== latest && place !== next ? null
    : h("li", { class: kind(place), "aria-current": place === next ? "step" : null },
      h("span", { class: "box", "aria-hidden": "true" }, box(place)),
      h("span", {}, h("span", { class: "unseen" }, done[place] ? "Done: " : ""), task.say, place === latest ? h("em", {}, ` ${task.then}`) : null,
        place === next && missed(lesson, state, place) ? h("strong", { id: "missed", role: "status" }, ` ${missed(lesson, state, place)}`) : null))));
  const dots = h("p", { class: "dots", "aria-label": `${done.filter(Boolean).length} of ${done.length} tasks are done` },
    lesson.tasks.map((task, place) => h("span", { class: `box ${kind(place)}`, title: task.say, "aria-hidden": "true" }, box(place))));
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
      dots,
      next === 0 ? about : h("details", {}, h("summary", {}, "What it is about"), about),
      h("nav", { "aria-label": "Tour" }, links)),
    h("ol", { "data-done": done.filter(Boolean).length, "data-of": done.length }, tasks));
}
