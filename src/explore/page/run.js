// The page of a run: fetches what its address says, and draws it.

import * as api from "./api.js";
import { write } from "./address.js";
import { choices, counted } from "./choices.js";
import { diagram, drawn, sentence, stepAt, votesOf } from "./diagram.js";
import { bare, braces, count, fill, fillSvg, h } from "./dom.js";
import * as header from "./header.js";
import * as panels from "./panels.js";
import { MEANING, primary, viewAt } from "./pbft.js";
import * as referee from "./referee.js";
import { ring } from "./ring.js";
import * as tour from "./tour.js";
import { keep, tree } from "./tree.js";

const $ = (id) => document.getElementById(id);
const sessions = new Map();

/** What is shown: the address, what the server says of the whole run and of the place in it. */
export let current = null;
let serial = 0, allQuorums = false, pressed = [];
/** Which kinds of messages of the adversary are unfolded or folded by hand, and the step that the referee has hinted at. */
const open = new Map();
let hinted = null;

/** Goes to a state. */
export function go(steps, at = steps.length, changes = {}) {
  location.hash = write({ ...current, ...changes, steps, at });
}

/** Makes steps happen after the place where one stands; what came after it stays among the runs tried. */
export function act(...names) {
  const { steps, at } = current;
  const same = names.every((name, place) => steps[at + place] === name);
  go(same ? steps : [...steps.slice(0, at), ...names], at + names.length);
}

/** Where a step on leads: along the run, around the loop, or along the story that is known; `null` at the end. */
function ahead() {
  const { steps, at, run, session } = current;
  if (at < steps.length) return [steps, at + 1];
  if (run.lasso?.is_loop) return [steps, run.lasso.repeats_after + 1];
  const known = session.story?.steps ?? [];
  if (known.length > at && steps.every((step, place) => known[place] === step)) return [known, at + 1];
  return null;
}

/** A step on. */
export function forward() {
  const to = ahead();
  if (to) return go(...to);
  say("This is the end of the run. Choose below what happens next.");
}

/** Says something to everybody, also to who only hears the page. */
export function say(words) {
  $("say").textContent = words;
}

async function sessionOf(query) {
  if (!sessions.has(query)) {
    const asked = api.session(query);
    sessions.set(query, asked);
    asked.catch(() => sessions.delete(query));
  }
  return sessions.get(query);
}

/** Shows what an address says. Throws what the server refuses. */
export async function show(address) {
  serial += 1;
  const mine = serial;
  const { query } = address;
  let { steps, at } = address;
  const whole = api.state(query, steps);
  const part = at < steps.length ? api.part(query, steps.slice(0, at)) : whole;
  const [session, run, atPlace] = await Promise.all([sessionOf(query), whole, part]);
  if (mine !== serial) return;
  let here = part === whole ? run : { ...atPlace, events: run.events.slice(0, at) };
  const unfit = run.unfit;
  at = Math.min(at, run.steps.length);
  // The server names steps in their shortest form: that is the address to give on.
  steps = run.steps;
  if (unfit && at === steps.length) here = run;
  // What the program was started with belongs into the address, so that another program refuses it; how the run goes on stays.
  const goesOn = query.split("&").filter((part) => /^(stable|repeats)=/.test(part));
  current = { query: session.protocol ? [session.query, ...goesOn].join("&") : query, steps, at, tour: address.tour, session, run, here };
  if (!unfit) history.replaceState(null, "", write(current));
  render(unfit);
}

/** What the address says that no longer fits. */
function misfit(unfit) {
  const box = $("problem");
  box.hidden = !unfit;
  if (unfit) box.textContent = `Step ${unfit.step} of this address does not fit: ${unfit.name}. ${unfit.why}. Shown is the run before it.`;
}

function render(unfit) {
  const { session, run, here, query, steps, at, tour: lesson } = current;
  const focused = document.activeElement?.dataset?.name ?? document.activeElement?.id;
  document.title = `${session.rules}, step ${at}: bft-check`;
  document.body.dataset.steps = steps.length;
  document.body.dataset.at = at;
  misfit(unfit);
  braces(!session.protocol);
  document.body.classList.toggle("own", Boolean(session.protocol));
  if (session.protocol) fill($("legend"), header.legend(fillSvg, true, !session.most_general));
  header.subject($("subject"), session);
  header.facts($("facts"), session, here);
  $("to-stateright").disabled = !session.stateright;
  $("to-stateright").title = session.stateright ? "This run in stateright's explorer" : "stateright's explorer cannot list what may happen in this system";
  tools();
  draw();
  const leads = leader();
  fill($("nodes"), panels.nodes(here, leads));
  $("since").textContent = at ? `changed by step ${at} is marked` : "before anything has happened";
  fill($("properties"), panels.properties(here));
  $("summary").textContent = panels.summary(here);
  quorums();
  $("goal").hidden = !tour.hasGoal(lesson);
  hinted = null;
  referee.show($("goal"), { session, query, steps: steps.slice(0, at), state: here, told: asked, follow, goTo: (step) => go(steps, step), hint });
  if (!steps.length) tour.begin(lesson);
  tour.show($("tour"), lesson, here);
  listChoices();
  tries();
  won();
  const event = run.events[at - 1];
  say(event ? `Step ${at}: ${sentence(event)}` : "The start: nothing has happened yet.");
  const meaning = lesson && MEANING[event?.message?.kind];
  if (meaning) $("say").append(h("span", { class: "meaning-of" }, ` ${event.message.kind.toUpperCase()}: ${meaning}`));
  const again = focused && (document.getElementById(focused) ?? document.querySelector(`[data-name="${CSS.escape(focused)}"]`));
  if (again && document.activeElement !== again) again.focus({ preventScroll: true });
}

