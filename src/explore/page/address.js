// Addresses: every state of every run has one, behind the # of the page's own, which works on any machine.

/** What the page's address says: which page, which bound, which steps, and after how many of them one stands. */
export function read(hash) {
  // `#rules=…` alone, as the program prints it, is a run too.
  const [path, rest = ""] = hash.startsWith("#") && !hash.startsWith("#/") && hash.length > 1 ? ["run", hash.slice(1)] : hash.replace(/^#\/?/, "").split("?");
  const bound = [];
  let steps = [], at = null, tour = null;
  for (const pair of rest.split("&").filter(Boolean)) {
    const [key, value = ""] = pair.split("=");
    if (key === "steps") steps = decoded(value).split("~").filter(Boolean);
    else if (key === "at") at = Number.parseInt(value, 10);
    else if (key === "tour") tour = Number.parseInt(value, 10);
    else bound.push(pair);
  }
  at = Number.isInteger(at) ? Math.max(0, Math.min(at, steps.length)) : steps.length;
  return { path: path || "start", query: bound.join("&"), steps, at, tour };
}

// Who copies an address out of some programs gets a ~ or a * as a number.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a state. */
export function write({ query, steps = [], at = steps.length, tour = null }) {
  const parts = [query];
  if (tour) parts.push(`tour=${tour}`);
  if (steps.length) parts.push(`steps=${steps.join("~")}`);
  if (at < steps.length) parts.push(`at=${at}`);
  return `#/run?${parts.filter(Boolean).join("&")}`;
}

/** How words stand in an address. */
export const slug = (words) => words.toLowerCase().replace(/[^a-z0-9.]+/g, "_").replace(/^_+|_+$/g, "");
