// The space-time diagram: a pure function from a run, as /api/state tells it, to two pieces of SVG, the heads of the lanes
// and what happens on them. It asks nobody, so that the one-file export can hold it too.

import { bare, escaped } from "./dom.js";
import { SHORT, VOTES } from "./pbft.js";

const WIDE = { row: 32, flag: 24, border: 20, margin: 34, font: 12, headHeight: 46 };
const NARROW = { row: 30, flag: 23, border: 19, margin: 20, font: 10, headHeight: 40 };

/** Where everything stands. */
function layout(run, width) {
  const narrow = width < 520;
  const sizes = narrow ? NARROW : WIDE;
  const lanes = run.lanes.length;
  // Words of what came of a step stand to the right of the lanes where there is room for them.
  const notes = !narrow && width - sizes.margin - lanes * 84 > 190 ? Math.min(330, width - sizes.margin - lanes * 84) : 0;
  const lane = Math.max(narrow ? 46 : 76, Math.min(150, Math.floor((width - sizes.margin - notes - 8) / Math.max(1, lanes))));
  const x = new Map(run.lanes.map((one, place) => [one.id, sizes.margin + lane * (place + 0.5)]));
  const rows = [14];
  for (const event of run.events) {
    const before = rows[rows.length - 1];
    rows.push(before + sizes.row + (event.number > 1 ? below(run.events[event.number - 2], sizes) : 0));
  }
  const y = (number) => rows[number] ?? rows[0];
  const right = sizes.margin + lane * lanes;
  const height = rows[rows.length - 1] + sizes.row + below(run.events[run.events.length - 1], sizes) + 14;
  return { narrow, sizes, lane, x, y, right, notes, width: right + notes + (notes ? 0 : 6), height };
}

const decides = (event) => event?.decides?.length > 0;
const moves = (event) => event?.view_after != null && event.view_after !== event.view_before;
/** How much room an event takes below its row, for the border of a view and the flag of a decision. */
const below = (event, sizes) => (decides(event) ? sizes.flag : 0) + (moves(event) ? sizes.border : 0);

/** Which steps delivered the votes of a quorum. */
export function votesOf(run, quorum) {
  const wanted = VOTES[quorum.kind] ?? [];
  return run.events
    .filter((event) => event.kind === "message" && event.number <= quorum.number && event.at === quorum.replica
      && quorum.of.includes(event.from) && wanted.includes(event.message?.kind)
      && (event.message.slot == null || quorum.slot == null || event.message.slot === quorum.slot)
      && (event.message.view == null || quorum.view == null || event.message.view === quorum.view
        || quorum.kind === "new-view"))
    .map((event) => event.number);
}

/** The heads of the lanes: a pill for a client, a box for who is honest, a hexagon with a flag for who is Byzantine. */
function heads(run, place, view) {
  const { sizes, x, narrow } = place;
  const mid = 16;
  const parts = run.lanes.map((lane) => {
    const at = x.get(lane.id), w = narrow ? 17 : 23, tall = 12;
    const client = lane.kind === "client";
    const kind = client ? "client" : lane.byzantine ? "byzantine" : "honest";
    const shape = lane.byzantine
      ? `<path d="M${at - w} ${mid} l7 -${tall} h${2 * w - 14} l7 ${tall} l-7 ${tall} h-${2 * w - 14} z"/>`
      : `<rect x="${at - w}" y="${mid - tall}" width="${2 * w}" height="${2 * tall}" rx="${client ? 12 : 3}"/>`;
    const leads = view.primary === lane.id;
    const role = client ? "client" : !lane.byzantine ? (leads ? "primary" : "") : narrow ? "Byz." : leads ? "Byz., primary" : "Byzantine";
    const lit = view.lit?.has(lane.id) ? " lit" : "";
    const both = view.both?.has(lane.id) ? (view.apart ? " both apart" : " both") : "";
    const name = `${lane.id}, ${client ? "a client" : lane.twin_of ? `a twin of Byzantine ${lane.twin_of}` : lane.byzantine ? "Byzantine" : "honest"}${leads ? ", primary" : ""}`;
    const mark = both ? `<text class="both-mark" x="${at}" y="${sizes.headHeight - 3}">${view.apart ? "both views" : "in both"}</text>`
      : role ? `<text class="role" x="${at}" y="${sizes.headHeight - 3}">${role}</text>` : "";
    return `<g class="head ${kind}${lit}${both}"><title>${escaped(name)}</title>${shape}<text x="${at}" y="${mid + 4.5}">${escaped(lane.id)}</text>${mark}</g>`;
  });
  return `<svg class="heads" xmlns="http://www.w3.org/2000/svg" width="${place.width}" height="${sizes.headHeight}" viewBox="0 0 ${place.width} ${sizes.headHeight}" role="img" aria-label="Lanes: ${escaped(run.lanes.map((l) => l.id).join(", "))}">${parts.join("")}</svg>`;
}