const leader = () => primary(viewAt(current.run, current.at), current.session.replicas);

/** Buttons that would do nothing cannot be pressed. */
function tools() {
  const { steps, at, run, here, query } = current;
  $("place").textContent = `step ${at} of ${steps.length}`;
  $("first").disabled = $("back").disabled = at === 0;
  $("last").disabled = at === steps.length;
  $("branch").disabled = at === steps.length;
  $("forward").disabled = !ahead();
  $("let-run").disabled = $("let-decide").disabled = !here.runs.messages;
  $("let-timers").disabled = !here.runs.timers;
  $("forward").classList.toggle("main", at < steps.length || Boolean(run.lasso?.is_loop));
  $("export").href = api.exported(query, steps);
}

const widthOf = () => Math.max(300, $("scroll").clientWidth - 2);
/** Where one looks in a long run. */
let centre = 0;

/** Draws the diagram for the width that there is, and shows where one stands. */
export function draw() {
  drawAt(current.at);
  reveal();
}

function drawAt(place) {
  const { run, at } = current;
  centre = place;
  const { head, body } = diagram(run, { width: widthOf(), at, centre, primary: leader() });
  fillSvg($("heads"), head);
  fillSvg($("diagram"), body);
}

/** Draws what of a long run is scrolled to. */
export function scrolled() {
  const { run } = current, box = $("scroll"), [from, to] = drawn(run, centre);
  // Where all of it is drawn nothing has to be measured.
  if (from === 1 && to === run.events.length) return;
  const [top, bottom] = [0, box.clientHeight].map((height) => stepAt(run, widthOf(), box.scrollTop + height - $("heads").offsetHeight));
  if ((top < from && from > 1) || (bottom > to && to < run.events.length)) drawAt(Math.round((top + bottom) / 2));
}

/** Scrolls so that the place where one stands is seen. */
export function reveal() {
  seen($("diagram").querySelector(".event.current .row") ?? $("diagram").querySelector(".now"));
}

/** Scrolls the diagram, and nothing else, so that a part of it is seen. */
function seen(part) {
  const box = $("scroll"), row = part?.getBoundingClientRect(), frame = box.getBoundingClientRect();
  if (!row || box.scrollHeight <= box.clientHeight + 1) return;
  const head = $("heads").offsetHeight;
  if (row.bottom > frame.bottom - 30) box.scrollTop += row.bottom - frame.bottom + Math.min(60, frame.height / 4);
  else if (row.top < frame.top + head) box.scrollTop -= frame.top + head - row.top + 40;
}

/** Lights up the votes of a quorum, and who stands in it and in another that contradicts it; `null` puts it out. Where one
 * points from afar the diagram is scrolled there. */
export function point(place, isFar = false) {
  const { run, at, tour: lesson } = current;
  const quorum = place == null ? null : run.quorums[place];
  const [from, to] = drawn(run, centre);
  if (quorum && isFar && (quorum.number < from || quorum.number > to)) drawAt(quorum.number);
  const svg = $("diagram").firstElementChild;
  const votes = quorum ? new Set([...votesOf(run, quorum), quorum.number]) : null;
  svg?.classList.toggle("pointed", Boolean(quorum));
  for (const event of svg?.querySelectorAll(".event, .words") ?? []) {
    const inside = votes?.has(Number(event.dataset.step ?? event.dataset.words)) ?? false;
    event.classList.toggle("vote", inside);
    event.classList.toggle("dim", Boolean(votes) && !inside);
  }
  const overlap = quorum && panels.overlapOf(run, place);
  const both = new Set(overlap?.both.map((one) => one.replica) ?? []);
  const view = { width: widthOf(), at, primary: leader(), lit: new Set(quorum?.of ?? []), both, apart: overlap?.apart };
  fillSvg($("heads"), diagram({ ...run, events: [] , undelivered: [], lasso: null }, view).head);
  if (!quorum) return;
  const made = svg?.querySelector(`.event[data-step="${quorum.number}"] .row`);
  if (made && isFar) seen(made);
  say(`${quorum.replica} ${bare(quorum.outcome)} on ${quorum.of.length} votes: ${quorum.of.join(", ")}; ${quorum.needed} are needed.${overlap ? ` ${overlap.sentence}` : ""}`);
  if (lesson) {
    tour.remember(lesson, "pointed");
    tour.show($("tour"), lesson, current.here);
  }
}

