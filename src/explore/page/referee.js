// The goal of the game, and the referee: an exhaustive search from the state shown.

import { bare, count, far, fill, h, sign } from "./dom.js";
import * as api from "./api.js";

const SIGNS = { yes: "violated", already: "violated", no: "holds", "not-exhausted": "unknown", refused: "unknown" };
const SECONDS = 10;
/** How often it is asked how far a search is, in milliseconds. */
const OFTEN = 300;

/** What the referee has said, by state: it is shown again where one comes back. */
const answers = new Map();
/** The search that somebody waits for: its state, its name, how far it is, and who shows that. */
let going = null;

const key = (query, steps, property) => `${query} ${property} ${steps.join("~")}`;

/** Asks how far a search is, and has it end if it is to. Said again and again, as it may overtake that the search begins. */
async function watch(search) {
  const told = await api.search(search.name, search.cancels).catch(() => ({ runs: false }));
  if (!told.runs) return;
  search.far = told;
  search.shown?.far(search);
}

function cancel(search) {
  search.cancels = true;
  watch(search);
}

/** Nobody waits any more for what is said of the state that was shown. */
export function leave() {
  if (!going) return;
  going.shown = null;
  cancel(going);
  going = null;
}

/** Has a state searched, and tells who shows it then. */
async function searched(here, seconds, shown, question) {
  const search = { here, name: crypto.randomUUID(), cancels: false, seconds, far: {}, shown };
  going = search;
  shown.far(search);
  const clock = setInterval(() => watch(search), OFTEN);
  let said;
  try {
    said = await question(search.name);
    if (!search.cancels) answers.set(here, said);
  } catch (error) {
    said = { answer: "refused", sentence: error.message };
  } finally {
    clearInterval(clock);
  }
  if (going === search) going = null;
  search.shown?.end(said);
}

/** The panel: the goal, a button, and the answer. `asked` is told each answer; `follow` takes its continuation. */
export function show(panel, { session, query, steps, state, asked, follow }) {
  const goal = session.goal;
  if (!goal) return fill(panel);
  const own = state.properties.find((one) => one.name === goal.property);
  const reached = own?.verdict === "violated";
  const here = key(query, steps, goal.property);
  const ask = (seconds) => going || searched(here, seconds, shown, (name) => api.referee(query, steps, goal.property, seconds, name));
  const button = h("button", { type: "button", id: "referee", title: "An exhaustive search from this state (g)", onclick: () => ask(SECONDS) }, "Referee: ",
    { safety: "can it be broken from here?", liveness: "can they still be stopped for ever from here?" }[goal.kind] ?? "can they be stopped from here?");
  const words = h("span", {});
  // Its words change in place: a button that is drawn anew cannot be pressed.
  const progress = h("p", { id: "referee-progress", class: "searching", hidden: true }, h("span", { class: "spinner", "aria-hidden": "true" }), " ", words, " ",
    h("button", { type: "button", id: "cancel", onclick: () => going && cancel(going) }, "Cancel"));
  const answer = h("div", { id: "referee-answer", "aria-live": "polite" });
  const shown = {
    far: ({ far: how, seconds, cancels }) => {
      button.disabled = true;
      progress.hidden = false;
      fill(answer);
      words.textContent = `${cancels ? "Ending" : "Searching every run from here"}: ${far(how)} of ${seconds} at most`;
    },
    end: (said) => {
      button.disabled = false;
      progress.hidden = true;
      fill(answer, verdict(said, steps, follow, ask));
      asked(said.answer);
    },
  };
  if (going?.here !== here) leave();
  const head = [h("h2", {}, "Goal"),
    h("p", { class: "goal-words" }, goal.sentence, " ", h("span", { class: `state ${own?.verdict ?? ""}` }, sign(reached ? "violated" : "not-yet"), reached ? " reached" : " not reached"))];
  if (session.no_referee) return fill(panel, head, h("p", { id: "no-referee", class: "faint" }, session.no_referee));
  fill(panel, head, button, progress, answer);
  if (going) {
    going.shown = shown;
    shown.far(going);
  } else if (answers.has(here)) fill(answer, verdict(answers.get(here), steps, follow, ask));
  return panel;
}

function verdict(said, steps, follow, ask) {
  const out = [h("p", { class: `referee ${said.answer}`, "data-answer": said.answer }, sign(SIGNS[said.answer] ?? "unknown"), " ", h("span", {}, bare(said.sentence)))];
  if (said.why) out.push(h("p", { class: "why" }, bare(said.why)));
  if (said.answer === "yes") {
    out.push(h("button", { type: "button", id: "show-one", class: "main", onclick: () => follow(said, steps.length) }, "Show me one"));
  }
  if (said.answer === "not-exhausted") out.push(h("button", { type: "button", onclick: () => ask(60) }, "Search for a minute"));
  if (said.states) out.push(h("p", { class: "faint" }, `${count(said.states, "state")}, ${said.seconds.toFixed(1)} s`));
  return out;
}