/** The lines of the lanes; a lane that has stopped goes on as dots. */
function lines(run, place) {
  return run.lanes.map((lane) => {
    const at = place.x.get(lane.id);
    const stop = run.events.find((event) => event.kind === "stop" && event.at === lane.id);
    const end = stop ? place.y(stop.number) : place.height;
    const kind = lane.byzantine ? "byzantine" : lane.kind === "client" ? "client" : "honest";
    return `<line class="lane ${kind}" x1="${at}" y1="0" x2="${at}" y2="${end}"/>`
      + (stop ? `<line class="lane dead" x1="${at}" y1="${end}" x2="${at}" y2="${place.height}"/>` : "");
  }).join("");
}

/** Bars beside a lane: in which view its replica is; and its number where it begins, which stands above the row of the step. */
function views(run, place, from, to) {
  const out = [], begins = [];
  for (const lane of run.lanes) {
    let since = 0, view = null;
    const close = (until) => {
      if (view) out.push(`<rect class="view" x="${place.x.get(lane.id) - 5}" y="${since}" width="10" height="${Math.max(0, until - since)}"/>`);
    };
    for (const event of run.events) {
      if (event.at !== lane.id || !moves(event)) continue;
      close(place.y(event.number) + 24);
      since = place.y(event.number) + 24;
      view = event.view_after;
      if (event.number >= from && event.number <= to) begins.push(border(lane.id, view, place.x.get(lane.id), since));
    }
    close(place.height);
  }
  return [out.join(""), begins.join("")];
}

/** The border of a view: a bar across the lane with the number of the view that begins. */
const border = (id, view, x, y) => `<g class="border"><title>${escaped(id)} moves to view ${view}</title><line x1="${x - 28}" y1="${y}" x2="${x + 28}" y2="${y}"/><rect x="${x - 15}" y="${y - 8}" width="30" height="16" rx="3"/><text x="${x}" y="${y + 4}">v${view}</text></g>`;

/** An arrow head at the end of a line, turned along it. */
function tip(x1, y1, x2, y2, kind) {
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  return `<path class="tip ${kind}" transform="translate(${x2.toFixed(1)} ${y2.toFixed(1)}) rotate(${angle.toFixed(1)})" d="M0 0 L-9 -4.5 L-6.5 0 L-9 4.5 Z"/>`;
}

const cross = (x, y) => `<path class="cross" d="M${x - 5} ${y - 5} l10 10 m0 -10 l-10 10"/>`;

/** Where the network loses what goes from one lane to another: before the lane that it does not reach, and on nobody's. */
const between = (from, to, place) => to - Math.sign(to - from) * Math.min(place.lane, Math.abs(to - from)) / 2;

