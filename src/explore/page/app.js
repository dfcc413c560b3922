// The entry: which page an address means, and what the buttons and keys do.

import * as api from "./api.js";
import { read, write } from "./address.js";
import * as drop from "./drop.js";
import { legend } from "./header.js";
import { fill, fillSvg } from "./dom.js";
import * as header from "./header.js";
import * as keys from "./keys.js";
import * as referee from "./referee.js";
import * as run from "./run.js";
import * as start from "./start.js";
import { neighbour } from "./tree.js";

const $ = (id) => document.getElementById(id);
/** Where one has been, for `undo`. */
const trail = [];
let visit = 0;

function refused(words) {
  $("problem").textContent = words;
  $("problem").hidden = false;
}

function opened(address, name) {
  location.hash = address;
  document.title = `${name}: bft-check`;
}

/** Shows the page that the address means. */
async function route() {
  visit += 1;
  const mine = visit;
  const address = read(location.hash);
  const isRun = address.path === "run";
  document.body.setAttribute("aria-busy", "true");
  try {
    if (isRun) {
      $("start").hidden = true;
      $("run").hidden = false;
      $("problem").hidden = true;
      const here = location.hash;
      await run.show(address);
      if (trail.at(-1) !== here) trail.push(here);
      $("undo").disabled = trail.length < 2;
    } else {
      referee.leave();
      $("run").hidden = true;
      $("start").hidden = false;
      $("problem").hidden = true;
      header.subject($("subject"), null);
      $("to-stateright").disabled = false;
      document.title = "bft-check: see consensus";
      if (address.path === "story") await start.story(address.query, () => visit === mine);
      else await start.show(opened, refused, () => visit === mine);
    }
  } catch (error) {
    refused(error.message);
    if (!(error instanceof api.Refused)) throw error;
  } finally {
    if (visit === mine) document.body.removeAttribute("aria-busy");
    document.body.dataset.shown = visit;
  }
}

/** Takes the last step back, whatever it was. */
function undo() {
  trail.pop();
  const before = trail.pop();
  if (before) location.hash = before;
  else run.say("There is nothing to undo.");
}

async function letRun(how) {
  const { query, steps, at } = run.current;
  try {
    const answer = await api.letRun(query, steps.slice(0, at), how);
    if (answer.steps.length > at) return run.go(answer.steps);
    run.say(how.timers ? "Nothing is left that has to happen." : "Everything that the honest have sent has arrived. What is left are timers, crashes and the adversary.");
  } catch (error) {
    refused(error.message);
  }
}

async function share() {
  const address = location.href;
  if (run.current?.query.startsWith("trace=")) return run.say("This address is good as long as this program runs. To send the run, send its file, or the page that Save writes.");
  try {
    await navigator.clipboard.writeText(address);
    run.say("The address of this state is copied. Who runs bft explore and opens it sees exactly this; if their page has another port, what stands behind # goes behind theirs.");
  } catch {
    run.say(`The address of this state: ${address}`);
  }
}

/** Opens stateright's explorer at the run that is shown. */
async function stateright() {
  const shown = $("run").hidden ? { query: "", steps: [], at: 0 } : run.current;
  const button = $("to-stateright");
  button.disabled = true;
  try {
    const { url } = await api.stateright(shown.query, shown.steps.slice(0, shown.at));
    location.assign(url);
  } catch (error) {
    refused(error.message);
  } finally {
    button.disabled = false;
  }
}

function branch() {
  const { steps, at } = run.current;
  if (at < steps.length) run.go(steps.slice(0, at));
  else run.say("This is the end of the run: go back first, and branch there.");
}

/** To another run among those tried, as far along it as one is now. */
function another(by) {
  const { query, steps, at } = run.current;
  const to = neighbour(query, steps, by);
  if (to) run.go(to, Math.min(at, to.length));
  else run.say(by < 0 ? "There is no run above this one." : "There is no run below this one.");
}

const back = () => run.current.at > 0 && run.go(run.current.steps, run.current.at - 1);
const first = () => run.go(run.current.steps, 0);
const last = () => run.go(run.current.steps);
/** An action of the run's page, which does nothing on the others. */
const onRun = (action) => () => (run.current && !$("run").hidden ? action() : undefined);

const ACTIONS = {
  forward: onRun(run.forward), back: onRun(back), first: onRun(first), last: onRun(last), branch: onRun(branch),
  above: onRun(() => another(-1)), beneath: onRun(() => another(1)), undo: onRun(undo), run: onRun(() => letRun({ until: "quiet" })), referee: onRun(() => $("referee")?.click()),
  filter: () => ($("run").hidden ? $("story-filter") : $("filter"))?.focus(), help: () => keys.help($("help")),
};

/** What the mouse and the focus do on the diagram. */
function listenToDiagram() {
  const area = $("diagram");
  const step = (event) => event.target.closest?.("[data-step]");
  area.addEventListener("click", (event) => step(event) && run.go(run.current.steps, Number(step(event).dataset.step)));
  // A diagram that is drawn anew, or scrolls, below a mouse that rests is neither pointed at nor left.
  let rests = "";
  const where = (event) => `${event.clientX} ${event.clientY}`;
  for (const kind of ["mousemove", "mousedown"]) document.addEventListener(kind, (event) => { rests = where(event); });
  const pointAt = (event) => {
    if (event.type === "mouseover" && where(event) === rests) return;
    const one = step(event) && run.current.run.events[Number(step(event).dataset.step) - 1];
    if (one?.quorum != null) run.point(one.quorum);
  };
  area.addEventListener("mouseover", pointAt);
  area.addEventListener("focusin", pointAt);
  for (const kind of ["mouseout", "focusout"]) {
    area.addEventListener(kind, (event) => step(event) && !(kind === "mouseout" && where(event) === rests) && run.point(null));
  }
}

function listen() {
  for (const [id, action] of [["first", "first"], ["back", "back"], ["forward", "forward"], ["last", "last"], ["branch", "branch"], ["undo", "undo"], ["let-run", "run"]]) {
    $(id).addEventListener("click", ACTIONS[action]);
  }
  $("let-decide").addEventListener("click", () => letRun({ until: "decided" }));
  $("let-timers").addEventListener("click", () => letRun({ until: "quiet", timers: 1 }));
  $("to-stateright").addEventListener("click", stateright);
  $("share").addEventListener("click", share);
  $("help-button").addEventListener("click", ACTIONS.help);
  $("filter").addEventListener("input", () => run.listChoices());
  keys.listen(ACTIONS, (number) => onRun(() => run.digit(number))());
  listenToDiagram();
  $("tree").addEventListener("click", (event) => {
    const dot = event.target.closest?.("[data-run]");
    if (!dot) return;
    event.preventDefault();
    run.toTried(dot);
  });
  $("scroll").addEventListener("scroll", onRun(() => run.scrolled()), { passive: true });
  drop.listen(document.body, opened, refused);
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    const same = now === width;
    width = now;
    onRun(same ? run.reveal : run.draw)();
  }).observe($("scroll"));
  addEventListener("hashchange", route);
}

/** A trace that the program was started with opens by itself. */
async function begin() {
  listen();
  fill($("legend"), legend(fillSvg));
  const { query, steps } = read(location.hash);
  if (!location.hash || (query === "trace=1" && !steps.length)) {
    const { trace } = await api.started().catch(() => ({ trace: null }));
    if (trace) history.replaceState(null, "", write({ query: trace.query, steps: trace.steps, at: trace.steps.length }));
  }
  await route();
}

begin();