function quorums() {
  // Which votes a decision stands on is known of PBFT alone.
  $("quorums").closest("section").hidden = Boolean(current.session.protocol);
  const toggle = () => { allQuorums = !allQuorums; quorums(); };
  fill($("quorums"), panels.quorums(current.here, { all: allQuorums, toggle, point: (place) => point(place, true) }));
}

/** What can happen next, as the filter lets it through. */
export function listChoices() {
  const { here } = current;
  const filter = $("filter").value.trim();
  const wanted = tour.wanted(current.tour, here);
  const listed = choices(here, { filter, act, open, hinted, wanted });
  pressed = listed.keys;
  fill($("honest"), listed.honest.length ? listed.honest : h("p", { class: "faint" }, filter ? "Nothing of the honest has these words." : "The honest have nothing to do."));
  $("byzantine").hidden = here.lanes.every((lane) => !lane.byzantine);
  const { simulated, lists_adversary: isListed } = current.session;
  const silent = simulated ? "This is a simulated run. Of what its adversary may say only that is listed which it said in this run."
    : isListed ? "" : "What the adversary may say in so large a bound is too much to list.";
  fill($("byzantine"), listed.byzantine, listed.byzantine.length && !silent ? null : h("p", { class: "faint" }, silent || (filter ? "Nothing of the adversary's has these words." : "The adversary has nothing to say that anybody would take.")));
  $("choice-count").textContent = count(counted(here), "choice");
  $("ends").hidden = !here.ends;
  $("ends").textContent = here.ends ? `⊣ ${here.ends[0].toUpperCase()}${here.ends.slice(1)}.` : "";
}

/** Points out a step among those that can happen next. */
function hint(name) {
  hinted = name;
  listChoices();
}

/** Presses the option with that number. */
export const digit = (number) => pressed[number - 1]?.();

/** To the state of a dot of the tree. */
export function toTried(dot) {
  const to = keep(current.query, current.steps)[Number(dot.dataset.run)];
  if (to) go(to, Number(dot.dataset.at));
}

function tries() {
  const { query, steps, at, run } = current;
  const runs = keep(query, steps);
  const shape = tree(runs, { steps, at });
  if (shape) fillSvg($("tree"), shape);
  else fill($("tree"), h("p", { class: "faint" }, "None yet. Each run that you try stays here; go back to any state of it, and try another."));
  const lasso = run.lasso;
  $("ring").hidden = !lasso;
  if (lasso) {
    fill($("ring"), h("h2", {}, lasso.is_loop ? "It goes on like this for ever" : "It ends here, and owes something"), h("p", {}, h("b", {}, lasso.property), ` is never reached; ${bare(lasso.then)}.`), h("div", { class: "scroll-both" }));
    fillSvg($("ring").lastElementChild, ring(query, steps, at, lasso, run.events));
  }
}

/** The referee has answered. */
function asked(answer) {
  const { tour: lesson, here } = current;
  if (!lesson) return;
  tour.remember(lesson, `asked ${answer}`);
  tour.show($("tour"), lesson, here);
}

/** Goes on as the referee shows, from the first of its steps. */
function follow({ continuation, run: told }, at) {
  const { steps } = current;
  // A run without end stands where nothing is withheld and views go on.
  if (told) return go(told.steps, told.at + 1, { query: told.query });
  go([...steps.slice(0, at), ...continuation], at + 1);
}

/** Says that the goal is reached, and why. */
async function won() {
  const box = $("won");
  const { session, query, steps, at, here } = current;
  const broken = here.properties.find((one) => one.is_goal && one.verdict === "violated")
    ?? here.properties.find((one) => one.verdict === "violated");
  box.hidden = !broken;
  if (!broken) return fill(box);
  const mine = serial;
  fill(box, h("h2", {}, `${broken.name} is broken`), h("p", {}, bare(broken.why ?? broken.statement)));
  // What is owed for ever has no quorums to explain it.
  if (broken.name === current.run.lasso?.property || (broken.is_goal && session.goal.kind !== "safety")) return;
  let why;
  try {
    why = await api.explain(query, steps.slice(0, at), broken.name);
  } catch {
    // Without an explanation the sentence has to do.
    return;
  }
  if (mine !== serial || !why.text) return;
  box.append(h("details", {}, h("summary", {}, session.protocol ? "The run in words" : session.breaks ? "Why, and which rule would have stopped it" : "Why"), h("pre", {}, bare(why.text))));
}