/** What stands at a lane for an event that is no message. */
const GLYPHS = {
  timeout: (x, y) => `<path class="glyph" d="M${x - 6} ${y - 8} h12 l-12 16 h12 z"/>`,
  crash: (x, y) => `<path class="glyph" d="M${x + 3} ${y - 9} l-8 10 h5 l-3 9 l9 -12 h-5 z"/>`,
  read: (x, y) => `<circle class="glyph" cx="${x}" cy="${y}" r="8"/><text class="inside" x="${x}" y="${y + 4}">?</text>`,
  resend: (x, y) => `<circle class="glyph" cx="${x}" cy="${y}" r="8"/><text class="inside" x="${x}" y="${y + 4}">↻</text>`,
  outside: (x, y) => `<circle class="glyph" cx="${x}" cy="${y}" r="8"/><text class="inside" x="${x}" y="${y + 4}">↓</text>`,
  cut: (x, y, from, place) => (from === undefined ? cross(x, y) : `<line class="arrow lost" x1="${from}" y1="${y}" x2="${x}" y2="${y}"/>${cross(between(from, x, place), y)}`),
  stop: (x, y) => `<rect class="glyph" x="${x - 7}" y="${y - 7}" width="14" height="14"/>`,
};

const GLYPH_WORDS = { timeout: "timer runs out", crash: "crashes", read: "asks", resend: "sends again", stop: "stops" };

/** The words at an arrow: before its tip, in the row where it arrives, so that no two stand at one place. */
function label(event, place) {
  const from = place.x.get(event.from), to = place.x.get(event.at), y = place.y(event.number);
  if (from === undefined || to === undefined || event.kind === "cut") {
    return place.notes ? "" : `<text class="label own" x="${to + 14}" y="${y + 4}">${place.narrow ? "" : GLYPH_WORDS[event.kind] ?? escaped(event.words)}</text>`;
  }
  const words = bare(event.message?.words ?? event.words);
  const text = place.narrow ? SHORT[event.message?.kind] ?? words : words;
  const left = to > from, tip = event.kind === "drop" ? between(from, to, place) : to;
  const room = left ? tip - 12 - place.sizes.margin : place.right - tip - 12;
  const most = Math.max(place.narrow ? 3 : 11, Math.floor(room / (place.sizes.font * 0.57)));
  return `<text class="label" x="${left ? tip - 8 : tip + 8}" y="${y + 13}" text-anchor="${left ? "end" : "start"}">${escaped(clipped(text, most))}</text>`;
}

function message(event, place) {
  const from = place.x.get(event.from), to = place.x.get(event.at), y2 = place.y(event.number);
  if (from === undefined || to === undefined) return "";
  const y1 = event.sent_at == null ? y2 - place.sizes.row * 0.55 : place.y(event.sent_at);
  const kind = event.by_byzantine ? "byzantine" : "honest";
  const late = event.sent_at != null && event.number - event.sent_at > 8 ? " late" : "";
  if (event.kind === "drop") {
    const x = between(from, to, place);
    return `<line class="arrow lost" x1="${from}" y1="${y1}" x2="${x}" y2="${y2}"/>${cross(x, y2)}`;
  }
  const back = to > from ? -3 : 3;
  const end = to + back;
  const tail = event.by_byzantine ? `<path class="tail" d="M${from} ${y1 - 5} l5 5 l-5 5 l-5 -5 z"/>` : `<circle class="tail honest" cx="${from}" cy="${y1}" r="2.5"/>`;
  return `<line class="hit" x1="${from}" y1="${y1}" x2="${end}" y2="${y2}"/><line class="arrow ${kind}${late}" x1="${from}" y1="${y1}" x2="${end}" y2="${y2}"/>${tail}${tip(from, y1, end, y2, kind)}`;
}

/** The flag of a decision, below the step that made it. */
function flags(event, place) {
  if (!decides(event)) return "";
  const at = place.x.get(event.at), y = place.y(event.number) + 12 + (moves(event) ? place.sizes.border : 0);
  return event.decides.map((one) => {
    const what = one.words ?? bare(one.batch);
    const words = place.narrow ? what : `decides ${what}`;
    const w = words.length * (place.narrow ? 5.6 : 6.5) + 28;
    return `<g class="decision"><title>${escaped(event.at)} decides ${escaped(what)}${one.slot == null ? "" : ` at #${one.slot} in v${one.view}`}</title>`
      + `<rect x="${at - w / 2}" y="${y + 5}" width="${w}" height="19" rx="9.5"/>`
      + `<path class="tick" d="M${at - w / 2 + 7} ${y + 14.5} l3 3.5 l5 -7"/>`
      + `<text x="${at + 7}" y="${y + 18.5}">${escaped(words)}</text></g>`;
  }).join("");
}

