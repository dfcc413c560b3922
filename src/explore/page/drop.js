// Trace files: the program reads no body, so what a file says becomes an address here, and the server replays that.

import { slug, write } from "./address.js";
import * as own from "./own.js";

const SIZES = ["replicas", "faults", "views", "slots", "requests", "checkpoint", "window", "crashes", "reads"];

/** Why a file is not opened. */
export class NoTrace extends Error {}

/** The address of the run in a trace file, of either form that can be read. */
export function addressOf(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new NoTrace(`This is no JSON: ${error.message}. A trace that can be read is one that bft check --trace FILE.json or FILE.itf.json wrote.`);
  }
  const meta = file?.["#meta"] ?? file;
  const story = meta?.story ?? meta;
  if (typeof story?.protocol === "string" && Array.isArray(story.steps)) {
    const address = own.addressOf(story);
    if (!address) throw new NoTrace("Steps of it read alike. Open it with explore --trace FILE.");
    return address;
  }
  if (typeof meta?.rules !== "string" || typeof meta.bound !== "object") {
    throw new NoTrace("This is JSON, but no trace: it names neither a rulebook nor a bound.");
  }
  if (meta.version !== 1) throw new NoTrace(`The trace is of version ${meta.version} of its form, and this page reads version 1.`);
  const steps = file["#meta"] ? (file.states ?? []).slice(1) : file.steps;
  if (!Array.isArray(steps)) throw new NoTrace("The trace has no steps.");
  if (meta.bound.load) throw new NoTrace("This is a simulated run. Open it with bft explore --trace FILE: its system does not fit into an address.");
  return write({ query: bound(meta), steps: steps.map(name) });
}

/** The bound as the address tells it. */
function bound(meta) {
  const { bound: sizes } = meta;
  const parts = [`rules=${encodeURIComponent(meta.rules)}`];
  for (const key of SIZES) if (sizes[key] != null) parts.push(`${key}=${sizes[key]}`);
  for (const key of ["clients", "lossy"]) if (sizes[key]) parts.push(`${key}=1`);
  if (sizes.store && sizes.store !== "keeps") parts.push("lossy_store=1");
  if (meta.open) parts.push("open=1");
  const byzantine = (sizes.byzantine ?? []).map((id) => `r${id}`).join(",");
  parts.push(`byzantine=${byzantine || "none"}`);
  if (meta.lasso) parts.push(`stable=${meta.lasso.stable_after}`, `repeats=${meta.lasso.repeats_after}`);
  if (meta.violates) parts.push(`property=${meta.violates}`);
  return parts.join("&");
}

function name(step, place) {
  if (typeof step?.to !== "string" || typeof step.event !== "string") throw new NoTrace(`Step ${place + 1} of the trace says neither to whom nor what.`);
  return step.from ? `${step.from}-${step.to}-${slug(step.event)}` : `${step.to}-${slug(step.event)}`;
}

/** Takes files that are dropped anywhere on the page, or chosen. */
export function listen(target, opened, refused) {
  let inside = 0;
  const show = (on) => target.classList.toggle("dropping", on);
  target.addEventListener("dragenter", (event) => { event.preventDefault(); inside += 1; show(true); });
  target.addEventListener("dragover", (event) => event.preventDefault());
  target.addEventListener("dragleave", () => { inside -= 1; if (inside <= 0) show(false); });
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    show(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file, opened, refused);
  });
}

/** Reads a file and hands over its address. */
export async function take(file, opened, refused) {
  try {
    if (file.size > 20e6) throw new NoTrace("The file has more than 20 MB: that is no trace that a page can show.");
    opened(addressOf(await file.text()), file.name);
  } catch (error) {
    refused(`${file.name}: ${error.message}`);
  }
}
