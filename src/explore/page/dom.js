// Small helpers to build elements: text is always text, never markup.

/** An element: `h("a", {href: "#", class: "x", onclick: f}, "words", child)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** Puts children in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const parsed = (text) => document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
/** Small signs, which are drawn again and again. */
const signs = new Map();

/** Puts SVG, whose text is escaped already, in the place of what an element holds. */
export function fillSvg(element, ...pieces) {
  element.replaceChildren(...pieces.map((text) => {
    if (text.length > 500) return parsed(text);
    if (!signs.has(text)) {
      if (signs.size > 100) signs.clear();
      signs.set(text, parsed(text));
    }
    return signs.get(text).cloneNode(true);
  }));
  return element;
}

/** Text as markup shows it. */
export const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

let batches = true;

/** Whether braces in words are those of PBFT's batches: all others are kept. */
export const braces = (areOfBatches) => { batches = areOfBatches; };

/** A batch without its braces. */
export const bare = (words) => (batches ? String(words ?? "").replace(/[{}]/g, "") : String(words ?? ""));

/** A small sign whose shape says what its colour says. */
export function sign(kind) {
  const shapes = {
    holds: '<circle cx="8" cy="8" r="7"/><path class="ink" d="M4.5 8.2 l2.6 2.8 l4.4 -5.8"/>',
    violated: '<path d="M5 1 h6 l4 4 v6 l-4 4 h-6 l-4 -4 v-6 z"/><path class="ink" d="M8 4 v5 M8 11 v1.4"/>',
    "not-yet": '<circle class="hollow" cx="8" cy="8" r="6.5"/><path class="line" d="M8 4.2 v4 l2.6 1.8"/>',
    unknown: '<circle class="hollow dotted" cx="8" cy="8" r="6.5"/><path class="line" d="M6 6.4 a2 2 0 1 1 2.4 2 v1 M8.3 11.2 v1"/>',
  };
  const span = h("span", { class: `sign ${kind}`, "aria-hidden": "true" });
  fillSvg(span, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" height="16">${shapes[kind] ?? shapes.unknown}</svg>`);
  return span;
}

/** How far a search is, in words. */
export function far({ states = 0, depth = 0, walked = 0, seconds = 0 }) {
  const done = states ? `${count(states, "state")} visited, ${count(depth, "step")} deep` : walked ? `${count(walked, "step")} tried before the search` : "beginning";
  return `${done}, ${seconds.toFixed(0)} s`;
}

/** A number and its noun. */
export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
