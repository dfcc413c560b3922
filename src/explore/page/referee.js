// The goal of the game, and the referee: an exhaustive search from the state shown.

import { bare, count, fill, h, sign } from "./dom.js";
import * as api from "./api.js";

const SIGNS = { yes: "violated", already: "violated", no: "holds", "not-exhausted": "unknown", refused: "unknown" };
const SECONDS = 10;

/** What the referee has said, by state: it is shown again where one comes back. */
const answers = new Map();

const key = (query, steps, property) => `${query} ${property} ${steps.join("~")}`;

/** The panel: the goal, a button, and the answer. `asked` is told each answer; `follow` takes its continuation. */
export function show(panel, { session, query, steps, state, asked, follow }) {
  const goal = session.goal;
  if (!goal) return fill(panel);
  const own = state.properties.find((one) => one.name === goal.property);
  const reached = own?.verdict === "violated";
  const answer = answers.get(key(query, steps, goal.property));
  const ask = async (seconds) => {
    const out = panel.querySelector("#referee-answer");
    const button = panel.querySelector("#referee");
    button.disabled = true;
    const since = performance.now();
    const tick = () => fill(out, h("p", { class: "searching", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }),
      ` Searching every run from here … ${((performance.now() - since) / 1000).toFixed(0)} s, of ${seconds} at most`));
    tick();
    const clock = setInterval(tick, 500);
    let said;
    try {
      said = await api.referee(query, steps, goal.property, seconds);
      answers.set(key(query, steps, goal.property), said);
      asked(said.answer);
    } catch (error) {
      said = { answer: "refused", sentence: error.message };
    } finally {
      clearInterval(clock);
      button.disabled = false;
    }
    fill(out, verdict(said, steps, follow, ask));
  };
  const words = goal.kind === "safety" ? "can it be broken from here?" : "can they be stopped from here?";
  return fill(panel,
    h("h2", {}, "Goal"),
    h("p", { class: "goal-words" }, goal.sentence, " ", h("span", { class: `state ${own?.verdict ?? ""}` }, sign(reached ? "violated" : "not-yet"), reached ? " reached" : " not reached")),
    h("button", { type: "button", id: "referee", title: "An exhaustive search from this state (g)", onclick: () => ask(SECONDS) }, "Referee: ", words),
    h("div", { id: "referee-answer", "aria-live": "polite" }, answer ? verdict(answer, steps, follow, ask) : null));
}

function verdict(said, steps, follow, ask) {
  const out = [h("p", { class: `referee ${said.answer}`, "data-answer": said.answer }, sign(SIGNS[said.answer] ?? "unknown"), " ", h("span", {}, bare(said.sentence)))];
  if (said.why) out.push(h("p", { class: "why" }, bare(said.why)));
  if (said.answer === "yes") {
    out.push(h("button", { type: "button", id: "show-one", class: "main", onclick: () => follow(said.continuation, steps.length) }, "Show me one"));
  }
  if (said.answer === "not-exhausted") out.push(h("button", { type: "button", onclick: () => ask(60) }, "Search for a minute"));
  if (said.states) out.push(h("p", { class: "faint" }, `${count(said.states, "state")}, ${said.seconds.toFixed(1)} s`));
  return out;
}
