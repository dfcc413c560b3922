// A protocol that is not PBFT: what the head of the page says of it, the search for its counterexample, its trace files.

import { slug, write } from "./address.js";
import * as api from "./api.js";
import { count, fill, h } from "./dom.js";

/** What is known of the search for a counterexample, by bound. */
const found = new Map();

/** What a search came to. */
export const know = (query, answer) => found.set(query, answer);

/** Which protocol it is, and what it was made with. */
export function subject(session) {
  const made = session.parameters.map(({ name, value }) => `${name} ${value}`).join(", ");
  return [h("h1", {}, h("code", {}, session.protocol)), h("p", {}, made ? [h("b", {}, "With "), made] : "A protocol of your own")];
}

/** What else there is in the bound. */
export const facts = (session) => [
  h("span", { class: "fact", title: `Nodes are told apart by ${session.known_by}` }, h("b", {}, "Network"), " ", session.network),
  h("span", { class: "fact", id: "counterexample" }, search(session.query, session.story)),
];

/** Says how far the search is, and links to what it found; it ends where nobody sees it any more. */
function search(query, story) {
  // Nobody has to ask, and nothing moves when the answer comes, where the server has said so already.
  if (story && !found.get(query)?.done) know(query, { done: true, story, says: `${story.violates} is violated` });
  const out = h("span", {}, ...said(query));
  const ask = async () => {
    // A search that is long is asked more and more seldom.
    let pause = 400;
    while (!found.get(query)?.done) {
      try {
        found.set(query, await api.story(query));
      } catch {
        return;
      }
      fill(out, said(query));
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(3000, pause * 1.3);
      if (!out.isConnected) return;
    }
  };
  ask();
  return out;
}

function said(query) {
  const known = found.get(query);
  if (!known?.done) return [h("b", {}, "Counterexample"), ` looked for: ${count(known?.states ?? 0, "state")}`];
  if (!known.story) return [h("b", {}, "Counterexample"), ` none: ${known.says}`];
  return [h("a", { href: write({ query, steps: known.story.steps, at: 0 }), id: "to-counterexample" }, `Counterexample, ${count(known.story.steps.length, "step")}`), `: ${known.says}`];
}

/** A form to change the bound: what the server names, and who is Byzantine. */
export function form(session) {
  const known = new URLSearchParams(session.query);
  const field = (one) => h("label", {}, one.label, " ", one.of
    ? h("select", { name: one.name }, one.of.map((value) => h("option", { value, selected: value === one.value }, value)))
    : h("input", { name: one.name, type: "number", min: "0", max: String(one.most), value: String(one.value) }));
  const nodes = Array.from({ length: session.replicas }, (_, place) => `n${place}`);
  const boxes = nodes.map((id) => h("label", { class: "box" }, h("input", { type: "checkbox", name: "byzantine", value: id, checked: session.byzantine.includes(id) }), " ", id));
  const submit = (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    for (const { name } of session.form) known.set(name, data.get(name));
    known.set("byzantine", data.getAll("byzantine").join(",") || "none");
    location.hash = `#/run?${[...known].map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`;
  };
  return h("form", { class: "setup-form", onsubmit: submit },
    h("fieldset", {}, h("legend", {}, "Byzantine"), boxes), session.form.map(field),
    h("button", { type: "submit", class: "main" }, "Begin anew with this"));
}

/** The address of the run in a trace file of such a protocol; null if a step of it reads like another. */
export function addressOf(file) {
  const parts = [`protocol=${encodeURIComponent(file.protocol)}`, `byzantine=${(file.byzantine ?? []).map((id) => `n${id}`).join(",") || "none"}`];
  if (file.most_general) parts.push("adversary=alphabet");
  if (file.crashes) parts.push(`crashes=${file.crashes}`);
  if (file.network === "any-order") parts.push("network=any-order");
  if (file.network?.fifo) parts.push("network=fifo", `cuts=${file.network.fifo.cuts}`, `losses=${file.network.fifo.losses}`);
  const name = ({ kind, at, from, words }) => ({
    message: `n${from}-${at}-${slug(words)}`, loss: `lose-n${from}-${at}-${slug(words)}`, cut: `cut-${at}-n${from}`,
    crash: `${at}-crash`, timer: `${at}-timer_${slug(words)}`,
  })[kind] ?? `${at}-${slug(words)}`;
  return file.steps.some((step) => step.nth) ? null : write({ query: parts.join("&"), steps: file.steps.map(name) });
}
