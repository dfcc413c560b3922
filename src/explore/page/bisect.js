// Until which step of a run something was still possible. What can follow a state can follow every state before it: so the states
// from which it is possible are the first of the run, and halving finds the last of them with few searches.

/** The state to ask of next: in the middle of those of which nothing is known; after one whose search did not end, nearer to
 * the end of the run, where less can follow, and then nearer to its start. `null` where there is none. */
function next(yes, no, open) {
  const all = Array.from({ length: no - yes - 1 }, (_, place) => yes + 1 + place);
  const above = all.filter((at) => open.every((one) => at > one)), below = all.filter((at) => open.every((one) => at < one));
  const left = above.length ? above : below;
  return left.length ? left[(left.length - 1) >> 1] : null;
}

/**
 * Looks for the last state of a run from which it was possible; from its end it no longer is.
 * @param length how many steps the run has
 * @param ask says of the state after so many steps what the referee says, within so many seconds
 * @param isOver whether somebody has ended it
 * @param seconds what all of it may take
 * @returns `{yes, no, steps, why}`: after how many steps it is known to be possible still, -1 of none, and in how many more; after
 *   how many it is known not to be any more; why nothing is known of those between, if there are any
 */
export async function lastChance({ length, ask, isOver, seconds }) {
  const until = performance.now() + seconds * 1000, open = [];
  let yes = -1, no = length, steps = null;
  for (;;) {
    const at = next(yes, no, open), left = (until - performance.now()) / 1000;
    if (at === null) return { yes, no, steps, why: yes + 1 === no ? null : "open" };
    if (left <= 0) return { yes, no, steps, why: "late" };
    const said = await ask(at, left, { yes, no });
    if (isOver()) return { yes, no, steps, why: "cancelled" };
    if (said.answer === "yes" || said.answer === "already") [yes, steps] = [at, said.steps];
    else if (said.answer === "no") no = at;
    else open.push(at);
  }
}
