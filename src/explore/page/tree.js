// The runs that were tried of one system, as a tree: each run a line, each step a dot, forks below.

import { escaped } from "./dom.js";

const KEY = "bft-runs";
const MOST = 24;

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const isPrefix = (a, b) => a.length <= b.length && a.every((step, place) => step === b[place]);

/** Keeps a run; one that only goes on takes the place of what it goes on from. */
export function keep(query, steps) {
  const all = stored();
  const runs = all[query] ?? [];
  if (steps.length && !runs.some((run) => isPrefix(steps, run))) {
    const place = runs.findIndex((run) => isPrefix(run, steps));
    if (place < 0) runs.push(steps);
    else runs[place] = steps;
  }
  all[query] = runs.slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // What cannot be kept is not shown: everything else works.
  }
  return all[query];
}

/** The run that stands so many lines below the one where one is. */
export function neighbour(query, steps, by) {
  const runs = stored()[query] ?? [];
  const here = runs.findIndex((run) => isPrefix(steps, run));
  return here < 0 ? null : runs[here + by] ?? null;
}

/** How many steps two runs have in common. */
function common(a, b) {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** The most dots of a run: of a longer one not every state has one. */
const DOTS = 120;

/** The tree as SVG: `here` is the run and the place in it where one stands. Whoever shows it goes where a dot says, `data-run` and
 * `data-at`: the addresses of all states of a long run would be longer than everything else. */
export function tree(runs, here) {
  if (!runs.length) return null;
  const most = Math.max(...runs.map((run) => run.length), 1);
  const apart = Math.ceil(most / DOTS), way = here.steps.slice(0, here.at);
  const gap = Math.max(7 / apart, Math.min(22, 460 / most)), row = 20, left = 14;
  const x = (step) => left + step * gap, y = (place) => 14 + place * row;
  const parts = [];
  runs.forEach((run, place) => {
    // Where it parts from the run above that it shares most with.
    let parent = -1, from = 0;
    for (let other = 0; other < place; other += 1) {
      const shared = common(runs[other], run);
      if (parent < 0 || shared > from) [parent, from] = [other, shared];
    }
    parts.push(`<path class="branch" d="${parent < 0 ? `M${x(0)} ${y(place)}` : `M${x(from)} ${y(parent)} C${x(from)} ${y(place)} ${x(from)} ${y(place)} ${x(from + 1)} ${y(place)}`} L${x(run.length)} ${y(place)}"/>`);
    const isOn = common(run, way) === here.at;
    for (let step = parent < 0 ? 0 : from + 1; step <= run.length; step += 1) {
      const at = isOn && step === here.at;
      if (step % apart && !at && step !== run.length) continue;
      const name = step ? `after step ${step}: ${run[step - 1]}` : "the start";
      parts.push(`<a href="#" data-run="${place}" data-at="${step}" aria-label="Run ${place + 1}, ${escaped(name)}"${at ? ' aria-current="step"' : ""} tabindex="${at || step === run.length ? 0 : -1}"><title>${escaped(name)}</title><rect class="target" x="${x(step) - (gap * apart) / 2}" y="${y(place) - row / 2}" width="${gap * apart}" height="${row}"/><circle class="${at ? "here" : step === run.length ? "end" : "dot"}" cx="${x(step)}" cy="${y(place)}" r="${at ? 6 : step === run.length ? 4.5 : 3}"/></a>`);
    }
  });
  const width = x(most) + 14, height = y(runs.length - 1) + 14;
  return `<svg class="tree" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${runs.length} runs tried">${parts.join("")}</svg>`;
}
