// The goal of the game, and the referee: an exhaustive search from the state shown.

import { bare, count, far, fill, h, sign } from "./dom.js";
import * as api from "./api.js";
import { lastChance } from "./bisect.js";
import { sentence } from "./diagram.js";

const SIGNS = { yes: "violated", already: "violated", no: "holds", "not-exhausted": "unknown", refused: "unknown" };
const SECONDS = 10;
/** How long it is looked for the last step from which something was possible, in seconds. */
const LOOKING = 30;
/** How often it is asked how far a search is, in milliseconds. */
const OFTEN = 300;

/** What the referee has said, by state: it is shown again where one comes back. */
const answers = new Map();
/** Until which step it was possible, by the state from which it is not. */
const turns = new Map();
/** The search that somebody waits for: its state, its name, how far it is, and who shows that. */
let going = null;

const key = (query, steps, property) => `${query} ${property} ${steps.join("~")}`;

/** Asks how far a search is, and has it end if it is to. Said again and again, as it may overtake that the search begins. */
async function watch(search) {
  if (!search.name) return;
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

/** Has states searched, one after the other, and tells who shows it then. `work` is given the search, and comes to what is said. */
async function searched(here, shown, work) {
  const search = { here, name: null, cancels: false, seconds: SECONDS, about: "Searching every run from here", far: {}, shown };
  going = search;
  shown.far(search);
  const clock = setInterval(() => watch(search), OFTEN);
  let said;
  try {
    said = await work(search);
  } catch (error) {
    said = { answer: "refused", sentence: error.message };
  } finally {
    clearInterval(clock);
  }
  if (going === search) going = null;
  search.shown?.end(said);
}

/** What the referee says of a state, within so many seconds. */
async function asked(search, { query, steps, property }, seconds) {
  const here = key(query, steps, property), known = answers.get(here);
  if (["yes", "no", "already"].includes(known?.answer) && search.here !== here) return known;
  Object.assign(search, { name: crypto.randomUUID(), seconds, far: {} });
  const said = await api.referee(query, steps, property, seconds, search.name);
  if (!search.cancels) answers.set(here, said);
  return said;
}

/** The panel: the goal, a button, and the answer. `told` is given each answer; `follow` takes its continuation, `goTo` the number of
 * a step of the run, and `hint` the name of a step that is pointed out. */
export function show(panel, { session, query, steps, state, told, follow, goTo, hint }) {
  const goal = session.goal;
  if (!goal) return fill(panel);
  const own = state.properties.find((one) => one.name === goal.property);
  const reached = own?.verdict === "violated";
  const here = key(query, steps, goal.property), about = { query, steps, property: goal.property };
  const ask = (seconds) => going || searched(here, shown, (search) => asked(search, about, seconds));
  const button = h("button", { type: "button", id: "referee", title: "An exhaustive search from this state (g)", onclick: () => ask(SECONDS) }, "Referee: ",
    { safety: "can it be broken from here?", liveness: "can they still be stopped for ever from here?" }[goal.kind] ?? "can they be stopped from here?");
  const words = h("span", {});
  // Its words change in place: a button that is drawn anew cannot be pressed.
  const progress = h("p", { id: "referee-progress", class: "searching", hidden: true }, h("span", { class: "spinner", "aria-hidden": "true" }), " ", words, " ",
    h("button", { type: "button", id: "cancel", onclick: () => going && cancel(going) }, "Cancel"));
  const answer = h("div", { id: "referee-answer", "aria-live": "polite" });
  const turn = h("div", { id: "turn", "aria-live": "polite" });
  const look = () => going || searched(here, turning, (search) => looked(search, about));
  const busy = (is) => {
    button.disabled = is;
    progress.hidden = !is;
  };
  const tell = ({ about: what, far: how, seconds, cancels }) => {
    busy(true);
    words.textContent = `${cancels ? "Ending" : what}: ${far(how)} of ${Math.ceil(seconds)} at most`;
  };
  const shown = {
    far: (search) => {
      fill(answer);
      fill(turn);
      tell(search);
    },
    end: (said) => {
      busy(false);
      fill(answer, verdict(said, about, { follow, ask, hint }));
      told(said.answer);
      fill(turn, turned(said, here, state, { look, goTo }));
      // Where something can be broken at all, it is worth saying when it no longer could.
      if (said.answer === "no" && steps.length && isBreakable(session)) look();
    },
  };
  const turning = {
    far: (search) => {
      fill(turn);
      tell(search);
    },
    end: (said) => {
      busy(false);
      turns.set(here, said);
      fill(turn, turned(answers.get(here), here, state, { look, goTo }));
    },
  };
  if (going?.here !== here) leave();
  const head = [h("h2", {}, "Goal"),
    h("p", { class: "goal-words" }, goal.sentence, " ", h("span", { class: `state ${own?.verdict ?? ""}` }, sign(reached ? "violated" : "not-yet"), reached ? " reached" : " not reached"))];
  if (session.no_referee) return fill(panel, head, h("p", { id: "no-referee", class: "faint" }, session.no_referee));
  fill(panel, head, button, progress, answer, turn);
  const known = answers.get(here);
  if (known) {
    fill(answer, verdict(known, about, { follow, ask, hint }));
    fill(turn, turned(known, here, state, { look, goTo }));
  }
  if (going) {
    going.shown = going.isTurn ? turning : shown;
    going.shown.far(going);
  }
  return panel;
}

/** Whether a rule is broken, or more replicas are Byzantine than the rules are made for. */
const isBreakable = (session) => Boolean(session.breaks) || (session.faults != null && session.byzantine.length > session.faults);

/** Looks for the last step of the run from which it was still possible. */
async function looked(search, { query, steps, property }) {
  search.isTurn = true;
  return lastChance({
    length: steps.length, seconds: LOOKING, isOver: () => search.cancels,
    ask: (at, left, { yes, no }) => {
      search.about = `When was it still possible? ${yes < 0 ? "" : `It was ${where(yes)}. `}It is not ${where(no)}. Searching ${at ? `from step ${at}` : "from the start"}`;
      return asked(search, { query, steps: steps.slice(0, at), property }, Math.min(SECONDS, left));
    },
  });
}

const where = (number) => (number ? `after step ${number}` : "at the start");

/** Until when it was possible, or a button that has it looked for. */
function turned(said, here, state, { look, goTo }) {
  if (said?.answer !== "no" || !state.events.length) return null;
  const found = turns.get(here);
  // What follows from the sizes of the quorums does so at the start too.
  const again = (words) => h("button", { type: "button", id: "look", onclick: look }, words);
  if (!found) return said.why ? null : again("Until which step was it possible?");
  if (found.answer === "refused") return h("p", { class: "faint" }, found.sentence);
  const { yes, no, steps, why } = found;
  const to = yes < 0 ? null : h("button", { type: "button", id: "to-turn", onclick: () => goTo(yes) }, yes ? `Go to step ${yes}` : "Go to the start");
  const event = state.events[no - 1];
  if (!why && yes < 0) return h("p", { "data-turn": "never" }, "It never was: not even from the start of this run, within this bound.");
  if (!why) {
    return [h("p", { "data-turn": yes }, `It was still possible ${where(yes)}, in ${count(steps, "more step")}. Step ${no} has made it impossible: ${sentence(event)}.`), to];
  }
  const whatIs = yes < 0 ? "Of no step is it known that it was still possible" : `It was still possible ${where(yes)}`;
  const ends = { open: "No search between came to its end", late: "The time was over before more was searched", cancelled: "Cancelled: nothing is known of those between" }[why];
  return [h("p", { "data-turn": "not-exhausted" }, sign("unknown"), ` Not exhausted: ${whatIs[0].toLowerCase()}${whatIs.slice(1)}, and it is not ${where(no)}. ${ends}.`), to, " ", again("Look on")];
}

/** The first step of a way to break it, in words. */
async function hinted(box, said, { query, steps }, { follow, hint }) {
  const there = said.run ? { query: said.run.query.replace(/&(stable|repeats)=\d+/g, ""), steps: said.run.steps.slice(0, said.run.at + 1) } : { query, steps: [...steps, said.continuation[0]] };
  const { events } = await api.state(there.query, there.steps);
  const event = events[there.steps.length - 1];
  if (!event) return;
  fill(box, h("p", { id: "hint-words" }, h("b", {}, event.by_byzantine ? "What the adversary does first: " : "What happens first: "), `${sentence(event)}.`),
    h("button", { type: "button", id: "take-hint", onclick: () => follow({ ...said, ...(said.run ? { run: { ...there, at: said.run.at } } : { continuation: said.continuation.slice(0, 1) }) }, steps.length) }, "Do this step"));
  hint(there.steps.at(-1));
}

function verdict(said, about, { follow, ask, hint }) {
  const out = [h("p", { class: `referee ${said.answer}`, "data-answer": said.answer }, sign(SIGNS[said.answer] ?? "unknown"), " ", h("span", {}, bare(said.sentence)))];
  if (said.why) out.push(h("p", { class: "why" }, bare(said.why)));
  if (said.answer === "yes") {
    const box = h("div", { class: "hint" });
    const isThere = said.run ? said.run.steps.length > said.run.at : said.continuation.length > 0;
    out.push(h("button", { type: "button", id: "show-one", class: "main", onclick: () => follow(said, about.steps.length) }, "Show me one"), " ",
      isThere ? h("button", { type: "button", id: "hint", onclick: () => hinted(box, said, about, { follow, hint }) }, "A hint: one step") : null, box);
  }
  if (said.answer === "not-exhausted") out.push(h("button", { type: "button", onclick: () => ask(60) }, "Search for a minute"));
  if (said.states) out.push(h("p", { class: "faint" }, `${count(said.states, "state")}, ${said.seconds.toFixed(1)} s`));
  return out;
}