/** How an event stands to the place where one is, and to what is pointed at. */
function stance(one, view) {
  const time = one.number > view.at ? " future" : one.number === view.at ? " current" : "";
  return time + (view.votes ? (view.votes.has(one.number) ? " vote" : " dim") : "");
}

/** An event, as something that can be pointed at; its words stand in a layer of their own, above all arrows. */
function happening(one, place, view) {
  const y = place.y(one.number), x = place.x.get(one.at);
  const isMessage = one.kind === "message" || one.kind === "drop";
  const current = one.number === view.at;
  const words = `Step ${one.number}: ${sentence(one)}`;
  return `<g class="event ${one.kind}${stance(one, view)}" data-step="${one.number}" role="option" aria-selected="${current}" tabindex="${current ? 0 : -1}" aria-label="${escaped(words)}"><title>${escaped(words)}</title>`
    + `<rect class="row" x="0" y="${y - place.sizes.row / 2}" width="${place.width}" height="${place.sizes.row + below(one, place.sizes)}"/>`
    + `<text class="number" x="${place.narrow ? 2 : 6}" y="${y + 4}">${one.number}</text>`
    + `${isMessage ? message(one, place) : GLYPHS[one.kind]?.(x, y, place.x.get(one.from), place) ?? ""}${flags(one, place)}</g>`;
}

/** The words of an event: what it is and, where there is room, what came of it. */
function wording(one, place, view) {
  const y = place.y(one.number), came = (one.outcome ?? []).map(bare).join("; ");
  const isMessage = one.kind === "message" || one.kind === "drop";
  const what = one.kind === "drop" ? "does not get it" : isMessage ? came || "takes note" : [bare(one.words), came].filter(Boolean).join("; ");
  const note = place.notes ? `<text class="note" x="${place.right + 6}" y="${y + 4}">${escaped(clipped(one.kind === "cut" ? what : `${one.at} ${what}`, Math.floor(place.notes / 6.2)))}</text>` : "";
  return `<g class="words ${one.kind}${stance(one, view)}" data-words="${one.number}" aria-hidden="true">${label(one, place)}${note}</g>`;
}

const clipped = (text, most) => (text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text);

/** An event and what came of it, as a sentence. */
export function sentence(event) {
  const words = bare(event.message?.words ?? event.words);
  const what = event.kind === "drop" ? `${words} of ${event.from} to ${event.at} is lost`
    : event.kind === "message" ? `${event.from} → ${event.at}: ${words}` : event.kind === "cut" ? words : `${event.at}${event.kind === "outside" ? ":" : ""} ${words}`;
  const came = event.outcome?.length ? `. ${event.at} ${event.outcome.map(bare).join("; ")}` : "";
  return what + came;
}

/** What is on its way at the end of the run: a stub at its sender, one for each side, that says how many. What was lost has a step
 * of its own. */
function stubs(run, place, first, last) {
  const bundles = new Map();
  for (const one of run.undelivered ?? []) {
    if (one.lost || one.sent_at < first - 1 || one.sent_at > last) continue;
    const from = place.x.get(one.from), to = place.x.get(one.to);
    if (from === undefined || to === undefined) continue;
    const side = to > from ? 1 : -1;
    const key = `${one.from} ${one.sent_at} ${side}`;
    if (!bundles.has(key)) bundles.set(key, { from, side, y: place.y(one.sent_at ?? 0), all: [] });
    bundles.get(key).all.push(one);
  }
  return [...bundles.values()].map(({ from, side, y, all }) => {
    const x = from + side * Math.min(26, place.lane * 0.4), end = y + 9;
    const words = all.map((one) => `${bare(one.words)} to ${one.to}`).join(", ");
    const count = all.length > 1 ? `<text class="count" x="${x}" y="${end + 3.2}">${all.length}</text>` : "";
    return `<g class="stub"><title>Still on its way: ${escaped(words)}</title><line x1="${from}" y1="${y}" x2="${x}" y2="${end}"/><circle class="pending-mark" cx="${x}" cy="${end}" r="${all.length > 1 ? 6.5 : 4}"/>${count}</g>`;
  }).join("");
}

