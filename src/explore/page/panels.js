// What stands beside the diagram: the participants, the properties, and the quorums of one state.

import { bare, count, h, sign } from "./dom.js";

const WORDS = { holds: "holds", violated: "violated", "not-yet": "not yet", unknown: "not looked at" };

/** The name of a property, so that it can be said of it that it holds. */
const named = (property) => (property.name === "panics" ? "no panics" : property.name);

/** One participant: what it believes, in words, and what of it is new. */
function card(node, leads) {
  const role = node.kind === "client" ? "client" : node.byzantine ? "Byzantine" : "honest";
  const marks = [h("span", { class: `role ${role.toLowerCase()}` }, role)];
  if (leads === node.id) marks.push(h("span", { class: "role leads" }, "primary"));
  if (node.stopped) marks.push(h("span", { class: "role gone" }, "has stopped"));
  if (node.panicked) marks.push(h("span", { class: "role gone" }, "has panicked"));
  if (node.changed) marks.push(h("span", { class: "role new" }, "changed"));
  const lines = node.lines.map((line) => {
    const was = line.changed && line.before ? h("del", {}, h("span", { class: "unseen" }, "before: "), bare(line.before)) : null;
    const text = line.changed ? h("ins", {}, bare(line.text)) : bare(line.text);
    return h("div", { class: line.changed ? "line changed" : "line" }, h("dt", {}, line.label), h("dd", {}, text, was ? " " : null, was));
  });
  const body = lines.length ? h("dl", {}, lines)
    : h("p", { class: "faint" }, node.byzantine ? "Does what you, the adversary, want." : "Nothing to say of it.");
  const panic = node.panicked ? h("p", { class: "why" }, node.panicked) : null;
  return h("article", { class: `node ${role.toLowerCase()}${node.changed ? " changed" : ""}`, "aria-label": `${node.id}, ${role}` },
    h("h3", {}, h("b", {}, node.id), " ", marks), panic, body);
}

/** Every participant of a state. */
export function nodes(state, leads) {
  const order = (node) => (node.kind === "client" ? 2 : node.byzantine ? 1 : 0);
  return [...state.nodes].sort((a, b) => order(a) - order(b)).map((node) => card(node, leads));
}

/** Every property of a state, that of the goal first, then what is violated. */
export function properties(state) {
  const rank = (one) => (one.is_goal ? 0 : one.verdict === "violated" ? 1 : one.verdict === "holds" ? 3 : 2);
  const rows = [...state.properties].sort((a, b) => rank(a) - rank(b)).map((one) =>
    h("li", { class: `property ${one.verdict}${one.is_goal ? " goal" : ""}`, "data-property": one.name, title: one.statement },
      sign(one.verdict),
      h("span", {}, h("b", {}, named(one)), " ", h("span", { class: "verdict" }, WORDS[one.verdict] ?? one.verdict),
        h("small", {}, one.verdict === "holds" ? one.statement : bare(one.why ?? one.statement)))));
  return h("ul", { class: "properties" }, rows);
}

/** How many properties are how, in a few words. */
export function summary(state) {
  const of = (verdict) => state.properties.filter((one) => one.verdict === verdict).length;
  return ["holds", "violated", "not-yet", "unknown"].filter(of)
    .map((verdict) => `${of(verdict)} ${verdict === "holds" && of(verdict) !== 1 ? "hold" : WORDS[verdict]}`).join(", ");
}

/** Which quorums are shown: decisions; others where they are asked for or there is nothing else. */
const shown = (state, all) => state.quorums.map((quorum, place) => ({ quorum, place })).filter(({ quorum }) => all || quorum.kind === "decision");

/** The overlap of a quorum with another one, best with one that contradicts it. */
export function overlapOf(state, place) {
  const all = state.overlaps.filter((one) => one.of.includes(place));
  return all.find((one) => one.contradict) ?? all[0];
}

/** A table: quorums are its rows, replicas its columns. Who stands in two that contradict each other is framed. */
export function quorums(state, { all, toggle, point }) {
  const replicas = state.lanes.filter((lane) => lane.kind === "replica");
  const rows = shown(state, all);
  const others = state.quorums.length - shown(state, false).length;
  const more = others && toggle ? h("button", { class: "link", type: "button", onclick: toggle, "aria-pressed": String(all) },
    all ? "decisions only" : `also ${count(others, "certificate")} and the like`) : null;
  if (!rows.length) return [h("p", { class: "faint" }, "No quorum of COMMITs yet: nobody has decided."), more];
  const places = new Set(rows.map(({ place }) => place));
  const known = state.overlaps.filter((overlap) => overlap.of.every((place) => places.has(place)));
  const contradict = known.filter((overlap) => overlap.contradict);
  const overlaps = contradict.length ? contradict : known;
  const framed = (place, lane) => overlaps.filter((overlap) => overlap.of.includes(place) && overlap.both.some((one) => one.replica === lane.id));
  // Who votes in two views has not voted twice: that is no protection, and no fault.
  const frame = (place, lane) => { const these = framed(place, lane); return these.length ? (these.every((one) => one.apart) ? " both apart" : " both") : ""; };
  const row = ({ quorum, place }) => h("tr", {
    tabindex: 0, "data-quorum": place, "aria-label": `${quorum.replica} ${bare(quorum.outcome)} on ${quorum.of.join(", ")}`,
    onmouseenter: () => point?.(place), onmouseleave: () => point?.(null), onfocus: () => point?.(place), onblur: () => point?.(null),
  },
  h("th", { scope: "row" }, `${quorum.replica} ${bare(quorum.outcome)}`),
  replicas.map((lane) => {
    const inside = quorum.of.includes(lane.id);
    return h("td", { class: `${inside ? "inside" : "outside"}${lane.byzantine ? " byzantine" : ""}${inside ? frame(place, lane) : ""}` },
      h("span", { class: "unseen" }, inside ? "voted" : "did not"), h("span", { "aria-hidden": "true" }, inside ? (lane.byzantine ? "◆" : "●") : "·"));
  }),
  h("td", { class: "needed" }, `${quorum.of.length} of ${quorum.needed}`));
  const table = h("table", { class: "quorums" },
    h("thead", {}, h("tr", {}, h("td", {}), replicas.map((lane) => h("th", { scope: "col", class: lane.byzantine ? "byzantine" : "" }, lane.id)),
      h("th", { scope: "col" }, h("span", { class: "unseen" }, "votes, of how many needed")))),
    h("tbody", {}, rows.map(row)));
  const sentences = [...new Set(overlaps.map((overlap) => overlap.sentence))].map((words) => h("p", { class: "overlap" }, words));
  return [h("div", { class: "scroll" }, table), sentences, more];
}
