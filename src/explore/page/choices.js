// What can happen next: what honest participants may do or receive, and the palette of each Byzantine replica.

import { bare, fillSvg, h } from "./dom.js";
import { MEANING, isDecision } from "./pbft.js";

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
function option(one, who, keys, act, hinted) {
  const key = keys.next(() => act(one.name));
  const from = one.from ? h("span", { class: "from" }, `from ${one.from} `) : null;
  const take = h("button", {
    type: "button", class: `option ${one.kind}${one.quiet ? " quiet" : ""}${one.name === hinted ? " hinted" : ""}`, "data-name": one.name, title: MEANING[one.message] ?? "",
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

/** That somebody stops for good stands in the head of its card: there it does not move as messages come and go. */
function stop(one, act) {
  return h("button", { type: "button", class: "option stop quiet", "data-name": one.name, "aria-label": `${one.to} ${one.words}`, title: `${one.to} ${one.words}: it does nothing more`, onclick: () => act(one.name) }, icon("stop"), "stop");
}

/** What a participant that is honest can do or receive. Its card stays in its place where nothing of it is listed. */
function honest(choice, filter, keys, act, hinted) {
  const fits = (one) => matches(filter, choice.who, one.words, one.from ?? "", one.kind, consequence(one));
  const groups = choice.groups.map((group) => {
    const fitting = group.options.filter((one) => one.kind !== "stop" && fits(one));
    // What has a consequence comes first: the rest only adds to a count.
    const sorted = [...fitting.filter((one) => !one.quiet), ...fitting.filter((one) => one.quiet)];
    return sorted.length ? h("ul", { "aria-label": `${choice.who} ${group.title}` }, sorted.map((one) => option(one, choice.who, keys, act, hinted))) : null;
  }).filter(Boolean);
  const stops = choice.groups.flatMap((group) => group.options).filter((one) => one.kind === "stop" && fits(one)).map((one) => stop(one, act));
  const twin = choice.twin ? [h("span", { class: "role byzantine" }, "Byzantine"), h("span", { class: "faint" }, " a twin: does what the code does, and hears what you let it hear")] : null;
  if (!groups.length && !stops.length && filter) return null;
  return h("section", { class: `who ${choice.twin ? "byzantine" : "honest"}` }, h("h3", {}, choice.who, twin, stops), groups.length ? groups : h("p", { class: "faint" }, "nothing now"));
}

/** One thing that a Byzantine replica may say, with everybody to whom it can say it. */
function saying(one, keys, act, hinted) {
  const key = one.to.length ? keys.next(() => act(one.to[0].name)) : null;
  const variant = one.variant == null ? null : h("span", { class: "faint" }, ` (${one.variant})`);
  const to = one.to.map((target) => h("button", {
    type: "button", class: `target${target.quiet ? " quiet" : ""}${target.name === hinted ? " hinted" : ""}`, "data-name": target.name,
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

/** Who decides at once when it is told something of a group. */
const deciders = (options) => [...new Set(options.flatMap((one) => one.to).filter((target) => target.does?.some(isDecision)).map((target) => target.to))];

/** What a Byzantine replica may say, by kind of message. Unfolded is what is wanted; otherwise what makes somebody decide;
 * otherwise the first. */
function palette(choice, filter, keys, act, { open, hinted, wanted }) {
  const isWanted = (group) => wanted.includes(group.options[0]?.message);
  const matters = choice.groups.some(isWanted) ? isWanted : (group) => deciders(group.options).length > 0;
  const some = choice.groups.some(matters);
  const groups = choice.groups.map((group, place) => {
    const fitting = group.options.filter((one) => matches(filter, choice.who, one.words, group.title, one.to.map((t) => `${t.to} ${consequence(t)}`).join(" ")));
    if (!fitting.length) return null;
    const key = `${choice.who} ${group.title}`;
    const isHinted = group.options.some((one) => one.to.some((target) => target.name === hinted));
    const shown = filter !== "" || isHinted || (open.get(key) ?? (some ? matters(group) : place === 0));
    const kind = fitting[0].message, decide = deciders(fitting);
    const toggled = (event) => filter === "" && open.set(key, !event.currentTarget.parentElement.open);
    return h("details", { open: shown, "data-group": key },
      h("summary", { title: MEANING[kind] ?? "", onclick: toggled }, h("b", {}, group.title), h("span", { class: "faint" }, ` ${fitting.length}`),
        decide.length ? h("span", { class: "decisive" }, `${decide.join(", ")} can decide by it`) : null),
      // Number keys do not press what is folded away.
      h("ul", {}, fitting.map((one) => saying(one, shown ? keys : { next: () => null }, act, hinted))));
  }).filter(Boolean);
  if (!groups.length) return null;
  return h("section", { class: "who byzantine" }, h("h3", {}, choice.who, h("span", { class: "role byzantine" }, "Byzantine"),
    h("span", { class: "faint" }, " may say, or stay silent")), groups);
}

/** How many things can happen next, besides that somebody stops. */
export const counted = (state) => state.choices.flatMap((choice) => choice.groups).flatMap((group) => group.options)
  .filter((one) => one.kind !== "stop").reduce((sum, one) => sum + (Array.isArray(one.to) ? one.to.length : 1), 0);

/**
 * What can happen next.
 * @param how `filter`; `act`, called with the names of the steps that were chosen; `open`, what is unfolded by hand; `hinted`, the
 *   step that is pointed out; `wanted`, the kinds of messages that the lesson is about
 * @returns `{honest, byzantine, keys}`: two lists of elements, and what the keys 1 to 9 do
 */
export function choices(state, { filter, act, open, hinted = null, wanted = [] }) {
  const keys = new Keys();
  const own = (one) => honest(one, filter, keys, act, hinted);
  const honestOnes = state.choices.filter((one) => !one.byzantine).map(own).filter(Boolean);
  const byzantineOnes = state.choices.filter((one) => one.byzantine).map((one) => (one.twin ? own(one) : palette(one, filter, keys, act, { open, hinted, wanted }))).filter(Boolean);
  return { honest: honestOnes, byzantine: byzantineOnes, keys: keys.options };
}
