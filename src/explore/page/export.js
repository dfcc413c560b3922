// The script of the one-file export: what the file shows without it is a picture and a list; with it one steps along.

import { fill, fillSvg, h } from "./dom.js";
import { diagram, sentence, votesOf } from "./diagram.js";
import { nodes, overlapOf, properties, quorums, summary } from "./panels.js";
import { primary, viewAt } from "./pbft.js";

/** Puts the run into the file's `#run`, in the place of what is read without scripts. */
export function showRun({ session, frames }) {
  const run = frames[frames.length - 1];
  const steps = run.events.length;
  let at = Math.min(steps, Math.max(0, Number.parseInt(location.hash.slice(1), 10) || 0));
  const parts = {};
  const $ = (id) => parts[id];
  const part = (tag, id, properties = {}) => { parts[id] = h(tag, { id, ...properties }); return parts[id]; };
  const button = (id, label, act) => { parts[id] = h("button", { type: "button", id, onclick: act }, label); return parts[id]; };
  fill(document.getElementById("run"),
    h("div", { class: "tools" }, button("back", "← Back", () => show(at - 1)), part("output", "place"), button("forward", "Step →", () => show(at + 1))),
    part("p", "say", { class: "say", "aria-live": "polite" }),
    h("div", { class: "stage" },
      h("div", { class: "column" }, h("section", { class: "picture", "aria-label": "What has happened" }, part("div", "scroll", { class: "scroll-both" }))),
      part("aside", "side", { class: "side", "aria-label": "The state shown" })));
  $("scroll").append(part("div", "heads", { class: "heads-bar" }), part("div", "diagram"));

  const width = () => Math.max(300, $("scroll").clientWidth - 2);
  const leader = () => primary(viewAt(run, at), session.replicas);

  const draw = (lights = {}) => {
    const drawn = diagram(run, { width: width(), at, isWhole: true, primary: leader(), ...lights });
    fillSvg($("heads"), drawn.head);
    fillSvg($("diagram"), drawn.body);
  };

  const point = (place) => {
    const quorum = place == null ? null : run.quorums[place];
    const overlap = quorum && overlapOf(run, place);
    draw(quorum ? { votes: new Set([...votesOf(run, quorum), quorum.number]), lit: new Set(quorum.of), both: new Set(overlap?.both.map((one) => one.replica)), apart: overlap?.apart } : {});
  };

  const show = (to) => {
    at = Math.min(steps, Math.max(0, to));
    history.replaceState(null, "", `#${at}`);
    const here = { lanes: run.lanes, ...frames[at] };
    draw();
    $("place").textContent = `step ${at} of ${steps}`;
    $("back").disabled = at === 0;
    $("forward").disabled = at === steps;
    $("say").textContent = at ? `Step ${at}: ${sentence(run.events[at - 1])}` : "The start: nothing has happened yet.";
    fill($("side"),
      h("section", { class: "panel" }, h("h2", {}, "Properties ", h("small", {}, summary(here))), properties(here)),
      h("section", { class: "panel" }, h("h2", {}, "Quorums"), quorums(here, { all: false, toggle: null, point })),
      h("section", { class: "panel" }, h("h2", {}, "Who believes what"), h("div", { class: "nodes" }, nodes(here, leader()))));
  };

  $("diagram").addEventListener("click", (event) => {
    const one = event.target.closest("[data-step]");
    if (one) show(Number(one.dataset.step));
  });
  document.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: steps }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(to);
  });
  addEventListener("resize", () => draw());
  document.body.classList.add("scripted");
  document.getElementById("plain").hidden = true;
  show(at);
}
