// What can happen next: what honest participants may do or receive, and the palette of each Byzantine replica.

import { bare, fillSvg, h } from "./dom.js";
import { MEANING } from "./pbft.js";

/** What comes of an option, in a few words. */
function consequence(option) {
  const does = (option.does ?? []).map(bare), sends = (option.sends ?? []).map(bare);
  const words = [...does, ...sends.map((one) => `sends ${one}`)].join("; ");
  return words || (option.quiet && (option.kind === "message" || option.to == null || !option.kind) ? "takes note of it" : "");
}

const matches = (filter, ...texts) => {
  const words = texts.join(" ").toLowerCase();
  return filter.toLowerCase().split(/\s+/).filter(Boolean).every((part) => words.includes(part));
};

/** The number keys stand at the first nine options that are shown, and press them. */
class Keys {
  constructor() { this.options = []; }
  next(act) {
    if (this.options.length >= 9) return null;
    this.options.push(act);
    return h("kbd", {}, String(this.options.length));
  }
}

const ICONS = {
  timeout: "M2 1 h9 l-9 13 h9 z", crash: "M8 0 l-7 8 h4 l-2 7 l8 -9 h-4 z", stop: "M2 3 h9 v9 h-9 z",
  outside: "M6 1 v10 M2 7 l4 4 l4 -4", cut: "M2 3 l9 9 m0 -9 l-9 9", read: "M3 5 a3.5 3.5 0 1 1 4 3.5 v2 M7 13 v1",
};

/** A small sign for what is no message. */
function icon(kind) {
  if (!ICONS[kind]) return null;
  const span = h("span", { "aria-hidden": "true" });
  fillSvg(span, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 13 15"><path d="${ICONS[kind]}"/></svg>`);
  return [span, " "];
}

/** An honest participant's option: a button, and beside it one that drops the message. */
function option(one, who, keys, act) {
  const key = one.kind === "stop" ? null : keys.next(() => act(one.name));
  const from = one.from ? h("span", { class: "from" }, `from ${one.from} `) : null;
  const take = h("button", {
    type: "button", class: `option ${one.kind}${one.quiet ? " quiet" : ""}`, "data-name": one.name, title: MEANING[one.message] ?? "",
    onclick: () => act(one.name),
  }, key, h("span", {}, from, icon(one.kind), h("b", {}, bare(one.words)),
    one.variant == null ? null : h("span", { class: "faint" }, ` (${one.variant})`), h("small", {}, consequence(one))));
  // Where it cannot be lost the server says so.
  const lost = one.drop === undefined ? `x-${one.name}` : one.drop;
  const drop = one.kind === "message" && lost ? h("button", {
    type: "button", class: "drop", "data-name": lost, "aria-label": `Drop it: ${bare(one.words)} from ${one.from} never reaches ${who}`, title: "Drop it: it never arrives",
    onclick: () => act(lost),
  }, "✕") : null;
  return h("li", {}, take, drop);
}

/** What a participant that is honest can do or receive. */
function honest(choice, filter, keys, act) {
  const groups = choice.groups.map((group) => {
    const fitting = group.options.filter((one) => matches(filter, choice.who, one.words, one.from ?? "", one.kind, consequence(one)));
    // What has a consequence comes first: the rest only adds to a count.
    const sorted = [...fitting.filter((one) => !one.quiet), ...fitting.filter((one) => one.quiet)];
    return sorted.length ? h("ul", { "aria-label": `${choice.who} ${group.title}` }, sorted.map((one) => option(one, choice.who, keys, act))) : null;
  }).filter(Boolean);
  const twin = choice.twin ? [h("span", { class: "role byzantine" }, "Byzantine"), h("span", { class: "faint" }, " a twin: does what the code does, and hears what you let it hear")] : null;
  return groups.length ? h("section", { class: `who ${choice.twin ? "byzantine" : "honest"}` }, h("h3", {}, choice.who, twin), groups) : null;
}

/** One thing that a Byzantine replica may say, with everybody to whom it can say it. */
function saying(one, keys, act) {
  const key = one.to.length ? keys.next(() => act(one.to[0].name)) : null;
  const variant = one.variant == null ? null : h("span", { class: "faint" }, ` (${one.variant})`);
  const to = one.to.map((target) => h("button", {
    type: "button", class: `target${target.quiet ? " quiet" : ""}`, "data-name": target.name,
    title: consequence(target) || "", "aria-label": `${one.from} says ${bare(one.words)} to ${target.to}: ${consequence(target)}`,
    onclick: () => act(target.name),
  }, target.to));
  const all = one.to.length > 1 ? h("button", {
    type: "button", class: "target all", "aria-label": `${one.from} says ${bare(one.words)} to ${one.to.map((t) => t.to).join(", ")}`,
    onclick: () => act(...one.to.map((target) => target.name)),
  }, "all") : null;
  const first = one.to.find((target) => !target.quiet) ?? one.to[0];
  return h("li", { class: "saying" }, h("span", { class: "words" }, key, h("b", {}, bare(one.words)), variant,
    h("small", {}, first ? `${first.to}: ${consequence(first)}` : "")), h("span", { class: "targets" }, h("span", { class: "faint" }, "to "), to, all));
}

/** What a Byzantine replica may say, by kind of message. */
function palette(choice, filter, keys, act, open) {
  const groups = choice.groups.map((group, place) => {
    const fitting = group.options.filter((one) => matches(filter, choice.who, one.words, group.title, one.to.map((t) => `${t.to} ${consequence(t)}`).join(" ")));
    if (!fitting.length) return null;
    const key = `${choice.who} ${group.title}`;
    const shown = filter !== "" || (open.get(key) ?? place === 0);
    const kind = fitting[0].message;
    return h("details", { open: shown, "data-group": key, ontoggle: (event) => filter === "" && open.set(key, event.target.open) },
      h("summary", { title: MEANING[kind] ?? "" }, h("b", {}, group.title), h("span", { class: "faint" }, ` ${fitting.length}`)),
      // Number keys do not press what is folded away.
      h("ul", {}, fitting.map((one) => saying(one, shown ? keys : { next: () => null }, act))));
  }).filter(Boolean);
  if (!groups.length) return null;
  return h("section", { class: "who byzantine" }, h("h3", {}, choice.who, h("span", { class: "role byzantine" }, "Byzantine"),
    h("span", { class: "faint" }, " may say, or stay silent")), groups);
}

/**
 * What can happen next.
 * @param act is called with the names of the steps that were chosen
 * @returns `{honest, byzantine, keys}`: two lists of elements, and what the keys 1 to 9 do
 */
export function choices(state, { filter, act, open }) {
  const keys = new Keys();
  const honestOnes = state.choices.filter((one) => !one.byzantine).map((one) => honest(one, filter, keys, act)).filter(Boolean);
  const byzantineOnes = state.choices.filter((one) => one.byzantine).map((one) => (one.twin ? honest(one, filter, keys, act) : palette(one, filter, keys, act, open))).filter(Boolean);
  return { honest: honestOnes, byzantine: byzantineOnes, keys: keys.options };
}
