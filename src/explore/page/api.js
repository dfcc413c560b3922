// What the server is asked. Answers to the same question are kept: nothing that it says of a state ever changes.

const kept = new Map();

/** What the server said, if it refused. */
export class Refused extends Error {}

async function ask(path) {
  let response;
  try {
    response = await fetch(path);
  } catch {
    throw new Refused("The program that serves this page does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  if (!response.ok || answer.error) throw new Refused(answer.error ?? `${response.status} ${response.statusText}`);
  return answer;
}

function once(path) {
  if (!kept.has(path)) {
    if (kept.size > 400) kept.delete(kept.keys().next().value);
    const answer = ask(path);
    kept.set(path, answer);
    answer.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

const steps = (list) => (list.length ? `&steps=${list.join("~")}` : "");

export const gallery = () => once("/api/gallery");
export const started = () => ask("/api/trace");
export const session = (query) => ask(`/api/session?${query}`);
export const story = (query, cancels = false) => ask(`/api/story?${query}${cancels ? "&cancel=1" : ""}`);
export const state = (query, list) => once(`/api/state?${query}${steps(list)}`);
/** The same without what has happened, for who has it of the whole run. */
export const part = (query, list) => once(`/api/state?${query}&events=0${steps(list)}`);
export const explain = (query, list, property) => once(`/api/explain?${query}${steps(list)}&property=${property}`);
/** `name` is one's own for this search: `search` tells how far it is, and ends it if it is to be cancelled. */
export const referee = (query, list, property, seconds, name) => ask(`/api/referee?${query}${steps(list)}&property=${property}&seconds=${seconds}&search=${name}`);
export const search = (name, cancels = false) => ask(`/api/search?search=${name}${cancels ? "&cancel=1" : ""}`);
export const letRun = (query, list, how = {}) => ask(`/api/run?${query}${steps(list)}${Object.entries(how).map(([k, v]) => `&${k}=${v}`).join("")}`);
/** A part of a trace, which the program reads when it has all of them. */
export const hand = (name, part, of, text) => ask(`/api/hand?trace=${name}&part=${part}&of=${of}&text=${encodeURIComponent(text)}`);
export const exported = (query, list) => `/api/export?${query}${steps(list)}`;
export const stateright = (query, list) => ask(`/api/stateright?${query}${steps(list)}`);