/** The border from which on the network is stable, and the part that goes on for ever. */
function lasso(run, place) {
  const one = run.lasso;
  if (!one) return ["", ""];
  const edge = (after) => place.y(after) + place.sizes.row / 2 + below(run.events[after - 1], place.sizes);
  const last = place.height - 2, top = edge(one.repeats_after);
  const band = one.is_loop ? `<rect class="loop" x="1" y="${top}" width="${place.width - 2}" height="${Math.max(4, last - top)}" rx="6"/>` : "";
  const rule = (y, words, kind, below) => `<g class="rule ${kind}"><line x1="0" y1="${y}" x2="${place.width}" y2="${y}"/><text x="${place.width - 6}" y="${below ? y + 12 : y - 4}">${escaped(words)}</text></g>`;
  const stable = edge(one.stable_after);
  return [band, rule(stable, "from here on the network is stable", "stable", false)
    + rule(top, one.is_loop ? "↻ from here on, for ever" : one.then, "repeats", true)];
}

/** The line that says where one stands. */
function now(place, view, run) {
  const y = place.y(view.at) + place.sizes.row / 2 + below(run.events[view.at - 1], place.sizes);
  return `<g class="now"><line x1="0" y1="${y}" x2="${place.width}" y2="${y}"/><path d="M0 ${y - 6} l8 6 l-8 6 z"/></g>`;
}

/** The longest run that is drawn whole, and how many steps of a longer one are drawn on either side of where one looks. */
const LONGEST = 240, AROUND = 80;

/** Which steps of a run are drawn where one looks at the step of that number: the first and the last. */
export const drawn = (run, centre) => (run.events.length <= LONGEST ? [1, run.events.length] : [Math.max(1, centre - AROUND), Math.min(run.events.length, centre + AROUND)]);

/** The number of the step that stands at a height. */
export function stepAt(run, width, height) {
  const { y } = layout(run, width);
  let low = 0, high = run.events.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (y(middle) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Says of the steps before or after those that are drawn that there are some. */
function beyond(from, to, run, place) {
  const x = place.x.get(run.lanes[0]?.id) ?? 0;
  const words = (number, what) => `<text class="note" x="${x}" y="${place.y(number) + 4}">… ${what}</text>`;
  return (from > 1 ? words(from - 1, `${from - 1} steps before`) : "") + (to < run.events.length ? words(to + 1, `${run.events.length - to} steps more`) : "");
}

/**
 * Draws a run; of a long one what is near `centre`.
 * @param run what /api/state answers: lanes, events, undelivered, lasso
 * @param view `width` in pixels; `at`: after which step one stands; `centre`: where one looks, if that is elsewhere; `isWhole`:
 *   all of a long run is drawn; `votes`: a set of steps, `lit` and `both`: sets of lanes
 *   that light up; `primary`: who leads
 * @returns `{head, body}`, both SVG
 */
export function diagram(run, view) {
  const place = layout(run, view.width);
  const [band, rules] = lasso(run, place);
  const [from, to] = view.isWhole ? [1, run.events.length] : drawn(run, view.centre ?? view.at);
  const near = run.events.slice(from - 1, to), [bars, borders] = views(run, place, from, to);
  const body = [
    band, bars, lines(run, place), stubs(run, place, from, to), beyond(from, to, run, place),
    ...near.map((one) => happening(one, place, view)), borders, ...near.map((one) => wording(one, place, view)), rules, now(place, view, run),
  ].join("");
  const lit = view.votes ? " pointed" : "";
  const words = `Space-time diagram of ${run.events.length} steps; time runs down`;
  return {
    head: heads(run, place, view),
    body: `<svg class="diagram${place.narrow ? " narrow" : ""}${lit}" xmlns="http://www.w3.org/2000/svg" width="${place.width}" height="${place.height}" viewBox="0 0 ${place.width} ${place.height}" role="listbox" aria-label="${words}">${body}</svg>`,
  };
}
