// Trace files: the program reads no body, so what a file says becomes an address here, and the server replays that. What does
// not fit into one is handed in part by part, each in an address.

import { slug, write } from "./address.js";
import * as api from "./api.js";
import * as own from "./own.js";

const SIZES = ["replicas", "faults", "views", "slots", "requests", "checkpoint", "window", "crashes", "reads"];

/** Why a file is not opened. */
export class NoTrace extends Error {}

/** How many characters of a trace are handed in at once: an address has 256 KB, and a character takes nine of them at most. */
const PART = 20000;

/** The address of the run in a trace file, of either form that can be read. */
async function addressOf(text) {
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
  if (meta.bound.load) return handIn(essence(file));
  return write({ query: bound(meta), steps: steps.map(name) });
}

/** What of a trace is read; the rest is for people. */
function essence(file) {
  const pick = (from, names) => Object.fromEntries(names.filter((name) => from?.[name] != null).map((name) => [name, from[name]]));
  if (!file["#meta"]) return { ...pick(file, ["version", "rules", "bound", "open", "violates", "lasso"]), steps: file.steps.map((step) => pick(step, ["from", "to", "event", "message"])) };
  return { ...pick(file, ["#meta", "loop"]), states: file.states.map((state) => pick(state, ["mbt::actionTaken", "from", "to", "event", "message"])) };
}

/** Hands in a trace under the name that its content gives it, and says at which address it stands. */
async function handIn(file) {
  const text = JSON.stringify(file);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const name = [...digest.slice(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const parts = Array.from({ length: Math.ceil(text.length / PART) }, (_, place) => text.slice(place * PART, (place + 1) * PART));
  let answer;
  for (const [place, part] of parts.entries()) answer = await api.hand(name, place, parts.length, part);
  return write(answer.trace);
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
    opened(await addressOf(await file.text()), file.name);
  } catch (error) {
    refused(`${file.name}: ${error.message}`);
  }
}
