// A run that goes on for ever, as a ring: the steps that lead there, and those that come again and again.

import { escaped } from "./dom.js";
import { write } from "./address.js";

/** The ring of a run with a lasso; where nothing more happens, a line that ends at a wall. */
export function ring(query, steps, at, lasso, events) {
  const { repeats_after: turn, stable_after: stable, is_loop: loops } = lasso;
  const stem = steps.slice(0, turn), round = steps.slice(turn);
  const gap = Math.max(9, Math.min(20, 220 / Math.max(1, stem.length)));
  const radius = Math.max(34, Math.min(62, (round.length * 15) / (2 * Math.PI)));
  const middle = loops ? radius + 26 : 40;
  const start = 14, end = start + stem.length * gap, centre = end + (loops ? radius : 0);
  const place = (step) => {
    if (step <= turn) return [start + step * gap, middle];
    const angle = Math.PI + (2 * Math.PI * (step - turn)) / round.length;
    return [centre + radius * Math.cos(angle), middle + radius * Math.sin(angle)];
  };
  const words = (step) => (step ? `after step ${step}: ${events[step - 1]?.words ?? steps[step - 1]}` : "the start");
  const dots = [];
  // After the last step of a loop one stands where it began.
  const last = loops ? steps.length - 1 : steps.length;
  for (let step = 0; step <= last; step += 1) {
    const [x, y] = place(step);
    const here = step === at || (loops && at === steps.length && step === turn);
    const kind = step >= stable ? "stable" : "before";
    dots.push(`<a href="${escaped(write({ query, steps, at: step }))}" aria-label="${escaped(words(step))}"${here ? ' aria-current="step"' : ""} tabindex="${here ? 0 : -1}"><title>${escaped(words(step))}</title><circle class="target" cx="${x}" cy="${y}" r="9"/><circle class="${here ? "here" : kind}" cx="${x}" cy="${y}" r="${here ? 6 : 4}"/></a>`);
  }
  const [stableX] = place(Math.min(stable, turn));
  const border = `<g class="stable-border"><line x1="${stableX - gap / 2}" y1="${middle - 18}" x2="${stableX - gap / 2}" y2="${middle + 18}"/><text x="${stableX - gap / 2}" y="${middle + 30}" text-anchor="${stableX > 90 ? "end" : "start"}">network stable →</text></g>`;
  const shape = loops
    ? `<circle class="round" cx="${centre}" cy="${middle}" r="${radius}"/><text class="inside" x="${centre}" y="${middle - 3}">for</text><text class="inside" x="${centre}" y="${middle + 11}">ever ↻</text>`
    : `<path class="wall" d="M${end + 16} ${middle - 16} v32 M${end + 20} ${middle - 16} v32"/>`;
  const width = Math.max(loops ? centre + radius + 16 : end + 34, 150), height = loops ? middle * 2 : 84;
  return `<svg class="ring" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${loops ? "A run that goes round for ever" : "A run in which nothing more happens"}"><path class="stem" d="M${start} ${middle} H${end}"/>${shape}${border}${dots.join("")}</svg>`;
}
